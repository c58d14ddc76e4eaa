"""Match what a student handed in with what was released: which notebook, and which cell is which.

Students copy, split, move and delete cells, browsers rename files, and some editors drop the
metadata by which nbgrader knows a cell. `handed_in` mends this in a copy, before nbgrader sees it,
and says what it did. `causes` says why a cell has less than its points.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat

LARGEST = 50 * 10**6  # bytes of a notebook, and of a submission
MOST_PARTS = 2 * 10**6  # of a notebook: each list, dictionary and text takes a hundred bytes
OURS = ("TimeLimit", "KernelEnded", "NotRun")  # the errors that `course_plugins` adds to a cell
DEFINED = re.compile(r"^(?:def +|class +)?([A-Za-z_]\w*)(?= *[(:=](?!=))", re.M)


def handed_in(folder: Path, release: Path) -> tuple[Any, list[str]]:
    """Return the notebook of a folder that counts, its cells matched, and what to say about it.

    Of several notebooks that hold the assignment, the one with most answers counts, and of those
    the latest copy, as its name tells: ``04-bouncing (1).ipynb`` comes after
    ``04-bouncing.ipynb``.

    Parameters
    ----------
    folder : Path
        What a student handed in for an assignment.
    release : Path
        The notebook that students got, whose name the student's should have.

    Raises
    ------
    ValueError
        If there is no such notebook, with a sentence for the instructor.
    """
    released = Release(nbformat.read(release, as_version=4))
    found: dict[Path, Any] = {}
    broken: list[str] = []
    others: list[str] = []
    for path in sorted({*folder.glob("*.ipynb"), *folder.glob("*/*.ipynb")}):
        if path.parent.name == ".ipynb_checkpoints" or path.name.startswith("."):
            continue
        try:
            notebook = readable(path)
        except ValueError as trouble:
            broken.append(str(trouble))
            continue
        if path.name == release.name or released.is_like(notebook):
            found[path] = notebook
        else:
            others.append(path.name)
    if not found:
        if broken:
            raise ValueError(broken[0])
        instead = f"; the cells of {', '.join(others)} are not those of {release.stem}"
        raise ValueError(f"missing notebook {release.name}{instead if others else ''}")
    answers = {path: released.answered(notebook) for path, notebook in found.items()}
    best = max(found, key=lambda path: (answers[path], copy_number(path, release), path))
    said = broken
    if best.name != release.name:
        said.append(f"{best.name} was graded as {release.name}")
    for path in found:
        if path != best:
            said.append(f"{path.name}, with {answers[path]} answers, was left aside")
    return found[best], said + released.match(found[best])


def readable(path: Path) -> Any:
    """Read a notebook, or raise a ValueError that says what is wrong with the file."""
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"unreadable notebook: {path.name} is larger than 50 MB")
    content = path.read_bytes()
    if sum(map(content.count, (b"{", b"[", b'"'))) > MOST_PARTS:
        raise ValueError(f"unreadable notebook: {path.name} has more parts than any notebook")
    try:
        notebook: Any = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(notebook)
    except Exception:
        what = "no notebook, or only a part of one" if size else "empty"
        raise ValueError(f"unreadable notebook: {path.name} is {what}") from None
    return notebook


def copy_number(path: Path, release: Path) -> int:
    """Return the number that a browser or a platform adds to a name that exists already."""
    found = re.findall(r"\d+", path.stem.replace(release.stem, ""))
    return int(found[-1][:9]) if found else 0


class Release:
    """An assignment as students got it, by which their cells are known.

    Parameters
    ----------
    notebook : NotebookNode
        With nbgrader's metadata. A cell that has a name there is given, graded, or an answer.
    """

    def __init__(self, notebook: Any) -> None:
        self.cells = notebook.cells
        self.names = {name: n for n, cell in enumerate(self.cells) if (name := name_of(cell))}
        self.all_texts = Counter(cell.source.strip() for cell in self.cells)
        self.texts = {
            text: n
            for n, cell in enumerate(self.cells)
            if self.all_texts[text := cell.source.strip()] == 1
        }
        self.answers = [n for n in self.names.values() if self.about(n)["solution"]]
        self.checks: dict[int, int] = {}  # of answers in code
        for n in sorted(self.names.values()):
            before = [answer for answer in self.answers if answer < n]
            if self.about(n)["grade"] and before and n not in self.answers:
                self.checks.setdefault(before[-1], n)

    def about(self, n: int) -> Any:
        """Return nbgrader's metadata of a released cell."""
        return self.cells[n].metadata["nbgrader"]

    def name(self, n: int) -> str:
        """Return the name of a released cell."""
        return name_of(self.cells[n])

    def places(self, cells: list[Any]) -> list[int | None]:
        """Return which released cell each cell is: by its name, or else by its text."""
        found = [self.names.get(name_of(cell)) for cell in cells]
        named = set(found)
        for n, cell in enumerate(cells):
            place = self.texts.get(cell.source.strip())
            if found[n] is None and place not in named:
                found[n] = place
        return found

    def is_like(self, notebook: Any) -> bool:
        """Tell whether a notebook, of any name, holds at least half of what was released."""
        return 2 * len(set(self.places(notebook.cells)) - {None}) >= len(self.cells)

    def answered(self, notebook: Any) -> int:
        """Return how many cells hold something that was not released."""
        return sum(
            bool(cell.source.strip()) and cell.source.strip() not in self.all_texts
            for cell, place in zip(notebook.cells, self.places(notebook.cells), strict=True)
            if place is None or place in self.answers
        )

    def match(self, notebook: Any) -> list[str]:
        """Give each cell of a notebook the metadata that it was released with; say what was odd."""
        cells = notebook.cells
        places = self.places(cells)
        lost = {name for name, n in self.names.items() if n in places}
        lost -= {name_of(cell) for cell in cells}
        said = [f"{name}: its metadata was lost; matched by its text" for name in sorted(lost)]
        for answer in self.answers:
            if answer in places:
                continue
            found, how = self.search(answer, cells, places)
            for n in found:
                places[n] = answer
                lost.add(self.name(answer))
            words = f"its metadata was lost; matched by {how}" if found else "its cell was deleted"
            said.append(f"{self.name(answer)}: {words}")
        if 2 * len(lost) >= len(self.names):  # not a line for each cell
            said = [line for line in said if line.endswith("deleted")]
            said.insert(0, "its metadata was lost; its cells were matched by text and position")
        said += self.without_copies(cells, places)
        said += self.after_answers(cells, places)
        for n, (cell, place) in enumerate(zip(cells, places, strict=True)):
            cell.metadata.pop("nbgrader", None)
            if place is None or not self.name(place):
                continue
            if cell.cell_type != self.cells[place].cell_type:
                cells[n] = cell = retyped(cell, self.cells[place].cell_type)
                said.append(f"{self.name(place)}: its cell type was set back")
            cell.metadata["nbgrader"] = copy.deepcopy(self.about(place))
        given = [n for n in self.names.values() if self.about(n)["locked"]]
        given = [n for n in given if not self.about(n)["grade"]]
        for cell, place in zip(cells, places, strict=True):
            if place in given and cell.source.strip() != self.cells[place].source.strip():
                said.insert(
                    0, "what is given differs from this course's: another edition, or edited"
                )
                break
        return said

    def search(
        self, answer: int, cells: list[Any], places: list[int | None]
    ) -> tuple[list[int], str]:
        """Look for an answer that has no name: by what it defines, or between its neighbors."""
        known = [place for place in places if place is not None]
        before = max((place for place in known if place < answer), default=None)
        after = min((place for place in known if place > answer), default=None)
        low = len(places) - places[::-1].index(before) if before is not None else 0
        high = places.index(after) if after is not None else len(places)
        is_code = self.cells[answer].cell_type == "code"
        free = [
            n
            for n, cell in enumerate(cells)
            if places[n] is None and (cell.cell_type == "code") == is_code and cell.source.strip()
        ]
        between = [n for n in free if low <= n < high]
        names = set(DEFINED.findall(self.cells[answer].source)) if is_code else set()
        for among in (between, free):
            if defining := [n for n in among if names & set(DEFINED.findall(cells[n].source))]:
                return defining, "what it defines"
        return between, "its position"

    def without_copies(self, cells: list[Any], places: list[int | None]) -> list[str]:
        """Leave one cell of each name. What was split or copied stays, as cells without a name."""
        said = []
        for place, count in Counter(places).items():
            if count == 1 or place is None or not self.name(place):
                continue
            here = [n for n, other in enumerate(places) if other == place]
            keep, rule = here[-1], "the last counts"
            if place in self.answers and self.cells[place].cell_type != "code":
                stub = self.cells[place].source.strip()
                parts = [text for n in here if (text := cells[n].source.strip()) != stub]
                cells[keep].source = "\n\n".join(parts) or stub
                for n in here[:-1]:
                    cells[n].source = ""
                rule = "their texts were joined"
            elif place in self.answers:
                check = self.checks.get(place)
                below = places.index(check) if check in places else len(places)
                above = [n for n in here if n < below]
                keep, rule = (above or here)[-1], "the last above its check counts"
            for n in here:
                places[n] = place if n == keep else None
            said.append(f"{self.name(place)}: {count} cells have this name; {rule}")
        return said

    def after_answers(self, cells: list[Any], places: list[int | None]) -> list[str]:
        """Move a check that stands above its answer below it."""
        said = []
        for answer, check in self.checks.items():
            if answer in places and check in places:
                old, new = places.index(check), places.index(answer)
                if old < new:
                    cells.insert(new, cells.pop(old))
                    places.insert(new, places.pop(old))
                    said.append(
                        f"{self.name(answer)}: its check stood above it, and was run after it"
                    )
        return said


def name_of(cell: Any) -> str:
    """Return nbgrader's name of a cell, or nothing."""
    about = cell.metadata.get("nbgrader")
    return str(about.get("grade_id", "")) if isinstance(about, dict) else ""


def retyped(cell: Any, cell_type: str) -> Any:
    """Return a cell of another type with the same text."""
    make = nbformat.v4.new_code_cell if cell_type == "code" else nbformat.v4.new_markdown_cell
    return make(cell.source, metadata=cell.metadata)


def causes(notebook: Any, points: dict[str, tuple[float | None, float]]) -> list[str]:
    """Say why graded cells have less than their points, and which cells did not run to their end.

    Parameters
    ----------
    notebook : NotebookNode
        As it was graded.
    points : dict of str to tuple
        What each graded cell got from the grader and could get; None if a person decides.
    """
    said: list[str] = []
    failed: list[str] = []  # what may be the cause of what comes below
    for cell in notebook.cells:
        name = name_of(cell)
        score, most = points.get(name, (None, 0))
        below = score is not None and score < most
        outputs = cell.get("outputs", [])
        wrong = [words(output) for output in outputs if output.output_type == "error"]
        where = f"cell {cell.get('execution_count')}"
        if any("[cut here: " in output.get("text", "") for output in outputs):
            said.append(f"{where}: it printed too much")
        stopped = any(
            output.output_type == "error"
            and (output.ename in OURS or "MemoryError" in output.ename)
            for output in outputs
        )
        if below:
            task = name.removesuffix("-check")
            reason = "; ".join(wrong) or f"{score:g} of {most:g} points"
            if cell.cell_type != "code":
                reason = "no answer"
            said += [*failed, f"{task}: {reason}"]
            failed = []
        else:
            (said if stopped else failed).extend(f"{where}: {reason}" for reason in wrong)
    return said


def plain(text: str) -> str:
    """Return a text on one line, without characters that would move a terminal's cursor."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def words(error: Any) -> str:
    """Return an error on one line, and short."""
    text = plain(error.evalue)
    if error.ename == "WrongAnswer":
        return text.partition(": ")[2].split("; expected")[0].rstrip(".")[:120]
    if "MemoryError" in error.ename:
        return "it ran out of memory"
    text = re.sub(r"\(\d+\.py, (line \d+)\)$", r"(\1)", text)  # IPython's name of a cell is none
    return text[:200] if error.ename in OURS else f"{error.ename}: {text}"[:200]
