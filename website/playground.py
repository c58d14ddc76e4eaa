"""What the playground needs: its digits as one picture, a script and a style of its own."""

from __future__ import annotations

import hashlib
import html
import io
import re
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from docutils import nodes
from numpy.typing import NDArray
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mmnist_lib import load_mnist

EXAMPLES = 20  # of each class; clip.js reads no higher number than 19
RULES = ("clamp", "reflect")
SHEET = "playground.png"
TEMPLATE = Path(__file__).with_suffix(".html.j2")
ONNX = Path(__file__).parent / "assets" / "onnx"
# The networks that predict beside the exact predictor: what `load_model` calls each, and the page.
NETWORKS = {"unet": "U-Net", "convlstm": "ConvLSTM"}
MODELS = {name: ONNX / f"{name}.onnx.gz" for name in NETWORKS}
# What is loaded when a reader asks for a prediction.
LOADED = [ONNX / "ort-wasm-simd-threaded.wasm.gz", *MODELS.values()]
MISSING = """If it does not appear within a few seconds, a script was blocked: allow scripts, load
the page again, and open it from a server. A copy on your own disk needs <code>make serve</code>."""


class Playground(SphinxDirective):
    """``{playground}``: where the script puts the controls, and what is said without it."""

    def run(self) -> list[nodes.Node]:
        """Tell the script where its digits are, and a sum to compare them with.

        Some browsers change pixels that a page reads, against spying. The sum shows it.
        """
        pixels = sheet()
        total = weighted_sum(pixels)
        for path in (TEMPLATE, *LOADED):
            self.env.note_dependency(str(path))
        loads = sum(path.stat().st_size for path in LOADED)
        template = jinja2.Template(TEMPLATE.read_text(encoding="utf-8"))
        page = template.render(
            version=version_of(png_of(pixels)),
            sum=total,
            missing=MISSING,
            rules=RULES,
            examples=EXAMPLES,
            networks=[
                {
                    "kind": kind,
                    "name": name,
                    "file": f"{MODELS[kind].name}?v={version_of(MODELS[kind].read_bytes())}",
                }
                for kind, name in NETWORKS.items()
            ],
            bytes=loads,
            megabytes=f"{loads / 1e6:.1f}",
        )
        return [nodes.raw("", page, format="html")]


def shortened(weights: NDArray[Any]) -> NDArray[np.float16]:
    """Round weights to half precision with 6 bits after the leading one, instead of its 10.

    Compressed, they take a fifth less room, and predict as well as the library's.
    """
    bits = weights.astype(np.float16).view(np.uint16)
    return ((bits + np.uint16(8)) & np.uint16(0xFFF0)).view(np.float16)


def version_of(content: bytes) -> str:
    """Return what stands behind a file's address, since browsers keep the files that they have."""
    return hashlib.sha256(content).hexdigest()[:8]


def sheet() -> NDArray[np.uint8]:
    """Lay the first test digits of the sample side by side: a row of 20 for each class."""
    _, (images, labels) = load_mnist("sample")
    rows = [np.hstack(list(images[labels == label][:EXAMPLES])) for label in range(10)]
    return np.vstack(rows)


def weighted_sum(pixels: NDArray[np.uint8]) -> int:
    """Sum all pixels, so that two that change places show too."""
    flat = pixels.ravel().astype(np.int64)
    return int((flat * (np.arange(flat.size) % 251 + 1)).sum())


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """Store pixels as they are: Pillow adds no gamma and no color profile of its own accord."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def use_own_page(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let a chapter's link to the playground lead to this site's own.

    A notebook states the published one, since in Jupyter there is no page beside it.
    """
    if app.builder.name != "html":
        return
    here = app.builder.get_relative_uri(docname, "book/playground")
    for link in doctree.findall(nodes.reference):
        found = re.fullmatch(
            r"https://[\w.-]+/[\w.-]+/book/playground\.html(.*)", link.get("refuri", "")
        )
        if found:  # MyST escapes what docutils is going to escape
            link["refuri"] = here + html.unescape(found[1])


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
    """Put the digits beside the scripts."""
    if not error and app.builder.name == "html":
        (Path(app.outdir) / "_static" / SHEET).write_bytes(png_of(sheet()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it with Sphinx."""
    app.add_directive("playground", Playground)
    app.connect("doctree-resolved", use_own_page)
    app.connect("html-page-context", add_own_files)
    app.connect("build-finished", write_sheet)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
