# Typical mistakes in the exercises of chapter 8, and what the check says of each.

# %% by-hand: maximum
# > that is the brightest value of each pixel: keep the darkest
left_over = {
    name: np.max([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": A, "B": B}.items()
}

# %% by-hand: a sum
# > you added the values of each pixel: keep the darkest
left_over = {
    name: np.sum([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": A, "B": B}.items()
}

# %% by-hand: counts from 1
# > pixels are numbered from 0
left_over = {
    name: np.min([row[start - 1 : start + 2] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": A, "B": B}.items()
}

# %% by-hand: the wrong axis
# > that is the darkest value in each frame: keep one number for each pixel of the window
left_over = {
    name: [min(row[start : start + 3]) for row, start in zip(rows, track)]
    for name, track in {"A": A, "B": B}.items()
}

# %% by-hand: a window that stands still
# > your window stands still: it should follow the track
left_over = {
    "A": rows[:, A[0] : A[0] + 3].min(axis=0).tolist(),
    "B": rows[:, B[0] : B[0] + 3].min(axis=0).tolist(),
}

# %% by-hand: one frame
# > that is the first frame alone
left_over = {"A": rows[0, A[0] : A[0] + 3], "B": rows[0, B[0] : B[0] + 3]}

# %% by-hand: swapped
# > you have the two tracks the wrong way around
left_over = {
    name: np.min([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": B, "B": A}.items()
}

# %% by-hand: one of the two
# > it is of type ndarray: make it a dict
left_over = np.min([row[start : start + 3] for row, start in zip(rows, A)], axis=0)

# %% by-hand: small letters
# > it has no 'A'
left_over = {
    name: np.min([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"a": A, "b": B}.items()
}

# %% by-hand: only A right
# > A is right, B is not: that is the brightest value of each pixel: keep the darkest
left_over = {
    "A": np.min([row[start : start + 3] for row, start in zip(rows, A)], axis=0),
    "B": np.max([row[start : start + 3] for row, start in zip(rows, B)], axis=0),
}

# %% by-hand: only B right
# > B is right, A is not: pixels are numbered from 0
left_over = {
    "A": np.min([row[start - 1 : start + 2] for row, start in zip(rows, A)], axis=0),
    "B": np.min([row[start : start + 3] for row, start in zip(rows, B)], axis=0),
}

# %% by-hand: A twice
# > A is right, B is not: it is that of A again
left_over = dict.fromkeys(
    "AB", np.min([row[start : start + 3] for row, start in zip(rows, A)], axis=0)
)

# %% by-hand: a slip of the pen in A
# > item 'A': it is
left_over = {
    name: np.min([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": A, "B": B}.items()
}
left_over["A"][1] += 1

# %% by-hand: a slip of the pen in B
# > item 'B': it is
left_over = {
    name: np.min([row[start : start + 3] for row, start in zip(rows, track)], axis=0)
    for name, track in {"A": A, "B": B}.items()
}
left_over["B"][1] += 1


# %% which: maximum
# > it keeps the brightest value of each pixel: keep the darkest
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.max(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: mean
# > it takes the mean over time: what is bright in one frame alone must go
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.mean(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: mean as bytes
# > it takes the mean over time, without its fraction: take the minimum
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.mean(cut, axis=1).astype(np.uint8)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: row and column swapped
# > row and column are swapped: the row comes first
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (c, r) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: the least
# > that is the track along which the least is left
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmin()
    return which, left[which]


# %% which: one frame
# > it looks at the first frame only
def best_track(frames, tracks):
    left = [frames[0, r : r + 28, c : c + 28] for r, c in tracks[:, 0]]
    which = np.argmax([x.sum() for x in left])
    return which, left[which]


# %% which: a window that stands still
# > its window stands still: it should follow the track
def best_track(frames, tracks):
    left = [frames[:, r : r + 28, c : c + 28].min(axis=0) for r, c in tracks[:, 0]]
    which = np.argmax([x.sum() for x in left])
    return which, left[which]


# %% which: one frame late
# > it cuts each frame at the place of the next one
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track[1:])] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: the window of the first frame
# > that is what the first frame shows along the right track: take the minimum over all frames
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    which = int(np.min(cut, axis=1).sum(axis=(1, 2)).argmax())
    return which, cut[which][0]


# %% which: counts from 1
# > tracks are numbered from 0
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which + 1, left[which]


# %% which: counts pixels
# > it counts pixels: add their values
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = (left > 0).sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: sums in bytes
# > its sums wrap around: one byte holds 255 at most
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2), dtype=np.uint8).argmax()
    return which, left[which]


# %% which: sums in two bytes
# > its sums wrap around: two bytes hold 65,535 at most
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2), dtype=np.uint16).argmax()
    return which, left[which]


# %% which: eight tracks of ten frames
# > it raised IndexError in line
def best_track(frames, tracks):
    left = np.full((8, 28, 28), 255, np.uint8)
    for k in range(8):
        for t in range(10):
            r, c = tracks[k, t]
            left[k] = np.minimum(left[k], frames[t, r : r + 28, c : c + 28])
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: paints into the frames
# > it changed its argument number 1: work on a copy
def best_track(frames, tracks):
    left = []
    for track in tracks:
        row, column = track[0]
        kept = frames[0, row : row + 28, column : column + 28]
        for frame, (r, c) in zip(frames, track):
            np.minimum(kept, frame[r : r + 28, c : c + 28], out=kept)
        left.append(kept)
    which = int(np.argmax([x.sum() for x in left]))
    return which, left[which]


# %% which: the track alone
# > it is of type int: make it a tuple
def best_track(frames, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    return int(np.min(cut, axis=1).sum(axis=(1, 2)).argmax())


# %% which: a window that is one pixel short
# > item 1: its shape is (27, 27), not (28, 28)
def best_track(frames, tracks):
    cut = [[f[r : r + 27, c : c + 27] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: floats
# > item 1: its dtype is float64: make it uint8
def best_track(frames, tracks):
    left = np.full((len(tracks), 28, 28), np.inf)
    for kept, track in zip(left, tracks):
        for f, (r, c) in zip(frames, track):
            np.minimum(kept, f[r : r + 28, c : c + 28], out=kept)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% which: the library does it
# > it uses carve: do without it here
def best_track(frames, tracks):
    from mmnist_lib import carve

    left = carve(frames, tracks)
    which = left.sum(axis=(1, 2)).argmax()
    return which, left[which]


# %% other: the second best
# > it takes the second best track of core 1, which is the first digit again
def find_other(frames, sprite, first, tracks):
    cut = [[f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)] for track in tracks]
    left = np.min(cut, axis=1)
    which = int(np.argsort(left.sum(axis=(1, 2)))[-2])
    both = composite(
        np.stack([sprite, left[which]]), np.stack([first, tracks[which]]), frames.shape[-1]
    )
    return which, int(np.abs(frames.astype(int) - both).sum())


# %% other: forgets the first
# > it forgets the first digit: draw both
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        one = composite(np.min(cut, axis=0)[None], track[None], frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - one).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: carves from the rest
# > it carves from what the first digit leaves: where digits cross, the other one then has holes
def find_other(frames, sprite, first, tracks):
    size, residuals = frames.shape[-1], []
    known = composite(sprite[None], first[None], size)
    rest = np.where(frames > known, frames, 0)
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(rest, track)]
        both = composite(np.stack([sprite, np.min(cut, axis=0)]), np.stack([first, track]), size)
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: adds
# > it adds the two digits: merge them by maximum
def find_other(frames, sprite, first, tracks):
    size, residuals = frames.shape[-1], []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        one = composite(sprite[None], first[None], size)
        two = composite(np.min(cut, axis=0)[None], track[None], size)
        residuals.append(int(np.abs(frames.astype(int) - (one + two)).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: row and column swapped
# > row and column are swapped in what it cuts: the row comes first
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (c, r) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: subtracts bytes
# > it wraps around: uint8 has no negative numbers
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(frames - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: subtracts bytes the other way round
# > it wraps around: convert the frames to larger integers before you subtract
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(both - frames).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: errors that cancel
# > errors of both signs cancel: take absolute differences
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int((frames.astype(int) - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: one sign only
# > it counts only where the frames are brighter: too bright is wrong as well
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.where(frames > both, frames - both, 0).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: what exceeds, and not by how much
# > it adds up the frames and not the differences
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.where(frames > both, frames, 0).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: counts pixels
# > it counts the pixels that differ: add up by how much
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int((frames != both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: a mean
# > it takes a mean: add up all pixels of all frames
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(np.abs(frames.astype(int) - both).mean())
    return int(np.argmin(residuals)), min(residuals)


# %% other: squares
# > it adds up squares: take absolute differences
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(((frames.astype(int) - both) ** 2).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: the largest
# > that is the track with the largest residual
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return int(np.argmax(residuals)), max(residuals)


# %% other: a canvas of 64
# > it raised ValueError in line
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        both = composite(np.stack([sprite, np.min(cut, axis=0)]), np.stack([first, track]))
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: the library carves
# > it uses carve: do without it here
def find_other(frames, sprite, first, tracks):
    from mmnist_lib import carve

    residuals = []
    for track in tracks:
        pair = np.stack([sprite, carve(frames, track)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% other: all residuals
# > which is not right (its form: like (3, 12345))
def find_other(frames, sprite, first, tracks):
    residuals = []
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        pair = np.stack([sprite, np.min(cut, axis=0)])
        both = composite(pair, np.stack([first, track]), frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - both).sum()))
    return residuals


# %% other: paints the first digit out of the frames
# > it changed its argument number 1: work on a copy
def find_other(frames, sprite, first, tracks):
    known, residuals = composite(sprite[None], first[None], frames.shape[-1]), []
    frames[frames <= known] = 0
    for track in tracks:
        cut = [f[r : r + 28, c : c + 28] for f, (r, c) in zip(frames, track)]
        other = composite(np.min(cut, axis=0)[None], track[None], frames.shape[-1])
        residuals.append(int(np.abs(frames.astype(int) - other).sum()))
    return int(np.argmin(residuals)), min(residuals)


# %% ahead: both ends alone
# > it looks only at the first and the last frame: the frames between them say more
def possible_pixels(seen, ahead):
    n, ranges = len(seen), []
    for t in range(n, n + ahead):
        fits = []
        for p in range(seen[-1] - 3 * ahead, seen[-1] + 3 * ahead):
            known = [(0, seen[0]), (n - 1, seen[-1]), (t, p)]
            pairs = [(u - s, y - x) for s, x in known for u, y in known if s < u]
            if max((d - 1) / g for g, d in pairs) < min((d + 1) / g for g, d in pairs):
                fits.append(p)
        ranges.append([min(fits), max(fits)])
    return np.array(ranges)


# %% ahead: place and velocity each for itself
# > it lets place and velocity vary on their own: together they must show all pixels
def possible_pixels(seen, ahead):
    n = len(seen)
    pairs = [(u - t, seen[u] - seen[t]) for t in range(n) for u in range(t + 1, n)]
    low, high = max((d - 1) / g for g, d in pairs), min((d + 1) / g for g, d in pairs)
    h = np.arange(1, ahead + 1)
    first, end = np.floor(seen[-1] + h * low), np.ceil(seen[-1] + 1 + h * high)
    return np.stack([first, end - 1], axis=1).astype(int)


# %% ahead: the last fraction forgotten
# > it forgets that the fraction of the last frame is not known either
def possible_pixels(seen, ahead):
    n = len(seen)
    pairs = [(u - t, seen[u] - seen[t]) for t in range(n) for u in range(t + 1, n)]
    low, high = max((d - 1) / g for g, d in pairs), min((d + 1) / g for g, d in pairs)
    h = np.arange(1, ahead + 1)[:, None]
    return np.floor(seen[-1] + h * [low, high]).astype(int)


# %% ahead: one line
# > it follows one motion: many show the same pixels
def possible_pixels(seen, ahead):
    n = len(seen)
    b, a = np.polyfit(range(n), np.array(seen) + 0.5, 1)
    pixels = np.floor(a + b * np.arange(n, n + ahead)).astype(int)
    return np.stack([pixels, pixels], axis=1)


# %% ahead: the steps repeated
# > it repeats the smallest and the largest step: steps differ because fractions are dropped
def possible_pixels(seen, ahead):
    steps, h = np.diff(seen), np.arange(1, ahead + 1)
    return np.stack([seen[-1] + h * steps.min(), seen[-1] + h * steps.max()], axis=1)


# %% ahead: rounded
# > it takes the pixels for rounded numbers: the fraction was dropped
def possible_pixels(seen, ahead):
    n, t = len(seen), np.arange(len(seen))[:, None]
    ranges = [[10**9, -(10**9)] for _ in range(ahead)]
    for s in range(n):
        for u in range(s + 1, n):
            for x in (seen[s] - 0.5, seen[s] + 0.5):
                for y in (seen[u] - 0.5, seen[u] + 0.5):
                    b = (y - x) / (u - s)
                    places = x + b * (t - s)
                    if (np.abs(places[:, 0] - seen) <= 0.5 + 1e-9).all():
                        for h in range(ahead):
                            place = x + b * (n + h - s)
                            ranges[h][0] = min(ranges[h][0], np.floor(place + 1e-9))
                            ranges[h][1] = max(ranges[h][1], np.ceil(place - 1e-9) - 1)
    return np.array(ranges).astype(int)


# %% ahead: starts with the last frame
# > its first frame is the last one that was seen
def possible_pixels(seen, ahead):
    n, ranges = len(seen), []
    for t in range(n - 1, n - 1 + ahead):
        fits = []
        for p in range(seen[-1] - 3 * ahead, seen[-1] + 3 * ahead):
            known = [*enumerate(seen), (t, p)]
            pairs = [(u - s, y - x) for s, x in known for u, y in known if s < u]
            fit = max((d - 1) / g for g, d in pairs) < min((d + 1) / g for g, d in pairs)
            if fit and (t >= n or p == seen[t]):
                fits.append(p)
        ranges.append([min(fits), max(fits)])
    return np.array(ranges)


# %% ahead: the largest first
# > the smallest pixel comes first
def possible_pixels(seen, ahead):
    n, ranges = len(seen), []
    for t in range(n, n + ahead):
        fits = []
        for p in range(seen[-1] - 3 * ahead, seen[-1] + 3 * ahead):
            known = [*enumerate(seen), (t, p)]
            pairs = [(u - s, y - x) for s, x in known for u, y in known if s < u]
            if max((d - 1) / g for g, d in pairs) < min((d + 1) / g for g, d in pairs):
                fits.append(p)
        ranges.append([max(fits), min(fits)])
    return np.array(ranges)


# %% ahead: the end counts
# > a digit exactly at x + 1 shows x + 1: that end does not count
def possible_pixels(seen, ahead):
    n, ranges = len(seen), []
    for t in range(n, n + ahead):
        places = []
        for s in range(n):
            for u in range(s + 1, n):
                for x in (seen[s], seen[s] + 1):
                    for y in (seen[u], seen[u] + 1):
                        b = (y - x) / (u - s)
                        way = x + b * (np.arange(n) - s) - seen
                        if way.min() >= -1e-9 and way.max() <= 1 + 1e-9:
                            places.append(round(x + b * (t - s), 9))
        ranges.append([int(np.floor(min(places))), int(np.floor(max(places)))])
    return np.array(ranges)


# %% ahead: a coarse grid
# > possible_pixels(longer, 20): it is 0 everywhere
def possible_pixels(seen, ahead):
    n, found = len(seen), []
    for b in np.linspace(-2, 2, 161):
        for a in np.linspace(seen[0], seen[0] + 1, 17):
            pixels = np.floor(a + b * np.arange(n + ahead)).astype(int)
            if (pixels[:n] == seen).all():
                found.append(pixels[n:])
    found = found or [np.zeros(ahead, int)]
    return np.stack([np.min(found, axis=0), np.max(found, axis=0)], axis=1)


# %% ahead: a fine grid
# > its value at [
def possible_pixels(seen, ahead):
    b, a = np.linspace(-2, 2, 2001), np.linspace(seen[0], seen[0] + 1, 400, endpoint=False)
    fits = np.ones((400, 2001), bool)
    for t, x in enumerate(seen):
        fits &= np.floor(a[:, None] + b * t) == x
    i, j = fits.nonzero()
    if not len(i):
        return np.zeros((ahead, 2), int)
    coming = np.arange(len(seen), len(seen) + ahead)
    pixels = np.floor(a[i, None] + b[j, None] * coming).astype(int)
    return np.stack([pixels.min(axis=0), pixels.max(axis=0)], axis=1)


# %% ahead: a list
# > it is of type list: make it a NumPy array
def possible_pixels(seen, ahead):
    return [[seen[-1], seen[-1]] for _ in range(ahead)]


# %% ahead: a row for each end
# > its shape is (2, 10), not (10, 2): are its axes in the right order?
def possible_pixels(seen, ahead):
    steps, h = np.diff(seen), np.arange(1, ahead + 1)
    return np.stack([seen[-1] + h * steps.min(), seen[-1] + h * steps.max()])
