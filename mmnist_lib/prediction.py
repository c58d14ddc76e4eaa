"""Feed moving digits to Keras, train models, and let them predict. Chapter 6 explains it.

Importing this module imports Keras. What needs no Keras, the task itself and its scores, is in
`metrics`.
"""

from __future__ import annotations

import functools
import hashlib
import math
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._checks import check_count
from .bouncing import bounce_path
from .compositing import MovingMNIST, to_pixels
from .loading import choose_keras_backend
from .metrics import split_frames
from .trajectories import velocity_of

choose_keras_backend()  # Keras reads the choice when it is imported
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

__all__ = [
    "SequencePairs",
    "Sprites",
    "build_model",
    "denormalize",
    "load_model",
    "normalize",
    "rollout",
    "save_weights",
    "train",
]

Films = NDArray[np.float32]
Tensor = Any  # of whichever backend computes

DIGIT = 28
MEAN, STD = 0.1307, 0.3081  # of all pixels of MNIST's 60,000 training images, white being 1

# The weights that come with the library: how each model was built, and the file's sha256.
TRAINED: dict[str, tuple[dict[str, Any], str]] = {
    "convolution": ({}, "300f81d090fbb08eabb1b8a6f85c3a325e00874fc9545a54ce0366199f88f3b5"),
    "convlstm": ({"width": 64}, "51cd5c0d65fa9fd241de36547637102616ca0a295fa56e8798f29394cfbc0d7f"),
    "sprites": (
        {"width": 48, "looks": 4},
        "fed3259143700175518106848f983a73c89e9828b8f8a945d35f5111a795a12f",
    ),
}
FOLDER = Path(__file__).with_name("weights")


# ---- batches for Keras ----


def normalize(frames: Any) -> Any:
    """Give frames in [0, 1] the mean 0 and the spread 1 that MNIST's pixels would have.

    Parameters
    ----------
    frames : array or tensor of float
        Pixels from 0, black, to 1, white.

    Returns
    -------
    array or tensor
        ``(frames - 0.1307) / 0.3081``: the mean and the standard deviation of MNIST's training
        images. Frames are emptier than images, so their own mean comes out below 0.

    Raises
    ------
    TypeError
        If `frames` holds integers: divide by 255 first.

    Examples
    --------
    >>> float(normalize(np.float32(0.1307)))
    0.0
    """
    if np.issubdtype(getattr(frames, "dtype", np.float32), np.integer):
        raise TypeError(f"frames holds {frames.dtype}: give floats in [0, 1], as frames / 255")
    return (frames - MEAN) / STD


def denormalize(frames: Any) -> Any:
    """Undo `normalize`.

    Parameters
    ----------
    frames : array or tensor of float
        What `normalize` gave, or a model that was trained on it.

    Returns
    -------
    array or tensor
        ``frames * 0.3081 + 0.1307``.

    Raises
    ------
    TypeError
        If `frames` is not a number or an array of numbers.

    Examples
    --------
    >>> round(float(denormalize(normalize(np.float64(0.25)))), 12)
    0.25
    """
    return frames * STD + MEAN


class SequencePairs(keras.utils.PyDataset):
    """Endless training data for Keras, made while the model trains.

    Batch k of epoch e is fixed by the generator's seed alone, whatever was made before, by how
    many workers. Each epoch has new sequences, unless the set is `fixed`.

    Parameters
    ----------
    data : MovingMNIST
        The generator. Its digits are the split: train, validation and test sets need generators
        of different digits, and of different seeds.
    n_in : int or None, default 10
        How many frames are inputs; the others are targets. None makes each frame an input whose
        target is the next one, for a model that predicts one frame ahead.
    batch_size : int, default 32
        Sequences in a batch; the last one of an epoch may be smaller.
    n_sequences : int, default 3200
        Sequences in an epoch.
    fixed : bool, default False
        Make the same sequences in each epoch, as a validation set does.
    normalized : bool, default False
        Pass inputs and targets through `normalize`.
    tracks : bool, default False
        Give ``{"frames": targets, "tracks": pixels}`` in place of the targets, `pixels` being
        the true float32 positions, ``(batch, n_digits, n_frames, 2)``. `Sprites` learns from
        them.
    **settings
        Of `keras.utils.PyDataset`: ``workers``, ``use_multiprocessing``, ``max_queue_size``.

    Attributes
    ----------
    epoch : int
        Which epoch's sequences come next. Keras counts it up after each epoch, and once when
        ``fit`` begins. To go on where a training of e epochs stopped, set it to e.

    Raises
    ------
    TypeError
        If `data` is no generator, or a count is not an integer.
    ValueError
        If the sequences have too few frames for `n_in`, or a batch is larger than the set.

    Examples
    --------
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> pairs = SequencePairs(data, n_in=10, batch_size=4, n_sequences=10)
    >>> inputs, targets = pairs[0]
    >>> len(pairs), inputs.shape, targets.dtype
    (3, (4, 10, 64, 64), dtype('float32'))
    """

    def __init__(
        self,
        data: MovingMNIST,
        n_in: int | None = 10,
        *,
        batch_size: int = 32,
        n_sequences: int = 3200,
        fixed: bool = False,
        normalized: bool = False,
        tracks: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        if not isinstance(data, MovingMNIST):
            raise TypeError(f"data is a {type(data).__name__}: give a MovingMNIST")
        if data.n_frames < 2:
            raise ValueError(f"data has n_frames={data.n_frames}: make it with 2 or more")
        if n_in is not None and not 1 <= check_count(n_in, "n_in") < data.n_frames:
            raise ValueError(
                f"n_in={n_in} leaves none of {data.n_frames} frames to predict: "
                f"give 1 to {data.n_frames - 1}, or make data with more frames"
            )
        self.data, self.n_in = data, n_in
        self.batch_size = check_count(batch_size, "batch_size")
        self.n_sequences = check_count(n_sequences, "n_sequences")
        if self.batch_size > self.n_sequences:
            raise ValueError(
                f"batch_size={batch_size} is larger than the set: "
                f"give 1 to n_sequences, which is {n_sequences}"
            )
        self.fixed, self.normalized, self.tracks = fixed, normalized, tracks
        self.epoch = 0

    def __len__(self) -> int:
        """Tell how many batches an epoch has."""
        return math.ceil(self.n_sequences / self.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], Any]:
        """Make batch `index` of the present epoch.

        Raises TypeError if `index` is not an integer, IndexError if there is no such batch.
        """
        index = check_count(index, "index", least=0)
        if index >= len(self):
            raise IndexError(f"index={index} is too large: an epoch has {len(self)} batches")
        first = 0 if self.fixed else self.epoch * self.n_sequences
        start = first + index * self.batch_size
        stop = min(start + self.batch_size, first + self.n_sequences)
        frames = self.data.batch(start, stop) / np.float32(255)
        if self.normalized:
            frames = normalize(frames)
        if self.n_in is None:
            inputs, targets = frames[:, :-1], frames[:, 1:]
        else:
            inputs, targets = split_frames(frames, self.n_in)
        if not self.tracks:
            return inputs, targets
        pixels = self.data.truth(start, stop).track.astype(np.float32)
        return inputs, {"frames": targets, "tracks": pixels}

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's sequences. Keras calls this."""
        self.epoch += 1


# ---- models ----


def build_model(
    name: str, n_in: int = 10, n_out: int = 10, *, size: int = 64, width: int = 32, looks: int = 2
) -> Any:
    """Build and compile one of the three models of chapter 6.

    Parameters
    ----------
    name : {"convolution", "convlstm", "sprites"}
        ``"convolution"``: three plain convolutions over frames as channels. ``"convlstm"``: two
        ConvLSTM layers (Shi et al., NeurIPS 2015) that predict each frame's successor; train it
        on pairs with ``n_in=None``. ``"sprites"``: see `Sprites`; train it on pairs with
        ``tracks=True``.
    n_in, n_out : int, default 10
        Frames seen and predicted. The ConvLSTM takes any number.
    size : int, default 64
        Side of the frames, a multiple of 8.
    width : int, default 32
        Channels of the hidden layers.
    looks : int, default 2
        How often `Sprites` looks again. The others do not look.

    Returns
    -------
    keras.Model
        Compiled with Adam. It takes float32 frames in [0, 1], ``(batch, n_in, size, size)``.

    Raises
    ------
    TypeError
        If a count is not an integer.
    ValueError
        If the name is unknown, or a count out of its range.

    Examples
    --------
    >>> model = build_model("convolution", n_in=3, n_out=3, width=8)
    >>> model.output_shape
    (None, 3, 64, 64)
    """
    _check_settings(n_in, n_out, size, width)
    if name == "sprites":
        model = Sprites(n_in, n_out, size=size, width=width, looks=looks)
        model.compile(keras.optimizers.Adam(2e-3, clipnorm=1.0))
        return model
    if name == "convolution":
        model = _convolution(n_in, n_out, size, width)
    elif name == "convlstm":
        model = _convlstm(size, width)
    else:
        raise ValueError(f'name={name!r} is unknown: give "convolution", "convlstm" or "sprites"')
    model.compile(keras.optimizers.Adam(1e-3), loss=frame_mse)
    return model


def _check_settings(n_in: int, n_out: int, size: int, width: int) -> None:
    check_count(n_in, "n_in")
    check_count(n_out, "n_out")
    check_count(width, "width")
    if check_count(size, "size", least=DIGIT) % 8:
        raise ValueError(f"size={size} is not a multiple of 8: give {size + 8 - size % 8}")


@keras.saving.register_keras_serializable("mmnist_lib")
def frame_mse(true: Tensor, predicted: Tensor) -> Tensor:
    """Compute the benchmark's MSE for Keras: summed over pixels, averaged over frames."""
    return ops.mean(ops.sum(ops.square(predicted - true), axis=(-2, -1)))


def _conv(channels: int, side: int = 3, stride: int = 1) -> Any:
    return layers.Conv2D(channels, side, strides=stride, padding="same", activation="relu")


def _dense(n: int) -> Any:
    return layers.Dense(n, activation="relu")


def _convolution(n_in: int, n_out: int, size: int, width: int) -> Any:
    frames = keras.Input((n_in, size, size))
    x = layers.Permute((2, 3, 1))(frames)  # time becomes the channels
    x = _conv(width, 5)(_conv(width, 5)(x))
    x = layers.Conv2D(n_out, 5, padding="same", activation="sigmoid")(x)
    return keras.Model(frames, layers.Permute((3, 1, 2))(x), name="convolution")


def _convlstm(size: int, width: int) -> Any:
    frames = keras.Input((None, size, size))
    x = Patches(8)(frames)
    for _ in range(2):
        x = layers.ConvLSTM2D(width, 3, padding="same", return_sequences=True)(x)
    # One step of time and one pixel wide: the head sees the frame's own state, no later one.
    x = layers.Conv3D(64, 1, activation="sigmoid")(x)
    return keras.Model(frames, Patches(8, back=True)(x), name="convlstm")


@keras.saving.register_keras_serializable("mmnist_lib")
class Patches(layers.Layer):
    """Fold squares of pixels into channels, which makes a ConvLSTM affordable, or unfold them."""

    def __init__(self, side: int, back: bool = False, **settings: Any) -> None:
        super().__init__(**settings)
        self.side, self.back = side, back

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "side": self.side, "back": self.back}

    def compute_output_shape(self, shape: Any) -> Any:
        batch, time, height, width = shape[:4]
        if self.back:
            return batch, time, height * self.side, width * self.side
        return batch, time, height // self.side, width // self.side, self.side**2

    def call(self, x: Tensor) -> Tensor:
        side, time = self.side, ops.shape(x)[1]
        height, width = x.shape[2:4]
        if self.back:
            x = ops.reshape(x, (-1, time, height, width, side, side))
            x = ops.transpose(x, (0, 1, 2, 4, 3, 5))
            return ops.reshape(x, (-1, time, height * side, width * side))
        height, width = height // side, width // side
        x = ops.reshape(x, (-1, time, height, side, width, side))
        return ops.reshape(ops.transpose(x, (0, 1, 2, 4, 3, 5)), (-1, time, height, width, side**2))


@keras.saving.register_keras_serializable("mmnist_lib")
class Sprites(keras.Model):
    """Find two digits, follow them, and draw them where they will be.

    It presupposes what no general network knows: two rigid sprites on black, merged by maximum,
    that bounce by the clamp rule. While it trains it is told where the digits are; when it
    predicts it sees frames only.

    1. **Find.** Convolutions give each digit and frame a mask over the canvas; the mask's centre
       of mass is the digit's place. Then it looks again, closer: windows are cut along the
       tracks, and a small network corrects them.
    2. **Follow.** Of all paths that a coordinate can take, those near to what was found are
       given weights, and rows and columns must agree on the angle. The mean is a better track,
       and tells where the digit will be: a probability for each row and column. Only how far
       to trust a track is learned.
    3. **Cut.** Along a true track a digit's window never changes, so the darkest value that each
       pixel had is the sprite. A small network cleans what is left of the other digit.
    4. **Draw.** Each sprite is spread over the places in proportion to their probability: the
       mean of the possible frames, which has the least squared error.

    Parameters
    ----------
    n_in, n_out : int, default 10
        Frames seen and predicted.
    size : int, default 64
        Side of the frames, a multiple of 8.
    width : int, default 32
        Channels of the convolutions.
    looks : int, default 2
        How often it looks again, at least 0.

    Raises
    ------
    TypeError
        If a setting is not an integer.
    ValueError
        If one is out of its range; while training, if the pairs lack the tracks.

    Notes
    -----
    Called with ``(batch, n_in, size, size)`` it gives a dict: ``"frames"``, ``(batch, n_out,
    size, size)``; ``"tracks"``, ``(batch, 1 + looks, 2, n_in, 2)``, the places in pixels after
    each look; ``"where"``, ``(batch, 2, 2, n_out, places)``, the probabilities of rows and
    columns. Which digit comes first is the model's choice, so the loss takes the better of the
    two orders.

    The windows are cut by bilinear interpolation, as in Jaderberg et al., "Spatial transformer
    networks" (NeurIPS 2015). That a network may infer places and sprites and leave the drawing
    to a program is an old idea; see Kosiorek et al., "Sequential Attend, Infer, Repeat"
    (NeurIPS 2018), which learns it without being told the places.

    Examples
    --------
    >>> model = Sprites(n_in=3, n_out=2, width=8)
    >>> model(keras.Input((3, 64, 64)))["frames"].shape
    (None, 2, 64, 64)
    """

    def __init__(
        self,
        n_in: int = 10,
        n_out: int = 10,
        *,
        size: int = 64,
        width: int = 32,
        looks: int = 2,
        **settings: Any,
    ) -> None:
        _check_settings(n_in, n_out, size, width)
        check_count(looks, "looks", least=0)
        super().__init__(**settings)
        self.n_in, self.n_out, self.size, self.width, self.looks = n_in, n_out, size, width, looks
        self.free = size - DIGIT
        # Find: masks over cells of 4 x 4 pixels. A digit centred on a cell has its corner here.
        cells = np.indices((size // 4, size // 4)).reshape(2, -1).T
        self.corners = (4 * cells + 1.5 - (DIGIT - 1) / 2).astype(np.float32)
        self.near = keras.Sequential([_conv(32, 5, 2), _conv(width, 3, 2), _conv(width)])
        wide = 2 * width
        self.far = keras.Sequential(
            [_conv(wide, 3, 2), _conv(wide), _conv(wide), layers.UpSampling2D(2)]
        )
        self.masks = keras.Sequential([_conv(width), _conv(width), layers.Conv2D(2 * n_in, 1)])
        self.look = keras.Sequential(
            [_conv(width, 3, 2), _conv(wide, 3, 2), _conv(wide), _conv(wide, 3, 2)]
        )
        self.correct = keras.Sequential(
            [_dense(192), _dense(192), layers.Dense(2 * n_in, kernel_initializer="zeros")]
        )
        # Follow: how a track's error grows with its distance from any path, and what it is at best.
        self.trust = self.add_weight(shape=(2,), initializer=_trust, name="trust")
        self.pasts, self.futures, self.angles, self.share = _possible_paths(n_in, n_out, size)
        dark = keras.initializers.Constant(-2)
        last = layers.Conv2D(1, 3, padding="same", activation="sigmoid", bias_initializer=dark)
        self.clean = keras.Sequential([_conv(16), _conv(16), last])
        # Draw: shifts[p, i, j] is 1 where row j of a sprite at place p lies on row i.
        place, row, j = np.ogrid[: self.free + 1, :size, :DIGIT]
        self.shifts = (row - j == place).astype(np.float32).reshape(self.free + 1, -1)
        self.mse = keras.metrics.Mean("mse")
        # Now it has all its weights. A symbol, since JAX would compile each step on numbers alone.
        self(keras.Input((n_in, size, size)))

    @property
    def input_shape(self) -> tuple[None, int, int, int]:
        """The shape of the frames that it takes, as other models tell it."""
        return None, self.n_in, self.size, self.size

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` was given, for ``model.save``."""
        return {name: getattr(self, name) for name in ("n_in", "n_out", "size", "width", "looks")}

    def call(self, frames: Tensor) -> dict[str, Tensor]:
        """Predict; see the notes above."""
        # Each part learns from its own loss: nothing that comes after a track moves it.
        found = [self._find(frames)]
        tracks, where = self._follow(ops.stop_gradient(found[0]))
        for _ in range(self.looks):
            found.append(self._look(frames, ops.stop_gradient(tracks)))
            tracks, where = self._follow(ops.stop_gradient(found[-1]))
        sprites = self._cut(frames, ops.stop_gradient(tracks))
        drawn = self._draw(sprites, where)
        return {"frames": drawn, "tracks": ops.stack(found, axis=1), "where": where}

    def _find(self, frames: Tensor) -> Tensor:
        near = self.near(ops.transpose(frames, (0, 2, 3, 1)))
        masks = self.masks(ops.concatenate([near, self.far(near)], axis=-1))
        masks = ops.softmax(ops.reshape(masks, (-1, len(self.corners), 2 * self.n_in)), axis=1)
        centres = ops.einsum("bcm,cx->bmx", masks, self.corners)
        return ops.reshape(centres, (-1, 2, self.n_in, 2))

    def _look(self, frames: Tensor, tracks: Tensor) -> Tensor:
        side = DIGIT + 8  # a margin to look around in
        windows = cut_windows(frames, tracks, side)
        moving = windows - ops.min(windows, axis=2, keepdims=True)
        seen = ops.transpose(ops.concatenate([windows, moving], axis=2), (0, 1, 3, 4, 2))
        seen = self.look(ops.reshape(seen, (-1, side, side, 2 * self.n_in)))
        seen = ops.reshape(seen, (-1, math.prod(seen.shape[1:])))
        place = ops.reshape(tracks, (-1, 2 * self.n_in)) / (self.free / 2) - 1
        step = self.correct(ops.concatenate([seen, place], axis=-1))
        return tracks + 4 * ops.reshape(step, (-1, 2, self.n_in, 2))

    def _follow(self, tracks: Tensor) -> tuple[Tensor, Tensor]:
        axes = ops.reshape(ops.transpose(tracks, (0, 1, 3, 2)), (-1, self.n_in))
        # As |a|^2 - 2 a b + |b|^2 it would need fewer steps, but backends would differ in the third
        # decimal of a pixel: what is left of two large float32 numbers.
        far = ops.sum(ops.square(ops.subtract(axes[:, None], self.pasts)), axis=-1)
        # What is left of the nearest one, over the degrees of freedom, estimates the noise.
        left = ops.min(far, axis=1, keepdims=True) / max(1, self.n_in - 2)
        growth, least = ops.exp(self.trust[0]), ops.exp(self.trust[1])
        near = -far / (2 * (growth * left + least))
        weights = ops.softmax(ops.add(near, self.share))
        # Both axes have one speed between them, so what each tells of the angle bears on the other.
        sectors = self.angles.shape[1]
        told = ops.reshape(ops.matmul(weights, self.angles), (-1, 2, 2, sectors))
        told = ops.reshape(ops.flip(told, axis=(2, 3)), (-1, sectors)) + 0.1 / sectors
        weights = weights * ops.matmul(told, self.angles.T)
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        shape = (-1, 2, 2, self.n_in)
        better = ops.transpose(ops.reshape(ops.matmul(weights, self.pasts), shape), (0, 1, 3, 2))
        where = ops.matmul(weights, self.futures)
        return better, ops.reshape(where, (-1, 2, 2, self.n_out, self.free + 1))

    def _cut(self, frames: Tensor, tracks: Tensor) -> Tensor:
        windows = ops.reshape(cut_windows(frames, ops.round(tracks)), (-1, self.n_in, DIGIT, DIGIT))
        # Where a track is a pixel off, the minimum eats the stroke. That of thick ones is left.
        thick = ops.max_pool(ops.transpose(windows, (0, 2, 3, 1)), 3, 1, padding="same")
        thick = ops.min(thick, axis=-1)
        seen = [ops.min(windows, axis=1), ops.mean(windows, axis=1), thick]
        sprites = self.clean(ops.stack(seen, axis=-1))[..., 0] * ops.minimum(1.0, 4 * thick)
        return ops.reshape(sprites, (-1, 2, DIGIT, DIGIT))

    def _draw(self, sprites: Tensor, where: Tensor) -> Tensor:
        shape = (-1, 2, 2, self.n_out, self.size, DIGIT)
        spread = ops.reshape(ops.matmul(where, self.shifts), shape)
        rows = ops.reshape(spread[:, :, 0], (-1, 2, self.n_out * self.size, DIGIT))
        rows = ops.reshape(ops.matmul(rows, sprites), (-1, 2, self.n_out, self.size, DIGIT))
        drawn = ops.matmul(rows, ops.swapaxes(spread[:, :, 1], -1, -2))
        return ops.maximum(drawn[:, 0], drawn[:, 1])

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Add up the errors of tracks, places and pixels. Keras calls this."""
        if not isinstance(y, dict) or y["tracks"].shape[1:3] != (2, self.n_in + self.n_out):
            raise ValueError(
                "targets lack the tracks that this model learns from: give "
                f"SequencePairs(data, n_in={self.n_in}, tracks=True), where data has two digits "
                f"and {self.n_in + self.n_out} frames"
            )
        y = {name: ops.convert_to_tensor(array) for name, array in y.items()}
        mse = frame_mse(y["frames"], y_pred["frames"])
        self.mse.update_state(mse)
        one = self._track_loss(y["tracks"], y_pred)
        other = self._track_loss(ops.flip(y["tracks"], axis=1), y_pred)
        tracks, where = (
            ops.mean(ops.where(one[0] < other[0], a, b)) for a, b in zip(one, other, strict=True)
        )
        return tracks + 0.3 * where + 0.01 * mse

    def _track_loss(self, true: Tensor, predicted: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Compare with the true places: Huber's loss for seen frames, cross-entropy for later."""
        off = ops.abs(predicted["tracks"] - true[:, None, :, : self.n_in])
        huber = ops.where(off < 1, 0.5 * off * off, off - 0.5)
        future = ops.cast(ops.transpose(true[:, :, self.n_in :], (0, 1, 3, 2)), "int32")
        chance = ops.take_along_axis(predicted["where"], future[..., None], axis=-1)
        surprise = -ops.log(ops.maximum(chance, 1e-6))
        return ops.mean(huber, axis=(1, 2, 3, 4)), ops.mean(surprise, axis=(1, 2, 3, 4))

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Report the loss and the benchmark's MSE. Keras calls this."""
        return {metric.name: metric.result() for metric in self.metrics}


def _trust(shape: Any, dtype: Any = None) -> Tensor:
    return ops.convert_to_tensor([0.7, -2.3], dtype)


@functools.cache
def _possible_paths(n_in: int, n_out: int, size: int) -> tuple[Any, Any, Any, Any]:
    """List every past that a coordinate can have, in whole pixels, and what may follow it.

    Returns the pasts, ``(n, n_in)``; for each the probabilities of the later places, ``(n, n_out *
    places)``, and of its angle with the other axis, in 64 sectors of a quarter turn, ``(n, 64)``;
    and the logarithm of how often it occurs. They are counted over a fine grid of starts and
    angles, which are uniform in the data set.
    """
    turns, starts = 512, 256
    angle = (np.arange(turns) + 0.5) / turns * np.pi - np.pi / 2
    start, velocity = np.meshgrid((np.arange(starts) + 0.5) / starts, velocity_of(angle)[:, 0])
    both = np.stack([start, velocity]).reshape(2, -1, 1).repeat(2, axis=-1)  # the axes are alike
    pixels = to_pixels(bounce_path(both[0], both[1], n_in + n_out), size, DIGIT)[..., 0]
    pasts, which, counts = np.unique(
        pixels[:, :n_in], axis=0, return_inverse=True, return_counts=True
    )
    futures = np.zeros((len(pasts), n_out, size - DIGIT + 1), np.float32)
    np.add.at(futures, (which[:, None], np.arange(n_out), pixels[:, n_in:]), 1)
    futures /= counts[:, None, None]
    sector = (64 * np.abs(angle) / (np.pi / 2)).astype(int).repeat(starts)
    angles = np.zeros((len(pasts), 64), np.float32)
    np.add.at(angles, (which, sector), 1)
    angles /= counts[:, None]
    share = np.log(counts / counts.sum()).astype(np.float32)
    return pasts.astype(np.float32), futures.reshape(len(pasts), -1), angles, share


def cut_windows(frames: Tensor, tracks: Tensor, side: int = DIGIT) -> Tensor:
    """Cut a window around each place: ``(batch, k, time, side, side)``, between pixels too.

    `frames` is ``(batch, time, size, size)``; `tracks` is ``(batch, k, time, 2)``, in pixels.
    Rows and columns are weighted sums, so the cut is ``R @ frame @ C.T``, with gradients.
    """
    steps = np.arange(side)[:, None] - (side - DIGIT) / 2 - np.arange(frames.shape[-1])
    off = ops.add(tracks[..., None, None], steps.astype(np.float32))
    weights = ops.relu(1 - ops.abs(off))
    rows, columns = weights[:, :, :, 0], weights[:, :, :, 1]
    return ops.matmul(ops.matmul(rows, frames[:, None]), ops.swapaxes(columns, -1, -2))


# ---- training and predicting ----


class _Watch(keras.callbacks.Callback):
    """Stop at a loss of NaN, and stop at an interrupt, but only between two batches.

    Where JAX computes, a batch that is broken off takes the weights with it.
    """

    asked = stopped = False

    def ask(self, *_: Any) -> None:
        """Note an interrupt. A second one is Python's own again, and stops at once."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.asked = True

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"loss became {loss} in batch {batch}: lower the learning rate. "
                "The model has the weights that it had before this training"
            )
        self.on_epoch_end()

    def on_epoch_end(self, *_: Any) -> None:
        if self.asked:
            self.stopped = True
            raise KeyboardInterrupt


def _copy(variables: list[Any]) -> list[tuple[Any, NDArray[Any]]]:
    return [(variable, np.array(ops.convert_to_numpy(variable.value))) for variable in variables]


def _put_back(copies: list[tuple[Any, NDArray[Any]]]) -> None:
    for variable, value in copies:
        variable.assign(value)


def train(model: Any, pairs: Any, *, callbacks: Sequence[Any] = (), **settings: Any) -> Any:
    """Train a model by its ``fit``, and put the old weights back if that fails.

    Parameters
    ----------
    model : keras.Model
        A compiled one, as of `build_model`.
    pairs : SequencePairs
        What it learns from.
    callbacks : sequence of keras.callbacks.Callback, optional
        More of them. One that stops at a loss of NaN is always there.
    **settings
        Of ``model.fit``: ``epochs``, ``validation_data``, ``verbose`` and others.

    Returns
    -------
    keras.callbacks.History
        What ``model.fit`` returns; its ``history`` holds the curves.

    Raises
    ------
    ValueError
        If the model is not compiled.
    FloatingPointError
        If the loss becomes NaN or infinite.
    Exception
        Whatever else ``model.fit`` raises. In either case model and optimizer are as before.

    Notes
    -----
    Interrupt it, and it stops after the batch that it is at and keeps what it has learned.
    Interrupt it twice, and it stops at once, with model and optimizer as before.

    Examples
    --------
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8), n_frames=6, seed=1)
    >>> model = build_model("convolution", n_in=3, n_out=3, width=4)
    >>> pairs = SequencePairs(data, n_in=3, batch_size=2, n_sequences=4)
    >>> sorted(train(model, pairs, verbose=0).history)
    ['loss']
    """
    # No epoch, but Keras builds what is not built yet. Otherwise it would do so with a batch of
    # `pairs`, and where several workers make them, each epoch would get batches of the one before.
    model.fit(*pairs[0], epochs=0, verbose=0)
    if not model.built:  # TensorFlow
        model(pairs[0][0])
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    before = _copy([*model.variables, *model.optimizer.variables])
    watch = _Watch()
    # Handlers can be set in the main thread only, and only there interrupts arrive.
    listens = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if listens:
        signal.signal(signal.SIGINT, watch.ask)
    try:
        # The sequences are new and independent: shuffled batches would only be less repeatable.
        settings = {"shuffle": False, **settings}
        return model.fit(pairs, callbacks=[*callbacks, watch], **settings)
    except BaseException:
        if not watch.stopped:
            _put_back(before)
        raise
    finally:
        if listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def rollout(model: Any, frames: ArrayLike, n: int, *, batch_size: int = 32) -> Films:
    """Predict the next n frames, from the model's own predictions where it needs more.

    Parameters
    ----------
    model : keras.Model
        One that takes a fixed number of frames and gives the next ones, or one that takes any
        number (its input's time axis is None) and gives each one's successor.
    frames : array_like of float, shape ``(batch, n_in, size, size)``
        What has been seen, in [0, 1].
    n : int
        How many frames to predict.
    batch_size : int, default 32
        Sequences that are computed at once.

    Returns
    -------
    float32 array of shape ``(batch, n, size, size)``
        Not clipped.

    Raises
    ------
    TypeError
        If `frames` holds integers, or a count is not one.
    ValueError
        If `frames` does not fit the model, or holds NaN.

    Examples
    --------
    >>> model = build_model("convolution", n_in=3, n_out=3, width=4)
    >>> rollout(model, np.zeros((2, 3, 64, 64)), n=7).shape
    (2, 7, 64, 64)
    """
    n, batch_size = check_count(n, "n"), check_count(batch_size, "batch_size")
    n_in, *_ = wanted = model.input_shape[1:]
    seen = np.asarray(frames)
    if seen.dtype.kind != "f":
        raise TypeError(f"frames holds {seen.dtype}: give floats in [0, 1], as frames / 255")
    if (
        seen.ndim != 4
        or 0 in seen.shape
        or any(w not in (None, s) for w, s in zip(wanted, seen.shape[1:], strict=False))
    ):
        names = (str(w or n) for w, n in zip(wanted, ("n_in", "size", "size"), strict=False))
        raise ValueError(f"frames has shape {seen.shape}: give (batch, {', '.join(names)})")
    if not np.isfinite(seen).all():
        raise ValueError("frames holds NaN or infinity: give floats in [0, 1]")
    start = seen.shape[1]
    film = np.zeros((len(seen), start + n, *seen.shape[2:]), np.float32)
    film[:, :start] = seen
    done = start
    before = _copy(model.variables)
    try:
        while done < start + n:
            if n_in is None:
                # A causal model's answer does not depend on the black frames still to be filled.
                # So the shape stays the same, and is compiled once.
                new = model.predict(film[:, :-1], batch_size=batch_size, verbose=0)
                film[:, done] = new[:, done - 1]
                done += 1
            else:
                new = model.predict(film[:, done - n_in : done], batch_size=batch_size, verbose=0)
                new = (new["frames"] if isinstance(new, dict) else new)[:, : start + n - done]
                film[:, done : done + new.shape[1]] = new
                done += new.shape[1]
    except BaseException:  # an interrupt, most likely
        _put_back(before)
        raise
    return film[:, start:]


# ---- weights ----


def save_weights(model: Any, path: str | Path) -> None:
    """Store a model's weights in half precision, as those that come with the library are.

    ``model.save("model.keras")`` stores the whole model; this is for a file that is small and
    read without pickle.

    Parameters
    ----------
    model : keras.Model
        Any.
    path : str or Path
        Where to: a name that ends in ``.npz``. A file of that name is replaced when the new one
        is whole.

    Raises
    ------
    ValueError
        If the weights hold NaN, infinity or numbers beyond half precision, or the name ends
        otherwise.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(build_model("convolution", width=4), Path(folder) / "mine.npz")
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"path={str(path)!r} does not end in .npz: choose a name that does")
    with np.errstate(over="ignore"):
        weights = [weight.astype(np.float16) for weight in model.get_weights()]
    if not all(np.isfinite(weight).all() for weight in weights):
        raise ValueError("weights hold NaN, infinity or numbers over 65504: nothing was stored")
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            np.savez_compressed(file, **{f"w{i:03}": weight for i, weight in enumerate(weights)})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_model(name: str, path: str | Path | None = None) -> Any:
    """Build a model as it was trained for the course, with those weights.

    Parameters
    ----------
    name : {"convolution", "convlstm", "sprites"}
        Which one.
    path : str or Path, optional
        A file of `save_weights` with other weights for the same model. Without it: those that
        come with the library, whose sha256 is checked.

    Returns
    -------
    keras.Model
        Compiled, so it can be trained further.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is unknown, the file is damaged, or the weights do not fit the model.

    Examples
    --------
    >>> load_model("convolution").input_shape
    (None, 10, 64, 64)
    """
    if name not in TRAINED:
        raise ValueError(f"name={name!r} is unknown: give one of {', '.join(sorted(TRAINED))}")
    settings, sha256 = TRAINED[name]
    file = FOLDER / f"{name}.npz" if path is None else Path(path)
    content = file.read_bytes()
    if path is None and hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{file} is damaged (its sha256 is another): install mmnist_lib again")
    model = build_model(name, **settings)
    try:
        with np.load(file, allow_pickle=False) as stored:
            weights = [stored[key].astype(np.float32) for key in sorted(stored)]
    except Exception as error:  # zipfile, NumPy and zlib each raise their own
        raise ValueError(f"{file} is no file of save_weights ({error})") from error
    shapes = [tuple(weight.shape) for weight in weights]
    wanted = [tuple(weight.shape) for weight in model.weights]
    if shapes != wanted:
        raise ValueError(
            f"{file} does not fit the model {name!r}: it has {len(shapes)} weights, first of "
            f"shape {next((s for s, w in zip(shapes, wanted, strict=False) if s != w), None)}"
        )
    model.set_weights(weights)
    return model
