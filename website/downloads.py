"""Make what the site offers for download: ``python -m website.downloads [FOLDER]``.

The whole book as a PDF, with strips in place of players, and a zip of the notebooks and the
library for a class without a network. What is made twice from the same sources is the same.

The PDF is Sphinx's one long page, printed by Chromium. Nobody can click on paper, so answers are
open in it. Folded code stays out: it draws what an exercise expects, from packed data.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import yaml  # type: ignore[import-untyped]
from docutils import nodes
from jinja2 import Template
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.builders.singlehtml import SingleFileHTMLBuilder
from sphinx.environment.adapters.toctree import global_toctree_for_doc

from mmnist_lib import MovingMNIST, load_mnist
from notebooks.address import CONFIG, ROOT, own, site_of
from website.playground import png_of

NAME = "moving-mnist-course"
# The first is Chromium without windows, which Debian has: it opens a page in half the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
COPIED = (
    "LICENSE",
    "requirements.txt",
    "constraints.txt",
    "pyproject.toml",
    *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("book/images/*.svg")),
    # the notebooks link to these
    "book/api.md",
    "book/bibliography.md",
    "book/glossary.md",
    "book/other-frameworks.md",
)
NOTEBOOKS = [*ROOT.glob("book/*.ipynb"), *ROOT.glob("book/exercises/*.ipynb")]

TITLE_PAGE = Template("""
<style>
@media print {
  @page { @bottom-center { content: counter(page); font: 9pt sans-serif; } }
  @page :first { @bottom-center { content: none; } }
  .title-page { display: flex; flex-direction: column; height: 250mm; }
  .title-page .title { margin: 40mm 0 4mm; font-size: 30pt; font-weight: 600; line-height: 1.15; }
  .title-page img { width: 100%; margin: 14mm 0; image-rendering: pixelated; }
  .title-page .imprint { margin-top: auto; }
  .title-page p { margin: 0 0 2mm; }
  .contents { break-before: page; }
  .contents h1 { margin-bottom: 8mm; }
  .contents ul { padding: 0; list-style: none; }
  .contents ul ul { padding-left: 6mm; }
  .contents .caption { margin: 6mm 0 2mm; font-weight: 600; }
  .bd-content .contents a { display: block; color: inherit; text-decoration: none; }
  .contents a::after { float: right; content: attr(data-page); }
  section.a-page { break-before: page; }
}
</style>
<div class="title-page">
<p class="title">{{ title }}</p>
<p>{{ author }}</p>
<img alt="Every second frame of a sequence in which two handwritten digits move and bounce."
 src="data:image/png;base64,{{ strip }}">
<p>A player of the site is a strip here: its frames, from left to right and from top to
bottom. The site is at <a href="{{ site }}">{{ site }}</a>.</p>
<div class="imprint">{{ license }}</div>
</div>
""")
README = """\
# Moving MNIST, the course, for a class without a network

In `book` are the notebooks of the course and of its exercises, and in `mmnist_lib` the library.
Open a terminal in this folder. What to type depends on what the machine has:

- JupyterLab, NumPy, Matplotlib and Pillow, but no network:
  `pip install --no-index -f . mmnist-lib`. Chapters 1 to 5 and all exercises but those of
  chapter 6 run then. These and chapters 6 to 8 need Keras and JAX too.
- A network: `pip install -r requirements.txt` brings everything.
- Neither: on a machine of the same kind that has a network, type
  `pip download -r requirements.txt -d wheels` in this folder, and carry the folder over. There,
  `pip install --no-index -f wheels -r requirements.txt` brings everything.

Then start with `jupyter lab book`, and open `01-loading.ipynb`.
"""
ANSWERS = """
Answers to the exercises are on the site, <{site}>, and in the book as a PDF, which it offers.
"""


# the book as one page


class OnePage(SingleFileHTMLBuilder):
    """Sphinx's builder of one page, where anchors that two documents share are kept apart."""

    def assemble_doctree(self) -> nodes.document:
        """Put the documents one behind another, after a title page and the contents."""
        root = self.config.root_doc
        tree = super().assemble_doctree()
        keep_apart(tree, root)
        for page in list(tree.findall(addnodes.start_of_file)):
            page.parent.remove(page)
            tree.append(page)
        contents = global_toctree_for_doc(self.env, root, self, collapse=False, titles_only=True)
        assert contents
        self.fix_refuris(contents)
        heading = nodes.raw("", "<h1>Contents</h1>", format="html")
        title = nodes.raw("", title_page(), format="html")
        tree.insert(0, [title, nodes.container("", heading, contents, classes=["contents"])])
        return tree

    def fix_refuris(self, tree: nodes.Node) -> None:
        """Keep in each link the name of the document that it leads to; Sphinx drops it."""
        for link in tree.findall(nodes.reference):
            if found := re.fullmatch(r"#document-([^#]+)#?(.*)", link.get("refuri", "")):
                link["refuri"] = "#" + ":".join(filter(None, found.groups()))


def keep_apart(node: nodes.Element, docname: str) -> None:
    """Put a document's name before its anchors. The name alone leads to where it begins."""
    for child in node.children:
        if isinstance(child, nodes.Element):
            keep_apart(child, child.get("docname", docname))
    for key in ("ids", "backrefs"):
        node[key] = [f"{docname}:{name}" for name in node[key]]
    if "refid" in node:
        node["refid"] = f"{docname}:{node['refid']}"
    if isinstance(node, (nodes.document, addnodes.start_of_file)):
        first = next(iter(node.findall(nodes.section)))
        first["ids"].insert(0, docname)
        first["classes"].append("a-page")


def title_page() -> str:
    """Return the HTML of the title page, with frames that the library makes."""
    _, (images, labels) = load_mnist("sample")
    frames = MovingMNIST(images, labels, seed=5)[0][::2]
    strip = np.hstack([np.pad(frame, ((0, 0), (1, 1)), constant_values=255) for frame in frames])
    return TITLE_PAGE.render(
        title=CONFIG["title"],
        author=CONFIG["author"],
        license=CONFIG["html"]["extra_footer"],
        strip=base64.b64encode(png_of(strip)).decode(),
        site=site_of(own()),
    )


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx use the builder above: the config of the PDF names this file an extension."""
    app.add_builder(OnePage, override=True)
    return {"parallel_read_safe": True}


# the PDF

# What is done to the page. The article alone is kept: Chromium's outline would have the headings
# that are hidden too. Answers are opened, and packed data is cut short. A link to a file of the
# site leads there from wherever it is read.
PREPARE = r"""() => {
  for (let kept = document.querySelector("article"); kept !== document.body; kept = kept.parentNode)
    for (const other of [...kept.parentNode.children]) if (other !== kept) other.remove();
  for (const answer of document.querySelectorAll("details:not(.hide)")) answer.open = true;
  for (const folded of document.querySelectorAll("details.hide")) folded.remove();
  for (const text of document.querySelectorAll(".highlight :is(.s1, .s2)"))
    if (/^\S{100}/.test(text.textContent)) text.textContent = text.textContent.slice(0, 40) + '…"';
  for (const part of document.querySelectorAll(".contents .caption")) part.removeAttribute("role");
  for (const link of document.querySelectorAll(".a-page a[href]")) {
    const [href, page] = [link.getAttribute("href"), link.closest(".a-page").id];
    if (!href.startsWith("#")) link.href = new URL(href, new URL(page, location));
  }
}"""
NUMBER = """(pages) => {
  for (const link of document.querySelectorAll(".contents a"))
    link.dataset.page = pages[link.hash.slice(1)];
}"""


def build(folder: Path) -> Path:
    """Build the book as one page, and return the folder that it stands in."""
    sphinx = CONFIG["sphinx"]
    extensions = dict.fromkeys([*sphinx["local_extensions"], "website.downloads"], str(ROOT))
    settings = sphinx["config"] | {"html_permalinks": False}
    more = {"local_extensions": extensions, "config": settings}
    config = folder / "config.yml"
    config.write_text(yaml.safe_dump(CONFIG | {"sphinx": sphinx | more}), encoding="utf-8")
    options = ["--all", "-q", "--builder", "singlehtml", "--config", str(config)]
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    command: list[str | Path] = [jupyter_book, "build", ROOT, *options, "--path-output", folder]
    # Without PUBLISH, since the PDF does not offer itself.
    environment = os.environ | {"PUBLISH": ""}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    site = folder / "_build" / "singlehtml"
    # Sphinx writes it into book/, but its links begin one folder higher.
    (site / "book" / "index.html").replace(site / "index.html")
    return site


def chromium() -> str | None:
    """Return where Chromium stands on this machine, if it does."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def print_book(site: Path, path: Path, executable: str) -> None:
    """Print the page, and again when it is known which page of paper each document begins on."""
    from playwright.sync_api import Route, sync_playwright

    def answer(route: Route) -> None:
        """Answer in the name of the site, and refuse what is asked of another host."""
        file = site / urlsplit(route.request.url).path.removeprefix(urlsplit(address).path)
        if route.request.url.startswith(address) and file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    address = site_of(own())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_context(reduced_motion="reduce", color_scheme="light").new_page()
        page.route(re.compile("^(?!data:)"), answer)
        page.set_default_timeout(600_000)  # a busy machine takes long for the whole book
        page.goto(f"{address}index.html")
        page.emulate_media(media="print")
        page.evaluate(PREPARE)
        for _ in range(2):
            page.pdf(path=path, format="A4", print_background=True, outline=True, tagged=True)
            page.evaluate(NUMBER, page_numbers(path))
        browser.close()


def page_numbers(path: Path) -> dict[str, int]:
    """Return where each anchor that a link leads to stands."""
    from pypdf import PdfReader

    pdf = PdfReader(path)
    places = pdf.named_destinations.items()
    return {name.lstrip("/"): (pdf.get_destination_page_number(to) or 0) + 1 for name, to in places}


def finish(path: Path) -> None:
    """Tell the PDF what it is, and leave out when it was made."""
    from pypdf import PdfWriter

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # it warns of what it mends
    pdf = PdfWriter(clone_from=path)
    pdf.metadata = {"/Title": CONFIG["title"], "/Author": CONFIG["author"], "/Producer": "Chromium"}
    pdf.write(path)


def make_pdf(path: Path) -> None:
    """Make the PDF, or say why there is none."""
    path.unlink(missing_ok=True)  # or an old one would be taken for a new one
    executable = chromium()
    if not executable or not find_spec("playwright") or not find_spec("pypdf"):
        print("No PDF is made: apt install chromium, then pip install -r requirements-site.txt")
        return
    with beside(path) as folder:
        print_book(build(folder), folder / path.name, executable)
        finish(folder / path.name)
        (folder / path.name).replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


# the zip


def make_zip(path: Path) -> None:
    """Make the zip: its files in order, and none with a time of its own."""
    answers = "" if os.environ.get("EDITION") == "class" else ANSWERS
    files = {
        "README.md": (README + answers.format(site=site_of(own()))).encode(),
        **{name: (ROOT / name).read_bytes() for name in COPIED},
        **{path.relative_to(ROOT).as_posix(): path.read_bytes() for path in NOTEBOOKS},
    }
    with beside(path) as folder:
        wheel = make_wheel(folder)
        files[wheel.name] = wheel.read_bytes()
        with zipfile.ZipFile(wheel) as package:
            library = [name for name in package.namelist() if name.startswith("mmnist_lib/")]
            files |= {name: package.read(name) for name in library}
        with zipfile.ZipFile(folder / path.name, "w") as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(f"{NAME}/{name}")  # its time is the first of 1980
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
        (folder / path.name).replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


def make_wheel(folder: Path) -> Path:
    """Build the library's wheel from a copy, since setuptools leaves things where it builds."""
    source = folder / "source"
    unwanted = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "mmnist_lib", source / "mmnist_lib", ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    # With the tools that are installed, so that no network is used.
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--check-build-dependencies"]
    pip: list[str | Path] = [sys.executable, "-m", "pip", "wheel", source, "--wheel-dir", folder]
    environment = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}  # the first of 1980
    subprocess.run([*pip, *options], env=environment, check=True)
    return next(folder.glob("*.whl"))


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Make a folder to work in, so near that renaming a file puts it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".") as folder:
        yield Path(folder)


def main(folder: Path) -> None:
    """Make both."""
    make_zip(folder / f"{NAME}.zip")
    make_pdf(folder / f"{NAME}.pdf")


if __name__ == "__main__":
    main(Path(*sys.argv[1:2]) if sys.argv[1:] else ROOT / "_build" / "downloads")
