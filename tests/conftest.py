"""Settings that all tests share."""

import os

import matplotlib
import pytest
from hypothesis import settings

collect_ignore = ["teaching/mistakes"]  # pieces of notebooks, which test_exercises.py reads

# The tests draw without a window. The notebooks' kernels draw in line, but only where nobody
# has named another backend in the environment that they inherit.
os.environ.pop("MPLBACKEND", None)
matplotlib.use("agg")

# The same examples in each run, so that a red test is red for everyone.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")


@pytest.fixture(scope="module")  # no longer, or its event loop is in the way of the notebooks'
def browser():
    from playwright.sync_api import sync_playwright

    from website.downloads import FLAGS, chromium

    path = chromium()
    if not path and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs a browser: apt install chromium")
    assert path, "apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
