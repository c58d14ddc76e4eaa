"""Keep a digit on its canvas: two rules for meeting a wall. Chapter 4 explains it.

Raises
------
TypeError
    If an argument holds no numbers, or a count is not an integer.
ValueError
    If a number is out of its range, NaN or infinite, or shapes do not fit each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import MOST, check_choice, check_count
from .trajectories import check_motion

__all__ = ["bounce_path"]

FEW = 50  # up to so many coordinates, plain numbers are faster than arrays


def bounce_path(
    start: ArrayLike, velocity: ArrayLike, n_frames: int, rule: str = "clamp"
) -> NDArray[np.float64]:
    """Follow a path that bounces off the walls at 0 and 1, each axis on its own.

    >>> bounce_path([0.5, 0.7], [0.0, 0.2], n_frames=3)[:, 1].round(3)
    array([0.9, 1. , 0.8])
    >>> bounce_path([0.5, 0.7], [0.0, 0.2], n_frames=3, rule="reflect")[:, 1].round(3)
    array([0.9, 0.9, 0.7])

    Parameters
    ----------
    start : array_like of float, shape ``(..., 2)``
        Position before the first frame, unit coordinates in [0, 1].
    velocity : array_like of float, shape ``(..., 2)``
        Movement per frame, of any size. Its leading axes and those of `start` broadcast.
    n_frames : int
        How many frames, at least 1.
    rule : {"clamp", "reflect"}, default "clamp"
        - ``"clamp"``, the real dataset's: step; a digit that is at or beyond a wall is put on
          the wall, and its velocity on that axis turns around; record. The overshoot is lost.
        - ``"reflect"``: the path of a perfect mirror, in closed form. The digit
          travels the overshoot back.

    Returns
    -------
    float64 array of shape ``(..., n_frames, 2)``
        Positions after each step, all of them in [0, 1].

    Notes
    -----
    Together with `to_pixels`, the clamp rule reproduces real sequences of Moving MNIST pixel
    for pixel, and reflection reproduces none. The dataset comes from N. Srivastava, E. Mansimov
    and R. Salakhutdinov, "Unsupervised Learning of Video Representations using LSTMs", ICML 2015.
    """
    check_rule(rule)
    start, velocity = check_motion(start, velocity)
    if ((start < 0) | (start > 1)).any():
        low, high = start.min(), start.max()
        raise ValueError(
            f"start runs from {low:.4g} to {high:.4g}: pass unit coordinates, from 0 to 1"
        )
    return RULES[rule](start, velocity, check_count(n_frames, "n_frames", most=MOST))


def _clamp(start: NDArray[Any], velocity: NDArray[Any], n_frames: int) -> NDArray[np.float64]:
    if start.size > FEW:
        return np.stack(_walk(start, velocity, n_frames), axis=-2)
    numbers = zip(start.ravel().tolist(), velocity.ravel().tolist(), strict=True)
    paths = np.array([_walk(*number, n_frames) for number in numbers])
    return paths.reshape(*start.shape, n_frames).swapaxes(-1, -2)


def _walk(position: Any, velocity: Any, n_frames: int) -> list[Any]:
    """Take the steps of the clamp rule, with one number or with an array of many."""
    path = []
    for _ in range(n_frames):
        position = position + velocity
        at_0, at_1 = position <= 0, position >= 1
        free = 1 - at_0 - at_1  # 1 between the walls, 0 at a wall
        position = free * position + at_1
        velocity = (2 * free - 1) * velocity
        path.append(position)
    return path


def _reflect(start: NDArray[Any], velocity: NDArray[Any], n_frames: int) -> NDArray[np.float64]:
    # Unfold the mirror: the straight line goes through copies of the unit interval, every
    # other one flipped, so the picture repeats every 2. A velocity of 2 goes nowhere, and
    # dropping such whole rounds first (exactly, by fmod) keeps every digit of a fast one.
    steps = np.arange(1, n_frames + 1)[:, np.newaxis]
    unfolded = start[..., np.newaxis, :] + steps * np.fmod(velocity, 2)[..., np.newaxis, :]
    return 1 - np.abs(1 - np.mod(unfolded, 2))


RULES = {"clamp": _clamp, "reflect": _reflect}


def check_rule(rule: str) -> None:
    """Raise ValueError unless `rule` is one of `RULES`."""
    check_choice(rule, "rule", RULES)
