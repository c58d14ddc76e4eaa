"""The recipes of "Other frameworks": each is short, and runs as it stands, on fewer sequences.

And the one of "Your own moving dataset" that nbval does not run, because it needs an encoder.

Those of frameworks that are too large for `make test` run in the weekly workflow, which names the
frameworks that it has in MMNIST_FRAMEWORKS. So none is skipped there by mistake.
"""

import importlib.util
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "book" / "other-frameworks.md"
SECTIONS = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
RECIPES = {
    section.splitlines()[0]: re.findall(r"^```python\n(.*?)^```$", section, flags=re.M | re.S)
    for section in SECTIONS
}
LARGE = ("torch", "tensorflow", "datasets")
REQUIRED = os.environ.get("MMNIST_FRAMEWORKS", "").split()
FIRST, NUMPY, FILE = "Three sets without a digit in common", "NumPy", "From a file"
BEFORE = {NUMPY: [FIRST], FILE: [FIRST, NUMPY], "PyTorch": [FIRST, NUMPY, FILE]}


def few(code):
    return code.replace("10_000", "48").replace("1_000", "50")


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
    space, absent = {"__name__": "recipes"}, []
    sections = [*BEFORE.get(name, [FIRST]), name]
    for code in [code for section in sections for code in RECIPES[section]]:
        needed = [
            large
            for large in LARGE
            if re.search(rf"^(import|from) {large}\b|\b{large}\.", code, re.M)
        ]
        absent += [one for one in needed if not importlib.util.find_spec(one)]
        if not absent:
            exec(compile(few(code), f"{PAGE.name}: {name}", "exec"), space)
    assert not set(absent) & set(REQUIRED), f"{absent} should be installed"
    if absent:
        pytest.skip(f"the weekly workflow has {absent[0]}")
    assert CHECKS[name](space)


def learned(space):
    return space["inputs"].shape == space["targets"].shape == (16, 10, 64, 64)


CHECKS = {
    NUMPY: lambda space: learned(space) and space["inputs"].dtype == "uint8",
    "PyTorch": lambda space: learned(space) and 0 < float(space["loss"]) < 1,
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
