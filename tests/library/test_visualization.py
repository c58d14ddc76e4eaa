"""What is drawn, played and saved, read back and compared with what was given."""

import base64
import hashlib
import io
import json
import re
import sys
import types
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver
from PIL import Image, ImageSequence

from mmnist_lib import (
    Player,
    animate,
    animate_error,
    bounce_path,
    long_exposure,
    show_curves,
    show_digits,
    show_pairs,
    show_path,
    show_strip,
    slider,
    straight_path,
)
from mmnist_lib._mosaic import GAP


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def drawn(draw, *args, **settings):
    """Draw on new axes, let Matplotlib render them, and return them."""
    before = plt.get_fignums()
    assert draw(*args, **settings) is None
    assert len(plt.get_fignums()) == len(before) + 1
    figure = plt.gcf()
    figure.savefig(io.BytesIO())
    (ax,) = figure.axes
    return ax


def picture(ax):
    (image,) = ax.images
    # On one fixed scale, in grey, with every pixel a plain square.
    assert image.get_clim() == (0, 1)
    assert image.get_cmap().name == "gray" and image.get_interpolation() == "nearest"
    pixels = np.ma.filled(image.get_array().astype(float), np.nan)
    height, width = pixels.shape
    assert list(image.get_extent()) == [0, width, height, 0]
    return pixels


def texts(ax):
    return {text.get_text(): text.get_position() for text in ax.texts}


def assert_shown(pixels, top, left, image):
    """Assert that `image` is in the picture at this place, with nothing but gaps around it."""
    top, left = round(top), round(left)
    height, width = image.shape
    expected = image / 255 if image.dtype == np.uint8 else image
    seen = pixels[top : top + height, left : left + width]
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-6)
    around = pixels[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    assert np.isfinite(around).sum() == image.size


SHAPES = [(28, 28), (64, 64), (5, 9), (12, 4), (1, 1)]


# show_digits


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("n", "columns", "grid"),
    [(1, None, (1, 1)), (9, None, (3, 3)), (10, None, (3, 4)), (5, 2, (3, 2)), (3, 8, (1, 3))],
)
def test_digits_stand_row_by_row_in_a_grid(n, columns, grid, shape):
    images, (height, width) = noise(n, *shape), shape
    pixels = picture(drawn(show_digits, images, columns=columns))
    rows, across = grid
    assert pixels.shape == (rows * (height + GAP) - GAP, across * (width + GAP) - GAP)
    for index, image in enumerate(images):
        row, column = divmod(index, across)
        assert_shown(pixels, row * (height + GAP), column * (width + GAP), image)
    assert np.isfinite(pixels).sum() == images.size


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_each_label_stands_above_its_digit(shape, kind):
    images, (_, width) = noise(7, *shape), shape
    names = kind([f"digit {n}" for n in range(7)])
    ax = drawn(show_digits, images, names, columns=3)
    for name, image in zip(names, images, strict=True):
        x, y = texts(ax)[name]
        assert_shown(picture(ax), y + 1, x - width / 2, image)
    assert all(text.get_va() == "bottom" and text.get_ha() == "center" for text in ax.texts)


def test_labels_of_mnist_are_written_as_numerals():
    ax = drawn(show_digits, noise(3, 28, 28), np.array([7, 2, 1], np.uint8))
    assert list(texts(ax)) == ["7", "2", "1"]


def test_one_image_needs_no_leading_axis():
    image = noise(28, 28)
    np.testing.assert_allclose(picture(drawn(show_digits, image)), image / 255, atol=1e-7)


def test_equal_greys_mean_equal_values():
    dim = np.full((2, 4, 4), 10, np.uint8)
    pixels = picture(drawn(show_digits, dim))
    np.testing.assert_allclose(pixels[np.isfinite(pixels)], 10 / 255)


# show_strip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("n_frames", "every"), [(2, 1), (7, 1), (20, 4), (7, 3), (5, 9)])
def test_each_frame_number_stands_below_its_frame(n, n_frames, every, shape):
    clips, (height, width) = noise(n, n_frames, *shape), shape
    ax = drawn(show_strip, clips if n > 1 else clips[0], every=every)
    numbers = range(0, n_frames, every)
    assert list(texts(ax)) == [str(number) for number in numbers]
    pixels = picture(ax)
    for number in numbers:
        x, y = texts(ax)[str(number)]
        assert y >= len(pixels)
        for row, clip in enumerate(clips):
            assert_shown(pixels, row * (height + GAP), x - width / 2, clip[number])
    assert np.isfinite(pixels).sum() == n * len(numbers) * height * width


def test_each_title_stands_beside_its_strip():
    clips = noise(3, 4, 10, 12)
    ax = drawn(show_strip, clips, titles=["one", "two", "three"])
    for title, clip in zip(["one", "two", "three"], clips, strict=True):
        x, y = texts(ax)[title]
        assert x < 0
        assert_shown(picture(ax), y - 10 / 2, 0, clip[0])


# show_pairs


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("n_in", "n_out"), [(1, 2), (3, 5), (10, 10)])
def test_targets_follow_their_inputs(n, n_in, n_out, shape):
    clips, (height, width) = noise(n, n_in + n_out, *shape), shape
    shown = clips if n > 1 else clips[0]
    ax = drawn(show_pairs, shown[..., :n_in, :, :], shown[..., n_in:, :, :])
    pixels = picture(ax)
    lefts = []
    for number in range(n_in + n_out):
        x, y = texts(ax)[str(number)]
        assert y >= len(pixels)
        lefts.append(x - width / 2)
        for row, clip in enumerate(clips):
            assert_shown(pixels, row * (height + GAP), lefts[-1], clip[number])
    steps = np.diff(lefts)
    between = steps[n_in - 1]
    assert set(np.delete(steps, n_in - 1)) <= {width + GAP}
    assert between > width + 2 * GAP  # a gap that is plainly another one
    assert texts(ax)["input"][0] == (lefts[0] + lefts[n_in - 1] + width) / 2
    assert texts(ax)["target"][0] == (lefts[n_in] + lefts[-1] + width) / 2
    assert np.isfinite(pixels).sum() == clips.size


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [((2, 4, 8, 8), (3, 4, 8, 8)), ((3, 8, 8), (3, 8, 9)), ((3, 8, 8), (2, 4, 8, 8))],
)
def test_pairs_that_do_not_fit_are_refused(inputs, targets):
    words = re.escape(f"inputs have shape {inputs} and targets {targets}: pass as many sequences")
    with pytest.raises(ValueError, match=words):
        show_pairs(noise(*inputs), noise(*targets))


# show_path


def rings(ax):
    return [
        (x, y)
        for line in ax.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() == "none"
        for x, y in zip(*line.get_data(), strict=True)
    ]


def dots(ax):
    return [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in ax.lines
        if line.get_marker() == "o" and line.get_markerfacecolor() != "none"
    ]


def centres(path, size=64, digit_size=28):
    """Give x and y of the digit's centre in each frame."""
    return [
        (digit_size / 2 + (size - digit_size) * column, digit_size / 2 + (size - digit_size) * row)
        for row, column in path
    ]


@pytest.mark.parametrize(("size", "digit_size"), [(64, 28), (28, 28), (100, 10), (5, 1)])
@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("n_frames", [1, 2, 20])
def test_arrows_lead_from_each_frame_to_the_next(k, n_frames, size, digit_size):
    rng = np.random.default_rng(k)
    path = bounce_path(rng.random((k, 2)), rng.uniform(-0.3, 0.3, (k, 2)), n_frames)
    ax = drawn(show_path, path if k > 1 else path[0], size=size, digit_size=digit_size)
    arrows = [item for item in ax.collections if isinstance(item, Quiver)]
    assert len(arrows) == k
    for one, quiver in zip(path, arrows, strict=True):
        places = np.array(centres(one, size, digit_size))
        steps = np.stack([quiver.U, quiver.V], axis=-1)
        np.testing.assert_allclose(quiver.XY, places[:-1])
        np.testing.assert_allclose(quiver.XY + steps, places[1:])
        assert (quiver.angles, quiver.scale, quiver.scale_units) == ("xy", 1, "xy")
    first_frames = [centres(one, size, digit_size)[0] for one in path]
    np.testing.assert_allclose(dots(ax), first_frames)


@given(
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)),
)
@settings(max_examples=20)
def test_a_clamped_digit_is_ringed_where_it_turns_on_a_wall(start, velocity):
    # Less than this is no movement that one could see.
    velocity = [v if abs(v) > 1e-3 else 0.0 for v in velocity]
    path = bounce_path(start, velocity, 15)
    # Whether it turns in the first or the last frame, the picture cannot tell.
    turns = [
        t
        for t in range(1, 14)
        if any(v and p in (0, 1) for p, v in zip(path[t], velocity, strict=True))
    ]
    _, ax = plt.subplots()
    show_path(path, ax=ax)
    np.testing.assert_allclose(
        np.reshape(rings(ax), (-1, 2)), np.reshape([centres(path)[t] for t in turns], (-1, 2))
    )
    plt.close("all")


@pytest.mark.parametrize(
    ("start", "velocity", "frames"),
    [
        (0.25, 0.25, [{2}]),  # .5 .75 1 .75: it lands on the wall
        (0.25, 0.3125, [{1}]),  # .5625 .875 .8125 .5: farthest out in the frame before
        (0.125, 0.25, [{2, 3}]),  # .375 .625 .875 .875 .625: the wall is half-way between
        (0.5, 0.2, [{1, 2}]),  # .7 .9 .9 .7, but for a rounding error
        (0.5, -0.2, [{1, 2}]),
        (0.875, -0.25, [{2, 3}]),
    ],
)
def test_a_mirrored_digit_is_ringed_once_where_it_turns(start, velocity, frames):
    path = bounce_path([start, 0.5], [velocity, 0.0], 5, "reflect")
    seen = rings(drawn(show_path, path))
    assert len(seen) == len(frames)
    for ring, allowed in zip(seen, frames, strict=True):
        assert any(np.allclose(ring, centres(path)[t]) for t in allowed)


def test_each_bounce_of_a_mirrored_digit_is_ringed():
    path = bounce_path([0.5, 0.5], [0.0, 0.125], 42, "reflect")
    # A wall every eight frames, the first after four; each is landed on exactly.
    assert rings(drawn(show_path, path)) == [centres(path)[t] for t in range(3, 42, 8)]


@pytest.mark.parametrize("velocity", [(0.0, 0.0), (0.01, -0.02)])
@pytest.mark.parametrize("rule", ["clamp", "reflect"])
def test_a_digit_that_meets_no_wall_has_no_ring(rule, velocity):
    assert rings(drawn(show_path, bounce_path([0.5, 0.5], velocity, 10, rule))) == []


def test_rows_count_downwards_and_the_whole_canvas_shows():
    ax = drawn(show_path, [[0.5, 0.5]], size=40, digit_size=10)
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    assert left < 0 and right > 40 and top < 0 and bottom > 40


def test_a_path_off_the_canvas_is_still_in_view():
    path = straight_path([0.5, 0.5], [0.3, -0.4], 10)
    ax = drawn(show_path, path)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert all(left < x < right and top < y < bottom for x, y in centres(path))


def test_the_dashed_square_is_where_a_centre_can_go():
    ax = drawn(show_path, [[0.5, 0.5]], size=64, digit_size=28)
    (dashed,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert {*dashed.get_xdata(), *dashed.get_ydata()} == {14, 50}


def test_a_background_is_drawn_on_the_canvas():
    background = noise(64, 64)
    (image,) = drawn(show_path, [[0.5, 0.5]], background=background).images
    assert list(image.get_extent()) == [0, 64, 64, 0]
    *gray, opacity = np.moveaxis(np.asarray(image.get_array()), -1, 0)
    # Gray ink on no paper, and so faint that it hides no path.
    assert (np.array(gray) == 0.5).all()
    np.testing.assert_allclose(opacity, background / 510, atol=1e-6)


def test_the_path_stays_as_it_was():
    path = np.full((5, 2), 0.5)
    drawn(show_path, path)
    assert (path == 0.5).all()


@pytest.mark.parametrize("shape", [(2,), (5, 3), (0, 2), (3, 0, 2), (2, 3, 5, 2), ()])
def test_a_path_of_another_shape_is_refused(shape):
    words = re.escape(f"path has shape {shape}: pass (")
    with pytest.raises(ValueError, match=words):
        show_path(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_path_of_nan_or_infinity_is_refused(value):
    with pytest.raises(ValueError, match="path holds NaN or infinity: pass finite numbers"):
        show_path([[0.5, value]])


def test_a_canvas_smaller_than_the_digit_is_refused():
    with pytest.raises(ValueError, match=r"size=20 is smaller than the digits \(28\): choose"):
        show_path([[0.5, 0.5]], size=20)


@pytest.mark.parametrize("shape", [(28, 28), (64, 63), (64, 64, 3)])
def test_a_background_of_another_size_is_refused(shape):
    words = re.escape(f"background has shape {shape}: pass")
    with pytest.raises(ValueError, match=words):
        show_path([[0.5, 0.5]], background=np.zeros(shape))


# all that draw

DRAW = {
    "digits": lambda **where: show_digits(noise(5, 6, 8), **where),
    "strip": lambda **where: show_strip(noise(5, 6, 8), **where),
    "pairs": lambda **where: show_pairs(noise(5, 6, 8), noise(3, 6, 8), **where),
    "path": lambda **where: show_path([[0.2, 0.3], [0.4, 0.5]], **where),
}


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_axes_that_are_given_are_drawn_on(draw):
    figure, (ax, other) = plt.subplots(1, 2)
    assert draw(ax=ax) is None
    assert plt.get_fignums() == [figure.number]
    assert len(ax.get_children()) > len(other.get_children())
    assert not other.images and not other.texts and not other.lines
    figure.savefig(io.BytesIO())


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_new_figures_are_white_so_that_a_dark_page_does_not_hide_them(draw):
    assert drawn(draw).figure.get_facecolor() == (1, 1, 1, 1)


IMAGES = {
    "show_digits": (lambda a: show_digits(a), "images", (4, 6, 8)),
    "show_strip": (lambda a: show_strip(a), "frames", (4, 6, 8)),
    "show_pairs inputs": (lambda a: show_pairs(a, noise(4, 6, 8)), "inputs", (4, 6, 8)),
    "show_pairs targets": (lambda a: show_pairs(noise(4, 6, 8), a), "targets", (4, 6, 8)),
    "show_path": (
        lambda a: show_path([[0.5, 0.5]], size=6, digit_size=2, background=a),
        "background",
        (6, 6),
    ),
    "animate": (lambda a: animate(a), "frames", (4, 6, 8)),
    "slider": (lambda a: slider(a, list("abcd")), "images", (4, 6, 8)),
}
each_function = pytest.mark.parametrize(("call", "name", "shape"), IMAGES.values(), ids=IMAGES)


@each_function
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_are_taken(call, name, shape, kind):
    call((noise(*shape) / 255).astype(kind))


@each_function
@pytest.mark.parametrize(
    ("value", "words", "remedy"),
    [
        (1.01, "0 to 1.01", r"np.clip\(..., 0, 1\)"),
        (1 + 2**-20, "0 to 1.00000095", r"np.clip\(..., 0, 1\)"),
        (-0.5, "-0.5 to 0", r"np.clip\(..., 0, 1\)"),
        (255.0, "0 to 255", "divide by 255"),
        (np.nan, "nan to nan", "pass finite floats"),
    ],
)
def test_floats_out_of_range_are_refused(call, name, shape, value, words, remedy):
    images = np.zeros(shape)
    images[..., 0, 0] = value
    with pytest.raises(ValueError, match=f"{name} run from {words}: .*{remedy}"):
        call(images)


@each_function
@pytest.mark.parametrize("kind", [int, np.int8, np.uint16, bool, complex, object, str])
def test_other_dtypes_are_refused(call, name, shape, kind):
    with pytest.raises(TypeError, match=f"{name} has dtype .*: pass uint8, or floats from 0 to 1"):
        call(np.zeros(shape).astype(kind))


@each_function
@pytest.mark.parametrize("bad", [(), (6,), (0, 6, 8), (4, 0, 8), (1, 2, 1, 2, 3, 4)])
def test_other_shapes_are_refused(call, name, shape, bad):
    with pytest.raises(ValueError, match=re.escape(f"{name} has shape {bad}: pass")):
        call(np.zeros(bad))


@pytest.mark.parametrize("length", [0, 2, 4])
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda names: show_digits(noise(3, 6, 6), names), "labels has length {}.*3 images"),
        (lambda names: slider(noise(3, 6, 6), names), "labels has length {}.*3 images"),
        (lambda t: show_strip(noise(3, 2, 6, 6), titles=t), "titles has length {}.*3 sequences"),
        (lambda t: animate(noise(3, 2, 6, 6), titles=t), "titles has length {}.*3 clips"),
    ],
    ids=["show_digits", "slider", "show_strip", "animate"],
)
def test_labels_and_titles_are_as_many_as_the_images(call, words, length):
    with pytest.raises(ValueError, match=words.format(length)):
        call(["a"] * length)


@pytest.mark.parametrize("value", [0, -2])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda n: show_digits(noise(3, 6, 6), columns=n), "columns"),
        (lambda n: show_strip(noise(3, 6, 6), every=n), "every"),
        (lambda n: animate(noise(3, 6, 6)).save("clip.gif", scale=n), "scale"),
    ],
    ids=["columns", "every", "scale"],
)
def test_counts_below_one_are_refused(call, name, value):
    with pytest.raises(ValueError, match=f"{name}={value} is too small: pass an integer >= 1"):
        call(value)


# channels, once for all that look at frames


@pytest.mark.parametrize("axis", [-1, 1])
def test_one_channel_is_understood_wherever_it_stands(axis):
    frames = noise(20, 12, 10)
    given = np.expand_dims(frames, axis)  # torchvision's items have it after time
    np.testing.assert_array_equal(animate(given).clips, animate(frames).clips)
    np.testing.assert_array_equal(long_exposure(given), long_exposure(frames))
    assert picture(drawn(show_strip, given)).shape == picture(drawn(show_strip, frames)).shape
    pairs = drawn(show_pairs, given[:10], given[10:])
    assert len(texts(pairs)) == 22 and picture(pairs).shape[0] == 12
    many = np.stack([given, given])
    np.testing.assert_array_equal(animate(many).clips, animate(np.stack([frames, frames])).clips)
    assert animate_error(given, given).clips.shape == (3, 20, 12, 10)


@pytest.mark.parametrize("axis", [-1, 2])
def test_three_channels_are_shown_in_color(axis, tmp_path):
    frames = noise(2, 5, 6, 8, 3)
    given = np.moveaxis(frames, -1, axis)
    player = animate(given)
    np.testing.assert_array_equal(player.clips, frames)
    assert repr(player).startswith("<Player: 2 clips of 5 frames of 6 × 8 pixels")
    np.testing.assert_array_equal(frames_of(player), frames)
    assert np.asarray(Image.open(io.BytesIO(player._repr_png_()))).shape[2] == 3
    player.save(tmp_path / "clip.gif", scale=1)
    with Image.open(tmp_path / "clip.gif") as gif:
        assert gif.size == (2 * 8 + GAP, 6) and gif.convert("RGB").getextrema()[0][1] > 0
    if axis == -1:
        np.testing.assert_array_equal(long_exposure(given), frames.max(axis=1))
    else:  # takes any number of axes, so these could be ten sequences of three frames
        with pytest.raises(
            ValueError, match=r"axis 2 may be time .*np\.moveaxis\(frames, -3, -1\)"
        ):
            long_exposure(given)
    for draw, value in ((show_strip, given), (show_digits, given[0])):
        (image,) = drawn(draw, value).images
        shown = np.ma.filled(image.get_array(), np.nan)
        assert shown.shape[2] == 4 and np.isfinite(shown).all()
        np.testing.assert_allclose(shown[:6, :8, :3], frames[0, 0] / 255, atol=1e-6)
    left = given[:, :2] if axis == -1 else np.ascontiguousarray(given[:, :2])
    (image,) = drawn(show_pairs, left, given[:, 2:]).images
    assert image.get_array().shape[2] == 4


@pytest.mark.parametrize("call", [animate, show_strip, long_exposure])
def test_what_may_be_time_or_channels_is_refused_and_both_readings_are_told(call):
    frames = noise(4, 3, 8, 8)
    words = r"frames has shape \(4, 3, 8, 8\), whose axis 1 may be time or channels: pass frames"
    with pytest.raises(
        ValueError, match=words + r"\[\.\.\., np\.newaxis\] if it is time, .*moveaxis"
    ):
        call(frames)
    call(frames[..., np.newaxis])
    call(np.moveaxis(frames, -3, -1))


def test_one_frame_with_a_channel_axis_is_no_sequence():
    with pytest.raises(ValueError, match=r"\(64, 64, 1\), whose last axis reads as channels"):
        animate(noise(64, 64, 1))


# long_exposure


@given(
    hnp.arrays(
        np.uint8,
        hnp.array_shapes(min_dims=3, max_dims=5, min_side=4, max_side=5),
        elements=st.integers(0, 255),
        fill=st.just(0),
    )
)
def test_long_exposure_is_the_brightest_or_the_mean_moment(frames):
    brightest, mean = long_exposure(frames), long_exposure(frames, "mean")
    assert brightest.dtype == mean.dtype == np.uint8
    np.testing.assert_array_equal(brightest, frames.max(axis=-3))
    assert mean.shape == brightest.shape
    assert np.abs(mean - frames.mean(axis=-3)).max() <= 0.5


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_long_exposure_of_floats_stays_float(kind):
    frames = np.array([[[0.25]], [[0.5]]], kind)
    for how, expected in (("max", 0.5), ("mean", 0.375)):
        exposure = long_exposure(frames, how)
        assert exposure.dtype == kind and exposure.tolist() == [[expected]]


def test_long_exposure_refuses_an_unknown_way():
    with pytest.raises(ValueError, match="how='sum' is unknown: choose 'max' or 'mean'"):
        long_exposure(noise(3, 6, 6), "sum")


@pytest.mark.parametrize("shape", [(6, 6), (6,), (), (0, 6, 6)])
def test_long_exposure_needs_a_time_axis(shape):
    with pytest.raises(ValueError, match=re.escape(f"frames has shape {shape}: pass (..., n_fr")):
        long_exposure(np.zeros(shape))


# Player


class Page(HTMLParser):
    """Collect the tags with their attributes, and the text of each kind of tag."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data)

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def page(player):
    return Page(player._repr_html_())


def decode(url):
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    return np.array(Image.open(io.BytesIO(base64.b64decode(data, validate=True))))


def frames_of(player):
    """Cut the sheets of a player into frames, by what its HTML says of them."""
    html = page(player)
    said = html.attributes("div")[0]
    n, columns, rows = (int(said[f"data-{name}"]) for name in ("frames", "columns", "rows"))
    clips = []
    for image in html.attributes("img"):
        sheet = decode(image["src"])
        height, width = sheet.shape[0] // rows, sheet.shape[1] // columns
        assert sheet.shape[:2] == (rows * height, columns * width)
        assert f"width: {100 * columns}%" in image["style"]
        places = [divmod(frame, columns) for frame in range(n)]
        clips.append([sheet[r * height :, c * width :][:height, :width] for r, c in places])
    return np.array(clips)


@given(
    hnp.arrays(
        np.uint8, st.tuples(*(st.integers(*ends) for ends in ((1, 3), (1, 23), (4, 5), (4, 5))))
    ),
)
def test_the_sheet_holds_exactly_the_frames(clips):
    np.testing.assert_array_equal(frames_of(animate(clips[..., np.newaxis])), clips)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 5, 7, 11, 13, 17, 19, 20, 23, 97])
def test_any_number_of_frames_fits_the_sheet(n_frames):
    clip = noise(n_frames, 6, 9)
    np.testing.assert_array_equal(frames_of(animate(clip)), clip[np.newaxis])


def test_all_256_greys_survive():
    greys = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(animate(greys).clips[0], greys)
    np.testing.assert_array_equal(animate(greys / 255).clips[0], greys)
    np.testing.assert_array_equal(animate((greys / 255).astype(np.float32)).clips[0], greys)


def test_the_html_carries_the_hash_of_the_frames():
    clips = noise(2, 5, 6, 7)
    player = animate(clips)
    expected = hashlib.sha256(b"(2, 5, 6, 7)" + clips.tobytes()).hexdigest()
    assert player.sha256 == expected
    assert page(player).attributes("div")[0]["data-sha256"] == expected
    assert expected[:12] in repr(player)


def test_equal_frames_give_equal_bytes():
    one, other = animate(noise(7, 6, 6), alt="A"), animate(noise(7, 6, 6), alt="A")
    assert one._repr_html_() == other._repr_html_() == one._repr_html_()
    assert one._repr_png_() == other._repr_png_()


@pytest.mark.parametrize("place", [(0, 0, 0), (6, 5, 5), (3, 2, 4)])
def test_one_pixel_makes_a_difference(place):
    clip = noise(7, 6, 6)
    before = animate(clip)
    clip[place] ^= 1
    after = animate(clip)
    assert before.sha256 != after.sha256 and before._repr_html_() != after._repr_html_()


def test_where_scripts_are_not_run_there_is_no_dead_control():
    assert not page(animate(noise(20, 6, 6))).attributes("input")
    assert not page(animate(noise(20, 6, 6))).attributes("button")


def test_all_players_share_one_script():
    """The first to run brings all players of a page to life, whatever their length."""
    short, long = (animate(noise(n, 6, 6))._repr_html_() for n in (3, 20))
    assert short.split("<script>")[1] == long.split("<script>")[1]


def test_the_same_bytes_in_another_shape_are_another_clip():
    assert animate(noise(4, 6, 6)).sha256 != animate(noise(4, 6, 6).reshape(4, 4, 9)).sha256


def test_the_player_keeps_frames_of_its_own():
    clip = noise(4, 6, 6)
    player = animate(clip)
    before = player._repr_html_()
    clip.fill(0)
    assert player._repr_html_() == before


def test_two_players_on_one_page_do_not_clash():
    assert not [
        attributes for _, attributes in page(animate(noise(3, 6, 6))).tags if "id" in attributes
    ]


def test_the_player_needs_nothing_from_elsewhere():
    html = re.sub(r'src="data:[^"]*"', "", animate(noise(3, 6, 6))._repr_html_())
    assert not re.search(r"http|//\w|@import|url\(|src=|<link|fetch\(|import\(", html)


def test_no_placeholder_is_left():
    html = animate(noise(3, 6, 6), titles=["a"] * 1, autoplay=True)._repr_html_()
    assert "{{" not in html and "}}" not in html


def test_each_clip_has_its_title_and_alt_text():
    html = page(animate(noise(2, 4, 6, 6), alt="A seven", titles=["clamp", "reflect"]))
    alts = [image["alt"] for image in html.attributes("img")]
    assert alts == ["A seven (clamp)", "A seven (reflect)"]
    assert html.text["figcaption"] == ["clamp", "reflect"]


def test_without_titles_there_is_no_caption():
    html = page(animate(noise(2, 4, 6, 6), alt="Two sevens"))
    assert [image["alt"] for image in html.attributes("img")] == ["Two sevens"] * 2
    assert "figcaption" not in dict(html.tags)


def test_without_alt_text_the_shape_is_told():
    (image,) = page(animate(noise(3, 6, 9))).attributes("img")
    assert image["alt"] == "A clip of 3 frames of 6 by 9 pixels."


@pytest.mark.parametrize(
    "text",
    ['<b>"bold"</b>', "a & b", "it's", "</div><script>alert(1)</script>", "{{frames}}", "&lt;"],
)
def test_special_characters_stay_text(text):
    html = page(animate(noise(1, 4, 6, 6), alt=text, titles=[text]))
    plain = page(animate(noise(1, 4, 6, 6), alt="a", titles=["b"]))
    (image,) = html.attributes("img")
    assert image["alt"] == f"{text} ({text})"
    assert "".join(html.text["figcaption"]) == text
    assert [tag for tag, _ in html.tags] == [tag for tag, _ in plain.tags]


@pytest.mark.parametrize("autoplay", [True, False])
def test_a_clip_plays_at_once_only_when_asked(autoplay):
    said = page(animate(noise(3, 6, 6), autoplay=autoplay)).attributes("div")[0]
    assert ("data-autoplay" in said) == autoplay


@pytest.mark.parametrize(("fps", "said"), [(10, "10"), (2.5, "2.5"), (30.0, "30")])
def test_the_speed_is_told_to_the_page(fps, said):
    assert page(animate(noise(3, 6, 6), fps=fps)).attributes("div")[0]["data-fps"] == said


@pytest.mark.parametrize("shape", [(20, 64, 64), (3, 7, 32, 48), (1, 1, 1), (2, 13, 5, 90)])
def test_the_strip_opens(shape):
    image = Image.open(io.BytesIO(animate(noise(*shape))._repr_png_()))
    image.load()
    n, n_frames = (1, *shape)[-4:-2]
    height, width = shape[-2:]
    shown = min(10, n_frames)
    assert image.format == "PNG"
    assert image.size == (shown * (width + GAP) - GAP, n * (height + GAP) - GAP)


def test_the_strip_goes_from_the_first_frame_to_the_last():
    clip = noise(31, 6, 9)
    strip = np.array(Image.open(io.BytesIO(animate(clip)._repr_png_())))
    tiles = [strip[:, left : left + 9] for left in range(0, strip.shape[1], 9 + GAP)]
    assert len(tiles) == 10
    np.testing.assert_array_equal(tiles[0], clip[0])
    np.testing.assert_array_equal(tiles[-1], clip[-1])
    found = [int((clip == tile).all(axis=(1, 2)).argmax()) for tile in tiles]
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("shape", "words"),
    [((20, 6, 9), "20 frames of 6 × 9 pixels"), ((3, 20, 6, 9), "3 clips of 20 frames of 6 × 9")],
)
def test_the_terminal_shows_the_shape(shape, words):
    assert words in repr(animate(np.zeros(shape)))


@pytest.mark.parametrize("fps", [0, -1, np.nan, np.inf, 0.01, 1000])
def test_an_impossible_speed_is_refused(fps):
    with pytest.raises(ValueError, match=r"fps=.*: pass 0.1 to 100"):
        animate(noise(3, 6, 6), fps=fps)


# save


def frames_of_gif(path, duration):
    """Decode a GIF; a frame that stands for longer counts for as many."""
    with Image.open(path) as gif:
        assert gif.format == "GIF" and gif.info["loop"] == 0
        frames = []
        for frame in ImageSequence.Iterator(gif):
            times, rest = divmod(frame.info["duration"], duration)
            assert rest == 0
            frames += [np.array(frame.convert("L"))] * times
    return np.array(frames)


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("shape", [(5, 12, 12), (7, 5, 9), (1, 8, 8)])
def test_a_gif_holds_the_frames(tmp_path, shape, scale):
    clip = noise(*shape)
    animate(clip, fps=5).save(tmp_path / "clip.gif", scale=scale)
    if len(clip) == 1:  # a still picture has no duration
        saved = np.array(Image.open(tmp_path / "clip.gif").convert("L"))[np.newaxis]
    else:
        saved = frames_of_gif(tmp_path / "clip.gif", 200)
    np.testing.assert_array_equal(saved, clip.repeat(scale, axis=1).repeat(scale, axis=2))


def test_a_gif_of_moving_ink_holds_the_frames(tmp_path):
    clip = np.zeros((10, 20, 20), np.uint8)
    for t in (0, 1, 2, 2, 4, 5, 6, 9):  # black in between, and two frames alike
        clip[t, t : t + 8, 5:15] = noise(8, 10)
    clip[3] = clip[2]
    animate(clip).save(tmp_path / "clip.gif", scale=1)
    np.testing.assert_array_equal(frames_of_gif(tmp_path / "clip.gif", 100), clip)


def test_clips_stand_side_by_side_in_a_gif(tmp_path):
    clips = noise(3, 4, 6, 8)
    animate(clips).save(tmp_path / "clips.gif", scale=1)
    saved = frames_of_gif(tmp_path / "clips.gif", 100)
    assert saved.shape == (4, 6, 3 * (8 + GAP) - GAP)
    for n, clip in enumerate(clips):
        np.testing.assert_array_equal(saved[:, :, n * (8 + GAP) :][:, :, :8], clip)


@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_a_gif_replaces_the_one_of_that_name_and_leaves_nothing_else(tmp_path, kind):
    path = tmp_path / "CLIP.GIF"
    path.write_text("an old file")
    animate(noise(3, 6, 6)).save(kind(path))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes()[:6] == b"GIF89a"


def test_others_may_read_a_gif_as_any_file(tmp_path):
    (tmp_path / "any.txt").write_text("any file")
    animate(noise(3, 6, 6)).save(tmp_path / "clip.gif")
    assert (tmp_path / "clip.gif").stat().st_mode == (tmp_path / "any.txt").stat().st_mode


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [None, "an old file"])
def test_a_crash_half_way_leaves_nothing_behind(tmp_path, monkeypatch, old, error):
    def crash(image, target, *args, **kwargs):
        if hasattr(target, "write"):
            target.write(b"GIF89a")
        else:
            target.write_bytes(b"GIF89a")
        raise error

    path = tmp_path / "clip.gif"
    if old:
        path.write_text(old)
    monkeypatch.setattr(Image.Image, "save", crash)
    with pytest.raises(type(error)):
        animate(noise(3, 6, 6)).save(path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ([old] if old else [])


@pytest.mark.parametrize("name", ["clip.png", "clip", "clip.gif.txt", ".gif"])
def test_a_name_that_is_no_gif_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"path=.*: choose a name that ends in \.gif"):
        animate(noise(3, 6, 6)).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"path=.*: there is no folder '.*gone'"):
        animate(noise(3, 6, 6)).save(tmp_path / "gone" / "clip.gif")


# slider


def images_of(stack):
    return np.array(
        [decode(Page(child.value).attributes("img")[0]["src"]) for child in stack.children]
    )


@pytest.mark.parametrize("shape", [(1, 6, 6), (5, 28, 28), (3, 7, 40)])
def test_a_slider_holds_one_image_for_each_place(shape):
    widgets = pytest.importorskip("ipywidgets")
    images = noise(*shape)
    box = slider(images, range(len(images)), description="frame", alt="Noise")
    assert isinstance(box, widgets.VBox)
    stack, control = box.children
    np.testing.assert_array_equal(images_of(stack), images)
    assert isinstance(control, widgets.SelectionSlider) and control.description == "frame"
    assert list(control.options) == [str(n) for n in range(len(images))]
    assert stack.selected_index == control.index == 0


def test_each_image_of_a_slider_has_alt_text():
    pytest.importorskip("ipywidgets")
    box = slider(noise(2, 6, 6), ["<0>", '"1"'], description="ink & paper", alt="A seven")
    alts = [Page(child.value).attributes("img")[0]["alt"] for child in box.children[0].children]
    assert alts == ["A seven (ink & paper <0>)", 'A seven (ink & paper "1")']


def test_a_slider_is_linked_in_the_browser_and_not_in_python(monkeypatch):
    widgets = pytest.importorskip("ipywidgets")
    links = []
    link = widgets.jslink
    monkeypatch.setattr(widgets, "jslink", lambda *ends: links.append(link(*ends)))
    stack, control = slider(noise(4, 6, 6), "abcd").children
    ((source, target),) = [(link.source, link.target) for link in links]
    assert source == (control, "index") and target == (stack, "selected_index")
    control.index = 2
    assert stack.selected_index == 0  # Python moves nothing: the page does


@pytest.mark.parametrize("stand_in", [None, types.ModuleType("ipywidgets")], ids=["none", "old"])
def test_without_a_stack_a_slider_is_a_player(monkeypatch, stand_in):
    monkeypatch.setitem(sys.modules, "ipywidgets", stand_in)
    images = noise(5, 6, 6)
    player = slider(images, "abcde", description="noise", alt="Noise")
    assert isinstance(player, Player) and player.alt == "Noise (noise a … noise e)"
    assert player.labels == ["noise a", "noise b", "noise c", "noise d", "noise e"]
    np.testing.assert_array_equal(player.clips[0], images)


def test_a_slider_brings_what_a_page_without_a_kernel_shows(monkeypatch):
    pytest.importorskip("ipywidgets")
    images = noise(5, 6, 6)
    page = slider(images, "abcde", alt="Noise")._repr_html_()
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert page == slider(images, "abcde", alt="Noise")._repr_html_()


def test_labels_take_the_place_of_frame_numbers():
    page = animate(np.zeros((2, 4, 4), np.uint8), "Dark.", labels=['"1"', "<é>"])._repr_html_()
    (div,) = [tag for tag in Page(page).attributes("div") if "data-labels" in tag]
    assert json.loads(div["data-labels"]) == ['"1"', "<é>"]
    assert "data-labels=" not in animate(np.zeros((2, 4, 4), np.uint8), "Dark.")._repr_html_()


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "b", "c"]])
def test_labels_are_as_many_as_the_frames(labels):
    with pytest.raises(ValueError, match=rf"labels has length {len(labels)}: .* 2 frames"):
        animate(np.zeros((2, 4, 4), np.uint8), "Dark.", labels=labels)


def test_titles_may_be_of_any_kind():
    page = animate(np.zeros((2, 5, 4, 4), np.uint8), "Dark.", titles=np.array([7, 2]))._repr_html_()
    assert "<figcaption>7</figcaption>" in page


@pytest.mark.parametrize("fps", ["a", None, [10]])
def test_a_speed_that_is_no_number_is_refused(fps):
    with pytest.raises(TypeError, match=r"fps=.* is not a number"):
        animate(np.zeros((3, 4, 4), np.uint8), fps=fps)


@pytest.mark.parametrize(("fps", "milliseconds"), [(10, 100), (np.float32(24), 40), (100, 20)])
def test_a_gif_keeps_the_speed_as_nearly_as_a_gif_can(tmp_path, fps, milliseconds):
    animate(noise(3, 6, 6), fps=fps).save(tmp_path / "clip.gif")
    with Image.open(tmp_path / "clip.gif") as image:
        assert image.info["duration"] == milliseconds


def test_a_folder_is_no_name_for_a_gif(tmp_path):
    (tmp_path / "d.gif").mkdir()
    with pytest.raises(IsADirectoryError, match=r"d\.gif.* is a folder"):
        animate(noise(3, 6, 6)).save(tmp_path / "d.gif")
    with pytest.raises(TypeError, match="path=5 has type int"):
        animate(noise(3, 6, 6)).save(5)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: show_strip(noise(2, 5, 64, 64), titles=["a long title", "b"]),
        lambda: show_pairs(noise(3, 64, 64), noise(3, 64, 64)),
        lambda: show_digits(noise(4, 28, 28), labels=["one", "two", "three", "four"]),
        lambda: show_digits(noise(36, 28, 28), labels=range(36)),
    ],
)
def test_no_text_is_cut_off_when_a_figure_is_saved(draw):
    """``plt.savefig`` without ``bbox_inches="tight"`` keeps to the figure's edges."""
    draw()
    figure = plt.gcf()
    figure.canvas.draw()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= -1 and box.y0 >= -1
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1


@pytest.mark.parametrize("n", [9, 16, 25, 30, 36, 64])
def test_labels_keep_clear_of_the_digits(n):
    show_digits(noise(n, 28, 28), labels=["8"] * n)
    ax = plt.gcf().axes[0]
    gap = (ax.texts[int(n**0.5) + 1].get_position()[1] + 1) - 28  # between two rows, in pixels
    zoom = ax.get_window_extent().height / ax.images[0].get_array().shape[0]
    assert ax.texts[0].get_window_extent().height <= gap * zoom


def test_long_exposures_of_truth_values_are_refused():
    with pytest.raises(TypeError, match="frames has dtype bool: pass uint8, or floats"):
        long_exposure(np.ones((3, 4, 4), bool), "mean")


# curves


def test_curves_are_drawn_at_their_numbers_and_named():
    _, ax = plt.subplots()
    show_curves({"a": [3, 2, 1], "b": np.arange(2.0)}, first=10, ylabel="error", ax=ax)
    a, b = ax.lines
    assert a.get_xydata().tolist() == [[10, 3], [11, 2], [12, 1]]
    assert b.get_xdata().tolist() == [10, 11]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_ylim()[0]) == ("frame", "error", 0)
    assert a.get_color() != b.get_color()


def test_many_curves_differ_and_a_few_in_color_and_in_stroke():
    with plt.style.context("mmnist_lib.figures"):
        _, ax = plt.subplots()
        show_curves({str(i): [1.0, i] for i in range(12)}, ax=ax)
        looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == 12
    assert len({color for color, _ in looks[:4]}) == len({stroke for _, stroke in looks[:4]}) == 4


def test_curves_that_coincide_are_one_with_both_names():
    curves = {"exact": [1.0, 2.0], "black": [100.0, 90.0], "floor": [1.2, 2.1], "short": [1.0]}
    ax = drawn(show_curves, curves)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["black", "exact = floor", "short"] and len(ax.lines) == 3


# the looks of figures


def contrast(one, other):
    """WCAG's ratio of two colors."""

    def light(color):
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        return 0.05 + linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([light(one), light(other)])
    return high / low


@pytest.mark.parametrize(("page", "brighter"), [("#ffffff", 1), ("#14181e", 1.15)])
def test_figures_are_legible_on_a_light_and_on_a_dark_page(page, brighter):
    """On a dark page of the site, course.css makes them brighter."""
    with plt.style.context("mmnist_lib.figures"):
        rc = dict(plt.rcParams)
        figure, _ = plt.subplots()
        assert figure.get_facecolor()[3] == 0
    on_page = lambda color: np.minimum(1, brighter * np.array(to_rgb(color)))  # noqa: E731
    inks = {rc[name] for name in ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")}
    assert all(contrast(on_page(ink), page) >= 4.5 for ink in inks)
    colors = rc["axes.prop_cycle"].by_key()["color"]
    assert all(contrast(on_page(color), page) >= 3 for color in colors)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_between_tiles_nothing_is_drawn_and_around_each_a_line(channels):
    ax = drawn(show_strip, noise(2, 4, 6, 8, *channels))
    (image,) = ax.images
    pixels = image.get_array()
    drawn_pixels = np.isfinite(np.ma.filled(pixels, np.nan)) if not channels else pixels[..., 3] > 0
    assert drawn_pixels.sum() == 2 * 4 * 6 * 8
    boxes = {patch.get_bbox().bounds for patch in ax.patches}
    across, down = 8 + GAP, 6 + GAP
    assert boxes == {(across * c, down * r, 8, 6) for c in range(4) for r in range(2)}


@pytest.mark.parametrize(
    ("curves", "error", "words"),
    [
        ({}, ValueError, "curves is empty"),
        ({"a": []}, ValueError, r"curves\['a'\] has shape \(0,\)"),
        ({"a": [[1.0]]}, ValueError, r"curves\['a'\] has shape \(1, 1\)"),
        ({"a": [1.0, np.nan]}, ValueError, r"curves\['a'\] holds NaN"),
        ({"a": ["x"]}, TypeError, r"curves\['a'\] holds"),
    ],
)
def test_bad_curves_are_named(curves, error, words):
    with pytest.raises(error, match=words):
        show_curves(curves)


# a prediction, the truth and the error


def test_the_error_is_the_absolute_difference_of_what_is_shown():
    predicted = np.full((3, 8, 8), 0.25, np.float32)
    true = np.full((3, 8, 8), 255, np.uint8)
    player = animate_error(predicted, true, "Greys.", labels=range(10, 13), fps=3)
    assert player.clips[:, 0, 0, 0].tolist() == [64, 255, 191]
    assert player.titles == ["prediction", "truth", "error"]
    assert (player.alt, player.labels, player.fps) == ("Greys.", ["10", "11", "12"], 3)


def test_a_prediction_beyond_white_is_shown_as_white():
    over = np.full((2, 8, 8), 1.5)
    assert animate_error(over, np.ones((2, 8, 8))).clips[2].max() == 0
    assert animate_error(-over, np.zeros((2, 8, 8))).clips[2].max() == 0


def test_clips_of_other_shapes_have_no_error():
    with pytest.raises(ValueError, match=r"predicted has shape \(2, 8, 8\) and true \(3, 8, 8\)"):
        animate_error(np.zeros((2, 8, 8)), np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match="predicted run from nan"):
        animate_error(np.full((2, 8, 8), np.nan), np.zeros((2, 8, 8)))


def test_a_tile_has_all_four_edges():
    """Or a black one would not end on a dark page; a figure's edge cuts off the outer halves."""
    show_digits(np.zeros((1, 8, 8)))
    canvas = plt.gcf().canvas
    canvas.draw()
    gray = np.asarray(canvas.buffer_rgba())[..., 0]
    assert min(edge.min() for edge in (gray[0], gray[-1], gray[:, 0], gray[:, -1])) > 60
    assert gray[4:-4, 4:-4].max() == 0
