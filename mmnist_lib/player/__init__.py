"""Moving pictures on a page without a kernel. Chapter 2 shows them.

Frames are uint8 from 0 to 255, or floats from 0 to 1.

Raises
------
TypeError
    If frames are neither uint8 nor floats.
ValueError
    If a shape, a range or the number of labels or titles is wrong.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from .._atomic import check_target, new_files
from .._checks import check_array, check_count, check_number, check_one_each
from .._frames import check_images
from .._mosaic import in_rows, mosaic

__all__ = ["Player", "animate", "animate_error", "slider"]

PAGE = Path(__file__).with_name("player.html")


@dataclass(eq=False, repr=False)
class Player:
    """A clip that plays on a page without a kernel; `animate` makes it.

    In a notebook and on the site it is a small player: play and pause, a frame slider,
    arrow keys. Where HTML does not go, such as a PDF, it is a strip; in a terminal, a
    line with the shape and a hash of the frames. `clips` are the frames, uint8 ``(n, n_frames, H,
    W)``, or ``(n, n_frames, H, W, 3)`` in color. The rest is what `animate` was passed; titles and
    labels are empty if there were none.
    """

    clips: NDArray[np.uint8]
    alt: str
    titles: Sequence[str]
    labels: Sequence[str]
    fps: float
    autoplay: bool

    @property
    def sha256(self) -> str:
        """A hash of the shape and the bytes of the frames."""
        return hashlib.sha256(repr(self.clips.shape).encode() + self.clips.tobytes()).hexdigest()

    def __repr__(self) -> str:
        n, n_frames, height, width = self.clips.shape[:4]
        shape = f"{n_frames} frames of {height} × {width} pixels"
        clips = f"{n} clips of " if n > 1 else ""
        return f"<Player: {clips}{shape}, sha256 {self.sha256[:12]}>"

    def _repr_html_(self) -> str:
        n_frames = self.clips.shape[1]
        columns = math.ceil(math.sqrt(n_frames))  # of the sheet on which all frames lie
        labels = html.escape(json.dumps(self.labels, ensure_ascii=False))
        values = {
            "frames": n_frames,
            "columns": columns,
            "rows": math.ceil(n_frames / columns),
            "fps": f"{self.fps:g}",
            "sha256": self.sha256,
            "labels": f' data-labels="{labels}"' if self.labels else "",
            "autoplay": " data-autoplay" if self.autoplay else "",
            "clips": "".join(self._figure(i, columns) for i in range(len(self.clips))),
        }
        page = PAGE.read_text(encoding="utf-8")
        for name, value in values.items():
            page = page.replace("{{" + name + "}}", str(value))
        return page

    def _figure(self, number: int, columns: int) -> str:
        """Write one clip as a sheet of its frames, behind a screen that shows one of them."""
        (n, _, height, width), title = self.clips.shape[:4], self.titles[number]
        sheet = mosaic(in_rows(self.clips[number], columns), 0, 0)
        shown = _shown(width, 256 if n == 1 else 208)
        alt = html.escape(f"{self.alt} ({title})" if title else self.alt)
        caption = f"<figcaption>{html.escape(title)}</figcaption>" if title else ""
        return (
            f"<figure>{caption}"
            f'<div class="screen" style="width: {shown}px; aspect-ratio: {width} / {height}">'
            f'<img alt="{alt}" width="{sheet.shape[1]}" height="{sheet.shape[0]}" '
            f'style="width: {100 * columns}%" decoding="async" src="{_data_url(sheet)}">'
            "</div></figure>"
        )

    def _repr_png_(self) -> bytes:
        shown = np.linspace(0, self.clips.shape[1] - 1, min(10, self.clips.shape[1])).astype(int)
        return _png(mosaic(self.clips[:, shown]), paper=255)

    def save(self, path: str | os.PathLike[str], *, scale: int = 4) -> None:
        """Save as an animated GIF; several clips stand side by side, without their titles.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     animate(np.zeros((20, 64, 64), np.uint8)).save(f"{folder}/clip.gif")

        `path` ends in ``.gif``. A file of that name is replaced, once the new one is whole. If its
        folder does not exist, that is a FileNotFoundError, and a folder of that name is an
        IsADirectoryError. Each pixel becomes `scale` by `scale` pixels. A GIF counts time in
        hundredths of a second, so `fps` is kept to the nearest of those, and to 50 at the most.
        """
        path = check_target(path, (".gif", ".GIF"), force=True)
        scale = check_count(scale, "scale", most=100)
        wide = (mosaic(frames[np.newaxis]) for frames in self.clips.swapaxes(0, 1))
        first, *others = (_image(frame.repeat(scale, 0).repeat(scale, 1), 255) for frame in wide)
        timing = {"loop": 0, "duration": max(2, round(100 / self.fps)) * 10, "optimize": False}
        with new_files(path, force=True) as (file,):
            first.save(file, "GIF", save_all=True, append_images=others, **timing)


def animate(
    frames: ArrayLike,
    alt: str | None = None,
    *,
    titles: Sequence[str] | None = None,
    labels: Sequence[Any] | None = None,
    fps: float = 10,
    autoplay: bool = False,
) -> Player:
    """Play a sequence in the notebook, or on a page without a kernel.

    >>> animate(np.zeros((20, 64, 64), np.uint8), alt="Darkness.")
    <Player: 20 frames of 64 × 64 pixels, sha256 2886bbe5f310>

    Parameters
    ----------
    frames : array of shape ``(n_frames, H, W)`` or ``(n, n_frames, H, W)``
        One sequence, or several that play in step. An axis of one channel, or of three colors,
        may come last or after time.
    alt : str, optional
        What the frames show, for those who do not see them.
    titles : sequence of str, optional
        A title for each sequence.
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
    """
    clips = _bytes(check_images(frames, "frames", 3, 4))
    n, n_frames, height, width = clips.shape[:4]
    titles = check_one_each(titles, "titles", n, "clips") or [""] * n
    labels = check_one_each(labels, "labels", n_frames, "frames")
    alt = str(alt or f"A clip of {n_frames} frames of {height} by {width} pixels.")
    return Player(clips, alt, titles, labels, check_number(fps, "fps", 0.1, 100), autoplay)


def animate_error(
    predicted: ArrayLike,
    true: ArrayLike,
    alt: str | None = None,
    *,
    labels: Sequence[Any] | None = None,
    fps: float = 5,
) -> Player:
    """Play a prediction, the truth and their difference in step.

    >>> sequence = np.zeros((10, 64, 64), np.uint8)
    >>> animate_error(sequence, sequence, "No error at all.").titles
    ['prediction', 'truth', 'error']

    Parameters
    ----------
    predicted, true : array of shape ``(n_frames, H, W)``
        Two sequences of the same shape. Floats of a prediction are clipped to [0, 1].
    alt, labels, fps : as for `animate`

    Returns
    -------
    Player
        Three clips: prediction, truth and error, the error being white where they differ most.
    """
    prediction = check_array(predicted, "predicted")
    if prediction.dtype.kind == "f":
        prediction = prediction.clip(0, 1)
    left, right = check_images(prediction, "predicted", 3), check_images(true, "true", 3)
    if left.shape != right.shape:
        shapes = f"predicted has shape {left.shape} and true {right.shape}"
        raise ValueError(f"{shapes}: pass the same for both")
    clips = np.stack([left, right, np.abs(left - right)])
    clips = clips[..., np.newaxis] if clips.ndim == 4 else clips  # so that 3 are no colors
    return animate(clips, alt, titles=["prediction", "truth", "error"], labels=labels, fps=fps)


def slider(
    images: ArrayLike, labels: Sequence[Any], *, description: str = "", alt: str = ""
) -> Any:
    """Choose one of several images with a slider that needs no kernel.

    >>> images = np.linspace(0, 1, 3)[:, None, None] * np.ones((3, 28, 28))
    >>> widget = slider(images, ["dark", "gray", "light"], description="ink")

    Parameters
    ----------
    images : array of shape ``(n, H, W)``
        One image for each place of the slider.
    labels : sequence of length n
        What the slider says at each place.
    description : str
        What it changes, written beside it.
    alt : str
        What the images show; the label of each is added.

    Returns
    -------
    ipywidgets.VBox or Player
        A slider that is linked in the browser to a stack of images. Where ipywidgets 8 is not
        installed (Colab has 7), and on a page without a kernel, a `Player` of the same images.
    """
    pixels = _bytes(check_images(images, "images", 3))
    if labels is None:
        raise TypeError("labels=None: pass one for each image")
    labels = check_one_each(labels, "labels", len(pixels), "images")
    said = [f"{description} {label}".strip() for label in labels]
    player = animate(pixels, f"{alt} ({said[0]} … {said[-1]})".strip(), labels=said, fps=2)
    try:
        from ipywidgets import HTML, SelectionSlider, Stack, VBox, jslink
    except ImportError:
        return player
    style = (
        f"width: {_shown(pixels.shape[2], 256)}px; max-width: 100%; image-rendering: pixelated; "
        "padding: 0; filter: none; border-radius: 3px"
    )
    alts = [html.escape(f"{alt} ({label})".strip()) for label in said]
    tags = [
        f'<img alt="{text}" src="{_data_url(image)}" style="{style}">'
        for text, image in zip(alts, pixels, strict=True)
    ]
    stack = Stack([HTML(tag) for tag in tags], selected_index=0)
    control = SelectionSlider(options=labels, description=description)
    jslink((control, "index"), (stack, "selected_index"))
    box = VBox([stack, control])
    box._repr_html_ = player._repr_html_  # kept beside the widget in what a notebook stores
    return box


def _shown(width: int, wished: int) -> int:
    """Return a width on the screen near the one wished, each pixel being a whole number wide."""
    return max(1, round(wished / width)) * width


def _bytes(unit: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (255 * unit).round().astype(np.uint8)


def _image(picture: NDArray[Any], paper: int) -> Image.Image:
    """Return a picture of gray levels or colors, with `paper` where nothing is drawn."""
    return Image.fromarray(np.nan_to_num(picture, nan=paper).astype(np.uint8))


def _png(picture: NDArray[Any], paper: int = 0) -> bytes:
    buffer = io.BytesIO()
    _image(picture, paper).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _data_url(picture: NDArray[Any]) -> str:
    return "data:image/png;base64," + base64.b64encode(_png(picture)).decode()
