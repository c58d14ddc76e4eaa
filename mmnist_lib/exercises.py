"""Check an answer and say what is wrong with it. The exercises of every chapter use it.

A check never raises while you work: it returns a `Verdict`, which shows itself below the cell.
But nbgrader reads errors, not words, so a check raises `WrongAnswer` while nbgrader runs it, and
``.require()`` always does.

Raises
------
AssertionError, TypeError, ValueError
    For a wrong answer, as said above, or if the check itself is written wrongly.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import hashlib
import html
import json
import os
import random
import sys
import traceback
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .player import Player, animate

Array = NDArray[Any]
Limits = tuple[float, float] | None

KINDS = ("array", "clip", "track")
NAMES = {
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    np.ndarray: "a NumPy array",
}


class WrongAnswer(AssertionError):
    """What ``.require()`` raises. A notebook shows its sentence, and no line of the test."""

    def _render_traceback_(self) -> list[str]:  # IPython asks for it
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class Seal:
    """A value that a check recognizes and a reader cannot read; made by `seal`.

    `digest` is a part of its hash, and `form` says what an answer looks like.
    """

    digest: str
    form: str = ""

    def __repr__(self) -> str:
        return f'Seal("{self.digest}"{f", {self.form!r}" if self.form else ""})'


def seal(value: Any, form: str = "") -> Seal:
    """Hide a value behind its hash, so that a visible check does not tell it.

    >>> check("clamp", expected=seal("reflect", form="the name of a rule"))
    ✗ your answer: it is 'clamp', which is not right (its form: the name of a rule).

    `value` is a number, str, bool, array, or a list, tuple or dict of these. Floats count to four
    digits, and a list is as good as an array. `form` says what an answer looks like. Returns what
    `check` takes as ``expected``.
    """
    plain = _plain(value)
    if "<class" in repr(plain):
        raise TypeError(f"value={_short(value)} cannot be sealed: pass numbers, text or arrays")
    return Seal(_digest(plain), form)


def _digest(plain: Any) -> str:
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]


def hide(slips: Mapping[str, Any]) -> str:
    """Hide well-known wrong answers, and the sentences that explain them, from a reader's eye.

    >>> slips = hide({"you counted from 1: frames are numbered from 0": 20})
    >>> check(20, expected=19, slips=slips)
    ✗ your answer: you counted from 1: frames are numbered from 0.

    A visible check that listed them would tell what to look for. `slips` are as for `check`, with
    answers that `seal` takes. Returns a str that `check` takes in their place.
    """
    table = {words: seal(slip).digest for words, slip in slips.items()}
    return base64.b64encode(json.dumps(table).encode()).decode()


def _slips(slips: Mapping[str, Any] | str) -> Mapping[str, Any]:
    if not isinstance(slips, str):
        return slips
    table = json.loads(base64.b64decode(slips))
    return {words: Seal(digest) for words, digest in table.items()}


def _plain(value: Any) -> Any:
    """Make equal answers print alike, whatever their type."""
    kind = _kind(value)
    if kind is np.ndarray:
        plain = value.dtype.kind in "iu" and value.itemsize <= 4  # frames have many such numbers
        return value.tolist() if plain else _plain(value.tolist())
    if kind is bool:
        return bool(value)
    if kind in (int, float) and np.isfinite(value):
        value = round(float(value), 9)  # the last bits differ between two right ways to add
        return int(value) if value == int(value) else float(f"{value:.4g}")
    if kind in (list, tuple):
        return [_plain(item) for item in value]
    if kind is dict:
        return sorted((str(key), _plain(item)) for key, item in value.items())
    return value if kind is str else str(kind)


@dataclass(frozen=True)
class Verdict:
    """What `check` found.

    >>> bool(check(4, expected=4))
    True

    A verdict is true if the answer `passed`, so ``check(…) and check(…)`` is the first that did
    not, or the last. `message` is one sentence: what is wrong and where, or that nothing is.
    `player` shows wrong frames of the right shape beside the expected ones and the difference.
    """

    passed: bool
    message: str
    player: Player | None = None

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message

    def _repr_html_(self) -> str:
        beside = self.player._repr_html_() if self.player else ""
        sentence = html.escape(self.message)
        return f'<p class="mmnist-verdict"><strong>{sentence}</strong></p>{beside}'

    def require(self) -> None:
        """Raise a `WrongAnswer` unless the answer is right, as the hidden tests do.

        >>> check(4, expected=4).require()
        """
        if not self.passed:
            raise WrongAnswer(self.message)


def check(
    answer: Any,
    given: tuple[Any, ...] | None = None,
    *,
    expected: Any,
    kind: str = "array",
    limits: Limits = None,
    slips: Mapping[str, Any] | str = {},
    without: Sequence[str] = (),
    tolerance: float = 1e-9,
) -> Verdict:
    """Compare an answer with the expected one, and say where they part.

    >>> check(None, expected=36)
    ○ your answer: not attempted yet.
    >>> path = np.array([[3, 4], [37, 5]])
    >>> check(path, expected=np.array([[3, 4], [36, 5]]), kind="track", limits=(0, 36))
    ✗ your answer: frame 1: your digit is at row 37, outside the canvas (0 to 36).
    >>> def double(numbers):
    ...     return 2 * numbers
    >>> check(double, (np.arange(3),), expected=np.array([0, 2, 4]))
    ✓ double is right.

    Parameters
    ----------
    answer : object or function
        A value, or the function that should return it. None, or a function that returns
        None, counts as not attempted yet.
    given : tuple, optional
        The arguments, where `answer` is a function. It gets copies of them. If it changes one,
        raises an error or uses the global random state, the verdict says so.
    expected : number, str, bool, array, a list, tuple or dict of these, or Seal
        What is right. The type counts, and so does an array's shape and dtype: uint8 and bool
        exactly, any signed integer for another integer, any float for a float.
    kind : {"array", "clip", "track"}, default "array"
        A clip is frames ``(n_frames, H, W)``; where they differ, they play beside the expected
        ones. A track is ``(n_frames, 2)`` or ``(k, n_frames, 2)``, row and column.
    limits : (float, float), optional
        The least and the largest row or column of a track that stays on the canvas.
    slips : mapping of str to object, or str, default {}
        Well-known wrong answers, each under the sentence that explains it; or what `hide`
        returns for them.
    without : sequence of str, default ()
        Names that the function must not use: the exercise is to do without them.
    tolerance : float, default 1e-9
        How far a float may be off.

    Returns
    -------
    Verdict, which shows its sentence below the cell
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is unknown: choose {', '.join(map(repr, KINDS))}")
    name, yours, trouble, player = "your answer", answer, None, None
    if given is not None:
        name = getattr(answer, "__name__", name)
        yours, trouble = _call(answer, given, without)
    if answer is None or (yours is None and trouble is None):
        verdict = Verdict(False, f"○ {name}: not attempted yet.")
    else:
        trouble = trouble or _difference(yours, expected, tolerance, kind, limits, _slips(slips))
        if trouble and kind == "clip":
            player = _beside(yours, expected)
        words = f"✗ {name}: {trouble}." if trouble else f"✓ {name} is right."
        verdict = Verdict(not trouble, words, player)
    if os.environ.get("NBGRADER_EXECUTION") and not verdict:
        _show(verdict.player)
        verdict.require()
    return verdict


def unpack(text: str) -> Array:
    """Return the array that an exercise brings with it as `text`, of any shape and dtype.

    >>> unpack("eNqrKTW0NrZmZGIBAAy8AdM=")
    array([1, 2, 4], dtype=uint8)

    The text is base64 of zlib of dtype, shape and bytes.
    """
    try:
        dtype, shape, data = zlib.decompress(base64.b64decode(text, validate=True)).split(b";", 2)
        lengths = [int(length) for length in shape.split(b",") if length]
        return np.frombuffer(data, dtype.decode()).reshape(lengths).copy()
    except Exception as error:
        raise ValueError(f"text is no packed array: copy it whole ({error})") from None


def _call(
    function: Callable[..., Any], given: tuple[Any, ...], without: Sequence[str]
) -> tuple[Any, str | None]:
    """Return what a function makes of copies of `given`, and what it did wrong meanwhile."""
    code = getattr(function, "__code__", None)
    arguments = copy.deepcopy(given)
    before = repr(np.random.get_state()), random.getstate()  # noqa: NPY002
    used: set[str] = set()

    def watch(frame: FrameType, *_: Any) -> None:  # its calls: `getattr` leaves no name in the code
        used.update({frame.f_code.co_qualname.partition(".")[0]} & {*without})

    try:
        with warnings.catch_warnings():  # a warning is no error, but nbgrader takes it for one
            warnings.simplefilter("ignore")
            sys.setprofile(watch if without else None)
            yours = function(*arguments)
    except Exception as error:
        steps = traceback.extract_tb(error.__traceback__)
        lines = [step.lineno for step in steps if code and step.filename == code.co_filename]
        where = f" in line {lines[-1]} of your cell" if lines else ""
        return None, f"it raised {type(error).__name__}{where}: {error}"
    finally:
        sys.setprofile(None)
    if used:
        return None, f"it uses {min(used)}: do without it here"
    for place, (argument, original) in enumerate(zip(arguments, given, strict=True)):
        if isinstance(original, np.ndarray) and not _equal(argument, original, 0):
            return yours, f"it changed its argument number {place + 1}: work on a copy"
    if (repr(np.random.get_state()), random.getstate()) != before:  # noqa: NPY002
        return yours, "it drew from the global random state: use the generator that it is given"
    return yours, None


def _difference(
    yours: Any,
    expected: Any,
    tolerance: float,
    kind: str = "array",
    limits: Limits = None,
    slips: Mapping[str, Any] = {},
) -> str | None:
    """Say in what way two values differ; None if they do not."""
    if _equal(yours, expected, tolerance):
        return None
    for words, slip in slips.items():
        if _equal(yours, slip, tolerance):
            return words
    if isinstance(expected, Seal):
        return f"it is {_short(repr(yours))}, which is not right (its form: {expected.form})"
    if not _same_kind(yours, expected):
        wanted = NAMES.get(_kind(expected), f"a {type(expected).__name__}")
        return f"it is of type {type(yours).__name__}: make it {wanted}"
    if isinstance(expected, np.ndarray):
        return _array_difference(yours, expected, tolerance, kind, limits)
    if isinstance(expected, (list, tuple, dict)):
        return _item_difference(yours, expected, tolerance)
    return f"it is {_short(yours)}, which is not right"


def _array_difference(
    yours: Array, expected: Array, tolerance: float, kind: str, limits: Limits
) -> str:
    if yours.shape != expected.shape:
        order = sorted(yours.shape) == sorted(expected.shape)
        remedy = ": are its axes in the right order?" if order else ""
        return f"its shape is {yours.shape}, not {expected.shape}{remedy}"
    if not _dtype_fits(yours.dtype, expected.dtype):
        names = {"i": "a signed integer, such as int64", "f": "a float, such as float64"}
        wanted = names.get(expected.dtype.kind, str(expected.dtype))
        return f"its dtype is {yours.dtype}: make it {wanted}"
    if kind == "track":
        return _track_difference(yours, expected, tolerance, limits)
    if kind == "clip":
        return _clip_difference(yours, expected)
    place = tuple(np.argwhere(~_close(yours, expected, tolerance))[0].tolist())
    at = f" at [{', '.join(map(str, place))}]" if place else ""
    mine, right = _short(yours[place]), _short(expected[place])
    if mine == right:  # the digits that are shown do not tell them apart
        mine, right = repr(yours[place].item()), repr(expected[place].item())
    return f"its value{at} is {mine}, not {right}"


def _track_difference(yours: Array, expected: Array, tolerance: float, limits: Limits) -> str:
    def at(place: Array) -> str:
        digit = f"digit {place[0]}, " if expected.ndim > 2 else ""
        return f"{digit}frame {place[-1]}: your digit is at"

    low, high = limits or (-np.inf, np.inf)
    outside = np.argwhere(~((yours >= low) & (yours <= high)))
    if limits and len(outside):
        place = outside[0]
        value, axis = yours[tuple(place)], ("row", "column")[place[-1]]
        canvas = f"outside the canvas ({_short(low)} to {_short(high)})"
        return f"{at(place[:-1])} {axis} {_short(value)}, {canvas}"
    if _equal(yours[..., ::-1], expected, tolerance):
        return "row and column are swapped: the row comes first"
    if shift := _shift(yours.swapaxes(0, -2), expected.swapaxes(0, -2), tolerance):
        remedy = ": step first, then record" if shift == "late" else ""
        return f"every position comes one frame too {shift}{remedy}"
    place = np.argwhere(~_close(yours, expected, tolerance).all(axis=-1))[0]
    mine, right = yours[tuple(place)], expected[tuple(place)]
    return (
        f"{at(place)} row {_short(mine[0])}, column {_short(mine[1])}; "
        f"expected row {_short(right[0])}, column {_short(right[1])}"
    )


def _clip_difference(yours: Array, expected: Array) -> str:
    if shift := _shift(yours, expected, 0):
        return f"every frame comes one too {shift}"
    wrong = yours != expected
    frame, row, column = place = tuple(np.argwhere(wrong)[0].tolist())
    n = wrong[frame].sum()
    number = "1 pixel of this frame differs" if n == 1 else f"{n} pixels of this frame differ"
    return (
        f"frame {frame}, row {row}, column {column}: your pixel is {_short(yours[place])}, "
        f"expected {_short(expected[place])} ({number})"
    )


def _shift(yours: Array, expected: Array, tolerance: float) -> str | None:
    """Tell whether all comes one step too late or too early along the first axis."""
    if len(expected) > 1 and _equal(yours[1:], expected[:-1], tolerance):
        return "late"
    if len(expected) > 1 and _equal(yours[:-1], expected[1:], tolerance):
        return "early"
    return None


def _item_difference(yours: Any, expected: Any, tolerance: float) -> str | None:
    if len(yours) != len(expected):
        return f"it has {len(yours)} items, not {len(expected)}"
    for key in expected if isinstance(expected, dict) else range(len(expected)):
        if isinstance(expected, dict) and key not in yours:
            return f"it has no {key!r}"
        if found := _difference(yours[key], expected[key], tolerance):
            return f"item {key!r}: {found}"
    return None


def _equal(yours: Any, expected: Any, tolerance: float) -> bool:
    """Compare by type first: an object that claims to equal everything equals nothing here."""
    if isinstance(expected, Seal):
        return _digest(_plain(yours)) == expected.digest
    if not _same_kind(yours, expected):
        return False
    if isinstance(expected, np.ndarray):
        fits = yours.shape == expected.shape and _dtype_fits(yours.dtype, expected.dtype)
        return fits and bool(_close(yours, expected, tolerance).all())
    if isinstance(expected, (list, tuple, dict)):
        return _item_difference(yours, expected, tolerance) is None
    return bool(np.all(_close(yours, expected, tolerance)))


def _kind(value: Any) -> type:
    """Return a value's type; NumPy's numbers are of Python's types."""
    kind = type(value)  # isinstance believes what an object says about itself
    if kind.__module__ == "numpy" and issubclass(kind, np.generic):
        return {"b": bool, "i": int, "u": int, "f": float}.get(np.dtype(kind).kind, kind)
    return kind


def _same_kind(yours: Any, expected: Any) -> bool:
    mine, right = _kind(yours), _kind(expected)
    return mine is right or (mine, right) == (int, float)


def _dtype_fits(yours: np.dtype[Any], expected: np.dtype[Any]) -> bool:
    exact = expected.kind not in "if"
    return yours == expected if exact else yours.kind == expected.kind


def _close(yours: Any, expected: Any, tolerance: float) -> NDArray[np.bool_]:
    if np.asarray(expected).dtype.kind == "f":
        return np.isclose(yours, expected, rtol=0, atol=tolerance, equal_nan=True)
    return np.asarray(yours == expected)


def _short(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _beside(yours: Any, expected: NDArray[np.uint8]) -> Player | None:
    """Let the frames play beside the expected ones, if they can."""
    numbers = type(yours) is np.ndarray and yours.dtype.kind in "uif"
    if not numbers or yours.shape != expected.shape or expected.dtype != np.uint8:
        return None
    mine = np.nan_to_num(yours.astype(np.float64)).clip(0, 255).astype(np.uint8)
    difference = np.abs(mine.astype(np.int16) - expected).astype(np.uint8)
    alt = "Your clip, the expected one, and their difference, which is black where they agree."
    titles = ["yours", "expected", "difference"]
    return animate(np.stack([mine, expected, difference]), alt, titles=titles, fps=5)


def _show(player: Player | None) -> None:
    """Show the player beside an error, where a notebook runs."""
    if player is not None:
        with contextlib.suppress(ImportError):
            from IPython.display import display

            display(player)
