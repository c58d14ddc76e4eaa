"""Read arrays from files that others made, and take memory only for what a file really holds."""

from __future__ import annotations

import contextlib
import gzip
import math
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

NAMES = ("x_train", "y_train", "x_test", "y_test")  # of the arrays in Keras' file
LARGEST = 2**31  # bytes that a file may unpack to
IDX = re.compile(r"(.*?)(train|test|t10k)-(images|labels)[.-]idx[13]-ubyte(\.gz)?")
Stored = tuple[tuple[int, ...], np.dtype[Any], IO[bytes]]


def read_digits(path: Path) -> list[Any]:
    """Return train images and labels, and test images and labels; labels may be missing (None)."""
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return [read_array(archive, name) for name in check_names(archive, NAMES, "Keras'")]
    arrays: list[Any] = [file and _read_idx(file) for file in _idx_files(path)]
    for i, other in ((0, 2), (2, 0)):
        if arrays[i] is None:  # a part without a file has no digit
            arrays[i] = arrays[other][:0]
    return arrays


def check_names(archive: zipfile.ZipFile, names: tuple[str, ...], whose: str) -> tuple[str, ...]:
    """Return the names of arrays that an archive holds, or raise if it lacks one."""
    held = [name.removesuffix(".npy") for name in archive.namelist()]
    if missing := [name for name in names if name not in held]:
        raise ValueError(
            f"it has no array {', '.join(missing)} (it has {', '.join(held) or 'none'}); "
            f"{whose} layout is {', '.join(names)}"
        )
    return names


@contextlib.contextmanager
def open_array(archive: zipfile.ZipFile, name: str) -> Iterator[Stored]:
    """Open an array of an archive: its shape, its dtype, and its bytes, in the order of C."""
    held = archive.getinfo(f"{name}.npy").file_size
    with archive.open(f"{name}.npy") as stream:
        major, _ = np.lib.format.read_magic(stream)
        read_header = getattr(np.lib.format, f"read_array_header_{major}_0")
        shape, by_columns, dtype = read_header(stream)
        if dtype.hasobject:
            raise ValueError(f"{name} holds pickled objects")
        if by_columns and len(shape) > 1:
            raise ValueError(f"{name} is in Fortran's order: store np.ascontiguousarray(...) of it")
        promised, held = math.prod(shape) * dtype.itemsize, held - stream.tell()
        if promised != held:
            raise ValueError(
                f"{name} holds {held:,} bytes, but {shape} of {dtype} need {promised:,}"
            )
        yield shape, dtype, stream


def read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return an array of an archive."""
    with open_array(archive, name) as (shape, dtype, stream):
        check_size(math.prod(shape) * dtype.itemsize, name)
        # A checksum is compared when the last byte is read.
        return np.frombuffer(bytearray(stream.read()), dtype).reshape(shape)


def check_size(n_bytes: int, name: str) -> None:
    """Raise unless so many bytes may be unpacked into memory."""
    if n_bytes > LARGEST:
        raise ValueError(f"{name} unpacks to {n_bytes:,} bytes, more than {LARGEST:,}")


def _idx_files(path: Path) -> list[Path | None]:
    """Find the four files of a set: those in a folder, or those that belong to a file."""
    named, sets = IDX.fullmatch(path.name), dict[str, dict[tuple[bool, str], Path]]()
    folder = path if path.is_dir() else path.parent
    if folder != path and not named:
        raise ValueError(
            "it is neither an .npz archive nor named like MNIST's own train-images-idx3-ubyte.gz, "
            "or is cut short: download it again"
        )
    for file in sorted(folder.iterdir(), reverse=True):  # of a pair, the one without .gz is last
        match = IDX.fullmatch(file.name)
        if match and match[1] == (named or match)[1]:
            sets.setdefault(match[1], {})[match[2] == "train", match[3]] = file
    if not sets:
        raise IsADirectoryError("name the .npz file in it, or a folder of IDX files")
    if len(sets) > 1:
        raise ValueError(f"it has several sets ({', '.join(sorted(sets))}): name a file of one")
    (files,) = sets.values()
    if not {(True, "images"), (False, "images")} & files.keys():
        raise ValueError("it has labels only: put the images beside them")
    return [files.get((part, kind)) for part in (True, False) for kind in ("images", "labels")]


def _read_idx(file: Path) -> NDArray[np.uint8]:
    n_axes = 3 if "images" in file.name else 1
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as stream:
        head = stream.read(4 + 4 * n_axes)
        if len(head) != 4 + 4 * n_axes or head[:4] != bytes([0, 0, 8, n_axes]):
            raise ValueError(f"{file.name} does not begin like an IDX file: download it again")
        shape = tuple(np.frombuffer(head[4:], ">u4").tolist())
        check_size(size := math.prod(shape), file.name)
        content = stream.read(size + 1)
    if len(content) != size:
        held = "more" if len(content) > size else f"{len(content):,}, so it is cut short"
        raise ValueError(f"{file.name} promises {size:,} bytes and holds {held}: download it again")
    array = np.frombuffer(bytearray(content), np.uint8).reshape(shape)
    # EMNIST has rows for columns, as if it were in Fortran's order.
    return array.swapaxes(1, 2).copy() if n_axes == 3 and "emnist" in file.name else array
