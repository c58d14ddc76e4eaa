"""Moving MNIST: the data set's exact rule, seeded and with ground truth.

Chapter N of the course explains module N: `loading`, `visualization`, `trajectories`,
`bouncing`, `compositing`.
"""

from .bouncing import bounce_path
from .compositing import GroundTruth, MovingMNIST, composite, to_pixels
from .loading import choose_keras_backend, load_mnist
from .trajectories import random_start, random_velocity, straight_path, velocity_of
from .visualization import (
    Player,
    animate,
    long_exposure,
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
    "animate",
    "bounce_path",
    "choose_keras_backend",
    "composite",
    "load_mnist",
    "long_exposure",
    "random_start",
    "random_velocity",
    "show_digits",
    "show_pairs",
    "show_path",
    "show_strip",
    "slider",
    "straight_path",
    "to_pixels",
    "velocity_of",
]
