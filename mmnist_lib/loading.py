"""Load MNIST: the digits that come with the library, or all 70,000. Chapter 1 explains it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._checks import check_array
from ._keras import choose_keras_backend, download_mnist
from ._unpack import read_digits

__all__ = ["choose_keras_backend", "load_mnist"]

Digits: TypeAlias = tuple[NDArray[np.uint8], Any]  # images, and their labels or None

SAMPLE = Path(__file__).parent / "data" / "mnist_sample.npz"


def load_mnist(source: str | os.PathLike[str] = "auto") -> tuple[Digits, Digits]:
    """Load handwritten digits, split into a train part and a test part.

    >>> (train_images, train_labels), (test_images, test_labels) = load_mnist("sample")
    >>> train_images.shape, train_images.dtype, test_labels.shape
    ((4000, 28, 28), dtype('uint8'), (1000,))

    `source`, by default "auto", says where they come from:

    - ``"sample"``: the 5,000 digits that come with the library (4,000 + 1,000, equally many of
      each class). Needs no network.
    - ``"keras"``: all 70,000 (60,000 + 10,000), downloaded once and kept by Keras.
    - a path: an ``.npz`` in the layout of Keras' own file, with the arrays ``x_train``,
      ``y_train``, ``x_test`` and ``y_test``; or MNIST as it was published, a folder of IDX files
      (torchvision's ``MNIST/raw``) or one of them, such as ``train-images-idx3-ubyte.gz``. So
      Fashion-MNIST, KMNIST and EMNIST work, too.
    - ``"auto"``: the path in the environment variable ``MMNIST_DATA`` if that is set, else
      ``"keras"``, else ``"sample"``, with one warning that says why.

    Returns uint8 images ``(n, 28, 28)``, 0 for paper and 255 for ink, and uint8 labels ``(n,)``,
    from 0 to 9. Files may hold other classes and sizes. Chapters 1 and 2 count on ten classes, and
    `track`, `predict` and `oracle` on 28 × 28 pixels. A part whose files are missing has no image,
    and one without a file of labels has None.

    MNIST was made by Yann LeCun, Corinna Cortes and Christopher Burges, and its license is CC BY-SA
    3.0. The sample has the first 500 digits of each class of its train split, and so none of its
    test split.

    Raises
    ------
    TypeError, FileNotFoundError, IsADirectoryError
        If `source` is neither a string nor a path, does not exist, or is a folder without digits.
    ValueError
        If a file is truncated, of another kind or too large, holds pickled objects, lacks an
        array, or if an array has the wrong shape, dtype, length or labels.
    ImportError, ConnectionError
        If `source` is ``"keras"``, and Keras or every backend of it is missing or broken, or can
        neither find the digits in its cache nor download them.
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"source={source!r} has type {type(source).__name__}: "
            "pass 'auto', 'sample', 'keras' or the path of a file or folder"
        )
    if source == "auto" and (named := os.environ.get("MMNIST_DATA")):
        return _read(Path(named), "MMNIST_DATA")
    if source in ("auto", "keras"):
        try:
            return _check_set(list(download_mnist()))
        except (ImportError, OSError) as error:  # ConnectionError is an OSError
            if source == "keras":
                raise
            warnings.warn(
                f"using the 5,000 bundled digits, because {error}. To silence this, pass "
                "source='sample', or set MMNIST_DATA to the path of a full mnist.npz",
                stacklevel=2,
            )
            source = "sample"
    return _read(SAMPLE if source == "sample" else Path(source))


def _read(path: Path, argument: str = "source") -> tuple[Digits, Digits]:
    """Read all there is or raise; a half-loaded set never leaves this function."""
    path, given = path.expanduser(), f"{argument}={str(path)!r}"
    if not path.exists():
        neither = "neither 'auto', 'sample', 'keras' nor" if argument == "source" else "not"
        raise FileNotFoundError(f"{given} is {neither} the path of an existing file or folder")
    if not path.is_file() and not path.is_dir():  # a pipe or a device may have no end
        raise ValueError(f"{given} is not a regular file: name an .npz or an IDX file")
    try:
        return _check_set(read_digits(path))
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{given} is a folder without digits: {error}") from None
    except Exception as error:  # what a damaged file raises depends on where the damage is
        raise ValueError(
            f"{given} cannot be read as MNIST: {error} (source='sample' needs no file)"
        ) from error


def _check_set(arrays: list[Any]) -> tuple[Digits, Digits]:
    x_train, y_train, x_test, y_test = arrays
    side = x_train.shape[1] if np.ndim(x_train) == 3 else None
    checked = []
    for part, images, labels in (("train", x_train, y_train), ("test", x_test, y_test)):
        check_digits(images, name=f"x_{part}", side=side, empty=labels is None)
        if labels is not None:
            labels = check_labels(labels, len(images), name=f"y_{part}")
            if labels.dtype.kind not in "iu":
                raise TypeError(f"y_{part} has dtype {labels.dtype}: pass integers from 0 to 255")
            low, high = labels.min(), labels.max()
            if low < 0 or high > 255:
                raise ValueError(f"y_{part} runs from {low} to {high}: pass integers from 0 to 255")
            labels = labels.astype(np.uint8)
        checked.append((images, labels))
    return checked[0], checked[1]


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
