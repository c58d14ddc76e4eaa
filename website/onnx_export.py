"""Make what the playground runs the trained model with: `python -m website.onnx_export`.

It writes `website/assets/onnx`, which is committed, since the exporter needs PyTorch and the
runtime comes from npm, and neither is needed to build the book. Run it when the weights change,
in an environment of its own: pip install -r requirements.txt onnx onnxscript torch. It calls npm
too.
tests/website/test_playground_ahead.py compares the outcome with Keras.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"  # Keras hands the export to PyTorch

import keras
import onnx  # type: ignore[import-not-found]
from onnx import helper, numpy_helper

from mmnist_lib.prediction import load_model

MODEL = "sprites"
RUNTIME = "onnxruntime-web@1.30.0"
OUT = Path(__file__).parent / "assets" / "onnx"


def main() -> None:
    """Write the model and the runtime."""
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pack(export(folder).SerializeToString(), OUT / f"{MODEL}.onnx.gz")
        subprocess.run(
            ["npm", "install", "--silent", "--no-fund", "--no-audit", RUNTIME],
            cwd=folder,
            check=True,
        )
        dist = folder / "node_modules" / "onnxruntime-web" / "dist"
        shutil.copy(dist / "ort.wasm.bundle.min.mjs", OUT)
        wasm = "ort-wasm-simd-threaded.wasm"
        pack((dist / wasm).read_bytes(), OUT / f"{wasm}.gz")
    for file in sorted(OUT.iterdir()):
        print(f"{file.stat().st_size:>9,} {file.name}")


def export(folder: Path) -> onnx.ModelProto:
    """Export the model for one sequence, with the predicted frames as its only output."""
    model = load_model(MODEL)
    spec = keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32")
    path = folder / "model.onnx"
    model.export(path, format="onnx", input_signature=[spec], verbose=False)
    made = onnx.load(path)
    frames = (1, model.n_out, model.size, model.size)
    kept = [out for out in made.graph.output if shape_of(out) == frames]
    assert len(kept) == 1, made.graph.output
    del made.graph.output[:]
    made.graph.output.extend(kept)
    share_tables(made)
    onnx.checker.check_model(made)
    return made


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Return the shape of an input or output."""
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)


def share_tables(made: onnx.ModelProto) -> None:
    """Store the tables of possible paths once.

    The exporter writes them each time that the model looks at them, and turned round as well:
    87 MB in place of 35.
    """
    graph = made.graph
    first: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    other: dict[str, str] = {}
    kept, turned = [], []
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        key = tensor.data_type, array.shape, array.tobytes()
        back = tensor.data_type, array.T.shape, array.T.tobytes()
        if key in first:
            other[tensor.name] = first[key]
            continue
        if array.ndim == 2 and array.size > 10_000 and back in first:
            node = helper.make_node("Transpose", [first[back]], [tensor.name], perm=[1, 0])
            turned.append(node)
        else:
            kept.append(tensor)
        first[key] = tensor.name
    for node in graph.node:
        node.input[:] = [other.get(name, name) for name in node.input]
    nodes = [*turned, *graph.node]
    del graph.initializer[:], graph.node[:], graph.value_info[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def pack(content: bytes, path: Path) -> None:
    """Compress without the time of day, so that the same content gives the same file."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
