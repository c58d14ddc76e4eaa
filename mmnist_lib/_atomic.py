"""Files that are written whole or not at all.

A file grows under a hidden name, ``.NAME.partial``, and gets its own name when it is whole, so
you can't mistake an unfinished file for a finished one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


def check_path(path: Any) -> Path:
    """Return `path` as a Path, or raise TypeError."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path={path!r} has type {type(path).__name__}: pass a file's name")
    return Path(path).expanduser()


def check_target(path: Any, suffixes: tuple[str, ...], force: bool) -> Path:
    """Return the path of a file that may be written, or raise what stands against it."""
    path = check_path(path)
    given = f"path={str(path)!r}"
    if path.suffix not in suffixes:
        raise ValueError(f"{given}: choose a name that ends in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{given}: there is no folder {str(path.parent)!r}")
    if path.is_dir() and path.suffix != ".zarr":
        raise IsADirectoryError(f"{given} is a folder: pass the name of a file")
    if path.exists() and not force:
        raise FileExistsError(f"{given} exists: choose another name, or replace it (force)")
    return path


def partial_path(path: Path) -> Path:
    """Name what `path` is called until it is whole."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def new_files(*paths: Path, force: bool) -> Iterator[list[BinaryIO]]:
    """Open files that get their names, in this order, only if all goes well with all of them."""
    try:
        with contextlib.ExitStack() as stack:
            opened: list[BinaryIO] = []
            for path in paths:
                partial = partial_path(path)
                if partial.exists() and not force:
                    raise FileExistsError(
                        f"{str(partial)!r} exists: another run is writing it, or was killed. If "
                        "none is, remove it, or replace it (force)"
                    )
                file = partial.open("wb" if force else "xb")
                stack.callback(partial.unlink, missing_ok=True)
                opened.append(stack.enter_context(file))
            yield opened
            for stream in opened:
                stream.flush()
                os.fsync(stream.fileno())  # else a power cut could leave a name without its bytes
                stream.close()
            for path in paths:
                partial_path(path).replace(path)
    except OSError as error:
        if error.errno and not error.filename:  # a failed write does not name its file
            error.filename = str(paths[-1])
        raise
