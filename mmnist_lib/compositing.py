"""Paste digits, merge them, and make the complete dataset. Chapter 5 explains it.

Raises
------
TypeError, ValueError
    If images are not uint8, or a count, position, seed or index is not an integer; if a number is
    out of its range, or shapes do not fit each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from threading import get_ident
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import MOST, check_array, check_count, check_free_range, check_points, check_tracks
from ._strips import draw_strips, sequences_at_once
from .bouncing import bounce_path, check_rule
from .loading import check_digits, check_labels
from .trajectories import check_step_length, velocity_of

__all__ = ["GroundTruth", "MovingMNIST", "composite", "to_pixels"]

Frames = NDArray[np.uint8]
SETTINGS = ("n_digits", "n_frames", "size", "step_length", "rule", "seed")
SIZED = "SequenceDataset(data, n_sequences), which has a length and takes slices and lists"
LAST = 2**128 - 1  # the last sequence, and the last seed, which the stream has
NUMBERS = 2**16  # of coordinates to work out at a time, which spreads the cost of NumPy's calls


def to_pixels(path: ArrayLike, size: int = 64, digit_size: int = 28) -> NDArray[np.intp]:
    """Turn a path in unit coordinates into a track in whole pixels, as in the real dataset.

    >>> to_pixels([[0.0, 1.0], [0.5, 0.99]])
    array([[ 0, 36],
           [18, 35]])

    Returns integers of the same shape, ``int((size - digit_size) * path)``, truncated: the pixel
    of the digit's top-left corner. `composite` doesn't accept a path that leaves [0, 1] by a
    pixel or more.

    Parameters
    ----------
    path : array_like of float, shape ``(..., n_frames, 2)``
        ``(row, column)`` in unit coordinates.
    size, digit_size : int, default 64 and 28
        Sides of the canvas and of the digit in pixels.
    """
    free, path = check_free_range(size, digit_size), check_points(path, "path")
    if (np.abs(path) >= 2**62 / max(free, 1)).any():
        raise ValueError("path is too far off the canvas: pass unit coordinates, from 0 to 1")
    return (free * path).astype(np.intp)  # truncates towards zero, as int() does


def composite(sprites: Frames, positions: ArrayLike, size: int = 64) -> Frames:
    """Draw moving sprites on black frames, merged by maximum.

    >>> composite(np.full((1, 1, 1), 9, np.uint8), [[[0, 1], [1, 1]]], size=2)
    array([[[0, 9],
            [0, 0]],
           [[0, 0],
            [0, 9]]], dtype=uint8)

    Returns uint8 frames ``(n_frames, size, size)``. Where sprites overlap, the brighter one shows.

    Parameters
    ----------
    sprites : uint8 array of shape ``(k, h, h)``
        The digits, k of them; without any, the frames are black.
    positions : array_like of int, shape ``(k, n_frames, 2)``
        Their tracks: pixel ``(row, column)`` of each top-left corner, wholly on the canvas.
    size : int, default 64
        Side of the square canvas in pixels.
    """
    sprites, tracks = check_array(sprites, "sprites"), check_array(positions, "positions")
    check_digits(sprites, name="sprites", empty=True)
    if tracks.shape[:1] + tracks.shape[2:] != (len(sprites), 2):
        raise ValueError(
            f"positions has shape {tracks.shape}: pass ({len(sprites)}, n_frames, 2), "
            f"a row and a column for each of the {len(sprites)} sprites in each frame"
        )
    n_frames, side = check_count(tracks.shape[1], "n_frames"), sprites.shape[-1]
    free = check_free_range(size, side)
    if len(sprites):
        check_tracks(tracks, "positions", free)
    frames = np.zeros((n_frames, size, size), np.uint8)
    for sprite, track in zip(sprites, tracks.tolist(), strict=True):
        for frame, (row, column) in zip(frames, track, strict=True):
            window = frame[row : row + side, column : column + side]
            np.maximum(window, sprite, out=window)
    return frames


@dataclass(frozen=True, eq=False)  # because arrays have no single truth value
class GroundTruth:
    """The ground truth of n sequences of k digits each; for one sequence, axis n is missing.

    Attributes
    ----------
    digits : int, ``(n, k)``
        Which of the images each digit is.
    labels : array or None, ``(n, k)``
        What it shows, where labels were passed.
    start, velocity : float64, ``(n, k, 2)``
        Position before the first frame, and movement per frame before the first bounce, unit
        coordinates.
    path : float64, ``(n, k, n_frames, 2)``
        Position in each frame, unit coordinates.
    track : int, ``(n, k, n_frames, 2)``
        Position in each frame, whole pixels: row and column of the top-left corner.
    """

    digits: NDArray[np.intp]
    labels: NDArray[Any] | None
    start: NDArray[np.float64]
    velocity: NDArray[np.float64]
    path: NDArray[np.float64]
    track: NDArray[np.intp]

    def __getitem__(self, index: Any) -> GroundTruth:
        """Return the truth of some of the sequences: each array, indexed alike."""
        arrays: Any = [None if array is None else array[index] for array in vars(self).values()]
        return GroundTruth(*arrays)


class MovingMNIST:
    """Moving MNIST by the real dataset's rule: endless, seeded, with ground truth.

    >>> from mmnist_lib import load_mnist
    >>> _, (images, labels) = load_mnist("sample")
    >>> data = MovingMNIST(images, labels, seed=7)
    >>> data[3].shape, data.batch(0, 5).shape, data.truth(3).path.shape
    ((20, 64, 64), (5, 20, 64, 64), (2, 20, 2))

    ``data[i]`` is sequence i. For given images and settings it depends on the seed and on i
    alone, so it is the same in any order, batch, process or machine.

    Parameters
    ----------
    images : uint8 array of shape ``(n, h, h)``
        The pool of digits, which is not copied. **The split is yours**: make test sequences
        from test digits, or a model is tested on digits that it was trained with.
    labels : array of shape ``(n,)``, optional
        What the images show, for the ground truth.
    n_digits, n_frames : int, default 2 and 20
        Digits and frames in a sequence; without digits, the frames are black.
    size : int, default 64
        Side of the canvas in pixels.
    step_length : float, default 0.1
        Speed in unit coordinates per frame, not in pixels: 0.1 is 3.6 pixels, for 28 in 64.
    rule : {"clamp", "reflect"}, default "clamp"
        How digits meet a wall, see `bounce_path`; the real dataset clamps.
    seed : int, default 0
        From 0 to 2**128 - 1. **Choose different seeds for training and test**: the paths depend
        on the seed alone, so under one seed both would move alike.

    Notes
    -----
    Each digit takes four uniform numbers: which image, start row, start column, angle. They are
    block ``i * n_digits + digit`` of the counter-based stream Philox with the seed for its key
    (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), so any sequence is
    reached at once. The rule is the published test set's (Srivastava, Mansimov and Salakhutdinov,
    ICML 2015), with one difference: their generator deals the digits from a shuffled pack, but
    this one draws each digit independently.
    """

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
        check_free_range(size, images.shape[-1])
        self.images = images
        self.labels = None if labels is None else check_labels(labels, len(images))
        self.n_digits = check_count(n_digits, "n_digits", least=0, most=MOST)
        self.n_frames = check_count(n_frames, "n_frames", most=MOST)
        self.size = check_count(size, "size")
        self.step_length = check_step_length(step_length)
        self.rule = rule
        self.seed = check_count(seed, "seed", least=0, most=LAST)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in SETTINGS)
        return f"MovingMNIST({len(self.images)} images, {settings})"

    def __len__(self) -> NoReturn:
        """Raise: without this, `for sequence in data` would never end."""
        raise TypeError(f"MovingMNIST is endless: use a {SIZED}")

    __iter__ = __len__

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, index: int) -> Frames:
        """Make sequence `index`: uint8 frames of shape ``(n_frames, size, size)``."""
        try:
            return self.pick([index])[0]
        except TypeError as error:
            raise TypeError(f"{error}, or index a {SIZED}") from None

    def pick(self, indices: Iterable[int]) -> Frames:
        """Make sequences of any numbers, such as a shuffled batch.

        >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
        >>> data.pick([7, 3]).shape
        (2, 20, 64, 64)

        Returns uint8 frames ``(n, n_frames, size, size)``, in the order of `indices`.
        """
        if not np.iterable(indices):
            raise TypeError(f"indices={indices!r} is not a list: pass numbers, such as [7, 3]")
        firsts = [check_count(index, "index", least=0, most=LAST) for index in indices]
        frames = np.empty((len(firsts), self.n_frames, self.size, self.size), np.uint8)
        self._draw(frames, self._truth(firsts, 1))
        return frames

    def batch(self, start: int, stop: int, out: Frames | None = None) -> Frames:
        """Make the sequences from number `start` to the last one before `stop`.

        >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
        >>> frames = np.empty((2, 20, 64, 64), np.uint8)
        >>> data.batch(8, 10, out=frames) is frames
        True

        Returns uint8 frames ``(stop - start, n_frames, size, size)``. They are written into `out`,
        a C-contiguous array of that shape, if you pass one, which saves making a new array.
        """
        start, stop = _check_range(start, stop)
        shape = (stop - start, self.n_frames, self.size, self.size)
        frames = np.empty(shape, np.uint8) if out is None else _check_out(out, shape)
        step = max(1, NUMBERS // (max(1, self.n_digits) * self.n_frames))
        for low in range(start, stop, step):
            truth = self.truth(low, min(low + step, stop))
            self._draw(frames[low - start : low - start + step], truth)
        return frames

    def _draw(self, frames: Frames, truth: GroundTruth) -> None:
        step = sequences_at_once(self.n_frames, self.size, self.images.shape[-1])
        for low in range(0, len(frames), step or 1):
            few = slice(low, low + (step or 1))
            sprites, tracks = self.images[truth.digits[few]], truth.track[few]  # (n, k, h, h)
            if step:
                draw_strips(frames[few], sprites, tracks)
            else:
                frames[low] = composite(sprites[0], tracks[0], self.size)

    def truth(self, start: int, stop: int | None = None) -> GroundTruth:
        """Return the ground truth of sequences `start` to `stop - 1`, or of the one `start`.

        >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
        >>> data.truth(0).track.shape, data.truth(0, 5).track.shape
        ((2, 20, 2), (5, 2, 20, 2))

        Returns a `GroundTruth`, whose arrays lack their leading axis without `stop`.
        """
        if stop is None:
            return self._truth([check_count(start, "start", least=0, most=LAST)], 1)[0]
        first, last = _check_range(start, stop)
        return self._truth([first], last - first)

    def _truth(self, firsts: list[int], each: int) -> GroundTruth:
        """Return the truth of `each` sequences from each first on."""
        drawn = np.empty((len(firsts), each, self.n_digits, 4))  # image, row, column, angle
        rng, stream, beginning = _stream(self.seed, get_ident())
        stream.state, at = beginning, 0
        for first, some in zip(firsts, drawn, strict=True):
            stream.advance((first - at) * self.n_digits)
            rng.random(out=some)
            at = first + each
        numbers = drawn.reshape(len(firsts) * each, self.n_digits, 4)
        digits = (numbers[..., 0] * len(self.images)).astype(np.intp)
        position = numbers[..., 1:3].copy()
        velocity = velocity_of(2 * np.pi * numbers[..., 3], self.step_length)
        path = bounce_path(position, velocity, self.n_frames, self.rule)
        track = to_pixels(path, self.size, self.images.shape[-1])
        labels = None if self.labels is None else self.labels[digits]
        return GroundTruth(digits, labels, position, velocity, path, track)


@lru_cache
def _stream(seed: int, _thread: int) -> tuple[np.random.Generator, Any, Any]:
    """Keep a seed's stream, one for each thread: making it takes as long as drawing a sequence."""
    stream = np.random.Philox(key=seed)
    return np.random.Generator(stream), stream, stream.state


def _check_range(start: int, stop: int) -> tuple[int, int]:
    first = check_count(start, "start", least=0, most=LAST)
    return first, check_count(stop, "stop", least=first, most=min(first + 2**32, LAST + 1))


def _check_out(out: Any, shape: tuple[int, ...]) -> Frames:
    expected = f"pass a writable, C-contiguous uint8 array of shape {shape}"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out is a {type(out).__name__}: {expected}")
    if out.dtype != np.uint8:
        raise TypeError(f"out has dtype {out.dtype}: {expected}")
    if out.shape != shape:
        raise ValueError(f"out has shape {out.shape}: {expected}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out is not contiguous, or is read-only: {expected}")
    return out
