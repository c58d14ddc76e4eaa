"""Make pairs while a model trains, train it safely, and let it predict as far as you like.

Raises
------
TypeError, ValueError
    If pairs or frames don't fit the model, frames are not finite floats, or it is not compiled.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike, NDArray

from .._checks import MOST, check_array, check_count, check_instance
from .._frames import channel_axis
from ..compositing import MovingMNIST
from ..metrics import check_floats, check_n_in, split_frames


class SequencePairs(keras.utils.PyDataset):
    """Endless training data for Keras, made while the model trains.

    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> pairs = SequencePairs(data, n_in=10, batch_size=4, n_sequences=10)
    >>> inputs, targets = pairs[0]
    >>> len(pairs), inputs.shape, targets.dtype
    (3, (4, 10, 64, 64), dtype('float32'))

    Each epoch has new sequences, unless the set is `fixed`. Batch k of epoch e depends only on
    the generator's seed, however many workers make the batches. The attribute `epoch` says which
    epoch comes next: Keras adds 1 after each, and once when ``fit`` begins. To go on where a
    training of e epochs stopped, set it to e.

    Parameters
    ----------
    data : MovingMNIST
        Training, validation and test sets need generators of different digits and seeds.
    n_in : int or None, default 10
        How many frames are inputs; the others are targets. With None, each frame is an input
        whose target is the next one, for a model that predicts one frame ahead.
    batch_size, n_sequences : int, default 32, 3200
        Sequences in a batch and in an epoch, whose last batch may be smaller.
    fixed : bool, default False
        Make the same sequences in each epoch, for validation.
    **settings
        Of `keras.utils.PyDataset`: ``workers``, ``use_multiprocessing``, ``max_queue_size``.
    """

    def __init__(
        self,
        data: MovingMNIST,
        n_in: int | None = 10,
        *,
        batch_size: int = 32,
        n_sequences: int = 3200,
        fixed: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        check_instance(data, "data", MovingMNIST)
        check_n_in(1 if n_in is None else n_in, data.n_frames)
        self.data, self.n_in, self.fixed = data, n_in, fixed
        self.n_sequences, self.epoch = check_count(n_sequences, "n_sequences"), 0
        self.batch_size = check_count(batch_size, "batch_size", most=self.n_sequences)

    def __len__(self) -> int:
        """Return how many batches an epoch has."""
        return math.ceil(self.n_sequences / self.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Make batch `index` of the current epoch."""
        index = check_count(index, "index", least=0)
        if index >= len(self):
            raise IndexError(f"index={index} is too large: an epoch has {len(self)} batches")
        first = 0 if self.fixed else self.epoch * self.n_sequences
        start = first + index * self.batch_size
        stop = min(start + self.batch_size, first + self.n_sequences)
        frames = self.data.batch(start, stop) / np.float32(255)
        if self.n_in is None:
            return frames[:, :-1], frames[:, 1:]
        return split_frames(frames, self.n_in)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's sequences. Keras calls this."""
        self.epoch += 1


def train(model: Any, pairs: Any, *, callbacks: Sequence[Any] = (), **settings: Any) -> Any:
    """Train a model by its ``fit``, and keep the last whole epoch if that is stopped.

    >>> from mmnist_lib.prediction import build_model
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
    check_instance(model, "model", keras.Model)
    # Keras would take a batch for it, and with workers each epoch would get those of the last one.
    check_instance(pairs, "pairs", keras.utils.PyDataset)
    batch = pairs[0]
    if isinstance(model, keras.Sequential) and not model.built:
        model.build((None, *batch[0].shape[1:]))
    for given in (pairs, settings.get("validation_data")):
        if isinstance(given, keras.utils.PyDataset):
            _check_pairs(model, given)
    model.fit(*batch, epochs=0, verbose=0)  # raises unless it is compiled
    if not model.built:  # a subclass of keras.Model, on TensorFlow
        model(batch[0])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    # The sequences are new and independent: shuffled batches would only be less repeatable.
    settings = {"shuffle": False, **settings}
    with _kept([*model.variables, *model.optimizer.variables]) as kept:
        return model.fit(pairs, callbacks=[kept, *callbacks], **settings)


@contextlib.contextmanager
def _kept(variables: list[Any]) -> Iterator[Any]:
    """Keep what variables were after the last whole epoch, and put it back after an error.

    Where JAX computes, a batch that is broken off takes the weights with it.
    """
    values: list[Any] = []

    def keep(*_: Any) -> None:
        values[:] = [np.array(ops.convert_to_numpy(variable.value)) for variable in variables]

    def check(batch: int, logs: dict[str, float]) -> None:
        if not math.isfinite(loss := logs.get("loss", 0.0)):
            raise FloatingPointError(
                f"loss became {loss} in batch {batch}: lower the learning rate. "
                "The model has the weights that it had before this epoch"
            )

    keep()
    try:
        yield keras.callbacks.LambdaCallback(on_epoch_end=keep, on_train_batch_end=check)
    except BaseException:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        raise


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
        n_frames = f"n_frames={takes[1] + returns[1]} and " if takes[1] and returns[1] else ""
        data = f"data has {n_frames}size={_plain(takes)[-1]}, or a model for these pairs"
        remedy = f"pass SequencePairs(data, n_in={takes[1]}), where {data}"
        raise _misfit(f"pairs have inputs {inputs} and targets {targets}", takes, returns, remedy)


def _shapes(model: Any) -> tuple[Any, Any]:
    """Return the shapes that a model takes and returns, or None where they are not two."""
    takes, returns = (getattr(model, name, None) for name in ("input_shape", "output_shape"))
    whole = isinstance(takes, tuple) and isinstance(returns, tuple)
    return (takes, returns) if whole else (None, None)


def _plain(shape: Any) -> Any:
    """Return a shape without a channel axis of 1."""
    return shape[:-1] if len(shape) == 5 and shape[-1] == 1 else shape


def _fit(found: Any, wanted: Any) -> bool:
    """Return whether a shape is the wanted one, but for the batch and a channel axis of 1."""
    found, wanted = _plain(found)[1:], _plain(wanted)[1:]
    return len(found) == len(wanted) and all(wanted[i] in (None, n) for i, n in enumerate(found))


def _feeds_itself(takes: Any, returns: Any) -> bool:
    return len(takes) > 3 and _plain(takes)[2:] == _plain(returns)[2:]


def _misfit(what: str, takes: Any, returns: Any, remedy: str) -> ValueError:
    """Make an error that says how to pass something else, or how to mend a model."""
    if not _feeds_itself(takes, returns) or takes[2] != takes[3]:
        remedy = (
            "let it take and return frames, (batch, time, size, size), with or without channels "
            "at the end; layers.Permute turns axes, and layers.Reshape adds one"
        )
    return ValueError(f"{what}, but the model takes {takes} and returns {returns}: {remedy}")


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
    black = np.zeros((len(seen), n, *seen.shape[2:]))
    all_frames = np.concatenate([seen, black], axis=1, dtype=np.float32)
    n_in, done, total = takes[1], seen.shape[1], all_frames.shape[1]
    with _kept(model.variables):  # an interrupt is likely here
        while done < total:
            # What a causal model returns does not depend on the black frames still to be filled,
            # so it gets all of them: the shape stays the same, and is compiled once.
            window = slice(total - 1) if n_in is None else slice(done - n_in, done)
            new = model.predict(all_frames[:, window], verbose=0)
            if n_in is None:
                if new.shape[1] != total - 1:  # layers.TimeDistributed, on TensorFlow
                    what = f"model returns {new.shape[1]} frames for {total - 1}"
                    raise ValueError(f"{what}: build it of layers that keep the time axis")
                new = new[:, done - 1 : done]
            new = new[:, : total - done]
            all_frames[:, done : done + new.shape[1]] = new.reshape(*new.shape[:2], *seen.shape[2:])
            done += new.shape[1]
    return all_frames[:, -n:].reshape(len(given), n, *given.shape[2:])
