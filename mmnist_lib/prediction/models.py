"""The three models of chapter 6 by name: built, stored, and loaded with their trained weights.

Raises
------
TypeError, ValueError, OSError
    If a name or a count does not fit, or weights can't be stored, read or used.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .._atomic import check_target, new_files
from .networks import check_settings, convlstm, convolution, frame_mse, unet
from .sprites import Sprites

# The weights that come with the library: how each model was built, and the file's sha256.
TRAINED: dict[str, tuple[dict[str, Any], str]] = {
    "convolution": ({}, "300f81d090fbb08eabb1b8a6f85c3a325e00874fc9545a54ce0366199f88f3b5"),
    "convlstm": ({"width": 64}, "51cd5c0d65fa9fd241de36547637102616ca0a295fa56e8798f29394cfbc0d7f"),
    "unet": ({}, "7a0cb3fd48b888997ecbe61cf847dfcfaf302e8a9c40df5c7bd939acb130fc2f"),
    "sprites": (
        {"width": 48, "looks": 4},
        "fed3259143700175518106848f983a73c89e9828b8f8a945d35f5111a795a12f",
    ),
}
FOLDER = Path(__file__).parents[1] / "weights"


def build_model(
    name: str, n_in: int = 10, n_out: int = 10, *, size: int = 64, width: int = 32, looks: int = 2
) -> Any:
    """Build and compile one of the three models of chapter 6.

    >>> model = build_model("convolution", n_in=3, n_out=3, width=8)
    >>> model.output_shape
    (None, 3, 64, 64)

    Parameters
    ----------
    name : {"convolution", "convlstm", "sprites"}
        - ``"convolution"``: three plain convolutions over frames as channels.
        - ``"convlstm"``: two ConvLSTM layers (Shi et al., NeurIPS 2015) that predict each frame's
          successor; train it on pairs with ``n_in=None``.
        - ``"sprites"``: see `Sprites`; train it on pairs with ``tracks=True``.
    n_in, n_out : int, default 10
        Frames seen and predicted. The ConvLSTM takes any number.
    size : int, default 64
        Side of the frames, a multiple of 8.
    width : int, default 32
        Channels of the hidden layers.
    looks : int, default 2
        How often `Sprites` looks again, at least 0. The others don't look.

    Returns
    -------
    keras.Model
        Compiled with Adam. It takes float32 frames in [0, 1], ``(batch, n_in, size, size)``.
    """
    _check_name(name)
    check_settings(n_in, n_out, size, width)
    if name == "sprites":
        model = Sprites(n_in, n_out, size=size, width=width, looks=looks)
        model.compile(keras.optimizers.Adam(2e-3, clipnorm=1.0))
        return model
    if name == "convolution":
        model = convolution(n_in, n_out, size, width)
    elif name == "unet":
        model = unet(n_in, n_out, size, width)
    else:
        model = convlstm(size, width)
    model.compile(keras.optimizers.Adam(1e-3), loss=frame_mse)
    return model


def _check_name(name: str) -> None:
    if name not in TRAINED:
        raise ValueError(f"name={name!r} is unknown: pass one of {', '.join(sorted(TRAINED))}")


def save_weights(model: Any, path: str | Path) -> None:
    """Store a model's weights in half precision, in a small file that is read without pickle.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(build_model("convolution", width=4), Path(folder) / "mine.npz")

    `model` is any Keras model, whose ``model.save("model.keras")`` stores the whole of it. `path`
    ends in ``.npz``; a file of that name is replaced when the new one is whole.
    """
    path = check_target(path, (".npz",), force=True)
    with np.errstate(over="ignore"):
        weights = [weight.astype(np.float16) for weight in model.get_weights()]
    if not all(np.isfinite(weight).all() for weight in weights):
        raise ValueError("weights hold NaN, infinity or numbers over 65504: nothing was stored")
    with new_files(path, force=True) as (file,):
        np.savez_compressed(file, **{f"w{i:03}": weight for i, weight in enumerate(weights)})


def load_model(name: str, path: str | Path | None = None) -> Any:
    """Return a model as it was trained for the course, with those weights, fit for more training.

    >>> load_model("convolution").input_shape
    (None, 10, 64, 64)

    `name` is "convolution", "convlstm" or "sprites". `path` is a file of `save_weights` with other
    weights for the same model; without it, the sha256 of the library's own file is checked.
    """
    _check_name(name)
    settings, sha256 = TRAINED[name]
    file = FOLDER / f"{name}.npz" if path is None else Path(path)
    content = file.read_bytes()
    if path is None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{file} is damaged (its sha256 is another): install mmnist_lib again")
    model = build_model(name, **settings)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            weights = [stored[key].astype(np.float32) for key in sorted(stored)]
    except Exception as error:  # zipfile, NumPy and zlib each raise their own
        raise ValueError(f"{file} is no file of save_weights ({error})") from error
    shapes = [tuple(weight.shape) for weight in weights]
    wanted = [tuple(weight.shape) for weight in model.weights]
    if shapes != wanted:
        raise ValueError(
            f"{file} does not fit the model {name!r}: it has {len(shapes)} weights, first of "
            f"shape {next((s for s, w in zip(shapes, wanted, strict=False) if s != w), None)}"
        )
    model.set_weights(weights)
    return model
