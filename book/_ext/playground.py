"""What the playground needs: its digits as one picture, a script and a style of its own."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from numpy.typing import NDArray
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mmnist_lib import load_mnist

EXAMPLES = 20  # of each class; playground.js counts on it
SHEET = "playground.png"
PLACE = """<div id="clip-maker" data-sheet="../_static/{sheet}?v={version}" data-sum="{sum}">
<p>On the site, a clip of moving digits is made here. {missing}</p>
</div>"""
MISSING = """That needs scripts, and they did not run. Allow them, and open the page from a server:
a copy on your own disk needs <code>make serve</code>."""


class Playground(SphinxDirective):
    """``{playground}``: where the script puts the controls, and what is said without it."""

    def run(self) -> list[nodes.Node]:
        """Tell the script where its digits are, and a sum to compare them with.

        Some browsers change pixels that a page reads, against spying. The sum shows it.
        """
        png = png_of(sheet())
        version = hashlib.sha256(png).hexdigest()[:8]
        total = weighted_sum(sheet())
        page = PLACE.format(sheet=SHEET, version=version, sum=total, missing=MISSING)
        return [nodes.raw("", page, format="html")]


def sheet() -> NDArray[np.uint8]:
    """Lay the first test digits of the sample side by side: a row of 20 for each class."""
    _, (images, labels) = load_mnist("sample")
    rows = [np.hstack(list(images[labels == label][:EXAMPLES])) for label in range(10)]
    return np.vstack(rows)


def weighted_sum(pixels: NDArray[np.uint8]) -> int:
    """Sum all pixels, so that two of them changed in turn show too."""
    flat = pixels.ravel().astype(np.int64)
    return int((flat * (np.arange(flat.size) % 251 + 1)).sum())


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Store pixels as they are: Pillow adds no gamma and no colour profile of its own accord."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def add_own_files(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load script and style on the page that has the playground, and on no other."""
    if 'id="clip-maker"' not in context.get("body", ""):
        return
    if app.builder.name != "html":  # the long page that becomes the PDF: on paper nothing moves
        context["body"] = context["body"].replace(MISSING, "")
    else:
        app.add_js_file("playground.js", type="module")
        own: dict[str, Any] = {"data-own": "yes"}  # for publish.py
        app.add_css_file("playground.css", **own)


def write_sheet(app: Sphinx, error: Exception | None) -> None:
    """Put the digits beside the script."""
    if not error and app.builder.name == "html":
        (Path(app.outdir) / "_static" / SHEET).write_bytes(png_of(sheet()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it with Sphinx."""
    app.add_directive("playground", Playground)
    app.connect("html-page-context", add_own_files)
    app.connect("build-finished", write_sheet)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
