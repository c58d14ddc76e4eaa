"""Write the complete dataset to a file, and read it back lazily.

The page "The complete dataset" explains it. The command ``mmnist`` does the same without a line
of Python, and `mmnist_lib.scale` does it on many workers.

Raises
------
TypeError, ValueError
    If an argument does not fit, or a file is cut short or holds no sequences.
FileExistsError, FileNotFoundError, IsADirectoryError, OSError
    If a file exists already, is missing, is a folder, or can't be written or read.
"""

from __future__ import annotations

import math
import os
import zipfile
from typing import Any

import numpy as np

from . import formats
from ._atomic import check_file, check_space, check_target, new_files
from ._checks import check_choice, check_count
from ._frames import channel_axis
from .compositing import Frames, MovingMNIST

__all__ = ["load_sequences", "save_sequences"]


def save_sequences(
    data: MovingMNIST | Any,
    n_sequences: int,
    path: str | os.PathLike[str],
    *,
    layout: str = "canonical",
    truth: bool = False,
    force: bool = False,
    progress: formats.Progress | None = None,
) -> None:
    """Write sequences 0 to ``n_sequences - 1`` to a file.

    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sequences(data, 50, f"{folder}/fifty.npy")
    ...     print(np.load(f"{folder}/fifty.npy", mmap_mode="r").shape)
    (20, 50, 64, 64)

    About 100 MB of memory are enough, however many sequences there are. You can't mistake an
    unfinished file for a finished one: until it is whole, it is called ``.NAME.partial``.

    Parameters
    ----------
    data : MovingMNIST, or array of shape ``(n, n_frames, height, width)``
        Or anything else that makes sequences by ``data.batch(start, stop)``.
    n_sequences : int
    path : str or path
        A name that ends in ``.npy``; or in ``.npz``, for the file that PredRNN reads: ``clips``,
        ``dims`` and ``input_raw_data``, the first half of each sequence being inputs.
    layout : {"canonical", "batch"}, default "canonical"
        - ``"canonical"``, as in the published file: time first, ``(n_frames, n_sequences, size,
          size)``. torchvision's ``MovingMNIST`` and OpenSTL read it.
        - ``"batch"``, as from `MovingMNIST.batch`: ``(n_sequences, n_frames, size, size)``.
    truth : bool, default False
        Also write ``NAME-truth.npz`` beside it: the fields of `GroundTruth`, and ``settings``, a
        line of JSON that says what made them. Labels that are Python objects don't fit in.
    force : bool, default False
        Replace files of these names.
    progress : callable, optional
        Called with the number of sequences written so far.
    """
    n_sequences = check_count(n_sequences, "n_sequences")
    check_choice(layout, "layout", formats.LAYOUTS)
    path, data = check_target(path, (".npy", ".npz"), force), formats.check_data(data, n_sequences)
    beside = [formats.check_truth_target(data, path, force)] if truth else []
    shape = formats.layout_shape(data, n_sequences, layout)
    if path.suffix == ".npy":  # how small a compressed file is shows only when it is written
        check_space(path, math.prod(shape))
    with new_files(*beside, path, force=force) as (*truth_files, file):
        for truth_file in truth_files:
            formats.save_truth(data, n_sequences, truth_file)
        if path.suffix == ".npz":
            formats.save_predrnn(data, n_sequences, file, progress)
            return
        file.write(formats.marked_header(shape, layout))
        first_byte = file.tell()
        # Plain writes, not a memory map: where the disk is full, a write raises an error, but
        # touching a map ends the process without a word.
        for low, high in formats.blocks(data, n_sequences, progress):
            block = data.batch(low, high)
            for row, part in enumerate([block] if layout == "batch" else block.swapaxes(0, 1)):
                file.seek(first_byte + (row * n_sequences + low) * part[0].nbytes)
                file.write(np.ascontiguousarray(part).data)


def load_sequences(path: str | os.PathLike[str], layout: str | None = None) -> Frames:
    """Open a file of sequences, the published one or one of ours, without reading it.

    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sequences(data, 50, f"{folder}/fifty.npy")
    ...     sequences = load_sequences(f"{folder}/fifty.npy")
    ...     print(sequences.shape, bool((sequences[3] == data[3]).all()))
    (50, 20, 64, 64) True

    `path` names a ``.npy`` file of uint8 with four axes. `layout` says which axis is time: the
    first ("canonical") or the second ("batch"). Files of `save_sequences` say that themselves, and
    so does the shape where one axis is 20 and the other 1,000 or more; other files need it.

    Returns a uint8 memory map ``(n_sequences, n_frames, size, size)`` in either case, read-only.
    Only what you index is read from the disk. An ``.npz`` for PredRNN is read as a whole.
    """
    path = check_file(path)
    given = f"path={str(path)!r}"
    try:
        if zipfile.is_zipfile(path):
            return formats.load_predrnn(path)
        frames: Any = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        kind = ".npz for PredRNN" if path.suffix == ".npz" else ".npy file of numbers"
        raise ValueError(f"{given} is not a whole {kind}: {error}") from error
    said = formats.said_by(path, frames.offset)
    axis = channel_axis(given, frames.shape, (4,)) if frames.ndim in (4, 5) else None
    if axis is not None and frames.shape[axis] == 1:
        frames = frames.squeeze(axis)
    return formats.in_layout(frames, formats.layout_of(frames, given, layout, said))
