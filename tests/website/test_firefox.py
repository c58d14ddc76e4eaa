"""The site in another browser than the other tests use: cells, exercises and the playground."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.limits import HANG, PAGE
from tests.website.test_live import answers_of, checks
from website import live

HERE = Path(__file__).parent
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")


@pytest.fixture(scope="module")
def shown(address):
    ready = FIREFOX and live.is_fetched() and (HERE / "node_modules" / "puppeteer-core").exists()
    if not ready and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Firefox and Node: apt install firefox-esr nodejs npm, then make test")
    assert ready, "apt install firefox-esr nodejs npm, then make test"
    name = "01-loading"
    asked = {
        "firefox": FIREFOX,
        "address": address,
        "seconds": PAGE,
        "exercises": f"exercises/{name}",
        "answers": json.dumps(answers_of(name)),
        "check": checks(name)[-1],
    }
    command, text = ["node", str(HERE / "firefox.mjs")], json.dumps(asked)
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=HANG, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_cell_is_edited_runs_and_is_stopped(shown):
    assert shown["printed"].strip() == "42"


def test_exercises_are_solved(shown):
    assert [verdict.strip()[0] for verdict in shown["verdicts"]] == ["✓"] * 4


def test_the_playground_predicts(shown):
    assert "the exact predictor" in shown["predicted"]
    assert "Without" not in shown["predicted"]


def test_no_page_complains_or_asks_another_host(shown):
    assert shown["wrong"] == []
