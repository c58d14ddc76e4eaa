"""A dataset with a length, for PyTorch and other frameworks. "Other frameworks" explains it.

Raises
------
TypeError, ValueError, IndexError
    If `data` makes no sequences, a count or an index is not an integer or out of range, or `n_in`
    leaves no frame to predict.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._checks import check_array, check_count, check_instance
from .compositing import MovingMNIST
from .metrics import check_n_in, split_frames

__all__ = ["SequenceDataset"]


class SequenceDataset:
    """The first sequences of an endless set, with a length, for a `DataLoader` and the like.

    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> dataset = SequenceDataset(data, 1000, n_in=10)
    >>> inputs, targets = dataset[[7, 3, 999]]
    >>> len(dataset), inputs.shape, targets.shape
    (1000, (3, 10, 64, 64), (3, 10, 64, 64))

    Index it with an integer for one sequence, and with a slice or a list for several at once,
    which is many times as fast. PyTorch's `DataLoader` asks for a whole batch by itself.

    Each epoch has the same sequences, until you set the attribute `epoch`: epoch e has sequences
    ``e * len(dataset)`` and on. Set it before the loop over a `DataLoader` begins, because then
    its workers copy the dataset (with ``persistent_workers`` they do so only once).

    Parameters
    ----------
    data, n_sequences : MovingMNIST, int
        The endless set, and how many of its sequences there are. Training, validation and test
        sets need endless sets of different digits and seeds.
    n_in : int, optional
        How many frames are inputs; items are then pairs, ``(inputs, targets)``.
    as_float : bool, default False
        Make float32 from 0 to 1 in place of uint8. That is four times as many bytes to hand from
        a worker to the model, so it is faster to divide by 255 there.
    """

    def __init__(
        self,
        data: MovingMNIST,
        n_sequences: int,
        n_in: int | None = None,
        *,
        as_float: bool = False,
    ) -> None:
        check_instance(data, "data", MovingMNIST)
        if n_in is not None:
            check_n_in(n_in, data.n_frames)
        self.data, self.n_in, self.as_float = data, n_in, as_float
        self.n_sequences, self.epoch = check_count(n_sequences, "n_sequences"), 0

    def __len__(self) -> int:
        return self.n_sequences

    def __getitem__(self, index: Any) -> Any:
        """Make the sequences of an integer, a slice or a list: frames, or inputs and targets."""
        if isinstance(index, slice):
            index = range(*index.indices(self.n_sequences))
        chosen = check_array(index, "index")
        if chosen.ndim > 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise TypeError(f"index={index!r}: pass an integer, a slice or a list of integers")
        if (outside := (chosen < -self.n_sequences) | (chosen >= self.n_sequences)).any():
            bounds = f"{-self.n_sequences} to {self.n_sequences - 1}"
            raise IndexError(f"index={chosen[outside].flat[0]} is out of range: pass {bounds}")
        first = self.epoch * self.n_sequences
        numbers = [first + number for number in (chosen.ravel() % self.n_sequences).tolist()]
        frames = self.data.pick(numbers)
        if not chosen.ndim:
            frames = frames[0]
        made = frames / np.float32(255) if self.as_float else frames
        return made if self.n_in is None else split_frames(made, self.n_in)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Return a list of the items, made as one batch: what PyTorch's `DataLoader` calls."""
        made = self[indices]
        return list(made) if self.n_in is None else list(zip(*made, strict=True))
