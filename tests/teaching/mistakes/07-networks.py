# Typical mistakes in the exercises of chapter 7, and what the check says of each.

# %% scaling: a fixed amount
# > without logarithms the curve is not a straight line: it takes off no fixed amount
a, b = errors
n = round(sequences[1] + (sequences[1] - sequences[0]) * (b - goal) / (a - b))
prediction = {"MSE": 2 * b - a, "sequences": n}

# %% scaling: two steps
# > the sequences are right, the MSE is not: that is after a hundred times as many sequences
prediction = {"MSE": errors[1] ** 3 / errors[0] ** 2, "sequences": 100 * sequences[1]}

# %% scaling: a tenth
# > the MSE is not: ten times the sequences do not make a tenth of the error
prediction = {"MSE": errors[1] / 10, "sequences": 100 * sequences[1]}

# %% scaling: one step of sequences
# > the MSE is right, the sequences are not: that is one step of ten too few
prediction = {"MSE": errors[1] ** 2 / errors[0], "sequences": 10 * sequences[1]}

# %% scaling: one step too many
# > the MSE is right, the sequences are not: that is one step of ten too many
prediction = {"MSE": errors[1] ** 2 / errors[0], "sequences": 1000 * sequences[1]}

# %% scaling: the wrong way
# > the MSE is not: you went the wrong way: more training makes the error smaller
prediction = {"MSE": errors[0], "sequences": 100 * sequences[1]}

# %% scaling: one of the two
# > make it a dict
prediction = errors[1] ** 2 / errors[0]

# %% scaling: one of the two right
# > item 'sequences': it is 7, which is not right
prediction = {"MSE": errors[1] ** 2 / errors[0], "sequences": 7}


# %% leak: counts the frame itself
# > output t may know frame t itself: only later frames count
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        first[name] = -1
        for s in range(len(frames)):
            changed = frames.copy()
            changed[s] = 1 - changed[s]
            difference = np.abs(model(changed) - model(frames)).max(axis=(1, 2))
            for t in range(s + 1):
                if difference[t] > 1e-6 and (first[name] < 0 or t < first[name]):
                    first[name] = t
    return first


# %% leak: returns the changed frame
# > that is the frame which was changed: return the output that moved
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        first[name] = -1
        for s in reversed(range(1, len(frames))):
            changed = frames.copy()
            changed[s] = 1 - changed[s]
            if np.abs(model(changed) - model(frames))[:s].max() > 1e-6:
                first[name] = s
    return first


# %% leak: no tolerance
# > a difference in the last digits is rounding: allow 0.000001
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        leaks = []
        for s in range(1, len(frames)):
            changed = frames.copy()
            changed[s] = 1 - changed[s]
            leaks += [t for t in range(s) if (model(changed)[t] != model(frames)[t]).any()]
        first[name] = min(leaks, default=-1)
    return first


# %% leak: a large tolerance
# > its tolerance is too large: a leak can be faint
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        leaks = []
        for s in range(1, len(frames)):
            changed = frames.copy()
            changed[s] = 1 - changed[s]
            difference = np.abs(model(changed) - model(frames)).max(axis=(1, 2))
            leaks += [t for t in range(s) if difference[t] > 0.1]
        first[name] = min(leaks, default=-1)
    return first


# %% leak: a tolerance that is a little too large
# > item 'faint': it is -1, which is not right
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        leaks = []
        for s in range(1, len(frames)):
            changed = frames.copy()
            changed[s] = 1 - changed[s]
            difference = np.abs(model(changed) - model(frames)).max(axis=(1, 2))
            leaks += [t for t in range(s) if difference[t] > 0.01]
        first[name] = min(leaks, default=-1)
    return first


# %% leak: changes the last frame only
# > it changes the last frame only
def first_leaks(models, frames):
    changed, first = frames.copy(), {}
    changed[-1] = 1 - changed[-1]
    for name, model in models.items():
        leaks = np.abs(model(changed) - model(frames)).max(axis=(1, 2))[:-1] > 1e-6
        first[name] = int(leaks.argmax()) if leaks.any() else -1
    return first


# %% leak: as in the chapter
# > an output may know the frame that was changed: only earlier outputs count
def first_leaks(models, frames):
    changed, first = frames.copy(), {}
    changed[6] = 1 - changed[6]
    for name, model in models.items():
        moved = np.abs(model(changed) - model(frames)).max(axis=(1, 2)) > 1e-6
        first[name] = int(moved.argmax())
    return first


# %% leak: one frame ahead only
# > it looks only one frame ahead: a leak can come from further away
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        first[name] = -1
        for t in reversed(range(len(frames) - 1)):
            changed = frames.copy()
            changed[t + 1] = 1 - changed[t + 1]
            if np.abs(model(changed)[t] - model(frames)[t]).max() > 1e-6:
                first[name] = t
    return first


# %% leak: argmax of nothing
# > a model without a leak has the answer -1
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        leaks = np.zeros(len(frames), bool)
        for t in range(len(frames)):
            changed = frames.copy()
            changed[t + 1 :] = 1 - changed[t + 1 :]
            leaks[t] = np.abs(model(changed)[t] - model(frames)[t]).max() > 1e-6
        first[name] = int(leaks.argmax())
    return first


# %% leak: changes what it was given
# > it changed its argument number 2: work on a copy
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        leaks, usual = [], model(frames)
        for s in range(1, len(frames)):
            frames[s] = 0.5 * frames[s]
            leaks += [t for t in range(s) if np.abs(model(frames)[t] - usual[t]).max() > 1e-6]
        first[name] = min(leaks, default=-1)
    return first


# %% leak: a list
# > it is of type list: make it a dict
def first_leaks(models, frames):
    return [-1 for model in models.values()]


# %% leak: only those that leak
# > it has no '
def first_leaks(models, frames):
    first = {}
    for name, model in models.items():
        for t in range(len(frames)):
            changed = frames.copy()
            changed[t + 1 :] = 1 - changed[t + 1 :]
            if np.abs(model(changed)[t] - model(frames)[t]).max() > 1e-6:
                first[name] = t
                break
    return first


# %% roll: the first output
# > it keeps the first output, but the last one is new
def roll(model, seen, n, n_in=None):
    frames = seen
    for _ in range(n):
        frames = np.concatenate([frames, model(frames)[:1]])
    return frames[-n:]


# %% roll: the last frame alone
# > it passes the last frame alone: such a model may remember all frames
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        frames = np.concatenate([frames, model(frames[-(n_in or 1) :])])
    return frames[len(seen) :][:n]


# %% roll: a window that slides
# > it drops the oldest frames: such a model may remember all of them
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[-(n_in or len(seen)) :])
        frames = np.concatenate([frames, new if n_in else new[-1:]])
    return frames[len(seen) :][:n]


# %% roll: one call
# > its shape is (8, 64, 64), not (10, 64, 64)
def roll(model, seen, n, n_in=None):
    return model(seen)[-n:]


# %% roll: all outputs are new
# > it treats all outputs as new: only the last one is
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        frames = np.concatenate([frames, model(frames)])
    return frames[len(seen) :][:n]


# %% roll: all frames for both kinds
# > it raised ValueError in line 4 of your cell: leap reads 4 frames, not 8
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        frames = np.concatenate([frames, model(frames)[-1:]])
    return frames[len(seen) :]


# %% roll: the first frames each time
# > it passes the first frames each time: pass the last ones
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[:n_in]) if n_in else model(frames)[-1:]
        frames = np.concatenate([frames, new])
    return frames[len(seen) :][:n]


# %% roll: one new frame at a time
# > it uses only the first of the new frames: use all of them
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[-n_in:])[:1] if n_in else model(frames)[-1:]
        frames = np.concatenate([frames, new])
    return frames[len(seen) :][:n]


# %% roll: the last new frame
# > it uses only the last of the new frames: use all of them
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        frames = np.concatenate([frames, model(frames[-n_in:] if n_in else frames)[-1:]])
    return frames[len(seen) :][:n]


# %% roll: more than n
# > it returns all that was predicted: drop what goes beyond n
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[-n_in:]) if n_in else model(frames)[-1:]
        frames = np.concatenate([frames, new])
    return frames[len(seen) :]


# %% roll: the end of what was made
# > its first frame is the last
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[-n_in:]) if n_in else model(frames)[-1:]
        frames = np.concatenate([frames, new])
    return frames[len(seen) - 1 :][:n]


# %% roll: what was seen as well
# > it returns the frames that were seen as well
def roll(model, seen, n, n_in=None):
    frames = seen
    while len(frames) < len(seen) + n:
        new = model(frames[-n_in:]) if n_in else model(frames)[-1:]
        frames = np.concatenate([frames, new])
    return frames[: len(seen) + n]


# %% best: the most frequent future
# > that is the most frequent future: it is not the safest bet
def best_answer(futures, counts, score):
    return futures[np.argmax(counts)]


# %% best: every future once
# > it counts every future once: weight them by counts
def best_answer(futures, counts, score):
    middle = {"mse": np.mean, "mae": np.median}[score]
    return np.rint(middle(futures, axis=0)).astype(np.uint8)


# %% best: overflow
# > it overflows: uint8 ends at 255, so compute with larger numbers
def best_answer(futures, counts, score):
    total = sum(count * future for count, future in zip(counts, futures))
    return np.rint(total / sum(counts)).astype(np.uint8)


# %% best: drops the fraction
# > it drops the fraction: the nearest whole number is better
def best_answer(futures, counts, score):
    return np.average(futures, axis=0, weights=counts).astype(np.uint8)


# %% best: a median for MSE
# > that answer has the smallest MAE, not the smallest MSE
def best_answer(futures, counts, score):
    return np.median(np.repeat(futures, counts, axis=0), axis=0).astype(np.uint8)


# %% best: a mean for MAE
# > that answer has the smallest MSE, not the smallest MAE
def best_answer(futures, counts, score):
    return np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)


# %% best: between two values
# > it lies between two values that occur: the best value is one of them
def best_answer(futures, counts, score):
    if score == "mse":
        return np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)
    order = futures.argsort(axis=0, kind="stable")
    values = np.take_along_axis(futures, order, axis=0).reshape(len(futures), -1)
    share = np.cumsum(np.array(counts)[order], axis=0).reshape(len(futures), -1) / sum(counts)
    middle = [np.interp(0.5, share[:, i], values[:, i]) for i in range(values.shape[1])]
    return np.rint(middle).astype(np.uint8).reshape(futures.shape[1:])


# %% best: one of the two scores
# > it raised UnboundLocalError in line
def best_answer(futures, counts, score):
    if score == "mse":
        best = np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)
    return best


# %% best: floats
# > its dtype is float64: make it uint8
def best_answer(futures, counts, score):
    observed = np.repeat(futures, counts, axis=0)
    return observed.mean(axis=0) if score == "mse" else np.median(observed, axis=0)


# %% best: all of them
# > 10, 64, 64), not (10, 64, 64)
def best_answer(futures, counts, score):
    return np.repeat(futures, counts, axis=0)


# %% best: draws a future
# > it drew from the global random state: use the generator that it is given
def best_answer(futures, counts, score):
    chance = np.array(counts) / sum(counts)
    return futures[np.random.choice(len(futures), p=chance)]
