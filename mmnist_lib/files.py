"""Write the complete data set to a file, and read it back lazily.

Explained on the page that follows chapter 5. ``python -m mmnist_lib`` is this module for the
command line; `mmnist_lib.scale` does the same on many workers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ._checks import check_count
from .compositing import Frames, GroundTruth, MovingMNIST

__all__ = ["load_sequences", "save_sequences"]

LAYOUTS = ("canonical", "batch")
BLOCK_BYTES = 512 * 20 * 64 * 64  # 42 MB: 512 sequences of the usual kind are made at a time
Progress = Callable[[int], None]


def save_sequences(
    data: MovingMNIST,
    n_sequences: int,
    path: str | os.PathLike[str],
    *,
    layout: str = "canonical",
    truth: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write sequences 0 to ``n_sequences - 1`` to a ``.npy`` file.

    The file grows under a hidden name, ``.NAME.partial``, and gets its own name when it is
    whole. However many sequences there are, about 100 MB of memory are enough.

    Parameters
    ----------
    data : MovingMNIST
        What makes the sequences.
    n_sequences : int
        How many.
    path : str or path
        A name that ends in ``.npy``.
    layout : {"canonical", "batch"}, default "canonical"
        - ``"canonical"``, as the published file: time first, ``(n_frames, n_sequences, size,
          size)``. torchvision's ``MovingMNIST`` and OpenSTL read it.
        - ``"batch"``, as `MovingMNIST.batch`: ``(n_sequences, n_frames, size, size)``.
    truth : bool, default False
        Also write the ground truth beside it: ``NAME-truth.npz`` holds the fields of
        `GroundTruth`, and ``settings``, a line of JSON that says what made them.
    force : bool, default False
        Replace files of these names.
    progress : callable, optional
        Called with the number of sequences that are written.

    Raises
    ------
    TypeError
        If `n_sequences` is not an integer, `path` not a path, or the labels are objects, which
        a file cannot hold.
    ValueError
        If `n_sequences` is below 1, the layout unknown, or the name ends otherwise.
    FileExistsError
        If a file of that name exists, or another run is writing it, or was killed at it.
    FileNotFoundError, IsADirectoryError
        If the folder does not exist, or the name is that of a folder.
    OSError
        If the file system refuses: no permission, or no space left.

    Examples
    --------
    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sequences(data, 50, f"{folder}/fifty.npy")
    ...     print(np.load(f"{folder}/fifty.npy", mmap_mode="r").shape)
    (20, 50, 64, 64)
    """
    n_sequences, layout = check_count(n_sequences, "n_sequences"), check_layout(layout)
    path = check_target(path, (".npy",), force)
    beside = [check_truth_target(data, path, force)] if truth else []
    shape = layout_shape(data, n_sequences, layout)
    with new_files(*beside, path, force=force) as opened:
        for file in opened[:-1]:
            save_truth(data, n_sequences, file)
        file = opened[-1]
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        first_byte, frame_bytes = file.tell(), data.size**2
        # Plain writes, not a memory map: where the disk is full, a write raises an error, but
        # touching a map ends the process without a word.
        for low, high in blocks(data, n_sequences):
            block = data.batch(low, high)
            if layout == "batch":
                file.write(block.data)
            else:
                for time in range(data.n_frames):
                    file.seek(first_byte + (time * n_sequences + low) * frame_bytes)
                    file.write(np.ascontiguousarray(block[:, time]).data)
            if progress is not None:
                progress(high)


def load_sequences(path: str | os.PathLike[str], layout: str | None = None) -> Frames:
    """Open a file of sequences without reading it: the published one, or one of ours.

    Parameters
    ----------
    path : str or path
        A ``.npy`` file of uint8, four axes.
    layout : {"canonical", "batch"}, optional
        Which of the first two axes is time: the first (``"canonical"``, the published file),
        or the second (``"batch"``). Without it, the axis of length 20 is, as in the published
        file; say it for clips of another length, or if both have that length.

    Returns
    -------
    uint8 memory map of shape ``(n_sequences, n_frames, size, size)``
        Read-only, in either layout. What is indexed is read from the disk, and no more.

    Raises
    ------
    TypeError
        If `path` is not a path.
    ValueError
        If the file is cut short, is not a ``.npy`` of uint8 with four axes and square frames,
        or `layout` is unknown, or needed.
    FileNotFoundError, IsADirectoryError
        If there is no such file, or it is a folder.

    Examples
    --------
    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_sequences(data, 50, f"{folder}/fifty.npy")
    ...     sequences = load_sequences(f"{folder}/fifty.npy")
    ...     print(sequences.shape, bool((sequences[3] == data[3]).all()))
    (50, 20, 64, 64) True
    """
    path = check_path(path)
    given = f"path={str(path)!r}"
    if path.is_dir():
        raise IsADirectoryError(
            f"{given} is a folder: name the .npy file in it (a Zarr store: zarr.open_array(path))"
        )
    if not path.exists():
        raise FileNotFoundError(f"{given} does not exist: give the name of a .npy file")
    try:
        frames = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{given} is not a whole .npy file of numbers: {error}") from error
    return frames if time_axis(frames, given, layout) == 1 else frames.swapaxes(0, 1)


def time_axis(frames: Any, given: str, layout: str | None) -> int:
    """Return which axis of `frames` is time, 0 or 1; raise ValueError if none can be told."""
    shape = tuple(frames.shape)
    if frames.dtype != np.uint8 or len(shape) != 4 or shape[2] != shape[3]:
        raise ValueError(
            f"{given} holds {frames.dtype} of shape {shape}, no file of sequences: give one of "
            "uint8, (20, n, size, size) or (n, 20, size, size)"
        )
    if 0 in shape:
        raise ValueError(f"{given} has shape {shape}: it holds no sequence")
    if layout is not None:
        return 0 if check_layout(layout) == "canonical" else 1
    if (shape[0] == 20) == (shape[1] == 20):
        which = "both of the first two axes have" if shape[0] == 20 else "neither axis has"
        raise ValueError(
            f"{given} has shape {shape}, and {which} length 20: say which is time, "
            'layout="canonical" (the first) or layout="batch" (the second)'
        )
    return 0 if shape[0] == 20 else 1


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


def statistics(sequences: Any, progress: Progress | None = None) -> dict[str, str]:
    """Compute, a block at a time, the statistics that `PUBLISHED` names."""
    n, n_frames = sequences.shape[:2]
    counts, black, copied = np.zeros(256, np.int64), 0.0, 0.0
    for low in range(0, n, 512):
        block = np.asarray(sequences[low : low + 512])
        for clip in block:
            counts += np.bincount(clip.ravel(), minlength=256)
            if n_frames == 20:
                frames = clip.astype(np.float32) / 255
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


# What `scale` and the command line ask too.


def check_path(path: Any) -> Path:
    """Return `path` as a Path, or raise TypeError."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path={path!r} has type {type(path).__name__}: give a file's name")
    return Path(path).expanduser()


def check_layout(layout: Any) -> str:
    """Return `layout`, or raise ValueError."""
    if layout not in LAYOUTS:
        raise ValueError(f"layout={layout!r} is unknown: choose 'canonical' or 'batch'")
    return str(layout)


def check_target(path: Any, suffixes: tuple[str, ...], force: bool) -> Path:
    """Return the path of a file that may be written, or raise what stands against it."""
    path = check_path(path)
    given = f"path={str(path)!r}"
    if path.suffix not in suffixes:
        raise ValueError(f"{given}: give a name that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{given}: there is no folder {str(path.parent)!r}")
    if path.is_dir() and path.suffix != ".zarr":
        raise IsADirectoryError(f"{given} is a folder: give the name of a file")
    if path.exists() and not force:
        raise FileExistsError(f"{given} exists: choose another name, or replace it (force)")
    return path


def truth_path(path: Path) -> Path:
    """Name the file of the ground truth that lies beside a file of frames."""
    return path.with_name(f"{path.stem}-truth.npz")


def check_truth_target(data: MovingMNIST, path: Path, force: bool) -> Path:
    """Return the path of the truth beside `path`, or raise what stands against writing it."""
    if data.labels is not None and data.labels.dtype.hasobject:
        raise TypeError("labels are Python objects, which no file holds: give numbers or strings")
    return check_target(truth_path(path), (".npz",), force)


def partial_path(path: Path) -> Path:
    """Name what `path` is called until it is whole."""
    return path.with_name(f".{path.name}.partial")


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


@contextlib.contextmanager
def new_files(*paths: Path, force: bool) -> Iterator[list[BinaryIO]]:
    """Open files that get their names, in this order, only if all goes well with all of them."""
    try:
        with contextlib.ExitStack() as stack:
            opened: list[BinaryIO] = []
            for path in paths:
                partial = partial_path(path)
                if partial.exists() and not force:
                    raise FileExistsError(
                        f"{str(partial)!r} exists: another run is writing it, or was killed. If "
                        "none is, remove it, or replace it (force)"
                    )
                file = partial.open("wb" if force else "xb")
                stack.callback(partial.unlink, missing_ok=True)
                opened.append(stack.enter_context(file))
            yield opened
            for stream in opened:
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut could leave a name without its bytes
                stream.close()
            for path in paths:
                partial_path(path).replace(path)
    except OSError as error:
        if error.errno and not error.filename:  # a failed write does not name its file
            error.filename = str(paths[-1])
        raise
