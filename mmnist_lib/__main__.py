"""The command ``mmnist``, or ``python -m mmnist_lib``: make a dataset, look at it, check it."""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from matplotlib.figure import Figure

from . import files
from ._atomic import check_target, new_files
from .bouncing import RULES
from .compositing import SETTINGS, Frames, MovingMNIST
from .loading import load_mnist
from .player import animate
from .scoring import score_file
from .visualization import show_strip

ARGUMENT = (
    r"\b(?:n_)?(sequences|frames|digits|size|step_length|seed|source|layout|block)=(?:'(\w+)')?"
)

EXAMPLES = """
examples:
  mmnist generate moving_mnist.npy                  10,000 sequences, 819 MB
  mmnist generate train.npy --split train --seed 1  other digits on other paths
  mmnist generate val.npy --split validation --seed 2
  mmnist generate small.npy --sequences 100 --source sample
  mmnist generate big.zarr --sequences 1000000      a Zarr store, written on all cores
  mmnist show moving_mnist.npy --index 3 --save clip.gif
  mmnist check moving_mnist.npy
  mmnist score moving_mnist.npy                     the baselines
  mmnist score predicted.npy moving_mnist.npy

exit status:
  0  all went well; for check: this is the published file
  1  for check: this is another file
  2  it could not be done, and one line on standard error says why
  130  stopped by Ctrl-C
"""

GENERATE = """Writes uint8 frames. A name that ends in .npy gives one file in NumPy's format, .npz
the file that PredRNN reads, .zarr a store of compressed chunks (which needs the extra "scale").
You can't mistake an unfinished file for a finished one, because until it is whole it is called
.FILE.partial. Sequence i depends only on the digits, the seed, the settings and i, so a larger
file begins with the sequences of a smaller one."""

SHOW = """Prints the shape, and the first and the last frame of a sequence as characters. With
--save, writes a moving .gif, or a strip of all frames as .png, instead of the characters."""

SCORE = """Scores files of predictions against the true sequences, which come last: MSE, MAE, SSIM
and PSNR as the benchmark computes them, with 95 % intervals, beside baselines. Without
predictions, the baselines alone. A prediction holds the last frames of every true sequence, such
as ten of twenty: (sequences, frames, size, size), as floats from 0 to 1 or as uint8."""

CHECK = """Compares a file with the published mnist_test_seq.npy: the sha256 of its bytes, and,
where that differs, its shape, dtype and statistics. Reads the whole file."""

SOURCE = """where the digits come from: keras downloads all 70,000, sample is the 5,000 that come
with the library, PATH is an .npz in Keras' layout or a folder of MNIST's IDX files; auto takes
$MMNIST_DATA, else keras, else sample"""

SPLITS = ("train", "validation", "test")
SPLIT = """which of MNIST's digits: the published file has test, and validation is the last sixth of
the training digits, which train leaves out"""

LAYOUT = """canonical, as the published file: (frames, sequences, size, size); batch: (sequences,
frames, size, size) (default: canonical in a .npy, batch in a .zarr)"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _bar(what: str, total: int) -> files.Progress:
    """Return what draws a progress bar on a terminal, and nothing elsewhere."""

    def draw(done: int) -> None:
        percent = 100 * done // total
        bar = "#" * (percent * 3 // 10)
        end = "\r\x1b[K" if percent == 100 else ""  # the line is wiped when all is done
        text = f"\r{what} [{bar:<30}] {percent:3d} %"
        print(text, end=end, file=sys.stderr, flush=True)

    return draw if sys.stderr.isatty() else lambda done: None


def _parser() -> argparse.ArgumentParser:
    about = "Make Moving MNIST by the real dataset's rule, look at such a file, or check one."
    raw = argparse.RawDescriptionHelpFormatter  # because the epilog has lines of its own
    parser = _Parser(prog="mmnist", description=about, epilog=EXAMPLES, formatter_class=raw)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Any, help: str, about: str) -> Any:
        command = commands.add_parser(name, help=help, description=about)
        command.add_argument("file", type=Path, help="sequences: NAME.npy, .npz or .zarr")
        command.set_defaults(run=run)
        return command

    _add_what_and_how(add("generate", _generate, "write sequences to a file", GENERATE))
    show = add("show", _show, "look at a sequence", SHOW)
    _add_option(show, "--index", 0, "which sequence", metavar="N")
    show.add_argument("--save", type=Path, metavar="FILE", help="clip.gif or strip.png")
    show.add_argument("--force", action="store_true", help="replace the file to save")
    check = add("check", _check, "is this the published file?", CHECK)
    score = add("score", _score, "how good are predictions?", SCORE)
    score.add_argument("more", type=Path, nargs="*", metavar="file", help="the last is the truth")
    floor = "the digits that a file with --truth was made of; adds the floor"
    score.add_argument("--source", metavar="auto|sample|keras|PATH", help=floor)
    _add_option(score, "--split", "test", SPLIT, choices=SPLITS)
    for command in (show, check, score):
        which = "where the shape does not tell: canonical is time first, batch is sequences first"
        command.add_argument("--layout", choices=files.LAYOUTS, help=which)
    return parser


def _add_option(group: Any, name: str, default: Any, help: str, **settings: Any) -> None:
    """Add an option that has the type of its default, which its help names."""
    settings = {"type": type(default), "default": default, **settings}
    group.add_argument(name, help=f"{help} (default: {default})", **settings)


def _add_what_and_how(command: Any) -> None:
    what = command.add_argument_group("what to make")
    _add_option(what, "--sequences", 10_000, "how many", metavar="N")
    _add_option(what, "--frames", 20, "in each sequence", metavar="N")
    _add_option(what, "--digits", 2, "in each sequence", metavar="N")
    _add_option(what, "--size", 64, "side of the canvas", metavar="PX")
    speed = "speed, as a fraction of the free range per frame"
    _add_option(what, "--step-length", 0.1, speed, metavar="X")
    rule = "at the walls; the published file has clamp"
    _add_option(what, "--rule", "clamp", rule, choices=RULES)
    _add_option(what, "--split", "test", SPLIT, choices=SPLITS)
    _add_option(what, "--source", "auto", SOURCE, metavar="auto|sample|keras|PATH")
    _add_option(what, "--seed", 0, "use different ones for training and test", metavar="N")
    how = command.add_argument_group("how to write it")
    how.add_argument("--layout", help=LAYOUT, choices=files.LAYOUTS)
    block = "sequences in a chunk of a .zarr (default: 64 of the usual kind)"
    how.add_argument("--block", type=int, metavar="N", help=block)
    how.add_argument("--truth", action="store_true", help="write NAME-truth.npz, the ground truth")
    how.add_argument("--force", action="store_true", help="replace what has that name")
    cluster = "of a Dask cluster, such as tcp://host:8786, to write a .zarr there"
    how.add_argument("--scheduler", metavar="ADDRESS", help=cluster)
    how.add_argument("--resume", action="store_true", help="finish a .zarr that was stopped")


def _generate(options: argparse.Namespace) -> int:
    to_store = options.file.suffix == ".zarr"
    if (options.scheduler or options.resume or options.block is not None) and not to_store:
        raise ValueError("--scheduler, --resume and --block are for a store: name a FILE.zarr")
    options.layout = options.layout or ("batch" if to_store else "canonical")
    path = check_target(options.file, (".npy", ".npz", ".zarr"), options.force)
    if to_store:
        from .scale import save_zarr  # before the digits: if Dask is missing, say so at once
    images, labels = _digits(options)
    settings = {name: getattr(options, name.removeprefix("n_")) for name in SETTINGS}
    data = MovingMNIST(images, labels, **settings)
    names, save = ["layout", "truth", "force"], files.save_sequences
    if to_store:
        names, save = [*names, "scheduler", "resume", "block"], save_zarr
    how = {name: getattr(options, name) for name in names}
    save(data, options.sequences, path, progress=_bar(path.name, options.sequences), **how)
    shape = files.layout_shape(data, options.sequences, options.layout)
    print(f"{path}: uint8 {shape}, of {len(images):,} {options.split} digits, seed {options.seed}")
    if options.truth:
        print(f"{files.truth_path(path)}: the ground truth")
    return 0


def _digits(options: argparse.Namespace) -> tuple[Frames, Any]:
    """Load the digits of a split, none of which is in another."""
    train, (images, labels) = load_mnist(options.source)
    if options.split != "test":
        cut = len(train[0]) * 5 // 6  # 50,000 of 60,000
        part = slice(cut) if options.split == "train" else slice(cut, None)
        images, labels = train[0][part], None if train[1] is None else train[1][part]
    if not len(images):
        raise ValueError(f"source={options.source!r} has no {options.split} digits: see --split")
    return images, labels


def _open(options: argparse.Namespace) -> tuple[Any, tuple[int, ...]]:
    """Open a file or a store, sequences first, and return it with its own shape."""
    if (options.file / "zarr.json").exists():
        from .scale import open_zarr

        return open_zarr(options.file, options.layout)
    sequences = files.load_sequences(options.file, options.layout)
    if not isinstance(sequences, np.memmap):
        return sequences, sequences.shape
    return sequences, np.lib.format.open_memmap(options.file, mode="r").shape


def _show(options: argparse.Namespace) -> int:
    sequences, _ = _open(options)
    n, n_frames, height, width = sequences.shape
    if not 0 <= options.index < n:
        raise ValueError(f"--index {options.index}: the file has sequences 0 to {n - 1}")
    frames = np.array(sequences[options.index])
    if options.save:
        path = check_target(options.save, (".gif", ".png"), options.force)
        if path.suffix == ".gif":
            animate(frames, alt="A sequence of a file.").save(path)
        else:
            figure = Figure(figsize=(len(frames), 1.4))
            show_strip(frames, ax=figure.subplots())
            with new_files(path, force=True) as (file,):
                figure.savefig(file, format="png", bbox_inches="tight", dpi=100)
        print(f"{options.save}: sequence {options.index} of {options.file}")
        return 0
    print(f"{options.file}: {n:,} sequences of {n_frames} frames, {height} × {width}")
    first, last = _characters(frames[[0, -1]])
    names = f"frame 0 of sequence {options.index}", f"frame {n_frames - 1}"
    print(f"{names[0]:<{len(first[0])}}  {names[1]}")
    for one, other in zip(first, last, strict=True):
        print(one + " |" + other.rstrip())
    return 0


def _characters(frames: Frames) -> list[list[str]]:
    """Draw frames as lines of characters that fit beside each other on the terminal."""
    # A character is twice as high as wide. The brightest pixel stands for its neighbors.
    _, height, width = frames.shape
    wide = -(-width // max(1, min(32, shutil.get_terminal_size().columns // 2 - 2)))
    rows = np.maximum.reduceat(frames, np.arange(0, height, 2 * wide), axis=1)
    blocks = np.maximum.reduceat(rows, np.arange(0, width, wide), axis=2)
    drawn = np.array(list(" .:-=+*#%@"))[blocks.astype(int) * 10 // 256]
    return [["".join(line) for line in lines] for lines in drawn]


def _check(options: argparse.Namespace) -> int:
    (sequences, shape), name = _open(options), options.file.name
    rows = {"shape": str(shape), "dtype": str(sequences.dtype)}
    if options.file.is_file():
        rows["bytes"] = f"{options.file.stat().st_size:,}"
        with options.file.open("rb") as file:
            rows["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        if rows["sha256"] == files.PUBLISHED["sha256"]:
            print(f"{options.file} is the published file, byte for byte.")
            return 0
    print(f"{options.file} is not the published file. What is in it, and in the published one:")
    rows |= files.statistics(sequences, _bar(f"statistics of {name}", sequences.shape[0]))
    for key, found in rows.items():
        short = files.PUBLISHED[key]
        if key == "sha256":
            found, short = f"{found[:16]}…", f"{short[:16]}…"
        print(f"  {key:<24}{found:<24}{short}")
    return 1


def _score(options: argparse.Namespace) -> int:
    predicted = [options.file, *options.more]
    true = predicted.pop()
    digits = _digits(options)[0] if options.source else None
    bar = _bar(f"scores of {true.name}", 100)
    print(score_file(true, *predicted, layout=options.layout, digits=digits, progress=bar), end="")
    return 0


def _complain(message: object) -> None:
    """Print a line on standard error, in place of a progress bar if there is one."""
    wipe = "\r\x1b[K" if sys.stderr.isatty() else ""
    # The library names its arguments; here they are options.
    text = re.sub(r"(\(|without )(force|resume)", r"\1--\2", str(message)).replace("path=", "")
    text = re.sub(ARGUMENT, lambda f: f"--{f[1].replace('_', '-')} {f[2] or ''}", text)
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
        where = error.filename or "standard output"
        _complain(f"{where}: {error.strerror}" if error.strerror else error)
    except (ValueError, ImportError) as error:
        _complain(error)
    except RuntimeError as error:  # a damaged store, and the error does not say which
        _complain(f"{options.file}: {error}")
    except MemoryError as error:
        _complain(f"not enough memory: {error}")
    return 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        if hasattr(stream := getattr(sys, name), "reconfigure"):  # a notebook's is another
            stream.reconfigure(errors="replace")  # of characters that it lacks
    try:
        try:
            return _run(_parser().parse_args(arguments))
        finally:
            sys.stdout.flush()
    except OSError as error:  # BrokenPipeError, as in `mmnist show FILE | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 0
        _complain(f"standard output: {error.strerror}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
