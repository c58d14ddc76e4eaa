"""The core stays an evening's reading, and the library small enough to take over."""

import ast
import statistics
from pathlib import Path

import mmnist_lib

FOLDER = Path(mmnist_lib.__file__).parent
CORE = (
    "__init__",
    "_checks",
    "loading",
    "visualization",
    "trajectories",
    "bouncing",
    "compositing",
)


def lines_of(path):
    return path.read_text(encoding="utf-8").splitlines()


def body_lengths(path):
    """Count the lines of code in each function's body: no docstring, comment or empty line."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            code = lines[body[0].lineno - 1 : node.end_lineno] if body else []
            yield node.name, sum(line.strip()[:1] not in ("", "#") for line in code)


def test_the_core_is_an_evenings_reading():
    paths = [FOLDER / f"{name}.py" for name in CORE]
    assert sum(len(lines_of(path)) for path in paths) <= 1145
    lengths = sorted(n for path in paths for _, n in body_lengths(path))
    assert statistics.median(lengths) <= 6
    assert lengths[int(0.9 * len(lengths))] <= 18
    assert lengths[-1] <= 40


def test_the_library_can_be_read_in_a_weekend():
    paths = [*FOLDER.rglob("*.py")]
    assert sum(len(lines_of(path)) for path in paths) <= 5243  # the aim is 4,500
    too_long = [name for path in paths for name, n in body_lengths(path) if n > 40]
    assert not too_long


def test_the_networks_can_be_read_in_one_sitting():
    assert sum(len(lines_of(path)) for path in (FOLDER / "prediction").glob("*.py")) <= 528
