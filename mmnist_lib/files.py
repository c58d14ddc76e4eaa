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

import hashlib
import json
import math
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._atomic import check_file, check_space, check_target, new_files
from ._checks import check_choice, check_count
from ._frames import channel_axis, check_frames, check_images
from ._unpack import check_names, check_size, open_array, read_array
from .compositing import SETTINGS, Frames, MovingMNIST

__all__ = ["load_sequences", "save_sequences"]

LAYOUTS = ("canonical", "batch")  # time first, as in the published file, or sequences first
# How the header of our own .npy files ends, which says their layout. To all that read such files
# it is white space.
MARKS = {"canonical": b" \t\n", "batch": b"\t\t\n"}
MANY = 1000  # sequences, and not frames: so many tell where the others are the 20 of one sequence
PREDRNN = ("clips", "dims", "input_raw_data")
BLOCK_BYTES = 512 * 20 * 64 * 64  # 42 MB: 512 sequences of the usual kind are made at a time
Progress = Callable[[int], None]

# How to recognize the published file. The MSE is for frames 10 to 19, predicted as black or as
# a copy of frame 9.
PUBLISHED = {
    "shape": "(20, 10000, 64, 64)",
    "dtype": "uint8",
    "bytes": "819,200,096",
    "sha256": "c2a3e8d3939c001ab77bf543f130157424efa486bb4d0974d2cebb773b13f8b3",
    "mean pixel (0 to 1)": "about 0.049",
    "standard deviation": "about 0.20",
    "MSE, all black": "about 174",
    "MSE, frame 9 copied": "about 280",
}


def save_sequences(
    data: MovingMNIST | Any,
    n_sequences: int,
    path: str | os.PathLike[str],
    *,
    layout: str = "canonical",
    truth: bool = False,
    force: bool = False,
    progress: Progress | None = None,
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
        Time first, ``(n_frames, n_sequences, size, size)``, as in the published file, which
        torchvision's ``MovingMNIST`` and OpenSTL read; or sequences first, as from
        `MovingMNIST.batch`.
    truth : bool, default False
        Also write ``NAME-truth.npz`` beside it: the fields of `GroundTruth`, and ``settings``, a
        line of JSON that says what made them. Labels that are Python objects don't fit in.
    force : bool, default False
        Replace files of these names.
    progress : callable, optional
        Called with the number of sequences written so far.
    """
    n_sequences = check_count(n_sequences, "n_sequences")
    check_choice(layout, "layout", LAYOUTS)
    path, data = check_target(path, (".npy", ".npz"), force), check_data(data, n_sequences)
    beside = [check_truth_target(data, path, force)] if truth else []
    shape = layout_shape(data, n_sequences, layout)
    if path.suffix == ".npy":  # how small a compressed file is shows only when it is written
        check_space(path, math.prod(shape))
    with new_files(*beside, path, force=force) as (*truth_files, file):
        for truth_file in truth_files:
            save_truth(data, n_sequences, truth_file)
        if path.suffix == ".npz":
            save_predrnn(data, n_sequences, file, progress)
            return
        about = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        first_byte = file.tell()
        # NumPy fills the header up with spaces, at least as many as its lengths may grow by.
        file.seek(first_byte - 3)
        file.write(MARKS[layout])
        # Plain writes, not a memory map: where the disk is full, a write raises an error, but
        # touching a map ends the process without a word.
        for low, high in blocks(n_sequences, math.prod(shape) // n_sequences, progress):
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
            return load_predrnn(path)
        frames: Any = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        kind = ".npz for PredRNN" if path.suffix == ".npz" else ".npy file of numbers"
        raise ValueError(f"{given} is not a whole {kind}: {error}") from error
    with path.open("rb") as file:
        end_of_header = file.read(frames.offset)[-3:]
    said = next((layout for layout, mark in MARKS.items() if mark == end_of_header), None)
    axis = channel_axis(given, frames.shape, (4,)) if frames.ndim in (4, 5) else None
    if axis is not None and frames.shape[axis] == 1:
        frames = frames.squeeze(axis)
    return in_layout(frames, layout_of(frames, given, layout, said))


def layout_of(frames: Any, given: str, layout: str | None, said: str | None) -> str:
    """Return the layout of an array of sequences; raise ValueError if nothing tells it.

    `layout` is what the user says, and `said` what the file says of itself.
    """
    shape = tuple(frames.shape)
    if frames.dtype != np.uint8 or len(shape) != 4:
        raise ValueError(
            f"{given} holds {frames.dtype} of shape {shape}, no sequences: pass a file of "
            "uint8, (20, n, size, size) or (n, 20, size, size)"
        )
    if 0 in shape:
        raise ValueError(f"{given} has shape {shape}: it holds no sequence")
    if layout is not None and check_choice(layout, "layout", LAYOUTS) != (said or layout):
        raise ValueError(
            f"layout={layout!r}: {given} says of itself that it is {said!r}, so pass no layout"
        )
    if layout or said:
        return check_choice(layout or said, "layout", LAYOUTS)
    if 20 in shape[:2] and max(shape[:2]) >= MANY:
        return "canonical" if shape[0] == 20 else "batch"
    raise ValueError(
        f"{given} has shape {shape}, which does not tell what is time: pass layout='canonical' "
        "(the first axis) or layout='batch' (the second)"
    )


def in_layout(frames: Any, layout: str) -> Any:
    """Turn sequences-first frames into a layout, or turn them back."""
    return frames.swapaxes(0, 1) if layout == "canonical" else frames


def check_data(data: Any, n_sequences: int) -> Any:
    """Return what makes sequences by ``batch(start, stop)``: data itself, or what cuts an array."""
    if callable(getattr(data, "batch", None)):
        return data
    frames, _ = check_frames(data, "data", (4,))
    if frames.dtype != np.uint8 or frames.size == 0:
        frames = (255 * check_images(frames, "data", 4)).round().astype(np.uint8)
    if n_sequences > len(frames):
        raise ValueError(f"n_sequences={n_sequences}: data has {len(frames)} sequences")
    return SimpleNamespace(batch=lambda start, stop: np.ascontiguousarray(frames[start:stop]))


def layout_shape(data: Any, n_sequences: int, layout: str) -> tuple[int, ...]:
    """Return the shape of a file of `n_sequences`."""
    _, n_frames, *sides = data.batch(0, 1).shape
    if math.prod((n_sequences, n_frames, *sides)) >= 2**63:
        raise ValueError(f"n_sequences={n_sequences} is too large: no file holds as many bytes")
    first = (n_frames, n_sequences) if layout == "canonical" else (n_sequences, n_frames)
    return (*first, *sides)


def blocks(n: int, size: int, progress: Progress | None = None) -> Iterator[tuple[int, int]]:
    """Divide n sequences of `size` bytes into blocks: the first of each, the one after its last."""
    step = max(1, BLOCK_BYTES // size)
    for low in range(0, n, step):
        high = min(low + step, n)
        yield low, high
        if progress is not None:  # the block is done
            progress(high)


def settings_of(data: MovingMNIST) -> dict[str, Any]:
    """Return all that decides what `data` makes, the digits as a hash; JSON can hold it."""
    digits = hashlib.sha256(repr(data.images.shape).encode() + data.images.tobytes()).hexdigest()
    return {name: getattr(data, name) for name in SETTINGS} | {"images_sha256": digits}


def truth_path(path: Path) -> Path:
    """Name the file of the ground truth that lies beside a file of frames, its own."""
    return path.with_name(f"{path.stem if path.suffix == '.npy' else path.name}-truth.npz")


def check_truth_target(data: Any, path: Path, force: bool) -> Path:
    """Return the path of the truth beside `path`, or raise an error that says why not."""
    if not isinstance(data, MovingMNIST):
        raise TypeError("truth=True needs a MovingMNIST: other data has no truth to write")
    if data.labels is not None and data.labels.dtype.hasobject:
        raise TypeError("labels are Python objects, which no file holds: pass numbers or strings")
    return check_target(truth_path(path), (".npz",), force)


def save_truth(data: MovingMNIST, n_sequences: int, file: BinaryIO) -> None:
    """Write the ground truth as an ``.npz``, a block at a time, so that any number fits."""
    steps = list(blocks(n_sequences, data.batch(0, 1).size))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, one in vars(data.truth(0, 1)).items():
            if one is not None:
                parts = (getattr(data.truth(*step), name) for step in steps)
                _store(archive, name, (n_sequences, *one.shape[1:]), one.dtype, parts)
        text = np.array(json.dumps(settings_of(data)))
        _store(archive, "settings", text.shape, text.dtype, [text])


def _store(archive: Any, name: str, shape: Any, dtype: Any, parts: Iterable[NDArray[Any]]) -> None:
    """Add an array to an archive, part by part."""
    descr = np.lib.format.dtype_to_descr(dtype)
    about = {"descr": descr, "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, about)
        for part in parts:
            member.write(part.tobytes())  # in the order of C, whatever that in memory is


def save_predrnn(data: Any, n_sequences: int, file: BinaryIO, progress: Progress | None) -> None:
    """Write sequences as PredRNN reads them: frame by frame, float32 from 0 to 1."""
    _, n_frames, *sides = data.batch(0, 1).shape
    if n_frames < 2:
        raise ValueError("PredRNN's .npz has inputs and targets: pass data with 2 frames or more")
    n_in = -(-n_frames // 2)
    clips = _clips(n_sequences, n_in, n_frames - n_in)
    dims = np.array([[1, *sides]], np.int32)
    shape = (n_sequences * n_frames, 1, *sides)
    steps = blocks(n_sequences, data.batch(0, 1).size, progress)
    frames = (data.batch(*step) / np.float32(255) for step in steps)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _store(archive, "clips", clips.shape, clips.dtype, [clips])
        _store(archive, "dims", dims.shape, dims.dtype, [dims])
        _store(archive, "input_raw_data", shape, np.dtype(np.float32), frames)


def _clips(n_sequences: int, n_in: int, n_out: int) -> NDArray[np.int32]:
    """Return where inputs and targets begin, and how many frames they are: ``(2, n, 2)``."""
    clips = np.empty((2, n_sequences, 2), np.int32)
    starts = (n_in + n_out) * np.arange(n_sequences)
    clips[..., 0], clips[..., 1] = (starts, starts + n_in), ((n_in,), (n_out,))
    return clips


def load_predrnn(path: Path) -> Frames:
    """Read sequences that were written for PredRNN: uint8 ``(n_sequences, n_frames, H, W)``."""
    with zipfile.ZipFile(path) as archive:
        check_names(archive, PREDRNN, "PredRNN's")
        clips = read_array(archive, "clips")
        with open_array(archive, "input_raw_data") as (shape, dtype, stream):
            gray = len(shape) == 4 and shape[1] == 1 and 0 not in shape
            if not gray or dtype not in (np.uint8, np.float32, np.float64):
                raise ValueError(f"input_raw_data is {dtype} of shape {shape}, not gray frames")
            check_size(math.prod(shape), "input_raw_data")
            frames = np.empty((shape[0], *shape[2:]), np.uint8)
            step = max(1, 2**24 // math.prod(shape[1:]))
            for low in range(0, len(frames), step):
                some = frames[low : low + step]
                values = np.frombuffer(stream.read(some.size * dtype.itemsize), dtype)
                if dtype != np.uint8:
                    if not 0 <= values.min() <= values.max() <= 1:
                        raise ValueError("input_raw_data holds floats that do not go from 0 to 1")
                    values = np.rint(255 * values)
                some[:] = values.reshape(some.shape)
            stream.read()  # the checksum is compared at the end
    if clips.ndim != 3 or clips.shape[::2] != (2, 2) or not clips.size or clips.min() < 0:
        raise ValueError(f"clips is {clips.dtype} of shape {clips.shape}, not counts (2, n, 2)")
    n, (n_in, n_out) = clips.shape[1], clips[:, 0, 1].tolist()
    if n * (n_in + n_out) != len(frames) or (clips != _clips(n, n_in, n_out)).any():
        raise ValueError("clips are not sequences of one length, one after the other")
    return frames.reshape(n, -1, *frames.shape[1:])


def statistics(sequences: Any, progress: Progress | None = None) -> dict[str, str]:
    """Compute, a block at a time, the statistics that `PUBLISHED` names."""
    n, n_frames = sequences.shape[:2]
    counts, errors = np.zeros(256, np.int64), np.zeros(2)
    for low, high in blocks(n, math.prod(sequences.shape[1:]), progress):
        for sequence in np.asarray(sequences[low:high]):
            counts += np.bincount(sequence.ravel(), minlength=256)
            if n_frames == 20:
                frames = sequence / np.float32(255)
                errors += [((frames[10:] - before) ** 2).sum() for before in (0, frames[9])]
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum()
    deviation = np.sqrt(counts @ (values - mean) ** 2 / counts.sum())
    found = {"mean pixel (0 to 1)": f"{mean:.4f}", "standard deviation": f"{deviation:.4f}"}
    if n_frames == 20:
        black, copied = errors / (10 * n)
        found |= {"MSE, all black": f"{black:.1f}", "MSE, frame 9 copied": f"{copied:.1f}"}
    return found
