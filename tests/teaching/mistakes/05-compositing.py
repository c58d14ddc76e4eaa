# Typical mistakes in the exercises of chapter 5, and what the check says of each.

# %% one-pixel: a sum without an end
# > a byte ends at 255, so the sum cannot be that
one_pixel = {"add": a + b, "average": (a + b) // 2, "maximum": max(a, b)}

# %% one-pixel: a sum that stops
# > a byte does not stop at 255: it starts again at 0
one_pixel = {"add": 255, "average": (a + b) // 2, "maximum": max(a, b)}

# %% one-pixel: one too many
# > 256 values fit into a byte, not 255
one_pixel = {"add": a + b - 255, "average": (a + b) // 2, "maximum": max(a, b)}

# %% one-pixel: averaged in bytes
# > the average is made before it is put into a byte
one_pixel = {"add": a + b - 256, "average": (a + b - 256) // 2, "maximum": max(a, b)}

# %% one-pixel: a tuple
# > which is not right (its form: like {"add": 1, "average": 2, "maximum": 3})
one_pixel = (a + b - 256, (a + b) // 2, max(a, b))

# %% front: maximum
# > it merges by maximum: a faint pixel in front hides a bright one
in_front = composite


# %% front: a new name for each window
# > it is 0 everywhere, as if never filled: part = … only names an array, part[:] = … fills it
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites, positions):
        for frame, (row, column) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window = np.where(sprite > 0, sprite, window)
    return frames


# %% front: the order reversed
# > the first sprite lies in front: the later one should
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites[::-1], positions[::-1]):
        for frame, (row, column) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window[sprite > 0] = sprite[sprite > 0]
    return frames


# %% front: black paper
# > the black paper of a sprite covers what is below it
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites, positions):
        for frame, (row, column) in zip(frames, track):
            frame[row : row + len(sprite), column : column + len(sprite)] = sprite
    return frames


# %% front: only bright ink
# > faint ink is lost: every value above 0 is ink
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites, positions):
        for frame, (row, column) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window[sprite > 127] = sprite[sprite > 127]
    return frames


# %% front: sum instead of maximum
# > it adds: what is in front hides what is below
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites, positions):
        for frame, (row, column) in zip(frames, track):
            frame[row : row + len(sprite), column : column + len(sprite)] += sprite
    return frames


# %% front: float instead of uint8
# > its dtype is float64: make it uint8
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size))
    for sprite, track in zip(sprites, positions):
        for frame, (row, column) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window[sprite > 0] = sprite[sprite > 0]
    return frames


# %% front: off by one frame
# > every frame comes one too early
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    later = np.concatenate([positions[:, 1:], positions[:, -1:]], axis=1)
    for sprite, track in zip(sprites, later):
        for frame, (row, column) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window[sprite > 0] = sprite[sprite > 0]
    return frames


# %% front: row and column swapped
# > pixels of this frame differ
def in_front(sprites, positions, size=64):
    frames = np.zeros((positions.shape[1], size, size), np.uint8)
    for sprite, track in zip(sprites, positions):
        for frame, (column, row) in zip(frames, track):
            window = frame[row : row + len(sprite), column : column + len(sprite)]
            window[sprite > 0] = sprite[sprite > 0]
    return frames


# %% front: time last
# > its shape is (64, 64, 12), not (12, 64, 64): are its axes in the right order?
def in_front(sprites, positions, size=64):
    return composite(sprites, positions, size).transpose(1, 2, 0)


# %% speeds: one speed for all
# > all its digits have the same speed
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for _ in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 2 * np.pi * rng.random()
        path = bounce_path(start, velocity_of(angle, speeds[0]), n_frames)
        tracks.append(to_pixels(path, size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: angle before start
# > it draws image, angle, start: keep the order, which is image, start, angle
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        angle, start = 2 * np.pi * rng.random(), rng.random(2)
        tracks.append(to_pixels(bounce_path(start, velocity_of(angle, speed), n_frames), size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: start before image
# > it draws start, image, angle: keep the order, which is image, start, angle
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        start = rng.random(2)
        sprites.append(images[rng.integers(len(images))])
        path = bounce_path(start, velocity_of(2 * np.pi * rng.random(), speed), n_frames)
        tracks.append(to_pixels(path, size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: all digits at once
# > it draws all images first, then all starts: draw for one digit after the other
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    k = len(speeds)
    sprites, start = images[rng.integers(len(images), size=k)], rng.random((k, 2))
    velocity = [velocity_of(angle, s) for angle, s in zip(2 * np.pi * rng.random(k), speeds)]
    return composite(sprites, to_pixels(bounce_path(start, velocity, n_frames), size), size)


# %% speeds: degrees
# > its angles are in degrees: sin and cos expect radians
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 360 * rng.random()
        tracks.append(to_pixels(bounce_path(start, velocity_of(angle, speed), n_frames), size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: sin and cos swapped
# > sin and cos are swapped: the row goes with sin
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 2 * np.pi * rng.random()
        velocity = velocity_of(angle, speed)[::-1]
        tracks.append(to_pixels(bounce_path(start, velocity, n_frames), size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: rounds
# > it rounds: the real dataset drops the fraction
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 2 * np.pi * rng.random()
        path = bounce_path(start, velocity_of(angle, speed), n_frames)
        tracks.append(np.rint((size - 28) * path).astype(int))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: the global random state
# > it drew from the global random state: use the generator that it is given
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[np.random.randint(len(images))])
        start, angle = np.random.random(2), 2 * np.pi * np.random.random()
        tracks.append(to_pixels(bounce_path(start, velocity_of(angle, speed), n_frames), size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: a generator of its own
# > it makes a generator with seed 0: use the one that it is given
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    rng = np.random.default_rng(0)
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 2 * np.pi * rng.random()
        tracks.append(to_pixels(bounce_path(start, velocity_of(angle, speed), n_frames), size))
    return composite(np.stack(sprites), np.stack(tracks), size)


# %% speeds: the size of the canvas forgotten
# > its shape is (9, 64, 64), not (9, 80, 80)
def frames_of_speeds(rng, images, speeds, n_frames=20, size=64):
    sprites, tracks = [], []
    for speed in speeds:
        sprites.append(images[rng.integers(len(images))])
        start, angle = rng.random(2), 2 * np.pi * rng.random()
        tracks.append(to_pixels(bounce_path(start, velocity_of(angle, speed), n_frames)))
    return composite(np.stack(sprites), np.stack(tracks))


# %% rule: always the same answer
# > it takes rounded pixels for truncated ones
def rule_of(tracks, free=36):
    return "clamp", "truncate"


# %% rule: all pixels are truncated
# > it takes rounded pixels for truncated ones
def rule_of(tracks, free=36):
    last, middle = (tracks == free).mean(), (tracks == free // 2).mean()
    return ("clamp" if last > middle / 2 else "reflect"), "truncate"


# %% rule: only for the usual canvas
# > it takes truncated pixels for rounded ones
def rule_of(tracks, free=36):
    first, last = (tracks == 0).mean(), (tracks == 36).mean()
    if last < 0.003:
        return "reflect", "truncate"
    if first > last + 0.009:
        return "clamp", "truncate"
    return ("clamp" if last > 0.02 else "reflect"), "round"


# %% rule: a list
# > it is of type list: make it a tuple
def rule_of(tracks, free=36):
    first, last = (tracks == 0).mean(), (tracks == free).mean()
    middle = (1 - first - last) / (free - 1)
    if last < middle / 8:
        return ["reflect", "truncate"]
    if first > last + middle / 3:
        return ["clamp", "truncate"]
    return ["clamp" if last > 3 / 4 * middle else "reflect", "round"]
