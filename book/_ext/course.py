"""What the site needs beyond Jupyter Book.

The repository's address in one place, a chapter's clip on another page, a
JupyterHub button, and reference pages of what is built on Keras.
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
from sphinx.util import inspect
from sphinx.util.docutils import SphinxDirective

from mmnist_lib import choose_keras_backend


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
            query = urlencode({"chapter": pagename.rsplit("/", 1)[-1]})
            button["buttons"].append(
                {
                    "type": "link",
                    "text": "JupyterHub",
                    "tooltip": "Launch on your JupyterHub",
                    "icon": "_static/images/logo_jupyterhub.svg",
                    "url": f"{page}?{query}#on-your-jupyterhub",
                }
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
    app.connect("config-inited", use_own_address)
    app.connect("config-inited", do_without_keras)
    app.connect("autodoc-process-signature", show_own_arguments)
    app.connect("source-read", fill_in_address)
    app.connect(
        "html-page-context", add_jupyterhub_button, priority=900
    )  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
