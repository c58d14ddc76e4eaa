"""Write the marks as a platform imports them: ``python exporting.py COURSE moodle``.

One row a student, and a column for each assignment that somebody handed in. The classes are
exporters of nbgrader, so in the course folder ``nbgrader export --exporter=exporting.Canvas
--to=marks.csv`` does it too.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from pathlib import Path
from typing import Any, ClassVar

from grading import Course, WrongUse, write  # beside this file
from nbgrader.plugins import ExportPlugin


class Csv(ExportPlugin):  # type: ignore[misc]
    """A table for any program, with the sum and what it is the sum of."""

    head: ClassVar = ["id", "last_name", "first_name", "email"]
    sums = True
    blank: frozenset[str] = frozenset()  # STUDENT/ASSIGNMENT of hand-ins that have no mark

    def about(self, student: Any) -> list[str]:
        """Return what the first columns say of a student."""
        return [student.id, student.last_name, student.first_name, student.email]

    def before(self, most: list[str]) -> list[list[str]]:
        """Return rows that come before the students."""
        return []

    def mark(self, student: Any, assignment: Any) -> float | None:
        """Return a student's points, less a penalty for being late; None without a hand-in."""
        if f"{student.id}/{assignment.name}" not in self.blank:
            for submission in assignment.submissions:
                if submission.student.id == student.id:
                    return max(0.0, submission.score - (submission.late_submission_penalty or 0))
        return None

    def export(self, gradebook: Any) -> None:
        """Write a row for each student in the gradebook."""
        assignments = [
            each
            for each in sorted(gradebook.assignments, key=lambda each: each.name)
            if (each.name in self.assignment if self.assignment else each.submissions)
        ]
        most = [f"{each.max_score:g}" for each in assignments]
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        titles = [each.name for each in assignments]
        writer.writerow([*self.head, *titles, *(["total", "of"] if self.sums else [])])
        writer.writerows(self.before(most))
        for student in gradebook.students:
            marks = [self.mark(student, each) for each in assignments]
            total = sum(filter(None, marks))
            shown = ["" if each is None else f"{each:g}" for each in marks]
            if self.sums:
                shown += [f"{total:g}", f"{sum(map(float, most)):g}"]
            writer.writerow([text or "" for text in self.about(student)] + shown)
        write(Path(self.to or "marks.csv"), table.getvalue())


class Moodle(Csv):
    """For Moodle's *Grades, Import, CSV file*, where the e-mail tells who a student is."""

    head: ClassVar = ["First name", "Last name", "ID number", "Email address"]
    sums = False

    def about(self, student: Any) -> list[str]:
        """Return what the first columns say of a student."""
        return [student.first_name, student.last_name, student.id, student.email]


class Canvas(Csv):
    """For Canvas' *Grades, Import*, which wants these columns and a row of possible points."""

    head: ClassVar = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    sums = False

    def about(self, student: Any) -> list[str]:
        """Return what the first columns say of a student."""
        name = f"{student.last_name}, {student.first_name}"
        return [name, student.lms_user_id, "", student.id, ""]

    def before(self, most: list[str]) -> list[list[str]]:
        """Return the row of possible points."""
        return [["Points Possible", "", "", "", "", *most]]


FORMATS = {"csv": Csv, "moodle": Moodle, "canvas": Canvas}


def main(arguments: list[str]) -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write the marks as a platform imports them.")
    parser.add_argument("course", type=Path, help="the folder that make release made")
    parser.add_argument("format", choices=FORMATS)
    options = parser.parse_args(arguments)
    try:
        course = Course(options.course, {})
        course.add_students()
    except WrongUse as trouble:
        print(f"exporting.py: {trouble}", file=sys.stderr)
        return 2
    path = course.folder / f"marks-{options.format}.csv"
    exporter = FORMATS[options.format](to=str(path))
    exporter.blank = frozenset(key for key, each in course.records.items() if not each.graded)
    exporter.export(course.gradebook)
    for key in sorted(exporter.blank):
        print(f"{key} has no mark: it was {course.records[key].remark}")
    waiting = sum(
        grade.needs_manual_grade
        for assignment in course.gradebook.assignments
        for submission in assignment.submissions
        for notebook in submission.notebooks
        for grade in notebook.grades
    )
    if waiting:
        print(f"{waiting} answers wait to be graded by hand, and count 0 until then")
    print(f"The marks of {len(course.gradebook.students)} students are in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
