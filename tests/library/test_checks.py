"""What `check` says of an answer. The exercises' own contracts stand in test_exercises.py."""

import base64
import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmnist_lib.exercises import Checks, Passed, Seal, WrongAnswer, check, seal, unpack

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


@pytest.mark.parametrize(
    "body", ["print('drawn')", "x + 1", "if x > 9:\n        return x"], ids=["draws", "sums", "if"]
)
def test_a_function_that_returns_nothing_was_attempted(body):
    namespace = {}
    exec(f"def trial(x):\n    {body}\n", namespace)
    assert check(namespace["trial"], (1,), expected=2).message == (
        "✗ trial: it returns nothing: whatever it draws or prints, end it with return."
    )


@pytest.mark.parametrize("body", ["'Say what.'", "pass", "...", "return", "return None"])
def test_a_function_in_which_nothing_stands_was_not(body):
    namespace = {}
    exec(f"def trial(x, y=2, *, z=3):\n    {body}\n", namespace)
    assert check(namespace["trial"], (1,), expected=2).message == "○ trial: not attempted yet."


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
        (
            np.array([np.nan]),
            np.array([1.0]),
            "its value at [0] is nan or inf: does it divide by 0?",
        ),
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
    assert says(path * np.nan, path, kind="track", limits=(0, 1)) == (
        "✗ your answer: frame 0: the position there is nan: "
        "0 / 0 gives nan, as when a frame holds no ink."
    )


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


# ---- well-known mistakes that no exercise has to list ----


def test_what_was_written_into_a_copy_is_told():
    words = (
        "it is 0 everywhere, as if never filled: part = … only names an array, part[:] = … fills it"
    )
    for kind in ("array", "clip"):
        assert words in says(CLIP * 0, CLIP, kind=kind)
    assert words in says(TRACK * 0, TRACK, kind="track")
    assert words in says(np.zeros(3), np.arange(3.0))
    assert words not in says(np.array(0), np.array(3))  # a number may be 0


def test_one_array_for_all_frames_is_told():
    words = "all its frames are the last one: make a new array, or a copy, for each frame"
    assert words in says(CLIP[[1, 1, 1]], CLIP, kind="clip")
    still = CLIP[[1, 1, 1]]
    assert words not in says(CLIP[[2, 2, 2]], still, kind="clip")  # the right ones are alike too


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_division_by_zero_is_told(dtype):
    least = np.array([3, np.iinfo(dtype).min], dtype)
    assert "its value at [1] is nan or inf made into a whole number: does it divide by 0?" in says(
        least, np.array([3, 4])
    )
    assert "its value at [1] is nan or inf: does it divide by 0?" in says(
        np.array([0.5, np.inf]), np.array([0.5, 2.0])
    )
    lost = TRACK.astype(float)
    lost[1] = np.nan
    assert "frame 1: the position there is nan: 0 / 0 gives nan, as when a frame" in says(
        lost, TRACK.astype(float), kind="track"
    )
    assert "its value at [1] is 128, not 4" in says(
        np.array([3, 128], np.uint8), np.array([3, 4], np.uint8)
    )
    assert "its value at [1] is -128, not 4" in says(
        np.array([3, -128], np.int8), np.array([3, 4], np.int8)
    )


def test_nan_that_is_right_is_no_mistake():
    assert "at [1] is 2, not 1" in says(np.array([np.nan, 2.0]), np.array([np.nan, 1.0]))
    least = np.iinfo(np.int64).min
    assert "at [1] is 2, not 1" in says(np.array([least, 2]), np.array([least, 1]))


def test_a_question_ends_in_one_mark():
    assert says(TRACK.T, TRACK).endswith("in the right order?")


def test_a_seal_without_a_form_says_nothing_of_it():
    assert says(4, seal(3)) == "✗ your answer: it is 4, which is not right."


# ---- answers that set out to break a check ----


def endless() -> list:
    answer = []
    answer.append(answer)
    return answer


class Shy:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize("expected", [seal(3), 3, 0.5, [1], TRACK], ids=repr)
@pytest.mark.parametrize(
    "answer",
    [2**70, -(10**400), 10**5000, float("nan"), endless(), [endless()], Shy(), {1: endless()}],
    ids=["2**70", "10**400", "10**5000", "nan", "endless", "twice", "shy", "dict"],
)
def test_every_answer_gets_a_sentence(answer, expected):
    verdict = check(answer, expected=expected)
    assert not verdict and verdict.message.startswith("✗ your answer: it")
    assert len(verdict.message) < 200


def test_a_number_is_never_too_large_to_be_right():
    assert check(2**70, expected=2**70) and check(2**70, expected=seal(2**70))


def leaves_by_name():
    exit()


def leaves_by_module():
    import sys

    sys.exit(0)


def leaves_by_error():
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (leaves_by_name, "it uses exit: do without it here"),
        (leaves_by_module, "it uses exit: do without it here"),
        (leaves_by_error, "it raised SystemExit"),
    ],
)
def test_a_function_that_leaves_gets_a_sentence(function, words):
    assert words in check(function, (), expected=1).message


def test_a_reader_can_still_interrupt():
    def slow():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(slow, (), expected=1)


def test_the_words_of_an_error_stay_one_line_of_text():
    def forges():
        raise ValueError("a\n\x1b[2Jb" + 1000 * "c")

    message = check(forges, (), expected=1).message
    assert message.isprintable() and "a  [2Jb" in message and len(message) < 500


def test_what_cannot_be_sealed_is_told():
    with pytest.raises(TypeError, match="cannot be sealed"):
        seal(endless())


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


def test_what_does_not_fit_into_an_array_is_asked_about():
    def crowds():
        np.zeros((2, 2))[1:3] = np.ones((2, 2))

    assert check(crowds, (), expected=1).message.endswith("into shape (1,2): is there room for it?")


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
    assert says(6, 3, slips=slips) == "✗ your answer: you doubled."
    assert says(3, 3, slips=slips) == "✓ your answer is right."
    assert "it is 5" in says(5, 3, slips=slips)


def test_a_seal_knows_its_value_and_does_not_tell():
    sealed = seal({"clamp": 0.84, "reflect": [1, 2]}, "like …")
    assert "0.84" not in repr(sealed) and eval(repr(sealed)) == sealed
    assert check({"reflect": [1, 2], "clamp": np.float64(0.84 + 1e-12)}, expected=sealed)
    assert check({"reflect": (1, 2), "clamp": 0.84}, expected=sealed)
    wrong = says({"clamp": 0.85, "reflect": [1, 2]}, sealed)
    assert wrong.endswith("which is not right (its form: like …).")


def test_a_dict_of_seals_tells_which_item_is_wrong():
    sealed = {"clamp": seal(0.84), "reflect": seal(0.77)}
    assert check({"clamp": 0.84, "reflect": np.float64(0.77)}, expected=sealed)
    words = "✗ your answer: item 'reflect': it is 0.9, which is not right."
    assert says({"clamp": 0.84, "reflect": 0.9}, sealed) == words
    assert says({"clamp": 0.84}, sealed) == "✗ your answer: it has no 'reflect'."


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


def test_while_nbgrader_runs_the_player_is_shown_beside_the_error(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    with pytest.raises(WrongAnswer, match="your pixel"):
        check(CLIP // 2, expected=CLIP, kind="clip")
    (player,) = shown
    assert player.titles == ["yours", "expected", "difference"]


def test_a_wrong_answer_shows_no_line_of_the_test():
    error = WrongAnswer("frame 3 is wrong")
    assert error._render_traceback_() == ["WrongAnswer: frame 3 is wrong"]


def test_a_kind_that_is_unknown_is_refused():
    with pytest.raises(ValueError, match="kind='picture' is unknown: choose 'array', 'clip'"):
        check(1, expected=1, kind="picture")


# ---- the checks of a notebook ----


def halves() -> Checks:
    checks = Checks("halves")
    checks.add("half(4)", (4,), 2, {"it doubles: divide by 2": 8})
    checks.add("half(of, 6)", (Passed("of"), 6), 3)
    checks.add("place", None, seal(7, "a number"))
    return checks


def test_the_first_case_that_fails_is_named():
    def half(*given):
        return given[-1] // 2

    assert halves()("half", half, of="any").message == "✓ half is right."
    assert halves()("half", lambda *_: 2, of="any").message == (
        "✗ half(of, 6): it is 2, which is not right."
    )
    assert halves()("half", lambda *given: 2 * given[-1]).message == (
        "✗ half(4): it doubles: divide by 2."
    )
    assert halves()("half", None).message == "○ half: not attempted yet."
    assert halves()("place", 7).message == "✓ place is right."
    assert halves()("place", 8).message == (
        "✗ place: it is 8, which is not right (its form: a number)."
    )


def test_what_a_notebook_passes_reaches_the_function():
    seen = []
    halves()("half", lambda *given: seen.append(given) or given[-1] // 2, of="the notebook's own")
    assert seen == [(4,), ("the notebook's own", 6)]


def test_an_answer_without_a_check_is_told():
    with pytest.raises(ValueError, match="name='third' is unknown: choose 'half' or 'place'"):
        halves()("third", 1)


def test_an_edition_without_its_file_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"^04-bouncing-000000\.json is missing.*beside it"):
        Checks("04-bouncing", "000000")


def test_a_file_beside_the_notebook_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = '{"arrays": ["eNqrKTW0NrZmZGIBAAy8AdM="], "values": {"dict": [["few", {"array": 0}]]}, '
    slips = base64.b64encode(json.dumps({"you added 1": seal(4).digest}).encode()).decode()
    case = f'["call", "n"], ["given", null], ["expected", 3], ["slips", "{slips}"]'
    cases = f'{{"dict": [["n", [{{"dict": [{case}]}}]]]}}'
    (tmp_path / "tiny-1.json").write_text(f'{text}"cases": {cases}}}')
    checks = Checks("tiny", "1")
    assert checks("n", 3) and checks("n", 4).message == "✗ n: you added 1."
    few = checks.stored("few")
    with pytest.raises(ValueError, match=r"name='many' is unknown: choose 'few'$"):
        checks.stored("many")
    few[0] = 9  # a copy, so that no cell changes what another one gets
    assert (checks.stored("few") == unpack("eNqrKTW0NrZmZGIBAAy8AdM=")).all()
