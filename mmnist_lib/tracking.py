"""Find the digits of a film exactly, and predict as well as it allows. Chapter 7 explains it.

The idea: cut the window along a supposed track out of each frame, and keep each pixel's minimum.
Along the right track at least the digit is left; along a wrong one almost nothing is.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from ._checks import check_count, check_free_range
from .bouncing import bounce_path, check_rule
from .compositing import composite, to_pixels
from .loading import check_digits
from .trajectories import check_step_length, velocity_of

__all__ = ["Tracks", "carve", "futures_of", "oracle", "predict", "track"]

Frames = NDArray[np.uint8]
Pixels = NDArray[np.int64]

SIDE = 28
ANGLES, STARTS = 120, 24  # the map: 3 degrees, and 1.5 px on a canvas of 64
TRIES = (20, 10)  # how many places of the map to refine, for the first digit and for each other
KEPT = (8, 3)  # how many of those to go on with
CENTRE = (SIDE - 1) / 2 + 0.5  # MNIST puts the centre of mass within half a pixel of 14
PULL = 4.0  # white pixels in all frames that a digit costs for each px² that it lies off it


@dataclass(frozen=True, eq=False)  # arrays have no one truth to compare by
class Tracks:
    """What `track` found in a film of n frames with k digits, the heavier digit first.

    Attributes
    ----------
    sprites : uint8, ``(k, 28, 28)``
        The digits.
    positions : int64, ``(k, n, 2)``
        Pixel row and column of each digit's top-left corner, in each frame.
    residual : int
        What `composite` of these leaves unexplained, summed over all pixels, white being 255.
        Never negative; 0 means that it gives the very frames.
    exact : bool
        Whether the residual is 0, and each track possible with one angle and the given speed.
        Otherwise do not believe the rest. It does not mean that nothing else fits: pixels that
        one digit covers in all frames stay open, and a speed that is off by a percent may pass.

    Examples
    --------
    >>> Tracks(np.zeros((2, 28, 28), np.uint8), np.zeros((2, 10, 2), int), 0, False).residual
    0
    """

    sprites: Frames
    positions: Pixels
    residual: int
    exact: bool


def carve(frames: Frames, positions: ArrayLike) -> Frames:
    """Cut windows along tracks, and keep the darkest value of each pixel.

    Parameters
    ----------
    frames : uint8 array of shape ``(n, size, size)``
        The film.
    positions : array_like of int, shape ``(..., n, 2)``
        Tracks: pixel row and column of the window's top-left corner, on the canvas.

    Returns
    -------
    uint8 array of shape ``(..., 28, 28)``
        What stands still in the moving window. Along a digit's true track nowhere darker
        than the digit.

    Raises
    ------
    IndexError
        If a window leaves the canvas.

    Examples
    --------
    >>> film = composite(np.full((1, 28, 28), 9, np.uint8), [[[0, 0], [0, 4]]])
    >>> int(carve(film, [[0, 0], [0, 4]]).min()), int(carve(film, [[0, 0], [30, 4]]).max())
    (9, 0)
    """
    return _cut(frames, np.asarray(positions)).min(axis=-3)


def track(
    frames: Frames, *, n_digits: int = 2, step_length: float = 0.1, rule: str = "clamp"
) -> Tracks:
    """Find the digits of a film and their tracks, without any training.

    Parameters
    ----------
    frames : uint8 array of shape ``(n, size, size)``
        The film, 3 frames or more. With three, other digits or tracks give the same frames in
        about one film of ten; with ten frames hardly ever.
    n_digits : int, default 2
        How many digits it shows. More take longer, and fail more often.
    step_length : float, default 0.1
        Their speed in unit coordinates per frame, as in `MovingMNIST`. It must be known. If it
        is not, try several, and keep those that are exact.
    rule : {"clamp", "reflect"}, default "clamp"
        How they meet a wall, see `bounce_path`.

    Returns
    -------
    Tracks
        The best explanation that was found. For a film of another process (noise, another
        speed or rule, another number of digits) its `exact` is False.

    Raises
    ------
    TypeError
        If `frames` is no array of uint8, `n_digits` no integer or `step_length` no number.
    ValueError
        If there are fewer than 3 frames, they are not square or too small, all are black, one
        digit fewer explains them, or another argument is out of its range.

    Notes
    -----
    1. *Survey*: score 69,120 suppositions (angle, start row, start column) on thickened frames.
    2. *Refine* the best of them: in a list of all whole-pixel paths of one coordinate, try the
       neighbours of its rows, then those of its columns.
    3. *Pair*: take the digit away, survey what is left, and refine each digit given the others,
       until nothing is unexplained.
    4. *Place*: where no bounce tells where in its window a digit lies, its centre of mass does,
       which MNIST puts at (14, 14), give or take half a pixel. Sprites that are not centred so
       are placed wrongly, and nothing tells.

    The first film of a size and length takes seconds longer: all its paths are listed.

    Examples
    --------
    >>> from mmnist_lib import MovingMNIST, load_mnist
    >>> data = MovingMNIST(load_mnist("sample")[1][0], seed=6)
    >>> found = track(data[0][:10])
    >>> found.exact, found.positions.shape
    (True, (2, 10, 2))
    """
    frames = _check_frames(frames)
    n_digits = check_count(n_digits, "n_digits")
    check_rule(rule)
    step_length = check_step_length(step_length)
    if step_length == 0:
        raise ValueError("step_length=0 moves nothing: give the speed of the digits, above 0")
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

    Parameters
    ----------
    frames : uint8 array of shape ``(n, size, size)``
        The film so far, as of `track`.
    n_frames : int, default 10
        How many frames to predict.
    estimate : {"mean", "median", "most_probable"}, default "mean"
        Which film, see `oracle`.
    n_digits : int, default 2
        As of `track`.
    step_length : float, default 0.1
        As of `track`.
    rule : {"clamp", "reflect"}, default "clamp"
        As of `track`.

    Returns
    -------
    float32 array of shape ``(n_frames, size, size)``
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        As of `track`; and ValueError if its answer is not exact. There is no guess then, since it
        would look as sure as the right one. `oracle` makes it from what `track` found.

    Examples
    --------
    >>> from mmnist_lib import MovingMNIST, load_mnist, mse
    >>> film = MovingMNIST(load_mnist("sample")[1][0], seed=6)[0]
    >>> bool(mse(predict(film[:10])[np.newaxis], film[np.newaxis, 10:] / 255) < 20)
    True
    """
    _check_estimate(estimate)
    check_count(n_frames, "n_frames")
    found = track(frames, n_digits=n_digits, step_length=step_length, rule=rule)
    if not found.exact:
        unexplained = f"{found.residual:,} of {frames.sum(dtype=np.int64):,} grey levels"
        raise ValueError(
            f"frames are not of {n_digits} digits with step_length={step_length} and "
            f"rule={rule!r}: "
            + (
                f"the best tracks leave {unexplained} unexplained"
                if found.residual
                else "tracks that give them are of another speed"
            )
            + "; give the settings that made them, and frames without noise"
        )
    size = frames.shape[-1]
    known = {"size": size, "step_length": step_length, "rule": rule}
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
    """Predict from the true digits and their true whole-pixel tracks.

    No predictor that sees frames knows more, so on average none has a smaller error. What stays
    unknown is where between the pixels a digit started, and its angle: all that agree with the
    track are equally likely.

    Parameters
    ----------
    sprites : uint8 array of shape ``(k, 28, 28)``
        The digits.
    positions : array_like of int, shape ``(k, n, 2)``
        Their tracks so far.
    n_frames : int, default 10
        How many frames to predict.
    estimate : {"mean", "median", "most_probable"}, default "mean"
        - ``"mean"``: each pixel's mean over all futures. Least MSE.
        - ``"median"``: each pixel's median. Least MAE.
        - ``"most_probable"``: each digit on its most probable track. Sharp.
    size : int, default 64
        Height and width of the canvas in pixels.
    step_length : float, default 0.1
        As of `track`.
    rule : {"clamp", "reflect"}, default "clamp"
        As of `track`.

    Returns
    -------
    float32 array of shape ``(n_frames, size, size)``
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit `composite`, an argument is out of its range, or a track is
        impossible with this `step_length` and `rule`.

    Examples
    --------
    >>> sprite = np.full((1, 28, 28), 255, np.uint8)
    >>> film = oracle(sprite, [[[3, 0], [3, 3], [3, 7]]], n_frames=1)
    >>> film[0, 10, 8:14]  # it steps by 3 or 4 pixels, as in the input
    array([0., 0., 1., 1., 1., 1.], dtype=float32)
    """
    _check_estimate(estimate)
    composite(sprites, positions, size)  # for what it refuses
    sprites, positions = np.asarray(sprites), np.asarray(positions)
    n_frames = check_count(n_frames, "n_frames")
    futures = [futures_of(at, n_frames, size, step_length, rule) for at in positions]
    if estimate == "most_probable":
        best = np.stack([likeliest for _, likeliest in futures])
        return (composite(sprites, best, size) / 255).astype(np.float32)
    film = np.empty((n_frames, size, size), np.float32)
    for t in range(n_frames):
        # A pixel of the film is the brighter of independent ones, so it is at most z if all
        # of them are: their cumulative distributions multiply.
        at_most = np.ones((size * size, 256))
        for sprite, (places, _) in zip(sprites, futures, strict=True):
            touched, chance = _at_most(sprite, places[t], size)
            at_most[touched] *= chance
        if estimate == "mean":
            value = (1 - at_most[:, :-1]).sum(axis=1)
        else:
            value = (at_most >= 0.5 - 1e-9).argmax(axis=1)
        film[t] = value.reshape(size, size) / 255
    return film


def futures_of(
    past: ArrayLike,
    n_frames: int = 10,
    size: int = 64,
    step_length: float = 0.1,
    rule: str = "clamp",
) -> tuple[NDArray[np.float64], Pixels]:
    """Tell where a digit may be next, given its whole-pixel track so far.

    Starts and angles on a fine grid are followed; those that agree with the past are counted.

    Parameters
    ----------
    past : array_like of int, shape ``(n, 2)``
        Its track.
    n_frames : int, default 10
        How many frames to look ahead.
    size : int, default 64
        Height and width of the canvas in pixels.
    step_length : float, default 0.1
        As of `track`.
    rule : {"clamp", "reflect"}, default "clamp"
        As of `track`.

    Returns
    -------
    places : float64 array of shape ``(n_frames, free + 1, free + 1)``
        The probability of each row and column, with ``free = size - 28``; 1 in all per frame.
    likeliest : int64 array of shape ``(n_frames, 2)``
        The most probable whole track.

    Raises
    ------
    ValueError
        If the track is impossible.

    Examples
    --------
    >>> places, likeliest = futures_of([[3, 0], [3, 3], [3, 7]], n_frames=1)
    >>> places.shape, float(places.sum().round(6)), likeliest
    ((1, 37, 37), 1.0, array([[ 3, 10]]))
    """
    past, free = np.asarray(past), check_free_range(size, SIDE)
    impossible = ValueError(
        f"past from {past[0]} to {past[-1]} is no track of a digit with step_length={step_length} "
        f"and rule={rule!r}: give the settings that made it"
    )
    listed = _possible_paths(len(past), free, step_length, rule)
    allowed = _angles_of(past, listed)
    if allowed is None:
        raise impossible
    row, column, low, high = allowed
    fine = low + (np.arange(160) + 0.5) / 160 * (high - low)
    angles = np.concatenate([fine, -fine, np.pi - fine, np.pi + fine])
    tracks, tables = [], []
    for axis, path in enumerate((row, column)):
        first, last = listed.first[path], listed.last[path]
        starts = first + (np.arange(96) + 0.5) / 96 * (last - first)
        velocity = velocity_of(angles, step_length)[:, axis]
        pixels = _follow(starts, velocity[:, np.newaxis], len(past), free, rule)
        turn, start = (pixels == past[:, axis]).all(axis=-1).nonzero()
        ahead = _follow(starts[start], velocity[turn], len(past) + n_frames, free, rule)
        ahead = ahead[:, len(past) :]
        one, which = _distinct(ahead)
        tracks.append(ahead[one])
        tables.append(np.zeros((len(angles), len(one))))
        np.add.at(tables[-1], (turn, which), 1)
    joint = tables[0].T @ tables[1]  # one angle for both axes; given it, they are independent
    if not joint.any():
        raise impossible
    joint /= joint.sum()
    places = np.zeros((n_frames, free + 1, free + 1))
    for t in range(n_frames):
        np.add.at(places[t], np.ix_(tracks[0][:, t], tracks[1][:, t]), joint)
    best = np.unravel_index(joint.argmax(), joint.shape)
    likeliest = np.stack([tracks[axis][best[axis]] for axis in (0, 1)], axis=-1)
    return places, likeliest


def _at_most(
    sprite: Frames, places: NDArray[np.float64], size: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Tell which pixels the sprite may touch, and how probably each of them is at most z."""
    at = np.argwhere(places > 0)
    window = np.arange(SIDE)[:, np.newaxis] * size + np.arange(SIDE)
    reached = (at[:, :1] * size + at[:, 1:]) + window.ravel()
    touched = np.zeros(size * size, bool)
    touched[reached] = True
    chance = np.zeros((touched.sum(), 256))
    row = (touched.cumsum() - 1)[reached]
    np.add.at(chance, (row, sprite.ravel()), places[places > 0][:, np.newaxis])
    chance[:, 0] += 1 - chance.sum(axis=1)  # where the window does not reach, black
    return touched, chance.cumsum(axis=1)


@dataclass(frozen=True, eq=False)
class _Listed:
    """All whole-pixel paths of one coordinate; for each, what angles and starts lead to it."""

    paths: Pixels  # (m, n)
    low: NDArray[np.float64]  # |angle| to the other axis, radians in [0, π/2]
    high: NDArray[np.float64]
    first: NDArray[np.float64]  # starts, unit coordinates
    last: NDArray[np.float64]


@functools.lru_cache(maxsize=8)
def _possible_paths(n: int, free: int, step_length: float, rule: str) -> _Listed:
    count = 1024
    tilts = ((np.arange(count) + 0.5) / count - 0.5) * np.pi
    starts = (np.arange(count) + 0.5) / count
    velocity = step_length * np.sin(tilts)[:, np.newaxis]
    pixels = _follow(starts, velocity, n, free, rule).reshape(-1, n)
    one, which = _distinct(pixels)
    bounds = []
    for values, room in ((np.abs(tilts).repeat(count), np.pi), (np.tile(starts, count), 1.0)):
        low, high = np.full(len(one), np.inf), np.full(len(one), -np.inf)
        np.minimum.at(low, which, values)
        np.maximum.at(high, which, values)
        margin = 4 * room / count  # what leads to a path tapers off between the points of the grid
        bounds += [low - margin, high + margin]
    return _Listed(
        pixels[one],
        np.maximum(bounds[0], 0),
        bounds[1],
        np.maximum(bounds[2], 0),
        np.minimum(bounds[3], 1),
    )


def _distinct(rows: Pixels) -> tuple[Pixels, Pixels]:
    """Return the index of one of each kind of row, and for each row, of which kind it is."""
    # Rows told by one number each: far faster than np.unique along an axis. A product that
    # overflows wraps round, so its odd factor keeps it a hash of the whole row.
    weights = np.cumprod(np.full(rows.shape[1], 6364136223846793005, np.uint64))
    hashed = rows.astype(np.uint64) @ weights
    _, one, which = np.unique(hashed, return_index=True, return_inverse=True)
    return one, which


def _angles_of(at: Pixels, listed: _Listed) -> tuple[int, int, float, float] | None:
    """Return which paths the rows and columns take, and between what angles both are possible."""
    which = [(listed.paths == at[:, axis]).all(axis=1).nonzero()[0] for axis in (0, 1)]
    if not all(map(len, which)):
        return None
    row, column = int(which[0][0]), int(which[1][0])
    low = max(listed.low[row], np.pi / 2 - listed.high[column])
    high = min(listed.high[row], np.pi / 2 - listed.low[column])
    return (row, column, low, high) if low < high else None


def _follow(start: ArrayLike, velocity: ArrayLike, n: int, free: int, rule: str) -> Pixels:
    """Follow one coordinate in whole pixels: ``(..., n)``."""
    both = np.stack(np.broadcast_arrays(start, velocity))[..., np.newaxis].repeat(2, axis=-1)
    return to_pixels(bounce_path(both[0], both[1], n, rule), free + SIDE, SIDE)[..., 0]


@dataclass(eq=False)
class _Digit:
    at: Pixels  # (n, 2)
    sprite: Frames
    score: float


class _Search:
    """The steps of `track`, on one film."""

    def __init__(self, frames: Frames, n_digits: int, step_length: float, rule: str) -> None:
        self.frames, self.n_digits = frames, n_digits
        self.step_length, self.rule = step_length, rule
        self.n, self.size = frames.shape[:2]
        self.free = self.size - SIDE
        self.thick = _thicken(frames)
        self.listed = _possible_paths(self.n, self.free, step_length, rule)
        self.best: tuple[int, bool, list[_Digit]] | None = None

    def run(self) -> Tracks:
        found = self.extend([])
        assert self.best is not None
        if not found:
            self.pair(self.best[2], both=True)
        digits = self.place(self.best[2])
        digits.sort(key=lambda digit: -int(digit.sprite.sum(dtype=np.int64)))
        sprites = np.stack([digit.sprite for digit in digits])
        positions = np.stack([digit.at for digit in digits])
        left = self.left(digits)
        return Tracks(sprites, positions, left, left == 0 and self.possible(digits))

    def extend(self, digits: list[_Digit]) -> bool:
        """Add digits until there are enough; tell whether they explain all."""
        if len(digits) == self.n_digits:
            return self.pair(digits)
        if self.left(digits) == 0 and self.possible(digits):
            raise ValueError(
                f"frames are explained by {len(digits)} digits: give n_digits={len(digits)}, "
                f"not {self.n_digits}"
            )
        painted = self.paint(digits)
        level = min(len(digits), 1)
        found = [self.refine(at, painted, turns=1) for at in self.shortlist(painted, TRIES[level])]
        found.sort(key=lambda digit: -digit.score)
        # Neighbouring places often lead to the same digit, in windows that lie differently.
        other = {((digit.at - digit.at[0]).tobytes(), digit.score): digit for digit in found}
        return any(self.extend([*digits, digit]) for digit in [*other.values()][: KEPT[level]])

    def survey(self, painted: Frames) -> tuple[NDArray[np.int64], Pixels]:
        """Score each angle and start, on every other pixel of the thick frames."""
        rest = _thicken(np.where(self.frames > painted, self.frames, 0))
        windows, unexplained = (
            sliding_window_view(film, (SIDE, SIDE), (1, 2))[..., ::2, ::2].reshape(
                self.n, (self.free + 1) ** 2, -1
            )
            for film in (self.thick, rest)
        )
        angles = (np.arange(ANGLES) + 0.5) / ANGLES * 2 * np.pi
        starts = np.repeat((np.arange(STARTS) + 0.5) / STARTS, 2).reshape(-1, 2)
        velocity = velocity_of(angles, self.step_length)[:, np.newaxis]
        at = to_pixels(bounce_path(starts, velocity, self.n, self.rule), self.size, SIDE)
        scores = np.empty((ANGLES, STARTS**2), np.int64)
        for turn, (rows, columns) in enumerate(zip(at[..., 0], at[..., 1], strict=True)):
            where = (rows[:, np.newaxis] * (self.free + 1) + columns).reshape(-1, self.n)
            carved = windows[0, where[:, 0]]
            for t in range(1, self.n):
                np.minimum(carved, windows[t, where[:, t]], out=carved)
            scores[turn] = sum(
                np.minimum(carved, unexplained[t, where[:, t]]).sum(axis=1, dtype=np.int64)
                for t in range(self.n)
            )
        return scores.reshape(ANGLES, STARTS, STARTS), at

    def shortlist(self, painted: Frames, tries: int) -> list[Pixels]:
        """Return the best tracks of the survey that follow different digits."""
        scores, at = self.survey(painted)
        turn, row, column = np.unravel_index(
            np.argsort(-scores, axis=None, kind="stable")[:1500], scores.shape
        )
        at = np.stack([at[turn, row, :, 0], at[turn, column, :, 1]], axis=-1)
        score, carved = self.score(at, _thicken(painted), self.thick)
        digit_at = at + _off_centre(carved)[:, np.newaxis]
        order = np.argsort(-score, kind="stable")
        chosen: list[Pixels] = []
        while len(order) and len(chosen) < tries:
            chosen.append(at[order[0]])
            apart = np.abs(digit_at[order] - digit_at[order[0]]).sum(axis=-1).mean(axis=-1)
            order = order[apart > 4]
        return chosen

    def score(
        self, at: Pixels, painted: Frames, frames: Frames
    ) -> tuple[NDArray[np.float64], Frames]:
        """Return what each track explains beyond what is painted, and its carving."""
        carved, known = carve(frames, at), _cut(painted, at)
        added = np.maximum(carved[:, np.newaxis], known) - known
        gain = added.reshape(len(at), -1).sum(axis=1, dtype=np.uint32)
        beyond = np.maximum(np.abs(_off_centre(carved)) - 0.5, 0)
        return gain / 255 - PULL * np.minimum((beyond**2).sum(axis=-1), 60), carved

    def refine(self, at: Pixels, painted: Frames, turns: int) -> _Digit:
        """Try the neighbours of the row path, then those of the column path."""
        listed = self.listed
        for turn in range(turns):
            for axis in (0, 1):
                near = (np.abs(listed.paths - at[:, axis]) <= 3).all(axis=1)
                if turn:  # from here on, both must be possible with one angle
                    other = (listed.paths == at[:, 1 - axis]).all(axis=1).argmax()
                    near &= listed.low <= np.pi / 2 - listed.low[other]
                    near &= listed.high >= np.pi / 2 - listed.high[other]
                trial = np.repeat(at[np.newaxis], max(near.sum(), 1), axis=0)
                if near.any():
                    trial[:, :, axis] = listed.paths[near]
                digit = self.best_of(trial, painted)
                at = digit.at
        return digit

    def refine_both(self, at: Pixels, painted: Frames) -> _Digit:
        """Try the nearest neighbours of both paths at once, where one alone cuts through ink."""
        listed = self.listed
        rows, columns = (
            (np.abs(listed.paths - at[:, axis]) <= 1).all(axis=1).nonzero()[0] for axis in (0, 1)
        )
        one_angle = listed.low[rows, np.newaxis] <= np.pi / 2 - listed.low[columns]
        one_angle &= listed.high[rows, np.newaxis] >= np.pi / 2 - listed.high[columns]
        i, j = one_angle.nonzero()
        trial = np.stack([listed.paths[rows[i]], listed.paths[columns[j]]], axis=-1)
        return self.best_of(np.concatenate([at[np.newaxis], trial]), painted)

    def best_of(self, trial: Pixels, painted: Frames) -> _Digit:
        score, carved = self.score(trial, painted, self.frames)
        best = score.argmax()
        return _Digit(trial[best], carved[best], score[best])

    def pair(self, digits: list[_Digit], both: bool = False) -> bool:
        """Improve each digit given the others, while it helps; tell whether they explain all."""
        left, before = self.left(digits), None
        while before is None or left < before:
            possible = self.possible(digits)
            if self.best is None or (left, not possible) < self.best[:2]:
                self.best = left, not possible, digits
            if left == 0 and possible:
                return True
            digits = list(digits)
            for i, digit in enumerate(digits):
                others = self.paint(digits[:i] + digits[i + 1 :])
                if both:
                    digits[i] = self.refine_both(digit.at, others)
                else:
                    digits[i] = self.refine(digit.at, others, turns=2)
            before, left = left, self.left(digits)
        return False

    def possible(self, digits: list[_Digit]) -> bool:
        return all(_angles_of(digit.at, self.listed) is not None for digit in digits)

    def place(self, digits: list[_Digit]) -> list[_Digit]:
        """Clean each sprite of what others explain, and centre it where its track allows."""
        sure = [self.clean(digits, digits, i) for i in range(len(digits))]
        placed = []
        for i in range(len(digits)):
            digit = self.clean(digits, sure, i)
            at, sprite = digit.at, digit.sprite
            shift = np.floor(_off_centre(sprite[np.newaxis])[0] + 0.5).astype(int)
            for axis in (0, 1):
                moved = at + shift * (np.arange(2) == axis)
                if _angles_of(moved, self.listed) is not None:
                    at, sprite = moved, np.roll(sprite, -shift[axis], axis)
            placed.append(_Digit(at, sprite, digit.score))
        return digits if self.left(placed) > self.left(digits) else placed

    def clean(self, digits: list[_Digit], others: list[_Digit], i: int) -> _Digit:
        """Blacken the pixels of digit i that the others explain in every frame."""
        digit, painted = digits[i], self.paint(others[:i] + others[i + 1 :])
        needed = (digit.sprite > _cut(painted, digit.at)).any(axis=0)
        return _Digit(digit.at, np.where(needed, digit.sprite, np.uint8(0)), digit.score)

    def paint(self, digits: list[_Digit]) -> Frames:
        if not digits:
            return np.zeros_like(self.frames)
        sprites, at = zip(*((digit.sprite, digit.at) for digit in digits), strict=True)
        return composite(np.stack(sprites), np.stack(at), self.size)

    def left(self, digits: list[_Digit]) -> int:
        return int(np.abs(self.frames.astype(np.int64) - self.paint(digits)).sum())


def _thicken(frames: Frames) -> Frames:
    """Take the maximum of 3 by 3 pixels, so that a track may be off by one and still score."""
    padded = np.pad(frames, ((0, 0), (1, 1), (1, 1)))
    rows = np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    return np.maximum(np.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])


def _cut(frames: Frames, at: Pixels) -> Frames:
    """Cut the window at each place of each track: ``(..., n, 28, 28)``."""
    windows = sliding_window_view(frames, (SIDE, SIDE), (1, 2))
    return windows[np.arange(len(frames)), at[..., 0], at[..., 1]]


def _off_centre(sprites: Frames) -> NDArray[np.float64]:
    """Return how far each centre of mass lies from (14, 14): ``(m, 2)``."""
    mass = np.maximum(sprites.sum(axis=(1, 2), dtype=np.int64), 1)
    rows = sprites.sum(axis=2, dtype=np.int64) @ np.arange(SIDE)
    columns = sprites.sum(axis=1, dtype=np.int64) @ np.arange(SIDE)
    return np.stack([rows, columns], axis=-1) / mass[:, np.newaxis] - CENTRE


def _check_frames(frames: Any) -> Frames:
    check_digits(frames, name="frames")
    if len(frames) < 3:
        raise ValueError(f"frames are {len(frames)}: give 3 or more, a motion needs them")
    if frames.shape[-1] <= SIDE:
        raise ValueError(
            f"frames are {frames.shape[-1]} pixels wide: give more than {SIDE}, so that digits move"
        )
    if not frames.any():
        raise ValueError("frames are black: give a film in which digits are to be seen")
    return np.ascontiguousarray(frames)


def _check_estimate(estimate: str) -> None:
    if estimate not in ("mean", "median", "most_probable"):
        raise ValueError(
            f"estimate={estimate!r} is unknown: choose 'mean', 'median' or 'most_probable'"
        )
