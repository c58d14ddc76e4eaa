"""How a value travels from a master into an edition: written there as text, and read back."""

import base64

import numpy as np
import pytest

from mmnist_lib.exercises import Seal, seal, unpack
from teaching.editions import literal, pack

TRACK = np.array([[3, 4], [7, 9], [12, 13]])
CLIP = np.zeros((3, 8, 8), np.uint8)
CLIP[1, 2, 3], CLIP[2, 5, 5] = 200, 100


@pytest.mark.parametrize(
    "array",
    [CLIP, TRACK, np.linspace(0, 1, 50).reshape(5, 10), np.zeros((0, 3)), np.arange(30) % 2 == 0],
    ids=["clip", "track", "floats", "empty", "booleans"],
)
def test_a_packed_array_comes_back(array):
    back = unpack(pack(array))
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.allclose(back, array, rtol=0, atol=1e-12)
    back[...] = 0  # it may be written to


def test_in_a_browser_a_track_can_be_counted(monkeypatch):
    """NumPy counts with its own kind of integer, which is an int32 there."""
    monkeypatch.setattr(np, "intp", np.int32)
    assert unpack(pack(TRACK)).dtype == np.int32
    assert unpack(pack(CLIP)).dtype == np.uint8


def test_a_damaged_text_is_refused():
    whole = pack(CLIP)
    for text in ("", whole[:-8], "x" + whole, base64.b64encode(b"no zlib").decode()):
        with pytest.raises(ValueError, match="text is no packed array: copy it whole"):
            unpack(text)


@pytest.mark.parametrize(
    "value",
    [1, -0.5, "a \"b\" \\ \n", None, True, (1,), [1, (2, "x")], {"a": (0.1, [])}, TRACK, CLIP,
     np.arange(3, dtype=np.uint8), np.float64(0.25), np.array([True, False]), seal(3, "form")],
    ids=repr,
)  # fmt: skip
def test_a_literal_is_read_back_as_the_value(value):
    back = eval(literal(value), {"np": np, "unpack": unpack, "Seal": Seal})
    assert repr(back) == repr(value) or np.allclose(back, value)
