"""Every public function gets, for every parameter, what no one should pass: it says so in words."""

import inspect
import signal
import traceback
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import mmnist_lib
from mmnist_lib import MovingMNIST, SequenceDataset, exercises, prediction, save_sequences, scale

FOLDER = str(Path(mmnist_lib.__file__).parent)
WORDED = (TypeError, ValueError, OSError, IndexError)
LIMIT = 20  # seconds of this process: ten times as many as any of these calls may take

DIGITS = np.full((2, 28, 28), 255, np.uint8)
DATA = MovingMNIST(DIGITS, n_frames=4, size=32)
FRAMES = DATA[0]
FLOATS = DATA.batch(0, 2) / 255
SEEN = MovingMNIST(DIGITS, n_digits=1, n_frames=4, size=32)[0]
DATASET = SequenceDataset(DATA, 3, 2)
MODEL = prediction.build_model("unet", n_in=2, n_out=2, size=32, width=4)
PAIRS = prediction.SequencePairs(DATA, n_in=2, batch_size=1, n_sequences=1)
TRACK = np.array([[[3, 0], [3, 3], [3, 7]]])

HOSTILE = {
    "nothing": None,
    "a text": "hostile",
    "bytes": b"\x00\xff",
    "an object": object(),
    "not a number": np.nan,
    "a negative number": -1,
    "a huge count": 2**63,
    "a fraction": 1.5,
    "no element": [],
    "ragged": [[1.0], [1.0, 2.0]],
    "an array": np.array([1, 2]),
    "texts": np.array(["a", "b"]),
    "negative points": np.array([[-1, 0], [0, 4], [0, 8]]),
    "masked": np.ma.masked_equal(FRAMES, 255),
    "complex": FLOATS * 1j,
    "a dict": {"a": 1},
}


def double(numbers):
    return 2 * numbers


GIVEN, DOUBLED = (np.arange(3),), 2 * np.arange(3)
CHECKS = exercises.Checks("chapter")
CHECKS.add("double", GIVEN, DOUBLED)

# A call of each public function that is right. The test replaces one argument at a time.
RIGHT = {
    "animate": {"frames": FRAMES, "alt": "", "titles": [""], "labels": "abcd", "fps": 5},
    "animate_error": {"predicted": FRAMES, "true": FRAMES, "alt": "", "labels": "abcd", "fps": 5},
    "SequenceDataset": {"data": DATA, "n_sequences": 3, "n_in": 2, "as_float": True},
    "SequenceDataset.__getitem__": {"self": DATASET, "index": [0, 2]},
    "SequenceDataset.__getitems__": {"self": DATASET, "indices": [0, 2]},
    "black": {"inputs": FLOATS, "n_out": 1},
    "bootstrap": {"values": [1.0, 2.0], "seed": 0},
    "bounce_path": {"start": [0.5, 0], "velocity": [0.1, 0], "n_frames": 3, "rule": "clamp"},
    "carve": {"frames": FRAMES, "positions": np.zeros((4, 2), int)},
    "composite": {"sprites": DIGITS[:1], "positions": TRACK, "size": 64},
    "copy_last": {"inputs": FLOATS, "n_out": 1},
    "extrapolate": {"inputs": FLOATS, "n_out": 1},
    "futures_of": {
        "track": TRACK[0], "n_frames": 1, "size": 64, "step_length": 0.1, "rule": "clamp"
    },
    "finite_psnr": {"predicted": FLOATS, "true": FLOATS, "axis": 0},
    "load_mnist": {"source": "sample"},
    "load_sequences": {"path": "made.npy", "layout": "batch"},
    "long_exposure": {"frames": FRAMES, "how": "max"},
    "mae": {"predicted": FLOATS, "true": FLOATS, "axis": 0},
    "mse": {"predicted": FLOATS, "true": FLOATS, "axis": 0},
    "oracle": {
        "sprites": DIGITS[:1], "positions": TRACK, "n_frames": 1, "estimate": "mean", "size": 64,
        "step_length": 0.1, "rule": "clamp",
    },
    "predict": {
        "frames": SEEN, "n_frames": 1, "estimate": "mean", "n_digits": 1,
        "step_length": 0.1, "rule": "clamp",
    },
    "psnr": {"predicted": FLOATS, "true": FLOATS, "axis": 0},
    "random_start": {"rng": np.random.default_rng(0), "shape": 2},
    "random_velocity": {
        "rng": np.random.default_rng(0), "shape": 2, "step_length": 0.1, "kind": "box"
    },
    "save_sequences": {
        "data": DATA, "n_sequences": 1, "path": "new.npy", "layout": "batch", "truth": True
    },
    "score_file": {
        "true": "made.npy", "predicted": "predicted.npy", "layout": "batch", "digits": DIGITS
    },
    "score_table": {"predictions": {"a": FLOATS}, "true": FLOATS},
    "show_curves": {"curves": {"a": [1, 2]}, "first": 0, "ax": None},
    "show_digits": {"images": DIGITS, "labels": "ab", "columns": 2, "ax": None},
    "show_pairs": {"inputs": FRAMES, "targets": FRAMES, "ax": None},
    "show_path": {
        "path": [[0.0, 1.0]], "size": 32, "digit_size": 28, "background": FRAMES[0], "ax": None
    },
    "show_strip": {"frames": FRAMES, "every": 1, "titles": [""], "ax": None},
    "slider": {"images": DIGITS, "labels": "ab"},
    "split_frames": {"frames": FLOATS, "n_in": 2},
    "ssim": {"predicted": FLOATS, "true": FLOATS, "axis": 0, "data_range": 1.0},
    "straight_path": {"start": [0.5, 0], "velocity": [0.1, 0], "n_frames": 3},
    "to_pixels": {"path": [[0.5, 0.5]], "size": 64, "digit_size": 28},
    "track": {"frames": SEEN, "n_digits": 1, "step_length": 0.1, "rule": "clamp"},
    "velocity_of": {"angle": 0.5, "step_length": 0.1},
    "MovingMNIST": {
        "images": DIGITS, "labels": [1, 2], "n_digits": 1, "n_frames": 3, "size": 32,
        "step_length": 0.1, "rule": "clamp", "seed": 1,
    },
    "MovingMNIST.batch": {"self": DATA, "start": 0, "stop": 1, "out": None},
    "MovingMNIST.pick": {"self": DATA, "indices": [1, 0]},
    "MovingMNIST.truth": {"self": DATA, "start": 0, "stop": 1},
    "MovingMNIST.__getitem__": {"self": DATA, "index": 0},
    "prediction.SequencePairs": {
        "data": DATA, "n_in": 2, "batch_size": 1, "n_sequences": 2, "fixed": True
    },
    "prediction.SequencePairs.__getitem__": {"self": PAIRS, "index": 0},
    "prediction.build_model": {"name": "unet", "n_in": 2, "n_out": 2, "size": 32, "width": 4},
    "prediction.load_model": {"name": "unet", "path": None},
    "prediction.rollout": {"model": MODEL, "frames": FLOATS[:, :2], "n": 1},
    "prediction.save_weights": {"model": MODEL, "path": "new.npz"},
    "prediction.train": {"model": MODEL, "pairs": PAIRS},
    "scale.save_zarr": {
        "data": DATA, "n_sequences": 1, "path": "new.zarr", "layout": "batch", "block": 1,
        "scheduler": None,
    },
    "scale.shuffled_batches": {
        "path": "made.zarr", "batch_size": 1, "rng": np.random.default_rng(0)
    },
    "exercises.Checks": {"notebook": "chapter", "edition": ""},
    "exercises.Checks.__call__": {"self": CHECKS, "name": "double", "answer": double},
    "exercises.Checks.add": {
        "self": exercises.Checks("other"), "call": "double", "given": GIVEN, "expected": DOUBLED,
        "slips": {},
    },
    "exercises.check": {
        "answer": double, "given": GIVEN, "expected": DOUBLED, "kind": "track", "limits": (0, 4),
        "slips": {}, "tolerance": 1e-9, "call": "double",
    },
    "exercises.seal": {"value": 3, "form": "a number"},
    "exercises.unpack": {"text": "eNqrKTW0NrZmZGIBAAy8AdM="},
    "Player.save": {"self": mmnist_lib.animate(FRAMES), "path": "new.gif", "scale": 1},
}  # fmt: skip
# Any value is right for these, or they are shown as they are.
ANYTHING = {"self", "alt", "autoplay", "description", "xlabel", "ylabel", "force", "truth"}
ANYTHING |= {"as_float", "fixed", "resume", "callbacks", "settings", "how", "passed", "without"}
ANYTHING |= {"progress"}  # it is called, so its error is its caller's own
CALLS = [
    (name, parameter)
    for name, arguments in RIGHT.items()
    for parameter in arguments
    if parameter not in ANYTHING
]


def function_of(name):
    thing = mmnist_lib
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


def call(name, arguments):
    """Call a function by the names of its parameters, a ``*starred`` one getting one argument."""
    function = function_of(name)
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments = arguments | {parameter.name: (arguments[parameter.name],)}
    bound = inspect.BoundArguments(signature, arguments)
    return function(*bound.args, **bound.kwargs)


def test_each_public_function_and_parameter_is_here():
    public = {
        prefix + name
        for prefix, module in (
            ("", mmnist_lib),
            ("prediction.", prediction),
            ("exercises.", exercises),
        )
        for name, thing in vars(module).items()
        if inspect.isfunction(thing)
        and not name.startswith("_")
        and thing.__module__.startswith(module.__name__)
    }
    public = {name for name in public if not name.endswith("choose_keras_backend")}  # takes nothing
    public -= {"prediction.frame_mse"}  # Keras calls it
    assert public | {"MovingMNIST", "SequenceDataset"} <= RIGHT.keys()
    for name, arguments in RIGHT.items():
        assert inspect.signature(function_of(name)).parameters.keys() <= arguments.keys() | ANYTHING


@pytest.fixture(autouse=True)
def no_hang_no_window_no_file(tmp_path, monkeypatch):
    def hang(*_):
        raise AssertionError(f"no answer after {LIMIT} seconds of the processor")

    monkeypatch.chdir(tmp_path)
    save_sequences(DATA, 2, "made.npy", layout="batch", truth=True)
    scale.save_zarr(DATA, 2, "made.zarr", block=1)
    np.save("predicted.npy", DATA.batch(0, 2)[:, 2:])
    before = signal.signal(signal.SIGVTALRM, hang) if hasattr(signal, "SIGVTALRM") else None
    yield
    plt.close("all")
    if before is not None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def in_words(error):
    """Tell whether the library itself raised this, or the system did of a file."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    raised = where.filename.startswith(FOLDER) and where.line.startswith("raise")
    from_file = isinstance(error, OSError) and error.errno
    return isinstance(error, WORDED) and (raised or from_file) and str(error)


@pytest.mark.parametrize("name", RIGHT)
def test_each_call_is_right_before_it_is_made_wrong(name):
    call(name, RIGHT[name])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "parameter"), CALLS, ids=lambda value: value)
def test_a_bad_argument_is_refused_in_words(name, parameter):
    wrong = []
    for what, value in HOSTILE.items():
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
        try:
            call(name, RIGHT[name] | {parameter: value})
        except MemoryError:
            pass  # NumPy says how much it was asked for
        except Exception as error:
            if not in_words(error):
                wrong.append(f"{what}: {type(error).__name__}: {error}")
        plt.close("all")
    assert not wrong, "\n".join(wrong)


def leave(_):
    exit()


def turn(numbers):
    return turn(numbers)


class Liar:
    """Equal to everything, without a text, and no array."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        raise RuntimeError

    __array__ = __len__ = __repr__


ITSELF = []
ITSELF.append(ITSELF)
ANSWERS = HOSTILE | {
    "a list in itself": ITSELF, "a huge number": 2**70, "beyond a float": 2**20_000,
    "it leaves": leave, "it calls itself": turn, "a liar": Liar(), "a class": Liar,
    "objects": np.array([None, 2, 4]), "a record": np.zeros(3, [("a", int)]),
    "a matrix": np.matrix([0, 2, 4]), "a generator": iter([0, 2, 4]), "complex": 3j,
}  # fmt: skip
EXPECTED = [
    3, 0.5, True, "a", [1, 2.0], (1, np.arange(3)), {"b": 1}, DOUBLED, DOUBLED / 4,
    exercises.seal(3), exercises.seal({"a": [1, 2]}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "expected"),
    [*(("array", right) for right in EXPECTED), ("track", TRACK[0]), ("clip", FRAMES)],
)
def test_an_answer_of_any_kind_gets_a_verdict(kind, expected):
    how = {"kind": kind, "limits": (0, 4), "slips": {"a slip": 1, "another": np.arange(3)}}
    for what, answer in ANSWERS.items():
        for given in (None, GIVEN):
            function = answer if given is None or callable(answer) else lambda _, it=answer: it
            verdict = exercises.check(function, given, expected=expected, **how)
            assert not verdict and verdict.message and verdict._repr_html_(), what
