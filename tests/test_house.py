"""The rooms of the house: what each may import, so that you can read one without the others."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A room, and the other rooms that it may import from.
ROOMS = {
    "mmnist_lib": set(),
    "notebooks": {"mmnist_lib"},
    "website": {"mmnist_lib", "notebooks"},
    "teaching": {"mmnist_lib", "notebooks"},
    "teaching/course": {"mmnist_lib"},  # it is copied, and then stands alone
    "training": {"mmnist_lib"},
    "benchmarks": {"mmnist_lib"},
}
RULES = {path: room for room in ROOMS for path in (ROOT / room).rglob("*.py")}


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", RULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_from_no_room_that_it_need_not_know(path):
    room = RULES[path]
    ours = {name.split("/")[0] for name in ROOMS} | {"tests"}
    assert imported(path) & (ours - {room}) <= ROOMS[room]


def test_every_python_file_stands_in_a_room():
    tops = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("[a-z]*/*.py")}
    assert tops == {room.split("/")[0] for room in ROOMS} | {"tests"}
    assert not [*ROOT.glob("*.py"), *ROOT.glob("book/**/*.py")]
