"""Train a model without losing what it knew, and let it predict as far ahead as you like.

Raises
------
TypeError, ValueError
    If pairs or frames don't fit the model, frames are not finite floats, or it is not compiled.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from .._checks import MOST, check_array, check_count, check_instance
from .._frames import channel_axis
from ..metrics import check_floats


def train(model: Any, pairs: Any, *, callbacks: Sequence[Any] = (), **settings: Any) -> Any:
    """Train a model by its ``fit``, and keep the last whole epoch if that is stopped.

    >>> from mmnist_lib import MovingMNIST
    >>> from mmnist_lib.prediction import SequencePairs, build_model
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8), n_frames=6, seed=1)
    >>> model = build_model("unet", n_in=3, n_out=3, width=4)
    >>> pairs = SequencePairs(data, n_in=3, batch_size=2, n_sequences=4)
    >>> sorted(train(model, pairs, verbose=0).history)
    ['loss']

    `model` is a compiled one, of your own or such as `build_model` returns; it learns from `pairs`,
    whose shapes have to be its own. `callbacks` are more of Keras' own, and the settings those of
    ``model.fit``: ``epochs``, ``validation_data``, ``verbose``. Returns the History of ``fit``.

    After an interrupt or an error, model and optimizer are as they were when the last whole epoch
    ended. A loss that becomes NaN or infinite is a FloatingPointError.
    """
    _build(model, pairs)
    if isinstance(held := settings.get("validation_data"), keras.utils.PyDataset):
        _check_pairs(model, held)
    # The sequences are new and independent: shuffled batches would only be less repeatable.
    settings = {"shuffle": False, **settings}
    with _Kept([*model.variables, *model.optimizer.variables]) as kept:
        return model.fit(pairs, callbacks=[kept, *callbacks], **settings)


def _build(model: Any, pairs: Any) -> None:
    """Build the model and its optimizer, unless they are, and raise if `pairs` don't fit."""
    # Keras would take a batch for it, and with workers each epoch would get those of the last one.
    check_instance(model, "model", keras.Model)
    check_instance(pairs, "pairs", keras.utils.PyDataset)
    batch = pairs[0]
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *batch[0].shape[1:]))
    _check_pairs(model, pairs)
    model.fit(*batch, epochs=0, verbose=0)
    if not model.built:  # a subclass of keras.Model, on TensorFlow
        model(batch[0])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _check_pairs(model: Any, pairs: Any) -> None:
    takes, returns = _shapes(model)
    if takes is None:
        return  # Keras compares several inputs or outputs itself
    if takes[1] is None and getattr(pairs, "n_in", None):
        raise ValueError(
            "the model takes any number of frames and predicts each frame's successor: pass "
            f"SequencePairs(data, n_in=None), not n_in={pairs.n_in}"
        )
    inputs, targets = (np.shape(part) for part in pairs[0][:2])
    chances = len(_plain(returns)) > len(targets)  # of each gray level, for example
    if not (_fit(inputs, takes) and (chances or _fit(targets, returns))):
        what = f"pairs have inputs {inputs} and targets {targets}"
        n_frames = f"n_frames={takes[1] + returns[1]} and " if takes[1] and returns[1] else ""
        data = f"data has {n_frames}size={_plain(takes)[-1]}, or a model for these pairs"
        remedy = f"pass SequencePairs(data, n_in={takes[1]}), where {data}"
        raise _misfit(what, takes, returns, remedy)


def _shapes(model: Any) -> tuple[Any, Any]:
    """Return the shapes that a model takes and returns, or None where they are not two."""
    shapes = [getattr(model, name, None) for name in ("input_shape", "output_shape")]
    takes, returns = (shape if isinstance(shape, tuple) else None for shape in shapes)
    return (takes, returns) if takes and returns else (None, None)


def _fit(found: Any, wanted: Any) -> bool:
    """Return whether a shape is the wanted one, but for the batch and a channel axis of 1."""
    found, wanted = _plain(found)[1:], _plain(wanted)[1:]
    return len(found) == len(wanted) and all(wanted[i] in (None, n) for i, n in enumerate(found))


def _plain(shape: Any) -> Any:
    return shape[:-1] if len(shape) == 5 and shape[-1] == 1 else shape


def _feeds_itself(takes: Any, returns: Any) -> bool:
    return len(takes) > 3 and len(returns) > 3 and _fit(returns, (None, returns[1], *takes[2:]))


def _misfit(what: str, takes: Any, returns: Any, remedy: str) -> ValueError:
    """Make an error that says how to pass something else, or how to mend a model."""
    if not _feeds_itself(takes, returns) or takes[2] != takes[3]:
        remedy = (
            "let it take and return frames, (batch, time, size, size), with or without channels "
            "at the end; layers.Permute turns axes, and layers.Reshape adds one"
        )
    return ValueError(f"{what}, but the model takes {takes} and returns {returns}: {remedy}")


class _Kept(keras.callbacks.Callback):
    """Keep what variables were after the last whole epoch, and put it back after an error.

    Where JAX computes, a batch that is broken off takes the weights with it.
    """

    def __init__(self, variables: list[Any]) -> None:
        super().__init__()
        self.variables = variables
        self.on_epoch_end()

    def on_epoch_end(self, *_: Any) -> None:
        self.values = [np.array(ops.convert_to_numpy(held.value)) for held in self.variables]

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss became {loss} in batch {batch}: lower the learning rate. "
                "The model has the weights that it had before this epoch"
            )

    def __enter__(self) -> _Kept:
        return self

    def __exit__(self, error: Any, *_: Any) -> None:
        if error is not None:
            for variable, value in zip(self.variables, self.values, strict=True):
                variable.assign(value)


def rollout(model: Any, frames: ArrayLike, n: int) -> NDArray[np.float32]:
    """Predict the next n frames, from the model's own predictions where it needs more.

    >>> from mmnist_lib.prediction import build_model
    >>> model = build_model("unet", n_in=3, n_out=3, width=4)
    >>> rollout(model, np.zeros((2, 3, 64, 64)), n=7).shape
    (2, 7, 64, 64)

    `model` takes a fixed number of frames and returns the next ones, or any number (its input's
    time axis is None) and returns each one's successor. `frames` are those seen, float ``(batch,
    n_in, size, size)`` in [0, 1]. Returns float32 ``(batch, n, size, size)`` for `n`, not clipped.

    Models take channels last. An axis of one channel is added, moved or dropped as the model needs
    it, and what comes back has one where `frames` have one.
    """
    n, given = check_count(n, "n", most=MOST), check_array(frames, "frames")
    if given.ndim == 5 and given.shape[2] == 1 and channel_axis("frames", given.shape, (4,)) == -3:
        return np.moveaxis(rollout(model, np.moveaxis(given, -3, -1), n), -1, -3)
    takes, returns = _shapes(model)
    if takes is None:
        raise ValueError("model has no known shapes: pass a keras.Sequential or functional model")
    if not (_fit(given.shape, takes) and _feeds_itself(takes, returns)):
        remedy = "pass frames as it takes them; a channel axis of 1 is optional"
        raise _misfit(f"frames has shape {given.shape}", takes, returns, remedy)
    check_floats(given, "frames")
    plain = _plain(given.shape)
    seen = given.reshape(*plain, *takes[len(plain) :])
    n_in, done = takes[1], seen.shape[1]
    total = done + n
    all_frames = np.zeros((len(seen), total, *seen.shape[2:]), np.float32)
    all_frames[:, :done] = seen
    with _Kept(model.variables):  # an interrupt is likely here
        while done < total:
            if n_in is None:
                # What a causal model returns does not depend on the black frames still to be
                # filled, so the shape stays the same, and is compiled once.
                new = model.predict(all_frames[:, :-1], verbose=0)
                if new.shape[1] != total - 1:  # layers.TimeDistributed, on TensorFlow
                    what = f"model returns {new.shape[1]} frames for {total - 1}"
                    raise ValueError(f"{what}: build it of layers that keep the time axis")
                new = new[:, done - 1 : done]
            else:
                new = model.predict(all_frames[:, done - n_in : done], verbose=0)
            new = new[:, : total - done]
            all_frames[:, done : done + new.shape[1]] = new.reshape(*new.shape[:2], *seen.shape[2:])
            done += new.shape[1]
    return all_frames[:, -n:].reshape(len(given), n, *given.shape[2:])
