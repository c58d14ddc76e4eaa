"""The slides: complete as files; in a browser without a network they move, turn and fit."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from teaching import slides

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9]*.ipynb"))
each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    slides.main(folder)
    return folder


@pytest.fixture(scope="module")
def decks(folder):
    return {
        path.stem: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for path in folder.glob("*.html")
    }


def cells(path: Path, kind: str) -> list[dict]:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def prose(path: Path) -> str:
    return "\n\n".join("".join(cell["source"]) for cell in cells(path, "markdown"))


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text))


def test_there_is_a_deck_for_each_chapter_in_the_books_order(decks):
    assert set(decks) == {path.stem for path in CHAPTERS} | {"index"}
    listed = [link["href"] for link in decks["index"].select(".slides a")]
    assert listed == [f"{path.stem}.html" for path in CHAPTERS]


@each_chapter
def test_each_heading_begins_a_slide(decks, path):
    headings = re.findall(r"^##? (.*)$", prose(path), re.M)
    begun = [slide.find(["h1", "h2"]) for slide in decks[path.stem].select(".slides > section")]
    assert [heading.get_text() for heading in begun] == headings


@each_chapter
def test_all_is_shown_or_said(decks, path):
    """Each cell but the set-up stands on a slide, each word on one or in its notes."""
    deck = decks[path.stem]
    code = [cell for cell in cells(path, "code") if "remove-cell" not in str(cell["metadata"])]
    assert len(deck.select(".jp-CodeCell")) == len(code) > 10
    said = words(deck.select_one(".slides").get_text())
    for block in re.split(r"\n\n+", prose(path)):
        plain = re.sub(r"\]\([^)]*\)|<[^>]*>|^:::.*$|^```.*$", " ", block, flags=re.M)
        if "$" not in plain and not re.match(r"- |\d+\. |\||!\[", plain):
            assert words(plain) in said, block
    assert deck.select("aside.notes"), "no speaker's notes"


@each_chapter
def test_no_markup_and_no_widget_is_left_raw(decks, path):
    deck = BeautifulSoup(str(decks[path.stem]), "html.parser")
    for left_out in deck.select("pre, code, script, style"):
        left_out.decompose()
    text = deck.get_text()
    for raw in (":::", "](", "**", "$", "details", "\\begin"):
        assert raw not in text, raw
    page = str(decks[path.stem])
    assert "%pip" not in page and "# Not compared" not in page
    assert "jupyter.widget" not in page


@each_chapter
def test_answers_wait(decks, path):
    deck, answers = decks[path.stem], prose(path).count("<details>")
    assert len(deck.select(".fragment")) == answers >= 3
    assert [box.strong.get_text() for box in deck.select(".fragment")].count("Answer") >= 3


def test_what_a_deck_loads_lies_beside_it(folder, decks):
    for name, deck in decks.items():
        loaded = [tag["src"] for tag in deck.select("[src]")]
        loaded += [tag["href"] for tag in deck.select("link[href]")]
        for address in loaded:
            if not address.startswith("data:"):
                assert (folder / address).is_file(), f"{name} loads {address}"
        for link in deck.select("a[href]"):
            assert urlsplit(link["href"]).scheme == "https" or (folder / link["href"]).is_file()
    styles = [style.get_text() for deck in decks.values() for style in deck.select("style")]
    sheets = {link["href"] for deck in decks.values() for link in deck.select("link[href]")}
    for style in styles + [(folder / sheet).read_text(encoding="utf-8") for sheet in sheets]:
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style)
    assert (folder / "reveal" / "LICENSE").is_file()


@each_chapter
def test_every_picture_is_described(decks, path):
    for image in decks[path.stem].select("img"):
        assert len(image["alt"]) >= 10


@pytest.fixture
def show(browser, folder):
    """Open a deck as a file. Requests to hosts are refused and, like errors, noted."""
    contexts = []

    def open_deck(name, **options):
        context = browser.new_context(viewport={"width": 960, "height": 700}, **options)
        contexts.append(context)
        page = context.new_page()
        page.problems = []

        def refuse(route):
            page.problems.append(route.request.url)
            route.abort()

        context.route(re.compile(r"^(?!file:|data:|blob:)"), refuse)
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.goto(f"file://{folder}/{name}.html")
        page.wait_for_function("window.Reveal && Reveal.isReady()")
        return page

    yield open_deck
    for context in contexts:
        context.close()


OVERFLOW = """() => {
    const found = [];
    for (const slide of Reveal.getSlides()) {
        const { h, v } = Reveal.getIndices(slide);
        Reveal.slide(h, v);
        const frame = document.querySelector(".slides").getBoundingClientRect();
        for (const part of slide.querySelectorAll("*")) {
            if (part.closest("aside, .screen, math, script, style")) continue;
            const box = part.getBoundingClientRect();
            const style = getComputedStyle(part);
            if (box.bottom > frame.bottom || box.right > frame.right + 0.5 || box.left < frame.left
                || (style.overflow !== "visible" && part.scrollWidth > part.clientWidth + 1))
                found.push([h, v, part.tagName, part.innerText, box.right, box.bottom]);
        }
    }
    return [Reveal.getTotalSlides(), found];
}"""


@each_chapter
def test_every_slide_fits_and_nothing_is_asked_of_a_host(show, path):
    page = show(path.stem)
    count, overflowing = page.evaluate(OVERFLOW)
    assert count > 15
    assert overflowing == []
    assert page.problems == []


def test_the_first_player_moves_by_itself(show):
    page = show("03-trajectories", reduced_motion="no-preference")
    page.wait_for_function(
        "document.querySelector('section.present .mmnist-player input').value > 1"
    )
    page = show("03-trajectories", reduced_motion="reduce")
    assert page.locator(".mmnist-player button").first.get_attribute("aria-label") == "Play"


def test_the_arrows_turn_slides_and_in_a_player_they_step_frames(show):
    page = show("03-trajectories", reduced_motion="reduce")
    player = page.locator(".mmnist-player").first
    player.locator("button").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert player.locator("output").inner_text() == "frame 2"
    assert where(page) == (0, 0)

    page.keyboard.press("PageDown")  # a remote control
    assert where(page) == (0, 1)
    assert player.locator("input").input_value() == "2"
    page.keyboard.press("ArrowRight")
    assert where(page) == (1, 0), "the right arrow leads through all slides"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    assert where(page) == (0, 0)
    page.mouse.click(800, 600)
    page.keyboard.press("ArrowRight")
    assert where(page) == (0, 1)


def where(page) -> tuple[int, int]:
    return tuple(page.evaluate("[Reveal.getIndices().h, Reveal.getIndices().v]"))


def turn_to(page, text: str) -> None:
    """Turn to the first slide that shows a text."""
    page.evaluate(
        """text => {
            const slide = Reveal.getSlides().find((slide) => slide.textContent.includes(text));
            Reveal.slide(Reveal.getIndices(slide).h, Reveal.getIndices(slide).v);
        }""",
        text,
    )


def test_an_answer_comes_before_the_next_slide(show):
    page = show("04-bouncing", reduced_motion="reduce")
    turn_to(page, "Check yourself")
    h, v = where(page)
    answer = page.locator("section.present > section.present .fragment")
    assert not answer.is_visible()
    page.keyboard.press("ArrowRight")
    answer.wait_for(state="visible")
    assert where(page) == (h, v)
    page.keyboard.press("ArrowRight")
    assert where(page) == (h, v + 1)


def test_a_slider_is_a_player_with_its_labels(show):
    page = show("03-trajectories", reduced_motion="reduce")
    turn_to(page, "slider(np.stack(trails)")
    player = page.locator("section.present > section.present .mmnist-player")
    assert player.locator("output").inner_text() == "angle 0°"
    player.locator("input").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert player.locator("output").inner_text() == "angle 90°"
    assert player.locator("input").get_attribute("max") == "11"


def test_the_notes_open_beside_the_slides(show):
    page = show("04-bouncing", reduced_motion="reduce")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes")
    notes.get_by_text("which of the two moves as the digits of Moving MNIST do").wait_for()
    assert page.problems == []
