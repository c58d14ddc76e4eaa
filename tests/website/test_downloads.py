"""What the site offers for download: the book as a PDF, and a zip for a class without a network."""

import functools
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from pypdf import PdfReader

from notebooks.address import own, site_of
from website import downloads

ROOT = Path(__file__).parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
NOTEBOOKS = [*sorted(ROOT.glob("book/*.ipynb")), *sorted(ROOT.glob("book/exercises/*.ipynb"))]


def in_order(entry):
    """The names of the book's documents, as _toc.yml orders them."""
    for key in ("root", "file"):
        if key in entry:
            yield entry[key]
    for key in ("parts", "chapters", "sections"):
        for child in entry.get(key, []):
            yield from in_order(child)


PAGES = list(in_order(TOC))


def title(name):
    """The first heading of a document, as Sphinx sets it."""
    path = ROOT / f"{name}.md"
    if path.exists():
        text = path.read_text("utf-8")
    else:
        cells = json.loads(path.with_suffix(".ipynb").read_text("utf-8"))["cells"]
        text = "".join(cells[0]["source"])
    return re.search("^# (.*)$", text, re.M)[1].replace("`", "").replace("'", "’")


# the zip


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("zip") / "course.zip"
    downloads.make_zip(path)
    assert [path.name] == [other.name for other in path.parent.iterdir()], "nothing else is left"
    return path


@pytest.fixture(scope="module")
def unpacked(archive, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    [course] = folder.iterdir()
    return course


def test_the_zip_holds_every_notebook_as_it_is(unpacked):
    found = {path.relative_to(unpacked): path.read_bytes() for path in unpacked.rglob("*.ipynb")}
    assert found == {path.relative_to(ROOT): path.read_bytes() for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        text = path.read_text("utf-8")
        for page in re.findall(r"\]\((?!http)([^)#]+\.(?:md|ipynb))(?:#[^)]*)?\)", text):
            assert (unpacked / path.relative_to(ROOT).parent / page).exists(), page
        for picture in re.findall(r"!\[[^\]]*\]\((?!http)([^)]+)\)", path.read_text("utf-8")):
            assert (unpacked / path.relative_to(ROOT).parent / picture).exists()


def test_the_zip_holds_no_solution_and_no_leftovers(unpacked):
    files = [path for path in unpacked.rglob("*") if path.is_file()]
    assert {path.name for path in unpacked.iterdir() if path.suffix != ".whl"} == {
        "LICENSE",
        "README.md",
        "book",
        "constraints.txt",
        "mmnist_lib",
        "pyproject.toml",
        "requirements.txt",
    }
    assert not [path for path in files if path.suffix in (".pyc", ".pdf", ".partial")]
    for path in files:
        assert b"BEGIN SOLUTION" not in path.read_bytes(), path
        assert b"BEGIN HIDDEN" not in path.read_bytes(), path


def test_only_the_zip_for_self_study_promises_answers(unpacked, tmp_path, monkeypatch):
    monkeypatch.setenv("EDITION", "class")
    monkeypatch.setattr(downloads, "make_wheel", lambda folder: next(unpacked.glob("*.whl")))
    downloads.make_zip(tmp_path / "class.zip")
    with zipfile.ZipFile(tmp_path / "class.zip") as opened:
        text = opened.read(f"{downloads.NAME}/README.md").decode()
    assert "Answers" in (unpacked / "README.md").read_text("utf-8") and "Answers" not in text


def test_the_zip_holds_the_library_as_it_is(unpacked):
    here = [path for path in (ROOT / "mmnist_lib").rglob("*") if path.is_file()]
    here = [path for path in here if "__pycache__" not in path.parts]
    there = {path.relative_to(unpacked) for path in (unpacked / "mmnist_lib").rglob("*.*")}
    assert there == {path.relative_to(ROOT) for path in here}
    for path in here:
        assert (unpacked / path.relative_to(ROOT)).read_bytes() == path.read_bytes()


def test_the_same_files_give_the_same_zip(archive, tmp_path):
    downloads.make_zip(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_the_wheel_installs_without_a_network(unpacked, tmp_path):
    """As README says it, but for the packages that it needs: they are here already."""
    assert "pip install --no-index -f . mmnist-lib" in (unpacked / "README.md").read_text("utf-8")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "-f", ".", "mmnist-lib"]
    command += ["--no-deps", "--quiet", "--target", tmp_path]
    subprocess.run(command, cwd=unpacked, check=True)
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import importlib.metadata, mmnist_lib
mmnist_lib.load_mnist("sample")
print(mmnist_lib.__file__)
print(importlib.metadata.version("mmnist-lib"))
"""
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    file, version = done.stdout.split()
    assert Path(file) == tmp_path / "mmnist_lib" / "__init__.py"
    assert version == project["version"]


# the PDF


@pytest.fixture(scope="module")
def pdf(tmp_path_factory):
    """The PDF that was made for the site, if nothing has changed since, or a new one."""
    made = ROOT / "_build" / "downloads" / f"{downloads.NAME}.pdf"
    patterns = (
        "_*.yml",
        "book/**/*.*",
        "teaching/masters/*.ipynb",
        "mmnist_lib/**/*.*",
        "notebooks/*.*",
        "website/**/*.*",
    )
    sources = {path for pattern in patterns for path in ROOT.glob(pattern)}
    sources.discard(ROOT / "book" / "clip.gif")  # a test of chapter 2 leaves it, newer than the PDF
    changed = max(path.stat().st_mtime for path in sources if "__pycache__" not in path.parts)
    if made.exists() and made.stat().st_mtime > changed:
        return PdfReader(made)
    if not downloads.chromium() and not os.environ.get("MMNIST_REQUIRE_BROWSER"):
        pytest.skip("needs a browser: apt install chromium")
    path = tmp_path_factory.mktemp("pdf") / "course.pdf"
    downloads.make_pdf(path)
    assert [path.name] == [other.name for other in path.parent.iterdir()], "nothing else is left"
    return PdfReader(path)


@pytest.fixture(scope="module")
def text(pdf):
    """The text of a page. To extract it from all of them takes long."""
    return functools.cache(lambda number: pdf.pages[number].extract_text())


@pytest.fixture(scope="module")
def starts(pdf):
    """The title of each document, and the page on which it begins."""
    top = [entry for entry in pdf.outline if not isinstance(entry, list)]
    return {entry.title: pdf.get_destination_page_number(entry) for entry in top}


def test_the_outline_has_every_title_in_order(starts):
    assert list(starts) == ["Contents", *map(title, PAGES)]


def test_every_document_begins_on_a_page_of_its_own(starts, text):
    assert list(starts.values()) == sorted(set(starts.values()))
    for name in map(title, PAGES):
        assert name in " ".join(text(starts[name]).split())


def test_the_contents_tell_the_pages(starts, text):
    numbers = [int(line) for line in text(1).splitlines() if line.isdigit()]
    assert numbers == [2, *(starts[title(name)] + 1 for name in PAGES[1:])]


def test_a_link_within_the_book_leads_into_the_right_document(pdf, starts):
    assert len(pdf.named_destinations) > 50
    for name, place in pdf.named_destinations.items():
        anchor = name.removeprefix("/")
        document = max((page for page in PAGES if f"{anchor}:".startswith(f"{page}:")), key=len)
        page = pdf.get_destination_page_number(place)
        begun = [text for text, start in starts.items() if start <= page]
        assert begun[-1] == title(document), name


def test_every_link_leads_somewhere(pdf):
    addresses, inside = set(), set()
    for page in pdf.pages:
        for annotation in page.annotations or []:
            link = annotation.get_object()
            action = link.get("/A", {})
            place = link.get("/Dest", action.get("/D"))
            if place is None:
                addresses.add(action["/URI"])
            else:
                inside.add(place)
    assert inside and inside <= set(pdf.named_destinations)
    strange = [link for link in addresses if not re.match(r"https://|mailto:", link)]
    assert not strange and site_of(own()) in addresses


def test_every_page_is_text(pdf):
    assert not [
        page.page_number for page in pdf.pages if b"Tj" not in page.get_contents().get_data()
    ]


def test_nothing_asks_to_be_pressed_and_answers_are_open(starts, text):
    """On the pages of the first chapter and of its exercises."""
    pages = range(starts[title("book/01-loading")], starts[title("book/02-visualization")])
    words = " ".join(" ".join(map(text, pages)).split())
    for label in ("Click to", "Show code", "Hide code", "Copy to clipboard"):
        assert label not in words
    assert "Nothing yet. It may have learned these by heart, as our program did" in words


def test_the_playground_is_a_sentence_on_paper(starts, text):
    page = " ".join(text(starts["Playground"]).split())
    assert "clip of moving digits here. What to try" in page and "Throw again" not in page


def test_every_picture_is_there(pdf):
    shown = 0
    for page in pdf.pages:
        for thing in page["/Resources"].get("/XObject", {}).values():
            shown += thing.get_object()["/Subtype"] == "/Image"
    stored = 0
    for path in NOTEBOOKS:
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                stored += "image/png" in data or "<img " in "".join(data.get("text/html", ""))
    assert shown > stored > 50


def test_the_pdf_says_what_it_is(pdf):
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert pdf.metadata.title == config["title"]
    assert pdf.metadata.author == config["author"]
    assert pdf.metadata.creation_date is None, "or it would differ whenever it is made"
    assert pdf.root_object["/Lang"] == "en"
    assert pdf.root_object["/MarkInfo"]["/Marked"], "tagged, for those who hear it"


def test_without_chromium_there_is_a_line_and_no_pdf(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "NAMES", ("no-such-browser",))
    (tmp_path / "course.pdf").write_bytes(b"an old one")
    downloads.make_pdf(tmp_path / "course.pdf")
    assert "apt install chromium" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_what_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(folder):
        raise OSError("no space left")

    monkeypatch.setattr(downloads, "make_wheel", fail)
    with pytest.raises(OSError, match="no space"):
        downloads.make_zip(tmp_path / "course.zip")
    assert not list(tmp_path.iterdir())
