"""Write more than one machine can hold: a Zarr store, made on threads or on a Dask cluster.

Sequence i depends on the seed and on i alone, so any worker can make any block of sequences, in
any order, and even twice. Needs ``pip install "mmnist-lib[scale]"``.

Raises
------
TypeError, ValueError, OSError
    As in `mmnist_lib.files`; also if no scheduler answers.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from . import files
from ._atomic import check_path, check_space, check_target, claim, new_files, partial_path
from ._checks import check_choice, check_count, check_instance
from .compositing import Frames, MovingMNIST
from .trajectories import check_generator

try:
    import dask.array
    import distributed
    import zarr
    from dask.system import CPU_COUNT
except ImportError as error:
    raise ImportError(
        f"a Zarr store needs Zarr and Dask ({error}): pip install 'mmnist-lib[scale]', "
        "or pip install 'zarr>=3.1.6' 'dask[distributed]'"
    ) from error

MOST_TASKS = 5000
CHUNK_BYTES = 64 * 20 * 64 * 64  # 5 MB: it stays in a processor's cache while it is unpacked


def save_zarr(
    data: MovingMNIST,
    n_sequences: int,
    path: str | os.PathLike[str],
    *,
    layout: str = "batch",
    block: int | None = None,
    truth: bool = False,
    scheduler: str | distributed.Client | None = None,
    resume: bool = False,
    force: bool = False,
    progress: files.Progress | None = None,
) -> None:
    """Write sequences 0 to ``n_sequences - 1`` to a Zarr store, block by block.

    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_zarr(data, 50, f"{folder}/fifty.zarr")
    ...     print(zarr.open_array(f"{folder}/fifty.zarr", mode="r").shape)
    (50, 20, 64, 64)

    Until the store is whole, it is called ``.NAME.partial``. If a run ends before that, `resume`
    goes on where it stopped. `shuffled_batches` reads the store for training.

    Parameters
    ----------
    data, n_sequences : as for `save_sequences`
    path : str or path
        A name that ends in ``.zarr``, in a folder that every worker sees by the same name.
    layout : {"batch", "canonical"}, default "batch"
        Sequences first, or time first. Sequences first takes a fifth of the disk.
    block : int, optional
        Sequences in a block, which is one compressed chunk; by default 64 of the usual kind.
        Reading one sequence decompresses its whole block, so smaller ones suit random access.
    truth : as for `save_sequences`
    scheduler : str or distributed.Client, optional
        A running client, or the address of a scheduler, such as ``"tcp://host:8786"``, whose
        workers have this library. Without it, threads of this process do the work.
    resume : bool, default False
        Keep the blocks that an earlier run of the same settings finished, also with `force`.
    force : bool, default False
        Replace a store of this name, and begin an unfinished one anew.
    progress : as for `save_sequences`
    """
    check_instance(data, "data", MovingMNIST)
    n_sequences = check_count(n_sequences, "n_sequences")
    check_choice(layout, "layout", files.LAYOUTS)
    path = check_target(path, (".zarr",), force).resolve()  # workers start in other folders
    if path.exists():
        try:
            zarr.open_array(path, mode="r")
        except Exception:  # anything else than an array may raise any error
            what = f"path={str(path)!r} is not a Zarr array"
            raise FileExistsError(f"{what}, so it is not replaced") from None
    # A run that is resumed may have been stopped while it wrote the truth, or just after.
    replace = force or resume
    beside = files.check_truth_target(data, path, replace) if truth else None
    if not (isinstance(scheduler, str | None) or hasattr(scheduler, "get_executor")):
        raise TypeError(f"scheduler={scheduler!r}: pass a distributed.Client or an address")
    usual = max(1, CHUNK_BYTES // (data.n_frames * data.size**2))
    block = min(usual if block is None else check_count(block, "block"), n_sequences)
    about = {"layout": layout, "n_sequences": n_sequences, "block": block}
    about |= files.settings_of(data)
    partial = partial_path(path)
    with contextlib.ExitStack() as stack:
        if isinstance(scheduler, str):  # asked first: if none answers, nothing is left behind
            scheduler = stack.enter_context(distributed.Client(scheduler, timeout=30))
        if resume:
            _check_same(partial, about)
        else:  # a chunk is never packed to less than a hundredth
            check_space(path, math.prod(files.layout_shape(data, n_sequences, layout)) // 100)
        # From here on the unfinished store is this run's alone.
        stack.callback(os.close, claim(partial, replace, folder=True))
        if not resume:
            _begin(partial, data, about)
        _fill(partial, data, scheduler, progress or (lambda done: None))
        for stray in partial.rglob("*.partial"):  # of workers that were killed while writing
            stray.unlink()
        if beside is not None:
            with new_files(beside, force=replace) as (file,):
                files.save_truth(data, n_sequences, file)
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)


def shuffled_batches(
    path: str | os.PathLike[str], batch_size: int, rng: np.random.Generator
) -> Iterator[Frames]:
    """Read a store once, in batches of sequences in a random order.

    >>> import tempfile
    >>> data = MovingMNIST(np.full((1, 28, 28), 255, np.uint8))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_zarr(data, 50, f"{folder}/fifty.zarr", block=20)
    ...     batches = shuffled_batches(f"{folder}/fifty.zarr", 16, np.random.default_rng(0))
    ...     print([len(frames) for frames in batches])
    [16, 16, 16, 2]

    The blocks are read in a random order, each once, and their sequences are shuffled within
    them. That is enough, because neighbors in a store have nothing in common. It needs the memory
    of two blocks.

    `path` names a store that `save_zarr` made, `batch_size` is the number of sequences in a
    batch, and `rng` is where the order comes from. Returns an iterator of uint8 frames
    ``(batch_size, n_frames, size, size)``; the last batch may be smaller.
    """
    batch_size, rng = check_count(batch_size, "batch_size"), check_generator(rng)
    store, layout = _open(check_path(path), None)
    sequences = layout == "canonical"  # the axis that they are on
    n, block = store.shape[sequences], store.chunks[sequences]

    def batches() -> Iterator[Frames]:
        rest: Any = []
        for low in block * rng.permutation(-(-n // block)):
            where = (slice(None),) * sequences + (slice(low, low + block),)
            frames = files.in_layout(np.asarray(store[where]), layout)
            frames = np.concatenate([rest, frames]) if len(rest) else frames
            order = rng.permutation(len(frames))
            whole = len(order) - len(order) % batch_size
            yield from (frames[few] for few in order[:whole].reshape(-1, batch_size))
            rest = frames[order[whole:]]
        if len(rest):
            yield rest

    return batches()


def open_zarr(path: Path, layout: str | None) -> tuple[Any, tuple[int, ...]]:
    """Open a store as a lazy array, sequences first, and return it with the store's own shape."""
    store, found = _open(path, layout)
    return files.in_layout(dask.array.from_zarr(store), found), store.shape


def _open(path: Path, layout: str | None) -> tuple[Any, str]:
    """Open a store as it is, and return it with its layout."""
    given = f"path={str(path)!r}"
    try:
        store = zarr.open_array(path, mode="r")
    except Exception as error:  # what a damaged store raises depends on where the damage is
        raise ValueError(f"{given} is not a whole Zarr array: {error}") from error
    return store, files.layout_of(store, given, layout, store.attrs.get("layout"))


def _check_same(partial: Path, about: dict[str, Any]) -> None:
    """Raise unless there is an unfinished store of the same settings."""
    name = str(partial)
    if partial.is_symlink() or not (partial / "zarr.json").exists():
        raise FileNotFoundError(f"there is no {name!r} to resume: begin without resume")
    held = dict(zarr.open_array(partial, mode="r").attrs)
    if held != about:
        other = {key: held.get(key) for key in about if held.get(key) != about[key]}
        raise ValueError(f"{name!r} was begun with {other}: resume it with the same")


def _begin(partial: Path, data: MovingMNIST, about: dict[str, Any]) -> None:
    """Make the unfinished store, in place of what is in its folder."""
    for old in partial.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    axes = ("time", "sequence") if about["layout"] == "canonical" else ("sequence", "time")
    zarr.create_array(
        partial,
        shape=files.layout_shape(data, about["n_sequences"], about["layout"]),
        chunks=files.layout_shape(data, about["block"], about["layout"]),
        dtype="uint8",
        dimension_names=(*axes, "row", "column"),
        attributes=about,
    )


def _fill(partial: Path, data: MovingMNIST, client: Any, progress: files.Progress) -> None:
    """Write the blocks that are missing, on threads or on a cluster."""
    store = zarr.open_array(partial, mode="r")
    n, block = store.attrs["n_sequences"], store.attrs["block"]
    places = zip(range(0, n, block), np.ndindex(*store.cdata_shape), strict=True)
    # A chunk is renamed into place, so one that is there is whole.
    missing = [
        (low, min(low + block, n))
        for low, place in places
        if not (partial / store.metadata.encode_chunk_key(place)).exists()
    ]
    done = n - sum(high - low for low, high in missing)
    if done:
        progress(done)
    # A task costs Dask some milliseconds, so many blocks are bundled: one to a task, usually.
    step = -(-len(missing) // MOST_TASKS) or 1
    bundles = [missing[low : low + step] for low in range(0, len(missing), step)]
    if client is None:
        executor: Any = ThreadPoolExecutor(dask.config.get("num_workers", CPU_COUNT))
    else:
        # The digits travel as a task, not scattered: what a dead worker held is then sent again.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")
            data = client.submit(copy, data, pure=False)
        executor = client.get_executor(retries=3, pure=False)
    tasks = [data] * len(bundles), [str(partial)] * len(bundles), bundles
    with executor, contextlib.closing(executor.map(_write, *tasks)) as written:
        for count in written:
            done += count
            progress(done)


def _write(data: MovingMNIST, partial: str, blocks: list[tuple[int, int]]) -> int:
    """Write blocks, and return how many sequences they hold."""
    store = zarr.open_array(partial, mode="r+")
    layout = store.attrs["layout"]
    for low, high in blocks:
        where = (slice(None), slice(low, high)) if layout == "canonical" else slice(low, high)
        store[where] = files.in_layout(data.batch(low, high), layout)
    return sum(high - low for low, high in blocks)
