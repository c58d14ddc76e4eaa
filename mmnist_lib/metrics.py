"""Judge predicted frames: the benchmark's metrics and three baselines. Chapter 6 explains it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ._checks import check_count, check_numbers
from .visualization import COLORS

__all__ = [
    "black",
    "bootstrap",
    "copy_last",
    "extrapolate",
    "mae",
    "mse",
    "psnr",
    "score_table",
    "show_curves",
    "split_frames",
    "ssim",
]

Floats: TypeAlias = NDArray[np.float64]
Films: TypeAlias = NDArray[np.float32]
Score: TypeAlias = Any  # a float or an array of float64, as `axis` says

WINDOW = 7  # side of SSIM's window, in pixels


def split_frames(frames: ArrayLike, n_in: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Split sequences into the frames that a model sees and those that it has to predict.

    Parameters
    ----------
    frames : array of shape ``(..., n_frames, height, width)``
        Of any dtype. Add a channel axis after the split, not before.
    n_in : int
        How many frames are seen, from 1 to ``n_frames - 1``.

    Returns
    -------
    (inputs, targets)
        Views of the first `n_in` frames and of the others.

    Raises
    ------
    TypeError
        If `n_in` is not an integer, or the frames are ragged.
    ValueError
        If `frames` has fewer than three axes or two frames, or `n_in` leaves nothing to
        see or nothing to predict.

    Examples
    --------
    >>> inputs, targets = split_frames(np.zeros((5, 20, 64, 64)), n_in=8)
    >>> inputs.shape, targets.shape
    ((5, 8, 64, 64), (5, 12, 64, 64))
    """
    array = _as_array(frames, "frames")
    if array.ndim < 3:
        raise ValueError(f"frames has shape {array.shape}: give (..., n_frames, height, width)")
    n_frames = array.shape[-3]
    if n_frames < 2:
        raise ValueError(f"frames has shape {array.shape}, so n_frames={n_frames}: give 2 or more")
    n_in = check_count(n_in, "n_in")
    if n_in >= n_frames:
        raise ValueError(
            f"n_in={n_in} leaves none of {n_frames} frames to predict: give 1 to {n_frames - 1}"
        )
    return array[..., :n_in, :, :], array[..., n_in:, :, :]


def mse(predicted: ArrayLike, true: ArrayLike, axis: int | tuple[int, ...] = (0, 1)) -> Score:
    """Return the mean squared error: the sum over each frame, then the mean over frames.

    Parameters
    ----------
    predicted, true : array of float, ``(batch, time, [channel,] height, width)``
        What a model says and what happened. `true` lies in [0, 1]; `predicted` is not clipped.
    axis : {(0, 1), 0, 1, ()}, default (0, 1)
        What to average over: batch (0), time (1), both or neither.

    Returns
    -------
    float, or float64 array
        ``axis=(0, 1)``: one number. ``axis=0``: one for each horizon, ``(time,)``.
        ``axis=1``: one for each sequence, ``(batch,)``. ``axis=()``: ``(batch, time)``.

    Raises
    ------
    TypeError
        If an array is not of floats: divide uint8 frames by 255.
    ValueError
        If the shapes differ, are empty or have not 4 or 5 axes; if a value is NaN or
        infinite, or one of `true` outside [0, 1]; or if `axis` is none of the above.

    Notes
    -----
    The four metrics are computed as by OpenSTL (C. Tan et al., "OpenSTL: A Comprehensive
    Benchmark of Spatio-Temporal Predictive Learning", NeurIPS 2023), so that they can stand
    beside published ones. Its MSE and MAE are sums over 64 × 64 pixels: large numbers.

    Examples
    --------
    >>> true = np.zeros((1, 2, 64, 64))
    >>> predicted = true + [[[[0.5]], [[1.0]]]]
    >>> mse(predicted, true)  # 4096 pixels: 4096 * 0.25 and 4096 * 1
    2560.0
    >>> mse(predicted, true, axis=0)
    array([1024., 4096.])
    """
    return _score(predicted, true, axis, lambda p, t: _flat((p - t) ** 2).sum(axis=1))


def mae(predicted: ArrayLike, true: ArrayLike, axis: int | tuple[int, ...] = (0, 1)) -> Score:
    """Return the mean absolute error: the sum over each frame, then the mean over frames.

    Parameters
    ----------
    predicted, true, axis : as for `mse`
        The prediction is not clipped.

    Returns
    -------
    float, or float64 array
        As of `mse`.

    Raises
    ------
    TypeError, ValueError
        As `mse` does.

    Examples
    --------
    >>> mae(np.full((1, 2, 64, 64), 0.5), np.zeros((1, 2, 64, 64)))
    2048.0
    """
    return _score(predicted, true, axis, lambda p, t: _flat(np.abs(p - t)).sum(axis=1))


def psnr(predicted: ArrayLike, true: ArrayLike, axis: int | tuple[int, ...] = (0, 1)) -> Score:
    """Return the mean over frames of the peak signal-to-noise ratio, in decibels.

    That of a frame is ``20 log10(1 / sqrt(e))``, where e is its mean squared error per pixel,
    after the prediction is clipped to [0, 1].

    Parameters
    ----------
    predicted, true, axis : as for `mse`

    Returns
    -------
    float, or float64 array
        As of `mse`. A perfect frame is infinite, and so is each mean that it is part of.

    Raises
    ------
    TypeError, ValueError
        As `mse` does.

    Examples
    --------
    >>> round(psnr(np.full((1, 2, 64, 64), 0.1), np.zeros((1, 2, 64, 64))), 6)
    20.0
    """

    def of_frames(predicted: Floats, true: Floats) -> Floats:
        error = _flat((predicted.clip(0, 1) - true) ** 2).mean(axis=1)
        with np.errstate(divide="ignore"):  # a perfect frame
            return 20 * np.log10(1 / np.sqrt(error))

    return _score(predicted, true, axis, of_frames)


def ssim(
    predicted: ArrayLike,
    true: ArrayLike,
    axis: int | tuple[int, ...] = (0, 1),
    *,
    data_range: float = 2.0,
) -> Score:
    """Return the mean over frames (and channels) of the structural similarity.

    The prediction is clipped to [0, 1]. A window of 7 × 7 equal weights visits each place
    where it fits into the frame; variances are those of a sample; K1 = 0.01, K2 = 0.03.

    Parameters
    ----------
    predicted, true, axis : as for `mse`
        Frames have 7 × 7 pixels or more.
    data_range : float, default 2.0
        The distance from black to white that the formula assumes. It should be 1. But
        scikit-image used to take 2 for floats, as if they ran from -1 to 1, and the
        published numbers were computed so. Give 1.0 for the proper value, which is mostly
        lower and compares with no published one.

    Returns
    -------
    float, or float64 array
        As of `mse`: from -1 to 1, and 1 for a perfect frame.

    Raises
    ------
    TypeError, ValueError
        As `mse` does; also if a frame is smaller than the window, or `data_range` is not a
        positive number.

    Notes
    -----
    Z. Wang, A. Bovik, H. Sheikh and E. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13, 2004.

    Examples
    --------
    >>> true = np.zeros((1, 1, 64, 64))
    >>> grey = true + 0.1
    >>> round(ssim(grey, true), 3), round(ssim(grey, true, data_range=1.0), 3)
    (0.038, 0.01)
    """
    span = _check_number(data_range, "data_range")
    if span <= 0:
        raise ValueError(f"data_range={data_range} is not positive: give 2.0 or 1.0")
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    to_sample = WINDOW**2 / (WINDOW**2 - 1)  # n / (n - 1)

    def of_frames(predicted: Floats, true: Floats) -> Floats:
        if min(true.shape[-2:]) < WINDOW:
            raise ValueError(
                f"frames of {true.shape[-2]} x {true.shape[-1]} pixels are smaller than SSIM's "
                f"window: give {WINDOW} x {WINDOW} or more, with a channel axis after time, "
                "not at the end"
            )
        predicted = predicted.clip(0, 1)
        mean_p, mean_t = _window_means(predicted), _window_means(true)
        product, squares = mean_p * mean_t, mean_p**2 + mean_t**2
        # The formula needs only the sum of the two variances, so they are filtered as one.
        variances = to_sample * (_window_means(predicted**2 + true**2) - squares)
        covariance = to_sample * (_window_means(predicted * true) - product)
        similarity = (2 * product + c1) * (2 * covariance + c2)
        similarity /= (squares + c1) * (variances + c2)
        return _flat(similarity).mean(axis=1)

    return _score(predicted, true, axis, of_frames)


def bootstrap(
    values: ArrayLike,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int | np.random.Generator = 0,
) -> tuple[float, float]:
    """Return an interval for the mean: by how much another test set might have changed it.

    Parameters
    ----------
    values : array_like of float, shape ``(n,)``
        One number for each sequence, as of ``mse(..., axis=1)``. The frames of a sequence
        are alike, so they must not count as independent.
    level : float, default 0.95
        The share of resampled means inside, between 0 and 1.
    n_resamples : int, default 2000
        How often to draw n of the n values, with replacement.
    seed : int or numpy.random.Generator, default 0
        The same seed gives the same interval.

    Returns
    -------
    (low, high)
        Percentiles of the resampled means. The mean itself lies nearly always between.

    Raises
    ------
    TypeError
        If an argument is not of numbers, or a count or the seed not an integer.
    ValueError
        If there are fewer than two values, or one is NaN or infinite (such as the PSNR of
        a perfect frame); or if a number is out of its range.

    Notes
    -----
    This is the percentile interval of B. Efron and R. Tibshirani, "An Introduction to the
    Bootstrap", Chapman & Hall 1993, chapter 13. It tells of other test sequences, and
    nothing of other trainings of the model.

    Examples
    --------
    >>> low, high = bootstrap([170.0, 150.0, 190.0, 160.0, 180.0])
    >>> 150 < low < 170 < high < 190
    True
    """
    try:
        numbers = check_numbers(values, "values")
    except ValueError as error:
        raise ValueError(f"{error} (a perfect frame's PSNR is infinite: use MSE)") from None
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(
            f"values has shape {numbers.shape}: give (n,), one number for each of at least 2 "
            "sequences"
        )
    share = _check_number(level, "level")
    if not 0 < share < 1:
        raise ValueError(f"level={level} is not between 0 and 1: give a share, such as 0.95")
    means = np.empty(check_count(n_resamples, "n_resamples"))
    if not isinstance(seed, np.random.Generator):
        seed = check_count(seed, "seed", least=0)
    rng = np.random.default_rng(seed)
    n = len(numbers)
    block = max(1, 2**20 // n)  # a million draws at a time need little memory
    for first in range(0, len(means), block):
        part = means[first : first + block]
        numbers[rng.integers(n, size=(len(part), n))].mean(axis=1, out=part)
    low, high = np.quantile(means, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def score_table(guesses: Mapping[str, ArrayLike], true: ArrayLike) -> str:
    """Write the four metrics of several predictions below each other.

    Parameters
    ----------
    guesses : mapping of str to array of shape ``(n, n_frames, H, W)``
        What each prediction is called, and its frames: floats, of at least two sequences.
    true : array of the same shape
        The frames that came, in [0, 1].

    Returns
    -------
    str
        A line for each prediction. The MSE comes with its 95 % interval, see `bootstrap`.

    Raises
    ------
    TypeError, ValueError
        If there is no prediction, or frames are not as `mse` asks.

    Examples
    --------
    >>> true = np.full((2, 1, 8, 8), 0.5)
    >>> print(score_table({"black": 0 * true}, true))
               MSE  95 % interval     MAE    SSIM   PSNR
    black     16.0     16 to 16      32.0  0.0016   6.02
    """
    if not guesses:
        raise ValueError("guesses is empty: give a name and frames for one or more")
    wide = max(map(len, guesses))
    lines = [f"{'':{wide}}    MSE  95 % interval     MAE    SSIM   PSNR"]
    for name, guess in guesses.items():
        low, high = bootstrap(mse(guess, true, axis=1))
        lines.append(
            f"{name:{wide}} {mse(guess, true):6.1f}  {low:5.0f} to {high:<5.0f} "
            f"{mae(guess, true):6.1f}  {ssim(guess, true):.4f}  {psnr(guess, true):5.2f}"
        )
    return "\n".join(lines)


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

    Examples
    --------
    >>> show_curves({"train": [3.0, 2.0], "validation": [3.1, 2.4]}, xlabel="epoch")
    """
    if not curves:
        raise ValueError("curves is empty: pass a name and values for one or more")
    rows = {str(name): check_numbers(row, f"curves[{name!r}]") for name, row in curves.items()}
    for name, row in rows.items():
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"curves[{name!r}] has shape {row.shape}: pass (n,), n >= 1")
    if ax is None:
        ax = plt.figure(figsize=(6, 3.2), facecolor="white", layout="constrained").add_subplot()
    styles = itertools.cycle(itertools.product(["-", "--", ":"], COLORS))
    for (name, row), (stroke, color) in zip(rows.items(), styles, strict=False):
        x = np.arange(first, first + row.size)
        ax.plot(x, row, stroke, color=color, marker=".", label=name)
    # Named beside the axes, in the order in which the curves end.
    ended = sorted(ax.lines, key=lambda line: -np.asarray(line.get_ydata())[-1])
    ax.legend(handles=ended, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)


def black(inputs: ArrayLike, n_out: int) -> Films:
    """Predict black frames, whatever came before.

    Parameters
    ----------
    inputs : array of float, shape ``(batch, n_in, height, width)``
        The frames seen, in [0, 1].
    n_out : int
        How many frames to predict, at least 1.

    Returns
    -------
    float32 array of shape ``(batch, n_out, height, width)``
        The frames predicted, in [0, 1]: zeros.

    Raises
    ------
    TypeError
        If `inputs` is not of floats (divide uint8 frames by 255), or `n_out` not an integer.
    ValueError
        If `inputs` is empty, has not 4 axes, or holds a value outside [0, 1], or if `n_out`
        is below 1.

    Examples
    --------
    >>> black(np.ones((1, 2, 1, 2)), n_out=2)
    array([[[[0., 0.]],
            [[0., 0.]]]], dtype=float32)
    """
    seen = _check_inputs(inputs)
    n_out = check_count(n_out, "n_out")
    return np.zeros((len(seen), n_out, *seen.shape[2:]), dtype=np.float32)


def copy_last(inputs: ArrayLike, n_out: int) -> Films:
    """Predict that everything stops: the last frame, over and over.

    Parameters
    ----------
    inputs, n_out : as for `black`

    Returns
    -------
    float32 array of shape ``(batch, n_out, height, width)``
        The frames predicted, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        As `black` does.

    Examples
    --------
    >>> copy_last([[[[1.0, 0.0]], [[0.0, 0.5]]]], n_out=2)
    array([[[[0. , 0.5]],
            [[0. , 0.5]]]], dtype=float32)
    """
    seen = _check_inputs(inputs)
    n_out = check_count(n_out, "n_out")
    return np.repeat(seen[:, -1:].astype(np.float32), n_out, axis=1)


def extrapolate(inputs: ArrayLike, n_out: int) -> Films:
    """Predict that the whole picture moves on as it did between the last two frames.

    Parameters
    ----------
    inputs, n_out : as for `black`
        ``n_in`` is at least 2.

    Returns
    -------
    float32 array of shape ``(batch, n_out, height, width)``
        At horizon h, the last frame shifted h times by the whole-pixel movement that turns
        the one before it into it best. What leaves the canvas is lost, and black comes in.

    Raises
    ------
    TypeError, ValueError
        As `black` does; also if there is only one frame to see.

    Notes
    -----
    The picture moves as one, so it is right about one digit at most, and knows no walls.

    Examples
    --------
    >>> extrapolate([[[[1.0, 0.0, 0.0, 0.0]], [[0.0, 1.0, 0.0, 0.0]]]], n_out=3)
    array([[[[0., 0., 1., 0.]],
            [[0., 0., 0., 1.]],
            [[0., 0., 0., 0.]]]], dtype=float32)
    """
    seen = _check_inputs(inputs)
    if seen.shape[1] < 2:
        raise ValueError(f"inputs has shape {seen.shape}: give 2 frames or more, to see movement")
    films = black(seen, n_out)
    for frames, film in zip(seen, films, strict=True):
        rows, columns = _movement(*frames[-2:].astype(np.float64))
        for horizon, frame in enumerate(film, start=1):
            _draw_shifted(frame, frames[-1], horizon * rows, horizon * columns)
    return films


def _movement(before: Floats, after: Floats) -> tuple[int, int]:
    """Return the shift of `before`, in rows and columns, that comes closest to `after`.

    On an endless black plane a shift changes no brightness, so the least squared error is
    where the product is largest: at the peak of the cross-correlation. Black gives (0, 0).
    """
    height, width = before.shape
    # Black all around: without it, what leaves on one side would come in on the other.
    size = (2 * height, 2 * width)
    spectrum = np.fft.rfft2(after, size) * np.fft.rfft2(before, size).conj()
    row, column = divmod(int(np.fft.irfft2(spectrum, size).argmax()), 2 * width)
    # Indices of the second half stand for negative shifts.
    return (row + height) % size[0] - height, (column + width) % size[1] - width


def _draw_shifted(canvas: Films, frame: NDArray[Any], rows: int, columns: int) -> None:
    """Draw `frame` on a black canvas of its size, so many rows down and columns right."""
    height, width = frame.shape
    if abs(rows) < height and abs(columns) < width:  # else nothing of it is left
        down, right = max(rows, 0), max(columns, 0)
        up, left = max(-rows, 0), max(-columns, 0)
        canvas[down : height - up, right : width - left] = frame[
            up : height - down, left : width - right
        ]


def _score(
    predicted: ArrayLike,
    true: ArrayLike,
    axis: int | tuple[int, ...],
    of_frames: Callable[[Floats, Floats], Floats],
) -> Score:
    """Average over `axis` what `of_frames` makes of the frames of one sequence, ``(time,)``."""
    predictions, truths = _check_pair(predicted, true)
    axes = _check_axis(axis)
    scores = np.empty(truths.shape[:2])
    # One sequence at a time: in float64, all of them at once would need gigabytes.
    for i, (prediction, truth) in enumerate(zip(predictions, truths, strict=True)):
        scores[i] = of_frames(prediction.astype(np.float64), truth.astype(np.float64))
    means = scores.mean(axis=axes)
    return means if np.ndim(means) else float(means)


def _flat(frames: Floats) -> Floats:
    return frames.reshape(len(frames), -1)


def _window_means(frames: Floats) -> Floats:
    """Return the mean of each window that fits, ``(..., height - 6, width - 6)``."""
    height, width = (side - WINDOW + 1 for side in frames.shape[-2:])
    columns = reduce(np.add, (frames[..., i : i + height, :] for i in range(WINDOW)))
    return reduce(np.add, (columns[..., i : i + width] for i in range(WINDOW))) / WINDOW**2


def _as_array(value: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        raise TypeError(f"{name} is ragged: give an array of frames") from None


def _check_number(value: Any, name: str) -> float:
    number = check_numbers(value, name)
    if number.ndim:
        raise ValueError(f"{name} has shape {number.shape}: give one number")
    return float(number)


def _check_axis(axis: Any) -> tuple[int, ...]:
    axes = axis if isinstance(axis, tuple) else (axis,)
    whole = all(isinstance(a, int | np.integer) for a in axes)
    if not whole or sorted(axes) not in ([], [0], [1], [0, 1]):
        raise ValueError(f"axis={axis!r} is unknown: choose (0, 1), 0 (batch), 1 (time) or ()")
    return tuple(map(int, axes))


def _check_pair(predicted: Any, true: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    shape = "(batch, time, height, width), or with a channel axis after time"
    predictions = _check_floats(predicted, "predicted", shape, (4, 5), any_range=True)
    truths = _check_floats(true, "true", shape, (4, 5))
    if predictions.shape != truths.shape:
        raise ValueError(
            f"predicted has shape {predictions.shape} and true {truths.shape}: give the same"
        )
    return predictions, truths


def _check_inputs(inputs: Any) -> NDArray[Any]:
    return _check_floats(inputs, "inputs", "(batch, n_in, height, width)", (4,))


def _check_floats(
    value: Any, name: str, shape: str, n_axes: tuple[int, ...], any_range: bool = False
) -> NDArray[Any]:
    """Return `value` as a non-empty array of finite floats from 0 to 1, with so many axes."""
    array = _as_array(value, name)
    remedy = "give floats from 0 to 1, as frames / 255 is of uint8"
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}: {remedy}")
    if array.ndim not in n_axes or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: give {shape}, none of them 0")
    low, high = array.min(), array.max()  # NaN where any value is, at no cost in memory
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{name} holds NaN or infinity: give finite numbers")
    if not any_range and (low < 0 or high > 1):
        raise ValueError(f"{name} runs from {low} to {high}: {remedy}")
    return array
