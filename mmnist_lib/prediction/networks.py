"""The two networks of chapter 7, and the loss that both learn from.

No layer here knows of digits or walls. In the comments: B sequences, T frames, H = W = the size.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Tensor = Any  # of the backend that computes
DOWN = 1, 1, 2, 3  # the U-Net's residual blocks on each level
FOLD = 8  # pixels a side that the ConvLSTM takes for one cell


@keras.saving.register_keras_serializable("mmnist_lib")
def frame_mse(true: Tensor, predicted: Tensor) -> Tensor:
    """Compute the benchmark's MSE for Keras: summed over pixels, averaged over frames."""
    n_axes = len(predicted.shape)
    pixels = tuple(range(min(2, n_axes - 2), n_axes))  # with channels, where a model has them
    return ops.mean(ops.sum(ops.square(predicted - true), axis=pixels))


def unet(n_in: int, n_out: int, size: int, width: int) -> Any:
    """Make a U-Net over frames as channels (Ronneberger et al., MICCAI 2015).

    On the way down each level halves the side, so its convolutions reach twice as far. On the way
    up each adds what the level on the other side saw, which still knows where the edges are.
    """
    frames = keras.Input((n_in, size, size))
    x = layers.Permute((2, 3, 1))(frames)  # (B, H, W, n_in): time becomes the channels
    skips = []
    for k, blocks in enumerate(DOWN, start=1):
        x = layers.Conv2D(k * width, 4, strides=2, padding="same")(x)  # half the side
        for _ in range(blocks):
            x = residual(x)
        skips.append(x)  # (B, H / 2**k, W / 2**k, k * width)
    for skip, blocks in zip(skips[-2::-1], DOWN[-2::-1], strict=True):
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
    begin = {
        "kernel_initializer": "zeros",
        "bias_initializer": keras.initializers.Constant(-3),  # a sigmoid of 0.05: a live gradient
    }
    x = layers.Conv2DTranspose(n_out, 6, strides=2, padding="same", **begin)(x)
    x = layers.Permute((3, 1, 2))(x)  # (B, n_out, H, W)
    return layers.Activation("sigmoid", dtype="float32")(x)


def convlstm(size: int, width: int) -> Any:
    """Make two ConvLSTM layers that predict each frame's successor (Shi et al., NeurIPS 2015)."""
    frames = keras.Input((None, size, size))
    cells = size // FOLD
    # Squares of pixels become channels, which makes a ConvLSTM affordable.
    x = layers.Reshape((-1, cells, FOLD, cells, FOLD))(frames)
    x = layers.Permute((1, 2, 4, 3, 5))(x)  # (B, T, H/8, W/8, 8, 8)
    x = layers.Reshape((-1, cells, cells, FOLD * FOLD))(x)
    for _ in range(2):
        x = layers.ConvLSTM2D(width, 3, padding="same", return_sequences=True)(x)
    # One step of time and one pixel wide: the head sees the frame's own state, no later one.
    x = layers.Conv3D(FOLD * FOLD, 1, activation="sigmoid", dtype="float32")(x)
    x = layers.Reshape((-1, cells, cells, FOLD, FOLD))(x)
    x = layers.Permute((1, 2, 4, 3, 5))(x)  # (B, T, H/8, 8, W/8, 8)
    return keras.Model(frames, layers.Reshape((-1, size, size))(x), name="convlstm")
