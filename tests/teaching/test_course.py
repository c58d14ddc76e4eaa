"""A course from its release to its scores: what `make release` and `make grade` do, for real.

Five made-up submissions to the exercises of chapter 4 are graded in one run. What bad code can
do to a run is tried in test_grading.py.
"""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from teaching import editions
from tests.limits import HANG
from tests.teaching.test_exercises import (
    NAMES,
    nbgrader,
    read_mistakes,
    source_version,
    student_edition,
)

ROOT = Path(__file__).parents[2]
NAME = "04-bouncing"
SECONDS = 15  # for a cell: far more than any needs, but for the one that never ends

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")


def run(*command, cwd=ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=HANG)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "course"
    done = run("-m", "teaching.editions", "release", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Its README.md says what to do next" in done.stdout
    return folder


def read(path: Path):
    return nbformat.read(path, as_version=4)


def test_a_release_holds_every_assignment_and_nothing_of_ours(course):
    assert sorted(path.name for path in (course / "release").iterdir()) == NAMES
    assert sorted(path.name for path in (course / "source").iterdir()) == NAMES
    assert {path.name for path in course.iterdir() if path.is_file()} == {
        path.name for path in editions.COURSE.iterdir() if path.is_file()
    } | {"gradebook.db"}


@pytest.mark.parametrize("name", NAMES)
def test_a_release_is_the_student_edition(course, name):
    released = read(course / "release" / name / f"{name}.ipynb")
    fresh = student_edition(name)
    sources = [cell.source.rstrip("\n") for cell in released.cells]
    assert sources == [cell.source for cell in fresh.cells]
    assert not any(cell.get("outputs") for cell in released.cells)


@pytest.mark.parametrize("name", NAMES)
def test_a_release_has_no_trace_of_solutions_and_hidden_tests(course, name):
    text = (course / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8")
    for trace in ("SOLUTION", "HIDDEN", ".require(", "SEED", "frozen", "master"):
        assert trace not in text
    given = "\n".join(cell.source for cell in student_edition(name).cells)
    kept = "\n".join(cell.source for cell in read(course / "source" / name / f"{name}.ipynb").cells)
    secret = [line.strip() for line in kept.splitlines()]
    secret = [line for line in secret if len(line) > 24 and line not in given]
    assert len(secret) > 20 and not [line for line in secret if line in text]


def test_a_release_does_not_write_over_another(course):
    before = (course / "gradebook.db").read_bytes()
    done = run("-m", "teaching.editions", "release", course)
    assert done.returncode == 1 and "holds files already: name a new folder" in done.stderr
    assert (course / "gradebook.db").read_bytes() == before


@pytest.mark.parametrize("broken", ["prepared", "write_course"])
def test_a_release_that_fails_leaves_nothing(tmp_path, monkeypatch, broken):
    def fail(*given):
        if broken == "write_course":
            (given[0] / "source").mkdir(parents=True)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(editions, "MASTERS", editions.MASTERS[:1])
    monkeypatch.setattr(editions, broken, fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        editions.release(tmp_path / "course", None)
    assert not (tmp_path / "course").exists()


def answers_of(number: int) -> dict[str, str]:
    """What a submission puts in the place of the stubs."""
    solutions = {
        nbgrader(cell)["grade_id"]: cell.source
        for cell in source_version(NAME).cells
        if nbgrader(cell).get("solution")
    }
    wrong = {task: code for task, _, _, code in reversed(read_mistakes(NAME))}  # the first of each
    return {
        1: solutions,
        2: {},
        3: solutions | {"mend": wrong["mend"], "mirror": wrong["mirror"]},
        4: {
            "three-frames": wrong["three-frames"],
            "mend": "print('x' * 10**8)\n" + solutions["mend"],
            "mirror": "import time\nwhile True:\n    time.sleep(0.01)",
            "ink": "import os\nos._exit(0)",
        },
        5: solutions | {"ink": "def ink_film(*_, **__):\n    return [][0]"},
    }[number]


AUTOMATIC = {"1": 9, "2": 0, "3": 3, "4": 3, "5": 7}
REMARK = {
    "4": "it printed too much; "
    f"cell {{}}: the cell ran longer than {SECONDS} s and was interrupted; "
    "cell {}: the kernel ended in this cell: it ended itself with status 0"
}


@pytest.fixture(scope="module")
def graded(course, bubblewrap) -> subprocess.CompletedProcess:
    """Hand in five; the third without a test and its picture, the fifth with a test changed."""
    for number in range(1, 6):
        notebook = read(course / "release" / NAME / f"{NAME}.ipynb")
        for cell in notebook.cells:
            task = nbgrader(cell).get("grade_id")
            cell.source = answers_of(number).get(task, cell.source)
            if number == 5 and task == "ink-check":
                cell.source = "True"
            if number == 2 and task == "ink-given":
                cell.source = cell.source.replace("images[", "images[1")
        if number == 3:
            notebook.cells = [
                cell
                for cell in notebook.cells
                if nbgrader(cell).get("grade_id") not in ("mirror-check", "mirror-expected")
            ]
        folder = course / "submitted" / str(number) / NAME
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{NAME}.ipynb")
    students = "id,first_name,last_name,email\n1,Ada,One,\n2,Ben,Two,\n6,Fay,Six,\n"
    (course / "students.csv").write_text(students, encoding="utf-8")
    return run(course / "grading.py", course, "--seconds", SECONDS)


def scores(course: Path) -> dict[str, dict[str, str]]:
    with (course / "scores.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_five_submissions_are_graded_in_one_run(course, graded):
    assert graded.returncode == 0, graded.stdout + graded.stderr
    for number, score in AUTOMATIC.items():
        assert re.search(rf"^{number}/5  {number}  {NAME}  {score}/10\b", graded.stdout, re.M)
    table = scores(course)
    assert {number: float(row["score"]) for number, row in table.items() if number != "6"} == {
        number: float(score) for number, score in AUTOMATIC.items()
    }
    assert table["1"]["last_name"] == "One" and table["6"]["remark"] == "not submitted"
    assert {row["max"] for row in table.values() if row["score"]} == {"10"}
    assert (
        "another edition" in table["2"]["remark"] and "another edition" not in table["1"]["remark"]
    )
    assert "mend: it records before it steps: step first, then record" in table["3"]["remark"]
    said = re.sub(r"cell \d+", "cell {}", table["4"]["remark"])
    assert said.endswith(REMARK["4"]), said
    # An untouched written answer is 0 points; the others wait for a person.
    assert [row["waiting"] for row in table.values()] == ["1", "", "1", "", "1", ""]


def test_the_feedback_says_why_and_hides_the_tests(course, graded):
    pages = {
        path.parent.parent.name: path.read_text(encoding="utf-8")
        for path in (course / "feedback").rglob("*.html")
    }
    assert set(pages) == set(AUTOMATIC)
    assert "mended_path: not attempted yet" in pages["2"]
    assert "it records before it steps: step first, then record" in pages["3"]
    assert "it raised IndexError in line 2 of your cell: list index out of range" in pages["5"]
    for page in pages.values():
        assert "HIDDEN" not in page and ".require(" not in page


def test_a_point_given_by_hand_is_counted(course, graded):
    code = f"""
import sys
sys.path.insert(0, {str(course)!r})
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db", "moving-mnist") as book:
    grade = book.find_grade("colleague", {NAME!r}, {NAME!r}, "1")
    grade.manual_score, grade.needs_manual_grade = 1, False
    book.db.commit()
"""
    done = run("-c", code, cwd=course)
    assert done.returncode == 0, done.stderr
    again = run(course / "grading.py", course, "--seconds", SECONDS)
    assert again.returncode == 0 and again.stdout.count("unchanged") == 5
    assert scores(course)["1"]["score"] == "10" and scores(course)["1"]["waiting"] == ""


def test_make_says_what_is_missing(tmp_path):
    if not shutil.which("make"):
        pytest.skip("needs make")
    for target in ("release", "grade"):
        command = ["make", "-s", "-o", ".venv/bin/.grading-is-set-up", target, "COURSE="]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        assert f"Name the course folder, for example: make {target} COURSE=" in done.stderr
