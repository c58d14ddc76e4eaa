"""Make what the playground runs its networks with: `python -m website.onnx_export`.

It writes `website/assets/onnx`, which is committed, because the exporter needs PyTorch and the
runtime comes from npm, while the book is built without either. Run it when the weights change, in
an environment of its own: pip install -r requirements.txt onnx onnxscript torch. It calls npm
too. tests/website/test_playground_ahead.py compares the outcome with Keras.
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
import numpy as np
import onnx  # type: ignore[import-not-found]
from onnx import helper, numpy_helper

from mmnist_lib.prediction import load_model
from website.playground import NETWORKS, ONNX, shortened

RUNTIME = "onnxruntime-web@1.30.0"


def main() -> None:
    """Write the networks and the runtime."""
    ONNX.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network in NETWORKS:
            pack(export(network, folder).SerializeToString(), ONNX / f"{network}.onnx.gz")
        subprocess.run(
            ["npm", "install", "--silent", "--no-fund", "--no-audit", RUNTIME],
            cwd=folder,
            check=True,
        )
        dist = folder / "node_modules" / "onnxruntime-web" / "dist"
        shutil.copy(dist / "ort.wasm.bundle.min.mjs", ONNX)
        wasm = "ort-wasm-simd-threaded.wasm"
        pack((dist / wasm).read_bytes(), ONNX / f"{wasm}.gz")
    for file in sorted(ONNX.iterdir()):
        print(f"{file.stat().st_size:>9,} {file.name}")


def export(name: str, folder: Path) -> onnx.ModelProto:
    """Export a network that takes a sequence's frames, and returns the next ones at once.

    Of the ConvLSTM it is one step in time: frame, state and memory in, the next three out.
    """
    model = load_model(name)
    for layer in model.layers:
        if isinstance(layer, keras.layers.RNN):
            model = layer.cell.network
    shapes = [(1, *given.shape[1:]) for given in model.inputs]
    specs = [keras.InputSpec(shape=shape, dtype="float32") for shape in shapes]
    path = folder / f"{name}.onnx"
    signature = specs if len(specs) == 1 else [specs]  # Keras passes these on as arguments
    model.export(path, format="onnx", input_signature=signature, verbose=False)
    made = onnx.load(path)
    halve(made)
    onnx.checker.check_model(made)
    return made


def halve(made: onnx.ModelProto) -> None:
    """Store the library's weights shortened, in half precision, with a cast to single after each.

    The runtime casts them once, when it loads the network, and computes in single precision.
    """
    graph, casts = made.graph, []
    for tensor in graph.initializer:
        single = numpy_helper.to_array(tensor)
        half = single.astype(np.float16)
        if tensor.data_type == onnx.TensorProto.FLOAT and (half == single).all():
            casts.append(
                helper.make_node(
                    "Cast", [f"{tensor.name}.half"], [tensor.name], to=onnx.TensorProto.FLOAT
                )
            )
            tensor.CopyFrom(numpy_helper.from_array(shortened(half), f"{tensor.name}.half"))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def pack(content: bytes, path: Path) -> None:
    """Compress without the time of day, so that the same content gives the same file."""
    path.write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
