"""Argument checks shared by several modules.

Each returns what it checked, in one form, and its error names the argument and the remedy.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

AXES = {2: "(H, W)", 3: "(n, H, W)", 4: "(n, n_frames, H, W)"}  # of images, by their number


def check_count(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int that is at least `least`."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer: pass one >= {least}") from None
    if count < least:
        raise ValueError(f"{name}={count} is too small: pass an integer >= {least}")
    return count


def check_array(value: Any, name: str) -> NDArray[Any]:
    """Return `value` as an array, of whatever dtype and shape."""
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} is ragged: pass an array of numbers, rows equally long") from None


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


def check_free_range(size: Any, digit_size: Any) -> int:
    """Return how many pixels a digit can move on its canvas."""
    size, digit_size = check_count(size, "size"), check_count(digit_size, "digit_size")
    if size < digit_size:
        raise ValueError(
            f"size={size} is smaller than the digits ({digit_size}): choose size >= {digit_size}"
        )
    return size - digit_size


def check_images(value: Any, name: str, *n_axes: int) -> NDArray[np.float32]:
    """Return images with one of these numbers of axes as float32 in [0, 1]."""
    array = check_array(value, name)
    if array.ndim not in n_axes or array.size == 0:
        wanted = " or ".join(AXES[n] for n in n_axes)
        raise ValueError(f"{name} has shape {array.shape}: pass {wanted}, at least one pixel")
    if array.dtype == np.uint8:
        return (array / np.float32(255)).astype(np.float32)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}: pass uint8, or floats from 0 to 1")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # so that NaN fails too
        raise ValueError(f"{name} run from {low:.9g} to {high:.9g}: {_remedy(low, high)}")
    return array.astype(np.float32)


def _remedy(low: float, high: float) -> str:
    if not np.isfinite(low + high):
        return "pass finite floats from 0 to 1"
    how = "np.clip(..., 0, 1)" if low >= -1 and high <= 2 else "divide by 255"
    return f"floats go from 0 to 1, {how}"


def check_one_each(values: Any, name: str, n: int, what: str) -> None:
    """Raise unless there is one of `values` for each of `n` things."""
    if values is not None and len(values) != n:
        raise ValueError(f"{name} has length {len(values)}: pass one for each of {n} {what}")
