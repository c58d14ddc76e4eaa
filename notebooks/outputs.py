"""Run the notebooks and store what they show: ``make outputs`` (CHAPTERS=03-trajectories).

We run the chapters, and the masters of the exercises, which bear the chapters' names. Each
notebook is executed from its first cell in a fresh kernel and then normalized, so that the same
chapter gives the same bytes on every machine: no version, time or random name is kept. Some cells
of chapter 1 show the full MNIST and are not compared, so they keep their outputs unless
MMNIST_DATA names it. A chapter that fails is left as it was.

We also copy the repository's address from ``_config.yml`` into the chapters' first cells,
README.md and CITATION.cff, and draw the moving picture with which README and the site's first page
open, and the site's preview, anew.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import numpy as np
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from mmnist_lib import MovingMNIST, Player, animate, load_mnist, show_strip
from mmnist_lib._atomic import new_files
from notebooks.address import CONFIG, ROOT, stamp
from notebooks.text import first_code

OPENING, ZOOM = ROOT / "book" / "images" / "moving-mnist.gif", 4
FOLDERS = ("book", "teaching/masters")
NOTEBOOKS = [path for folder in FOLDERS for path in sorted(ROOT.glob(f"{folder}/*.ipynb"))]


def run(path: Path, notebook: Any = None) -> None:
    """Execute and normalize the stored notebook, or another, and store it if all its cells ran."""
    notebook = notebook or nbformat.read(path, as_version=4)
    first = first_code(notebook)
    first.source = stamp(first.source)
    uncompared = [
        cell
        for cell in notebook.cells
        if path.stem == "01-loading" and cell.source.startswith("# NBVAL_IGNORE_OUTPUT")
    ]
    stored = [cell.outputs for cell in uncompared]
    client = NotebookClient(
        notebook,
        timeout=600,
        store_widget_state=True,
        resources={"metadata": {"path": path.parent}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # it warns of eavesdroppers each time
    )
    client.execute()
    if uncompared and "MMNIST_DATA" not in os.environ:
        print("  the uncompared cells keep their outputs, since MMNIST_DATA names no full MNIST")
        for cell, outputs in zip(uncompared, stored, strict=True):
            cell.outputs = outputs
    normalize(notebook, path.stem)
    notebook = name_widgets(notebook)
    nbformat.validate(notebook)
    write(path, json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with new_files(path, force=True) as (file,):
        file.write(text.encode())


def normalize(notebook: Any, stem: str) -> None:
    """Keep the kernel's name, the widgets' state and what the authors wrote; drop the rest."""
    models = widget_models(notebook)
    for model in models.values():  # nulls are the widgets' own defaults, and half of the bytes
        model["state"] = {key: value for key, value in model["state"].items() if value is not None}
    widgets = notebook.metadata.get("widgets")
    notebook.metadata.clear()
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["kernelspec"] = kernel
    notebook.metadata["language_info"] = {"name": "python"}
    if models:
        notebook.metadata["widgets"] = widgets
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"{stem}-{number:02d}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = fewer_colors(output.data["image/png"])


def joined(outputs: list[Any]) -> list[Any]:
    """Join what a cell printed, which may arrive in one piece or in several."""
    whole: list[Any] = []
    for output in outputs:
        stream = output.output_type == "stream"
        if stream and whole and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    for output in whole:
        if output.output_type == "stream":
            output.text = as_on_a_terminal(output.text)
    return whole


def as_on_a_terminal(text: str) -> str:
    """Keep of a progress bar what it shows at last, without colors and times."""
    text = re.sub(r"\x1b\[[0-9;]*m|\x08", "", text)
    text = re.sub(r"^.*\r(?=.)", "", text, flags=re.M)
    return re.sub(r" \d+m?s \d+m?s/step(?: -)?", "", text)


def fewer_colors(png: str) -> str:
    """Reduce a picture to a palette of 256 colors: a third of the bytes, and no one sees it.

    Half of all levels, and fewer along the edge of a line, are mostly enough to come down to that.
    """
    with Image.open(io.BytesIO(base64.b64decode(png))) as image:
        pixels = np.array(image.convert("RGBA"))
    opaque = pixels[..., 3] == 255
    pixels[opaque, :3] = levels(pixels[opaque, :3], 128)
    pixels[~opaque] = levels(pixels[~opaque], 16)
    pixels[pixels[..., 3] == 0] = 0
    colors, numbers = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colors) > 256:
        few = Image.fromarray(pixels).quantize(256, Image.Quantize.FASTOCTREE)
        opacity = {}
    else:
        few = Image.fromarray(numbers.reshape(opaque.shape).astype(np.uint8), "P")
        few.putpalette(colors[:, :3].tobytes())
        opacity = {"transparency": colors[:, 3].tobytes()}
    buffer = io.BytesIO()
    few.save(buffer, "PNG", optimize=True, **opacity)
    return base64.b64encode(buffer.getvalue()).decode() + "\n"


def levels(values: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    """Round to n values from 0 to 255."""
    step = 255 / (n - 1)
    return (np.rint(values / step) * step).round().astype(np.uint8)


def widget_models(notebook: Any) -> dict[str, Any]:
    """Return the state of the widgets, by name, in the order of their making."""
    widgets = notebook.metadata.get("widgets", {})
    return widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})


def name_widgets(notebook: Any) -> Any:
    """Replace the widgets' random names by ones that tell the order of their making."""
    text = json.dumps(notebook)
    for number, name in enumerate(widget_models(notebook)):
        text = text.replace(name, hashlib.sha256(f"widget {number}".encode()).hexdigest()[:32])
    return json.loads(text)


def main(names: list[str]) -> None:
    """Run the named notebooks, or all of them, then renew README.md."""
    for path in NOTEBOOKS:
        if names and path.stem not in names:
            continue
        print(path.relative_to(ROOT), flush=True)
        try:
            run(path)
        except CellExecutionError as error:
            raise SystemExit(f"{path.name} is left as it was: a cell failed\n{error}") from None
    for path in (ROOT / "README.md", ROOT / "CITATION.cff"):
        write(path, stamp(path.read_text(encoding="utf-8")))
    opening = play(truth_and_prediction())
    opening.save(OPENING, scale=ZOOM)
    save_preview(ROOT / "website" / "assets" / "preview.png")


def truth_and_prediction() -> NDArray[np.uint8]:
    """Make a sequence, and what the U-Net, which sees its first half, makes of the second."""
    from mmnist_lib.prediction import load_model

    true = sequences()[7:]
    later = load_model("unet").predict(true[:, :10] / np.float32(255), verbose=0)
    later = np.rint(255 * later).astype(np.uint8)
    return np.concatenate([true, np.concatenate([true[:, :10], later], axis=1)])


def stored_opening() -> NDArray[np.uint8]:
    """Read the same two from README's moving picture, for the site's first page."""
    with Image.open(OPENING) as picture:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(picture)]
    small = np.stack(frames)[:, ::ZOOM, ::ZOOM]
    return np.stack([small[..., :64], small[..., -64:]])


def play(both: NDArray[np.uint8]) -> Player:
    """Play the two side by side."""
    alt = "A handwritten 0 and 8 that drift and bounce in a black square."
    labels = [f"frame {t}, {'given' if t < 10 else 'predicted'}" for t in range(20)]
    titles = ["truth", "prediction"]
    return animate(both, alt, titles=titles, labels=labels, fps=5, autoplay=True)


def sequences() -> Any:
    """Make eight sequences of the library's own digits."""
    _, (images, labels) = load_mnist("sample")
    return MovingMNIST(images, labels, seed=5).batch(0, 8)


def save_preview(path: Path) -> None:
    """Draw what a link to the site shows elsewhere: the title, and two strips of frames."""
    figure, axes = plt.subplots(2, figsize=(12, 6.3), facecolor="black")
    figure.subplots_adjust(left=0.03, right=0.97, top=0.78, bottom=0.02, hspace=0)
    for ax, clip in zip(axes, sequences(), strict=False):
        show_strip(clip[:14], every=2, ax=ax)
        for number in ax.texts:
            number.set_visible(False)
        ax.patch.set_visible(False)
    figure.text(0.03, 0.87, CONFIG["title"], color="white", fontsize=48)
    figure.savefig(path, dpi=100, facecolor="#1d2733")
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
