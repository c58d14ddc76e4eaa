"""Files of sequences: what they hold, how they are read back, and what a fault leaves behind."""

import errno
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import time
import types
from dataclasses import fields
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmnist_lib import GroundTruth, MovingMNIST, _unpack, files, load_sequences, save_sequences
from mmnist_lib._atomic import partial_path
from tests.limits import HANG

TRUTH = [field.name for field in fields(GroundTruth)]
posix = pytest.mark.skipif(os.name != "posix", reason="limits and users are those of POSIX")


def digits(n=12, side=5):
    return np.random.default_rng(3).integers(0, 256, (n, side, side), dtype=np.uint8)


def labels(n=12):
    return np.arange(n, dtype=np.uint8) % 10


def small(labels=labels(), **changes):  # noqa: B008
    """Make a small dataset, quickly: a sequence has 576 bytes."""
    settings = {"n_digits": 2, "n_frames": 4, "size": 12, "seed": 1}
    return MovingMNIST(digits(), labels, **settings | changes)


def in_layout(frames, layout):
    """Put the axes of a batch as a file of that layout has them."""
    return np.ascontiguousarray(frames.swapaxes(0, 1)) if layout == "canonical" else frames


def held(folder):
    """Read all that a folder holds, hidden files too."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def python(code, *arguments, **options):
    """Run code in a fresh process and return what it prints."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=HANG, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def blocks_of_three(monkeypatch):
    """Make three sequences of `small` at a time."""
    monkeypatch.setattr(files, "BLOCK_BYTES", 3 * 576 + 500)


# what a file holds


@given(
    n=st.integers(1, 9),
    n_digits=st.integers(0, 3),
    n_frames=st.integers(1, 22),
    room=st.integers(0, 8),
    in_block=st.integers(0, 4),
    layout=st.sampled_from(files.LAYOUTS),
)
@example(n=7, n_digits=2, n_frames=20, room=5, in_block=3, layout="canonical")
@example(n=7, n_digits=2, n_frames=20, room=5, in_block=3, layout="batch")
@settings(max_examples=60)
def test_a_file_holds_what_batch_makes(
    tmp_path_factory, n, n_digits, n_frames, room, in_block, layout
):
    data = small(n_digits=n_digits, n_frames=n_frames, size=5 + room)
    path = tmp_path_factory.mktemp("made") / "made.npy"
    with mock.patch.object(files, "BLOCK_BYTES", in_block * n_frames * (5 + room) ** 2):
        save_sequences(data, n, path, layout=layout)
    np.testing.assert_array_equal(np.load(path), in_layout(data.batch(0, n), layout))
    np.testing.assert_array_equal(load_sequences(path, layout), data.batch(0, n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 10, 11])
@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_the_bytes_are_those_of_np_save_wherever_blocks_end(tmp_path, blocks_of_three, n, layout):
    save_sequences(small(), n, tmp_path / "made.npy", layout=layout)
    expected = io.BytesIO()
    np.save(expected, in_layout(small().batch(0, n), layout))
    # But for white space, in which the layout is said.
    mark, plain = files.MARKS[layout], expected.getvalue()
    assert held(tmp_path) == {"made.npy": plain[:125] + mark + plain[128:]}


def test_time_comes_first_unless_said_otherwise(tmp_path):
    save_sequences(small(), 7, tmp_path / "made.npy")
    made = np.load(tmp_path / "made.npy")
    assert made.shape == (4, 7, 12, 12) and made.dtype == np.uint8 and made.flags.c_contiguous


def test_a_block_is_512_sequences_of_the_usual_kind():
    size = MovingMNIST(digits(side=28)).batch(0, 1).size
    assert list(files.blocks(1100, size)) == [(0, 512), (512, 1024), (1024, 1100)]


def test_other_libraries_read_it_as_they_read_the_published_file(tmp_path):
    """As torchvision.datasets.MovingMNIST and OpenSTL do: np.load, then time behind sequences."""
    data = small(n_frames=20)
    save_sequences(data, 7, tmp_path / "mnist_test_seq.npy")
    published = np.load(tmp_path / "mnist_test_seq.npy")
    assert published.dtype == np.uint8 and published.shape == (20, 7, 12, 12)
    sequences = published.transpose(1, 0, 2, 3)
    np.testing.assert_array_equal(sequences[3, :10], data[3][:10])  # what a model is given
    np.testing.assert_array_equal(sequences[3, 10:], data[3][10:])  # and is asked for


def test_progress_rises_to_the_number_of_sequences(tmp_path, blocks_of_three):
    seen = []
    save_sequences(small(), 10, tmp_path / "made.npy", progress=seen.append)
    assert seen == [3, 6, 9, 10]


@pytest.mark.parametrize("kind", [str, Path, np.str_])
def test_a_name_may_be_a_string_or_a_path(tmp_path, kind):
    save_sequences(small(), 2, kind(tmp_path / "made.npy"))
    assert load_sequences(kind(tmp_path / "made.npy"), "canonical").shape == (2, 4, 12, 12)


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_sequences(small(), 2, "~/made.npy")
    assert list(held(tmp_path)) == ["made.npy"]
    assert load_sequences("~/made.npy", "canonical").shape == (2, 4, 12, 12)


# the ground truth


@pytest.mark.parametrize(
    "labels",
    [
        labels(),
        [f"{name}é" for name in "abcdefghijkl"],
        np.linspace(-1, 1, 12),
        np.arange(12, dtype=">i4"),
        np.arange("2020-01-01", "2020-01-13", dtype="datetime64[D]"),
        [True, False] * 6,
    ],
    ids=["numbers", "strings", "floats", "big endian", "dates", "bools"],
)
def test_the_truth_lies_beside_the_frames(tmp_path, blocks_of_three, labels):
    data = small(labels)
    save_sequences(data, 10, tmp_path / "made.npy", truth=True)
    assert set(held(tmp_path)) == {"made.npy", "made-truth.npz"}
    truth = data.truth(0, 10)
    with np.load(tmp_path / "made-truth.npz", allow_pickle=False) as archive:
        assert set(archive) == {*TRUTH, "settings"}
        for name in TRUTH:
            expected = getattr(truth, name)
            assert archive[name].dtype == expected.dtype, name
            np.testing.assert_array_equal(archive[name], expected, err_msg=name)


@given(
    n=st.integers(1, 7),
    n_digits=st.integers(0, 3),
    n_frames=st.integers(1, 4),
    in_block=st.integers(0, 4),
)
@example(n=5, n_digits=1, n_frames=4, in_block=2)
@settings(max_examples=40)
def test_the_truth_has_each_shape(tmp_path_factory, n, n_digits, n_frames, in_block):
    data = small(n_digits=n_digits, n_frames=n_frames)
    path = tmp_path_factory.mktemp("made") / "made.npy"
    with mock.patch.object(files, "BLOCK_BYTES", in_block * n_frames * 144):
        save_sequences(data, n, path, truth=True)
    truth = data.truth(0, n)
    with np.load(path.with_name("made-truth.npz"), allow_pickle=False) as archive:
        for name in TRUTH:
            np.testing.assert_array_equal(archive[name], getattr(truth, name), err_msg=name)


def test_without_labels_the_truth_in_the_file_has_none(tmp_path):
    save_sequences(small(None), 3, tmp_path / "made.npy", truth=True)
    with np.load(tmp_path / "made-truth.npz") as archive:
        assert set(archive) == {*TRUTH, "settings"} - {"labels"}


@pytest.mark.parametrize(
    "changes",
    [{}, {"n_digits": 3, "n_frames": 2, "size": 9, "step_length": 0.3, "rule": "reflect"}],
)
def test_the_settings_in_the_file_make_the_same_data_again(tmp_path, changes):
    seed = 2**128 - 1  # more than a JSON reader of 64 bits would keep
    data = small(seed=seed, **changes)
    save_sequences(data, 3, tmp_path / "made.npy", truth=True)
    with np.load(tmp_path / "made-truth.npz") as archive:
        kept = json.loads(str(archive["settings"]))
    assert kept.pop("images_sha256") == files.settings_of(data)["images_sha256"]
    again = MovingMNIST(digits(), labels(), **kept)
    assert repr(again) == repr(data)
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy").swapaxes(0, 1), again.batch(0, 3))


def test_the_settings_know_the_digits_by_their_pixels():
    def known(images):
        return files.settings_of(MovingMNIST(images, size=12))["images_sha256"]

    images = digits()
    assert known(images) == known(np.asfortranarray(images)) == known(images.repeat(2, 0)[::2])
    changed = images.copy()
    changed[-1, -1, -1] ^= 1
    assert len({known(images), known(changed), known(images[:-1]), known(images[::-1])}) == 4
    # The same bytes in another shape are other digits.
    assert known(images[:4, :4, :4].reshape(1, 8, 8).copy()) != known(images[:4, :4, :4].copy())


@pytest.mark.parametrize("force", [False, True])
def test_labels_that_no_file_holds_are_refused_and_nothing_is_written(tmp_path, force):
    names = np.array([None, *"bcdefghijkl"], object)
    with pytest.raises(TypeError, match=r"labels are Python objects.*pass numbers or strings"):
        save_sequences(small(names), 3, tmp_path / "made.npy", truth=True, force=force)
    assert held(tmp_path) == {}
    save_sequences(small(names), 3, tmp_path / "made.npy")  # the frames do not need them
    assert set(held(tmp_path)) == {"made.npy"}


# reading


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize("said", [False, True])
def test_both_layouts_are_read_as_sequences_first(tmp_path, layout, said):
    data = small(n_frames=20)
    save_sequences(data, 7, tmp_path / "made.npy", layout=layout)
    sequences = load_sequences(tmp_path / "made.npy", layout if said else None)
    assert sequences.shape == (7, 20, 12, 12) and sequences.dtype == np.uint8
    np.testing.assert_array_equal(sequences, data.batch(0, 7))


@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_what_is_read_cannot_be_written_to(tmp_path, layout):
    save_sequences(small(), 7, tmp_path / "made.npy", layout=layout)
    before = held(tmp_path)
    sequences = load_sequences(tmp_path / "made.npy", layout)
    assert not sequences.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        sequences[0] = 0
    assert held(tmp_path) == before


@pytest.mark.parametrize(("layout", "shape"), [("canonical", (20, -1)), ("batch", (-1, 20))])
def test_a_file_larger_than_memory_is_opened_and_one_sequence_read(tmp_path, layout, shape):
    n = 10_000_000  # 819 GB, all of it a hole in the file
    path = tmp_path / "huge.npy"
    shape = tuple(n if side < 0 else side for side in shape)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": False, "shape": (*shape, 64, 64)}
        )
        try:
            file.truncate(file.tell() + n * 20 * 64 * 64)
        except OSError as error:
            pytest.skip(f"this file system holds no file of 819 GB ({error})")
        file.seek(-1, os.SEEK_END)
        file.write(b"\x07")
    sequences = load_sequences(path)
    assert isinstance(sequences, np.memmap) and sequences.shape == (n, 20, 64, 64)
    assert sequences[-1].sum() == 7 and sequences[12345].sum() == 0


@pytest.mark.parametrize("shape", [(20, 20), (5, 4), (21, 19), (10, 20), (20, 999)])
def test_a_shape_that_does_not_tell_needs_the_layout(tmp_path, shape):
    array = np.arange(np.prod(shape) * 9, dtype=np.uint8).reshape(*shape, 3, 3)
    np.save(tmp_path / "made.npy", array)
    with pytest.raises(
        ValueError, match=r"does not tell what is time: .*layout='canonical'.*'batch'"
    ):
        load_sequences(tmp_path / "made.npy")
    np.testing.assert_array_equal(load_sequences(tmp_path / "made.npy", "batch"), array)
    np.testing.assert_array_equal(
        load_sequences(tmp_path / "made.npy", "canonical"), array.swapaxes(0, 1)
    )


def test_a_file_in_fortran_order_is_read(tmp_path):
    array = np.asfortranarray(np.arange(20 * 3 * 16, dtype=np.uint8).reshape(20, 3, 4, 4))
    np.save(tmp_path / "made.npy", array)
    np.testing.assert_array_equal(
        load_sequences(tmp_path / "made.npy", "canonical"), array.swapaxes(0, 1)
    )


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize(("n", "n_frames"), [(20, 10), (10, 20), (20, 20), (3, 4)])
def test_a_file_of_ours_says_its_layout_and_is_not_contradicted(tmp_path, layout, n, n_frames):
    data, path = small(n_frames=n_frames), tmp_path / "made.npy"
    save_sequences(data, n, path, layout=layout)
    np.testing.assert_array_equal(load_sequences(path), data.batch(0, n))
    other = next(name for name in files.LAYOUTS if name != layout)
    with pytest.raises(ValueError, match=f"layout='{other}': .* says of itself .* '{layout}'"):
        load_sequences(path, other)
    np.save(path, np.load(path))  # saved by others, it says nothing
    with pytest.raises(ValueError, match="does not tell what is time"):
        load_sequences(path)


@pytest.mark.parametrize("axis", [2, 4])
def test_a_file_with_a_channel_axis_is_read(tmp_path, axis):
    frames = small().batch(0, 7)
    np.save(tmp_path / "made.npy", np.expand_dims(frames, axis))
    np.testing.assert_array_equal(load_sequences(tmp_path / "made.npy", "batch"), frames)


# arrays of one's own, and PredRNN's file


class Wide:
    """Makes sequences on a canvas that is not square."""

    def batch(self, start, stop):
        return np.arange(start, stop, dtype=np.uint8)[:, None, None, None] * np.ones(
            (1, 3, 5, 9), np.uint8
        )


@pytest.mark.parametrize("name", ["own.npy", "own.npz"])
def test_own_arrays_and_whatever_makes_batches_are_written(tmp_path, name):
    frames = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 9), dtype=np.uint8)
    for own in (frames, frames[..., None], frames[:, :, None], frames / 255):
        save_sequences(own, 6, tmp_path / name, force=True)
        np.testing.assert_array_equal(load_sequences(tmp_path / name), frames)
    save_sequences(Wide(), 7, tmp_path / name, force=True)
    np.testing.assert_array_equal(load_sequences(tmp_path / name), Wide().batch(0, 7))


@pytest.mark.parametrize(
    ("own", "error", "words"),
    [
        (np.zeros((3, 4, 5, 9), np.uint8), ValueError, "n_sequences=9: data has 3 sequences"),
        (np.zeros((9, 4, 5, 9), int), TypeError, "data has dtype int64: pass uint8"),
        (np.full((9, 4, 5, 9), 9.0), ValueError, "data run from 9 to 9"),
        (np.zeros((4, 5, 9), np.uint8), ValueError, "data has shape"),
        (3, ValueError, "data has shape"),
    ],
)
def test_what_holds_no_sequences_is_not_written(tmp_path, own, error, words):
    with pytest.raises(error, match=words):
        save_sequences(own, 9, tmp_path / "own.npy")
    with pytest.raises(TypeError, match="truth=True needs a MovingMNIST"):
        save_sequences(np.zeros((9, 4, 5, 9), np.uint8), 9, tmp_path / "own.npy", truth=True)
    assert held(tmp_path) == {}


def test_predrnn_finds_inputs_and_targets_where_it_looks(tmp_path, blocks_of_three):
    data = small(n_frames=5)
    save_sequences(data, 7, tmp_path / "made.npz", truth=True)
    assert set(held(tmp_path)) == {"made.npz", "made.npz-truth.npz"}
    with np.load(tmp_path / "made.npz") as stored:
        clips, dims, frames = (stored[name] for name in files.PREDRNN)
    assert dims.tolist() == [[1, 12, 12]] and frames.shape == (35, 1, 12, 12)
    assert frames.dtype == np.float32 and frames.max() == 1
    for i in range(7):  # as its loader cuts them
        parts = [frames[begin : begin + length, 0] for begin, length in clips[:, i]]
        assert [len(part) for part in parts] == [3, 2]
        np.testing.assert_array_equal((np.concatenate(parts) * 255).round(), data[i])
    loaded = load_sequences(tmp_path / "made.npz")
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, data.batch(0, 7))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clips": None}, "it has no array clips .*; PredRNN's layout is clips, dims, input_raw"),
        ({"clips": np.array([[[0, 3]], [[3, 9]]])}, "not sequences of one length, one after"),
        ({"clips": np.array([[[-1, 1]], [[0, 1]]])}, "not counts"),
        ({"clips": np.array([[[0, 2], [2, 3]], [[5, 1], [0, 1]]])}, "not sequences of one length"),
        (
            {"clips": np.zeros((2, 3))},
            r"clips is float64 of shape \(2, 3\), not counts \(2, n, 2\)",
        ),
        ({"input_raw_data": np.full((9, 1, 5, 6), 255.0)}, "do not go from 0 to 1"),
        ({"input_raw_data": np.full((9, 1, 5, 6), np.nan)}, "do not go from 0 to 1"),
        ({"input_raw_data": np.zeros((9, 3, 5, 6))}, "not gray frames"),
        ({"input_raw_data": np.zeros((9, 1, 5, 6), complex)}, "not gray frames"),
        ({"input_raw_data": np.zeros((2**31, 1, 0, 6), np.uint8)}, "not gray frames"),
        ({"input_raw_data": np.array([{}])}, "holds pickled objects"),
    ],
)
def test_what_predrnn_could_not_read_is_refused(tmp_path, changes, words):
    stored = {"clips": np.array([[[0, 3]], [[3, 6]]]), "dims": [[1, 5, 6]]}
    stored |= {"input_raw_data": np.zeros((9, 1, 5, 6))} | changes
    path = tmp_path / "made.npz"
    np.savez(path, **{name: array for name, array in stored.items() if array is not None})
    with pytest.raises(ValueError, match=f"made.npz' is not a whole .npz for PredRNN: .*{words}"):
        load_sequences(path)


def test_an_npz_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, monkeypatch):
    save_sequences(small(), 3, tmp_path / "made.npz")
    monkeypatch.setattr(_unpack, "LARGEST", 1000)
    with pytest.raises(ValueError, match="input_raw_data unpacks to 1,728 bytes, more than 1,000"):
        load_sequences(tmp_path / "made.npz")


def test_a_number_of_sequences_that_no_file_holds_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"n_sequences=.* is too large: no file holds"):
        save_sequences(small(), 2**56, tmp_path / "made.npy")  # times 576 bytes


# two runs on one name, links, and the room on the disk


@posix
@pytest.mark.parametrize("force", [False, True])
def test_a_run_on_a_name_that_is_being_written_loses(tmp_path, blocks_of_three, force):
    losses = []

    def meanwhile(done):
        with pytest.raises(FileExistsError, match=r"\.made\.npy\.partial' exists: another run"):
            save_sequences(small(seed=5), 3, tmp_path / "made.npy", force=force)
        losses.append(done)

    save_sequences(small(), 10, tmp_path / "made.npy", truth=True, progress=meanwhile)
    assert losses == [3, 6, 9, 10]
    assert set(held(tmp_path)) == {"made.npy", "made-truth.npz"}
    np.testing.assert_array_equal(load_sequences(tmp_path / "made.npy"), small().batch(0, 10))


@posix
def test_a_run_that_fails_leaves_what_another_one_began_after_it(tmp_path, monkeypatch):
    replace = Path.replace

    def replace_and_begin(partial, path):
        replace(partial, path)
        partial.write_bytes(b"another's")

    monkeypatch.setattr(Path, "replace", replace_and_begin)
    save_sequences(small(), 3, tmp_path / "made.npy")
    assert held(tmp_path)[".made.npy.partial"] == b"another's"


@posix
def test_force_follows_no_link_at_the_name_of_an_unfinished_file(tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / ".made.npy.partial").symlink_to("precious")
    with pytest.raises(FileExistsError, match="exists: another run"):
        save_sequences(small(), 3, tmp_path / "made.npy")
    save_sequences(small(), 3, tmp_path / "made.npy", force=True)
    assert held(tmp_path)["precious"] == b"precious" and (tmp_path / "made.npy").is_file()
    assert not (tmp_path / "made.npy").is_symlink()


def test_the_room_is_asked_for_before_a_file_is_begun(tmp_path, monkeypatch):
    usage = types.SimpleNamespace(free=5000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    words = "No space left on device: 5,760 bytes are needed, 5,000 are free"
    monkeypatch.setattr(MovingMNIST, "truth", small().truth)
    with pytest.raises(OSError, match=words) as caught:
        save_sequences(small(), 10, tmp_path / "made.npy", truth=True)
    assert caught.value.errno == errno.ENOSPC and held(tmp_path) == {}


@posix
def test_a_pipe_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    with pytest.raises(ValueError, match=r"pipe.npy' is not a regular file"):
        load_sequences(tmp_path / "pipe.npy")


def npy(shape, dtype=np.uint8):
    file = io.BytesIO()
    np.save(file, np.zeros(shape, dtype), allow_pickle=True)
    return file.getvalue()


def header(shape, pixels=100):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + bytes(pixels)


WHOLE = npy((20, 3, 4, 4))
NO_SEQUENCES = "no sequences: pass a file of uint8, .20, n, size, size"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a whole .npy file"),
        (WHOLE[:5], "is not a whole .npy file"),
        (WHOLE[:60], "is not a whole .npy file"),
        (WHOLE[:128], "is not a whole .npy file"),
        (WHOLE[:-1], "is not a whole .npy file"),
        (b"\n" + WHOLE, "is not a whole .npy file"),
        (b"PK\x03\x04" + WHOLE, "is not a whole .npy file"),
        (b"frame,pixel\n0,0\n" * 50, "is not a whole .npy file"),
        (pickle.dumps([1, 2]), "is not a whole .npy file"),
        (npy((20, 3, 4, 4), object), "is not a whole .npy file of numbers.*Python objects"),
        (npy((20, 3, 4, 4), np.float32), f"holds float32 of shape .*{NO_SEQUENCES}"),
        (npy((20, 3, 4, 4), np.int8), f"holds int8 of shape .*{NO_SEQUENCES}"),
        (npy((20, 3, 4, 4), bool), f"holds bool of shape .*{NO_SEQUENCES}"),
        (npy((20, 3, 16)), rf"holds uint8 of shape \(20, 3, 16\), {NO_SEQUENCES}"),
        (npy((20, 3, 4, 4, 3)), rf"holds uint8 of shape \(20, 3, 4, 4, 3\), {NO_SEQUENCES}"),
        (npy(()), rf"holds uint8 of shape \(\), {NO_SEQUENCES}"),
        (npy((20, 64, 64, 1)), r"has shape .*, whose last axis reads as channels"),
        (header((20, -3, 4, 4)), "is not a whole .npy file"),
        (header((20, 10**30, 4, 4)), "is not a whole .npy file"),
    ],
)
@pytest.mark.parametrize("layout", [None, "canonical"])
def test_what_is_no_file_of_sequences_is_refused(tmp_path, content, words, layout):
    (tmp_path / "bad.npy").write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.npy' {words}"):
        load_sequences(tmp_path / "bad.npy", layout)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("none.npy", FileNotFoundError, "none.npy' does not exist: pass the name of a file"),
        ("no/no.npy", FileNotFoundError, "no.npy' does not exist"),
        ("", IsADirectoryError, "is a folder: name the file in it"),
    ],
)
def test_what_is_no_file_at_all_is_refused(tmp_path, name, error, words):
    with pytest.raises(error, match=words):
        load_sequences(tmp_path / name)


@pytest.mark.parametrize("layout", ["torch", "", "Canonical", 0, ("batch",)])
def test_an_unknown_layout_is_refused(tmp_path, layout):
    save_sequences(small(n_frames=20), 3, tmp_path / "made.npy")
    words = "layout=.* is unknown: choose 'canonical' or 'batch'"
    with pytest.raises(ValueError, match=words):
        load_sequences(tmp_path / "made.npy", layout)
    with pytest.raises(ValueError, match=words):
        save_sequences(small(), 3, tmp_path / "other.npy", layout=layout)
    assert set(held(tmp_path)) == {"made.npy"}


@pytest.mark.parametrize("path", [None, 3, b"made.npy", ["made.npy"], io.BytesIO()])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(TypeError, match=r"path=.* has type .*: pass a file's name"):
        load_sequences(path)
    with pytest.raises(TypeError, match=r"path=.* has type .*: pass a file's name"):
        save_sequences(small(), 3, path)


# what may be written, and what is in the way


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("made", ValueError, "made': choose a name that ends in .npy"),
        ("made.npc", ValueError, "made.npc': choose a name that ends in .npy or .npz"),
        ("made.npy.gz", ValueError, "choose a name that ends in .npy"),
        (".npy", ValueError, "choose a name that ends in .npy"),
        ("no/made.npy", FileNotFoundError, "made.npy': there is no folder '.*no'"),
        ("file/made.npy", FileNotFoundError, "made.npy': there is no folder '.*file'"),
        ("folder.npy", IsADirectoryError, "folder.npy' is a folder: pass the name of a file"),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_a_bad_name_is_refused(tmp_path, name, error, words, force):
    (tmp_path / "folder.npy").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(error, match=words):
        save_sequences(small(), 3, tmp_path / name, force=force)
    assert {path.name for path in tmp_path.rglob("*")} == {"folder.npy", "file"}


@pytest.mark.parametrize(
    ("n", "error", "words"),
    [
        (0, ValueError, "n_sequences=0 is too small: pass an integer >= 1"),
        (-3, ValueError, "n_sequences=-3 is too small"),
        (1.5, TypeError, r"n_sequences=1\.5 is not an integer"),
        ("9", TypeError, "n_sequences='9' is not an integer"),
        (None, TypeError, "n_sequences=None is not an integer"),
    ],
)
def test_a_bad_number_of_sequences_is_refused(tmp_path, n, error, words):
    with pytest.raises(error, match=words):
        save_sequences(small(), n, tmp_path / "made.npy")
    assert held(tmp_path) == {}


@pytest.mark.parametrize("name", ["made.npy", "made-truth.npz"])
def test_a_file_of_that_name_is_replaced_only_by_force(tmp_path, name):
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(FileExistsError, match=rf"{name}' exists: .* another .* replace.*force"):
        save_sequences(small(), 3, tmp_path / "made.npy", truth=True)
    assert held(tmp_path) == {name: b"old"}
    save_sequences(small(), 3, tmp_path / "made.npy", truth=True, force=True)
    assert set(held(tmp_path)) == {"made.npy", "made-truth.npz"}
    np.testing.assert_array_equal(
        load_sequences(tmp_path / "made.npy", "canonical"), small().batch(0, 3)
    )


def test_without_truth_an_older_truth_is_neither_in_the_way_nor_touched(tmp_path):
    (tmp_path / "made-truth.npz").write_bytes(b"old")
    save_sequences(small(), 3, tmp_path / "made.npy")
    assert held(tmp_path)["made-truth.npz"] == b"old"


@pytest.mark.parametrize("name", [".made.npy.partial", ".made-truth.npz.partial"])
def test_what_another_run_is_writing_is_replaced_only_by_force(tmp_path, name):
    (tmp_path / name).write_bytes(b"another's" * 1000)
    with pytest.raises(
        FileExistsError, match=rf"{name}' exists: another run .*remove it, or .*for"
    ):
        save_sequences(small(), 3, tmp_path / "made.npy", truth=True)
    assert held(tmp_path) == {name: b"another's" * 1000}
    save_sequences(small(), 3, tmp_path / "made.npy", truth=True, force=True)
    assert set(held(tmp_path)) == {"made.npy", "made-truth.npz"}
    np.testing.assert_array_equal(
        load_sequences(tmp_path / "made.npy", "canonical"), small().batch(0, 3)
    )


# faults

FULL = OSError(errno.ENOSPC, "No space left on device")


def fail_at(call, function, error):
    """Return the function, but one call of it fails."""
    calls = []

    def failing(*arguments, **keywords):
        calls.append(arguments)
        if len(calls) == call:
            raise error
        return function(*arguments, **keywords)

    return failing


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt(), MemoryError(), ValueError("odd")])
@pytest.mark.parametrize(
    ("what", "call"),
    [("batch", 1), ("batch", 2), ("batch", 4), ("truth", 1), ("truth", 4), ("truth", 20)],
)
@pytest.mark.parametrize("old", [{}, {"made.npy": b"old frames", "made-truth.npz": b"old truth"}])
@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_a_fault_leaves_all_as_it_was(
    tmp_path, blocks_of_three, monkeypatch, error, what, call, old, layout
):
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    data = small()
    monkeypatch.setattr(data, what, fail_at(call, getattr(data, what), error))
    with pytest.raises(type(error)):
        save_sequences(data, 10, tmp_path / "made.npy", layout=layout, truth=True, force=bool(old))
    assert held(tmp_path) == old


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("old", [{}, {"made.npy": b"old frames", "made-truth.npz": b"old truth"}])
def test_a_fault_at_the_last_moment_leaves_no_truth_without_its_frames(
    tmp_path, monkeypatch, call, old
):
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(os, "fsync", fail_at(call, os.fsync, FULL))
    with pytest.raises(OSError, match="No space left"):
        save_sequences(small(), 10, tmp_path / "made.npy", truth=True, force=bool(old))
    assert held(tmp_path) == old


def test_a_progress_that_fails_leaves_nothing(tmp_path, blocks_of_three):
    with pytest.raises(ZeroDivisionError):
        save_sequences(small(), 10, tmp_path / "made.npy", progress=lambda done: 1 // (done - 6))
    assert held(tmp_path) == {}


def test_the_name_is_given_only_to_a_whole_file(tmp_path, blocks_of_three):
    seen = []
    save_sequences(
        small(),
        10,
        tmp_path / "made.npy",
        truth=True,
        progress=lambda _: seen.append(held(tmp_path)),
    )
    assert len(seen) == 4
    assert all(set(names) == {".made.npy.partial", ".made-truth.npz.partial"} for names in seen)


@pytest.fixture
def disk_of_one_megabyte(tmp_path):
    """Mount one; only root may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount"):
        pytest.skip("there is no mount to make a small disk with")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False, timeout=HANG).returncode:
        pytest.skip("a small disk could not be mounted (are you root?)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=HANG)


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize("truth", [False, True])
def test_a_full_disk_is_named_and_what_was_there_is_kept(disk_of_one_megabyte, layout, truth):
    folder = disk_of_one_megabyte
    save_sequences(small(), 5, folder / "made.npy")
    before = held(folder)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_sequences(small(), 5000, folder / "made.npy", layout=layout, truth=truth, force=True)
    assert caught.value.errno == errno.ENOSPC
    assert held(folder) == before
    save_sequences(small(), 50, folder / "other.npy")  # the space is free again


@posix
@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_a_file_that_may_grow_no_further_is_named_and_removed(tmp_path, layout):
    code = """
import errno, resource, sys
import numpy as np
from mmnist_lib import MovingMNIST, save_sequences

data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    save_sequences(data, 50, sys.argv[1], layout=sys.argv[2])
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    assert python(code, tmp_path / "made.npy", layout) == "EFBIG"
    assert held(tmp_path) == {}


@posix
@pytest.mark.parametrize("force", [False, True])
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path, force):
    code = """
import os, sys
import numpy as np
from mmnist_lib import MovingMNIST, save_sequences

data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
data[0]  # NumPy imports some of itself late, and nobody may not read that
if os.getuid() == 0:  # who may write everywhere, so be nobody
    os.setgid(65534)
    os.setuid(65534)
try:
    save_sequences(data, 50, "made.npy", force=sys.argv[1] == "True")
except PermissionError as error:
    print(error.filename)
"""
    (tmp_path / "made.npy").write_bytes(b"old") if force else None
    tmp_path.chmod(0o555)
    try:
        # The names of other folders may be closed to nobody, the working folder is not.
        root = str(Path(files.__file__).parents[1])
        refused = python(code, force, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root})
    finally:
        tmp_path.chmod(0o755)
    assert refused == ".made.npy.partial"
    assert held(tmp_path) == ({"made.npy": b"old"} if force else {})


@posix
@pytest.mark.parametrize("delay", [0.0, 0.03, 0.2])
def test_a_killed_run_leaves_no_file_of_that_name_and_force_begins_anew(tmp_path, delay):
    path = tmp_path / "made.npy"
    command = [sys.executable, "-m", "mmnist_lib", "generate", path, "--source", "sample"]
    with subprocess.Popen([*command, "--sequences", "100000"]) as process:
        try:
            until = time.monotonic() + HANG
            while not partial_path(path).exists() and time.monotonic() < until:
                assert process.poll() is None
                time.sleep(0.001)
            time.sleep(delay)
        finally:
            process.kill()
    assert process.returncode == -9
    assert [entry.name for entry in tmp_path.iterdir()] == [".made.npy.partial"]

    command += ["--sequences", "30"]
    again = subprocess.run(command, capture_output=True, text=True, timeout=HANG, check=False)
    assert (
        again.returncode == 2 and "exists: another run is writing it, or was killed" in again.stderr
    )
    subprocess.run([*command, "--force"], capture_output=True, timeout=HANG, check=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["made.npy"]
    assert load_sequences(path).shape == (30, 20, 64, 64)


# memory

PEAK = """
import sys
from pathlib import Path
from mmnist_lib import MovingMNIST, load_mnist, save_sequences

def peak():
    # ru_maxrss would begin with the peak of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))

_, (images, labels) = load_mnist("sample")
data = MovingMNIST(images, labels)
before = peak()
{what}
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the peak")
@pytest.mark.parametrize(
    ("what", "megabytes"),
    [
        ("save_sequences(data, 10_000, sys.argv[1])", 200),
        ("data.batch(0, 10_000)", 850),
    ],
)
def test_ten_thousand_sequences_take_little_memory_beside_themselves(tmp_path, what, megabytes):
    path = tmp_path / "made.npy"
    try:
        assert float(python(PEAK.format(what=what), path)) < megabytes
    finally:
        path.unlink(missing_ok=True)  # pytest would keep the 819 MB


# what a file is known by


def test_the_statistics_are_those_of_the_formulas(monkeypatch):
    n = 515  # more than one block
    monkeypatch.setattr(files, "BLOCK_BYTES", 512 * 20 * 3 * 3)
    sequences = np.random.default_rng(0).integers(0, 256, (n, 20, 3, 3), dtype=np.uint8)
    sequences[:, 9] //= 2
    values = sequences.astype(np.float64) / 255
    late = values[:, 10:]
    copied = late - values[:, 9:10]
    seen = []
    assert files.statistics(sequences, seen.append) == {
        "mean pixel (0 to 1)": f"{values.mean():.4f}",
        "standard deviation": f"{values.std():.4f}",
        # As everywhere in this library: summed over a frame, then the mean over frames.
        "MSE, all black": f"{(late**2).sum(axis=(2, 3)).mean():.1f}",
        "MSE, frame 9 copied": f"{(copied**2).sum(axis=(2, 3)).mean():.1f}",
    }
    assert seen == [512, 515]


def test_the_statistics_of_a_clip_by_hand():
    clip = np.zeros((1, 20, 2, 2), np.uint8)
    clip[0, 9:, 0, 0] = 255  # one white pixel in frames 9 to 19
    clip[0, 10:, 1, 1] = 255  # and another in frames 10 to 19
    found = files.statistics(clip)
    mean = 21 / 80
    assert found == {
        "mean pixel (0 to 1)": f"{mean:.4f}",
        "standard deviation": f"{(mean * (1 - mean)) ** 0.5:.4f}",
        "MSE, all black": "2.0",
        "MSE, frame 9 copied": "1.0",
    }


@pytest.mark.parametrize("n_frames", [1, 10, 19, 21])
def test_clips_of_another_length_have_no_errors_of_prediction(n_frames):
    found = files.statistics(np.full((3, n_frames, 2, 2), 51, np.uint8))
    assert found == {"mean pixel (0 to 1)": "0.2000", "standard deviation": "0.0000"}


def test_each_statistic_of_the_published_file_is_computed():
    found = files.statistics(np.zeros((1, 20, 2, 2), np.uint8))
    assert list(files.PUBLISHED) == ["shape", "dtype", "bytes", "sha256", *found]


def test_what_is_published_fits_together():
    pixels = np.prod(json.loads(files.PUBLISHED["shape"].replace("(", "[").replace(")", "]")))
    assert int(files.PUBLISHED["bytes"].replace(",", "")) == pixels + 96  # of header
    assert len(bytes.fromhex(files.PUBLISHED["sha256"])) == 32
