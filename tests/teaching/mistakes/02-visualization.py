# Typical mistakes in the exercises of chapter 2, and what the check says of each.

# %% strips: two exposures taken for each other
# > A and B are swapped: look again at where these two exposures are bright
letters = "CACB"

# %% strips: two others
# > B and C are swapped: look again at where these two exposures are bright
letters = "BCBA"

# %% strips: from the last strip to the first
# > your letters are in reverse: begin with strip 1, not with strip 4
letters = "ACBC"

# %% strips: small letters
# > write the letters as capitals
letters = "cbca"

# %% strips: a list
# > write the letters as one piece of text, as in "ABCA"
letters = ["C", "B", "C", "A"]

# %% strips: one letter for each exposure
# > it is 'ABC', which is not right (its form: text like "ABCA")
letters = "ABC"


# %% sheet: down the columns
# > it fills the sheet column by column: fill it row by row
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images):
        column, row = divmod(number, rows)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: a frame around it
# > there is a gap around the whole sheet: leave gaps only between images
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) + gap, columns * (w + gap) + gap), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = gap + row * (h + gap), gap + column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: a gap at the end
# > there is a gap after the last row and the last column: leave gaps only between images
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap), columns * (w + gap)), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: no gap
# > there is no gap between its images: leave gap black pixels
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, h, w), np.uint8)
    sheet[:n] = images
    return sheet.reshape(rows, columns, h, w).swapaxes(1, 2).reshape(rows * h, columns * w)


# %% sheet: always a gap of 1
# > its gap is always 1 pixel: use the argument gap
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + 1) - 1, columns * (w + 1) - 1), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + 1), column * (w + 1)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: full rows alone
# > the last row is missing: it counts, even though it is not full
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = n // columns
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images[: rows * columns]):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: a row too few, but all images
# > could not broadcast input array from shape (26,22) into shape (0,22): is there room for it?
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = n // columns
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: one row too many where the last is full
# > its last row holds no image: count the rows again
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = n // columns + 1
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: white gaps
# > the gaps are white: make them black
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap), 255, np.uint8)
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = images[number] if number < n else 0
    return sheet


# %% sheet: white paper
# > it is white where there is no image: make it black
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (h + gap) - gap, columns * (w + gap) - gap), 255, np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: as wide as the images that there are
# > it is only as wide as the images that there are: a row always has room for columns images
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: floats
# > its dtype is float64: make it uint8
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap))
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


# %% sheet: a list of rows
# > it is of type list: make it a NumPy array
def contact_sheet(images, columns, gap=1):
    return [np.hstack(images[start : start + columns]) for start in range(0, len(images), columns)]


# %% sheet: a new name for each tile
# > it is 0 everywhere, as if never filled: part = … only names an array, part[:] = … fills it
def contact_sheet(images, columns, gap=1):
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (h + gap) - gap, columns * (w + gap) - gap), np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        top, left = row * (h + gap), column * (w + gap)
        tile = sheet[top : top + h, left : left + w]
        tile = image
    return sheet


# %% trail: draws and returns nothing
# > it returns nothing: whatever it draws or prints, end it with return
def trail(frames):
    n = len(frames)
    dimmed = [np.round(frame * ((t + 1) / n)) for t, frame in enumerate(frames)]
    show_digits(np.max(dimmed, axis=0).astype(np.uint8))


# %% trail: multiplies bytes
# > bytes wrap around when they are multiplied: convert to a wider dtype first
def trail(frames):
    n = len(frames)
    dimmed = [np.round(frame * np.uint8(t + 1) / n) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% trail: multiplies bytes and drops the fraction
# > bytes wrap around when they are multiplied, and the fraction is dropped: divide by n_frames
def trail(frames):
    dimmed = [frame * (t + 1) / len(frames) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% trail: multiplies bytes and divides whole numbers
# > bytes wrap around when they are multiplied, and the fraction is dropped: divide by n_frames
def trail(frames):
    dimmed = [frame * np.uint8(t + 1) // len(frames) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% trail: the other way round
# > earlier frames are brighter than later ones: only the last one should keep all its ink
def trail(frames):
    n = len(frames)
    dimmed = [np.round(frame * ((n - t) / n)) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% trail: t for t + 1
# > frame t should keep the share (t + 1) / n_frames, but yours keeps t / n_frames
def trail(frames):
    dimmed = [np.round(frame * (t / len(frames))) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% trail: from 0 to 1
# > frame 0 is black: it should keep the share 1 / n_frames
def trail(frames):
    shares = np.linspace(0, 1, len(frames))
    return np.round(frames * shares[:, None, None]).max(axis=0).astype(np.uint8)


# %% trail: truncates
# > it drops the fraction: round to the nearest whole number
def trail(frames):
    shares = np.arange(1, len(frames) + 1) / len(frames)
    return (frames * shares[:, None, None]).max(axis=0).astype(np.uint8)


# %% trail: a sum
# > it adds the frames up: keep the brightest moment of each pixel
def trail(frames):
    dimmed = [np.round(frame * ((t + 1) / len(frames))) for t, frame in enumerate(frames)]
    return np.sum(dimmed, axis=0).clip(0, 255).astype(np.uint8)


# %% trail: a mean of floats
# > it takes the mean over time: keep the brightest moment of each pixel
def trail(frames):
    shares = np.arange(1, len(frames) + 1) / len(frames)
    return np.round((frames * shares[:, None, None]).mean(axis=0)).astype(np.uint8)


# %% trail: a mean of rounded pixels
# > it averages the frames: keep the brightest moment of each pixel
def trail(frames):
    dimmed = [np.round(frame * ((t + 1) / len(frames))) for t, frame in enumerate(frames)]
    return np.mean(dimmed, axis=0).astype(np.uint8)


# %% trail: the newest ink on top
# > later frames hide earlier ones: keep the brightest moment of each pixel
def trail(frames):
    picture = np.zeros(frames.shape[1:], np.uint8)
    for t, frame in enumerate(frames):
        dimmed = np.round(frame * ((t + 1) / len(frames)))
        picture[frame > 0] = dimmed[frame > 0]
    return picture


# %% trail: a long exposure
# > nothing fades: dim each frame before you lay them over each other
def trail(frames):
    return long_exposure(frames)


# %% trail: floats
# > its dtype is float64: make it uint8
def trail(frames):
    shares = np.arange(1, len(frames) + 1) / len(frames)
    return np.round(frames * shares[:, None, None]).max(axis=0)


# %% trail: all the frames
# > its shape is (9, 64, 64), not (64, 64)
def trail(frames):
    shares = np.arange(1, len(frames) + 1) / len(frames)
    return np.round(frames * shares[:, None, None]).astype(np.uint8)


# %% trail: dims what it was given
# > it changed its argument number 1: work on a copy
def trail(frames):
    for t in range(len(frames)):
        frames[t] = np.round(frames[t] * ((t + 1) / len(frames)))
    return frames.max(axis=0)


# %% trail: nine frames, whatever the sequence
# > trail(frames[:5]): its value at
def trail(frames):
    dimmed = [np.round(frame * ((t + 1) / 9)).clip(0, 255) for t, frame in enumerate(frames)]
    return np.max(dimmed, axis=0).astype(np.uint8)


# %% centres: column before row
# > row and column are swapped: the row comes first
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames.astype(float)):
        path[t] = path[t - 1]
        if frame.any():
            rows, columns = np.indices(frame.shape)
            path[t] = (columns * frame).sum() / frame.sum(), (rows * frame).sum() / frame.sum()
    return path


# %% centres: all ink alike
# > every pixel with ink counts the same: weight each pixel by its ink
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames):
        path[t] = np.argwhere(frame).mean(axis=0) if frame.any() else path[t - 1]
    return path


# %% centres: the middle of the box
# > that is the middle of the box around the ink: weight each pixel by its ink
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames):
        path[t] = path[t - 1]
        if frame.any():
            rows, columns = np.nonzero(frame)
            path[t] = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
    return path


# %% centres: bytes
# > bytes wrap around when they are multiplied or added: convert to a wider dtype first
def centers(frames):
    n_frames, height, width = frames.shape
    path = np.zeros((n_frames, 2))
    for t in range(n_frames):
        mass = down = right = np.uint8(0)
        for row in range(height):
            for column in range(width):
                pixel = frames[t, row, column]
                mass, down, right = mass + pixel, down + row * pixel, right + column * pixel
        path[t] = (float(down) / mass, float(right) / mass) if frames[t].any() else path[t - 1]
    return path


# %% centres: bytes, but not in the sum of the ink
# > bytes wrap around in the sum of row × pixel: convert to a wider dtype first
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames):
        down, right = 0, 0
        for row, column in np.argwhere(frame).tolist():
            down = down + row * frame[row, column]
            right = right + column * frame[row, column]
        path[t] = (down / frame.sum(), right / frame.sum()) if frame.any() else path[t - 1]
    return path


# %% centres: products of bytes
# > bytes wrap around in row × pixel: convert to a wider dtype first
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames):
        rows, columns = np.indices(frame.shape).astype(np.uint8)
        sums = np.array([(rows * frame).sum(), (columns * frame).sum()])
        path[t] = sums / frame.sum() if frame.any() else path[t - 1]
    return path


# %% centres: column before row, and the corner for an empty frame
# > frame 0: your digit is at row 41.4059, column 29.0299; expected row 29.0299, column 41.4059
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames.astype(float)):
        if frame.any():
            rows, columns = np.indices(frame.shape)
            path[t] = (columns * frame).sum() / frame.sum(), (rows * frame).sum() / frame.sum()
    return path


# %% centres: counts from 1
# > you count rows and columns from 1: count from 0
def centers(frames):
    path = np.zeros((len(frames), 2))
    for t, frame in enumerate(frames.astype(float)):
        path[t] = path[t - 1]
        if frame.any():
            rows, columns = np.indices(frame.shape) + 1
            path[t] = (rows * frame).sum() / frame.sum(), (columns * frame).sum() / frame.sum()
    return path


# %% centres: divides by 0
# > the position there is nan: 0 / 0 gives nan, as when a frame holds no ink
def centers(frames):
    frames = frames.astype(float)
    rows, columns = np.indices(frames.shape[1:])
    mass = frames.sum(axis=(1, 2))
    down, right = (rows * frames).sum(axis=(1, 2)), (columns * frames).sum(axis=(1, 2))
    return np.stack([down / mass, right / mass], axis=-1)


# %% centres: the corner for an empty frame
# > for an empty frame it returns row 0, column 0: repeat the center of the frame before
def centers(frames):
    frames = frames.astype(float)
    rows, columns = np.indices(frames.shape[1:])
    mass = np.maximum(frames.sum(axis=(1, 2)), 1)
    down, right = (rows * frames).sum(axis=(1, 2)), (columns * frames).sum(axis=(1, 2))
    return np.stack([down / mass, right / mass], axis=-1)


# %% centres: an empty frame left out
# > it leaves out the empty frames: repeat the center of the frame before
def centers(frames):
    lit = [frame.astype(float) for frame in frames if frame.any()]
    rows, columns = np.indices(frames.shape[1:])
    return np.array(
        [[(rows * x).sum() / x.sum(), (columns * x).sum() / x.sum()] for x in lit],
    )


# %% centres: whole pixels
# > its dtype is int64: make it a float, such as float64
def centers(frames):
    path = np.zeros((len(frames), 2), dtype=int)
    for t, frame in enumerate(frames):
        weights = frame[frame > 0]
        places = np.argwhere(frame)
        path[t] = np.average(places, axis=0, weights=weights) if frame.any() else path[t - 1]
    return path


# %% centres: a list
# > it is of type list: make it a NumPy array
def centers(frames):
    path = []
    for frame in frames.astype(float):
        if frame.any():
            rows, columns = np.indices(frame.shape)
            centre = [(rows * frame).sum() / frame.sum(), (columns * frame).sum() / frame.sum()]
        path.append(centre)
    return path


# %% centres: a canvas of 64 pixels
# > centers: it raised ValueError in line 5 of your cell
def centers(frames):
    path = np.zeros((len(frames), 2))
    places = np.arange(64)
    for t, ink in enumerate(frames.astype(float)):
        row, column = (places * ink.sum(axis=1)).sum(), (places * ink.sum(axis=0)).sum()
        path[t] = (row / ink.sum(), column / ink.sum()) if ink.any() else path[t - 1]
    return path
