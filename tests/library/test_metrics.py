"""The benchmark's metrics by hand and against scikit-image, and the baselines on real clips."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from skimage.metrics import structural_similarity

from mmnist_lib import MovingMNIST, load_mnist
from mmnist_lib.metrics import (
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

METRICS = [mse, mae, psnr, ssim]
BASELINES = [black, copy_last, extrapolate]
each_metric = pytest.mark.parametrize("metric", METRICS)
each_baseline = pytest.mark.parametrize("baseline", BASELINES)


@pytest.fixture(scope="module")
def clips():
    """Return inputs and targets: 200 sequences of bundled digits, as floats."""
    _, (images, labels) = load_mnist("sample")
    frames = MovingMNIST(images, labels, seed=5).batch(0, 200)
    return split_frames(frames / np.float32(255), 10)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).random(shape)


# split_frames


def test_the_split_is_along_the_third_axis_from_the_end():
    frames = np.arange(2 * 3 * 5 * 4 * 6).reshape(2, 3, 5, 4, 6)
    inputs, targets = split_frames(frames, 2)
    assert inputs.shape == (2, 3, 2, 4, 6) and targets.shape == (2, 3, 3, 4, 6)
    assert_array_equal(np.concatenate([inputs, targets], axis=2), frames)


@pytest.mark.parametrize("n_in", [1, np.int64(2), 4])
def test_a_single_clip_is_split_into_views(n_in):
    frames = np.zeros((5, 8, 8), np.uint8)
    inputs, targets = split_frames(frames, n_in)
    assert len(inputs) == n_in and len(targets) == 5 - n_in
    assert inputs.base is frames and targets.base is frames


@pytest.mark.parametrize(
    ("shape", "n_in", "error", "words"),
    [
        ((64, 64), 1, ValueError, r"frames has shape \(64, 64\): pass \(\.\.\., n_frames, H"),
        ((1, 8, 8), 1, ValueError, "2 frames or more"),
        ((0, 8, 8), 1, ValueError, "2 frames or more"),
        ((5, 8, 8), 0, ValueError, "n_in=0 is too small.*>= 1"),
        ((5, 8, 8), -1, ValueError, "n_in=-1 is too small.*>= 1"),
        ((5, 8, 8), 5, ValueError, "n_in=5 leaves none of 5 frames to predict: pass 1 to 4"),
        ((9, 5, 8, 8), 6, ValueError, "n_in=6 leaves none of 5 frames to predict: pass 1 to 4"),
        ((5, 8, 8), 2.0, TypeError, r"n_in=2\.0 is not an integer"),
        ((5, 8, 8), "2", TypeError, "n_in='2' is not an integer"),
    ],
)
def test_a_split_that_cannot_be_is_refused(shape, n_in, error, words):
    with pytest.raises(error, match=words):
        split_frames(np.zeros(shape), n_in)


def test_ragged_frames_are_not_split():
    with pytest.raises(TypeError, match="frames is ragged: pass an array"):
        split_frames([[[1.0], [1.0, 2.0]]], 1)


# channels


@pytest.mark.parametrize(("shape", "time"), [((2, 6, 8, 9, 1), 1), ((2, 6, 1, 8, 9), 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_frames_with_channels_are_split_along_time(shape, time, channels):
    shape = tuple(channels if n == 1 else n for n in shape)
    if channels == 3 and shape[2] == 3:
        with pytest.raises(ValueError, match=r"axis 2 may be time or channels: pass .*moveaxis"):
            split_frames(np.zeros(shape), 2)
        return
    inputs, targets = split_frames(np.zeros(shape), 2)
    assert (inputs.shape[time], targets.shape[time]) == (2, 4)
    assert inputs.shape[2:] == targets.shape[2:] == shape[2:]


@each_metric
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_channels_last_and_after_time_score_alike(metric, channels):
    predicted, true = noise(2, 3, channels, 9, 8), noise(2, 3, channels, 9, 8, seed=1)
    score = metric(predicted, true)
    if channels == 1:
        assert score == metric(predicted[:, :, 0], true[:, :, 0])
    if channels != 2:  # which no picture has: two of something else
        last = [np.moveaxis(frames, 2, -1) for frames in (predicted, true)]
        assert_allclose(metric(*last), score, rtol=1e-12)


@each_metric
def test_frames_whose_batch_or_time_axis_is_missing_are_refused(metric):
    frames = noise(20, 16, 16, 1)  # one sequence with a channel axis: not 20 of 16 frames
    with pytest.raises(ValueError, match="last axis reads as channels: pass"):
        metric(frames, frames)


@each_baseline
def test_a_baseline_answers_with_the_channel_axis_that_it_sees(baseline):
    inputs = noise(2, 3, 8, 9)
    plain = baseline(inputs, 4)
    assert_array_equal(baseline(inputs[..., np.newaxis], 4), plain[..., np.newaxis])
    assert_array_equal(baseline(inputs[:, :, np.newaxis], 4), plain[:, :, np.newaxis])


# MSE, MAE and PSNR by hand

# One sequence of two frames of 1 x 4 pixels.
TRUE = [[[[0.0, 1.0, 0.5, 0.0]], [[1.0, 1.0, 0.0, 0.0]]]]
PREDICTED = [[[[0.0, 0.5, 1.0, 0.0]], [[1.0, 0.0, 0.0, 1.0]]]]
# frame 0: differences 0, -0.5, 0.5, 0    squares sum to 0.5, sizes to 1, mean square 0.125
# frame 1: differences 0, -1, 0, 1        squares sum to 2, sizes to 2, mean square 0.5


def test_mse_is_a_sum_over_pixels_and_a_mean_over_frames():
    assert mse(PREDICTED, TRUE, axis=()).tolist() == [[0.5, 2.0]]
    assert mse(PREDICTED, TRUE) == 1.25  # (0.5 + 2) / 2


def test_mae_is_a_sum_over_pixels_and_a_mean_over_frames():
    assert mae(PREDICTED, TRUE, axis=()).tolist() == [[1.0, 2.0]]
    assert mae(PREDICTED, TRUE) == 1.5  # (1 + 2) / 2


def test_psnr_is_the_mean_over_frames_and_not_that_of_the_mean_error():
    # 10 log10(1 / 0.125) = 10 log10(8) = 9.0309;  10 log10(1 / 0.5) = 10 log10(2) = 3.0103
    assert_allclose(psnr(PREDICTED, TRUE, axis=()), [[9.0309, 3.0103]], atol=1e-4)
    assert_allclose(psnr(PREDICTED, TRUE), 6.0206, atol=1e-4)  # of the mean error: 5.0515


def test_the_wrongest_frame_has_no_decibels():
    assert psnr(np.ones((1, 1, 8, 8)), np.zeros((1, 1, 8, 8))) == 0


def test_mse_and_mae_do_not_clip_the_prediction():
    true, predicted = np.zeros((1, 1, 1, 2)), np.array([[[[3.0, -2.0]]]])
    assert mse(predicted, true) == 13  # 9 + 4; clipped: 1 + 0
    assert mae(predicted, true) == 5  # 3 + 2; clipped: 1 + 0


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_psnr_and_ssim_clip_the_prediction(metric):
    true, predicted = noise(2, 3, 9, 9), 3 * noise(2, 3, 9, 9, seed=1) - 1
    assert (predicted < 0).any() and (predicted > 1).any()
    assert metric(predicted, true) == metric(predicted.clip(0, 1), true)


# SSIM


def oracle(predicted, true, **options):
    """Return what scikit-image makes of each frame."""
    return [
        [structural_similarity(p, t, **options) for p, t in zip(*pair, strict=True)]
        for pair in zip(predicted, true, strict=True)
    ]


@pytest.mark.parametrize("data_range", [2.0, 1.0])
@pytest.mark.parametrize("size", [(7, 7), (8, 20), (31, 9), (64, 64)])
def test_ssim_is_that_of_scikit_image_on_noise(size, data_range):
    predicted, true = noise(2, 3, *size), noise(2, 3, *size, seed=1)
    true[0] = (true[0] + predicted[0]) / 2  # one sequence alike, one not
    expected = oracle(predicted, true, data_range=data_range)
    assert_allclose(ssim(predicted, true, (), data_range=data_range), expected, atol=1e-12)


@pytest.mark.parametrize("data_range", [2.0, 1.0])
@each_baseline
def test_ssim_is_that_of_scikit_image_on_clips(clips, baseline, data_range):
    inputs, targets = (frames[:3].astype(np.float64) for frames in clips)
    predicted = baseline(inputs, 10).astype(np.float64)
    expected = oracle(predicted, targets, data_range=data_range)
    assert_allclose(ssim(predicted, targets, (), data_range=data_range), expected, atol=1e-12)


def test_ssim_averages_over_channels():
    predicted, true = noise(2, 3, 4, 9, 10), noise(2, 3, 4, 9, 10, seed=1)
    expected = oracle(predicted, true, data_range=2.0, channel_axis=0)
    assert_allclose(ssim(predicted, true, ()), expected, atol=1e-12)


def test_ssim_of_flat_frames_by_hand():
    # Without contrast (2 * 0 * 0.1 + c1) / (0 + 0.1**2 + c1) is left, c1 = (0.01 * range)**2.
    true, grey = np.zeros((1, 1, 8, 8)), np.full((1, 1, 8, 8), 0.1)
    assert_allclose(ssim(grey, true), 0.0004 / 0.0104)
    assert_allclose(ssim(grey, true, data_range=1.0), 0.0001 / 0.0101)


def test_the_range_of_the_published_numbers_is_the_default():
    predicted, true = noise(1, 2, 9, 9), noise(1, 2, 9, 9, seed=1)
    assert ssim(predicted, true) == ssim(predicted, true, data_range=2)
    assert ssim(predicted, true) != ssim(predicted, true, data_range=1)


def test_the_range_has_to_be_named():
    with pytest.raises(TypeError, match="positional"):
        ssim(noise(1, 2, 9, 9), noise(1, 2, 9, 9), (0, 1), 1.0)


# what the four have in common


def test_a_perfect_prediction_scores_as_it_should(clips):
    _, targets = clips
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = [metric(targets[:3], targets[:3]) for metric in METRICS]
    assert scores == [0, 0, np.inf, 1]


def test_one_perfect_frame_makes_a_mean_psnr_infinite():
    true, predicted = noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)
    predicted[1, 2] = true[1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert psnr(predicted, true) == np.inf
        assert np.isinf(psnr(predicted, true, axis=0)).tolist() == [False, False, True]
        assert np.isinf(psnr(predicted, true, axis=1)).tolist() == [False, True]
        assert np.isinf(psnr(predicted, true, axis=())).sum() == 1


@each_metric
def test_axis_says_what_is_averaged(metric):
    true, predicted = noise(3, 4, 8, 9), noise(3, 4, 8, 9, seed=1)
    scores = metric(predicted, true, axis=())
    assert scores.shape == (3, 4) and scores.dtype == np.float64
    assert len(np.unique(scores)) == 12
    for axis in (0, 1, (0,), (1,), (0, 1), (1, 0), np.int64(1)):
        assert_allclose(metric(predicted, true, axis=axis), scores.mean(axis=axis), rtol=1e-14)
    assert_allclose(metric(predicted, true), metric(predicted, true, axis=1).mean(), rtol=1e-14)
    assert_allclose(metric(predicted, true), metric(predicted, true, axis=0).mean(), rtol=1e-14)


@each_metric
def test_all_in_one_is_a_float_and_the_rest_are_arrays(metric):
    true, predicted = noise(1, 1, 8, 8), noise(1, 1, 8, 8, seed=1)
    assert type(metric(predicted, true)) is float
    for axis, shape in ((0, (1,)), (1, (1,)), ((), (1, 1))):
        assert metric(predicted, true, axis).shape == shape


@each_metric
def test_each_frame_is_judged_by_itself(metric):
    true, predicted = noise(3, 4, 8, 9), noise(3, 4, 8, 9, seed=1)
    scores = metric(predicted, true, axis=())
    for n, t in np.ndindex(3, 4):
        one = metric(predicted[n : n + 1, t : t + 1], true[n : n + 1, t : t + 1])
        assert_allclose(one, scores[n, t], rtol=1e-12)


@each_metric
def test_one_channel_is_the_same_as_none(metric):
    true, predicted = noise(3, 4, 8, 9), noise(3, 4, 8, 9, seed=1)
    one_channel = metric(predicted[:, :, np.newaxis], true[:, :, np.newaxis], axis=())
    assert_allclose(one_channel, metric(predicted, true, axis=()), rtol=1e-12)


def test_channels_are_summed_or_averaged_as_pixels_are():
    # The frames of the worked example, its two frames as two channels of one frame.
    true, predicted = np.array(TRUE)[:, np.newaxis], np.array(PREDICTED)[:, np.newaxis]
    assert mse(predicted, true) == 2.5  # 0.5 + 2
    assert mae(predicted, true) == 3.0  # 1 + 2
    assert_allclose(psnr(predicted, true), -10 * np.log10(2.5 / 8))


@each_metric
def test_float32_is_worked_out_in_float64(metric):
    true, predicted = (noise(2, 3, 64, 64, seed=s).astype(np.float32) for s in (0, 1))
    expected = metric(predicted.astype(np.float64), true.astype(np.float64))
    assert metric(predicted, true) == expected


@each_metric
def test_the_arrays_stay_as_they_were(metric):
    true, predicted = noise(2, 3, 8, 8), 3 * noise(2, 3, 8, 8, seed=1) - 1
    copies = true.copy(), predicted.copy()
    metric(predicted, true)
    assert_array_equal(true, copies[0])
    assert_array_equal(predicted, copies[1])


@each_metric
def test_memory_does_not_grow_with_the_batch(metric):
    true = np.zeros((300, 4, 32, 32), np.float32)
    predicted = np.full_like(true, 0.5)
    tracemalloc.start()
    metric(predicted, true)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < true.nbytes / 4


@each_metric
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, complex, object])
@pytest.mark.parametrize("name", ["predicted", "true"])
def test_only_floats_are_taken(metric, dtype, name):
    pair = {"predicted": noise(1, 2, 8, 8), "true": noise(1, 2, 8, 8)}
    pair[name] = pair[name].astype(dtype)
    with pytest.raises(TypeError, match=f"{name} has dtype {pair[name].dtype}: .*frames / 255"):
        metric(**pair)


@each_metric
@pytest.mark.parametrize("name", ["predicted", "true"])
def test_ragged_frames_are_not_judged(metric, name):
    pair = {"predicted": noise(1, 2, 8, 8), "true": noise(1, 2, 8, 8)}
    pair[name] = [[[[1.0], [1.0, 0.0]]]]
    with pytest.raises(TypeError, match=f"{name} is ragged"):
        metric(**pair)


@each_metric
@pytest.mark.parametrize("low_high", [(0.0, 255.0), (-0.5, 0.5), (0.0, 1.0001)])
def test_a_truth_outside_the_unit_range_is_refused(metric, low_high):
    true = np.zeros((2, 2, 8, 8))
    true[1, 1, 0, :2] = low_high
    words = f"true runs from {low_high[0]} to {low_high[1]}: .*0 to 1.*frames / 255"
    with pytest.raises(ValueError, match=words):
        metric(np.zeros_like(true), true)


@each_metric
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["predicted", "true"])
def test_nan_and_infinity_are_not_judged(metric, value, name):
    pair = {"predicted": np.zeros((2, 2, 8, 8)), "true": np.zeros((2, 2, 8, 8))}
    pair[name][1, 0, 3, 3] = value
    with pytest.raises(ValueError, match=f"{name} holds NaN or infinity: pass finite numbers"):
        metric(**pair)


@each_metric
def test_shapes_that_differ_are_refused_even_if_they_broadcast(metric):
    words = r"predicted has shape \(1, 2, 8, 8\) and true \(3, 2, 8, 8\): pass the same"
    with pytest.raises(ValueError, match=words):
        metric(np.zeros((1, 2, 8, 8)), np.zeros((3, 2, 8, 8)))


@each_metric
@pytest.mark.parametrize(
    "shape", [(), (8,), (2, 8, 8), (1, 2, 3, 1, 8, 8), (0, 2, 8, 8), (2, 0, 8, 8), (1, 2, 0, 8, 8)]
)
def test_other_numbers_of_axes_and_empty_batches_are_refused(metric, shape):
    words = r"predicted has shape \(.*\): pass \(n, n_frames, H, W\)"
    with pytest.raises(ValueError, match=words):
        metric(np.zeros(shape), np.zeros(shape))


@each_metric
@pytest.mark.parametrize(
    "axis", [2, -1, None, "time", 0.0, (0, 0), (0, 1, 2), (1.0,), ("a", 0), [0, 1], np.arange(2)]
)
def test_an_unknown_axis_is_refused(metric, axis):
    with pytest.raises(ValueError, match=r"axis=.* is unknown: choose \(0, 1\), 0 \(batch\)"):
        metric(noise(1, 2, 8, 8), noise(1, 2, 8, 8), axis=axis)


@pytest.mark.parametrize("size", [(6, 64), (64, 6)])
def test_ssim_needs_room_for_its_window(size):
    words = f"frames of {size[0]} x {size[1]} pixels are smaller .*: pass 7 x 7 .*after time"
    with pytest.raises(ValueError, match=words):
        ssim(np.zeros((1, 2, *size)), np.zeros((1, 2, *size)))


@pytest.mark.parametrize(
    ("data_range", "error", "words"),
    [
        (0, ValueError, "data_range=0: pass a finite number >="),
        (-1.0, ValueError, r"data_range=-1\.0: pass a finite number >="),
        (np.nan, ValueError, "data_range=nan: pass a finite number >="),
        (np.inf, ValueError, "data_range=inf: pass a finite number >="),
        ([1.0, 2.0], TypeError, r"data_range=\[1\.0, 2\.0\] is not a number: pass a finite"),
        ("two", TypeError, "data_range='two' is not a number: pass a finite number"),
        (None, TypeError, "data_range=None is not a number: pass a finite number"),
    ],
)
def test_a_bad_range_is_refused(data_range, error, words):
    with pytest.raises(error, match=words):
        ssim(noise(1, 2, 8, 8), noise(1, 2, 8, 8), data_range=data_range)


# bootstrap


def test_the_interval_is_that_of_the_normal_law():
    # The mean of 400 values of deviation 2 deviates by 0.1: 95 % lie within 1.96 * 0.1.
    values = np.random.default_rng(1).normal(5, 2, 400)
    values = 5 + 2 * (values - values.mean()) / values.std()
    low, high = bootstrap(values)
    assert_allclose([low, high], [5 - 0.196, 5 + 0.196], atol=0.02)


def test_the_interval_covers_the_true_mean_as_often_as_it_says():
    # Exponential values of mean 1, 200 times 60; a binomial share's deviation is under 2 %.
    samples = np.random.default_rng(2).exponential(size=(200, 60))
    rng = np.random.default_rng(3)
    intervals = [bootstrap(s, seed=rng) for s in samples]
    covered = np.mean([low < 1 < high for low, high in intervals])
    assert abs(covered - 0.95) < 0.07


def test_the_same_seed_gives_the_same_interval():
    values = noise(50)
    first = bootstrap(values, seed=3)
    assert first == bootstrap(values, seed=3) == bootstrap(values, seed=np.random.default_rng(3))
    assert first != bootstrap(values, seed=4)
    assert bootstrap(values) == bootstrap(values, seed=0)
    rng = np.random.default_rng(3)
    assert bootstrap(values, seed=rng) != bootstrap(values, seed=rng)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_interval_is_in_order_and_among_the_values(values):
    low, high = bootstrap(values)
    assert type(low) is float and type(high) is float
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


def test_values_that_do_not_vary_leave_no_doubt():
    assert bootstrap([3, 3, 3, 3]) == (3.0, 3.0)


def test_many_values_need_little_memory():
    values = noise(30_000)
    tracemalloc.start()
    bootstrap(values)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * values.nbytes


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"values": []}, ValueError, r"values has shape \(0,\): pass \(n,\).*at least 2 seq"),
        ({"values": [1.0]}, ValueError, r"values has shape \(1,\): pass \(n,\).*at least 2 seq"),
        ({"values": 1.0}, ValueError, r"values has shape \(\): pass \(n,\)"),
        ({"values": np.zeros((3, 10))}, ValueError, r"values has shape \(3, 10\): pass \(n,\)"),
        ({"values": [1.0, np.nan]}, ValueError, "values holds NaN or infinity"),
        ({"values": [1.0, np.inf]}, ValueError, "pass finite numbers.*PSNR is infinite: use MSE"),
        ({"values": ["low", "high"]}, TypeError, "values holds .*, not numbers"),
        ({"seed": -1}, ValueError, "seed=-1 is too small"),
        ({"seed": None}, TypeError, "seed=None is not an integer"),
    ],
)
def test_what_cannot_be_resampled_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        bootstrap(**({"values": [1.0, 2.0, 3.0]} | arguments))


# baselines


@each_baseline
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("n_out", [1, 7, np.int64(3)])
def test_baselines_give_sequences_of_the_asked_length(baseline, dtype, n_out):
    made = baseline(noise(4, 3, 8, 9).astype(dtype), n_out)
    assert made.shape == (4, n_out, 8, 9) and made.dtype == np.float32
    assert made.min() >= 0 and made.max() <= 1
    made[0, 0] = 0.5  # an array of its own, not a view of one frame


@each_baseline
def test_baselines_change_nothing_that_they_see(baseline):
    inputs = noise(2, 3, 8, 8).astype(np.float32)
    before = inputs.copy()
    baseline(inputs, 2)[:] = 0
    assert_array_equal(inputs, before)


@each_baseline
def test_black_stays_black(baseline):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = baseline(np.zeros((2, 3, 8, 8)), 4)
    assert (made == 0).all()


def test_black_is_black_whatever_came_before():
    assert (black(noise(2, 3, 8, 8), 4) == 0).all()


def test_the_last_frame_is_copied():
    inputs = noise(2, 3, 8, 8).astype(np.float32)
    made = copy_last(inputs, 4)
    for t in range(4):
        assert_array_equal(made[:, t], inputs[:, 2])


def moved_digit(digit, at, step, n_frames, size=64):
    """Draw a digit on its straight way, in whole pixels; it may leave the canvas."""
    frames = np.zeros((n_frames, 3 * size, 3 * size))
    for t, frame in enumerate(frames):
        row, column = size + at[0] + t * step[0], size + at[1] + t * step[1]
        frame[row : row + 28, column : column + 28] = digit
    return frames[:, size : 2 * size, size : 2 * size]


@pytest.mark.parametrize("step", [(0, 0), (0, 3), (-2, 0), (3, -2), (-3, -3), (2, 3)])
def test_a_digit_that_moves_by_whole_pixels_is_extrapolated_exactly(step):
    _, (images, _) = load_mnist("sample")
    digits = images[:20] / 255
    made = np.stack([moved_digit(digit, (18, 18), step, n_frames=6) for digit in digits])
    inputs, targets = split_frames(made, 2)
    assert_array_equal(extrapolate(inputs, 4), targets.astype(np.float32))


def test_what_leaves_the_canvas_is_lost_and_does_not_come_back():
    # Whole in the two frames seen, then it leaves down and to the left.
    frames = moved_digit(np.ones((28, 28)), (31, 30), (5, -6), n_frames=10)
    assert frames[1].sum() == 28**2 > frames[4].sum() > frames[-1].sum() == 0
    inputs, targets = split_frames(frames[np.newaxis], 2)
    predicted = extrapolate(inputs, 30)  # until it is two canvases away
    assert_array_equal(predicted[:, :8], targets)
    assert (predicted[:, 8:] == 0).all()
    up_and_right = extrapolate(inputs[..., ::-1, ::-1], 30)
    assert_array_equal(up_and_right, predicted[..., ::-1, ::-1])
    turned = extrapolate(inputs.swapaxes(-1, -2), 30)
    assert_array_equal(turned, predicted.swapaxes(-1, -2))


def test_each_sequence_moves_by_itself_and_as_in_its_last_two_frames():
    inputs = np.zeros((2, 3, 8, 10))
    for n, t, row, column in [(0, 0, 7, 7), (0, 1, 1, 1), (0, 2, 2, 3), (1, 1, 5, 9), (1, 2, 5, 6)]:
        inputs[n, t, row, column] = 0.5
    places = [np.argwhere(frames).tolist() for frames in extrapolate(inputs, 3)]
    assert places == [[[0, 3, 5], [1, 4, 7], [2, 5, 9]], [[0, 5, 3], [1, 5, 0]]]


def test_a_picture_that_fills_the_canvas_is_not_taken_to_move_round():
    # One row of stripes of growing brightness, moved by 5 of 8 columns to the right; round
    # the corner it would be 3 to the left.
    before, after = np.zeros((2, 1, 8))
    before[0, :3], after[0, 5:] = (0.2, 0.5, 1.0), (0.2, 0.5, 1.0)
    assert (extrapolate([[before, after]], 1) == 0).all()


@each_baseline
@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (np.zeros((1, 2, 8, 8), np.uint8), TypeError, "inputs has dtype uint8: .*frames / 255"),
        (np.zeros((2, 8, 8)), ValueError, r"inputs has shape \(2, 8, 8\): pass \(n, n_frames"),
        (np.zeros((1, 2, 1, 1, 8, 8)), ValueError, r"inputs has shape .*: pass \(n, n_frames"),
        (np.zeros((0, 2, 8, 8)), ValueError, r"inputs has shape \(0, .*none of them 0"),
        (np.full((1, 2, 8, 8), 255.0), ValueError, "inputs runs from 255.0 to 255.0.*/ 255"),
        (np.full((1, 2, 8, 8), -0.1), ValueError, "inputs runs from -0.1 to -0.1.*/ 255"),
        (np.full((1, 2, 8, 8), np.nan), ValueError, "inputs holds NaN or infinity"),
        ([[[[1.0], [1.0, 0.0]]]], TypeError, "inputs is ragged"),
    ],
)
def test_what_a_baseline_cannot_see_is_refused(baseline, inputs, error, words):
    with pytest.raises(error, match=words):
        baseline(inputs, 2)


@each_baseline
@pytest.mark.parametrize(
    ("n_out", "error", "words"),
    [(0, ValueError, "n_out=0 is too small"), (2.0, TypeError, r"n_out=2\.0 is not an integer")],
)
def test_a_baseline_needs_a_horizon(baseline, n_out, error, words):
    with pytest.raises(error, match=words):
        baseline(np.zeros((1, 2, 8, 8)), n_out)


def test_one_frame_shows_no_movement():
    with pytest.raises(ValueError, match=r"shape \(1, 1, 8, 8\): pass 2 frames or more"):
        extrapolate(np.zeros((1, 1, 8, 8)), 2)


# what the metrics say of the baselines on Moving MNIST


def test_mse_loves_black(clips):
    inputs, targets = clips
    errors = {f: mse(f(inputs, 10), targets) for f in BASELINES}
    assert errors[black] < errors[extrapolate] < errors[copy_last]
    assert 160 < errors[black] < 190 and 270 < errors[copy_last] < 310


def test_ssim_of_black_is_near_that_of_the_real_test_set(clips):
    inputs, targets = clips
    assert abs(ssim(black(inputs, 10), targets) - 0.78) < 0.01


def test_at_first_the_extrapolation_beats_black_and_later_it_does_not(clips):
    inputs, targets = clips
    moving, dark = (mse(f(inputs, 10), targets, axis=0) for f in (extrapolate, black))
    assert moving[0] < 0.8 * dark[0] and (moving[2:] > dark[2:]).all()


def test_copies_get_worse_with_the_horizon(clips):
    inputs, targets = clips
    errors = mse(copy_last(inputs, 10), targets, axis=0)
    assert (np.diff(errors[:5]) > 0).all()


# the table


def test_the_table_has_a_line_for_each_with_its_scores(clips):
    inputs, targets = clips
    predictions = {"black": black(inputs, 10), "copy of the last": copy_last(inputs, 10)}
    head, *lines = score_table(predictions, targets).splitlines()
    assert head.split() == ["MSE", "95", "%", "interval", "MAE", "SSIM", "PSNR"]
    for line, (name, predicted) in zip(lines, predictions.items(), strict=True):
        assert line.startswith(name)
        found = [float(word) for word in line.removeprefix(name).replace("to", "").split()]
        low, high = bootstrap(mse(predicted, targets, axis=1))
        scores = [mse, low, high, mae, ssim, psnr]
        wanted = [score(predicted, targets) if callable(score) else score for score in scores]
        assert_allclose(found, wanted, atol=0.51, rtol=0)
        assert abs(found[4] - wanted[4]) < 1e-4 and low < found[0] < high


def test_a_notebook_shows_a_table_whose_best_rows_are_marked_in_words(clips):
    inputs, targets = clips
    predictions = {"a <b>": copy_last(inputs, 10), "black": black(inputs, 10)}
    table = score_table(predictions | {"as black": predictions["black"]}, targets)
    page = BeautifulSoup(table._repr_html_(), "html.parser")
    assert "Lowest MSE: best" in page.caption.text
    head, *rows = [[cell.text for cell in row.find_all(["td", "th"])] for row in page("tr")]
    assert [cell["scope"] for cell in page.thead("th")] == ["col"] * 5
    assert [row.th["scope"] for row in page.tbody("tr")] == ["row"] * 3
    names, lines = ["a <b>", "black (best)", "as black (best)"], str(table).splitlines()
    assert [row[0] for row in rows] == names and repr(table) == str(table) == table
    for row, line in zip([head, *rows], lines, strict=True):
        assert re.split(r" {2,}", line.strip())[-5:] == row[1:]
    assert "(best)" not in score_table({"black": predictions["black"]}, targets)._repr_html_()


def test_a_table_of_nothing_is_an_error(clips):
    with pytest.raises(ValueError, match="predictions is empty"):
        score_table({}, clips[1])
