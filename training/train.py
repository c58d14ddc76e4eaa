"""Train the models whose weights come with the library. Chapter 7 shows what they can do.

    python -m training.train unet --source path/to/mnist.npz

After each epoch, a checkpoint and a line of the log are written into a folder of the model's name.
If you stop the script and start it again, it goes on from the last checkpoint. ``--export`` puts
the weights into the library and draws the curve.
"""

import argparse
import json
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mmnist_lib import MovingMNIST, choose_keras_backend, load_mnist, show_curves

choose_keras_backend()  # Keras reads it once, when it is imported

import keras  # noqa: E402

from mmnist_lib import prediction  # noqa: E402

HERE = Path(__file__).parent
RATE = {"unet": 1.5e-3, "convlstm": 2e-3}
WARM_UP = 500  # steps


def digits(source):
    """Return MNIST's training digits in two parts, without the bundled ones, which test them."""
    (images, _), _ = load_mnist(source)
    bundled = {image.tobytes() for part, _ in load_mnist("sample") for image in part}
    images = np.stack([image for image in images if image.tobytes() not in bundled])
    return images[:-5000], images[-5000:]


def build(name, steps):
    """Build a model whose learning rate warms up, and then falls to zero along a cosine."""
    model = prediction.build_model(name)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - WARM_UP), warmup_target=RATE[name], warmup_steps=WARM_UP
    )
    adam = keras.optimizers.Adam(rate, clipnorm=1.0)
    model.compile(adam, loss=prediction.frame_mse, metrics=[last_ten])
    return model


@keras.saving.register_keras_serializable("training")
def last_ten(true, predicted):
    """Compute the benchmark's MSE, which leaves out what the ConvLSTM predicts before frame 10."""
    return prediction.frame_mse(true[:, -10:], predicted[:, -10:])


class OwnRollouts(prediction.SequencePairs):
    """Pairs for the ConvLSTM that hide the frames which it has to predict ten times in a row."""

    def __getitem__(self, index):
        """Make batch `index`: from frame 10 on, the inputs are missing."""
        inputs, targets = super().__getitem__(index)
        inputs = inputs.copy()  # it shares its memory with the targets
        inputs[:, 10:] = -1
        return inputs, targets


class Keep(keras.callbacks.Callback):
    """Write a checkpoint and a line of the log after each epoch."""

    def __init__(self, folder):
        super().__init__()
        self.checkpoint, self.log = folder / "checkpoint.keras", folder / "log.jsonl"

    def on_epoch_begin(self, epoch, logs=None):
        """Start the clock."""
        self.began = time.time()

    def on_epoch_end(self, epoch, logs=None):
        """Write both; the checkpoint is replaced when the new one is whole."""
        half = self.checkpoint.with_name("half.keras")
        self.model.save(half)
        half.replace(self.checkpoint)
        line = {"epoch": epoch, "seconds": round(time.time() - self.began, 1)}
        line |= {name: float(f"{value:.5g}") for name, value in logs.items()}
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")


def export(name, folder):
    """Store the weights for the library, and draw the curve."""
    path = prediction.FOLDER / f"{name}.npz"
    path.parent.mkdir(exist_ok=True)
    prediction.save_weights(keras.saving.load_model(folder / "checkpoint.keras"), path)
    print(f"{path}: {path.stat().st_size:,} bytes")
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    curves = {
        kind: [line[key] for line in lines]
        for kind, key in (("training", "loss"), ("validation", "val_loss"))
    }
    show_curves(curves, first=1, xlabel="epoch", ylabel="MSE")
    plt.savefig(folder / "curve.png", dpi=80)


def main():
    """Train, from the start or from where it stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("name", choices=RATE)
    add("--source", default="keras", help="as for load_mnist: all of MNIST")
    add("--epochs", type=int, default=50)
    add("--sequences", type=int, default=12_800, help="in an epoch")
    add("--batch-size", type=int, default=32)
    add("--teacher-forcing", action="store_true", help="show the ConvLSTM all true frames")
    add("--export", action="store_true", help="store the checkpoint's weights, train no more")
    args = parser.parse_args()
    folder = HERE / args.name
    folder.mkdir(exist_ok=True)
    if args.export:
        export(args.name, folder)
        return

    train, held = digits(args.source)
    n_in = None if args.name == "convlstm" else 10  # None: each frame's successor
    kind = prediction.SequencePairs if n_in or args.teacher_forcing else OwnRollouts
    pairs = kind(
        MovingMNIST(train, seed=1), n_in, n_sequences=args.sequences, batch_size=args.batch_size
    )
    validation = (prediction.SequencePairs if n_in else OwnRollouts)(
        MovingMNIST(held, seed=2), n_in, n_sequences=200, batch_size=50, fixed=True
    )
    keep = Keep(folder)
    keras.utils.set_random_seed(0)
    if args.name == "unet":  # a quarter faster, on processors that have it
        keras.config.set_dtype_policy("mixed_bfloat16")
    if keep.checkpoint.exists():
        model = keras.saving.load_model(keep.checkpoint)
        pairs.epoch = len(keep.log.read_text().splitlines())
    else:
        model = build(args.name, args.epochs * len(pairs))
        keep.log.write_text("")
    prediction.train(
        model,
        pairs,
        epochs=args.epochs,
        initial_epoch=pairs.epoch,
        validation_data=validation,
        verbose=2,
        callbacks=[keep],
    )


if __name__ == "__main__":
    main()
