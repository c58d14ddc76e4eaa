"""The site in Firefox, which is asked over WebDriver BiDi, as Playwright asks Chromium."""

import json
import os
import re
import shutil
import subprocess
import time

import pytest
from websocket import WebSocket

from tests.limits import PAGE
from tests.website.conftest import SITE
from tests.website.test_live import CHAPTERS, answers_of, checks, fetched  # noqa: F401

# Firefox is to look for nothing beyond this machine.
SETTINGS = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
# What stands in the shadow trees of an element, too.
FIND = """
const all = (root, selector) => [
    ...root.querySelectorAll(selector),
    ...[...root.querySelectorAll("*")].flatMap((one) =>
        one.shadowRoot ? all(one.shadowRoot, selector) : []),
];
const cell = (name) => document.querySelector(`[data-cell="${name}"]`);
const button = (root, name) =>
    all(root, "button").find((one) => one.checkVisibility() && one.textContent.trim() === name);
const status = (name) => cell(name).querySelector("[role=status]").textContent;
const shown = (name) => cell(name).querySelector(".cell_output").innerText.trim();
"""
CONTROL, ENTER = "\ue009", "\ue007"
LEFT = "status=2152398850"  # NS_BINDING_ABORTED: of a page that was left before all had come


class Firefox:
    """One tab, and what went wrong in it."""

    def __init__(self, url):
        self.socket = WebSocket()
        self.socket.settimeout(PAGE)
        self.socket.connect(f"{url}/session", suppress_origin=True)
        self.number, self.wrong, self.asked = 0, [], []
        self.command("session.new", capabilities={})
        events = ["log.entryAdded", "network.beforeRequestSent"]
        self.command("session.subscribe", events=events)
        tree = self.command("browsingContext.getTree")
        self.tab = tree["contexts"][0]["context"]

    def command(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv())).get("id") != self.number:
            if message.get("method") == "network.beforeRequestSent":
                self.asked.append(message["params"]["request"]["url"])
            elif message.get("params", {}).get("level") == "error":
                self.wrong += [text for text in [message["params"]["text"]] if LEFT not in text]
        assert message["type"] == "success", message
        return message["result"]

    def open(self, url):
        self.command("browsingContext.navigate", context=self.tab, url=url, wait="complete")

    def ask(self, expression):
        """Return what an expression is, by way of text."""
        code = f"(async () => {{ {FIND} return JSON.stringify(await ({expression}) ?? null); }})()"
        found = self.command(
            "script.evaluate", expression=code, target={"context": self.tab}, awaitPromise=True
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def until(self, expression):
        end = time.monotonic() + PAGE
        while not (found := self.ask(expression)):
            assert time.monotonic() < end, f"not within {PAGE} seconds: {expression}"
            time.sleep(0.1)
        return found

    def click(self, name, cell=""):
        """Click the button of a name, in a cell or anywhere, as soon as it is there."""
        found = f"button({f'cell({cell!r})' if cell else 'document'}, {name!r})"
        self.until(f"Boolean({found})")
        self.ask(f"{found}.click()")

    def press(self, *keys, held=()):
        steps = [("keyDown", key) for key in held]
        steps += [(kind, key) for key in keys for kind in ("keyDown", "keyUp")]
        steps += [("keyUp", key) for key in held]
        actions = [{"type": kind, "value": key} for kind, key in steps]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self.command("input.performActions", context=self.tab, actions=[keyboard])

    def write(self, name, text):
        """Put one line in the place of a cell's code."""
        editors = f"all(cell('{name}'), '.cm-content')"
        if not self.ask(f"{editors}.length"):
            self.click("Edit", name)
            self.until(f"{editors}.length")
        self.ask(f"{editors}[0].focus()")
        self.press("a", held=[CONTROL])
        self.press(*text)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory, address):
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Firefox: apt install firefox-esr")
    assert program, "apt install firefox-esr"
    home = tmp_path_factory.mktemp("firefox")
    lines = [
        f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in SETTINGS.items()
    ]
    (home / "user.js").write_text("\n".join(lines))
    options = ["--headless", "--no-remote", "--profile", home, "--remote-debugging-port", "0"]
    said = home / "stderr"  # a pipe that nobody reads would fill up, and stop it
    with (
        said.open("w") as stderr,
        subprocess.Popen(
            [program, *options], stderr=stderr, env=os.environ | {"HOME": str(home)}
        ) as process,
    ):
        try:
            end = time.monotonic() + PAGE
            while not (url := re.search(r"BiDi listening on (ws:\S+)\n", said.read_text())):
                assert time.monotonic() < end and process.poll() is None, said.read_text()
                time.sleep(0.1)
            firefox = Firefox(url[1])
            yield firefox
            firefox.socket.close()
        finally:
            process.kill()


@pytest.fixture
def tab(firefox, address):
    """The tab, in which nothing may go wrong, and which may ask no other host."""
    firefox.wrong.clear()
    firefox.asked.clear()
    firefox.open(f"{address}/404.html")
    yield firefox
    firefox.ask("localStorage.clear()")
    assert not firefox.wrong
    origin = address.rsplit("/", 1)[0]
    assert not [url for url in firefox.asked if not url.startswith((origin, "data:", "blob:"))]


def test_a_cell_is_edited_run_and_stopped(fetched, tab, address):  # noqa: F811
    tab.open(f"{address}/book/01-loading.html")
    name = "01-loading-05"
    tab.write(name, "print(len(train_images), 6 * 7)")
    tab.press(ENTER, held=[CONTROL])
    tab.until(f"status('{name}') === 'Done.'")
    assert tab.ask(f"shown('{name}')") == "4000 42"
    tab.write(name, "while True: pass")
    tab.click("Run", name)
    tab.click("Stop", name)
    tab.until(f"status('{name}').startsWith('Stopped.')")


@pytest.mark.parametrize("name", CHAPTERS[:1])
def test_exercises_are_solved(fetched, tab, address, name):  # noqa: F811
    key = f"answers /{address.split('/', 3)[3]}/book/exercises/{name}.html"
    tab.ask(f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(answers_of(name)))})")
    tab.open(f"{address}/book/exercises/{name}.html")
    last = checks(name)[-1]
    tab.click("Run", last)
    tab.until(f"status('{last}') === 'Done.'")
    verdicts = tab.ask(
        "[...document.querySelectorAll('.mmnist-verdict')].map((it) => it.innerText)"
    )
    assert [verdict.strip()[0] for verdict in verdicts] == ["✓"] * 4


def test_the_playground_predicts(tab, address):
    tab.open(f"{address}/book/playground.html")
    tab.until("document.querySelector('#clip-maker').dataset.ready")
    tab.click("Predict what comes next")
    tab.until("document.querySelector('#clip-maker .predictions').ariaBusy === 'false'")
    assert "MSE" in tab.ask("document.querySelector('#clip-maker .told').textContent")


def test_no_page_complains(tab, address):
    pages = [path for path in sorted(SITE.glob("book/**/*.html")) if not leads_on(path)]
    for path in pages:
        tab.open(f"{address}/{path.relative_to(SITE)}")
        # What the playground still loads when it is left, Firefox would call an error.
        tab.until("(document.querySelector('#clip-maker')?.dataset ?? {ready: 'yes'}).ready")
        assert not tab.wrong, path
    assert len(pages) > 30


def leads_on(path):
    """Whether a page is an old address: Firefox would leave it while the next one is opened."""
    return 'http-equiv="refresh"' in path.read_text(encoding="utf-8")
