"""Where a digit starts and how it moves: straight paths. Chapter 3 explains it.

Positions are unit coordinates: ``(row, column)`` of the digit's top-left corner, as a
fraction in [0, 1] of the free range, which is how far it can move. Velocities are in the same
unit per frame. Rows count downwards, as in every image.

Raises
------
TypeError
    If an argument holds no numbers, a count is not an integer, or `rng` is not a Generator.
ValueError
    If a number is out of its range, NaN or infinite, or shapes do not fit each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import MOST, check_choice, check_count, check_number, check_numbers, check_points

__all__ = ["random_start", "random_velocity", "straight_path", "velocity_of"]

Shape = int | tuple[int, ...]


def random_start(rng: np.random.Generator, shape: Shape = ()) -> NDArray[np.float64]:
    """Draw start positions, uniform over the free square.

    >>> random_start(np.random.default_rng(0), 3).shape
    (3, 2)

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random numbers come from. A bare seed is not accepted, because two functions
        with the same seed would draw the same numbers, and a digit's direction would then
        depend on its start.
    shape : int or tuple of int, default ()
        How many: the leading axes of the result.

    Returns
    -------
    float64 array of shape ``(*shape, 2)``
        ``(row, column)`` in [0, 1), unit coordinates.
    """
    return check_generator(rng).random((*_shape(shape), 2))


def random_velocity(
    rng: np.random.Generator, shape: Shape = (), step_length: float = 0.1, kind: str = "angle"
) -> NDArray[np.float64]:
    """Draw velocities, by one of two recipes.

    >>> v = random_velocity(np.random.default_rng(0), 1000)
    >>> np.allclose(np.hypot(v[:, 0], v[:, 1]), 0.1)
    True

    Parameters
    ----------
    rng, shape : as for `random_start`
    step_length : float, default 0.1
        The speed in unit coordinates per frame, not in pixels; 0.1 is the real dataset's.
    kind : {"angle", "box"}, default "angle"
        - ``"angle"``, the real dataset's: one angle, uniform over the circle, and the
          same speed for every digit.
        - ``"box"``, which tutorials use: `step_length` times two independent numbers from
          [0, 1). They are never negative, so every digit starts down and to the right, each
          at its own speed.

    Returns
    -------
    float64 array of shape ``(*shape, 2)``
        ``(rows, columns)`` per frame, unit coordinates.
    """
    rng, shape = check_generator(rng), _shape(shape)
    step_length = check_step_length(step_length)
    if check_choice(kind, "kind", ("angle", "box")) == "angle":
        return velocity_of(2 * np.pi * rng.random(shape), step_length)
    return step_length * rng.random((*shape, 2))


def velocity_of(angle: ArrayLike, step_length: ArrayLike = 0.1) -> NDArray[np.float64]:
    """Turn angles into velocities.

    >>> velocity_of(0.0, step_length=0.5)
    array([0. , 0.5])

    Parameters
    ----------
    angle : array_like of float, shape ``(...)``
        Radians. 0 points right, and a quarter turn points down, since rows count downwards.
    step_length : float or array_like of float, default 0.1
        The speed in unit coordinates per frame: one for all, or one for each angle.

    Returns
    -------
    float64 array of shape ``(..., 2)``
        ``step_length * (sin(angle), cos(angle))``, which is ``(rows, columns)`` per frame.
    """
    angle = check_numbers(angle, "angle")
    direction = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    if not isinstance(step_length, list | tuple | np.ndarray):
        return check_step_length(step_length) * direction
    speeds = check_numbers(step_length, "step_length")
    if speeds.shape != angle.shape or (speeds < 0).any():
        raise ValueError(
            f"step_length={step_length!r}: pass one number >= 0, or one for each of the "
            f"{angle.shape} angles"
        )
    return speeds[..., np.newaxis] * direction


def straight_path(start: ArrayLike, velocity: ArrayLike, n_frames: int) -> NDArray[np.float64]:
    """Follow a straight line: step first, then record.

    >>> straight_path([0.5, 0.0], [0.0, 0.25], n_frames=3)
    array([[0.5 , 0.25],
           [0.5 , 0.5 ],
           [0.5 , 0.75]])

    Parameters
    ----------
    start : array_like of float, shape ``(..., 2)``
        Position before the first frame, unit coordinates.
    velocity : array_like of float, shape ``(..., 2)``
        Movement per frame. Its leading axes and those of `start` broadcast.
    n_frames : int
        How many frames, at least 1.

    Returns
    -------
    float64 array of shape ``(..., n_frames, 2)``
        Frame t is ``start + (t + 1) * velocity``. It may leave [0, 1]; use `bounce_path` to
        keep it inside.
    """
    start, velocity = check_motion(start, velocity)
    steps = np.arange(1, check_count(n_frames, "n_frames", most=MOST) + 1)[:, np.newaxis]
    return start[..., np.newaxis, :] + steps * velocity[..., np.newaxis, :]


def check_motion(start: Any, velocity: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `start` and `velocity` as finite float64 arrays of one shape ``(..., 2)``."""
    start, velocity = check_points(start, "start"), check_points(velocity, "velocity")
    if start.shape != velocity.shape:
        try:
            start, velocity = np.broadcast_arrays(start, velocity)
        except ValueError:
            raise ValueError(
                f"start has shape {start.shape} and velocity {velocity.shape}: "
                "pass shapes that broadcast"
            ) from None
    return start, velocity


def check_step_length(value: Any) -> float:
    """Return `value` as a float that is finite and not negative."""
    return check_number(value, "step_length")


def check_generator(rng: Any) -> np.random.Generator:
    """Return `rng`, or raise TypeError if it is not a Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng={rng!r} is not a Generator: pass np.random.default_rng(seed)")
    return rng


def _shape(shape: Shape) -> tuple[int, ...]:
    lengths = shape if isinstance(shape, tuple) else (shape,)
    return tuple(check_count(length, "shape", least=0, most=2**31) for length in lengths)
