"""Score the guesses and the trained models of chapter 6 on sequences of MNIST's test digits.

    python benchmarks/evaluate.py --source path/to/mnist.npz

Without --source, Keras downloads MNIST. The table goes into benchmarks/README.md by hand.
"""

import argparse
import time

import numpy as np

from mmnist_lib import (
    MovingMNIST,
    black,
    copy_last,
    extrapolate,
    load_mnist,
    mse,
    score_table,
    split_frames,
)
from mmnist_lib.prediction import TRAINED, load_model, rollout


def main() -> None:
    """Print the table, the error of each frame, and how many tracks were found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="keras", help="as of load_mnist")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    _, (images, labels) = load_mnist(args.source)
    data = MovingMNIST(images, labels, seed=args.seed)
    frames = data.batch(0, args.sequences) / np.float32(255)
    seen, true = split_frames(frames, 10)
    guesses = {f.__name__: f(seen, 10) for f in (black, copy_last, extrapolate)}
    for name in TRAINED:
        began = time.perf_counter()
        guesses[name] = rollout(load_model(name), seen, 10)
        print(f"{name}: {(time.perf_counter() - began) / len(seen):.4f} s a sequence")
    print(f"\n{args.sequences} sequences of {len(images)} test digits, seed {args.seed}\n")
    print(score_table(guesses, true))
    print("\nMSE of frames 10 to 19")
    for name, guess in guesses.items():
        print(f"{name:12}", *(f"{error:6.1f}" for error in mse(guess, true, axis=0)))
    errors = mse(guesses["sprites"], true, axis=1)
    shares = [5, 25, 50, 75, 90, 95, 99]
    print("\nsprites, percentiles", shares, "of the MSE:", np.percentile(errors, shares).round(1))
    lost(load_model("sprites"), seen, data.truth(0, args.sequences).pixels[:, :, :10])


def lost(model, seen, pixels):
    """Tell how far the tracks that the model found are from the true ones."""
    found = model.predict(seen, verbose=0)["tracks"][:, -1]
    off = [np.abs(found - order).max(axis=(1, 2, 3)) for order in (pixels, pixels[:, ::-1])]
    worst = np.minimum(*off)
    for limit in (0.5, 1, 3):
        print(f"both tracks within {limit} px in all frames: {(worst < limit).mean():.1%}")


if __name__ == "__main__":
    main()
