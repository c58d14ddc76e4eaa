"""The built site, as a reader uses it: in a browser, without a kernel and without a network."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"
BOOK = SITE / "book"
PAGES = sorted(str(path.relative_to(BOOK).with_suffix("")) for path in BOOK.rglob("*.html"))


def shown_frame(player) -> int:
    """Which frame stands in the window, told from where the sheet has been moved to."""
    return player.evaluate(
        """player => {
            const [window_, sheet] = [player.querySelector(".screen"), player.querySelector("img")];
            const [a, b] = [window_.getBoundingClientRect(), sheet.getBoundingClientRect()];
            const column = Math.round((a.left - b.left) / a.width);
            const row = Math.round((a.top - b.top) / a.height);
            return row * Number(player.dataset.columns) + column;
        }"""
    )


def test_a_player_plays_pauses_and_steps(visit, wait_until):
    page = visit("03-trajectories.html", reduced_motion="reduce")
    player = page.locator(".mmnist-player").first
    button, range_ = player.locator("button"), player.locator("input")
    assert button.get_attribute("aria-label") == "Play", "reduced motion: nothing plays by itself"
    assert shown_frame(player) == 0
    assert (range_.get_attribute("min"), range_.get_attribute("max")) == ("0", "19")

    button.press("ArrowRight")
    button.press("ArrowRight")
    assert shown_frame(player) == 2
    button.press("ArrowLeft")
    range_.press("ArrowLeft")
    range_.press("ArrowLeft")
    assert shown_frame(player) == 19, "before the first frame comes the last"
    range_.fill("7")
    assert shown_frame(player) == 7
    assert player.locator("output").inner_text() == "frame 7"

    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    wait_until(page, "document.querySelector('.mmnist-player input').value > 8")
    button.press("Space")
    assert button.get_attribute("aria-label") == "Play"
    stopped = shown_frame(player)
    page.wait_for_timeout(300)
    assert shown_frame(player) == stopped == int(range_.input_value())


def test_the_first_picture_of_a_page_moves_by_itself(visit, wait_until):
    page = visit("index.html", reduced_motion="no-preference")
    wait_until(page, "document.querySelector('.mmnist-player input').value > 1")
    assert page.locator(".mmnist-player button").first.get_attribute("aria-label") == "Pause"


def test_clips_of_one_player_keep_step(visit):
    page = visit("04-bouncing.html", reduced_motion="reduce")
    player = page.locator(".mmnist-player").first
    player.locator("input").fill("31")
    moves = player.locator("img").evaluate_all("all => all.map(image => image.style.transform)")
    assert len(moves) == 2 and len(set(moves)) == 1


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_fits_its_window(visit, name, width):
    page = visit(f"{name}.html", viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_frame_fills_its_window_in_every_colour_scheme(visit, scheme):
    """The theme pads and dims pictures in dark mode; a sprite sheet must stay as it is."""
    page = visit("05-compositing.html", color_scheme=scheme, reduced_motion="reduce")
    sizes = page.evaluate(
        """() => {
            const image = document.querySelector(".mmnist-player img");
            const style = getComputedStyle(image);
            const [a, b] = [image.parentElement, image].map((e) => e.getBoundingClientRect());
            return [b.width / a.width, b.height / a.height, style.padding, style.filter];
        }"""
    )
    assert sizes == [pytest.approx(5), pytest.approx(4), "0px", "none"]  # 20 frames, 5 a row


def test_the_jupyterhub_form_opens_the_chapter_on_the_readers_hub(visit):
    page = visit("running.html?chapter=04-bouncing")
    page.get_by_label("Address of your hub").fill("https://hub.example.edu/")
    asked = []
    page.route(
        "https://hub.example.edu/**", lambda route: (asked.append(route.request.url), route.abort())
    )
    page.get_by_role("button", name="Open on my hub").click()
    page.wait_for_timeout(300)
    assert len(asked) == 1
    assert asked[0].startswith(
        "https://hub.example.edu/hub/user-redirect/git-pull?repo=https%3A%2F%2F"
    )
    assert "book%2F04-bouncing.ipynb" in asked[0] and "urlpath=lab%2Ftree%2F" in asked[0]
