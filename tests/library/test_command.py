"""The command `mmnist`: what it makes, shows and finds, and how it fails."""

import hashlib
import importlib.metadata
import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import distributed
import matplotlib.pyplot as plt
import numpy as np
import pytest
import zarr
from PIL import Image

from mmnist_lib import (
    MovingMNIST,
    _unpack,
    files,
    load_mnist,
    load_sequences,
    loading,
    save_sequences,
)
from mmnist_lib.__main__ import _parser, main
from tests.limits import HANG

COMMAND = [sys.executable, "-m", "mmnist_lib"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals, limits and terminals of POSIX")


@pytest.fixture(autouse=True)
def a_plain_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("MMNIST_DATA", raising=False)
    # Python gives Ctrl-C to no child of a job in the background, unless it is asked to.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
    plt.close("all")


@pytest.fixture
def run(capsys):
    """Run the command in this process: its exit status, its output and its errors."""

    def run(*arguments):
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # of argparse
            status = stop.code or 0
        return status, *capsys.readouterr()

    return run


def start(*arguments, **options):
    """Run the command as a user does: its exit status, its output and its errors."""
    command = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=HANG, check=False, **options
    )
    return done.returncode, done.stdout, done.stderr


PARTS = {"train": slice(3333), "validation": slice(3333, None)}  # of the sample's 4,000


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def sample(split="test", **changes):
    images, labels = load_mnist("sample")[split == "test"]
    part = PARTS.get(split, slice(None))
    return MovingMNIST(images[part], labels[part], **changes)


def pool(path):
    """Write a few digits in Keras' layout."""
    rng = np.random.default_rng(3)
    parts = {}
    for part, n in (("train", 9), ("test", 7)):
        parts[f"x_{part}"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        parts[f"y_{part}"] = np.arange(n, dtype=np.uint8)
    np.savez(path, **parts)
    return parts


def open_store(path, layout):
    store = zarr.open_array(path, mode="r")[:]
    return store.swapaxes(0, 1) if layout == "canonical" else store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a file and a store in both layouts, seven sequences each."""
    from mmnist_lib.scale import save_zarr

    folder = tmp_path_factory.mktemp("made")
    for layout in files.LAYOUTS:
        save_sequences(sample(), 7, folder / f"{layout}.npy", layout=layout)
        save_zarr(sample(), 7, folder / f"{layout}.zarr", layout=layout)
    return folder


ANY = [f"{layout}{suffix}" for layout in files.LAYOUTS for suffix in (".npy", ".zarr")]


# help

# Each option of generate, and what its help says that it is without it.
DEFAULTS = {
    "--sequences": "10000",
    "--frames": "20",
    "--digits": "2",
    "--size": "64",
    "--step-length": "0.1",
    "--rule": "clamp",
    "--split": "test",
    "--source": "auto",
    "--seed": "0",
    "--layout": None,
    "--block": None,
    "--truth": None,
    "--force": None,
    "--scheduler": None,
    "--resume": None,
}


BY_FILE = {"--layout", "--block"}  # the help says what decides


def help_of(text):
    """Give the help of each option of a command, without line breaks."""
    parts = re.split(r"^  (?=--|-h)", text, flags=re.M)[1:]
    return {part.split()[0].strip(","): " ".join(part.split("\n\n")[0].split()) for part in parts}


def test_the_help_names_each_option_and_its_default(run):
    status, out, err = run("generate", "--help")
    assert (status, err) == (0, "")
    described = help_of(out)
    assert described.keys() == {"-h", *DEFAULTS}
    for option, default in DEFAULTS.items():
        found = re.findall(r"\(default: ([^,)]+)", described[option])
        assert found == ([default] if default else []) or option in BY_FILE, option
        assert len(described[option].split()) > 3, option
    really = vars(_parser().parse_args(["generate", "made.npy"]))
    for option, default in DEFAULTS.items():
        value = really[option.strip("-").replace("-", "_")]
        assert (str(value) == default) if default else not value, option


@pytest.mark.parametrize("command", ["generate", "show", "check", "score"])
def test_each_command_has_a_help(run, command):
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "") and out.startswith(f"usage: mmnist {command} ")


def test_the_help_shows_examples_that_can_be_parsed_and_the_exit_status(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "") and out.startswith("usage: mmnist ")
    assert all(f"\n    {command} " in out for command in ("generate", "show", "check"))
    assert all(f"\n  {status} " in out for status in (0, 1, 2, 130))
    examples = re.findall(r"^  mmnist (.*?)(?:  .*)?$", out, flags=re.M)
    assert len(examples) >= 6
    for example in examples:
        _parser().parse_args(example.split())


def test_the_console_script_is_the_command():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="mmnist")
    assert script.load() is main
    mmnist = Path(sys.executable).with_name("mmnist.exe" if os.name == "nt" else "mmnist")
    done = subprocess.run(
        [mmnist, "--help"], capture_output=True, text=True, timeout=HANG, check=True
    )
    assert done.stdout.startswith("usage: mmnist ") and done.stderr == ""


# generate


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([], {}),
        (["--frames", "3"], {"n_frames": 3}),
        (["--digits", "0"], {"n_digits": 0}),
        (["--digits", "5"], {"n_digits": 5}),
        (["--size", "30"], {"size": 30}),
        (["--step-length", "0.25"], {"step_length": 0.25}),
        (["--step-length", "0"], {"step_length": 0.0}),
        (["--rule", "reflect"], {"rule": "reflect"}),
        (["--split", "train"], {"split": "train"}),
        (["--split", "validation"], {"split": "validation"}),
        (["--split", "test"], {}),
        (["--seed", "9"], {"seed": 9}),
        (["--seed", str(2**128 - 1)], {"seed": 2**128 - 1}),
    ],
)
def test_each_setting_reaches_the_data(run, tmp_path, arguments, changes):
    path = tmp_path / "made.npy"
    status, out, err = run("generate", path, "--source", "sample", "--sequences", 6, *arguments)
    assert (status, err) == (0, "") and names(tmp_path) == {"made.npy"}
    data = sample(**changes)
    expected = data.batch(0, 6).swapaxes(0, 1)
    np.testing.assert_array_equal(np.load(path), expected)
    digits = {"train": "3,333 train", "validation": "667 validation"}
    images = digits.get(arguments[-1] if arguments else "", "1,000 test")
    assert out == f"{path}: uint8 {expected.shape}, of {images} digits, seed {data.seed}\n"
    if changes:
        assert not np.array_equal(sample().batch(0, 6).swapaxes(0, 1), expected)


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_the_way_of_writing_reaches_the_file(run, tmp_path, suffix, layout):
    path = tmp_path / f"made{suffix}"
    arguments = ["generate", path, "--source", "sample", "--sequences", 5, "--frames", 20]
    status, out, err = run(*arguments, "--layout", layout, "--truth")
    shape = (20, 5, 64, 64) if layout == "canonical" else (5, 20, 64, 64)
    beside = "made-truth.npz" if suffix == ".npy" else "made.zarr-truth.npz"
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"{path}: uint8 {shape}, of 1,000 test digits, seed 0",
        f"{tmp_path / beside}: the ground truth",
    ]
    assert names(tmp_path) == {path.name, beside}
    found = load_sequences(path, layout) if suffix == ".npy" else open_store(path, layout)
    np.testing.assert_array_equal(found, sample().batch(0, 5))
    with np.load(tmp_path / beside) as truth:
        np.testing.assert_array_equal(truth["track"], sample().truth(0, 5).track)
        np.testing.assert_array_equal(truth["labels"], sample().truth(0, 5).labels)


def test_a_store_has_sequences_first_and_blocks_as_asked_for(run, tmp_path):
    arguments = ["generate", tmp_path / "made.zarr", "--source", "sample", "--sequences", 5]
    status, out, err = run(*arguments, "--block", 2)
    assert (status, err) == (0, "") and "uint8 (5, 20, 64, 64)" in out
    assert zarr.open_array(tmp_path / "made.zarr", mode="r").chunks == (2, 20, 64, 64)
    status, out, err = run(*arguments, "--block", 0, "--force")
    assert (status, err) == (2, "mmnist: --block 0 is too small: pass an integer >= 1\n")


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_force_replaces_file_and_truth(run, tmp_path, suffix):
    path = tmp_path / f"made{suffix}"
    arguments = ["generate", path, "--source", "sample", "--truth", "--frames", "20"]
    assert run(*arguments, "--sequences", 3)[0] == 0
    status, out, err = run(*arguments, "--sequences", 5)
    assert (status, out) == (2, "") and "made" in err and "exists" in err
    status, out, err = run(*arguments, "--sequences", 5, "--force")
    assert (status, err) == (0, "") and len(names(tmp_path)) == 2
    found = load_sequences(path) if suffix == ".npy" else open_store(path, "batch")
    assert len(found) == 5


@pytest.mark.parametrize(("split", "part"), [("train", slice(7)), ("test", slice(None))])
@pytest.mark.parametrize("how", ["named", "set"])
def test_digits_of_ones_own_are_taken(run, tmp_path, monkeypatch, split, part, how):
    parts = pool(tmp_path / "mine.npz")
    source = ["--source", tmp_path / "mine.npz"]
    if how == "set":
        monkeypatch.setenv("MMNIST_DATA", str(tmp_path / "mine.npz"))
        source = []
    arguments = ["generate", tmp_path / "made.npy", "--sequences", 6, "--split", split]
    status, out, err = run(*arguments, *source)
    images = parts[f"x_{split}"][part]
    assert (status, err) == (0, "") and f"of {len(images)} {split} digits" in out
    data = MovingMNIST(images)
    np.testing.assert_array_equal(load_sequences(tmp_path / "made.npy"), data.batch(0, 6))


def test_all_of_mnist_is_asked_for_first_and_of_keras_by_name(run, tmp_path, monkeypatch):
    parts = pool(tmp_path / "mine.npz")
    everything = [parts[name] for name in _unpack.NAMES]
    monkeypatch.setattr(loading, "download_mnist", lambda: everything)
    for source in ([], ["--source", "auto"], ["--source", "keras"]):
        status, out, err = run(
            "generate", tmp_path / "made.npy", "--sequences", 2, "--force", *source
        )
        assert (status, err) == (0, "") and "of 7 test digits" in out


def test_where_the_bundled_digits_stand_in_a_line_says_so(run, tmp_path, monkeypatch):
    def offline():
        raise ConnectionError("Keras could not download MNIST (no network)")

    monkeypatch.setattr(loading, "download_mnist", offline)
    status, out, err = run("generate", tmp_path / "made.npy", "--sequences", 6)
    assert status == 0 and "of 1,000 test digits" in out
    assert re.fullmatch(r"mmnist: using the 5,000 bundled digits, because .*no network.*\n", err)
    np.testing.assert_array_equal(load_sequences(tmp_path / "made.npy"), sample().batch(0, 6))
    status, out, err = run("generate", tmp_path / "other.npy", "--source", "keras")
    assert (status, out) == (2, "") and names(tmp_path) == {"made.npy"}
    assert err == "mmnist: Keras could not download MNIST (no network)\n"


def test_a_larger_file_begins_with_a_smaller_one(run, tmp_path):
    for n in (3, 6):
        arguments = ["generate", tmp_path / f"{n}.npy", "--source", "sample", "--sequences", n]
        assert run(*arguments)[0] == 0
    few, many = (load_sequences(tmp_path / f"{n}.npy") for n in (3, 6))
    np.testing.assert_array_equal(few, many[:3])


def test_a_cluster_is_asked_to_do_the_work(run, tmp_path, monkeypatch):
    asked, client = [], distributed.Client

    def asking(address, **options):
        asked.append(address)
        return client(address, **options)

    monkeypatch.setattr(distributed, "Client", asking)
    with distributed.LocalCluster(
        n_workers=1, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address=":0"
    ) as cluster:
        address = cluster.scheduler_address
        arguments = ["generate", tmp_path / "made.zarr", "--source", "sample", "--sequences", 5]
        status, _, err = run(*arguments, "--scheduler", address)
    assert (status, err) == (0, "") and asked == [address]
    found = open_store(tmp_path / "made.zarr", "batch")
    np.testing.assert_array_equal(found, sample().batch(0, 5))


# errors


def one_line(err):
    """Tell whether this is how the command complains."""
    return re.fullmatch(r"mmnist[^\n]+\n", err) and "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "mmnist: the following arguments are required: COMMAND .see mmnist --help."),
        (["make"], r"invalid choice: 'make' .*generate.*show.*check"),
        (["generate"], r"required: file \(see mmnist generate --help\)"),
        (["generate", "new.npy", "--speed", "3"], "unrecognized arguments: --speed 3"),
        (["generate", "new.npy", "--sequences", "many"], "--sequences: invalid int value: 'many'"),
        (
            ["generate", "new.npy", "--sequences", "0"],
            "mmnist: --sequences 0 is too small: .* >= 1",
        ),
        (["generate", "new.npy", "--sequences", "-5"], "--sequences -5 is too small"),
        (["generate", "new.npy", "--sequences", "9" * 30], "new.npy|sequences"),
        (["generate", "new.npy", "--frames", "0"], "--frames 0 is too small"),
        (["generate", "new.npy", "--frames", "9" * 17], "frames|memory|allocate|too"),
        (["generate", "new.npy", "--digits", "-1"], "--digits -1 is too small"),
        (["generate", "new.npy", "--digits", "9" * 17], "digits|memory|allocate|too"),
        (["generate", "new.npy", "--size", "27"], r"--size 27 is smaller than the digits \(28\)"),
        (["generate", "new.npy", "--size", "64.5"], "--size: invalid int value"),
        (["generate", "new.npy", "--size", "1000000"], "size|memory|allocate"),
        (["generate", "new.zarr", "--size", "1000000"], "size|memory|allocate"),
        (
            ["generate", "new.npy", "--step-length", "nan"],
            "--step-length nan: (give|pass) a finite",
        ),
        (
            ["generate", "new.npy", "--step-length", "-1"],
            r"--step-length -1\.0: (give|pass) a finite",
        ),
        (["generate", "new.npy", "--seed", "-1"], "--seed -1 is too small"),
        (
            ["generate", "new.npy", "--seed", str(2**128)],
            "--seed .* is too large: pass an integer <=",
        ),
        (["generate", "new.npy", "--rule", "bounce"], "--rule: invalid choice: 'bounce'"),
        (["generate", "new.npy", "--split", "all"], "--split: invalid choice: 'all'"),
        (["generate", "new.npy", "--layout", "torch"], "--layout: invalid choice: 'torch'"),
        (
            ["generate", "new.npy", "--resume"],
            "--resume and --block are for a store: name a FILE.zarr",
        ),
        (["generate", "new.npy", "--scheduler", "tcp://h:1"], "--scheduler.* name a FILE.zarr"),
        (["generate", "new.npy", "--block", "3"], "--block are for a store: name a FILE.zarr"),
        (["generate", "new.zarr", "--resume"], "to resume: begin without --resume"),
        (["generate", "new.zarr", "--scheduler", "nowhere"], "nowhere"),
        (["generate", "new"], "new': choose a name that ends in .npy or .npz or .zarr"),
        (["generate", "new.gz"], "new.gz': choose a name that ends in .npy or .npz or .zarr"),
        (["generate", "no/new.npy"], "there is no folder 'no'"),
        (["generate", "no/new.zarr"], "there is no folder 'no'"),
        (["generate", "old.npy"], r"old.npy' exists: .*\(--force\)"),
        (["generate", "old.zarr"], r"old.zarr' exists: .*\(--force\)"),
        (["generate", "old.zarr", "--force"], "old.zarr' is not a Zarr array, so it is not"),
        (["generate", "new.npy", "--source", "none.npz"], "--source 'none.npz' is neither 'auto'"),
        (
            ["generate", "new.npy", "--source", "old.npy"],
            "--source 'old.npy' cannot .* an .npz archive.* .--source sample needs",
        ),
        (["show", "none.npy"], "none.npy' does not exist: pass the name of a file"),
        (["show", "old.npy"], "old.npy' is not a whole .npy file"),
        (["show", "good.npy", "--index", "3"], "--index 3: the file has sequences 0 to 2"),
        (["show", "good.npy", "--index", "-1"], "--index -1: the file has sequences 0 to 2"),
        (
            ["show", "good.npy", "--save", "clip.mp4"],
            "clip.mp4': choose a name that ends in .gif or",
        ),
        (["show", "good.npy", "--save", "old.png"], r"old.png' exists: .*\(--force\)"),
        (["show", "good.npy", "--save", "no/clip.gif"], "there is no folder 'no'"),
        (
            ["show", "short.npy", "--layout", "batch"],
            "--layout batch: 'short.npy' says .*'canonical'",
        ),
        (["show", "empty.npy"], "empty.npy|sequence"),
        (["show", "other.zarr"], "other.zarr"),
        (["check", "none.npy"], "none.npy' does not exist: pass the name of a file"),
        (["check", "none.zarr"], "none.zarr' does not exist"),
        (["check", "old.npy"], "old.npy' is not a whole .npy file"),
        (["check", "old.zarr"], "old.zarr' is a folder"),
        (["check", "."], "is a folder: name the file in it"),
        (["check", "foreign.npy"], "what is time: pass --layout canonical .* or --layout batch"),
        (["check", "empty.npy"], "empty.npy|sequence"),
        (["check", "damaged.zarr", "--layout", "canonical"], "damaged.zarr: "),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMNIST_DATA", str(loading.SAMPLE))
    Path("old.npy").write_bytes(b"no frames")
    Path("old.png").write_bytes(b"no frames")
    Path("old.zarr").mkdir()
    zarr.create_group("other.zarr")
    damaged = zarr.create_array("damaged.zarr", shape=(20, 3, 28, 28), dtype="uint8")
    damaged[:] = 1
    next(path for path in Path("damaged.zarr/c").rglob("*") if path.is_file()).write_bytes(b"half")
    save_sequences(sample(), 3, "good.npy")
    save_sequences(sample(n_frames=4), 3, "short.npy")
    np.save("foreign.npy", np.zeros((10, 20, 8, 8), np.uint8))
    np.save("empty.npy", np.zeros((20, 0, 64, 64), np.uint8))
    before = names(".")
    status, _, err = run(*arguments)
    assert status == 2 and one_line(err), err
    assert re.search(words, err), err
    # An unfinished store may stay, to be resumed.
    assert names(".") - {".new.zarr.partial"} == before
    assert Path("old.npy").read_bytes() == Path("old.png").read_bytes() == b"no frames"


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "no/new.npy"],
        ["generate", "new.npy", "--sequences", "many"],
        ["show", "none.npy"],
        ["check", "none.npy"],
    ],
)
def test_a_user_sees_the_line_and_the_status(tmp_path, arguments):
    status, out, err = start(arguments[0], tmp_path / arguments[1], *arguments[2:])
    assert (status, out) == (2, "") and one_line(err)
    assert names(tmp_path) == set()


def test_a_scheduler_that_does_not_answer_is_said_in_a_line(run, tmp_path, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout=1))
    arguments = ["generate", tmp_path / "made.zarr", "--source", "sample", "--sequences", 5]
    status, out, err = run(*arguments, "--scheduler", "tcp://127.0.0.1:1")
    assert (status, out) == (2, "") and one_line(err) and "tcp://127.0.0.1:1 " in err


WITH_A_LIMIT = """
import resource, sys
from mmnist_lib.__main__ import main

resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
sys.exit(main(sys.argv[1:]))
"""


@posix
def test_a_pipe_is_refused_and_not_waited_for(run, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for arguments in (
        ["check", tmp_path / "pipe"],
        ["show", tmp_path / "pipe"],
        ["generate", tmp_path / "made.npy", "--source", tmp_path / "pipe"],
        ["generate", tmp_path / "made.npy", "--source", "/dev/zero"],
    ):
        status, out, err = run(*arguments)
        assert (status, out) == (2, "") and one_line(err) and "is not a regular file" in err


def test_files_for_predrnn_are_made_shown_and_checked(run, tmp_path):
    path = tmp_path / "made.npz"
    arguments = ["generate", path, "--source", "sample", "--sequences", 3, "--frames", 4]
    status, out, err = run(*arguments, "--truth")
    assert (status, err) == (0, "") and names(tmp_path) == {"made.npz", "made.npz-truth.npz"}
    np.testing.assert_array_equal(load_sequences(path), sample(n_frames=4).batch(0, 3))
    status, out, err = run("show", path)
    assert (status, err) == (0, "") and ": 3 sequences of 4 frames, 64 × 64\n" in out
    status, out, err = run("check", path)
    assert (status, err) == (1, "") and "(3, 4, 64, 64)" in out


def test_a_part_without_digits_is_named(run, tmp_path):
    content = bytes([0, 0, 8, 3]) + np.array([6, 28, 28], ">u4").tobytes() + bytes(6 * 784)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(content)  # all that OpenSTL needs
    arguments = ["generate", tmp_path / "made.npy", "--source", tmp_path, "--sequences", 2]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and "has no test digits: see --split" in err
    status, out, err = run(*arguments, "--split", "train")
    assert (status, err) == (0, "") and "of 5 train digits" in out


@posix
@pytest.mark.parametrize(
    ("redirect", "status"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 2), ("| true", 0)]
)
def test_an_output_that_takes_nothing_ends_in_no_traceback(made, redirect, status):
    shell = f"{sys.executable} -m mmnist_lib show {made / 'batch.npy'} {redirect}"
    if redirect == ">/dev/full" and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = subprocess.run(
        ["bash", "-c", shell], capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == status and "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("standard output: No space left" in done.stderr) == (status == 2)


def test_a_terminal_of_ascii_sees_a_question_mark(made):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    status, out, err = start("show", made / "batch.npy", env=environment)
    assert (status, err) == (0, "") and "frames, 64 ? 64" in out


@posix
@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_of_two_runs_with_force_on_one_name_one_loses(run, tmp_path, monkeypatch, suffix):
    path, lost = tmp_path / f"made{suffix}", []
    arguments = ["generate", path, "--source", "sample", "--truth", "--force", "--sequences", 3]
    batch = MovingMNIST.batch

    def while_another_runs(data, start, stop, out=None):
        if stop - start == 3 and not lost:
            lost.append(None)
            lost[0] = start_other(*arguments, "--seed", 2)
        return batch(data, start, stop, out)

    start_other = start
    monkeypatch.setattr(MovingMNIST, "batch", while_another_runs)
    status, out, err = run(*arguments, "--seed", 1)
    assert (status, err) == (0, "") and "seed 1" in out
    assert lost[0][0] == 2 and lost[0][1] == "" and "another run is writing it" in lost[0][2]
    beside = "made-truth.npz" if suffix == ".npy" else "made.zarr-truth.npz"
    assert names(tmp_path) == {path.name, beside}
    found = load_sequences(path) if suffix == ".npy" else open_store(path, "batch")
    np.testing.assert_array_equal(found, sample(seed=1).batch(0, 3))
    with np.load(tmp_path / beside) as truth:
        np.testing.assert_array_equal(truth["track"], sample(seed=1).truth(0, 3).track)


@posix
@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_a_disk_that_takes_no_more_is_said_in_a_line(tmp_path, suffix):
    path = tmp_path / f"made{suffix}"
    arguments = ["generate", path, "--source", "sample", "--sequences", "200"]
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_LIMIT, *map(str, arguments)],
        capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "") and one_line(done.stderr)
    assert "File too large" in done.stderr
    # An unfinished store stays, to be resumed.
    assert names(tmp_path) == (set() if suffix == ".npy" else {".made.zarr.partial"})


@posix
@pytest.mark.parametrize("limit", ["2**16", "2048000"])  # the second is met again on closing
def test_the_line_about_a_full_disk_names_the_file(tmp_path, limit):
    arguments = ["generate", tmp_path / "made.npy", "--source", "sample", "--sequences", "500"]
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_LIMIT.replace("2**16", limit), *map(str, arguments)],
        capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert "None" not in done.stderr and "made.npy" in done.stderr


@pytest.mark.parametrize("missing", ["zarr", "dask", "distributed"])
def test_what_a_store_needs_is_named_before_the_digits_are_loaded(
    run, tmp_path, monkeypatch, missing
):
    monkeypatch.delitem(sys.modules, "mmnist_lib.scale", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("mmnist_lib.__main__.load_mnist", lambda source: pytest.fail("loaded"))
    status, out, err = run("generate", tmp_path / "made.zarr")
    assert (status, out) == (2, "") and one_line(err) and names(tmp_path) == set()
    assert "pip install 'mmnist-lib[scale]'" in err


@pytest.mark.parametrize("missing", ["zarr", "dask.array"])
def test_what_reading_a_store_needs_is_named(run, made, monkeypatch, missing):
    monkeypatch.delitem(sys.modules, "mmnist_lib.scale", raising=False)
    monkeypatch.setitem(sys.modules, missing, None)
    status, out, err = run("show", made / "canonical.zarr")
    assert (status, out) == (2, "") and one_line(err) and "pip install" in err


# stopped


def begun(partial):
    """Tell whether the first block of a file or of a store is written."""
    if partial.suffixes[-2] == ".zarr":
        return (partial / "c").exists()
    return partial.exists() and partial.stat().st_size > 2**20


@posix
@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_ctrl_c_stops_it_and_a_store_can_be_resumed(tmp_path, suffix):
    path, partial = tmp_path / f"made{suffix}", tmp_path / f".made{suffix}.partial"
    arguments = ["generate", path, "--source", "sample", "--sequences"]
    arguments += ["100000" if suffix == ".npy" else "4000"]
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"DASK_NUM_WORKERS": "1"},  # one block after the other
    )  # fmt: skip
    with process:
        try:
            until = time.monotonic() + HANG
            # Not before the first block: NumPy imports its random numbers when they are first
            # asked for, and a Ctrl-C that comes during that import is lost in it.
            while not begun(partial) and time.monotonic() < until:
                assert process.poll() is None
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=HANG)
        finally:
            process.kill()
    assert process.returncode == 130 and out == ""
    assert err.strip() == "mmnist: stopped"
    assert names(tmp_path) == (set() if suffix == ".npy" else {partial.name})
    if suffix == ".zarr":
        status, out, err = start(*arguments, "--resume")
        assert (status, err) == (0, "") and names(tmp_path) == {path.name}
        np.testing.assert_array_equal(
            zarr.open_array(path, mode="r")[3900:], sample().batch(3900, 4000)
        )


@posix
@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("command", ["show", "check", "--help"])
def test_nobody_reading_on_is_no_error(made, command, buffered):
    reader, writer = os.pipe()
    os.close(reader)  # as of `mmnist show FILE | head` when head is gone
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    if not buffered:
        environment["PYTHONUNBUFFERED"] = "1"
    arguments = [command] if command == "--help" else [command, made / "batch.npy"]
    try:
        done = subprocess.run(
            [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, text=True,
            timeout=HANG, check=False, env=environment,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


# the progress bar


def on_a_terminal(*arguments, code=None, **options):
    """Run the command with its errors on a terminal, and return what stands there."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", code] if code else COMMAND
    process = subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=theirs, **options
    )
    os.close(theirs)
    seen, until = b"", time.monotonic() + HANG
    try:
        while time.monotonic() < until:
            if not select.select([ours], [], [], 1)[0]:
                continue
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            seen += piece
        process.communicate(timeout=HANG)
    finally:
        process.kill()
        os.close(ours)
    return process.returncode, seen.decode()


def screen(text):
    """Draw as a terminal does: the lines that stay."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part.split("\x1b[K")[-1] if "\x1b[K" in part else part + shown[len(part) :]
        lines.append(shown.rstrip())
    return [line for line in lines if line]


@posix
@pytest.mark.parametrize(("suffix", "n_blocks"), [(".npy", 3), (".zarr", 19)])  # of 512, of 64
def test_a_terminal_sees_a_bar_that_fills_and_goes(tmp_path, suffix, n_blocks):
    path = tmp_path / f"made{suffix}"
    arguments = ["generate", path, "--source", "sample", "--sequences", "1200"]
    status, text = on_a_terminal(*arguments)
    assert status == 0
    percents = [int(number) for number in re.findall(r"(\d+) %", text)]
    assert len(percents) == n_blocks and percents == sorted(percents) and percents[-1] == 100
    assert f"made{suffix} [####" in text and screen(text) == []


@posix
def test_a_terminal_sees_the_error_on_a_line_of_its_own(tmp_path):
    limited = WITH_A_LIMIT.replace("2**16, 2**16", "2**26, 2**26")  # 64 MB, after a block
    arguments = ["generate", tmp_path / "made.npy", "--source", "sample", "--layout", "batch"]
    status, text = on_a_terminal(*arguments, "--sequences", "1200", code=limited)
    assert status == 2 and "%" in text
    assert screen(text)[-1].startswith("mmnist: ")


def test_a_pipe_sees_no_bar(tmp_path):
    status, _, err = start(
        "generate", tmp_path / "made.npy", "--source", "sample", "--sequences", "600"
    )
    assert (status, err) == (0, "")
    status, _, err = start("check", tmp_path / "made.npy")
    assert (status, err) == (1, "")


# show


def test_a_clip_is_drawn_in_characters(run, tmp_path):
    frames = np.zeros((1, 20, 4, 4), np.uint8)
    frames[0, 0] = [[0, 25, 26, 51], [0, 0, 0, 52], [255, 0, 128, 231], [0, 229, 0, 0]]
    frames[0, 19] = 255
    frames[0, 1:19] = 77  # neither first nor last
    np.save(tmp_path / "made.npy", frames)
    status, out, err = run("show", tmp_path / "made.npy", "--layout", "batch")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"{tmp_path / 'made.npy'}: 1 sequences of 20 frames, 4 × 4",
        "frame 0 of sequence 0  frame 19",
        # Two rows of pixels to a row of characters, the brighter of the two.
        "  .: |@@@@",
        "@%+@ |@@@@",
    ]


def test_the_brightest_of_the_pixels_stands_for_them_and_an_edge_is_kept(run, tmp_path):
    frames = np.zeros((3, 20, 65, 65), np.uint8)
    frames[2, 0, 64, 64] = frames[2, 0, 31, 2] = 255
    frames[2, 19, 0, 0] = 255
    np.save(tmp_path / "made.npy", frames)
    status, out, _ = run("show", tmp_path / "made.npy", "--layout", "batch", "--index", "2")
    assert status == 0
    first, last = zip(*(line.split("|") for line in out.splitlines()[2:]), strict=True)
    assert len(first) == 11 and {len(line) for line in first} == {23}  # 6 × 3 pixels each
    marks = [(row, line.index("@")) for row, line in enumerate(first) if "@" in line]
    assert marks == [(5, 0), (10, 21)]
    assert [line.strip() for line in last] == ["@"] + [""] * 10


def test_a_canvas_that_is_not_square_is_drawn_in_its_shape(run, tmp_path):
    frames = np.full((1, 20, 3, 9), 255, np.uint8)
    save_sequences(frames, 1, tmp_path / "made.npy")
    status, out, err = run("show", tmp_path / "made.npy")
    assert (status, err) == (0, "")
    head, _, *picture = out.splitlines()
    assert head.endswith("20 frames, 3 × 9") and picture == ["@" * 9 + " |" + "@" * 9] * 2


@pytest.mark.parametrize("columns", ["80", "60", "20", "8", "6", "5", "4", "1", "1000"])
def test_the_picture_fits_the_terminal(run, made, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    status, out, err = run("show", made / "canonical.npy")
    assert (status, err) == (0, "")
    picture = [line for line in out.splitlines() if "|" in line]
    assert picture and "@" in out
    if int(columns) >= 8:
        assert max(map(len, picture)) <= int(columns)


@pytest.mark.parametrize("name", ANY)
def test_any_file_of_sequences_is_shown(run, made, name):
    status, out, err = run("show", made / name, "--index", "3")
    assert (status, err) == (0, "")
    head, caption, *picture = out.splitlines()
    assert head == f"{made / name}: 7 sequences of 20 frames, 64 × 64"
    assert caption == f"{'frame 0 of sequence 3':<32}  frame 19" and len(picture) == 16
    blocks = sample()[3].reshape(20, 16, 4, 32, 2).max(axis=(2, 4))[[0, 19]]
    bright = blocks.astype(int) * 10 // 256
    for row, line in enumerate(picture):
        first, last = line.split(" |")
        assert first == "".join(" .:-=+*#%@"[level] for level in bright[0, row])
        assert last == "".join(" .:-=+*#%@"[level] for level in bright[1, row]).rstrip()


def test_the_layout_is_said_where_the_shape_does_not_tell(run, tmp_path):
    np.save(tmp_path / "short.npy", sample(n_frames=4).batch(0, 3))
    status, out, err = run("show", tmp_path / "short.npy", "--layout", "batch")
    assert (status, err) == (0, "") and ": 3 sequences of 4 frames, 64 × 64\n" in out
    status, out, err = run("show", tmp_path / "short.npy", "--layout", "canonical")
    assert (status, err) == (0, "") and ": 4 sequences of 3 frames, 64 × 64\n" in out


@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_a_store_tells_its_layout_where_the_shape_does_not(run, tmp_path, layout):
    path = tmp_path / "short.zarr"
    arguments = ["generate", path, "--source", "sample", "--sequences", 3, "--frames", 4]
    assert run(*arguments, "--layout", layout)[0] == 0
    status, out, err = run("show", path)
    assert (status, err) == (0, "") and ": 3 sequences of 4 frames, 64 × 64\n" in out
    (other,) = {*files.LAYOUTS} - {layout}
    status, out, err = run("show", path, "--layout", other)
    assert (status, out) == (2, "") and f"says of itself that it is {layout!r}" in err


@pytest.mark.parametrize("name", ["batch.npy", "canonical.zarr"])
def test_a_clip_is_saved_as_a_gif(run, made, tmp_path, name):
    path = tmp_path / "clip.gif"
    status, out, err = run("show", made / name, "--index", "3", "--save", path)
    assert (status, err) == (0, "") and names(tmp_path) == {"clip.gif"}
    assert out == f"{path}: sequence 3 of {made / name}\n"
    with Image.open(path) as gif:
        assert gif.format == "GIF" and gif.n_frames == 20
        for number in (0, 7, 19):
            gif.seek(number)
            shown = np.asarray(gif.convert("L").resize((64, 64), Image.Resampling.NEAREST))
            np.testing.assert_allclose(shown, sample()[3][number], atol=2)


def test_a_clip_is_saved_as_a_strip(run, made, tmp_path):
    path = tmp_path / "strip.png"
    status, out, err = run("show", made / "canonical.npy", "--index", "3", "--save", path)
    assert (status, err) == (0, "") and names(tmp_path) == {"strip.png"}
    assert out == f"{path}: sequence 3 of {made / 'canonical.npy'}\n"
    with Image.open(io.BytesIO(path.read_bytes())) as strip:
        assert strip.format == "PNG" and strip.width > 10 * strip.height
    other = tmp_path / "other.png"
    assert run("show", made / "batch.npy", "--index", "4", "--save", other)[0] == 0
    assert other.read_bytes() != path.read_bytes()


@pytest.mark.parametrize("name", ["clip.gif", "strip.png"])
def test_a_picture_is_replaced_only_by_force(run, made, tmp_path, name):
    (tmp_path / name).write_bytes(b"old")
    arguments = ["show", made / "canonical.npy", "--save", tmp_path / name]
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and one_line(err) and "exists" in err
    assert (tmp_path / name).read_bytes() == b"old"
    status, _, err = run(*arguments, "--force")
    assert (status, err) == (0, "") and names(tmp_path) == {name}
    with Image.open(tmp_path / name) as picture:
        picture.load()


# check


def rows(out):
    """Read the table: what is in the file, and in the published one."""
    return {
        key: (found, published)
        for key, found, published in (
            re.split(r"\s{2,}", line.strip()) for line in out.splitlines()[1:]
        )
    }


@pytest.mark.parametrize("name", ANY)
def test_a_file_of_ours_is_told_from_the_published_one(run, made, name):
    status, out, err = run("check", made / name)
    assert (status, err) == (1, "")
    assert out.startswith(f"{made / name} is not the published file")
    found = rows(out)
    statistics = files.statistics(sample().batch(0, 7))
    for key, value in statistics.items():
        assert found.pop(key) == (value, files.PUBLISHED[key])
    assert found.pop("dtype") == ("uint8", "uint8")
    if name.endswith(".npy"):
        sha256 = hashlib.sha256((made / name).read_bytes()).hexdigest()
        assert found.pop("sha256") == (f"{sha256[:16]}…", f"{files.PUBLISHED['sha256'][:16]}…")
        assert found.pop("bytes") == (f"{7 * 20 * 64**2 + 128:,}", "819,200,096")
    assert found.keys() == {"shape"}
    shape = (20, 7, 64, 64) if name.startswith("canonical") else (7, 20, 64, 64)
    assert found.pop("shape") == (str(shape), "(20, 10000, 64, 64)")


def test_the_published_file_is_known_by_its_bytes(run, made, monkeypatch):
    path = made / "canonical.npy"
    monkeypatch.setitem(files.PUBLISHED, "sha256", hashlib.sha256(path.read_bytes()).hexdigest())
    status, out, err = run("check", path)
    assert (status, out, err) == (0, f"{path} is the published file, byte for byte.\n", "")
    assert run("check", made / "batch.npy")[0] == 1


def test_a_clip_of_another_length_is_checked_without_errors_of_prediction(run, tmp_path):
    save_sequences(sample(n_frames=4), 3, tmp_path / "short.npy")
    status, out, err = run("check", tmp_path / "short.npy", "--layout", "canonical")
    assert (status, err) == (1, "") and "mean pixel" in out and "MSE" not in out
