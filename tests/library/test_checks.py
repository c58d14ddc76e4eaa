"""What `check` says of an answer. The exercises' own contracts stand in test_exercises.py."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmnist_lib.exercises import Seal, WrongAnswer, check, hide, seal

TRACK = np.array([[3, 4], [7, 9], [12, 13]])
CLIP = np.zeros((3, 8, 8), np.uint8)
CLIP[1, 2, 3], CLIP[2, 5, 5] = 200, 100


def says(answer, expected, **settings) -> str:
    return check(answer, expected=expected, **settings).message


# ---- right answers ----


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (3, 3),
        (np.int64(3), 3),
        (3, np.int64(3)),
        (0.1 + 0.2, 0.3),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.True_, True),
        ("clamp", "clamp"),
        (("clamp", 3), ("clamp", 3)),
        ({"a": [1, 2.0]}, {"a": [1, 2.0]}),
        (TRACK.astype(np.int32), TRACK),
        (CLIP.copy(), CLIP),
        (np.array([0.1 + 0.2, np.nan]), np.array([0.3, np.nan])),
    ],
)
def test_the_right_answer_passes(answer, expected):
    verdict = check(answer, expected=expected)
    assert verdict and verdict.message == "✓ your answer is right."
    verdict.require()


def test_a_function_passes_by_its_name():
    def twice(x):
        return 2 * x

    assert check(twice, (4,), expected=8).message == "✓ twice is right."


# ---- not attempted ----


def test_none_is_not_attempted_yet():
    assert says(None, 3) == "○ your answer: not attempted yet."

    def stub(x):
        """Do something."""

    verdict = check(stub, (1,), expected=3)
    assert verdict.message == "○ stub: not attempted yet." and not verdict
    with pytest.raises(WrongAnswer, match="not attempted yet"):
        verdict.require()


# ---- wrong answers ----


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (4, 3, "✗ your answer: it is 4, which is not right."),
        (3.0, 3, "it is of type float: make it a whole number"),
        (True, 1, "it is of type bool: make it a whole number"),
        (1, True, "it is of type int: make it True or False"),
        ("3", 3.0, "it is of type str: make it a number"),
        (["a"], ("a",), "it is of type list: make it a tuple"),
        ((1, 2), (1, 2, 3), "it has 2 items, not 3"),
        ((1, 5, 3), (1, 2, 3), "item 1: it is 5, which is not right"),
        ({"b": 1}, {"a": 1}, "it has no 'a'"),
        ({"a": 1, "b": 2}, {"a": 1}, "it has 2 items, not 1"),
        ({"a": 2}, {"a": 1}, "item 'a': it is 2, which is not right"),
        (TRACK.tolist(), TRACK, "it is of type list: make it a NumPy array"),
        (TRACK.T, TRACK, "its shape is (2, 3), not (3, 2): are its axes in the right order?"),
        (TRACK[:2], TRACK, "its shape is (2, 2), not (3, 2)."),
        (
            TRACK.astype(float),
            TRACK,
            "its dtype is float64: make it a signed integer, such as int64",
        ),
        (TRACK.astype(np.uint8), TRACK, "its dtype is uint8: make it a signed integer"),
        (TRACK, TRACK.astype(float), "its dtype is int64: make it a float, such as float64"),
        (CLIP.astype(float), CLIP, "its dtype is float64: make it uint8"),
        (CLIP > 0, CLIP, "its dtype is bool: make it uint8"),
        (np.array([1.0, 2.0]), np.array([1.0, 2.5]), "its value at [1] is 2, not 2.5"),
        (np.array(4), np.array(3), "its value is 4, not 3"),
        (np.array([np.nan]), np.array([1.0]), "its value at [0] is nan, not 1"),
    ],
)
def test_a_wrong_answer_is_told_what_is_wrong(answer, expected, words):
    verdict = check(answer, expected=expected)
    assert not verdict and words in verdict.message
    with pytest.raises(WrongAnswer):
        verdict.require()


class Agreeable:
    """Equals everything, as far as Python lets it."""

    __class__ = int
    shape, dtype = (3, 2), np.dtype(np.int64)
    __hash__ = None

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __array__(self, *_, **__):
        return TRACK


@pytest.mark.parametrize(
    "expected",
    [3, 0.5, True, "a", (1,), [1], {"a": 1}, TRACK, CLIP, seal(3)],
    ids=lambda value: type(value).__name__,
)
def test_an_object_that_equals_everything_equals_nothing(expected):
    assert not check(Agreeable(), expected=expected)
    assert not check(lambda: Agreeable(), (), expected=expected)
    for wrapped in ([Agreeable()], (Agreeable(),), {"a": Agreeable()}):
        assert not check(wrapped, expected=expected)
    objects = np.empty(1, dtype=object)
    objects[0] = Agreeable()
    assert not check(objects, expected=expected)


def test_a_subclass_of_an_array_is_no_array():
    class Fake(np.ndarray):
        def __eq__(self, other):
            return np.ones(np.shape(other), bool)

        __hash__ = None

    assert "make it a NumPy array" in says(np.zeros((3, 2), np.int64).view(Fake), TRACK)


# ---- tracks and clips ----


def track(answer, **settings) -> str:
    return says(answer, TRACK, kind="track", **settings)


def test_a_track_is_told_frame_and_place():
    wrong = TRACK.copy()
    wrong[2, 1] = 20
    words = "frame 2: your digit is at row 12, column 20; expected row 12, column 13."
    assert track(wrong) == f"✗ your answer: {words}"
    assert track(wrong, limits=(0, 19)) == (
        "✗ your answer: frame 2: your digit is at column 20, outside the canvas (0 to 19)."
    )
    two = np.stack([TRACK, wrong])
    said = says(np.stack([TRACK, TRACK]), two, kind="track")
    assert said.startswith("✗ your answer: digit 1, frame 2: your digit is at row 12, column 13")


def test_a_track_of_floats_reads_well():
    path = np.array([[0.123456789, 0.5]])
    said = says(path + 0.1, path, kind="track")
    assert "row 0.223457, column 0.6; expected row 0.123457, column 0.5" in said
    assert "column 1.1, outside the canvas (0 to 1)" in says(
        path + 0.6, path, kind="track", limits=(0, 1)
    )
    assert "outside" in says(path * np.nan, path, kind="track", limits=(0, 1))


def test_a_track_is_told_of_a_swap_and_of_time():
    assert "row and column are swapped" in track(TRACK[:, ::-1])
    assert "one frame too late" in track(np.concatenate([[[0, 0]], TRACK[:-1]]))
    assert "one frame too early" in track(np.concatenate([TRACK[1:], [[0, 0]]]))


def test_a_clip_is_shown_beside_the_expected_one():
    wrong = CLIP.copy()
    wrong[1, 2, 3], wrong[1, 4, 4] = 20, 1
    verdict = check(wrong, expected=CLIP, kind="clip")
    assert verdict.message == (
        "✗ your answer: frame 1, row 2, column 3: your pixel is 20, expected 200 "
        "(2 pixels of this frame differ)."
    )
    assert verdict.player.titles == ["yours", "expected", "difference"]
    mine, right, difference = verdict.player.clips
    assert (mine == wrong).all() and (right == CLIP).all()
    assert difference[1, 2, 3] == 180 and difference.sum() == 181
    page = verdict._repr_html_()
    assert "your pixel is 20" in page and "mmnist-player" in page


def test_a_clip_of_another_dtype_is_shown_too_and_one_of_another_shape_is_not():
    assert (check(CLIP * 1.0, expected=CLIP, kind="clip").player.clips[0] == CLIP).all()
    for other in (CLIP[:2], "frames", CLIP.astype(object), CLIP.astype(complex)):
        verdict = check(other, expected=CLIP, kind="clip")
        assert not verdict and verdict.player is None


def test_one_pixel_is_one():
    wrong = CLIP.copy()
    wrong[1, 4, 4] = 1
    assert "(1 pixel of this frame differs)." in says(wrong, CLIP, kind="clip")
    assert check(CLIP / 1.0, expected=CLIP / 2.0, kind="clip").player is None  # no player of floats


def test_a_clip_is_told_of_time():
    late = np.concatenate([CLIP[:1], CLIP[:-1]])
    assert "every frame comes one too late" in says(late, CLIP, kind="clip")
    early = np.concatenate([CLIP[1:], CLIP[:1]])
    assert "every frame comes one too early" in says(early, CLIP, kind="clip")


def test_words_of_a_student_are_no_html():
    assert "<b>" not in check("<b>bold</b>", expected="x")._repr_html_()


# ---- functions ----


def test_an_error_is_reported_with_its_line():
    code = "def broken(x):\n    y = x\n    return y[5]\n"
    namespace = {}
    exec(compile(code, "<a cell>", "exec"), namespace)
    assert check(namespace["broken"], ([1],), expected=1).message == (
        "✗ broken: it raised IndexError in line 3 of your cell: list index out of range."
    )


def test_an_error_without_a_line_is_reported_too():
    assert "it raised TypeError" in check(lambda: 1, (1, 2), expected=1).message
    assert "it raised" in check(3, (1,), expected=1).message  # no function at all


def test_a_changed_argument_is_reported_and_the_original_is_safe():
    def careless(path):
        path[0] = 0
        return path.sum()

    path = TRACK.copy()
    assert "it changed its argument number 1" in check(careless, (path,), expected=41).message
    assert (path == TRACK).all()


@pytest.mark.parametrize("draw", [np.random.rand, random.random], ids=["numpy", "python"])
def test_the_global_random_state_is_reported(draw):
    def lazy(rng):
        draw()
        return 1

    rng = np.random.default_rng(0)
    assert "global random state" in check(lazy, (rng,), expected=1).message


def test_a_generator_is_copied_so_that_a_check_can_be_run_twice():
    def honest(rng):
        return int(rng.integers(1000))

    rng = np.random.default_rng(1)
    right = int(np.random.default_rng(1).integers(1000))
    assert all(check(honest, (rng,), expected=right) for _ in range(2))


def test_a_warning_is_no_mistake(recwarn):
    def divides(x):
        return x / np.array([0.0])

    assert check(divides, (np.array([1.0]),), expected=np.array([np.inf]))
    assert not recwarn


def test_a_forbidden_name_is_found_however_the_function_gets_it():
    def direct(x):
        return np.roll(x, 1)

    def nested(x):
        return (lambda y: np.roll(y, 1))(x)

    def looked_up(x):
        return getattr(np, "ro" + "ll")(x, 1)

    def innocent(x):
        return np.concatenate([x[-1:], x[:-1]])

    x, right = np.arange(3), np.array([2, 0, 1])
    for function in (direct, nested, looked_up):
        words = check(function, (x,), expected=right, without=["roll"]).message
        assert words.endswith("it uses roll: do without it here.")
    assert check(innocent, (x,), expected=right, without=["roll"])


# ---- slips and seals ----


def test_a_slip_is_told_by_its_sentence():
    slips = {"you rounded": 4, "you doubled": 6}
    for table in (slips, hide(slips)):
        assert says(6, 3, slips=table) == "✗ your answer: you doubled."
        assert says(3, 3, slips=table) == "✓ your answer is right."
        assert "it is 5" in says(5, 3, slips=table)


def test_slips_are_hidden_from_the_eye():
    assert "rounded" not in hide({"you rounded": 4})


def test_a_seal_knows_its_value_and_does_not_tell():
    sealed = seal({"clamp": 0.84, "reflect": [1, 2]}, "like …")
    assert "0.84" not in repr(sealed) and eval(repr(sealed)) == sealed
    assert check({"reflect": [1, 2], "clamp": np.float64(0.84 + 1e-12)}, expected=sealed)
    assert check({"reflect": (1, 2), "clamp": 0.84}, expected=sealed)
    wrong = says({"clamp": 0.85, "reflect": [1, 2]}, sealed)
    assert wrong.endswith("which is not right (its form: like …).")


@given(st.lists(st.integers(-9999, 9999), min_size=1, max_size=5), st.integers(0, 3))
def test_a_seal_forgives_the_last_bits(numbers, digits):
    exact = np.array(numbers) / 10**digits
    added_otherwise = (exact + 1 / 3) - 1 / 3
    assert seal(added_otherwise) == seal(exact.tolist())
    assert seal(exact) != seal(exact + 1)


def test_zero_and_almost_zero_are_sealed_alike():
    assert seal(0.0) == seal(-2e-16) == seal(0) and seal(1.0) == seal(1 - 1e-12)
    assert seal(1) != seal(True) and seal("1") != seal(1) and seal([1]) != seal(1)


def test_a_number_in_quotes_is_no_number():
    assert seal(0.84) != seal("0.84") and seal(3) != seal("3")


def test_numbers_that_look_alike_are_told_apart():
    expected = np.array([0.1])
    assert "its value at [0] is 0.10000000149" in says(expected.astype(np.float32), expected)


def test_what_cannot_be_sealed_is_refused():
    with pytest.raises(TypeError, match="cannot be sealed: pass numbers"):
        seal([1, object()])


def test_a_seal_with_nothing_in_it_matches_nothing():
    assert not check(object(), expected=Seal("0" * 12))


# ---- nbgrader ----


def test_while_nbgrader_runs_a_check_raises(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check(3, expected=3)
    with pytest.raises(WrongAnswer, match="it is 4"):
        check(4, expected=3)
    with pytest.raises(WrongAnswer, match="not attempted"):
        check(None, expected=3)


def test_a_wrong_answer_shows_no_line_of_the_test():
    error = WrongAnswer("frame 3 is wrong")
    assert error._render_traceback_() == ["WrongAnswer: frame 3 is wrong"]


def test_a_kind_that_is_unknown_is_refused():
    with pytest.raises(ValueError, match="kind='picture' is unknown: choose 'array', 'clip'"):
        check(1, expected=1, kind="picture")
