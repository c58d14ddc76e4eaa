"""The chapters that run in a browser: complete as files, opened in one, and run in one.

Pyodide's own host is not asked. Its core is an npm package, and what is pure Python in its kernel
is packed here. NumPy, Matplotlib and Pillow are compiled for it nowhere else: wheels without
files stand for them, so that the library is installed but cannot be imported.
"""

import contextlib
import functools
import hashlib
import http.server
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
import zipfile
from pathlib import Path

import pytest
from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL, PYODIDE_VERSION
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.limits import HANG
from website import lite

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "_build" / "html" / "lite"
NODE = Path(__file__).parent / "node_modules"
NAMES = [f"{folder}0{n}-" for n in range(1, 6) for folder in ("", "exercises/")]
EMPTY = {"numpy", "matplotlib", "pillow", "jedi"}  # Jedi is large, and completes only
# What chapters 1 and 2 do with files, sockets and a missing Keras, and a slider.
TRIED = [
    "print(1 + 1)",
    'from importlib.metadata import version\nprint(version("mmnist-lib"))',
    "import socket\nsocket.setdefaulttimeout(20)\n"
    "try:\n    import keras\nexcept ModuleNotFoundError as error:\n    print(error)",
    'from pathlib import Path\npart, clip = Path(".clip.gif.partial"), Path("clip.gif")\n'
    "print(part.write_bytes(bytes(range(256))))\npart.replace(clip)\n"
    "part.unlink(missing_ok=True)\nassert clip.read_bytes() == bytes(range(256))",
    "import ipywidgets\nipywidgets.IntSlider(7)",
    "try:\n    import mmnist_lib\nexcept ModuleNotFoundError as error:\n    print(error)",
]
SHOWN = ["2", importlib.metadata.version("mmnist-lib"), "No module named 'keras'"]
SHOWN += ["256", "7", "No module named 'numpy'"]


@contextlib.contextmanager
def served(folder):
    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    if BUILT.exists():
        return BUILT
    folder = tmp_path_factory.mktemp("site") / "lite"
    lite.build(folder)
    return folder


@pytest.fixture(scope="module")
def index(folder):
    return json.loads((folder / "pypi" / "all.json").read_text())


@pytest.fixture
def visit(browser):
    """Open a page, refuse what it asks of another host, and note that and what is missing."""
    contexts = []

    def open_page(address, path):
        context = browser.new_context(viewport={"width": 1000, "height": 1600})
        contexts.append(context)
        refused, missing = [], []
        context.route(
            lambda url: not url.startswith((address, "data:", "blob:")),
            lambda route: (refused.append(route.request.url), route.abort()),
        )
        context.on("response", lambda it: it.status >= 400 and missing.append(it.url))
        page = context.new_page()
        page.goto(f"{address}/{path}")
        return page, refused, missing

    yield open_page
    for context in contexts:
        context.close()


# the files


def test_it_holds_the_notebooks_of_five_chapters(folder):
    listed = []
    for place in ("", "exercises/"):
        entries = json.loads((folder / f"api/contents/{place}all.json").read_text())["content"]
        listed += [entry["path"] for entry in entries if entry["type"] == "notebook"]
    held = [path.relative_to(folder / "files") for path in (folder / "files").rglob("*.ipynb")]
    assert sorted(listed) == sorted(path.as_posix() for path in held)
    assert len(listed) == 10 and all(any(map(path.startswith, NAMES)) for path in listed)


@pytest.mark.parametrize(
    "source", lite.NOTEBOOKS, ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_only_a_notebooks_first_cell_is_another(folder, source):
    ours, theirs = (
        [
            "".join(cell["source"])
            for cell in json.loads(text)["cells"]
            if cell["cell_type"] == "code"
        ]
        for text in (
            source.read_text("utf-8"),
            (folder / "files" / source.relative_to(lite.BOOK)).read_text("utf-8"),
        )
    )
    assert theirs[1:] == ours[1:]
    assert re.findall(r"^ *%pip.*$", theirs[0], re.M) == [f"    {lite.INSTALL}"]
    assert "git+" not in "".join(theirs)


def test_a_link_leads_to_a_notebook_or_away(folder):
    for path in (folder / "files").rglob("*.ipynb"):
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text("utf-8")):
            assert target.startswith("http") or (path.parent / target).exists(), target


def test_the_wheels_are_indexed(folder, index):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert list(index["mmnist-lib"]["releases"]) == [version]
    assert set(index) == {"mmnist-lib", "comm", "ipywidgets", "jupyterlab-widgets"}
    for package in index.values():
        for [release] in package["releases"].values():
            wheel = folder / "pypi" / release["url"]
            data = wheel.read_bytes()
            assert hashlib.sha256(data).hexdigest() == release["digests"]["sha256"]
            held = zipfile.ZipFile(wheel).namelist()
            assert any(".dist-info/licenses/LICENSE" in name for name in held)


def test_our_wheel_is_one_to_pip_and_holds_what_the_chapters_read(folder, tmp_path):
    [wheel] = (folder / "pypi").glob("mmnist_lib-*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    modules = (ROOT / "mmnist_lib").rglob("*.py")
    files = {path.relative_to(ROOT).as_posix() for path in modules} | {"mmnist_lib/py.typed"}
    assert {*files, "mmnist_lib/data/mnist_sample.npz", "mmnist_lib/player/player.html"} <= set(
        held
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", tmp_path, wheel], check=True, timeout=HANG)
    assert {path for path in files if not (tmp_path / path).exists()} == set()


def test_pages_ask_no_other_index_and_can_show_a_slider(folder):
    settings = json.loads((folder / "jupyter-lite.json").read_text())["jupyter-config-data"]
    kernel = settings["litePluginSettings"][f"{lite.KERNEL}:kernel"]
    assert kernel["disablePyPIFallback"] and "pyodideUrl" not in kernel
    names = {extension["name"] for extension in settings["federated_extensions"]}
    assert names == set(lite.EXTENSIONS)


def test_it_is_small(folder):
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < 22e6
    assert not [path for path in sizes if path.suffix == ".map"]


def test_a_build_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "lite").mkdir()
    (tmp_path / "lite" / "old").touch()
    monkeypatch.setattr(lite, "LIMIT", 0.01)
    with pytest.raises(SystemExit, match=r"stopped after 0\.01 seconds"):
        lite.build(tmp_path / "lite")
    assert [path.name for path in tmp_path.rglob("*")] == ["lite", "old"]


# in a browser


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("index.html", "02-visualization.ipynb"),
        ("notebooks/index.html?path=exercises/04-bouncing.ipynb", "Exercises 4: Bouncing"),
    ],
)
def test_a_page_opens(folder, visit, path, heading):
    with served(folder) as address:
        page, refused, missing = visit(address, path)
        page.get_by_text(heading).filter(visible=True).first.wait_for()
        if "path" in path:  # the kernel begins to start
            page.wait_for_function("() => navigator.serviceWorker.controller")
            page.get_by_text("Python (Pyodide)").first.wait_for()
    assert not missing
    assert all(url.startswith(PYODIDE_CDN_URL) for url in refused)


@pytest.fixture(scope="module")
def core():
    lock = NODE / "pyodide" / "pyodide-lock.json"
    ready = lock.exists() and list(NODE.glob("micropip-*.whl"))
    if not ready and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs Node: apt install nodejs npm, then make test")
    assert ready, "apt install nodejs npm, then make test"
    return NODE / "pyodide"


def test_the_core_is_the_one_that_the_kernel_asks_for(core):
    assert json.loads((core / "package.json").read_text())["version"] == PYODIDE_VERSION
    lock = json.loads((core / "pyodide-lock.json").read_text())
    version = lock["packages"]["micropip"]["version"]
    assert f"micropip=={version}\n" in (NODE.parent / "pyodide.txt").read_text()


def test_what_npm_installs_is_told_without_a_host():
    lock = json.loads((NODE.parent / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def needed(*names):
    """Name what packages need on Pyodide, and themselves."""
    todo, found = list(names), set()
    while todo:
        name = canonicalize_name(todo.pop())
        if name not in found | EMPTY:
            found.add(name)
            needs = map(Requirement, importlib.metadata.requires(name) or ())
            there = {"sys_platform": "emscripten", "extra": ""}
            todo += [it.name for it in needs if not it.marker or it.marker.evaluate(there)]
    return sorted(found)


def with_a_local_core(folder, core, target):
    """Copy the built folder, and let its kernel start from files beside it."""
    shutil.copytree(folder, target)
    beside = target / "pyodide"
    beside.mkdir()
    for name in ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"):
        shutil.copy(core / name, beside)
    [micropip] = NODE.glob("micropip-*.whl")
    wheels = [Path(shutil.copy(micropip, beside))]
    wheels += [lite.pack(beside, name) for name in needed("ipython", "packaging")]
    wheels += [lite.pack(beside, name, {}) for name in sorted(EMPTY)]
    packages = {}
    for wheel in wheels:
        name, version = wheel.name.lower().replace("_", "-").split("-py3-")[0].rsplit("-", 1)
        packages[name] = {
            "name": name,
            "version": version,
            "file_name": wheel.name,
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
            "install_dir": "site",
            "package_type": "package",
            "imports": [name],
            "depends": [],
            "unvendored_tests": False,
        }
    packages["micropip"]["depends"] = ["packaging"]
    packages["ipython"]["depends"] = sorted({*packages} - {"ipython", "micropip", *EMPTY})
    lock = json.loads((core / "pyodide-lock.json").read_text()) | {"packages": packages}
    (beside / "pyodide-lock.json").write_text(json.dumps(lock))
    settings = json.loads((target / "jupyter-lite.json").read_text())
    pages = settings["jupyter-config-data"]
    pages["litePluginSettings"][f"{lite.KERNEL}:kernel"]["pyodideUrl"] = "./pyodide/pyodide.mjs"
    pages["exposeAppInBrowser"] = True  # to ask whether a kernel is there
    (target / "jupyter-lite.json").write_text(json.dumps(settings))


def test_a_kernel_starts_and_finds_the_library(folder, core, visit, tmp_path):
    with_a_local_core(folder, core, tmp_path / "lite")
    path = tmp_path / "lite" / "files" / "01-loading.ipynb"
    notebook = json.loads(path.read_text("utf-8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cells = [first | {"id": f"cell-{n}", "source": source} for n, source in enumerate(TRIED)]
    notebook["cells"] = [first, *cells]
    path.write_text(json.dumps(notebook), encoding="utf-8")

    with served(tmp_path / "lite") as address:
        page, refused, missing = visit(address, "notebooks/index.html?path=01-loading.ipynb")
        # Before that, a dialog would ask which kernel to start.
        kernel = "jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"
        page.wait_for_function(f"window.{kernel}")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        outputs = page.locator(".jp-OutputArea-output")
        failed = page.locator(".jp-RenderedText[data-mime-type$=error], [data-mime-type$=stderr]")
        last = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
        last.or_(failed).first.wait_for()
        if not failed.count():
            page.locator(".jp-OutputArea .widget-slider").wait_for()
        assert [text.strip() for text in outputs.all_inner_texts()] == SHOWN
    assert not missing and not refused
