"""A dataset of finite length: what torch's DataLoader asks of it, and how it is indexed."""

import pickle

import numpy as np
import pytest

from mmnist_lib import MovingMNIST, SequenceDataset


def small(**changes):
    images = np.random.default_rng(3).integers(0, 256, (12, 5, 5), dtype=np.uint8)
    return MovingMNIST(images, **{"n_frames": 4, "size": 12, "seed": 1} | changes)


def same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (3, 3), (-1, 9), (np.uint8(9), 9), (np.array(2), 2),
        (slice(None), range(10)), (slice(2, 99), range(2, 10)), (slice(None, None, -4), (9, 5, 1)),
        ([7, 3, -1, 3], (7, 3, 9, 3)), ((1, 2), (1, 2)), (np.array([4]), (4,)), ([], ()),
    ],
)  # fmt: skip
def test_it_is_indexed_as_an_array_is(index, expected):
    made = SequenceDataset(small(), 10)[index]
    same(made, small()[expected] if isinstance(expected, int) else small().pick(expected))


def test_a_loop_over_it_ends():
    dataset = SequenceDataset(small(), 3)
    assert len(dataset) == 3
    same(np.stack(list(dataset)), small().batch(0, 3))


def test_items_are_inputs_and_targets_where_they_are_split():
    dataset = SequenceDataset(small(), 10, n_in=3)
    for index, frames in ((7, small()[7]), ([7, 2], small().pick([7, 2]))):
        inputs, targets = dataset[index]
        same(inputs, frames[..., :3, :, :])
        same(targets, frames[..., 3:, :, :])


def test_floats_run_from_0_to_1():
    same(SequenceDataset(small(), 10, as_float=True)[:4], small().batch(0, 4) / np.float32(255))
    inputs, _ = SequenceDataset(small(), 10, n_in=2, as_float=True)[3]
    same(inputs, small()[3][:2] / np.float32(255))


@pytest.mark.parametrize("n_in", [None, 3])
def test_a_batch_is_asked_for_as_torch_does_and_holds_the_items(n_in):
    dataset = SequenceDataset(small(), 10, n_in)
    items = dataset.__getitems__([5, 0, 9])
    assert isinstance(items, list) and len(items) == 3
    for item, index in zip(items, (5, 0, 9), strict=True):
        parts = item if n_in else [item]
        assert isinstance(item, tuple) == bool(n_in)
        for found, expected in zip(
            parts, dataset[index] if n_in else [dataset[index]], strict=True
        ):
            same(found, expected)


def test_epochs_repeat_unless_the_epoch_is_set():
    dataset = SequenceDataset(small(), 10)
    same(dataset[2], small()[2])
    dataset.epoch = 3
    same(dataset[2], small()[32])
    same(dataset[-1:], small().batch(39, 40))


def test_a_worker_makes_the_same():
    dataset = SequenceDataset(small(), 10, n_in=3)
    dataset.epoch = 2
    same(pickle.loads(pickle.dumps(dataset))[4][1], dataset[4][1])


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (10, IndexError, "index=10 is out of range: pass -10 to 9"),
        (-11, IndexError, "index=-11 is out of range"),
        ([0, 99], IndexError, "index=99 is out of range"),
        (2.0, TypeError, r"index=2\.0: pass an integer, a slice or a list of integers"),
        ("1", TypeError, "index='1': pass"),
        (None, TypeError, "index=None: pass"),
        ([True, False], TypeError, "pass an integer"),
        ([[1, 2]], TypeError, "pass an integer"),
        ([[1], [2, 3]], TypeError, "index is ragged"),
        (2**70, TypeError, "pass an integer"),
    ],
)
def test_a_bad_index_is_refused(index, error, words):
    with pytest.raises(error, match=words):
        SequenceDataset(small(), 10)[index]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((small().batch(0, 3), 3), TypeError, "data is a ndarray: pass a MovingMNIST"),
        ((small(), 0), ValueError, "n_sequences=0 is too small"),
        ((small(), 1.5), TypeError, r"n_sequences=1\.5 is not an integer"),
        ((small(), 3, 4), ValueError, "n_in=4 leaves none of 4 frames"),
    ],
)
def test_bad_settings_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        SequenceDataset(*arguments)
