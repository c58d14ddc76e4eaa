"""Two rules for meeting a wall, each against a slow oracle that is plainly right."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmnist_lib import bounce_path, straight_path

RULES = ["clamp", "reflect"]
# Eighths land on the walls exactly, which random floats never do.
unit = st.floats(0, 1) | st.integers(0, 8).map(lambda n: n / 8)
slow = st.floats(-1, 1) | st.integers(-8, 8).map(lambda n: n / 8)
fast = st.floats(-20, 20) | st.integers(-160, 160).map(lambda n: n / 8)
any_speed = slow | fast | st.floats(allow_nan=False, allow_infinity=False)
frames = st.integers(1, 25)


def pair(numbers):
    return st.tuples(numbers, numbers)


def clamp_loop(p, v, n_frames):
    """The real dataset's rule, word by word."""
    path = []
    for _ in range(n_frames):
        p = p + v
        if p <= 0:
            p, v = 0.0, -v
        elif p >= 1:
            p, v = 1.0, -v
        path.append(p)
    return path


def mirror(p, v, n_frames):
    """Fly from wall to wall in exact fractions: no folding, no modulo."""
    p, v = Fraction(p), Fraction(v)
    path = []
    for _ in range(n_frames):
        left = Fraction(1)  # time left in this frame
        while v and left:
            wall = 1 if v > 0 else 0
            until = min(left, (wall - p) / v)
            p += until * v
            left -= until
            if p == wall:
                v = -v
        path.append(float(p))
    return path


@given(pair(unit), pair(any_speed), frames, st.sampled_from(RULES))
def test_positions_stay_inside(start, velocity, n_frames, rule):
    path = bounce_path(start, velocity, n_frames, rule)
    assert path.shape == (n_frames, 2) and path.dtype == np.float64
    assert path.min() >= 0 and path.max() <= 1


@given(pair(unit), pair(any_speed), frames)
@example(start=(0.5, 0.5), velocity=(0.25, -0.25), n_frames=8)
@example(start=(0.0, 1.0), velocity=(0.0, 0.0), n_frames=3)
def test_clamp_is_the_plain_loop_bit_for_bit(start, velocity, n_frames):
    path = bounce_path(start, velocity, n_frames, "clamp")
    for axis in (0, 1):
        assert path[:, axis].tolist() == clamp_loop(start[axis], velocity[axis], n_frames)
    # Few numbers are followed one by one, many as arrays: to the same bit.
    many = bounce_path(np.tile(start, (40, 1)), velocity, n_frames, "clamp")
    assert all(np.array_equal(one, path) for one in many)


@given(pair(unit), pair(fast), frames)
@example(start=(0.5, 0.5), velocity=(0.25, -0.25), n_frames=8)
@example(start=(0.0, 1.0), velocity=(-0.3, 7.7), n_frames=8)
def test_reflect_is_the_flight_from_wall_to_wall(start, velocity, n_frames):
    path = bounce_path(start, velocity, n_frames, "reflect")
    for axis in (0, 1):
        slow_path = mirror(start[axis], velocity[axis], n_frames)
        np.testing.assert_allclose(path[:, axis], slow_path, rtol=0, atol=1e-13)


@given(unit, st.floats(allow_nan=False, allow_infinity=False), frames)
@example(start=0.25, velocity=2.0**52 + 0.5, n_frames=9)
@example(start=0.25, velocity=-1e15 - 0.375, n_frames=25)
def test_reflect_keeps_every_digit_of_a_huge_velocity(start, velocity, n_frames):
    path = bounce_path([start, start], [velocity, -velocity], n_frames, "reflect")
    for axis, v in enumerate((Fraction(velocity), -Fraction(velocity))):
        # To and fro is a journey of 2, so that whole ones change nothing.
        exact = mirror(start, v % 2, n_frames)
        np.testing.assert_allclose(path[:, axis], exact, rtol=0, atol=1e-13)


@given(pair(unit), pair(slow), frames)
def test_clamp_keeps_the_speed_between_walls(start, velocity, n_frames):
    path = bounce_path(start, velocity, n_frames, "clamp")
    inside = (path > 0) & (path < 1)
    free = inside[1:]  # what sets out from a wall is in flight, too
    steps = np.abs(np.diff(path, axis=0))
    expected = np.broadcast_to(np.abs(velocity), steps.shape)
    np.testing.assert_allclose(steps[free], expected[free], rtol=0, atol=1e-15)


@given(pair(unit), pair(slow), frames)
def test_reflect_travels_the_same_distance_in_each_frame(start, velocity, n_frames):
    path = np.vstack([start, bounce_path(start, velocity, n_frames, "reflect")])
    a, b = path[:-1], path[1:]
    # Straight on; to the wall at 0 and back; to the wall at 1 and back.
    ways = np.stack([abs(b - a), a + b, (1 - a) + (1 - b)])
    assert np.abs(ways - np.abs(velocity)).min(axis=0).max() < 1e-13


@given(pair(unit), pair(slow), frames)
def test_until_the_first_wall_every_path_is_straight(start, velocity, n_frames):
    straight = straight_path(start, velocity, n_frames)
    free = ((straight > 0) & (straight < 1)).all(axis=1)
    n_free = n_frames if free.all() else int(free.argmin())
    for rule in RULES:
        path = bounce_path(start, velocity, n_frames, rule)
        np.testing.assert_allclose(path[:n_free], straight[:n_free], rtol=0, atol=1e-13)


@given(pair(unit), pair(fast), frames, st.sampled_from(RULES))
def test_the_axes_do_not_know_of_each_other(start, velocity, n_frames, rule):
    path = bounce_path(start, velocity, n_frames, rule)
    swapped = bounce_path(start[::-1], velocity[::-1], n_frames, rule)
    np.testing.assert_array_equal(path, swapped[:, ::-1])


def test_a_digit_that_lands_exactly_on_a_wall_turns_there():
    path = bounce_path([0.5, 0.5], [0.25, -0.25], 4, "clamp")
    assert path.tolist() == [[0.75, 0.25], [1.0, 0.0], [0.75, 0.25], [0.5, 0.5]]


def test_clamp_loses_what_it_overshot_and_reflect_travels_it_back():
    motion = [0.5, 0.5], [0.375, -0.375], 3
    assert bounce_path(*motion, "clamp")[:, 0].tolist() == [0.875, 1.0, 0.625]
    assert bounce_path(*motion, "reflect")[:, 0].tolist() == [0.875, 0.75, 0.375]


def test_the_first_frame_has_already_moved():
    for rule in RULES:
        assert bounce_path([0.5, 0.25], [0.25, 0.5], 1, rule).tolist() == [[0.75, 0.75]]


def test_clamp_is_the_default_rule():
    motion = [0.5, 0.5], [0.3, 0.4], 10
    np.testing.assert_array_equal(bounce_path(*motion), bounce_path(*motion, "clamp"))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("place", [0.0, 0.3, 1.0])
def test_a_digit_without_speed_stays_where_it_is(rule, place):
    path = bounce_path([place, place], [0.0, 0.0], 5, rule)
    np.testing.assert_allclose(path, place, rtol=0, atol=1e-15)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("start", "velocity", "shape"),
    [
        ((3, 2), (2,), (3,)),
        ((2,), (3, 2), (3,)),
        ((4, 1, 2), (3, 2), (4, 3)),
        ((5, 0, 2), (5, 0, 2), (5, 0)),
    ],
)
def test_leading_axes_broadcast(rule, start, velocity, shape):
    rng = np.random.default_rng(1)
    start, velocity = rng.random(start), rng.uniform(-1, 1, velocity)
    path = bounce_path(start, velocity, 15, rule)
    assert path.shape == (*shape, 15, 2)
    starts, velocities = np.broadcast_arrays(start, velocity)
    for place in np.ndindex(shape):
        alone = bounce_path(starts[place], velocities[place], 15, rule)
        np.testing.assert_array_equal(path[place], alone)


@pytest.mark.parametrize("rule", RULES)
def test_the_input_stays_as_it_was(rule):
    start, velocity = np.full((3, 2), 0.5), np.full((3, 2), 0.4)
    bounce_path(start, velocity, 9, rule)
    assert (start == 0.5).all() and (velocity == 0.4).all()


@pytest.mark.parametrize("rule", RULES)
def test_whole_numbers_are_taken_as_floats(rule):
    path = bounce_path([0, 1], [1, 0], 3, rule)
    assert path.tolist() == [[1, 1], [0, 1], [1, 1]] and path.dtype == np.float64


@pytest.mark.parametrize("rule", ["bounce", "Clamp", "", None, 0])
def test_an_unknown_rule_is_refused(rule):
    with pytest.raises(ValueError, match=f"rule={rule!r} is unknown: choose 'clamp' or 'reflect'"):
        bounce_path([0.5, 0.5], [0.1, 0.1], 3, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("n_frames", "error", "words"),
    [
        (0, ValueError, "n_frames=0 is too small.*>= 1"),
        (-1, ValueError, "n_frames=-1 is too small.*>= 1"),
        (1.0, TypeError, r"n_frames=1\.0 is not an integer"),
        ("3", TypeError, "n_frames='3' is not an integer"),
    ],
)
def test_a_bad_number_of_frames_is_refused(rule, n_frames, error, words):
    with pytest.raises(error, match=words):
        bounce_path([0.5, 0.5], [0.1, 0.1], n_frames, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["start", "velocity"])
def test_nan_and_infinity_are_refused(rule, name, value):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: [value, 0.5]}
    with pytest.raises(ValueError, match=f"{name} holds NaN or infinity: pass finite numbers"):
        bounce_path(**motion, n_frames=3, rule=rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("start", "words"), [((-0.1, 0.5), "-0.1 to 0.5"), ((0.5, 1.25), "0.5 to 1.25")]
)
def test_a_start_off_the_canvas_is_refused(rule, start, words):
    with pytest.raises(ValueError, match=f"start runs from {words}: pass unit coord.*0 to 1"):
        bounce_path(start, [0.1, 0.1], 3, rule)


@pytest.mark.parametrize("name", ["start", "velocity"])
@pytest.mark.parametrize("value", [0.5, [0.1, 0.2, 0.3], [[0.5], [0.5]]])
def test_a_pair_is_asked_for(name, value):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: value}
    with pytest.raises(ValueError, match=rf"{name} has shape \(.*\): pass \(\.\.\., 2\)"):
        bounce_path(**motion, n_frames=3)


@pytest.mark.parametrize("name", ["start", "velocity"])
def test_what_is_no_number_is_refused(name):
    motion = {"start": [0.5, 0.5], "velocity": [0.1, 0.1], name: ["left", "right"]}
    with pytest.raises(TypeError, match=f"{name}.*: pass an array of numbers"):
        bounce_path(**motion, n_frames=3)


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"start has shape \(3, 2\) and velocity \(4, 2\).*broad"):
        bounce_path(np.zeros((3, 2)), np.zeros((4, 2)), 3)
