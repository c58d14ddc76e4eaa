"""What the site needs beyond Jupyter Book.

The repository's address in one place, a chapter's clip on another page, a
JupyterHub button, worked solutions below the exercises, and reference pages
of what is built on Keras.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError
from sphinx.util import inspect
from sphinx.util.docutils import SphinxDirective

from mmnist_lib import choose_keras_backend

FOLDED = " Below each check, a hint and a worked solution are folded away."


class Clip(SphinxDirective):
    """``{clip} 05-compositing``: the first moving picture of that chapter."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Take the player's HTML out of the notebook beside this page."""
        path = (
            Path(self.env.doc2path(self.env.docname)).parent
            / f"{self.arguments[0]}.ipynb"
        )
        self.env.note_dependency(str(path))
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                page = "".join(output.get("data", {}).get("text/html", ""))
                if "mmnist-player" in page:
                    return [nodes.raw("", page, format="html")]
        raise self.error(f"{path.name} holds no moving picture")


def use_own_address(app: Sphinx, config: Config) -> None:
    """On GitHub Actions, link to the repository that the build runs in."""
    options = config.html_theme_options
    config.stated_address = options["repository_url"]
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        options["repository_url"] = f"{server}/{repository}"


def fill_in_address(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the address where a page asks for it or a notebook states it."""
    address = app.config.html_theme_options["repository_url"]
    for stated in ("{{ repository }}", app.config.stated_address):
        source[0] = source[0].replace(stated, address)


def add_jupyterhub_button(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: Any,
) -> None:
    """Let a chapter's launch menu lead to the form for the reader's hub."""
    for button in context.get("header_buttons", []):
        if button.get("label") == "launch-buttons":
            page = context["pathto"]("book/running")
            query = urlencode({"chapter": pagename.removeprefix("book/")})
            button["buttons"].append(
                {
                    "type": "link",
                    "text": "JupyterHub",
                    "tooltip": "Launch on your JupyterHub",
                    "icon": "_static/images/logo_jupyterhub.svg",
                    "url": f"{page}?{query}#on-your-jupyterhub",
                }
            )


def add_worked_solutions(app: Sphinx, docname: str, source: list[str]) -> None:
    """Show hints and solutions folded, in the edition for self-study alone.

    They stand in the masters, and nowhere else: the file that a reader can
    download, and all of the edition for a class, are without them.
    """
    folder, _, name = docname.rpartition("/")
    if folder != "book/exercises" or app.config.edition == "class":
        return
    master = Path(app.srcdir) / "assignments" / f"{name}.ipynb"
    app.env.note_dependency(str(master))
    folded = hints_and_solutions(
        json.loads(master.read_text(encoding="utf-8"))
    )
    page = json.loads(source[0])
    first = page["cells"][0]
    first["source"] = "".join(first["source"]) + FOLDED
    cells = []
    for cell in page["cells"]:
        cells.append(cell)
        text = folded.pop(grade_id(cell), "")
        if text:
            new = {"cell_type": "markdown", "metadata": {}, "source": text}
            cells.append(new | {"id": f"folded-{len(cells)}"})
    page["cells"] = cells
    source[0] = json.dumps(page)


def hints_and_solutions(master: dict[str, Any]) -> dict[str, str]:
    """Return for each graded cell of a master what to fold below it."""
    folded: dict[str, str] = {}
    graded = solution = ""
    for cell in master["cells"]:
        text, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        is_a = cell["metadata"].get("nbgrader", {})
        if is_a.get("solution"):
            lines = text.splitlines()
            solution = "\n".join(x for x in lines if " SOLUTION" not in x)
        if is_a.get("grade"):
            graded = grade_id(cell)
            folded[graded] = ""
        if is_a.get("grade") and is_a.get("solution"):  # a written answer
            folded[graded] = fold("An answer, and how it is marked", text)
        if "hint" in tags:
            folded[graded] += fold("A hint", text)
        if "worked" in tags:
            code = f"```python\n{solution}\n```\n\n{text}"
            folded[graded] += fold("A worked solution", code)
    return folded


def grade_id(cell: dict[str, Any]) -> str:
    """Return nbgrader's name of a cell, or nothing."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def fold(title: str, text: str) -> str:
    """Fold a text away, as the chapters do it."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>\n\n"


def choose_edition(app: Sphinx, config: Config) -> None:
    """Take the edition from ``make book EDITION=class``."""
    if config.edition not in ("study", "class"):
        raise ConfigError(
            f"EDITION={config.edition} is unknown: choose study or class"
        )


def do_without_keras(app: Sphinx, config: Config) -> None:
    """Where Keras cannot be imported, leave out what is built on it."""
    try:  # JAX, for one, has no builds for Macs with Intel processors
        choose_keras_backend()
        import keras  # noqa: F401
    except Exception as error:  # each backend that fails raises its own
        print(f"The reference page of prediction stays empty: {error}")
        config.suppress_warnings.append("autodoc")


def show_own_arguments(
    app: Sphinx,
    what: str,
    name: str,
    thing: Any,
    options: Any,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Show what a class takes where that of Keras hides it from autodoc."""
    if what == "class" and signature == "(*args, **kwargs)":
        own = inspect.signature(thing.__init__, bound_method=True)
        signature = inspect.stringify_signature(own, show_annotation=False)
    return signature, returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of the above with Sphinx."""
    app.add_directive("clip", Clip)
    edition = os.environ.get("EDITION") or "study"
    app.add_config_value("edition", edition, "env")
    app.connect("config-inited", choose_edition)
    app.connect("source-read", add_worked_solutions)
    app.connect("config-inited", use_own_address)
    app.connect("config-inited", do_without_keras)
    app.connect("autodoc-process-signature", show_own_arguments)
    app.connect("source-read", fill_in_address)
    app.connect(
        "html-page-context", add_jupyterhub_button, priority=900
    )  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
