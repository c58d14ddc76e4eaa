"""Load MNIST: the digits that come with the library, or all 70,000. Chapter 1 explains it."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._checks import check_array
from ._keras import choose_keras_backend, download_mnist

__all__ = ["choose_keras_backend", "load_mnist"]

Digits: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]

SAMPLE = Path(__file__).parent / "data" / "mnist_sample.npz"
NAMES = ("x_train", "y_train", "x_test", "y_test")  # of the arrays in Keras' file


def load_mnist(source: str | os.PathLike[str] = "auto") -> tuple[Digits, Digits]:
    """Load handwritten digits, split into a train part and a test part.

    >>> (train_images, train_labels), (test_images, test_labels) = load_mnist("sample")
    >>> train_images.shape, train_images.dtype, test_labels.shape
    ((4000, 28, 28), dtype('uint8'), (1000,))

    Parameters
    ----------
    source : str or path, default "auto"
        - ``"sample"``: the 5,000 digits that come with the library (4,000 + 1,000,
          equally many of each class). Needs no network.
        - ``"keras"``: all 70,000 (60,000 + 10,000), downloaded once and kept by Keras.
        - a path: an ``.npz`` in the layout of Keras' own file, with the arrays
          ``x_train``, ``y_train``, ``x_test`` and ``y_test``.
        - ``"auto"``: the path in the environment variable ``MMNIST_DATA`` if that is
          set, else ``"keras"``, else ``"sample"``, with one warning that says why.

    Returns
    -------
    (train_images, train_labels), (test_images, test_labels)
        Images are uint8 of shape ``(n, 28, 28)``, 0 for paper and 255 for ink. Labels
        are uint8 of shape ``(n,)``, from 0 to 9.

    Raises
    ------
    TypeError
        If `source` is neither a string nor a path.
    FileNotFoundError, IsADirectoryError
        If the path does not exist, or is a folder.
    ValueError
        If the file is truncated, is not an ``.npz``, holds pickled objects, lacks an
        array, or if an array has the wrong shape, dtype, length or labels.
    ConnectionError
        If ``"keras"`` can neither find the digits in its cache nor download them.
    ImportError
        If Keras or every backend of it is missing or broken, and `source` is ``"keras"``.

    Notes
    -----
    MNIST was made by Yann LeCun, Corinna Cortes and Christopher Burges and is licensed
    CC BY-SA 3.0. The sample holds the first 500 digits of each class of its train split,
    so it shares no digit with MNIST's own test split.
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"source={source!r} has type {type(source).__name__}: "
            "pass 'auto', 'sample', 'keras' or the path of an .npz file"
        )
    if source == "auto":
        return _choose()
    if source == "keras":
        return _check_set(list(download_mnist()))
    return _read_npz(SAMPLE if source == "sample" else Path(source))


def _choose() -> tuple[Digits, Digits]:
    if named := os.environ.get("MMNIST_DATA"):
        return _read_npz(Path(named), "MMNIST_DATA")
    try:
        return _check_set(list(download_mnist()))
    except (ImportError, OSError) as error:  # ConnectionError is an OSError
        warnings.warn(
            f"using the 5,000 bundled digits, because {error}. To silence this: "
            "load_mnist('sample'), or set MMNIST_DATA to the path of a full mnist.npz",
            stacklevel=3,
        )
        return _read_npz(SAMPLE)


def _read_npz(path: Path, argument: str = "source") -> tuple[Digits, Digits]:
    """Read all four arrays or raise; a half-loaded set never leaves this function."""
    path, given = path.expanduser(), f"{argument}={str(path)!r}"
    if path.is_dir():
        raise IsADirectoryError(f"{given} is a folder: name the .npz file in it")
    if not path.exists():
        neither = "neither 'auto', 'sample', 'keras' nor" if argument == "source" else "not"
        raise FileNotFoundError(
            f"{given} is {neither} the path of an existing file: name an .npz file"
        )
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f"{given} is not an .npz archive, or is cut short: "
            "download it again, or use load_mnist('sample')"
        )
    try:
        return _check_set(_read_arrays(path))
    except Exception as error:  # what a damaged archive raises depends on where the damage is
        raise ValueError(f"{given} cannot be read as MNIST: {error}") from error


def _read_arrays(path: Path) -> list[Any]:
    with zipfile.ZipFile(path) as archive:
        held = [name.removesuffix(".npy") for name in archive.namelist()]
        if missing := [name for name in NAMES if name not in held]:
            raise ValueError(
                f"it has no array {', '.join(missing)} (it has {', '.join(held) or 'none'}); "
                f"Keras' layout is {', '.join(NAMES)}"
            )
        # A checksum is compared when the last byte is read, so read all before parsing.
        members = [io.BytesIO(archive.read(f"{name}.npy")) for name in NAMES]
    return [np.lib.format.read_array(member, allow_pickle=False) for member in members]


def _check_set(arrays: list[Any]) -> tuple[Digits, Digits]:
    x_train, y_train, x_test, y_test = arrays
    for part, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        check_digits(images, name=f"x_{part}", side=28)
        check_labels(labels, len(images), name=f"y_{part}")
        if labels.dtype.kind not in "iu":
            raise TypeError(f"y_{part} has dtype {labels.dtype}: pass integers from 0 to 9")
        low, high = labels.min(), labels.max()
        if low < 0 or high > 9:
            raise ValueError(f"y_{part} runs from {low} to {high}: pass integers from 0 to 9")
    return (x_train, y_train.astype(np.uint8)), (x_test, y_test.astype(np.uint8))


def check_digits(
    images: Any, *, name: str = "images", side: int | None = None, empty: bool = False
) -> None:
    """Raise unless these are digits: uint8 ``(n, side, side)``, at least one unless `empty`."""
    if not isinstance(images, np.ndarray):
        raise TypeError(f"{name} has type {type(images).__name__}: pass a NumPy array of uint8")
    if images.dtype != np.uint8:
        raise TypeError(
            f"{name} has dtype {images.dtype}: pass uint8 from 0 to 255 "
            "(floats in [0, 1]: (255 * images).round().astype(np.uint8))"
        )
    square = images.ndim == 3 and images.shape[1] == images.shape[2]
    if not square or side not in (None, images.shape[1]):
        shape = f"(n, {side}, {side})" if side else "(n, side, side)"
        raise ValueError(f"{name} has shape {images.shape}: pass {shape}")
    if images.size == 0 and not (empty and len(images) == 0):
        raise ValueError(f"{name} has shape {images.shape}, no digit: pass at least one")


def check_labels(labels: Any, n: int, *, name: str = "labels") -> NDArray[Any]:
    """Return `labels` as an array of shape ``(n,)``, or raise."""
    array = check_array(labels, name)
    if array.shape != (n,):
        raise ValueError(
            f"{name} has shape {array.shape}: pass one for each of the {n} images, shape ({n},)"
        )
    return array
