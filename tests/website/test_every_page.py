"""Every page, in a browser: it is complete, silent towards other hosts, and for everyone."""

import base64
import os
import re
from pathlib import Path

import pytest

from website.publish import MOVED

SITE = Path(__file__).parents[2] / "_build" / "html"
PICTURES = SITE.parent / "screenshots"
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
OTHERS = {"_static"}  # templates of the theme
FOUND = {
    str(path.relative_to(SITE).with_suffix(""))
    for path in SITE.rglob("*.html")
    if not OTHERS & set(path.relative_to(SITE).parts)
}
PAGES = sorted(FOUND - set(MOVED))
each_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture
def visited(new_page, address):
    """Open a page, and note all that it asks for, all that fails and all that it says."""

    def open_page(name, **options):
        page = new_page(reduced_motion="reduce", **options)
        page.wrong = []
        page.on("request", lambda request: note_request(page, request.url, address))
        page.on("response", lambda answer: answer.status >= 400 and page.wrong.append(answer.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.wrong.append(line.text))
        page.goto(f"{address}/{name}.html")
        page.evaluate(
            """async () => {
                for (const image of document.images) image.loading = "eager";
                await Promise.allSettled([...document.images].map((image) => image.decode()));
            }"""
        )
        return page

    return open_page


def note_request(page, url, address):
    if not url.startswith((f"{address}/", "data:", "blob:")):
        page.wrong.append(f"asks {url}")


def take_picture(page, path):
    """Store all of a page. Playwright packs it smaller by a fifth, which takes twice as long."""
    page.evaluate("scrollTo(0, 0)")  # or the link that skips the head lies across it
    session = page.context.new_cdp_session(page)
    options = {"format": "png", "captureBeyondViewport": True, "optimizeForSpeed": True}
    png = session.send("Page.captureScreenshot", options)["data"]
    session.detach()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(png))


def test_all_pages_are_tried():
    assert {"book/index", "book/04-bouncing", "book/api/bouncing", "search", "genindex", "404"} <= {
        *PAGES
    }
    assert len(PAGES) > 25


# The theme sees a moment after a page's width has changed what can be scrolled now.
KEYS_REACH_WHAT_SCROLLS = """
    [...document.querySelectorAll("pre, .cell_output > .output, .jp-RenderedHTMLCommon, "
        + ".pst-scrollable-table-container")].every((it) => (it.tabIndex === 0) ===
        (it.scrollWidth > it.clientWidth || it.scrollHeight > it.clientHeight))
"""


# A table of words and a printed sentence fit a phone.
WORDS_WRAP = """
    [...document.querySelectorAll("table:is(.stacks, .autosummary, .indextable), pre.prose")].every(
        (it) => it.scrollWidth <= it.parentElement.clientWidth)
"""

# Equal grays mean equal values, in the dark too, and of a table's rows the best is bold.
NOTHING_IS_FALSE = """
    [...document.querySelectorAll("article :is(img, .pieces, figure)")].every(
        (it) => getComputedStyle(it).filter === "none")
    && [...document.querySelectorAll(".mmnist-scores tbody th")].every(
        (it) => getComputedStyle(it).fontWeight > 400 === it.parentElement.matches(":has(b)"))
"""


@each_page
def test_a_page_is_sound(visited, wait_until, name):
    """No error, no other host, no motion unasked, no sideways scroll, and no barrier."""
    page = visited(name, viewport={"width": 1600, "height": 900})
    check_players(page, name)
    lists = page.locator("#pst-secondary-sidebar")
    moving = "all => all.filter((it) => getComputedStyle(it).transitionDuration !== '0s').length"
    assert lists.evaluate_all(moving) == 0
    if AXE.exists():
        if not os.environ.get("SCREENSHOTS"):  # which show code in its colors
            page.evaluate(THIN_OUT)
        page.evaluate(AXE.read_text(encoding="utf-8"))
    if name == "book/playground":
        page.locator(".predict").click()
        wait_until(page, "document.querySelector('.predictions').ariaBusy === 'false'")
    for width in (1600, 768, 360, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width == 320:
            wait_until(page, KEYS_REACH_WHAT_SCROLLS)
            assert page.evaluate(WORDS_WRAP)
        for scheme in ("light", "dark") if width in (1600, 320) else ():
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wait_until(page, f"document.documentElement.dataset.theme === '{scheme}'")
            assert page.evaluate(NOTHING_IS_FALSE)
            listing = "_modules" in name and width == 320  # it is the same at any width
            found = [] if listing or not AXE.exists() else barriers(page, scheme)
            assert not found, f"{width} pixels wide, {scheme}"
            if os.environ.get("SCREENSHOTS"):
                take_picture(page, PICTURES / f"{name.replace('/', '-')}-{width}-{scheme}.png")
    assert page.wrong == []
    assert page.context.cookies() == []
    if not AXE.exists():
        if os.environ.get("MMNIST_REQUIRE_BROWSER"):
            pytest.fail("apt install nodejs npm")
        pytest.skip("barriers were not looked for: apt install nodejs npm, then make test")


# In a listing or a signature, thousands of words are set in a few ways. Of the words that have the
# same classes all the way up, the first stands for all, and the others become plain text of the
# element around them: axe-core looks at each element, and computes its colors, for a minute in all.
THIN_OUT = """
() => {
  const seen = new Set();
  const plain = "article span[class]:not(:has(*), [id], [role], [tabindex])";
  for (const word of document.querySelectorAll(plain)) {
    const way = [];
    for (let it = word; it; it = it.parentElement) way.push(`${it.localName}.${it.className}`);
    if (seen.has(way.join())) word.replaceWith(word.textContent);
    else seen.add(way.join());
  }
  document.querySelector("article")?.normalize();
}
"""


def check_players(page, name):
    """Nothing plays by itself for readers who asked for less motion."""
    text = (SITE / f"{name}.html").read_text(encoding="utf-8")
    players = page.locator(".mmnist-player")
    assert players.count() == text.count("data-sha256")
    labels = players.locator("button").evaluate_all("all => all.map((b) => b.ariaLabel)")
    assert set(labels) <= {"Play"} and len(labels) == players.count()


def barriers(page, scheme):
    """What axe-core finds. Dark changes colors alone."""
    options = {"resultTypes": ["violations"]}
    if scheme == "dark":
        options["runOnly"] = ["color-contrast"]
    found = page.evaluate("(how) => axe.run(how)", options)["violations"]
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]


@each_page
def test_a_page_forbids_what_it_does_not_need(name):
    text = (SITE / f"{name}.html").read_text(encoding="utf-8")
    policy = re.search(r'<meta content="([^"]*)" http-equiv="Content-Security-Policy"/>', text)[1]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == "'none'"
    assert "unsafe" not in rules["script-src"] + rules["style-src"]
    assert not re.search(r"https?:|\*", policy)
    assert '<link href="' in text and 'rel="next"' not in text.partition("</head>")[0], (
        "Firefox would fetch it, against the policy"
    )
    assert not re.search(r"<[^>]* on\w+=", re.sub(r"<script.*?</script>", "", text, flags=re.S))


def test_the_policy_is_in_force(visited, wait_until):
    page = visited("book/index")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.intruder = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", '<img src="http://127.0.0.1:9/x.png">');
        }"""
    )
    wait_until(page, lambda: sum("Content Security Policy" in line for line in page.wrong) == 2)
    page.wait_for_timeout(200)
    assert page.evaluate("window.intruder") is None
    assert sum("Content Security Policy" in line for line in page.wrong) == 2


@each_page
def test_at_most_one_clip_plays_by_itself_and_pictures_have_a_size(name):
    text = (SITE / f"{name}.html").read_text(encoding="utf-8")
    assert text.count(" data-autoplay") <= 1
    for image in re.findall(r"<img [^>]*>", text):
        assert 'width="' in image, image
        assert 'alt="' in image, image


def test_the_search_finds_names_and_words(visited):
    for words, target in [
        ("bounce_path", "api/bouncing.html"),
        ("long exposure", "02-visualization.html"),
    ]:
        page = visited("search")
        page.goto(f"{page.url}?q={words.replace(' ', '+')}")
        page.wait_for_selector("#search-results li a")
        links = page.locator("#search-results li a").evaluate_all("all => all.map((a) => a.href)")
        assert any(target in link for link in links), links
        page.wait_for_selector("#search-results p.context")
        assert "Suggest edit" not in page.locator("#search-results").inner_text()
        assert page.wrong == []


def test_an_address_without_a_page_is_answered_with_help(visited, address):
    page = visited("book/index")
    page.goto(f"{address}/no/such/page.html")
    assert page.locator("article h1").inner_text().startswith("No such page")
    assert page.evaluate("getComputedStyle(document.querySelector('.bd-sidebar')).display")
    assert page.evaluate("document.styleSheets.length") > 0
    page.get_by_role("link", name="first page").click()
    assert page.url.endswith("/book/index.html")
    assert not page.locator("article h1").inner_text().startswith("No such page")
