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
# > you have the two the wrong way round
errors = {"MAE": np.sum((predicted - true) ** 2) / 2, "MSE": np.sum(np.abs(predicted - true)) / 2}

# %% two-errors: the square of a sum
# > you squared a sum: square the error of each pixel
sums = np.abs(predicted - true).sum(axis=(1, 2))
errors = {"MSE": np.mean(sums**2), "MAE": np.mean(sums)}

# %% two-errors: one of the two
# > which is not right (its form: like {"MSE": 70.5, "MAE": 30.0})
errors = np.sum((predicted - true) ** 2) / 2


# %% follow: wraps round
# > it wraps round: what leaves the canvas is lost, and black comes in
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
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for r, c in places[1]:
        if 0 <= r + step[0] < film.shape[1] and 0 <= c + step[1] < film.shape[2]:
            film[:, r + step[0], c + step[1]] = seen[-1, r, c]
    return film


# %% follow: row and column swapped
# > row and column are swapped
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    right, down = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < film.shape[1] and 0 <= column < film.shape[2]:
                film[h, row, column] = seen[-1, r, c]
    return film


# %% follow: one step too few
# > its first frame is the last one that was seen: move first, then record
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + h * down, c + h * right
            if 0 <= row < film.shape[1] and 0 <= column < film.shape[2]:
                film[h, row, column] = seen[-1, r, c]
    return film


# %% follow: backwards
# > it moves backwards: the movement is the last place minus the one before
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(before - after).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < film.shape[1] and 0 <= column < film.shape[2]:
                film[h, row, column] = seen[-1, r, c]
    return film


# %% follow: negative indices
# > it wraps round: what leaves the canvas is lost, and black comes in
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            film[h, min(row, film.shape[1] - 1), min(column, film.shape[2] - 1)] = seen[-1, r, c]
    return film


# %% follow: holds still
# > it holds the last frame still
def follow(seen, n_out):
    return np.repeat(seen[-1:], n_out, axis=0)


# %% follow: takes the canvas to be square
# > it takes the canvas to be square: height and width may differ
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < len(seen[0]) and 0 <= column < len(seen[0]):
                film[h, row, column] = seen[-1, r, c]
    return film


# %% follow: slices that end at minus the movement
# > its slices fail for movements up or to the left
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]), dtype=np.uint8)
    for h, frame in enumerate(film, start=1):
        frame[h * down :, h * right :] = seen[-1, : -h * down, : -h * right]
    return film


# %% follow: floats
# > its dtype is float64: make it uint8
def follow(seen, n_out):
    places = [np.argwhere(f) for f in seen[-2:]]
    before, after = (np.average(p, axis=0, weights=f[f > 0]) for p, f in zip(places, seen[-2:]))
    down, right = np.rint(after - before).astype(int)
    film = np.zeros((n_out, *seen.shape[1:]))
    for h in range(n_out):
        for r, c in places[1]:
            row, column = r + (h + 1) * down, c + (h + 1) * right
            if 0 <= row < film.shape[1] and 0 <= column < film.shape[2]:
                film[h, row, column] = seen[-1, r, c] / 255
    return film


# %% follow: the library does it
# > it uses extrapolate: do without it here
def follow(seen, n_out):
    from mmnist_lib import extrapolate

    film = extrapolate(seen[None] / np.float32(255), n_out)[0]
    return np.rint(255 * film).astype(np.uint8)


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
# > it looks one frame ahead only: a leak can come from further away
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
# > it has 4 items, not 6
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


# %% best: the most frequent future
# > that is the most frequent future: it is not the safest bet
def best_film(futures, counts, score):
    return futures[np.argmax(counts)]


# %% best: every future once
# > it counts every future once: weigh them
def best_film(futures, counts, score):
    middle = {"mse": np.mean, "mae": np.median}[score]
    return np.rint(middle(futures, axis=0)).astype(np.uint8)


# %% best: overflow
# > it overflows: uint8 ends at 255, so compute with larger numbers
def best_film(futures, counts, score):
    total = sum(count * film for count, film in zip(counts, futures))
    return np.rint(total / sum(counts)).astype(np.uint8)


# %% best: drops the fraction
# > it drops the fraction: the nearest whole number is better
def best_film(futures, counts, score):
    return np.average(futures, axis=0, weights=counts).astype(np.uint8)


# %% best: a median for MSE
# > that film has the least MAE, not the least MSE
def best_film(futures, counts, score):
    return np.median(np.repeat(futures, counts, axis=0), axis=0).astype(np.uint8)


# %% best: a mean for MAE
# > that film has the least MSE, not the least MAE
def best_film(futures, counts, score):
    return np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)


# %% best: between two values
# > it lies between two values that occur: the best value is one of them
def best_film(futures, counts, score):
    if score == "mse":
        return np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)
    order = futures.argsort(axis=0, kind="stable")
    values = np.take_along_axis(futures, order, axis=0).reshape(len(futures), -1)
    share = np.cumsum(np.array(counts)[order], axis=0).reshape(len(futures), -1) / sum(counts)
    film = [np.interp(0.5, share[:, i], values[:, i]) for i in range(values.shape[1])]
    return np.rint(film).astype(np.uint8).reshape(futures.shape[1:])


# %% best: one of the two scores
# > it raised UnboundLocalError in line
def best_film(futures, counts, score):
    if score == "mse":
        best = np.rint(np.average(futures, axis=0, weights=counts)).astype(np.uint8)
    return best


# %% best: floats
# > its dtype is float64: make it uint8
def best_film(futures, counts, score):
    films = np.repeat(futures, counts, axis=0)
    return films.mean(axis=0) if score == "mse" else np.median(films, axis=0)


# %% best: all of them
# > 10, 64, 64), not (10, 64, 64)
def best_film(futures, counts, score):
    return np.repeat(futures, counts, axis=0)


# %% best: draws a future
# > it drew from the global random state: use the generator that it is given
def best_film(futures, counts, score):
    chance = np.array(counts) / sum(counts)
    return futures[np.random.choice(len(futures), p=chance)]
