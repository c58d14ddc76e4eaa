"""Unpack what Moodle or Canvas downloads into submitted/: ``python collecting.py COURSE ZIP``.

A file's name tells whose it is, through students.csv or a list that the platform downloads. Of
which assignment a notebook is, its cells tell. Whatever finds no place is named, and stays in the
zip. What is written is what nbgrader reads: a folder for each hand-in with its ``timestamp.txt``,
and the deadline in the gradebook. Its own ``zip_collect`` would not do: it takes the student from
the file's name alone, stops at a second file of that name, and forgets the times in the zip.

Exit status: 0 if each file found its place, 1 if some did not, 2 for wrong use.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import sys
import tempfile
import unicodedata
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import dateutil.parser
import matching  # beside this file, as the next
from grading import Course, WrongUse, write

MOODLE = re.compile(
    r"(?P<name>[^/]+)_(?P<number>\d+)_assignsubmission_file(_?/(?P<path>.+)|_(?P<flat>[^/]+))$"
)
CANVAS = re.compile(r"(?P<name>[^/_]+)_(?P<late>LATE_)?(?P<number>\d+)_\d+_(?P<flat>[^/]+)$")
# The headings of our list, of Moodle's participants and grading worksheet, of Canvas' gradebook.
HEADINGS = {
    **{name: name for name in ("id", "first_name", "last_name", "email", "lms_user_id")},
    "First name": "first_name",
    "Last name": "last_name",
    "Surname": "last_name",
    "Full name": "full_name",
    "Email address": "email",
    "Username": "id",
    "ID number": "id_number",
    "Identifier": "participant",
    "Last modified (submission)": "handed_in",
    "Student": "full_name",
    "ID": "lms_user_id",
    "SIS Login ID": "id",
}
COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")
MOMENT = timedelta(minutes=10)  # files that lie no farther apart bear the time of the download


@dataclass
class Students:
    """Who takes part, as some lists say."""

    rows: list[dict[str, str]] = field(default_factory=list)

    def read(self, path: Path) -> list[str]:
        """Add what a list says, of new students or of known ones; return its columns."""
        try:
            text = path.read_text("utf-8-sig")
            delimiter = max(",;\t", key=text.partition("\n")[0].count)
            reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
            table = list(reader)
        except (OSError, UnicodeDecodeError, csv.Error) as trouble:
            raise WrongUse(f"{path} cannot be read: {trouble}") from None
        for row in filter(None, map(student_of, table)):
            mail = row.get("email")
            for known in self.rows:
                if known["id"] == row["id"] or (mail and known.get("email") == mail):
                    known.update(row | {"id": known["id"]})
                    break
            else:
                self.rows.append(row)
        if table and not self.rows:
            raise WrongUse(
                f"{path} names no students: save it with the headings {','.join(COLUMNS[:4])}, or "
                "as Moodle and Canvas download it in English"
            )
        return [HEADINGS.get(head, head) for head in reader.fieldnames or ()]

    def find(self, name: str, number: str) -> dict[str, str]:
        """Return the student whom a file's name means, or raise a ValueError that says why not."""
        for key, value in (("participant", f"Participant {number}"), ("lms_user_id", number)):
            if found := [row for row in self.rows if row.get(key) == value]:
                return found[0]
        found = [row for row in self.rows if letters(name) in names(row)]
        if len(found) == 1:
            return found[0]
        remedy = "pass the platform's own list as ROSTER=…"
        if found:
            raise ValueError(f"{len(found)} students are called {name}: {remedy}")
        raise ValueError(f"{name} is not in students.csv: add a line, or {remedy}")

    def write(self, path: Path, columns: list[str]) -> None:
        """Store the list where grading looks for it, with these columns and its own."""
        table = io.StringIO()
        heads = list(dict.fromkeys([*columns, *COLUMNS]))
        writer = csv.DictWriter(table, heads, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write(path, table.getvalue())


def student_of(line: dict[str, str]) -> dict[str, str] | None:
    """Return what a line of a list says of a student, or None if it is about no student."""
    row = {HEADINGS.get(head, head): text.strip() for head, text in line.items() if head and text}
    full = row.get("full_name", "")
    last, comma, first = full.partition(",")  # as Canvas writes it
    if not comma:
        first, _, last = full.rpartition(" ")
    row = {"first_name": first.strip(), "last_name": last.strip()} | row
    name = row.get("id") or row.get("id_number") or row.get("email", "").partition("@")[0]
    if not name or full == "Student, Test":  # Canvas' points possible, and its test student
        return None
    if "@" in name:
        row.setdefault("email", name)
    return row | {"id": re.sub(r"[^\w.@-]", "-", name).strip(".")}


def names(row: dict[str, str]) -> set[str]:
    """Return the forms in which a platform may write a student's name."""
    first, last = row.get("first_name", ""), row.get("last_name", "")
    return {letters(f"{first}{last}"), letters(f"{last}{first}"), letters(row.get("full_name", ""))}


def letters(name: str) -> str:
    """Return a name without spaces, accents and capitals, which platforms leave out."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in plain if character.isalnum())


@dataclass
class File:
    """A notebook in the zip."""

    member: zipfile.ZipInfo
    student: dict[str, str]
    name: str
    late: bool

    @property
    def written(self) -> datetime | None:
        """When it was written, as the zip says."""
        try:
            return datetime(*self.member.date_time).astimezone(UTC)
        except ValueError:  # some programs write month 0
            return None


def files_in(archive: zipfile.ZipFile, students: Students) -> tuple[list[File], list[str]]:
    """Return the notebooks in a zip, and a line on each file that is no student's notebook."""
    found: list[File] = []
    said: list[str] = []
    for member in archive.infolist():
        path = PurePosixPath(member.filename)
        if member.is_dir() or path.name.startswith(".") or "__MACOSX" in path.parts:
            continue
        whose = MOODLE.search(member.filename) or CANVAS.search(member.filename)
        try:
            if whose is None:
                raise ValueError("neither Moodle nor Canvas names a file so")
            about = whose.groupdict()
            student = students.find(about["name"], about["number"])
            # Without a folder, so that it can leave none, and without a dot that would hide it.
            name = re.sub(r"[/\\]+", "-", about.get("path") or about["flat"]).lstrip("-.")
            if not name.endswith(".ipynb"):
                raise ValueError("it is no notebook")
            if member.file_size > matching.LARGEST:
                raise ValueError("it is larger than 50 MB")
            found.append(File(member, student, name, bool(about.get("late"))))
        except ValueError as trouble:
            said.append(f"{member.filename} is left out: {trouble}")
    return found, said


def assignment_of(name: str, content: bytes, releases: dict[str, matching.Release]) -> str:
    """Return the assignment whose cells a notebook holds, or else whose name its file bears."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notebook.ipynb")
        path.write_bytes(content)
        try:
            notebook = matching.readable(path)
        except ValueError:  # which grading will say
            notebook = None
    for assignment, release in releases.items():
        if notebook and release.is_like(notebook):
            return assignment
    for assignment in releases:
        if assignment in name:
            return assignment
    raise ValueError("its cells are those of no assignment: pass ASSIGNMENT=…")


def times(files: list[File]) -> list[datetime | None]:
    """Return when files were handed in, as far as the platform says so.

    Moodle's grading worksheet says it. A zip does if its files are of different times: Canvas
    and newer versions of Moodle write the time of the download. Canvas says who was late; such
    a file gets the time of the download, before which it was handed in.
    """
    written = [moment for file in files if (moment := file.written)]
    differ = bool(written) and max(written) - min(written) > MOMENT
    found: list[datetime | None] = []
    for file in files:
        stated = file.student.get("handed_in", "").strip("-")
        try:
            if stated:
                found.append(dateutil.parser.parse(stated).astimezone(UTC))
            else:
                found.append(file.written if file.late or differ else None)
        except (ValueError, OverflowError):
            raise WrongUse(
                f"the list says {stated!r} of {file.student['id']}, which is no time: set "
                "Moodle's language to English, and download the list again"
            ) from None
    return found


def collect(
    course: Course, zipped: Path, students: Students, only: str | None, due: datetime | None
) -> tuple[list[str], bool]:
    """Write each notebook in a zip to its place; return the assignments, and whether all fitted."""
    releases = {}
    for assignment in sorted(each.name for each in course.gradebook.assignments):
        path = course.folder / "release" / assignment / f"{assignment}.ipynb"
        releases[assignment] = matching.Release(matching.readable(path))
    if only not in (None, *releases):
        raise WrongUse(f"the gradebook has no assignment {only!r}: it has {', '.join(releases)}")
    places: dict[tuple[str, str], dict[str, bytes]] = defaultdict(dict)
    stamps: dict[tuple[str, str], datetime] = {}
    try:
        with zipfile.ZipFile(zipped) as archive:
            files, said = files_in(archive, students)
            for file, moment in zip(files, times(files), strict=True):
                try:
                    content = archive.read(file.member)
                    assignment = only or assignment_of(file.name, content, releases)
                except (ValueError, RuntimeError, zipfile.BadZipFile) as trouble:
                    said.append(f"{file.member.filename} is left out: {trouble}")
                    continue
                place = (assignment, file.student["id"])
                name, copies = file.name, 1
                while name in places[place]:
                    copies += 1
                    name = f"{Path(file.name).stem} ({copies}).ipynb"
                places[place][name] = content
                if moment:
                    stamps[place] = max(moment, stamps.get(place, moment))
    except (OSError, zipfile.BadZipFile) as trouble:
        raise WrongUse(f"ZIP={zipped} cannot be read as a zip: {trouble}") from None
    for place, contents in places.items():
        said += write_hand_in(course.folder / "submitted", place, contents, stamps.get(place))
    print(*map(matching.plain, said), sep="\n", end="\n" if said else "")
    found = sorted({assignment for assignment, _ in places})
    by_canvas = {file.student["id"] for file in files if file.late}
    for assignment in found:
        here = {student for name, student in places if name == assignment}
        missing = sorted(row["id"] for row in students.rows if row["id"] not in here)
        but = f"; missing: {', '.join(missing)}" if missing else ""
        after = {
            who for who in here - by_canvas if due and stamps.get((assignment, who), due) > due
        }
        but += f"; late: {', '.join(sorted(after))}" if after else ""
        print(f"{assignment}: {len(here)} of {len(students.rows)} students handed in{but}")
    if by_canvas:
        late = ", ".join(sorted(by_canvas))
        print(f"Late, as Canvas says, which does not say how much: {late}")
    if files and not stamps:
        print("The zip does not say when these were handed in. Moodle's grading worksheet does.")
    return found, not any("is left out" in line for line in said)


def write_hand_in(
    submitted: Path, place: tuple[str, str], contents: dict[str, bytes], moment: datetime | None
) -> list[str]:
    """Write the files of a hand-in where grading looks for them; return which it replaced."""
    assignment, student = place
    folder = submitted / student / assignment
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "timestamp.txt").unlink(missing_ok=True)
    said = []
    for old in folder.glob("*.ipynb"):
        if old.name not in contents:
            old.unlink()
            said.append(f"{student}: {old.name}, from before, is replaced by {', '.join(contents)}")
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    if moment:
        stamp = moment.replace(tzinfo=None).isoformat(" ", "seconds")
        (folder / "timestamp.txt").write_text(f"{stamp} UTC\n")
    return said


def main(arguments: list[str]) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Unpack what Moodle or Canvas downloads.")
    parser.add_argument("course", type=Path, help="the folder that make release made")
    parser.add_argument("zip", type=Path, help="the download, with the hand-ins of a class")
    parser.add_argument("--roster", type=Path, help="the platform's own list of the students")
    parser.add_argument("--assignment", help="what each notebook is, whatever it holds")
    parser.add_argument("--deadline", help="when they were due here, as in '2026-10-05 23:59'")
    options = parser.parse_args(arguments)
    try:
        course = Course(options.course, {})
        students, stored = Students(), course.folder / "students.csv"
        columns = students.read(stored) if stored.exists() else []
        for row in students.rows:
            row.pop("handed_in", None)  # of another assignment
        if options.roster:
            students.read(options.roster)
            students.write(stored, columns)
        if not students.rows:
            raise WrongUse(f"{stored} has no students: fill it in, or pass ROSTER=…")
        due = deadline(options.deadline) if options.deadline else None
        assignments, complete = collect(course, options.zip, students, options.assignment, due)
        if due:
            utc = due.replace(tzinfo=None).isoformat(" ")  # as nbgrader reads it
            for name in assignments:
                course.gradebook.update_or_create_assignment(name, duedate=utc)
    except WrongUse as trouble:
        print(f"collecting.py: {trouble}", file=sys.stderr)
        return 2
    return 0 if complete else 1


def deadline(text: str) -> datetime:
    """Return a time of this place in UTC; a bare date means its end."""
    try:
        due = datetime.fromisoformat(f"{text} 23:59:59" if len(text) == 10 else text)
    except ValueError:
        raise WrongUse(f"DEADLINE={text} is no time: write it as 2026-10-05 23:59") from None
    return due.astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
