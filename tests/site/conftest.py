"""The tests in this folder look at the site that was built last."""

from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"


@pytest.fixture(autouse=True, scope="session")
def site_is_built():
    if not (SITE / "book" / "index.html").exists():
        pytest.fail("there is no site to test: run `make book`, or jupyter-book build .")
