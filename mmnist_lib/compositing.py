"""Paste digits, merge them, and make the complete data set. Chapter 5 explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_count, check_free_range, check_points
from .bouncing import RULES, check_rule
from .loading import check_digits, check_labels
from .trajectories import check_step_length, velocity_of

Frames = NDArray[np.uint8]


def to_pixels(path: ArrayLike, size: int = 64, digit_size: int = 28) -> NDArray[np.int64]:
    """Turn unit coordinates into whole pixels, truncated as in the real data set.

    Parameters
    ----------
    path : array_like of float, shape ``(..., n_frames, 2)``
        ``(row, column)`` in unit coordinates.
    size : int, default 64
        Side of the canvas in pixels.
    digit_size : int, default 28
        Side of the digit in pixels.

    Returns
    -------
    int64 array of the same shape
        ``int((size - digit_size) * path)``: the pixel of the digit's top-left corner. A
        path that leaves [0, 1] by a pixel or more gives places that `composite` refuses.

    Raises
    ------
    TypeError
        If a size is not an integer, or `path` not of numbers.
    ValueError
        If the canvas is smaller than the digit, or `path` has another shape or holds NaN or
        infinity.

    Examples
    --------
    >>> to_pixels([[0.0, 1.0], [0.5, 0.99]])
    array([[ 0, 36],
           [18, 35]])
    """
    free, path = check_free_range(size, digit_size), check_points(path, "path")
    if (np.abs(path) >= 2**62 / max(free, 1)).any():
        raise ValueError("path is too far off the canvas: give unit coordinates, from 0 to 1")
    return _truncate(path, free)


def _truncate(path: NDArray[np.float64], free: int) -> NDArray[np.int64]:
    return (free * path).astype(np.int64)  # astype truncates towards zero, as int() does


def composite(sprites: Frames, positions: ArrayLike, size: int = 64) -> Frames:
    """Draw moving sprites on black frames, merged by maximum.

    Parameters
    ----------
    sprites : uint8 array of shape ``(k, h, h)``
        The digits, k of them; none gives black frames.
    positions : array_like of int, shape ``(k, n_frames, 2)``
        Pixel ``(row, column)`` of each sprite's top-left corner, wholly on the canvas.
    size : int, default 64
        Side of the square canvas in pixels.

    Returns
    -------
    uint8 array of shape ``(n_frames, size, size)``
        Where sprites overlap, the brighter one shows.

    Raises
    ------
    TypeError
        If the sprites are not uint8, or the positions not integers.
    ValueError
        If the canvas is smaller than a sprite, a position leaves the canvas, or the shapes
        do not fit.

    Examples
    --------
    >>> composite(np.full((1, 1, 1), 9, np.uint8), [[[0, 1], [1, 1]]], size=2)
    array([[[0, 9],
            [0, 0]],
           [[0, 0],
            [0, 9]]], dtype=uint8)
    """
    try:
        sprites, positions = np.asarray(sprites), np.asarray(positions)
    except ValueError:  # rows of different lengths
        raise TypeError("sprites or positions are ragged: give arrays") from None
    check_digits(sprites, name="sprites", empty=True)
    if positions.shape[:1] + positions.shape[2:] != (len(sprites), 2):
        raise ValueError(
            f"positions has shape {positions.shape}: give ({len(sprites)}, n_frames, 2), "
            f"a row and a column for each of the {len(sprites)} sprites in each frame"
        )
    check_count(positions.shape[1], "n_frames")
    if not np.issubdtype(positions.dtype, np.integer):
        raise TypeError(f"positions has dtype {positions.dtype}: give integers, as of to_pixels")
    free = check_free_range(size, sprites.shape[-1])
    outside = ((positions < 0) | (positions > free)).any(axis=-1)
    if outside.any():
        sprite, frame = np.argwhere(outside)[0]
        row, column = positions[sprite, frame]
        raise ValueError(
            f"positions leave the canvas: sprite {sprite} is at row {row}, column {column} in "
            f"frame {frame}; keep both from 0 to {free} (bounce_path does)"
        )
    frames = np.empty((1, positions.shape[1], size, size), dtype=np.uint8)
    _draw(frames, sprites[np.newaxis], positions[np.newaxis].astype(np.int64))
    return frames[0]


def _draw(frames: Frames, sprites: Frames, pixels: NDArray[np.int64]) -> None:
    """Draw n clips of k sprites each, from black: all frames of several clips at once.

    `frames` is ``(n, n_frames, size, size)`` and contiguous; `sprites` is ``(n, k, h, h)``;
    `pixels` is ``(n, k, n_frames, 2)`` and on the canvas.

    In memory a frame is its rows end to end. Rows of a sprite lie ``size`` bytes apart
    there, so the whole sprite, with the black between its rows, is one unbroken strip::

        . . . . . .
        . A B . . .      strip of a 2 x 2 sprite, 6 apart:   A B . . . . C D
        . C D . . .
        . . . . . .

    It is as long for every position, and never reaches past its frame. So one strip is cut
    for each sprite, and an indexed assignment lays copies of it into many frames. It pays
    from the first clip on: two digits in 20 frames take a third of the time of a loop over
    the frames (see ``benchmarks/``).
    """
    n, n_frames, size, _ = frames.shape
    k, side = sprites.shape[1], sprites.shape[-1]
    length = (side - 1) * size + side
    if frames.size == 0 or k == 0:
        frames.fill(0)
        return
    # Every stretch of `length` bytes in `frames`, as one item each, overlapping.
    item = np.dtype((np.void, length))
    stretches = np.ndarray(frames.size - length + 1, item, buffer=frames, strides=(1,))
    first_byte = np.arange(n * n_frames).reshape(n, 1, n_frames) * size**2
    places = first_byte + pixels[..., 0] * size + pixels[..., 1]
    places = places.transpose(1, 2, 0).copy()  # (k, n_frames, n)

    at_once = max(1, 2**20 // (n_frames * size**2))  # 1 MB of frames stays in the cache
    for low in range(0, n, at_once):
        few = slice(low, low + at_once)
        frames[few].fill(0)
        some = sprites[few]
        strips = np.zeros((k, len(some), length), dtype=np.uint8)
        steps = (length, len(some) * length, size, 1)  # a sprite's rows land `size` apart
        np.ndarray(some.shape, np.uint8, strips, strides=steps)[...] = some
        first = strips[0].view(item)[:, 0]
        for at in places[0, :, few]:  # the first sprite meets only black
            stretches[at] = first
        for strip, at in zip(strips[1:], places[1:, :, few], strict=True):
            below = stretches[at]
            merged = below.view(np.uint8).reshape(n_frames, -1, length)
            np.maximum(merged, strip, out=merged)
            stretches[at] = below


@dataclass(frozen=True, eq=False)  # arrays have no one truth to compare by
class GroundTruth:
    """What made n sequences of k digits each; made by `MovingMNIST.truth`.

    Each array leads with ``(n, k)``. The truth of one sequence alone leads with ``(k,)``.

    Attributes
    ----------
    digits : int64, ``(n, k)``
        Which of the images each digit is.
    labels : array or None, ``(n, k)``
        What it shows, where labels were given.
    start : float64, ``(n, k, 2)``
        Position before the first frame, unit coordinates.
    velocity : float64, ``(n, k, 2)``
        Movement per frame before the first bounce, unit coordinates.
    path : float64, ``(n, k, n_frames, 2)``
        Position in each frame, unit coordinates.
    pixels : int64, ``(n, k, n_frames, 2)``
        Position in each frame, in pixels: row and column of the top-left corner.

    Examples
    --------
    >>> truth = MovingMNIST(np.full((1, 28, 28), 255, np.uint8)).truth(0)
    >>> on_wall = ((truth.path == 0) | (truth.path == 1)).any(axis=-1)  # under the clamp rule
    >>> on_wall.shape
    (2, 20)
    """

    digits: NDArray[np.int64]
    labels: NDArray[Any] | None
    start: NDArray[np.float64]
    velocity: NDArray[np.float64]
    path: NDArray[np.float64]
    pixels: NDArray[np.int64]

    def __getitem__(self, index: Any) -> GroundTruth:
        """Return the truth of some of the sequences: each array, indexed alike."""
        labels = None if self.labels is None else self.labels[index]
        others = (self.start, self.velocity, self.path, self.pixels)
        return GroundTruth(self.digits[index], labels, *(array[index] for array in others))


class MovingMNIST:
    """Moving MNIST by the real data set's rule: endless, seeded, with ground truth.

    ``data[i]`` is sequence i. For given images and settings it depends on the seed and on i
    alone, so it is the same in any order, batch, process or machine.

    Parameters
    ----------
    images : uint8 array of shape ``(n, h, h)``
        The pool of digits, which is not copied. **The split is yours**: make test sequences
        from test digits, or a model is tested on digits that it was trained with.
    labels : array of shape ``(n,)``, optional
        What the images show, for the ground truth.
    n_digits : int, default 2
        Digits in a sequence; 0 gives black frames.
    n_frames : int, default 20
        Frames in a sequence.
    size : int, default 64
        Side of the canvas in pixels.
    step_length : float, default 0.1
        Speed in unit coordinates per frame, not in pixels: 0.1 is 3.6 pixels, for 28 in 64.
    rule : {"clamp", "reflect"}, default "clamp"
        How digits meet a wall, see `bounce_path`; the real data set clamps.
    seed : int, default 0
        From 0 to 2**128 - 1. **Give training and test different seeds**: the paths depend on
        the seed alone, so under one seed both would move alike.

    Raises
    ------
    TypeError
        If the images are not uint8, or a count, the seed or an index is not an integer.
    ValueError
        If the pool is empty, the canvas smaller than the digits, the rule unknown, the
        labels of another length, or a number out of its range.

    Notes
    -----
    Each digit takes four uniform numbers: which image, start row, start column, angle.
    They are block ``i * n_digits + digit`` of the counter-based stream Philox with the seed
    for its key (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), so
    any sequence is reached at once. The rule is that of the published test set of
    Srivastava, Mansimov and Salakhutdinov (ICML 2015); chapter 5 shows how it is known. One
    thing differs: their generator deals the digits from a shuffled pack, this one draws each
    digit by itself.

    Examples
    --------
    >>> from mmnist_lib import load_mnist
    >>> _, (images, labels) = load_mnist("sample")
    >>> data = MovingMNIST(images, labels, seed=7)
    >>> data[3].shape, data.batch(0, 5).shape
    ((20, 64, 64), (5, 20, 64, 64))
    >>> bool((data.batch(0, 5)[3] == data[3]).all())
    True
    >>> data.truth(3).path.shape
    (2, 20, 2)
    """

    __iter__ = None  # an endless set: without this, `for clip in data` would never end

    def __init__(
        self,
        images: Frames,
        labels: ArrayLike | None = None,
        *,
        n_digits: int = 2,
        n_frames: int = 20,
        size: int = 64,
        step_length: float = 0.1,
        rule: str = "clamp",
        seed: int = 0,
    ) -> None:
        check_digits(images)
        check_rule(rule)
        self.images = images
        self.labels = None if labels is None else check_labels(labels, len(images))
        self.n_digits = check_count(n_digits, "n_digits", least=0)
        self.n_frames = check_count(n_frames, "n_frames")
        self.size = check_count(size, "size")
        self.step_length = check_step_length(step_length)
        self.rule = rule
        self.seed = check_count(seed, "seed", least=0)
        if self.seed >= 2**128:
            raise ValueError(f"seed={seed} is too large: give one below 2**128")
        check_free_range(size, images.shape[-1])

    def __repr__(self) -> str:
        return (
            f"MovingMNIST({len(self.images)} images, n_digits={self.n_digits}, "
            f"n_frames={self.n_frames}, size={self.size}, step_length={self.step_length}, "
            f"rule={self.rule!r}, seed={self.seed})"
        )

    def __getitem__(self, index: int) -> Frames:
        """Make sequence `index`: uint8 frames of shape ``(n_frames, size, size)``.

        Raises TypeError if `index` is not an integer, ValueError if it is negative.
        """
        index = check_count(index, "index", least=0)
        return self.batch(index, index + 1)[0]

    def batch(self, start: int, stop: int, out: Frames | None = None) -> Frames:
        """Make sequences `start` to `stop - 1`.

        Parameters
        ----------
        start : int
            The first sequence, at least 0.
        stop : int
            The one after the last, at least `start`.
        out : uint8 array, optional
            Where to write: C-contiguous, of the shape below. Saves making a new array.

        Returns
        -------
        uint8 array of shape ``(stop - start, n_frames, size, size)``
            The frames; `out` itself, if that was given.

        Raises
        ------
        TypeError
            If an index is not an integer, or `out` is not an array of uint8.
        ValueError
            If an index is negative, `stop` is before `start`, or `out` has another shape,
            is not contiguous, or cannot be written to.

        Examples
        --------
        >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
        >>> frames = np.empty((2, 20, 64, 64), np.uint8)
        >>> data.batch(8, 10, out=frames) is frames
        True
        """
        start, stop = _check_range(start, stop)
        shape = (stop - start, self.n_frames, self.size, self.size)
        if out is None:
            out = np.empty(shape, dtype=np.uint8)
        else:
            _check_out(out, shape)
        # Truth is worked out for many sequences at a time, which spreads its cost.
        many = max(1, 2**16 // (max(1, self.n_digits) * self.n_frames))
        for low in range(start, stop, many):
            high = min(low + many, stop)
            truth = self.truth(low, high)
            frames = out[low - start : high - start]
            _draw(frames, self.images[truth.digits], truth.pixels)
        return out

    def truth(self, start: int, stop: int | None = None) -> GroundTruth:
        """Tell what made sequences `start` to `stop - 1`, or the one sequence `start`.

        Parameters
        ----------
        start : int
            The first sequence.
        stop : int, optional
            The one after the last. Without it, the arrays lack their leading axis.

        Returns
        -------
        GroundTruth
            Digits, labels, starts, velocities, paths and pixels.

        Raises
        ------
        TypeError
            If an index is not an integer.
        ValueError
            If an index is negative, or `stop` is before `start`.

        Examples
        --------
        >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
        >>> data.truth(0).pixels.shape, data.truth(0, 5).pixels.shape
        ((2, 20, 2), (5, 2, 20, 2))
        """
        start = check_count(start, "start", least=0)
        first, last = _check_range(start, start + 1 if stop is None else stop)
        stream = np.random.Philox(key=self.seed)
        stream.advance(first * self.n_digits)
        shape = (last - first, self.n_digits, 4)
        numbers = np.random.Generator(stream).random(shape)
        digits = (numbers[..., 0] * len(self.images)).astype(np.int64)
        position = numbers[..., 1:3].copy()
        velocity = velocity_of(2 * np.pi * numbers[..., 3], self.step_length)
        # As bounce_path and to_pixels, without their checks: these numbers cannot fail them.
        path = RULES[self.rule](position, velocity, self.n_frames)
        pixels = _truncate(path, self.size - self.images.shape[-1])
        labels = None if self.labels is None else self.labels[digits]
        truth = GroundTruth(digits, labels, position, velocity, path, pixels)
        return truth if stop is not None else truth[0]


def _check_range(start: int, stop: int) -> tuple[int, int]:
    start = check_count(start, "start", least=0)
    stop = check_count(stop, "stop", least=start)
    if stop > 2**128:
        raise ValueError(f"stop={stop} is too large: the stream has 2**128 sequences")
    return start, stop


def _check_out(out: Any, shape: tuple[int, ...]) -> None:
    expected = f"give a writable, C-contiguous uint8 array of shape {shape}"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}: {expected}")
    if out.dtype != np.uint8:
        raise TypeError(f"out has dtype {out.dtype}: {expected}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}: {expected}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out is not contiguous, or is read-only: {expected}")
