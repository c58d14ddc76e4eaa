"""The tests in this folder look at the site that was built last."""

import functools
import http.server
import json
import re
import threading
import time
from pathlib import Path

import pytest

from tests.limits import PAGE

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


@pytest.fixture(scope="session")
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


def ask(page, function, given=None):
    """Call a function of JavaScript.

    Its argument and its answer travel as text, since large arrays take Playwright seconds.
    """
    call = f"async (given) => JSON.stringify(await ({function})(JSON.parse(given)))"
    return json.loads(page.evaluate(call, json.dumps(given)))


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
    LikeGitHubPages.root = re.search(r'href="https://[^/]+(/[^/]+/).*" rel="canonical"', start)[1]
    handler = functools.partial(LikeGitHubPages, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}{LikeGitHubPages.root.rstrip('/')}"
        server.shutdown()


@pytest.fixture(scope="module")
def context_of(browser, address):
    """Make a context, or return the one that this module has already made for the same options.

    The first page of each stays open, so that the next ones share its process. Together this
    saves more than half of the time that a page takes.
    """
    made = {}

    def refuse_others(context):
        context.route(
            lambda url: not url.startswith(address) and not url.startswith("data:"),
            lambda route: route.abort(),
        )

    def get(refuse, options):
        key = repr([refuse, sorted(options.items())])
        if key not in made:
            made[key] = browser.new_context(**options)
            if refuse:
                refuse_others(made[key])
            made[key].new_page().goto(f"{address}/404.html")
        return made[key]

    yield get
    for context in made.values():
        context.close()


@pytest.fixture
def new_page(context_of, address):
    """Open a page in a context that holds nothing of an earlier test."""
    pages = []

    def open_(refuse=False, **options):
        pages.append(context_of(refuse, options).new_page())
        return pages[-1]

    yield open_
    origin = "/".join(address.split("/")[:3])
    for page in pages:
        session = page.context.new_cdp_session(page)
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        page.context.clear_cookies()
        page.close()


@pytest.fixture(scope="module")
def asked_page(context_of, address):
    """Open a page for all tests of a module that only call its functions and change nothing."""

    def open_page(name):
        page = context_of(True, {"reduced_motion": "reduce"}).new_page()
        page.goto(f"{address}/book/{name}")
        return page

    return open_page


@pytest.fixture
def visit(new_page, address):
    """Open a page of the book; whatever it asks of another host is refused."""

    def open_page(name, **options):
        page = new_page(refuse=True, **options)
        page.goto(f"{address}/book/{name}", wait_until="load")
        return page

    return open_page
