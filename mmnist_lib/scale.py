"""Past one machine: a Zarr store of sequences, made by Dask on threads or on a cluster.

Sequence i depends on the seed and on i alone, so blocks of sequences are made in any order,
by anyone, twice if need be. Needs ``pip install "mmnist-lib[scale]"``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._checks import check_count
from .compositing import MovingMNIST
from .files import (
    Progress,
    block_length,
    blocks,
    check_layout,
    check_target,
    check_truth_target,
    layout_shape,
    new_files,
    partial_path,
    save_truth,
    settings_of,
    time_axis,
)

try:
    import dask
    import dask.array
    import distributed
    import zarr
    from dask.callbacks import Callback
except ImportError as error:
    raise ImportError(
        f"a Zarr store needs Zarr and Dask ({error}): pip install 'mmnist-lib[scale]', "
        "or pip install 'zarr>=3.1.6' 'dask[distributed]'"
    ) from error

__all__ = ["save_zarr"]

MOST_TASKS = 5000


def save_zarr(
    data: MovingMNIST,
    n_sequences: int,
    path: str | os.PathLike[str],
    *,
    layout: str = "canonical",
    truth: bool = False,
    scheduler: str | None = None,
    resume: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write sequences 0 to ``n_sequences - 1`` to a Zarr store, block by block.

    A block is 512 sequences of the usual kind, one compressed chunk. The store grows under a
    hidden name, ``.NAME.partial``, and gets its own name when it is whole. If a run ends
    before that, `resume` goes on where it stopped.

    Parameters
    ----------
    data : MovingMNIST
        What makes the sequences.
    n_sequences : int
        How many.
    path : str or path
        A name that ends in ``.zarr``, in a folder that every worker sees by the same name.
    layout : {"canonical", "batch"}, default "canonical"
        Time first, or sequences first, as for `save_sequences`.
    truth : bool, default False
        Also write the ground truth beside it, as for `save_sequences`.
    scheduler : str, optional
        The address of a ``dask.distributed`` scheduler, such as ``"tcp://host:8786"``, whose
        workers have this library. Without it, threads of this process do the work.
    resume : bool, default False
        Finish the store that an earlier run left unfinished. Its finished blocks are kept,
        also if `force` is given.
    force : bool, default False
        Replace a store of this name, and begin an unfinished one anew.
    progress : callable, optional
        Called with the number of sequences that are written.

    Raises
    ------
    TypeError
        If `n_sequences` is not an integer, or `path` not a path.
    ValueError
        If `n_sequences` is below 1, the layout unknown, the name ends otherwise, or the
        unfinished store is of other settings.
    FileExistsError
        If the store exists, or an unfinished one does and neither `resume` nor `force` is
        given.
    FileNotFoundError
        If the folder, or the store to resume, does not exist.
    OSError
        If the file system refuses, or no scheduler answers.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_zarr(data, 50, f"{folder}/fifty.zarr")
    ...     print(zarr.open_array(f"{folder}/fifty.zarr", mode="r").shape)
    (20, 50, 64, 64)
    """
    n_sequences, layout = check_count(n_sequences, "n_sequences"), check_layout(layout)
    path = check_target(path, (".zarr",), force).resolve()  # workers start in other folders
    if path.exists() and not _is_array(path):
        raise FileExistsError(f"path={str(path)!r} is no Zarr array: it is not replaced")
    # A run that is resumed may have been stopped while it wrote the truth, or just after.
    replace = force or resume
    beside = check_truth_target(data, path, replace) if truth else None
    partial = partial_path(path)
    with contextlib.ExitStack() as stack:
        client = None
        if scheduler is not None:  # asked first: if none answers, nothing is left behind
            client = stack.enter_context(distributed.Client(scheduler, timeout=30))
        store = _open(data, n_sequences, partial, layout, resume, force)
        missing = list(_missing(store, data, n_sequences, partial, layout))
        done = n_sequences - sum(high - low for low, high in missing)

        def report(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done)

        if done:
            report(0)
        _run(data, partial, missing, layout, client, report)
    for stray in partial.rglob("*.partial"):  # of workers that were killed while writing
        stray.unlink()
    if beside is not None:
        with new_files(beside, force=replace) as (file,):
            save_truth(data, n_sequences, file)
    if path.exists():
        shutil.rmtree(path)
    partial.rename(path)


def _is_array(path: Path) -> bool:
    try:
        return zarr.open_array(path, mode="r") is not None
    except Exception:  # what is no array raises whatever it likes
        return False


def open_zarr(path: Path, layout: str | None) -> tuple[Any, tuple[int, ...]]:
    """Open a store as a lazy array, sequences first, and tell the shape that it has itself."""
    given = f"path={str(path)!r}"
    try:
        store = zarr.open_array(path, mode="r")
    except Exception as error:  # what a damaged store raises depends on where the damage is
        raise ValueError(f"{given} is not a whole Zarr array: {error}") from error
    frames = dask.array.from_zarr(store)
    time = time_axis(store, given, layout or store.attrs.get("layout"))
    return frames if time == 1 else frames.swapaxes(0, 1), store.shape


def _open(
    data: MovingMNIST, n_sequences: int, partial: Path, layout: str, resume: bool, force: bool
) -> Any:
    """Make the unfinished store, or open it again, if it is of the same settings."""
    block = min(block_length(data), n_sequences)
    wanted = {"layout": layout, "n_sequences": n_sequences, "block": block} | settings_of(data)
    if resume:
        if not (partial / "zarr.json").exists():
            raise FileNotFoundError(f"there is no {str(partial)!r} to resume: begin without resume")
        store = zarr.open_array(partial, mode="r+")
        held = dict(store.attrs)
        if held != wanted:
            other = {name: held.get(name) for name in wanted if held.get(name) != wanted[name]}
            raise ValueError(f"{str(partial)!r} was begun with {other}: resume it with the same")
        return store
    if partial.exists():
        if not force:
            raise FileExistsError(
                f"{str(partial)!r} exists: another run is writing it, or was stopped. If none "
                "is, finish it (resume), or begin anew (force)"
            )
        shutil.rmtree(partial)
    return zarr.create_array(
        partial,
        shape=layout_shape(data, n_sequences, layout),
        chunks=layout_shape(data, block, layout),
        dtype="uint8",
        dimension_names=layout_names(layout),
        attributes=wanted,
    )


def layout_names(layout: str) -> tuple[str, ...]:
    """Name the axes of a layout."""
    first = ("time", "sequence") if layout == "canonical" else ("sequence", "time")
    return (*first, "row", "column")


def _missing(
    store: Any, data: MovingMNIST, n_sequences: int, partial: Path, layout: str
) -> Iterator[tuple[int, int]]:
    """Name the blocks without a chunk. A chunk is renamed into place, so it is whole."""
    for number, block in enumerate(blocks(data, n_sequences)):
        place = (0, number, 0, 0) if layout == "canonical" else (number, 0, 0, 0)
        if not (partial / store.metadata.encode_chunk_key(place)).exists():
            yield block


def _write(data: MovingMNIST, partial: str, blocks: list[tuple[int, int]], layout: str) -> int:
    store = zarr.open_array(partial, mode="r+")
    for low, high in blocks:
        frames = data.batch(low, high)
        if layout == "canonical":
            store[:, low:high] = frames.swapaxes(0, 1)
        else:
            store[low:high] = frames
    return sum(high - low for low, high in blocks)


def _run(
    data: MovingMNIST,
    partial: Path,
    missing: list[tuple[int, int]],
    layout: str,
    client: Any,
    report: Callable[[int], None],
) -> None:
    """Write the blocks that are missing, and report how many sequences each task has written."""
    # A task costs Dask some milliseconds, so many blocks are bundled: one to a task, usually.
    step = -(-len(missing) // MOST_TASKS) or 1
    # The digits travel as a task, not scattered: what a dead worker held is then sent again.
    shared = dask.delayed(data, traverse=False)
    write = dask.delayed(_write)
    bundles = [missing[low : low + step] for low in range(0, len(missing), step)]
    tasks = [write(shared, str(partial), bundle, layout) for bundle in bundles]
    if client is None:

        def after(key: Any, value: Any, *_: Any) -> None:
            if isinstance(value, int):  # the digits are a task too
                report(value)

        with Callback(posttask=after):
            dask.compute(*tasks, scheduler="threads")
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")
        for future in distributed.as_completed(client.compute(tasks, retries=3)):
            report(future.result())
