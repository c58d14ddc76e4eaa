"""Cells that run in the page: every one of them, and what a reader does with them."""

import base64
import hashlib
import io
import json
import os
import re
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from notebooks.text import for_tests_alone
from teaching.editions import SEED, stored_seed
from tests.teaching.test_exercises import grades, read_mistakes, source_version
from website import live

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node_modules"
AXE = NODE / "axe-core" / "axe.min.js"
CHAPTERS = [path.stem for path in sorted((ROOT / "book").glob("0[1-58]-*.ipynb"))]
ENDED = (
    "Done.",
    "It has not run",
    "It ended with an error.",
    "Stopped.",
    "Python could not be started",
)


def notebook(name):
    return nbformat.read(ROOT / "book" / f"{name}.ipynb", as_version=4)


# what is fetched


def test_the_lock_is_pyodides_own(package):
    lock = json.loads(live.LOCK.read_text())
    whole = json.loads((package / "pyodide-lock.json").read_text())
    assert lock["info"] == whole["info"]
    assert all(one == whole["packages"][name] for name, one in lock["packages"].items())
    for name, digest in lock["core"].items():
        assert live.sha256((package / name).read_bytes()) == digest


def test_all_files_are_there_and_are_those_of_the_lock(fetched):
    for name, digest in live.wanted().items():
        assert hashlib.sha256((live.FILES / name).read_bytes()).hexdigest() == digest, name


def test_a_file_that_is_not_pyodides_is_refused(tmp_path):
    archive = tmp_path / "package.whl"
    with zipfile.ZipFile(archive, "w") as files:
        for name in live.wanted():
            files.writestr(f"assets/{name}", "another")
    with pytest.raises(SystemExit, match=r"package.whl holds no pyodide.mjs with the hash 04c0"):
        live.unpack(archive, tmp_path / "pyodide")
    assert not [*(tmp_path / "pyodide").iterdir()]


# which cells run


def test_a_cell_that_needs_keras_is_told_and_those_that_build_on_it():
    sources = {
        "both": "import numpy as np\nfrom mmnist_lib.prediction import load_model\nscores = {}",
        "model": "model = load_model('unet')",
        "uses": "def guess(x):\n    return model.predict(x)",
        "calls": "scores['unet'] = guess(1)",
        "local": "def plain(model):\n    return model",
        "reads": "print(scores)",
        "names": "name, x = model, 1",
        "loops": "for name in 'ab':\n    print(name)",
        "another": "import keras\n\ndef build():\n    free = keras.Input()\n    return free",
        "listed": "free = [n for n in range(3)]",
        "again": "scores = {'black': 1}",
        "free": "print(scores, free)",
        "inside": "def later():\n    import keras",
        "magic": "%run -m mmnist_lib",
    }
    cells = [new_code_cell(source, id=name) for name, source in sources.items()]
    found = live.lacks(new_notebook(cells=cells))
    needy = ["both", "model", "uses", "calls", "reads", "names", "another"]
    needed = dict.fromkeys(needy, "Keras")
    assert found == needed | {"magic": "Jupyter"}


@pytest.mark.parametrize("path", [*(ROOT / "book").rglob("*.ipynb")], ids=lambda path: path.stem)
def test_a_cell_that_is_not_shown_makes_nothing_that_another_needs(path):
    """It does not run in a page, so it is told here as one that needs what is not there."""
    book = nbformat.read(path, as_version=4)
    lacking, hidden = live.lacks(book), set()
    for cell in book.cells:
        if for_tests_alone(cell):
            hidden.add(cell.id)
            cell.metadata.tags = []
            cell.source = "import keras\n" + cell.source.replace("%pip", "pass  #")
    assert hidden and {*live.lacks(book)} == {*lacking} | hidden


@pytest.mark.parametrize("name", [*CHAPTERS, *(f"exercises/{name}" for name in CHAPTERS)])
def test_all_of_a_chapter_runs_but_for_the_networks_of_the_last(name):
    lacking = live.lacks(notebook(name))
    assert len(lacking) == (5 if name == "08-limit" else 0)


# in a browser


@pytest.fixture(scope="module")
def fetched():
    if not live.is_fetched() and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Python for the pages: make live, then make book")
    assert live.is_fetched(), "make live, then make book"


@pytest.fixture(scope="module")
def package():
    ready = (NODE / "pyodide").exists()
    if not ready and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Node: apt install nodejs npm, then make test")
    assert ready, "apt install nodejs npm, then make test"
    return NODE / "pyodide"


@pytest.fixture
def opened(fetched, new_page, address):
    """Open a page with cells that run, and note what fails and what another host is asked.

    Nothing is refused, since a browser keeps no file while a test looks into what it asks.
    """
    pages = []

    def open_page(name, answers=None, before=""):
        page = new_page()
        page.goto(f"{address}/404.html")
        if answers is not None:
            key = f"answers /{address.split('/', 3)[3]}/book/{name}.html"
            page.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, answers])
        page.wrong = []
        pages.append(page)
        page.on("request", lambda it: it.url.startswith("http") and note(page, it.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.wrong.append(line.text))
        if before:
            page.add_init_script(before)
        page.goto(f"{address}/book/{name}.html")
        return page

    def note(page, url):
        if not url.startswith(f"{address}/"):
            page.wrong.append(url)

    yield open_page
    assert [page.wrong for page in pages] == [[]] * len(pages)


def cell_of(page, name):
    return page.locator(f'[data-cell="{name}"]')


def status_of(cell):
    return cell.locator("[role=status]").first.inner_text()


def run(cell, wait_until):
    """Press a cell's button, and return what the page says at the end."""
    cell.get_by_role("button", name="Run", exact=True).click()
    wait_until(cell.page, lambda: status_of(cell).startswith(ENDED))
    return status_of(cell)


def type_into(cell, text):
    """Write a text in the place of a cell's code."""
    if not cell.locator(".live-editor").count():
        cell.get_by_role("button", name=re.compile("^(Edit|Write your answer)$")).click()
    editor = cell.locator(".cm-content")
    editor.fill(text)
    return editor


def shown(cell):
    """What a cell shows: its text, the hashes of its players' frames, its pictures' sizes."""
    output = cell.locator(".cell_output")
    texts = output.locator("pre").all_inner_texts()
    players = output.locator(".mmnist-player")
    hashes = players.evaluate_all("all => all.map((it) => it.dataset.sha256)")
    verdicts = output.locator(".mmnist-verdict").all_inner_texts()
    sizes = output.locator("img:not(.mmnist-player img)").evaluate_all(
        """all => Promise.all(all.map(async (it) => {
          await it.decode();
          return [it.naturalWidth, it.naturalHeight];
        }))"""
    )
    return "".join(texts).split(), hashes, [text.strip() for text in verdicts], sizes


def stored(cell):
    """The same of what a notebook stores."""
    texts, hashes, verdicts, sizes = [], [], [], []
    for output in cell.outputs:
        data = output.get("data", {})
        page = data.get("text/html", "")
        if "text" in output:
            texts.append(output.text)
        elif page:
            hashes += re.findall(r'data-sha256="(\w+)"', page)
            verdicts += re.findall(r'mmnist-verdict"><strong>(.*?)</strong>', page)
        elif "image/png" in data:
            sizes.append(size_of(data["image/png"]))
        else:
            texts.append(data["text/plain"])
    return "".join(texts).split(), hashes, verdicts, sizes


def size_of(png):
    return list(Image.open(io.BytesIO(base64.b64decode(png))).size)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_shows_in_the_page_what_the_notebook_stores(opened, wait_until, name):
    page = opened(name)
    book = notebook(name)
    lacking = live.lacks(book)
    note = page.locator(".live-note").inner_text()
    assert ("Cells that need Keras say where they run." in note) == bool(lacking)
    for absent in lacking:
        line = cell_of(page, absent).locator(".live-needs")
        assert line.inner_text().endswith("Run it on your laptop, in Binder or in Colab.")
        laptop = line.get_by_role("link", name="your laptop")
        assert (
            laptop.get_attribute("href") == f"{page.url.rsplit('/', 1)[0]}/running.html#on-a-laptop"
        )
    cells = [cell for cell in live.code_cells(book) if cell.id not in lacking]
    assert run(cell_of(page, cells[-1].id), wait_until) == "Done."
    for cell in cells:
        if "NBVAL_IGNORE_OUTPUT" in cell.source:
            continue
        *mine, sizes = shown(cell_of(page, cell.id))
        *theirs, wanted = stored(cell)
        assert mine == theirs, cell.source
        assert len(sizes) == len(wanted), cell.source
        for size, other in zip(sizes, wanted, strict=True):
            assert size == pytest.approx(other, rel=0.06), cell.source


def barriers(page):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_a_reader_edits_a_cell_stops_it_and_puts_it_back(opened, wait_until):
    page = opened("01-loading")
    loaded = "performance.getEntriesByType('resource').map((one) => one.name)"
    assert not [url for url in page.evaluate(loaded) if re.search("pyodide|editor|codemirror", url)]
    first, cell = cell_of(page, "01-loading-03"), cell_of(page, "01-loading-05")
    code, before = cell.locator("pre").first.inner_text(), shown(first)
    type_into(cell, "print('here', flush=True)\nwhile True:\n    pass")
    assert not [url for url in page.evaluate(loaded) if "pyodide" in url]

    cell.get_by_role("button", name="Run", exact=True).click()
    wait_until(page, lambda: cell.locator(".cell_output").inner_text() == "here\n")
    *made, [size] = shown(first)  # it ran first, since this cell may need what it makes
    assert tuple(made) == before[:3] and size[1] == pytest.approx(before[3][0][1], rel=0.06)
    assert size[0] == pytest.approx(sum(width for width, _ in before[3]), rel=0.06)
    assert cell.get_attribute("aria-busy") == "true"
    cell.get_by_role("button", name="Stop").click()
    assert status_of(cell) == "Stopped. Python has forgotten its variables."

    type_into(cell, "def half(n):\n    return n / 0\n\n\nhalf(1)").press("Control+Enter")
    wait_until(page, lambda: status_of(cell) == "It ended with an error.")
    assert cell.locator(".cell_output pre").inner_text() == (
        "Traceback (most recent call last):\n"
        '  File "<cell 2>", line 5, in <module>\n    half(1)\n'
        '  File "<cell 2>", line 2, in half\n    return n / 0\n           ~~^~~\n'
        "ZeroDivisionError: division by zero"
    )
    type_into(cell, "for n in range(100_000):\n    print(n)\n6 * 7")
    assert run(cell, wait_until) == "Done."
    lines = cell.locator(".cell_output").inner_text().split("\n")
    assert lines[0] == "0" and lines[-1] == "42" and "100,000 characters" in "".join(lines)
    assert not barriers(page)
    type_into(first, "import absent")
    assert run(first, wait_until) == "It ended with an error."
    assert run(cell, wait_until) == "It has not run, since a cell above did not."
    first.get_by_role("button", name="Reset cell").click()
    assert shown(first) == before

    editor = type_into(cell, "if True:")
    editor.press("Control+End")
    editor.press("Enter")
    editor.press("Tab")
    editor.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Run"
    assert editor.inner_text() == "if True:\n        "
    cell.get_by_role("button", name="Reset cell").click()
    assert editor.inner_text().split() == code.split()
    assert cell.locator(".cell_output").inner_text().endswith("5000 digits in all\n")


def answers_of(name):
    """The worked solutions of a chapter's exercises, under the names of the edition's cells."""
    master = nbformat.read(ROOT / "teaching" / "masters" / f"{name}.ipynb", as_version=4)
    solved = {
        live_id(cell): "\n".join(
            line for line in cell.source.splitlines() if " SOLUTION" not in line
        )
        for cell in master.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    return {
        cell.id: solved[live_id(cell)]
        for cell in notebook(f"exercises/{name}").cells
        if live_id(cell) in solved
    }


def live_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def checks(name):
    cells = live.code_cells(notebook(f"exercises/{name}"))
    return [cell.id for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]


@pytest.mark.parametrize("name", CHAPTERS)
def test_all_exercises_are_solved_in_the_page(opened, wait_until, name):
    page = opened(f"exercises/{name}", json.dumps(answers_of(name)))
    assert run(cell_of(page, checks(name)[-1]), wait_until) == "Done."
    verdicts = [cell_of(page, check).locator(".mmnist-verdict") for check in checks(name)]
    assert [verdict.inner_text().strip()[0] for verdict in verdicts] == ["✓"] * 4
    if name == "04-bouncing":
        mistakes_are_told(page, wait_until, name)
        work_is_kept_handed_in_and_cleared(page, wait_until, name)


def mistakes_are_told(page, wait_until, name):
    """The first mistake in each of three tasks earns its sentence."""
    cells = {live_id(cell): cell.id for cell in notebook(f"exercises/{name}").cells}
    first = {task: rest for task, *rest in reversed(read_mistakes(name))}
    for task, (_, sentence, code) in [*first.items()][:3]:
        answer, check = cell_of(page, cells[task]), cell_of(page, cells[f"{task}-check"])
        right = answer.locator(".cm-content").inner_text()
        type_into(answer, code.strip())
        run(answer, wait_until)
        run(check, wait_until)
        assert sentence in check.locator(".mmnist-verdict").inner_text()
        type_into(answer, right)


def work_is_kept_handed_in_and_cleared(page, wait_until, name):
    """It is there after a reload, and earns in the download what it earned in the page."""
    page.get_by_label("Your answer").fill("It may be one of few.")
    page.reload()
    assert page.get_by_label("Your answer").input_value() == "It may be one of few."
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download with your answers").click()
    handed_in = nbformat.read(waiting.value.path(), as_version=4)
    nbformat.validate(handed_in)
    assert waiting.value.suggested_filename == f"{name}.ipynb"
    answers = {live_id(cell): cell.source for cell in handed_in.cells if live_id(cell)}
    assert answers["colleague"] == "It may be one of few."
    earned = grades(source_version(name, stored_seed(SEED)), answers)
    assert set(earned.values()) == {""}
    for ours, theirs in zip(handed_in.cells, notebook(f"exercises/{name}").cells, strict=True):
        if not theirs.metadata.get("nbgrader", {}).get("solution"):
            assert ours == theirs

    page.get_by_role("button", name="Clear your answers").click()
    wait_until(page, "!Object.keys(localStorage).some((key) => key.startsWith('answers'))")
    assert page.get_by_label("Your answer").input_value() == ""


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("05-compositing", "270", "it is 14"),
        ("04-bouncing", "0.95 and 1", "1 and .95"),
        ("complete-data-set", "first", "second"),
    ],
)
def test_a_question_is_judged_without_python(opened, name, wrong, right):
    page = opened(name)
    form = page.locator("form:has(+ details data)").first
    field = form.locator("input, select")
    put = field.select_option if name == "complete-data-set" else field.fill
    for answer, sign, folded in ((wrong, "✗", False), (right, "✓", True)):
        put(answer)
        form.get_by_role("button", name="Check").click()
        assert form.get_by_role("status").inner_text().startswith(sign)
        assert page.locator("details:has(data)").first.evaluate("it => it.open") == folded
    assert not barriers(page)


def test_a_browser_that_keeps_nothing_says_so(opened):
    blocked = """Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("blocked", "SecurityError"); }})"""
    page = opened("exercises/01-loading", before=blocked)
    assert "your answers are gone when you leave" in page.locator(".live-note").inner_text()
    page.wrong = [line for line in page.wrong if "blocked" not in line]  # the theme's own, so far


def test_without_webassembly_the_page_is_as_it_was(opened):
    page = opened("01-loading", before="delete window.WebAssembly")
    assert "does not allow WebAssembly" in page.locator(".live-note").inner_text()
    assert page.locator(".live-run").count() == 0
    assert page.locator(".mmnist-player button").count() == 1


def test_a_file_that_does_not_arrive_is_told(opened, wait_until):
    page = opened("01-loading")
    page.route("**/python_stdlib.zip", lambda route: route.abort())
    cell = cell_of(page, "01-loading-03")
    before = shown(cell)
    assert run(cell, wait_until).startswith("Python could not be started here.")
    assert shown(cell) == before
    page.wrong.clear()  # it was to fail
