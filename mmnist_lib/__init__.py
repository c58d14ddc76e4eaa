"""Moving MNIST: the data set's exact rule, seeded and with ground truth.

Chapter N of the course explains module N: `loading`, `visualization`, `trajectories`,
`bouncing`, `compositing`, `prediction` (with `metrics`), `tracking`. `files` writes the complete
data set, and ``python -m mmnist_lib`` does so from the command line. All names are here but those
of `prediction`, which imports Keras (``from mmnist_lib.prediction import build_model``), and of
`scale`, which imports Dask and Zarr (``from mmnist_lib.scale import save_zarr``).
"""

from .bouncing import bounce_path
from .compositing import GroundTruth, MovingMNIST, composite, to_pixels
from .files import load_sequences, save_sequences
from .loading import choose_keras_backend, load_mnist
from .metrics import (
    black,
    bootstrap,
    copy_last,
    extrapolate,
    mae,
    mse,
    psnr,
    score_table,
    split_frames,
    ssim,
)
from .tracking import Tracks, carve, futures_of, oracle, predict, track
from .trajectories import random_start, random_velocity, straight_path, velocity_of
from .visualization import (
    Player,
    animate,
    animate_error,
    long_exposure,
    show_curves,
    show_digits,
    show_pairs,
    show_path,
    show_strip,
    slider,
)

__all__ = [
    "GroundTruth",
    "MovingMNIST",
    "Player",
    "Tracks",
    "animate",
    "animate_error",
    "black",
    "bootstrap",
    "bounce_path",
    "carve",
    "choose_keras_backend",
    "composite",
    "copy_last",
    "extrapolate",
    "futures_of",
    "load_mnist",
    "load_sequences",
    "long_exposure",
    "mae",
    "mse",
    "oracle",
    "predict",
    "psnr",
    "random_start",
    "random_velocity",
    "save_sequences",
    "score_table",
    "show_curves",
    "show_digits",
    "show_pairs",
    "show_path",
    "show_strip",
    "slider",
    "split_frames",
    "ssim",
    "straight_path",
    "to_pixels",
    "track",
    "velocity_of",
]
