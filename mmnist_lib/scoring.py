"""Score files of predicted frames as the benchmark does, beside baselines and published scores.

Raises
------
TypeError, ValueError, OSError
    If a file is not there or holds no frames, or predictions do not fit the true sequences.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._atomic import check_path
from .compositing import Frames, MovingMNIST
from .files import Progress, load_sequences, settings_of, truth_path
from .metrics import METRICS, black, bootstrap, copy_last, extrapolate
from .tracking import oracle

__all__ = ["score_file"]

BLOCK = 256  # sequences to score at a time
PUBLISHED = """
Published, all for the published test file (mmnist check says whether yours is that one):
ConvLSTM-S                  29.80   90.64   0.9288
SimVP + gSTA                26.69   77.19   0.9402
PredRNN                     23.97   72.82   0.9462
PredRNN++, 2,000 epochs     14.07   48.91   0.9698
PredFormer, 2,000 epochs    12.4    44.6    0.973
"""


def score_file(
    true: str | os.PathLike[str],
    *predicted: str | os.PathLike[str],
    layout: str | None = None,
    digits: Frames | None = None,
    progress: Progress | None = None,
) -> str:
    """Return a table of the four metrics, with 95 % intervals, for predictions and baselines.

    ``print(score_file("mnist_test_seq.npy"))`` scores the baselines on the published file. The
    intervals are those of `bootstrap`, and PSNR is finite, as in `score_table`. For ten frames of
    64 × 64, the published scores follow.

    >>> import tempfile
    >>> from mmnist_lib import save_sequences
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sequences(data, 3, f"{folder}/three.npy")
    ...     print(score_file(f"{folder}/three.npy")[:31])
                 MSE

    Parameters
    ----------
    true : str or path
        A file of whole sequences, as for `load_sequences`.
    predicted : str or path, any number of them
        ``.npy`` files of their last frames as predicted, ten without any: ``(n, n_out, size,
        size)`` or time first, floats from 0 to 1 or uint8, a channel axis after time or none.
    layout : as for `load_sequences`, of the true frames
    digits : uint8 array, optional
        The images that the sequences were made of. Where their ground truth lies beside them,
        this adds the floor, which is what `oracle` scores.
    progress : callable, optional
        Called with how much is done, in percent.
    """
    path = check_path(true)
    frames = load_sequences(path, layout)
    rows = {check_path(name).name: _predictions(check_path(name), frames) for name in predicted}
    lengths = {row.shape[1] for row in rows.values()} or {10}
    if len(lengths) > 1 or max(lengths) > frames.shape[1] - 2:
        raise ValueError(
            f"predictions have {sorted(lengths)} frames, and sequences {frames.shape[1]}: score "
            "predictions of one length, which leave two frames or more to see"
        )
    n_out, data = max(lengths), None if digits is None else _generator(path, digits)
    scores: dict[str, list[Any]] = {}
    for low in range(0, len(frames), BLOCK):
        some = frames[low : low + BLOCK] / np.float32(255)
        seen, targets = some[:, :-n_out], some[:, -n_out:]
        made = {name: _floats(row[low : low + BLOCK], name) for name, row in rows.items()}
        made |= {f.__name__: f(seen, n_out) for f in (black, copy_last, extrapolate)}
        if data is not None:
            truth = data.truth(low, low + len(some))
            known = zip(data.images[truth.digits], truth.track[:, :, :-n_out], strict=True)
            world = {name: getattr(data, name) for name in ("size", "step_length", "rule")}
            made["floor"] = np.stack([oracle(*one, n_out, **world) for one in known])
        for name, row in made.items():
            each = [score(row, targets, axis=1) for score, _ in METRICS.values()]
            scores.setdefault(name, []).append(each)
        if progress is not None:
            progress(100 * (low + len(some)) // len(frames))
    wide = max(map(len, scores))
    lines = [" " * wide + "".join(f"  {name:<24}" for name in METRICS)]
    for name, blocks in scores.items():
        lines.append(f"{name:{wide}}")
        for values, (_, n) in zip(np.concatenate(blocks, axis=1), METRICS.values(), strict=True):
            found = values.mean(), *bootstrap(values)
            cell = "{:.{n}f} ({:.{n}f} to {:.{n}f})".format(*found, n=n)
            lines[-1] += f"  {cell:<24}"
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text + PUBLISHED * ((n_out, *frames.shape[2:]) == (10, 64, 64))


def _predictions(path: Path, true: Frames) -> Any:
    """Open predictions of the last frames of `true` without reading them, sequences first."""
    try:
        frames: Any = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path} is not a whole .npy file of numbers: {error}") from error
    given, n = frames.shape, len(true)
    if frames.ndim == 5 and frames.shape[2] == 1:
        frames = frames[:, :, 0]
    if frames.ndim == 4 and frames.shape[1] == n != len(frames):
        frames = frames.swapaxes(0, 1)
    fits = frames.ndim == 4 and frames.shape[::2] == true.shape[::2] and frames.shape[1]
    if not fits or frames.shape[3] != true.shape[3] or frames.dtype.kind not in "fu":
        raise ValueError(
            f"{path} holds {frames.dtype} of shape {given}: pass floats or uint8, "
            f"({n}, n_out, {true.shape[2]}, {true.shape[3]}), for the {n} true sequences"
        )
    return frames


def _floats(frames: Any, name: str) -> NDArray[np.float32]:
    if frames.dtype == np.uint8:
        return frames / np.float32(255)
    if (most := frames.max()) > 10:
        raise ValueError(f"{name} holds floats up to {most:g}: divide by 255, since white is 1")
    return np.asarray(frames, np.float32)


def _generator(path: Path, digits: Frames) -> MovingMNIST:
    """Return what made a file, by the settings that lie beside it."""
    beside = truth_path(path)
    with np.load(beside) as archive:
        settings = json.loads(str(archive["settings"]))
    told = {name: value for name, value in settings.items() if name != "images_sha256"}
    if settings_of(data := MovingMNIST(digits, **told)) != settings:
        raise ValueError(f"{beside} has other digits: pass those from which the file was made")
    return data
