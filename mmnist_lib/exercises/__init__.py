"""Check an answer and say what is wrong with it. The exercises of every chapter use it.

A notebook opens its `Checks`, which know what is right: they read it from a file that lies beside
the notebook or in this folder. Each compares by `check`, which is here for checks of your own.

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
import itertools
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
from ..player import Player, animate

Array = NDArray[Any]
Limits = tuple[float, float] | None

KINDS = ("array", "clip", "track")
HUGE = 2**1000  # almost the largest whole number that is also a float
STOPS = ("exit", "quit")  # names that end a kernel, if a function calls them
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
    check_choice(kind, "kind", KINDS)
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
            trouble = trouble or _difference(yours, expected, tolerance, kind, limits, slips)
            player = _beside(yours, expected) if trouble and kind == "clip" else None
        except RecursionError:
            trouble = "it is nested too deeply to be compared: does it contain itself?"
        end = "" if trouble and trouble.endswith("?") else "."
        words = f"✗ {call or name}: {trouble}{end}" if trouble else f"✓ {name} is right."
        verdict = Verdict(not trouble, words, player)
    if os.environ.get("NBGRADER_EXECUTION") and not verdict:
        _show(verdict.player)
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
    >>> def half(number):
    ...     return 2
    >>> check("half", half)
    ✗ half(6): it is 2, which is not right.

    A student's notebook names its `edition` too. Then the checks come from a file of both names,
    which lies beside the notebook or, for the edition of the book, in this folder. It holds what
    is expected, well-known mistakes and pictures, and none of it can be read by eye. A notebook
    that came alone, as on Colab, needs no file if it is the book's.

    Raises
    ------
    FileNotFoundError
        If there is no file of this edition.
    """

    def __init__(self, notebook: str, edition: str = "") -> None:
        self.cases: dict[str, list[dict[str, Any]]] = {}
        self.values: dict[str, Any] = {}
        check_instance(edition, "edition", str)
        if not edition:
            return
        file = f"{notebook}-{edition}.json"
        places = [Path(file), Path(__file__).with_name(file)]
        found = [path for path in places if path.is_file()]
        if not found:
            raise FileNotFoundError(
                f"{file} is missing, and this notebook's checks are in it. If it came with the "
                "notebook, put it beside it. If not, install the newest mmnist-lib and download "
                "the notebook again, because one of the two is older than the other"
            )
        stored = json.loads(found[0].read_text(encoding="utf-8"))
        arrays = [unpack(text) for text in stored["arrays"]]
        self.cases, self.values = (_decoded(stored[key], arrays) for key in ("cases", "values"))
        for case in itertools.chain(*self.cases.values()):
            table = json.loads(base64.b64decode(case["slips"]))  # hidden from the eye
            case["slips"] = {words: Seal(digest) for words, digest in table.items()}

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


def _decoded(value: Any, arrays: list[Array]) -> Any:
    """Turn what a file holds into values; `teaching.editions.encoded` is the way there."""
    if isinstance(value, list):
        return [_decoded(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return arrays[content].copy()
    if kind == "bytes":
        return arrays[content].tobytes()
    content = _decoded(content, arrays)
    if kind == "seal":
        return Seal(*content)
    make: dict[str, Callable[..., Any]]
    make = {"tuple": tuple, "dict": dict, "rng": np.random.default_rng, "passed": Passed}
    return make[kind](content)


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
    if used := {*without, *STOPS} & _names(code):
        return None, f"it uses {min(used)}: do without it here"
    arguments = copy.deepcopy(given)
    before = repr(np.random.get_state()), random.getstate()  # noqa: NPY002

    def watch(frame: FrameType, *_: Any) -> None:  # its calls: `getattr` leaves no name in the code
        used.update({frame.f_code.co_qualname.partition(".")[0]} & {*without})

    try:
        with warnings.catch_warnings():  # a warning is no error, but nbgrader takes it for one
            warnings.simplefilter("ignore")
            sys.setprofile(watch if without else None)
            yours = function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit is one, and would end the kernel
        steps = traceback.extract_tb(error.__traceback__)
        lines = [step.lineno for step in steps if code and step.filename == code.co_filename]
        where = f" in line {lines[-1]} of your cell" if lines else ""
        what = f"it raised {type(error).__name__}{where}: {_short(error, 300)}"
        return None, what + ": is there room for it?" * ("could not broadcast input" in what)
    finally:
        sys.setprofile(None)
    if used:
        return None, f"it uses {min(used)}: do without it here"
    for place, (argument, original) in enumerate(zip(arguments, given, strict=True)):
        if isinstance(original, np.ndarray) and not _equal(argument, original, 0):
            return yours, f"it changed its argument number {place + 1}: work on a copy"
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
        form = f" (its form: {expected.form})" if expected.form else ""
        return f"it is {_short(yours, show=repr)}, which is not right{form}"
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
    if trouble := _blank(yours, expected, kind) or _no_number(yours, expected, kind):
        return trouble
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


def _blank(yours: Array, expected: Array, kind: str) -> str | None:
    """Name what writing into a copy, or into one array again and again, leaves behind."""
    if yours.dtype.kind in "iuf" and yours.size > 1 and not yours.any():
        return (
            "it is 0 everywhere, as if never filled: "
            "part = … only names an array, part[:] = … fills it"
        )
    if kind == "clip" and (yours == yours[-1]).all() and (expected != expected[0]).any():
        return "all its frames are the last one: make a new array, or a copy, for each frame"
    return None


def _no_number(yours: Array, expected: Array, kind: str) -> str | None:
    """Name a division by zero, where it shows: as nan, inf, or the least of all whole numbers."""
    if yours.dtype.kind == "f":
        odd = ~np.isfinite(yours) & np.isfinite(expected)
    else:
        least = np.iinfo(yours.dtype).min if yours.dtype.kind == "i" else 0
        odd = (yours == least) & (expected != least) & bool(least < -(2**30))
    if not odd.any():
        return None
    place = np.argwhere(odd)[0].tolist()
    if kind == "track":
        frame = f"frame {place[-2]}: "
        return f"{frame}the position there is nan: 0 / 0 gives nan, as when a frame holds no ink"
    at = f" at [{', '.join(map(str, place))}]" if place else ""
    number = "nan or inf" if yours.dtype.kind == "f" else "nan or inf made into a whole number"
    return f"its value{at} is {number}: does it divide by 0?"


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
    if isinstance(expected, dict) and (missing := [key for key in expected if key not in yours]):
        return f"it has no {missing[0]!r}"
    if len(yours) != len(expected):
        return f"it has {len(yours)} items, not {len(expected)}"
    for key in expected if isinstance(expected, dict) else range(len(expected)):
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
    return yours == expected or (yours.kind == expected.kind and yours.kind in "if")


def _close(yours: Any, expected: Any, tolerance: float) -> NDArray[np.bool_]:
    if np.asarray(expected).dtype.kind == "f":
        if type(yours) is int:
            yours = float(yours) if abs(yours) < HUGE else math.inf
        return np.isclose(yours, expected, rtol=0, atol=tolerance, equal_nan=True)
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
    difference = np.abs(mine.astype(np.int16) - expected).astype(np.uint8)
    alt = "Your clip, the expected one, and their difference, which is black where they agree."
    titles = ["yours", "expected", "difference"]
    clips = np.stack([mine, expected, difference])[..., np.newaxis]  # one channel, whatever length
    return animate(clips, alt, titles=titles, fps=5)


def _show(player: Player | None) -> None:
    """Show the player beside an error, where a notebook runs."""
    if player is not None:
        with contextlib.suppress(ImportError):
            from IPython.display import display

            display(player)
