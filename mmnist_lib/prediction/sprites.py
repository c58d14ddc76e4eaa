"""The network that knows what a digit is: it finds two, follows them, cuts them out, draws them."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from .._checks import check_count
from .._listing import SIDE, list_tracks
from .networks import Tensor, check_settings, conv, frame_mse

SECTORS = 64  # of a quarter turn


# Shapes in the comments: B sequences, K = 2 digits, T frames seen, F predicted, H = W the size,
# P positions of a digit in one coordinate, N listed tracks; an axis of 2 is row and column, and
# "K T" is one axis of length K * T.


@keras.saving.register_keras_serializable("mmnist_lib")
class Sprites(keras.Model):
    """Find two digits, follow them, and draw them where they will be.

    >>> model = Sprites(n_in=3, n_out=2, width=8)
    >>> model(keras.Input((3, 64, 64)))["frames"].shape
    (None, 2, 64, 64)

    It knows what no general network does: two rigid sprites on black, merged by maximum, that
    bounce by the clamp rule. It learns from the true tracks, and predicts from frames alone.

    1. **Find.** Convolutions lay a mask over the canvas for each digit and frame; the mask's
       center of mass is its position. Then a small network corrects windows cut along the tracks
       (by bilinear interpolation: Jaderberg et al., "Spatial transformer networks", NeurIPS 2015).
    2. **Follow.** Of all tracks that a coordinate can take, those near to what was found get
       weights, and rows and columns must agree on the angle. Their mean is a better track, and
       their futures give a probability for each row and column to come.
    3. **Cut.** Along a true track a digit's window never changes, so the darkest value that each
       pixel had is the sprite. A small network cleans what is left of the other digit.
    4. **Draw.** Each sprite is spread over its positions in proportion to their probability: the
       mean of the possible frames, which has the least squared error. Leaving the drawing to a
       program is an old idea (Kosiorek et al., "Sequential Attend, Infer, Repeat", NeurIPS 2018).

    Called with ``(batch, n_in, size, size)`` it returns a dict: ``"frames"``, ``(batch, n_out,
    size, size)``; ``"tracks"``, ``(batch, 1 + looks, 2, n_in, 2)``, the tracks after each look;
    ``"where"``, ``(batch, 2, 2, n_out, size - 27)``, the probabilities of rows and columns. Which
    digit comes first is the model's choice, so the loss takes the better of the two orders.

    Parameters
    ----------
    n_in, n_out, size, width, looks : as for `build_model`
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
        check_settings(n_in, n_out, size, width)
        check_count(looks, "looks", least=0)
        super().__init__(**settings)
        self.n_in, self.n_out, self.size, self.width, self.looks = n_in, n_out, size, width, looks
        self.free = size - SIDE
        # Find: masks over cells of 4 x 4 pixels. A digit centered on a cell has its corner here.
        cells = np.indices((size // 4, size // 4)).reshape(2, -1).T  # (cells, 2)
        self.corners = (4 * cells + 1.5 - (SIDE - 1) / 2).astype(np.float32)
        wide, net = 2 * width, keras.Sequential
        self.near = net([conv(32, 5, 2), conv(width, 3, 2), conv(width)])
        self.far = net([conv(wide, 3, 2), conv(wide), conv(wide), layers.UpSampling2D(2)])
        self.masks = net([conv(width), conv(width), layers.Conv2D(2 * n_in, 1)])
        self.look = net([conv(width, 3, 2), conv(wide, 3, 2), conv(wide), conv(wide, 3, 2)])
        dense = [layers.Dense(192, activation="relu") for _ in range(2)]
        self.correct = net([*dense, layers.Dense(2 * n_in, kernel_initializer="zeros")])
        # Follow: how a track's error grows with its distance from any listed one, and its least.
        self.trust = self.add_weight(shape=(2,), initializer=_trust, name="trust")
        self.pasts, self.futures, self.angles, self.share = _possible_tracks(n_in, n_out, size)
        dark = keras.initializers.Constant(-2)
        last = layers.Conv2D(1, 3, padding="same", activation="sigmoid", bias_initializer=dark)
        self.clean = net([conv(16), conv(16), last])
        # Draw: shifts[p, i, j] is 1 where row j of a sprite at position p lies on row i.
        position, row, j = np.ogrid[: self.free + 1, :size, :SIDE]
        shifts = (row - j == position).astype(np.float32)  # (P, H, 28)
        self.shifts = shifts.reshape(self.free + 1, -1)
        self.mse = keras.metrics.Mean("mse")
        # Now it has all its weights. A symbol, since JAX would compile each step on numbers alone.
        self(keras.Input((n_in, size, size)))

    @property
    def input_shape(self) -> tuple[None, int, int, int]:
        """The shape of the frames that it takes, which other models have too."""
        return None, self.n_in, self.size, self.size

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`, for ``model.save``."""
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
        near = self.near(ops.transpose(frames, (0, 2, 3, 1)))  # (B, H/4, W/4, width)
        masks = self.masks(ops.concatenate([near, self.far(near)], axis=-1))  # (B, H/4, W/4, K T)
        masks = ops.reshape(masks, (-1, len(self.corners), 2 * self.n_in))  # (B, cells, K T)
        masks = ops.softmax(masks, axis=1)
        centers = ops.einsum("bcm,cx->bmx", masks, self.corners)  # (B, K T, 2)
        return ops.reshape(centers, (-1, 2, self.n_in, 2))  # (B, K, T, 2)

    def _look(self, frames: Tensor, tracks: Tensor) -> Tensor:
        side = SIDE + 8  # a margin to look around in
        windows = cut_windows(frames, tracks, side)  # (B, K, T, side, side)
        moving = windows - ops.min(windows, axis=2, keepdims=True)
        seen = ops.concatenate([windows, moving], axis=2)  # (B, K, 2T, side, side)
        seen = ops.transpose(seen, (0, 1, 3, 4, 2))  # (B, K, side, side, 2T)
        seen = self.look(ops.reshape(seen, (-1, side, side, 2 * self.n_in)))  # (B K, 5, 5, wide)
        seen = ops.reshape(seen, (-1, math.prod(seen.shape[1:])))  # (B K, 25 wide)
        at = ops.reshape(tracks, (-1, 2 * self.n_in)) / (self.free / 2) - 1  # (B K, T 2)
        step = self.correct(ops.concatenate([seen, at], axis=-1))  # (B K, T 2)
        return tracks + 4 * ops.reshape(step, (-1, 2, self.n_in, 2))  # (B, K, T, 2)

    def _follow(self, tracks: Tensor) -> tuple[Tensor, Tensor]:
        axes = ops.transpose(tracks, (0, 1, 3, 2))  # (B, K, 2, T)
        axes = ops.reshape(axes, (-1, self.n_in))  # (B K 2, T)
        # As |a|^2 - 2 a b + |b|^2 it would need fewer steps, but backends would differ in the third
        # decimal of a pixel: what is left of two large float32 numbers.
        far = ops.sum(ops.square(ops.subtract(axes[:, None], self.pasts)), axis=-1)  # (B K 2, N)
        # What is left of the nearest one, over the degrees of freedom, estimates the noise.
        left = ops.min(far, axis=1, keepdims=True) / max(1, self.n_in - 2)
        growth, least = ops.exp(self.trust[0]), ops.exp(self.trust[1])
        near = -far / (2 * (growth * left + least))
        weights = ops.softmax(ops.add(near, self.share))  # (B K 2, N)
        # Both axes have one speed between them, so what each tells of the angle bears on the other.
        told = ops.matmul(weights, self.angles)  # (B K 2, SECTORS)
        told = ops.flip(ops.reshape(told, (-1, 2, 2, SECTORS)), axis=(2, 3))  # (B, K, 2, SECTORS)
        told = ops.reshape(told, (-1, SECTORS)) + 0.1 / SECTORS  # (B K 2, SECTORS)
        weights = weights * ops.matmul(told, self.angles.T)  # (B K 2, N)
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        better = ops.matmul(weights, self.pasts)  # (B K 2, T)
        better = ops.transpose(ops.reshape(better, (-1, 2, 2, self.n_in)), (0, 1, 3, 2))
        where = ops.matmul(weights, self.futures)  # (B K 2, F P)
        where = ops.reshape(where, (-1, 2, 2, self.n_out, self.free + 1))
        return better, where  # (B, K, T, 2), (B, K, 2, F, P)

    def _cut(self, frames: Tensor, tracks: Tensor) -> Tensor:
        windows = cut_windows(frames, ops.round(tracks))  # (B, K, T, 28, 28)
        windows = ops.reshape(windows, (-1, self.n_in, SIDE, SIDE))  # (B K, T, 28, 28)
        # Where a track is a pixel off, the minimum eats the stroke. That of thick ones is left.
        thick = ops.transpose(windows, (0, 2, 3, 1))  # (B K, 28, 28, T)
        thick = ops.min(ops.max_pool(thick, 3, 1, padding="same"), axis=-1)  # (B K, 28, 28)
        seen = [ops.min(windows, axis=1), ops.mean(windows, axis=1), thick]
        clean = self.clean(ops.stack(seen, axis=-1))  # (B K, 28, 28, 3) -> (B K, 28, 28, 1)
        sprites = clean[..., 0] * ops.minimum(1.0, 4 * thick)  # (B K, 28, 28)
        return ops.reshape(sprites, (-1, 2, SIDE, SIDE))  # (B, K, 28, 28)

    def _draw(self, sprites: Tensor, where: Tensor) -> Tensor:
        spread = ops.matmul(where, self.shifts)  # (B, K, 2, F, H 28)
        spread = ops.reshape(spread, (-1, 2, 2, self.n_out, self.size, SIDE))
        # Matrices that put a sprite's rows, and its columns, where they may lie on the canvas.
        rows, columns = spread[:, :, 0], spread[:, :, 1]  # both (B, K, F, H, 28)
        rows = ops.reshape(rows, (-1, 2, self.n_out * self.size, SIDE))  # (B, K, F H, 28)
        rows = ops.matmul(rows, sprites)  # (B, K, F H, 28)
        rows = ops.reshape(rows, (-1, 2, self.n_out, self.size, SIDE))  # (B, K, F, H, 28)
        drawn = ops.matmul(rows, ops.swapaxes(columns, -1, -2))  # (B, K, F, H, W)
        return ops.maximum(drawn[:, 0], drawn[:, 1])  # (B, F, H, W)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Tensor:
        """Add up the errors of tracks, positions and pixels. Keras calls this."""
        if not isinstance(y, dict) or y["tracks"].shape[1:3] != (2, self.n_in + self.n_out):
            raise ValueError(
                "targets lack the tracks that this model learns from: pass "
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
        """Compare with true tracks, Huber's loss for seen frames, cross-entropy later: ``(B,)``."""
        off = ops.abs(predicted["tracks"] - true[:, None, :, : self.n_in])  # (B, looks, K, T, 2)
        huber = ops.where(off < 1, 0.5 * off * off, off - 0.5)
        future = ops.transpose(true[:, :, self.n_in :], (0, 1, 3, 2))  # (B, K, 2, F)
        future = ops.cast(future, "int32")[..., None]  # (B, K, 2, F, 1)
        chance = ops.take_along_axis(predicted["where"], future, axis=-1)  # (B, K, 2, F, 1)
        surprise = -ops.log(ops.maximum(chance, 1e-6))
        return ops.mean(huber, axis=(1, 2, 3, 4)), ops.mean(surprise, axis=(1, 2, 3, 4))

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Report the loss and the benchmark's MSE. Keras calls this."""
        return {metric.name: metric.result() for metric in self.metrics}


def cut_windows(frames: Tensor, tracks: Tensor, side: int = SIDE) -> Tensor:
    """Cut a window around each position, between pixels too: ``(batch, k, time, side, side)``.

    `frames` is ``(batch, time, size, size)``; `tracks` is ``(batch, k, time, 2)``, in pixels.
    Rows and columns are weighted sums, so the cut is ``R @ frame @ C.T``, with gradients.
    """
    steps = np.arange(side)[:, None] - (side - SIDE) / 2 - np.arange(frames.shape[-1])  # (side, W)
    off = ops.add(tracks[..., None, None], steps.astype(np.float32))  # (B, K, T, 2, side, W)
    weights = ops.relu(1 - ops.abs(off))
    rows, columns = weights[:, :, :, 0], weights[:, :, :, 1]  # both (B, K, T, side, W)
    cut = ops.matmul(rows, frames[:, None])  # (B, K, T, side, W)
    return ops.matmul(cut, ops.swapaxes(columns, -1, -2))  # (B, K, T, side, side)


def _trust(shape: Any, dtype: Any = None) -> Tensor:
    return ops.convert_to_tensor([0.7, -2.3], dtype)


@functools.cache
def _possible_tracks(n_in: int, n_out: int, size: int) -> tuple[Any, Any, Any, Any]:
    """List what a coordinate can do in the frames seen, and what may follow.

    Returns the listed tracks, ``(N, T)``; for each the probabilities of its later positions, ``(N,
    F P)``, and of its angle to the other axis, in sectors of a quarter turn, ``(N, SECTORS)``; and
    the logarithm of how often it occurs. They are counted over a fine grid of starts and angles,
    both uniform in the dataset.
    """
    angles, _, tracks = list_tracks(512, 256, n_in + n_out, size - SIDE)
    pasts, which, counts = np.unique(
        tracks[:, :n_in], axis=0, return_inverse=True, return_counts=True
    )
    futures = np.zeros((len(pasts), n_out, size - SIDE + 1), np.float32)
    np.add.at(futures, (which[:, None], np.arange(n_out), tracks[:, n_in:]), 1)
    futures /= counts[:, None, None]
    sectors = np.zeros((len(pasts), SECTORS), np.float32)
    np.add.at(sectors, (which, (SECTORS * np.abs(angles) / (np.pi / 2)).astype(int)), 1)
    sectors /= counts[:, None]
    share = np.log(counts / counts.sum()).astype(np.float32)
    return pasts.astype(np.float32), futures.reshape(len(pasts), -1), sectors, share
