"""Score the baselines, the networks of chapter 7 and the exact predictor on MNIST's test digits.

    python -m benchmarks.evaluate --source path/to/mnist.npz

Without --source, Keras downloads MNIST. The table goes into benchmarks/README.md by hand.
"""

import argparse
import time

import numpy as np

from mmnist_lib import (
    MovingMNIST,
    black,
    bootstrap,
    copy_last,
    extrapolate,
    load_mnist,
    mse,
    oracle,
    score_table,
    split_frames,
    track,
)
from mmnist_lib.prediction import TRAINED, load_model, rollout


def main() -> None:
    """Print the table, the error of each frame, and how many tracks were found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="keras", help="as for load_mnist")
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    _, (images, labels) = load_mnist(args.source)
    data = MovingMNIST(images, labels, seed=args.seed)
    frames = data.batch(0, args.sequences) / np.float32(255)
    seen, true = split_frames(frames, 10)
    predictions = {f.__name__: f(seen, 10) for f in (black, copy_last, extrapolate)}
    for name in TRAINED:
        began = time.perf_counter()
        predictions[name] = rollout(load_model(name), seen, 10)
        print(f"{name}: {(time.perf_counter() - began) / len(seen):.4f} s a sequence")
    truth = data.truth(0, args.sequences)
    predictions |= exact((255 * seen).round().astype(np.uint8), truth.track[:, :, :10])
    known = zip(images[truth.digits], truth.track[:, :, :10], strict=True)
    predictions["floor"] = np.stack([oracle(*pair) for pair in known])
    print(f"\n{args.sequences} sequences of {len(images)} test digits, seed {args.seed}\n")
    print(score_table(predictions, true))
    print("\nMSE of frames 10 to 19")
    for name, predicted in predictions.items():
        print(f"{name:12}", *(f"{error:6.1f}" for error in mse(predicted, true, axis=0)))
    above, floor = (mse(predictions[name], true, axis=1) for name in ("exact", "floor"))
    above -= floor
    low, high = (bound / floor.mean() for bound in bootstrap(above))
    share = above.mean() / floor.mean()
    print(f"\nexact is above the floor by {share:.2%} of it, interval {low:.2%} to {high:.2%}")
    shares = [5, 25, 50, 75, 90, 95, 99]
    print("\nMSE of a sequence, percentiles", shares)
    for name in TRAINED:
        print(f"{name:12}", np.percentile(mse(predictions[name], true, axis=1), shares).round(1))


def exact(seen, true):
    """Predict without training, and print how often the tracks are right, and how long it takes.

    Where no tracks explain the frames, there is no prediction, and black frames are counted.
    """
    found, seconds = [], []
    for frames in seen:
        began = time.perf_counter()
        found.append(track(frames))
        seconds.append(time.perf_counter() - began)
    both = (true, true[:, ::-1])
    right = [
        tracks.exact and any(np.array_equal(tracks.positions, order[i]) for order in both)
        for i, tracks in enumerate(found)
    ]
    print(f"residual 0: {np.mean([tracks.exact for tracks in found]):.1%}")
    print(f"both tracks exact: {np.mean(right):.1%}; wrong: {np.flatnonzero(~np.array(right))}")
    shares = [50, 90, 100]
    print("seconds to find them, percentiles", shares, np.percentile(seconds, shares).round(2))
    nothing = np.zeros((10, *seen.shape[-2:]), np.float32)
    return {
        name: np.stack(
            [
                oracle(tracks.sprites, tracks.positions, 10, estimate) if tracks.exact else nothing
                for tracks in found
            ]
        )
        for name, estimate in (("exact", "mean"), ("median", "median"), ("sharp", "most_probable"))
    }


if __name__ == "__main__":
    main()
