"""The built site, as files: every link leads somewhere, every button to the right file."""

import html
import itertools
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import nbformat
import nbformat.v4 as nb
import numpy as np
import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image
from sphinx.errors import ExtensionError

from benchmarks.pages import pages as measured_pages
from benchmarks.pages import weigh
from notebooks.address import STATED
from notebooks.text import for_readers, for_tests_alone
from website import live
from website.course import show_sliders_as_html
from website.publish import MOVED, cut, let_prose_wrap, used_rules

WIDGET = "application/vnd.jupyter.widget-view+json"
ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
BOOK = ROOT / "book"
CHAPTERS = sorted(str(path.relative_to(BOOK).with_suffix("")) for path in BOOK.rglob("*.ipynb"))


class Page(HTMLParser):
    """The links of a page, and what they can point at."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values.get("id"), values.get("name")}
        self.links += [values[key] for key in ("href", "src") if values.get(key)]


@pytest.fixture(scope="module")
def pages():
    return {path: Page(path) for path in SITE.rglob("*.html") if "_static" not in path.parts}


def test_every_link_within_the_site_leads_somewhere(pages):
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if parts.path.startswith("/"):  # 404.html, which is shown at any address
                target = SITE / parts.path.split("/", 2)[2]
            assert target.exists(), f"{path.name} links to {link}"
            if parts.fragment and target.suffix == ".html":
                anchors = pages[target].anchors if target in pages else set()
                assert unquote(parts.fragment) in anchors, f"{path.name} links to {link}"


# What Jupyter, Colab and the tests need, and what a training says of each of its steps.
MACHINERY = r"NBVAL_IGNORE_OUTPUT|# Not compared:|%pip|find_spec\(.mmnist_lib.\)|Epoch \d+/\d+"


def test_no_page_shows_what_is_there_for_machines(pages):
    shown = {path: html.unescape(re.sub("<[^>]+>", "", path.read_text("utf-8"))) for path in pages}
    found = {path.name: re.search(MACHINERY, text) for path, text in shown.items()}
    assert not {name: it[0] for name, it in found.items() if it}
    for chapter in CHAPTERS:
        text = shown[SITE / "book" / f"{chapter}.html"]
        notebook = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4)
        hidden = [cell.source for cell in notebook.cells if for_tests_alone(cell)]
        assert hidden and not [source for source in hidden if source in text]
        assert all(for_readers(cell.source) in text for cell in live.code_cells(notebook))


def test_the_reference_says_things_once():
    for path in (SITE / "book" / "api").glob("*.html"):
        text = html.unescape(re.sub("<[^>]+>", "", path.read_text("utf-8")))
        assert not re.search(r":raises|Chapters? [\d and]+ explains? it", text), path.name
        assert text.count("Explained in") <= 1 >= text.count("All functions here may raise:")
        if path.stem == "compositing":
            assert "All functions here may raise:" in text and "start, stop" in text


def external(page: Page, host: str) -> list[str]:
    return [link for link in page.links if urlsplit(link).netloc == host]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapters_buttons_open_its_own_file(pages, chapter):
    # The site was built with this environment, perhaps by a workflow that runs in a fork.
    repository = os.environ.get("GITHUB_REPOSITORY")
    address = f"https://github.com/{repository}" if repository else STATED
    check_buttons(pages[SITE / "book" / f"{chapter}.html"], chapter, address)


def check_buttons(page: Page, chapter: str, address: str) -> None:
    repository, file = address.removeprefix("https://github.com/"), f"book/{chapter}.ipynb"
    assert (ROOT / file).exists()
    assert external(page, "mybinder.org") == [
        f"https://mybinder.org/v2/gh/{repository}/main?urlpath=lab/tree/{file}"
    ]
    assert external(page, "colab.research.google.com") == [
        f"https://colab.research.google.com/github/{repository}/blob/main/{file}"
    ]
    github = external(page, "github.com")
    assert address in github
    assert f"{address}/edit/main/{file}" in github
    assert any(link.startswith(f"{address}/issues/new") for link in github)
    query = urlencode({"chapter": chapter})
    assert any(link.endswith(f"running.html?{query}#on-your-jupyterhub") for link in page.links)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_slider_is_html_that_needs_no_manager(chapter):
    notebook = (ROOT / "book" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    page = (SITE / "book" / f"{chapter}.html").read_text(encoding="utf-8")
    sliders = notebook.count('"application/vnd.jupyter.widget-view+json"')
    labeled = notebook.count("data-labels=")  # the sliders, and players with labels
    assert page.count("data-labels=") == labeled >= sliders
    assert "jupyter.widget" not in page


def test_a_widget_that_brings_no_html_stops_the_build():
    widget = nb.new_code_cell(outputs=[nb.new_output("display_data", {WIDGET: {}})])
    with pytest.raises(ExtensionError, match=r"book/x: a widget would be dead .*slider"):
        show_sliders_as_html("book/x", nb.new_notebook(cells=[widget]))


def test_the_downloads_are_offered_where_they_are():
    page = (SITE / "book" / "index.html").read_text(encoding="utf-8")
    files = sorted(path.name for path in (SITE / "downloads").glob("*"))
    assert re.findall(r'href="\.\./downloads/([^"]*)"', page) == files
    assert not files or "moving-mnist-course.zip" in files


def test_a_link_elsewhere_shows_title_description_and_strip():
    page = BeautifulSoup((SITE / "book/04-bouncing.html").read_text("utf-8"), "html.parser")
    said = {tag.get("property"): tag["content"] for tag in page("meta", property=True)}
    assert said["og:title"].startswith("4. Bouncing")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert said["og:site_name"] == config["title"]
    start = page.find("link", rel="canonical")["href"].removesuffix("book/04-bouncing.html")
    assert said["og:image"] == f"{start}_static/preview.png"
    with Image.open(SITE / "_static" / "preview.png") as picture:
        assert picture.size == (1200, 630)
    assert len(page.find("meta", attrs={"name": "description"})["content"]) > 80


def test_the_site_has_a_map():
    listed = re.findall("<loc>(.*?)</loc>", (SITE / "sitemap.xml").read_text(encoding="utf-8"))
    names = {"/".join(address.split("/")[4:]) for address in listed}
    assert {f"book/{chapter}.html" for chapter in CHAPTERS} <= names
    assert all((SITE / name).exists() for name in names)
    assert "404.html" not in names and "search.html" not in names


def test_an_anchor_that_was_published_stays(pages):
    """Others link to it. Where a heading must go, give what replaces it the old name."""
    for line in (Path(__file__).parent / "anchors.txt").read_text(encoding="utf-8").split():
        page, anchor = line.split(".html#")
        assert (SITE / f"{page}.html").exists(), line
        assert anchor in pages[SITE / f"{MOVED.get(page, page)}.html"].anchors, line


def test_every_anchor_is_in_the_list_of_those_to_keep(pages):
    kept = (Path(__file__).parent / "anchors.txt").read_text(encoding="utf-8").split()
    made = [
        f"{path.relative_to(SITE).as_posix()}#{section['id']}"
        for path in pages
        if path.parent != SITE and "_modules" not in path.parts
        for section in BeautifulSoup(path.read_text("utf-8"), "html.parser")("section", id=True)
    ]
    missing = sorted({anchor for anchor in made if "#id" not in anchor} - set(kept))
    assert not missing, "add them to tests/website/anchors.txt"


@pytest.mark.parametrize("page", measured_pages(), ids=lambda page: page.stem)
def test_a_page_is_light(page):
    weight = weigh(page)
    assert weight["without pictures"] <= 500
    assert weight["with pictures"] <= 700


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ("a{color:red}", "a{color:red}"),
        (".x, .y{color:red}", ".x{color:red}"),
        (".y .x{color:red}", ""),
        (".x:not(.y){color:red}", ".x:not(.y){color:red}"),
        (":is(.y, #n) a{color:red}", ":is(.y, #n) a{color:red}"),
        (":is(.y, .z) a{color:red}", ""),
        ('.x::before{content:"a, .y{}"}', '.x::before{content:"a, .y{}"}'),
        ("@media print{.y{color:red}}", ""),
        ("@media print{.x{color:red}.y{}}", "@media print{.x{color:red}}"),
        ("@font-face{font-family:y}", "@font-face{font-family:y}"),
    ],
)
def test_of_a_style_sheet_what_some_page_can_use_is_kept(rule, kept):
    assert used_rules(rule, {"x", "n"}) == kept


@pytest.mark.parametrize(
    ("tiles", "gap", "widths"),
    [(10, 3, [335, 332]), (20, 3, [335, 335, 335, 332]), (5, 3, [332]), (10, 0, [640])],
)
def test_a_picture_is_cut_where_nothing_is_drawn(tmp_path, tiles, gap, widths):
    pixels = np.zeros((70, 10 + tiles * (64 + gap) - gap + 7, 4), np.uint8)
    drawn = pixels[:, 10:-7]
    for tile in range(tiles):
        drawn[:64, tile * (64 + gap) :][:, :64] = 255
    Image.fromarray(pixels).save(tmp_path / "strip.png")
    page = BeautifulSoup('<p><img alt="A strip." src="strip.png"/></p>', "html.parser")
    cut(page, page.img, tmp_path / "page.html")
    pieces = page.select(".pieces img")
    assert [piece["alt"] for piece in pieces] == ["A strip."] + [""] * (len(widths) - 1)
    assert [int(piece["width"]) for piece in pieces] == widths
    parts = [np.asarray(Image.open(tmp_path / piece["src"])) for piece in pieces]
    np.testing.assert_array_equal(np.hstack(parts), drawn)
    assert all(part[0, 0, 3] for part in parts), "each begins where something is drawn"
    shares = [piece.get("style", "max-width: 100%").split()[1] for piece in pieces]
    scales = [float(share.rstrip("%")) / width for share, width in zip(shares, widths, strict=True)]
    assert scales == pytest.approx([100 / max(widths)] * len(widths), rel=1e-4), "one scale for all"


@pytest.mark.parametrize(
    ("rows", "stacks"),
    [
        (["a"], False),
        (["a", "b"], False),
        (["a", "a sentence of more than forty letters, here"], True),
    ],
    ids=["one column", "words", "a sentence"],
)
def test_a_table_of_sentences_stacks_on_a_phone(rows, stacks):
    head, body = ("".join(f"<{tag}>{row}</{tag}>" for row in rows) for tag in ("th", "td"))
    table = (
        f'<table class="table"><thead><tr>{head}</tr></thead><tbody><tr>{body}</tr></tbody></table>'
    )
    page = BeautifulSoup(f'<div class="bd-article">{table}</div>', "html.parser")
    let_prose_wrap(page)
    assert ("stacks" in page.table["class"]) == stacks
    assert [cell["data-column"] for cell in page("td")] == rows


@pytest.mark.parametrize(("words", "rows"), [(10, [100, 90]), (0, [190])])
def test_a_grid_of_titled_panels_is_read_row_by_row(tmp_path, words, rows):
    """Each panel has its title above it. Rows with none between them are cut as one."""
    pixels = np.zeros((190, 640, 4), np.uint8)
    for top, left in itertools.product((0, 100), (0, 340)):
        pixels[top : top + words, left : left + 300] = 255
        pixels[top + 15 : top + 85, left : left + 300] = 255
    Image.fromarray(pixels).save(tmp_path / "grid.png")
    page = BeautifulSoup('<p><img alt="A grid." src="grid.png"/></p>', "html.parser")
    cut(page, page.img, tmp_path / "page.html")
    parts = [
        [np.asarray(Image.open(tmp_path / piece["src"])) for piece in row.select("img")]
        for row in page.select(".pieces > span")
    ]
    assert [[part.shape for part in row] for row in parts] == [
        [(height, 340, 4), (height, 300, 4)] for height in rows
    ]
    whole = np.vstack([np.hstack([part[:, :300] for part in row]) for row in parts])
    np.testing.assert_array_equal(whole, np.delete(pixels, np.s_[300:340], axis=1))


def test_the_style_sheet_keeps_the_licences_of_what_it_is_made_of():
    text = (SITE / "_static" / "site.css").read_text(encoding="utf-8")
    assert "Font Awesome" in text and "CC BY 4.0" in text
