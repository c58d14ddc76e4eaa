"""Starts, velocities and straight paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmnist_lib import random_start, random_velocity, straight_path, velocity_of

unit = st.floats(0, 1)
speed = st.floats(-1e6, 1e6)


def rng():
    return np.random.default_rng(5)


@given(st.tuples(unit, unit), st.tuples(speed, speed), st.integers(1, 30))
def test_frame_t_is_the_start_and_t_plus_one_steps(start, velocity, n_frames):
    path = straight_path(start, velocity, n_frames)
    assert path.shape == (n_frames, 2) and path.dtype == np.float64
    expected = [
        [p + (t + 1) * v for p, v in zip(start, velocity, strict=True)] for t in range(n_frames)
    ]
    assert path.tolist() == expected


def test_the_first_frame_has_already_moved():
    assert straight_path([0.5, 0.25], [0.25, -0.25], 1).tolist() == [[0.75, 0.0]]


def test_a_straight_path_may_leave_the_canvas():
    assert straight_path([0.5, 0.5], [1, -1], 2).tolist() == [[1.5, -0.5], [2.5, -1.5]]


@pytest.mark.parametrize(
    ("start", "velocity", "shape"),
    [
        ((2,), (2,), ()),
        ((3, 2), (2,), (3,)),
        ((2,), (3, 2), (3,)),
        ((4, 1, 2), (3, 2), (4, 3)),
        ((0, 2), (2,), (0,)),
    ],
)
def test_leading_axes_of_a_straight_path_broadcast(start, velocity, shape):
    start, velocity = rng().random(start), rng().random(velocity)
    path = straight_path(start, velocity, 5)
    assert path.shape == (*shape, 5, 2)
    starts, velocities = np.broadcast_arrays(start, velocity)
    for place in np.ndindex(shape):
        alone = straight_path(starts[place], velocities[place], 5)
        np.testing.assert_array_equal(path[place], alone)


def test_straight_path_leaves_its_input_as_it_was():
    start, velocity = np.full((3, 2), 0.5), np.full((3, 2), 0.1)
    straight_path(start, velocity, 4)
    assert (start == 0.5).all() and (velocity == 0.1).all()


@pytest.mark.parametrize(
    ("angle", "rows", "columns"),
    [(0, 0, 1), (np.pi / 2, 1, 0), (np.pi, 0, -1), (-np.pi / 2, -1, 0)],
)
def test_angles_turn_from_right_to_down(angle, rows, columns):
    np.testing.assert_allclose(velocity_of(angle, 0.5), [0.5 * rows, 0.5 * columns], atol=1e-15)


@given(st.floats(-100, 100), st.floats(0, 1e6))
def test_a_velocity_is_the_step_length_times_sine_and_cosine(angle, step_length):
    velocity = velocity_of(angle, step_length)
    assert velocity.tolist() == [step_length * np.sin(angle), step_length * np.cos(angle)]
    assert np.hypot(*velocity) == pytest.approx(step_length)


def test_velocities_keep_the_shape_of_the_angles():
    assert velocity_of(np.zeros((3, 4))).shape == (3, 4, 2)


@pytest.mark.parametrize(("shape", "axes"), [((), ()), (3, (3,)), ((2, 3), (2, 3)), (0, (0,))])
@pytest.mark.parametrize(
    "draw",
    [random_start, random_velocity, lambda *a: random_velocity(*a, kind="box")],
    ids=["start", "angle", "box"],
)
def test_random_draws_have_the_shape_asked_for(draw, shape, axes):
    drawn = draw(rng(), shape)
    assert drawn.shape == (*axes, 2) and drawn.dtype == np.float64


def test_starts_are_uniform_over_the_free_square():
    start = random_start(rng(), 40_000)
    assert start.min() >= 0 and start.max() < 1
    counts, _, _ = np.histogram2d(*start.T, bins=4, range=[[0, 1], [0, 1]])
    np.testing.assert_allclose(counts, 40_000 / 16, rtol=0.1)


def test_angles_are_uniform_and_the_speed_is_one():
    velocity = random_velocity(rng(), 40_000, step_length=0.3)
    np.testing.assert_allclose(np.hypot(*velocity.T), 0.3)
    counts, _ = np.histogram(np.arctan2(*velocity.T), bins=8, range=(-np.pi, np.pi))
    np.testing.assert_allclose(counts, 40_000 / 8, rtol=0.1)


def test_the_box_of_velocities_is_uniform_and_never_negative():
    velocity = random_velocity(rng(), 40_000, step_length=0.2, kind="box")
    assert velocity.min() >= 0 and velocity.max() < 0.2
    counts, _, _ = np.histogram2d(*velocity.T, bins=4, range=[[0, 0.2], [0, 0.2]])
    np.testing.assert_allclose(counts, 40_000 / 16, rtol=0.1)


@pytest.mark.parametrize("kind", ["angle", "box"])
def test_a_step_length_of_zero_stands_still(kind):
    assert not random_velocity(rng(), 10, step_length=0, kind=kind).any()


@pytest.mark.parametrize("draw", [random_start, random_velocity])
def test_the_same_generator_state_draws_the_same(draw):
    np.testing.assert_array_equal(draw(rng(), 5), draw(rng(), 5))


def test_one_generator_draws_something_new_each_time():
    generator = rng()
    assert (random_start(generator, 5) != random_start(generator, 5)).all()


@pytest.mark.parametrize("seed", [0, None, np.random])
@pytest.mark.parametrize("draw", [random_start, random_velocity])
def test_a_bare_seed_is_refused(draw, seed):
    with pytest.raises(TypeError, match=r"rng=.* is not a Generator.*default_rng"):
        draw(seed)


@pytest.mark.parametrize(
    ("shape", "error", "words"),
    [
        (-1, ValueError, "shape=-1 is too small.*>= 0"),
        ((2, -3), ValueError, "shape=-3 is too small.*>= 0"),
        (1.5, TypeError, r"shape=1\.5 is not an integer"),
        ("ab", TypeError, "shape='ab' is not an integer"),
    ],
)
@pytest.mark.parametrize("draw", [random_start, random_velocity])
def test_a_bad_shape_is_refused(draw, shape, error, words):
    with pytest.raises(error, match=words):
        draw(rng(), shape)


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "call",
    [lambda s: velocity_of(0.0, s), lambda s: random_velocity(rng(), 2, s)],
    ids=["velocity_of", "random_velocity"],
)
def test_a_step_length_out_of_range_is_refused(call, value):
    with pytest.raises(ValueError, match=rf"step_length={value}: pass a finite number >= 0"):
        call(value)


def test_each_angle_may_have_a_speed_of_its_own():
    angles, speeds = [0.0, 1.0, 2.0], [0.1, 0.0, 0.4]
    velocity = velocity_of(angles, speeds)
    assert velocity.tolist() == [
        velocity_of(*pair).tolist() for pair in zip(angles, speeds, strict=True)
    ]
    for wrong in ([0.1, 0.2], [0.1, 0.2, -0.3]):
        with pytest.raises(
            ValueError, match=r"pass one number >= 0, or one for each of the \(3,\)"
        ):
            velocity_of(angles, wrong)
    with pytest.raises(TypeError, match="step_length holds <U4, not numbers"):
        velocity_of(angles, ["fast", "slow", "slow"])


def test_a_step_length_that_is_no_number_is_refused():
    with pytest.raises(TypeError, match="step_length='fast' is not a number"):
        velocity_of(0.0, "fast")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind='square' is unknown: choose 'angle' or 'box'"):
        random_velocity(rng(), 2, kind="square")


@pytest.mark.parametrize("angle", [np.nan, np.inf, [0.0, -np.inf]])
def test_an_angle_that_is_not_finite_is_refused(angle):
    with pytest.raises(ValueError, match=r"angle.*finite"):
        velocity_of(angle)


@pytest.mark.parametrize(
    ("n_frames", "error", "words"),
    [
        (0, ValueError, "n_frames=0 is too small.*>= 1"),
        (-3, ValueError, "n_frames=-3 is too small.*>= 1"),
        (2.0, TypeError, r"n_frames=2\.0 is not an integer"),
        (None, TypeError, "n_frames=None is not an integer"),
    ],
)
def test_a_bad_number_of_frames_is_refused(n_frames, error, words):
    with pytest.raises(error, match=words):
        straight_path([0, 0], [0, 0], n_frames)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["start", "velocity"])
def test_a_path_of_nan_or_infinity_is_refused(name, value):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: [0.5, value]}
    with pytest.raises(ValueError, match=f"{name} holds NaN or infinity: pass finite numbers"):
        straight_path(**motion, n_frames=3)


@pytest.mark.parametrize("value", [0.5, [0.5], [0.1, 0.2, 0.3], [[0.5], [0.5]]])
@pytest.mark.parametrize("name", ["start", "velocity"])
def test_a_pair_is_asked_for(name, value):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: value}
    with pytest.raises(ValueError, match=rf"{name} has shape \(.*\): pass \(\.\.\., 2\)"):
        straight_path(**motion, n_frames=3)


@pytest.mark.parametrize("value", ["up", ["a", "b"], [[1, 2], [3]], [1j, 0]])
@pytest.mark.parametrize("name", ["start", "velocity"])
def test_what_is_no_number_is_refused(name, value):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: value}
    with pytest.raises(TypeError, match=f"{name}.*: pass an array of numbers"):
        straight_path(**motion, n_frames=3)


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"start has shape \(3, 2\) and velocity \(4, 2\).*broad"):
        straight_path(np.zeros((3, 2)), np.zeros((4, 2)), 3)


@pytest.mark.parametrize("wrong", [-0.1, np.nan, np.inf, "fast", [0.1, 0.2], None, 1j])
@pytest.mark.parametrize(
    "call",
    [
        lambda wrong: velocity_of(0.0, wrong),
        lambda wrong: random_velocity(rng(), 2, wrong),
        lambda wrong: random_velocity(rng(), 2, wrong, "box"),
    ],
)
def test_each_function_checks_its_speed(call, wrong):
    with pytest.raises((TypeError, ValueError), match=r"^step_length="):
        call(wrong)


@pytest.mark.parametrize("n_frames", [2**63 - 1, 2**63, 2**31])
def test_a_path_of_too_many_frames_is_refused(n_frames):
    with pytest.raises(ValueError, match=f"n_frames={n_frames} is too large: pass an integer"):
        straight_path([0.5, 0.5], [0.1, 0], n_frames)


def test_a_mask_is_not_lost():
    masked = np.ma.masked_less([0.5, -1.0], 0)
    with pytest.raises(TypeError, match=r"start is a masked array: fill it, .*start.filled"):
        straight_path(masked, [0.1, 0], 3)
