"""Batches for Keras, the two models, training, rolling out, and weights on disk."""

import functools
import importlib.util
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from mmnist_lib import MovingMNIST, load_mnist, mse, prediction, split_frames
from mmnist_lib.prediction import (
    SequencePairs,
    build_model,
    load_model,
    models,
    rollout,
    save_weights,
    train,
)
from tests.limits import HANG

import keras  # isort: skip  # after prediction, which chooses the backend
from keras import layers, ops  # isort: skip

from training.train import OwnRollouts  # isort: skip

BACKEND = keras.backend.backend()
# The models under test see 3 frames and predict 2, on a small canvas, with few channels.
N_IN, N_OUT, SIZE, WIDTH = 3, 2, 48, 4
KINDS = {"convlstm": {"n_in": None}, "unet": {"n_in": N_IN}}  # of pairs that each learns from
SETTINGS = {
    "convlstm": {"size": SIZE, "width": WIDTH},
    "unet": {"n_in": N_IN, "n_out": N_OUT, "size": SIZE, "width": WIDTH},
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


def plain(n_in=N_IN, n_out=N_OUT, size=SIZE, width=WIDTH, bias="zeros"):
    """Build three convolutions over frames as channels, as the readers of chapter 6 do."""
    inputs = keras.Input((n_in, size, size))
    x = layers.Permute((2, 3, 1))(inputs)
    for _ in range(2):
        x = layers.Conv2D(width, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(n_out, 5, padding="same", bias_initializer=bias, name="logits")(x)
    x = layers.Permute((3, 1, 2))(layers.Activation("sigmoid")(x))
    model = keras.Model(inputs, x)
    model.compile(keras.optimizers.Adam(1e-3), loss=prediction.frame_mse)
    return model


@functools.cache
def model_of(name):
    """Return a model that no test trains."""
    return build(name)


def predict(model, frames):
    """Predict as Keras does, without `rollout`."""
    return model.predict(frames, verbose=0)


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
        (
            {"data": np.zeros((3, 5, 12, 12))},
            TypeError,
            "data is a ndarray: pass a MovingMNIST",
        ),
        (
            {"data": tiny(n_frames=1)},
            ValueError,
            "n_frames=1 leaves none .*: pass 2 frames or more",
        ),
        ({"n_in": 0}, ValueError, "n_in=0 is too small"),
        ({"n_in": 5}, ValueError, "n_in=5 leaves none of 5 frames to predict: pass 1 to 4"),
        ({"n_in": 2.0}, TypeError, r"n_in=2\.0 is not an integer"),
        ({"batch_size": 0}, ValueError, "batch_size=0 is too small"),
        ({"batch_size": 9}, ValueError, "batch_size=9 is too large: pass an integer <= 8"),
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
    frames = keras.Input((3, 12, 12))
    model = keras.Model(frames, layers.Dense(12)(frames[:, :2]))
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
    n = n_in if name == "convlstm" else n_out  # it gives each frame's successor
    assert frames.shape == (7, n, size, size) and frames.dtype == "float32"


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"name": "sprites"}, ValueError, "name='sprites' is unknown: choose 'convlstm' or 'unet'"),
        ({"name": None}, ValueError, "name=None is unknown"),
        ({"n_in": 0}, ValueError, "n_in=0 is too small"),
        ({"n_out": -1}, ValueError, "n_out=-1 is too small"),
        ({"n_in": 10.0}, TypeError, r"n_in=10\.0 is not an integer"),
        ({"width": 0}, ValueError, "width=0 is too small"),
        ({"width": "8"}, TypeError, "width='8' is not an integer"),
        ({"size": 0}, ValueError, "size=0 is too small"),
        ({"size": 50}, ValueError, "size=50 is not a multiple of (8.*: pass 56|16.*: pass 64)"),
        ({"size": 64.0}, TypeError, r"size=64\.0 is not an integer"),
    ],
)
@each_model
def test_a_model_that_cannot_be_is_refused(name, settings, error, words):
    with pytest.raises(error, match=words):
        build_model(**{"name": name, **settings})


def test_each_model_halves_the_side_as_often_as_it_needs():
    with pytest.raises(ValueError, match="size=56 is not a multiple of 16, as 'unet' needs"):
        build_model("unet", size=56)
    assert build_model("convlstm", size=56, width=2).input_shape == (None, None, 56, 56)
    assert build_model("unet", 1, 1, size=16, width=2).output_shape == (None, 1, 16, 16)


def test_the_unet_begins_nearly_black_and_with_a_live_gradient():
    predicted = predict(model_of("unet"), frames_of(2))
    assert_allclose(predicted, 1 / (1 + np.exp(3)), atol=1e-6)


# causality


def learned(model):
    """Give a model other weights than those that it begins with, some of which are zeros."""
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


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
    assert is_causal(learned(build("convlstm")))


def test_a_head_that_looks_at_the_next_frame_is_found_out():
    head = layers.Conv3D(1, 3, padding="same")
    leaky = [learned(build("convlstm")), layers.Reshape((-1, SIZE, SIZE, 1)), head]
    assert not is_causal(keras.Sequential([*leaky, layers.Reshape((-1, SIZE, SIZE))]))


def test_the_convlstm_reads_its_own_prediction_where_a_frame_is_missing():
    model, frames = learned(build("convlstm")), frames_of(4, 6)
    frames[:, 3:] = -1
    own = predict(model, frames)[:, 2:]
    assert own.std() > 1e-3
    assert_allclose(own, rollout(model, frames[:, :3], 4), atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="gradients in loops are slow on JAX")
def test_the_convlstm_learns_without_a_loop(tmp_path):
    import jax

    model, _, _ = trained("convlstm")
    model.save(tmp_path / "model.keras")
    for one in (model, keras.saving.load_model(tmp_path / "model.keras")):
        steps = str(jax.make_jaxpr(lambda x, one=one: one(x, training=True))(frames_of(2)))
        assert "conv_general_dilated" in steps and "scan" not in steps and "while" not in steps
        loop = one.layers[1]  # TensorFlow could not load an unrolled one
        assert loop.unroll and not loop.get_config()["unroll"]


def test_the_convlstm_takes_any_number_of_frames_and_gives_the_same_for_those_it_had():
    model, frames = learned(build("convlstm")), frames_of(4, 5)
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


def test_a_rollout_feeds_predictions_back():
    model, seen = learned(build("unet")), frames_of(4)
    for _ in range(3):
        seen = np.concatenate([seen, predict(model, seen[:, -N_IN:])], axis=1)
    predicted = rollout(model, frames_of(4), 5)  # of the 6 made here
    assert_allclose(predicted, seen[:, N_IN : N_IN + 5], atol=1e-5)
    assert_allclose(rollout(model, frames_of(4), 1), predicted[:, :1], atol=1e-5)


def test_a_rollout_feeds_back_few_of_many_predicted_frames():
    model = plain(n_in=2, n_out=4)
    first = predict(model, frames_of(2, 2))
    predicted = np.concatenate([first, predict(model, first[:, 2:])], axis=1)
    assert_allclose(rollout(model, frames_of(2, 2), 7), predicted[:, :7], atol=1e-5)


def test_a_rollout_frame_by_frame_is_that_of_a_growing_sequence():
    model, seen = learned(build("convlstm")), frames_of(4)
    for _ in range(3):
        seen = np.concatenate([seen, predict(model, seen)[:, -1:]], axis=1)
    assert_allclose(rollout(model, frames_of(4), 3), seen[:, N_IN:], atol=1e-5)


def test_a_rollout_takes_any_floats():
    frames = frames_of(2)
    predicted = rollout(model_of("convlstm"), frames, 2)
    for same in (frames.astype(np.float64), frames.tolist()):
        assert_array_equal(rollout(model_of("convlstm"), same, 2), predicted)


@pytest.mark.parametrize(
    ("frames", "settings", "error", "words"),
    [
        (np.zeros((2, 3, 48, 48), np.uint8), {}, TypeError, "frames has dtype uint8: pass floats"),
        (np.zeros((2, 3, 48, 48), bool), {}, TypeError, "frames has dtype bool"),
        (
            np.zeros((3, 48, 48)),
            {},
            ValueError,
            r"shape \(3, 48, 48\), but the model takes \(None",
        ),
        (np.zeros((2, 3, 3, 48, 48)), {}, ValueError, r"3, 48, 48\), but the model takes \(None"),
        (np.zeros((2, 3, 48, 48, 3)), {}, ValueError, r"48, 48, 3\), but the model takes \(None"),
        (np.zeros((0, 3, 48, 48)), {}, ValueError, r"frames has shape \(0, 3, 48, 48\): pass"),
        (np.zeros((2, 0, 48, 48)), {}, ValueError, r"frames has shape \(2, 0, 48, 48\).* pass"),
        (
            np.zeros((2, 3, 64, 64)),
            {},
            ValueError,
            r"3, 64, 64\), but .* takes \(None, .*, 48, 48\)",
        ),
        (
            np.zeros((16, 3, 64, 48)),
            {},
            ValueError,
            r"3, 64, 48\), but .*: pass frames as it takes them",
        ),
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


def test_a_rollout_of_more_frames_than_the_model_takes_is_refused():
    with pytest.raises(
        ValueError, match=r"\(2, 4, 48, 48\), but the model takes \(None, 3, 48, 48"
    ):
        rollout(model_of("unet"), frames_of(2, 4), 2)


def with_channels(time):
    """Build a ConvLSTM as Keras' own examples do: ``(batch, time, size, size, 1)``."""
    convlstm = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)
    head = layers.Conv3D(1, 1, activation="sigmoid")
    return keras.Sequential([keras.Input((time, SIZE, SIZE, 1)), convlstm, head])


@pytest.mark.parametrize("time", [None, N_IN])
def test_channels_are_added_and_taken_away_as_frames_and_model_need_it(time):
    model, frames = with_channels(time), frames_of(2)
    predicted = rollout(model, frames, 2)
    assert predicted.shape == (2, 2, SIZE, SIZE)
    again = rollout(model, frames[..., np.newaxis], 2)
    assert_array_equal(again, predicted[..., np.newaxis])
    first = predict(model, frames[..., np.newaxis])[:, -1 if time is None else 0, ..., 0]
    assert_allclose(predicted[:, 0], first, atol=1e-6)


def test_a_model_that_loses_frames_is_told():
    """Keras' TimeDistributed does, on TensorFlow, where the number of frames is open."""

    @keras.saving.register_keras_serializable("tests")
    class Loses(layers.Layer):
        def call(self, frames):
            return frames[:, ::2]

        def compute_output_shape(self, shape):
            return shape

    model = keras.Sequential([keras.Input((None, SIZE, SIZE)), Loses()])
    with pytest.raises(ValueError, match="model returns 2 frames for 4: build it of layers"):
        rollout(model, frames_of(2), 2)


@each_model
def test_frames_with_a_channel_fit_a_model_without(name):
    frames, model = frames_of(2), model_of(name)
    predicted = rollout(model, frames[..., np.newaxis], 2)
    assert_array_equal(predicted[..., 0], rollout(model, frames, 2))


def test_several_channels_are_carried_along():
    model = keras.Sequential([keras.Input((N_IN, SIZE, SIZE, 3)), layers.Dense(3)])
    assert rollout(model, np.zeros((2, N_IN, SIZE, SIZE, 3)), 4).shape == (2, 4, SIZE, SIZE, 3)
    with pytest.raises(ValueError, match=r"takes \(None, 3, 48, 48, 3\) .*: pass frames as it"):
        rollout(model, frames_of(2), 4)


def test_models_that_cannot_be_rolled_out_are_refused():
    channels_last = keras.Sequential([keras.Input((SIZE, SIZE, N_IN)), layers.Dense(N_OUT)])
    frames = frames_of(2)
    for model in (channels_last, keras.Sequential([channels_last, layers.Flatten()])):
        with pytest.raises(
            ValueError, match=r"let it take .* frames, .* layers\.Permute turns axes"
        ):
            rollout(model, frames, 2)
    one_frame = keras.Sequential(
        [keras.Input((N_IN, SIZE, SIZE)), layers.Lambda(lambda x: x[:, 0])]
    )
    with pytest.raises(ValueError, match=r"returns \(None, 48, 48\): .* layers\.Reshape adds one"):
        rollout(one_frame, frames, 2)
    two = keras.Model(one_frame.inputs, [one_frame.outputs[0]] * 2)
    with pytest.raises(ValueError, match=r"model has no known shapes: pass a keras\.Sequential or"):
        rollout(two, frames, 2)


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


@pytest.fixture(scope="module")
def student():
    """Return a small model that was trained a little. Tests leave it fit for training."""
    model = plain(size=32)
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
def test_a_callback_that_fails_leaves_the_last_whole_epoch(student, hook):
    calls, ended = [], [values(student)]

    def fail(*_, **__):
        calls.append(hook)
        if len(calls) == (1 if hook in ("on_train_begin", "on_train_end") else 2):
            raise OSError("disk full")

    callback = keras.callbacks.Callback()
    setattr(callback, hook, fail)
    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ended.append(values(student)))
    with pytest.raises(OSError, match="disk full"):
        train(
            student,
            lessons(),
            epochs=3,
            callbacks=[each, callback],
            validation_data=lessons(fixed=True),
            verbose=0,
        )
    assert_same(values(student), ended[-1])
    assert_fit_for_training(student)


@pytest.mark.parametrize("workers", [1, 3])
def test_pairs_that_fail_put_everything_back(student, workers):
    before = values(student)
    with pytest.raises(OSError, match="no more frames"):
        train(student, lessons(Broken, workers=workers), verbose=0)
    assert_same(values(student), before)
    assert_fit_for_training(student)


@pytest.mark.parametrize(
    ("name", "pairs", "words"),
    [
        (
            "convlstm",
            {"n_in": N_IN},
            r"predicts each frame's successor: pass SequencePairs\(data, n_in=None\), not n_in=3",
        ),
        (
            "convlstm",
            {"n_in": None, "size": 64},
            r"takes \(None, None, 48, 48\) .* n_in=None\), where data has size=48",
        ),
        (
            "unet",
            {"n_in": None},
            r"inputs \(2, 4, 48, 48\) .* takes \(None, 3, 48, 48\) and returns \(None, 2, "
            r"48, 48\): pass SequencePairs\(data, n_in=3\), where data has n_frames=5 and size=48",
        ),
        ("unet", {"n_in": 2}, r"inputs \(2, 2, .*targets \(2, 3, 48, 48\)"),
        ("unet", {"n_in": N_IN, "n_frames": 6}, r"targets \(2, 3, .*: pass .* n_frames=5"),
        ("unet", {"n_in": N_IN, "size": 64}, r"3, 64, 64\) .* and size=48, or a model for these"),
    ],
)
@pytest.mark.parametrize("place", ["pairs", "validation"])
def test_pairs_that_a_model_cannot_learn_from_leave_it_as_it_was(name, pairs, words, place):
    model, good, bad = model_of(name), KINDS[name], dict(pairs)
    before, n_in = model.get_weights(), bad.pop("n_in")
    wrong = SequencePairs(digits_on(**bad), n_in, batch_size=2, n_sequences=4)
    right = SequencePairs(digits_on(), **good, batch_size=2, n_sequences=4)
    given = (wrong, None) if place == "pairs" else (right, wrong)
    with pytest.raises(ValueError, match=words):
        train(model, given[0], validation_data=given[1], verbose=0)
    assert_same(model.get_weights(), before)


def test_a_model_with_a_channel_axis_learns_from_the_same_pairs():
    model = with_channels(None)
    model.compile("adam", loss=prediction.frame_mse)
    pairs = SequencePairs(digits_on(), None, batch_size=2, n_sequences=2, fixed=True)
    frames = digits_on().batch(0, 2) / np.float32(255)
    expected = mse(predict(model, frames[:, :-1, ..., np.newaxis])[..., 0], frames[:, 1:])
    history = train(model, pairs, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_the_mse_of_the_benchmark_with_a_channel_axis_too():
    true, predicted = np.random.default_rng(0).random((2, 2, 3, 8, 8), np.float32)
    loss = float(prediction.frame_mse(true, predicted))
    assert loss == pytest.approx(mse(predicted, true), rel=1e-5)
    assert float(prediction.frame_mse(true[..., None], predicted[..., None])) == pytest.approx(loss)
    assert float(prediction.frame_mse(true[:, 0], predicted[:, 0])) == pytest.approx(
        mse(predicted[:, :1], true[:, :1]), rel=1e-5
    )


def test_a_model_over_frames_as_channels_learns_from_pairs_of_its_own():
    class ChannelsLast(SequencePairs):
        def __getitem__(self, index):
            return tuple(np.moveaxis(frames, 1, -1) for frames in super().__getitem__(index))

    model = keras.Sequential([keras.Input((32, 32, N_IN)), layers.Dense(N_OUT)])
    model.compile("adam", loss="mse")
    assert np.isfinite(train(model, lessons(ChannelsLast), verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match=r"layers\.Permute turns axes"):
        train(model, lessons(), verbose=0)


def test_a_model_may_return_the_chance_of_each_gray_level():
    frames = keras.Input((N_IN, 32, 32, 1))
    chances = keras.Model(frames, layers.Dense(2, activation="softmax")(frames[:, :N_OUT]))
    chances.compile("adam", loss="sparse_categorical_crossentropy")
    assert np.isfinite(train(chances, lessons(), verbose=0).history["loss"]).all()


def test_a_model_that_is_a_class_of_its_own_learns():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(32)

        def call(self, frames):
            return self.dense(frames[:, :N_OUT])

    model = Mine()
    model.compile("adam", loss=prediction.frame_mse)
    assert np.isfinite(train(model, lessons(), verbose=0).history["loss"]).all()
    with pytest.raises(ValueError, match=r"model has no known shapes: pass a keras\.Sequential"):
        rollout(model, frames_of(2, size=32), 2)


def test_an_untrained_model_that_fails_is_as_new():
    model = plain(size=32)
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


@pytest.mark.parametrize("whole", [0, 1])  # epochs before the one that is interrupted
def test_an_interrupt_leaves_the_last_whole_epoch(student, monkeypatch, interruptible, whole):
    step, steps, ended = student.train_function, [], [values(student)]

    def interrupted(*given):
        result = step(*given)  # on JAX this uses up the variables' arrays
        steps.append(1)
        if len(steps) == 3 * whole + 2:
            signal.raise_signal(signal.SIGINT)
        return result

    each = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ended.append(values(student)))
    with monkeypatch.context() as patch:
        patch.setattr(student, "train_function", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(student, lessons(), epochs=3, callbacks=[each], verbose=0)
    assert (len(steps), len(ended)) == (3 * whole + 2, whole + 1)
    assert_same(values(student), ended[-1])
    assert_fit_for_training(student)


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


# the head that collapses, and the mended one


def head_of(bias):
    """Train chapter 6's network for thirty steps; return its logits on ink, and its MSE."""
    keras.utils.set_random_seed(0)
    model = plain(10, 10, size=SIZE, width=16, bias=bias)
    pairs = SequencePairs(digits_on(SIZE, 20), 10, batch_size=16, n_sequences=480)
    train(model, pairs, verbose=0)
    frames = digits_on(SIZE, 20, seed=2).batch(0, 32) / np.float32(255)
    inputs, targets = split_frames(frames, 10)
    logits = predict(keras.Model(model.inputs, model.get_layer("logits").output), inputs)
    ink = np.moveaxis(logits, -1, 1)[targets > 0.5]
    return ink, mse(predict(model, inputs), targets), mse(0 * targets, targets)


def gradient(logits):
    """Return the slope of the sigmoid: what is left there of the loss' gradient."""
    chance = 1 / (1 + np.exp(-logits.astype(np.float64)))
    return np.median(chance * (1 - chance))


def test_a_plain_sigmoid_head_collapses_to_black_and_its_gradient_is_gone():
    ink, score, black = head_of("zeros")
    assert np.median(ink) < -10 and gradient(ink) < 1e-4
    assert score > 0.98 * black


def test_a_head_that_begins_nearly_black_has_a_live_gradient_and_beats_black():
    ink, score, black = head_of(keras.initializers.Constant(-3))
    assert np.median(ink) > -6 and gradient(ink) > 1e-2
    assert score < 0.9 * black


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
    monkeypatch.setattr(models, "build_model", lambda name: build_model(name, **SETTINGS[name]))


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
        ValueError, match=r"mine\.npz does not fit the model 'unet' .*length 28, .*expecting 60"
    ):
        load_model("unet", tmp_path / "mine.npz")


def test_weights_of_another_width_are_refused(known, tmp_path):
    save_weights(build_model("unet", **SETTINGS["unet"] | {"width": 3}), tmp_path / "mine.npz")
    with pytest.raises(
        ValueError, match=r"weight shape \(4, 4, 3, 4\) .* provided weight shape \(4, 4, 3, 3\)"
    ):
        load_model("unet", tmp_path / "mine.npz")


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(part, known, tmp_path):
    file = tmp_path / "mine.npz"
    save_weights(model_of("convlstm"), file)
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ValueError, match=r"mine\.npz is not a file of save_weights"):
        load_model("convlstm", file)


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
    with pytest.raises(ValueError, match=r"mine\.npz is not a file of save_weights"):
        load_model("convlstm", file)
    assert not trace.exists()


def test_a_file_that_is_not_there_is_named(known, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load_model("convlstm", tmp_path / "missing.npz")


def test_an_unknown_name_has_no_weights(known):
    with pytest.raises(ValueError, match="'sprites' is unknown: choose 'convlstm' or 'unet'"):
        load_model("sprites")


def test_a_damaged_file_is_refused(known, tmp_path):
    file = tmp_path / "mine.npz"
    save_weights(model_of("convlstm"), file)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.npz is not a file of save_weights"):
        load_model("convlstm", file)


@pytest.mark.parametrize("wrong", ["nan", "text", "complex", "mask"])
def test_weights_that_are_no_finite_floats_are_refused(tmp_path, wrong):
    with np.load(prediction.FOLDER / "convlstm.npz") as stored:
        weights = dict(stored)
    first = min(weights)
    weights[first] = {
        "nan": weights[first] * np.nan,
        "text": np.full(weights[first].shape, "0.5"),
        "complex": weights[first] * 1j,
        "mask": weights[first] > 0,
    }[wrong]
    np.savez(tmp_path / "mine.npz", **weights)
    with pytest.raises(ValueError, match=r"mine\.npz is not a file of save_weights .*finite"):
        load_model("convlstm", tmp_path / "mine.npz")


@pytest.mark.skipif(os.name != "posix", reason="pipes are those of POSIX")
def test_weights_are_not_awaited_from_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe' is not a regular file"):
        load_model("convlstm", tmp_path / "pipe")


@pytest.mark.parametrize("axis", [2, 4])
def test_a_rollout_of_frames_with_a_channel_axis_has_it_at_the_same_place(axis):
    frames = frames_of(2)
    predicted = rollout(model_of("convlstm"), np.expand_dims(frames, axis), 2)
    assert_array_equal(predicted.squeeze(axis), rollout(model_of("convlstm"), frames, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_weights_that_cannot_be_stored_leave_the_old_file(value, tmp_path):
    model = build("convlstm")
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
    save_weights(model_of("convlstm"), file)
    before = file.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="disk full"):
        save_weights(model_of("convlstm"), file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["mine", "mine.keras", "mine.npz.zip", "mine.NPZ"])
def test_weights_are_stored_under_a_name_that_tells(name, tmp_path):
    with pytest.raises(ValueError, match=r"path=.*: choose a name that ends in \.npz"):
        save_weights(model_of("convlstm"), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_weights_that_cannot_be_written_leave_nothing_behind(tmp_path, monkeypatch):
    def full(file, **weights):
        file.write(b"half")
        raise OSError("No space left on device")

    path = tmp_path / "mine.npz"
    path.write_bytes(b"old")
    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        save_weights(model_of("convlstm"), path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_training_that_is_killed_goes_on_from_its_checkpoint(tmp_path):
    script = shutil.copy(Path(__file__).parents[2] / "training" / "train.py", tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5100, 28, 28), np.uint8)
    labels = np.arange(5100, dtype=np.uint8) % 10
    data = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(tmp_path / "mnist.npz", **data)
    command = [sys.executable, script, "unet", "--source", tmp_path / "mnist.npz"]
    command += ["--sequences", "8", "--batch-size", "4", "--epochs"]
    log = tmp_path / "unet" / "log.jsonl"

    def lines():
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    # Without JAX's cache, which is not written whole or not at all: what is killed could spoil it.
    quick = {"JAX_ENABLE_COMPILATION_CACHE": "false", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    no_cache = os.environ | quick
    with subprocess.Popen([*command, "1000"], stdout=subprocess.DEVNULL, env=no_cache) as first:
        until = time.monotonic() + HANG
        while not lines() and first.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        first.kill()
    kept = lines()
    assert kept and [line["epoch"] for line in kept] == list(range(len(kept)))
    subprocess.run([*command, str(len(kept) + 1)], check=True, capture_output=True, timeout=HANG)
    assert lines()[:-1] == kept and lines()[-1]["epoch"] == len(kept)


def test_pairs_of_own_rollouts_hide_inputs_and_no_target():
    frames = digits_on(n_frames=20).batch(0, 2) / np.float32(255)
    inputs, targets = OwnRollouts(digits_on(n_frames=20), None, batch_size=2, n_sequences=2)[0]
    assert_array_equal(inputs[:, :10], frames[:, :10])
    assert (inputs[:, 10:] == -1).all()
    assert_array_equal(targets, frames[:, 1:])


# the weights that come with the library

# MSE of ten frames after ten, over 16 sequences of the bundled test digits, seed 40, and how far
# from it another machine may be.
EXPECTED = {"convlstm": (54.33, 0.01), "unet": (70.58, 0.01)}


@pytest.mark.parametrize("name", prediction.TRAINED)
def test_the_weights_of_the_library_are_small(name):
    assert (prediction.FOLDER / f"{name}.npz").stat().st_size <= 6e6


@pytest.mark.parametrize("name", prediction.TRAINED)
def test_the_models_of_the_library_predict_as_well_as_they_did(name):
    _, (images, _) = sample()
    inputs, targets = split_frames(MovingMNIST(images, seed=40).batch(0, 16) / np.float32(255), 10)
    score = mse(rollout(load_model(name), inputs, 10), targets)
    expected, share = EXPECTED[name]
    assert score == pytest.approx(expected, rel=share)


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
    model = plain(size=32)
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
