"""Find the digits of a sequence without training, and predict from them. Chapter 8 explains it.

The idea: cut the window along a supposed track out of each frame, and keep each pixel's minimum.
Along the right track at least the digit is left; along a wrong one almost nothing is.

Raises
------
TypeError, ValueError
    If frames are not uint8, ``(n, size, size)``, three or more, with something to see; a track is
    impossible with this speed and rule; or another argument is out of its range.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ._checks import MOST, check_choice, check_count, check_free_range, check_tracks
from ._frames import check_frames
from .bouncing import bounce_path, check_rule
from .compositing import Frames, composite, to_pixels
from .loading import check_digits
from .trajectories import check_step_length, velocity_of

__all__ = ["Tracks", "carve", "futures_of", "oracle", "predict", "track"]

Floats = NDArray[np.float64]
Track = NDArray[np.int64]

SIDE = 28  # of a digit's sprite
ANGLES, STARTS = 120, 24  # the map: 3 degrees, and 1.5 px on a canvas of 64
TRIES = (20, 10)  # how many tracks of the map to refine, for the first digit and for each other
KEPT = (8, 3)  # how many of those to go on with
CENTER = SIDE / 2  # MNIST puts the center of mass within half a pixel of it
ESTIMATES = "mean", "median", "most_probable"
PULL = 4.0  # white pixels in all frames that a digit costs for each px² that it lies off it
GRID = 1024  # angles and starts from which the tracks of a coordinate are listed


@dataclass(frozen=True, eq=False)  # because arrays have no single truth value
class Tracks:
    """What `track` found in a sequence of n frames with k digits, the heavier digit first.

    `sprites` are the digits, uint8 ``(k, 28, 28)``, and `positions` their tracks, int64 ``(k, n,
    2)``. `residual` is how much `composite` of these differs from the frames, summed over pixels.
    `exact` says that this is 0, and that each track is possible with one angle and this speed. If
    not, `reason` says why; don't believe the rest. If so, something else may fit too: pixels that
    one digit covers in all frames stay open, and a speed off by a percent may pass.
    """

    sprites: Frames
    positions: Track
    residual: int
    exact: bool
    reason: str


def carve(frames: Frames, positions: ArrayLike) -> Frames:
    """Cut windows along tracks, and keep the darkest value of each pixel.

    >>> frames = composite(np.full((1, 28, 28), 9, np.uint8), [[[0, 0], [0, 4]]])
    >>> int(carve(frames, [[0, 0], [0, 4]]).min()), int(carve(frames, [[0, 0], [30, 4]]).max())
    (9, 0)

    `frames` are uint8 ``(n, size, size)``, and `positions` the tracks of the window's top-left
    corner, integers ``(..., n, 2)``. Returns what stands still in the moving window, uint8 ``(...,
    28, 28)``. Along a digit's true track it is nowhere darker than the digit.
    """
    frames = _check_frames(frames)
    tracks = check_tracks(positions, "positions", frames.shape[-1] - SIDE)
    if tracks.shape[-2] != len(frames):
        raise ValueError(
            f"positions has shape {tracks.shape}: pass (..., {len(frames)}, 2), one for each frame"
        )
    return _cut(frames, tracks).min(axis=-3)


def track(
    frames: Frames, *, n_digits: int = 2, step_length: float = 0.1, rule: str = "clamp"
) -> Tracks:
    """Find the digits of a sequence and their tracks, without any training.

    >>> from mmnist_lib import MovingMNIST, load_mnist
    >>> data = MovingMNIST(load_mnist("sample")[1][0], seed=6)
    >>> found = track(data[0][:10])
    >>> found.exact, found.positions.shape
    (True, (2, 10, 2))

    1. *Survey*: score 69,120 suppositions (angle, start row, start column) on thickened frames.
    2. *Refine* the best: in a list of all tracks of one coordinate, try the neighbors of its
       rows, then those of its columns.
    3. *Pair*: take the digit away, survey what is left, and refine each digit given the others,
       until nothing is unexplained.
    4. *Place*: where no bounce tells where in its window a digit lies, its center of mass does,
       which MNIST puts at (14, 14), give or take half a pixel. Other sprites are misplaced.

    Returns the best explanation found. Its `exact` is False for frames that were made differently:
    with noise, another speed or rule, or another number of digits. The first sequence of a size and
    length takes seconds longer, because its tracks are listed.

    Parameters
    ----------
    frames : uint8 array ``(n, size, size)``
        3 frames or more, square and wider than 28 pixels. With three, other digits or tracks give
        the same frames about one time in ten; with ten frames hardly ever.
    n_digits : int, default 2
        How many digits it shows. More take longer, and fail more often.
    step_length : float, default 0.1
        Their speed in unit coordinates per frame. If you don't know it, try several, and keep
        those that are exact.
    rule : {"clamp", "reflect"}, default "clamp"
        How they meet a wall, see `bounce_path`.
    """
    frames = _check_frames(frames, least=3)
    n_digits = check_count(n_digits, "n_digits", most=MOST)
    check_rule(rule)
    step_length = check_step_length(step_length)
    if step_length == 0:
        raise ValueError("step_length=0 moves nothing: pass the speed of the digits, above 0")
    return _Search(frames, n_digits, step_length, rule).run()


def predict(
    frames: Frames,
    n_frames: int = 10,
    estimate: str = "mean",
    *,
    n_digits: int = 2,
    step_length: float = 0.1,
    rule: str = "clamp",
) -> NDArray[np.float32]:
    """Predict the next frames as well as the given ones allow, without any training.

    >>> from mmnist_lib import MovingMNIST, load_mnist, mse
    >>> frames = MovingMNIST(load_mnist("sample")[1][0], seed=6)[0]
    >>> bool(mse(predict(frames[:10])[np.newaxis], frames[np.newaxis, 10:] / 255) < 20)
    True

    `frames`, `n_digits`, `step_length` and `rule` are as for `track`, and `n_frames` and `estimate`
    as for `oracle`. Returns what `oracle` does.

    If what `track` finds is not exact, there is a ValueError and no prediction, because that would
    look as sure as a right one. `oracle` makes one from what `track` found.
    """
    check_choice(estimate, "estimate", ESTIMATES)
    check_count(n_frames, "n_frames", most=MOST)
    frames = _check_frames(frames, least=3)
    found = track(frames, n_digits=n_digits, step_length=step_length, rule=rule)
    if not found.exact:
        raise ValueError(
            f"frames are not of {n_digits} digits with step_length={step_length} and "
            f"rule={rule!r}: {found.reason}; pass the settings that made them, and frames "
            "without noise"
        )
    known = {"size": frames.shape[-1], "step_length": step_length, "rule": rule}
    return oracle(found.sprites, found.positions, n_frames, estimate, **known)


def oracle(
    sprites: Frames,
    positions: ArrayLike,
    n_frames: int = 10,
    estimate: str = "mean",
    *,
    size: int = 64,
    step_length: float = 0.1,
    rule: str = "clamp",
) -> NDArray[np.float32]:
    """Predict from the true digits and their true tracks.

    >>> sprite = np.full((1, 28, 28), 255, np.uint8)
    >>> predicted = oracle(sprite, [[[3, 0], [3, 3], [3, 7]]], n_frames=1)
    >>> predicted[0, 10, 8:14]  # it steps by 3 or 4 pixels, as in the input
    array([0., 0., 1., 1., 1., 1.], dtype=float32)

    Returns frames from 0 to 1, float32 ``(n_frames, size, size)``. A predictor that sees only
    frames can't know more, so on average none does better. What stays unknown is where between the
    pixels a digit started, and its angle: all that agree with the track are equally likely.

    Parameters
    ----------
    sprites : uint8 array ``(k, 28, 28)``
    positions : array_like of int ``(k, n, 2)``
        The tracks so far.
    n_frames : int, default 10
        How many frames to predict.
    estimate : {"mean", "median", "most_probable"}, default "mean"
        Each pixel's mean over all futures has the least MSE, its median the least MAE. The third
        is sharp: it draws each digit on its most probable track.
    size : int, default 64
        Height and width of the canvas in pixels.
    step_length, rule : as for `track`
    """
    check_choice(estimate, "estimate", ESTIMATES)
    composite(sprites, positions, size)  # raises if these don't fit
    sprites, positions = np.asarray(sprites), np.asarray(positions)
    n_frames = check_count(n_frames, "n_frames", most=MOST)
    futures = [futures_of(track, n_frames, size, step_length, rule) for track in positions]
    if estimate == "most_probable":
        likeliest = np.stack([future for _, future in futures])
        return (composite(sprites, likeliest, size) / 255).astype(np.float32)
    predicted = np.empty((n_frames, size, size), np.float32)
    for t in range(n_frames):
        # A pixel is the brighter of independent ones, so it is at most z if all of them are:
        # their cumulative distributions multiply.
        at_most = np.ones((size * size, 256))
        for sprite, (chances, _) in zip(sprites, futures, strict=True):
            touched, chance = _at_most(sprite, chances[t], size)
            at_most[touched] *= chance
        if estimate == "mean":
            value = (1 - at_most[:, :-1]).sum(axis=1)
        else:
            value = (at_most >= 0.5 - 1e-9).argmax(axis=1)
        predicted[t] = value.reshape(size, size) / 255
    return predicted


def futures_of(
    track: ArrayLike,
    n_frames: int = 10,
    size: int = 64,
    step_length: float = 0.1,
    rule: str = "clamp",
) -> tuple[Floats, Track]:
    """Return where a digit may be next, from its track so far.

    >>> chances, likeliest = futures_of([[3, 0], [3, 3], [3, 7]], n_frames=1)
    >>> chances.shape, float(chances.sum().round(6)), likeliest
    ((1, 37, 37), 1.0, array([[ 3, 10]]))

    Starts and angles on a fine grid are followed; those that agree with `track`, integers ``(n,
    2)``, are counted. `n_frames`, `size`, `step_length` and `rule` are as for `oracle`.

    Returns the probability of each row and column, float64 ``(n_frames, free + 1, free + 1)`` with
    ``free = size - 28``, and the most probable whole track, int64 ``(n_frames, 2)``.
    """
    free, n_frames = check_free_range(size, SIDE), check_count(n_frames, "n_frames", most=MOST)
    check_rule(rule)
    step_length = check_step_length(step_length)
    track = check_tracks(track, "track", free)
    if track.ndim != 2:
        raise ValueError(f"track has shape {track.shape}: pass (n, 2), one digit's")
    n, listed = len(track), _possible_tracks(len(track), size, step_length, rule)
    kinds = [listed.near(track[:, axis], reach=0).argmax() for axis in (0, 1)]
    low, high = listed.angles(*kinds)
    fine = low + (np.arange(160) + 0.5) / 160 * (high - low)
    angles = np.concatenate([fine, -fine, np.pi - fine, np.pi + fine])
    velocity = velocity_of(angles, step_length)  # (640, 2)
    first, last = listed.start[:, kinds]
    starts = first + (np.arange(96)[:, np.newaxis] + 0.5) / 96 * (last - first)  # (96, 2)
    paths = bounce_path(starts, velocity[:, np.newaxis], n, rule)  # (640, 96, n, 2)
    agree = to_pixels(paths, size) == track
    futures, counts = [], []  # of rows and of columns: (m, n_frames), (640, m)
    for axis in (0, 1):
        turn, start = agree[..., axis].all(axis=2).nonzero()
        paths = bounce_path(starts[start], velocity[turn], n + n_frames, rule)
        ahead = to_pixels(paths, size)[:, n:, axis]
        one, kind = _distinct(ahead)
        futures.append(ahead[one])
        counts.append(np.zeros((len(velocity), len(one))))
        np.add.at(counts[axis], (turn, kind), 1)
    joint = counts[0].T @ counts[1]  # one angle for both axes; given it, they are independent
    if not joint.any():
        raise ValueError(
            f"track from {track[0]} to {track[-1]} is impossible for a digit with step_length="
            f"{step_length} and rule={rule!r}: pass the settings that made it"
        )
    joint /= joint.sum()
    rows, columns = futures
    chances = np.zeros((n_frames, free + 1, free + 1))
    for t in range(n_frames):
        np.add.at(chances[t], np.ix_(rows[:, t], columns[:, t]), joint)
    row, column = np.unravel_index(joint.argmax(), joint.shape)
    return chances, np.stack([rows[row], columns[column]], axis=-1)


def _at_most(sprite: Frames, chances: Floats, size: int) -> tuple[NDArray[np.bool_], Floats]:
    """Return which pixels the sprite may touch, and how probably each of them is at most z."""
    pixels = np.arange(size * size).reshape(size, size)
    reached = sliding_window_view(pixels, (SIDE, SIDE))[chances > 0]  # (m, 28, 28)
    touched = np.zeros(size * size, bool)
    touched[reached] = True
    chance = np.zeros((touched.sum(), 256))
    row = (touched.cumsum() - 1)[reached]
    np.add.at(chance, (row, sprite), chances[chances > 0][:, np.newaxis, np.newaxis])
    chance[:, 0] += 1 - chance.sum(axis=1)  # where the window does not reach, black
    return touched, chance.cumsum(axis=1)


@dataclass(frozen=True, eq=False)
class _Listed:
    """All tracks of one coordinate; for each, between what angles and starts it arises."""

    tracks: Track  # (m, n)
    angle: Floats  # (2, m), to the other axis, radians in [0, π/2]
    start: Floats  # (2, m), unit coordinates

    def near(self, track: Track, reach: int) -> NDArray[np.bool_]:
        """Return which tracks stay within so many pixels of one."""
        return (np.abs(self.tracks - track) <= reach).all(axis=1)

    def angles(self, rows: Any, columns: Any) -> tuple[Any, Any]:
        """Return between what angles tracks of rows and of columns arise; low < high if any do."""
        low, high = self.angle[:, rows]
        lowest, highest = np.pi / 2 - self.angle[::-1, columns]
        return np.maximum(low, lowest), np.minimum(high, highest)

    def possible(self, track: Track) -> bool:
        """Return whether one angle leads to a digit's rows and to its columns."""
        rows, columns = (self.near(track[:, axis], reach=0).nonzero()[0] for axis in (0, 1))
        return bool(np.less(*self.angles(rows, columns)).any())


@functools.lru_cache(maxsize=8)
def _possible_tracks(n: int, size: int, step_length: float, rule: str) -> _Listed:
    # Rows and columns move by the same rule, each by itself, so one list serves both. Half a circle
    # of angles to the other axis is enough, because in the other half a coordinate moves alike.
    angles = ((np.arange(GRID) + 0.5) / GRID - 0.5) * np.pi
    starts = (np.arange(GRID) + 0.5) / GRID
    velocity = velocity_of(angles, step_length)[:, np.newaxis, [0, 0]]  # (GRID, 1, 2)
    paths = bounce_path(starts.reshape(-1, 2), velocity, n, rule)  # two starts at a time
    tracks = to_pixels(paths, size).swapaxes(-1, -2).reshape(-1, n)  # (GRID * GRID, n)
    one, kind = _distinct(tracks)
    margin = 4 / GRID  # what leads to a track tapers off between the points of the grid
    angle = _bounds(np.abs(angles).repeat(GRID), kind, len(one), margin * np.pi)
    start = _bounds(np.tile(starts, GRID), kind, len(one), margin)
    return _Listed(tracks[one], angle, np.minimum(start, 1))


def _bounds(values: Floats, kind: Track, n: int, margin: float) -> Floats:
    """Return the least and the largest value of each kind: ``(2, n)``."""
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(low, kind, values)
    np.maximum.at(high, kind, values)
    return np.stack([np.maximum(low - margin, 0), high + margin])


def _distinct(rows: Track) -> tuple[Track, Track]:
    """Return the index of one of each kind of row, and for each row, of which kind it is."""
    # Rows told by one number each: far faster than np.unique along an axis. A product that
    # overflows wraps round, so its odd factor keeps it a hash of the whole row.
    weights = np.cumprod(np.full(rows.shape[1], 6364136223846793005, np.uint64))
    hashed = rows.astype(np.uint64) @ weights
    _, one, kind = np.unique(hashed, return_index=True, return_inverse=True)
    return one, kind


@dataclass(eq=False)
class _Digit:
    track: Track  # (n, 2)
    sprite: Frames
    score: float = 0.0


class _Search:
    """The steps of `track`, on one sequence."""

    def __init__(self, frames: Frames, n_digits: int, step_length: float, rule: str) -> None:
        self.frames, self.n_digits = frames, n_digits
        self.thick = _thicken(frames)
        self.n, self.size = frames.shape[:2]
        self.listed = _possible_tracks(self.n, self.size, step_length, rule)
        starts = (np.arange(STARTS)[:, np.newaxis] + 0.5) / STARTS * [1, 1]
        velocity = velocity_of((np.arange(ANGLES) + 0.5) / ANGLES * 2 * np.pi, step_length)
        # Rows and columns of the map, (ANGLES, STARTS, n, 2): each row goes with each column.
        paths = bounce_path(starts, velocity[:, np.newaxis], self.n, rule)
        self.map = to_pixels(paths, self.size)
        self.best: tuple[float, bool, list[_Digit]] = (np.inf, True, [])

    def run(self) -> Tracks:
        if not self.extend([]):
            self.pair(self.best[2], self.refine_both)
        digits = self.place(self.best[2])
        digits.sort(key=lambda digit: -int(digit.sprite.sum(dtype=np.int64)))
        reason, left = "", self.left(digits)
        if left:
            unexplained = f"{left:,} of {self.frames.sum(dtype=np.int64):,} gray levels"
            reason = f"the best tracks leave {unexplained} unexplained"
        elif not self.possible(digits):
            reason = "tracks that give them are of another speed"
        return Tracks(*self.stack(digits), left, not reason, reason)

    def extend(self, digits: list[_Digit]) -> bool:
        """Add digits until there are enough; return whether they explain all."""
        k = len(digits)
        if k == self.n_digits:
            return self.pair(digits, self.refine)
        if self.left(digits) == 0 and self.possible(digits):
            raise ValueError(
                f"frames are explained by {k} digits: pass n_digits={k}, not {self.n_digits}"
            )
        painted, level = self.paint(digits), min(k, 1)
        chosen = self.shortlist(painted, TRIES[level])
        found = [self.refine(track, painted, turns=1) for track in chosen]
        found.sort(key=lambda digit: -digit.score)
        # Neighbors on the map often lead to the same digit, in windows that lie differently.
        other = {((digit.track - digit.track[0]).tobytes(), digit.score): digit for digit in found}
        return any(self.extend([*digits, digit]) for digit in [*other.values()][: KEPT[level]])

    def survey(self, painted: Frames) -> Track:
        """Return the best 1,500 tracks of the map, by every other pixel of the thick frames."""
        rest = _thicken(np.where(self.frames > painted, self.frames, 0))
        thick, unexplained = (
            _windows(frames)[..., ::2, ::2].reshape(self.n, -1, SIDE**2 // 4)
            for frames in (self.thick, rest)
        )
        take = functools.partial(np.take, axis=0)
        scores = np.empty((ANGLES, STARTS**2), np.int64)
        for score, rows, columns in zip(scores, *np.moveaxis(self.map, -1, 0), strict=True):
            corners = rows[:, np.newaxis] * (self.size - SIDE + 1) + columns  # (STARTS, STARTS, n)
            corners = corners.reshape(-1, self.n).T
            carved = functools.reduce(np.minimum, map(take, thick, corners))  # (STARTS ** 2, 196)
            if painted.any():
                new = (np.minimum(carved, some) for some in map(take, unexplained, corners))
                score[:] = np.sum([some.sum(axis=1, dtype=np.uint16) for some in new], axis=0)
            else:  # then all that is carved is new, in every frame
                score[:] = self.n * carved.sum(axis=1, dtype=np.int64)
        best = np.argsort(-scores, axis=None, kind="stable")[:1500]
        turn, row, column = np.unravel_index(best, (ANGLES, STARTS, STARTS))
        return np.stack([self.map[turn, row, :, 0], self.map[turn, column, :, 1]], axis=-1)

    def shortlist(self, painted: Frames, tries: int) -> list[Track]:
        """Return the best tracks of the survey that follow different digits."""
        tracks = self.survey(painted)
        score, carved = self.score(tracks, _thicken(painted), self.thick)
        of_digits = tracks + _off_center(carved)[:, np.newaxis]  # (1500, n, 2)
        order = np.argsort(-score, kind="stable")
        chosen: list[Track] = []
        while len(order) and len(chosen) < tries:
            chosen.append(tracks[order[0]])
            apart = np.abs(of_digits[order] - of_digits[order[0]]).sum(axis=-1).mean(axis=-1)
            order = order[apart > 4]
        return chosen

    def score(self, tracks: Track, painted: Frames, frames: Frames) -> tuple[Floats, Frames]:
        """Return what each track explains beyond what is painted, and its carving."""
        carved = _cut(frames, tracks).min(axis=-3)  # (m, 28, 28)
        known = _cut(painted, tracks)  # (m, n, 28, 28)
        added = np.maximum(carved[:, np.newaxis], known) - known  # (m, n, 28, 28)
        gain = added.reshape(len(tracks), -1).sum(axis=1, dtype=np.uint32)
        beyond = np.maximum(np.abs(_off_center(carved)) - 0.5, 0)
        return gain / 255 - PULL * np.minimum((beyond**2).sum(axis=-1), 60), carved

    def refine(self, track: Track, painted: Frames, turns: int = 2) -> _Digit:
        """Try the neighbors of the rows' track, then those of the columns' track."""
        for turn, axis in itertools.product(range(turns), (0, 1)):
            near = self.listed.near(track[:, axis], reach=3)
            if turn:  # from here on, both must be possible with one angle
                other = self.listed.near(track[:, 1 - axis], reach=0).argmax()
                near &= np.less(*self.listed.angles(slice(None), other))
            neighbors = self.listed.tracks[near] if near.any() else track[np.newaxis, :, axis]
            tried = np.repeat(track[np.newaxis], len(neighbors), axis=0)  # (m, n, 2)
            tried[:, :, axis] = neighbors
            digit = self.best_of(tried, painted)
            track = digit.track
        return digit

    def refine_both(self, track: Track, painted: Frames) -> _Digit:
        """Try the nearest neighbors on both axes at once, where one alone cuts through ink."""
        rows, columns = (self.listed.near(track[:, axis], reach=1).nonzero()[0] for axis in (0, 1))
        i, j = np.less(*self.listed.angles(rows[:, np.newaxis], columns)).nonzero()
        tracks = self.listed.tracks
        tried = np.stack([tracks[rows[i]], tracks[columns[j]]], axis=-1)  # (m, n, 2)
        return self.best_of(np.concatenate([track[np.newaxis], tried]), painted)

    def best_of(self, tried: Track, painted: Frames) -> _Digit:
        score, carved = self.score(tried, painted, self.frames)
        best = score.argmax()
        return _Digit(tried[best], carved[best], score[best])

    def pair(self, digits: list[_Digit], improve: Callable[[Track, Frames], _Digit]) -> bool:
        """Improve each digit given the others, while it helps; return whether they explain all."""
        left, before = self.left(digits), np.inf
        while left < before:
            possible = self.possible(digits)
            self.best = min(self.best, (left, not possible, digits), key=lambda best: best[:2])
            if left == 0 and possible:
                return True
            digits = list(digits)
            for i, digit in enumerate(digits):
                digits[i] = improve(digit.track, self.paint(digits[:i] + digits[i + 1 :]))
            before, left = left, self.left(digits)
        return False

    def possible(self, digits: list[_Digit]) -> bool:
        return all(self.listed.possible(digit.track) for digit in digits)

    def place(self, digits: list[_Digit]) -> list[_Digit]:
        """Clean sprites of what others explain, and center them where their tracks allow."""
        sure = self.clean(digits, digits)
        placed = [self.center(digit) for digit in self.clean(digits, sure)]
        return digits if self.left(placed) > self.left(digits) else placed

    def clean(self, digits: list[_Digit], others: list[_Digit]) -> list[_Digit]:
        """Blacken the pixels of each digit that the others explain in every frame."""
        cleaned = []
        for i, digit in enumerate(digits):
            painted = self.paint(others[:i] + others[i + 1 :])
            needed = (digit.sprite > _cut(painted, digit.track)).any(axis=0)
            cleaned.append(_Digit(digit.track, digit.sprite * needed))
        return cleaned

    def center(self, digit: _Digit) -> _Digit:
        track, sprite = digit.track, digit.sprite
        shift = np.floor(_off_center(sprite[np.newaxis])[0] + 0.5).astype(int)
        for axis in (0, 1):
            moved = track + shift * (np.arange(2) == axis)
            if self.listed.possible(moved):
                track, sprite = moved, np.roll(sprite, -shift[axis], axis)
        return _Digit(track, sprite)

    def stack(self, digits: list[_Digit]) -> tuple[Frames, Track]:
        sprites = np.array([digit.sprite for digit in digits], np.uint8)
        tracks = np.array([digit.track for digit in digits], np.int64)
        return sprites.reshape(-1, SIDE, SIDE), tracks.reshape(-1, self.n, 2)

    def paint(self, digits: list[_Digit]) -> Frames:
        return composite(*self.stack(digits), self.size)

    def left(self, digits: list[_Digit]) -> int:
        return int(np.abs(self.frames.astype(np.int64) - self.paint(digits)).sum())


def _windows(frames: Frames) -> Frames:
    """View each window that fits: ``(n, free + 1, free + 1, 28, 28)``."""
    return sliding_window_view(frames, (SIDE, SIDE), (1, 2))


def _cut(frames: Frames, tracks: Track) -> Frames:
    """Cut the window at each position of each track: ``(..., n, 28, 28)``."""
    return _windows(frames)[np.arange(len(frames)), tracks[..., 0], tracks[..., 1]]


def _thicken(frames: Frames) -> Frames:
    """Take the maximum of 3 by 3 pixels, so that a track may be off by one and still score."""
    padded = np.pad(frames, ((0, 0), (1, 1), (1, 1)))
    shifted = sliding_window_view(padded, frames.shape[1:], (1, 2))  # (n, 3, 3, size, size)
    return shifted.max(axis=(1, 2))


def _off_center(sprites: Frames) -> Floats:
    """Return how far each center of mass lies from (14, 14): ``(m, 2)``."""
    mass = np.stack([sprites.sum(axis=axis, dtype=np.int64) for axis in (2, 1)], axis=1)
    return mass @ np.arange(SIDE) / np.maximum(mass.sum(axis=2), 1) - CENTER  # of rows, of columns


def _check_frames(frames: Any, least: int = 1) -> Frames:
    frames, _ = check_frames(frames, "frames", (3,))
    check_digits(frames, name="frames")
    if len(frames) < least:
        raise ValueError(f"frames are {len(frames)}: pass {least} or more, to show a motion")
    if frames.shape[-1] < SIDE + (least > 1):
        raise ValueError(
            f"frames are {frames.shape[-1]} pixels wide: pass more than {SIDE}, so that digits move"
        )
    if least > 1 and not frames.any():
        raise ValueError("frames are black: pass a sequence in which digits can be seen")
    return np.ascontiguousarray(frames)
