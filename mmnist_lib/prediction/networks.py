"""The two networks of chapter 6 that know nothing of digits, and what all models share."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from .._checks import check_count
from .._listing import SIDE

Tensor = Any  # of the backend that computes


def check_settings(n_in: int, n_out: int, size: int, width: int) -> None:
    """Raise unless a model can have these settings."""
    check_count(n_in, "n_in")
    check_count(n_out, "n_out")
    check_count(width, "width")
    if check_count(size, "size", least=SIDE) % 8:
        raise ValueError(f"size={size} is not a multiple of 8: pass {size + 8 - size % 8}")


@keras.saving.register_keras_serializable("mmnist_lib")
def frame_mse(true: Tensor, predicted: Tensor) -> Tensor:
    """Compute the benchmark's MSE for Keras: summed over pixels, averaged over frames."""
    return ops.mean(ops.sum(ops.square(predicted - true), axis=(-2, -1)))


def conv(channels: int, side: int = 3, stride: int = 1) -> Any:
    """Make a convolution that keeps the size, or divides it by the stride."""
    return layers.Conv2D(channels, side, strides=stride, padding="same", activation="relu")


def convolution(n_in: int, n_out: int, size: int, width: int) -> Any:
    """Make three plain convolutions over frames as channels."""
    frames = keras.Input((n_in, size, size))
    x = layers.Permute((2, 3, 1))(frames)  # (B, H, W, T): time becomes the channels
    x = conv(width, 5)(conv(width, 5)(x))
    x = layers.Conv2D(n_out, 5, padding="same", activation="sigmoid")(x)
    return keras.Model(frames, layers.Permute((3, 1, 2))(x), name="convolution")


def unet(n_in: int, n_out: int, size: int, width: int) -> Any:
    """Make a U-Net over frames as channels (Ronneberger et al., MICCAI 2015)."""
    frames = keras.Input((n_in, size, size))
    x = layers.Permute((2, 3, 1))(frames)  # (B, H, W, n_in): time becomes the channels
    skips = []
    for k, blocks in enumerate((1, 1, 2, 3), start=1):
        x = layers.Conv2D(k * width, 4, strides=2, padding="same")(x)  # half the side
        for _ in range(blocks):
            x = residual(x)
        skips.append(x)  # (B, H / 2**k, W / 2**k, k * width)
    for skip, blocks in zip(skips[-2::-1], (2, 1, 1), strict=True):
        x = layers.Conv2D(skip.shape[-1], 1)(x)
        x = layers.UpSampling2D()(x) + skip  # twice the side
        for _ in range(blocks):
            x = residual(x)
    return keras.Model(frames, dark_head(x, n_out), name="unet")


def residual(x: Tensor) -> Tensor:
    """Add to `x` what two convolutions make of it: nothing, until they have learned."""
    width = x.shape[-1]
    y = layers.Activation("silu")(x)
    y = layers.Conv2D(width, 3, padding="same", activation="silu")(y)
    return x + layers.Conv2D(width, 3, padding="same", kernel_initializer="zeros")(y)


def dark_head(x: Tensor, n_out: int) -> Tensor:
    """Make frames of features, at twice their side, that begin nearly black and can change."""
    x = layers.Activation("silu")(x)
    x = layers.Conv2DTranspose(
        n_out,
        6,
        strides=2,
        padding="same",
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(-3),  # a sigmoid of 0.05, and a live gradient
    )(x)
    x = layers.Permute((3, 1, 2))(x)  # (B, n_out, H, W)
    return layers.Activation("sigmoid", dtype="float32")(x)


def convlstm(size: int, width: int) -> Any:
    """Make two ConvLSTM layers that predict each frame's successor."""
    frames = keras.Input((None, size, size))
    x = Patches(8)(frames)  # (B, T, H/8, W/8, 64)
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
        """Return the arguments of `__init__`, for ``model.save``."""
        return {**super().get_config(), "side": self.side, "back": self.back}

    def compute_output_shape(self, shape: Any) -> Any:
        """Return what `call` makes of a shape."""
        batch, time, height, width = shape[:4]
        if self.back:
            return batch, time, height * self.side, width * self.side
        return batch, time, height // self.side, width // self.side, self.side**2

    def call(self, x: Tensor) -> Tensor:
        """Fold, or unfold."""
        s, time = self.side, ops.shape(x)[1]
        if self.back:  # (B, T, h, w, s * s)
            h, w = x.shape[2:4]
            x = ops.reshape(x, (-1, time, h, w, s, s))
            x = ops.transpose(x, (0, 1, 2, 4, 3, 5))  # (B, T, h, s, w, s)
            return ops.reshape(x, (-1, time, h * s, w * s))  # (B, T, H, W)
        h, w = x.shape[2] // s, x.shape[3] // s
        x = ops.reshape(x, (-1, time, h, s, w, s))  # (B, T, h, s, w, s)
        x = ops.transpose(x, (0, 1, 2, 4, 3, 5))  # (B, T, h, w, s, s)
        return ops.reshape(x, (-1, time, h, w, s * s))  # (B, T, h, w, s * s)
