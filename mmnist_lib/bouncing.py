"""Keep a digit on its canvas: two rules for meeting a wall. Chapter 4 explains it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_count
from .trajectories import check_motion


def bounce_path(
    start: ArrayLike, velocity: ArrayLike, n_frames: int, rule: str = "clamp"
) -> NDArray[np.float64]:
    """Follow a path that bounces off the walls at 0 and 1, each axis by itself.

    Parameters
    ----------
    start : array_like of float, shape ``(..., 2)``
        Position before the first frame, unit coordinates in [0, 1].
    velocity : array_like of float, shape ``(..., 2)``
        Movement per frame, of any size. Its leading axes and those of `start` broadcast.
    n_frames : int
        How many frames, at least 1.
    rule : {"clamp", "reflect"}, default "clamp"
        - ``"clamp"``, the real data set's: step; a digit at or beyond a wall is put on the
          wall and its velocity on that axis turns round; record. What it overshot is lost.
        - ``"reflect"``: the path of a perfect mirror, in closed form. What it overshot is
          travelled back.

    Returns
    -------
    float64 array of shape ``(..., n_frames, 2)``
        Positions after each step, all of them in [0, 1].

    Raises
    ------
    TypeError
        If `n_frames` is not an integer, or an array is not of numbers.
    ValueError
        If `rule` is unknown, `n_frames` is below 1, a value is NaN or infinite, `start`
        lies outside [0, 1], or the shapes do not fit.

    Notes
    -----
    The clamp rule reproduces real sequences of Moving MNIST pixel for pixel, together with
    `to_pixels`; reflection reproduces none. The data set comes from N. Srivastava,
    E. Mansimov and R. Salakhutdinov, "Unsupervised Learning of Video Representations using
    LSTMs", ICML 2015.

    Examples
    --------
    >>> bounce_path([0.5, 0.7], [0.0, 0.2], n_frames=3)[:, 1].round(3)
    array([0.9, 1. , 0.8])
    >>> bounce_path([0.5, 0.7], [0.0, 0.2], n_frames=3, rule="reflect")[:, 1].round(3)
    array([0.9, 0.9, 0.7])
    """
    check_rule(rule)
    start, velocity = check_motion(start, velocity)
    n_frames = check_count(n_frames, "n_frames")
    if ((start < 0) | (start > 1)).any():
        raise ValueError(
            f"start runs from {start.min():.4g} to {start.max():.4g}: "
            "give unit coordinates, from 0 to 1"
        )
    return RULES[rule](start, velocity, n_frames)


def _clamped(
    start: NDArray[np.float64], velocity: NDArray[np.float64], n_frames: int
) -> NDArray[np.float64]:
    if start.size <= 50:  # up to here plain numbers are faster than NumPy, call by call
        pairs = zip(start.ravel().tolist(), velocity.ravel().tolist(), strict=True)
        paths = [_clamped_number(position, velocity, n_frames) for position, velocity in pairs]
        return np.moveaxis(np.array(paths).reshape(*start.shape, n_frames), -1, -2)
    path = np.empty((n_frames, *start.shape))  # time first, so that each frame is one block
    position, velocity = start, velocity.copy()
    for frame in path:
        np.add(position, velocity, out=frame)
        # "At" the wall counts as hitting it, as in the real data set.
        at_wall = (frame <= 0) | (frame >= 1)
        np.negative(velocity, out=velocity, where=at_wall)
        np.clip(frame, 0, 1, out=frame)
        position = frame
    return np.moveaxis(path, 0, -2)


def _clamped_number(position: float, velocity: float, n_frames: int) -> list[float]:
    path = []
    for _ in range(n_frames):
        position += velocity
        if position <= 0 or position >= 1:
            position, velocity = float(position >= 1), -velocity
        path.append(position)
    return path


def _reflected(
    start: NDArray[np.float64], velocity: NDArray[np.float64], n_frames: int
) -> NDArray[np.float64]:
    # Unfold the mirror: the straight line goes through copies of the unit interval, every
    # other one flipped, so the picture repeats every 2. A velocity of 2 goes nowhere, and
    # dropping such whole rounds first (exactly, by fmod) keeps every digit of a fast one.
    steps = np.arange(1, n_frames + 1)[:, np.newaxis]
    unfolded = start[..., np.newaxis, :] + steps * np.fmod(velocity, 2)[..., np.newaxis, :]
    return 1 - np.abs(1 - np.mod(unfolded, 2))


RULES = {"clamp": _clamped, "reflect": _reflected}


def check_rule(rule: str) -> None:
    """Raise ValueError unless `rule` is one of `RULES`."""
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"rule={rule!r} is unknown: choose {' or '.join(map(repr, RULES))}")
