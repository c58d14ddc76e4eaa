"""Judge predicted frames: the benchmark's metrics and three baselines. Chapter 6 explains it.

Frames are floats from 0, black, to 1, white, of shape ``(batch, time, height, width)``.

Raises
------
TypeError
    If frames are not floats (divide uint8 frames by 255), or a count is not an integer.
ValueError
    If a shape is wrong or empty, or a value is NaN, infinite or out of its range.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from ._checks import MOST, check_array, check_count, check_number, check_numbers
from ._frames import ANY, AXES, channel_axis, check_frames
from ._mosaic import axes_on

__all__ = [
    "black",
    "bootstrap",
    "copy_last",
    "extrapolate",
    "finite_psnr",
    "mae",
    "mse",
    "psnr",
    "score_table",
    "show_curves",
    "split_frames",
    "ssim",
]

Frames: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]
Axis: TypeAlias = int | tuple[int, ...]
Score: TypeAlias = Any  # a float or an array of float64, as `axis` says

PIXELS = (1, 2, 3)  # of a sequence, (time, channel, height, width)
WINDOW = 7  # side of SSIM's window, in pixels
STROKES = ("-", "--", "-.", ":")  # for `show_curves`
HEAD = ("MSE", "95 % interval", "MAE", "SSIM", "PSNR")  # of `score_table`
CAPTION = "The lower MSE and MAE, and the higher SSIM and PSNR, the better. Lowest MSE: best."


def split_frames(frames: ArrayLike, n_in: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Split sequences into the frames that a model sees and those that it has to predict.

    >>> inputs, targets = split_frames(np.zeros((5, 20, 64, 64)), n_in=8)
    >>> inputs.shape, targets.shape
    ((5, 8, 64, 64), (5, 12, 64, 64))

    `frames` have any dtype, and shape ``(..., n_frames, height, width)``; an axis of one channel
    may come last or after time, one of three colors last. Returns views of the first `n_in` frames
    and of the others.
    """
    array = check_array(frames, "frames")
    time = -3 if channel_axis("frames", array.shape, ANY) is None else -4
    check_n_in(n_in, array.shape[time])
    inputs, targets = np.split(array, [n_in], axis=time)
    return inputs, targets


def check_n_in(n_in: Any, n_frames: int) -> None:
    """Raise unless `n_in` frames leave some to predict."""
    if n_frames < 2:
        raise ValueError(f"n_frames={n_frames} leaves none to predict: pass 2 frames or more")
    if check_count(n_in, "n_in") >= n_frames:
        raise ValueError(
            f"n_in={n_in} leaves none of {n_frames} frames to predict: pass 1 to {n_frames - 1}"
        )


def mse(predicted: ArrayLike, true: ArrayLike, axis: Axis = (0, 1)) -> Score:
    """Return the mean squared error: the sum over each frame, then the mean over frames.

    >>> true = np.zeros((1, 2, 64, 64))
    >>> predicted = true + [[[[0.5]], [[1.0]]]]
    >>> mse(predicted, true)  # 4096 pixels: 4096 * 0.25 and 4096 * 1
    2560.0
    >>> mse(predicted, true, axis=0)
    array([1024., 4096.])

    The four metrics are OpenSTL's (C. Tan et al., "OpenSTL: A Comprehensive Benchmark of
    Spatio-Temporal Predictive Learning", NeurIPS 2023), so you can compare them with published
    ones. MSE and MAE are sums over 64 × 64 pixels, which makes them large numbers.

    Parameters
    ----------
    predicted, true : array of float, ``(batch, time, [channel,] height, width)``
        What a model predicts and what happened. A channel axis may come last, too. MSE and MAE
        don't clip the prediction.
    axis : {(0, 1), 0, 1, ()}, default (0, 1)
        What to average over: batch (0), time (1), both or neither.

    Returns
    -------
    float, or float64 array
        ``axis=(0, 1)``: one number. ``axis=0``: one for each horizon, ``(time,)``.
        ``axis=1``: one for each sequence, ``(batch,)``. ``axis=()``: ``(batch, time)``.
    """
    return _score(predicted, true, axis, lambda p, t: ((p - t) ** 2).sum(axis=PIXELS))


def mae(predicted: ArrayLike, true: ArrayLike, axis: Axis = (0, 1)) -> Score:
    """Return the mean absolute error: the sum over each frame, then the mean over frames.

    >>> mae(np.full((1, 2, 64, 64), 0.5), np.zeros((1, 2, 64, 64)))
    2048.0

    Parameters and result as for `mse`.
    """
    return _score(predicted, true, axis, lambda p, t: np.abs(p - t).sum(axis=PIXELS))


def psnr(predicted: ArrayLike, true: ArrayLike, axis: Axis = (0, 1)) -> Score:
    """Return the mean over frames of the peak signal-to-noise ratio, in decibels.

    >>> round(psnr(np.full((1, 2, 64, 64), 0.1), np.zeros((1, 2, 64, 64))), 6)
    20.0

    A frame whose mean squared error per pixel is e, the prediction being clipped to [0, 1], has
    ``20 log10(1 / sqrt(e))``. A perfect frame is infinite, and so is each mean that it is part of.

    Parameters and result as for `mse`.
    """
    return _score(predicted, true, axis, _decibels)


def finite_psnr(predicted: ArrayLike, true: ArrayLike, axis: Axis = (0, 1)) -> Score:
    """Return `psnr`, but count no frame as better than one pixel off by one gray level.

    >>> true = np.zeros((1, 2, 64, 64))
    >>> psnr(true, true), round(finite_psnr(true, true), 1)
    (inf, 84.3)

    So a mean stays finite where a frame is perfect.
    Parameters and result as for `mse`.
    """
    return _score(predicted, true, axis, lambda p, t: _decibels(p, t, 255**-2 / t[0].size))


def _decibels(predicted: Floats, true: Floats, least: float = 0.0) -> Floats:
    error = np.maximum(((predicted.clip(0, 1) - true) ** 2).mean(axis=PIXELS), least)
    with np.errstate(divide="ignore"):  # a perfect frame
        return 20 * np.log10(1 / np.sqrt(error))


def ssim(
    predicted: ArrayLike, true: ArrayLike, axis: Axis = (0, 1), *, data_range: float = 2.0
) -> Score:
    """Return the mean over frames (and channels) of the structural similarity, 1 at best.

    >>> true = np.zeros((1, 1, 64, 64))
    >>> gray = true + 0.1
    >>> round(ssim(gray, true), 3), round(ssim(gray, true, data_range=1.0), 3)
    (0.038, 0.01)

    The prediction is clipped to [0, 1]. A window of 7 × 7 equal weights visits each position
    where it fits into the frame; variances are those of a sample; K1 = 0.01, K2 = 0.03
    (Z. Wang, A. Bovik, H. Sheikh and E. Simoncelli, "Image quality assessment: from error
    visibility to structural similarity", IEEE Transactions on Image Processing 13, 2004).

    Parameters
    ----------
    predicted, true, axis : as for `mse`, and so is what comes back
    data_range : float, default 2.0
        The distance from black to white that the formula assumes. It should be 1, but
        scikit-image used to take 2 for floats, as if they ran from -1 to 1, so the published
        numbers have 2. Pass 1.0 for the proper value, which is mostly lower.
    """
    span = check_number(data_range, "data_range", least=1e-9)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    to_sample = WINDOW**2 / (WINDOW**2 - 1)  # n / (n - 1)

    def of_frames(predicted: Floats, true: Floats) -> Floats:
        if min(true.shape[-2:]) < WINDOW:
            raise ValueError(
                f"frames of {true.shape[-2]} x {true.shape[-1]} pixels are smaller than SSIM's "
                f"window: pass {WINDOW} x {WINDOW} or more, with a channel axis after time"
            )
        predicted = predicted.clip(0, 1)
        mean_p, mean_t = _window_means(predicted), _window_means(true)
        product, squares = mean_p * mean_t, mean_p**2 + mean_t**2
        # The formula needs only the sum of the two variances, so they are filtered as one.
        variances = to_sample * (_window_means(predicted**2 + true**2) - squares)
        covariance = to_sample * (_window_means(predicted * true) - product)
        similarity = (2 * product + c1) * (2 * covariance + c2)
        similarity /= (squares + c1) * (variances + c2)
        return similarity.mean(axis=PIXELS)

    return _score(predicted, true, axis, of_frames)


METRICS = {"MSE": (mse, 1), "MAE": (mae, 1), "SSIM": (ssim, 4), "PSNR": (finite_psnr, 2)}  # digits


def _window_means(frames: Floats) -> Floats:
    """Return the mean of each window that fits, ``(..., height - 6, width - 6)``."""
    height, width = (side - WINDOW + 1 for side in frames.shape[-2:])
    columns = reduce(np.add, (frames[..., i : i + height, :] for i in range(WINDOW)))
    return reduce(np.add, (columns[..., i : i + width] for i in range(WINDOW))) / WINDOW**2


def _score(
    predicted: ArrayLike, true: ArrayLike, axis: Axis, of_frames: Callable[[Floats, Floats], Floats]
) -> Score:
    """Average over `axis` what `of_frames` makes of the frames of one sequence, ``(time,)``."""
    predictions = check_floats(predicted, "predicted")
    truths = check_floats(true, "true", unit=True)
    if predictions.shape != truths.shape:
        raise ValueError(
            f"predicted has shape {predictions.shape} and true {truths.shape}: pass the same"
        )
    axes = axis if isinstance(axis, tuple) else (axis,)
    whole = all(isinstance(a, int | np.integer) for a in axes)
    if not whole or sorted(axes) not in ([], [0], [1], [0, 1]):
        raise ValueError(f"axis={axis!r} is unknown: choose (0, 1), 0 (batch), 1 (time) or ()")
    if channel_axis("true", truths.shape, (4,)) == -1:
        predictions, truths = (np.moveaxis(frames, -1, -3) for frames in (predictions, truths))
    n_frames, (height, width) = truths.shape[1], truths.shape[-2:]
    scores = np.empty(truths.shape[:2])
    # One sequence at a time: in float64, all of them at once would need gigabytes.
    for i, pair in enumerate(zip(predictions, truths, strict=True)):
        floats = (frames.astype(np.float64) for frames in pair)
        scores[i] = of_frames(*(one.reshape(n_frames, -1, height, width) for one in floats))
    means = scores.mean(axis=tuple(map(int, axes)))
    return means if np.ndim(means) else float(means)


def bootstrap(values: ArrayLike, *, seed: int | np.random.Generator = 0) -> tuple[float, float]:
    """Return a 95 % interval for the mean: how much another test set might have changed it.

    >>> low, high = bootstrap([170.0, 150.0, 190.0, 160.0, 180.0])
    >>> 150 < low < 170 < high < 190
    True

    `values` are float ``(n,)``, one for each sequence, such as ``mse(..., axis=1)``: the frames of
    a sequence are alike, so don't count them as independent. `seed` is an integer or a Generator.
    The interval is about other test sequences, and says nothing about training the model again.

    This is the percentile interval of B. Efron and R. Tibshirani, "An Introduction to the
    Bootstrap", Chapman & Hall 1993, chapter 13, of 2,000 means.
    """
    try:
        numbers = check_numbers(values, "values")
    except ValueError as error:
        raise ValueError(f"{error} (a perfect frame's PSNR is infinite: use MSE)") from None
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(
            f"values has shape {numbers.shape}: pass (n,), one number each for at least 2 sequences"
        )
    if not isinstance(seed, np.random.Generator):
        seed = check_count(seed, "seed", least=0)
    rng, n = np.random.default_rng(seed), len(numbers)
    means = [numbers[rng.integers(n, size=n)].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


class ScoreTable(str):
    """What `score_table` returns: text, which a notebook shows as a table with the best marked."""

    rows: dict[str, list[str]]

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
        scores = [float(row[0]) for row in self.rows.values()]
        page = f'<table class="mmnist-scores"><caption>{CAPTION}</caption>'
        page += f"<thead><tr><td></td>{head}</tr></thead><tbody>"
        for name, row in self.rows.items():
            best = len(scores) > 1 and float(row[0]) == min(scores)
            title, start, end = html.escape(name), "<b>" * best, "</b>" * best
            cells = "".join(f"<td>{start}{cell}{end}</td>" for cell in row)
            page += f'<tr><th scope="row">{title}{" (best)" * best}</th>{cells}</tr>'
        return page + "</tbody></table>"


def score_table(predictions: Mapping[str, ArrayLike], true: ArrayLike) -> ScoreTable:
    """Return a table of the four metrics, with a row for each of several predictions.

    >>> true = np.full((2, 1, 8, 8), 0.5)
    >>> score_table({"black": 0 * true}, true)
            MSE  95 % interval   MAE    SSIM  PSNR
    black  16.0       16 to 16  32.0  0.0016  6.02

    It's text, and as the last value of a notebook's cell an HTML table, which marks the best row.

    `predictions` maps names to frames; these and `true` are as for `mse`, with two sequences or
    more. The interval of the MSE is that of `bootstrap`. PSNR counts no frame as better than one
    pixel that is off by one gray level, so it stays finite where a frame is perfect.
    """
    check_named(predictions, "predictions", "frames")
    rows = {}
    for name, predicted in predictions.items():
        low, high = bootstrap(mse(predicted, true, axis=1))
        cells = [f"{score(predicted, true):.{digits}f}" for score, digits in METRICS.values()]
        rows[str(name)] = [cells[0], f"{low:.0f} to {high:.0f}", *cells[1:]]
    grid = [("", *HEAD), *((name, *row) for name, row in rows.items())]
    first, *others = [max(map(len, column)) for column in zip(*grid, strict=True)]
    line = f"{{:{first}}}" + "".join(f"  {{:>{width}}}" for width in others)
    table = ScoreTable("\n".join(line.format(*row) for row in grid))
    table.rows = rows
    return table


def show_curves(
    curves: Mapping[str, ArrayLike],
    *,
    first: int = 0,
    xlabel: str = "frame",
    ylabel: str = "",
    ax: Axes | None = None,
) -> None:
    """Draw named curves over whole numbers: errors over frames, losses over epochs.

    >>> show_curves({"train": [3.0, 2.0], "validation": [3.1, 2.4]}, xlabel="epoch")

    Curves that coincide are drawn once, with both names: ``exact = floor``.

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
    """
    check_named(curves, "curves", "values")
    first = check_count(first, "first", least=-MOST, most=MOST)
    rows = {str(name): check_numbers(row, f"curves[{name!r}]") for name, row in curves.items()}
    for name, row in rows.items():
        if row.ndim != 1 or row.size == 0:
            raise ValueError(f"curves[{name!r}] has shape {row.shape}: pass (n,), n >= 1")
    ax = axes_on(ax)
    for number, (name, row) in enumerate(_joined(rows).items()):
        x = np.arange(first, first + row.size)
        stroke = STROKES[(number + number // len(STROKES)) % len(STROKES)]
        ax.plot(x, row, stroke, color=f"C{number}", marker=".", label=name, clip_on=False)
    # Named beside the axes, in the order in which the curves end.
    ended = sorted(ax.lines, key=lambda line: -np.asarray(line.get_ydata())[-1])
    ax.legend(handles=ended, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.set_ylim(bottom=0)
    ax.spines[["top", "right"]].set_visible(False)


def _joined(rows: Mapping[str, Floats]) -> dict[str, Floats]:
    """Join the names of curves that nobody could tell apart, since one would hide the other."""
    near = 0.005 * max(np.abs(row).max() for row in rows.values())
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        same = (n for n in groups if rows[n].size == row.size and abs(rows[n] - row).max() <= near)
        groups.setdefault(next(same, name), []).append(name)
    return {" = ".join(names): rows[first] for first, names in groups.items()}


def black(inputs: ArrayLike, n_out: int) -> Frames:
    """Predict black frames, whatever came before.

    >>> black(np.ones((1, 2, 1, 2)), n_out=2)
    array([[[[0., 0.]],
            [[0., 0.]]]], dtype=float32)

    `inputs` are the frames seen, float ``(batch, n_in, height, width)``, also with a channel axis,
    and `n_out` is how many to predict. Returns float32 ``(batch, n_out, height, width)``, with a
    channel axis where the inputs have one.
    """
    seen = check_floats(inputs, "inputs", unit=True)
    n_out = check_count(n_out, "n_out", most=MOST)
    return np.zeros((len(seen), n_out, *seen.shape[2:]), dtype=np.float32)


def copy_last(inputs: ArrayLike, n_out: int) -> Frames:
    """Predict that everything stops: the last frame, over and over.

    >>> copy_last([[[[1.0, 0.0]], [[0.0, 0.5]]]], n_out=2)
    array([[[[0. , 0.5]],
            [[0. , 0.5]]]], dtype=float32)

    Parameters and result as for `black`.
    """
    seen = check_floats(inputs, "inputs", unit=True)
    return black(seen, n_out) + seen[:, -1:].astype(np.float32)


def extrapolate(inputs: ArrayLike, n_out: int) -> Frames:
    """Predict that the whole picture moves on as it did between the last two frames.

    >>> extrapolate([[[[1.0, 0.0, 0.0, 0.0]], [[0.0, 1.0, 0.0, 0.0]]]], n_out=3)
    array([[[[0., 0., 1., 0.]],
            [[0., 0., 0., 1.]],
            [[0., 0., 0., 0.]]]], dtype=float32)

    The picture moves as one, by the whole pixels that best turn the last frame but one into the
    last, so it is right about one digit at most. It knows no walls: what leaves the canvas is
    lost, and black comes in.

    Parameters and result as for `black`.
    """
    seen = check_floats(inputs, "inputs", unit=True)
    if seen.shape[1] < 2:
        raise ValueError(f"inputs has shape {seen.shape}: pass 2 frames or more, to see movement")
    predictions = black(seen, n_out)
    gray, _ = check_frames(seen, "inputs", (4,))
    height, width = size = np.array(gray.shape[2:])
    for frames, prediction in zip(gray, predictions.reshape(len(gray), -1, *size), strict=True):
        step = _movement(*frames[-2:].astype(np.float64))
        wide = np.pad(frames[-1], ((height, height), (width, width)))  # with black
        for horizon, frame in enumerate(prediction, start=1):
            top, left = size - np.clip(horizon * step, -size, size)
            frame[:] = wide[top : top + height, left : left + width]
    return predictions


def _movement(before: Floats, after: Floats) -> NDArray[np.int64]:
    """Return the shift of `before`, in rows and columns, that comes closest to `after`.

    On an endless black plane a shift changes no brightness, so the least squared error is
    where the product is largest: at the peak of the cross-correlation. Black gives (0, 0).
    """
    height, width = before.shape
    # Black all around: without it, what leaves on one side would come in on the other.
    size = (2 * height, 2 * width)
    spectrum = np.fft.rfft2(after, size) * np.fft.rfft2(before, size).conj()
    peak = np.unravel_index(np.fft.irfft2(spectrum, size).argmax(), size)
    # Indices of the second half stand for negative shifts.
    return (np.array(peak) + before.shape) % size - before.shape


def check_named(value: Any, name: str, what: str) -> None:
    """Raise unless this is a mapping with something in it."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is a {type(value).__name__}: pass a dict of names and {what}")
    if not value:
        raise ValueError(f"{name} is empty: pass a name and {what} for one or more")


def check_floats(value: Any, name: str, unit: bool = False) -> NDArray[Any]:
    """Return a batch of sequences as an array of finite floats, from 0 to 1 if `unit`."""
    array, remedy = check_array(value, name), "pass floats from 0 to 1, such as frames / 255"
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}: {remedy}")
    channel_axis(name, array.shape, (4,))
    if array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}: pass {AXES[4]}, none of them 0")
    low, high = array.min(), array.max()  # NaN where any value is, at no cost in memory
    if not np.isfinite([low, high]).all():
        raise ValueError(f"{name} holds NaN or infinity: pass finite numbers")
    if unit and (low < 0 or high > 1):
        raise ValueError(f"{name} runs from {low} to {high}: {remedy}")
    return array
