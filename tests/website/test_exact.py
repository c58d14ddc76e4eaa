"""The exact predictor in a browser finds what the library finds, and refuses what it refuses."""

import base64

import numpy as np
import pytest

from mmnist_lib import MovingMNIST, load_mnist, oracle, predict, track
from tests.website.conftest import ask

IMAGES = load_mnist("sample")[1][0]


@pytest.fixture(scope="module")
def in_browser(browser, address):
    """Call `track` or `predict` of the page: its answer, or the sentence of its error."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{address}/book/playground.html")

    def call(name, frames, n_digits=2, step_length=0.1, rule="clamp"):
        packed = base64.b64encode(np.ascontiguousarray(frames)).decode()
        return ask(
            page,
            """async ([name, packed, size, ...settings]) => {
                const script = document.querySelector("script[src*='playground.js']").src;
                const it = await import(script.replace("playground.js", "exact.js"));
                const all = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
                const area = size * size;
                const frames = Array.from({ length: all.length / area }, (_, t) =>
                    all.subarray(t * area, (t + 1) * area));
                try {
                    const answer = it[name](frames, size, ...settings);
                    const found = answer.found || answer;
                    found.sprites = found.sprites.map((sprite) => [...sprite]);
                    found.predicted = answer.frames?.map((frame) => [...frame]);
                    return found;
                } catch (error) {
                    return error.message;
                }
            }""",
            [name, packed, frames.shape[-1], n_digits, step_length, rule, 10],
        )

    yield call
    context.close()


def assert_same(found, expected):
    np.testing.assert_array_equal(found["positions"], expected.positions)
    np.testing.assert_array_equal(
        found["sprites"], expected.sprites.reshape(len(expected.sprites), -1)
    )
    assert (found["residual"], found["exact"]) == (expected.residual, expected.exact)


@pytest.mark.parametrize(
    ("n", "settings"),
    [
        (4, {}),
        (1, {"rule": "reflect", "size": 48}),
        (1, {"step_length": 0.05, "size": 96}),
        (1, {"step_length": 0.23, "size": 48}),
        (2, {"n_digits": 1}),
        (1, {"n_digits": 3}),
        (1, {"n_frames": 5}),
    ],
    ids=str,
)
def test_it_finds_and_predicts_what_the_library_does(in_browser, n, settings):
    data = MovingMNIST(IMAGES, seed=11, **{"n_frames": 10} | settings)
    told = {name: value for name, value in settings.items() if name not in ("size", "n_frames")}
    known = {"size": data.size, "step_length": data.step_length, "rule": data.rule}
    for frames in data.batch(0, n):
        expected = track(frames, **told)
        found = in_browser("predict", frames, **told)
        assert_same(found, expected)
        assert expected.exact
        predicted = oracle(expected.sprites, expected.positions, 10, **known)
        np.testing.assert_allclose(found["predicted"], predicted.reshape(10, -1), rtol=0, atol=1e-6)


def some_frames(**settings):
    return MovingMNIST(IMAGES, seed=13, **{"n_frames": 10} | settings)[0]


NOISE = np.random.default_rng(0).integers(0, 256, (3, 40, 40)).astype(np.uint8)
SMALL = {"size": 40, "n_frames": 6}
FEW = some_frames(**SMALL)
# With step_length=0.1 it can be rebuilt, but it has another speed.
POSSIBLE = some_frames(step_length=0.12, **SMALL)


@pytest.mark.parametrize(
    ("frames", "told"),
    [(NOISE, {}), (FEW, {"step_length": 0.12}), (some_frames(rule="reflect", size=40), {})],
    ids=["noise", "a wrong speed", "a wrong rule"],
)
def test_its_best_explanation_of_another_process_is_the_librarys(in_browser, frames, told):
    expected = track(frames, **told)
    assert not expected.exact
    assert_same(in_browser("track", frames, **told), expected)


@pytest.mark.parametrize("frames", [NOISE, POSSIBLE], ids=["noise", "a possible speed"])
def test_it_predicts_no_other_process(in_browser, frames):
    with pytest.raises(ValueError, match="frames are not of 2 digits") as error:
        predict(frames)
    assert in_browser("predict", frames) == str(error.value)


def test_of_equally_good_tracks_it_takes_the_same(in_browser):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        frames = np.zeros((3, 40, 40), np.uint8)
        frames[tuple(rng.integers(0, n, 9) for n in frames.shape)] = 255
        assert_same(in_browser("track", frames), track(frames))


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        (np.zeros((10, 64, 64), np.uint8), {}),
        (np.ones((2, 64, 64), np.uint8), {}),
        (np.ones((10, 28, 28), np.uint8), {}),
        (some_frames(), {"step_length": 0}),
        (some_frames(n_digits=1), {}),
    ],
    ids=["black", "two frames", "no room", "no motion", "a digit less"],
)
def test_it_says_the_same_sentence_of_what_it_refuses(in_browser, frames, told):
    with pytest.raises(ValueError) as error:
        track(frames, **told)
    for name in ("track", "predict"):
        assert in_browser(name, frames, **told) == str(error.value)
