"""The tests in this folder look at the site that was built last, and at one built for a class."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture(autouse=True, scope="session")
def site_is_built():
    if not (SITE / "book" / "index.html").exists():
        pytest.fail("there is no site to test: run `make book`, or jupyter-book build .")


@pytest.fixture(scope="session")
def class_edition_of_a_fork(tmp_path_factory):
    """The site that a fork publishes with ``EDITION=class``: one build for several tests."""
    folder = tmp_path_factory.mktemp("fork")
    environment = os.environ | {"GITHUB_REPOSITORY": "ada/fork", "EDITION": "class"}
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ROOT, "--all", "-q"]
    subprocess.run([*command, "--path-output", folder], env=environment, check=True)
    return folder / "_build" / "html"


@pytest.fixture(scope="module")  # no longer, or its event loop is in the way of the notebooks'
def browser():
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, NAMES)), None)
    if not path and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs a browser: apt install chromium")
    assert path, "apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    handler = functools.partial(QuietHandler, directory=SITE)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
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
