"""The command ``mmnist``, or ``python -m mmnist_lib``: make, look at and check a data set."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from . import files
from .bouncing import RULES
from .compositing import Frames, MovingMNIST
from .loading import load_mnist

ABOUT = "Make Moving MNIST by the real data set's rule, look at such a file, or check one."

EXAMPLES = """
examples:
  mmnist generate moving_mnist.npy                  10,000 sequences, 819 MB
  mmnist generate train.npy --split train --seed 1  of other digits, moving otherwise
  mmnist generate small.npy --sequences 100 --source sample
  mmnist generate big.zarr --sequences 1000000      a Zarr store, written on all cores
  mmnist show moving_mnist.npy --index 3 --save clip.gif
  mmnist check moving_mnist.npy

exit status:
  0  all went well; of check: the file is the published one
  1  of check: the file is another one
  2  it could not be done, and one line on standard error says why
  130  stopped by Ctrl-C
"""

GENERATE = """
Writes uint8 frames. A name that ends in .npy gives one file in NumPy's format, .zarr a store
of compressed chunks (which needs the extra "scale"). Nothing has that name until it is whole:
until then it is called .FILE.partial. Sequence i depends on the digits, the seed, the settings
and on i alone: a larger file begins with the sequences of a smaller one.
"""

SHOW = """
Prints the shape, and the first and the last frame of a sequence as characters. With --save,
writes a moving .gif or a film strip as .png instead of the characters.
"""

CHECK = """
Compares a file with the published mnist_test_seq.npy: the sha256 of its bytes, and, where that
differs, its shape, dtype and statistics. Reads the whole file.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Bar:
    """A progress bar on a terminal, and nothing elsewhere."""

    def __init__(self, what: str, total: int) -> None:
        self.what, self.total, self.shown = what, total, -1

    def __call__(self, done: int) -> None:
        percent = 100 * done // self.total
        if percent > self.shown and sys.stderr.isatty():
            bar = "#" * (percent * 3 // 10)
            end = "\r\x1b[K" if percent == 100 else ""  # the line is wiped when all is done
            text = f"\r{self.what} [{bar:<30}] {percent:3d} %"
            print(text, end=end, file=sys.stderr, flush=True)
        self.shown = max(percent, self.shown)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="mmnist", description=ABOUT, epilog=EXAMPLES, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = commands.add_parser(
        "generate", help="write sequences to a file", description=GENERATE, formatter_class=raw
    )
    generate.add_argument("file", type=Path, help="the file to write: NAME.npy or NAME.zarr")
    what = generate.add_argument_group("what to make")
    what.add_argument(
        "--sequences", type=int, default=10_000, metavar="N", help="how many (default: 10000)"
    )
    what.add_argument("--frames", type=int, default=20, metavar="N", help="in each (default: 20)")
    what.add_argument("--digits", type=int, default=2, metavar="N", help="in each (default: 2)")
    what.add_argument(
        "--size", type=int, default=64, metavar="PX", help="side of the canvas (default: 64)"
    )
    what.add_argument(
        "--step-length", type=float, default=0.1, metavar="X",
        help="speed, as a part of the free range in each frame (default: 0.1)",
    )  # fmt: skip
    what.add_argument(
        "--rule", choices=tuple(RULES), default="clamp",
        help="at the walls (default: clamp, as the published file)",
    )  # fmt: skip
    what.add_argument(
        "--split", choices=("train", "test"), default="test",
        help="which of MNIST's digits (default: test, as the published file)",
    )  # fmt: skip
    what.add_argument(
        "--source", default="auto", metavar="auto|sample|keras|PATH",
        help="where the digits come from: keras downloads all 70,000, sample is the 5,000 that "
        "come with the library, PATH is an .npz in Keras' layout; auto takes $MMNIST_DATA, "
        "else keras, else sample (default: auto)",
    )  # fmt: skip
    what.add_argument(
        "--seed", type=int, default=0, metavar="N",
        help="give training and test different ones (default: 0)",
    )  # fmt: skip
    how = generate.add_argument_group("how to write it")
    how.add_argument(
        "--layout", choices=files.LAYOUTS, default="canonical",
        help="canonical: (frames, sequences, size, size), as the published file; batch: "
        "(sequences, frames, size, size) (default: canonical)",
    )  # fmt: skip
    how.add_argument(
        "--truth", action="store_true", help="write the ground truth too: NAME-truth.npz"
    )
    how.add_argument("--force", action="store_true", help="replace what has that name")
    how.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="of a Dask cluster, such as tcp://host:8786, to write a .zarr there",
    )  # fmt: skip
    how.add_argument(
        "--resume", action="store_true", help="finish a .zarr that was begun and stopped"
    )
    generate.set_defaults(run=_generate)

    show = commands.add_parser(
        "show", help="look at a sequence", description=SHOW, formatter_class=raw
    )
    show.add_argument("file", type=Path, help="any .npy or .zarr of sequences")
    show.add_argument("--index", type=int, default=0, metavar="N", help="which (default: 0)")
    show.add_argument("--save", type=Path, metavar="FILE", help="clip.gif or strip.png")
    show.add_argument("--force", action="store_true", help="replace the file to save")
    show.set_defaults(run=_show)

    check = commands.add_parser(
        "check", help="is this the published file?", description=CHECK, formatter_class=raw
    )
    check.add_argument("file", type=Path, help="a .npy or .zarr of sequences")
    check.set_defaults(run=_check)
    for command in (show, check):
        command.add_argument(
            "--layout", choices=files.LAYOUTS,
            help="where the shape does not tell: canonical is time first, batch is sequences first",
        )  # fmt: skip
    return parser


def _generate(options: argparse.Namespace) -> int:
    to_store = options.file.suffix == ".zarr"
    if (options.scheduler or options.resume) and not to_store:
        raise ValueError("--scheduler and --resume are for a store: name a FILE.zarr")
    path = files.check_target(options.file, (".npy", ".zarr"), options.force)
    if to_store:
        from .scale import save_zarr  # before the digits: if Dask is missing, say so at once
    train, test = load_mnist(options.source)
    images, labels = train if options.split == "train" else test
    data = MovingMNIST(
        images,
        labels,
        n_digits=options.digits,
        n_frames=options.frames,
        size=options.size,
        step_length=options.step_length,
        rule=options.rule,
        seed=options.seed,
    )
    same: dict[str, Any] = {
        "layout": options.layout,
        "truth": options.truth,
        "force": options.force,
        "progress": _Bar(path.name, options.sequences),
    }
    if to_store:
        store = {"scheduler": options.scheduler, "resume": options.resume}
        save_zarr(data, options.sequences, path, **same, **store)
    else:
        files.save_sequences(data, options.sequences, path, **same)
    shape = files.layout_shape(data, options.sequences, options.layout)
    print(f"{path}: uint8 {shape}, of {len(images):,} {options.split} digits, seed {options.seed}")
    if options.truth:
        print(f"{files.truth_path(path)}: the ground truth")
    return 0


def _open(options: argparse.Namespace) -> tuple[Any, tuple[int, ...]]:
    """Open a file or a store, sequences first, and tell the shape that it has itself."""
    if options.file.is_dir() and (options.file / "zarr.json").exists():
        from .scale import open_zarr

        return open_zarr(options.file, options.layout)
    sequences = files.load_sequences(options.file, options.layout)
    return sequences, np.lib.format.open_memmap(options.file, mode="r").shape


def _show(options: argparse.Namespace) -> int:
    sequences, _ = _open(options)
    n, n_frames, size, _ = sequences.shape
    if not 0 <= options.index < n:
        raise ValueError(f"--index {options.index}: the file has sequences 0 to {n - 1}")
    clip = np.array(sequences[options.index])
    if options.save:
        _save(clip, files.check_target(options.save, (".gif", ".png"), options.force))
        print(f"{options.save}: sequence {options.index} of {options.file}")
        return 0
    print(f"{options.file}: {n:,} sequences of {n_frames} frames, {size} × {size}")
    # A character is twice as high as wide. The brightest pixel stands for its neighbours.
    wide = -(-size // max(1, min(32, shutil.get_terminal_size().columns // 2 - 2)))
    side = -(-size // (2 * wide)) * 2 * wide
    ends = np.zeros((2, side, side), np.uint8)
    ends[:, :size, :size] = clip[[0, -1]]
    ends = ends.reshape(2, side // (2 * wide), 2 * wide, side // wide, wide).max(axis=(2, 4))
    names = f"frame 0 of sequence {options.index}", f"frame {n_frames - 1}"
    print(f"{names[0]:<{side // wide}}  {names[1]}")
    drawn = np.array(list(" .:-=+*#%@"))[ends.astype(int) * 10 // 256]
    for first, last in zip(*drawn, strict=True):
        print("".join(first) + " |" + "".join(last).rstrip())
    return 0


def _save(clip: Frames, path: Path) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    from .visualization import animate, show_strip

    if path.suffix == ".gif":
        animate(clip, alt="A sequence of a file.").save(path)
        return
    figure, ax = plt.subplots(figsize=(len(clip), 1.4))
    show_strip(clip, ax=ax)
    with files.new_files(path, force=True) as (file,):
        figure.savefig(file, format="png", bbox_inches="tight", dpi=100)


def _check(options: argparse.Namespace) -> int:
    (sequences, shape), name = _open(options), options.file.name
    rows = {"shape": str(shape), "dtype": str(sequences.dtype)}
    if options.file.is_file():
        size = options.file.stat().st_size
        rows["bytes"] = f"{size:,}"
        rows["sha256"] = files.sha256_of(options.file, _Bar(f"sha256 of {name}", size))
        if rows["sha256"] == files.PUBLISHED["sha256"]:
            print(f"{options.file} is the published file, byte for byte.")
            return 0
    print(f"{options.file} is not the published file. What is in it, and in the published one:")
    rows |= files.statistics(sequences, _Bar(f"statistics of {name}", sequences.shape[0]))
    for key, found in rows.items():
        short = files.PUBLISHED[key]
        if key == "sha256":
            found, short = f"{found[:16]}…", f"{short[:16]}…"
        print(f"  {key:<24}{found:<24}{short}")
    return 1


def _complain(message: object) -> None:
    """Print a line on standard error, in place of a progress bar if there is one."""
    wipe = "\r\x1b[K" if sys.stderr.isatty() else ""
    text = re.sub(r"\((force|resume)\)", r"(--\1)", str(message))  # an argument, as an option
    print(f"{wipe}mmnist: {text}", file=sys.stderr)


def _run(options: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings():
            # A warning, such as that the bundled digits stand in for MNIST, is one line too.
            warnings.showwarning = lambda message, *_: _complain(message)
            return int(options.run(options))
    except KeyboardInterrupt:
        _complain("stopped")
        return 130
    except BrokenPipeError:
        raise
    except OSError as error:
        _complain(f"{error.filename}: {error.strerror}" if error.strerror else error)
    except (ValueError, ImportError) as error:
        _complain(error)
    except RuntimeError as error:  # of a damaged store, and it does not say which
        _complain(f"{options.file}: {error}")
    except MemoryError as error:
        _complain(f"not enough memory: {error}")
    return 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    try:
        try:
            return _run(_parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # as of `mmnist show FILE | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
