"""The contract of every exercise: what its check says of nothing, of the right, and of the wrong.

The cells of a master run here one after the other in one namespace, as nbgrader would run them.
Mistakes stand in ``mistakes``, under the name of the task and the sentence that each earns.
"""

import ast
import contextlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

import mmnist_lib
from mmnist_lib.exercises import Checks, Seal, WrongAnswer, seal
from notebooks.text import tags
from teaching import editions

ROOT = Path(__file__).parents[2]
MASTERS = editions.MASTERS
NAMES = [path.stem for path in MASTERS]
OTHER_SEED = 2027
# An exercise without a chapter is an instructor's own, which may have other tasks and points.
BOOKS_OWN = [name for name in NAMES if (ROOT / "book" / f"{name}.ipynb").exists()]
TEMPLATE = ROOT / "teaching" / "exercise.ipynb"
each_master = pytest.mark.parametrize("name", NAMES)
BESIDE = tempfile.TemporaryDirectory()  # where the notebooks run, beside the files of their checks
each_of_the_book = pytest.mark.parametrize("name", BOOKS_OWN)


@cache
def prepared(name: str, seed: int | None = None):
    made = editions.prepared(ROOT / "teaching" / "masters" / f"{name}.ipynb", seed)
    Path(BESIDE.name, made[1]).write_text(made[2], encoding="utf-8")
    return made


def source_version(name: str, seed: int | None = None):
    return prepared(name, seed)[0]


@cache
def student_edition(name: str, seed: int | None = None):
    return editions.edition(source_version(name, seed))


@cache
def checks(name: str, seed: int | None = None) -> Checks:
    """The checks of an edition, as its notebook opens them."""
    file = prepared(name, seed)[1]
    with contextlib.chdir(BESIDE.name):
        return Checks(name, file.removesuffix(".json").rpartition("-")[2])


def nbgrader(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def tasks(name: str) -> list[str]:
    """The tasks that are graded automatically, by the name of their solution cell."""
    cells = [nbgrader(c) for c in source_version(name).cells if c.cell_type == "code"]
    return [cell["grade_id"] for cell in cells if cell.get("solution")]


@cache
def sample():
    return mmnist_lib.load_mnist("sample")


def copies(source):
    """Stand in for `load_mnist`, whose file need not be read for each of a hundred mistakes."""
    assert source == "sample"
    return tuple(tuple(array.copy() for array in pair) for pair in sample())


@contextlib.contextmanager
def as_nbgrader_runs():
    """Let checks raise, players stay away, and `load_mnist` read its file but once."""
    sample()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setenv("NBGRADER_EXECUTION", "autograde")
        patch.setattr("IPython.display.display", lambda player: None)
        patch.setattr("mmnist_lib.load_mnist", copies)
        patch.chdir(BESIDE.name)
        yield


def grades(notebook, answers=None, before=None) -> dict[str, str]:
    """Run a notebook with some answers replaced. For each check: "" or its complaint.

    In `before` is put, for each task, what has a name when its check is reached.
    """
    answers, said, namespace = answers or {}, {}, {"__name__": "__main__"}
    with as_nbgrader_runs():
        for cell in notebook.cells:
            if cell.cell_type != "code" or "%pip" in cell.source:
                continue
            about = nbgrader(cell)
            if about.get("grade"):
                task = about["grade_id"].removesuffix("-check")
                if before is not None:
                    before[task] = dict(namespace)
                said[task] = complaint(cell.source, namespace)
            else:
                name = about.get("grade_id")
                exec(compile(answers.get(name, cell.source), f"<{name}>", "exec"), namespace)
                plt.close("all")
    return said


@cache
def solved(name: str, seed: int | None = None) -> tuple[dict[str, str], dict[str, dict]]:
    """What each check says of the reference solutions, and the names that stand before it."""
    before = {}
    return grades(source_version(name, seed), before=before), before


def told(name: str, task: str, code: str, seed: int | None = None) -> str:
    """What the check of one task says of an answer, where all answers before it are right."""
    namespace = dict(solved(name, seed)[1][task])
    check = next(
        cell.source
        for cell in source_version(name, seed).cells
        if nbgrader(cell).get("grade_id") == f"{task}-check"
    )
    with as_nbgrader_runs():
        exec(compile(code, f"<{task}>", "exec"), namespace)
        return complaint(check, namespace)


def complaint(source: str, namespace: dict) -> str:
    try:
        exec(compile(source, "<check>", "exec"), namespace)
    except WrongAnswer as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


# ---- the shape of an assignment ----


@each_of_the_book
def test_an_assignment_has_five_tasks_and_ten_points(name):
    about = [nbgrader(cell) for cell in source_version(name).cells]
    graded = [cell for cell in about if cell.get("grade")]
    assert [cell["points"] for cell in graded] == [1, 3, 3, 2, 1]
    assert [cell["solution"] for cell in graded] == [False] * 4 + [True]  # the last is by hand
    names = [cell["grade_id"] for cell in about if cell]
    assert len(set(names)) == len(names)
    assert [cell["grade_id"] for cell in graded[:4]] == [f"{task}-check" for task in tasks(name)]
    for cell in source_version(name).cells:
        if nbgrader(cell).get("grade") and cell.cell_type == "code":
            assert "### BEGIN HIDDEN TESTS" in cell.source and ".require()" in cell.source


@each_of_the_book
def test_each_task_has_a_hint_and_a_worked_solution(name):
    master = nbformat.read(ROOT / "teaching" / "masters" / f"{name}.ipynb", as_version=4)
    kept = [tag for cell in master.cells for tag in tags(cell) - {"master"}]
    assert [tag for tag in kept if tag in ("hint", "worked")] == ["hint", "worked"] * 4


@pytest.mark.parametrize("seed", [None, OTHER_SEED])
def test_the_template_of_an_exercise_works(tmp_path, seed):
    name = "09-back"  # as the guide copies it
    shutil.copy(TEMPLATE, tmp_path / f"{name}.ipynb")
    source, file, text = editions.prepared(tmp_path / f"{name}.ipynb", seed)
    Path(BESIDE.name, file).write_text(text, encoding="utf-8")
    assert grades(source) == {"back": ""}
    assert grades(editions.edition(source)) == {"back": "○ there_and_back: not attempted yet."}
    slip = "def there_and_back(path):\n    return np.concatenate([path, path[::-1]])"
    said = grades(source, {"back": slip})["back"]
    assert said == "✗ there_and_back(path): it rests for a frame where it turns around."


def test_a_copy_of_the_template_has_the_masters_format():
    """Or `make test` would refuse an exercise of one's own before it tries it."""
    for action in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *action, "--stdin-filename"]
        command += ["teaching/masters/09-back.ipynb", "-"]
        copied = TEMPLATE.read_text(encoding="utf-8")
        done = subprocess.run(command, cwd=ROOT, input=copied, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# ---- nothing, the right, and the wrong ----


@each_master
def test_a_stub_scores_nothing_and_the_message_is_calm(name):
    said = grades(student_edition(name))
    assert list(said) == tasks(name)
    for words in said.values():
        assert re.fullmatch(r"○ [\w ]+: not attempted yet\.", words)


@each_master
def test_a_stub_raises_nothing_for_a_reader(name):
    """Without nbgrader a check of a stub is a sentence. The stored outputs hold them."""
    stored = nbformat.read(editions.EDITIONS / f"{name}.ipynb", as_version=4)
    shown = [
        output.data["text/plain"]
        for cell in stored.cells
        if nbgrader(cell).get("grade") and cell.cell_type == "code"
        for output in cell.outputs
    ]
    assert len(shown) == len(tasks(name))
    assert all("not attempted yet" in words for words in shown)


@pytest.mark.parametrize("seed", [None, OTHER_SEED])
@each_master
def test_the_reference_solution_scores_full_marks(name, seed):
    assert solved(name, seed)[0] == dict.fromkeys(tasks(name), "")


def read_mistakes(name: str) -> list[tuple[str, str, str, str]]:
    path = ROOT / "tests" / "teaching" / "mistakes" / f"{name}.py"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.findall(r"^# %% ([\w-]+): (.*)\n# > (.*)\n((?:(?!# %%).*\n)*)", text, re.M)
    assert len(found) == text.count("# %%"), "a mistake is not written as the others are"
    return found


MISTAKES = [(name, *mistake) for name in NAMES for mistake in read_mistakes(name)]


@pytest.mark.parametrize(
    ("name", "task", "what", "words", "code"),
    MISTAKES,
    ids=[f"{name}-{task}-{what}".replace(" ", "_") for name, task, what, _, _ in MISTAKES],
)
def test_a_typical_mistake_loses_its_points_and_is_told_why(name, task, what, words, code):
    said = told(name, task, code)
    assert said.startswith("✗ ") and words in said


@each_of_the_book
def test_each_task_has_three_mistakes_at_least(name):
    named = [task for task, *_ in read_mistakes(name)]
    assert set(named) == set(tasks(name))
    assert all(named.count(task) >= 3 for task in tasks(name))


def answer_name(name: str, task: str) -> tuple[str, bool]:
    """What a solution cell defines, and whether it is a function."""
    cell = next(c for c in source_version(name).cells if nbgrader(c).get("grade_id") == task)
    first = next(
        node
        for node in ast.parse(cell.source).body
        if isinstance(node, (ast.FunctionDef, ast.Assign))
    )
    if isinstance(first, ast.FunctionDef):
        return first.name, True
    return first.targets[0].id, False


AGREEABLE = """
class Agreeable(np.ndarray):
    __eq__ = __le__ = __ge__ = lambda self, other: True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    __hash__ = None
    __array_ufunc__ = lambda self, *a, **k: np.True_
"""


@each_master
def test_an_object_that_equals_everything_scores_nothing(name):
    answers = {}
    for task in tasks(name):
        answer, is_function = answer_name(name, task)
        value = "np.zeros(1).view(Agreeable)"
        given = (
            f"def {answer}(*_, **__):\n    return {value}" if is_function else f"{answer} = {value}"
        )
        answers[task] = AGREEABLE + given
    said = grades(source_version(name), answers)
    assert all(words.startswith("✗ ") for words in said.values()), said


@each_master
def test_an_exception_costs_its_own_task_alone(name):
    functions = [task for task in tasks(name) if answer_name(name, task)[1]]
    for task in functions[-1:]:
        answer, _ = answer_name(name, task)
        broken = f"def {answer}(*_, **__):\n    return [][1]"
        said = grades(source_version(name), {task: broken})
        assert said.pop(task) == (
            f"✗ {checks(name).cases[answer][0]['call']}: it raised IndexError in line 2 of your "
            "cell: list index out of range."
        )
        assert not any(said.values())


# ---- editions ----


@each_master
def test_a_committed_edition_is_what_the_command_makes(name):
    stored = nbformat.read(editions.EDITIONS / f"{name}.ipynb", as_version=4)
    seed = editions.stored_seed(editions.SEED)
    fresh = student_edition(name, seed)
    assert len(stored.cells) == len(fresh.cells)
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if "%pip" not in new.source:  # stamped with the address
            assert old.source == new.source, "run `make assignments`"
        assert old.metadata == new.metadata
    (file,) = editions.CHECKS.glob(f"{name}-*.json")  # the bytes differ between versions of zlib
    assert file.name == prepared(name, seed)[1], "run `make assignments`"
    assert file.stem == f"{name}-{editions.edition_of(file.read_text(encoding='utf-8'))}"


def test_the_editions_of_a_fork_with_its_own_seed_are_what_the_command_makes(tmp_path, monkeypatch):
    """What the guide's *Assign* says, and then the test above as the fork runs it."""
    name, asked = "04-bouncing", []
    monkeypatch.setattr(editions, "MASTERS", [path for path in MASTERS if path.stem == name])
    monkeypatch.setattr(editions, "EDITIONS", tmp_path)
    monkeypatch.setattr(editions, "CHECKS", tmp_path)
    monkeypatch.setattr(editions, "SEED", tmp_path / "seed.txt")
    monkeypatch.setattr(
        editions.outputs, "run", lambda path, notebook: nbformat.write(notebook, path)
    )
    for command in (["editions", f"--seed={OTHER_SEED}"], ["editions"]):
        editions.main(command)
        test_a_committed_edition_is_what_the_command_makes(name)
        assert editions.stored_seed(editions.SEED) == OTHER_SEED
    monkeypatch.setattr(editions, "prepared", lambda master, seed: asked.append(seed))
    monkeypatch.setattr(editions, "write_course", lambda course, sources: None)
    editions.main(["release", str(tmp_path / "course")])
    assert asked == [OTHER_SEED]


def test_one_edition_can_be_made_alone_but_not_of_another_seed(tmp_path, monkeypatch):
    made = []
    for place in ("EDITIONS", "CHECKS"):
        monkeypatch.setattr(editions, place, tmp_path)
    monkeypatch.setattr(editions, "SEED", tmp_path / "seed.txt")
    monkeypatch.setattr(
        editions, "prepared", lambda master, seed: (None, f"{master.stem}-0.json", "")
    )
    monkeypatch.setattr(editions, "edition", lambda source: source)
    monkeypatch.setattr(editions.outputs, "run", lambda path, notebook: made.append(path.stem))
    editions.main(["editions", "--only", NAMES[1]])
    with pytest.raises(SystemExit, match="CHAPTERS=09-none names no master: there is 01-loading"):
        editions.main(["editions", "--only", NAMES[1], "09-none"])
    with pytest.raises(SystemExit, match="leave out CHAPTERS"):
        editions.main(["editions", "--only", NAMES[1], "--seed=7"])
    assert made == [NAMES[1]]


@each_master
def test_an_edition_holds_no_solution_and_no_hidden_test(name):
    text = (editions.EDITIONS / f"{name}.ipynb").read_text(encoding="utf-8")
    (file,) = editions.CHECKS.glob(f"{name}-*.json")
    text += file.read_text(encoding="utf-8")
    for secret in secrets(name):
        assert secret not in text
    assert "SOLUTION" not in text and "HIDDEN" not in text and ".require(" not in text
    assert not re.search(r"\bSEED\b", text)  # a picture may hold these four letters
    assert "frozen" not in text


@pytest.mark.parametrize("seed", [None, OTHER_SEED])
@each_master
def test_a_student_can_read_each_cell(name, seed):
    """A check is one line, and no cell holds encoded data."""
    for cell in student_edition(name, seed).cells:
        if cell.cell_type == "code" and "%pip" not in cell.source:
            lines = cell.source.splitlines()
            assert max(map(len, lines)) < 110
            assert not re.search(r"[\w+/=]{41}", cell.source)
            if nbgrader(cell).get("grade"):
                (line,) = lines
                assert line.startswith("check(") and len(line) < 80


@pytest.mark.parametrize("seed", [None, OTHER_SEED])
@each_master
def test_a_visible_check_tries_two_inputs(name, seed):
    """No constant passes it, and each case says what it tried."""
    tried = checks(name, seed).cases
    assert list(tried) == [answer_name(name, task)[0] for task in tasks(name)]
    for task in tasks(name):
        answer, is_function = answer_name(name, task)
        for case in tried[answer]:  # grading reads the sentence after the first ": "
            assert case["call"].startswith(answer) and ": " not in case["call"]
        if not is_function:
            assert [case["given"] for case in tried[answer]] == [None]
            continue
        right = [case["expected"] for case in tried[answer]]
        digests = {x.digest if isinstance(x, Seal) else seal(x).digest for x in right}
        assert len(right) == len({case["call"] for case in tried[answer]}) > 1
        assert len(digests) > 1, f"{answer}: a constant passes"


def secrets(name: str) -> list[str]:
    """Lines that only a master may hold: of solutions, hidden tests, hints and answers."""
    master = nbformat.read(ROOT / "teaching" / "masters" / f"{name}.ipynb", as_version=4)
    shown = "\n".join(cell.source for cell in student_edition(name).cells)
    lines = [line.strip() for cell in master.cells for line in cell.source.splitlines()]
    found = [line for line in lines if len(line) > 24 and line not in shown]
    return [line for line in found if "frozen(" not in line and "%pip" not in line]


@each_of_the_book
def test_another_seed_asks_for_other_answers(name):
    """The answers that are values do not pass in another year, and the sequences are others."""
    values = [task for task in tasks(name) if not answer_name(name, task)[1]]
    assert values, "no task asks for a value"
    for task in values:
        answer = answer_name(name, task)[0]
        last_years = solved(name)[1][task][answer]
        said = told(name, task, f"{answer} = {editions.literal(last_years)}", OTHER_SEED)
        assert said.startswith("✗ "), f"{task}: the answer of another seed passes"
    assert prepared(name)[1] != prepared(name, OTHER_SEED)[1]
