"""Pictures made of tiles, with text around them: for figures and for players."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, BboxTransformFrom
from numpy.typing import NDArray

GAP = 3  # pixels between the tiles
DPI = 100


def in_rows(tiles: NDArray[Any], columns: int) -> NDArray[np.float32]:
    """Put tiles ``(n, H, W[, 3])`` into rows, the last of them filled up with nothing."""
    nothing = blank(-len(tiles) % columns, *tiles.shape[1:])
    return np.concatenate([tiles, nothing]).reshape(-1, columns, *tiles.shape[1:])


def mosaic(tiles: NDArray[Any], down: int = GAP, across: int = GAP) -> NDArray[np.float32]:
    """Lay tiles ``(rows, columns, H, W[, 3])`` out as one picture, with gaps between them."""
    rows, columns, height, width, *color = tiles.shape
    picture = blank(rows, height + down, columns, width + across, *color)
    picture[:, :height, :, :width] = tiles.swapaxes(1, 2)  # (rows, H, columns, W[, 3])
    picture = picture.reshape(rows * (height + down), columns * (width + across), *color)
    return picture[: len(picture) - down, : picture.shape[1] - across]


def blank(*shape: int) -> NDArray[np.float32]:
    """Return pixels that are not drawn: NaN, which no gray and no color is."""
    return np.full(shape, np.nan, dtype=np.float32)


def axes_on(ax: Axes | None, *inches: float) -> Axes:
    """Return the axes to draw on: those that were passed, or those of a new figure."""
    if ax is None:
        return plt.figure(figsize=inches or None, layout="constrained").add_subplot()
    if not isinstance(ax, Axes):
        raise TypeError(f"ax={ax!r} is not a Matplotlib axes: pass plt.gca(), or leave it out")
    return ax


def zoom_of(width: int, height: int) -> int:
    """Return how many screen pixels, a whole number, each pixel of a picture gets."""
    return max(1, min(640 // width, 400 // height))


@contextlib.contextmanager
def picture_on(
    ax: Axes | None, picture: NDArray[np.float32], zoom: int | None = None
) -> Iterator[Axes]:
    """Draw a picture on `ax`, or on a new figure that grows to hold the text added after it."""
    (height, width), figure = picture.shape[:2], None
    if ax is None:
        inch = DPI / (zoom or zoom_of(width, height))  # in pixels of the picture
        figure = plt.figure(figsize=(width / inch, height / inch), dpi=DPI)
        ax = figure.add_axes((0, 0, 1, 1))
    ax = axes_on(ax)
    drawn = np.isfinite(picture if picture.ndim == 2 else picture[..., 0])
    _outline(ax, drawn)
    if picture.ndim == 3:
        picture = np.dstack([np.nan_to_num(picture), drawn])
    ax.imshow(
        picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(0, width, height, 0)
    )
    ax.set_axis_off()
    yield ax
    if figure:
        inner = ax.get_window_extent().frozen()  # or it would change with the figure
        outer = Bbox.union([inner, ax.get_tightbbox() or inner])
        figure.set_size_inches(outer.width / DPI, outer.height / DPI)
        ax.set_position(inner.transformed(BboxTransformFrom(outer)))


def _outline(ax: Axes, drawn: NDArray[np.bool_]) -> None:
    """Draw a line around each tile, or black ones would have no edge on a dark page."""
    edges = (np.diff(drawn.any(axis=axis), prepend=False, append=False) for axis in (1, 0))
    rows, columns = (np.flatnonzero(edge).reshape(-1, 2) for edge in edges)  # first, and one past
    for (top, bottom), (left, right) in itertools.product(rows, columns):
        if drawn[top, left]:
            tile = Rectangle((left, top), right - left, bottom - top, fill=False, ec="gray", lw=1.5)
            ax.add_patch(tile).set_clip_path(tile)  # the line's inner half, which no edge cuts off


def number_frames(ax: Axes, shape: tuple[int, ...], numbers: range, offset: float = 0) -> None:
    """Write frame numbers below the lowest strip."""
    n, _, height, width = shape[:4]
    for place, number in enumerate(numbers):
        x, y = offset + place * (width + GAP) + width / 2, n * (height + GAP)
        ax.text(x, y, str(number), ha="center", va="top", fontsize="small")
