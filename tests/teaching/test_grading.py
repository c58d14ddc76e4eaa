"""The contract of teaching/course: good and bad submissions, graded in one run.

One assignment of two tasks and a written answer is made here. Each student of `ANSWERS` hands in
something else. What they should get stands beside it. What needs no grade is tried in a kernel
alone: each start of one takes a second or more.
"""

import csv
import html
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from teaching import editions
from tests.limits import HANG

ROOT = Path(__file__).parents[2]
KIT = ROOT / "teaching" / "course"
NAME = "01-tiny"
MARKER = "nobody-may-read-this"  # stands in each hidden test
SECRET = "a-password-of-the-instructor"
DOUBLE = "def double(number):\n    return 2 * number\n"
TOTAL = "def total(numbers):\n    return sum(numbers)\n"

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap needs Linux"),
    pytest.mark.usefixtures("bubblewrap"),
]


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


# What student code may try, and how far it gets. Each is a function that raises where it fails.
SPY = """
import ctypes, json, mmap, os, pathlib, socket, subprocess, tempfile
course, port = pathlib.Path({course!r}), {port}
libc = ctypes.CDLL(None, use_errno=True)
def connect(family, kind, address):
    with socket.socket(family, kind) as there:
        there.settimeout(2)
        there.connect(address)
def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
trials = {{
    "gradebook": lambda: (course / "gradebook.db").read_bytes(),
    "solutions": lambda: (course / "source/01-tiny/01-tiny.ipynb").read_text(),
    "another": lambda: (course / "submitted/right/01-tiny/01-tiny.ipynb").read_text(),
    "own grade": lambda: next((course / "autograded/spy/01-tiny").glob("*.ipynb")).read_text(),
    "listing": lambda: os.listdir(course),
    "existence": lambda: os.stat(course),
    "home": lambda: os.listdir(pathlib.Path({home!r}, ".cache")),
    "write": lambda: (course / "scores.csv").write_text(""),
    "truncate": lambda: os.truncate(course / "students.csv", 0),
    "chmod": lambda: os.chmod(course / "gradebook.db", 0o644),
    "write elsewhere": lambda: pathlib.Path({temporary!r}, "left-behind").write_text(""),
    "library": lambda: open(ctypes.__file__, "a"),
    "devices": lambda: open("/dev/shm/file", "w"),
    "system": lambda: open("/proc/sys/kernel/core_pattern", "w"),
    "first process": lambda: open("/proc/1/mem", "r+b"),
    "kill": lambda: os.kill({pid}, 0),
    "TCP": lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    "UDP": lambda: connect(socket.AF_INET, socket.SOCK_DGRAM, ("10.0.0.1", port)),
    "socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, {path!r}),
    "abstract socket": lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\\0" + {path!r}),
    "vsock": lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),
    "keyring": lambda: call(libc.syscall({keyctl}, 0, -3, 0)),
    "keys": lambda: open("/proc/keys").read(),
    "namespaces": lambda: call(libc.unshare(0x10000000)),
    "memory file": lambda: os.memfd_create("name"),
    "System V": lambda: call(libc.shmget(0, 4096, 0o1600)),
    "shared memory": lambda: mmap.mmap(-1, 4096),
    "zero": lambda: mmap.mmap(os.open("/dev/zero", os.O_RDWR), 4096),
    "own folder": lambda: (open("mine", "w").close(), open("data.csv").read()),
    "own tmp": lambda: (tempfile.TemporaryFile().write(b""), open("/tmp/mine", "w")),
    "own process": lambda: subprocess.run(["true"], check=True),
    "the tests": lambda: open("01-tiny.ipynb").read(),
}}
worked = []
for name, trial in trials.items():
    try:
        trial()
        worked.append(name)
    except (OSError, StopIteration):
        pass
seen = [p.read_text(errors="replace") for p in pathlib.Path("/proc").glob("[0-9]*/environ")]
print(json.dumps({{"worked": worked, "secret": {secret!r} in str([os.environ, seen])}}))
"""
KEYCTL = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine, -1)

QUOTE = """
import inspect
def double(number):
    print(In)
    print(inspect.getsource(inspect.currentframe().f_back))
    print("\\x1b[31m" + In[-1].replace(" ", "\\x1b[0m "))
    raise ValueError(In[-1])
"""
SILENT = "get_ipython().showtraceback = lambda *a, **k: None\ndef double(number):\n    1 / 0"
POINTS = "def total(numbers):\n    get_ipython().displayhook(3)\n    1 / 0"
FORGED = r"""
from mmnist_lib.exercises import WrongAnswer
from IPython.display import HTML, Javascript, display
display(HTML("<script>pwned(1)</script>"), Javascript("pwned(2)"))
def double(number):
    raise WrongAnswer("x: \x1b[2J\x1b[H\r99/99  ada  01-tiny  6/6\x9b1A\u202e\u2028\n=1+1")
"""
LOOP = "import time\nwhile True:\n    time.sleep(0.01)"  # it leaves the processor to other tests
DEAF = f"import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n{LOOP}"
FLOOD = "print('x' * 10**8)\nfor _ in range(10**5):\n    print('y' * 999)\n"
STUMBLE = "import numpy\nnumpy.loadtxt('none')"
WARN = "import warnings\ndef total(numbers):\n    warnings.warn('slow')\n    return sum(numbers)"
EXIT = "import os\nos._exit(3)"
NO_ANSWER = "words: no answer"

# Who hands in what: the first answer, the second, the points, and a piece of the remark.
ANSWERS = {
    "right": (DOUBLE, TOTAL, 5, NO_ANSWER),
    "nothing": (None, None, 0, "double: NameError: name 'double' is not defined; total: Na"),
    "guesses": ("def double(number):\n    return 2", TOTAL, 3, "double: AssertionError: large n"),
    "raises": ("def double(number):\n    1 / 0", TOTAL, 3, "double: ZeroDivisionError: division"),
    "exits": (
        EXIT, "def total(numbers):\n    import os\n    os._exit(0)", 0,
        "cell 1: the kernel ended in this cell: it ended itself with status 3; "
        "double: NameError: name 'double' is not defined; "
        "total: the kernel ended in this cell: it ended itself with status 0",
    ),
    "stumbles": (FLOOD + DOUBLE + STUMBLE, WARN, 5, "cell 1: it printed too much"),
    "hides-errors": (SILENT, POINTS, 0, "double: ZeroDivisionError"),
    "forges": (FORGED, TOTAL, 3, "double: "),
    "quotes": (QUOTE, TOTAL + "print(In)", 3, "double: ValueError"),
    "spy": (DOUBLE + SPY, TOTAL, 5, NO_ANSWER),
}  # fmt: skip
BROKEN = {
    "sends-text": ("My answer is 4.", "unreadable notebook"),
    "sends-half": ('{"cells": [{"cell_type": "co', "unreadable notebook"),
    "sends-void": ("", "unreadable notebook: 01-tiny.ipynb is empty"),
    "sends-list": ("[]", "unreadable notebook"),
}
LINKS = {
    "links": "x is a link to another file",
    "links-hard": "01-tiny.ipynb is a link to another file",
    "links-folder": "01-tiny is a link to another folder",
    "links-all": "01-tiny is a link to another folder",
    "pipes": "x is a link to another file",
    "swells": "it is larger than 50 MB",
    "nests": "or 10 nested folders",
}
NOT_GRADED = [*BROKEN, *LINKS]
EXTRA = ["deletes-most", "edits", "writes", "renames"]

# What a browser would run, in a written answer. The last are wanted.
WRITTEN = r"""
<script>pwned()</script> <img src=x onerror=pwned()> <svg/onload=pwned()>
<iframe srcdoc="<script>pwned()</script>"></iframe> <a title='`' onmouseover=pwned()>`x</a>
[a](javascript:pwned()) [b]( java&#115;cript:pwned()) <a href="javascript:pwned()">c</a>
[d](data:text/html,<script>pwned()</script>) <javascript:pwned()>
![e" onerror="pwned()](y) ![f](attachment:a.png) ![g](attachment:none)
[h][i]

[i]: javascript:pwned()

```mermaid
<img src=x onerror=pwned()> &lt;img src=x onerror=pwned()&gt;
```

Two is twice one, **1 < 2**, and [why](https://example.org/why).
"""


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
    command = [sys.executable, KIT / "grading.py", course, "--memory=1", *options]
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
    editions.write_course(course, {NAME: (master(), "checks.json", "{}")})
    (course / "source" / NAME / "data.csv").write_text("1,2\n")
    return course


@pytest.fixture(scope="module")
def kit():
    """The course's modules, in this process."""
    sys.path.insert(0, str(KIT))
    import course_plugins
    import grading
    import sandbox

    yield SimpleNamespace(plugins=course_plugins, grading=grading, sandbox=sandbox)
    sys.path.remove(str(KIT))


@pytest.fixture(scope="module")
def run(course, tmp_path_factory):
    """The one run in which everyone is graded: its status and its lines."""
    (course / "students.csv").write_text(
        "id,first_name,last_name,email\nright,Ada,Lovelace,\nabsent,=1+1,Khwarizmi,\n"
    )
    path = str(tmp_path_factory.mktemp("s") / "s")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as named,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        for one, address in [(named, path), (abstract, f"\0{path}")]:
            one.bind(address)
            one.listen()
        spy = SPY.format(
            course=str(course), port=server.getsockname()[1], home=str(Path.home()), path=path,
            pid=os.getpid(), temporary=str(tmp_path_factory.getbasetemp()), secret=SECRET,
            keyctl=KEYCTL,
        )  # fmt: skip
        for student, (double, total, _, _) in ANSWERS.items():
            hand_in(course, student, edition(course, double and double.replace(SPY, spy), total))
        wrong = "def double(number):\n    return 3"
        most = ("assert", "numbers =", "Write your answer", "Two tasks")
        hand_in(course, "deletes-most", without(course, DOUBLE, *most))
        edited = without(course, wrong, "assert total")
        for each in edited.cells:
            each.source = each.source.replace("assert double(1) == 2", "assert True")
        hand_in(course, "edits", edited)
        answered = edition(course, DOUBLE, TOTAL)
        answered.cells[-1].source = WRITTEN
        answered.cells[-1].attachments = {"a.png": {'image/x"><script>pwned()</script>': "AA"}}
        answered.cells.append(new_raw_cell("<script>pwned()</script>"))
        answered.cells[-1].metadata.raw_mimetype = "text/html"
        hand_in(course, "writes", answered)
        for student, (text, _) in BROKEN.items():
            hand_in(course, student, text)
        hand_in(course, "renames", edition(course, DOUBLE, TOTAL), "01-tiny (1)")
        link(course)
        (course / "submitted/lost.zip").write_bytes(b"")
        status, said = grade(course)
    return status, said.splitlines(keepends=True)


def link(course: Path) -> None:
    """Hand in what leads elsewhere, or is larger than it looks."""
    source, submitted = course / "source" / NAME, course / "submitted"
    for student in ("links", "pipes", "swells", "nests"):
        hand_in(course, student, edition(course, DOUBLE, TOTAL))
    (submitted / "links" / NAME / "x").symlink_to(source / "data.csv")
    os.mkfifo(submitted / "pipes" / NAME / "x")
    with (submitted / "swells" / NAME / "x").open("wb") as file:
        file.truncate(4 * 10**9)
    (submitted / "nests" / NAME / "/".join("x" * 12)).mkdir(parents=True)
    (submitted / "links-hard" / NAME).mkdir(parents=True)
    (submitted / "links-hard" / NAME / f"{NAME}.ipynb").hardlink_to(source / f"{NAME}.ipynb")
    (submitted / "links-folder").mkdir()
    (submitted / "links-folder" / NAME).symlink_to(source)
    (submitted / "links-all").symlink_to(source.parent)


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


@pytest.mark.parametrize("student", [*BROKEN, *LINKS])
def test_what_is_no_notebook_or_leads_elsewhere_is_reported(course, run, student) -> None:
    row = scores(course)[student]
    words = BROKEN[student][1] if student in BROKEN else LINKS[student]
    assert (row["score"], row["remark"].startswith("not graded: ")) == ("", True)
    assert words in row["remark"]
    assert words in line_of(run, student)
    assert not (course / "autograded" / student).exists()


def test_one_run_grades_all_and_says_what_it_left_out(course, run) -> None:
    status, said = run
    n = len(list((course / "submitted").glob("*/*")))
    assert status == 1
    assert [line.split("  ")[0] for line in said if line[:1].isdigit()][:n] == [
        f"{i}/{n}" for i in range(1, n + 1)
    ]
    assert said[-1] == f"{n - len(NOT_GRADED)} of {n} are graded: see scores.csv\n"
    assert any(line.startswith("submitted/lost.zip is left out") for line in said)
    assert "5/6  01-tiny (1).ipynb was graded as 01-tiny.ipynb" in line_of(run, "renames")


def test_scores_hold_the_names_and_who_did_not_submit(course, run) -> None:
    rows = scores(course)
    assert (rows["right"]["first_name"], rows["right"]["last_name"]) == ("Ada", "Lovelace")
    assert rows["absent"]["remark"] == "not submitted"
    assert rows["writes"]["waiting"] == "1"
    assert "5/6 (1 to grade by hand)" in line_of(run, "writes")


def test_what_a_student_writes_moves_no_terminal_and_starts_no_spreadsheet(course, run) -> None:
    table = (course / "scores.csv").read_text("utf-8")
    for text in (table, *run[1]):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028]", text)
    assert "99/99" in line_of(run, "forges")  # in its own line, not in one of its own
    assert not [line for line in run[1] if line.startswith("99/99")]
    assert scores(course)["absent"]["first_name"] == "'=1+1"


def test_a_test_that_was_deleted_or_edited_counts_as_it_was(course, run) -> None:
    rows = scores(course)
    assert [rows[student]["score"] for student in ("deletes-most", "edits")] == ["5", "3"]
    names = [c.metadata.get("nbgrader", {}).get("grade_id") for c in master().cells]
    restored = autograded(course, "deletes-most").cells
    assert [c.metadata.nbgrader.grade_id for c in restored] == names[1:]
    assert rows["deletes-most"]["waiting"] == ""


def test_a_flood_of_text_is_cut(course, run) -> None:
    path = course / "autograded" / "stumbles" / NAME / f"{NAME}.ipynb"
    assert 900_000 < path.stat().st_size < 1_500_000


def test_student_code_reaches_nothing_outside_its_folder(course, run) -> None:
    outputs = [output for c in autograded(course, "spy").cells for output in c.get("outputs", [])]
    found = json.loads("".join(output.get("text", "") for output in outputs))
    assert found == {"worked": ["own folder", "own tmp", "own process"], "secret": False}
    promise = "It runs in bubblewrap: it can reach none of your files, and no network."
    assert promise in "".join(run[1])


class Dangers(HTMLParser):
    """Gathers what a page would run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside, self.links = "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes) -> None:
        self.inside = tag
        self.found += [tag] if tag in ("iframe", "object", "embed", "svg", "form", "base") else []
        for name, value in attributes:
            active = re.match(r"\s*(javascript|vbscript|data:(?!image/(png|jpeg)))", value or "")
            self.found += [f"{tag} {name}={value}"] if name.startswith("on") or active else []
            self.links += [value] if name == "href" else []

    def handle_data(self, data) -> None:
        self.found += [data] if self.inside == "script" and "pwned" in data else []

    def handle_endtag(self, tag) -> None:
        self.inside = ""


def test_no_script_of_a_student_reaches_formgrader_or_feedback(course, run) -> None:
    from nbconvert import HTMLExporter

    assert len(Dangers("<script>pwned()</script><a onclick=x href=javascript:x>").found) == 3
    exporter = HTMLExporter(template_name="classic")  # formgrader's template extends it
    for student in ("writes", "forges"):
        notebook = autograded(course, student)
        shown = exporter.from_notebook_node(notebook)[0]
        (page,) = course.glob(f"feedback/{student}/*/*.html")
        for text in (shown, page.read_text("utf-8")):
            assert Dangers(text).found == []
    shown = pages(course)["writes"]
    assert "https://example.org/why" in Dangers(shown).links
    assert "<strong>1 &lt; 2</strong>" in shown


def test_the_feedback_holds_no_hidden_test_and_no_path(course, run) -> None:
    found = pages(course)
    assert len(found) == len(ANSWERS) + len(EXTRA)
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
    assert not list(course.glob(".*.csv.*"))


def main(kit, *arguments: str) -> int:
    """Grade in this process, which saves the time to import nbgrader in another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kit.grading.signal, "signal", lambda *_: None)
        return kit.grading.main([*arguments])


def test_only_what_changed_is_graded_again_and_points_by_hand_stay(
    course, run, kit, capsys
) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "moving-mnist") as gradebook:
        for student, name, points in [("writes", "words", 1), ("raises", "double-check", 2)]:
            found = gradebook.find_grade(name, NAME, NAME, student)
            found.manual_score, found.needs_manual_grade = points, False
        gradebook.db.commit()
    for student in NOT_GRADED:
        place = course / "submitted" / student
        place.unlink() if place.is_symlink() else shutil.rmtree(place)
    hand_in(course, "nothing", edition(course, DOUBLE))
    hand_in(course, "raises", edition(course, ANSWERS["raises"][0], TOTAL + "total([])"))
    before = (course / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns
    assert main(kit, str(course), "--memory=1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("  unchanged  " in line for line in lines) == len(ANSWERS) + len(EXTRA) - 3
    assert line_of((0, lines), "nothing").split("  ")[3].startswith("2/6")
    assert "6/6  unchanged, but new points" in line_of((0, lines), "writes")
    assert "6.0 / 6.0" in pages(course)["writes"]
    assert line_of((0, lines), "raises").split("  ")[3] == "5/6 (1 to grade by hand)"
    assert "5.0 / 6.0" in pages(course)["raises"]
    assert (course / "autograded" / "right" / NAME / f"{NAME}.ipynb").stat().st_mtime_ns == before
    rows = scores(course)
    assert [rows[s]["score"] for s in ("writes", "raises", "nothing")] == ["6", "5", "2"]


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


# One kernel after the other, each ended by one of these cells.
ATTACKS = {
    "import os\nos._exit(3)": "it ended itself with status 3",
    "import ctypes\nctypes.string_at(0)": "it crashed (SIGSEGV), perhaps for want of memory",
    "import os\nos.kill(os.getppid(), 9)": "it was ended from inside",
    f"""
import os, time
for _ in range(4):
    if os.fork() == 0:
        block = b"x" * 400_000_000
        time.sleep({HANG})
time.sleep({HANG})""": "it used more than 1 GB of memory",
    f"""
import ctypes, mmap, time  # a page table for each 2 MB of a mapping that is only read
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
start = libc.mmap(None, 1 << 41, 1, 0x4022, -1, 0)
for place in range(start, start + (1 << 41), 1 << 21):
    ctypes.string_at(place, 1)
time.sleep({HANG})""": "it used more than 1 GB of memory",
    f"""
import subprocess, time
for _ in range(99):
    subprocess.Popen(["sleep", "{HANG}"])
time.sleep({HANG})""": "it started more than 64 processes",
    f"""
import os, time
open("file", "w").close()
for number in range(110_000):
    os.link("file", f"link-{{number}}")
time.sleep({HANG})""": "it wrote more than 100000 files",
}
# After these, the same kernel goes on.
HARDSHIPS = {
    "blocks = []\nfor _ in range(200):\n    blocks.append(bytearray(50_000_000))": "MemoryError",
    "del blocks": "",
    """
import os
held = []
for _ in range(20):  # unlinked files count too
    held.append(open("file", "wb"))
    os.unlink("file")
    held[-1].write(bytes(40_000_000))""": "No space left on device",
    "for file in held:\n    file.truncate(0)": "",
    "for number in range(1500):\n    os.mkdir('x')\n    os.chdir('x')": "",
    "exit()": "",
    "import time\ntime.sleep(0.3)\nprint('still here')": "still here",
}


def outputs(kit, *sources: str, files: Path, **limits):
    notebook = new_notebook(cells=[new_code_cell(source) for source in sources])
    kit.plugins.ContainedExecute(**limits).preprocess(notebook, {"metadata": {"path": str(files)}})
    said = [
        [o.get("evalue") or o.get("ename") or o.text for o in c.outputs] for c in notebook.cells
    ]
    return [" ".join(each) for each in said]


def test_an_attack_costs_its_own_cell_and_no_other(kit, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(kit.sandbox.tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    cells = [*ATTACKS, *HARDSHIPS]
    said = outputs(
        kit, *cells, files=tmp_path, memory_gb=1, restarts=len(ATTACKS), cell_seconds=HANG,
        all_seconds=10 * HANG,
    )  # fmt: skip
    for words, expected in zip(said, ATTACKS.values(), strict=False):
        assert words == f"the kernel ended in this cell: {expected}"
    for words, expected in zip(said[len(ATTACKS) :], HARDSHIPS.values(), strict=True):
        assert (expected in words) if expected else words == ""
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_notebook_ends_when_its_time_or_its_restarts_are_used_up(
    kit, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(kit.sandbox, "GRACE", HANG)
    (endless,) = outputs(kit, LOOP, files=tmp_path, cell_seconds=1)
    assert endless.endswith("the cell ran longer than 1 s and was interrupted")
    monkeypatch.setattr(kit.sandbox, "GRACE", 0)
    deaf, late = outputs(kit, DEAF, "print(1)", files=tmp_path, cell_seconds=1, restarts=0)
    assert deaf == "the cell ran longer than 1 s and did not stop when it was interrupted"
    assert late == "not run, since the notebook ended its kernel 1 times"
    run = kit.plugins.Run(kit.plugins.ContainedExecute(all_seconds=0), tmp_path, ["print(1)"])
    assert run.outputs(0)[0].evalue == "not run, since the notebook took longer than 0 s in all"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("print('{}' * 3_000_000)", "it sent more than 5 MB"),
        ("print('[' * 100_000)", "the kernel sent what cannot be read (RecursionError)"),
        ("print('[]')", "the kernel sent what cannot be read (TypeError)"),
        ("pass", "it was ended from inside"),
    ],
)
def test_an_answer_is_bounded_before_it_is_read(kit, tmp_path, monkeypatch, script, words) -> None:
    monkeypatch.setattr(kit.sandbox, "UNPACK", script)
    with pytest.raises(RuntimeError, match=re.escape(words)):
        kit.sandbox.Sandbox(kit.plugins.ContainedExecute(contained=False), tmp_path)


def test_only_text_and_pictures_are_shown(kit, monkeypatch) -> None:
    data = {"text/html": "<b>", "text/plain": "b", "image/png": "AA", "text/latex": "$a$"}
    shown = kit.sandbox.rebuilt(new_output("execute_result", data=data, metadata={"a": "b"}))
    assert shown == new_output("display_data", data={"text/plain": "b", "image/png": "AA"})
    for forged in ({}, [], "x", {"output_type": "stream", "name": "x", "text": "y"}):
        assert kit.sandbox.rebuilt(forged) is None
    # Forty cells with much each make no page that nobody can open.
    monkeypatch.setattr(kit.plugins, "LARGEST", 50)
    run = kit.plugins.Run(kit.plugins.ContainedExecute(), Path(), ["x"] * 2)
    much = [new_output("stream", text="x" * 100), kit.plugins.error("A", "b")]
    run.kernel = SimpleNamespace(alive=True, run=lambda *_: (much, "", ""))
    assert [o.output_type for o in run.outputs(0)] == ["error"]


def test_nothing_outlives_a_grading_run_that_is_killed(kit, tmp_path) -> None:
    marker = f"{HANG}.{os.getpid()}"
    hide = "import ctypes, os, subprocess\nctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n"
    hide += "if os.fork() == 0:\n    os.setsid()\n"
    hide += f"    subprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n    os._exit(0)"
    script = f"""
import sys
sys.path.insert(0, {str(KIT)!r})
from pathlib import Path
from course_plugins import ContainedExecute
from sandbox import Sandbox
print(Sandbox(ContainedExecute(), Path({str(tmp_path)!r})).run({hide!r}, {HANG}), flush=True)
input()
"""

    def left() -> list[psutil.Process]:
        found = psutil.process_iter(["cmdline"])
        return [each for each in found if (each.info["cmdline"] or [""])[-1] == marker]

    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as grading:
        assert grading.stdout
        assert grading.stdout.readline() == "([], '', '')\n"
        until = time.monotonic() + HANG
        while not left() and time.monotonic() < until:
            time.sleep(0.05)
        assert left()
        grading.kill()
    while left() and time.monotonic() < until:
        time.sleep(0.05)
    assert not left()


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


def test_where_nothing_contains_student_code_grading_stops(kit, tmp_path, monkeypatch) -> None:
    settings = kit.plugins.ContainedExecute()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(kit.sandbox.Refused, match="bubblewrap is missing: apt install bubblewrap"):
        kit.sandbox.try_out(settings)
    with pytest.raises(kit.sandbox.Refused, match="neither docker nor podman"):
        kit.sandbox.try_out(kit.plugins.ContainedExecute(container="image"))
    program(tmp_path, "bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    with pytest.raises(kit.sandbox.Refused, match="uid map: Permission denied"):
        kit.sandbox.try_out(settings)
    monkeypatch.setattr(kit.sandbox, "LOOK", kit.sandbox.LOOK.replace("mmnist_lib", "none_lib"))
    with pytest.raises(kit.sandbox.Refused, match="lacks none_lib: install it for"):
        kit.sandbox.try_out(kit.plugins.ContainedExecute(contained=False))


def test_the_instructor_may_ask_for_a_container_or_for_nothing(kit, tmp_path, monkeypatch) -> None:
    log = tmp_path / "log"
    keep = f'echo "${{@:1:50}}" | head -1 >> {log}'
    become = f'[ "$1" = run ] && exec {sys.executable} "${{@: -3}}"'
    program(tmp_path / "bin", "docker", f"{keep}\n{become}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    settings = kit.plugins.ContainedExecute(container="our-image", memory_gb=1)
    kernel = kit.sandbox.Sandbox(settings, tmp_path)
    try:
        assert kernel.run("print(40 + 2)", HANG)[0] == [new_output("stream", text="42\n")]
    finally:
        kernel.stop()
    started, removed = log.read_text().splitlines()
    options = "--rm --interactive --pull never --name kernel-[^ ]+ --network none --read-only"
    assert re.match(f"run {options}", started)
    assert "--memory 1000000000 " in started
    assert " our-image python -P -c" in started
    assert re.match("rm --force kernel-", removed)
    alone = kit.sandbox.try_out(kit.plugins.ContainedExecute(contained=False))
    assert alone.startswith("NOT CONTAINED: it can read and change all that you can")


def test_systemd_bounds_the_memory_where_it_is_there(kit, tmp_path, monkeypatch) -> None:
    log = tmp_path / "log"
    text = f'echo "$@" >> {log}\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"'
    program(tmp_path / "bin", "systemd-run", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    kit.sandbox.scope.cache_clear()
    with kit.sandbox.start(
        kit.plugins.ContainedExecute(memory_gb=2), "print(1)", tmp_path, stdout=subprocess.PIPE
    ) as started:
        assert started.stdout.read() == b"1\n"
    kit.sandbox.scope.cache_clear()
    tried, used = log.read_text().split(" true\n")
    assert "--property=MemoryMax=2000000000 --property=MemorySwapMax=0" in tried
    assert used.startswith(f"{tried} ") and "bwrap" in used


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("", "name the folder that make release made"),
        ("nbgrader_config.py", "make release COURSE=folder"),
        ("gradebook.db", "make release COURSE=folder"),
        ("submitted", "submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb"),
    ],
)
def test_wrong_use_is_explained(kit, tmp_path, broken, words) -> None:
    for name in ("nbgrader_config.py", "gradebook.db", "submitted"):
        if broken and name != broken:
            (tmp_path / name).mkdir()
    with pytest.raises(kit.grading.WrongUse, match=re.escape(words)):
        kit.grading.Course(tmp_path / ("" if broken else "none"), {})


def test_an_unknown_assignment_and_a_bad_list_are_explained(course, kit, tmp_path, capsys) -> None:
    assert main(kit, str(course), "--assignment=09-none") == 2
    assert "it has 01-tiny" in capsys.readouterr().err
    other = kit.grading.Course(course, {})
    other.folder = tmp_path
    (tmp_path / "students.csv").write_text("name;mail\nx;y\n")
    with pytest.raises(kit.grading.WrongUse, match="header id,first_name,last_name,email"):
        other.add_students()
