"""The digits: the sample, files whole and broken, and Keras (a stand-in, never the network)."""

import gzip
import importlib.util
import json
import os
import pickle
import socket
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmnist_lib import _unpack, choose_keras_backend, load_mnist
from mmnist_lib.loading import SAMPLE

NAMES = ("x_train", "y_train", "x_test", "y_test")


def arrays(**changes):
    """Make a tiny MNIST of three and two digits; `changes` replace arrays, None drops one."""
    rng = np.random.default_rng(0)
    made = {
        "x_train": rng.integers(0, 2, (3, 28, 28), dtype=np.uint8) * 255,
        "y_train": np.array([5, 0, 9], np.uint8),
        "x_test": rng.integers(0, 2, (2, 28, 28), dtype=np.uint8) * 255,
        "y_test": np.array([7, 2], np.uint8),
    } | changes
    return {name: array for name, array in made.items() if array is not None}


X, Y = arrays()["x_train"], arrays()["y_train"].astype(int)


def write(path, save=np.savez_compressed, **changes):
    with path.open("wb") as file:  # given a name, savez would append .npz to it
        save(file, **arrays(**changes))
    return path


def assert_is(loaded, expected):
    (x_train, y_train), (x_test, y_test) = loaded
    for name, array in zip(NAMES, (x_train, y_train, x_test, y_test), strict=True):
        assert array.dtype == np.uint8, name
        np.testing.assert_array_equal(array, expected[name])


def is_sample(loaded):
    return len(loaded[0][0]) == 4000 and len(loaded[1][0]) == 1000


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("a test tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch, tmp_path):
    # Set first, so that what the library writes there is undone as well.
    for name in ("MMNIST_DATA", "KERAS_BACKEND"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))


@pytest.fixture
def keras(monkeypatch, tmp_path):
    """Put a stand-in for Keras on the path, whose `load_data` is the given source code."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if is_keras(name)}

    def install(load_data, on_import=""):
        package = tmp_path / "stand_in" / "keras"
        (package / "datasets").mkdir(parents=True)
        (package / "__init__.py").write_text(on_import)
        (package / "datasets" / "__init__.py").write_text("")
        lines = ["import socket", "import numpy as np", "def load_data():", f"    {load_data}"]
        (package / "datasets" / "mnist.py").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(package.parent)

    yield install
    for name in [name for name in sys.modules if is_keras(name)]:
        del sys.modules[name]
    sys.modules.update(real)


def is_keras(name):
    return name.partition(".")[0] == "keras"


# the sample


def test_the_sample_is_split_by_class():
    (x_train, y_train), (x_test, y_test) = load_mnist("sample")
    assert x_train.shape == (4000, 28, 28) and x_test.shape == (1000, 28, 28)
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("uint8")}
    assert np.bincount(y_train).tolist() == [400] * 10
    assert np.bincount(y_test).tolist() == [100] * 10


def test_no_digit_of_the_sample_is_there_twice():
    (x_train, _), (x_test, _) = load_mnist("sample")
    assert len(np.unique(np.concatenate([x_train, x_test]), axis=0)) == 5000


def test_the_sample_is_not_sorted():
    for _, labels in load_mnist("sample"):
        # Any hundred digits in a row hold all ten classes.
        assert all(len(set(labels[n : n + 100])) == 10 for n in range(0, len(labels), 100))


def test_the_sample_is_ink_on_paper():
    for images, _ in load_mnist("sample"):
        assert images.min() == 0 and images.max() == 255
        assert (images.max(axis=(1, 2)) > 200).all()
        assert not images[:, :, 0].any(axis=1).all()


def test_each_call_gives_arrays_of_its_own():
    load_mnist("sample")[0][0].fill(0)
    assert load_mnist("sample")[0][0].any()


# a path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", [str, lambda path: path], ids=["str", "Path"])
def test_a_path_is_read(tmp_path, save, kind):
    assert_is(load_mnist(kind(write(tmp_path / "mnist.npz", save))), arrays())


def test_the_name_of_the_file_does_not_matter(tmp_path):
    assert_is(load_mnist(write(tmp_path / "mnist.txt")), arrays())


def test_arrays_beside_the_four_are_ignored(tmp_path):
    assert_is(load_mnist(write(tmp_path / "mnist.npz", note=np.arange(3))), arrays())


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"source='.*gone\.npz' is neither .*'sample'"):
        load_mnist(tmp_path / "gone.npz")


@pytest.mark.parametrize("source", ["smaple", "Sample", "tensorflow"])
def test_an_unknown_source_is_named(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = f"source='{source}' is neither 'auto', 'sample', 'keras' nor the path"
    with pytest.raises(FileNotFoundError, match=words):
        load_mnist(source)


@pytest.mark.parametrize("source", [None, 3, b"sample", ["sample"]])
def test_a_source_of_another_type_is_refused(source):
    with pytest.raises(
        TypeError, match=r"source=.* has type .*: pass 'auto', 'sample', 'keras' or"
    ):
        load_mnist(source)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(
        IsADirectoryError, match=r"source='.*' is a folder .*: name the \.npz file in it"
    ):
        load_mnist(tmp_path)


# MNIST as it was published


def idx(folder, prefix="", packed=".gz", skip=(), **changes):
    """Write a tiny MNIST as IDX files."""
    folder.mkdir(exist_ok=True)
    kinds = ("train-images", "train-labels", "t10k-images", "t10k-labels")
    for array, kind in zip(arrays(**changes).values(), kinds, strict=True):
        if kind not in skip:
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            path = folder / f"{prefix}{kind}-idx{array.ndim}-ubyte{packed}"
            content = head + array.tobytes()
            path.write_bytes(gzip.compress(content) if packed else content)
    return folder


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_idx_files_are_read_from_a_folder_or_by_one_of_them(tmp_path, packed):
    folder = idx(tmp_path / "raw", packed=packed)
    assert_is(load_mnist(folder), arrays())
    for path in folder.iterdir():
        assert_is(load_mnist(path), arrays())
    assert load_mnist(folder)[0][0].flags.writeable


def test_of_two_forms_the_unpacked_one_is_read_and_dots_are_fine(tmp_path):
    idx(tmp_path / "raw", packed="")
    for path in list((tmp_path / "raw").iterdir()):
        path.with_name(path.name + ".gz").write_bytes(b"cut short")
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    for path in (tmp_path / "raw").glob("*.gz"):
        path.unlink()
    assert_is(load_mnist(tmp_path / "raw"), arrays())


def test_other_classes_and_sizes_are_read_and_emnist_is_turned(tmp_path):
    rng = np.random.default_rng(1)
    letters = {
        "x_train": rng.integers(0, 256, (3, 16, 16), dtype=np.uint8),
        "x_test": rng.integers(0, 256, (2, 16, 16), dtype=np.uint8),
        "y_train": np.array([1, 26, 61], np.uint8),
    }
    expected = arrays(**letters)
    assert_is(load_mnist(idx(tmp_path / "kana", **letters)), expected)
    folder = idx(tmp_path / "raw", "emnist-letters-", **letters)
    idx(folder, "emnist-digits-")
    turned = {name: a.swapaxes(1, 2) if a.ndim == 3 else a for name, a in expected.items()}
    assert_is(load_mnist(folder / "emnist-letters-train-images-idx3-ubyte.gz"), turned)
    with pytest.raises(ValueError, match=r"several sets .emnist-digits-, emnist-letters-.: name a"):
        load_mnist(folder)


def test_what_openstl_has_is_enough_for_training_sequences(tmp_path):
    lacks = ("train-labels", "t10k-images", "t10k-labels")
    (images, labels), (none, no_labels) = load_mnist(idx(tmp_path / "moving_mnist", skip=lacks))
    np.testing.assert_array_equal(images, X)
    assert labels is no_labels is None and none.shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:-1], "promises 1,568 bytes and holds 1,567, so it is cut short"),
        (lambda raw: raw + b"1", "promises 1,568 bytes and holds more"),
        (lambda raw: raw[:9], "does not begin like an IDX file"),
        (lambda raw: b"\0\0\x0d" + raw[3:], "does not begin like an IDX file"),
        (lambda raw: raw[:4] + b"\xff" * 12, "unpacks to 79,228,162,458,924,105,385,300,197,375"),
    ],
)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_damaged_idx_file_is_refused(tmp_path, damage, words, packed):
    path = idx(tmp_path / "raw", packed=packed) / f"t10k-images-idx3-ubyte{packed}"
    raw = gzip.decompress(path.read_bytes()) if packed else path.read_bytes()
    path.write_bytes(gzip.compress(damage(raw)) if packed else damage(raw))
    with pytest.raises(ValueError, match=f"raw' cannot be read as MNIST: t10k-images.*{words}"):
        load_mnist(path.parent)


def test_a_gz_that_is_cut_short_is_refused(tmp_path):
    path = idx(tmp_path / "raw") / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="cannot be read as MNIST"):
        load_mnist(path)


# what never ends, and what unpacks to gigabytes


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(ValueError, match=r"source='.*' is not a regular file: name an \.npz"):
            load_mnist(path)


def test_a_zip_that_unpacks_to_gigabytes_is_refused_before_it_does(tmp_path, monkeypatch):
    path = write(tmp_path / "mnist.npz")
    monkeypatch.setattr(_unpack, "LARGEST", 1000)
    monkeypatch.setattr(zipfile.ZipExtFile, "readinto", pytest.fail, raising=False)
    with pytest.raises(ValueError, match="x_train unpacks to 2,352 bytes, more than 1,000"):
        load_mnist(path)


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path):
    path = tmp_path / "mnist.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays().items():
            with archive.open(f"{name}.npy", "w") as member:
                shape = (10**9, *array.shape[1:])
                head = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, head)
                member.write(array.tobytes())
    with pytest.raises(ValueError, match=r"x_train holds 2,352 bytes, but .* need 784,000,000,000"):
        load_mnist(path)


# broken files


@pytest.mark.parametrize("part", np.linspace(0, 0.999, 40))
def test_a_truncated_file_is_refused(tmp_path, part):
    raw = SAMPLE.read_bytes()
    path = tmp_path / "mnist.npz"
    path.write_bytes(raw[: int(part * len(raw))])
    with pytest.raises(
        ValueError, match=r"source='.*mnist\.npz' cannot .* is neither an \.npz .*cut short"
    ):
        load_mnist(path)


@pytest.mark.parametrize("lost", [1, 2, 21, 22, 23, 100, 300])
def test_a_file_that_lost_its_last_bytes_is_refused(tmp_path, lost):
    path = write(tmp_path / "mnist.npz")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(ValueError, match=r"source='.*mnist\.npz'"):
        load_mnist(path)


@pytest.mark.filterwarnings("ignore")  # how NumPy warns of the damage is not ours
@pytest.mark.parametrize("flip", [1, 2, 64])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_flipped_bit_never_changes_a_digit(tmp_path, save, flip):
    # So many digits that a reader, which fetches 4 KiB at a time, need not reach the checksum.
    many = {"x_train": np.tile(X, (5, 1, 1)), "y_train": np.tile(Y, 5)}
    path, expected = write(tmp_path / "mnist.npz", save, **many), arrays(**many)
    raw = path.read_bytes()
    wrong = []
    for place in places_to_damage(raw, expected):
        damaged = bytearray(raw)
        damaged[place] ^= flip
        path.write_bytes(damaged)
        try:
            assert_is(load_mnist(path), expected)  # some bytes, as those of a date, do not matter
        except ValueError as error:
            if "mnist.npz" not in str(error):
                wrong.append(f"byte {place}: {error}")
        except AssertionError:
            wrong.append(f"byte {place}: other digits were loaded")
        except Exception as error:
            wrong.append(f"byte {place}: {type(error).__name__}: {error}")
    assert not wrong


def places_to_damage(raw, expected):
    """Tell apart the bytes of an archive, but for most of its thousands of plain pixels."""
    places = set(range(len(raw)))
    for name in ("x_train", "x_test"):
        pixels = expected[name].tobytes()
        start = raw.find(pixels)
        if start >= 0:
            places -= set(range(start + 20, start + len(pixels) - 20))
    return sorted(places)


@pytest.mark.parametrize("name", NAMES)
def test_pickled_arrays_are_refused(tmp_path, name):
    path = write(tmp_path / "mnist.npz", **{name: np.array([{}, []], dtype=object)})
    with pytest.raises(ValueError, match=r"mnist\.npz' cannot be read as MNIST: .*pickle"):
        load_mnist(path)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("the pickle was opened",)


@pytest.mark.parametrize("as_array", [True, False])
def test_no_pickle_is_ever_opened(tmp_path, as_array):
    path = tmp_path / "mnist.npz"
    if as_array:
        write(path, x_test=np.array([Bomb()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"source='.*mnist\.npz'"):
        load_mnist(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x_train y_train x_test y_test",
        b"\x89PNG\r\n\x1a\n" + bytes(200),
        b"\x1f\x8b" + bytes(200),
        b"PK\x03\x04" + bytes(200),
    ],
    ids=["empty", "text", "PNG", "gzip", "start of a zip"],
)
def test_another_file_that_is_called_npz_is_refused(tmp_path, raw):
    path = tmp_path / "mnist.npz"
    path.write_bytes(raw)
    with pytest.raises(
        ValueError, match=r"source='.*mnist\.npz' cannot .* is neither an \.npz.*download"
    ):
        load_mnist(path)


def test_a_single_array_that_is_called_npz_is_refused(tmp_path):
    path = tmp_path / "mnist.npz"
    with path.open("wb") as file:
        np.save(file, arrays()["x_train"])
    with pytest.raises(ValueError, match=r"source='.*mnist\.npz' cannot .* is neither an \.npz"):
        load_mnist(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_array_is_named(tmp_path, name):
    path = write(tmp_path / "mnist.npz", **{name: None})
    with pytest.raises(ValueError, match=f"no array {name}.* Keras' layout is x_train, y_train"):
        load_mnist(path)


def test_an_empty_archive_is_refused(tmp_path):
    path = write(tmp_path / "mnist.npz", **dict.fromkeys(NAMES))
    with pytest.raises(ValueError, match="no array x_train, y_train, x_test, y_test"):
        load_mnist(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_train": X.reshape(3, 784)}, r"x_train .*\(3, 784\): pass \(n, side, side"),
        ({"x_train": X[..., None]}, r"x_train .*\(3, 28, 28, 1\): pass"),
        ({"x_train": X[:, :14, :14]}, r"x_test .*\(2, 28, 28\): pass \(n, 14, 14"),
        ({"x_test": X[:2, :, :20]}, r"x_test .*\(2, 28, 20\): pass"),
        ({"x_test": X[0]}, r"x_test .*\(28, 28\): pass"),
        ({"x_train": X[:0], "y_train": Y[:0]}, r"x_train .*no digit"),
        ({"x_train": X / 255}, "x_train .*float64: pass uint8"),
        ({"x_test": X[:2].astype(np.int8)}, "x_test .*int8: pass uint8"),
        ({"x_test": X[:2] > 0}, "x_test .*bool: pass uint8"),
        ({"y_train": Y[:2]}, r"y_train .*\(2,\): pass.* 3 images"),
        ({"y_test": Y}, r"y_test .*\(3,\): pass.* 2 images"),
        ({"y_train": np.eye(10)[Y]}, r"y_train .*\(3, 10\)"),
        ({"y_train": Y + 250}, "y_train .*250 to 259: pass integers from 0 to"),
        ({"y_test": np.array([-1, 3])}, "y_test .*-1 to 3: pass integers"),
        ({"y_train": Y / 1}, "y_train .*float64: pass integers"),
        ({"y_train": np.array(["a", "b", "c"])}, "y_train .*<U1: pass"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, changes, words):
    path = write(tmp_path / "mnist.npz", **changes)
    with pytest.raises(ValueError, match=words) as caught:
        load_mnist(path)
    assert "mnist.npz" in str(caught.value)


@pytest.mark.parametrize("kind", [np.int64, np.int8, ">u2"])
def test_labels_come_back_as_uint8(tmp_path, kind):
    loaded = load_mnist(write(tmp_path / "mnist.npz", y_train=Y.astype(kind)))
    assert_is(loaded, arrays())


# auto


def test_auto_reads_the_file_that_mmnist_data_names(tmp_path, monkeypatch):
    monkeypatch.setenv("MMNIST_DATA", str(write(tmp_path / "mnist.npz")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_is(load_mnist(), arrays())


@pytest.mark.parametrize("source", ["sample", "path"])
def test_a_named_source_comes_before_mmnist_data(tmp_path, monkeypatch, source):
    monkeypatch.setenv("MMNIST_DATA", str(tmp_path / "gone.npz"))
    if source == "sample":
        assert is_sample(load_mnist("sample"))
    else:
        assert_is(load_mnist(write(tmp_path / "mnist.npz")), arrays())


def test_auto_does_not_pass_over_a_bad_file(tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    path.write_text("not MNIST")
    monkeypatch.setenv("MMNIST_DATA", str(path))
    with pytest.raises(ValueError, match=r"mnist\.npz' cannot .* is neither an \.npz"):
        load_mnist()


def test_auto_does_not_pass_over_a_missing_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MMNIST_DATA", str(tmp_path / "gone.npz"))
    with pytest.raises(FileNotFoundError, match=r"gone\.npz"):
        load_mnist("auto")


def a_set(n_train=3, n_test=2):
    return (
        f"return ((np.full(({n_train}, 28, 28), 7, np.uint8), np.ones({n_train}, np.uint8)), "
        f"(np.full(({n_test}, 28, 28), 8, np.uint8), np.zeros({n_test}, np.uint8)))"
    )


@pytest.mark.parametrize("source", ["auto", "keras"])
def test_keras_digits_are_passed_on(keras, source):
    keras(a_set())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (x_train, y_train), (x_test, y_test) = load_mnist(source)
    assert x_train.shape == (3, 28, 28) and (x_train == 7).all() and (y_train == 1).all()
    assert x_test.shape == (2, 28, 28) and (x_test == 8).all() and (y_test == 0).all()


def one_warning(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call()
    assert len(caught) == 1
    assert caught[0].filename == __file__  # it points at the caller's line
    return result, str(caught[0].message)


def test_auto_falls_to_the_sample_when_the_download_fails(keras):
    keras("raise Exception('URL fetch failure\\nand a long trace')")
    loaded, message = one_warning(lambda: load_mnist())
    assert is_sample(loaded)
    assert "could not download" in message and "URL fetch failure" in message
    assert "source='sample'" in message and "MMNIST_DATA" in message
    assert "\n" not in message


def test_auto_falls_to_the_sample_without_keras(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    loaded, message = one_warning(lambda: load_mnist())
    assert is_sample(loaded)
    assert "Keras is not installed" in message and "pip install keras" in message


def test_auto_falls_to_the_sample_without_a_backend(keras, monkeypatch):
    keras(a_set())
    monkeypatch.delenv("KERAS_BACKEND")
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n: find(n) if n == "keras" else None)
    loaded, message = one_warning(lambda: load_mnist())
    assert is_sample(loaded) and "no backend" in message and "pip install jax" in message


@pytest.mark.parametrize("error", ["ImportError", "RuntimeError", "AttributeError", "ValueError"])
def test_auto_falls_to_the_sample_when_keras_cannot_be_imported(keras, error):
    keras(a_set(), on_import=f"raise {error}('the backend is broken')")
    loaded, message = one_warning(lambda: load_mnist())
    assert is_sample(loaded) and "the backend is broken" in message


# keras


@pytest.mark.parametrize("error", ["Exception", "OSError", "ValueError", "TimeoutError"])
def test_a_download_that_fails_is_a_connection_error(keras, error):
    keras(f"raise {error}('the network is down')")
    with pytest.raises(ConnectionError, match=r"Keras could not download MNIST.*network is down"):
        load_mnist("keras")


def test_a_failure_without_a_message_is_named_by_its_class(keras):
    keras("raise TimeoutError")
    with pytest.raises(ConnectionError, match="TimeoutError"):
        load_mnist("keras")


def test_ctrl_c_stops_a_download(keras):
    keras("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_mnist("auto")


@pytest.mark.parametrize("before", [None, 3.5])
@pytest.mark.parametrize("load_data", [a_set(), "raise OSError('no network')"])
def test_the_time_limit_of_sockets_is_restored(keras, load_data, before):
    keras(load_data)
    socket.setdefaulttimeout(before)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load_mnist("auto")
        assert socket.getdefaulttimeout() == before
    finally:
        socket.setdefaulttimeout(None)


def test_a_download_that_stalls_has_a_time_limit(keras):
    keras("raise OSError(f'limit {socket.getdefaulttimeout()}')")
    with pytest.raises(ConnectionError, match=r"limit \d+\.0"):
        load_mnist("keras")


def test_what_keras_returns_is_checked(keras):
    keras(a_set(n_train=0))
    with pytest.raises(ValueError, match=r"x_train .*no digit"):
        load_mnist("keras")


def test_keras_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"Keras is not installed .*pip install keras"):
        load_mnist("keras")


# the backend of Keras


def installed(monkeypatch, *names):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in names else None)


def keras_json(text):
    folder = Path(os.environ["KERAS_HOME"])
    folder.mkdir()
    (folder / "keras.json").write_text(text)


@pytest.mark.parametrize("named", ["torch", "tensorflow", "openvino"])
def test_the_users_backend_is_left_alone(monkeypatch, named):
    installed(monkeypatch, "jax")
    monkeypatch.setenv("KERAS_BACKEND", named)
    assert choose_keras_backend() == named == os.environ["KERAS_BACKEND"]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["jax"], "jax"),
        (["torch"], "torch"),
        (["tensorflow", "torch"], "tensorflow"),
        (["torch", "tensorflow", "jax"], "jax"),
    ],
)
def test_the_first_installed_backend_is_chosen(monkeypatch, names, chosen):
    installed(monkeypatch, *names)
    assert choose_keras_backend() == chosen == os.environ["KERAS_BACKEND"]


def test_an_installed_backend_in_keras_json_is_followed(monkeypatch):
    installed(monkeypatch, "jax", "torch")
    keras_json(json.dumps({"backend": "torch"}))
    assert choose_keras_backend() == "torch"
    assert "KERAS_BACKEND" not in os.environ  # Keras reads its own file


@pytest.mark.parametrize(
    "text", [json.dumps({"backend": "tensorflow"}), "{}", "[]", "3", "not json", ""]
)
def test_a_keras_json_that_does_not_help_is_passed_over(monkeypatch, text):
    installed(monkeypatch, "torch")
    keras_json(text)
    assert choose_keras_backend() == "torch" == os.environ["KERAS_BACKEND"]


def test_no_backend_at_all_is_an_error(monkeypatch):
    installed(monkeypatch)
    with pytest.raises(ModuleNotFoundError, match=r"no backend.*pip install jax"):
        choose_keras_backend()
    assert "KERAS_BACKEND" not in os.environ


def test_choosing_twice_gives_the_same(monkeypatch):
    installed(monkeypatch, "torch")
    assert choose_keras_backend() == choose_keras_backend()
