# Typical mistakes in the exercises of chapter 4, and what the check says of each.

# %% three-frames: the rules swapped
# > you have the two rules the wrong way around
third_frame = {"clamp": 2 - p - 3 * v, "reflect": 1 - v}

# %% three-frames: off by one frame
# > that is the second frame
third_frame = {"clamp": 1.0, "reflect": 2 - p - 2 * v}

# %% three-frames: no wall
# > that is beyond the wall
third_frame = {"clamp": p + 3 * v, "reflect": p + 3 * v}

# %% three-frames: one rule forgotten
# > it has no 'reflect'
third_frame = {"clamp": round(1 - v, 2)}

# %% three-frames: one rule right
# > item 'reflect': it is 0.9, which is not right
third_frame = {"clamp": 1 - v, "reflect": 0.9}

# %% three-frames: one number
# > it is of type float: make it a dict
third_frame = 1 - v


# %% mend: records before it steps
# > it records before it steps
def mended_path(start, velocity, n_frames, free=36):
    (row, column), (down, right) = start, velocity
    path = []
    for _ in range(n_frames):
        path.append([int(free * row), int(free * column)])
        row, column = row + down, column + right
        if row <= 0 or row >= 1:
            row, down = min(max(row, 0), 1), -down
        if column <= 0 or column >= 1:
            column, right = min(max(column, 0), 1), -right
    return np.array(path)


# %% mend: rounds
# > it rounds: the real dataset drops the fraction
def mended_path(start, velocity, n_frames, free=36):
    (row, column), (down, right) = start, velocity
    path = []
    for _ in range(n_frames):
        row, column = row + down, column + right
        if row <= 0 or row >= 1:
            row, down = min(max(row, 0), 1), -down
        if column <= 0 or column >= 1:
            column, right = min(max(column, 0), 1), -right
        path.append([round(free * row), round(free * column)])
    return np.array(path)


# %% mend: beyond the wall
# > it leaves the canvas at a bounce
def mended_path(start, velocity, n_frames, free=36):
    (row, column), (down, right) = start, velocity
    path = []
    for _ in range(n_frames):
        row, column = row + down, column + right
        if row <= 0 or row >= 1:
            down = -down
        if column <= 0 or column >= 1:
            right = -right
        path.append([int(free * row), int(free * column)])
    return np.array(path)


# %% mend: a mirror
# > that is a mirror: the clamp puts the digit on the wall
def mended_path(start, velocity, n_frames, free=36):
    position, step, path = np.array(start), np.array(velocity), []
    for _ in range(n_frames):
        position = position + step
        step = np.where((position < 0) | (position > 1), -step, step)
        position = np.where(position > 1, 2 - position, np.abs(position))
        path.append(free * position)
    return np.array(path).astype(int)


# %% mend: sticky walls
# > your digit is at row
def mended_path(start, velocity, n_frames, free=36):
    position, path = list(start), []
    for _ in range(n_frames):
        for axis, step in enumerate(velocity):
            position[axis] = min(max(position[axis] + step, 0), 1)
        path.append([int(free * x) for x in position])
    return np.array(path)


# %% mend: not at the wall but only beyond it
# > frame 2: your digit is at row 36, column 0; expected row 27, column 4
def mended_path(start, velocity, n_frames, free=36):
    (row, column), (down, right) = start, velocity
    path = []
    for _ in range(n_frames):
        row, column = row + down, column + right
        if row < 0 or row > 1:
            row, down = min(max(row, 0), 1), -down
        if column < 0 or column > 1:
            column, right = min(max(column, 0), 1), -right
        path.append([int(free * row), int(free * column)])
    return np.array(path)


# %% mend: wrong axis order
# > row and column are swapped
def mended_path(start, velocity, n_frames, free=36):
    position, step, path = np.array(start), np.array(velocity), []
    for _ in range(n_frames):
        position = position + step
        step = np.where((position <= 0) | (position >= 1), -step, step)
        position = position.clip(0, 1)
        path.append(free * position[::-1])
    return np.array(path).astype(int)


# %% mend: the library does it
# > it uses bounce_path: do without it here
def mended_path(start, velocity, n_frames, free=36):
    return to_pixels(bounce_path(start, velocity, n_frames), free + 28)


# %% mend: wraps around at 256
# > its dtype is uint8: make it a signed integer
def mended_path(start, velocity, n_frames, free=36):
    position, step, path = np.array(start), np.array(velocity), []
    for _ in range(n_frames):
        position = position + step
        step = np.where((position <= 0) | (position >= 1), -step, step)
        position = position.clip(0, 1)
        path.append(free * position)
    return np.array(path).astype(np.uint8)


# %% mirror: folds once
# > it folds once, which is not enough for a fast digit
mirror_path = naive_mirror


# %% mirror: a torus
# > it jumps from one wall to the other
def mirror_path(start, velocity, n_frames, room=1.0):
    return (start + velocity * np.arange(1, n_frames + 1)) % room


# %% mirror: off by one frame
# > frame 0 is the start itself
def mirror_path(start, velocity, n_frames, room=1.0):
    return room - np.abs(room - (start + velocity * np.arange(n_frames)) % (2 * room))


# %% mirror: forgets the room
# > it takes the room to be 1
def mirror_path(start, velocity, n_frames, room=1.0):
    return 1 - np.abs(1 - (start + velocity * np.arange(1, n_frames + 1)) % 2)


# %% mirror: no parentheses
# > put parentheses around 2 * room: Python computes % and * from left to right
def mirror_path(start, velocity, n_frames, room=1.0):
    unfolded = start + velocity * np.arange(1, n_frames + 1)
    return room - np.abs(room - unfolded % 2 * room)


# %% mirror: a remainder that keeps the sign
# > its value at [
def mirror_path(start, velocity, n_frames, room=1.0):
    unfolded = start + velocity * np.arange(1, n_frames + 1)
    return room - np.abs(room - np.fmod(unfolded, 2 * room))


# %% mirror: a list
# > it is of type list: make it a NumPy array
def mirror_path(start, velocity, n_frames, room=1.0):
    unfolded = start + velocity * np.arange(1, n_frames + 1)
    return (room - np.abs(room - unfolded % (2 * room))).tolist()


# %% ink: the square bounces
# > its square bounces, but its ink should
def ink_frames(digit, start, velocity, n_frames, size=64):
    path = bounce_path(start, velocity, n_frames)
    return composite(digit[None], to_pixels(path, size)[None], size)


# %% ink: one free range
# > one free range serves both axes
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = ink.shape
    free = size - max(height, width)
    track = (free * bounce_path(start, velocity, n_frames)).astype(int)
    frames = np.zeros((n_frames, size, size), dtype=np.uint8)
    for frame, (row, column) in zip(frames, track):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: the free range of the square
# > it uses the free range of the square, 36: that of the ink is larger
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = ink.shape
    frames = np.zeros((n_frames, size, size), dtype=np.uint8)
    for frame, (row, column) in zip(frames, to_pixels(bounce_path(start, velocity, n_frames))):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: a slice without its end
# > the last row and column of the ink are cut off
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max(), columns.min() : columns.max()]
    height, width = ink.shape
    track = ([size - height, size - width] * bounce_path(start, velocity, n_frames)).astype(int)
    frames = np.zeros((n_frames, size, size), dtype=np.uint8)
    for frame, (row, column) in zip(frames, track):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: rounds
# > it rounds: the real dataset drops the fraction
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = ink.shape
    track = [size - height, size - width] * bounce_path(start, velocity, n_frames)
    frames = np.zeros((n_frames, size, size), dtype=np.uint8)
    for frame, (row, column) in zip(frames, np.rint(track).astype(int)):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: floats
# > its dtype is float64: make it uint8
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] / 255
    height, width = ink.shape
    track = ([size - height, size - width] * bounce_path(start, velocity, n_frames)).astype(int)
    frames = np.zeros((n_frames, size, size))
    for frame, (row, column) in zip(frames, track):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: changes what it was given
# > it changed its argument number 1
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].copy()
    digit[:] = 0
    height, width = ink.shape
    track = ([size - height, size - width] * bounce_path(start, velocity, n_frames)).astype(int)
    frames = np.zeros((n_frames, size, size), dtype=np.uint8)
    for frame, (row, column) in zip(frames, track):
        frame[row : row + height, column : column + width] = ink
    return frames


# %% ink: one array for all frames
# > all its frames are the last one: make a new array, or a copy, for each frame
def ink_frames(digit, start, velocity, n_frames, size=64):
    rows, columns = np.nonzero(digit)
    ink = digit[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    track = (size - np.array(ink.shape)) * bounce_path(start, velocity, n_frames)
    frame, frames = np.zeros((size, size), np.uint8), []
    for row, column in track.astype(int):
        frame[:] = 0
        frame[row : row + ink.shape[0], column : column + ink.shape[1]] = ink
        frames.append(frame)
    return np.array(frames)
