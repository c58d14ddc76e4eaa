"""The built site, as files: every link leads somewhere, every button to the right file."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlencode, urlsplit

import pytest

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
            assert target.exists(), f"{path.name} links to {link}"
            if parts.fragment and target.suffix == ".html":
                anchors = pages[target].anchors if target in pages else set()
                assert unquote(parts.fragment) in anchors, f"{path.name} links to {link}"


def external(page: Page, host: str) -> list[str]:
    return [link for link in page.links if urlsplit(link).netloc == host]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapters_buttons_open_its_own_file(pages, chapter):
    # The site was built with this environment, perhaps by a workflow that runs in a fork.
    repository = os.environ.get("GITHUB_REPOSITORY")
    address = f"https://github.com/{repository}" if repository else stated_address()
    check_buttons(pages[SITE / "book" / f"{chapter}.html"], chapter, address)


def stated_address() -> str:
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    return re.search(r"^repository:\n  url: (\S+)$", config, re.M)[1]


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


def test_a_fork_that_publishes_gets_its_own_links(class_edition_of_a_fork):
    book = class_edition_of_a_fork / "book"
    check_buttons(Page(book / f"{CHAPTERS[0]}.html"), CHAPTERS[0], "https://github.com/ada/fork")
    for path in book.rglob("*.html"):
        assert stated_address() not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_slider_brings_its_state(chapter):
    notebook = (ROOT / "book" / f"{chapter}.ipynb").read_text(encoding="utf-8")
    page = (SITE / "book" / f"{chapter}.html").read_text(encoding="utf-8")
    sliders = notebook.count('"application/vnd.jupyter.widget-view+json"')
    assert page.count('type="application/vnd.jupyter.widget-view+json"') == sliders
    assert ("SelectionSliderModel" in page) == (sliders > 0)
