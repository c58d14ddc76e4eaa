"""The contract of teaching/course: good and bad submissions, graded in one run.

One assignment of two tasks and a written answer is made here. Each student of `SUBMISSIONS`
hands in something else. What they should get stands beside it.
"""

import csv
import ctypes
import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.limits import HANG

ROOT = Path(__file__).parents[2]
NAME = "01-tiny"
MARKER = "nobody-may-read-this"  # stands in each hidden test
SECRET = "a-password-of-the-instructor"
SECONDS = 10  # for a cell: far more than any needs, but for those that never end
DOUBLE = "def double(number):\n    return 2 * number\n"
TOTAL = "def total(numbers):\n    return sum(numbers)\n"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")


def cell(name: str, source: str, points: int = 0, solution: bool = False, kind="code"):
    about = {
        "grade": points > 0, "grade_id": name, "locked": not solution, "schema_version": 3,
        "solution": solution, "task": False, "points": points,
    }  # fmt: skip
    make = new_code_cell if kind == "code" else new_markdown_cell
    return make(source, metadata={"nbgrader": about})


def hidden(visible: str, secret: str) -> str:
    return f"{visible}\n### BEGIN HIDDEN TESTS\n# {MARKER}\n{secret}\n### END HIDDEN TESTS"


def master():
    solution = "### BEGIN SOLUTION\n{}### END SOLUTION"
    secret = f"for n in (21, 33):  # {MARKER}\n    k = 7\n    assert double(n) == 2 * n, 'large n'"
    return new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
        cells=[
            new_markdown_cell("Two tasks."),
            cell("double", solution.format(DOUBLE), solution=True),
            cell("double-check", hidden("assert double(1) == 2", secret), 2),
            cell("total", solution.format(TOTAL), solution=True),
            cell("given", "numbers = [1, 2]"),
            cell(
                "total-check",
                hidden("assert total(numbers) == 3", f"assert total([1, 2]) == 3, '{MARKER[:6]}'"),
                3,
            ),
            cell("words", "Because.", 1, solution=True, kind="markdown"),
        ],
    )


SPY = """
import json, os, pathlib, socket
course, port = pathlib.Path({course!r}), {port}
def connect(kind):
    with socket.socket(socket.AF_INET, kind) as there:
        there.settimeout(2)
        there.connect(("127.0.0.1", port))
trials = {{
    "gradebook": lambda: (course / "gradebook.db").read_bytes(),
    "solutions": lambda: (course / "source/01-tiny/01-tiny.ipynb").read_text(),
    "another": lambda: (course / "submitted/right/01-tiny/01-tiny.ipynb").read_text(),
    "own grade": lambda: next((course / "autograded/spy/01-tiny").glob("*.ipynb")).read_text(),
    "listing": lambda: os.listdir(course),
    "home": lambda: os.listdir({home!r}),
    "write": lambda: (course / "scores.csv").write_text(""),
    "truncate": lambda: os.truncate(course / "students.csv", 0),
    "chmod": lambda: os.chmod(course / "gradebook.db", 0o644),
    "write in tmp": lambda: pathlib.Path({temporary!r}, "left-behind").write_text(""),
    "kill": lambda: os.kill({pid}, 0),
    "TCP": lambda: connect(socket.SOCK_STREAM),
    "UDP": lambda: connect(socket.SOCK_DGRAM),
    "own folder": lambda: (open("mine", "w").close(), open("data.csv").read()),
    "own tmp": lambda: __import__("tempfile").TemporaryFile().write(b""),
    "the tests": lambda: open("01-tiny.ipynb").read(),
}}
worked = []
for name, trial in trials.items():
    try:
        trial()
        worked.append(name)
    except (OSError, StopIteration):
        pass
secrets = [name for name, value in os.environ.items() if {secret!r} in value]
print(json.dumps({{"worked": worked, "secrets": secrets}}))
"""

QUOTE = """
import inspect
def double(number):
    print(In)
    print(inspect.getsource(inspect.currentframe().f_back))
    print("\\x1b[31m" + In[-1].replace(" ", "\\x1b[0m "))
    raise ValueError(In[-1])
"""
SILENT = "get_ipython().showtraceback = lambda *a, **k: None\ndef double(number):\n    1 / 0"
GREEDY = f"""
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = b"x" * 400_000_000
        time.sleep({HANG})
time.sleep({HANG})
"""
EXIT_LATER = "def total(numbers):\n    import os\n    os._exit(0)"
EXIT = "import os\nos._exit(1)"
SPAWN = f"import subprocess\nfor _ in range(99):\n    subprocess.Popen(['sleep', '{HANG}'])"
LOOP = "import time\nwhile True:\n    time.sleep(0.01)"  # it leaves the processor to other tests
DEAF = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{LOOP}"
HOG = "blocks = []\nfor _ in range(200):\n    blocks.append(bytearray(50_000_000))"
FLOOD = "print('x' * 10**8)\nfor _ in range(10**5):\n    print('y' * 999)\n"
WARN = "import warnings\ndef total(numbers):\n    warnings.warn('slow')\n    return sum(numbers)"

NO_ANSWER = "words: no answer"
TOO_LONG = f"cell 1: the cell ran longer than {SECONDS} s"

# Who hands in what: the first answer, the second, the points, and a piece of the remark.
ANSWERS = {
    "right": (DOUBLE, TOTAL, 5, NO_ANSWER),
    "nothing": (None, None, 0, "double: NameError: name 'double' is not defined; total: Na"),
    "guesses": ("def double(number):\n    return 2", TOTAL, 3, "double: AssertionError: large n"),
    "raises": ("def double(number):\n    1 / 0", TOTAL, 3, "double: ZeroDivisionError: division"),
    "loops": (DOUBLE + LOOP, TOTAL, 5, f"{TOO_LONG} and was interrupted"),
    "is-deaf": (DEAF, TOTAL, 3, f"{TOO_LONG} and did not stop"),
    "exits": (
        "import os\nos._exit(3)", TOTAL, 3,
        "cell 1: the kernel ended in this cell: it ended itself with status 3",
    ),
    "exits-in-a-test": (
        DOUBLE, EXIT_LATER, 2, "cell 5: the kernel ended",
    ),
    "crashes": ("import ctypes\nctypes.string_at(0)", TOTAL, 3, "it crashed (SIGSEGV)"),
    "hoards": (DOUBLE + HOG, TOTAL, 5, "cell 1: it ran out of memory"),
    "hoards-together": (GREEDY, TOTAL, 3, "cell 1: the kernel ended in this cell: it used more th"),
    "spawns": (SPAWN + "\n" + DOUBLE + LOOP, TOTAL, 3, "it started more than 64 processes"),
    "prints": (FLOOD + DOUBLE, TOTAL, 5, "cell 1: it printed too much"),
    "leaves": (DOUBLE + "exit()", "import time\ntime.sleep(0.3)\n" + TOTAL, 5, NO_ANSWER),
    "stumbles": (DOUBLE + "import numpy\nnumpy.loadtxt('none')", TOTAL, 5, NO_ANSWER),
    "warns": (DOUBLE, WARN, 5, NO_ANSWER),
    "hides-errors": (SILENT, TOTAL, 3, "double: ZeroDivisionError"),
    "quotes": (QUOTE, TOTAL + "print(In)", 3, "double: ValueError"),
    "again-and-again": (EXIT, EXIT, 0, "cell 3: the kernel"),
    "spy": (DOUBLE + SPY, TOTAL, 5, NO_ANSWER),
}  # fmt: skip
BROKEN = {
    "sends-text": ("My answer is 4.", "unreadable notebook"),
    "sends-half": ('{"cells": [{"cell_type": "co', "unreadable notebook"),
    "sends-void": ("", "unreadable notebook: 01-tiny.ipynb is empty"),
    "sends-list": ("[]", "unreadable notebook"),
}


def generate(course: Path) -> None:
    folder = course / "source" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(master(), folder / f"{NAME}.ipynb")
    (folder / "data.csv").write_text("1,2\n")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--force"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        command, cwd=course, check=True, capture_output=True, env=os.environ | {"PATH": path}
    )


def edition(course: Path, double: str | None = None, total: str | None = None):
    """The notebook that students get, with answers in it."""
    notebook = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    for each in notebook.cells:
        name = each.metadata.get("nbgrader", {}).get("grade_id")
        answer = {"double": double, "total": total}.get(name)
        each.source = answer if answer is not None else each.source
        assert MARKER not in each.source
    return notebook


def hand_in(course: Path, student: str, notebook, name: str = NAME) -> Path:
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    path.write_text(notebook if isinstance(notebook, str) else nbformat.writes(notebook))
    return path


def start(course: Path, *options: str, **keywords) -> subprocess.Popen[str]:
    script = ROOT / "teaching" / "course" / "grading.py"
    command = [sys.executable, script, course, f"--seconds={SECONDS}", "--memory=1", *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"TOKEN": SECRET}, **keywords,
    )  # fmt: skip


def grade(course: Path, *options: str) -> tuple[int, str]:
    with start(course, *options) as run:
        said = run.communicate(timeout=HANG)[0]
    return run.returncode, said


def scores(course: Path) -> dict[str, dict[str, str]]:
    with (course / "scores.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def autograded(course: Path, student: str):
    return nbformat.read(course / "autograded" / student / NAME / f"{NAME}.ipynb", as_version=4)


def pages(course: Path) -> dict[str, str]:
    """Each student's page of feedback: as it is, and without the tags that colour code."""
    raw = {path.parts[-3]: path.read_text("utf-8") for path in course.glob("feedback/*/*/*.html")}
    return {who: page + html.unescape(re.sub("<[^>]*>", "", page)) for who, page in raw.items()}


def without(course: Path, double: str, *pieces: str):
    """A notebook in which the cells that hold these pieces were deleted."""
    notebook = edition(course, double, TOTAL)
    notebook.cells = [c for c in notebook.cells if not any(piece in c.source for piece in pieces)]
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    course = tmp_path_factory.mktemp("kit") / "my course"
    shutil.copytree(ROOT / "teaching" / "course", course, ignore=shutil.ignore_patterns("hub"))
    (course / "submitted").mkdir()
    generate(course)
    return course


@pytest.fixture(scope="module")
def run(course, tmp_path_factory):
    """The one run in which everyone is graded: its status, its lines, and its peak of memory."""
    (course / "students.csv").write_text(
        "id,first_name,last_name,email\nright,Ada,Lovelace,\nabsent,Al,Khwarizmi,\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        spy = SPY.format(
            course=str(course), port=server.getsockname()[1], home=str(Path.home()),
            pid=os.getpid(), temporary=str(tmp_path_factory.getbasetemp()), secret=SECRET,
        )  # fmt: skip
        for student, (double, total, _, _) in ANSWERS.items():
            hand_in(course, student, edition(course, double and double.replace(SPY, spy), total))
        wrong = "def double(number):\n    return 3"
        most = ("assert", "numbers =", "Write your answer", "Two tasks")
        hand_in(course, "deletes", without(course, DOUBLE, "assert double"))
        hand_in(course, "deletes-most", without(course, DOUBLE, *most))
        hand_in(course, "deletes-and-errs", without(course, wrong, "assert double"))
        edited = edition(course, wrong, TOTAL)
        for each in edited.cells:
            each.source = each.source.replace("assert double(1) == 2", "assert True")
        hand_in(course, "edits", edited)
        answered = edition(course, DOUBLE, TOTAL)
        answered.cells[-1].source = "Two is twice one."
        hand_in(course, "writes", answered)
        for student, (text, _) in BROKEN.items():
            hand_in(course, student, text)
        hand_in(course, "renames", edition(course, DOUBLE, TOTAL), "01-tiny (1)")
        hand_in(course, "links", edition(course, DOUBLE, TOTAL))
        (course / "submitted/links" / NAME / "x").symlink_to(course / "source" / NAME / "data.csv")
        (course / "submitted/lost.zip").write_bytes(b"")
        peak = 0
        with start(course) as grading:
            said: list[str] = []
            reader = threading.Thread(target=lambda: said.extend(grading.stdout or ()))
            reader.start()
            while grading.poll() is None:
                peak = max(peak, psutil.Process(grading.pid).memory_info().rss)
                time.sleep(0.02)
            reader.join()
    return grading.returncode, said, peak


def line_of(run, student: str) -> str:
    (found,) = [line for line in run[1] if f"  {student}  " in line]
    return found


@pytest.mark.parametrize("student", ANSWERS)
def test_everyone_gets_their_points_and_hears_why(course, run, student) -> None:
    _, _, points, remark = ANSWERS[student]
    row = scores(course)[student]
    assert (row["score"], row["max"]) == (str(points), "6"), row
    assert remark in row["remark"]
    assert f"{points}/6" in line_of(run, student)
    assert remark in line_of(run, student)
    assert f"feedback: feedback/{student}/{NAME}" in line_of(run, student)


@pytest.mark.parametrize("student", BROKEN)
def test_what_is_no_notebook_is_reported(course, run, student) -> None:
    row = scores(course)[student]
    assert (row["score"], row["remark"].startswith("not graded: ")) == ("", True)
    assert BROKEN[student][1] in row["remark"]
    assert BROKEN[student][1] in line_of(run, student)


def test_one_run_grades_all_and_says_what_it_left_out(course, run) -> None:
    status, said, _ = run
    n = len(list((course / "submitted").glob("*/*")))
    assert status == 1
    assert [line.split("  ")[0] for line in said if line[:1].isdigit()][:n] == [
        f"{i}/{n}" for i in range(1, n + 1)
    ]
    assert said[-1] == f"{n - 5} of {n} are graded: see scores.csv\n"
    assert any(line.startswith("submitted/lost.zip is left out") for line in said)


def test_a_file_of_another_name_is_graded_and_a_link_is_not(course, run) -> None:
    assert "5/6  01-tiny (1).ipynb was graded as 01-tiny.ipynb" in line_of(run, "renames")
    assert "x is a link to another file" in line_of(run, "links")


def test_scores_hold_the_names_and_who_did_not_submit(course, run) -> None:
    rows = scores(course)
    assert (rows["right"]["first_name"], rows["right"]["last_name"]) == ("Ada", "Lovelace")
    assert rows["absent"]["remark"] == "not submitted"
    assert rows["writes"]["waiting"] == "1"
    assert "5/6 (1 to grade by hand)" in line_of(run, "writes")


def test_a_test_that_was_deleted_or_edited_counts_as_it_was(course, run) -> None:
    rows = scores(course)
    students = ("deletes", "deletes-most", "deletes-and-errs", "edits")
    assert [rows[student]["score"] for student in students] == ["5", "5", "3", "3"]
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in master().cells]
    restored = autograded(course, "deletes-most").cells
    assert [c.metadata.nbgrader.grade_id for c in restored] == names[1:]
    assert rows["deletes-most"]["waiting"] == ""


def test_a_flood_of_text_is_cut_and_held_by_nobody(course, run) -> None:
    path = course / "autograded" / "prints" / NAME / f"{NAME}.ipynb"
    assert 900_000 < path.stat().st_size < 1_500_000
    assert run[2] < 400e6


def refused_here() -> set[str]:
    """What this system is able to keep from student code, found out without the course's tools."""
    if sys.platform != "linux":
        return set()
    landlock = ctypes.CDLL(None).syscall(444, None, 0, 1)
    unshare = [shutil.which("unshare") or "false", "--user", "--mount", "--net", "--pid", "--fork"]
    namespaces = subprocess.run([*unshare, "true"], capture_output=True).returncode == 0
    files = {"gradebook", "solutions", "another", "own grade", "listing", "home", "write"}
    return (
        (files | {"write in tmp"} if landlock >= 1 else set())
        | ({"truncate"} if landlock >= 3 or namespaces else set())
        | ({"TCP"} if landlock >= 4 or namespaces else set())
        | ({"kill"} if landlock >= 6 or namespaces else set())
        | ({"chmod", "UDP"} if namespaces else set())
    )


def test_student_code_reaches_nothing_outside_its_folder(course, run) -> None:
    outputs = [output for c in autograded(course, "spy").cells for output in c.get("outputs", [])]
    found = json.loads("".join(output.get("text", "") for output in outputs))
    worked, kept = set(found["worked"]), refused_here()
    assert found["secrets"] == []
    assert worked >= {"own folder", "own tmp"}
    assert not worked & (kept | {"the tests"})
    assert ("NOT kept from it" in "".join(run[1])) == bool(worked - {"own folder", "own tmp"})
    if not kept:
        pytest.skip("this system has neither Landlock nor user namespaces: there are limits only")


def test_the_feedback_holds_no_hidden_test_and_no_path(course, run) -> None:
    found = pages(course)
    assert len(found) == len(ANSWERS) + 6
    for student, page in found.items():
        assert MARKER not in page, student
        assert "(21, 33)" not in page, student
        assert "k = 7" not in page or student == "quotes", student  # a traceback would show it
        for path in (course, ROOT, Path(sys.prefix)):
            assert str(path) not in page or student == "spy", student
    assert "site-packages/numpy" in found["stumbles"]
    assert "AssertionError: large n" in found["guesses"]
    assert "ValueError" in found["quotes"]
    assert "ZeroDivisionError" in found["raises"]
    assert "it ended itself with status 3" in found["exits"]
    assert "assert double(1) == 2" in found["right"]


def test_nothing_is_left_running_or_lying_about(course, run) -> None:
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [c for c in commands if str(course) in c]
    assert not list(course.glob(".*.csv.*")) + list(course.glob(".probe*"))


def test_only_what_changed_is_graded_again_and_points_by_hand_stay(course, run) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "moving-mnist") as gradebook:
        for student, name, points in [("writes", "words", 1), ("raises", "double-check", 2)]:
            found = gradebook.find_grade(name, NAME, NAME, student)
            found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()
    for student in [*BROKEN, "renames", "links"]:
        shutil.rmtree(course / "submitted" / student)
    hand_in(course, "nothing", edition(course, DOUBLE))
    hand_in(course, "raises", edition(course, ANSWERS["raises"][0], TOTAL + "total([])"))
    before = (course / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns
    status, said = grade(course)
    lines = said.splitlines()
    assert status == 0
    assert sum("  unchanged  " in line for line in lines) == len(ANSWERS) + 5 - 3
    assert line_of((0, lines), "nothing").split("  ")[3].startswith("2/6")
    assert "6/6  unchanged, but new points" in line_of((0, lines), "writes")
    assert "6.0 / 6.0" in pages(course)["writes"]
    assert line_of((0, lines), "raises").split("  ")[3] == "5/6 (1 to grade by hand)"
    assert "5.0 / 6.0" in pages(course)["raises"]
    assert (course / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns == before
    rows = scores(course)
    assert [rows[s]["score"] for s in ("writes", "raises", "nothing")] == ["6", "5", "2"]


def test_a_notebook_ends_when_its_time_or_its_restarts_are_used_up(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "teaching" / "course")
    from course_plugins import ContainedExecute

    def outputs(*sources: str, **limits):
        notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
        resources = {"metadata": {"path": str(tmp_path)}}
        ContainedExecute(**limits).preprocess(notebook, resources)
        return [[o.get("evalue", o.get("text")) for o in c.outputs] for c in notebook.cells]

    endless = outputs("while True:\n    pass", cell_seconds=1)
    assert endless[0][-1] == "the cell ran longer than 1 s and was interrupted"
    # Its kernel has to start within this time too.
    late = outputs(f"import time\ntime.sleep({HANG})", "print(1)", all_seconds=15)
    assert late[0][-1].startswith("the cell ran longer than ")
    assert late[1] == ["not run, since the notebook took longer than 15 s in all"]
    spent = outputs("x = 1", EXIT, "print(x)", EXIT, "print(x)", restarts=1)
    assert spent[2] == ["1\n"]
    assert spent[4] == ["not run, since the notebook ended its kernel 2 times"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has namespaces")
def test_without_namespaces_the_run_says_so_and_no_process_is_left(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "teaching" / "course")
    import course_plugins

    script = tmp_path / "student_kernel.py"
    source = course_plugins.WATCHER.read_text("utf-8")
    assert source.count("libc.unshare(NEW_NAMESPACES) != 0") == 1
    script.write_text(source.replace("libc.unshare(NEW_NAMESPACES) != 0", "True"), "utf-8")
    monkeypatch.setattr(course_plugins, "WATCHER", script)
    assert {"UDP", "permissions of files"} <= set(course_plugins.probe(tmp_path, 1))
    kernel = course_plugins.StudentKernel(tmp_path, 10**9, 60)
    family = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    os.fork()\n"
        f"    time.sleep({HANG})"
    )
    try:
        assert kernel.run(family, HANG)[1:] == ("", "")
    finally:
        kernel.stop()
    commands = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    assert not [command for command in commands if str(script) in command]


def test_ctrl_c_keeps_what_was_graded(course, run) -> None:
    with start(course, "--force", start_new_session=True) as grading:
        assert grading.stdout
        for line in grading.stdout:
            if line.startswith("1/"):
                break
        time.sleep(0.7)
        os.killpg(grading.pid, 2)
        rest = grading.stdout.read()
    assert grading.returncode == 1
    assert "Stopped. What was graded is kept" in rest
    assert "Traceback" not in rest
    assert scores(course)["right"]["score"] == "5"
    assert (course / "autograded" / "right").exists()


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("", "name the folder that make release made"),
        ("nbgrader_config.py", "make release COURSE=folder"),
        ("gradebook.db", "make release COURSE=folder"),
        ("submitted", "submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb"),
    ],
)
def test_wrong_use_is_explained(course, tmp_path, broken, words) -> None:
    other = tmp_path / "other"
    if broken:
        shutil.copytree(course, other, ignore=shutil.ignore_patterns(broken, "autograded"))
    status, said = grade(other)
    assert (status, words in said, "Traceback" in said) == (2, True, False), said


def test_an_unknown_assignment_and_a_bad_list_are_explained(course, tmp_path) -> None:
    status, said = grade(course, "--assignment=09-none")
    assert (status, "it has 01-tiny" in said) == (2, True)
    other = tmp_path / "other"
    shutil.copytree(course, other, ignore=shutil.ignore_patterns("autograded"))
    (other / "students.csv").write_text("name;mail\nx;y\n")
    status, said = grade(other)
    assert (status, "header id,first_name,last_name,email" in said) == (2, True), said
