"""Train a model without losing what it knew, and let it predict as far ahead as you like.

Raises
------
TypeError, ValueError
    If frames are not finite floats, don't fit the model, or the model is not compiled.
"""

from __future__ import annotations

import contextlib
import math
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from .._checks import check_count
from ..metrics import check_floats


def train(model: Any, pairs: Any, *, callbacks: Sequence[Any] = (), **settings: Any) -> Any:
    """Train a model by its ``fit``, and put the old weights back if that fails.

    >>> from mmnist_lib import MovingMNIST
    >>> from mmnist_lib.prediction import SequencePairs, build_model
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8), n_frames=6, seed=1)
    >>> model = build_model("convolution", n_in=3, n_out=3, width=4)
    >>> pairs = SequencePairs(data, n_in=3, batch_size=2, n_sequences=4)
    >>> sorted(train(model, pairs, verbose=0).history)
    ['loss']

    `model` is a compiled one, such as `build_model` returns; it learns from `pairs`. `callbacks`
    are more of Keras' own, and the settings those of ``model.fit``: ``epochs``,
    ``validation_data``, ``verbose``. Returns the History that ``fit`` returns.

    If you interrupt it, it stops after the present batch and keeps what it has learned. After an
    error, or if you interrupt it twice, model and optimizer are as before. A loss that becomes NaN
    or infinite is a FloatingPointError.
    """
    _build(model, pairs)
    watch = _Watch()
    # The sequences are new and independent: shuffled batches would only be less repeatable.
    settings = {"shuffle": False, **settings}
    with _put_back([*model.variables, *model.optimizer.variables], watch), _listening(watch):
        return model.fit(pairs, callbacks=[*callbacks, watch], **settings)


def _build(model: Any, pairs: Any) -> None:
    # No epoch, but Keras builds what is not built yet. Otherwise it would do so with a batch of
    # `pairs`, and where several workers make them, each epoch would get batches of the one before.
    model.fit(*pairs[0], epochs=0, verbose=0)
    if not model.built:  # TensorFlow
        model(pairs[0][0])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


class _Watch(keras.callbacks.Callback):
    """Stop at a loss of NaN, and stop at an interrupt, but only between two batches.

    Where JAX computes, a batch that is broken off takes the weights with it.
    """

    asked = stopped = False

    def ask(self, *_: Any) -> None:
        """Note an interrupt. A second one is Python's own again, and stops at once."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.asked = True

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss became {loss} in batch {batch}: lower the learning rate. "
                "The model has the weights that it had before this training"
            )
        self.on_epoch_end()

    def on_epoch_end(self, *_: Any) -> None:
        if self.asked:
            self.stopped = True
            raise KeyboardInterrupt


@contextlib.contextmanager
def _listening(watch: _Watch) -> Iterator[None]:
    """Let an interrupt ask `watch` to stop."""
    # Handlers can be set in the main thread only, and only there interrupts arrive.
    listens = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if listens:
        signal.signal(signal.SIGINT, watch.ask)
    try:
        yield
    finally:
        if listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _put_back(variables: list[Any], watch: _Watch | None = None) -> Iterator[None]:
    """Give variables their old values back after an error, unless `watch` stopped in order."""
    before = [np.array(ops.convert_to_numpy(variable.value)) for variable in variables]
    try:
        yield
    except BaseException:
        if watch is None or not watch.stopped:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)
        raise


def rollout(model: Any, frames: ArrayLike, n: int) -> NDArray[np.float32]:
    """Predict the next n frames, from the model's own predictions where it needs more.

    >>> from mmnist_lib.prediction import build_model
    >>> model = build_model("convolution", n_in=3, n_out=3, width=4)
    >>> rollout(model, np.zeros((2, 3, 64, 64)), n=7).shape
    (2, 7, 64, 64)

    `model` takes a fixed number of frames and returns the next ones, or any number (its input's
    time axis is None) and returns each one's successor. `frames` are those seen, float ``(batch,
    n_in, size, size)`` in [0, 1]. Returns float32 ``(batch, n, size, size)`` for `n`, not clipped.
    """
    n, seen = check_count(n, "n"), check_floats(frames, "frames", 4)
    n_in, start, wanted = model.input_shape[1], seen.shape[1], model.input_shape[1:4]
    if any(w not in (None, found) for w, found in zip(wanted, seen.shape[1:], strict=False)):
        takes = ", ".join(str(w or "any") for w in wanted)
        raise ValueError(f"frames has shape {seen.shape}: pass (batch, {takes})")
    all_frames = np.zeros((len(seen), start + n, *seen.shape[2:]), np.float32)
    all_frames[:, :start] = seen
    done = start
    with _put_back(model.variables):  # at an interrupt, most likely
        while done < start + n:
            if n_in is None:
                # What a causal model returns does not depend on the black frames still to be
                # filled, so the shape stays the same, and is compiled once.
                new = model.predict(all_frames[:, :-1], verbose=0)[:, done - 1 : done]
            else:
                new = model.predict(all_frames[:, done - n_in : done], verbose=0)
            new = (new["frames"] if isinstance(new, dict) else new)[:, : start + n - done]
            all_frames[:, done : done + new.shape[1]] = new
            done += new.shape[1]
    return all_frames[:, start:]
