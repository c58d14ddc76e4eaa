"""Look at digits and at moving frames. Chapter 2 explains it.

Every ``show_`` function draws with Matplotlib on a new figure, or on the axes that you pass as
`ax`, and returns nothing. A notebook shows the figure; a script calls ``plt.show()`` or
``plt.savefig("name.png")`` after it. With ``plt.style.use("mmnist_lib.figures")``, what you draw
is legible on a light and on a dark page.

Images are uint8 from 0 to 255, or floats from 0 to 1. One scale serves all panels of a
figure, so that equal grays mean equal values.

Raises
------
TypeError
    If images are neither uint8 nor floats, or a path is not of numbers.
ValueError
    If a shape, a range or the number of labels or titles is wrong.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from ._checks import (
    check_array,
    check_choice,
    check_count,
    check_free_range,
    check_one_each,
    check_points,
)
from ._frames import ANY, check_frames, check_images
from ._mosaic import GAP, axes_on, blank, in_rows, mosaic, number_frames, picture_on, zoom_of

__all__ = ["long_exposure", "show_digits", "show_pairs", "show_path", "show_strip"]


def __getattr__(name: str) -> Any:
    """Find what this module held in version 0.1.0 and another one holds now."""
    if name in ("Player", "animate", "animate_error", "show_curves", "slider"):
        return getattr(importlib.import_module(__package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def show_digits(
    images: ArrayLike,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    *,
    columns: int | None = None,
    ax: Axes | None = None,
) -> None:
    """Show images in a grid, in gray, on one scale.

    >>> show_digits(np.eye(28)[np.newaxis], labels=["a diagonal"])

    Parameters
    ----------
    images : array of shape ``(n, H, W)`` or ``(H, W)``
    labels : sequence of length n, optional
        What to write above each.
    columns : int, optional
        Columns of the grid; by default as near to a square as n allows.
    ax : matplotlib.axes.Axes, optional
    """
    tiles = check_images(images, "images", 2, 3)
    n = len(tiles)
    labels = check_one_each(labels, "labels", n, "images")
    columns = math.ceil(math.sqrt(n)) if columns is None else check_count(columns, "columns")
    grid = in_rows(tiles, min(columns, n))
    rows, columns, height, width = grid.shape[:4]
    zoom = zoom_of(columns * width, rows * height)
    gap = math.ceil(28 / zoom) if labels else GAP  # room for a line of text
    with picture_on(ax, mosaic(grid, gap), zoom) as ax:
        for index, label in enumerate(labels):
            row, column = divmod(index, columns)
            x = column * (width + GAP) + width / 2
            ax.text(x, row * (height + gap) - 1, label, ha="center", va="bottom")


def show_strip(
    frames: ArrayLike,
    *,
    every: int = 1,
    titles: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> None:
    """Show the frames of a sequence side by side, numbered from 0.

    >>> show_strip(np.zeros((20, 64, 64), np.uint8), every=4)

    Parameters
    ----------
    frames : array of shape ``(n_frames, H, W)`` or ``(n, n_frames, H, W)``
        One sequence, or several to compare, one strip each.
    every : int, default 1
        Show each frame, or every second, third …
    titles : sequence of str, optional
        One for each strip.
    ax : matplotlib.axes.Axes, optional
    """
    sequences = check_images(frames, "frames", 3, 4)
    numbers = range(0, sequences.shape[1], check_count(every, "every"))
    titles = check_one_each(titles, "titles", len(sequences), "sequences")
    with picture_on(ax, mosaic(sequences[:, ::every])) as ax:
        number_frames(ax, sequences.shape, numbers)
        for row, title in enumerate(titles):
            y = row * (sequences.shape[2] + GAP) + sequences.shape[2] / 2
            ax.text(-2 * GAP, y, title, ha="right", va="center")


def show_pairs(inputs: ArrayLike, targets: ArrayLike, *, ax: Axes | None = None) -> None:
    """Show what a model sees beside what it should answer: input | target strips.

    >>> sequence = np.zeros((6, 64, 64), np.uint8)
    >>> show_pairs(sequence[:3], sequence[3:])

    `inputs` are the frames that the model sees, ``(n_in, H, W)`` or ``(n, n_in, H, W)``. `targets`
    are the frames that follow, ``(n_out, H, W)`` or ``(n, n_out, H, W)``, of as many sequences, as
    large. They are drawn on `ax`, or on a new figure.
    """
    inputs, targets = check_array(inputs, "inputs"), check_array(targets, "targets")
    left = check_images(inputs, "inputs", 3, 4, like=targets)
    right = check_images(targets, "targets", 3, 4, like=inputs)
    if left.shape[0] != right.shape[0] or left.shape[2:] != right.shape[2:]:
        shapes = f"inputs have shape {inputs.shape} and targets {targets.shape}"
        raise ValueError(f"{shapes}: pass as many sequences of the same height and width")
    pictures = mosaic(left), mosaic(right)
    spacer = blank(len(pictures[0]), 6 * GAP, *left.shape[4:])
    n_in, offset = left.shape[1], pictures[0].shape[1] + spacer.shape[1]
    with picture_on(ax, np.hstack([pictures[0], spacer, pictures[1]])) as ax:
        number_frames(ax, left.shape, range(n_in))
        number_frames(ax, right.shape, range(n_in, n_in + right.shape[1]), offset)
        for name, start, picture in zip(("input", "target"), (0, offset), pictures, strict=True):
            ax.text(start + picture.shape[1] / 2, -GAP, name, ha="center", va="bottom")


def long_exposure(frames: NDArray[Any], how: str = "max") -> NDArray[Any]:
    """Lay all frames of a sequence over each other, like a camera with an open shutter.

    >>> frames = np.zeros((4, 64, 64), np.uint8)
    >>> frames[1, 5, 5] = 200
    >>> int(long_exposure(frames)[5, 5]), int(long_exposure(frames, "mean")[5, 5])
    (200, 50)

    Parameters
    ----------
    frames : array of shape ``(..., n_frames, H, W)``
        One sequence or many.
    how : {"max", "mean"}, default "max"
        ``"max"`` keeps each pixel's brightest moment and shows the whole path;
        ``"mean"`` shows how long each pixel was lit.

    Returns
    -------
    array of shape ``(..., H, W)``
        Of the dtype of `frames`; the mean of uint8 is rounded.
    """
    frames, colors = check_frames(frames, "frames", ANY, colors=True)
    time = -4 if colors else -3
    if frames.shape[time] == 0:
        raise ValueError(f"frames has shape {frames.shape}: pass (..., n_frames, H, W)")
    if frames.dtype != np.uint8 and frames.dtype.kind != "f":
        raise TypeError(f"frames has dtype {frames.dtype}: pass uint8, or floats")
    if check_choice(how, "how", ("max", "mean")) == "max":
        return frames.max(axis=time)
    mean = frames.mean(axis=time)
    return (mean.round() if frames.dtype == np.uint8 else mean).astype(frames.dtype)


def show_path(
    path: ArrayLike,
    *,
    size: int = 64,
    digit_size: int = 28,
    background: ArrayLike | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw the path of each digit's center over its canvas, with direction and bounces.

    >>> show_path([[0.0, 0.0], [0.5, 0.5], [1.0, 1.0], [0.5, 0.5]])

    An arrow leads from each frame to the next, a dot marks the first frame, and a ring the
    frame in which the digit turns around on either axis. The dashed square is as far as a
    center can go before its digit leaves the canvas.

    Parameters
    ----------
    path : array_like of float, shape ``(n_frames, 2)`` or ``(k, n_frames, 2)``
        ``(row, column)`` in unit coordinates, of one digit or of k.
    size : int, default 64
        Side of the canvas in pixels.
    digit_size : int, default 28
        Side of a digit in pixels.
    background : array of shape ``(size, size)``, optional
        What to draw over, such as a long exposure.
    ax : matplotlib.axes.Axes, optional
    """
    paths, free = check_points(path, "path"), check_free_range(size, digit_size)
    if paths.ndim not in (2, 3) or paths.size == 0:
        raise ValueError(f"path has shape {paths.shape}: pass (n_frames, 2) or (k, n_frames, 2)")
    centers = digit_size / 2 + free * paths.reshape(-1, *paths.shape[-2:])
    ax = axes_on(ax, 4.4, 4.4)
    if background is not None:
        _draw_background(ax, background, size)
    for low, style in ((0, "-"), (digit_size / 2, "--")):
        high = size - low
        ax.plot([low, high, high, low, low], [low, low, high, high, low], style, color="gray", lw=1)
    for number, center in enumerate(centers):
        _draw_path(ax, center, f"C{number}")
    ends = np.concatenate([centers.reshape(-1, 2), [[0, 0], [size, size]]])
    (top, left), (bottom, right) = ends.min(axis=0) - 2, ends.max(axis=0) + 2
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")  # rows count downwards
    ax.set(xlabel="column (pixels)", ylabel="row (pixels)")


def _draw_background(ax: Axes, background: ArrayLike, size: int) -> None:
    image = check_images(background, "background", 2)
    if image.shape != (size, size):
        raise ValueError(f"background has shape {image.shape}: pass ({size}, {size})")
    # Gray ink and no paper, so that a path shows on both, on a light and on a dark page.
    gray = np.full((*image.shape, 3), 0.5, np.float32)
    ax.imshow(np.dstack([gray, 0.5 * image]), extent=(0, size, size, 0))


def _draw_path(ax: Axes, centers: NDArray[np.float64], color: str) -> None:
    (rows, columns), steps = centers.T, np.diff(centers, axis=0)
    arrow: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.006}
    ax.quiver(columns[:-1], rows[:-1], steps[:, 1], steps[:, 0], color=color, **arrow)
    turns = _turns(steps)
    ax.plot(columns[turns], rows[turns], "o", mfc="none", mec=color, markersize=11)
    ax.plot(columns[0], rows[0], "o", color=color, markersize=7)


def _turns(steps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the frames after which the direction of either axis is another one."""
    signs = np.sign(steps)
    for frame in range(1, len(signs)):  # a step of 0 has no direction: it keeps the last one
        signs[frame] = np.where(signs[frame] == 0, signs[frame - 1], signs[frame])
    return 1 + np.flatnonzero((signs[:-1] * signs[1:] < 0).any(axis=-1))
