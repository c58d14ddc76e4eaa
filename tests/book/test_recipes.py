"""The recipes of "Other frameworks": each is short, and runs as it stands, on fewer sequences.

And the one of "Your own moving dataset" that nbval does not run, because it needs an encoder.

Those of frameworks that are too large for `make test` run in the weekly workflow, which names the
frameworks that it has in MMNIST_FRAMEWORKS. So none is skipped there by mistake.
"""

import importlib.util
import json
import os
import re

import numpy as np
import pytest

import mmnist_lib
from benchmarks.frameworks import FILE, FIRST, NUMPY, PAGE, RECIPES, absent, before, few
from mmnist_lib import score_file

SCORING = ("black", "copy_last", "extrapolate", "score_table", "split_frames")  # chapter 6's
REQUIRED = os.environ.get("MMNIST_FRAMEWORKS", "").split()


def test_each_recipe_has_ten_lines_at_most():
    assert len(RECIPES) == 7 and all(RECIPES.values())
    for blocks in RECIPES.values():
        for code in blocks:
            assert sum(bool(line.strip()) for line in code.splitlines()) <= 10, code


@pytest.mark.parametrize("name", [name for name in RECIPES if name != FIRST])
def test_a_recipe_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    space, missing = {"__name__": "recipes"}, []
    for code in [code for section in [*before(name), name] for code in RECIPES[section]]:
        missing += absent(code)
        if not missing:
            exec(compile(few(code, 48), f"{PAGE.name}: {name}", "exec"), space)
    assert not set(missing) & set(REQUIRED), f"{missing} should be installed"
    if missing:
        pytest.skip(f"the weekly workflow has {missing[0]}")
    assert CHECKS[name](space)


def learned(space):
    return space["inputs"].shape == space["targets"].shape == (16, 10, 64, 64)


CHECKS = {
    NUMPY: lambda space: learned(space) and space["inputs"].dtype == "uint8",
    "PyTorch": lambda space: (
        learned(space)
        and 0 < float(space["loss"]) < 1
        and "predicted.npy" in score_file("true.npy", "predicted.npy")
    ),
    "tf.data": lambda space: learned(space) and 0.9 < float(space["inputs"].numpy().max()) <= 1,
    "Keras": lambda space: len(space["model"].history.history["val_loss"]) == 2,
    "Hugging Face": lambda space: (
        (space["stored"][3]["frames"] == space["train"][3]).all() and len(space["stored"]) == 48
    ),
    FILE: lambda space: learned(space),
}


def test_a_sequence_becomes_a_video(tmp_path, monkeypatch):
    if not importlib.util.find_spec("imageio_ffmpeg") and "imageio" not in REQUIRED:
        pytest.skip("the weekly workflow has imageio's encoder")
    import imageio.v3 as iio

    monkeypatch.chdir(tmp_path)
    page = json.loads((PAGE.parent / "own-dataset.ipynb").read_text(encoding="utf-8"))
    text = "\n".join("".join(cell["source"]) for cell in page["cells"])
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, flags=re.M | re.S)
    colored = np.zeros((20, 64, 64, 3), np.uint8)
    colored[:, 20:40, 20:40, 0] = 255
    exec(code, {"colored": colored})
    video = iio.imread("clip.mp4")
    assert video.shape == (20, 256, 256, 3)
    assert video[3, 120, 120, 0] > 200 and video[3, 10, 10].max() < 30


def test_a_network_learns_pictures_of_ones_own(tmp_path, monkeypatch):
    """The recipe at the end of chapter 6, with its own U-Net made narrow, on short days."""
    from mmnist_lib.prediction import frame_mse

    page = json.loads((PAGE.parent / "06-prediction.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in page["cells"]]
    (section,) = [text for text in cells if text.startswith("## Your own pictures")]
    (code,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.M | re.S)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    days = [rng.random((n, 64, 64)) / 5 for n in (45, 12)]  # the second is too short to be cut
    names = dict.fromkeys(("first_days", "later_days", "last_days"), days)
    names |= {name: getattr(mmnist_lib, name) for name in SCORING}
    names |= {"np": np, "frame_mse": frame_mse}
    for text in cells:
        if re.match(r"import keras\n|def (residual|down_and_up|unet)\(", text):
            exec(text, names)
    names["down_and_up"].__defaults__ = ((4, 4), (1, 1))
    exec(code.replace("epochs=10", "epochs=1"), names)
    for name in ("rain", "later_rain", "last_rain"):
        assert names[name].shape == (2, 20, 64, 64)
    assert (names["rain"][1] == days[0][20:40]).all()
    assert names["rain_net"].history.history.keys() == {"loss", "val_loss"}
    assert [*names["scored"]] == ["black", "copy_last", "extrapolate", "rain_net"]
    stored = names["keras"].models.load_model("rain.keras")
    both = zip(stored.get_weights(), names["rain_net"].get_weights(), strict=True)
    assert all((one == other).all() for one, other in both)
    *_, kernel, bias = names["unet"](bias=-2.2).get_weights()  # before training
    assert (kernel == 0).all() and np.allclose(bias, -2.2)
