"""The two models of chapter 7 by name: built, stored, and loaded with their trained weights.

Raises
------
TypeError, ValueError, OSError
    If a name or a count does not fit, or weights can't be stored, read or used.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .._atomic import check_file, check_target, new_files
from .._checks import MOST, check_choice, check_count, check_instance
from .._unpack import read_array
from .networks import DOWN, convlstm, frame_mse, unet

TRAINED = "convlstm", "unet"  # whose weights come with the library
FOLDER = Path(__file__).parents[1] / "weights"


def build_model(
    name: str, n_in: int = 10, n_out: int = 10, *, size: int = 64, width: int = 32
) -> Any:
    """Build and compile one of the two models of chapter 7.

    >>> model = build_model("unet", n_in=3, n_out=2, size=32, width=8)
    >>> model.input_shape, model.output_shape
    ((None, 3, 32, 32), (None, 2, 32, 32))

    Returns a keras.Model, compiled with Adam, whose gradients are clipped, and `frame_mse`. It
    takes float32 frames in [0, 1], ``(batch, n_in, size, size)``, and returns n_out of them; the
    ConvLSTM n_in.

    Parameters
    ----------
    name : {"unet", "convlstm"}
        The U-Net sees all frames at once, as channels, and predicts all later ones at once. The
        ConvLSTM predicts each frame's successor: train it on pairs with ``n_in=None``.
    n_in, n_out : int, default 10
        Frames that the U-Net sees and predicts. The ConvLSTM takes any number.
    size : int, default 64
        Side of the frames: a multiple of 16 for the U-Net, of 8 for the ConvLSTM.
    width : int, default 32
        Channels of the first level; deeper ones have more.
    """
    check_choice(name, "name", TRAINED)
    n_in, n_out = check_count(n_in, "n_in", most=MOST), check_count(n_out, "n_out", most=MOST)
    size, width = check_count(size, "size", most=MOST), check_count(width, "width", most=MOST)
    step = {"unet": 2 ** len(DOWN), "convlstm": 8}[name]
    if size % step:
        more = size + step - size % step
        raise ValueError(f"size={size} is not a multiple of {step}, as {name!r} needs: pass {more}")
    model = unet(n_in, n_out, size, width) if name == "unet" else convlstm(size, width)
    model.compile(keras.optimizers.Adam(1e-3, clipnorm=1.0), loss=frame_mse)
    return model


def save_weights(model: Any, path: str | Path) -> None:
    """Store a model's weights in half precision, in a small file that is read without pickle.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(build_model("unet", width=4), Path(folder) / "mine.npz")

    `model` is any Keras model, whose ``model.save("model.keras")`` stores the whole of it. `path`
    ends in ``.npz``; a file of that name is replaced when the new one is whole.
    """
    check_instance(model, "model", keras.Model)
    path = check_target(path, (".npz",), force=True)
    with np.errstate(over="ignore"):
        weights = [weight.astype(np.float16) for weight in model.get_weights()]
    if not all(np.isfinite(weight).all() for weight in weights):
        raise ValueError("weights hold NaN, infinity or numbers over 65504: nothing was stored")
    with new_files(path, force=True) as (file,):
        np.savez_compressed(file, **{f"w{i:03}": weight for i, weight in enumerate(weights)})


def load_model(name: str, path: str | Path | None = None) -> Any:
    """Return a model as it was trained for the course, with those weights, fit for more training.

    >>> load_model("unet").input_shape
    (None, 10, 64, 64)

    `name` is "unet" or "convlstm". `path` is a file of `save_weights` with other weights for the
    same model.
    """
    check_choice(name, "name", TRAINED)
    file = check_file(FOLDER / f"{name}.npz" if path is None else path)
    model = build_model(name)
    try:
        with zipfile.ZipFile(file) as archive:
            names = (name.removesuffix(".npy") for name in sorted(archive.namelist()))
            weights = [read_array(archive, name) for name in names]
        if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in weights):
            raise ValueError("it holds other things than finite floats")
    except Exception as error:  # zipfile, NumPy and zlib each raise their own
        raise ValueError(f"{file} is not a file of save_weights ({error})") from error
    try:
        model.set_weights(weights)
    except ValueError as error:
        raise ValueError(f"{file} does not fit the model {name!r} ({error})") from None
    return model
