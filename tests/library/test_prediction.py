"""Batches for Keras, the three models, training, rolling out, and weights on disk."""

import functools
import hashlib
import importlib.util
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from mmnist_lib import MovingMNIST, load_mnist, mse, prediction, split_frames
from mmnist_lib.prediction import (
    SequencePairs,
    Sprites,
    build_model,
    cut_windows,
    load_model,
    models,
    rollout,
    save_weights,
    train,
)
from tests.limits import HANG

import keras  # isort: skip  # after prediction, which chooses the backend
from keras import layers, ops  # isort: skip

BACKEND = keras.backend.backend()
# The models under test see 3 frames and predict 2, on a small canvas, with few channels.
N_IN, N_OUT, SIZE, WIDTH = 3, 2, 48, 4
KINDS = {  # of pairs that each model learns from
    "convlstm": {"n_in": None},
    "convolution": {"n_in": N_IN},
    "sprites": {"n_in": N_IN, "tracks": True},
}
SETTINGS = {
    "convlstm": {"size": SIZE, "width": WIDTH},
    "convolution": {"n_in": N_IN, "n_out": N_OUT, "size": SIZE, "width": WIDTH},
    "sprites": {"n_in": N_IN, "n_out": N_OUT, "size": SIZE, "width": WIDTH},
}
each_model = pytest.mark.parametrize("name", KINDS)
keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def compile_quickly():
    """Let JAX compile quickly rather than well: it takes most of the time here."""
    if BACKEND == "jax":
        import jax

        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", False)
    else:
        yield


@functools.cache
def sample():
    return load_mnist("sample")


def digits_on(size=SIZE, n_frames=N_IN + N_OUT, seed=1, **settings):
    """Make a generator of real digits."""
    images = sample()[0][0][:100]
    return MovingMNIST(images, size=size, n_frames=n_frames, seed=seed, **settings)


def tiny(n_frames=5, seed=3, **settings):
    """Make a generator of sprites of 5 x 5 pixels on a canvas of 12 x 12."""
    images = np.random.default_rng(0).integers(0, 256, (6, 5, 5), dtype=np.uint8)
    return MovingMNIST(images, size=12, n_frames=n_frames, seed=seed, **settings)


def frames_of(n=4, n_frames=N_IN, size=SIZE, **settings):
    """Make frames in [0, 1]."""
    return digits_on(size, n_frames, **settings).batch(0, n) / np.float32(255)


def build(name):
    return build_model(name, **SETTINGS[name])


@functools.cache
def model_of(name):
    """Return a model that no test trains."""
    return build(name)


def predict(model, frames):
    """Predict as Keras does, without `rollout`."""
    new = model.predict(frames, verbose=0)
    return new["frames"] if isinstance(new, dict) else new


def values(model):
    """Return copies of all that training changes."""
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(ops.convert_to_numpy(variable.value)) for variable in variables]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


def in_new_process(code, tmp_path, **environment):
    """Run code in a Python of its own, and return what it prints last, read as JSON."""
    clean = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "XLA_FLAGS")}
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    ours = {"KERAS_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env={**clean, **ours, **quick, **environment},
        capture_output=True,
        text=True,
        timeout=HANG,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# SequencePairs


def test_pairs_are_the_generators_frames_as_floats():
    data = tiny()
    pairs = SequencePairs(data, 3, batch_size=4, n_sequences=8)
    for index in (0, 1):
        frames = data.batch(4 * index, 4 * index + 4) / np.float32(255)
        inputs, targets = pairs[index]
        assert inputs.dtype == targets.dtype == np.float32
        assert inputs.shape == (4, 3, 12, 12) and targets.shape == (4, 2, 12, 12)
        assert 0 <= inputs.min() < inputs.max() <= 1
        assert_same((inputs, targets), split_frames(frames, 3))


def test_without_n_in_each_frame_is_to_be_followed_by_the_next():
    data = tiny()
    inputs, targets = SequencePairs(data, None, batch_size=4, n_sequences=8)[1]
    frames = data.batch(4, 8) / np.float32(255)
    assert_same((inputs, targets), (frames[:, :-1], frames[:, 1:]))


def test_tracks_are_the_true_pixels_of_all_frames():
    data = tiny()
    pairs = SequencePairs(data, 3, batch_size=4, n_sequences=8, tracks=True)
    inputs, targets = pairs[1]
    plain = SequencePairs(data, 3, batch_size=4, n_sequences=8)[1]
    assert_same((inputs, targets["frames"]), plain)
    assert targets["tracks"].dtype == np.float32 and targets["tracks"].shape == (4, 2, 5, 2)
    assert_array_equal(targets["tracks"], data.truth(4, 8).track)


@pytest.mark.parametrize(
    ("n", "size", "sizes"), [(8, 4, [4, 4]), (7, 3, [3, 3, 1]), (3, 3, [3]), (2, 1, [1, 1])]
)
def test_an_epoch_has_all_its_sequences_and_the_last_batch_may_be_smaller(n, size, sizes):
    pairs = SequencePairs(tiny(), 3, batch_size=size, n_sequences=n)
    assert len(pairs) == len(sizes)
    assert [len(pairs[index][0]) for index in range(len(pairs))] == sizes


def epoch_of(pairs, order=None):
    """Return the sequences of an epoch, made in an order of batches."""
    indices = range(len(pairs)) if order is None else order
    batches = {index: np.concatenate(pairs[index], axis=1) for index in indices}
    return np.concatenate([batches[index] for index in sorted(batches)])


def test_no_sequence_comes_twice_in_any_epoch():
    data = tiny()
    pairs = SequencePairs(data, 3, batch_size=3, n_sequences=7)
    seen = []
    for _ in range(3):
        seen.append(epoch_of(pairs))
        pairs.on_epoch_end()
    seen = np.concatenate(seen)
    assert_array_equal(seen, data.batch(0, 21) / np.float32(255))
    assert len({one.tobytes() for one in seen}) == 21


def test_a_fixed_set_repeats():
    pairs = SequencePairs(tiny(), 3, batch_size=3, n_sequences=7, fixed=True)
    first = epoch_of(pairs)
    pairs.on_epoch_end()
    assert_array_equal(epoch_of(pairs), first)


@given(st.permutations(range(4)), st.integers(0, 10**9), st.integers(0, 5))
def test_a_batch_depends_on_seed_epoch_and_index_alone(order, epoch, seed):
    one, other = (SequencePairs(tiny(seed=seed), 3, batch_size=2, n_sequences=7) for _ in "ab")
    one.epoch = other.epoch = epoch
    assert_array_equal(epoch_of(one, order), epoch_of(other))


def test_seeds_make_other_pairs():
    one, other = (SequencePairs(tiny(seed=seed), 3, batch_size=2, n_sequences=7) for seed in (1, 2))
    assert (epoch_of(one) != epoch_of(other)).any()


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"data": np.zeros((3, 5, 12, 12))}, TypeError, "data is a ndarray: pass a MovingMNIST"),
        (
            {"data": tiny(n_frames=1)},
            ValueError,
            "n_frames=1 leaves none .*: pass 2 frames or more",
        ),
        ({"n_in": 0}, ValueError, "n_in=0 is too small"),
        ({"n_in": 5}, ValueError, "n_in=5 leaves none of 5 frames to predict: pass 1 to 4"),
        ({"n_in": 2.0}, TypeError, r"n_in=2\.0 is not an integer"),
        ({"batch_size": 0}, ValueError, "batch_size=0 is too small"),
        ({"batch_size": 9}, ValueError, "batch_size=9 is larger than the set: pass 1 to.* 8"),
        ({"batch_size": 2.0}, TypeError, r"batch_size=2\.0 is not an integer"),
        ({"n_sequences": 0}, ValueError, "n_sequences=0 is too small"),
        ({"n_sequences": "8"}, TypeError, "n_sequences='8' is not an integer"),
    ],
)
def test_pairs_that_cannot_be_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        SequencePairs(**{"data": tiny(), "n_in": 3, "batch_size": 2, "n_sequences": 8, **settings})


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (4, IndexError, "index=4 is too large: an epoch has 4 batches"),
        (-1, ValueError, "index=-1 is too small"),
        (0.0, TypeError, r"index=0\.0 is not an integer"),
    ],
)
def test_a_batch_that_is_not_there_is_refused(index, error, words):
    with pytest.raises(error, match=words):
        SequencePairs(tiny(), 3, batch_size=2, n_sequences=7)[index]


def test_pairs_are_gone_through_once():
    assert len(list(SequencePairs(tiny(), 3, batch_size=2, n_sequences=7))) == 4


@pytest.mark.parametrize("k", [1, 500, 3999])
def test_digits_cut_in_two_share_no_image(k):
    (images, _), (test, _) = sample()
    parts = [{image.tobytes() for image in part} for part in (images[:-k], images[-k:], test)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 5000


# what a model sees of them

PATTERN = np.random.default_rng(7).random((12, 12))


def what_a_model_sees(epochs=3, epoch=0, **settings):
    """Train on pairs, and return a number after each batch that tells all batches so far apart."""

    def tell(true, predicted):
        return ops.mean(true * ops.cast(PATTERN, "float32")) + 0 * ops.mean(predicted)

    pairs = SequencePairs(tiny(), 3, batch_size=2, n_sequences=7, **settings)
    pairs.epoch = epoch
    model = keras.Sequential([keras.Input((3, 12, 12)), layers.Dense(12)])
    model.compile(keras.optimizers.SGD(0.01), loss=tell)
    told = []
    tells = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: told.append(float(logs["loss"]))
    )
    train(model, pairs, epochs=epochs, callbacks=[tells], verbose=0)
    return told


@functools.cache
def seen_by_one_worker():
    return what_a_model_sees()


def told_by_hand(epochs):
    """Return what `what_a_model_sees` has to, from the generator itself."""
    told = []
    for epoch in epochs:
        numbers, sizes = [], []
        for first in (0, 2, 4, 6):
            sizes.append(min(2, 7 - first))
            start = 7 * epoch + first
            targets = tiny().batch(start, start + sizes[-1])[:, 3:] / 255
            numbers.append((targets * PATTERN).mean())
            told.append(np.average(numbers, weights=sizes))  # Keras' loss is that of an epoch
    return told


def test_a_model_sees_the_batches_in_order_and_new_ones_in_each_epoch():
    # Keras counts up the epoch when `fit` begins, so the first one is epoch 1.
    assert_allclose(seen_by_one_worker(), told_by_hand([1, 2, 3]), rtol=1e-5)


@pytest.mark.parametrize("workers", [0, 3])
def test_a_model_sees_the_same_batches_whatever_the_number_of_threads(workers):
    assert what_a_model_sees(workers=workers) == seen_by_one_worker()


def test_a_model_sees_the_same_batches_made_by_processes(tmp_path):
    # In a Python of its own: JAX warns that a forked process could hang.
    code = """
import json, test_prediction
print(json.dumps(test_prediction.what_a_model_sees(workers=2, use_multiprocessing=True)))
"""
    assert in_new_process(code, tmp_path, KERAS_BACKEND=BACKEND) == seen_by_one_worker()


def test_a_training_goes_on_with_the_sequences_after_those_that_it_had():
    one, rest = what_a_model_sees(epochs=1), what_a_model_sees(epochs=2, epoch=1)
    assert one + rest == seen_by_one_worker()


def test_a_model_sees_a_fixed_set_again_and_again():
    told = np.reshape(what_a_model_sees(fixed=True), (3, 4))
    assert_array_equal(told[1:], told[:-1])
    assert_allclose(told[0], told_by_hand([0]), rtol=1e-5)


# build_model


@each_model
@pytest.mark.parametrize(("n_in", "n_out", "size"), [(N_IN, N_OUT, SIZE), (10, 10, 64)])
def test_a_model_takes_and_gives_the_frames_that_were_asked_for(name, n_in, n_out, size):
    model = build_model(name, n_in, n_out, size=size, width=WIDTH)
    assert model.compiled and model.input_shape[2:] == (size, size)
    assert model.input_shape[1] == (None if name == "convlstm" else n_in)
    frames = model(keras.KerasTensor((7, n_in, size, size)))  # shapes only, nothing is computed
    frames = frames["frames"] if isinstance(frames, dict) else frames
    n = n_in if name == "convlstm" else n_out  # it gives each frame's successor
    assert frames.shape == (7, n, size, size) and frames.dtype == "float32"


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        (
            {"name": "unet"},
            ValueError,
            "name='unet' is unknown: pass one of convlstm, convolution, sp",
        ),
        ({"name": None}, ValueError, "name=None is unknown"),
        ({"n_in": 0}, ValueError, "n_in=0 is too small"),
        ({"n_out": -1}, ValueError, "n_out=-1 is too small"),
        ({"n_in": 10.0}, TypeError, r"n_in=10\.0 is not an integer"),
        ({"width": 0}, ValueError, "width=0 is too small"),
        ({"width": "8"}, TypeError, "width='8' is not an integer"),
        ({"size": 20}, ValueError, "size=20 is too small: pass an integer >= 28"),
        ({"size": 50}, ValueError, "size=50 is not a multiple of 8: pass 56"),
        ({"size": 64.0}, TypeError, r"size=64\.0 is not an integer"),
    ],
)
@each_model
def test_a_model_that_cannot_be_is_refused(name, settings, error, words):
    with pytest.raises(error, match=words):
        build_model(**{"name": name, **settings})


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"size": 50}, ValueError, "size=50 is not a multiple of 8: pass 56"),
        ({"n_in": 0}, ValueError, "n_in=0 is too small"),
        ({"looks": -1}, ValueError, "looks=-1 is too small"),
        ({"looks": 1.5}, TypeError, r"looks=1\.5 is not an integer"),
    ],
)
def test_sprites_that_cannot_be_are_refused(settings, error, words):
    with pytest.raises(error, match=words):
        Sprites(**settings)
    with pytest.raises(error, match=words):
        build_model("sprites", **settings)


# causality


def effects(model, n_frames=4):
    """Return how much a change of frame i changes the answer to frame t: ``(i, t)``."""
    frames = np.repeat(frames_of(1, n_frames), n_frames + 1, axis=0)
    for changed, clip in enumerate(frames[1:]):
        clip[changed] = 1 - clip[changed]
    plain, *others = predict(model, frames)
    return np.abs(np.stack(others) - plain).max(axis=(2, 3))


def is_causal(model):
    effect = effects(model)
    assert (np.diag(effect) > 1e-5).all()  # each answer looks at its own frame
    return bool((np.tril(effect, -1) < 1e-6).all())


def test_the_convlstm_sees_no_later_frame():
    assert is_causal(model_of("convlstm"))


def test_a_head_that_looks_at_the_next_frame_is_found_out():
    inside = model_of("convlstm").layers
    frames = keras.Input((None, SIZE, SIZE))
    x = frames
    for layer in inside[1:-2]:
        x = layer(x)
    x = layers.Conv3D(64, 3, padding="same", activation="sigmoid")(x)
    assert not is_causal(keras.Model(frames, inside[-1](x)))


def test_the_convlstm_takes_any_number_of_frames_and_gives_the_same_for_those_it_had():
    model, frames = model_of("convlstm"), frames_of(4, 5)
    long, short = predict(model, frames), predict(model, frames[:, :3])
    assert long.shape == frames.shape and short.shape == frames[:, :3].shape
    assert_allclose(long[:, :3], short, atol=1e-6)


# rollout


@each_model
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_rollout_has_the_frames_that_were_asked_for(name, n):
    frames = frames_of(4)
    before = frames.copy()
    predicted = rollout(model_of(name), frames, n)
    assert predicted.shape == (4, n, SIZE, SIZE) and predicted.dtype == np.float32
    assert predicted.min() >= 0 and predicted.max() <= 1 + 1e-6
    assert_array_equal(frames, before)


@pytest.mark.parametrize("name", ["convolution", "sprites"])
def test_a_rollout_feeds_predictions_back(name):
    model, seen = model_of(name), frames_of(4)
    for _ in range(3):
        seen = np.concatenate([seen, predict(model, seen[:, -N_IN:])], axis=1)
    predicted = rollout(model, frames_of(4), 5)  # of the 6 made here
    assert_allclose(predicted, seen[:, N_IN : N_IN + 5], atol=1e-5)
    assert_allclose(rollout(model, frames_of(4), 1), predicted[:, :1], atol=1e-5)


def test_a_rollout_feeds_back_few_of_many_predicted_frames():
    model = build_model("convolution", n_in=2, n_out=4, size=SIZE, width=WIDTH)
    first = predict(model, frames_of(2, 2))
    predicted = np.concatenate([first, predict(model, first[:, 2:])], axis=1)
    assert_allclose(rollout(model, frames_of(2, 2), 7), predicted[:, :7], atol=1e-5)


def test_a_rollout_frame_by_frame_is_that_of_a_film_that_grows():
    model, seen = model_of("convlstm"), frames_of(4)
    for _ in range(3):
        seen = np.concatenate([seen, predict(model, seen)[:, -1:]], axis=1)
    assert_allclose(rollout(model, frames_of(4), 3), seen[:, N_IN:], atol=1e-5)


def test_a_rollout_takes_any_floats():
    frames = frames_of(2)
    predicted = rollout(model_of("convolution"), frames, 2)
    for same in (frames.astype(np.float64), frames.tolist()):
        assert_array_equal(rollout(model_of("convolution"), same, 2), predicted)


@pytest.mark.parametrize(
    ("frames", "settings", "error", "words"),
    [
        (np.zeros((2, 3, 48, 48), np.uint8), {}, TypeError, "frames has dtype uint8: pass floats"),
        (np.zeros((2, 3, 48, 48), bool), {}, TypeError, "frames has dtype bool"),
        (np.zeros((3, 48, 48)), {}, ValueError, r"frames has shape \(3, 48, 48\): pass \(batch"),
        (np.zeros((2, 3, 48, 48, 1)), {}, ValueError, r"48, 48, 1\): pass \(batch, time"),
        (np.zeros((0, 3, 48, 48)), {}, ValueError, r"frames has shape \(0, 3, 48, 48\): pass"),
        (np.zeros((2, 0, 48, 48)), {}, ValueError, r"frames has shape \(2, 0, 48, 48\): pass"),
        (np.zeros((2, 3, 64, 64)), {}, ValueError, r"3, 64, 64\): pass \(batch, .*, 48, 48\)"),
        (np.zeros((16, 3, 64, 48)), {}, ValueError, r"3, 64, 48\): pass \(batch, .*, 48, 48\)"),
        (np.full((2, 3, 48, 48), np.nan), {}, ValueError, "frames holds NaN or infinity"),
        (np.full((2, 3, 48, 48), np.inf), {}, ValueError, "frames holds NaN or infinity"),
        (np.zeros((2, 3, 48, 48)), {"n": 0}, ValueError, "n=0 is too small"),
        (np.zeros((2, 3, 48, 48)), {"n": 1.0}, TypeError, r"n=1\.0 is not an integer"),
    ],
)
@each_model
def test_a_rollout_that_cannot_be_is_refused(name, frames, settings, error, words):
    with pytest.raises(error, match=words):
        rollout(model_of(name), frames, **{"n": 2, **settings})


@pytest.mark.parametrize("name", ["convolution", "sprites"])
def test_a_rollout_of_more_frames_than_the_model_takes_is_refused(name):
    with pytest.raises(ValueError, match=r"\(2, 4, 48, 48\): pass \(batch, 3, 48, 48\)"):
        rollout(model_of(name), frames_of(2, 4), 2)


@each_model
def test_an_interrupted_rollout_leaves_the_model_in_order(name, monkeypatch):
    model = model_of(name)
    predicted, before = rollout(model, frames_of(2), 2), values(model)
    step = model.predict_function

    def interrupted(*given):
        step(*given)  # on JAX this uses up the variables' arrays
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model, "predict_function", interrupted)
        with pytest.raises(KeyboardInterrupt):
            rollout(model, frames_of(2), 2)
    assert_same(values(model), before)
    assert_array_equal(rollout(model, frames_of(2), 2), predicted)


# inside Sprites


def test_windows_at_whole_pixels_are_slices():
    frames = frames_of(2, 3)
    tracks = np.random.default_rng(0).integers(0, SIZE - 28 + 1, (2, 4, 3, 2))
    windows = ops.convert_to_numpy(cut_windows(frames, tracks.astype(np.float32)))
    assert windows.shape == (2, 4, 3, 28, 28)
    for clip, digit, t in np.ndindex(2, 4, 3):
        row, column = tracks[clip, digit, t]
        slice_ = frames[clip, t, row : row + 28, column : column + 28]
        assert_allclose(windows[clip, digit, t], slice_, atol=1e-6)


@given(hnp.arrays(np.int64, (1, 2, 3, 2), elements=st.integers(-50, 70)))
def test_windows_are_black_outside_the_canvas(tracks):
    frames, border = 1 - frames_of(1, 3), 60
    wide = np.pad(frames[0], ((0, 0), (border, border), (border, border)))
    windows = ops.convert_to_numpy(cut_windows(frames, tracks.astype(np.float32), side=36))[0]
    for digit, t in np.ndindex(2, 3):
        row, column = tracks[0, digit, t] + border - 4  # a margin of 4 around the digit
        slice_ = wide[t, row : row + 36, column : column + 36]
        assert_allclose(windows[digit, t], slice_, atol=1e-6)


@pytest.mark.parametrize("step", [(0.5, 0), (0, 0.5), (0.5, 0.5)])
def test_windows_between_pixels_are_means_of_their_neighbours(step):
    frames, tracks = frames_of(2, 3), np.float32(np.arange(12).reshape(2, 1, 3, 2))
    down, right = np.float32(np.ceil(step))
    windows = [
        ops.convert_to_numpy(cut_windows(frames, tracks + np.float32(by)))
        for by in (step, (0, 0), (down, 0), (0, right), (down, right))
    ]
    assert_allclose(windows[0], np.mean(windows[1:], axis=0), atol=1e-6)


def test_a_digit_is_the_darkest_that_its_window_ever_shows():
    for n_digits in (1, 2):
        data = digits_on(n_frames=6, n_digits=n_digits)
        frames, truth = data.batch(0, 20) / np.float32(255), data.truth(0, 20)
        windows = cut_windows(frames, truth.track.astype(np.float32))
        darkest = ops.convert_to_numpy(windows).min(axis=2)
        sprites = data.images[truth.digits] / 255
        assert (darkest > sprites - 1e-6).all()
        if n_digits == 1:  # nothing else is in sight
            assert_allclose(darkest, sprites, atol=1e-6)


def one_hot(positions, n):
    return (positions[..., np.newaxis] == np.arange(n)).astype(np.float32)


def truth_of(data, n_in=N_IN, n=20):
    """Return the targets, and what a `Sprites` that knows the truth would say."""
    frames, truth = data.batch(0, n) / np.float32(255), data.truth(0, n)
    pixels = truth.track.astype(np.float32)
    where = one_hot(pixels[:, :, n_in:].swapaxes(2, 3), data.size - 28 + 1)
    tracks = np.repeat(pixels[:, np.newaxis, :, :n_in], 3, axis=1)
    targets = {"frames": frames[:, n_in:], "tracks": pixels}
    return targets, {"frames": frames[:, n_in:], "tracks": tracks, "where": where}


def test_true_sprites_at_true_positions_are_drawn_as_the_data_set_draws_them():
    data = digits_on()
    targets, predicted = truth_of(data)
    sprites = (data.images[data.truth(0, 20).digits] / 255).astype(np.float32)
    drawn = model_of("sprites")._draw(sprites, predicted["where"])
    assert_allclose(ops.convert_to_numpy(drawn), targets["frames"], atol=1e-5)


def test_a_sprite_that_may_be_at_two_positions_is_drawn_at_both_half_as_bright():
    sprites = np.zeros((1, 2, 28, 28), np.float32)
    sprites[:, 0] = 1
    where = np.zeros((1, 2, 2, N_OUT, SIZE - 28 + 1), np.float32)
    where[..., 0] = 1
    where[:, 0, 0, :, [0, 20]] = 0.5  # rows of the first sprite
    expected = np.zeros((1, N_OUT, SIZE, SIZE))
    expected[..., :28, :28] += 0.5
    expected[..., 20:, :28] += 0.5
    drawn = model_of("sprites")._draw(sprites, where)
    assert_allclose(ops.convert_to_numpy(drawn), expected, atol=1e-6)


@pytest.mark.parametrize(("noise", "error", "surprise"), [(0, 0.1, 0.7), (0.3, 0.12, 0.8)])
def test_tracks_are_mended_and_followed(noise, error, surprise):
    model = build_model("sprites", width=WIDTH)
    true = digits_on(64, 20, seed=5).truth(0, 100).track
    past, future = true[:, :, :10], true[:, :, 10:].swapaxes(2, 3)
    seen = past + np.random.default_rng(0).normal(0, noise, past.shape)
    better, where = map(ops.convert_to_numpy, model._follow(seen.astype(np.float32)))
    assert better.shape == past.shape and where.shape == (100, 2, 2, 10, 37)
    assert np.abs(better - past).mean() < error
    assert (where >= 0).all()
    assert_allclose(where.sum(axis=-1), 1, atol=1e-4)
    chance = np.take_along_axis(where, future[..., np.newaxis], axis=-1)
    assert -np.log(chance).mean() < surprise  # 3.6 = log(37), were it all chance


def loss_of(targets, predicted):
    frames = np.zeros((len(targets["frames"]), N_IN, SIZE, SIZE), np.float32)
    predicted = {name: ops.convert_to_tensor(array) for name, array in predicted.items()}
    return float(model_of("sprites").compute_loss(frames, targets, predicted))


def test_the_truth_has_no_loss():
    assert abs(loss_of(*truth_of(digits_on()))) < 1e-5


@pytest.mark.parametrize("part", ["frames", "tracks", "where"])
def test_each_part_of_an_answer_has_its_loss(part):
    targets, predicted = truth_of(digits_on())
    wrong = np.roll(predicted[part], 1, axis=0)  # that of another sequence
    assert loss_of(targets, {**predicted, part: wrong}) > 0.1


def test_the_loss_does_not_mind_which_digit_comes_first():
    targets, predicted = truth_of(digits_on())
    predicted["tracks"] = predicted["tracks"] + np.float32(0.3)
    loss = loss_of(targets, predicted)
    assert loss > 0.01
    for swapped in (slice(None), slice(None, None, 2)):
        tracks = targets["tracks"].copy()
        tracks[swapped] = tracks[swapped, ::-1]
        assert loss_of({**targets, "tracks": tracks}, predicted) == pytest.approx(loss, rel=1e-5)


def test_positions_to_come_are_judged_in_the_order_of_the_tracks():
    targets, predicted = truth_of(digits_on())
    assert loss_of(targets, {**predicted, "where": predicted["where"][:, ::-1]}) > 1


@pytest.mark.parametrize(
    "targets",
    [
        np.zeros((2, N_OUT, SIZE, SIZE), np.float32),
        truth_of(digits_on(n_digits=1))[0],
        truth_of(digits_on(n_digits=3))[0],
        truth_of(digits_on(n_frames=7))[0],
    ],
    ids=["no tracks", "one digit", "three digits", "more frames"],
)
def test_targets_without_fitting_tracks_are_refused(targets):
    words = r"targets lack the tracks .*SequencePairs\(data, n_in=3, tracks=True\).* 5 frames"
    with pytest.raises(ValueError, match=words):
        model_of("sprites").compute_loss(None, targets, None)


def test_sprites_are_made_again_from_their_settings():
    settings = {"n_in": N_IN, "n_out": N_OUT, "size": SIZE, "width": WIDTH, "looks": 1}
    model = Sprites(**settings)
    assert model.get_config() == settings
    again = Sprites.from_config(model.get_config())
    assert again.get_config() == settings
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


# train


@functools.cache
def trained(name):
    """Train a model on four sequences; return it, its weights before, and the curves."""
    keras.utils.set_random_seed(1)
    model = build(name)
    before = model.get_weights()
    pairs = SequencePairs(digits_on(), **KINDS[name], batch_size=2, n_sequences=4, fixed=True)
    return model, before, train(model, pairs, epochs=4, validation_data=pairs, verbose=0).history


@each_model
def test_training_changes_every_weight_and_lowers_the_loss(name):
    model, before, history = trained(name)
    assert {"loss", "val_loss"} <= set(history)
    assert np.isfinite([*history.values()]).all()
    assert history["val_loss"][-1] < history["val_loss"][0]
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert np.isfinite(new).all() and (new != old).any(), weight.path


def test_sprites_report_the_mse_of_the_benchmark():
    model, _, history = trained("sprites")
    frames = digits_on().batch(0, 4) / np.float32(255)
    predicted = rollout(model, frames[:, :N_IN], N_OUT)
    assert history["val_mse"][-1] == pytest.approx(mse(predicted, frames[:, N_IN:]), rel=1e-3)


@pytest.fixture(scope="module")
def student():
    """Return a small model that was trained a little. Tests leave it fit for training."""
    model = build_model("convolution", N_IN, N_OUT, size=32, width=WIDTH)
    train(model, lessons(), verbose=0)
    rollout(model, frames_of(2, size=32), 2)
    return model


def lessons(kind=SequencePairs, **settings):
    return kind(digits_on(32), N_IN, batch_size=2, n_sequences=6, **settings)


def assert_fit_for_training(model):
    before = values(model)
    history = train(model, lessons(), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(rollout(model, frames_of(2, size=32), 2)).all()
    assert any((old != new).any() for old, new in zip(before, values(model), strict=True))


class Poisoned(SequencePairs):
    def __getitem__(self, index):
        inputs, targets = super().__getitem__(index)
        return inputs, targets * np.float32(np.nan if index == 1 else 1)


class Broken(SequencePairs):
    def __getitem__(self, index):
        if index == 1:
            raise OSError("no more frames")
        return super().__getitem__(index)


@pytest.mark.parametrize("cause", ["data", "learning rate"])
def test_a_loss_of_nan_stops_the_training_and_puts_everything_back(student, cause):
    rate = float(ops.convert_to_numpy(student.optimizer.learning_rate))
    kind = Poisoned if cause == "data" else SequencePairs
    if cause == "learning rate":
        student.optimizer.learning_rate = np.inf
    before, predicted = values(student), rollout(student, frames_of(2, size=32), 2)
    with pytest.raises(FloatingPointError, match="loss became nan in batch 1: lower the learning"):
        train(student, lessons(kind), verbose=0)
    assert_same(values(student), before)
    assert_array_equal(rollout(student, frames_of(2, size=32), 2), predicted)
    student.optimizer.learning_rate = rate
    assert_fit_for_training(student)


@pytest.mark.parametrize(
    "hook",
    [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_epoch_end",
        "on_train_end",
    ],
)
def test_a_callback_that_fails_puts_everything_back(student, hook):
    calls = []

    def fail(*_, **__):
        calls.append(hook)
        if len(calls) == (1 if hook in ("on_train_begin", "on_train_end") else 2):
            raise OSError("disk full")

    callback = keras.callbacks.Callback()
    setattr(callback, hook, fail)
    before = values(student)
    with pytest.raises(OSError, match="disk full"):
        train(
            student,
            lessons(),
            epochs=3,
            callbacks=[callback],
            validation_data=lessons(fixed=True),
            verbose=0,
        )
    assert_same(values(student), before)
    assert_fit_for_training(student)


@pytest.mark.parametrize("workers", [1, 3])
def test_pairs_that_fail_put_everything_back(student, workers):
    before = values(student)
    with pytest.raises(OSError, match="no more frames"):
        train(student, lessons(Broken, workers=workers), verbose=0)
    assert_same(values(student), before)
    assert_fit_for_training(student)


def test_pairs_without_tracks_leave_sprites_as_they_were():
    model = model_of("sprites")
    before, predicted = model.get_weights(), rollout(model, frames_of(2), 2)
    with pytest.raises(ValueError, match="targets lack the tracks"):
        train(model, SequencePairs(digits_on(), N_IN, batch_size=2, n_sequences=4), verbose=0)
    assert_same(model.get_weights(), before)
    assert_array_equal(rollout(model, frames_of(2), 2), predicted)


def test_an_untrained_model_that_fails_is_as_new():
    model = build_model("convolution", N_IN, N_OUT, size=32, width=WIDTH)
    before = model.get_weights()
    with pytest.raises(FloatingPointError):
        train(model, lessons(Poisoned), verbose=0)
    assert_same(model.get_weights(), before)
    assert all((value == 0).all() for value in values(model)[len(before) + 2 :])  # Adam's means
    assert_fit_for_training(model)


@pytest.fixture
def interruptible():
    """Let interrupts raise KeyboardInterrupt, also where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_in_second_batch(student, monkeypatch, times):
    """Train, with interrupts that come between the second batch and the taking of its result."""
    step, steps = student.train_function, []

    def interrupted(*given):
        result = step(*given)  # on JAX this uses up the variables' arrays
        steps.append(1)
        if len(steps) == 2:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(student, "train_function", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(student, lessons(), epochs=2, verbose=0)
    assert len(steps) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupted_training_keeps_what_was_learned(student, monkeypatch, interruptible):
    before, done = values(student), int(student.optimizer.iterations)
    interrupt_in_second_batch(student, monkeypatch, times=1)
    assert int(student.optimizer.iterations) == done + 2
    after = values(student)
    assert all(np.isfinite(value).all() for value in after)
    assert any((old != new).any() for old, new in zip(before, after, strict=True))
    assert_fit_for_training(student)


def test_a_training_interrupted_twice_puts_everything_back(student, monkeypatch, interruptible):
    before = values(student)
    interrupt_in_second_batch(student, monkeypatch, times=2)
    assert_same(values(student), before)
    assert_fit_for_training(student)


def test_an_interrupt_while_validating_is_not_lost(student, interruptible):
    interrupt = keras.callbacks.Callback()
    interrupt.on_test_batch_begin = lambda *_, **__: signal.raise_signal(signal.SIGINT)
    done = int(student.optimizer.iterations)
    pairs = lessons(fixed=True)
    one = SequencePairs(digits_on(32), N_IN, batch_size=2, n_sequences=2, fixed=True)
    with pytest.raises(KeyboardInterrupt):
        train(student, pairs, callbacks=[interrupt], validation_data=one, verbose=0)
    assert int(student.optimizer.iterations) == done + 3
    assert_fit_for_training(student)


def test_a_training_leaves_the_handling_of_interrupts_as_it_was(student, interruptible):
    def mine(*_):
        pass

    for handler in (signal.default_int_handler, signal.SIG_IGN, mine):
        signal.signal(signal.SIGINT, handler)
        train(student, lessons(), verbose=0)
        assert signal.getsignal(signal.SIGINT) is handler


def test_a_model_can_be_trained_in_a_thread(student):
    histories = []
    thread = threading.Thread(
        target=lambda: histories.append(train(student, lessons(), verbose=0).history)
    )
    thread.start()
    thread.join()
    assert len(histories[0]["loss"]) == 1


def test_a_model_of_ones_own_is_built_when_it_is_trained():
    model = keras.Sequential(
        [
            layers.Permute((2, 3, 1)),
            layers.Conv2D(N_OUT, 3, padding="same"),
            layers.Permute((3, 1, 2)),
        ]
    )
    with pytest.raises(ValueError, match=r"call `compile\(\)`"):
        train(model, lessons(), verbose=0)
    model.compile("adam", loss=prediction.frame_mse)
    assert np.isfinite(train(model, lessons(), verbose=0).history["loss"]).all()
    assert rollout(model, frames_of(2, size=32), 3).shape == (2, 3, 32, 32)


# weights and models on disk


@each_model
def test_a_saved_model_predicts_and_learns_on_as_before(name, tmp_path):
    model, _, _ = trained(name)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.compiled
    assert_same(again.get_weights(), model.get_weights())
    states = [[np.array(v.value) for v in one.optimizer.variables] for one in (again, model)]
    assert_same(*states)  # Adam's means, and how many steps it has made
    assert_allclose(rollout(again, frames_of(4), 2), rollout(model, frames_of(4), 2), atol=1e-6)


@pytest.fixture
def known(monkeypatch):
    """Let `load_model` know the small models of these tests."""
    table = {name: (settings, "0" * 64) for name, settings in SETTINGS.items()}
    monkeypatch.setattr(models, "TRAINED", table)
    return table


@each_model
def test_stored_weights_predict_nearly_as_before(name, known, tmp_path):
    model = model_of(name)
    save_weights(model, tmp_path / "mine.npz")
    again = load_model(name, str(tmp_path / "mine.npz"))
    assert again.compiled
    for old, new in zip(model.get_weights(), again.get_weights(), strict=True):
        assert new.dtype == np.float32
        assert_array_equal(new, old.astype(np.float16))
    frames = frames_of(4)
    assert np.abs(rollout(again, frames, 2) - rollout(model, frames, 2)).mean() < 2e-3
    assert [file.name for file in tmp_path.iterdir()] == ["mine.npz"]


def test_weights_of_another_model_are_refused(known, tmp_path):
    save_weights(model_of("convlstm"), tmp_path / "mine.npz")
    with pytest.raises(
        ValueError, match=r"mine\.npz does not fit the model 'convolution': it has 8"
    ):
        load_model("convolution", tmp_path / "mine.npz")


def test_weights_of_another_width_are_refused(known, tmp_path):
    weights = [weight[..., :3] for weight in model_of("convolution").get_weights()]
    save_weights(SimpleNamespace(get_weights=lambda: weights), tmp_path / "mine.npz")
    with pytest.raises(ValueError, match=r"has 6 weights, first of shape \(5, 5, 3, 3\)"):
        load_model("convolution", tmp_path / "mine.npz")


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(part, known, tmp_path):
    file = tmp_path / "mine.npz"
    save_weights(model_of("convolution"), file)
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r"mine\.npz is no file of save_weights"):
        load_model("convolution", file)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("wrapped", [True, False], ids=["in an .npz", "bare"])
def test_a_pickle_is_refused_and_not_opened(wrapped, known, tmp_path):
    file, trace = tmp_path / "mine.npz", tmp_path / "trace"
    if wrapped:
        np.savez(file, w000=np.array([Bomb(trace)], object))
    else:
        file.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(ValueError, match=r"mine\.npz is no file of save_weights"):
        load_model("convolution", file)
    assert not trace.exists()


def test_a_file_that_is_not_there_is_named(known, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load_model("convolution", tmp_path / "missing.npz")


def test_an_unknown_name_has_no_weights(known):
    with pytest.raises(
        ValueError, match="'unet' is unknown: pass one of convlstm, convolution, sp"
    ):
        load_model("unet")


def test_weights_of_the_library_are_checked(known, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "FOLDER", tmp_path)
    file = tmp_path / "convolution.npz"
    save_weights(model_of("convolution"), file)
    with pytest.raises(ValueError, match=r"convolution\.npz is damaged .*install mmnist_lib again"):
        load_model("convolution")
    known["convolution"] = SETTINGS["convolution"], hashlib.sha256(file.read_bytes()).hexdigest()
    loaded = load_model("convolution")
    assert_same(loaded.get_weights(), load_model("convolution", file).get_weights())


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_weights_that_cannot_be_stored_leave_the_old_file(value, tmp_path):
    model = build("convolution")
    save_weights(model, tmp_path / "mine.npz")
    before = (tmp_path / "mine.npz").read_bytes()
    weights = model.get_weights()
    weights[2].flat[5] = value
    model.set_weights(weights)
    with pytest.raises(ValueError, match="weights hold NaN, infinity or numbers over 65504"):
        save_weights(model, tmp_path / "mine.npz")
    assert (tmp_path / "mine.npz").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_the_old_file(monkeypatch, tmp_path):
    file = tmp_path / "mine.npz"
    save_weights(model_of("convolution"), file)
    before = file.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="disk full"):
        save_weights(model_of("convolution"), file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["mine", "mine.keras", "mine.npz.zip", "mine.NPZ"])
def test_weights_are_stored_under_a_name_that_tells(name, tmp_path):
    with pytest.raises(ValueError, match=r"path=.*: choose a name that ends in \.npz"):
        save_weights(model_of("convolution"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_written_leave_nothing_behind(tmp_path, monkeypatch):
    def full(file, **weights):
        file.write(b"half")
        raise OSError("No space left on device")

    path = tmp_path / "mine.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(model_of("convolution"), path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_training_that_is_killed_goes_on_from_its_checkpoint(tmp_path):
    script = shutil.copy(Path(__file__).parents[2] / "training" / "train.py", tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5100, 28, 28), np.uint8)
    labels = np.arange(5100, dtype=np.uint8) % 10
    data = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "mnist.npz", **data)
    command = [sys.executable, script, "convolution", "--source", tmp_path / "mnist.npz"]
    command += ["--sequences", "8", "--batch-size", "4", "--epochs"]
    log = tmp_path / "convolution" / "log.jsonl"

    def lines():
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    # Without JAX's cache, which is not written whole or not at all: what is killed could spoil it.
    no_cache = os.environ | {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    with subprocess.Popen([*command, "1000"], stdout=subprocess.DEVNULL, env=no_cache) as first:
        until = time.monotonic() + HANG
        while not lines() and first.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        first.kill()
    kept = lines()
    assert kept and [line["epoch"] for line in kept] == list(range(len(kept)))
    subprocess.run([*command, str(len(kept) + 1)], check=True, capture_output=True, timeout=HANG)
    assert lines()[:-1] == kept and lines()[-1]["epoch"] == len(kept)


# the weights that come with the library

# MSE of ten frames after ten, over 40 sequences of the bundled test digits, seed 40.
EXPECTED = {"convlstm": 205.40, "convolution": 174.18, "sprites": 26.28}


@pytest.mark.parametrize("name", sorted(prediction.TRAINED))
def test_the_weights_of_the_library_are_whole_and_small(name):
    content = (prediction.FOLDER / f"{name}.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == prediction.TRAINED[name][1]
    assert len(content) <= 3 * 2**20


@pytest.mark.parametrize("name", sorted(prediction.TRAINED))
def test_the_models_of_the_library_predict_as_well_as_they_did(name):
    _, (images, _) = sample()
    inputs, targets = split_frames(MovingMNIST(images, seed=40).batch(0, 40) / np.float32(255), 10)
    score = mse(rollout(load_model(name), inputs, 10), targets)
    assert score == pytest.approx(EXPECTED.get(name, np.nan), rel=0.01)


# Keras' backends and devices


def test_importing_prediction_picks_the_first_backend_that_is_installed(tmp_path):
    installed = [n for n in ("jax", "tensorflow", "torch") if importlib.util.find_spec(n)]
    code = """
import json, os
from mmnist_lib import prediction
import keras
print(json.dumps([keras.backend.backend(), os.environ["KERAS_BACKEND"]]))
"""
    assert in_new_process(code, tmp_path) == [installed[0]] * 2


def test_importing_prediction_leaves_a_chosen_backend(tmp_path):
    installed = [n for n in ("jax", "tensorflow", "torch") if importlib.util.find_spec(n)]
    code = """
import json
from mmnist_lib import prediction
import keras
print(json.dumps(keras.backend.backend()))
"""
    assert in_new_process(code, tmp_path, KERAS_BACKEND=installed[-1]) == installed[-1]


def learn_a_little():
    """Train the same model on the same pairs, and return the losses."""
    keras.utils.set_random_seed(2)
    model = build_model("convolution", N_IN, N_OUT, size=32, width=WIDTH)
    pairs = SequencePairs(digits_on(32), N_IN, batch_size=4, n_sequences=8)
    losses = train(model, pairs, epochs=2, validation_data=lessons(fixed=True), verbose=0).history
    return losses, model


@pytest.mark.skipif(BACKEND != "jax", reason="Keras has DataParallel for JAX only")
def test_two_devices_share_the_work_and_learn_the_same(tmp_path):
    code = """
import json, keras
devices = keras.distribution.list_devices("cpu")
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))
import test_prediction
losses, model = test_prediction.learn_a_little()
print(json.dumps([losses, len(model.weights[0].value.sharding.device_set)]))
"""
    flags = "--xla_force_host_platform_device_count=2"
    shared, n = in_new_process(code, tmp_path, KERAS_BACKEND="jax", XLA_FLAGS=flags)
    assert n == 2
    alone, _ = learn_a_little()
    assert shared.keys() == alone.keys()
    for name, losses in alone.items():
        assert_allclose(shared[name], losses, rtol=1e-4)
