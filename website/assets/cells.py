"""What runs a notebook's cells in a page. The worker in `live-worker.js` calls `run`.

It does what a reader knows from Jupyter: a cell's last value is shown, figures appear where they
are shown or at the cell's end, and an error is Python's own, without the lines that are not the
reader's. This module is Matplotlib's backend too: it draws as Agg does, and `plt.show` sends what
is drawn.
"""

from __future__ import annotations

import ast
import base64
import io
import linecache
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

import __main__

__all__ = ["FigureCanvas", "prepare", "run", "show"]

MOST = 100_000  # characters that a cell may print, or an endless loop fills the page
Send = Callable[[str, str], None]  # told what kind of output comes, and the output

send: Send


class Stream(io.TextIOBase):
    """Where a cell prints to: what it writes goes to the page at once."""

    left = 0

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, text: str) -> int:
        """Pass a text on, up to a length."""
        if text and Stream.left > 0:
            send(self.name, text[: Stream.left])
            Stream.left -= len(text)
            if Stream.left <= 0:
                send("stderr", f"\nThe rest is left out: a page shows {MOST:,} characters.\n")
        return len(text)


def run(source: str, name: str, to: Send) -> bool:
    """Run a cell, and tell whether it raised no error."""
    global send
    send, Stream.left = to, MOST
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    try:
        value = execute(source, file)
        if value is not None:
            present(value)
        show()
    except BaseException as error:  # also one that would end Python, such as SystemExit
        send("error", words_of(error))
        plt.close("all")
        return False
    return True


def execute(source: str, file: str) -> Any:
    """Run all of a cell, and return the value of its last line unless a semicolon ends it."""
    tree = ast.parse(source, file)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
        last = ast.Expression(tree.body[-1].value)
        tree.body.pop()
    names = vars(__main__)
    exec(compile(tree, file, "exec"), names)
    return eval(compile(last, file, "eval"), names) if last else None


def present(value: Any) -> None:
    """Send a value in the richest form that it has."""
    if page := form_of(value, "_repr_html_"):
        send("html", page)
    elif png := form_of(value, "_repr_png_"):
        send("png", base64.b64encode(png).decode())
    else:
        send("text", repr(value))


def form_of(value: Any, name: str) -> Any:
    """Return what a value says of itself, or None if it does not know that form."""
    method = None if isinstance(value, type) else getattr(value, name, None)
    return method() if method else None


def show(*, block: bool | None = None) -> None:
    """Send all open figures and close them; `plt.show` calls it, and every cell's end."""
    for number in plt.get_fignums():
        file = io.BytesIO()
        plt.figure(number).savefig(file, format="png", bbox_inches="tight")
        send("png", base64.b64encode(file.getvalue()).decode())
    plt.close("all")


def words_of(error: BaseException) -> str:
    """Write an error as Python does, with those lines alone that stand in cells."""
    if own := getattr(error, "_render_traceback_", None):
        return "\n".join(own())
    told = first = traceback.TracebackException.from_exception(error)
    while told:
        told.stack[:] = [line for line in told.stack if line.filename.startswith("<cell")]
        told = told.__cause__ or told.__context__  # type: ignore[assignment]
    return "".join(first.format()).rstrip()


def prepare() -> None:
    """Let prints, figures and warnings of all later cells go to the page."""
    sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
    os.environ["KERAS_BACKEND"] = "jax"  # Keras is not here, and its own error is to say so
    plt.switch_backend(f"module://{__name__}")
    plt.style.use("mmnist_lib.figures")
    warnings.showwarning = lambda message, category, *_: print(
        f"{category.__name__}: {message}", file=sys.stderr
    )
