"""What several modules ask of their arguments. Each error names the argument and the remedy."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_count(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int that is at least `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer: give one >= {least}") from None
    if count < least:
        raise ValueError(f"{name}={count} is too small: give an integer >= {least}")
    return count


def check_numbers(value: Any, name: str) -> NDArray[np.float64]:
    """Return `value` as a float64 array without NaN or infinity."""
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} is ragged: give an array of numbers") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {array.dtype}, not numbers: give an array of numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity: give finite numbers")
    return array.astype(np.float64)


def check_points(value: Any, name: str) -> NDArray[np.float64]:
    """Return `value` as finite float64 of shape ``(..., 2)``."""
    array = check_numbers(value, name)
    if array.shape[-1:] != (2,):
        raise ValueError(f"{name} has shape {array.shape}: give (..., 2), row and column")
    return array


def check_free_range(size: Any, digit_size: Any) -> int:
    """Return how many pixels a digit can move on its canvas."""
    size, digit_size = check_count(size, "size"), check_count(digit_size, "digit_size")
    if size < digit_size:
        raise ValueError(
            f"size={size} is smaller than the digits ({digit_size}): choose size >= {digit_size}"
        )
    return size - digit_size
