"""Grade what is in submitted/, write feedback/ and scores.csv: ``python grading.py``.

Each submission is graded by itself, in a confined kernel (`course_plugins.py`), so a bad one
stops none of the others. What was graded and has not changed since is left as it is. Points
that were given by hand, in nbgrader's formgrader, are kept and counted.

Exit status: 0 if all submissions were graded, 1 if some could not be, 2 for wrong use.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import fcntl
import hashlib
import importlib.util
import io
import json
import logging
import os
import re
import shutil
import signal
import stat
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import matching  # beside this file

HERE = Path(__file__).resolve().parent
SHAPE = "put each notebook into submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb"
COLUMNS = ("student", "last_name", "first_name", "assignment", "score", "max", "waiting", "remark")
MOST_FILES, DEEPEST = 1000, 10  # files and nested folders of a submission
OTHERWISE = (
    "Otherwise grade with --container IMAGE, or, where nothing is of value, with --not-contained: "
    "README.md explains both"
)


class WrongUse(Exception):
    """Nothing can be graded, and the message says what to do."""


class NotGraded(Exception):
    """One submission cannot be graded, and the message says why."""


@dataclass
class Record:
    """What is known of a submission from the run that graded it."""

    files: str = ""  # a hash of what was submitted, and of the assignment
    by_hand: str = ""  # a hash of the points and comments that the feedback shows
    graded: bool = False
    remark: str = ""


class Course:
    """A course folder, as `make release` made it.

    Parameters
    ----------
    folder : Path
        With nbgrader_config.py, gradebook.db and submitted/.
    limits : dict of str to object
        Settings of `ContainedExecute` that replace those of nbgrader_config.py.
    """

    def __init__(self, folder: Path, limits: dict[str, Any]) -> None:
        needed = {
            "": "name the folder that make release made",
            "nbgrader_config.py": "make the course with: make release COURSE=folder",
            "gradebook.db": "make the course with: make release COURSE=folder",
            "submitted": SHAPE,
        }
        for name, remedy in needed.items():
            if not (folder / name).exists():
                raise WrongUse(f"{folder / name} is missing: {remedy}")
        if importlib.util.find_spec("nbgrader") is None:
            raise WrongUse(f"nbgrader is missing in {sys.executable}: pip install nbgrader")
        from nbgrader.api import Gradebook
        from nbgrader.coursedir import CourseDirectory
        from traitlets.config.loader import PyFileConfigLoader

        self.folder = folder.resolve()
        self.config = PyFileConfigLoader("nbgrader_config.py", path=str(self.folder)).load_config()
        self.config.ContainedExecute.update(limits)
        self.directory = CourseDirectory(root=str(self.folder), config=self.config)
        self.gradebook = Gradebook(self.directory.db_url, self.directory.course_id)
        self.records_file = self.folder / "graded.json"
        self.records: dict[str, Record] = {}
        self.listed: set[str] = set()
        with contextlib.suppress(
            OSError, ValueError, TypeError, AttributeError
        ):  # then all is graded again
            stored = json.loads(self.records_file.read_text("utf-8"))
            self.records = {key: Record(**record) for key, record in stored.items()}

    def containment(self) -> str:
        """Try out what contains student code here, and say it."""
        sandbox = importlib.import_module("sandbox")  # nbgrader_config.py knows where it is
        plugins = importlib.import_module("course_plugins")
        limits = plugins.ContainedExecute(config=self.config)
        try:
            kept = sandbox.try_out(limits)
        except sandbox.Refused as trouble:
            raise WrongUse(f"{trouble}. {OTHERWISE}") from None
        most = f"{limits.cell_seconds:g} s and 1 MB of text a cell, {limits.memory_gb:g} GB"
        return f"Limits of student code: {most}. {kept}"

    def add_students(self) -> None:
        """Enter students.csv into the gradebook."""
        path = self.folder / "students.csv"
        if not path.exists():
            return
        try:
            rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
            self.listed = {row["id"].strip() for row in rows}
            for row in rows:
                names = ("first_name", "last_name", "email", "lms_user_id")
                about = {name: row[name].strip() for name in names if row.get(name)}
                self.gradebook.update_or_create_student(row["id"].strip(), **about)
        except (KeyError, AttributeError, UnicodeDecodeError, csv.Error) as trouble:
            raise WrongUse(
                f"{path} cannot be read ({trouble!r}): save it in UTF-8, with commas, and with the "
                "header id,first_name,last_name,email"
            ) from None

    def submissions(self, only: str | None) -> list[tuple[str, str]]:
        """Return students and assignments, sorted, and say what is left out."""
        assignments = sorted(assignment.name for assignment in self.gradebook.assignments)
        if only and only not in assignments:
            known = ", ".join(assignments) or "none"
            raise WrongUse(f"the gradebook has no assignment {only!r}: it has {known}")
        found = []
        for student in sorted((self.folder / "submitted").iterdir()):
            if student.name.startswith("."):
                continue
            if self.listed and student.is_dir() and student.name not in self.listed:
                print(plain(f"submitted/{student.name} is not in students.csv: a typing error?"))
            parts = sorted(student.iterdir()) if student.is_dir() else []
            names = [part.name for part in parts if part.is_dir() and part.name[0] != "."]
            if not names:
                why = "it holds no folder of an assignment"
                print(plain(f"submitted/{student.name} is left out: {why}"))
            for name in names:
                if name not in assignments:
                    print(plain(f"submitted/{student.name}/{name} is left out: no such assignment"))
                elif only in (None, name):
                    found.append((student.name, name))
        if not found:
            what = f"submission of {only}" if only else "submission"
            raise WrongUse(f"{self.folder / 'submitted'} holds no {what}: {SHAPE}")
        return found

    def grade(self, student: str, assignment: str, force: bool) -> str:
        """Grade a submission unless that was done; return what to say about it."""
        key = f"{student}/{assignment}"
        place = self.folder / "submitted" / student / assignment
        made = [self.folder / step / student / assignment for step in ("autograded", "feedback")]
        record, says = self.records.get(key, Record()), "unchanged"
        try:
            files = fingerprint([*files_of(place), *self.folder.glob(f"source/{assignment}/**/*")])
            done = record.graded and record.files == files and not force
            done = done and all(path.exists() for path in made)
            if not done:
                record = Record(files)
                with self.matched(place, student, assignment) as said:
                    self.run("Autograde", student, assignment)
                self.gradebook.db.rollback()  # nbgrader wrote by another connection: read anew
                record.remark = says = matching.plain(
                    "; ".join(said + self.causes(student, assignment))
                )
                record.graded = True
            self.gradebook.db.rollback()
            by_hand = self.by_hand(student, assignment)
            if not done or record.by_hand != by_hand:
                self.run("GenerateFeedback", student, assignment)
                record.by_hand = by_hand
                says = "unchanged, but new points or comments by hand" if done else says
        except Exception as trouble:  # no submission may stop the others
            words = f"{trouble}" if isinstance(trouble, NotGraded) else f"{trouble!r}"
            record = Record(remark=matching.plain(f"not graded: {words}"))
            says = record.remark
        self.records[key] = record
        stored = {name: asdict(each) for name, each in sorted(self.records.items())}
        write(self.records_file, json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
        score, most, waiting = self.points(student, assignment)
        parts = [f"{score}/{most}" if record.graded else ""]
        parts[0] += f" ({waiting} to grade by hand)" if waiting else ""
        parts += [
            self.late(student, assignment),
            says,
            f"feedback: feedback/{key}" if record.graded else "",
        ]
        return "  ".join(filter(None, parts))

    @contextlib.contextmanager
    def matched(self, place: Path, student: str, assignment: str) -> Iterator[list[str]]:
        """Show nbgrader a copy of a submission whose files and cells are those of the release."""
        import nbformat

        said: list[str] = []
        submitted = self.directory.submitted_directory
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, student, assignment)
            shutil.copytree(place, copy, ignore=shutil.ignore_patterns("*.ipynb", ".ipynb*"))
            for notebook in self.gradebook.find_assignment(assignment).notebooks:
                released = self.folder / "release" / assignment / f"{notebook.name}.ipynb"
                try:
                    handed_in, notes = matching.handed_in(place, released)
                except ValueError as trouble:
                    raise NotGraded(str(trouble)) from None
                nbformat.write(handed_in, copy / released.name)
                said += notes
            self.directory.submitted_directory = folder
            try:
                yield said
            finally:
                self.directory.submitted_directory = submitted

    def run(self, converter: str, student: str, assignment: str) -> None:
        """Run one of nbgrader's converters on one submission."""
        from nbgrader import converters

        self.directory.student_id, self.directory.assignment_id = student, assignment
        app = getattr(converters, converter)(coursedir=self.directory, config=self.config)
        app.force = True
        log = io.StringIO()
        handler = logging.StreamHandler(log)
        app.log.addHandler(handler)
        try:
            app.start()
        except Exception as trouble:
            lines = re.findall(r"^[\w.]+: \S.*", log.getvalue(), re.M)  # of its tracebacks
            raise NotGraded([f"{type(trouble).__name__}: {trouble}", *lines][-1]) from None
        finally:
            app.log.removeHandler(handler)

    def causes(self, student: str, assignment: str) -> list[str]:
        """Say in words why cells have less than their points."""
        import nbformat

        said = []
        for notebook in self.gradebook.find_submission(assignment, student).notebooks:
            path = self.folder / "autograded" / student / assignment / f"{notebook.name}.ipynb"
            points = {each.name: (each.auto_score, each.max_score) for each in notebook.grades}
            said += matching.causes(nbformat.read(path, as_version=4), points)
        return said

    def submission(self, student: str, assignment: str) -> Any:
        """Return what the gradebook has of a submission, or None."""
        from nbgrader.api import MissingEntry

        with contextlib.suppress(MissingEntry):
            return self.gradebook.find_submission(assignment, student)
        return None

    def late(self, student: str, assignment: str) -> str:
        """Say that a submission came after the deadline, if it did, in the time of this place."""
        submission = self.submission(student, assignment)
        if submission is None or not submission.total_seconds_late:
            return ""
        came, due = (
            moment.replace(tzinfo=UTC).astimezone().strftime("%Y-%m-%d %H:%M")
            for moment in (submission.timestamp, submission.duedate)
        )
        return f"late: {came}, due {due}"

    def by_hand(self, student: str, assignment: str) -> str:
        """Return a hash of all points and comments."""
        found: list[Any] = []
        submission = self.submission(student, assignment)
        for notebook in submission.notebooks if submission else []:
            found += [(each.cell.name, each.score) for each in notebook.grades]
            found += [(each.cell.name, each.comment) for each in notebook.comments]
        return hashlib.sha256(repr(sorted(found, key=repr)).encode()).hexdigest()

    def points(self, student: str, assignment: str) -> tuple[str, str, str]:
        """Return the score, the largest possible one, and how many cells wait to be graded."""
        most = f"{self.gradebook.find_assignment(assignment).max_score:g}"
        submission = self.submission(student, assignment)
        if submission is None or not self.records[f"{student}/{assignment}"].graded:
            return "", most, ""
        late = sum(notebook.late_submission_penalty or 0 for notebook in submission.notebooks)
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        waiting = sum(grade.needs_manual_grade for grade in grades)
        return f"{submission.score - late:g}", most, str(waiting or "")

    def write_scores(self) -> None:
        """Write scores.csv: each student, and each assignment that anyone submitted."""
        names = {each.id: (each.last_name, each.first_name) for each in self.gradebook.students}
        students = sorted({key.split("/")[0] for key in self.records} | set(names))
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for student in students:
            for assignment in sorted({key.split("/")[1] for key in self.records}):
                record = self.records.get(f"{student}/{assignment}")
                points = self.points(student, assignment) if record else ("", "", "")
                remarks = (
                    self.late(student, assignment),
                    record.remark if record else "not submitted",
                )
                about = (student, *names.get(student, ("", "")), assignment)
                row = (*about, *points, "; ".join(filter(None, remarks)))
                writer.writerow([plain(each or "") for each in row])
        write(self.folder / "scores.csv", table.getvalue())


def files_of(place: Path) -> list[Path]:
    """Return the files of a submission; refuse it before any is read if they are not plain."""
    found, folders, size = [], [place], 0
    if place.is_symlink() or place.parent.is_symlink():
        raise NotGraded(f"{place.name} is a link to another folder: submit the folder itself")
    while folders:
        for entry in os.scandir(folders.pop()):
            about = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            elif not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
                # nbgrader would copy what it leads to, such as the solutions
                raise NotGraded(f"{entry.name} is a link to another file: submit the file itself")
            found.append(Path(entry.path))
            size += about.st_size
            if size > matching.LARGEST:
                raise NotGraded(f"it is larger than {matching.LARGEST / 1e6:g} MB")
            if len(found) > MOST_FILES or len(found[-1].relative_to(place).parts) > DEEPEST:
                raise NotGraded(
                    f"it holds more than {MOST_FILES} files, or {DEEPEST} nested folders"
                )
    return found


def fingerprint(paths: list[Path]) -> str:
    """Return a hash of some files and their names."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(str(path).encode())
        if path.is_file():
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def plain(text: str) -> str:
    """Return text that a terminal and a spreadsheet only show; a student may have written it."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"'{shown}" if shown[:1] in tuple("=+-@") else shown


def write(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def grade(course: Course, only: str | None, force: bool) -> int:
    """Grade all submissions, with a line for each; return the exit status."""
    course.add_students()
    submissions = course.submissions(only)
    print(course.containment(), flush=True)
    graded = 0
    try:
        for number, (student, assignment) in enumerate(submissions, start=1):
            says = course.grade(student, assignment, force)
            line = f"{number}/{len(submissions)}  {student}  {assignment}  {says}"
            print(plain(line), flush=True)
            graded += course.records[f"{student}/{assignment}"].graded
    except KeyboardInterrupt:
        print("Stopped. What was graded is kept, and the same command goes on from there.")
    finally:
        course.write_scores()
    print(f"{graded} of {len(submissions)} are graded: see scores.csv")
    return 0 if graded == len(submissions) else 1


def interrupt(*_: Any) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Grade what is in submitted/ of a course.")
    parser.add_argument("course", nargs="?", type=Path, default=HERE, help="default: where I am")
    parser.add_argument("--assignment", help="grade only this one")
    parser.add_argument("--force", action="store_true", help="grade again what was graded")
    parser.add_argument("--seconds", type=float, help="the time limit of a cell")
    parser.add_argument("--memory", type=float, help="the memory limit, in GB")
    parser.add_argument("--container", metavar="IMAGE", help="run student code in this image")
    parser.add_argument(
        "--not-contained", action="store_true", help="let student code do all that you may do"
    )
    options = parser.parse_args(arguments)
    limits: dict[str, Any] = {"contained": not options.not_contained}
    if options.container:
        limits["container"] = options.container
    if options.seconds:
        limits |= {"cell_seconds": options.seconds, "all_seconds": 15 * options.seconds}
    if options.memory:
        limits["memory_gb"] = options.memory
    warnings.simplefilter("ignore")  # nbformat's, about the notebooks of students
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        course = Course(options.course, limits)
        folder = os.open(course.folder, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise WrongUse(f"{course.folder} is being graded already: wait for its end") from None
        try:
            return grade(course, options.assignment, options.force)
        finally:
            os.close(folder)
    except WrongUse as trouble:
        print(f"grading.py: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped before anything was graded.")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
