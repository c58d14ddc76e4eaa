"""What the site needs beyond Jupyter Book.

The repository's own address, more places to run a chapter, worked solutions below the exercises,
pages without what is there for machines, sliders and formulas that need no script from elsewhere,
downloads, and reference pages, also of what is built on Keras.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import nbformat
import yaml  # type: ignore[import-untyped]
from docutils import nodes
from nbformat.v4 import new_markdown_cell
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import inspect

from mmnist_lib import choose_keras_backend
from notebooks import address
from notebooks.outputs import play, stored_opening
from notebooks.text import for_readers, for_tests_alone, mathml, tags, without_way_to_hints

OFFERS = {".pdf": "The whole book as a PDF", ".zip": "All the notebooks and the library as a zip"}
REFERENCE = "book/api"
GUIDE = "book/instructors"  # it lists what students get wrong
FOLDED = " Below each check are a hint and a worked solution."


class LeadToExplanations(SphinxPostTransform):
    """Let a link to a name on the reference's first page lead to where the name is explained."""

    default_priority = 5  # before MyST looks for a heading of that name

    def run(self, **_: Any) -> None:
        """Change the links of one page, now that all pages are read."""
        names = {
            name.rpartition(".")[2].lower(): name
            for name, entry in self.env.domains["py"].data["objects"].items()
            if entry.objtype in ("function", "class", "exception")
        }
        for link in self.document.findall(addnodes.pending_xref):
            name = link.get("reftargetid")
            if not name or link["reftarget"] != REFERENCE:
                continue
            page, target = f"{REFERENCE}/{name}", names.get(name, name)
            if page in self.env.found_docs:  # the module's
                link.attributes.update(reftarget=page, reftargetid=None)
            else:
                link.attributes.update(
                    refdomain="py", reftype="obj", reftarget=target, refwarn=True
                )


def use_own_address(app: Sphinx, config: Config) -> None:
    """On GitHub Actions, link to the repository that the build runs in."""
    options = config.html_theme_options
    options["repository_url"] = address.own()
    config.html_baseurl = config.ogp_site_url = address.site_of(address.own())
    options["logo"] = {"text": config.html_title, "alt_text": ""}
    config.ogp_site_name = config.html_title


def fill_in_address(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the address where a page asks for it or a notebook states it."""
    source[0] = address.fill_in(source[0])


def add_launch_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let a chapter's menu lead to the form for a hub."""

    def link(text: str, tooltip: str, icon: str, url: str) -> dict[str, str]:
        icon = f"_static/{icon}.svg"
        return {"type": "link", "text": text, "tooltip": tooltip, "icon": icon, "url": url}

    for menu in context.get("header_buttons", []):
        if menu.get("label") == "launch-buttons":
            query = urlencode({"chapter": pagename.removeprefix("book/")})
            url = f"{context['pathto']('book/running')}?{query}#on-your-jupyterhub"
            icon = "images/logo_jupyterhub"
            menu["buttons"].append(link("JupyterHub", "Launch on your JupyterHub", icon, url))


def rework_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Change a notebook on its way to becoming a page; the file that it is read from stays."""
    if app.env.doc2path(docname).endswith(".ipynb"):
        notebook = nbformat.reads(source[0], as_version=4)
        add_worked_solutions(app, docname, notebook)
        show_sliders_as_html(docname, notebook)
        hide_machinery(notebook)
        source[0] = nbformat.writes(notebook)


def offer_downloads(app: Sphinx, docname: str, source: list[str]) -> None:
    """Link to the book's PDF and zip on the published site, if they are made."""
    files = sorted((Path(app.srcdir) / app.config.downloads).glob("*.*"))
    links = " ".join(
        f'<a href="../downloads/{file.name}">{OFFERS[file.suffix]}</a>, '
        f"{file.stat().st_size / 1e6:.1f} MB."
        for file in files
        if app.config.published
    )
    text = f"**Take it with you.** {links}" if links else ""
    source[0] = source[0].replace("{{ downloads }}", text)


def open_with_prediction(app: Sphinx, docname: str, source: list[str]) -> None:
    """Play on the first page what README's moving picture shows."""
    if "{{ opening }}" in source[0]:
        page = play(stored_opening())._repr_html_()
        source[0] = source[0].replace("{{ opening }}", f"```{{raw}} html\n{page}\n```")


def not_found(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Make the page that GitHub Pages shows in place of one that is not there."""
    body = (Path(app.srcdir) / "website" / "assets" / "404.html").read_text("utf-8")
    yield "404", {"title": "No such page", "body": address.fill_in(body)}, "page.html"


def add_worked_solutions(app: Sphinx, docname: str, notebook: Any) -> None:
    """Show hints and solutions folded, in the edition for self-study alone.

    They stand in the masters, and nowhere else: the file that a reader can
    download, and all of the edition for a class, are without them.
    """
    folder, _, name = docname.rpartition("/")
    if folder != "book/exercises":
        return
    notebook.cells[0].source = without_way_to_hints(notebook.cells[0].source)
    if app.config.edition == "class":
        return
    master = Path(app.srcdir) / "teaching" / "masters" / f"{name}.ipynb"
    app.env.note_dependency(str(master))
    folded = hints_and_solutions(nbformat.read(master, as_version=4))
    notebook.cells[0].source += FOLDED
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if text := folded.pop(grade_id(cell), ""):
            cells.append(new_markdown_cell(text, id=f"folded-{len(cells)}"))
    notebook.cells = cells


def hints_and_solutions(master: Any) -> dict[str, str]:
    """Return for each graded cell of a master what to fold below it."""
    folded: dict[str, str] = {}
    graded = solution = ""
    for cell in master.cells:
        is_a = cell.metadata.get("nbgrader", {})
        if is_a.get("solution"):
            lines = cell.source.splitlines()
            solution = "\n".join(x for x in lines if " SOLUTION" not in x)
        if is_a.get("grade"):
            graded = grade_id(cell)
            folded[graded] = ""
        if is_a.get("grade") and is_a.get("solution"):  # a written answer
            folded[graded] = fold("An answer, and how it is marked", cell.source)
        if "hint" in tags(cell):
            folded[graded] += fold("A hint", cell.source)
        if "worked" in tags(cell):
            code = f"```python\n{solution}\n```\n\n{cell.source}"
            folded[graded] += fold("A worked solution", code)
    return folded


def show_sliders_as_html(docname: str, notebook: Any) -> None:
    """Keep only the HTML that a slider brings, because the site has no widget manager."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            view = "application/vnd.jupyter.widget-view+json"
            if data.pop(view, None) is not None and "text/html" not in data:
                raise ExtensionError(
                    f"{docname}: a widget would be dead on the site. "
                    "Use mmnist_lib.slider, which brings HTML too"
                )


def hide_machinery(notebook: Any) -> None:
    """Drop the cells, and of others the first lines, that are not there for readers."""
    notebook.cells = [cell for cell in notebook.cells if not for_tests_alone(cell)]
    for cell in notebook.cells:
        cell.source = for_readers(cell.source)


def visit_inline_math(self: Any, node: nodes.math) -> None:
    """Write a formula in a sentence as MathML."""
    self.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_display_math(self: Any, node: nodes.math_block) -> None:
    """Write a formula of its own as MathML."""
    tex = re.sub(r"\\(begin|end){split}", "", node.astext())
    page = mathml(tex, "block")
    # It scrolls on a phone, so the keyboard has to reach it.
    label = 'class="formula" tabindex="0" role="group" aria-label="Formula"'
    self.body.append(f"<div {label}>{page}</div>")
    raise nodes.SkipNode


def grade_id(cell: Any) -> str:
    """Return nbgrader's name of a cell, or nothing."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def fold(title: str, text: str) -> str:
    """Fold a text away, as the chapters do it."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>\n\n"


def choose_edition(app: Sphinx, config: Config) -> None:
    """Take the edition from ``EDITION=class``, which is without the instructors' guide."""
    if config.edition not in ("study", "class"):
        raise ConfigError(f"EDITION={config.edition} is unknown: choose study or class")
    if config.edition == "class":
        contents = yaml.safe_load((Path(app.srcdir) / config.external_toc_path).read_text("utf-8"))
        for part in contents["parts"]:
            part["chapters"] = [page for page in part["chapters"] if page["file"] != GUIDE]
        path = Path(app.doctreedir) / "toc.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(contents, sort_keys=False), encoding="utf-8")
        config.external_toc_path = str(path)


def leave_out_guide(app: Sphinx, docname: str, source: list[str]) -> None:
    """In the edition for a class, drop the paragraphs that lead to the instructors' guide."""
    if app.config.edition == "class":
        paragraphs = source[0].split("\n\n")
        source[0] = "\n\n".join(text for text in paragraphs if "](instructors.md)" not in text)


def do_without_keras(app: Sphinx, config: Config) -> None:
    """Where Keras cannot be imported, leave out what is built on it."""
    try:  # JAX, for one, has no builds for Macs with Intel processors
        choose_keras_backend()
        import keras  # noqa: F401
    except Exception as error:  # each backend that fails raises its own
        print(f"The reference page of prediction stays empty: {error}")
        config.suppress_warnings += ["autodoc", "autosummary", "ref.obj"]


def show_own_arguments(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: Any, returns: Any
) -> tuple[Any, Any]:
    """Show the arguments of a class whose Keras base class hides them from autodoc."""
    if what == "class" and signature == "(*args, **kwargs)":
        own = inspect.signature(thing.__init__, bound_method=True)
        signature = inspect.stringify_signature(own, show_annotation=False)
    return signature, returns


def rework_module_docstring(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Leave out which chapter explains a module, and list what all of its functions raise."""
    if what == "module":
        text = "\n".join(lines)  # the page begins with the link to the chapter
        text = re.sub(r' ?(Chapters? [\d and]+|(The page )?"[^"]+") explains? it\. ?', "", text)
        lines[:] = re.sub(r"\bRaises\n-+\n", "All functions here may raise:\n\n", text).splitlines()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all of the above with Sphinx."""
    edition = os.environ.get("EDITION") or "study"
    app.add_config_value("edition", edition, "env")
    app.add_config_value("downloads", "_build/downloads", "env")
    published = bool(os.environ.get("PUBLISH"))
    app.add_config_value("published", published, "env")
    app.connect("config-inited", choose_edition)
    app.connect("source-read", rework_notebook)
    app.connect("source-read", offer_downloads)
    app.connect("source-read", open_with_prediction)
    app.connect("source-read", leave_out_guide)
    app.add_post_transform(LeadToExplanations)
    app.connect("html-collect-pages", not_found)
    app.add_html_math_renderer("mathml", (visit_inline_math, None), (visit_display_math, None))
    app.connect("config-inited", use_own_address)
    app.connect("config-inited", do_without_keras)
    app.connect("autodoc-process-signature", show_own_arguments)
    app.connect("autodoc-process-docstring", rework_module_docstring, priority=400)  # napoleon: 500
    app.connect("source-read", fill_in_address)
    app.connect("html-page-context", add_launch_buttons, priority=900)  # after the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
