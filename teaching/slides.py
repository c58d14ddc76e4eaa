"""Make slides of the chapters: ``make slides``.

A deck for each notebook, from what is stored in it: nothing is executed. nbconvert and reveal.js
show it; this file says what stands on which slide. A heading begins a slide, and a cell of code
has one of its own where both do not fit. A slide keeps the first sentences of a long paragraph,
because the speaker's notes have all of it. Answers wait until they are asked for.

A deck loads nothing from another host. What it needs lies beside it, formulas are MathML, which
browsers draw themselves, and in place of a slider stands a player of its pictures.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import pass_context
from nbconvert import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_notebook, new_output
from PIL import Image

from notebooks.address import CONFIG, ROOT
from notebooks.text import for_readers, for_tests_alone, mathml, player, relink

COURSE = (ROOT / "_toc.yml").read_text("utf-8").split("caption: Going further")[0]
PAGES = re.findall(r"file: (book/[\w-]+)$", COURSE, re.M)  # recipes are looked up, not told
NOTEBOOKS = [path for page in PAGES if (path := ROOT / f"{page}.ipynb").exists()]
KEYS = """
→ and ← turn the slides, as does a presenter's remote control. Esc shows all of them, S opens the
speaker's notes, F fills the screen.

In a player that was clicked, → and ← step its frames. A click beside it gives them back.
"""
# In pixels. A slide has 960 by 700, of which the margins and the arrows need some.
WIDTH, HEIGHT = 920, 650
LOW, SMALLEST, LARGEST = 250, 0.8, 1.5  # how far a picture is scaled to fit; a low one never down
NARROW, BESIDE = 420, 560  # a picture that is narrow, and no wider when scaled, has text beside it
# A block of Markdown: one with a fence, or the lines up to the next empty one.
BLOCK = r"^```.*?^```$|^:::.*?^:::$|^<details>.*?^</details>$|^\$\$.*?\$\$$|(?:^[^\n]+\n?)+"
CODE = {"code", "shown"}


@dataclass
class Piece:
    """A block of text, or a cell of code with what it shows."""

    cell: Any
    height: float
    kind: str = "text"  # or box, answer, code, shown: code with outputs; heading, running: titles
    prose: str = ""
    picture: tuple[float, float] = (0, 0)


class Deck(SlidesExporter):
    """nbconvert's slides, with formulas as MathML where a script would have to draw them."""

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """Turn Markdown into HTML, and the formulas in it into MathML."""
        page = super().markdown2html(context, source)
        return re.sub(r"<pre.*?</pre>|<code.*?</code>|(\$\$?)(.+?)\1", formula, page, flags=re.S)


def formula(found: re.Match[str]) -> str:
    """Turn one formula into MathML, and leave code as it is."""
    display = "block" if found[1] == "$$" else "inline"
    return mathml(html.unescape(found[2]), display) if found[1] else found[0]


def pieces(notebook: Any) -> Iterator[Piece]:
    """Cut a notebook into what may stand on a slide, in its order."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = relink(cell.source, deck)
            yield from (prose(block.strip()) for block in re.findall(BLOCK, text, re.M | re.S))
        elif not for_tests_alone(cell):
            yield code(cell)


def deck(target: str) -> str | None:
    """Let a link to a chapter lead to its slides; the site's other pages are not at hand."""
    if target in [path.name for path in NOTEBOOKS]:
        return f"{Path(target).stem}.html"
    return target if target.startswith("http") else None


def prose(block: str, limit: int = 160) -> Piece:
    """Make a piece of a block of Markdown, as short as it goes on a slide."""
    if block.startswith("#"):
        return Piece(new_markdown_cell(block), 70, "heading")
    box = r"<details><summary>(.*?)</summary>\s*(.*?)\s*</details>|:::\{(\w+)\} *(.*?)\n(.*)\n:::"
    if found := re.fullmatch(box, block, re.S):
        answer, kind = bool(found[1]), "answer" if found[1] else "box"
        text = f"**{found[1] or found[4] or found[3].capitalize()}**\n\n{found[2] or found[5]}"
        name = "box fragment" if answer else "box"
        cell = new_markdown_cell(f'<div class="{name}">\n\n{text}\n\n</div>')
        return Piece(cell, text_height(text) + 30, kind, text)
    short = shortened(block, limit)
    return Piece(new_markdown_cell(short), text_height(short), prose=block)


def shortened(block: str, limit: int) -> str:
    """Keep the first sentences of a paragraph or an item, what is in bold, and links to slides."""
    items = re.findall(r"^(- |\d+\. |)(.*)$", block, re.M)
    if block.startswith(("```", "$$", "|", "<", "![")) or (len(items) > 1 and not items[-1][0]):
        return block
    lines = []
    for mark, text in items:
        kept: list[str] = []
        for number, sentence in enumerate(re.split(r"(?<=[.?])\s+|(?<=[.?]\*\*)\s+", text)):
            length = len(" ".join(kept))
            first = len(kept) == number and (length < 40 or length + len(sentence) < limit)
            if first or "**" in sentence or ".html)" in sentence or sentence[-1] not in ".?":
                kept.append(sentence)
        lines.append(mark + " ".join(kept))
    return "\n".join(lines)


def text_height(text: str) -> float:
    """Estimate how high a text stands on a slide."""
    if text.startswith("!["):
        return 400
    plain = re.sub(r"\]\([^)]*\)|[*`$]", "", text)
    lines = rows([line for line in plain.splitlines() if line], 85)
    if text.startswith("|"):
        return 41 * (lines - 1) + 14
    return (24 if text.startswith("```") else 34) * lines + 14 * (1 + text.count("\n\n"))


def rows(lines: list[str], width: int) -> int:
    """Count the rows of some lines that are broken at a width."""
    return sum(math.ceil(max(len(line), 1) / width) for line in lines)


def code(cell: Any) -> Piece:
    """Make a piece of a cell of code and its outputs, without what it says to the tests."""
    cell.source = for_readers(cell.source)
    lines, width, height = len(cell.source.splitlines()), 0.0, 0.0
    shown, room = [], 23 - lines
    for output in cell.outputs:
        data = output.get("data", {})
        if found := picture(output, cell.metadata.get("mystnb", {})):
            shown.append(new_output("display_data", {"text/html": found[0]}))
            width, height = max(width, found[1]), height + found[2]
            continue
        text = (output.get("text") or data.get("text/plain", "")).rstrip().splitlines()
        while rows(text, 80) > room:  # of a long log, how it begins and how it ends
            text[len(text) // 2 - 1 : len(text) // 2 + 1] = ["…"]
        lines += rows(text, 80)
        shown.append(new_output("stream", text="\n".join(text)))
    cell.outputs = shown
    least = smallest(width, height) * height
    kind, extra = "shown" if shown else "code", 24 + 8 * len(shown)
    return Piece(cell, 24 * lines + extra + least, kind, picture=(width, height))


def smallest(width: float, height: float) -> float:
    """Return how small a picture may be drawn; a low one is shrunk only if it is too wide."""
    return min(SMALLEST if height > LOW else 1, WIDTH / max(width, 1))


def picture(output: Any, mystnb: dict[str, Any]) -> tuple[str, int, int] | None:
    """Return a player or a figure, with its width and height."""
    if page := player(output):
        screens = re.findall(r"width: (\d+)px; aspect-ratio: (\d+) / (\d+)", page)
        high = max(int(w) * int(h) // int(across) for w, across, h in screens) + 60
        high += 24 * ("<figcaption>" in page)
        return page, sum(int(w) + 14 for w, _, _ in screens), high
    png = output.get("data", {}).get("image/png", "").strip()
    if not png:
        return None
    alt = html.escape(mystnb.get("image", {}).get("alt", ""))
    image = Image.open(io.BytesIO(base64.b64decode(png)))
    page = f'<img alt="{alt}" src="data:image/png;base64,{png}">'
    return page, image.width, image.height


def units(section: list[Piece]) -> list[list[Piece]]:
    """Keep together a cell of code, the text before it, and the text that reads its result."""
    made: list[list[Piece]] = []
    for piece in section:
        before = [other.kind for other in made[-1]] if made else []
        reads = piece.kind == "text" and before[-1:] == ["shown"]
        if reads or (piece.kind in CODE | {"answer"} and before == ["text"]):
            made[-1].append(piece)
        else:
            made.append([piece])
    return made


def high(slide: list[Piece]) -> float:
    """Estimate how high a slide is, with text to the right of a narrow picture."""
    total, beside, narrower = 0.0, 0.0, 1.0
    for piece in slide:
        if piece.kind == "text" and beside:
            over = narrower * piece.height - beside
            total, beside = total + max(0, over), max(0, -over)
        else:
            total += piece.height
        if 0 < piece.picture[0] <= NARROW:
            beside = smallest(*piece.picture) * piece.picture[1]
            narrower = WIDTH / (WIDTH - 30 - min(BESIDE, LARGEST * piece.picture[0]))
    return total


def deal(notebook: Any) -> Iterator[list[Piece]]:
    """Deal the pieces of a notebook out to slides."""
    sections: list[list[Piece]] = []
    for piece in pieces(notebook):
        if piece.kind == "heading":
            sections.append([])
        sections[-1].append(piece)
    for title, *rest in sections:
        if not CODE & kinds(rest):  # there is room for more text
            rest = [prose(piece.prose, 400) if piece.kind == "text" else piece for piece in rest]
        running = f'<p class="running">{title.cell.source.lstrip("# ")}</p>'
        slide, left = [title], units(rest)
        while left:
            unit = left.pop(0)
            more = any(CODE & kinds(later) for later in left)
            second = "shown" in kinds(unit) or (more and kinds(unit) == {"text"})
            fits = 34 + high(unit) <= HEIGHT
            crowded = "answer" in kinds(slide) or ("shown" in kinds(slide) and second and fits)
            for number, piece in enumerate(unit):
                # A cell comes with what reads it, and a unit whole where a slide can hold it.
                whole = piece.kind in CODE or (number == 0 and fits)
                full = high([*slide, *(unit[number:] if whole else [piece])]) > HEIGHT
                if len(slide) > 1 and (full or (crowded and number == 0)):
                    yield slide
                    slide = [Piece(new_markdown_cell(running), 34, "running")]
                slide.append(piece)
        yield slide


def kinds(some: list[Piece]) -> set[str]:
    """Return the kinds of some pieces."""
    return {piece.kind for piece in some}


def laid_out(slide: list[Piece]) -> Iterator[Any]:
    """Return the cells of a slide, its pictures scaled, with what nbconvert asks of each."""
    roles = {"heading": "slide", "running": "subslide"}
    spare = HEIGHT - high(slide)
    for number, piece in enumerate(slide):
        wide, tall = piece.picture
        if tall:
            beside = wide <= NARROW and "text" in kinds(slide[number:])
            most = min(LARGEST, (BESIDE if beside else WIDTH) / wide)
            scale = min(most, smallest(wide, tall) + spare / tall)
            place = "picture beside" if beside else "picture"
            for output in piece.cell.outputs:
                if page := output.get("data", {}).get("text/html"):
                    page = f'<div class="{place}" style="zoom: {scale:.2f}">{page}</div>'
                    output.data["text/html"] = page
        piece.cell.metadata["slideshow"] = {"slide_type": roles.get(piece.kind, "-")}
        yield piece.cell
    if notes := "\n\n".join(piece.prose for piece in slide if piece.prose):
        yield new_markdown_cell(notes, metadata={"slideshow": {"slide_type": "notes"}})


def main(folder: Path) -> None:
    """Write a deck for each notebook, one that lists them, and the files that they load."""
    package = find_spec("sphinx_revealjs")  # it ships reveal.js, which is all that is used of it
    assert package and package.submodule_search_locations
    reveal = Path(package.submodule_search_locations[0]) / "_static" / "revealjs"
    unused = shutil.ignore_patterns("*.map", "*.esm.js", "*.eot", "*.ttf")
    for part in ("dist", "plugin/notes"):
        shutil.copytree(reveal / part, folder / "reveal" / part, ignore=unused, dirs_exist_ok=True)
    shutil.copy(reveal / "LICENSE", folder / "reveal")
    shutil.copytree(ROOT / "book" / "images", folder / "images", dirs_exist_ok=True)
    exporter = Deck(
        template_file=str(Path(__file__).with_suffix(".html.j2")),
        reveal_url_prefix="reveal",
        reveal_theme="white",
        exclude_anchor_links=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )

    def write(name: str, title: str, cells: list[Any]) -> None:
        metadata = {"title": title, "language_info": {"name": "python"}}
        page, _ = exporter.from_notebook_node(new_notebook(cells=cells, metadata=metadata))
        (folder / f"{name}.html").write_text(page, encoding="utf-8")

    decks = [f"# {CONFIG['title']}\n"]
    for path in NOTEBOOKS:
        notebook: Any = nbformat.read(path, as_version=4)
        title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
        write(path.stem, title, [cell for slide in deal(notebook) for cell in laid_out(slide)])
        decks.append(f"- [{title}]({path.stem}.html)")
    write("index", CONFIG["title"], [new_markdown_cell("\n".join([*decks, KEYS]))])


if __name__ == "__main__":
    main(ROOT / "_build" / "slides")
    print("The slides are ready. Open _build/slides/index.html in a browser.")
