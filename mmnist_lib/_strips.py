"""What `composite` does, for many sequences at once and several times as fast.

In memory a frame is its rows end to end. Rows of a sprite lie ``size`` bytes apart there, so the
whole sprite, with the black between its rows, is one unbroken strip::

    . . . . . .
    . A B . . .      strip of a 2 x 2 sprite, 6 apart:   A B . . . . C D
    . C D . . .
    . . . . . .

The strip is equally long for every position and never reaches past its frame. So one strip is cut
for each sprite, and an indexed assignment lays copies of it into many frames. That draws a batch
ten times as fast as `composite` in a loop (``benchmarks/README.md``), which is why this module
exists; the tests hold it to `composite`, byte for byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CACHE = 2**20  # bytes of frames to work on at a time, so that they stay in the processor's cache
LARGEST = int(np.iinfo(np.intp).max)  # bytes that NumPy lets an array span


def sequences_at_once(n_frames: int, size: int, side: int) -> int:
    """Return how many sequences `draw_strips` takes at a time; 0 if one spans too much.

    That happens in a browser alone, where arrays end at 2 GiB: the overlapping stretches below
    count with their full lengths.
    """
    sequence = n_frames * size**2
    return min(max(1, CACHE // sequence), LARGEST // (sequence * strip_length(size, side)))


def strip_length(size: int, side: int) -> int:
    """Return the bytes from a sprite's first pixel to its last one."""
    return (side - 1) * size + side


def draw_strips(
    frames: NDArray[np.uint8], sprites: NDArray[np.uint8], tracks: NDArray[np.intp]
) -> None:
    """Draw a few sequences of k sprites each into frames, which are overwritten.

    `frames` is contiguous ``(n, n_frames, size, size)``; `sprites` is ``(n, k, side, side)``;
    `tracks` is ``(n, k, n_frames, 2)`` and on the canvas.
    """
    frames.fill(0)
    if sprites.size == 0:
        return
    size, length = frames.shape[-1], strip_length(frames.shape[-1], sprites.shape[-1])
    # Every stretch of `length` bytes in `frames`, as one item each, overlapping.
    item = np.dtype((np.void, length))
    stretches = np.ndarray(frames.size - length + 1, item, buffer=frames, strides=(1,))
    first_byte = np.arange(0, frames.size, size**2).reshape(len(frames), 1, -1)  # (n, 1, n_frames)
    starts = first_byte + tracks[..., 0] * size + tracks[..., 1]  # (n, k, n_frames)
    starts = starts.transpose(1, 2, 0).copy()  # (k, n_frames, n)
    first, *others = cut_strips(sprites, size, length)  # each (n, length)
    stretches[starts[0]] = first.view(item)[:, 0]  # meets only black
    for strips, at in zip(others, starts[1:], strict=True):
        below = stretches[at]  # (n_frames, n) of items
        merged = below.view(np.uint8).reshape(*at.shape, length)
        np.maximum(merged, strips, out=merged)
        stretches[at] = below


def cut_strips(sprites: NDArray[np.uint8], size: int, length: int) -> NDArray[np.uint8]:
    """Lay each sprite's rows `size` bytes apart: ``(n, k, side, side)`` to ``(k, n, length)``."""
    n, k, side, _ = sprites.shape
    strips = np.zeros((k, n, length), dtype=np.uint8)
    strides = (length, n * length, size, 1)  # of (n, k, row, column)
    np.ndarray((n, k, side, side), np.uint8, strips, strides=strides)[...] = sprites
    return strips
