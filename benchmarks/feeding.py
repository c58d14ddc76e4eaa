"""Measure how fast PyTorch is fed: by `SequenceDataset`, and by a generator as it is usual.

    pip install torch
    python -m benchmarks.feeding

Prints the processor's time for a sequence, and how many times as fast as the first of its group
that is. A busy machine makes you wait longer, but takes about as much of the processor's time. The
table goes into benchmarks/README.md by hand.
"""

import argparse
import itertools
import math
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mmnist_lib import MovingMNIST, SequenceDataset, load_mnist
from mmnist_lib.scale import save_zarr, shuffled_batches


class Usual(Dataset):
    """Make one sequence at a time, digit by digit and frame by frame, as float32 tensors.

    It takes the steps of the generator that OpenSTL trains with, in words of our own.
    """

    def __init__(self, images: np.ndarray, n: int) -> None:
        self.images, self.n = images, n

    def __len__(self) -> int:
        return self.n

    def track(self, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
        """Follow one digit: rows and columns."""
        angle = 2 * math.pi * random.random()
        place, step = [random.random(), random.random()], [np.sin(angle), np.cos(angle)]
        path = np.zeros((2, n_frames))
        for t in range(n_frames):
            for axis in (0, 1):
                place[axis] += 0.1 * step[axis]
                if not 0 < place[axis] < 1:
                    place[axis], step[axis] = float(place[axis] >= 1), -step[axis]
                path[axis, t] = place[axis]
        return tuple((36 * path).astype(np.int32))

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        frames = np.zeros((20, 64, 64), np.float32)
        for _ in range(2):
            digit = self.images[random.randrange(len(self.images))]
            for frame, top, left in zip(frames, *self.track(20), strict=True):
                window = frame[top : top + 28, left : left + 28]
                window[:] = np.maximum(window, digit)
        halves = frames[:10, None], frames[10:, None]
        inputs, targets = (torch.from_numpy(half / 255.0).contiguous().float() for half in halves)
        return inputs, targets


class Black(Dataset):
    """Make nothing: what is left is the cost of handing frames from one process to another."""

    half = np.zeros((10, 64, 64), np.uint8)

    def __len__(self) -> int:
        return 10_000

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.half, self.half


def cost(begin: Callable[[], Iterator], n: int) -> float:
    """Return the processor's microseconds for a sequence, those of the workers included."""
    before = os.times()
    batches = begin()
    made = sum(len(batch[0]) for batch in itertools.islice(batches, n))
    del batches  # ends the workers, whose times count from then on
    after = os.times()
    return 1e6 * sum(after[i] - before[i] for i in range(4)) / made


def main() -> None:
    """Take the ways in turns, and print the medians, and the ratios of the first to each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="sample", help="as for load_mnist")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--batches", type=int, default=300, help="of each turn")
    args = parser.parse_args()
    data = MovingMNIST(*load_mnist(args.source)[1])
    usual = Usual(data.images, 10_000)
    ours = SequenceDataset(data, 10_000, n_in=10)
    floats = SequenceDataset(data, 10_000, n_in=10, as_float=True)
    rng = np.random.default_rng(0)

    def load(dataset: Dataset, workers: int = 2) -> Iterator:
        return iter(DataLoader(dataset, batch_size=16, shuffle=True, num_workers=workers))

    def picks() -> Iterator:
        while True:
            yield ours[rng.integers(len(ours), size=16)]

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "set.zarr"
        save_zarr(data, 4_800, store)

        def read() -> Iterator:
            while True:
                yield from ((frames, None) for frames in shuffled_batches(store, 16, rng))

        tables: list[dict[str, Callable[[], Iterator]]] = [
            {
                "DataLoader, two workers, over the usual generator": lambda: load(usual),
                "two workers, over SequenceDataset": lambda: load(ours),
                "two workers, over SequenceDataset, as_float": lambda: load(floats),
                "two workers, over uint8 frames that are not even made": lambda: load(Black()),
                "no workers, over SequenceDataset": lambda: load(ours, 0),
                "no workers, over SequenceDataset, as_float": lambda: load(floats, 0),
            },
            {
                "one process, the usual generator's items": lambda: (
                    ([usual[0] for _ in range(16)],) for _ in range(10**9)
                ),
                "data[i]": lambda: (([data[i + k] for k in range(16)],) for i in range(10**9)),
            },
            {
                "one process, shuffled batches of 16 from SequenceDataset": picks,
                "shuffled_batches of a store": read,
            },
        ]
        for ways in tables:
            found = {way: [] for way in ways}
            for _ in range(args.turns):
                for way, begin in ways.items():
                    found[way].append(cost(begin, args.batches))
            first = next(iter(found.values()))
            for way, costs in found.items():
                ratio = statistics.median(a / b for a, b in zip(first, costs, strict=True))
                median = statistics.median(costs)
                print(f"| {way} | {median:,.0f} | {ratio:.2g} |", flush=True)


if __name__ == "__main__":
    main()
