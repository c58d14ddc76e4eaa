# Typical mistakes in the exercises of chapter 1, and what the check says of each.

# %% bytes: bits
# > those are bits: a byte has 8
bytes_and_place = {
    "uint8": 8 * n * height * width,
    "float32": 32 * n * height * width,
    "number": (image * height + row) * width + column,
}

# %% bytes: a uint8 right, a float32 in bits
# > float32 is counted in bits: a byte has 8
bytes_and_place = {
    "uint8": n * height * width,
    "float32": 32 * n * height * width,
    "number": (image * height + row) * width + column,
}

# %% bytes: one image
# > those are the bytes of one image: count all of them
bytes_and_place = {
    "uint8": height * width,
    "float32": 4 * height * width,
    "number": (image * height + row) * width + column,
}

# %% bytes: counted from 1
# > the first pixel has the number 0
bytes_and_place = {
    "uint8": n * height * width,
    "float32": 4 * n * height * width,
    "number": (image * height + row) * width + column + 1,
}

# %% bytes: within the image
# > that is the number within its image: count the images before it too
bytes_and_place = {
    "uint8": n * height * width,
    "float32": 4 * n * height * width,
    "number": row * width + column,
}

# %% bytes: down the columns
# > you went down the columns: an image is stored row by row
bytes_and_place = {
    "uint8": n * height * width,
    "float32": 4 * n * height * width,
    "number": (image * width + column) * height + row,
}

# %% bytes: a question left out
# > it has no 'number'
bytes_and_place = {"uint8": n * height * width, "float32": 4 * n * height * width}

# %% bytes: a number that nobody would expect
# > item 'number': it is 7, which is not right
bytes_and_place = {"uint8": n * height * width, "float32": 4 * n * height * width, "number": 7}


# %% light: adds in bytes
# > bright pixels start again at 0: add in a wider dtype, and come back to uint8 last
def brighten(images, amount):
    lit = images + np.uint8(amount)
    lit[lit > 255] = 255
    return lit


# %% light: a limit after the turn
# > bright pixels start again at 0
def brighten(images, amount):
    return np.clip((images.astype(int) + amount).astype(np.uint8), 0, 255)


# %% light: one below the end
# > it stops at 254: a uint8 goes up to 255
def brighten(images, amount):
    return np.clip(images.astype(int) + amount, 0, 254).astype(np.uint8)


# %% light: the ink alone
# > it leaves the paper as it is: brighten every pixel
def brighten(images, amount):
    lit = np.clip(images.astype(int) + amount, 0, 255).astype(np.uint8)
    return np.where(images > 0, lit, images)


# %% light: too bright stays
# > it leaves what is too bright as it was: make it 255
def brighten(images, amount):
    lit = images.copy()
    lit[images <= 255 - amount] += np.uint8(amount)
    return lit


# %% light: no lower end
# > dark pixels start again at 255: nothing goes below 0
def brighten(images, amount):
    return np.minimum(images.astype(int) + amount, 255).astype(np.uint8)


# %% light: a byte below 0
# > it raised OverflowError in line 2 of your cell
def brighten(images, amount):
    change = np.uint8(amount)
    return np.where(images > 255 - change, 255, images + change).astype(np.uint8)


# %% light: floats
# > its dtype is float64: make it uint8
def brighten(images, amount):
    return np.clip(images / 1.0 + amount, 0, 255)


# %% light: signed numbers stay
# > its dtype is int16: make it uint8
def brighten(images, amount):
    return np.clip(images.astype(np.int16) + amount, 0, 255)


# %% light: changes what it was given
# > it changed its argument number 1: work on a copy
def brighten(images, amount):
    images[:] = np.clip(images.astype(int) + amount, 0, 255)
    return images


# %% light: a list
# > it is of type list: make it a NumPy array
def brighten(images, amount):
    return [np.clip(image.astype(int) + amount, 0, 255).astype(np.uint8) for image in images]


# %% light: the sign lost
# > a negative amount makes images darker: yours are brighter
def brighten(images, amount):
    return np.clip(images.astype(int) + abs(amount), 0, 255).astype(np.uint8)


# %% leak: sums
# > it compares sums: other pixels can add up to the same
def leaked(train_images, test_images):
    sums = {image.sum() for image in train_images}
    found = [i for i, image in enumerate(test_images) if image.sum() in sums]
    return np.array(found, dtype=int)


# %% leak: a word that asks for any equal pixel
# > a single equal pixel is enough for it: all pixels must be equal
def leaked(train_images, test_images):
    found = [i for i, image in enumerate(test_images) if image in train_images]
    return np.array(found, dtype=int)


# %% leak: the other set's indices
# > those are indices of training digits: return those of the test digits
def leaked(train_images, test_images):
    found = []
    for image in test_images:
        for index, other in enumerate(train_images):
            if (image == other).all():
                found.append(index)
    return np.array(found, dtype=int)


# %% leak: the other set's indices in rising order
# > those are the training digits' indices: return those of the test digits
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in test_images}
    found = [i for i, image in enumerate(train_images) if image.tobytes() in seen]
    return np.array(found, dtype=int)


# %% leak: a mask
# > that is a mask of True and False: return the indices where it is True
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    return np.array([image.tobytes() in seen for image in test_images])


# %% leak: off by one
# > it counts from 1: the first digit has the index 0
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    found = [i for i, image in enumerate(test_images, 1) if image.tobytes() in seen]
    return np.array(found, dtype=int)


# %% leak: the twin in the train set
# > an index appears twice where the training set holds a digit twice
def leaked(train_images, test_images):
    found = []
    for index, image in enumerate(test_images):
        for other in train_images:
            if (image == other).all():
                found.append(index)
    return np.array(found, dtype=int)


# %% leak: the twin in the test set
# > of several equal test digits it finds only the first
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    everything = [image.tobytes() for image in test_images]
    found = [everything.index(image) for image in everything if image in seen]
    return np.unique(np.array(found, dtype=int))


# %% leak: in the order of the train set
# > its indices are not in ascending order
def leaked(train_images, test_images):
    found = []
    for other in train_images:
        for index, image in enumerate(test_images):
            if (image == other).all() and index not in found:
                found.append(index)
    return np.array(found, dtype=int)


# %% leak: the digits
# > those are the digits: return their indices
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    return np.array([image for image in test_images if image.tobytes() in seen])


# %% leak: no leak, and floats
# > its dtype is float64 where nothing leaks: np.array(found, dtype=int) has whole numbers
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    return np.array([i for i, image in enumerate(test_images) if image.tobytes() in seen])


# %% leak: a list
# > it is of type list: make it a NumPy array
def leaked(train_images, test_images):
    seen = {image.tobytes() for image in train_images}
    return [i for i, image in enumerate(test_images) if image.tobytes() in seen]


# %% leak: the set of this page alone
# > leaked: its shape is
def leaked(train_images, test_images):
    if len(test_images) == len(test_set):
        return leaks
    return np.array([], dtype=int)


# %% idx: the smallest byte first
# > it raised ValueError in line 6 of your cell: cannot reshape array of size
def read_idx(data):
    start = 4 + 4 * data[3]
    lengths = []
    for place in range(4, start, 4):
        lengths.append(int.from_bytes(data[place : place + 4], "little"))
    return np.frombuffer(data[start:], np.uint8).reshape(lengths)


# %% idx: the header as pixels
# > the header is read as pixels: skip it
def read_idx(data):
    lengths = [int.from_bytes(data[4 * d + 4 : 4 * d + 8], "big") for d in range(data[3])]
    return np.frombuffer(data, np.uint8)[: np.prod(lengths)].reshape(lengths)


# %% idx: a header of one length
# > the header is not always 16 bytes long: here it states one length
def read_idx(data):
    lengths = [int.from_bytes(data[4 * d + 4 : 4 * d + 8], "big") for d in range(data[3])]
    values = np.frombuffer(data[16:], np.uint8)
    return values.reshape(lengths) if len(lengths) > 1 else values


# %% idx: one byte of a length
# > it reads one byte of a length: a length has four
def read_idx(data):
    lengths = [data[4 * d + 7] for d in range(data[3])]
    start = 4 + 4 * data[3]
    return np.frombuffer(data[start:], np.uint8)[: np.prod(lengths)].reshape(lengths)


# %% idx: the first dimension fastest
# > it fills the first dimension first: in the file the last one runs fastest
def read_idx(data):
    start = 4 + 4 * data[3]
    lengths = np.frombuffer(data[4:start], ">i4")
    return np.frombuffer(data[start:], np.uint8).reshape(lengths, order="F")


# %% idx: height and width
# > height and width are swapped: the lengths come from the outside in
def read_idx(data):
    start = 4 + 4 * data[3]
    lengths = np.frombuffer(data[4:start], ">i4").tolist()
    lengths[-2:] = lengths[-2:][::-1]
    return np.frombuffer(data[start:], np.uint8).reshape(lengths)


# %% idx: the number of images last
# > its shape is
def read_idx(data):
    start = 4 + 4 * data[3]
    lengths = np.frombuffer(data[4:start], ">i4")
    return np.frombuffer(data[start:], np.uint8).reshape(lengths[::-1])


# %% idx: signed bytes
# > uint8 has no sign: int8 turns 200 into −56
def read_idx(data):
    start = 4 + 4 * data[3]
    return np.frombuffer(data[start:], np.int8).reshape(np.frombuffer(data[4:start], ">i4"))


# %% idx: flat
# > the pixels are right, but they all lie in one row: reshape them
def read_idx(data):
    return np.frombuffer(data[4 + 4 * data[3] :], np.uint8)


# %% idx: floats
# > its dtype is float64: make it uint8
def read_idx(data):
    start = 4 + 4 * data[3]
    lengths = np.frombuffer(data[4:start], ">i4")
    return np.frombuffer(data[start:], np.uint8).reshape(lengths) / 255


# %% idx: three dimensions and one, and no other
# > read_idx: it raised ValueError in line 5 of your cell
def read_idx(data):
    if data[3] == 1:
        return np.frombuffer(data[8:], np.uint8)
    lengths = np.frombuffer(data[4:16], ">i4")
    return np.frombuffer(data[16:], np.uint8).reshape(lengths)
