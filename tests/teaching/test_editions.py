"""How a value travels from a master into an edition: written there as text, and read back."""

import base64

import nbformat
import numpy as np
import pytest

from mmnist_lib.exercises import Checks, Passed, Seal, seal, unpack
from notebooks.address import STATED, site_of
from teaching.editions import edition_of, freeze, literal, on_the_site, pack, prepared, written

TRACK = np.array([[3, 4], [7, 9], [12, 13]])
CLIP = np.zeros((3, 8, 8), np.uint8)
CLIP[1, 2, 3], CLIP[2, 5, 5] = 200, 100


@pytest.mark.parametrize(
    "array",
    [CLIP, TRACK, np.linspace(0, 1, 50).reshape(5, 10), np.zeros((0, 3)), np.arange(30) % 2 == 0],
    ids=["clip", "track", "floats", "empty", "booleans"],
)
def test_a_packed_array_comes_back(array):
    back = unpack(pack(array))
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.allclose(back, array, rtol=0, atol=1e-12)
    back[...] = 0  # it may be written to


def test_in_a_browser_a_track_can_be_counted(monkeypatch):
    """NumPy counts with its own kind of integer, which is an int32 there."""
    monkeypatch.setattr(np, "intp", np.int32)
    assert unpack(pack(TRACK)).dtype == np.int32
    assert unpack(pack(CLIP)).dtype == np.uint8


def test_a_damaged_text_is_refused():
    whole = pack(CLIP)
    for text in ("", whole[:-8], "x" + whole, base64.b64encode(b"no zlib").decode()):
        with pytest.raises(ValueError, match="text is no packed array: copy it whole"):
            unpack(text)


@pytest.mark.parametrize(
    "value",
    [1, -0.5, "a \"b\" \\ \n", None, True, (1,), [1, (2, "x")], {"a": (0.1, [])}, TRACK, CLIP,
     np.arange(3, dtype=np.uint8), np.float64(0.25), np.array([True, False]), seal(3, "form")],
    ids=repr,
)  # fmt: skip
def test_a_literal_is_read_back_as_the_value(value):
    back = eval(literal(value), {"np": np, "unpack": unpack, "Seal": Seal})
    assert repr(back) == repr(value) or np.allclose(back, value)


# ---- what goes into a file beside the notebook ----


def reopened(checks: Checks, folder, monkeypatch) -> Checks:
    (folder / "trial-1.json").write_text(written(checks), encoding="utf-8")
    monkeypatch.chdir(folder)
    return Checks("trial", "1")


def test_checks_come_back_from_their_file(tmp_path, monkeypatch):
    checks = Checks("trial")
    given = [1, (0.5, "x")], CLIP, b"\x00\x01", {"a": 0.25, 3: None}, Passed("model")
    checks.add("f(…)", given, {"a": seal(3, "form")}, {"it is black": CLIP * 0}, limits=(0, 36))
    checks.add("g(rng)", (np.random.default_rng(5),), True)
    checks.values["track"] = TRACK
    back = reopened(checks, tmp_path, monkeypatch)
    assert back.stored("track").dtype == TRACK.dtype and (back.stored("track") == TRACK).all()
    (case,) = back.cases["f"]
    assert repr(case["given"]) == repr(given) and case["limits"] == (0, 36)
    assert case["expected"] == {"a": Seal(seal(3).digest, "form")}
    (rng,) = back.cases["g"][0]["given"]
    assert rng.random() == np.random.default_rng(5).random()


def test_a_file_tells_no_mistake_and_no_answer_by_eye(tmp_path, monkeypatch):
    checks = Checks("trial")
    checks.add("n", None, seal("a secret"), {"it counts from 1": "another secret"})
    assert "secret" not in written(checks) and "counts" not in written(checks)
    back = reopened(checks, tmp_path, monkeypatch)
    assert back("n", "a secret")
    assert back("n", "another secret").message == "✗ n: it counts from 1."


def test_an_edition_is_named_after_what_it_asks():
    def named(expected) -> str:
        checks = Checks("trial")
        checks.add("f(1)", (1,), expected)
        return edition_of(written(checks))

    right = np.linspace(0, 1, 50)
    assert named(right) == named(right + 1e-16)  # as another processor computes it
    assert len({named(right), named(right + 0.001), named(right > 1), named(3)}) == 4


SETUP = 'from mmnist_lib.exercises import Checks\ncheck = Checks("trial")'
FROZEN = "def frozen(value):\n    return value"


def test_a_long_value_goes_into_the_file_and_a_short_one_into_the_cell():
    cell = "n = frozen(3)\nlong = frozen(list(range(99)))"
    hidden = f"{cell}\n### BEGIN HIDDEN TESTS\nother = frozen(list(range(99)))"
    sources, checks = freeze([FROZEN, SETUP, hidden], "trial.ipynb")
    first, second, _, last = sources[-1].splitlines()
    assert (first, second) == ("n = 3", 'long = check.stored("long")')
    assert last.startswith("other = [0, 1, 2, ") and list(checks.values) == ["long"]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([SETUP, "print(frozen('x' * 99))"], "needs a name: name = frozen(…)"),
        ([SETUP, "a, b = frozen(['x' * 99, 1])"], "needs a name: name = frozen(…)"),
        ([SETUP, *2 * ["a = frozen('x' * 99)"]], "trial.ipynb: two frozen values are called a"),
        (["a = frozen(3)"], 'no cell opens its checks: check = Checks("trial")'),
    ],
    ids=["no name", "two names", "twice", "no checks"],
)
def test_a_master_that_cannot_be_made_says_why(cells, words):
    with pytest.raises(SystemExit) as stopped:
        freeze([FROZEN, *cells], "trial.ipynb")
    assert words in str(stopped.value)


def test_a_notebook_opens_its_own_checks(tmp_path):
    first = nbformat.v4.new_code_cell(f"SEED = 1\n{FROZEN}", metadata={"tags": ["master"]})
    for stem in ("trial", "other"):
        path = tmp_path / f"{stem}.ipynb"
        nbformat.write(
            nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(SETUP)]), path
        )
    notebook, file, text = prepared(tmp_path / "trial.ipynb")
    assert notebook.cells[0].source.endswith(f'Checks("trial", "{edition_of(text)}")')
    assert file == f"trial-{edition_of(text)}.json"
    with pytest.raises(SystemExit, match=r'other.ipynb: no cell opens .*Checks\("other"\)'):
        prepared(tmp_path / "other.ipynb")


def test_a_release_links_to_the_site():
    source = "[a](../04-bouncing.ipynb) [b](07-networks.ipynb#roll) [c](../api.md#x) [d](#e)"
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(f"{source} [f](https://numpy.org/a.md)")]
    )
    site = site_of(STATED)
    assert on_the_site(notebook).cells[0].source == (
        f"[a]({site}book/04-bouncing.html) [b]({site}book/exercises/07-networks.html#roll) "
        f"[c]({site}book/api.html#x) [d](#e) [f](https://numpy.org/a.md)"
    )
    assert notebook.cells[0].source.startswith(source)  # the source itself keeps its links
