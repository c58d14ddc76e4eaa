"""The playground in a browser: it computes what the library computes, and everyone can use it."""

import base64
import hashlib
import re
import struct
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from bs4 import BeautifulSoup
from PIL import Image, ImageSequence

from mmnist_lib import bounce_path, composite, load_mnist, to_pixels, velocity_of
from tests.website.conftest import ask
from website.playground import EXAMPLES, png_of, sheet

SITE = Path(__file__).parents[2] / "_build" / "html"
PAGE = "playground.html"
USUAL = "?digits=3,7&rule=clamp&speed=0.1&seed=2&size=64&frames=20"
_, (images, labels) = load_mnist("sample")
RULES = ("clamp", "reflect")
READY = "document.querySelector('#clip-maker').dataset.ready"


@pytest.fixture
def open_page(visit, wait_until):
    wrong = []

    def open_(search="", **options):
        page = visit(PAGE + search, **{"reduced_motion": "reduce", **options})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
        wait_until(page, READY)
        return page

    yield open_
    assert wrong == []


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture(scope="module")
def asked(asked_page):
    return asked_page(PAGE)


def module(page, code, given=None):
    """Call what the page's own script exports."""
    return ask(
        page,
        f"""async (given) => {{
            const script = document.querySelector("script[src*='playground.js']").src;
            const it = await import(script.replace("playground.js", "clip.js"));
            return {code};
        }}""",
        given,
    )


def search(page, wait_until, part):
    """The state in the address, once it holds a part. It is written a moment after a change."""
    wait_until(page, f"location.search.includes({part!r})")
    return urlsplit(page.url).query


def drawing_in_address(page, wait_until):
    """The state in the address, once it holds the whole drawing and not its first strokes."""

    def whole():
        query = urlsplit(page.url).query
        if "drawing=" not in query:
            return False
        names = {}
        exec(page.locator(".python code").inner_text(), names)
        return np.array_equal(names["digits"][-1], drawing_of(query))

    wait_until(page, whole)
    return urlsplit(page.url).query


def shown(page):
    """All frames, as the canvas shows them one by one."""
    frames = ask(
        page,
        """() => {
            const range = document.querySelector("#clip-maker .frame");
            const canvas = document.querySelector("#clip-maker .clip");
            return Array.from({ length: Number(range.max) + 1 }, (_, frame) => {
                range.value = frame;
                range.dispatchEvent(new Event("input"));
                const all = [0, 0, canvas.width, canvas.height];
                const { data } = canvas.getContext("2d").getImageData(...all);
                return Array.from(data).filter((_, at) => at % 4 === 0);
            });
        }""",
    )
    side = round(len(frames[0]) ** 0.5)
    return np.array(frames, np.uint8).reshape(-1, side, side)


def made_by(code):
    """The frames that a cell makes."""
    names = {}
    exec(code, names)
    return names["frames"]


# it computes what the library computes


@pytest.mark.parametrize("rule", RULES)
def test_positions_are_the_librarys_to_the_last_bit(asked, rule):
    rng = np.random.default_rng(7)
    cases = []
    for n in range(100):
        start = rng.random(2) if n % 4 else rng.integers(0, 2, 2).astype(float)
        velocity = velocity_of(2 * np.pi * rng.random(), rng.choice([0.0, 0.1, 0.5, 3.0]))
        if n % 5 == 0:
            velocity = np.round(velocity, 1)  # they meet a wall exactly
        cases.append(([*start], [*velocity], int(rng.integers(28, 129))))
    found = module(
        asked,
        f"""given.map(([start, velocity, size]) => {{
            const path = it.bouncePath(start, velocity, 40, "{rule}");
            return [path, it.toPixels(path, size)];
        }})""",
        cases,
    )
    for (start, velocity, size), (path, pixels) in zip(cases, found, strict=True):
        expected = bounce_path(start, velocity, 40, rule)
        assert np.array_equal(path, expected), (start, velocity)
        assert np.array_equal(pixels, to_pixels(expected, size))


@pytest.mark.parametrize("rule", RULES)
def test_frames_are_the_librarys_to_the_pixel(asked, rule):
    rng = np.random.default_rng(8)
    cases, expected = [], []
    for _ in range(100):
        k, size = int(rng.integers(1, 5)), int(rng.integers(28, 129))
        which = rng.integers(0, 1000, k)
        start = rng.random((k, 2))
        velocity = velocity_of(2 * np.pi * rng.random(k), rng.choice([0.1, 0.5]))
        pixels = to_pixels(bounce_path(start, velocity, 12, rule), size)
        frames = composite(images[which], pixels, size)
        expected.append(hashlib.sha256(frames.tobytes()).hexdigest())
        sprites = images[which].reshape(k, -1)
        cases.append([sprites.tolist(), start.tolist(), velocity.tolist(), size, rule])
    found = module(
        asked,
        """await Promise.all(given.map(async ([sprites, start, velocity, size, rule]) => {
            const places = start.map((one, k) =>
                it.toPixels(it.bouncePath(one, velocity[k], 12, rule), size));
            const frames = await new Blob(it.composite(sprites, places, size)).arrayBuffer();
            const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", frames));
            return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
        }))""",
        cases,
    )
    assert found == expected


def test_the_sheet_is_deterministic_and_says_nothing_of_colours():
    png = (SITE / "_static" / "playground.png").read_bytes()
    assert png == png_of(sheet())
    kinds, at = [], 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        kinds.append(kind.decode())
        at += length + 12
    assert set(kinds) == {"IHDR", "IDAT", "IEND"}
    assert png[24:26] == bytes([8, 0]), "8 bits of grey"


@pytest.mark.parametrize(
    "search_",
    [
        USUAL,
        "?digits=0-19,9-5,8,1-3&rule=reflect&speed=0.47&seed=9999&size=128&frames=40",
        "?digits=5-7&rule=reflect&speed=0&seed=0&size=32&frames=1",
        "?digits=2,2,2-1&rule=clamp&speed=0.5&seed=77&size=101&frames=33",
        "?digits=4,6,0&rule=reflect&speed=0.2&seed=3&size=64&frames=20&angles=1.57,,0",
    ],
)
def test_the_python_makes_what_is_shown(open_page, search_):
    page = open_page(search_)
    code = page.locator(".python code").inner_text()
    frames = shown(page)
    assert np.array_equal(made_by(code), frames)

    given = {key: value[0] for key, value in parse_qs(search_[1:]).items()}
    digits = [[*item.split("-"), "0"][:2] for item in given["digits"].split(",")]
    assert all(f"images[labels == {kind}][{number}]" in code for kind, number in digits)
    size, n_frames = int(given["size"]), int(given["frames"])
    assert frames.shape == (n_frames, size, size)
    # What the page states is what is thrown.
    visible = page.locator("fieldset:visible")
    stated = visible.locator(":is(.start-row, .start-column)").all_inner_texts()
    start = np.array(stated, float).reshape(-1, 2)
    angles = [float(angle) for angle in re.search(r"velocity_of\(\[(.*)\]", code)[1].split(",")]
    degrees = [str(round(np.degrees(angle)) % 360) for angle in angles]
    assert visible.locator(".degrees").all_inner_texts() == degrees
    velocity = velocity_of(angles, float(given["speed"]))
    path = bounce_path(start, velocity, n_frames, given["rule"])
    names = {}
    exec(code, names)
    assert np.array_equal(names["start"], start)
    assert np.allclose(names["path"], path, rtol=0, atol=1e-12)


def test_the_python_runs_by_itself(page):
    code = page.locator(".python code").inner_text()
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint(frames.shape, int(frames.sum()))"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[0] == f"(20, 64, 64) {int(shown(page).astype(int).sum())}"


def test_the_digits_of_the_sheet_arrive_exactly(page):
    found = page.evaluate(
        """() => {
            const [set] = document.querySelectorAll("#clip-maker fieldset");
            const [kind, number, picture] = ["select", "input", "canvas"].map(
                (name) => set.querySelector(name));
            const all = [];
            for (const [label, example] of [[0, 0], [3, 19], [9, 19], [5, 10]]) {
                kind.value = label;
                kind.dispatchEvent(new Event("input", { bubbles: true }));
                number.value = example;
                number.dispatchEvent(new Event("input", { bubbles: true }));
                const { data } = picture.getContext("2d").getImageData(0, 0, 28, 28);
                all.push(Array.from(data).filter((_, at) => at % 4 === 0));
            }
            return all;
        }"""
    )
    assert EXAMPLES == 20
    chosen = [(0, 0), (3, 19), (9, 19), (5, 10)]
    expected = [images[np.flatnonzero(labels == kind)[n]] for kind, n in chosen]
    assert np.array_equal(found, np.reshape(expected, (4, -1)))


# the address


def test_the_address_holds_every_change(page, wait_until, open_page):
    assert f"?{urlsplit(page.url).query}" == USUAL
    page.get_by_label("Digits", exact=True).select_option("3")
    page.locator("#maker-rule").select_option("reflect")
    page.locator("#maker-speed").fill("0.25")
    page.get_by_label("Canvas, pixels").fill("96")
    page.get_by_label("Frames", exact=True).fill("31")
    page.get_by_label("Seed").fill("12")
    page.get_by_role("button", name="Throw again").first.click()
    page.locator("fieldset").nth(1).get_by_label("Class").select_option("5")
    page.locator("fieldset").nth(1).get_by_label("Example").fill("8")
    page.locator("fieldset").nth(1).get_by_label("Angle").fill("86")
    page.locator("fieldset").first.get_by_label("Start column").fill("0.5")
    query = search(page, wait_until, "starts")
    settings = "digits=3,5-8,1&rule=reflect&speed=0.25&seed=13&size=96&frames=31"
    row = page.locator("fieldset:visible .start-row").first.inner_text()
    assert query == f"{settings}&starts={row}-0.5,,&angles=,1.5,"
    code = page.locator(".python code").inner_text()
    other = open_page(f"?{query}#what-to-try")
    assert other.locator(".python code").inner_text() == code
    assert urlsplit(other.url).query == query and urlsplit(other.url).fragment == "what-to-try"
    assert other.locator("#maker-speed").input_value() == "0.25"
    assert other.locator(".said").inner_text() == ""


BAD = (
    "digits=3,x",
    "digits=",
    "digits=1,2,3,4,5",
    "digits=3-20",
    "rule=bounce",
    "speed=0.6",
    "speed=-0.1",
    "speed=1e-1",
    "speed=0.123",
    "seed=10000",
    "seed=1.5",
    "size=31",
    "size=0x40",
    "size=",
    "frames=0",
    "frames=41",
    "starts=0.5",
    "starts=0.5-1.1",
    "starts=0.5-0.1234",
    "starts=0-0,0-0,0-0",
    "angles=6.29",
    "angles=1-1",
    "angles=1,2,3",
    "angles=1,x",
    "drawing=AAAA",
    "angle=0",
    "__proto__=1",
    "constructor=1",
    "hasOwnProperty=digits",
)


def test_a_bad_value_is_named_and_the_usual_one_stands_in(asked):
    code = """given.map((bad) => {
        const { state, bad: named } = it.readAddress(`?${bad}`);
        return [named, it.writeAddress(state)];
    })"""
    for bad, (named, address) in zip(BAD, module(asked, code, list(BAD)), strict=True):
        assert [text.partition(" (from ")[0] for text in named] == [bad]
        name = bad.partition("=")[0]
        assert ("(from " in named[0]) == (name in ("speed", "seed", "size", "frames"))
        assert address == USUAL, bad


def test_the_chapters_link_to_clips_that_it_understands(asked):
    links = {}
    for path in sorted((SITE / "book").glob("0*.html")):
        for tag in BeautifulSoup(path.read_text("utf-8"), "html.parser")("a", href=True):
            if "playground.html?" in tag["href"]:
                links[path.stem] = tag["href"]
    assert [name[:2] for name in links] == ["03", "04", "05", "06", "08"]
    for name, link in links.items():
        page_, _, query = link.partition("?")
        assert page_ == PAGE, "this site's own page"
        found = module(asked, "it.readAddress(given)", f"?{query}")
        assert found["bad"] == [] and len(parse_qs(query)) >= 4, name


def test_half_a_number_is_named_and_changes_nothing(page):
    seed = page.get_by_label("Seed")
    code = page.locator(".python code").inner_text()
    seed.fill("1.5")
    assert "whole number from 0 to 9999" in page.locator(".said").inner_text()
    assert page.locator(".python code").inner_text() == code
    seed.blur()
    assert seed.input_value() == "2" and "whole number" in page.locator(".said").inner_text()
    seed.fill("5")
    assert page.locator(".said").inner_text() == ""


def test_a_digit_that_went_comes_back_as_it_was(page):
    count = page.get_by_label("Digits", exact=True)
    page.locator("fieldset").nth(1).get_by_label("Class").select_option("5")
    for number in ("1", "3"):
        count.select_option(number)
    assert page.locator("fieldset").nth(1).get_by_label("Class").input_value() == "5"


def test_it_says_which_digit_the_drawing_is(page):
    whose = page.locator(".whose")
    assert whose.inner_text() == "Once you draw, it takes the place of digit 2."
    page.locator("fieldset").first.get_by_label("Class").select_option("own")
    assert whose.inner_text() == "Digit 1 is yours, and still empty."
    page.locator(".pad").press("Space")
    assert whose.inner_text() == "Digit 1 is yours."
    assert page.locator(".pad").get_attribute("aria-label").endswith("row 14, column 14, inked")


def test_the_table_of_the_address_says_what_is_read(asked):
    rows = asked.locator("#the-address tbody tr").all()
    stated = {}
    for row in rows:
        name, holds, usual = (cell.inner_text() for cell in row.locator("td").all())
        stated[name] = holds, usual
    known = parse_qs(USUAL[1:])
    assert stated.keys() == {*known, "starts", "angles", "drawing"}
    assert {name: usual for name, (_, usual) in stated.items() if usual} == {
        name: values[0] for name, values in known.items()
    }
    read = "given.map((part) => it.readAddress(`?${part}`).bad.length)"
    for name in ("speed", "seed", "size", "frames", "angles"):
        least, most = re.search(r"([\d.]+) to ([\d.]+)", stated[name][0]).groups()
        step = 0.01 if "." in most else 1
        beyond = f"{float(most) + step:.2f}" if step < 1 else str(int(most) + 1)
        given = [f"{name}={value}" for value in (least, most, beyond, float(least) - step)]
        assert module(asked, read, given) == [0, 0, 1, 1], name


def test_a_new_throw_forgets_the_starts_and_angles_that_were_chosen(open_page, wait_until):
    page = open_page("?digits=3,7&seed=2&starts=,0.5-1&angles=0.5,1")
    visible = page.locator("fieldset:visible")
    assert visible.locator(".degrees").all_inner_texts() == ["29", "57"]
    assert visible.nth(1).locator(":is(.start-row, .start-column)").all_inner_texts() == [
        "0.5",
        "1",
    ]
    page.get_by_role("button", name="Throw again").first.click()
    query = search(page, wait_until, "seed=3")
    assert "angles" not in query and "starts" not in query
    assert "29" not in visible.locator(".degrees").all_inner_texts()


def test_a_degree_that_is_chosen_is_the_one_that_is_shown(page):
    """Though the address holds the angle in radians, to two decimals."""
    found = page.evaluate(
        """(all) => all.map((degrees) => {
            const range = document.querySelector("#maker-degrees0");
            range.value = degrees;
            range.dispatchEvent(new Event("input", { bubbles: true }));
            return document.querySelector("#clip-maker .degrees").textContent;
        })""",
        list(range(0, 360, 7)),
    )
    assert found == [str(degrees) for degrees in range(0, 360, 7)]


# dragging and flinging


def hold(page, number):
    """Press the mouse in the middle of a digit. Return where that is, and how large a pixel is."""
    canvas = page.locator(".clip")
    canvas.scroll_into_view_if_needed()
    box, code = canvas.bounding_box(), page.locator(".python code").inner_text()
    names = {}
    exec(code, names)
    row, column = to_pixels(names["path"], size=64)[number, 0] + 14
    zoom = box["width"] / 64
    x, y = box["x"] + column * zoom, box["y"] + row * zoom
    page.mouse.move(x, y)
    page.mouse.down()
    return x, y, zoom


def test_a_digit_is_dragged_and_stays_where_it_is_put(open_page, wait_until):
    page = open_page("?digits=3,7&starts=0.2-0.2,0.8-0.8&angles=0,0")
    page.evaluate("let n = 0; performance.now = () => (n += 1000)")  # a slow hand
    x, y, zoom = hold(page, 0)
    page.mouse.move(x, y + 9 * zoom)
    page.mouse.move(x, y + 18 * zoom)
    page.mouse.up()
    starts = re.search(r"starts=([\d.]+)-([\d.]+),0.8-0.8", search(page, wait_until, "starts=0.7"))
    assert float(starts[1]) == pytest.approx(0.7, abs=0.02)  # half of the free range further down
    assert float(starts[2]) == pytest.approx(0.2, abs=0.02)
    assert "angles=0,0" in page.url
    assert page.locator(".play").get_attribute("aria-label") == "Play", "it was not playing"
    assert np.array_equal(shown(page), made_by(page.locator(".python code").inner_text()))


def test_a_digit_that_is_flung_goes_where_the_hand_went_and_the_clip_plays(open_page, wait_until):
    page = open_page("?digits=3,7&starts=0.2-0.2,0.8-0.8&angles=0,0")
    page.evaluate("performance.now = () => 0")  # a quick hand
    x, y, zoom = hold(page, 1)
    page.mouse.move(x - 5 * zoom, y - 5 * zoom)
    page.mouse.move(x - 10 * zoom, y - 10 * zoom)
    page.mouse.up()
    search(page, wait_until, "angles=0,3.93")  # up and to the left, in radians
    assert page.locator(".play").get_attribute("aria-label") == "Pause"
    assert page.locator("fieldset .degrees").nth(1).inner_text() == "225"


def test_a_click_beside_the_digits_or_on_one_moves_nothing(open_page):
    page = open_page("?digits=1&starts=0-0&angles=0")
    code = page.locator(".python code").inner_text()
    x, y, zoom = hold(page, 0)
    page.mouse.up()
    page.mouse.move(x + 40 * zoom, y + 40 * zoom)
    page.mouse.down()
    page.mouse.move(x + 20 * zoom, y + 20 * zoom)
    page.mouse.up()
    assert page.locator(".python code").inner_text() == code


def test_what_the_address_holds_is_never_taken_for_html(open_page):
    nasty = (
        "?digits=<img src=x onerror=document.title=1>&rule=<b>clamp</b>&seed=5&size=999&frames=<i>"
    )
    page = open_page(nasty)
    said = page.locator(".said")
    assert said.is_visible()
    for text in ("digits=<img src=x", "rule=<b>clamp</b>", "size=999", "frames=<i>"):
        assert text in said.inner_text()
    assert page.locator("#clip-maker :is(img, b, i)").count() == 0
    assert f"?{urlsplit(page.url).query}" == USUAL.replace("seed=2", "seed=5")
    page.get_by_label("Frames", exact=True).fill("9")
    assert not said.is_visible(), "whoever goes on has read it"


def test_of_a_long_address_only_the_beginning_is_named(open_page):
    page = open_page("?" + "&".join(f"x{n}=1" for n in range(5000)))
    said = page.locator(".said").inner_text()
    assert "address: x0=1, x1=1, x2=1, x3=1, x4=1 and 4995 more. The usual" in said


def test_going_back_at_once_leaves_other_entries_alone(page, wait_until):
    page.evaluate("history.pushState(null, '', location.search.replace('size=64', 'size=50'))")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    page.get_by_label("Canvas, pixels").fill("90")
    page.evaluate("history.back()")
    wait_until(page, "document.querySelector('#maker-size').value === '64'")
    page.wait_for_timeout(600)
    assert "size=64" in page.url


def test_back_and_forth_shows_what_the_address_says(page, wait_until):
    page.evaluate("location.hash = 'what-to-try'")
    page.get_by_label("Canvas, pixels").fill("40")
    search(page, wait_until, "size=40")
    page.go_back()
    wait_until(page, "document.querySelector('#maker-size').value === '64'")
    page.go_forward()
    wait_until(page, "document.querySelector('#maker-size').value === '40'")


# drawing


def drawing_of(query):
    text = parse_qs(query)["drawing"][0] + "="
    packed = np.frombuffer(base64.urlsafe_b64decode(text), np.uint8)
    return 17 * np.stack([packed >> 4, packed & 15], axis=-1).reshape(28, 28)


def check_drawing(page, query):
    """It is centred, is the last digit of the clip, and is in the Python too."""
    drawn = drawing_of(query)
    ink = drawn.astype(float)
    assert ink.max() == 255 and 0 < (ink == 0).mean() < 1
    assert len(np.unique(drawn)) > 3, "a soft brush"
    grid = np.arange(28)
    assert abs((ink.sum(1) * grid).sum() / ink.sum() - 14) <= 0.55
    assert abs((ink.sum(0) * grid).sum() / ink.sum() - 14) <= 0.55
    code = page.locator(".python code").inner_text()
    names = {}
    exec(code, names)
    assert np.array_equal(names["digits"][-1], drawn)
    assert np.array_equal(names["frames"], shown(page))


def test_a_mouse_draws_a_digit(page, wait_until, open_page):
    pad = page.locator(".pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    x, y, step = box["x"] + 30, box["y"] + 30, box["width"] / 28
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 8 * step, y, steps=3)
    page.mouse.move(x + 4 * step, y + 12 * step)
    page.mouse.up()
    query = drawing_in_address(page, wait_until)
    page.mouse.move(x, y + 10 * step, steps=3)  # without a button nothing is drawn
    page.wait_for_timeout(500)
    assert urlsplit(page.url).query == query
    assert query.startswith("digits=3,own&")
    check_drawing(page, query)
    other = open_page(f"?{query}")
    assert urlsplit(other.url).query == query
    assert np.array_equal(shown(other), shown(page))

    page.get_by_role("button", name="Erase").click()
    wait_until(page, "!location.search.includes('drawing')")
    assert "digits=3,own&" in page.url
    assert np.array_equal(made_by(page.locator(".python code").inner_text()), shown(page))


def test_a_finger_draws_and_does_not_scroll(open_page, wait_until):
    page = open_page(viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True)
    pad = page.locator(".pad")
    pad.scroll_into_view_if_needed()
    box, before = pad.bounding_box(), page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)

    def send(kind, *points):
        points = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (60, 40))
    for n in range(8):
        send("touchMove", (60 + 4 * n, 40 + 12 * n))
    send("touchEnd")
    check_drawing(page, drawing_in_address(page, wait_until))
    assert page.evaluate("scrollY") == before


def test_a_finger_that_scrolls_moves_no_slider(open_page, wait_until):
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    slider = page.locator("#maker-speed")
    slider.scroll_into_view_if_needed()
    box, before = slider.bounding_box(), page.evaluate("scrollY")
    touch = page.context.new_cdp_session(page)
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2

    def send(kind, *points):
        points = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (x, y))
    for n in range(1, 12):
        send("touchMove", (x, y - 20 * n))
        page.wait_for_timeout(16)
    send("touchEnd")
    wait_until(page, f"scrollY > {before + 50}")
    page.wait_for_timeout(300)
    assert slider.input_value() == "0.1"
    assert page.locator("#maker-speed-out").inner_text() == "0.1"
    page.evaluate("scrollTo(0, 0)")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
    send("touchStart", (x, y))
    send("touchEnd")
    wait_until(page, "document.querySelector('#maker-speed').value > 0.3")  # a tap does


def test_the_keyboard_draws(page, wait_until):
    page.locator(".pad").focus()
    for key in ("Space", "ArrowDown", "Space", "ArrowDown", "Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    query = drawing_in_address(page, wait_until)
    drawn = drawing_of(query)
    assert drawn.max() == 255 and (drawn > 0).sum() < 50
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Erase"


# the player, and those who have no mouse, no script or no digits


def test_it_plays_pauses_and_steps(page, wait_until):
    button, range_, at = (
        page.locator(f"#clip-maker {name}") for name in (".play", ".frame", ".at")
    )
    assert button.get_attribute("aria-label") == "Play", "reduced motion: nothing plays by itself"
    button.press("ArrowRight")
    button.press("ArrowRight")
    range_.press("ArrowLeft")
    assert at.inner_text() == "frame 1"
    range_.press("ArrowLeft")
    range_.press("ArrowLeft")
    assert at.inner_text() == "frame 19", "before the first frame comes the last"
    page.get_by_label("Frames", exact=True).fill("5")
    assert at.inner_text() == "frame 4"
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    wait_until(page, "document.querySelector('#clip-maker .at').textContent === 'frame 2'")
    button.press("Space")
    stopped = at.inner_text()
    page.wait_for_timeout(300)
    assert at.inner_text() == stopped


def test_it_plays_by_itself_for_who_has_nothing_against_it(open_page, wait_until):
    page = open_page(reduced_motion="no-preference")
    wait_until(page, "document.querySelector('#clip-maker .frame').value > 1")


def test_every_control_has_a_name_and_is_reached_with_the_tabulator(page):
    page.locator(".play").focus()
    reached = []
    for _ in range(25):
        reached.append(
            page.evaluate("(e => e.id || e.ariaLabel || e.textContent)(document.activeElement)")
        )
        page.keyboard.press("Tab")
    assert reached == [
        *("Play", "Frame", "maker-count", "maker-rule", "maker-seed", "Throw again"),
        *("maker-speed", "maker-size", "maker-frames"),
        *("maker-kind0", "maker-number0", "maker-degrees0", "maker-row0", "maker-column0"),
        *("maker-kind1", "maker-number1", "maker-degrees1", "maker-row1", "maker-column1"),
        *("Drawing pad", "Erase", "Predict what comes next"),
        *("Copy as Python", "Download GIF", "Download .npz"),
    ]
    names = page.locator("#clip-maker [role=img]").evaluate_all(
        "all => all.map((e) => e.ariaLabel)"
    )
    assert all("row from" in name for name in names[:3])
    assert names[3:] == ["The truth", "U-Net", "ConvLSTM", "The exact predictor", None]


def test_the_python_is_copied_or_selected(page, wait_until):
    page.get_by_role("button", name="Copy as Python").click()
    wait_until(page, "document.querySelector('#clip-maker .copied').textContent")
    said = page.locator(".copied").inner_text()
    assert re.match(r"Copied\.|Selected\.", said)
    if said.startswith("Selected"):
        text = page.evaluate("getSelection().toString()")
        assert text.strip() == page.locator(".python code").inner_text().strip()


def test_what_is_downloaded_is_the_clip(open_page, wait_until):
    page = open_page("?digits=3,own,7-4&size=70&frames=11&seed=4")
    page.locator(".pad").press("Space")
    search(page, wait_until, "drawing=")
    names = {}
    exec(page.locator(".python code").inner_text(), names)
    files = []
    for kind in ("GIF", ".npz"):
        with page.expect_download() as waited:
            page.get_by_role("button", name=f"Download {kind}").click()
        files.append(waited.value)
        assert waited.value.suggested_filename in page.locator(".copied").inner_text()
    with Image.open(files[0].path()) as image:
        frames = [np.asarray(frame.convert("L")) for frame in ImageSequence.Iterator(image)]
    assert np.array_equal(np.array(frames)[:, ::4, ::4], names["frames"])
    with np.load(files[1].path()) as arrays:
        assert np.array_equal(arrays["frames"], names["frames"])
        assert np.array_equal(arrays["digits"], names["digits"])
        assert np.array_equal(arrays["path"], names["path"])
        assert np.array_equal(arrays["pixels"], to_pixels(names["path"], 70))
        kinds = [arrays[name].dtype.name for name in arrays]
        assert kinds == ["uint8", "uint8", "float64", "int64"]


@pytest.mark.parametrize("wrong", ["missing", "altered"])
def test_without_the_digits_it_says_so_and_one_can_draw(browser, address, wait_until, wrong):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    other = png_of(sheet() ^ 1)
    answer = {"status": 404} if wrong == "missing" else {"body": other, "content_type": "image/png"}
    page.route("**/playground.png*", lambda route: route.fulfill(**answer))
    page.goto(f"{address}/book/{PAGE}?size=7")
    wait_until(page, f"{READY} === 'no'")
    said = page.locator(".said").inner_text()
    assert "no digits to choose from" in said
    assert ("alters pictures" in said) == (wrong == "altered")
    assert "size=7" in said, "one message does not hide another"
    page.locator(".pad").press("Space")
    search(page, wait_until, "drawing=")
    assert shown(page).max() == 255
    assert "You can still draw" in page.locator(".said").inner_text()
    button = page.locator(".predict")
    button.click()
    wait_until(page, "document.querySelector('.predictions').ariaBusy === 'false'")
    assert button.inner_text() == "Nothing to predict"
    assert "Digit 1 has no ink" in page.locator(".told").inner_text()
    page.get_by_label("Digits", exact=True).select_option("1")
    page.locator("fieldset").first.get_by_label("Class").select_option("own")
    wait_until(page, "document.querySelector('.predict').textContent === 'Predicted below'")
    context.close()


def test_without_scripts_a_sentence_says_what_is_missing(visit):
    page = visit(PAGE, java_script_enabled=False)
    assert "allow scripts" in page.locator("#clip-maker").inner_text()
    assert page.locator("#clip-maker :is(input, button, canvas, svg):visible").count() == 0


def test_no_other_page_carries_it():
    for path in SITE.rglob("*.html"):
        if path.name != PAGE:
            assert not re.search(r"playground\.(js|css|png)", path.read_text("utf-8")), path
    for name in ("site.js", "site.css"):
        assert "clip-maker" not in (SITE / "_static" / name).read_text("utf-8")
