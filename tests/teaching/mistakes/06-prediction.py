# Typical mistakes in the exercises of chapter 6, and what the check says of each.

# %% two-errors: means over pixels
# > that is a mean over the pixels: the benchmark sums over each frame
errors = {"MSE": np.mean((predicted - true) ** 2), "MAE": np.mean(np.abs(predicted - true))}

# %% two-errors: sums over frames
# > that is a sum over the frames: take their mean
errors = {"MSE": np.sum((predicted - true) ** 2), "MAE": np.sum(np.abs(predicted - true))}

# %% two-errors: a root
# > you took a root: the benchmark does not
errors = {
    "MSE": np.sqrt(np.sum((predicted - true) ** 2) / 2),
    "MAE": np.sum(np.abs(predicted - true)) / 2,
}

# %% two-errors: errors that cancel
# > in the MAE, sum the absolute errors of each frame
errors = {"MSE": np.sum((predicted - true) ** 2) / 2, "MAE": np.sum(predicted - true) / 2}

# %% two-errors: swapped
# > you have the two the wrong way around
errors = {"MAE": np.sum((predicted - true) ** 2) / 2, "MSE": np.sum(np.abs(predicted - true)) / 2}

# %% two-errors: the square of a sum
# > you squared a sum: square the error of each pixel
sums = np.abs(predicted - true).sum(axis=(1, 2))
errors = {"MSE": np.mean(sums**2), "MAE": np.mean(sums)}

# %% two-errors: one of the two
# > it is of type float64: make it a dict
errors = np.sum((predicted - true) ** 2) / 2

# %% two-errors: one of the two right
# > item 'MAE': it is 4, which is not right
errors = {"MSE": np.sum((predicted - true) ** 2) / 2, "MAE": 4.0}


# %% follow: wraps around
# > it wraps around: what leaves the canvas is lost, and black comes in
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    step = np.rint(after - before).astype(int)
    return np.stack([np.roll(seen[-1], (h + 1) * step, axis=(0, 1)) for h in range(n_out)])


# %% follow: moves once
# > it moves once and then stops: frame h is h + 1 movements away
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    step = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for r, c in places[1]:
        if 0 <= r + step[0] < frames.shape[1] and 0 <= c + step[1] < frames.shape[2]:
            frames[:, r + step[0], c + step[1]] = seen[-1, r, c]
    return frames


# %% follow: row and column swapped
# > row and column are swapped
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    right, down = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: one step too few
# > its first frame is the last one that was seen: move first, then record
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + h * down, c + h * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: backwards
# > it moves backwards: the movement is the last place minus the one before
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(before - after).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: drops the fraction
# > follow(dots, 3): it drops the fraction of the movement: round it to the nearest whole numbers
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.round(after - before, 9).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: rounds down
# > follow(dots, 3): it rounds the movement down: round it to the nearest whole numbers
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.floor(np.round(after - before, 9)).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: rounds each center
# > it rounds each center: round only the movement
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = (np.rint(after) - np.rint(before)).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: all ink alike
# > follow(dots, 3): every pixel with ink counts the same: weight each pixel by its brightness
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (p.mean(axis=0) for p in places)
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: negative indices
# > it wraps around: what leaves the canvas is lost, and black comes in
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            row, column = min(row, frames.shape[1] - 1), min(column, frames.shape[2] - 1)
            frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: holds still
# > it holds the last frame still
def follow(seen, n_out):
    return np.repeat(seen[-1:], n_out, axis=0)


# %% follow: takes the canvas to be square
# > follow(dots, 3): it takes the canvas to be square: height and width may differ
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < len(seen[0]) and 0 <= column < len(seen[0]):
                frames[h, row, column] = seen[-1, r, c]
    return frames


# %% follow: slices that end at minus the movement
# > its slices fail for movements up or to the left
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h, frame in enumerate(frames, start=1):
        frame[h * down :, h * right :] = seen[-1, : -h * down, : -h * right]
    return frames


# %% follow: floats
# > its dtype is float64: make it uint8
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    frames = np.zeros((n_out, *seen.shape[1:]))
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < frames.shape[1] and 0 <= column < frames.shape[2]:
                frames[h, row, column] = seen[-1, r, c] / 255
    return frames


# %% follow: the library does it
# > it uses extrapolate: do without it here
def follow(seen, n_out):
    from mmnist_lib import extrapolate

    frames = extrapolate(seen[None] / np.float32(255), n_out)[0]
    return np.rint(255 * frames).astype(np.uint8)


# %% network: the same reach for all
# > it reaches 6 pixels whatever the spacing: pass dilation_rate to each convolution
def network(spacing):
    start = initializers.Constant(-3)
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    x = layers.Conv2D(16, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(10, 5, padding="same", bias_initializer=start)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: only the first sees far
# > one of its convolutions has the spacing: all three need it
def network(spacing):
    start = initializers.Constant(-3)
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    x = layers.Conv2D(16, 5, padding="same", dilation_rate=spacing, activation="relu")(x)
    x = layers.Conv2D(16, 5, padding="same", activation="relu")(x)
    x = layers.Conv2D(10, 5, padding="same", bias_initializer=start)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: not the head
# > two of its convolutions have the spacing: all three need it
def network(spacing):
    start = initializers.Constant(-3)
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, padding="same", dilation_rate=spacing, activation="relu")(x)
    x = layers.Conv2D(10, 5, padding="same", bias_initializer=start)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: larger windows
# > its windows are 9 by 9: keep 5 by 5 and pass dilation_rate
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same"}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 4 * spacing + 1, activation="relu", **window)(x)
    x = layers.Conv2D(10, 4 * spacing + 1, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: no bias
# > black frames become gray: the bias of the last convolution should begin at -3
def network(spacing):
    window = {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: a bias everywhere
# > its inner convolutions let nothing through: only the bias of the last one should begin at -3
def network(spacing):
    window = {"padding": "same", "dilation_rate": spacing}
    window["bias_initializer"] = initializers.Constant(-3)
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: no sigmoid
# > its last step is not a sigmoid, so it predicts numbers below 0
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    return keras.Model(frames, layers.Permute((3, 1, 2))(x))


# %% network: no relu
# > the first two need relu: yours lets values below 0 through
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: silu for relu
# > the first two need relu: yours lets values below 0 through
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="silu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: a sigmoid for each relu
# > no input pixel moves any output: is relu the activation of the first two?
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="sigmoid", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: relu everywhere
# > relu follows the last convolution too, so nothing below 0 reaches the sigmoid
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, activation="relu", bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: a bias of the wrong sign
# > black frames become white: the sign of the bias is wrong
def network(spacing):
    start, window = initializers.Constant(3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: windows as wide as five spacings
# > its windows are 10 by 10: keep 5 by 5 and pass dilation_rate
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same"}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5 * spacing, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5 * spacing, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: strides for spacing
# > strides make the picture smaller: dilation_rate is meant
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "strides": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: the spacing forgotten in the first two
# > it reaches 16 pixels to each side, expected 12: pass spacing to all three
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", padding="same", dilation_rate=3)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: no padding
# > its frames shrink at their edges: each convolution needs padding='same'
def network(spacing):
    start, window = initializers.Constant(-3), {"dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: time comes last
# > its time axis is the last one: turn the axes back at the end
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, activation="sigmoid", **window)(x)
    return keras.Model(frames, x)


# %% network: the spacing is a number of its own
# > it reaches 30 pixels to each side, expected 12: pass spacing to all three
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": 5}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(2):
        x = layers.Conv2D(16, 5, activation="relu", **window)(x)
    x = layers.Conv2D(10, 5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: each frame for itself
# > item 'weights': it is
def network(spacing):
    start, window = initializers.Constant(-3), {"padding": "same", "dilation_rate": spacing}
    frames = keras.Input((10, 64, 64))
    x = layers.Permute((2, 3, 1))(frames)
    for _ in range(3):
        x = layers.DepthwiseConv2D(5, bias_initializer=start, **window)(x)
    x = layers.Permute((3, 1, 2))(x)
    return keras.Model(frames, layers.Activation("sigmoid")(x))


# %% network: a tensor
# > it raised TypeError: return a keras.Model, not a KerasTensor
def network(spacing):
    frames = keras.Input((10, 64, 64))
    return layers.Permute((2, 3, 1))(frames)


# %% network: a name that Keras doesn't know
# > it raised ValueError in line 3 of your cell
def network(spacing):
    frames = keras.Input((10, 64, 64))
    x = layers.Conv2D(10, 5, dilation=spacing)(frames)
    return keras.Model(frames, x)


# %% field: no strides
# > it leaves out the strides
def receptive_field(layers):
    return 1 + sum((side - 1) * dilation for side, _, dilation in layers)


# %% field: no dilation
# > it leaves out the dilation
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride, _ in layers:
        field += (side - 1) * jump
        jump *= stride
    return field


# %% field: its own stride counts
# > a stride counts for the layers after it, not for its own
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride, dilation in layers:
        jump *= stride
        field += (side - 1) * dilation * jump
    return field


# %% field: from the end
# > your strides count for the layers before them: a stride counts for those after it
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride, dilation in reversed(layers):
        field += (side - 1) * dilation * jump
        jump *= stride
    return field


# %% field: multiplies what it has
# > from the input on, a stride multiplies the length of a step, not the pixels seen so far
def receptive_field(layers):
    field = 1
    for side, stride, dilation in layers:
        field = field * stride + (side - 1) * dilation
    return field


# %% field: whole windows
# > each layer adds one pixel less than its window has: they share one
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride, dilation in layers:
        field += side * dilation * jump
        jump *= stride
    return field


# %% field: a window that is too wide
# > its window is one pixel too wide: it ends with its last pixel
def receptive_field(layers):
    field, jump = 1, 1
    for side, stride, dilation in layers:
        field += (side * dilation - 1) * jump
        jump *= stride
    return field


# %% field: only the stride before
# > only the stride of the layer before counts there: multiply all of them
def receptive_field(layers):
    field, before = 1, 1
    for side, stride, dilation in layers:
        field += (side - 1) * dilation * before
        before = stride
    return field


# %% field: begins at nothing
# > that is one too few: without any layer, a pixel sees itself
def receptive_field(layers):
    field, jump = 0, 1
    for side, stride, dilation in layers:
        field += (side - 1) * dilation * jump
        jump *= stride
    return field


# %% field: one side
# > that is the reach to one side: count the whole row
def receptive_field(layers):
    field, jump = 0, 1
    for side, stride, dilation in layers:
        field += (side - 1) * dilation * jump
        jump *= stride
    return field // 2


# %% field: a float
# > it is of type float64: make it a whole number
def receptive_field(layers):
    jumps = np.cumprod([1.0, *[stride for _, stride, _ in layers]])
    return 1 + sum((k - 1) * d * jump for (k, _, d), jump in zip(layers, jumps))
