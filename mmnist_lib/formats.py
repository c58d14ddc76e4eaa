"""What a file of sequences holds: its layout, its blocks, and the ground truth beside it.

`files` and `scale` write such files, and the command compares one with the published file.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._atomic import check_target
from ._checks import check_choice
from ._frames import check_frames, check_images
from ._unpack import check_names, check_size, open_array, read_array
from .compositing import Frames, GroundTruth, MovingMNIST

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


def said_by(path: Path, header_bytes: int) -> str | None:
    """Return the layout that the header of one of our own files says."""
    with path.open("rb") as file:
        end = file.read(header_bytes)[-3:]
    return next((layout for layout, mark in MARKS.items() if mark == end), None)


def marked_header(shape: tuple[int, ...], layout: str) -> bytes:
    """Return the header of a ``.npy`` file of frames that says its layout."""
    header = io.BytesIO()
    about = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, about)
    # NumPy fills the header up with spaces, at least as many as its lengths may grow by.
    return header.getvalue()[:-3] + MARKS[layout]


def in_layout(frames: Any, layout: str) -> Any:
    """Turn sequences-first frames into a layout, or turn them back."""
    return frames.swapaxes(0, 1) if layout == "canonical" else frames


def check_data(data: Any, n_sequences: int) -> Any:
    """Return what makes sequences by ``batch(start, stop)``: data itself, or what cuts an array."""
    if callable(getattr(data, "batch", None)):
        return data
    frames, _ = check_frames(data, "data", (4,))
    if frames.dtype.kind == "f":
        frames = (255 * check_images(frames, "data", 4)).round().astype(np.uint8)
    if frames.dtype != np.uint8 or frames.size == 0:
        raise TypeError(f"data has dtype {frames.dtype}: pass uint8, or floats from 0 to 1")
    if n_sequences > len(frames):
        raise ValueError(f"n_sequences={n_sequences}: data has {len(frames)} sequences")
    return SimpleNamespace(batch=lambda start, stop: np.ascontiguousarray(frames[start:stop]))


def sequence_shape(data: Any) -> tuple[int, ...]:
    """Return the shape of a sequence, ``(n_frames, height, width)``."""
    return tuple(data.batch(0, 1).shape[1:])


def layout_shape(data: Any, n_sequences: int, layout: str) -> tuple[int, ...]:
    """Return the shape of a file of `n_sequences`."""
    n_frames, *sides = sequence_shape(data)
    if math.prod((n_sequences, n_frames, *sides)) >= 2**63:
        raise ValueError(f"n_sequences={n_sequences} is too large: no file holds as many bytes")
    first = (n_frames, n_sequences) if layout == "canonical" else (n_sequences, n_frames)
    return (*first, *sides)


def blocks(
    data: Any, n_sequences: int, progress: Progress | None = None
) -> Iterator[tuple[int, int]]:
    """Divide the sequences into blocks: the first of each, and the one after its last."""
    step = max(1, BLOCK_BYTES // math.prod(sequence_shape(data)))
    for low in range(0, n_sequences, step):
        high = min(low + step, n_sequences)
        yield low, high
        if progress is not None:  # the block is written
            progress(high)


def settings_of(data: MovingMNIST) -> dict[str, Any]:
    """Return all that decides what `data` makes, the digits as a hash; JSON can hold it."""
    digits = hashlib.sha256(repr(data.images.shape).encode() + data.images.tobytes()).hexdigest()
    names = ("n_digits", "n_frames", "size", "step_length", "rule", "seed")
    return {name: getattr(data, name) for name in names} | {"images_sha256": digits}


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
    one, steps = data.truth(0, 1), list(blocks(data, n_sequences))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in (field.name for field in fields(GroundTruth)):
            if (array := getattr(one, name)) is not None:
                parts = (getattr(data.truth(*step), name) for step in steps)
                _store(archive, name, (n_sequences, *array.shape[1:]), array.dtype, parts)
        text = np.array(json.dumps(settings_of(data)))
        _store(archive, "settings", text.shape, text.dtype, [text])


def _store(archive: Any, name: str, shape: Any, dtype: Any, parts: Iterable[NDArray[Any]]) -> None:
    """Add an array to an archive, part by part."""
    descr = np.lib.format.dtype_to_descr(dtype)
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        header = {"descr": descr, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(member, header)
        for part in parts:
            member.write(part.tobytes())  # in the order of C, whatever that in memory is


def save_predrnn(
    data: Any, n_sequences: int, file: BinaryIO, progress: Progress | None = None
) -> None:
    """Write sequences as PredRNN reads them: frame by frame, float32 from 0 to 1."""
    n_frames, *sides = sequence_shape(data)
    if n_frames < 2:
        raise ValueError("PredRNN's .npz has inputs and targets: pass data with 2 frames or more")
    n_in = -(-n_frames // 2)
    clips = _clips(n_sequences, n_in, n_frames - n_in)
    dims = np.array([[1, *sides]], np.int32)
    shape = (n_sequences * n_frames, 1, *sides)
    steps = blocks(data, n_sequences, progress)
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
            if dtype not in (np.uint8, np.float32, np.float64) or len(shape) != 4 or shape[1] != 1:
                raise ValueError(f"input_raw_data is {dtype} of shape {shape}, not gray frames")
            check_size(math.prod(shape), "input_raw_data")
            frames = np.empty((shape[0], *shape[2:]), np.uint8)
            for frame in frames:
                values = np.frombuffer(stream.read(frame.size * dtype.itemsize), dtype)
                if dtype != np.uint8:
                    if not 0 <= values.min() <= values.max() <= 1:
                        raise ValueError("input_raw_data holds floats that do not go from 0 to 1")
                    values = np.rint(255 * values)
                frame[:] = values.reshape(frame.shape)
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
    for low in range(0, n, 512):
        block = np.asarray(sequences[low : low + 512])
        for sequence in block:
            counts += np.bincount(sequence.ravel(), minlength=256)
            if n_frames == 20:
                frames = sequence / np.float32(255)
                errors += [((frames[10:] - before) ** 2).sum() for before in (0, frames[9])]
        if progress is not None:
            progress(low + len(block))
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum()
    deviation = np.sqrt(counts @ (values - mean) ** 2 / counts.sum())
    found = {"mean pixel (0 to 1)": f"{mean:.4f}", "standard deviation": f"{deviation:.4f}"}
    if n_frames == 20:
        black, copied = errors / (10 * n)
        found |= {"MSE, all black": f"{black:.1f}", "MSE, frame 9 copied": f"{copied:.1f}"}
    return found
