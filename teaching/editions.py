"""Make what students get from the masters in ``masters/``.

::

    python -m teaching.editions editions             # book/exercises/, as the site shows them
    python -m teaching.editions release ../course    # a course folder for nbgrader, new or again

A master is a notebook in nbgrader's format, with the reference solutions and the hidden tests in
it. Two things are ours:

- Cells with the tag ``master`` stay in the master. They draw the numbers of this variant from
  ``SEED`` and compare the reference with an independent one. Cells with the tags ``hint`` and
  ``worked`` stay there too, and the site for self-study shows them folded.
- ``frozen(value)`` is computed here, once, with the reference solutions, and replaced by its
  value. So an edition brings the expected results with it, but not what computes them. Another
  ``SEED`` gives other values, in the hidden tests too.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import copy
import io
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import matplotlib
import nbformat
import numpy as np
from numpy.typing import NDArray

from notebooks import outputs
from notebooks.address import ROOT
from notebooks.text import tags

MASTERS = sorted((ROOT / "teaching" / "masters").glob("*.ipynb"))
EDITIONS = ROOT / "book" / "exercises"
COURSE = ROOT / "teaching" / "course"
# The variant that book/exercises and each release have, where a class has one of its own.
SEED = ROOT / "teaching" / "masters" / "seed.txt"
# What an instructor fills or changes in a course folder: a second release leaves it alone.
KEPT = {"students.csv", "nbgrader_config.py", "submitted"}
KEPT_BACK = {"master", "hint", "worked"}  # tags of cells that no student gets
HIDDEN = "### BEGIN HIDDEN TESTS"
# A student may have given these names to something else.
HIDDEN_IMPORTS = "import numpy as np\nfrom mmnist_lib.exercises import Seal, check, unpack"


def prepared(master: Path, seed: int | None = None) -> Any:
    """Return a master with its numbers filled in and the kept-back cells left out.

    Parameters
    ----------
    master : Path
        The notebook in ``masters/``.
    seed : int, optional
        The variant; by default the one that the master states.

    Returns
    -------
    NotebookNode
        What nbgrader calls the source version: solutions and hidden tests are in it.
    """
    notebook: Any = nbformat.read(master, as_version=4)
    code = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "%pip" not in cell.source
    ]
    if seed is not None:
        drawing = [cell for cell in code if "master" in tags(cell)]  # none: nothing is drawn
        for first in drawing[:1]:
            first.source, n = re.subn(r"^SEED = \d+$", f"SEED = {seed}", first.source, flags=re.M)
            if n != 1:
                raise SystemExit(f"{master.name}: its first master cell states no SEED = …")
    for cell, source in zip(code, freeze([cell.source for cell in code], master.name), strict=True):
        cell.source = source.replace(HIDDEN, f"{HIDDEN}\n{HIDDEN_IMPORTS}")
        cell.outputs, cell.execution_count = [], None
    notebook.cells = [cell for cell in notebook.cells if not KEPT_BACK & tags(cell)]
    return notebook


def freeze(sources: list[str], name: str) -> list[str]:
    """Run cells in one namespace, and put values in the place of each ``frozen(…)``."""
    matplotlib.use("agg")
    found: dict[int, Any] = {}

    def keep(value: Any, place: int) -> Any:
        found[place] = value
        return value

    # `frozen` of the masters' own would be a second one: this name cannot be written in a cell.
    namespace: dict[str, Any] = {"__name__": "__main__", "frozen at": keep}
    result = []
    for number, source in enumerate(sources):
        found.clear()
        tree = ast.parse(source)
        calls = [node for node in ast.walk(tree) if is_frozen(node)]
        for place, call in enumerate(calls):
            call.func = ast.copy_location(ast.Name("frozen at", ast.Load()), call.func)
            call.args.append(ast.copy_location(ast.Constant(place), call))
        code = compile(ast.fix_missing_locations(tree), f"{name}, code cell {number}", "exec")
        try:
            # As where nbgrader runs them: what a cell trains for practice, no value depends on.
            with (
                contextlib.redirect_stdout(io.StringIO()),
                environment(NBGRADER_EXECUTION="freeze"),
            ):
                exec(code, namespace)
        except Exception as error:
            raise SystemExit(
                f"{name}, code cell {number}: {type(error).__name__}: {error}"
            ) from error
        finally:
            matplotlib.pyplot.close("all")
        result.append(filled_in(source, {call: found[place] for place, call in enumerate(calls)}))
    return result


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name)
        os.environ.update({name: before[name] for name in variables if name in before})


def is_frozen(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether a node is a call of ``frozen``."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozen"
    )


def filled_in(source: str, values: dict[Any, Any]) -> str:
    """Replace pieces of a cell by values, from the last to the first, so that places stay true."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    starts = np.cumsum([0, *map(len, lines)])  # columns of an ast count bytes
    text = b"".join(lines)
    for call in sorted(values, key=lambda call: (call.lineno, call.col_offset), reverse=True):
        low = starts[call.lineno - 1] + call.col_offset
        high = starts[call.end_lineno - 1] + call.end_col_offset
        text = text[:low] + literal(values[call]).encode() + text[high:]
    return text.decode()


def literal(value: Any) -> str:
    """Write a value as Python: small ones to be read, large arrays packed."""
    if isinstance(value, np.ndarray):
        if value.size > 24 or value.size == 0:
            return f'unpack("{pack(value)}")'
        dtype = "" if value.dtype in (np.int64, np.float64) else f", dtype=np.{value.dtype}"
        return f"np.array({literal(value.tolist())}{dtype})"
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, float):
        return repr(rounded(np.float64(value)).item())
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if type(value) in (list, tuple):
        items = ", ".join(map(literal, value))
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' * (len(value) == 1)})"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return repr(value)


def pack(array: NDArray[Any]) -> str:
    """Write an array as text that `mmnist_lib.exercises.unpack` reads."""
    array = np.ascontiguousarray(rounded(array) if array.dtype.kind == "f" else array)
    head = f"{array.dtype.newbyteorder('<').str};{','.join(map(str, array.shape))};"
    packed = zlib.compress(head.encode() + array.astype(array.dtype.newbyteorder("<")).tobytes(), 9)
    return base64.b64encode(packed).decode()


def rounded(value: Any) -> Any:
    """Drop the last digits of floats, which differ between processors, and the sign of zero."""
    return np.round(value, 12) + 0.0


def nbgrader_config() -> Any:
    """Read the settings that every course folder gets."""
    from traitlets.config.loader import PyFileConfigLoader

    return PyFileConfigLoader("nbgrader_config.py", path=str(COURSE)).load_config()


def edition(source: Any) -> Any:
    """Return a prepared master as a student gets it, by nbgrader's own steps."""
    from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions, LockCells

    config = nbgrader_config()
    notebook = copy.deepcopy(source)
    resources: dict[str, Any] = {}
    for step in (LockCells, ClearSolutions, ClearHiddenTests):
        notebook, resources = step(config=config).preprocess(notebook, resources)
    for cell in notebook.cells:
        cell.source = cell.source.rstrip("\n")
    return notebook


def stored_seed(path: Path) -> int | None:
    """Return the variant that was chosen with ``SEED=…`` and stored; None for the masters' own."""
    return int(path.read_text("utf-8")) if path.exists() else None


def write_editions(seed: int | None) -> None:
    """Make, run and store the student editions, and which variant they are."""
    EDITIONS.mkdir(exist_ok=True)
    for master in MASTERS:
        print(f"book/exercises/{master.name}", flush=True)
        outputs.run(EDITIONS / master.name, edition(prepared(master, seed)))
    if seed is not None:
        SEED.write_text(f"{seed}\n", encoding="utf-8")


def release(course: Path, seed: int | None) -> None:
    """Make a course folder: source, release, gradebook and the tools for grading.

    Where the folder is such a course already, these are renewed. Hand-ins, points, the list of
    students and the settings stay.
    """
    again = (course / "gradebook.db").exists()
    if not again and course.exists() and any(course.iterdir()):
        raise SystemExit(f"COURSE={course} holds files that are no course: name a new folder")
    if seed is None:
        seed = stored_seed(course / SEED.name) if again else stored_seed(SEED)
    # All that may fail comes before anything is written to the course.
    sources = {master.stem: prepared(master, seed) for master in MASTERS}
    course.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=course.parent, prefix=".release-") as folder:
        fresh = Path(folder, "course")
        fresh.mkdir()
        if again:
            shutil.copy2(course / "gradebook.db", fresh)
        write_course(fresh, sources)
        if seed is not None:
            (fresh / SEED.name).write_text(f"{seed}\n", encoding="utf-8")
        course.mkdir(exist_ok=True)
        for path in [*fresh.iterdir(), *fresh.glob("*/*")]:
            there = course / path.relative_to(fresh)
            if path.name in KEPT and there.exists():
                continue
            if path.is_dir() and path.parent == fresh:  # other assignments in it stay
                there.mkdir(parents=True, exist_ok=True)
                continue
            shutil.rmtree(there, ignore_errors=True)
            path.replace(there)
    done = "is released again: hand-ins and points are kept" if again else "is made"
    print(f"The course in {course} {done}. Its README.md says what to do next.")


def write_course(course: Path, sources: dict[str, Any]) -> None:
    """Copy the tools for grading, write the source versions, and let nbgrader release them."""
    from nbgrader.converters import GenerateAssignment, NbGraderException
    from nbgrader.coursedir import CourseDirectory

    kept_here = shutil.ignore_patterns("hub", "__pycache__")
    shutil.copytree(COURSE, course, dirs_exist_ok=True, ignore=kept_here)
    (course / "submitted").mkdir()
    # nbgrader calls alembic, which stands beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    config = nbgrader_config()
    directory = CourseDirectory(root=str(course), config=config)
    for name, notebook in sources.items():
        print(f"release/{name}", flush=True)
        outputs.normalize(notebook, name)
        folder = course / "source" / name
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{name}.ipynb")
        directory.assignment_id = name
        step = GenerateAssignment(coursedir=directory, config=config)
        step.log.setLevel("CRITICAL")
        try:
            step.start()
        except NbGraderException:
            raise SystemExit(
                f"{name}: hand-ins have been graded, so its tasks must keep their names and their "
                "number: take the change back, or name a new folder with COURSE=…"
            ) from None


def main(arguments: list[str]) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Make what students get from the masters.")
    parser.add_argument("what", choices=["editions", "release"])
    parser.add_argument("course", nargs="?", type=Path, help="a folder, for release")
    parser.add_argument("--seed", type=int, help="another variant: other digits and numbers")
    options = parser.parse_args(arguments)
    if options.what == "editions":
        write_editions(stored_seed(SEED) if options.seed is None else options.seed)
    elif options.course is None:
        parser.error("COURSE is missing: name a folder")
    else:
        release(options.course, options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
