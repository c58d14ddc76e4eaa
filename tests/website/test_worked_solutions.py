"""Who sees a worked solution: the readers of the edition for self-study, and nobody else."""

import html
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import snowballstemmer

from notebooks.address import STATED
from tests.website.test_pages import CHAPTERS, Page, check_buttons
from website.course import FOLDED

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
MASTERS = sorted((ROOT / "teaching" / "masters").glob("*.ipynb"))
each_master = pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.stem)
BY_HAND = "An answer, and how it is marked"


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell: dict) -> str:
    return "".join(cell["source"])


@cache
def public() -> str:
    """All that the site may show: chapters, pages, student editions, and the library."""
    notebooks = sorted((ROOT / "book").rglob("*.ipynb"))
    text = [source(cell) + shown(cell) for path in notebooks for cell in cells(path)]
    others = [*(ROOT / "book").glob("*.md"), *(ROOT / "mmnist_lib").rglob("*.py")]
    return "\n".join(text + [path.read_text(encoding="utf-8") for path in others])


def shown(cell: dict) -> str:
    """What stands below a cell: with its last word, the verdict's first can read like an answer."""
    outputs = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    return text_of("".join(part for lines in outputs for part in lines))


@cache
def words_of_all() -> str:
    return words(public())


@cache
def secrets(master: Path) -> list[str]:
    """Long lines of solutions, hints, answers and hidden tests that stand nowhere else."""
    lines = [line.strip() for cell in cells(master) for line in source(cell).splitlines()]
    lines = [line for line in lines if len(line) > 24 and words(line) not in words_of_all()]
    return [line for line in lines if "frozen(" not in line and "%pip" not in line]


def words(text: str) -> str:
    """Only letters and digits, so that escapes and white space hide nothing."""
    return re.sub(r"[^A-Za-z0-9]+", "", text)


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", page))


@each_master
def test_the_study_edition_folds_a_hint_and_a_solution_below_each_task(master):
    page = (SITE / "book" / "exercises" / f"{master.stem}.html").read_text(encoding="utf-8")
    summaries = re.findall(r"<summary>(A hint|A worked solution|An answer[^<]*)</summary>", page)
    titles = {"hint": "A hint", "worked": "A worked solution"}
    assert "Stuck?" not in page and FOLDED in page  # this is the page that it leads to
    kept = [tag for cell in cells(master) for tag in cell["metadata"].get("tags", [])]
    written = [c for c in cells(master) if is_solution(c) and c["cell_type"] == "markdown"]
    assert summaries == [titles[tag] for tag in kept if tag in titles] + [BY_HAND] * len(written)
    folded = words(text_of("".join(re.findall(r"<details>.*?</details>", page, re.S))))
    solutions = [source(cell) for cell in cells(master) if is_solution(cell)]
    for solution in solutions:
        if "### BEGIN SOLUTION" in solution:
            inner = solution.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
            for line in inner.splitlines():
                assert words(line) in folded, line
    hints = [source(cell) for cell in cells(master) if "hint" in cell["metadata"].get("tags", [])]
    for hint in hints:
        assert words(hint)[:60] in folded


def is_solution(cell: dict) -> bool:
    return cell["metadata"].get("nbgrader", {}).get("solution", False)


@each_master
def test_what_a_reader_downloads_is_without_solutions(master):
    folders = [SITE / folder for folder in ("_sources", "_downloads")]
    found = [path for folder in folders for path in folder.rglob(f"*{master.stem}*")]
    assert SITE / "_sources" / "book" / "exercises" / master.name in found
    for path in found:
        assert_nothing_of(master, path)


def assert_nothing_of(master: Path, path: Path) -> None:
    text = path.read_bytes().decode("utf-8", errors="replace")
    plain = words(text_of(text) if path.suffix == ".html" else text)
    for secret in secrets(master):
        assert secret not in text and words(secret) not in plain, f"{path.name}: {secret}"


@pytest.fixture(scope="module")
def class_edition_of_a_fork(tmp_path_factory):
    """The site that a fork publishes with ``EDITION=class``: one build for several tests."""
    folder = tmp_path_factory.mktemp("fork")
    environment = os.environ | {"GITHUB_REPOSITORY": "ada/fork", "EDITION": "class"}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "--all", "-q"]
    subprocess.run([*command, "--path-output", folder], env=environment, check=True)
    return folder / "_build" / "html"


def test_the_class_edition_has_no_trace_of_a_solution(class_edition_of_a_fork):
    """In pages, notebooks, the search index and all else that is published."""
    named = {path.stem for path in MASTERS}
    text_files = {".html", ".ipynb", ".js", ".md", ".txt", ".json", ".py", ".inv"}
    found = [path for path in class_edition_of_a_fork.rglob("*") if path.suffix in text_files]
    pages = [path for path in found if path.stem in named or path.name == "searchindex.js"]
    assert len(pages) >= 2 * len(MASTERS) + 1
    assert not [path for path in pages if b"Stuck?" in path.read_bytes() and ".html" in path.name]
    for path in pages:
        for master in MASTERS:
            assert_nothing_of(master, path)
    whole = "\n".join(
        path.read_bytes().decode("utf-8", errors="replace")
        for path in found
        if "_static" not in path.parts
    )
    assert "A worked solution" not in whole and BY_HAND not in whole
    for master in MASTERS:
        for secret in secrets(master):
            assert secret not in whole, secret


def test_the_class_edition_leaves_out_what_instructors_know(class_edition_of_a_fork):
    """The guide lists typical mistakes. Nothing may lead to it, or quote it."""
    assert not [path for path in class_edition_of_a_fork.rglob("*instructors*")]
    guide = (ROOT / "book" / "instructors.md").read_text(encoding="utf-8")
    mistakes = "leaves the canvas, sticks"
    assert mistakes in guide
    for path in class_edition_of_a_fork.rglob("*"):
        if path.suffix in {".html", ".js", ".md", ".txt", ".xml", ".inv"}:
            text = path.read_bytes().decode("utf-8", errors="replace")
            assert mistakes not in text and "instructors.html" not in text, path


def stems(text: str) -> set[str]:
    """Words as Sphinx's search index holds them."""
    stem = snowballstemmer.stemmer("english").stemWord
    return {stem(word) for word in re.findall(r"[a-z]{3,}", text.lower())}


def test_the_search_index_of_the_class_edition_knows_no_word_of_a_hint(class_edition_of_a_fork):
    kept_back = [
        source(cell)
        for master in MASTERS
        for cell in cells(master)
        if {"hint", "worked"} & set(cell["metadata"].get("tags", []))
    ]
    rare = stems("\n".join(kept_back)) - stems(public())
    study, class_ = (
        set(re.findall(r'"(\w+)":', (site / "searchindex.js").read_text(encoding="utf-8")))
        for site in (SITE, class_edition_of_a_fork)
    )
    assert len(rare & study) > 10, "the words of the hints are not found at all"
    assert rare & class_ == set()


def test_a_fork_that_publishes_gets_its_own_links(class_edition_of_a_fork):
    book = class_edition_of_a_fork / "book"
    check_buttons(Page(book / f"{CHAPTERS[0]}.html"), CHAPTERS[0], "https://github.com/ada/fork")
    for path in book.rglob("*.html"):
        assert STATED not in path.read_text(encoding="utf-8"), path.name
