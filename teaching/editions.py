"""Make what students get from the masters in ``masters/``.

::

    python -m teaching.editions editions             # book/exercises/, as the site shows them
    python -m teaching.editions editions --only 04-bouncing
    python -m teaching.editions release ../course    # a course folder for nbgrader, new or again

A master is a notebook in nbgrader's format, with the reference solutions and the hidden tests in
it. Three things are ours:

- Cells with the tag ``master`` stay in the master. They draw the numbers of this variant from
  ``SEED`` and compare the reference with an independent one. Cells with the tags ``hint`` and
  ``worked`` stay there too, and the site for self-study shows them folded.
- ``frozen(value)`` is computed here, once, with the reference solutions, and replaced by its
  value. So an edition brings the expected results with it, but not what computes them. Another
  ``SEED`` gives other values, in the hidden tests too.
- What ``check.add`` adds in a master, and frozen values that are too long to be read, go into one
  file of this edition. The book's editions have theirs in ``mmnist_lib/exercises``, so that a
  notebook may come alone; those of a release lie beside the notebooks.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import copy
import hashlib
import io
import json
import os
import posixpath
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

import mmnist_lib.exercises
from mmnist_lib.exercises import Checks, Passed, Seal, seal, unpack
from notebooks import outputs
from notebooks.address import ROOT, own, site_of
from notebooks.text import relink, tags, without_way_to_hints

MASTERS = sorted((ROOT / "teaching" / "masters").glob("*.ipynb"))
EDITIONS = ROOT / "book" / "exercises"
CHECKS = Path(mmnist_lib.exercises.__file__).parent
COURSE = ROOT / "teaching" / "course"
# The variant that book/exercises and each release have, where a class has one of its own.
SEED = ROOT / "teaching" / "masters" / "seed.txt"
# What an instructor fills or changes in a course folder: a second release leaves it alone.
KEPT = {"students.csv", "nbgrader_config.py", "submitted"}
KEPT_BACK = {"master", "hint", "worked"}  # tags of cells that no student gets
HIDDEN = "### BEGIN HIDDEN TESTS"
# A student may have given these names to something else.
HIDDEN_IMPORTS = """import numpy as np
from mmnist_lib import exercises
from mmnist_lib.exercises import Seal, unpack"""
READABLE = 80  # characters of a value in a student's cell


def prepared(master: Path, seed: int | None = None) -> tuple[Any, str, str]:
    """Return a master with its numbers filled in and the kept-back cells left out, and its checks.

    Parameters
    ----------
    master : Path
        The notebook in ``masters/``.
    seed : int, optional
        The variant; by default the one that the master states.

    Returns
    -------
    tuple of NotebookNode, str and str
        What nbgrader calls the source version: solutions and hidden tests are in it. Then the
        name and the text of the file from which its checks read.
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
    sources, checks = freeze([cell.source for cell in code], master.name)
    text = written(checks)
    opened, named = (f'Checks("{master.stem}"', edition_of(text))
    for cell, source in zip(code, sources, strict=True):
        cell.source = source.replace(HIDDEN, f"{HIDDEN}\n{HIDDEN_IMPORTS}")
        cell.source = cell.source.replace(f"{opened})", f'{opened}, "{named}")')
        cell.outputs, cell.execution_count = [], None
    notebook.cells = [cell for cell in notebook.cells if not KEPT_BACK & tags(cell)]
    return notebook, f"{master.stem}-{named}.json", text


def freeze(sources: list[str], name: str) -> tuple[list[str], Checks]:
    """Run cells in one namespace, and put values in the place of each ``frozen(…)``.

    Return the cells, and the checks that they opened, which hold the values that are too long.
    """
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
        hidden = source.partition(HIDDEN)[0].count("\n") + 1
        texts = {}
        for place, call in enumerate(calls):
            texts[call] = literal(found[place])
            long = "unpack(" in texts[call] or len(texts[call]) > READABLE
            if long and call.lineno <= hidden:
                key = target_of(call, tree, f"{name}, code cell {number}")
                if key in namespace["check"].values:
                    raise SystemExit(f"{name}: two frozen values are called {key}")
                namespace["check"].values[key] = copy.deepcopy(found[place])
                texts[call] = f'check.stored("{key}")'
        result.append(filled_in(source, texts))
    opened = f'check = Checks("{Path(name).stem}")'
    if not any(opened in source for source in result):
        raise SystemExit(f"{name}: no cell opens its checks: {opened}")
    return result, namespace["check"]


def target_of(call: ast.Call, tree: ast.Module, where: str) -> str:
    """Return the name to which a cell gives a frozen value."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and call in ast.walk(node):
            (target,) = node.targets
            if isinstance(target, ast.Name):
                return target.id
    raise SystemExit(f"{where}: a value too long to be read needs a name: name = frozen(…)")


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


def filled_in(source: str, texts: dict[Any, str]) -> str:
    """Replace pieces of a cell by others, from the last to the first, so that places stay true."""
    lines = [line.encode() for line in source.splitlines(keepends=True)]
    starts = np.cumsum([0, *map(len, lines)])  # columns of an ast count bytes
    text = b"".join(lines)
    for call in sorted(texts, key=lambda call: (call.lineno, call.col_offset), reverse=True):
        low = starts[call.lineno - 1] + call.col_offset
        high = starts[call.end_lineno - 1] + call.end_col_offset
        text = text[:low] + texts[call].encode() + text[high:]
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


def written(checks: Checks) -> str:
    """Write checks as JSON, which `Checks` reads: its arrays once each, the mistakes hidden."""
    arrays: dict[str, int] = {}
    cases = {
        name: [case | {"slips": hide(case["slips"])} for case in cases]
        for name, cases in checks.cases.items()
    }
    stored = {"cases": encoded(cases, arrays), "values": encoded(checks.values, arrays)}
    return json.dumps(stored | {"arrays": list(arrays)}, indent=0, ensure_ascii=False) + "\n"


def hide(slips: dict[str, Any]) -> str:
    """Hide well-known mistakes, and the sentences that explain them, from a reader's eye."""
    table = {words: seal(slip).digest for words, slip in slips.items()}
    return base64.b64encode(json.dumps(table).encode()).decode()


def encoded(value: Any, arrays: dict[str, int]) -> Any:
    """Turn a value into what JSON can hold. Arrays are packed into `arrays`, each one once."""

    def each(items: Any) -> list[Any]:
        return [encoded(item, arrays) for item in items]

    if isinstance(value, bytes):
        return {"bytes": encoded(np.frombuffer(value, np.uint8), arrays)["array"]}
    if isinstance(value, np.ndarray):
        return {"array": arrays.setdefault(pack(value), len(arrays))}
    if isinstance(value, dict):
        return {"dict": each(map(list, value.items()))}
    if isinstance(value, tuple):
        return {"tuple": each(value)}
    if isinstance(value, Seal):
        return {"seal": [value.digest, value.form]}
    if isinstance(value, Passed):
        return {"passed": value.name}
    if isinstance(value, np.random.Generator):
        return {"rng": value.bit_generator.seed_seq.entropy}  # type: ignore[attr-defined]
    if isinstance(value, (float, np.floating)):
        return rounded(np.float64(value)).item()
    return each(value) if isinstance(value, list) else getattr(value, "item", lambda: value)()


def edition_of(text: str) -> str:
    """Return the name of an edition: a hash of its checks, the same on each machine."""
    stored = json.loads(text)
    arrays = (unpack(packed) for packed in stored.pop("arrays"))
    plain = [np.round(a, 9) + 0.0 if a.dtype.kind == "f" else a for a in arrays]
    said = repr((stored, [(str(array.dtype), array.tolist()) for array in plain]))
    return hashlib.sha256(said.encode()).hexdigest()[:6]


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


def write_editions(seed: int | None, names: list[str]) -> None:
    """Make, run and store the named student editions, or all, and which variant they are."""
    known = [master.stem for master in MASTERS]
    if unknown := set(names) - set(known):
        raise SystemExit(
            f"CHAPTERS={' '.join(unknown)} names no master: there is {', '.join(known)}"
        )
    if names and seed != stored_seed(SEED):
        raise SystemExit("SEED gives all exercises other numbers: leave out CHAPTERS")
    EDITIONS.mkdir(exist_ok=True)
    for master in MASTERS:
        if names and master.stem not in names:
            continue
        print(f"book/exercises/{master.name}", flush=True)
        source, file, text = prepared(master, seed)
        for older in CHECKS.glob(f"{master.stem}-*.json"):
            older.unlink()
        (CHECKS / file).write_text(text, encoding="utf-8")
        outputs.run(EDITIONS / master.name, edition(source))
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


def on_the_site(source: Any) -> Any:
    """Return a notebook whose links to chapters lead to the site, since a class has no chapters.

    The way to the hints goes: a class may have to do without them.
    """

    def target(path: str) -> str:
        if re.match(r"\w+:|#", path):
            return path
        page = posixpath.normpath(posixpath.join("book/exercises", path))
        return site_of(own()) + re.sub(r"\.(ipynb|md)\b", ".html", page)

    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relink(without_way_to_hints(cell.source), target)
    return notebook


def write_course(course: Path, sources: dict[str, tuple[Any, str, str]]) -> None:
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
    for name, (source, file, text) in sources.items():
        print(f"release/{name}", flush=True)
        notebook = on_the_site(source)
        outputs.normalize(notebook, name)
        folder = course / "source" / name
        folder.mkdir(parents=True)
        (folder / file).write_text(text, encoding="utf-8")
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
    parser.add_argument("--only", nargs="+", default=[], help="these editions, not all")
    options = parser.parse_args(arguments)
    if options.what == "editions":
        seed = stored_seed(SEED) if options.seed is None else options.seed
        write_editions(seed, options.only)
    elif options.course is None:
        parser.error("COURSE is missing: name a folder")
    else:
        release(options.course, options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
