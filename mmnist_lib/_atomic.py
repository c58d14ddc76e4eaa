"""Files that are written whole or not at all.

A file grows under a hidden name, ``.NAME.partial``, and gets its own name when it is whole, so
you can't mistake an unfinished file for a finished one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where a file that is open can't be replaced
    fcntl = None  # type: ignore[assignment]


def check_path(path: Any) -> Path:
    """Return `path` as a Path, or raise TypeError."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path={path!r} has type {type(path).__name__}: pass a file's name")
    return Path(path).expanduser()


def check_file(path: Any) -> Path:
    """Return the path of a regular file, or raise; a pipe or a device may have no end."""
    path = check_path(path)
    given = f"path={str(path)!r}"
    if path.is_dir():
        raise IsADirectoryError(f"{given} is a folder: name the file in it")
    if not path.exists():
        raise FileNotFoundError(f"{given} does not exist: pass the name of a file")
    if not path.is_file():
        raise ValueError(f"{given} is not a regular file: pass the name of one")
    return path


def check_target(path: Any, suffixes: tuple[str, ...], force: bool) -> Path:
    """Return the path of a file that may be written, or raise an error that says why not."""
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


def check_space(path: Path, n_bytes: int) -> None:
    """Raise OSError unless the disk has room for a file of so many bytes."""
    free = shutil.disk_usage(path.parent).free
    if n_bytes > free:
        what = f"{os.strerror(errno.ENOSPC)}: {n_bytes:,} bytes are needed, {free:,} are free"
        raise OSError(errno.ENOSPC, what, str(path))


def claim(partial: Path, force: bool, folder: bool = False) -> int:
    """Make an unfinished file or folder for this run alone, or raise if another run has it."""
    taken = f"{str(partial)!r} exists: another run is writing it"
    if force and partial.is_symlink():
        partial.unlink()  # what it leads to is somebody else's
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | (0 if force else os.O_EXCL)
    try:
        if folder:
            partial.mkdir(exist_ok=force)
        if folder and not fcntl:  # Windows opens no folder
            return os.open(os.devnull, os.O_RDONLY)
        descriptor = os.open(partial, os.O_RDONLY if folder else flags, 0o666)
    except FileExistsError:
        remedy = "finish it (resume), or begin anew" if folder else "remove it, or replace it"
        raise FileExistsError(f"{taken}, or was killed. If none is, {remedy} (force)") from None
    try:
        if fcntl:
            # Released with the file, also if this process is killed.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(descriptor), partial.lstat())
    except OSError as error:  # another run has the lock, or the file system has none
        same = error.errno in (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP)
    if not same:  # or the other run has just given it its name
        os.close(descriptor)
        raise FileExistsError(f"{taken}: wait for it, or choose another name")
    return descriptor


def partial_path(path: Path) -> Path:
    """Name what `path` is called until it is whole."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def new_files(*paths: Path, force: bool) -> Iterator[list[BinaryIO]]:
    """Open files that get their names, in this order, only if all goes well with all of them."""
    try:
        with contextlib.ExitStack() as stack:
            unfinished: dict[Path, BinaryIO] = {}
            try:
                for path in paths:
                    descriptor = claim(partial_path(path), force)
                    unfinished[path] = stack.enter_context(os.fdopen(descriptor, "r+b"))
                    unfinished[path].truncate()
                yield list(unfinished.values())
                for stream in unfinished.values():
                    stream.flush()
                    os.fsync(stream.fileno())  # else a power cut could leave a name without bytes
                    if not fcntl:  # elsewhere it stays locked until it has its name
                        stream.close()
                for path in paths:
                    partial_path(path).replace(path)
                    del unfinished[path]  # from here on, that name is another run's
            except BaseException:
                for path in unfinished:
                    partial_path(path).unlink(missing_ok=True)
                raise
    except OSError as error:
        if error.errno and not error.filename:  # a failed write does not name its file
            error.filename = str(paths[-1])
        raise
