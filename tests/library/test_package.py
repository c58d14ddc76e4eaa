"""The package as a whole: what it imports, what it documents, which way its data flows."""

import ast
import builtins
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mmnist_lib
from mmnist_lib import exercises, prediction, scale
from tests.limits import HANG

FOLDER = Path(mmnist_lib.__file__).parent
HELPERS = {"_atomic", "_checks", "_frames", "_keras", "_mosaic", "_strips", "_unpack"}
FLOW = ["loading", "trajectories", "bouncing", "compositing"]
PAGES = sorted((FOLDER.parent / "book" / "api").glob("*.md"))
REFERENCE = "\n".join(path.read_text("utf-8") for path in PAGES)
PUBLIC = {
    name: getattr(module, name)
    for module in (mmnist_lib, exercises, prediction, scale)
    for name in vars(module)
    if re.search(rf":: mmnist_lib\.(\w+\.)?{name}$", REFERENCE, flags=re.M)
}
# Called by Keras, not by readers, and documented there.
KERAS = {"on_epoch_end"}
FUNCTIONS = {name: thing for name, thing in PUBLIC.items() if inspect.isfunction(thing)} | {
    f"{name}.{method}": thing
    for name, cls in PUBLIC.items()
    if inspect.isclass(cls)
    for method, thing in vars(cls).items()
    if inspect.isfunction(thing) and not method.startswith("_") and method not in KERAS
}
documented = pytest.mark.parametrize("thing", FUNCTIONS.values(), ids=FUNCTIONS)


def python(code):
    """Run code in a fresh process and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# imports


def test_importing_the_package_imports_nothing_that_is_optional():
    code = """
import sys, mmnist_lib
optional = ("keras", "jax", "tensorflow", "torch", "IPython", "ipywidgets", "dask", "zarr")
print([name for name in optional if name in sys.modules])
"""
    assert python(code) == "[]"


def test_numpy_matplotlib_and_pillow_are_enough():
    code = """
import sys, tempfile, warnings
from pathlib import Path

# With what Matplotlib needs for itself.
allowed = {"numpy", "matplotlib", "mpl_toolkits", "PIL", "contourpy", "cycler", "dateutil",
           "fontTools", "kiwisolver", "packaging", "pyparsing", "six", "mmnist_lib"}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed | sys.stdlib_module_names and not top.startswith("_sysconfig"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
import matplotlib
matplotlib.use("agg")
import numpy as np
import mmnist_lib as m

(images, labels), _ = m.load_mnist("sample")
data = m.MovingMNIST(images, labels, seed=1)
clip, truth = data[0], data.truth(0)
m.show_digits(images[:9], labels[:9])
m.show_strip(clip)
m.show_pairs(clip[:10], clip[10:])
m.show_path(truth.path, background=m.long_exposure(clip))
assert type(m.slider(images[:3], labels[:3])).__name__ == "Player"
player = m.animate(clip, alt="Two digits.")
assert player._repr_html_() and player._repr_png_()
with tempfile.TemporaryDirectory() as folder:
    player.save(Path(folder) / "clip.gif")
    m.save_sequences(data, 3, Path(folder) / "three.npy", truth=True)
    assert (m.load_sequences(Path(folder) / "three.npy")[0] == clip).all()
print(clip.shape)
"""
    assert python(code) == "(20, 64, 64)"


def modules():
    """Name the modules and packages of the library."""
    return {path.stem for path in FOLDER.glob("*.py")} | {
        p.parent.name for p in FOLDER.glob("*/*.py")
    }


def imports_of(module):
    """Name the modules of the library that a module imports, wherever it does so."""
    package = FOLDER / module
    files = package.glob("*.py") if package.is_dir() else [FOLDER / f"{module}.py"]
    found = set()
    for node in (n for file in files for n in ast.walk(ast.parse(file.read_text("utf-8")))):
        if isinstance(node, ast.ImportFrom):
            outside = node.level == 2 if package.is_dir() else node.level == 1
            if outside or (not node.level and node.module.startswith("mmnist_lib")):
                name = (node.module or "").removeprefix("mmnist_lib").lstrip(".").split(".")[0]
                found |= {name} if name else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.removeprefix("mmnist_lib.") for a in node.names if "mmnist" in a.name}
    return found


@pytest.mark.parametrize("place", range(len(FLOW)), ids=FLOW)
def test_data_flows_one_way(place):
    assert imports_of(FLOW[place]) <= {*FLOW[:place], *HELPERS}


def test_helpers_know_no_module_that_they_help():
    assert not [helper for helper in HELPERS if imports_of(helper) - HELPERS]


def test_pictures_import_none_of_the_modules_that_they_look_at():
    assert imports_of("visualization") <= HELPERS
    assert imports_of("player") <= HELPERS


def test_exercises_look_on_too_and_nothing_imports_them():
    assert imports_of("exercises") == {"_checks", "player"}
    assert not [module for module in modules() if "exercises" in imports_of(module)]


def test_prediction_comes_last_and_its_scores_stand_alone():
    assert imports_of("prediction") <= {*FLOW, "metrics", *HELPERS}
    assert imports_of("metrics") == {"_checks", "_frames", "_mosaic"}


def test_a_dataset_is_made_of_what_compositing_makes():
    assert imports_of("datasets") == {"compositing", "metrics", "_checks"}


def test_scores_of_files_come_after_files_and_metrics():
    assert imports_of("scoring") == {
        "compositing", "files", "metrics", "tracking", "_atomic",
    }  # fmt: skip


def test_tracking_needs_no_network_and_nothing_imports_it():
    assert imports_of("tracking") <= {*FLOW, *HELPERS}
    others = modules() - {"__init__", "scoring"}  # which scores the floor
    assert not [module for module in others if "tracking" in imports_of(module)]


def test_files_are_made_of_what_compositing_makes():
    assert imports_of("files") - HELPERS == {"compositing"}
    assert imports_of("scale") - HELPERS == {"compositing", "files", "trajectories"}
    # The command is an end: nothing imports it.
    assert imports_of("__main__") == {
        "_atomic", "bouncing", "compositing", "files", "loading", "player", "scale", "scoring",
        "visualization",
    }  # fmt: skip


def test_the_reading_of_imports_finds_some():
    found = imports_of("compositing")
    assert found == {"_checks", "_strips", "bouncing", "loading", "trajectories"}


# the public names


def test_what_the_package_offers_is_in_the_reference_and_nothing_else():
    offered = {n for n, thing in vars(mmnist_lib).items() if not inspect.ismodule(thing)}
    named = set(re.findall(r"(?:function|class):: mmnist_lib\.(\w+)$", REFERENCE, flags=re.M))
    assert {name for name in offered if not name.startswith("_")} == named


@pytest.mark.parametrize("module", sorted(modules() - {"__main__", "scale"}))
def test_what_a_module_calls_public_is_sorted_and_its_own(module):
    module = importlib.import_module(f"mmnist_lib.{module}")
    names = getattr(module, "__all__", [])
    assert names == sorted(names) and len(names) == len(set(names))
    assert all(getattr(module, name) for name in names)


def test_the_names_that_stay_put_are_public():
    names = {"load_mnist", "straight_path", "bounce_path", "to_pixels", "composite", "MovingMNIST"}
    names |= {"split_frames", "mse", "mae", "ssim", "psnr", "track", "predict", "oracle", "carve"}
    assert names | {"futures_of"} <= vars(mmnist_lib).keys()


def test_addresses_of_version_0_1_0_still_work():
    from mmnist_lib.visualization import Player, animate, animate_error, show_curves, slider

    kept = (Player, animate, animate_error, show_curves, slider)
    assert kept == tuple(getattr(mmnist_lib, thing.__name__) for thing in kept)
    with pytest.raises(ImportError, match="unknown"):
        from mmnist_lib.visualization import unknown  # noqa: F401


def test_the_package_says_that_it_is_typed():
    assert (FOLDER / "py.typed").is_file()


# docstrings


def sections(thing):
    """Split a docstring in numpydoc's style into its sections."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}$", inspect.getdoc(thing), flags=re.M)
    return dict(zip(["Summary", *parts[1::2]], parts[::2], strict=True))


def parameters(thing):
    given = inspect.signature(thing).parameters.values()
    return [p.name for p in given if p.name != "self" and p.kind is not p.VAR_KEYWORD]


def documented_parameters(thing):
    """Name the parameters that a section describes, or else the prose, in backticks."""
    if "Parameters" not in sections(thing):
        named = re.findall(r"(?<!`)`(\w+)`(?!`)", inspect.getdoc(thing))
        return [name for name in parameters(thing) if name in named]
    heads = re.findall(r"^(\w[\w, ]*) : ", sections(thing)["Parameters"], flags=re.M)
    return [name for head in heads for name in head.split(", ")]


def described(thing):
    """Return the function that describes the parameters and the result of this one."""
    other = re.search(
        r"^Parameters and result as for `(\w+)`\.$", inspect.getdoc(thing), flags=re.M
    )
    return FUNCTIONS[other[1]] if other else thing


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_summed_up_in_a_sentence(name):
    summary = inspect.getdoc(PUBLIC[name]).splitlines()[0]
    assert summary[0].isupper() and re.search(r"[.:]( |$)", summary)


@documented
def test_each_parameter_is_documented_in_its_order(thing):
    assert documented_parameters(described(thing)) == parameters(thing)


def test_the_generator_documents_its_settings_and_shows_an_example():
    assert documented_parameters(mmnist_lib.MovingMNIST) == parameters(mmnist_lib.MovingMNIST)
    assert ">>> " in inspect.getdoc(mmnist_lib.MovingMNIST)


def test_the_ground_truth_documents_each_field():
    heads = re.findall(
        r"^(\w[\w, ]*) : ", sections(mmnist_lib.GroundTruth)["Attributes"], flags=re.M
    )
    names = [name for head in heads for name in head.split(", ")]
    assert names == list(mmnist_lib.GroundTruth.__annotations__)


@documented
def test_what_comes_back_is_documented(thing):
    returns_nothing = inspect.signature(thing).return_annotation in (None, "None")
    told = re.search(r"^Returns?\b|\. Returns?\b", inspect.getdoc(described(thing)), flags=re.M)
    assert bool(told) != returns_nothing


@documented
def test_what_is_raised_is_documented(thing):
    """By the function itself, or, where its errors are those of many, by its module."""
    stated = [sections(one).get("Raises", "") for one in (thing, sys.modules[thing.__module__])]
    lines = re.findall(r"^[A-Z]\w+(?:, [A-Z]\w+)*$", "\n".join(stated), flags=re.M)
    errors = [getattr(builtins, name) for line in lines for name in line.split(", ")]
    assert errors and all(issubclass(error, Exception) for error in errors)


@documented
def test_each_function_shows_an_example(thing):
    assert "\n>>> " in inspect.getdoc(thing)


def test_the_documented_functions_are_all_there():
    # So that a change in how they are collected does not empty the tests above.
    some = {
        "load_mnist",
        "animate",
        "Player.save",
        "MovingMNIST.batch",
        "rollout",
        "save_zarr",
        "seal",
    }
    assert some <= FUNCTIONS.keys()
