"""Argument checks shared by several modules: one for each kind of argument.

Each returns what it checked, in one form, and its error names the argument and the remedy.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

ANY = range(3, 33)  # numbers of axes of frames with any leading axes
AXES = {2: "(H, W)", 3: "(n, H, W)", 4: "(n, n_frames, H, W)"}  # by their number
CHANNELS = (1, 3)  # gray, or red, green and blue
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
    if not (least <= value <= most and value < math.inf):
        raise ValueError(f"{name}={value}: pass {wanted}")
    return float(value)


def check_choice(value: Any, name: str, choices: Iterable[str]) -> str:
    """Return `value` if it is one of a few words."""
    words = list(choices)
    if not isinstance(value, str) or value not in words:
        *others, last = map(repr, words)
        raise ValueError(f"{name}={value!r} is unknown: choose {', '.join(others)} or {last}")
    return value


def check_array(value: Any, name: str) -> NDArray[Any]:
    """Return `value` as an array, of whatever dtype and shape."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: fill it, as in {name}.filled(0)")
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


def check_tracks(value: Any, name: str, free: int) -> NDArray[Any]:
    """Return tracks as integers ``(..., n_frames, 2)`` that stay on the canvas."""
    tracks = check_array(value, name)
    if tracks.ndim < 2 or tracks.shape[-1] != 2 or tracks.size == 0:
        raise ValueError(
            f"{name} has shape {tracks.shape}: pass (..., n_frames, 2), none of them 0"
        )
    if tracks.dtype.kind not in "iu":
        raise TypeError(
            f"{name} has dtype {tracks.dtype}: pass integers, such as to_pixels returns"
        )
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


def channel_axis(
    name: str, shape: tuple[int, ...], n_axes: Collection[int], *like: tuple[int, ...]
) -> int | None:
    """Return which axis of frames holds channels: the last (-1), the one after time (-3), or none.

    `n_axes` are the numbers of axes that frames may have without one. Shapes that are `like` the
    first belong to frames with the same axes. What could be read in two ways is a ValueError.
    """
    n, shapes = len(shape), (shape, *like)
    plain, room = n in n_axes, n - 1 in n_axes
    last = n > 2 and all(s[-1] in CHANNELS and s[-2] > 3 for s in shapes)
    after = room and n > 3 and all(s[-3] in CHANNELS for s in shapes)
    if after and (last or (plain and shape[-3] == 3)):
        raise ValueError(
            f"{name} has shape {shape}, whose axis {n - 3} may be time or channels: pass "
            f"{name}[..., np.newaxis] if it is time, np.moveaxis({name}, -3, -1) if it is channels"
        )
    if not room if last else not plain and (n < 4 or not room):
        wanted = "(..., n_frames, H, W)" if n_axes is ANY else " or ".join(map(AXES.get, n_axes))
        found = f"{name} has shape {shape}" + ", whose last axis reads as channels" * last
        raise ValueError(f"{found}: pass {wanted}")
    return -1 if last else None if plain and not after else -3


def check_frames(
    value: Any,
    name: str,
    n_axes: Collection[int],
    like: NDArray[Any] | None = None,
    colors: bool = False,
) -> tuple[NDArray[Any], bool]:
    """Return frames without a channel axis, or with three colors last, and whether they have."""
    array = check_array(value, name)
    same = [like.shape] if like is not None and like.ndim == array.ndim else []
    axis = channel_axis(name, array.shape, n_axes, *same)
    n_channels = 1 if axis is None else array.shape[axis]
    if n_channels not in (CHANNELS if colors else (1,)):
        wanted = "1 or 3" if colors else "gray frames, with 1"
        raise ValueError(f"{name} has shape {array.shape}, {n_channels} channels: pass {wanted}")
    if n_channels == 3 and axis is not None:
        return np.moveaxis(array, axis, -1), True
    return array if axis is None else array.squeeze(axis), False


def check_images(
    value: Any, name: str, *n_axes: int, like: NDArray[Any] | None = None
) -> NDArray[np.float32]:
    """Return images as float32 in [0, 1], with the most of these axes, and colors after them."""
    array, colors = check_frames(value, name, n_axes, like, colors=True)
    array = array[(np.newaxis,) * (max(n_axes) + colors - array.ndim)]
    if array.size == 0:
        raise ValueError(f"{name} has shape {np.shape(value)}: pass at least one pixel")
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
    if values is None:
        return
    try:
        length = len(values)
    except TypeError:
        raise TypeError(f"{name}={values!r} is no list: pass one for each of {n} {what}") from None
    if length != n:
        raise ValueError(f"{name} has length {length}: pass one for each of {n} {what}")
