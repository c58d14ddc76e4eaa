"""Format, lint and types of the site's own scripts and styles."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def tools():
    ready = all((HERE / "node_modules" / ".bin" / name).exists() for name in ("biome", "tsc"))
    if not ready and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Node: apt install nodejs npm, then make test")
    assert ready, "apt install nodejs npm, then make test"


@pytest.mark.parametrize("check", ["format", "lint", "types"])
def test_scripts_and_styles_are_sound(tools, check):
    command = ["npm", "run", "--silent", f"check:{check}"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, encoding="utf-8")
    if done.returncode:
        remedy = "To format them: npm run format, in tests/website" if check == "format" else ""
        pytest.fail(f"{done.stdout}{done.stderr}{remedy}", pytrace=False)


def test_what_npm_installs_is_told_without_a_host():
    lock = json.loads((HERE / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
