"""The book's own checks: what a reader sees is run, described, true and within its budget."""

import builtins
import io
import json
import os
import re
import shlex
import socket
import statistics
import tokenize
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

import mmnist_lib
from mmnist_lib.__main__ import _parser
from tests.book.measure import prose, without_code_blocks

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9]*.ipynb"))
COMPLETE = ROOT / "book" / "complete-data-set.ipynb"  # a page in the form of a chapter
OWN = ROOT / "book" / "own-dataset.ipynb"  # recipes
NOTEBOOKS = sorted((ROOT / "book").glob("*.ipynb"))
PAGES = sorted((ROOT / "book").glob("*.md"))
EDITIONS = sorted((ROOT / "book" / "exercises").glob("*.ipynb"))
MASTERS = sorted((ROOT / "teaching" / "masters").glob("*.ipynb"))
RUN = NOTEBOOKS + EDITIONS + MASTERS  # all that nbval runs


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


each_chapter = pytest.mark.parametrize("path", [*CHAPTERS, COMPLETE], ids=name_of)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
each_run = pytest.mark.parametrize("path", RUN, ids=name_of)
each_page = pytest.mark.parametrize("path", RUN + PAGES, ids=name_of)


@cache
def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in read(path)["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> set[str]:
    return set(cell["metadata"].get("tags", ()))


def texts(cell: dict) -> str:
    """All that a cell printed or showed as text."""
    found = []
    for output in cell["outputs"]:
        found.append("".join(output.get("text", "")))
        found.append("".join(output.get("data", {}).get("text/plain", "")))
    return "\n".join(found)


def test_there_are_chapters():
    assert len(CHAPTERS) >= 7
    assert [*CHAPTERS, COMPLETE, OWN] == NOTEBOOKS
    names = [path.name for path in CHAPTERS]
    assert set(names) <= {path.name for path in MASTERS}  # an instructor's own have no chapter
    assert [path.name for path in EDITIONS] == [path.name for path in MASTERS]


@each_run
def test_every_code_cell_was_run_in_order_and_without_error(path):
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert "error" not in kinds
    assert not any(o.get("name") == "stderr" for cell in code for o in cell["outputs"])


@each_run
def test_nothing_of_a_machine_is_stored(path):
    metadata = read(path)["metadata"]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert metadata["kernelspec"] == kernel
    assert metadata["language_info"] == {"name": "python"}
    assert set(metadata) <= {"kernelspec", "language_info", "widgets"}
    assert not any("execution" in cell["metadata"] for cell in read(path)["cells"])


@each_page
def test_no_path_of_a_machine_and_no_address_in_memory(path):
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"data:image/png;base64,[\w+/=]+|\"image/png\": \"[^\"]*\"", "", text)
    machine = r"(?<![\w.:/-])/(?:home|root|tmp|work|Users|mnt|opt|var)/"
    assert not re.search(machine, text)
    assert not re.search(r"\b0x[0-9a-f]{6,}", text)


@each_run
def test_every_picture_has_alt_text(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            data = output.get("data", {})
            page = "".join(data.get("text/html", ""))
            for image in re.findall(r"<img[^>]*>", page):
                assert re.search(r'alt="[^"]{10,}"', image), (cell["id"], image[:80])
            if "image/png" in data and not page:
                alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) >= 10, f"{cell['id']} shows a picture without alt text"
    state = json.dumps(read(path)["metadata"].get("widgets", {}))
    for image in re.findall(r"<img[^>]*>", state):
        assert re.search(r'alt=\\"[^"]{10,}\\"', image), image[:80]


@each_page
def test_every_picture_in_the_prose_has_alt_text(path):
    assert not re.search(r"!\[\s*\]\(", prose(path))


@each_chapter
def test_the_budget_of_a_chapter(path):
    machinery = r"# NBVAL_IGNORE_OUTPUT\n# Not compared: .*\n"  # no reader's concern
    shown = [cell for cell in cells(path, "code") if "remove-cell" not in tags(cell)]
    code = [re.sub(machinery, "", source(cell)) for cell in shown]
    lines = [sum(bool(line.strip()) for line in text.splitlines()) for text in code]
    words = len(prose(path).split())
    # A network is written in one piece, and chapters 7 and 8 try much. Most cells, median, longest:
    bounds = {"06-prediction": (26, 6, 12), "07-networks": (24, 4, 12), "08-limit": (24, 4, 8)}
    most, median, longest = bounds.get(path.stem, (18, 4, 8))
    assert 12 <= len(code) <= most
    assert statistics.median(lines) <= median
    assert max(lines) <= longest
    assert 900 <= words <= 2500
    assert path.stat().st_size <= 200_000


def test_a_recipe_has_ten_lines_at_most_and_shows_a_moving_picture():
    code = [source(cell) for cell in cells(OWN, "code")]
    assert all(sum(bool(line.strip()) for line in text.splitlines()) <= 10 for text in code)
    shown = [texts(cell) for cell in cells(OWN, "code")]
    assert sum("<Player" in text for text in shown) >= 7
    assert OWN.stat().st_size <= 200_000


@each_chapter
def test_the_shape_of_a_chapter(path):
    text = prose(path)
    assert re.match(r"# The complete dataset\n" if path == COMPLETE else r"# \d\. ", text)
    assert ":::{admonition} What you will be able to do" in text
    assert "Time: " in text and "You need: " in text
    headings = re.findall(r"^## (.*)$", text, re.M)
    assert headings[-3:] == ["Check yourself", "What to take away", "Sources"]
    assert text.count("<details>") == text.count("</details>") >= 3
    first_shown = next(texts(cell) for cell in cells(path, "code") if cell["outputs"])
    # Chapter 1 begins with one digit beside its numbers, because nothing moves yet.
    first = "\n<Figure" if path == CHAPTERS[0] else "\n<Player"
    assert first_shown.startswith(first), "the picture comes first, and it moves"
    # Its module has the chapter's name, with a few exceptions.
    modules = {
        "complete-data-set": "files",
        "06-prediction": "metrics",
        "07-networks": "prediction",
        "08-limit": "tracking",
    }
    assert f"api.md#{modules.get(path.stem, path.stem[3:])}" in text


@each_notebook
def test_an_ignored_output_has_a_reason_and_an_assertion_after_it(path):
    code = [source(cell) for cell in cells(path, "code")]
    for number, text in enumerate(code):
        if "NBVAL_IGNORE_OUTPUT" in text:
            assert re.match(r"# NBVAL_IGNORE_OUTPUT\n# Not compared: .{20,}\n", text)
            assert any("assert " in later for later in code[number : number + 3])
    tags = {tag for cell in read(path)["cells"] for tag in cell["metadata"].get("tags", [])}
    known = {"hide-input", "remove-cell"}
    assert tags <= known, "tags such as nbval-skip hide a cell from its test"


@each_notebook
def test_a_number_in_the_prose_is_computed_on_the_page(path):
    text = without_code_blocks(prose(path)).split("## Check yourself")[0]
    text = re.sub(r"\]\([^)]*\)|`[^`]*`|\$[^$]*\$", " ", text)  # links, code, formulas
    text = re.sub(r"\(?[A-Z][^()\n]*\b(19|20)\d\d\)?|the 1990s|Time: \d+ minutes", " ", text)
    text = re.sub(r"^# .*$|[Cc]hapter \d", " ", text, flags=re.M)
    page = "\n".join(source(cell) + "\n" + texts(cell) for cell in cells(path, "code"))
    page = re.sub(r"figsize=\([^)]*\)|xticks=[^)]*\)", "", page)  # sizes of pictures tell nothing
    known = {number(found) for found in re.findall(r"\d[\d_,]*(?:\.\d+)?", page)}
    for found in re.findall(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text):
        value = number(found)
        assert (value <= 10 and value == int(value)) or value in known, (
            f"{found} is in the prose, but no cell holds or prints it"
        )


def number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))


@cache
def known_names() -> set[str]:
    """Every name of the library, and of the modules that the course speaks of."""
    modules = [getattr(mmnist_lib, name) for name in dir(mmnist_lib)]
    names = set()
    for thing in [mmnist_lib, builtins, np, np.random, np.ndarray, plt, Axes, os, *modules]:
        names |= set(dir(thing))
    for text in (ROOT / "mmnist_lib").rglob("*.py"):
        names |= {
            token.string
            for token in tokenize.generate_tokens(io.StringIO(text.read_text("utf-8")).readline)
            if token.type == tokenize.NAME
        }
    return names


# Words in code type that are no Python names of ours: files, folders, commands, addresses.
FOREIGN = set(
    re.findall(
        r"\S+",
        """clip gif npz npy mmnist_lib keras torchvision datasets mnist load_data MMNIST_DATA gray
        mnist_test_seq moving_mnist mmnist python m run venv bin
        Scripts LICENSE https hub example edu canvas_size e d exercises submitted SEED
        CHANGE CONTRIBUTING COURSE EDITION GITHUB_REPOSITORY _build assignments book course csv
        docker etc feedback generate github grade helm hub jupyter kubectl make matchNodePurpose md
        nbgrader nbgrader_config publish py release release_feedback slides students teaching
        canvas masters workflows yaml yml
        DataLoader Dataset IterableDataset __main__ cache_dir imageio ffmpeg inputs iscrowd
        manual_seed persistent_workers pip torch True validation test split
        BEGIN CITATION DEADLINE END FORMAT HIDDEN Makefile README ROSTER
        SOLUTION TESTS _config _toc assets back cff collect downloads exercise export hint
        instructors ipynb j2 js language logo marks master mistakes moodle outputs
        png preview pyproject svg tests toml txt website worked
        second apt install bubblewrap num_workers
        angles clamp drawing own reflect speed be083ec986bfe91a449d63653c411eb2""",
    )
)


@each_page
def test_a_name_in_the_prose_exists(path):
    known = known_names() | FOREIGN
    if path.suffix == ".ipynb":
        # An exercise may speak of what is in its chapter and in its master.
        family = {path} | {page for page in CHAPTERS + MASTERS if page.name == path.name}
        code = "\n".join(source(cell) for page in family for cell in cells(page, "code"))
        known = known | set(re.findall(r"[A-Za-z_]\w*", code))
    for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", without_code_blocks(prose(path))):
        if (ROOT / span).exists():
            continue
        bare = re.sub(r"\"[^\"]*\"|'[^']*'", "", span)  # not what stands in quotes
        for name in re.findall(r"[A-Za-z_]\w*", bare):
            assert name in known, f"`{span}` names {name}, which does not exist"


@each_page
def test_links_to_files_lead_somewhere(path):
    # A master's links are those of the edition that is made from it.
    folder = EDITIONS[0].parent if path in MASTERS else path.parent
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", without_code_blocks(prose(path))):
        if not target.startswith("http"):
            assert (folder / target).exists(), target


@each_page
def test_the_house_style(path):
    text = re.sub(r"`[^`]*`|!\[", "", without_code_blocks(prose(path)))
    text = re.sub(r"<script>.*?</script>", "", text, flags=re.S)
    assert "!" not in text.replace("<!--", "")
    assert not re.search(r"\bsimply\b", text, re.I)


def test_the_address_is_stated_in_one_place_and_copied_faithfully():
    stated = re.search(r"^repository:\n  url: (\S+)$", (ROOT / "_config.yml").read_text(), re.M)[1]
    owner_and_name = stated.removeprefix("https://github.com/")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    copies = [readme, citation] + [source(cells(path, "code")[0]) for path in RUN]
    for text in copies:
        addresses = re.findall(r"https://github\.com/[\w.-]+/[\w.-]+", text)
        assert addresses and set(addresses) == {stated}, "run `make outputs`"
    launch = r"(?:mybinder\.org/v2/gh|google\.com/github)/([\w.-]+/[\w.-]+)/"
    assert set(re.findall(launch, readme)) == {owner_and_name}
    owner, name = owner_and_name.split("/")
    for text in (readme, citation):
        sites = re.findall(r"https://[\w-]+\.github\.io/[\w.-]+/", text)
        assert set(sites) == {f"https://{owner}.github.io/{name}/"}
    for path in PAGES:  # they say {{ repository }} instead
        assert "github.com/" not in path.read_text(encoding="utf-8"), path.name


def test_chapter_1_shows_the_full_set():
    """What is not compared is stored from a run on all of MNIST, not on the sample."""
    shown = "\n".join(texts(cell) for cell in cells(CHAPTERS[0], "code"))
    for shape in ("(60000, 28, 28)", "(60000,)", "(10000, 28, 28)", "(10000,)"):
        assert shape in shown
    assert "stands in" not in shown and "Downloading" not in shown


def test_the_costs_on_the_page_are_the_measured_ones():
    """The cells hold what ``make bench`` stored, to two digits."""
    stored = json.loads((ROOT / "benchmarks" / "speed.json").read_text(encoding="utf-8"))
    growth, memory = stored["growth"], stored["in memory"]
    page = {}
    for cell in cells(COMPLETE, "code"):
        if re.match(r"sizes =|per_second =|n, workers", source(cell)):
            exec(source(cell), page)
    ways = {
        "one file": "one .npy file",
        "store, 1 worker": "a store, 1 worker",
        "store, 2 workers": "a store, 2 workers",
    }
    assert page["seconds"].keys() == ways.keys()
    for name, way in ways.items():
        assert page["sizes"] == [n for n, _, _ in growth[way]]
        assert page["seconds"][name] == [rounded(took) for _, took, _ in growth[way]], name
    assert page["compressed"] == rounded(growth["a store, 1 worker"][-1][2] / page["sizes"][-1])
    speed, ratio = memory["`batch`, into a warm array"]
    assert (page["per_second"]["strips"], page["of_a_copy"]) == (rounded(speed), rounded(ratio))
    assert page["per_second"]["loop"] == rounded(memory["a loop over digits and frames"][0])


def test_what_chapter_7_quotes_is_in_the_logs():
    """The cells hold points of the logs, because readers may have no folder `training`."""

    def column(path, key):
        text = (ROOT / "training" / path).read_text(encoding="utf-8")
        return [json.loads(line)[key] for line in text.splitlines()]

    page = {"np": np}
    for cell in cells(ROOT / "book" / "07-networks.ipynb", "code"):
        if source(cell).startswith("# From the log"):
            exec(source(cell), page)
    errors = column("unet/log.jsonl", "val_loss")
    assert page["ours"].tolist() == [errors[n - 1] for n in page["epochs"]]
    own = "convlstm/log.jsonl"
    assert page["memory"] == (len(column(own, "loss")) * 3200, column(own, "val_last_ten")[-1])
    for name, log in {"forced": "convlstm/teacher-forcing.jsonl", "own": own}.items():
        assert page[name] == {
            "training": [round(error) for error in column(log, "last_ten")[:4]],
            "rollout": [round(error) for error in column(log, "val_last_ten")[:4]],
        }


def rounded(value: float) -> float:
    return float(f"{value:.2g}")


@pytest.mark.parametrize(
    "path", [*PAGES, *NOTEBOOKS, ROOT / "README.md"], ids=lambda path: path.name
)
def test_every_command_that_a_page_shows_is_understood(path, capsys):
    for block in re.findall(r"^```sh\n(.*?)^```$", prose(path), flags=re.M | re.S):
        block = block.replace("\\\n", " ")
        for line in re.findall(r"^mmnist .*$|(?<=^python -m )mmnist_lib.*$", block, flags=re.M):
            _parser().parse_args(shlex.split(line, comments=True)[1:])


def test_the_lines_of_readme_run_without_a_network(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("there is no network")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.chdir(tmp_path)
    code = re.search(r"^```python\n(.*?)^```$", prose(ROOT / "README.md"), flags=re.M | re.S)[1]
    names = {}
    exec(code, names)
    assert names["frames"].shape == (100, 20, 64, 64)
    with Image.open("clip.gif") as picture:
        assert picture.n_frames == 20
