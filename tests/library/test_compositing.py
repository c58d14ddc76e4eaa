"""Pixels, merging, and the complete dataset."""

import copy
import hashlib
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmnist_lib import MovingMNIST, composite, load_mnist, to_pixels

LARGEST_SEED = 2**128 - 1


def digits(n=12, side=28):
    return np.random.default_rng(3).integers(0, 256, (n, side, side), dtype=np.uint8)


def labels(n=12):
    return np.arange(n, dtype=np.uint8) % 10


def small(**changes):
    """Make a small dataset, quickly."""
    settings = {"n_digits": 2, "n_frames": 4, "size": 12, "seed": 1}
    return MovingMNIST(digits(side=5), labels(), **settings | changes)


def draw_slowly(sprites, positions, size):
    """Paste pixel by pixel and keep the brighter one."""
    n_frames = positions.shape[1]
    frames = np.zeros((n_frames, size, size), np.uint8)
    for sprite, path in zip(sprites, positions, strict=True):
        for frame, (top, left) in zip(frames, path, strict=True):
            for row in range(len(sprite)):
                for column in range(len(sprite)):
                    at = top + row, left + column
                    frame[at] = np.maximum(frame[at], sprite[row, column])
    return frames


def move_slowly(start, velocity, n_frames, room):
    """Follow the real dataset's rule on one axis: step, clamp and turn, record."""
    p, v, pixels = start, velocity, []
    for _ in range(n_frames):
        p += v
        if p <= 0:
            p, v = 0.0, -v
        if p >= 1:
            p, v = 1.0, -v
        pixels.append(int(room * p))
    return pixels


# to_pixels


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2), st.integers(1, 40), st.integers(0, 40))
def test_pixels_are_truncated_and_stay_on_the_canvas(position, digit_size, room):
    pixels = to_pixels([position], digit_size + room, digit_size)
    assert pixels.dtype == np.int64 and pixels.shape == (1, 2)
    assert pixels.tolist() == [[int(room * p) for p in position]]
    assert pixels.min() >= 0 and pixels.max() <= room


def test_pixels_are_not_rounded():
    assert to_pixels([[0.999, 0.5 / 36], [1.0, 0.0]]).tolist() == [[35, 0], [36, 0]]


@pytest.mark.parametrize("shape", [(2,), (5, 2), (3, 4, 5, 2), (0, 5, 2)])
def test_pixels_keep_the_shape(shape):
    assert to_pixels(np.full(shape, 0.5)).shape == shape


def test_to_pixels_leaves_the_path_as_it_was():
    path = np.full((5, 2), 0.5)
    to_pixels(path)
    assert (path == 0.5).all()


@pytest.mark.parametrize("place", [-1.1 / 36, 1 + 1.1 / 36, 7.0])
def test_a_path_that_leaves_by_a_pixel_is_refused_when_it_is_drawn(place):
    with pytest.raises(ValueError, match="leave the canvas"):
        composite(digits(1), to_pixels([[[place, 0.5]]]))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_of_nan_or_infinity_are_refused(value):
    with pytest.raises(ValueError, match="path holds NaN or infinity: pass finite numbers"):
        to_pixels([[0.5, value]])


@pytest.mark.parametrize(
    ("size", "digit_size", "error", "words"),
    [
        (27, 28, ValueError, r"size=27 is smaller than the digits \(28\): choose size >= 28"),
        (0, 28, ValueError, "size=0 is too small.*>= 1"),
        (-64, 28, ValueError, "size=-64 is too small.*>= 1"),
        (64, 0, ValueError, "digit_size=0 is too small.*>= 1"),
        (64.0, 28, TypeError, r"size=64\.0 is not an integer"),
        (64, "28", TypeError, "digit_size='28' is not an integer"),
    ],
)
def test_to_pixels_refuses_a_bad_size(size, digit_size, error, words):
    with pytest.raises(error, match=words):
        to_pixels([[0.5, 0.5]], size, digit_size)


# composite


@st.composite
def scenes(draw):
    """Draw sprites, positions and a canvas; digit_size == size and a digit of 1 pixel too."""
    side, room = draw(st.integers(1, 5)), draw(st.integers(0, 5))
    k, n_frames = draw(st.integers(0, 4)), draw(st.integers(1, 4))
    sprites = draw(hnp.arrays(np.uint8, (k, side, side)))
    positions = draw(hnp.arrays(np.int64, (k, n_frames, 2), elements=st.integers(0, room)))
    return sprites, positions, side + room


@given(scenes())
@settings(max_examples=200)
def test_no_pixel_is_lost_or_invented(scene):
    sprites, positions, size = scene
    frames = composite(sprites, positions, size)
    assert frames.dtype == np.uint8 and frames.shape == (positions.shape[1], size, size)
    np.testing.assert_array_equal(frames, draw_slowly(sprites, positions, size))


@given(scenes())
def test_sprites_and_positions_stay_as_they_were(scene):
    sprites, positions, size = scene
    before = sprites.copy(), positions.copy()
    composite(sprites, positions, size)
    np.testing.assert_array_equal(sprites, before[0])
    np.testing.assert_array_equal(positions, before[1])


@given(scenes(), st.randoms())
def test_the_order_of_the_sprites_does_not_matter(scene, random):
    sprites, positions, size = scene
    order = list(range(len(sprites)))
    random.shuffle(order)
    np.testing.assert_array_equal(
        composite(sprites, positions, size), composite(sprites[order], positions[order], size)
    )


def test_overlaps_show_the_brighter_pixel():
    sprites = np.array([[[200]], [[100]]], np.uint8)
    assert composite(sprites, np.zeros((2, 1, 2), int), 1).tolist() == [[[200]]]


def test_black_pixels_of_a_sprite_do_not_cover_others():
    sprites = np.array([[[7, 7], [7, 7]], [[0, 0], [0, 9]]], np.uint8)
    assert composite(sprites, np.zeros((2, 1, 2), int), 2).tolist() == [[[7, 7], [7, 9]]]


def test_no_sprite_gives_black_frames():
    frames = composite(np.zeros((0, 28, 28), np.uint8), np.zeros((0, 3, 2), int))
    assert frames.shape == (3, 64, 64) and frames.dtype == np.uint8 and not frames.any()


@pytest.mark.parametrize("corner", [(0, 0), (0, 36), (36, 0), (36, 36)])
def test_a_sprite_fits_into_each_corner(corner):
    sprites, (top, left) = digits(1), corner
    frame = composite(sprites, [[corner]])[0]
    np.testing.assert_array_equal(frame[top : top + 28, left : left + 28], sprites[0])
    assert frame.sum() == sprites.sum()


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "uint64"])
def test_positions_may_be_any_integers(kind):
    sprites, positions = digits(2), np.array([[[0, 36], [20, 3]], [[7, 7], [36, 36]]])
    np.testing.assert_array_equal(
        composite(sprites, positions.astype(kind)), composite(sprites, positions)
    )


@pytest.mark.parametrize(
    "view",
    [lambda a: a[:, ::-1, ::-1], lambda a: a.swapaxes(1, 2), np.asfortranarray],
    ids=["flipped", "turned", "Fortran"],
)
def test_sprites_need_not_be_contiguous(view):
    sprites, positions = view(digits(2)), np.array([[[0, 36]], [[7, 7]]])
    np.testing.assert_array_equal(
        composite(sprites, positions), draw_slowly(sprites, positions, 64)
    )


@pytest.mark.parametrize(
    ("sprites", "error", "words"),
    [
        (np.zeros((1, 28, 28)), TypeError, "sprites has dtype float64: pass uint8"),
        (np.zeros((1, 28, 28), int), TypeError, "sprites has dtype int64: pass uint8"),
        (np.zeros((1, 28, 28), bool), TypeError, "sprites has dtype bool: pass uint8"),
        (np.zeros((1, 28, 14), np.uint8), ValueError, r"sprites has shape \(1, 28, 14\): pass"),
        (np.zeros((28, 28), np.uint8), ValueError, r"sprites has shape \(28, 28\): pass"),
        (np.zeros((1, 0, 0), np.uint8), ValueError, r"sprites has shape \(1, 0, 0\)"),
        (np.zeros(0, np.uint8), ValueError, r"sprites has shape \(0,\): pass"),
        (np.uint8(3), ValueError, r"sprites has shape \(\): pass"),
        (None, (TypeError, ValueError), "sprites.*pass"),
    ],
)
def test_composite_refuses_what_is_no_sprite(sprites, error, words):
    with pytest.raises(error, match=words):
        composite(sprites, np.zeros((1, 3, 2), int))


def test_composite_refuses_no_sprites_of_the_wrong_dtype():
    with pytest.raises(TypeError, match="sprites has dtype float64: pass uint8"):
        composite(np.zeros((0, 28, 28)), np.zeros((0, 3, 2), int))


@pytest.mark.parametrize(
    "shape", [(), (2,), (3, 2), (2, 3, 2), (0, 3, 2), (1, 3, 3), (1, 3), (1, 3, 2, 1)]
)
def test_composite_refuses_positions_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"positions has shape \(.*\): pass \(1, n_frames, 2\)"):
        composite(digits(1), np.zeros(shape, int))


@pytest.mark.parametrize("kind", [float, bool, str, object])
def test_composite_refuses_positions_that_are_no_integers(kind):
    with pytest.raises(TypeError, match=r"positions has dtype .*: pass integers.*to_pixels"):
        composite(digits(1), np.zeros((1, 3, 2), kind))


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (37, 0), (0, 37), (2**40, 0)])
def test_composite_refuses_positions_off_the_canvas(place):
    row, column = place
    words = f"sprite 1 is at row {row}, column {column} in frame 2; keep both from 0 to 36"
    positions = np.zeros((2, 4, 2), int)
    positions[1, 2] = place
    with pytest.raises(ValueError, match=f"positions leave the canvas: {words}"):
        composite(digits(2), positions)


@pytest.mark.parametrize(
    ("size", "error", "words"),
    [
        (27, ValueError, r"size=27 is smaller than the digits \(28\): choose size >= 28"),
        (0, ValueError, "size=0 is too small"),
        (64.0, TypeError, r"size=64\.0 is not an integer"),
    ],
)
def test_composite_refuses_a_bad_size(size, error, words):
    with pytest.raises(error, match=words):
        composite(digits(1), np.zeros((1, 3, 2), int), size)


# MovingMNIST: shapes and dtypes


@pytest.mark.parametrize("n_digits", [0, 1, 2, 7])
@pytest.mark.parametrize("rule", ["clamp", "reflect"])
@pytest.mark.parametrize(("n_frames", "size"), [(1, 28), (3, 29), (20, 64)])
def test_shapes_and_dtypes_hold_for_any_number_of_digits(n_digits, rule, n_frames, size):
    data = MovingMNIST(
        digits(), labels(), n_digits=n_digits, n_frames=n_frames, size=size, rule=rule
    )
    assert data[5].shape == (n_frames, size, size) and data[5].dtype == np.uint8
    frames, truth = data.batch(3, 6), data.truth(3, 6)
    assert frames.shape == (3, n_frames, size, size) and frames.dtype == np.uint8
    shapes = {
        "digits": (np.int64, ()),
        "labels": (np.uint8, ()),
        "start": (np.float64, (2,)),
        "velocity": (np.float64, (2,)),
        "path": (np.float64, (n_frames, 2)),
        "track": (np.int64, (n_frames, 2)),
    }
    for name, (dtype, tail) in shapes.items():
        array = getattr(truth, name)
        assert array.dtype == dtype and array.shape == (3, n_digits, *tail), name
        np.testing.assert_array_equal(getattr(data.truth(4), name), array[1])


def test_no_digits_give_black_frames():
    assert not small(n_digits=0).batch(0, 20).any()


def test_an_empty_batch_is_empty():
    data = small()
    assert data.batch(7, 7).shape == (0, 4, 12, 12)
    assert data.truth(7, 7).path.shape == (0, 2, 4, 2)


def test_without_labels_the_truth_has_none():
    data = MovingMNIST(digits())
    assert data.truth(0).labels is None and data.truth(0, 3).labels is None


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda a: np.array(a, np.int32)])
def test_labels_belong_to_the_digits_drawn(kind):
    data = MovingMNIST(digits(), kind(labels().tolist()), n_digits=5)
    truth = data.truth(0, 100)
    np.testing.assert_array_equal(truth.labels, labels()[truth.digits])
    assert set(truth.digits.ravel()) == set(range(12))


def test_the_repr_names_every_setting():
    data = small(rule="reflect", seed=9)
    assert repr(data) == (
        "MovingMNIST(12 images, n_digits=2, n_frames=4, size=12, step_length=0.1, "
        "rule='reflect', seed=9)"
    )


# MovingMNIST: the rule of the real dataset


@pytest.mark.parametrize("n_digits", [0, 1, 2, 4])
@pytest.mark.parametrize("rule", ["clamp", "reflect"])
def test_the_truth_redraws_the_frames(n_digits, rule):
    data = small(n_digits=n_digits, rule=rule)
    frames, truth = data.batch(0, 30), data.truth(0, 30)
    for one, which, pixels in zip(frames, truth.digits, truth.track, strict=True):
        np.testing.assert_array_equal(one, draw_slowly(data.images[which], pixels, 12))


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 5), st.floats(0, 50))
@settings(max_examples=30)
def test_any_digit_on_any_canvas_is_drawn_whole(side, room, n_frames, step_length):
    data = MovingMNIST(
        digits(side=side), size=side + room, n_frames=n_frames, step_length=step_length, n_digits=1
    )
    truth = data.truth(3)
    frames = np.zeros((n_frames, side + room, side + room), np.uint8)
    for frame, (top, left) in zip(frames, truth.track[0], strict=True):
        frame[top : top + side, left : left + side] = data.images[truth.digits[0]]
    np.testing.assert_array_equal(data[3], frames)


def test_digits_step_clamp_turn_and_are_truncated():
    truth = MovingMNIST(digits(), n_digits=3).truth(0, 100)
    for place in np.ndindex(100, 3):
        for axis in (0, 1):
            start, velocity = truth.start[place][axis], truth.velocity[place][axis]
            expected = move_slowly(float(start), float(velocity), 20, 36)
            assert truth.track[place][:, axis].tolist() == expected


def test_each_digit_takes_its_own_block_of_the_stream():
    data = MovingMNIST(digits(), n_digits=3, step_length=0.25, seed=11)
    truth = data.truth(6)
    for digit in range(3):
        stream = np.random.Philox(key=11)
        stream.advance(6 * 3 + digit)
        which, row, column, turn = np.random.Generator(stream).random(4)
        assert truth.digits[digit] == int(which * 12)
        assert truth.start[digit].tolist() == [row, column]
        angle = 2 * np.pi * turn
        velocity = 0.25 * np.sin(angle), 0.25 * np.cos(angle)
        np.testing.assert_allclose(truth.velocity[digit], velocity, rtol=0, atol=1e-15)


def test_starts_angles_and_digits_are_uniform():
    truth = MovingMNIST(digits()).truth(0, 20_000)
    angles = np.arctan2(truth.velocity[..., 0], truth.velocity[..., 1]) / (2 * np.pi) % 1
    for uniform in (truth.start[..., 0], truth.start[..., 1], angles, (truth.digits + 0.5) / 12):
        assert uniform.min() >= 0 and uniform.max() < 1
        counts, _ = np.histogram(uniform, bins=12, range=(0, 1))
        np.testing.assert_allclose(counts, 40_000 / 12, rtol=0.07)
    np.testing.assert_allclose(np.hypot(*np.moveaxis(truth.velocity, -1, 0)), 0.1)


def test_what_a_digit_draws_is_independent():
    truth = MovingMNIST(digits()).truth(0, 20_000)
    angles = np.arctan2(truth.velocity[..., 0], truth.velocity[..., 1])
    drawn = [*truth.start.reshape(-1, 2).T, truth.digits.ravel(), angles.ravel()]
    np.testing.assert_allclose(np.corrcoef(drawn), np.eye(4), atol=0.03)
    between_digits = np.corrcoef(truth.start[:, 0].T, truth.start[:, 1].T)
    np.testing.assert_allclose(between_digits, np.eye(4), atol=0.03)


def test_digits_rest_on_the_walls_as_often_as_the_published_ones():
    pixels = MovingMNIST(digits()).truth(0, 5_000).track
    assert (pixels == 0).mean() == pytest.approx(0.048, abs=0.003)
    assert (pixels == 36).mean() == pytest.approx(0.031, abs=0.003)


# MovingMNIST: item i is item i


@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.sampled_from([0, 1, 2, 5]))
def test_an_item_does_not_depend_on_what_was_asked_before(order, n_digits):
    data = small(n_digits=n_digits)
    expected = data.batch(0, 41)
    for index in order:
        np.testing.assert_array_equal(data[index], expected[index])


@given(st.integers(0, 60), st.integers(0, 30), st.sampled_from([0, 1, 2, 3]))
def test_a_batch_is_its_items(start, length, n_digits):
    data = small(n_digits=n_digits)
    batch = data.batch(start, start + length)
    assert len(batch) == length
    for place, frames in enumerate(batch):
        np.testing.assert_array_equal(frames, small(n_digits=n_digits)[start + place])


@given(
    n=st.integers(0, 40),
    n_digits=st.integers(0, 4),
    n_frames=st.integers(1, 25),
    side=st.integers(1, 30),
    room=st.integers(0, 50),
    rule=st.sampled_from(["clamp", "reflect"]),
)
@example(n=40, n_digits=2, n_frames=20, side=28, room=36, rule="clamp")
@settings(max_examples=60, deadline=None)
def test_a_batch_is_drawn_as_by_the_plain_loop(n, n_digits, n_frames, side, room, rule):
    size = side + room
    data = MovingMNIST(
        digits(side=side), size=size, n_digits=n_digits, n_frames=n_frames, rule=rule, seed=5
    )
    frames = np.full((n, n_frames, size, size), 77, np.uint8)  # what was there must go
    data.batch(3, 3 + n, out=frames)
    truth, expected = data.truth(3, 3 + n), np.zeros_like(frames)
    for clip in range(n):
        for sprite, path in zip(data.images[truth.digits[clip]], truth.track[clip], strict=True):
            for frame, (top, left) in zip(expected[clip], path, strict=True):
                window = frame[top : top + side, left : left + side]
                window[...] = np.maximum(window, sprite)
    np.testing.assert_array_equal(frames, expected)


# A chunk of `small` is 1,820 clips (1 MB of frames), its truth is worked out for 5,461 at a time.
@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, 8), (0, 9), (7, 9), (0, 513), (1819, 1823), (3, 1825), (5, 3645), (4, 5470), (0, 5462)],
)
def test_batches_do_not_show_where_their_chunks_meet(start, stop):
    data = small(n_digits=3)
    batch = data.batch(start, stop)
    middle = (start + stop) // 2
    halves = [data.batch(start, middle), data.batch(middle, stop)]
    np.testing.assert_array_equal(batch, np.concatenate(halves))
    borders = (0, 1819, 1820, 1821, 3639, 3640, 5460, 5461, 5462)
    near_borders = [start + n for n in borders if start + n < stop]
    for index in near_borders:
        np.testing.assert_array_equal(batch[index - start], data[index])


def test_truth_does_not_depend_on_the_range():
    data = small(n_digits=3)
    whole = data.truth(0, 40)
    for start, stop in [(0, 1), (13, 27), (39, 40)]:
        part = data.truth(start, stop)
        for name in ("digits", "labels", "start", "velocity", "path", "track"):
            np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[start:stop])


def test_another_process_makes_the_same_sequence():
    code = (
        "import hashlib, numpy as np, mmnist_lib as m;"
        "images = np.random.default_rng(3).integers(0, 256, (12, 28, 28), dtype=np.uint8);"
        "print(hashlib.sha256(m.MovingMNIST(images, seed=4)[1234].tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = MovingMNIST(digits(), seed=4)[1234]
    assert done.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
def test_a_copy_for_a_worker_makes_the_same_sequences(clone):
    data = small()
    np.testing.assert_array_equal(clone(data).batch(3, 9), data.batch(3, 9))


def test_the_stream_never_changes():
    _, (images, _) = load_mnist("sample")
    frames = MovingMNIST(images, seed=0).batch(0, 10)
    # A new hash means that everyone's datasets change: that is no small release.
    assert hashlib.sha256(frames.tobytes()).hexdigest() == (
        "bb01e4379e9a9345308622b49532c11334cd1fc8373be37ecb0c9de9d6ca71e4"
    )


@given(st.integers(0, LARGEST_SEED), st.integers(0, LARGEST_SEED))
def test_different_seeds_differ(one, other):
    assume(one != other)
    assert (small(seed=one).truth(0).start != small(seed=other).truth(0).start).all()


def test_a_thousand_sequences_differ_from_each_other():
    starts = small().truth(0, 1000).start
    assert len(np.unique(starts)) == starts.size


@pytest.mark.parametrize("index", [2**31, 2**63, 2**64 - 1, 2**70])
def test_a_very_large_index_works(index):
    data = small()
    np.testing.assert_array_equal(data.batch(index - 3, index + 3)[3], data[index])
    assert (data.truth(index).start != data.truth(0).start).all()


@pytest.mark.parametrize("seed", [2**64, LARGEST_SEED])
def test_a_very_large_seed_works(seed):
    data = small(seed=seed)
    assert data.seed == seed
    assert (data.truth(0).start != small(seed=seed - 1).truth(0).start).all()


def test_numpy_integers_are_integers():
    data = small(seed=np.uint64(1), n_digits=np.int8(2), size=np.int64(12))
    np.testing.assert_array_equal(data[np.int32(5)], small()[5])
    np.testing.assert_array_equal(data.batch(np.uint8(3), np.int64(5)), small().batch(3, 5))


def test_numpys_global_random_state_is_neither_used_nor_changed():
    np.random.seed(1)  # noqa: NPY002
    before = pickle.dumps(np.random.get_state())  # noqa: NPY002
    first = small().batch(0, 20)
    assert pickle.dumps(np.random.get_state()) == before  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(small().batch(0, 20), first)


def test_the_images_stay_as_they_were():
    images = digits()
    data = MovingMNIST(images, n_digits=4)
    data.batch(0, 20).fill(255)
    np.testing.assert_array_equal(images, digits())


def test_read_only_images_will_do():
    images = digits()
    images.flags.writeable = False
    np.testing.assert_array_equal(MovingMNIST(images)[3], MovingMNIST(digits())[3])


def test_what_is_returned_is_the_callers_own():
    data = small()
    data[3].fill(255)
    data.batch(0, 9).fill(255)
    np.testing.assert_array_equal(data[3], small()[3])


# out=


@pytest.mark.parametrize("n_digits", [0, 1, 3])
def test_out_is_written_and_returned(n_digits):
    data = small(n_digits=n_digits)
    out = np.full((20, 4, 12, 12), 99, np.uint8)
    assert data.batch(5, 25, out=out) is out
    np.testing.assert_array_equal(out, data.batch(5, 25))


def test_memory_beside_out_is_left_alone():
    data, buffer = small(), np.full((30, 4, 12, 12), 99, np.uint8)
    data.batch(5, 25, out=buffer[4:24])
    np.testing.assert_array_equal(buffer[4:24], data.batch(5, 25))
    assert (buffer[:4] == 99).all() and (buffer[24:] == 99).all()


def test_out_may_be_a_file_mapped_into_memory(tmp_path):
    out = np.memmap(tmp_path / "frames", np.uint8, "w+", shape=(9, 4, 12, 12))
    small().batch(0, 9, out=out).flush()
    raw = (tmp_path / "frames").read_bytes()
    assert raw == small().batch(0, 9).tobytes()


def test_threads_do_not_disturb_each_other():
    data, expected = small(), small().truth(0, 400).start
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that a thread is stopped between any two lines
    try:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda i: data.truth(i).start, range(400)))
    finally:
        sys.setswitchinterval(before)
    np.testing.assert_array_equal(found, expected)


def read_only(shape):
    out = np.zeros(shape, np.uint8)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("out", "error", "words"),
    [
        (np.zeros((3, 4, 12, 12), np.uint8), ValueError, r"shape \(3, 4, 12, 12\)"),
        (np.zeros((4, 12, 12), np.uint8), ValueError, r"shape \(4, 12, 12\)"),
        (np.zeros((2, 4, 12, 13), np.uint8), ValueError, r"shape \(2, 4, 12, 13\)"),
        (np.zeros((2, 4, 12, 12)), TypeError, "dtype float64"),
        (np.zeros((2, 4, 12, 12), np.int8), TypeError, "dtype int8"),
        (np.zeros((2, 4, 12, 12), np.uint8, order="F"), ValueError, "not contiguous"),
        (np.zeros((4, 4, 12, 12), np.uint8)[::2], ValueError, "not contiguous"),
        (np.zeros((2, 4, 12, 24), np.uint8)[..., ::2], ValueError, "not contiguous"),
        (read_only((2, 4, 12, 12)), ValueError, "read-only"),
        ([0], TypeError, "list"),
        (bytearray(1152), TypeError, "bytearray"),
    ],
)
def test_a_bad_out_is_refused(out, error, words):
    remedy = r"pass a writable, C-contiguous uint8 array of shape \(2, 4, 12, 12\)"
    with pytest.raises(error, match=f"out .*{words}.*: {remedy}"):
        small().batch(0, 2, out=out)


# bad input


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (np.zeros((3, 28, 28)), TypeError, r"images has dtype float64: pass uint8.*255 \* images"),
        (np.zeros((3, 28, 28), np.int64), TypeError, "images has dtype int64: pass uint8"),
        (np.zeros((3, 28, 28), bool), TypeError, "images has dtype bool: pass uint8"),
        (np.zeros((3, 28, 28), object), TypeError, "images has dtype object: pass uint8"),
        ([[[0]]], TypeError, "images has type list: pass a NumPy array"),
        (None, TypeError, "images has type NoneType: pass a NumPy array"),
        (np.zeros((28, 28), np.uint8), ValueError, r"images has shape \(28, 28\): pass \(n, side"),
        (np.zeros((3, 28, 20), np.uint8), ValueError, r"images has shape \(3, 28, 20\): pass"),
        (np.zeros((3, 784), np.uint8), ValueError, r"images has shape \(3, 784\): pass"),
        (np.zeros((3, 28, 28, 1), np.uint8), ValueError, r"images has shape \(3, 28, 28, 1\)"),
        (np.zeros((0, 28, 28), np.uint8), ValueError, r"\(0, 28, 28\), no digit: pass at least"),
        (np.zeros((3, 0, 0), np.uint8), ValueError, r"images has shape \(3, 0, 0\)"),
    ],
)
def test_bad_images_are_refused(images, error, words):
    with pytest.raises(error, match=words):
        MovingMNIST(images)


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        ([0, 1], ValueError, r"labels has shape \(2,\).*each of the 3 images"),
        ([0, 1, 2, 3], ValueError, r"labels has shape \(4,\).*each of the 3 images"),
        ([[0, 1, 2]], ValueError, r"labels has shape \(1, 3\).*each of the 3 images"),
        (5, ValueError, r"labels has shape \(\).*each of the 3 images"),
    ],
)
def test_bad_labels_are_refused(bad, error, words):
    with pytest.raises(error, match=words):
        MovingMNIST(digits(3), bad)


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        ({"n_digits": -1}, ValueError, "n_digits=-1 is too small.*>= 0"),
        ({"n_digits": 2.0}, TypeError, r"n_digits=2\.0 is not an integer"),
        ({"n_frames": 0}, ValueError, "n_frames=0 is too small.*>= 1"),
        ({"n_frames": -5}, ValueError, "n_frames=-5 is too small.*>= 1"),
        ({"n_frames": "20"}, TypeError, "n_frames='20' is not an integer"),
        ({"size": 27}, ValueError, r"size=27 is smaller than the digits \(28\): choose.*>= 28"),
        ({"size": 0}, ValueError, "size=0 is too small"),
        ({"size": 64.0}, TypeError, r"size=64\.0 is not an integer"),
        ({"step_length": -0.1}, ValueError, r"step_length=-0\.1: pass a finite number >= 0"),
        ({"step_length": np.nan}, ValueError, "step_length=nan: pass a finite number >= 0"),
        ({"step_length": np.inf}, ValueError, "step_length=inf: pass a finite number >= 0"),
        ({"step_length": "fast"}, TypeError, "step_length='fast' is not a number"),
        ({"rule": "bounce"}, ValueError, "rule='bounce' is unknown: choose 'clamp' or 'reflect'"),
        ({"rule": None}, ValueError, "rule=None is unknown: choose 'clamp' or 'reflect'"),
        ({"seed": -1}, ValueError, "seed=-1 is too small.*>= 0"),
        ({"seed": 2**128}, ValueError, f"seed={2**128} is too large: pass an integer <="),
        ({"seed": 0.5}, TypeError, r"seed=0\.5 is not an integer"),
        ({"seed": None}, TypeError, "seed=None is not an integer"),
    ],
)
def test_bad_settings_are_refused(setting, error, words):
    with pytest.raises(error, match=words):
        MovingMNIST(digits(), **setting)


@pytest.mark.parametrize("index", [1.0, "1", None, slice(0, 3), (1, 2), [1], np.array([1, 2])])
def test_an_index_that_is_no_integer_is_refused(index):
    words = r"index=.* is not an integer: pass one >= 0, or index a SequenceDataset\(data, n_seq"
    with pytest.raises(TypeError, match=words):
        small()[index]


@pytest.mark.parametrize("n_digits", [0, 2])
@pytest.mark.parametrize("indices", [[], [5], [7, 3, 3, 2**70, 0], np.array([4, 1])])
def test_any_sequences_are_picked_in_the_order_asked_for(indices, n_digits):
    data = small(n_digits=n_digits)
    picked = data.pick(indices)
    assert picked.shape == (len(indices), data.n_frames, data.size, data.size)
    for number, frames in zip(indices, picked, strict=True):
        np.testing.assert_array_equal(frames, data.batch(number, number + 1)[0])


def test_a_negative_index_is_refused():
    with pytest.raises(ValueError, match="index=-1 is too small: pass an integer >= 0"):
        small()[-1]


@pytest.mark.parametrize("name", ["batch", "truth"])
@pytest.mark.parametrize(
    ("start", "stop", "error", "words"),
    [
        (-1, 3, ValueError, "start=-1 is too small: pass an integer >= 0"),
        (3, 2, ValueError, "stop=2 is too small: pass an integer >= 3"),
        (0, -1, ValueError, "stop=-1 is too small: pass an integer >= 0"),
        (0.0, 2, TypeError, r"start=0\.0 is not an integer"),
        (0, 2.0, TypeError, r"stop=2\.0 is not an integer"),
        ("0", 2, TypeError, "start='0' is not an integer"),
    ],
)
def test_a_bad_range_is_refused(name, start, stop, error, words):
    with pytest.raises(error, match=words):
        getattr(small(), name)(start, stop)


@pytest.mark.parametrize("start", [1.5, "1", None])
def test_the_truth_of_an_index_that_is_no_integer_is_refused(start):
    with pytest.raises(TypeError, match=f"start={start!r} is not an integer: pass one >= 0"):
        small().truth(start)


def test_an_endless_set_is_not_looped_over():
    for ask in (iter, len, list):
        with pytest.raises(TypeError, match=r"MovingMNIST is endless: use a SequenceDataset\(data"):
            ask(small())
    assert small()


def test_a_clip_of_no_frames_is_refused():
    with pytest.raises(ValueError, match="n_frames=0 is too small"):
        composite(np.zeros((1, 4, 4), np.uint8), np.zeros((1, 0, 2), int), size=8)


def test_an_index_past_the_stream_is_refused_and_does_not_wrap_round():
    data = MovingMNIST(np.ones((1, 4, 4), np.uint8), size=8)
    with pytest.raises(ValueError, match=f"too large: pass an integer <= {2**128 - 1}"):
        data[2**128]


@pytest.mark.parametrize("labels", [[0, 25, 26], ["a", "b", "c"], [-1, 1, 2]])
def test_labels_may_be_of_any_kind(labels):
    truth = MovingMNIST(np.ones((3, 4, 4), np.uint8), labels, size=8).truth(0, 20)
    assert (truth.labels == np.asarray(labels)[truth.digits]).all()


def test_the_truth_of_one_is_the_truth_of_many_at_its_place():
    data = MovingMNIST(np.ones((3, 4, 4), np.uint8), [4, 5, 6], size=8)
    one, many = data.truth(7), data.truth(5, 9)[2]
    for name in ("digits", "labels", "start", "velocity", "path", "track"):
        assert np.array_equal(getattr(one, name), getattr(many, name)), name


def test_the_pool_does_not_bend_the_paths():
    """Why training and test want different seeds: under one seed they move alike."""
    few, many = (MovingMNIST(np.ones((n, 4, 4), np.uint8), size=8).truth(0, 5) for n in (2, 9))
    assert np.array_equal(few.path, many.path)
