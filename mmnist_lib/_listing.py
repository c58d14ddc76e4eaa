"""The tracks of one coordinate, listed over a grid of starts and angles.

Rows and columns move by the same rule, each by itself, so one list serves both. Half a circle of
angles is enough, because in the other half a coordinate moves alike.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .bouncing import bounce_path
from .compositing import to_pixels
from .trajectories import velocity_of

SIDE = 28  # of a digit's sprite
Floats = NDArray[np.float64]
Track = NDArray[np.int64]


def follow(
    start: ArrayLike, velocity: ArrayLike, n_frames: int, free: int, rule: str = "clamp"
) -> Track:
    """Follow one coordinate in whole pixels: ``(..., n_frames)``."""
    both = np.stack(np.broadcast_arrays(start, velocity))  # (2, ...)
    both = both[..., np.newaxis].repeat(2, axis=-1)  # (2, ..., 2), as if it were row and column
    return to_pixels(bounce_path(both[0], both[1], n_frames, rule), free + SIDE, SIDE)[..., 0]


def list_tracks(
    n_angles: int,
    n_starts: int,
    n_frames: int,
    free: int,
    step_length: float = 0.1,
    rule: str = "clamp",
) -> tuple[Floats, Floats, Track]:
    """Follow a coordinate from each start of a grid at each angle of it.

    Returns the angle to the other axis, from -π/2 to π/2, and the start of each track, and the
    tracks, ``(n_angles * n_starts, n_frames)``. Most of them occur several times.
    """
    angles = ((np.arange(n_angles) + 0.5) / n_angles - 0.5) * np.pi
    starts = (np.arange(n_starts) + 0.5) / n_starts
    velocity = velocity_of(angles, step_length)[:, :1]  # (n_angles, 1)
    tracks = follow(starts, velocity, n_frames, free, rule)  # (n_angles, n_starts, n_frames)
    return angles.repeat(n_starts), np.tile(starts, n_angles), tracks.reshape(-1, n_frames)
