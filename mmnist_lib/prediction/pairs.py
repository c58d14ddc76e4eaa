"""Sequences in batches, made while a Keras model trains."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from .._checks import check_count, check_instance
from ..compositing import MovingMNIST
from ..metrics import check_n_in, split_frames


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
    batch_size : int, default 32
        Sequences in a batch; the last one of an epoch may be smaller.
    n_sequences : int, default 3200
        Sequences in an epoch.
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
        self.batch_size = check_count(batch_size, "batch_size")
        self.n_sequences = check_count(n_sequences, "n_sequences")
        if batch_size > n_sequences:
            what = f"batch_size={batch_size} is larger than the set"
            raise ValueError(f"{what}: pass 1 to n_sequences, which is {n_sequences}")
        self.epoch = 0

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
