"""Argument checks shared by several modules: one for each kind of argument.

Each returns what it checked, in one form, and its error names the argument and the remedy.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 2**20  # frames, digits, or pixels a side: more is a slip that would fill the memory


def check_count(value: Any, name: str, least: int = 1, most: float = math.inf) -> int:
    """Return `value` as an int from `least` to `most`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer: pass one >= {least}") from None
    if count < least:
        raise ValueError(f"{name}={count} is too small: pass an integer >= {least}")
    if count > most:
        raise ValueError(f"{name}={count} is too large: pass an integer <= {most}")
    return count


def check_number(value: Any, name: str, least: float = 0, most: float = math.inf) -> float:
    """Return `value` as a finite float from `least` to `most`."""
    wanted = f"a finite number >= {least}" if most == math.inf else f"{least} to {most}"
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name}={value!r} is not a number: pass {wanted}")
    if not (least <= float(value) <= most and value < math.inf):
        raise ValueError(f"{name}={value}: pass {wanted}")
    return float(value)


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of a few words."""
    words = list(choices)
    if not isinstance(value, str) or value not in words:
        wanted = " or ".join(", ".join(map(repr, words)).rsplit(", ", 1))
        raise ValueError(f"{name}={value!r} is unknown: choose {wanted}")
    return value


def check_instance(value: Any, name: str, kind: type) -> None:
    """Raise unless `value` is an instance of `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} is a {type(value).__name__}: pass a {kind.__name__}")


def check_array(value: Any, name: str) -> NDArray[Any]:
    """Return `value` as an array, of whatever dtype and shape."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: fill it, as in {name}.filled(0)")
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} is ragged: pass an array of numbers in equal rows") from None


def check_numbers(value: Any, name: str) -> NDArray[np.float64]:
    """Return `value` as a float64 array without NaN or infinity."""
    array = check_array(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {array.dtype}, not numbers: pass an array of numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity: pass finite numbers")
    return array.astype(np.float64)


def check_points(value: Any, name: str) -> NDArray[np.float64]:
    """Return `value` as finite float64 of shape ``(..., 2)``."""
    array = check_numbers(value, name)
    if array.shape[-1:] != (2,):
        raise ValueError(f"{name} has shape {array.shape}: pass (..., 2), row and column")
    return array


def check_tracks(value: Any, name: str, free: int) -> NDArray[Any]:
    """Return tracks as integers ``(..., n_frames, 2)`` that stay on the canvas."""
    tracks = check_array(value, name)
    if tracks.ndim < 2 or tracks.shape[-1] != 2 or tracks.size == 0:
        raise ValueError(f"{name} has shape {tracks.shape}: pass (..., n_frames, 2), none 0")
    if tracks.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {tracks.dtype}: pass integers, as to_pixels returns")
    for *which, frame in np.argwhere(((tracks < 0) | (tracks > free)).any(axis=-1))[:1]:
        row, column = tracks[(*which, frame)]
        sprite = f"sprite {which[0]} is at " if which else ""
        raise ValueError(
            f"{name} leave the canvas: {sprite}row {row}, column {column} in frame {frame}; keep "
            f"both from 0 to {free} (bounce_path does)"
        )
    return tracks


def check_free_range(size: Any, digit_size: Any) -> int:
    """Return how many pixels a digit can move on its canvas."""
    size = check_count(size, "size", most=MOST)
    digit_size = check_count(digit_size, "digit_size", most=MOST)
    if size < digit_size:
        raise ValueError(
            f"size={size} is smaller than the digits ({digit_size}): choose size >= {digit_size}"
        )
    return size - digit_size


def check_one_each(values: Any, name: str, n: int, what: str) -> list[str]:
    """Return `values` as texts, one for each of `n` things; an empty list if there are none."""
    if values is None:
        return []
    try:
        length = len(values)
    except TypeError:
        raise TypeError(f"{name}={values!r}: pass a list, one for each of {n} {what}") from None
    if length != n:
        raise ValueError(f"{name} has length {length}: pass one for each of {n} {what}")
    return [str(value) for value in values]
