"""The tests in this folder look at the site that was built last, and at one built for a class."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"


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
