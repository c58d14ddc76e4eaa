"""The built site, as a reader uses it: in a browser, without a kernel and without a network."""

import html
import re

import pytest

from website.publish import MOVED


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
    player.locator("input").fill("15")
    moves = player.locator("img").evaluate_all("all => all.map(image => image.style.transform)")
    assert len(moves) == 2 and len(set(moves)) == 1


def test_a_slider_changes_its_picture_and_says_which(visit):
    page = visit("03-trajectories.html", reduced_motion="reduce")
    player = page.locator(".mmnist-player[data-labels]")
    range_ = player.locator("input")
    assert range_.get_attribute("aria-label") == "Picture"
    assert player.locator("output").inner_text() == "angle 0°"
    range_.press("ArrowRight")
    range_.press("ArrowRight")
    assert shown_frame(player) == 2
    assert player.locator("output").inner_text() == "angle 60°"
    assert range_.get_attribute("aria-valuetext") == "angle 60°"


def test_every_button_of_a_pages_head_does_something(visit, wait_until):
    page = visit("03-trajectories.html", viewport={"width": 1280, "height": 800})
    html = page.locator("html")
    modes = set()
    for _ in range(3):
        page.locator(".theme-switch-button").press("Enter")
        label = page.evaluate("document.activeElement.ariaLabel")
        assert label == f"Color mode: {html.get_attribute('data-mode')}"
        modes.add((html.get_attribute("data-mode"), html.get_attribute("data-theme")))
    assert {mode for mode, _ in modes} == {"auto", "light", "dark"}

    page.locator(".btn-fullscreen-button").click()
    wait_until(page, "document.fullscreenElement !== null")
    page.evaluate("document.exitFullscreen()")

    page.evaluate("window.print = () => { window.printed = true; }")
    page.get_by_role("button", name="Download this page").click()
    page.locator(".btn-download-pdf-button").click()
    assert page.evaluate("window.printed")
    page.get_by_role("button", name="Launch interactive content").click()
    assert page.get_by_role("link", name="Colab").is_visible()
    page.get_by_role("button", name="Source repositories").click()
    assert page.get_by_role("link", name="Suggest edit").is_visible()
    page.keyboard.press("Escape")

    sidebar = page.locator("#pst-primary-sidebar")
    wide = sidebar.bounding_box()["width"]
    page.locator(".primary-toggle").click()
    wait_until(page, lambda: not (box := sidebar.bounding_box()) or box["x"] <= -wide + 1)

    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.name") == "q"


def test_the_marks_of_a_search_can_be_hidden(visit, wait_until):
    page = visit("03-trajectories.html?highlight=angle")
    problems = []
    page.on("console", lambda line: line.type == "error" and problems.append(line.text))
    wait_until(page, "document.querySelector('.highlighted') !== null")
    page.get_by_role("link", name="Hide Search Matches").click()
    assert page.locator(".highlighted, .highlight-link").count() == 0
    assert problems == [], "the policy refuses what Sphinx's link would do"


@pytest.mark.parametrize(("name", "hidden"), [("08-limit", True), ("03-trajectories", False)])
def test_the_contents_move_no_further_than_to_show_the_page_that_is_read(visit, name, hidden):
    page = visit(f"{name}.html", viewport={"width": 1280, "height": 657})
    bar, here = page.locator(".bd-sidebar"), page.locator(".bd-docs-nav li.active").last
    box = here.bounding_box()
    assert box["y"] >= 0 and box["y"] + box["height"] <= 657
    moved = bar.evaluate("(it) => it.scrollTop")
    bar.evaluate("(it) => { it.scrollTop = 0; }")
    box = here.bounding_box()
    missing = box["y"] + box["height"] - 657
    assert (missing > 0) == hidden
    assert moved == pytest.approx(max(0, missing), abs=1)


BLOCKED = """
for (const name of ["localStorage", "sessionStorage"]) {
  const get = () => { throw new DOMException("Access is denied.", "SecurityError"); };
  Object.defineProperty(window, name, { get, configurable: true });
}
"""


def test_where_site_data_is_blocked_a_page_does_all_it_did(visit, wait_until, address):
    page = visit("03-trajectories.html", viewport={"width": 1280, "height": 800})
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.add_init_script(BLOCKED)  # as Chromium and Firefox do it
    page.reload()
    assert page.locator(".copybtn").count() > 3
    modes = set()
    for _ in range(3):
        page.locator(".theme-switch-button").press("Enter")
        modes.add(page.locator("html").get_attribute("data-mode"))
    assert modes == {"auto", "light", "dark"}
    page.goto(f"{address}/search.html?q=bounce_path")
    page.wait_for_selector("#search-results li p.context")
    assert wrong == []


def test_on_a_phone_the_contents_open_and_close(visit, wait_until):
    page = visit("03-trajectories.html", viewport={"width": 360, "height": 800})
    link = page.get_by_role("link", name="4. Bouncing: two rules for one wall")
    assert not link.is_visible()
    page.locator(".primary-toggle").click()
    assert link.is_visible()
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    page.locator(".secondary-toggle").click()
    sizes = page.locator("#pst-secondary-sidebar-modal a", has_text="Sizes")
    sizes.click()
    sizes.wait_for(state="hidden")
    wait_until(page, lambda: page.url.endswith("#sizes"))


@pytest.mark.parametrize("width", [360, 1280])
def test_without_scripts_the_text_and_the_contents_are_there_and_no_dead_button(visit, width):
    page = visit(
        "04-bouncing.html", java_script_enabled=False, viewport={"width": width, "height": 800}
    )
    assert page.get_by_role("link", name="5. Compositing: from digits to sequences").is_visible()
    note = "document.querySelector('.mmnist-player noscript')"
    assert page.evaluate(f"{note}.textContent").endswith("Here stands its first frame.")
    assert page.evaluate(f"{note}.getBoundingClientRect().height") > 10
    buttons = page.locator("button:visible")
    assert buttons.count() == 0, buttons.evaluate_all("all => all.map((b) => b.outerHTML)")


@pytest.mark.parametrize("name", ["index", "03-trajectories", "running", "exercises/04-bouncing"])
def test_the_keyboard_alone_reaches_everything_and_shows_where_it_is(visit, name):
    page = visit(f"{name}.html", reduced_motion="reduce", viewport={"width": 1280, "height": 800})
    number = page.evaluate(
        """() => {
            window.reached = {};
            addEventListener("focusin", ({ target: e }) => {
                const ring = [e, e.firstElementChild || e].map(getComputedStyle).some((style) =>
                    (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
                    || style.boxShadow !== "none");
                window.reached[e.dataset.number] = ring;
            });
            const kinds = "a[href], button, input, select, summary, [tabindex='0']";
            const all = [...document.querySelectorAll(kinds)].filter(
                (e) => e.checkVisibility({ visibilityProperty: true }) && e.tabIndex >= 0);
            all.forEach((e, n) => { e.dataset.number = n; });
            return all.length;
        }"""
    )
    for _ in range(number + 10):
        page.keyboard.press("Tab")
    faint_or_missed = page.evaluate(
        """() => [...document.querySelectorAll("[data-number]")]
            .filter((e) => !window.reached[e.dataset.number])
            .map((e) => [window.reached[e.dataset.number], e.outerHTML.slice(0, 120)])"""
    )
    assert number > 50
    assert faint_or_missed == []


def test_a_printed_page_is_the_text_alone(visit):
    page = visit("03-trajectories.html", color_scheme="dark", reduced_motion="reduce")
    page.emulate_media(media="print", color_scheme="dark")
    for gone in ("#pst-primary-sidebar", ".bd-header-article", ".prev-next-footer", ".copybtn"):
        assert not page.locator(gone).first.is_visible(), gone
    colors = page.evaluate(
        "(({ color, backgroundColor }) => [color, backgroundColor])"
        "(getComputedStyle(document.querySelector('article p')))"
    )
    red = int(colors[0].split("(")[1].split(",")[0])
    assert red < 80, f"the text is {colors[0]} on paper"
    screen = page.locator(".mmnist-player .screen").first.bounding_box()
    sheet = page.locator(".mmnist-player img").first.bounding_box()
    assert sheet["width"] <= screen["width"] + 2, "the whole strip is to be seen"


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


def test_the_jupyterhub_form_opens_the_chapter_on_the_readers_hub(visit, wait_until):
    page = visit("running.html?chapter=04-bouncing")
    page.get_by_label("Address of your hub").fill("https://hub.example.edu/")
    asked = []
    page.route(
        "https://hub.example.edu/**", lambda route: (asked.append(route.request.url), route.abort())
    )
    page.get_by_role("button", name="Open on my hub").click()
    wait_until(page, lambda: asked)
    page.wait_for_timeout(300)
    assert len(asked) == 1, "and no more"
    assert asked[0].startswith(
        "https://hub.example.edu/hub/user-redirect/git-pull?repo=https%3A%2F%2F"
    )
    assert "book%2F04-bouncing.ipynb" in asked[0] and "urlpath=lab%2Ftree%2F" in asked[0]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize("old", MOVED)
def test_an_old_address_leads_to_the_new_one(new_page, address, old, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto(f"{address}/{old}.html", wait_until="commit")
    page.wait_for_url(f"{address}/{MOVED[old]}.html")
    assert page.locator("article h1").count() == 1


def test_an_old_address_leads_to_the_section_that_was_asked_for(new_page, address, wait_until):
    page = new_page()
    problems = []
    page.on("console", lambda line: line.type == "error" and problems.append(line.text))
    page.goto(f"{address}/book/07-limit.html#check-yourself", wait_until="commit")
    page.wait_for_url(f"{address}/book/08-limit.html#check-yourself")
    wait_until(page, "scrollY > 0 && document.querySelector(':target')?.id === 'check-yourself'")
    # The title has another anchor now, and where a browser finds none, it shows the title.
    page.goto(f"{address}/book/exercises/07-limit.html#exercises-7-the-limit", wait_until="commit")
    page.wait_for_url(f"{address}/book/exercises/08-limit.html*")
    assert page.evaluate("scrollY") == 0
    assert page.locator("article h1").inner_text().startswith("Exercises 8")
    assert problems == []


def test_a_term_shows_what_the_glossary_says_and_escape_hides_it(visit):
    page = visit("06-prediction.html", viewport={"width": 320, "height": 700})
    link = page.locator(".term a").first
    text = page.locator(f"#{link.get_attribute('aria-describedby')}")
    entry = page.request.get(link.evaluate("it => it.href")).text()
    assert text.inner_text() and not text.is_visible()
    assert text.text_content() in html.unescape(re.sub("<[^>]+>", "", entry))

    link.focus()
    assert text.is_visible() and text.get_attribute("role") == "tooltip"
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.press("Escape")
    assert not text.is_visible()
    link.blur()
    link.hover()
    assert text.is_visible()
    text.hover()
    assert text.is_visible(), "it stays while the pointer is on it"
    page.keyboard.press("Escape")
    assert not text.is_visible()


def test_a_wide_strip_is_whole_on_a_wide_page_and_wraps_on_a_phone(visit):
    page = visit("02-visualization.html", viewport={"width": 1600, "height": 900})
    pieces = page.locator(".pieces:has(img + img)").first.locator("img")
    tops = "all => [...new Set(all.map((it) => it.getBoundingClientRect().top))]"
    assert [bool(it.get_attribute("alt")) for it in pieces.all()] == [True, False]
    assert len(pieces.evaluate_all(tops)) == 1
    page.set_viewport_size({"width": 320, "height": 900})
    assert len(pieces.evaluate_all(tops)) == 2
    assert pieces.first.bounding_box()["width"] == 288
    [first, other] = pieces.evaluate_all("all => all.map((it) => it.width / it.naturalWidth)")
    assert first == pytest.approx(other, abs=0.002), "one scale"
