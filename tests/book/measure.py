"""Measure how the chapters and pages read: `python -m tests.book.measure` prints a table.

You may name files, too. The figures are a mirror and no goal: nothing fails on them. Code,
tables and headings don't count, and neither do lines that end without a full stop.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WIDTH = 34  # of the column with the names
HEADER = ("words", "a sentence", "short", "because/but/so", "we/you")
AIMS = ("", "14 to 19", "≤ 25 %", "≥ 9", "≥ 14")


def prose(path: Path) -> str:
    """Return the Markdown of a page, or of a notebook's cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def without_code_blocks(text: str) -> str:
    return re.sub(r"^(```+).*?^\1$", "", text, flags=re.M | re.S)


def sentences(text: str) -> list[str]:
    """Return the sentences of a Markdown text, without its code, tables, headings and marks."""
    text = re.sub(r"<!--.*?-->|<[^>]+>|\$\$.*?\$\$", " ", without_code_blocks(text), flags=re.S)
    text = re.sub(r"^[ \t]*(?:#|:::|\||\([\w-]+\)=|:\w+:|---|!\[).*$", "", text, flags=re.M)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`\n]*`|\$[^$\n]*\$", "x", text).replace("*", "").replace("_", " ")
    found = []
    for block in re.split(r"\n\s*(?:[-*]|\d+\.)\s+|\n\s*\n", "\n" + text):
        pieces = re.split(r"(?<=[.!?:])[\"”)]?\s+(?=[A-Z\"“(])", " ".join(block.split()))
        found += [piece for piece in pieces if re.search(r"[.!?:][\"”)]?$", piece)]
    return found


def measure(text: str) -> tuple[int, float, float, float, float]:
    """Return words, mean words a sentence, percent of short ones, and two kinds of words in 1,000.

    A sentence of eight words or fewer is short.
    """
    found = sentences(text)
    lengths = [len(re.findall(r"[\w'’-]+", sentence)) for sentence in found]
    words, n = sum(lengths) or 1, len(found) or 1

    def in_a_thousand(these: str) -> float:
        return 1000 * len(re.findall(rf"\b(?:{these})\b", " ".join(found).lower())) / words

    short = 100 * sum(length <= 8 for length in lengths) / n
    why, whom = in_a_thousand("because|but|so"), in_a_thousand("we|you|our|your|us")
    return sum(lengths), sum(lengths) / n, short, why, whom


def main(names: list[str]) -> None:
    book = ROOT / "book"
    pages = [*book.glob("*.ipynb"), *book.glob("exercises/*.ipynb"), *book.glob("*.md")]
    pages = [Path(name) for name in names] or [*sorted(pages), *sorted(ROOT.glob("*.md"))]
    for name, *figures in (("", *HEADER), ("aim", *AIMS)):
        print(f"{name:{WIDTH}} {{:>6}} {{:>11}} {{:>7}} {{:>15}} {{:>7}}".format(*figures))
    for page in pages:
        name = str(page.relative_to(ROOT) if page.is_relative_to(ROOT) else page)
        words, mean, short, why, whom = measure(prose(page))
        print(f"{name:{WIDTH}} {words:6} {mean:11.1f} {short:5.0f} % {why:15.1f} {whom:7.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
