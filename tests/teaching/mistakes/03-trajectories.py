# Typical mistakes in the exercises of chapter 3, and what the check says of each.

# %% which-pixel: one frame early
# > that is one frame too early: by frame 0 the digit has already made one step
pixel = tuple(int(20 * (p + frame * v)) for p, v in zip(start, velocity))

# %% which-pixel: rounds
# > you rounded: the real dataset drops the fraction
pixel = tuple(round(20 * (p + (frame + 1) * v)) for p, v in zip(start, velocity))

# %% which-pixel: row and column swapped
# > row and column are swapped: the row comes first
pixel = tuple(int(20 * (p + (frame + 1) * v)) for p, v in zip(start, velocity))[::-1]

# %% which-pixel: the whole canvas
# > you multiplied by the whole canvas: multiply by the free range
pixel = tuple(int(size * (p + (frame + 1) * v)) for p, v in zip(start, velocity))

# %% which-pixel: keeps the fraction
# > that is not a whole pixel: drop the fraction
pixel = tuple(20 * (p + (frame + 1) * v) for p, v in zip(start, velocity))

# %% which-pixel: unit coordinates
# > that is in unit coordinates: multiply by the free range
pixel = [p + (frame + 1) * v for p, v in zip(start, velocity)]

# %% which-pixel: the row alone
# > which is not right (its form: (row, column), like (12, 7))
pixel = int(20 * (start[0] + (frame + 1) * velocity[0]))


# %% compass: sine and cosine swapped
# > sine and cosine are swapped: angle 0 points right, so there the row is 0
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    return step_length * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


# %% compass: degrees
# > it computes in degrees: np.sin and np.cos expect radians
def fair_velocity(rng, n, step_length):
    angle = 360 * rng.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: half a circle
# > its angles cover only half of the circle: a full turn is 2 * np.pi
def fair_velocity(rng, n, step_length):
    angle = np.pi * rng.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: parts of a turn
# > its angles are fractions of a turn: multiply them by 2 * np.pi to get radians
def fair_velocity(rng, n, step_length):
    angle = rng.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: from minus half a turn
# > its angles are half a turn off: let them run from 0 to a full turn
def fair_velocity(rng, n, step_length):
    angle = np.pi * (2 * rng.random(n) - 1)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: rows count upwards
# > it turns the wrong way: a quarter turn should point down
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    return step_length * np.stack([-np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: forgets the step length
# > its speed is 1: a digit should cover step_length in each frame
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: a box
# > it draws from a box: none of its digits goes up or to the left
def fair_velocity(rng, n, step_length):
    return step_length * rng.random((n, 2))


# %% compass: the repair
# > it draws from a square: more digits go toward the corners than elsewhere
fair_velocity = repaired


# %% compass: global random state
# > it drew from the global random state: use the generator that it is given
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * np.random.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: a generator of its own
# > it makes a generator with seed 0: use the one that it is given
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * np.random.default_rng(0).random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: draws once more than it needs
# > called_twice: its value at [7, 0] is
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    rng.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)


# %% compass: axes turned
# > its shape is (2, 8), not (8, 2): are its axes in the right order?
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    return step_length * np.stack([np.sin(angle), np.cos(angle)])


# %% compass: the library does it
# > it uses random_velocity: do without it here
def fair_velocity(rng, n, step_length):
    from mmnist_lib import random_velocity

    return random_velocity(rng, n, step_length)


# %% compass: a list
# > it is of type list: make it a NumPy array
def fair_velocity(rng, n, step_length):
    angle = 2 * np.pi * rng.random(n)
    return [(step_length * np.sin(a), step_length * np.cos(a)) for a in angle]


# %% exits: counts from the step, not from the frame
# > that is one too many: count only the steps that stay inside
def first_outside(start, velocity):
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(velocity > 0, 1 - start, start) / np.abs(velocity)
    steps = np.where(velocity == 0, np.inf, steps).min(axis=1)
    return np.where(np.isinf(steps), -1, np.ceil(np.where(np.isinf(steps), 0, steps))).astype(int)


# %% exits: frame 0 is the start
# > that is one frame too late: by frame 0 the digit has already made one step
def first_outside(start, velocity):
    frames = []
    for p, v in zip(start, velocity):
        t = 0
        while v.any() and ((p + t * v >= 0) & (p + t * v <= 1)).all():
            t += 1
        frames.append(t if v.any() else -1)
    return np.array(frames)


# %% exits: the last frame inside
# > that is the last frame inside: return the frame after it
def first_outside(start, velocity):
    frames = []
    for p, v in zip(start, velocity):
        t = 0
        while v.any() and ((p + (t + 1) * v >= 0) & (p + (t + 1) * v <= 1)).all():
            t += 1
        frames.append(t - 1 if v.any() else -1)
    return np.array(frames)


# %% exits: a wall is outside
# > it counts a digit exactly on a wall as outside: it is still inside
def first_outside(start, velocity):
    frames = []
    for p, v in zip(start, velocity):
        t = 0
        while v.any() and ((p + (t + 1) * v > 0) & (p + (t + 1) * v < 1)).all():
            t += 1
        frames.append(t if v.any() else -1)
    return np.array(frames)


# %% exits: one axis only
# > it looks only at the rows: a digit can leave on either axis
def first_outside(start, velocity):
    frames = []
    for (p, _), (v, _) in zip(start, velocity):
        frames.append(-1 if v == 0 else int((1 - p if v > 0 else p) / abs(v)))
    return np.array(frames)


# %% exits: both axes
# > it waits until both axes are outside: one is enough
def first_outside(start, velocity):
    room = np.where(velocity > 0, 1 - start, start)
    steps = np.full(room.shape, np.inf)
    np.divide(room, np.abs(velocity), out=steps, where=velocity != 0)
    steps = steps.max(axis=1)
    return np.array([-1 if np.isinf(n) else int(n) for n in steps])


# %% exits: the walls at 1 only
# > it looks only at the walls at 1: a digit can leave at 0 too
def first_outside(start, velocity):
    steps = np.full(start.shape, np.inf)
    np.divide(1 - start, velocity, out=steps, where=velocity > 0)
    steps = steps.min(axis=1)
    return np.array([-1 if np.isinf(n) else int(n) for n in steps])


# %% exits: without the sign
# > it sends every digit toward 1: one with a negative velocity moves toward 0
def first_outside(start, velocity):
    steps = np.full(start.shape, np.inf)
    np.divide(1 - start, np.abs(velocity), out=steps, where=velocity != 0)
    steps = steps.min(axis=1)
    return np.array([-1 if np.isinf(n) else int(n) for n in steps])


# %% exits: as in the chapter
# > it returns 0 for a digit that is still inside, as inside.argmin() does
def first_outside(start, velocity):
    path = start[:, None] + np.arange(1, 1001)[:, None] * velocity[:, None]
    return ((path >= 0) & (path <= 1)).all(axis=-1).argmin(axis=-1)


# %% exits: a path that is too short
# > it gives up too early: the slow digit does leave eventually
def first_outside(start, velocity):
    path = start[:, None] + np.arange(1, 101)[:, None] * velocity[:, None]
    inside = ((path >= 0) & (path <= 1)).all(axis=-1)
    return np.where(inside.all(axis=-1), -1, inside.argmin(axis=-1))


# %% exits: fails at zero velocity
# > it raised ZeroDivisionError in line
def first_outside(start, velocity):
    frames = []
    for place, step in zip(start.tolist(), velocity.tolist()):
        steps = [(1 - p if v > 0 else p) / abs(v) for p, v in zip(place, step)]
        frames.append(int(min(steps)))
    return np.array(frames)


# %% exits: at rest on a wall
# > its value at [
def first_outside(start, velocity):
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (np.where(velocity > 0, 1 - start, start) / np.abs(velocity)).min(axis=1)
    return np.array([-1 if np.isinf(n) else int(np.nan_to_num(n)) for n in steps])


# %% exits: whole numbers of inf
# > for a digit that never leaves it returns what astype(int) makes of inf: return -1
def first_outside(start, velocity):
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(velocity > 0, 1 - start, start) / np.abs(velocity)
        return np.floor(steps.min(axis=1)).astype(int)


# %% exits: whole numbers of nan
# > is nan or inf made into a whole number: does it divide by 0?
def first_outside(start, velocity):
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (np.where(velocity > 0, 1 - start, start) / np.abs(velocity)).min(axis=1)
        return np.where(np.isinf(steps), -1, np.floor(steps)).astype(int)


# %% exits: never is 0
# > it returns 0 for a digit that never leaves: return -1
def first_outside(start, velocity):
    room = np.where(velocity > 0, 1 - start, start)
    steps = np.full(room.shape, np.inf)
    np.divide(room, np.abs(velocity), out=steps, where=velocity != 0)
    steps = steps.min(axis=1)
    return np.array([0 if np.isinf(n) else int(n) for n in steps])


# %% exits: floats
# > its dtype is float64: make it a signed integer, such as int64
def first_outside(start, velocity):
    room = np.where(velocity > 0, 1 - start, start)
    steps = np.full(room.shape, np.inf)
    np.divide(room, np.abs(velocity), out=steps, where=velocity != 0)
    steps = np.floor(steps.min(axis=1))
    return np.where(np.isinf(steps), -1, steps)


# %% exits: changes what it was given
# > it changed its argument number 2: work on a copy
def first_outside(start, velocity):
    velocity[velocity == 0] = 1e-30
    steps = (np.where(velocity > 0, 1 - start, start) / np.abs(velocity)).min(axis=1)
    return np.where(steps > 1e9, -1, np.minimum(steps, 1e9)).astype(int)


# %% motion: forgets the half pixel
# > it forgets that fractions were dropped: on average half a pixel is missing, so add it
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, len(track) + 1), track / free, 1)
    return np.array([height, slope])


# %% motion: frame 0 is the start
# > its start is the position in frame 0: the start comes one step before that
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(len(track)), (track + 0.5) / free, 1)
    return np.array([height, slope])


# %% motion: pixels
# > it is in pixels: divide by the free range
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, len(track) + 1), track + 0.5, 1)
    return np.array([height, slope])


# %% motion: start and velocity swapped
# > start and velocity are swapped: the start comes first
def fit_motion(track, free=36):
    return np.polyfit(np.arange(1, len(track) + 1), (track + 0.5) / free, 1)


# %% motion: a row for each axis
# > its axes are swapped: first the start, then the velocity, each as row and column
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, len(track) + 1), (track + 0.5) / free, 1)
    return np.stack([height, slope], axis=1)


# %% motion: the ends only
# > it uses only the first and the last frame: fit the line to all of them
def fit_motion(track, free=36):
    middle = (track + 0.5) / free
    slope = (middle[-1] - middle[0]) / (len(track) - 1)
    return np.array([middle[0] - slope, slope])


# %% motion: another free range
# > it assumes a free range of 36: use the argument free
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, len(track) + 1), (track + 0.5) / 36, 1)
    return np.array([height, slope])


# %% motion: always 20 frames
# > it raised TypeError in line 2 of your cell: expected x and y to have same length
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, 21), (track + 0.5) / free, 1)
    return np.array([height, slope])


# %% motion: a tuple
# > it is of type tuple: make it a NumPy array
def fit_motion(track, free=36):
    slope, height = np.polyfit(np.arange(1, len(track) + 1), (track + 0.5) / free, 1)
    return height, slope


# %% motion: changes what it was given
# > it changed its argument number 1: work on a copy
def fit_motion(track, free=36):
    track += 1
    slope, height = np.polyfit(np.arange(1, len(track) + 1), (track - 0.5) / free, 1)
    return np.array([height, slope])
