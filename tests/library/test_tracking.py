"""The exact predictor: right on sequences of the rule, and honest about all others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmnist_lib import (
    MovingMNIST,
    bounce_path,
    carve,
    composite,
    futures_of,
    load_mnist,
    mae,
    mse,
    oracle,
    predict,
    to_pixels,
    track,
    tracking,
    velocity_of,
)

IMAGES = load_mnist("sample")[1][0]
few = settings(max_examples=5)  # a sequence takes half a second
seeds = st.integers(0, 10_000)
square = np.full((1, 28, 28), 255, np.uint8)


def sequence_of(seed, n_frames=10, **rule):
    data = MovingMNIST(IMAGES, seed=seed, n_frames=n_frames, **rule)
    truth = data.truth(0)
    return data[0], IMAGES[truth.digits], truth.track


def assert_found(found, sprites, positions):
    """All digits are there, each with its track, the heavier first."""
    assert found.exact and found.residual == 0
    order = np.argsort(-sprites.sum(axis=(1, 2), dtype=int), kind="stable")
    np.testing.assert_array_equal(found.positions, positions[order])
    np.testing.assert_array_equal(found.sprites, sprites[order])


# ---- the rule's own sequences ----


@pytest.mark.parametrize("seed", range(70, 82))
def test_both_digits_and_both_tracks_are_found(seed):
    frames, sprites, positions = sequence_of(seed)
    found = track(frames)
    assert_found(found, sprites, positions)
    assert found.sprites.dtype == np.uint8 and found.positions.dtype == np.int64


@pytest.mark.parametrize(
    "rule",
    [
        {"n_digits": 1},
        {"n_digits": 3},
        {"rule": "reflect"},
        {"step_length": 0.2},
        {"size": 48},
        {"n_frames": 7},
    ],
    ids=str,
)
def test_other_settings_are_found_if_they_are_told(rule):
    frames, sprites, positions = sequence_of(4, **rule)
    told = {name: rule[name] for name in rule if name not in ("size", "n_frames")}
    assert_found(track(frames, **told), sprites, positions)


@few
@given(seeds)
def test_a_residual_of_0_gives_the_very_frames(seed):
    frames, _, _ = sequence_of(seed)
    found = track(frames)
    painted = composite(found.sprites, found.positions).astype(int)
    assert found.residual == np.abs(frames - painted).sum() >= 0
    assert found.exact and np.array_equal(painted, frames)


@few
@given(seeds)
def test_transposed_frames_have_the_transposed_answer(seed):
    frames, _, _ = sequence_of(seed)
    found, turned = track(frames), track(frames.transpose(0, 2, 1).copy())
    assert found.exact and turned.exact
    np.testing.assert_array_equal(turned.sprites, found.sprites.transpose(0, 2, 1))
    np.testing.assert_array_equal(turned.positions, found.positions[..., ::-1])


def test_the_order_in_which_digits_are_drawn_does_not_matter():
    _, sprites, positions = sequence_of(5)
    found, other = (
        track(composite(sprites[order], positions[order])) for order in ([0, 1], [1, 0])
    )
    np.testing.assert_array_equal(found.positions, other.positions)
    np.testing.assert_array_equal(found.sprites, other.sprites)


def test_the_same_sequence_has_the_same_answer_whatever_the_global_seed_is():
    frames, _, _ = sequence_of(6)
    answers = []
    for seed in (0, 1):
        np.random.seed(seed)  # noqa: NPY002
        answers.append(predict(frames))
    np.testing.assert_array_equal(*answers)


def test_the_frames_are_left_as_they_are():
    frames, _, _ = sequence_of(7)
    before = frames.copy()
    frames.setflags(write=False)
    track(frames)
    np.testing.assert_array_equal(frames, before)


def test_a_view_with_gaps_in_memory_is_a_sequence_too():
    frames, sprites, positions = sequence_of(7, n_frames=20)
    assert_found(track(frames[::1, :, :][:10]), sprites, positions[:, :10])
    wide = np.zeros((10, 64, 128), np.uint8)
    wide[..., ::2] = frames[:10]
    assert_found(track(wide[..., ::2]), sprites, positions[:, :10])


# ---- sequences of another process ----


def noisy(frames):
    noise = np.random.default_rng(0).normal(0, 5, frames.shape)
    return (frames + noise).clip(0, 255).astype(np.uint8)


OTHERS = {
    "noise": noisy(sequence_of(8)[0]),
    "another speed": sequence_of(13, step_length=0.12)[0],
    "the mirror rule": sequence_of(9, rule="reflect")[0],
    "three digits": sequence_of(8, n_digits=3)[0],
    "shuffled in time": sequence_of(8)[0][[3, 0, 7, 1, 9, 5, 2, 8, 6, 4]],
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_sequence_of_another_process_gets_no_confident_answer(name):
    says = (
        rf"leave [\d,]+ of {OTHERS[name].sum():,} gray|tracks that give them are of another speed"
    )
    with pytest.raises(ValueError, match=says):
        predict(OTHERS[name])


def test_tracks_that_are_impossible_at_the_given_speed_are_not_exact():
    # Each coordinate alone could have the slower speed, so that the frames can be rebuilt.
    found = track(OTHERS["another speed"])
    assert found.residual == 0 and not found.exact
    assert found.reason == "tracks that give them are of another speed"
    np.testing.assert_array_equal(
        composite(found.sprites, found.positions), OTHERS["another speed"]
    )


def test_one_digit_less_is_said():
    frames, _, _ = sequence_of(8, n_digits=1)
    with pytest.raises(ValueError, match="explained by 1 digits: pass n_digits=1, not 2"):
        track(frames)


@few
@given(st.integers(0, 10), st.integers(1, 40))
def test_the_residual_of_random_ink_is_what_is_left(seed, strokes):
    rng = np.random.default_rng(seed)
    frames = np.zeros((3, 40, 40), np.uint8)
    frames[tuple(rng.integers(0, n, strokes) for n in frames.shape)] = 255
    try:
        found = track(frames)
    except ValueError as error:  # a single dot is one digit
        assert "n_digits=1" in str(error)
        return
    painted = composite(found.sprites, found.positions, 40).astype(int)
    assert found.residual == np.abs(frames - painted).sum()


@pytest.mark.parametrize(
    ("frames", "error", "says"),
    [
        (np.zeros((10, 64, 64), np.uint8), ValueError, "frames are black: pass a sequence"),
        (np.ones((2, 64, 64), np.uint8), ValueError, "frames are 2: pass 3 or more"),
        (np.ones((0, 64, 64), np.uint8), ValueError, "frames"),
        (np.ones((10, 28, 28), np.uint8), ValueError, "28 pixels wide: pass more than 28"),
        (np.ones((10, 64, 48), np.uint8), ValueError, "frames"),
        (np.ones((64, 64), np.uint8), ValueError, "frames"),
        (np.ones((10, 64, 64), np.float32), TypeError, "frames"),
        ([[1]], ValueError, "frames"),
    ],
)
def test_what_is_no_sequence_is_refused(frames, error, says):
    for function in (track, predict):
        with pytest.raises(error, match=says):
            function(frames)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"n_digits": 0}, ValueError, "n_digits"),
        ({"n_digits": 2.5}, TypeError, "n_digits"),
        ({"step_length": 0}, ValueError, "step_length=0 moves nothing"),
        ({"step_length": "fast"}, TypeError, "step_length"),
        ({"step_length": np.nan}, ValueError, "step_length"),
        ({"rule": "bounce"}, ValueError, "rule"),
    ],
)
def test_a_wrong_setting_is_named(wrong, error, says):
    frames, _, _ = sequence_of(8)
    for function in (track, predict):
        with pytest.raises(error, match=says):
            function(frames, **wrong)


def test_a_wrong_wish_is_named_before_the_search():
    with pytest.raises(ValueError, match="estimate='mode' is unknown: choose 'mean', 'median'"):
        predict("no sequence", estimate="mode")
    with pytest.raises(ValueError, match="n_frames"):
        predict("no sequence", n_frames=0)


# ---- parts of the search ----


def test_one_angle_leads_to_a_row_and_a_column_of_one_speed():
    still, slow, even, fast = [10] * 4, [10, 11, 12, 13], [10, 13, 17, 20], [10, 14, 18, 22]
    for seen in ((still, even), (even, still)):
        chances, _ = futures_of(np.transpose(seen), 1)
        nearly_along = chances[0].sum(axis=1 if seen[0] is still else 0)
        assert nearly_along[9:12].sum() == pytest.approx(1)
    for seen in ((still, slow), (even, even), (still, fast)):  # 3.6 pixels a frame: never 4 thrice
        with pytest.raises(ValueError, match="impossible"):
            futures_of(np.transpose(seen), 1)


def test_of_two_explanations_the_possible_one_is_kept():
    frames, sprites, positions = sequence_of(1, n_frames=12, n_digits=1)
    sprite = np.pad(sprites[0][2:-2, 2:-2], 2)  # with room to lie elsewhere in its window
    frames = composite(sprite[None], positions)
    search = tracking._Search(frames, 1, 0.1, "clamp")
    good = tracking._Digit(positions[0], sprite)
    bad = tracking._Digit(positions[0] - [1, 1], np.roll(sprite, 1, (0, 1)))
    assert (bad.track >= 0).all() and (bad.track <= 36).all()
    assert search.left([good]) == search.left([bad]) == 0
    assert search.possible([good]) and not search.possible([bad])
    search.pair([bad], search.refine)
    assert search.pair([good], search.refine)
    left, impossible, digits = search.best
    assert (left, impossible) == (0, False) and digits[0] is good


# ---- carve ----


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ([[-1, 0], [0, 4]], ValueError, "positions leave the canvas: row -1, column 0 in frame 0"),
        ([[0, 0], [0, 37]], ValueError, "positions leave the canvas: row 0, column 37 in frame 1"),
        ([[0.0, 0], [0, 4]], TypeError, "positions has dtype float64: pass integers"),
        ([[0, 0]], ValueError, r"pass \(\.\.\., 2, 2\), one for each frame"),
        ([], ValueError, "positions has shape"),
    ],
)
def test_windows_are_cut_on_the_canvas_only(wrong, error, words):
    with pytest.raises(error, match=words):
        carve(np.zeros((2, 64, 64), np.uint8), wrong)


@pytest.mark.parametrize("axis", [1, 3])
def test_an_axis_of_one_channel_is_understood(axis):
    frames, _, positions = sequence_of(10, n_digits=1)
    given_ = np.expand_dims(frames, axis)
    np.testing.assert_array_equal(carve(given_, positions), carve(frames, positions))
    np.testing.assert_array_equal(
        track(given_, n_digits=1).positions, track(frames, n_digits=1).positions
    )
    with pytest.raises(ValueError, match="3 channels: pass gray frames"):
        track(np.repeat(given_, 3, axis))


@pytest.mark.parametrize(
    ("seen", "error", "words"),
    [
        ([], ValueError, "track has shape"),
        ([[-1, 0], [0, 3], [0, 7]], ValueError, "track leave the canvas: row -1"),
        ([[40, 3], [40, 6], [40, 9]], ValueError, "track leave the canvas: row 40"),
        ([[0, 0], [1]], TypeError, "track is ragged"),
        ([[[0, 0], [0, 3], [0, 7]]], ValueError, r"pass \(n, 2\), one digit's"),
    ],
)
def test_what_is_no_track_has_no_future(seen, error, words):
    with pytest.raises(error, match=words):
        futures_of(seen)


def test_carving_is_the_minimum_of_the_windows():
    frames, _, positions = sequence_of(10)
    rng = np.random.default_rng(0)
    tracks = rng.integers(0, 37, (4, 3, 10, 2))
    carved = carve(frames, tracks)
    assert carved.shape == (4, 3, 28, 28) and carved.dtype == np.uint8
    for where in np.ndindex(4, 3):
        windows = [
            frame[row : row + 28, column : column + 28]
            for frame, (row, column) in zip(frames, tracks[where], strict=True)
        ]
        np.testing.assert_array_equal(carved[where], np.min(windows, axis=0))
    assert carve(frames, positions.tolist()).shape == (2, 28, 28)


@given(seeds)
def test_along_its_own_track_no_digit_is_eaten(seed):
    frames, sprites, positions = sequence_of(seed)
    assert (carve(frames, positions) >= sprites).all()


# ---- what may come ----


def sampled(start, angle, seen, n, rule="clamp", reach=(0.03, 0.06), draws=400_000):
    """Draw starts and angles evenly near the true ones; keep those that agree."""
    rng = np.random.default_rng(1)
    starts = start + rng.uniform(-reach[0], reach[0], (draws, 2))
    angles = angle + rng.uniform(-reach[1], reach[1], draws)
    inside = ((starts >= 0) & (starts < 1)).all(axis=1)
    velocity = velocity_of(angles[inside], 0.1)
    pixels = to_pixels(bounce_path(starts[inside], velocity, len(seen) + n, rule))
    return pixels[(pixels[:, : len(seen)] == seen).all(axis=(1, 2)), len(seen) :]


CASES = [((0.3, 0.4), 0.7, "clamp"), ((0.55, 0.2), 2.5, "clamp"), ((0.5, 0.7), 5.1, "reflect")]


@pytest.mark.parametrize(("start", "angle", "rule"), CASES)
def test_futures_are_as_probable_as_in_a_sample(start, angle, rule):
    seen = to_pixels(bounce_path(start, velocity_of(angle, 0.1), 10, rule))
    kept = sampled(start, angle, seen, 10, rule)
    assert len(kept) > 100
    chances, likeliest = futures_of(seen, 10, rule=rule)
    assert chances.shape == (10, 37, 37) and likeliest.shape == (10, 2)
    np.testing.assert_allclose(chances.sum(axis=(1, 2)), 1)
    for t in range(10):
        counted = np.zeros((37, 37))
        np.add.at(counted, tuple(kept[:, t].T), 1 / len(kept))
        # Five standard errors of a share, and a little for the grid.
        assert np.abs(counted - chances[t]).max() < 2.5 / np.sqrt(len(kept)) + 0.01
    shares = {one.tobytes(): (kept == one).all(axis=(1, 2)).mean() for one in kept}
    share = (kept == likeliest).all(axis=(1, 2)).mean()
    assert share > max(shares.values()) - 2.5 / np.sqrt(len(kept))


@settings(max_examples=20)
@given(seeds)
def test_what_comes_was_held_possible(seed):
    _, _, positions = sequence_of(seed, n_frames=20)
    for one in positions:
        chances, _ = futures_of(one[:10])
        assert (chances[np.arange(10), one[10:, 0], one[10:, 1]] > 0).mean() > 0.9


@pytest.mark.parametrize(
    "seen",
    [
        [[0, 0], [0, 9], [0, 18]],  # too fast
        [[3, 3], [3, 3], [3, 3]],  # too slow
        [[5, 5], [8, 5], [5, 5]],  # turns without a wall
        [[t, t] for t in range(3, 33, 3)],  # each coordinate is possible, but not at this speed
    ],
)
def test_an_impossible_track_is_refused(seen):
    with pytest.raises(ValueError, match=r"track from .* is impossible .* step_length=0\.1"):
        futures_of(seen)


def test_each_estimate_is_the_best_in_its_own_measure():
    _, sprites, positions = sequence_of(72, n_frames=20)
    seen = positions[:, :10]
    predictions = {
        estimate: oracle(sprites, seen, 10, estimate)
        for estimate in ("mean", "median", "most_probable")
    }
    # Many sequences that begin alike: each digit's own futures, paired at random.
    truth = MovingMNIST(IMAGES, seed=72).truth(0)
    angles = np.arctan2(*truth.velocity.T)
    kept = [sampled(truth.start[i], angles[i], seen[i], 10, draws=200_000)[:120] for i in (0, 1)]
    n = min(map(len, kept))
    assert n > 30
    futures = np.stack([composite(sprites, [kept[0][i], kept[1][i]]) for i in range(n)]) / 255
    square_errors, absolute_errors = (
        {kind: measure(np.repeat(one[None], n, 0), futures) for kind, one in predictions.items()}
        for measure in (mse, mae)
    )
    assert min(square_errors, key=square_errors.get) == "mean"
    assert min(absolute_errors, key=absolute_errors.get) == "median"
    np.testing.assert_allclose(predictions["mean"], futures.mean(axis=0), atol=2.5 / np.sqrt(n))
    levels = np.unique(predictions["most_probable"] * 255)
    assert np.isin(levels.round(), np.append(sprites, 0)).all(), "the sharp one is of whole ink"


def test_the_mean_of_two_places_is_drawn_as_worked_out_by_hand():
    # After rows 3, 3, 3 and columns 0, 3, 7 the next column is 10, unless it is 11.
    seen = [[[3, 0], [3, 3], [3, 7]]]
    chances, _ = futures_of(seen[0], 1)
    at_10 = chances[0, :, 10].sum()
    predicted = oracle(square, seen, 1)
    assert predicted.shape == (1, 64, 64) and predicted.dtype == np.float32
    np.testing.assert_allclose(predicted[0, 15, 9:12], [0, at_10, 1], atol=1e-6)
    sharp = oracle(square, seen, 1, "most_probable")
    np.testing.assert_array_equal(np.unique(sharp), [0, 1])


def test_a_sequence_is_predicted_as_well_as_if_all_were_known():
    frames, sprites, positions = sequence_of(73, n_frames=20)
    for estimate in ("mean", "median", "most_probable"):
        predicted = predict(frames[:10], 10, estimate)
        assert predicted.shape == (10, 64, 64) and predicted.dtype == np.float32
        assert predicted.min() >= 0 and predicted.max() <= 1
        known = oracle(sprites, positions[:, :10], 10, estimate)
        np.testing.assert_allclose(predicted, known, atol=1e-6)
    assert mse(predict(frames[:10])[None], frames[None, 10:] / 255) < 30


def test_a_sequence_of_other_settings_is_predicted_if_they_are_told():
    rule = {"n_digits": 1, "step_length": 0.15, "rule": "reflect", "size": 50}
    frames, sprites, positions = sequence_of(74, n_frames=14, **rule)
    size = rule.pop("size")
    predicted = predict(frames[:10], 4, "most_probable", **rule)
    del rule["n_digits"]
    known = oracle(sprites, positions[:, :10], 4, "most_probable", size=size, **rule)
    np.testing.assert_array_equal(predicted, known)


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"sprites": IMAGES[:3]}, ValueError, "positions"),
        ({"sprites": IMAGES[:2] / 255}, TypeError, "sprites"),
        ({"n_frames": 0}, ValueError, "n_frames"),
        ({"estimate": None}, ValueError, "estimate=None is unknown"),
        ({"size": 20}, ValueError, "size"),
        ({"rule": "none"}, ValueError, "rule"),
        ({"step_length": 0.3}, ValueError, "is impossible"),
    ],
)
def test_the_oracle_names_what_is_wrong(wrong, error, says):
    _, sprites, positions = sequence_of(75)
    given_ = {"sprites": sprites, "positions": positions} | wrong
    with pytest.raises(error, match=says):
        oracle(given_.pop("sprites"), given_.pop("positions"), **given_)
