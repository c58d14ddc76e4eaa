"""What the site, the slides and the exercises all read in a notebook, or rewrite in its text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from latex2mathml.converter import convert


def first_code(notebook: Any) -> Any:
    """Return the first cell of code, which installs the library on Colab."""
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def tags(cell: Any) -> set[str]:
    """Return the tags of a cell."""
    return set(cell.metadata.get("tags", ()))


def for_tests_alone(cell: Any) -> bool:
    """Tell whether a cell is there for Jupyter, Colab and the tests, and no reader's concern."""
    return "remove-cell" in tags(cell)


def for_readers(source: str) -> str:
    """Return a cell's code without what it says to the tests."""
    return re.sub(r"^# NBVAL_IGNORE_OUTPUT\n# Not compared:.*\n", "", source)


def without_way_to_hints(text: str) -> str:
    """Return the first text of exercises without the sentence that leads to hints on the site."""
    return re.sub(r" Stuck\? [^\n]*", "", text)


def player(output: Any) -> str:
    """Return the HTML of a player, which a slider brings too, or nothing for other outputs."""
    page: str = output.get("data", {}).get("text/html", "")
    return page if "mmnist-player" in page else ""


def relink(text: str, target: Callable[[str], str | None]) -> str:
    """Let each link in a Markdown text lead to its new target, or be plain text if it has none."""

    def link(found: re.Match[str]) -> str:
        to = target(found[2])
        return f"[{found[1]}]({to})" if to else found[1]

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, text)


def mathml(tex: str, display: str) -> str:
    """Turn a formula into MathML, which browsers draw without a script."""
    tex = tex.replace("{aligned}", "{align*}")
    page = convert(tex.strip(), display=display)
    # Names of functions keep their distance from what follows: sin θ.
    return re.sub(r"(<mi>[a-z]{2,}</mi>)(?=<mi>)", r'\1<mspace width="0.17em"/>', page)
