"""Keras: the engine that it computes with, and the digits that it downloads."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
from pathlib import Path
from typing import Any

BACKENDS = ("jax", "tensorflow", "torch")
STALL = 20.0  # seconds without a byte, after which a download is given up


def choose_keras_backend() -> str:
    """Choose the engine that Keras will compute with, before Keras is imported.

    >>> choose_keras_backend() in ("jax", "tensorflow", "torch")
    True

    Keras asks for TensorFlow unless told otherwise, and fails where only another engine
    is installed. A backend that you named in ``KERAS_BACKEND`` is left alone, and so is an
    installed one named in Keras' own ``keras.json``. Otherwise the first installed one of
    jax, tensorflow and torch is written into ``os.environ["KERAS_BACKEND"]``.

    Returns the name of the backend, for a page to show.

    Raises
    ------
    ModuleNotFoundError
        If none of the three is installed.
    """
    if chosen := os.environ.get("KERAS_BACKEND"):
        return chosen
    installed = [name for name in BACKENDS if importlib.util.find_spec(name)]
    config = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras.json"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        # Keras itself writes "tensorflow" there, installed or not, when it is first imported.
        if (chosen := json.loads(config.read_text()).get("backend")) in installed:
            return str(chosen)
    if not installed:
        raise ModuleNotFoundError(
            "Keras has no backend to compute with: pip install jax (or tensorflow, or torch)"
        )
    os.environ["KERAS_BACKEND"] = installed[0]
    return installed[0]


def download_mnist() -> tuple[Any, Any, Any, Any]:
    """Return MNIST's four arrays from Keras, which downloads them once and keeps them.

    Raise ImportError if Keras is missing or broken, and ConnectionError if there is no network.
    """
    if not importlib.util.find_spec("keras"):
        raise ModuleNotFoundError("Keras is not installed (pip install keras jax)")
    choose_keras_backend()
    try:
        from keras.datasets import mnist
    except Exception as error:  # a backend that is half installed may raise any error
        raise ImportError(f"Keras cannot be imported ({_first_line(error)})") from error
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL)  # because Keras' downloader has no time limit of its own
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception when the network is down
        raise ConnectionError(f"Keras could not download MNIST ({_first_line(error)})") from error
    finally:
        socket.setdefaulttimeout(before)
    return x_train, y_train, x_test, y_test


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
