"""The two networks of chapter 7, and the loss that both learn from.

No layer here knows of digits or walls. In the comments: B sequences, T frames, H = W = the size.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

Tensor = Any  # of the backend that computes
DOWN = 1, 1, 2, 3  # the U-Net's residual blocks on each level


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
    x, side = layers.Activation("silu")(x), x.shape[1]
    dark = keras.initializers.Constant(-3)  # a sigmoid of 0.05, where its gradient is alive
    begin = {"kernel_initializer": "zeros", "bias_initializer": dark}
    # A transposed convolution could do it too, but takes half of all the training's time on JAX.
    x = layers.Conv2D(4 * n_out, 3, padding="same", **begin)(x)
    x = layers.Reshape((side, side, 2, 2, n_out))(x)  # each cell's 2 × 2 pixels, in each frame
    x = layers.Permute((5, 1, 3, 2, 4))(x)  # (B, n_out, H / 2, 2, W / 2, 2)
    x = layers.Reshape((n_out, 2 * side, 2 * side))(x)
    return layers.Activation("sigmoid", dtype="float32")(x)


def convlstm(size: int, width: int) -> Any:
    """Make a ConvLSTM that predicts each frame's successor (Shi et al., NeurIPS 2015)."""
    frames = keras.Input((None, size, size))
    x = Steps(Step(size, width), return_sequences=True)(frames)
    x = layers.Reshape((-1, size, size), dtype="float32")(x)
    return keras.Model(frames, x, name="convlstm")


@keras.saving.register_keras_serializable("mmnist_lib")
class Steps(layers.RNN):
    """Keras' RNN, unrolled to learn on JAX, where gradients in a loop take 25 times as long."""

    def call(
        self, sequences: Tensor, initial_state: Any = None, mask: Any = None, training: Any = False
    ) -> Tensor:
        """Take one step after the other."""
        self.unroll = bool(training) and keras.backend.backend() == "jax"
        return super().call(sequences, initial_state, mask, training)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again, on each backend."""
        return super().get_config() | {"unroll": False}


@keras.saving.register_keras_serializable("mmnist_lib")
class Step(layers.Layer):
    """One step of the ConvLSTM in time: read a frame, remember, and draw the next one.

    A frame of -1 is missing. In its place the network reads what it has predicted itself, so that
    it can learn from its own rollouts.
    """

    def __init__(self, size: int, width: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.size, self.width = size, width
        memory = size // 8, size // 8, 2 * width
        self.state_size = [memory, memory, (size, size)]  # state h, memory c, last prediction
        self.output_size = size * size
        self.network = step(size, width)

    def get_config(self) -> dict[str, Any]:
        """Return what makes the same layer again."""
        return super().get_config() | {"size": self.size, "width": self.width}

    def get_initial_state(self, batch_size: Tensor = None) -> list[Tensor]:
        """Begin with an empty memory and a black frame."""
        return [ops.zeros((batch_size, *shape), self.compute_dtype) for shape in self.state_size]

    def call(self, frame: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the next frame, its pixels in a row as Keras' RNN wants them, and the states."""
        h, c, last = states
        frame = ops.where(frame < 0, last, frame)
        new, h, c = self.network([frame, h, c])
        return ops.reshape(new, (-1, self.output_size)), [h, c, new]


def step(size: int, width: int) -> Any:
    """Make the network of one step: a small U-Net with an LSTM of convolutions at its bottom."""
    cells = size // 8
    frame = keras.Input((size, size))
    h, c = (keras.Input((cells, cells, 2 * width)) for _ in range(2))
    x = layers.Reshape((size, size, 1))(frame)
    skips = []
    for k in (1, 2):
        x = layers.Conv2D(k * width, 4, strides=2, padding="same", activation="silu")(x)
        skips.append(x)  # (B, H / 2**k, W / 2**k, k * width)
    x = layers.Conv2D(2 * width, 4, strides=2, padding="same")(x)
    x = layers.Concatenate()([x, h])
    keep, write, show, new = (
        layers.Conv2D(2 * width, 3, padding="same", activation=kind, bias_initializer=begin)(x)
        for kind, begin in [("sigmoid", "ones"), *[("sigmoid", "zeros")] * 2, ("tanh", "zeros")]
    )
    memory = keep * c + write * new  # (B, H/8, W/8, 2 * width), as before
    state = show * ops.tanh(memory)
    y = state
    for skip in skips[::-1]:
        y = layers.Conv2D(skip.shape[-1], 1)(y)
        y = residual(layers.UpSampling2D()(y) + skip)
    picture = layers.Reshape((size, size))(dark_head(y, 1))
    return keras.Model([frame, h, c], [picture, state, memory])
