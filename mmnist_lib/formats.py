"""What a file of sequences holds: its layout, its blocks, and the ground truth beside it.

`files` and `scale` write such files, and the command compares one with the published file.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._atomic import check_target
from .compositing import GroundTruth, MovingMNIST

LAYOUTS = ("canonical", "batch")  # time first, as in the published file, or sequences first
BLOCK_BYTES = 512 * 20 * 64 * 64  # 42 MB: 512 sequences of the usual kind are made at a time
Progress = Callable[[int], None]

# What the published file is known by. The MSE is that of frames 10 to 19, predicted as black or
# as a copy of frame 9.
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


def check_layout(layout: Any) -> str:
    """Return `layout`, or raise ValueError."""
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r} is unknown: choose 'canonical' or 'batch'")
    return str(layout)


def layout_of(frames: Any, given: str, layout: str | None) -> str:
    """Return the layout of an array of sequences; raise ValueError if nothing tells it."""
    shape = tuple(frames.shape)
    if frames.dtype != np.uint8 or len(shape) != 4 or shape[2] != shape[3]:
        raise ValueError(
            f"{given} holds {frames.dtype} of shape {shape}, no sequences: pass a file of "
            "uint8, (20, n, size, size) or (n, 20, size, size)"
        )
    if 0 in shape:
        raise ValueError(f"{given} has shape {shape}: it holds no sequence")
    if layout is not None:
        return check_layout(layout)
    if (shape[0] == 20) == (shape[1] == 20):
        which = "both of the first two axes have" if shape[0] == 20 else "neither axis has"
        raise ValueError(
            f"{given} has shape {shape}, and {which} length 20: say which is time, "
            'layout="canonical" (the first) or layout="batch" (the second)'
        )
    return "canonical" if shape[0] == 20 else "batch"


def in_layout(frames: Any, layout: str) -> Any:
    """Turn sequences-first frames into a layout, or turn them back."""
    return frames.swapaxes(0, 1) if layout == "canonical" else frames


def layout_shape(data: MovingMNIST, n_sequences: int, layout: str) -> tuple[int, ...]:
    """Return the shape of a file of `n_sequences`."""
    first, second = n_sequences, data.n_frames
    if first * second * data.size**2 >= 2**63:
        raise ValueError(f"n_sequences={n_sequences} is too large: no file holds as many bytes")
    if layout == "canonical":
        first, second = second, first
    return first, second, data.size, data.size


def block_length(data: MovingMNIST) -> int:
    """Return how many sequences fill a block of `BLOCK_BYTES`, at least one."""
    return max(1, BLOCK_BYTES // (data.n_frames * data.size**2))


def blocks(data: MovingMNIST, n_sequences: int) -> Iterator[tuple[int, int]]:
    """Divide the sequences into blocks: the first of each, and the one after its last."""
    step = block_length(data)
    for low in range(0, n_sequences, step):
        yield low, min(low + step, n_sequences)


def settings_of(data: MovingMNIST) -> dict[str, Any]:
    """Return all that decides what `data` makes, the digits as a hash; JSON can hold it."""
    digits = hashlib.sha256(repr(data.images.shape).encode() + data.images.tobytes()).hexdigest()
    names = ("n_digits", "n_frames", "size", "step_length", "rule", "seed")
    return {name: getattr(data, name) for name in names} | {"images_sha256": digits}


def truth_path(path: Path) -> Path:
    """Name the file of the ground truth that lies beside a file of frames."""
    return path.with_name(f"{path.stem}-truth.npz")


def check_truth_target(data: MovingMNIST, path: Path, force: bool) -> Path:
    """Return the path of the truth beside `path`, or raise what stands against writing it."""
    if data.labels is not None and data.labels.dtype.hasobject:
        raise TypeError("labels are Python objects, which no file holds: pass numbers or strings")
    return check_target(truth_path(path), (".npz",), force)


def save_truth(data: MovingMNIST, n_sequences: int, file: BinaryIO) -> None:
    """Write the ground truth as an ``.npz``, a block at a time, so that any number fits."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        one = data.truth(0, 1)
        for name in (field.name for field in fields(GroundTruth)):
            if (array := getattr(one, name)) is None:
                continue
            header = np.lib.format.header_data_from_array_1_0(array)
            # `array` may lie in memory in another order, but `tobytes` gives the order of C.
            header |= {"shape": (n_sequences, *array.shape[1:]), "fortran_order": False}
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array_header_1_0(member, header)
                for low, high in blocks(data, n_sequences):
                    member.write(getattr(data.truth(low, high), name).tobytes())
        with archive.open("settings.npy", "w") as member:
            text: NDArray[Any] = np.array(json.dumps(settings_of(data)))
            np.lib.format.write_array(member, text, allow_pickle=False)


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


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    """Compute the sha256 of a file, a few megabytes at a time."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(2**22):
            digest.update(piece)
            done += len(piece)
            if progress is not None:
                progress(done)
    return digest.hexdigest()
