"""The fast twin of `composite`, held to it byte for byte, also where arrays end at 2 GiB."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmnist_lib import MovingMNIST, _strips, composite

BROWSER = 2**31 - 1  # bytes that an array may span on 32-bit WebAssembly


def digits(side, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (9, side, side), dtype=np.uint8)


@given(
    n=st.integers(1, 6),
    k=st.integers(0, 4),
    n_frames=st.integers(1, 9),
    side=st.integers(1, 12),
    room=st.integers(0, 20),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=100)
def test_strips_are_what_composite_draws(n, k, n_frames, side, room, seed):
    rng, size = np.random.default_rng(seed), side + room
    sprites = rng.integers(0, 256, (n, k, side, side), dtype=np.uint8)
    tracks = rng.integers(0, room + 1, (n, k, n_frames, 2))
    frames = np.full((n, n_frames, size, size), 77, np.uint8)  # what was there must go
    _strips.draw_strips(frames, sprites, tracks)
    for drawn, *sequence in zip(frames, sprites, tracks, strict=True):
        np.testing.assert_array_equal(drawn, composite(*sequence, size))


@pytest.mark.parametrize("size", [28, 64, 100, 157, 158, 300, 512, 5000])
@pytest.mark.parametrize("n_frames", [1, 20, 500])
def test_what_is_drawn_at_once_spans_no_more_than_a_browser_allows(monkeypatch, size, n_frames):
    monkeypatch.setattr(_strips, "LARGEST", BROWSER)
    n = _strips.sequences_at_once(n_frames, size, 28)
    span = n_frames * size**2 * _strips.strip_length(size, 28)
    assert n * span <= BROWSER
    assert n > 0 or span > BROWSER


def test_a_browser_draws_a_batch_of_any_size(monkeypatch):
    large, small = {"size": 512, "n_frames": 3}, {}
    expected = [MovingMNIST(digits(28), **one).batch(0, 15) for one in (large, small)]
    monkeypatch.setattr(_strips, "LARGEST", BROWSER)
    assert _strips.sequences_at_once(3, 512, 28) == 0  # so `composite` does it
    for one, frames in zip((large, small), expected, strict=True):
        np.testing.assert_array_equal(MovingMNIST(digits(28), **one).batch(0, 15), frames)


def test_a_canvas_too_large_for_strips_is_drawn_by_composite(monkeypatch):
    data = MovingMNIST(digits(5), size=12, n_frames=4, n_digits=3, seed=2)
    expected = data.batch(0, 9)
    monkeypatch.setattr(_strips, "LARGEST", 1)
    np.testing.assert_array_equal(data.batch(0, 9), expected)
    np.testing.assert_array_equal(data[8], expected[8])
    truth = data.truth(8)
    np.testing.assert_array_equal(composite(data.images[truth.digits], truth.track, 12), data[8])
