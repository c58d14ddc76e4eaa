"""Look at digits and at moving frames. Chapter 2 explains it.

Every ``show_`` function draws with Matplotlib on new axes, or on the `ax` that it is given,
and returns nothing. A notebook shows the figure; a script calls ``plt.show()`` or
``plt.savefig("name.png")`` after it.

Images are uint8 from 0 to 255, or floats from 0 to 1. One scale serves all panels of a
figure, so that equal greys mean equal values.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import io
import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ._checks import check_count, check_free_range, check_numbers, check_points

GAP = 3  # pixels between the tiles of a picture
BLUE, ORANGE, GREY = "#1f5fbf", "#c75000", "#6b6b6b"  # legible on white, and told apart by all


def show_digits(
    images: ArrayLike,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    *,
    columns: int | None = None,
    ax: Axes | None = None,
) -> None:
    """Show images in a grid, in grey, on one scale.

    Parameters
    ----------
    images : array of shape ``(n, H, W)`` or ``(H, W)``
        uint8 from 0 to 255, or floats from 0 to 1.
    labels : sequence of length n, optional
        What to write above each.
    columns : int, optional
        Columns of the grid; by default as near to a square as n allows.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError
        If the images have another dtype, shape or range, or the labels another length.

    Examples
    --------
    >>> show_digits(np.eye(28)[np.newaxis], labels=["a diagonal"])
    """
    tiles = _unit_images(images, "images", (2, 3))
    tiles = tiles[np.newaxis] if tiles.ndim == 2 else tiles
    n, height, width = tiles.shape
    if labels is not None and len(labels) != n:
        raise ValueError(f"labels has length {len(labels)}: give one for each of {n} images")
    columns = math.ceil(math.sqrt(n)) if columns is None else check_count(columns, "columns")
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    blanks = np.full((rows * columns - n, height, width), np.nan, dtype=np.float32)
    grid = np.concatenate([tiles, blanks]).reshape(rows, columns, height, width)
    zoom = _zoom(columns * width, rows * height)
    gap = GAP if labels is None else math.ceil(28 / zoom)  # room for a line of text
    with _picture_on(ax, _mosaic(grid, gap), zoom) as ax:
        for index, label in enumerate(() if labels is None else labels):
            row, column = divmod(index, columns)
            x = column * (width + GAP) + width / 2
            ax.text(x, row * (height + gap) - 1, str(label), ha="center", va="bottom")


def show_strip(
    frames: ArrayLike,
    *,
    every: int = 1,
    titles: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> None:
    """Show the frames of a clip side by side, numbered from 0: a film strip.

    Parameters
    ----------
    frames : array of shape ``(n_frames, H, W)`` or ``(n, n_frames, H, W)``
        One clip, or several to compare, one strip each; uint8, or floats from 0 to 1.
    every : int, default 1
        Show each frame, or every second, third …
    titles : sequence of str, optional
        One for each strip.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError
        If the frames have another dtype, shape or range, `every` is below 1, or there is a
        title too many or too few.

    Examples
    --------
    >>> show_strip(np.zeros((20, 64, 64), np.uint8), every=4)
    """
    clips = _clips(frames)
    numbers = range(0, clips.shape[1], check_count(every, "every"))
    if titles is not None and len(titles) != len(clips):
        raise ValueError(
            f"titles has length {len(titles)}: give one for each of {len(clips)} clips"
        )
    with _picture_on(ax, _mosaic(clips[:, ::every])) as ax:
        _number_frames(ax, clips.shape, numbers, 0)
        for row, title in enumerate(() if titles is None else titles):
            y = row * (clips.shape[2] + GAP) + clips.shape[2] / 2
            ax.text(-2 * GAP, y, title, ha="right", va="center")


def show_pairs(inputs: ArrayLike, targets: ArrayLike, *, ax: Axes | None = None) -> None:
    """Show what a model is given beside what it should answer: input | target strips.

    Parameters
    ----------
    inputs : array of shape ``(n_in, H, W)`` or ``(n, n_in, H, W)``
        The frames that the model sees; uint8, or floats from 0 to 1.
    targets : array of shape ``(n_out, H, W)`` or ``(n, n_out, H, W)``
        The frames that follow, of as many clips, as large.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError
        If the frames have another dtype, shape or range, or do not fit each other.

    Examples
    --------
    >>> clip = np.zeros((6, 64, 64), np.uint8)
    >>> show_pairs(clip[:3], clip[3:])
    """
    left, right = _clips(inputs, "inputs"), _clips(targets, "targets")
    if left.shape[0] != right.shape[0] or left.shape[2:] != right.shape[2:]:
        raise ValueError(
            f"inputs have shape {np.shape(inputs)} and targets {np.shape(targets)}: "
            "give as many clips of the same height and width"
        )
    left_picture, right_picture = _mosaic(left), _mosaic(right)
    spacer = np.full((len(left_picture), 6 * GAP), np.nan, dtype=np.float32)
    n_in, offset = left.shape[1], left_picture.shape[1] + spacer.shape[1]
    with _picture_on(ax, np.hstack([left_picture, spacer, right_picture])) as ax:
        _number_frames(ax, left.shape, range(n_in), 0)
        _number_frames(ax, right.shape, range(n_in, n_in + right.shape[1]), offset)
        ax.text(left_picture.shape[1] / 2, -GAP, "input", ha="center", va="bottom")
        ax.text(offset + right_picture.shape[1] / 2, -GAP, "target", ha="center", va="bottom")


def long_exposure(frames: NDArray[Any], how: str = "max") -> NDArray[Any]:
    """Lay all frames of a clip over each other, as a camera with an open shutter does.

    Parameters
    ----------
    frames : array of shape ``(..., n_frames, H, W)``
        One clip or many.
    how : {"max", "mean"}, default "max"
        ``"max"`` keeps each place's brightest moment and shows the whole path;
        ``"mean"`` shows how long each place was lit.

    Returns
    -------
    array of shape ``(..., H, W)``
        Of the dtype of `frames`; the mean of uint8 is rounded.

    Raises
    ------
    TypeError
        If the frames are neither uint8 nor floats.
    ValueError
        If `how` is unknown, or there is no time axis.

    Examples
    --------
    >>> frames = np.zeros((4, 64, 64), np.uint8)
    >>> frames[1, 5, 5] = 200
    >>> int(long_exposure(frames)[5, 5]), int(long_exposure(frames, "mean")[5, 5])
    (200, 50)
    """
    frames = np.asarray(frames)
    if frames.ndim < 3 or frames.shape[-3] == 0:
        raise ValueError(f"frames has shape {frames.shape}: give (..., n_frames, H, W)")
    if frames.dtype != np.uint8 and frames.dtype.kind != "f":
        raise TypeError(f"frames has dtype {frames.dtype}: give uint8, or floats")
    if how == "max":
        return frames.max(axis=-3)
    if how == "mean":
        mean = frames.mean(axis=-3)
        return (mean.round() if frames.dtype == np.uint8 else mean).astype(frames.dtype)
    raise ValueError(f"how={how!r} is unknown: choose 'max' or 'mean'")


def show_path(
    path: ArrayLike,
    *,
    size: int = 64,
    digit_size: int = 28,
    background: ArrayLike | None = None,
    ax: Axes | None = None,
) -> None:
    """Draw the path of each digit's centre over its canvas, with direction and bounces.

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
        Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError
        If the path has another shape or is not finite, the canvas is smaller than the
        digit, or the background is of another size.

    Notes
    -----
    An arrow leads from each frame to the next, a dot marks the first frame, and a ring the
    frame in which the digit turns round on either axis. The dashed square is as far as a
    centre can go before its digit leaves the canvas.

    Examples
    --------
    >>> show_path([[0.0, 0.0], [0.5, 0.5], [1.0, 1.0], [0.5, 0.5]])
    """
    paths, free = check_points(path, "path"), check_free_range(size, digit_size)
    if paths.ndim not in (2, 3) or paths.size == 0:
        raise ValueError(f"path has shape {paths.shape}: give (n_frames, 2) or (k, n_frames, 2)")
    if ax is None:
        ax = plt.figure(figsize=(3.6, 3.6), facecolor="white", layout="constrained").add_subplot()
    if background is not None:
        image = _unit_images(background, "background", (2,))
        if image.shape != (size, size):
            raise ValueError(f"background has shape {image.shape}: give ({size}, {size})")
        # Greyed, so that a path shows on ink and on paper alike.
        ax.imshow(1 - 0.35 * image, cmap="gray", vmin=0, vmax=1, extent=(0, size, size, 0))
    low = digit_size / 2
    for a, b, style, color in ((0, size, "-", "black"), (low, low + free, "--", GREY)):
        ax.plot([a, b, b, a, a], [a, a, b, b, a], style, color=color, linewidth=1)
    colors = itertools.cycle([BLUE, ORANGE, "#00796b", "#8e3b9e"])
    for one, color in zip(paths.reshape(-1, *paths.shape[-2:]), colors, strict=False):
        rows, columns = low + free * one.T
        step = np.diff(one, axis=0)
        ax.quiver(
            columns[:-1], rows[:-1], free * step[:, 1], free * step[:, 0],
            angles="xy", scale_units="xy", scale=1, width=0.006, color=color,
        )  # fmt: skip
        turns = _turns(step)
        ax.plot(columns[turns], rows[turns], "o", mfc="none", mec=color, markersize=11)
        ax.plot(columns[0], rows[0], "o", color=color, markersize=7)
    ax.set(xlabel="column (pixels)", ylabel="row (pixels)", aspect="equal")
    edges = np.concatenate([low + free * paths.reshape(-1, 2), [[0, 0], [size, size]]])
    (top, left), (bottom, right) = edges.min(axis=0) - 2, edges.max(axis=0) + 2
    ax.set(xlim=(left, right), ylim=(bottom, top))  # rows count downwards


def _turns(steps: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the frames after which the direction of either axis is another one."""
    signs = np.sign(steps)
    for frame in range(1, len(signs)):  # a step of 0 has no direction: it keeps the last one
        signs[frame] = np.where(signs[frame] == 0, signs[frame - 1], signs[frame])
    return 1 + np.flatnonzero((signs[:-1] * signs[1:] < 0).any(axis=-1))


def show_curves(
    curves: Mapping[str, ArrayLike],
    *,
    first: int = 0,
    xlabel: str = "frame",
    ylabel: str = "",
    ax: Axes | None = None,
) -> None:
    """Draw named curves over whole numbers: errors over frames, losses over epochs.

    Parameters
    ----------
    curves : mapping of str to array of shape ``(n,)``
        What each is called, and its values. They may differ in length.
    first : int, default 0
        The number of the first value.
    xlabel, ylabel : str
        What the axes show.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default on a new figure.

    Raises
    ------
    TypeError, ValueError
        If there is no curve, or one is no row of finite numbers.

    Examples
    --------
    >>> show_curves({"train": [3.0, 2.0], "validation": [3.1, 2.4]}, xlabel="epoch")
    """
    if not curves:
        raise ValueError("curves is empty: give a name and values for one or more")
    rows = {str(name): check_numbers(row, f"curves[{name!r}]") for name, row in curves.items()}
    for name, row in rows.items():
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"curves[{name!r}] has shape {row.shape}: give (n,), n >= 1")
    if ax is None:
        ax = plt.figure(figsize=(6, 3.2), facecolor="white", layout="constrained").add_subplot()
    colors, strokes = [BLUE, ORANGE, "#00796b", "#8e3b9e"], ["-", "--", ":"]
    styles = itertools.cycle(itertools.product(strokes, colors))
    lines = {}
    for (name, row), (stroke, color) in zip(rows.items(), styles, strict=False):
        x = np.arange(first, first + row.size)
        (lines[name],) = ax.plot(x, row, stroke, color=color, marker=".", label=name)
    # Named beside the axes, in the order in which the curves end.
    handles = [lines[name] for name in sorted(rows, key=lambda name: -rows[name][-1])]
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)


class Player:
    """A clip that plays on a page without a kernel; made by `animate`.

    In a notebook and on the site it is a small player: play and pause, a frame slider,
    arrow keys. Where HTML does not go, such as a PDF, it is a film strip; in a terminal, a
    line with the shape and a hash of the frames.

    Attributes
    ----------
    clips : uint8, ``(n, n_frames, H, W)``
        The frames.
    alt : str
        What the clips show.
    titles : list of str
        One for each clip; empty where none was given.
    labels : list of str
        One for each frame, or none, where frames are numbered.
    fps : float
        Frames per second.
    autoplay : bool
        Whether it plays at once.
    sha256 : str
        A hash of the shape and the frames.
    """

    def __init__(
        self,
        clips: NDArray[np.uint8],
        alt: str,
        titles: Sequence[str],
        labels: Sequence[str],
        fps: float,
        autoplay: bool,
    ) -> None:
        self.clips, self.alt, self.titles, self.labels = clips, alt, titles, labels
        self.fps, self.autoplay = fps, autoplay
        self.sha256 = hashlib.sha256(repr(clips.shape).encode() + clips.tobytes()).hexdigest()

    def __repr__(self) -> str:
        n, n_frames, height, width = self.clips.shape
        clips = f"{n} clips of " if n > 1 else ""
        return (
            f"<Player: {clips}{n_frames} frames of {height} × {width} pixels, "
            f"sha256 {self.sha256[:12]}>"
        )

    def _repr_html_(self) -> str:
        n, n_frames, height, width = self.clips.shape
        columns = math.ceil(math.sqrt(n_frames))
        rows = math.ceil(n_frames / columns)
        shown = max(1, round((256 if n == 1 else 208) / width)) * width
        figures = []
        for clip, title in zip(self.clips, self.titles, strict=True):
            sheet = np.zeros((rows * columns, height, width), dtype=np.uint8)
            sheet[:n_frames] = clip
            sheet = sheet.reshape(rows, columns, height, width).swapaxes(1, 2)
            alt = html.escape(f"{self.alt} ({title})" if title else self.alt)
            caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
            figures.append(
                f"<figure>{caption}"
                f'<div class="screen" style="width: {shown}px; aspect-ratio: {width} / {height}">'
                f'<img alt="{alt}" width="{columns * width}" height="{rows * height}" '
                f'style="width: {100 * columns}%" decoding="async" '
                f'src="{_data_url(sheet.reshape(rows * height, columns * width))}">'
                "</div></figure>"
            )
        page = (Path(__file__).parent / "player.html").read_text(encoding="utf-8")
        labels = html.escape(json.dumps(self.labels, ensure_ascii=False))
        values = {
            "frames": n_frames,
            "columns": columns,
            "rows": rows,
            "fps": f"{self.fps:g}",
            "sha256": self.sha256,
            "labels": f' data-labels="{labels}"' if self.labels else "",
            "autoplay": " data-autoplay" if self.autoplay else "",
            "clips": "".join(figures),
        }
        for name, value in values.items():
            page = page.replace("{{" + name + "}}", str(value))
        return page

    def _repr_png_(self) -> bytes:
        shown = np.linspace(0, self.clips.shape[1] - 1, min(10, self.clips.shape[1])).astype(int)
        picture = _mosaic(_unit_images(self.clips[:, shown], "frames", (4,)))
        return _png(_bytes(np.nan_to_num(picture, nan=1)))

    def save(self, path: str | os.PathLike[str], *, scale: int = 4) -> None:
        """Save as an animated GIF; several clips stand side by side, without their titles.

        A GIF counts time in hundredths of a second, so `fps` is kept to the nearest of those,
        and to 50 at the most.

        Parameters
        ----------
        path : str or path
            A name that ends in ``.gif``. A file of that name is replaced, once the new one
            is whole.
        scale : int, default 4
            Side in the GIF of each pixel of a frame.

        Raises
        ------
        TypeError
            If `path` is not a path, or `scale` not an integer.
        ValueError
            If the name does not end in ``.gif``, or `scale` is below 1.
        FileNotFoundError, IsADirectoryError
            If the folder does not exist, or the name is that of a folder.

        Examples
        --------
        >>> import tempfile
        >>> player = animate(np.zeros((20, 64, 64), np.uint8), alt="Darkness.")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     player.save(Path(folder) / "clip.gif")
        ...     Image.open(Path(folder) / "clip.gif").size
        (256, 256)
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path={path!r} has type {type(path).__name__}: give a file's name")
        path = Path(path)
        if path.is_dir():
            raise IsADirectoryError(f"path={str(path)!r} is a folder: give the name of a file")
        if path.suffix.lower() != ".gif":
            raise ValueError(f"path={str(path)!r} is not a GIF: give a name that ends in .gif")
        scale = check_count(scale, "scale")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"path={str(path)!r}: there is no folder {str(path.parent)!r}")
        wide = np.pad(self.clips, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=255)
        frames = np.concatenate(list(wide), axis=-1)[..., :-GAP]
        frames = frames.repeat(scale, axis=1).repeat(scale, axis=2)
        first, *rest = (Image.fromarray(frame) for frame in frames)
        # Written under another name first: a crash half-way leaves nothing under this one.
        partial = path.with_name(f".{path.name}.partial")
        try:
            first.save(
                partial, "GIF", save_all=True, append_images=rest, loop=0,
                duration=max(2, round(100 / self.fps)) * 10, optimize=False,
            )  # fmt: skip
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def animate(
    frames: ArrayLike,
    alt: str | None = None,
    *,
    titles: Sequence[str] | None = None,
    labels: Sequence[Any] | None = None,
    fps: float = 10,
    autoplay: bool = False,
) -> Player:
    """Play a clip in the notebook, or on a page without a kernel.

    Parameters
    ----------
    frames : array of shape ``(n_frames, H, W)`` or ``(n, n_frames, H, W)``
        One clip, or several that play in step; uint8, or floats from 0 to 1.
    alt : str, optional
        What the clip shows, for those who do not see it.
    titles : sequence of str, optional
        A title for each clip.
    labels : sequence of length n_frames, optional
        What to say at each frame, in place of its number.
    fps : float, default 10
        Frames per second, from 0.1 to 100.
    autoplay : bool, default False
        Whether to play at once. A reader whose system asks for reduced motion is spared.

    Returns
    -------
    Player
        Shows itself when it is the last value of a cell; ``.save("clip.gif")`` writes a GIF.

    Raises
    ------
    TypeError, ValueError
        If the frames have another dtype, shape or range, there is a title or a label too many
        or too few, or `fps` is out of its range.

    Examples
    --------
    >>> animate(np.zeros((20, 64, 64), np.uint8), alt="Darkness.")
    <Player: 20 frames of 64 × 64 pixels, sha256 2886bbe5f310>
    """
    clips = _bytes(_clips(frames))
    n, n_frames, height, width = clips.shape
    if titles is not None and len(titles) != n:
        raise ValueError(f"titles has length {len(titles)}: give one for each of {n} clips")
    if labels is not None and len(labels) != n_frames:
        raise ValueError(f"labels has length {len(labels)}: give one for each of {n_frames} frames")
    try:
        fps = float(fps)
    except (TypeError, ValueError):
        raise TypeError(f"fps={fps!r} is not a number: give frames per second") from None
    if not 0.1 <= fps <= 100:
        raise ValueError(f"fps={fps}: give 0.1 to 100 frames per second")
    alt = str(alt or f"A clip of {n_frames} frames of {height} by {width} pixels.")
    titles = [""] * n if titles is None else [str(title) for title in titles]
    labels = [] if labels is None else [str(label) for label in labels]
    return Player(clips, alt, titles, labels, fps, autoplay)


def animate_error(
    predicted: ArrayLike, true: ArrayLike, alt: str | None = None, *, fps: float = 5
) -> Player:
    """Play a prediction, the truth and their difference in step.

    Parameters
    ----------
    predicted, true : array of shape ``(n_frames, H, W)``
        Two clips of the same shape; uint8, or floats from 0 to 1. A prediction is clipped to
        that range.
    alt : str, optional
        What the clips show, for those who do not see them.
    fps : float, default 5
        Frames per second.

    Returns
    -------
    Player
        Three clips: prediction, truth and error, the error being white where they differ most.

    Raises
    ------
    TypeError, ValueError
        If the frames have another dtype, shape or range, or do not fit each other.

    Examples
    --------
    >>> clip = np.zeros((10, 64, 64), np.uint8)
    >>> animate_error(clip, clip, "No error at all.").titles
    ['prediction', 'truth', 'error']
    """
    guess = np.asarray(predicted)
    if guess.dtype.kind == "f":
        guess = guess.clip(0, 1)
    left, right = _unit_images(guess, "predicted", (3,)), _unit_images(true, "true", (3,))
    if left.shape != right.shape:
        raise ValueError(
            f"predicted has shape {left.shape} and true {right.shape}: give the same of both"
        )
    films = np.stack([left, right, np.abs(left - right)])
    return animate(films, alt, titles=["prediction", "truth", "error"], fps=fps)


def slider(
    images: ArrayLike, labels: Sequence[Any], *, description: str = "", alt: str = ""
) -> Any:
    """Choose one of several images with a slider that needs no kernel.

    Parameters
    ----------
    images : array of shape ``(n, H, W)``
        One image for each place of the slider; uint8, or floats from 0 to 1.
    labels : sequence of length n
        What the slider says at each place.
    description : str
        What it changes, written beside it.
    alt : str
        What the images show; the label of each is added.

    Returns
    -------
    ipywidgets.VBox or Player
        An ipywidgets slider that is linked in the browser to a stack of images. Where
        ipywidgets 8 is not installed (Colab has 7), a `Player` of the same images and labels.
        A page without a kernel shows that one too.

    Raises
    ------
    TypeError, ValueError
        If the images have another dtype, shape or range, or the labels another length.

    Examples
    --------
    >>> images = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 28, 28))
    >>> widget = slider(images, ["dark", "grey", "light"], description="ink")
    """
    pixels = _bytes(_unit_images(images, "images", (3,)))
    if len(labels) != len(pixels):
        raise ValueError(
            f"labels has length {len(labels)}: give one for each of {len(pixels)} images"
        )
    said = [f"{description} {label}".strip() for label in labels]
    player = animate(pixels, f"{alt} ({said[0]} … {said[-1]})".strip(), labels=said, fps=2)
    try:
        from ipywidgets import HTML, SelectionSlider, Stack, VBox, jslink
    except ImportError:
        return player
    shown = max(1, round(256 / pixels.shape[2])) * pixels.shape[2]
    style = (
        f"width: {shown}px; max-width: 100%; image-rendering: pixelated; "
        "padding: 0; filter: none; border-radius: 3px"
    )
    alts = [html.escape(f"{alt} ({label})".strip()) for label in said]
    pictures = [
        HTML(f'<img alt="{text}" src="{_data_url(image)}" style="{style}">')
        for image, text in zip(pixels, alts, strict=True)
    ]
    control = SelectionSlider(options=[str(label) for label in labels], description=description)
    stack = Stack(pictures, selected_index=0)
    jslink((control, "index"), (stack, "selected_index"))
    box = VBox([stack, control])
    box._repr_html_ = player._repr_html_  # kept beside the widget in what a notebook stores
    return box


def _unit_images(images: ArrayLike, name: str, ndims: tuple[int, ...]) -> NDArray[np.float32]:
    """Return images as float32 in [0, 1], or raise."""
    try:
        array = np.asarray(images)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} is ragged: give an array") from None
    if array.ndim not in ndims or array.size == 0:
        names = {2: "(H, W)", 3: "(n, H, W)"}
        if 4 in ndims:
            names |= {3: "(n_frames, H, W)", 4: "(n, n_frames, H, W)"}
        raise ValueError(
            f"{name} has shape {array.shape}: give {' or '.join(names[n] for n in ndims)}, "
            "and at least one pixel"
        )
    if array.dtype == np.uint8:
        return (array / np.float32(255)).astype(np.float32)
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}: give uint8, or floats from 0 to 1")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # so that NaN fails too
        remedy = "np.clip(..., 0, 1)" if low >= -1 and high <= 2 else "divide by 255"
        remedy = remedy if np.isfinite(low + high) else "and are finite"
        raise ValueError(
            f"{name} run from {low:.9g} to {high:.9g}: floats go from 0 to 1, {remedy}"
        )
    return array.astype(np.float32)


def _bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (255 * unit).round().astype(np.uint8)


def _clips(frames: ArrayLike, name: str = "frames") -> NDArray[np.float32]:
    """Return one or many clips as float32 of shape ``(n, n_frames, H, W)``."""
    clips = _unit_images(frames, name, (3, 4))
    return clips[np.newaxis] if clips.ndim == 3 else clips


def _mosaic(tiles: NDArray[np.float32], row_gap: int = GAP) -> NDArray[np.float32]:
    """Lay tiles ``(rows, columns, H, W)`` out as one picture; the gaps are NaN."""
    rows, columns, height, width = tiles.shape
    picture = np.full((rows, height + row_gap, columns, width + GAP), np.nan, dtype=np.float32)
    picture[:, :height, :, :width] = tiles.swapaxes(1, 2)
    return picture.reshape(rows * (height + row_gap), columns * (width + GAP))[:-row_gap, :-GAP]


def _zoom(width: int, height: int) -> int:
    """Return how many screen pixels, a whole number, to give each pixel of a picture."""
    return max(1, min(640 // width, 400 // height))


@contextlib.contextmanager
def _picture_on(
    ax: Axes | None, picture: NDArray[np.float32], zoom: int | None = None
) -> Iterator[Axes]:
    """Draw a picture on `ax`, or on a new figure that grows to hold the text added after it."""
    height, width = picture.shape
    own, dpi = ax is None, 100
    if ax is None:
        zoom = zoom or _zoom(width, height)
        size = width * zoom / dpi, height * zoom / dpi
        ax = plt.figure(figsize=size, dpi=dpi, facecolor="white").add_axes((0, 0, 1, 1))
    ax.imshow(
        picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(0, width, height, 0)
    )
    ax.set_axis_off()
    yield ax
    if own:
        figure, outer = ax.get_figure(root=True), ax.get_tightbbox()
        assert figure is not None and outer is not None  # both are of our own making
        inner = ax.get_window_extent().frozen()  # or it would change with the figure below
        left, bottom = max(0, inner.x0 - outer.x0), max(0, inner.y0 - outer.y0)
        right, top = max(0, outer.x1 - inner.x1), max(0, outer.y1 - inner.y1)
        whole = inner.width + left + right, inner.height + bottom + top
        figure.set_size_inches(whole[0] / dpi, whole[1] / dpi)
        ax.set_position(
            (left / whole[0], bottom / whole[1], inner.width / whole[0], inner.height / whole[1])
        )


def _number_frames(ax: Axes, shape: tuple[int, ...], numbers: range, offset: float) -> None:
    """Write frame numbers below the lowest strip."""
    n, _, height, width = shape
    bottom = n * (height + GAP)
    for place, number in enumerate(numbers):
        x = offset + place * (width + GAP) + width / 2
        ax.text(x, bottom, str(number), ha="center", va="top", color=GREY, fontsize="small")


def _png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _data_url(image: NDArray[np.uint8]) -> str:
    return "data:image/png;base64," + base64.b64encode(_png(image)).decode()
