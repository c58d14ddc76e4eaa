"""The tests in this folder look at the site that was built last."""

import functools
import http.server
import re
import threading
import time
from pathlib import Path

import pytest

from tests.limits import PAGE

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


@pytest.fixture
def wait_until():
    """Wait for a condition, in JavaScript or in Python.

    Playwright's own function cannot, because the site's policy forbids what it would run.
    """

    def wait(page, condition):
        until = time.monotonic() + PAGE
        while not (page.evaluate(condition) if isinstance(condition, str) else condition()):
            assert time.monotonic() < until, f"not within {PAGE} seconds: {condition}"
            page.wait_for_timeout(50)

    return wait


@pytest.fixture(autouse=True, scope="session")
def site_is_built():
    if not (SITE / "book" / "index.html").exists():
        pytest.fail("there is no site to test: run `make book`, or jupyter-book build .")


class LikeGitHubPages(http.server.SimpleHTTPRequestHandler):
    """The site below the repository's name, and 404.html wherever there is nothing."""

    root = ""  # as the site's own links to itself say

    def log_message(self, *_):
        pass

    def translate_path(self, path):
        if not path.startswith(self.root):
            return "/nothing"
        return super().translate_path("/" + path.removeprefix(self.root))

    def send_error(self, code, message=None, explain=None):
        if code != 404:
            return super().send_error(code, message, explain)
        page = (SITE / "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture(scope="module")
def address():
    start = (SITE / "index.html").read_text(encoding="utf-8")
    LikeGitHubPages.root = re.search(r'canonical" href="https://[^/]+(/[^/]+/)', start)[1]
    handler = functools.partial(LikeGitHubPages, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{LikeGitHubPages.root.rstrip('/')}"
        server.shutdown()


@pytest.fixture
def visit(browser, address):
    """Open a page of the book; whatever it asks of another host is refused."""
    contexts = []

    def open_page(name, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.route(
            lambda url: not url.startswith(address) and not url.startswith("data:"),
            lambda route: route.abort(),
        )
        page = context.new_page()
        page.goto(f"{address}/book/{name}", wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()
