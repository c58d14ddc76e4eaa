"""Check an answer and say what is wrong with it. The exercises of every chapter use it.

A notebook opens its `Checks`, which read from a file what is right. Each compares by `check`,
which is here for checks of your own. While you work it returns a `Verdict`, which shows itself
below the cell. But nbgrader reads errors, not words, so a check raises `WrongAnswer` while
nbgrader runs it, and ``.require()`` always does.

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
import math
import os
import random
import sys
import traceback
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import check_choice, check_instance
from ..player import Player, animate_error

Array = NDArray[Any]
Limits = tuple[float, float] | None

HUGE = 2**1000  # almost the largest whole number that is also a float
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


def seal(value: Any, form: str = "") -> Seal:
    """Hide a value behind its hash, so that a visible check does not tell it.

    >>> check("clamp", expected=seal("reflect", form="the name of a rule"))
    ✗ your answer: it is 'clamp', which is not right (its form: the name of a rule).

    `value` is a number, str, bool, array, or a list, tuple or dict of these. Floats count to four
    digits, and a list is as good as an array. `form` says what an answer looks like. Returns what
    `check` takes as ``expected``.
    """
    with contextlib.suppress(RecursionError):
        plain = _plain(value)
        if "<class" not in repr(plain):
            return Seal(_digest(plain), form)
    raise TypeError(f"value={_short(value)} cannot be sealed: pass numbers, text or arrays")


def _digest(plain: Any) -> str:
    return hashlib.sha256(repr(plain).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """Make equal answers print alike, whatever their type."""
    kind = _kind(value)
    if kind is np.ndarray:
        plain = value.dtype.kind in "iu" and value.itemsize <= 4  # frames have many such numbers
        return value.tolist() if plain else _plain(value.tolist())
    if kind in (bool, int):
        return kind(value) if abs(value) < HUGE else hex(value)
    if kind is float and math.isfinite(value):
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
        sentence = f'<p class="mmnist-verdict"><strong>{html.escape(self.message)}</strong></p>'
        return sentence + (self.player._repr_html_() if self.player else "")

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
    slips: Mapping[str, Any] = {},
    without: Sequence[str] = (),
    tolerance: float = 1e-9,
    call: str = "",
) -> Verdict:
    """Compare an answer with the expected one, and say where they differ.

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
        A value, or the function that should return it. None, or a function in which nothing
        stands, counts as not attempted yet.
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
    slips : mapping of str to object, default {}
        Well-known wrong answers, each under the sentence that explains it.
    without : sequence of str, default ()
        Names that the function must not use: the exercise is to do without them.
    tolerance : float, default 1e-9
        How far a float may be off.
    call : str, optional
        What a verdict names where something is wrong, such as ``"half([1, 2])"``; by default
        the function's name.

    Returns
    -------
    Verdict, which shows its sentence below the cell
    """
    check_choice(kind, "kind", ("array", "clip", "track"))
    check_instance(call, "call", str)
    yours, trouble, player = answer, None, None
    name = call.partition("(")[0] or "your answer"
    if given is not None:
        name = getattr(answer, "__name__", name)
        yours, trouble = _call(answer, given, without)
    if answer is None or (yours is None and trouble is None):
        verdict = Verdict(False, f"○ {name}: not attempted yet.")
    else:
        try:
            if not trouble and (trouble := _difference(yours, expected, tolerance, kind, limits)):
                known = (why for why in slips if not _difference(yours, slips[why], tolerance))
                trouble = next(known, trouble)
            player = _beside(yours, expected) if trouble and kind == "clip" else None
        except RecursionError:
            trouble = "it is nested too deeply to be compared: does it contain itself?"
        end = "" if trouble and trouble.endswith("?") else "."
        words = f"✗ {call or name}: {trouble}{end}" if trouble else f"✓ {name} is right."
        verdict = Verdict(not trouble, words, player)
    if os.environ.get("NBGRADER_EXECUTION"):
        if player:
            from IPython.display import display

            display(player)
        verdict.require()
    return verdict


@dataclass(frozen=True)
class Passed:
    """Stands in a stored check for what the notebook passes under this name."""

    name: str


class Checks:
    """The checks of one notebook, each under the name of its answer.

    >>> check = Checks("halves")
    >>> check.add("half(4)", (4,), 2, {"it doubles: divide by 2": 8})
    >>> check.add("half(6)", (6,), 3)
    >>> check("half", lambda number: 2)
    ✗ half(6): it is 2, which is not right.

    A student's notebook names its `edition` too. Then the checks come from a file of both names,
    which lies beside the notebook or, for the edition of the book, in this folder. So a notebook
    of the book may come alone, as on Colab. The file holds what is expected, well-known mistakes
    and pictures, and none of it can be read by eye. Without it there is a FileNotFoundError.
    """

    def __init__(self, notebook: str, edition: str = "") -> None:
        check_instance(edition, "edition", str)
        self.cases, self.values = _stored(f"{notebook}-{edition}.json") if edition else ({}, {})

    def add(
        self, call: str, given: Any, expected: Any, slips: Mapping[str, Any] = {}, **how: Any
    ) -> None:
        """Add a case to the check of the answer with whose name `call` begins.

        >>> Checks("bits").add("bits", None, seal(8, "a whole number"))

        `given`, `expected`, `slips` and `how` are as for `check`. A function should have two
        cases at least, so that no constant passes.
        """
        check_instance(call, "call", str)
        case = {"call": call, "given": given, "expected": expected, "slips": slips, **how}
        self.cases.setdefault(call.partition("(")[0], []).append(case)

    def stored(self, name: str) -> Any:
        """Return a copy of the value that the notebook shows under `name`.

        >>> check = Checks("halves")
        >>> check.values["half"] = 2
        >>> check.stored("half")
        2
        """
        return copy.deepcopy(self.values[check_choice(name, "name", self.values)])

    def __call__(self, name: str, answer: Any, **passed: Any) -> Verdict:
        """Say what is wrong with an answer; `passed` are what else its cases need, by name."""
        for case in self.cases[check_choice(name, "name", self.cases)]:
            given = case["given"]
            if given is not None:
                given = tuple(passed[x.name] if isinstance(x, Passed) else x for x in given)
            verdict = check(answer, **case | {"given": given})
            if not verdict:
                break
        return verdict


def _stored(name: str) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Return the cases and values of a file, which `teaching.editions.written` writes."""
    path = Path(name) if Path(name).is_file() else Path(__file__).with_name(name)
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} is missing, and this notebook's checks are in it. If it came with the "
            "notebook, put it beside it. If not, install the newest mmnist-lib and download "
            "the notebook again, because one of the two is older than the other"
        )
    text = path.read_text(encoding="utf-8")
    arrays = [unpack(packed) for packed in json.loads(text)["arrays"]]
    make: dict[str, Callable[..., Any]] = {
        "array": arrays.__getitem__,
        "bytes": lambda number: arrays[number].tobytes(),
        "dict": dict,
        "passed": Passed,
        "rng": np.random.default_rng,
        "seal": lambda parts: Seal(*parts),
        "tuple": tuple,
    }

    def made(stored: dict[str, Any]) -> Any:
        (kind, content), *others = stored.items()
        return stored if others else make[kind](content)

    file = json.loads(text, object_hook=made)  # the innermost objects first
    for cases in file["cases"].values():
        for case in cases:
            table = json.loads(base64.b64decode(case["slips"]))  # hidden from the eye
            case["slips"] = {words: Seal(digest) for words, digest in table.items()}
    return file["cases"], file["values"]


def unpack(text: str) -> Array:
    """Return the array that an exercise brings with it as `text`, of any shape and dtype.

    >>> unpack("eNqrKTW0NrZmZGIBAAy8AdM=")
    array([1, 2, 4], dtype=uint8)

    The text is base64 of zlib of dtype, shape and bytes.
    """
    try:
        dtype, shape, data = zlib.decompress(base64.b64decode(text, validate=True)).split(b";", 2)
        lengths = [int(length) for length in shape.split(b",") if length]
        array = np.frombuffer(data, dtype.decode()).reshape(lengths)
        return array.astype(np.intp if array.dtype == np.int64 else array.dtype)  # 32-bit too
    except Exception as error:
        raise ValueError(f"text is no packed array: copy it whole ({error})") from None


def _call(
    function: Callable[..., Any], given: tuple[Any, ...], without: Sequence[str]
) -> tuple[Any, str | None]:
    """Return what a function makes of copies of `given`, and what it did wrong meanwhile."""
    code = getattr(function, "__code__", None)
    used = {*without, "exit", "quit"} & _names(code)  # the last two would end the kernel
    arguments = copy.deepcopy(given)
    before = repr(np.random.get_state()), random.getstate()  # noqa: NPY002

    def watch(frame: FrameType, *_: Any) -> None:  # its calls: `getattr` leaves no name in the code
        used.update({frame.f_code.co_qualname.partition(".")[0]} & {*without})

    try:
        with warnings.catch_warnings():  # a warning is no error, but nbgrader takes it for one
            warnings.simplefilter("ignore")
            sys.setprofile(watch if without else None)
            yours = None if used else function(*arguments)
    except (Exception, SystemExit) as error:  # SystemExit would end the kernel
        steps = traceback.extract_tb(error.__traceback__)
        lines = [step.lineno for step in steps if code and step.filename == code.co_filename]
        where = f" in line {lines[-1]} of your cell" if lines else ""
        what = f"it raised {type(error).__name__}{where}: {_short(error, 300)}"
        return None, what + ": is there room for it?" * ("could not broadcast input" in what)
    finally:
        sys.setprofile(None)
    if used:
        return None, f"it uses {min(used)}: do without it here"
    for number, (argument, original) in enumerate(zip(arguments, given, strict=True), start=1):
        if isinstance(original, np.ndarray) and _difference(argument, original, 0):
            return yours, f"it changed its argument number {number}: work on a copy"
    if (repr(np.random.get_state()), random.getstate()) != before:  # noqa: NPY002
        return yours, "it drew from the global random state: use the generator that it is given"
    if yours is None and code and len(code.co_code) > len((lambda: None).__code__.co_code):
        return yours, "it returns nothing: whatever it draws or prints, end it with return"
    return yours, None


def _names(code: Any) -> set[str]:
    """Return the global names and attributes in a function, and in those defined inside it."""
    if not isinstance(code, CodeType):
        return set()
    return set(code.co_names).union(*map(_names, code.co_consts))


def _difference(
    yours: Any, expected: Any, tolerance: float, kind: str = "array", limits: Limits = None
) -> str | None:
    """Say in what way two values differ; None if they do not.

    Types come first, so that an object that claims to equal everything equals nothing here.
    """
    if isinstance(expected, Seal):
        if _digest(_plain(yours)) == expected.digest:
            return None
        form = f" (its form: {expected.form})" if expected.form else ""
        return f"it is {_short(yours, show=repr)}, which is not right{form}"
    mine, right = _kind(yours), _kind(expected)
    if mine is not right and (mine, right) != (int, float):
        wanted = NAMES.get(right, f"a {type(expected).__name__}")
        return f"it is of type {type(yours).__name__}: make it {wanted}"
    if isinstance(expected, np.ndarray):
        return _array_difference(yours, expected, tolerance, kind, limits)
    if not isinstance(expected, (list, tuple, dict)):
        equal = _close(yours, expected, tolerance).all()
        return None if equal else f"it is {_short(yours)}, which is not right"
    named = isinstance(expected, dict)
    if named and (missing := [key for key in expected if key not in yours]):
        return f"it has no {missing[0]!r}"
    if len(yours) != len(expected):
        return f"it has {len(yours)} items, not {len(expected)}"
    for key in expected if named else range(len(expected)):
        if found := _difference(yours[key], expected[key], tolerance):
            return f"item {key!r}: {found}"
    return None


def _array_difference(
    yours: Array, expected: Array, tolerance: float, kind: str, limits: Limits
) -> str | None:
    if yours.shape != expected.shape:
        order = sorted(yours.shape) == sorted(expected.shape)
        remedy = ": are its axes in the right order?" if order else ""
        return f"its shape is {yours.shape}, not {expected.shape}{remedy}"
    letter = expected.dtype.kind
    if yours.dtype != expected.dtype and (yours.dtype.kind != letter or letter not in "if"):
        names = {"i": "a signed integer, such as int64", "f": "a float, such as float64"}
        return f"its dtype is {yours.dtype}: make it {names.get(letter, expected.dtype)}"
    wrong = ~_close(yours, expected, tolerance)
    if not wrong.any():
        return None
    if letter in "iuf" and yours.size > 1 and not yours.any():
        remedy = "part = … only names an array, part[:] = … fills it"
        return f"it is 0 everywhere, as if never filled: {remedy}"
    if kind == "clip" and (yours == yours[-1]).all() and (expected != expected[0]).any():
        return "all its frames are the last one: make a new array, or a copy, for each frame"
    lost = _lost(yours) & ~_lost(expected)
    place = tuple(np.argwhere(lost if lost.any() else wrong)[0].tolist())
    at = f" at [{', '.join(map(str, place))}]" if place else ""
    if lost.any() and kind == "track":
        nan = "the position there is nan: 0 / 0 gives nan, as when a frame holds no ink"
        return f"frame {place[-2]}: {nan}"
    if lost.any():
        number = "nan or inf made into a whole number" if letter == "i" else "nan or inf"
        return f"its value{at} is {number}: does it divide by 0?"
    if kind == "track":
        return _track_difference(yours, expected, place, tolerance, limits)
    if kind == "clip":
        return _clip_difference(yours, expected, place, wrong[place[0]].sum(), tolerance)
    mine, right = _short(yours[place]), _short(expected[place])
    if mine == right:  # the digits that are shown do not tell them apart
        mine, right = repr(yours[place].item()), repr(expected[place].item())
    return f"its value{at} is {mine}, not {right}"


def _lost(numbers: Array) -> NDArray[np.bool_]:
    """Find what a division by zero leaves: nan, inf, or the least of all whole numbers."""
    if numbers.dtype.kind == "f":
        return ~np.isfinite(numbers)
    whole = numbers.dtype.kind == "i" and numbers.itemsize >= 4
    return numbers == np.iinfo(numbers.dtype).min if whole else np.zeros(numbers.shape, bool)


def _track_difference(
    yours: Array, expected: Array, place: tuple[int, ...], tolerance: float, limits: Limits
) -> str:
    low, high = limits or (-np.inf, np.inf)
    outside = (yours < low) | (yours > high)
    *at, axis = np.argwhere(outside)[0].tolist() if outside.any() else place
    digit = f"digit {at[0]}, " if len(at) > 1 else ""
    here = f"{digit}frame {at[-1]}: your digit is at"
    mine, right = yours[tuple(at)], expected[tuple(at)]
    if outside.any():
        number = f"{('row', 'column')[axis]} {_short(mine[axis])}"
        return f"{here} {number}, outside the canvas ({_short(low)} to {_short(high)})"
    if _close(yours[..., ::-1], expected, tolerance).all():
        return "row and column are swapped: the row comes first"
    if shift := _shift(yours.swapaxes(0, -2), expected.swapaxes(0, -2), tolerance):
        remedy = ": step first, then record" if shift == "late" else ""
        return f"every position comes one frame too {shift}{remedy}"
    seen, wanted = (f"row {_short(row)}, column {_short(column)}" for row, column in (mine, right))
    return f"{here} {seen}; expected {wanted}"


def _clip_difference(
    yours: Array, expected: Array, place: tuple[int, ...], n: int, tolerance: float
) -> str:
    if shift := _shift(yours, expected, tolerance):
        return f"every frame comes one too {shift}"
    frame, row, column = place
    number = "1 pixel of this frame differs" if n == 1 else f"{n} pixels of this frame differ"
    pixel = f"your pixel is {_short(yours[place])}, expected {_short(expected[place])}"
    return f"frame {frame}, row {row}, column {column}: {pixel} ({number})"


def _shift(yours: Array, expected: Array, tolerance: float) -> str | None:
    """Tell whether all comes one step too late or too early along the first axis."""
    if len(expected) > 1 and _close(yours[1:], expected[:-1], tolerance).all():
        return "late"
    if len(expected) > 1 and _close(yours[:-1], expected[1:], tolerance).all():
        return "early"
    return None


def _kind(value: Any) -> type:
    """Return a value's type; NumPy's numbers are of Python's types."""
    kind = type(value)  # isinstance believes what an object says about itself
    if kind.__module__ == "numpy" and issubclass(kind, np.generic):
        return {"b": bool, "i": int, "u": int, "f": float}.get(np.dtype(kind).kind, kind)
    return kind


def _close(yours: Any, expected: Any, tolerance: float) -> NDArray[np.bool_]:
    if np.asarray(expected).dtype.kind == "f":
        if type(yours) is int:
            yours = float(yours) if abs(yours) < HUGE else math.inf
        return np.asarray(np.isclose(yours, expected, rtol=0, atol=tolerance, equal_nan=True))
    return np.asarray(yours == expected)


def _short(value: Any, most: int = 80, show: Callable[[Any], str] = str) -> str:
    """Show a value, or the words of an error, in one line that no terminal takes for a command."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    try:
        text = show(value)
    except Exception:  # a number of 5,000 digits, for one, has no text
        return f"a {type(value).__name__} that cannot be shown"
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= most else f"{text[:most]}…"


def _beside(yours: Any, expected: NDArray[np.uint8]) -> Player | None:
    """Let the frames play beside the expected ones, if they can."""
    numbers = type(yours) is np.ndarray and yours.dtype.kind in "uif"
    if not numbers or yours.shape != expected.shape or expected.dtype != np.uint8:
        return None
    mine = np.nan_to_num(yours.astype(np.float64)).clip(0, 255).astype(np.uint8)
    alt = "Your clip, the expected one, and their difference, which is black where they agree."
    player = animate_error(mine[..., np.newaxis], expected[..., np.newaxis], alt)
    player.titles = ["yours", "expected", "difference"]
    return player
