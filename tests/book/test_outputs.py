"""The tool that stores what the chapters show."""

import base64
import io
import json

import nbformat.v4 as nb
import numpy as np
import pytest
from PIL import Image

from notebooks import outputs
from notebooks.address import stamp


def test_pieces_of_print_are_joined():
    pieces = [nb.new_output("stream", text=text) for text in ("a\n", "b\n")]
    figure = nb.new_output("display_data", {"text/plain": "figure"})
    last = nb.new_output("stream", text="c\n")
    joined = outputs.joined([*pieces, figure, last])
    assert [output.get("text") for output in joined] == ["a\nb\n", None, "c\n"]


def test_print_and_warnings_are_kept_apart():
    printed = [nb.new_output("stream", name=name, text="x") for name in ("stdout", "stderr")]
    assert len(outputs.joined(printed)) == 2


@pytest.mark.parametrize("many", [False, True])
def test_a_picture_keeps_its_looks_in_fewer_colors(many):
    image = np.zeros((40, 60, 4), np.uint8)  # the right half is transparent
    image[:, :30] = (31, 95, 191, 255)
    image[0, :30] = (31, 95, 191, 128)
    image[5:9, :30, :3] = np.arange(120).reshape(4, 30, 1)
    if many:
        image[10:34, :30, :3] = np.random.default_rng(0).integers(0, 256, (24, 30, 3))
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    png = outputs.fewer_colors(base64.b64encode(buffer.getvalue()).decode())
    with Image.open(io.BytesIO(base64.b64decode(png))) as small:
        assert small.mode == "P"
        pixels = np.asarray(small.convert("RGBA")).astype(int)
    off = np.abs(pixels - image)
    assert off[1:9, :30].max() <= (20 if many else 1) and off[0, :30].max() <= 20
    assert not pixels[:, 30:, 3].any()


def test_widgets_are_named_by_their_order():
    def notebook(first, second):
        state = {first: {"state": {"child": f"IPY_MODEL_{second}"}}, second: {"state": {}}}
        widgets = {"application/vnd.jupyter.widget-state+json": {"state": state}}
        return nb.new_notebook(metadata={"widgets": widgets})

    one = outputs.name_widgets(notebook("a" * 32, "b" * 32))
    other = outputs.name_widgets(notebook("f" * 32, "0" * 32))
    assert one == other and "a" * 32 not in json.dumps(one)


@pytest.fixture
def chapter(tmp_path):
    """A notebook of three cells, stored as if the second had seen the full MNIST."""
    cells = [nb.new_code_cell("1 + 1"), nb.new_code_cell("# NBVAL_IGNORE_OUTPUT\nprint('sample')")]
    cells[1].outputs = [nb.new_output("stream", text="full\n")]
    cells.append(nb.new_code_cell("print('new')"))
    path = tmp_path / "01-loading.ipynb"
    path.write_text(json.dumps(nb.new_notebook(cells=cells)))
    return path


def outputs_of(path):
    cells = json.loads(path.read_text())["cells"]
    return [cell["outputs"][0].get("text") for cell in cells]


def test_without_the_full_mnist_uncompared_outputs_are_kept(chapter, monkeypatch, capsys):
    monkeypatch.delenv("MMNIST_DATA", raising=False)
    outputs.run(chapter)
    assert outputs_of(chapter) == [None, "full\n", "new\n"]
    assert "keep their outputs" in capsys.readouterr().out


def test_with_the_full_mnist_they_are_renewed(chapter, monkeypatch, capfd):
    monkeypatch.setenv("MMNIST_DATA", "mnist.npz")
    outputs.run(chapter)
    assert outputs_of(chapter) == [None, "sample\n", "new\n"]
    assert "WARNING" not in capfd.readouterr().err  # the kernel's, of eavesdroppers


def test_outputs_of_other_chapters_are_renewed_without_it_too(chapter, monkeypatch):
    monkeypatch.delenv("MMNIST_DATA", raising=False)
    other = chapter.rename(chapter.with_name("06-prediction.ipynb"))
    outputs.run(other)
    assert outputs_of(other) == [None, "sample\n", "new\n"]


def test_of_a_progress_bar_the_last_state_is_kept_without_times():
    bar = (
        "\x1b[1m1/2\x1b[0m 9s 9s/step - loss: 3\x08\x08\r2/2 \u2501\u2501 1s 12ms/step - loss: 2\n"
    )
    output = nb.new_output("stream", name="stdout", text="Epoch 1/1\n" + bar + "end\n")
    (joined,) = outputs.joined([output])
    assert joined.text == "Epoch 1/1\n2/2 \u2501\u2501 loss: 2\nend\n"


def test_a_chapter_that_fails_is_left_as_it_was(chapter):
    notebook = json.loads(chapter.read_text())
    notebook["cells"][2]["source"] = "1 / 0"
    chapter.write_text(json.dumps(notebook))
    before = chapter.read_bytes()
    with pytest.raises(outputs.CellExecutionError, match="ZeroDivisionError"):
        outputs.run(chapter)
    assert chapter.read_bytes() == before and len(list(chapter.parent.iterdir())) == 1


def test_the_address_is_stamped_wherever_it_stands():
    text = """git+https://github.com/old/name" https://mybinder.org/v2/gh/old/name/main
    https://colab.research.google.com/github/old/name/blob https://old.github.io/name/"""
    stamped = stamp(text, "https://github.com/ada/fork")
    assert "old" not in stamped and stamped.count("ada") == 4 and stamped.count("fork") == 4
