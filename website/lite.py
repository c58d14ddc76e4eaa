"""Make the chapters that run in a browser: ``python -m website.lite [FOLDER]``.

JupyterLite shows a notebook and runs it on Pyodide, a Python for browsers. The folder, by default
``_build/html/lite``, is all that a web server needs: the apps, the notebooks, and our library as
a wheel. Pyodide itself, NumPy, Matplotlib and Pillow come from Pyodide's own host, and nothing
comes from another one. Chapters 6 to 8 are left out: Keras has no backend there.

No network is used. A wheel is packed from files that are installed, since building one may
download its tools.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat

from notebooks.address import CONFIG, ROOT
from notebooks.text import first_code, relink
from website.downloads import beside

FOLDER = ROOT / "_build" / "html" / "lite"
BOOK = ROOT / "book"
NOTEBOOKS = [*sorted(BOOK.glob("0[1-5]-*.ipynb")), *sorted(BOOK.glob("exercises/0[1-5]-*.ipynb"))]
KERNEL = "@jupyterlite/pyodide-kernel-extension"
# The kernel, and what shows a slider. Others that are installed ask for a server.
EXTENSIONS = (KERNEL, "@jupyter-widgets/jupyterlab-manager")
# What the library, the slider and the kernel need and Pyodide does not bring.
PACKED = ("comm", "ipywidgets", "jupyterlab_widgets")
INSTALL = "%pip install --quiet mmnist-lib ipywidgets"
LIMIT = 300  # seconds for JupyterLite's build, which takes about 10


def build(target: Path) -> None:
    """Build the folder under another name, and put it in the place of an older one when whole."""
    for module in ("jupyterlite_core", "jupyterlite_pyodide_kernel"):
        if not find_spec(module):
            raise SystemExit(f"{module} is missing: pip install -r requirements-site.txt")
    with beside(target) as folder:
        source, output = folder / "source", folder / "output"
        notebooks(source / "contents")
        wheels(source / "pypi")
        settings(source)
        run_jupyterlite(source, output)
        slim(output)
        shutil.rmtree(target, ignore_errors=True)
        output.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")


def notebooks(folder: Path) -> None:
    """Copy the chapters and their exercises, and let their first cells find the wheel."""
    for path in NOTEBOOKS:
        copy = folder / path.relative_to(BOOK)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(adapted(path), indent=1, ensure_ascii=False), encoding="utf-8")


def adapted(path: Path) -> Any:
    """Return a notebook that installs the library by name, for JupyterLite's kernel."""

    def kept(target: str) -> str | None:
        """Keep a link that leads to a notebook or away; the site's other pages are not at hand."""
        there = target.startswith("http") or (path.parent / target).resolve() in NOTEBOOKS
        return target if there else None

    notebook: Any = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relink(cell.source, kept)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:  # until it is run, a player is a film strip: scripts are barred
                data.pop("text/html", None)
    first = first_code(notebook)
    first.source, n = re.subn(r"%pip install .*mmnist-lib @ .*", INSTALL, first.source)
    if n != 1:
        raise SystemExit(f"{path.name}: its first cell does not install mmnist-lib")
    first.source = first.source.replace("# On Colab", "# In a browser")
    notebook.metadata.kernelspec = {"display_name": "Python (Pyodide)", "name": "python"}
    return notebook


def wheels(folder: Path) -> None:
    """Pack our library and what Pyodide does not bring."""
    installed = importlib.metadata.version("mmnist-lib")
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if installed != stated:
        raise SystemExit(f"mmnist-lib {installed} is installed, not {stated}: pip install -e .")
    # The weights are three quarters of the bytes, and only chapters 6 to 8 read them.
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in sorted((ROOT / "mmnist_lib").rglob("*"))
        if path.is_file() and path.parent.name not in ("__pycache__", "weights")
    }
    files[f"mmnist_lib-{stated}.dist-info/licenses/LICENSE"] = (ROOT / "LICENSE").read_bytes()
    pack(folder, "mmnist-lib", files)
    for name in PACKED:
        pack(folder, name)


def pack(folder: Path, name: str, files: dict[str, bytes] | None = None) -> Path:
    """Return a new wheel of an installed package of pure Python, made of its files or of others.

    Its version and what it needs are read from the metadata of the installed package.
    """
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise SystemExit(f"{name} is missing: pip install -r requirements-site.txt") from None
    stem = f"{name.replace('-', '_')}-{package.version}"
    if files is None:
        files = {}
        for one in package.files or ():
            # What stands elsewhere, such as share/, and what describes this machine is left out.
            if not {"..", "__pycache__"} & set(one.parts) and ".dist-info" not in one.parts[0]:
                files[one.as_posix()] = one.read_binary()
            elif one.name.startswith(("LICENSE", "COPYING")):
                files[f"{stem}.dist-info/licenses/{one.name}"] = one.read_binary()
    # An editable install keeps its metadata under the second name, and is found first here.
    metadata = package.read_text("METADATA") or package.read_text("PKG-INFO") or ""
    info = {
        "METADATA": metadata.encode(),
        "WHEEL": b"Wheel-Version: 1.0\nGenerator: website.lite\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-any\n",
    }
    files = files | {f"{stem}.dist-info/{key}": text for key, text in info.items()}
    record = "".join(f"{path},{digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{stem}.dist-info/RECORD"] = f"{record}{stem}.dist-info/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return wheel


def digest(data: bytes) -> str:
    """Return a hash as a wheel's RECORD wants it."""
    code = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"sha256={code.rstrip('=')}"


def settings(folder: Path) -> None:
    """Write what JupyterLite reads when it builds, and what its pages read."""
    extensions = [Path(sys.prefix) / "share/jupyter/labextensions" / name for name in EXTENSIONS]
    for path in extensions:
        if not path.is_dir():
            raise SystemExit(f"{path} is missing: pip install -r requirements-site.txt")
    building = {
        "apps": ["notebooks", "tree"],
        "contents": ["contents"],
        "federated_extensions": list(map(str, extensions)),
        "ignore_sys_prefix": True,
        "no_libarchive": True,
        "no_sourcemaps": True,
        "no_unused_shared_packages": True,
    }
    pages = {
        "appName": CONFIG["title"],
        "appUrl": "./tree",
        "faviconUrl": "./tree/favicon.ico",
        # It shows a busy kernel with pictures that a server would have.
        "disabledExtensions": ["@jupyter-notebook/notebook-extension:tab-icon"],
        # All that is needed has a place: a name that is missing fails, and asks no other host.
        "litePluginSettings": {f"{KERNEL}:kernel": {"disablePyPIFallback": True}},
    }
    for name, content in (
        ("jupyter_lite_config.json", {"LiteBuildConfig": building}),
        ("jupyter-lite.json", {"jupyter-lite-schema-version": 0, "jupyter-config-data": pages}),
    ):
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def run_jupyterlite(source: Path, output: Path) -> None:
    """Run JupyterLite's own build, within a time, and show what it says where it fails."""
    command = [sys.executable, "-m", "jupyterlite_core", "build", f"--output-dir={output}"]
    try:
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"JupyterLite's build was stopped after {LIMIT} seconds") from None
    if done.returncode or not (output / "notebooks" / "index.html").exists():
        raise SystemExit(f"JupyterLite's build failed:\n{(done.stdout + done.stderr)[-4000:]}")


def slim(folder: Path) -> None:
    """Remove fonts in formats that no browser which runs Pyodide asks for."""
    for path in (folder / "build").glob("fa-*"):
        if path.suffix in (".eot", ".svg", ".ttf"):
            path.unlink()


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve() if sys.argv[1:] else FOLDER)
