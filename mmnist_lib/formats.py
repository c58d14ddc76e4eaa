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


def layout_of(frames: Any, given: str, layout: str | None, said: str | None = None) -> str:
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


class Batches:
    """An array of sequences that can be asked for batches, as `MovingMNIST` can."""

    def __init__(self, frames: Any) -> None:
        frames, _ = check_frames(frames, "data", (4,))
        if frames.dtype.kind == "f":
            frames = (255 * check_images(frames, "data", 4)).round().astype(np.uint8)
        if frames.dtype != np.uint8 or frames.size == 0:
            raise TypeError(f"data has dtype {frames.dtype}: pass uint8, or floats from 0 to 1")
        self.frames = frames

    def batch(self, start: int, stop: int) -> Frames:
        """Return sequences `start` to `stop - 1`."""
        if stop > len(self.frames):
            raise ValueError(f"n_sequences={stop}: data has {len(self.frames)} sequences")
        return np.ascontiguousarray(self.frames[start:stop])


def check_data(data: Any, n_sequences: int) -> Any:
    """Return what makes batches, data itself or an array's, or raise."""
    if not callable(getattr(data, "batch", None)):
        data = Batches(data)
        data.batch(n_sequences, n_sequences)
    return data


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


def blocks(data: Any, n_sequences: int) -> Iterator[tuple[int, int]]:
    """Divide the sequences into blocks: the first of each, and the one after its last."""
    step = max(1, BLOCK_BYTES // math.prod(sequence_shape(data)))
    for low in range(0, n_sequences, step):
        yield low, min(low + step, n_sequences)


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
    starts = n_frames * np.arange(n_sequences)
    clips = np.empty((2, n_sequences, 2), np.int32)  # where inputs and targets begin, how many
    clips[..., 0], clips[0, :, 1], clips[1, :, 1] = (starts, starts + n_in), n_in, n_frames - n_in
    dims = np.array([[1, *sides]], np.int32)

    def frames() -> Iterator[NDArray[np.float32]]:
        for low, high in blocks(data, n_sequences):
            yield data.batch(low, high) / np.float32(255)
            if progress is not None:
                progress(high)

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in (("clips", clips), ("dims", dims)):
            _store(archive, name, array.shape, array.dtype, [array])
        shape = (n_sequences * n_frames, 1, *sides)
        _store(archive, "input_raw_data", shape, np.dtype(np.float32), frames())


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
            step = max(1, 2**24 // math.prod(shape[1:]))
            for low in range(0, len(frames), step):
                some = frames[low : low + step]
                values = np.frombuffer(stream.read(some.size * dtype.itemsize), dtype)
                some[:] = np.rint(_as_bytes(values)).reshape(some.shape)
            stream.read()  # the checksum is compared at the end
    if clips.ndim != 3 or clips.shape[::2] != (2, 2) or not clips.size or clips.min() < 0:
        raise ValueError(f"clips is {clips.dtype} of shape {clips.shape}, not counts (2, n, 2)")
    # Inputs and targets of each sequence: where they begin, and how many frames they are.
    parts = [part[:, :1] + np.arange(min(part[0, 1], len(frames))) for part in clips]
    index = np.concatenate(parts, axis=1)  # (n_sequences, n_frames)
    if (clips[..., 1] != clips[:, :1, 1]).any() or not np.array_equal(
        index.ravel(), np.arange(len(frames))
    ):
        raise ValueError("clips are not sequences of one length, one after the other")
    return frames.reshape(*index.shape, *frames.shape[1:])


def _as_bytes(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype == np.uint8:
        return values
    if not (values.min(initial=0) >= 0 and values.max(initial=0) <= 1):
        raise ValueError("input_raw_data holds floats that do not go from 0 to 1")
    return 255 * values


def statistics(sequences: Any, progress: Progress | None = None) -> dict[str, str]:
    """Compute, a block at a time, the statistics that `PUBLISHED` names."""
    n, n_frames = sequences.shape[:2]
    counts, black, copied = np.zeros(256, np.int64), 0.0, 0.0
    for low in range(0, n, 512):
        block = np.asarray(sequences[low : low + 512])
        for sequence in block:
            counts += np.bincount(sequence.ravel(), minlength=256)
            if n_frames == 20:
                frames = sequence.astype(np.float32) / 255
                late, change = frames[10:].ravel(), (frames[10:] - frames[9]).ravel()
                black, copied = black + float(late @ late), copied + float(change @ change)
        if progress is not None:
            progress(low + len(block))
    values = np.arange(256) / 255
    mean = counts @ values / counts.sum()
    found = {
        "mean pixel (0 to 1)": f"{mean:.4f}",
        "standard deviation": f"{np.sqrt(counts @ (values - mean) ** 2 / counts.sum()):.4f}",
    }
    if n_frames == 20:
        found["MSE, all black"] = f"{black / (10 * n):.1f}"
        found["MSE, frame 9 copied"] = f"{copied / (10 * n):.1f}"
    return found
