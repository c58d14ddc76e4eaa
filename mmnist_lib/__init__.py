"""Moving MNIST: the dataset's exact rule, seeded and with ground truth.

Chapter N of the course explains module N: `loading`, `visualization`, `trajectories`,
`bouncing`, `compositing`, `prediction` (with `metrics`), `tracking`. `player` moves pictures on a
page, `files` writes the complete dataset, and ``python -m mmnist_lib`` does so from the command
line. All names are here but those of `prediction`, which imports Keras, of `scale`, which imports
Dask and Zarr, and of `exercises`: ``from mmnist_lib.prediction import build_model``.
"""

from .bouncing import bounce_path as bounce_path
from .compositing import (
    GroundTruth as GroundTruth,
    MovingMNIST as MovingMNIST,
    composite as composite,
    to_pixels as to_pixels,
)
from .files import load_sequences as load_sequences, save_sequences as save_sequences
from .loading import choose_keras_backend as choose_keras_backend, load_mnist as load_mnist
from .metrics import (
    black as black,
    bootstrap as bootstrap,
    copy_last as copy_last,
    extrapolate as extrapolate,
    mae as mae,
    mse as mse,
    psnr as psnr,
    score_table as score_table,
    show_curves as show_curves,
    split_frames as split_frames,
    ssim as ssim,
)
from .player import (
    Player as Player,
    animate as animate,
    animate_error as animate_error,
    slider as slider,
)
from .tracking import (
    Tracks as Tracks,
    carve as carve,
    futures_of as futures_of,
    oracle as oracle,
    predict as predict,
    track as track,
)
from .trajectories import (
    random_start as random_start,
    random_velocity as random_velocity,
    straight_path as straight_path,
    velocity_of as velocity_of,
)
from .visualization import (
    long_exposure as long_exposure,
    show_digits as show_digits,
    show_pairs as show_pairs,
    show_path as show_path,
    show_strip as show_strip,
)
