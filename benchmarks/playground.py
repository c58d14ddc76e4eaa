"""Measure how smoothly the playground moves, and whether it keeps memory: frames a second, heap.

It looks at the site that was built last, in headless Chromium. Headless Chromium paints 60 times
a second at most. The heap is that of the page, after its garbage was collected.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import itertools
import statistics
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

SITE = Path(__file__).parents[1] / "_build" / "html"
WATCH = """() => {
    window.times = [];
    const note = (time) => {
        window.times.push(time);
        window.noting = requestAnimationFrame(note);
    };
    window.noting = requestAnimationFrame(note);
}"""
STOP = "() => { cancelAnimationFrame(window.noting); return window.times; }"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves, and says nothing."""

    def log_message(self, *_: Any) -> None:
        """Be silent."""


def drag(page: Page, selector: str, seconds: float) -> list[float]:
    """Move the mouse over an element, its button down; return the milliseconds of each frame."""
    element = page.locator(selector)
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate(WATCH)
    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end:
        step += 1
        across = (step % 80) / 80 if step % 160 < 80 else 1 - (step % 80) / 80
        page.mouse.move(box["x"] + box["width"] * (0.1 + 0.8 * across), y)
    times = page.evaluate(STOP)
    page.mouse.up()
    return [after - before for before, after in itertools.pairwise(times)]


def heap(page: Page) -> float:
    """Return the page's heap in MB, after its garbage was collected."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10, help="how long to watch the heap")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser")
    options = parser.parse_args()
    handler = functools.partial(Quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        address = f"http://127.0.0.1:{server.server_port}/book/playground.html"
        for state in ("", "?digits=3,7,1,9&size=64&frames=40&seed=1"):
            page.goto(address + state)
            page.wait_for_selector("#clip-maker[data-ready=yes]")
            print(f"\n{state or 'as it opens'}")
            for predicted in (False, True):
                if predicted:
                    page.locator(".predict").click()
                    page.wait_for_selector(".guesses[aria-busy=false]")
                for name, selector in (("speed", "#maker-speed"), ("pad", ".pad")):
                    frames = drag(page, selector, 5)
                    late = sum(frame > 25 for frame in frames)
                    print(
                        f"  dragging {name:5} {'predicted' if predicted else '':9} "
                        f"{1000 / statistics.mean(frames):5.1f} frames a second, "
                        f"{late} of {len(frames)} later than 25 ms, longest {max(frames):.0f} ms"
                    )
        page.goto(address)
        page.wait_for_selector("#clip-maker[data-ready=yes]")
        page.locator(".predict").click()
        page.wait_for_timeout(10_000)
        print("\nminute  heap in MB, workers, while it plays, throws, predicts and is drawn on")
        for minute in range(options.minutes + 1):
            print(f"{minute:6}  {heap(page):.1f}  {len(page.workers)}", flush=True)
            end = time.monotonic() + 60
            while minute < options.minutes and time.monotonic() < end:
                page.locator("form .again").click()
                page.locator(".pad").press("ArrowRight")
                page.locator(".pad").press("Space")
                page.wait_for_timeout(1000)
        browser.close()


if __name__ == "__main__":
    main()
