"""Which axis of frames is which: decided here, once, for all that take frames."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._checks import check_array

ANY = range(3, 33)  # numbers of axes of frames with any leading axes
AXES = {2: "(H, W)", 3: "(n, H, W)", 4: "(n, n_frames, H, W)"}  # by their number
CHANNELS = (1, 3)  # gray, or red, green and blue


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
        wanted = "(..., n_frames, H, W)" if n_axes is ANY else " or ".join(AXES[n] for n in n_axes)
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
        how = "np.clip(..., 0, 1)" if low >= -1 and high <= 2 else "divide by 255"
        finite = np.isfinite(low + high)
        remedy = f"floats go from 0 to 1, {how}" if finite else "pass finite floats from 0 to 1"
        raise ValueError(f"{name} run from {low:.9g} to {high:.9g}: {remedy}")
    return array.astype(np.float32)
