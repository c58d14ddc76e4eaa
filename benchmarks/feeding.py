"""Measure how fast PyTorch is fed: by `SequenceDataset`, and by a generator as it is usual.

    pip install torch
    python -m benchmarks.feeding

Prints ratios, which are what to compare: the two are timed in turns, so that a busy machine slows
both down. The table goes into benchmarks/README.md by hand.
"""

import argparse
import math
import random
import statistics
import tempfile
import time
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


def rate(batches: Iterator, seconds: float) -> float:
    """Return sequences a second, not counting the first batch, for which workers start."""
    next(batches)
    made, began = 0, time.perf_counter()
    for batch in batches:
        made += len(batch[0])
        if time.perf_counter() - began > seconds:
            break
    return made / (time.perf_counter() - began)


def main() -> None:
    """Time the ways in turns, and print the medians and their ratios to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="sample", help="as for load_mnist")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="of each turn")
    args = parser.parse_args()
    data = MovingMNIST(*load_mnist(args.source)[1])
    usual = Usual(data.images, 1_000_000)
    ours = SequenceDataset(data, 1_000_000, n_in=10)
    floats = SequenceDataset(data, 1_000_000, n_in=10, as_float=True)
    rng = np.random.default_rng(0)

    def load(dataset: Dataset) -> Iterator:
        return iter(DataLoader(dataset, batch_size=16, shuffle=True, num_workers=2))

    def picks() -> Iterator:
        while True:
            yield ours[rng.integers(len(ours), size=16)]

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "set.zarr"
        save_zarr(data, 5_120, store)

        def read() -> Iterator:
            while True:
                yield from ((frames, None) for frames in shuffled_batches(store, 16, rng))

        tables: list[dict[str, Callable[[], Iterator]]] = [
            {
                "DataLoader, two workers, over the usual generator": lambda: load(usual),
                "over SequenceDataset": lambda: load(ours),
                "over SequenceDataset, as_float": lambda: load(floats),
            },
            {
                "one process, the usual generator's items": lambda: (
                    ([usual[0]],) for _ in range(10**9)
                ),
                "data[i]": lambda: (([data[i]],) for i in range(10**9)),
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
                    found[way].append(rate(begin(), args.seconds))
            first = next(iter(found.values()))
            for way, rates in found.items():
                ratio = statistics.median(b / a for a, b in zip(first, rates, strict=True))
                median = statistics.median(rates)
                print(f"| {way} | {median:,.0f} | {ratio:.2g} |", flush=True)


if __name__ == "__main__":
    main()
