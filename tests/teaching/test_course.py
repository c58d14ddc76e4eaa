"""A course from its release to its marks: what `make release`, `collect`, `grade` and `export` do.

Five made-up hand-ins to the exercises of chapter 4 come in a zip as Moodle makes it, and are
graded in one run. What bad code can do to a run is tried in test_grading.py, and what a notebook
may have gone through in test_matching.py.
"""

import copy
import csv
import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from teaching import editions
from tests.limits import HANG
from tests.teaching.test_exercises import (
    nbgrader,
    prepared,
    read_mistakes,
    source_version,
    student_edition,
)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(editions.COURSE))
import collecting  # noqa: E402  (a part of the course folder, which is no package)
import exporting  # noqa: E402

NAME = "04-bouncing"
RELEASED = ["01-loading", NAME]  # two will do: every assignment takes the same way
each_released = pytest.mark.parametrize("name", RELEASED)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs Linux or macOS")


def run(*command, cwd=ROOT) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, command)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=HANG)


def release(folder: Path, change=None, rename="") -> None:
    """Release two assignments, perhaps after a change of their cells."""

    sources = {name: copy.deepcopy(prepared(name)) for name in RELEASED}
    for notebook, *_ in sources.values() if change else ():
        for cell in notebook.cells:
            cell.source = change(cell.source)
    for cell in sources[NAME][0].cells if rename else ():
        if nbgrader(cell).get("grade_id") == rename:
            cell.metadata["nbgrader"]["grade_id"] += "-2"
    with pytest.MonkeyPatch.context() as patch:
        masters = [path for path in editions.MASTERS if path.stem in RELEASED]
        patch.setattr(editions, "MASTERS", masters)
        patch.setattr(editions, "SEED", folder.parent / "seed.txt")  # a fork's own may be stored
        patch.setattr(editions, "prepared", lambda master, seed: sources[master.stem])
        editions.main(["release", str(folder)])


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "course"
    release(folder)
    return folder


def read(path: Path):
    return nbformat.read(path, as_version=4)


def test_a_release_holds_every_assignment_and_nothing_of_ours(course):
    assert sorted(path.name for path in (course / "release").iterdir()) == RELEASED
    assert sorted(path.name for path in (course / "source").iterdir()) == RELEASED
    assert {path.name for path in course.iterdir() if path.is_file()} == {
        path.name for path in editions.COURSE.iterdir() if path.is_file()
    } | {"gradebook.db"}


@each_released
def test_a_release_is_the_student_edition(course, name):
    released = read(course / "release" / name / f"{name}.ipynb")
    student = student_edition(name)
    fresh = editions.on_the_site(student)
    sources = [cell.source.rstrip("\n") for cell in released.cells]
    hints = f"/book/exercises/{name}.html)"  # a class may have to do without them
    assert hints in student.cells[0].source and hints not in sources[0]
    assert sources == [cell.source for cell in fresh.cells]
    assert not any(cell.get("outputs") for cell in released.cells)
    # The file of its checks lies beside it, and its links lead where a student can follow.
    assert {path.name for path in (course / "release" / name).iterdir()} == {
        f"{name}.ipynb",
        prepared(name)[1],
    }
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(sources))
    assert links and all(re.match("https://|#", link) for link in links)


@each_released
def test_a_release_has_no_trace_of_solutions_and_hidden_tests(course, name):
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (course / "release" / name).iterdir()
    )
    for trace in ("SOLUTION", "HIDDEN", ".require(", "SEED", "frozen", "master"):
        assert trace not in text
    given = editions.on_the_site(student_edition(name)).cells
    given = "\n".join(cell.source for cell in given)
    kept = "\n".join(cell.source for cell in read(course / "source" / name / f"{name}.ipynb").cells)
    secret = [line.strip() for line in kept.splitlines()]
    secret = [line for line in secret if len(line) > 24 and line not in given]
    assert len(secret) > 20 and not [line for line in secret if line in text]


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


# ---- hand in, collect, grade ----


def hand_in(course: Path, student: str):
    """What a student makes of the released notebook."""
    solutions = {
        nbgrader(cell)["grade_id"]: cell.source
        for cell in source_version(NAME).cells
        if nbgrader(cell).get("solution")
    }
    wrong = {task: code for task, _, _, code in reversed(read_mistakes(NAME))}  # the first of each
    answers = solutions | {
        "ada": {},
        "ben": {},
        "cy": {"mend": wrong["mend"], "mirror": wrong["mirror"]},
        "di": {"mend": "def mended_path(start:\n    pass", "colleague": None},
        "eve": {"ink": "def ink_frames(*_, **__):\n    return [][0]", "ink-check": "True"},
    }[student]  # fmt: skip
    notebook = read(course / "release" / NAME / f"{NAME}.ipynb")
    for cell in notebook.cells:
        cell.source = answers.get(nbgrader(cell).get("grade_id")) or cell.source
        if student == "ben":  # whose editor drops what it does not know
            cell.metadata.pop("nbgrader", None)
    if student == "cy":
        gone = ("mirror-check", "mirror-expected")
        notebook.cells = [c for c in notebook.cells if nbgrader(c).get("grade_id") not in gone]
    return nbformat.writes(notebook)


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 10, 7, 9, 0, 0)), text)
    return path


NAMES = {"ada": "Ada Önes", "ben": "Ben Two", "cy": "Cy Three", "di": "Di Four", "eve": "Eve Five",
         "fay": "Fay Six"}  # fmt: skip
IN_TIME = "Monday, 5 October 2026, 8:00 PM"
HANDED_IN = dict.fromkeys(NAMES, IN_TIME) | {
    "ben": "Tuesday, 6 October 2026, 12:10 AM",
    "di": "Tuesday, 6 October 2026, 9:05 AM",
    "fay": "-",
}
WORKSHEET = "Identifier,Full name,Email address,Last modified (submission),Grade\n" + "".join(
    f'Participant {number},{name},{student}@example.edu,"{HANDED_IN[student]}",\n'
    for number, (student, name) in enumerate(NAMES.items(), start=100)
)


@pytest.fixture(scope="module")
def collected(course, tmp_path_factory):
    """Five hand-ins from Moodle: two are late, one is renamed beside an untouched notebook."""
    folder = tmp_path_factory.mktemp("moodle")
    (folder / "grades.csv").write_text(WORKSHEET, encoding="utf-8")
    untouched = (course / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    files = {}
    for number, student in enumerate(("ada", "ben", "cy", "di", "eve"), start=100):
        place = f"{NAMES[student]}_{number}_assignsubmission_file_/{NAME}"
        files[f"{place}{' (1)' * (student == 'eve')}.ipynb"] = hand_in(course, student)
    files[f"{place}.ipynb"] = untouched
    files |= {"Gus Gast_999_assignsubmission_file_/my.ipynb": untouched, "__MACOSX/x.ipynb": ""}
    files["Ada Önes_100_assignsubmission_file_/photo.jpg"] = ""
    options = ["--roster", str(folder / "grades.csv"), "--deadline", "2026-10-05"]
    with pytest.MonkeyPatch.context() as patch:
        printed = io.StringIO()
        patch.setattr(sys, "stdout", printed)
        status = collecting.main([str(course), str(zipped(folder / "m.zip", files)), *options])
    return status, printed.getvalue()


def test_moodles_zip_is_unpacked_and_what_finds_no_place_is_named(course, collected):
    status, said = collected
    assert status == 1
    assert said.splitlines() == [
        "Gus Gast_999_assignsubmission_file_/my.ipynb is left out: Gus Gast is not in "
        "students.csv: add a line, or pass the platform's own list as ROSTER=…",
        "Ada Önes_100_assignsubmission_file_/photo.jpg is left out: it is no notebook",
        f"{NAME}: 5 of 6 students handed in; missing: fay; late: ben, di",
    ]
    assert sorted(path.name for path in (course / "submitted").iterdir()) == sorted(NAMES)[:-1]
    assert {path.name for path in (course / "submitted/eve" / NAME).iterdir()} == {
        f"{NAME}.ipynb", f"{NAME} (1).ipynb", "timestamp.txt",
    }  # fmt: skip
    assert "\nada,Ada,Önes,ada@example.edu," in (course / "students.csv").read_text("utf-8")


AUTOMATIC = {"ada": "9", "ben": "9", "cy": "3", "di": "6", "eve": "7"}


@pytest.fixture(scope="module")
def graded(course, collected, bubblewrap) -> subprocess.CompletedProcess:
    return run(course / "grading.py", course)


def scores(course: Path) -> dict[str, dict[str, str]]:
    with (course / "scores.csv").open(encoding="utf-8", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_five_hand_ins_are_graded_in_one_run(course, graded):
    assert graded.returncode == 0, graded.stdout + graded.stderr
    for number, (student, score) in enumerate(AUTOMATIC.items(), start=1):
        assert re.search(rf"^{number}/5  {student}  {NAME}  {score}/10\b", graded.stdout, re.M)
    table = scores(course)
    assert {student: row["score"] for student, row in table.items()} == AUTOMATIC | {"fay": ""}
    assert table["ada"]["last_name"] == "Önes" and table["fay"]["remark"] == "not submitted"
    # An untouched written answer is 0 points; the others wait for a person.
    assert [row["waiting"] for row in table.values()] == ["1", "1", "1", "", "1", ""]


def test_each_cell_below_its_points_has_a_remark_with_its_cause(course, graded):
    remarks = {student: row["remark"] for student, row in scores(course).items()}
    assert remarks["ada"] == ""
    assert remarks["ben"] == (
        "late: 2026-10-06 00:10, due 2026-10-05 23:59; "
        "its metadata was lost; its cells were matched by text and position"
    )
    assert "mend: it records before it steps: step first, then record; mirror: " in remarks["cy"]
    late, failed, mend, words = remarks["di"].split("; ")
    assert late.startswith("late: 2026-10-06 09:05")
    assert re.fullmatch(r"cell \d+: SyntaxError: .* \(line \d+\)", failed)
    assert mend == "mend: NameError: name 'mended_path' is not defined"
    assert words == "colleague: no answer"
    assert remarks["eve"].startswith(
        f"{NAME} (1).ipynb was graded as {NAME}.ipynb; "
        f"{NAME}.ipynb, with 0 answers, was left aside; "
    )
    assert remarks["eve"].endswith("it raised IndexError in line 2 of your cell: list index out of "
                                   "range")  # fmt: skip


def test_the_feedback_says_why_and_hides_the_tests(course, graded):
    pages = {
        path.parent.parent.name: path.read_text(encoding="utf-8")
        for path in (course / "feedback").rglob("*.html")
    }
    assert set(pages) == set(AUTOMATIC)
    assert "it records before it steps: step first, then record" in pages["cy"]
    assert "it raised IndexError in line 2 of your cell: list index out of range" in pages["eve"]
    for page in pages.values():
        assert "HIDDEN" not in page and ".require(" not in page


# ---- release again ----


def gradebook_of(course: Path) -> dict[str, float]:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db", "moving-mnist") as book:
        return {each.student.id: each.score for each in book.assignment_submissions(NAME)}


def test_a_mended_typo_is_released_again_and_the_gradebook_is_kept(course, graded, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(course, again)
    (again / "nbgrader_config.py").write_text("# mine\n")
    (again / "source" / "my-own").mkdir()
    before = gradebook_of(again)
    release(again, change=lambda source: source.replace("Follow the clamp rule", "Do as it does"))
    assert gradebook_of(again) == before and before["ada"] == 9
    text = (again / "release" / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    assert "Do as it does" in text and "Follow the clamp rule" not in text
    assert (again / "nbgrader_config.py").read_text() == "# mine\n"
    for kept in ("students.csv", "source/my-own", "submitted/ada", "feedback/ada", "graded.json"):
        assert (again / kept).exists()
    with pytest.raises(SystemExit, match=f"{NAME}: hand-ins have been graded, so its tasks must"):
        release(again, rename="mirror")
    assert "Do as it does" in (again / "release" / NAME / f"{NAME}.ipynb").read_text("utf-8")
    assert gradebook_of(again) == before


def test_a_course_keeps_its_seed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(editions, "prepared", lambda master, seed: asked.append(seed))
    monkeypatch.setattr(editions, "MASTERS", editions.MASTERS[:1])

    def write_course(course, sources):
        (course / "gradebook.db").write_text("")

    monkeypatch.setattr(editions, "write_course", write_course)
    for options in (["--seed=7"], [], ["--seed=8"], []):
        editions.main(["release", str(tmp_path / "course"), *options])
    assert asked == [7, 7, 8, 8]


def test_a_folder_that_is_no_course_is_left_alone(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear Ada")
    with pytest.raises(SystemExit, match="holds files that are no course: name a new folder"):
        editions.release(tmp_path, None)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


# ---- export ----


def exported(course: Path, form: str) -> list[list[str]]:
    assert exporting.main([str(course), form]) == 0
    with (course / f"marks-{form}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_the_marks_have_a_row_for_each_student(course, graded, capsys):
    head, *rows = exported(course, "csv")
    assert head == ["id", "last_name", "first_name", "email", NAME, "total", "of"]
    marks = {row[0]: row[4:] for row in rows}
    assert marks == {
        student: [score, score, "10"] for student, score in AUTOMATIC.items()
    } | {"fay": ["", "0", "10"]}  # fmt: skip
    said = capsys.readouterr().out
    assert "4 answers wait to be graded by hand, and count 0 until then" in said


def test_the_marks_are_written_as_moodle_and_canvas_read_them(course, graded):
    head, *rows = exported(course, "moodle")
    assert head == ["First name", "Last name", "ID number", "Email address", NAME]
    assert ["Ada", "Önes", "ada", "ada@example.edu", "9"] in rows and len(rows) == 6
    head, possible, *rows = exported(course, "canvas")
    assert head == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME]
    assert possible == ["Points Possible", "", "", "", "", "10"]
    assert ["Two, Ben", "", "", "ben", "", "9"] in rows


def test_the_marks_have_a_column_for_what_was_handed_in_in_the_order_of_names(
    course, graded, tmp_path
):
    from nbgrader.api import Gradebook

    again = tmp_path / "again"
    shutil.copytree(course, again)
    with Gradebook(f"sqlite:///{again}/gradebook.db", "moving-mnist") as book:
        book.add_submission(RELEASED[0], "ada")
        book.add_assignment("00-nobody-did-it")
    assert exported(again, "csv")[0][4:] == [*RELEASED, "total", "of"]


# ---- Canvas' layout ----

GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,04 (7)
    Points Possible,,,,,10
"Two, Ben",201,S1,ben@example.edu,A,
"Twin, Ida",202,S2,ida1,A,
"Twin, Ida",203,S3,ida2,A,
"Student, Test",204,,0123,A,
"""


@pytest.fixture
def other(course, tmp_path) -> Path:
    """The same course before anything was handed in."""
    made = ("submitted", "autograded", "feedback", "*.csv", "graded.json")
    shutil.copytree(course, tmp_path / "other", ignore=shutil.ignore_patterns(*made))
    (tmp_path / "other" / "submitted").mkdir()
    return tmp_path / "other"


def test_canvas_zip_is_unpacked_by_its_numbers_and_says_who_is_late(course, other, capsys):
    (other / "list.csv").write_text(GRADEBOOK, encoding="utf-8")
    text = student_edition(NAME)
    first, second = (nbformat.writes(text), nbformat.writes(student_edition(RELEASED[0])))
    files = {
        f"twoben_201_9001_{NAME}-1.ipynb": first,
        "twinida_LATE_202_9002_homework.ipynb": first,
        "twinida_203_9003_another.ipynb": second,
        f"twoben_201_9004_broken-{RELEASED[0]}.ipynb": "{",
        "twinida_203_9005_empty.ipynb": "{}",
    }
    options = ["--roster", str(other / "list.csv"), "--deadline", "2026-10-05 23:59"]
    assert collecting.main([str(other), str(zipped(other / "c.zip", files)), *options]) == 1
    found = {str(path.relative_to(other / "submitted")) for path in other.glob("submitted/*/*/*")}
    assert found == {
        f"ben-example.edu/{RELEASED[0]}/broken-{RELEASED[0]}.ipynb".replace("ben-", "ben@"),
        f"ben@example.edu/{NAME}/{NAME}-1.ipynb",
        f"ida1/{NAME}/homework.ipynb",
        f"ida1/{NAME}/timestamp.txt",
        f"ida2/{RELEASED[0]}/another.ipynb",
    }
    said = capsys.readouterr().out
    assert "empty.ipynb is left out: its cells are those of no assignment" in said
    assert "Late, as Canvas says, which does not say how much: ida1" in said
    names = "id,first_name,last_name,email,lms_user_id\n"
    assert (other / "students.csv").read_text("utf-8") == (
        f"{names}ben@example.edu,Ben,Two,ben@example.edu,201\n"
        "ida1,Ida,Twin,,202\nida2,Ida,Twin,,203\n"
    )


@pytest.mark.parametrize("name", ["Ida Twin_77_assignsubmission_file/x.ipynb",
                                  "Twin Ida_77_assignsubmission_file_x.ipynb"])  # fmt: skip
def test_a_name_that_two_students_have_is_left_to_a_person(other, name, capsys):
    (other / "students.csv").write_text("id,first_name,last_name\na,Ida,Twin\nb,Ida,Twin\n")
    assert collecting.main([str(other), str(zipped(other / "z.zip", {name: ""}))]) == 1
    assert "left out: 2 students are called" in capsys.readouterr().out


def test_a_file_in_a_zip_can_leave_no_folder_and_forge_no_line(other, capsys):
    (other / "students.csv").write_text("id,first_name,last_name\nb,Ben,Two\n")
    place = "Ben Two_7_assignsubmission_file_"
    names = [f"{place}//{NAME}.ipynb", f"{place}/../../{NAME}.ipynb", "x\x1b[2K\nada: 10/10"]
    text = nbformat.writes(student_edition(NAME))
    assert collecting.main([str(other), str(zipped(other / "z.zip", dict.fromkeys(names, text)))])
    assert {path.name for path in other.glob(f"submitted/b/{NAME}/*")} == {
        f"{NAME}.ipynb", f"{NAME} (2).ipynb",
    }  # fmt: skip
    assert not list(other.parent.glob("*.ipynb"))
    assert capsys.readouterr().out.startswith("x [2K ada: 10/10 is left out: neither Moodle nor")


@pytest.mark.parametrize(("minutes", "known"), [(5, False), (50, True)])
def test_the_times_in_a_zip_count_unless_they_are_those_of_a_download(other, minutes, known):
    (other / "students.csv").write_text("id,first_name,last_name\nb,Ben,Two\na,Ada,One\n")
    with zipfile.ZipFile(other / "z.zip", "w") as archive:
        for name, minute in (("Ben Two", 0), ("Ada One", minutes)):
            place = f"{name}_7_assignsubmission_file_/{NAME}.ipynb"
            member = zipfile.ZipInfo(place, (2026, 10, 5, 20, minute, 0))
            archive.writestr(member, nbformat.writes(student_edition(NAME)))
    assert collecting.main([str(other), str(other / "z.zip")]) == 0
    assert (other / "submitted" / "b" / NAME / "timestamp.txt").exists() == known


def test_a_second_zip_replaces_the_first(other, capsys):
    (other / "students.csv").write_text(
        "id,first_name,last_name,group,Last modified (submission)\n"
        "b,Ben,Two,red,2026-10-05 20:00\n"  # of another assignment
    )
    for number, name in enumerate((f"{NAME}.ipynb", f"{NAME}-1.ipynb")):
        files = {f"twoben_1_{number}_{name}": nbformat.writes(student_edition(NAME))}
        assert collecting.main([str(other), str(zipped(other / "z.zip", files))]) == 0
    assert [path.name for path in other.glob("submitted/b/*/*")] == [f"{NAME}-1.ipynb"]
    said = capsys.readouterr().out
    assert f"b: {NAME}.ipynb, from before, is replaced by {NAME}-1.ipynb" in said
    assert "The zip does not say when these were handed in." in said
    assert "red" in (other / "students.csv").read_text()


@pytest.mark.parametrize(
    ("students", "options", "words"),
    [
        ("id\n", [], "has no students: fill it in, or pass ROSTER="),
        ("Name;Mail\nBen;b\n", [], "with the headings id,first_name,last_name,email"),
        ("id\nb\n", ["--deadline", "soon"], "DEADLINE=soon is no time: write it as 2026-10-05"),
        ("id\nb\n", ["--assignment", "09"], "has no assignment '09': it has 01-loading, 04-bou"),
        ("id\nb\n", [], "cannot be read as a zip"),
        (
            "Email address,Full name,Last modified (submission)\nb@x,Ben Two,gestern\n",
            ["a zip"],
            "says 'gestern' of b, which is no time: set Moodle's language to English",
        ),
    ],
)
def test_wrong_use_of_collect_is_explained(other, students, options, words, capsys):
    (other / "students.csv").write_text(students)
    path = other / "z.zip"
    path.write_text("no zip")
    if "a zip" in options:
        zipped(path, {"twoben_1_2_x.ipynb": ""})
        options = ["--roster", str(other / "students.csv")]
    assert collecting.main([str(other), str(path), *options]) == 2
    assert words in capsys.readouterr().err


def test_make_says_what_is_missing(tmp_path):
    if not shutil.which("make"):
        pytest.skip("needs make")
    for target in ("release", "grade", "export"):
        command = ["make", "-s", "-o", ".venv/bin/.grading-is-set-up", target, "COURSE="]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        assert f"Name the course folder, for example: make {target} COURSE=" in done.stderr
        if target != "release":
            command[-1] += str(tmp_path)
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 2 and "make or renew the course with make" in done.stderr
