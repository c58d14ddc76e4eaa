"""Settings that all tests share."""

import os
import shutil
import subprocess
from pathlib import Path

import matplotlib
import pytest
from hypothesis import settings

from tests.limits import PAGE

collect_ignore = ["teaching/mistakes"]  # pieces of notebooks, which test_exercises.py reads

# The tests draw without a window. The notebooks' kernels draw in line, but only where nobody
# has named another backend in the environment that they inherit.
os.environ.pop("MPLBACKEND", None)
matplotlib.use("agg")

# What JAX has compiled is kept for the other processes and for the next run: building the largest
# model takes 20 seconds of a processor without it. With a size, JAX locks the folder while it
# reads and writes, so that no process reads what another has half written.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / "_build" / "jax")
)
os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(2**29))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# What a run that was stopped has left half written, JAX compiles anew. Its warnings would only
# turn up among the outputs of a notebook.
os.environ.setdefault(
    "PYTHONWARNINGS",
    "ignore:Error reading persistent compilation,ignore:Error writing persistent compilation",
)

# The same examples in each run, so that a red test is red for everyone.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("repeatable")


# Files that take longest. They begin first, so that in the end no process is left with one.
LONGEST = (
    "book/06-prediction.ipynb",
    "book/07-networks.ipynb",
    "tests/teaching/test_grading.py",
    "tests/teaching/test_course.py",
    "tests/library/test_prediction.py",
    "tests/teaching/test_exercises.py",
    "tests/library/test_tracking.py",
    "tests/library/test_command.py",
    "tests/library/test_scale.py",
    "tests/website/test_live.py",
    "tests/website/test_every_page.py",
    "tests/website/test_playground_ahead.py",
    "tests/website/test_playground.py",
    "tests/website/test_exact.py",
    "tests/website/test_browser.py",
    "tests/website/test_worked_solutions.py",
)


def pytest_collection_modifyitems(items):
    def turn(item):
        file = item.nodeid.partition("::")[0]
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=turn)


@pytest.fixture(scope="session")
def bubblewrap():
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    works = shutil.which("bwrap") and not subprocess.call(command)
    if not works and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs bubblewrap, and a system that allows it: apt install bubblewrap")
    assert works, "apt install bubblewrap"


@pytest.fixture(scope="module")  # no longer, or its event loop is in the way of the notebooks'
def browser():
    from playwright.sync_api import sync_playwright

    from website.downloads import FLAGS, chromium

    path = chromium()
    if not path and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs a browser: apt install chromium")
    assert path, "apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS, timeout=1000 * PAGE)
        browser.new_context = patient(browser.new_context)
        yield browser
        browser.close()


def patient(new_context):
    """Let every page of a new context wait longer than Playwright's 30 seconds."""

    def make(**options):
        context = new_context(**options)
        context.set_default_timeout(1000 * PAGE)
        return context

    return make
