"""What nbgrader uses in this course in the place of its own: `nbgrader_config.py` names them.

`ContainedExecute` runs a submission in a sandbox (`sandbox.py`). A cell that runs too long, or
ends the kernel, gets an error in words, and the other cells keep their points. `RestoreCells`
puts back what a student deleted, `Harmless` takes scripts out of written answers, and `HideTests`
keeps the hidden tests out of the feedback.
"""

from __future__ import annotations

import html
import re
import time
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells
from nbgrader.utils import is_grade, is_solution
from sandbox import Sandbox  # type: ignore[import-not-found]
from traitlets import Bool, Float, Integer, Unicode

LARGEST = 20 * 10**6  # characters that a notebook may show


class ContainedExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Run a submission in the place of nbgrader's Execute."""

    cell_seconds = Float(60, help="how long a cell may take").tag(config=True)
    all_seconds = Float(900, help="how long a notebook may take").tag(config=True)
    memory_gb = Float(3, help="how much memory it may use").tag(config=True)
    container = Unicode("", help="the image of a container to run it in").tag(config=True)
    contained = Bool(True, help="False: it may do all that you may").tag(config=True)
    restarts = Integer(3, help="how often a kernel that ended is replaced").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run all cells and store what they show."""
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        for cell in cells:
            cell.outputs, cell.execution_count = [], None
        cells = [cell for cell in cells if cell.source.strip()]
        nb.metadata["language_info"] = {"name": "python"}
        run = Run(self, Path(resources["metadata"]["path"]), [cell.source for cell in cells])
        try:
            for number, cell in enumerate(cells):
                cell.execution_count = number + 1
                cell.outputs = run.outputs(number)
                if is_grade(cell) and not is_solution(cell):
                    for output in cell.outputs:  # nbgrader takes all that is on stderr for an
                        if output.get("name") == "stderr":  # error, a mere warning too
                            output["name"] = "stdout"
        finally:
            if run.kernel:
                run.kernel.stop()
        return nb, resources


class Run:
    """One submission: its cells, its kernel, and what is left of its limits."""

    def __init__(self, limits: ContainedExecute, files: Path, cells: list[str]) -> None:
        self.limits, self.files, self.cells = limits, files, cells
        self.until = time.monotonic() + limits.all_seconds
        self.kernel: Sandbox | None = None
        self.starts = self.size = 0
        self.left_out: set[int] = set()  # cells that no new kernel runs again

    def seconds(self) -> float:
        """Return how long the next cell may take."""
        return min(self.limits.cell_seconds, self.until - time.monotonic())

    def outputs(self, number: int) -> list[Any]:
        """Run a cell, and return what it showed, or why it did not run to its end."""
        kernel = self._ready(number)
        if isinstance(kernel, str):
            return [error("NotRun", f"not run, since {kernel}")]
        outputs, name, words = kernel.run(self.cells[number], self.seconds())
        self.size += len(str(outputs))
        if self.size > LARGEST:
            outputs = [each for each in outputs if each.output_type == "error"][:1]
        if name:
            self.left_out.add(number)
            outputs.append(error(name, words))
        return outputs

    def _ready(self, number: int) -> Sandbox | str:
        """Return a kernel in which the earlier cells have run, or why there is none."""
        while self.seconds() > 0:
            if self.kernel and self.kernel.alive:
                return self.kernel
            if self.starts > self.limits.restarts:
                return f"the notebook ended its kernel {self.starts} times"
            self.starts += 1
            self.kernel = Sandbox(self.limits, self.files)
            for earlier in range(number):
                source = "pass" if earlier in self.left_out else self.cells[earlier]
                if self.seconds() > 0 and self.kernel.run(source, self.seconds())[1]:
                    self.left_out.add(earlier)
                if not self.kernel.alive:
                    break
        return f"the notebook took longer than {self.limits.all_seconds:g} s in all"


class RestoreCells(OverwriteCells):  # type: ignore[misc]
    """Put back what a student deleted: tests, answers that carry points, and what was given.

    nbgrader's own way (`add_missing_cells`) fails where a cell that is locked but not graded
    stands before the test, and does not bring that cell back.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore what was edited, then what is missing, each after what it followed."""
        nb, resources = super().preprocess(nb, resources)
        with Gradebook(self.db_url) as gradebook:
            source = gradebook.find_notebook(self.notebook_id, self.assignment_id)
            points = {cell.name: cell.max_score for cell in source.grade_cells}
            last = -1  # after which cell the next missing one belongs
            for cell in source.source_cells:
                places = [i for i, there in enumerate(nb.cells) if name_of(there) == cell.name]
                if places:
                    last = places[0]
                elif cell.locked or cell.name in points:
                    last += 1
                    nb.cells.insert(last, restored(cell, points.get(cell.name)))
        return nb, resources


def restored(cell: Any, points: float | None) -> Any:
    """Return a cell as it was released. An answer without a change gets no points."""
    about = {
        "grade_id": cell.name,
        "grade": points is not None,
        "locked": cell.locked,
        "solution": not cell.locked,
        "task": False,
        "checksum": cell.checksum,
        "cell_type": cell.cell_type,
        "schema_version": 3,
    }
    if points is not None:
        about["points"] = points
    new = {"cell_type": cell.cell_type, "source": cell.source, "metadata": {"nbgrader": about}}
    if cell.cell_type == "code":
        new |= {"outputs": [], "execution_count": None}
    return nbformat.from_dict(new)


def name_of(cell: Any) -> str:
    """Return nbgrader's name of a cell, or nothing."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


class Harmless(SanitizeHTML):
    """Take out of written answers what a browser would run: formgrader and feedback show them."""

    enabled = Bool(True).tag(config=True)

    def preprocess_cell(self, cell: Any, resources: Any, index: int) -> tuple[Any, Any]:
        """Escape tags, and leave no link but to other pages."""
        cell, resources = super().preprocess_cell(cell, resources, index)
        if cell.cell_type == "markdown":
            cell.pop("attachments", None)
            elsewhere = r"\](?=\((?!https?://)|:(?!\s*https?://))"
            cell.source = re.sub(elsewhere, "]\u200b", cell.source)
        return cell, resources


class HideTests(NbGraderPreprocessor):  # type: ignore[misc]
    """Keep the hidden tests out of the feedback, also where an output quotes them."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Remove the regions, their tracebacks, and their lines wherever they occur."""
        hidden: set[str] = set()
        public: set[str] = set()
        for cell in nb.cells:
            shown: list[str] = []
            secret: list[str] = []
            inside = False
            for line in cell.source.split("\n"):
                if is_grade(cell) and not is_solution(cell) and "BEGIN HIDDEN TESTS" in line:
                    inside = True
                (secret if inside else shown).append(line)
                inside = inside and "END HIDDEN TESTS" not in line
            if secret:
                cell.source = "\n".join(shown)
                for output in cell.get("outputs", []):
                    if output.output_type == "error":
                        output.traceback = [f"{output.ename}: {output.evalue}"]
            hidden |= {line.strip() for line in secret}
            public |= {line.strip() for line in shown}
        lines = [line for line in hidden - public if len(line) > 5]
        lines += [form(line) for line in lines for form in (html.escape, lambda x: repr(x)[1:-1])]
        lines.sort(key=len, reverse=True)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = without(cell.outputs, lines)
        return nb, resources


def without(value: Any, lines: list[str]) -> Any:
    """Return a copy of outputs that quotes none of some lines, not even with colors in them."""
    if isinstance(value, dict):
        return nbformat.from_dict({key: without(item, lines) for key, item in value.items()})
    if isinstance(value, list):
        return [without(item, lines) for item in value]
    if isinstance(value, str):
        plain = re.sub(r"\x1b\[[\d;]*m", "", value)
        for line in lines:
            if line in plain:
                value = plain = plain.replace(line, "[hidden test]")
    return value


def error(name: str, words: str) -> Any:
    """Return an output that nbgrader counts as an error and a reader understands."""
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])
