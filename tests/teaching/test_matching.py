"""What students and their editors do to a notebook, and what grading makes of it."""

import copy
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "teaching" / "course"))
import matching  # noqa: E402  (a part of the course folder, which is no package)

NAME = "04-bouncing"
EDITION = ROOT / "book" / "exercises" / f"{NAME}.ipynb"
CODE = "def mended_path(start, velocity, n_frames, free=36):\n    return 1"
WORDS = "No: it may only have been slow."


@pytest.fixture(scope="module")
def release():
    return nbformat.read(EDITION, as_version=4)


@pytest.fixture
def notebook(release):
    """A submission in which two of the five answers are given."""
    notebook = copy.deepcopy(release)
    notebook.cells[at(notebook, "mend")].source = CODE
    notebook.cells[at(notebook, "colleague")].source = WORDS
    return notebook


def at(notebook, name: str) -> int:
    """Where the cell of a name stands."""
    return [matching.name_of(cell) for cell in notebook.cells].index(name)


def names(notebook) -> list[str]:
    return [name for cell in notebook.cells if (name := matching.name_of(cell))]


def matched(release, notebook) -> list[str]:
    said = matching.Release(copy.deepcopy(release)).match(notebook)
    assert all("nbgrader" not in cell.metadata or matching.name_of(cell) for cell in notebook.cells)
    return said


def test_a_notebook_as_it_should_be_is_left_alone(release, notebook):
    before = copy.deepcopy(notebook)
    assert matched(release, notebook) == []
    assert notebook == before


@pytest.mark.parametrize("damage", [None, {}, "lost", {"schema_version": 1}, {"grade_id": ""}])
def test_a_notebook_without_metadata_is_matched_by_its_cells(release, notebook, damage):
    for cell in notebook.cells:
        cell.metadata.pop("nbgrader", None)
        if damage is not None:
            cell.metadata["nbgrader"] = damage
    assert matched(release, notebook) == [
        "its metadata was lost; its cells were matched by text and position"
    ]
    assert names(notebook) == names(release)
    assert notebook.cells[at(notebook, "mend")].source == CODE
    assert notebook.cells[at(notebook, "colleague")].source == WORDS


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("mend", "what it defines"),
        ("colleague", "its position"),
        ("mirror", "its text"),
        ("ink-check", "its text"),
    ],
)
def test_one_cell_without_metadata_is_found(release, notebook, name, how):
    del notebook.cells[at(notebook, name)].metadata["nbgrader"]
    assert matched(release, notebook) == [f"{name}: its metadata was lost; matched by {how}"]
    assert names(notebook) == names(release)


def test_an_answer_that_was_moved_and_lost_its_metadata_is_found_by_what_it_defines(
    release, notebook
):
    cell = notebook.cells.pop(at(notebook, "mend"))
    cell.metadata.clear()
    notebook.cells.insert(0, cell)
    assert matched(release, notebook) == ["mend: its metadata was lost; matched by what it defines"]
    assert names(notebook)[0] == "mend"


def test_an_answer_that_was_deleted_is_named(release, notebook):
    del notebook.cells[at(notebook, "mend")]
    assert matched(release, notebook) == ["mend: its cell was deleted"]


def test_of_copies_the_last_above_the_check_counts(release, notebook):
    here = at(notebook, "mend")
    notebook.cells.insert(here, copy.deepcopy(release.cells[at(release, "mend")]))
    notebook.cells.append(copy.deepcopy(release.cells[at(release, "mend")]))
    assert matched(release, notebook) == [
        "mend: 3 cells have this name; the last above its check counts"
    ]
    assert names(notebook) == names(release)
    assert at(notebook, "mend") == here + 1


def test_both_parts_of_a_split_answer_stay(release, notebook):
    here = at(notebook, "mend")
    notebook.cells.insert(here + 1, copy.deepcopy(notebook.cells[here]))
    notebook.cells[here].source, notebook.cells[here + 1].source = CODE.split("\n", 1)
    assert "the last above its check counts" in matched(release, notebook)[0]
    assert "\n".join(cell.source for cell in notebook.cells[here : here + 2]) == CODE


def test_the_parts_of_a_written_answer_are_joined(release, notebook):
    here = at(notebook, "colleague")
    notebook.cells.append(copy.deepcopy(notebook.cells[here]))
    notebook.cells.append(copy.deepcopy(release.cells[at(release, "colleague")]))
    notebook.cells[here + 1].source = "Ask for more frames."
    assert matched(release, notebook) == [
        "colleague: 3 cells have this name; their texts were joined"
    ]
    assert notebook.cells[-1].source == f"{WORDS}\n\nAsk for more frames."
    assert names(notebook) == names(release)


def test_a_check_above_its_answer_is_run_after_it(release, notebook):
    check = notebook.cells.pop(at(notebook, "mend-check"))
    notebook.cells.insert(0, check)
    assert matched(release, notebook) == ["mend: its check stood above it, and was run after it"]
    assert at(notebook, "mend-check") == at(notebook, "mend") + 1


@pytest.mark.parametrize("make", [nbformat.v4.new_raw_cell, new_markdown_cell])
def test_an_answer_of_another_type_is_code_again(release, notebook, make):
    here = at(notebook, "mend")
    notebook.cells[here] = make(CODE, metadata=notebook.cells[here].metadata)
    assert matched(release, notebook) == ["mend: its cell type was set back"]
    assert notebook.cells[here].cell_type == "code" and notebook.cells[here].source == CODE


def test_numbers_that_are_not_those_of_the_release_are_named(release, notebook):
    notebook.cells[at(notebook, "ink-given")].source += "\n1"
    assert "another edition, or edited" in matched(release, notebook)[0]


# ---- files ----


@pytest.fixture
def folder(tmp_path, release, notebook):
    """Hand in notebooks under given names."""

    def make(**files):
        for name, content in files.items():
            path = tmp_path / f"{name}.ipynb"
            path.parent.mkdir(exist_ok=True)
            text = {"answers": nbformat.writes(notebook), "stub": nbformat.writes(release)}
            path.write_text(text.get(content, content), encoding="utf-8")
        return matching.handed_in(tmp_path, EDITION)

    return make


def has_answers(notebook) -> bool:
    return any(cell.source == CODE for cell in notebook.cells)


def test_a_renamed_notebook_beside_an_untouched_one_counts(folder):
    notebook, said = folder(**{NAME: "stub", f"{NAME} (1)": "answers"})
    assert has_answers(notebook)
    assert said == [
        f"{NAME} (1).ipynb was graded as {NAME}.ipynb",
        f"{NAME}.ipynb, with 0 answers, was left aside",
    ]


def test_an_untouched_copy_beside_a_notebook_with_answers_is_left_aside(folder):
    notebook, said = folder(**{NAME: "answers", f"{NAME} (1)": "stub"})
    assert has_answers(notebook)
    assert said == [f"{NAME} (1).ipynb, with 0 answers, was left aside"]


def test_of_two_with_as_many_answers_the_later_copy_counts(folder):
    _, said = folder(**{f"{NAME} (2)": "answers", NAME: "answers", f"{NAME} (10)": "answers"})
    assert said[0] == f"{NAME} (10).ipynb was graded as {NAME}.ipynb"
    assert len(said) == 3 and all("with 2 answers, was left aside" in words for words in said[1:])


def test_a_notebook_in_a_folder_of_its_own_is_found(folder):
    notebook, said = folder(**{"my homework/Untitled3": "answers"})
    assert has_answers(notebook) and said == [f"Untitled3.ipynb was graded as {NAME}.ipynb"]


def test_a_broken_notebook_beside_a_sound_one_is_named(folder):
    notebook, said = folder(**{f"{NAME}": "{", f"{NAME}-2": "answers"})
    assert has_answers(notebook)
    assert said[0] == f"unreadable notebook: {NAME}.ipynb is no notebook, or only a part of one"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, f"missing notebook {NAME}.ipynb$"),
        ({NAME: ""}, f"unreadable notebook: {NAME}.ipynb is empty"),
        ({NAME: "[]"}, "no notebook, or only a part of one"),
    ],
)
def test_what_holds_no_notebook_is_refused_in_words(folder, files, words):
    with pytest.raises(ValueError, match=words):
        folder(**files)


def test_a_notebook_of_other_exercises_is_refused(tmp_path):
    shutil.copy(EDITION.with_name("05-compositing.ipynb"), tmp_path)
    with pytest.raises(ValueError, match=r"the cells of 05-compositing\.ipynb are not those of 04"):
        matching.handed_in(tmp_path, EDITION)


def test_a_huge_file_is_not_read(folder, monkeypatch):
    monkeypatch.setattr(matching, "LARGEST", 1000)
    with pytest.raises(ValueError, match="is larger than 50 MB"):
        folder(**{NAME: "answers"})


def test_a_file_that_would_fill_the_memory_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(matching.nbformat, "reads", None)  # it would be a worse error
    (tmp_path / "a.ipynb").write_text(f"[{'{},' * matching.MOST_PARTS}1]")  # 6 MB
    with pytest.raises(ValueError, match="more parts than any notebook"):
        matching.readable(tmp_path / "a.ipynb")


# ---- why there are no points ----


def graded(*cells):
    """A graded notebook: the name, then the name and words of an error for each cell."""
    made = []
    for number, (name, *error) in enumerate(cells, start=1):
        outputs = [new_output("error", ename=error[0], evalue=error[1])] if error else []
        cell = new_code_cell(outputs=outputs, execution_count=number)
        cell.metadata["nbgrader"] = {"grade_id": name}
        made.append(cell)
    return new_notebook(cells=made)


def test_an_answer_that_does_not_compile_is_named_before_what_it_broke():
    notebook = graded(
        ("one", "SyntaxError", "'(' was never closed"),
        ("one-check", "NameError", "name 'one' is not defined"),
        ("two-check", "WrongAnswer", "✗ two: it rounds: drop the fraction; expected 3."),
    )
    points = {"one-check": (0, 3), "two-check": (0, 3)}
    assert matching.causes(notebook, points) == [
        "cell 1: SyntaxError: '(' was never closed",
        "one: NameError: name 'one' is not defined",
        "two: it rounds: drop the fraction",
    ]


def test_an_error_that_costs_nothing_is_not_told():
    notebook = graded(("one", "OSError", "no such file"), ("one-check",))
    assert matching.causes(notebook, {"one-check": (3, 3)}) == []
    assert matching.causes(notebook, {"one-check": (1, 3)}) == [
        "cell 1: OSError: no such file", "one: 1 of 3 points",
    ]  # fmt: skip


def test_limits_are_told_in_any_case_and_no_line_can_be_forged():
    notebook = graded(
        ("one", "TimeLimit", "the cell ran longer than 9 s"), ("", "MemoryError", ""),
        ("one-check", "ValueError", "\x1b[2Ka\n1/5  eve  10/10\r"),
        ("two-check", "TimeLimit", "the cell ran longer than 9 s"),
    )  # fmt: skip
    assert matching.causes(notebook, {"one-check": (0, 3), "two-check": (0, 3)}) == [
        "cell 1: the cell ran longer than 9 s", "cell 2: it ran out of memory",
        "one: ValueError: [2Ka 1/5 eve 10/10", "two: the cell ran longer than 9 s",
    ]  # fmt: skip
    notebook = graded(("one", "TimeLimit", "the cell ran longer than 9 s"), ("one-check",))
    assert matching.causes(notebook, {"one-check": (3, 3)}) == [
        "cell 1: the cell ran longer than 9 s"
    ]


def test_an_answer_that_was_left_as_it_was_is_told_and_one_that_waits_is_not():
    notebook = new_notebook(cells=[new_markdown_cell()])
    notebook.cells[0].metadata["nbgrader"] = {"grade_id": "words"}
    assert matching.causes(notebook, {"words": (0, 1)}) == ["words: no answer"]
    assert matching.causes(notebook, {"words": (None, 1)}) == []
