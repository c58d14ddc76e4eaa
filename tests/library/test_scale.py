"""Past one machine: a store made on threads and on a cluster, stopped, killed and resumed."""

import errno
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dask.array
import distributed
import numpy as np
import pytest
import zarr

from mmnist_lib import MovingMNIST, files, load_mnist, save_sequences, scale
from mmnist_lib._atomic import partial_path
from mmnist_lib.scale import save_zarr
from tests.limits import HANG

posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")


@pytest.fixture(autouse=True)
def limit():
    """Let no test hang, whatever a cluster does."""

    def stop(*_):
        raise TimeoutError(f"the test took longer than {HANG} seconds")

    if os.name != "posix":
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def blocks_of_three(monkeypatch):
    """Make three sequences of `small` at a time: a chunk holds three."""
    monkeypatch.setattr(scale, "CHUNK_BYTES", 3 * 576 + 500)


def new_cluster():
    return distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0"
    )


@pytest.fixture(scope="module")
def cluster():
    """Run two worker processes."""
    with new_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["threads", "cluster"])
def scheduler(request):
    """Do the work on threads of this process, and on a cluster."""
    if request.param == "threads":
        return None
    return request.getfixturevalue("cluster").scheduler_address


def digits(n=12, side=5):
    return np.random.default_rng(3).integers(0, 256, (n, side, side), dtype=np.uint8)


def labels(n=12):
    return np.arange(n, dtype=np.uint8) % 10


def small(images=digits(), labels=labels(), **changes):  # noqa: B008
    """Make a small dataset, quickly: a sequence has 576 bytes."""
    settings = {"n_digits": 2, "n_frames": 4, "size": 12, "seed": 1}
    return MovingMNIST(images, labels, **settings | changes)


def read(path):
    """Read a store, sequences first."""
    store = zarr.open_array(path, mode="r")
    return store[:].swapaxes(0, 1) if store.attrs["layout"] == "canonical" else store[:]


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def chunks(store):
    """Tell which whole chunks a store holds, and which file each is."""
    found = [path for path in (Path(store) / "c").rglob("*") if path.is_file()]
    found = [path for path in found if path.suffix != ".partial"]
    return {str(path.relative_to(store)): (path.stat().st_mtime_ns, path.stat().st_ino)
            for path in found}  # fmt: skip


def unfinished(path, kept, data=None, n=10, layout="batch"):
    """Leave behind what a run does that was stopped: just the chunks that are kept."""
    partial = partial_path(path)
    save_zarr(data or small(), n, path, layout=layout)
    path.rename(partial)
    for name in chunks(partial):
        if max(map(int, name.split("/")[1:])) not in kept:
            (partial / name).unlink()
    return partial


# what a store holds


@pytest.mark.parametrize("n", [1, 3, 10, 12])
@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_a_store_holds_what_batch_makes(tmp_path, scheduler, n, layout):
    save_zarr(small(), n, tmp_path / "made.zarr", layout=layout, scheduler=scheduler)
    assert names(tmp_path) == {"made.zarr"}
    store = zarr.open_array(tmp_path / "made.zarr", mode="r")
    assert store.shape == ((4, n, 12, 12) if layout == "canonical" else (n, 4, 12, 12))
    assert store.dtype == np.uint8
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), small().batch(0, n))
    assert len(chunks(tmp_path / "made.zarr")) == -(-n // 3)


def test_sequences_come_first_unless_said_otherwise(tmp_path):
    save_zarr(small(), 7, tmp_path / "made.zarr")
    assert zarr.open_array(tmp_path / "made.zarr", mode="r").shape == (7, 4, 12, 12)


@pytest.mark.parametrize(("block", "chunk"), [(1, 1), (4, 4), (99, 10)])
def test_the_block_is_a_choice(tmp_path, scheduler, block, chunk):
    save_zarr(small(), 10, tmp_path / "made.zarr", block=block, scheduler=scheduler)
    store = zarr.open_array(tmp_path / "made.zarr", mode="r")
    assert store.chunks == (chunk, 4, 12, 12) and store.attrs["block"] == chunk
    assert len(chunks(tmp_path / "made.zarr")) == -(-10 // chunk)
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), small().batch(0, 10))


def test_a_running_client_does_the_work_and_stays_open(tmp_path, cluster):
    with distributed.Client(cluster) as client:
        save_zarr(small(), 10, tmp_path / "made.zarr", scheduler=client)
        assert client.submit(int, 3).result() == 3
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), small().batch(0, 10))


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize(("n", "size"), [(10, 4), (12, 3), (7, 1), (5, 99), (10, 7)])
def test_shuffled_batches_hold_each_sequence_once(tmp_path, layout, n, size):
    save_zarr(small(), n, tmp_path / "made.zarr", layout=layout)
    rng = np.random.default_rng(1)
    batches = list(scale.shuffled_batches(tmp_path / "made.zarr", size, rng))
    assert [len(frames) for frames in batches[:-1]] == [size] * ((n - 1) // size)
    found, made = np.concatenate(batches), small().batch(0, n)
    order = [next(i for i in range(n) if (made[i] == frames).all()) for frames in found]
    assert sorted(order) == list(range(n)) and order != sorted(order)
    again = scale.shuffled_batches(tmp_path / "made.zarr", size, np.random.default_rng(1))
    np.testing.assert_array_equal(np.concatenate(list(again)), found)
    other = np.concatenate(list(scale.shuffled_batches(tmp_path / "made.zarr", size, rng)))
    assert (other != found).any()


def test_a_shuffled_reader_opens_each_chunk_once(tmp_path, monkeypatch):
    """Decompressing a chunk for each sequence in it made reading slower than generating."""
    save_zarr(small(), 12, tmp_path / "made.zarr")
    opened, get = [], zarr.storage.LocalStore.get

    async def count(self, key, *arguments, **options):
        opened.append(key)
        return await get(self, key, *arguments, **options)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", count)
    list(scale.shuffled_batches(tmp_path / "made.zarr", 2, np.random.default_rng(0)))
    assert sorted(key for key in opened if key.startswith("c/")) == [
        f"c/{number}/0/0/0" for number in range(4)
    ]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("none.zarr", 3, np.random.default_rng()), ValueError, "is not a whole Zarr array"),
        (("made.zarr", 0, np.random.default_rng()), ValueError, "batch_size=0 is too small"),
        (("made.zarr", 3, 7), TypeError, "rng=7 is not a Generator"),
    ],
)
def test_a_bad_reader_is_refused_at_once(tmp_path, monkeypatch, arguments, error, words):
    monkeypatch.chdir(tmp_path)
    save_zarr(small(), 3, "made.zarr")
    with pytest.raises(error, match=words):
        scale.shuffled_batches(*arguments)


def test_a_chunk_of_the_usual_kind_is_64_sequences_and_smaller_than_they_are(tmp_path, monkeypatch):
    monkeypatch.undo()  # of the blocks of three
    _, (images, _) = load_mnist("sample")
    data = MovingMNIST(images)
    save_zarr(data, 100, tmp_path / "made.zarr")
    store = zarr.open_array(tmp_path / "made.zarr", mode="r")
    assert store.chunks == (64, 20, 64, 64)
    assert store.nbytes_stored() < store.nbytes / 50
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), data.batch(0, 100))


@pytest.mark.parametrize("changes", [{"n_digits": 0}, {"n_frames": 1}, {"size": 5, "n_digits": 1}])
def test_any_settings_will_do(tmp_path, scheduler, changes):
    data = small(**changes)
    save_zarr(data, 40, tmp_path / "made.zarr", scheduler=scheduler)
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), data.batch(0, 40))


@pytest.mark.parametrize("layout", files.LAYOUTS)
def test_the_store_names_its_axes_and_says_what_made_it(tmp_path, layout):
    data = small(seed=2**128 - 1, step_length=0.3, rule="reflect")
    save_zarr(data, 7, tmp_path / "made.zarr", layout=layout)
    store = zarr.open_array(tmp_path / "made.zarr", mode="r")
    first = ("time", "sequence") if layout == "canonical" else ("sequence", "time")
    assert store.metadata.dimension_names == (*first, "row", "column")
    made = dict(store.attrs)
    assert [made.pop(name) for name in ("layout", "n_sequences", "block")] == [layout, 7, 3]
    assert made.pop("images_sha256") == files.settings_of(data)["images_sha256"]
    assert repr(MovingMNIST(digits(), **made)) == repr(data)


def test_dask_reads_it_lazily(tmp_path):
    save_zarr(small(), 10, tmp_path / "made.zarr", layout="batch")
    array = dask.array.from_zarr(tmp_path / "made.zarr")
    assert array.chunksize == (3, 4, 12, 12)
    np.testing.assert_array_equal(array[4].compute(), small()[4])


def test_the_truth_is_the_one_that_a_file_has(tmp_path, scheduler):
    save_zarr(small(), 10, tmp_path / "made.zarr", truth=True, scheduler=scheduler)
    save_sequences(small(), 10, tmp_path / "other.npy", truth=True)
    assert names(tmp_path) == {"made.zarr", "made.zarr-truth.npz", "other.npy", "other-truth.npz"}
    with (
        np.load(tmp_path / "made.zarr-truth.npz") as made,
        np.load(tmp_path / "other-truth.npz") as other,
    ):
        assert set(made) == set(other) >= {"digits", "labels", "path", "settings"}
        for name in made:
            np.testing.assert_array_equal(made[name], other[name])


def test_progress_rises_to_the_number_of_sequences(tmp_path, scheduler):
    seen = []
    save_zarr(small(), 10, tmp_path / "made.zarr", scheduler=scheduler, progress=seen.append)
    assert len(seen) == 4 and seen == sorted(set(seen)) and seen[-1] == 10


def test_many_blocks_are_bundled_into_few_tasks(tmp_path, monkeypatch, scheduler):
    monkeypatch.setattr(scale, "MOST_TASKS", 3)
    seen = []
    save_zarr(small(), 20, tmp_path / "made.zarr", scheduler=scheduler, progress=seen.append)
    assert len(seen) == 3 and seen[-1] == 20
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), small().batch(0, 20))


# what may be written, and what is in the way


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("made", ValueError, "made': choose a name that ends in .zarr"),
        ("made.npy", ValueError, "made.npy': choose a name that ends in .zarr"),
        ("no/made.zarr", FileNotFoundError, "made.zarr': there is no folder '.*no'"),
        ("made.zarr", FileExistsError, r"exists: .*another name, or replace it \(force\)"),
    ],
)
def test_a_bad_name_is_refused(tmp_path, name, error, words):
    (tmp_path / "made.zarr").mkdir()
    with pytest.raises(error, match=words):
        save_zarr(small(), 3, tmp_path / name)
    assert names(tmp_path) == {"made.zarr"}


@pytest.mark.parametrize(
    ("n", "changes", "error", "words"),
    [
        (0, {}, ValueError, "n_sequences=0 is too small: pass an integer >= 1"),
        (1.5, {}, TypeError, r"n_sequences=1\.5 is not an integer"),
        (3, {"layout": "torch"}, ValueError, "layout='torch' is unknown: choose 'canonical' or"),
        (3, {"path": None}, TypeError, "path=None has type NoneType: pass a file's name"),
        (3, {"scheduler": "nowhere"}, ValueError, "nowhere"),
        (3, {"scheduler": 3}, TypeError, "scheduler=3: pass a distributed.Client or an address"),
        (3, {"block": 0}, ValueError, "block=0 is too small"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, n, changes, error, words):
    with pytest.raises(error, match=words):
        save_zarr(small(), n, **{"path": tmp_path / "made.zarr"} | changes)
    assert "made.zarr" not in names(tmp_path)


def test_a_store_is_replaced_only_by_force_and_when_the_new_one_is_whole(tmp_path):
    path = tmp_path / "made.zarr"
    save_zarr(small(), 10, path)
    before = chunks(path)
    with pytest.raises(FileExistsError, match=r"exists: choose another name, or .*\(force\)"):
        save_zarr(small(seed=2), 7, path)
    kept = []
    save_zarr(small(seed=2), 7, path, force=True, progress=lambda _: kept.append(chunks(path)))
    assert kept == [before] * 3
    assert names(tmp_path) == {"made.zarr"}
    np.testing.assert_array_equal(read(path), small(seed=2).batch(0, 7))


@pytest.mark.parametrize("kind", ["folder", "file", "group"])
def test_what_is_no_store_is_not_deleted_even_by_force(tmp_path, kind):
    path = tmp_path / "made.zarr"
    thesis = path if kind == "file" else path / "thesis.txt"
    if kind != "file":
        path.mkdir()
    if kind == "group":
        zarr.create_group(path)
    thesis.write_text("years of work")
    with pytest.raises(FileExistsError, match=r"made.zarr' is not a Zarr array, so it is not"):
        save_zarr(small(), 3, path, force=True)
    assert names(tmp_path) == {"made.zarr"}
    assert thesis.read_text() == "years of work"


def test_an_unfinished_store_is_begun_anew_only_by_force(tmp_path):
    path = tmp_path / "made.zarr"
    partial = unfinished(path, kept={1})
    before = chunks(partial)
    with pytest.raises(FileExistsError, match=r"partial' exists: .*\(resume\), or .*\(force\)"):
        save_zarr(small(seed=2), 10, path)
    assert chunks(partial) == before
    save_zarr(small(seed=2), 10, path, force=True)
    assert names(tmp_path) == {"made.zarr"}
    np.testing.assert_array_equal(read(path), small(seed=2).batch(0, 10))


def test_an_old_truth_is_replaced_only_by_force(tmp_path):
    (tmp_path / "made.zarr-truth.npz").write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"made.zarr-truth.npz' exists"):
        save_zarr(small(), 3, tmp_path / "made.zarr", truth=True)
    assert names(tmp_path) == {"made.zarr-truth.npz"}
    save_zarr(small(), 3, tmp_path / "made.zarr", truth=True, force=True)
    with np.load(tmp_path / "made.zarr-truth.npz") as archive:
        assert len(archive["digits"]) == 3


def test_labels_that_no_file_holds_are_refused_before_any_work(tmp_path):
    names_of_digits = np.array([None, *"bcdefghijkl"], object)
    seen = []
    with pytest.raises(TypeError, match=r"labels are Python objects.*pass numbers or strings"):
        save_zarr(
            small(labels=names_of_digits), 10, tmp_path / "made.zarr",
            truth=True, progress=seen.append,
        )  # fmt: skip
    assert seen == [] and names(tmp_path) == set()


# stopped, and resumed


@pytest.mark.parametrize("layout", files.LAYOUTS)
@pytest.mark.parametrize("kept", [set(), {0}, {1, 3}, {0, 1, 2}, {0, 1, 2, 3}])
def test_what_was_finished_is_kept_and_the_rest_is_made(tmp_path, scheduler, layout, kept):
    path = tmp_path / "made.zarr"
    partial = unfinished(path, kept, layout=layout)
    before = chunks(partial)
    assert len(before) == len(kept)
    seen = []
    save_zarr(
        small(), 10, path, layout=layout, scheduler=scheduler, resume=True, progress=seen.append
    )
    assert names(tmp_path) == {"made.zarr"}
    np.testing.assert_array_equal(read(path), small().batch(0, 10))
    after = chunks(path)
    assert len(after) == 4 and before.items() <= after.items()
    told = 4 - len(kept) + bool(kept)  # what is there is told first
    assert len(seen) == told and seen == sorted(seen) and seen[-1] == 10


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_run_that_is_interrupted_can_be_resumed(tmp_path, scheduler, error):
    path, data = tmp_path / "made.zarr", small()

    def stop(done):
        if done > 30:
            raise error

    with pytest.raises(error):
        save_zarr(data, 300, path, scheduler=scheduler, progress=stop)
    assert names(tmp_path) == {".made.zarr.partial"}
    before = chunks(tmp_path / ".made.zarr.partial")
    assert len(before) >= 11  # of 100
    save_zarr(data, 300, path, scheduler=scheduler, resume=True)
    assert names(tmp_path) == {"made.zarr"}
    assert before.keys() <= chunks(path).keys()
    np.testing.assert_array_equal(read(path), data.batch(0, 300))


@pytest.mark.parametrize(
    ("changes", "n", "layout", "named"),
    [
        ({"seed": 2}, 10, "batch", {"seed": 1}),
        ({"n_digits": 3}, 10, "batch", {"n_digits": 2}),
        ({"n_frames": 5}, 10, "batch", {"n_frames": 4}),
        ({"size": 13}, 10, "batch", {"size": 12}),
        ({"step_length": 0.2}, 10, "batch", {"step_length": 0.1}),
        ({"rule": "reflect"}, 10, "batch", {"rule": "clamp"}),
        ({}, 11, "batch", {"n_sequences": 10}),
        ({}, 10, "canonical", {"layout": "batch"}),
        ({"seed": 2}, 11, "batch", {"n_sequences": 10, "seed": 1}),
        ({"images": digits()[::-1]}, 10, "batch", {"images_sha256": None}),
    ],
)
@pytest.mark.parametrize("force", [False, True])
def test_other_settings_are_not_mixed_into_a_store(tmp_path, changes, n, layout, named, force):
    path = tmp_path / "made.zarr"
    partial = unfinished(path, kept={0, 2})
    before = chunks(partial)
    if "images_sha256" in named:
        named = {"images_sha256": files.settings_of(small())["images_sha256"]}
    with pytest.raises(ValueError, match=r"was begun with .*: resume it with the same") as caught:
        save_zarr(small(**changes), n, path, layout=layout, resume=True, force=force)
    assert f"with {named}: " in str(caught.value)
    assert chunks(partial) == before and names(tmp_path) == {".made.zarr.partial"}


@pytest.mark.parametrize("left", [[], [".made.zarr.partial"]])
def test_nothing_to_resume_is_said(tmp_path, left):
    for name in left:  # as of a run that was killed at once
        (tmp_path / name).mkdir()
    with pytest.raises(FileNotFoundError, match=r"no .*made.zarr.partial' to resume: begin withou"):
        save_zarr(small(), 10, tmp_path / "made.zarr", resume=True)
    assert names(tmp_path) == set(left)


def test_a_link_at_the_name_of_an_unfinished_store_is_not_followed(tmp_path):
    partial = unfinished(tmp_path / "made.zarr", kept={1})
    before = chunks(partial.rename(tmp_path / "elsewhere"))
    partial.symlink_to("elsewhere")
    with pytest.raises(FileNotFoundError, match="to resume"):
        save_zarr(small(), 10, tmp_path / "made.zarr", resume=True)
    assert partial.is_symlink()
    save_zarr(small(), 10, tmp_path / "made.zarr", force=True)
    assert names(tmp_path) == {"made.zarr", "elsewhere"}
    assert chunks(tmp_path / "elsewhere") == before


def test_a_whole_store_is_not_resumed(tmp_path):
    save_zarr(small(), 10, tmp_path / "made.zarr")
    with pytest.raises(FileExistsError, match=r"made.zarr' exists"):
        save_zarr(small(), 10, tmp_path / "made.zarr", resume=True)


def test_a_version_with_other_blocks_resumes_nothing_wrongly(tmp_path, monkeypatch):
    path = tmp_path / "made.zarr"
    unfinished(path, kept={1})
    monkeypatch.setattr(scale, "CHUNK_BYTES", 5 * 576)
    with pytest.raises(ValueError, match=r"was begun with {'block': 3}: resume it with the same"):
        save_zarr(small(), 10, path, resume=True)


def test_what_a_killed_worker_was_writing_is_swept_up(tmp_path):
    path = tmp_path / "made.zarr"
    partial = unfinished(path, kept={0, 2})
    for stray in ("c/0/0/0/0.00ff.partial", "c/2/0/0/0.00ff.partial"):
        (partial / stray).write_bytes(b"half")
    save_zarr(small(), 10, path, resume=True)
    assert not list(path.rglob("*.partial"))
    np.testing.assert_array_equal(read(path), small().batch(0, 10))


@pytest.fixture
def disk_of_one_megabyte(tmp_path):
    """Mount one; only root may."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount"):
        pytest.skip("there is no mount to make a small disk with")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False, timeout=HANG).returncode:
        pytest.skip("a small disk could not be mounted (are you root?)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True, timeout=HANG)


def test_a_full_disk_is_named_and_the_store_resumed_when_there_is_room(
    disk_of_one_megabyte, monkeypatch, scheduler
):
    monkeypatch.setattr(scale, "CHUNK_BYTES", 100 * 576)
    path, ballast = disk_of_one_megabyte / "made.zarr", disk_of_one_megabyte / "ballast"
    ballast.write_bytes(bytes(900_000))
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_zarr(small(), 4000, path, scheduler=scheduler)
    assert caught.value.errno == errno.ENOSPC
    assert names(disk_of_one_megabyte) == {".made.zarr.partial", "ballast"}
    ballast.unlink()
    save_zarr(small(), 4000, path, scheduler=scheduler, resume=True)
    np.testing.assert_array_equal(read(path), small().batch(0, 4000))


# killed


@posix
def test_a_worker_that_is_killed_half_way_is_made_up_for(tmp_path):
    path, n = tmp_path / "made.zarr", 900
    left = []

    with new_cluster() as cluster:

        def kill(done):
            if not left:
                left.append(300 - len(chunks(tmp_path / ".made.zarr.partial")))
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

        save_zarr(small(), n, path, scheduler=cluster.scheduler_address, progress=kill)
    assert left[0] > 0  # blocks, when the worker was killed
    assert names(tmp_path) == {"made.zarr"} and not list(path.rglob("*.partial"))
    np.testing.assert_array_equal(read(path), small().batch(0, n))


@posix
def test_a_killed_command_is_resumed(tmp_path):
    path, n = tmp_path / "made.zarr", 4000
    partial = partial_path(path)
    command = [sys.executable, "-m", "mmnist_lib", "generate", path, "--source", "sample"]
    command += ["--sequences", str(n)]
    one_block_after_the_other = os.environ | {"DASK_NUM_WORKERS": "1"}
    with subprocess.Popen(command, env=one_block_after_the_other) as process:
        try:
            until = time.monotonic() + HANG
            while not chunks(partial) and time.monotonic() < until:
                assert process.poll() is None
                time.sleep(0.005)
        finally:
            process.kill()
    before = chunks(partial)
    assert process.returncode == -9 and names(tmp_path) == {partial.name}
    assert 0 < len(before) < 63

    subprocess.run([*command, "--resume"], capture_output=True, timeout=HANG, check=True)
    assert names(tmp_path) == {"made.zarr"}
    after = chunks(path)
    assert len(after) == 63 and before.items() <= after.items()
    _, (images, _) = load_mnist("sample")
    data, store = MovingMNIST(images), zarr.open_array(path, mode="r")
    for low in range(0, n, 512):
        high = min(low + 512, n)
        np.testing.assert_array_equal(store[low:high], data.batch(low, high))


# the scheduler


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout=1))
    began = time.monotonic()
    with pytest.raises(OSError, match=r"tcp://127\.0\.0\.1:1 "):
        save_zarr(small(), 3, tmp_path / "made.zarr", scheduler="tcp://127.0.0.1:1")
    assert time.monotonic() - began < HANG
    assert "made.zarr" not in names(tmp_path)


def test_the_wait_for_a_scheduler_is_bounded(tmp_path, monkeypatch):
    def client(address, timeout):
        raise OSError(f"{address} {timeout}")

    monkeypatch.setattr(distributed, "Client", client)
    with pytest.raises(OSError, match=r"^tcp://host:1 30$"):
        save_zarr(small(), 3, tmp_path / "made.zarr", scheduler="tcp://host:1")


def test_a_cluster_serves_after_a_run_and_no_client_stays_behind(tmp_path, cluster):
    for seed in (1, 2):
        path = tmp_path / f"{seed}.zarr"
        save_zarr(small(seed=seed), 10, path, scheduler=cluster.scheduler_address)
        np.testing.assert_array_equal(read(path), small(seed=seed).batch(0, 10))
    with pytest.raises(ValueError, match="No client"):
        distributed.default_client()


def test_the_settings_in_the_store_are_plain_json(tmp_path):
    save_zarr(small(), 3, tmp_path / "made.zarr")
    held = json.loads((tmp_path / "made.zarr" / "zarr.json").read_text())
    assert held["attributes"] == {
        "layout": "batch", "n_sequences": 3, "block": 3, **files.settings_of(small()),
    }  # fmt: skip


# Faults that need no root, and what is promised of a chunk.


def test_both_workers_take_part(tmp_path, cluster):
    def finished():
        with distributed.Client(cluster.scheduler_address) as client:
            return client.run(lambda dask_worker: dask_worker.state.executed_count)

    before = finished()
    save_zarr(small(), 300, tmp_path / "made.zarr", scheduler=cluster.scheduler_address)
    after = finished()
    assert len(after) == 2 and all(after[worker] > before[worker] for worker in after)


def test_a_write_that_fails_once_is_tried_again(tmp_path, monkeypatch, cluster):
    write, mark = scale._write, tmp_path / "failed"

    def fail_once(data, partial, blocks):
        if (6, 9) in blocks and not mark.exists():
            mark.touch()
            raise OSError(errno.EIO, "the network paused")
        return write(data, partial, blocks)

    monkeypatch.setattr(scale, "_write", fail_once)
    save_zarr(small(), 20, tmp_path / "made.zarr", scheduler=cluster.scheduler_address)
    assert mark.exists()
    np.testing.assert_array_equal(read(tmp_path / "made.zarr"), small().batch(0, 20))


def test_a_scheduler_that_does_not_answer_leaves_nothing_behind(tmp_path, monkeypatch):
    client = distributed.Client
    monkeypatch.setattr(distributed, "Client", lambda address, timeout: client(address, timeout=1))
    with pytest.raises(OSError, match="Timed out"):
        save_zarr(small(), 5, tmp_path / "made.zarr", scheduler="tcp://127.0.0.1:1")
    assert names(tmp_path) == set()


def test_a_link_is_followed(tmp_path):
    save_zarr(small(), 5, tmp_path / "real.zarr")
    (tmp_path / "link.zarr").symlink_to("real.zarr")
    save_zarr(small(seed=2), 4, tmp_path / "link.zarr", force=True)
    assert (tmp_path / "link.zarr").is_symlink()
    np.testing.assert_array_equal(read(tmp_path / "real.zarr"), small(seed=2).batch(0, 4))


def test_a_failing_write_is_named_and_the_store_resumed_after_it(tmp_path, monkeypatch):
    path, write = tmp_path / "made.zarr", scale._write

    def fail(data, partial, blocks):
        if (6, 9) in blocks:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(data, partial, blocks)

    monkeypatch.setattr(scale, "_write", fail)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_zarr(small(), 20, path)
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == {".made.zarr.partial"}
    monkeypatch.setattr(scale, "_write", write)
    save_zarr(small(), 20, path, resume=True)
    np.testing.assert_array_equal(read(path), small().batch(0, 20))


def test_a_chunk_is_renamed_into_place(tmp_path, monkeypatch):
    """What has a chunk's name is whole, which `resume` relies on; a new Zarr could end that."""
    path, replace = tmp_path / "made.zarr", Path.replace

    def fail(self, target):
        if "c" in Path(target).parts:
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="Input/output error"):
            save_zarr(small(), 3, path)
    assert names(tmp_path) == {".made.zarr.partial"}
    assert not chunks(tmp_path / ".made.zarr.partial")
    save_zarr(small(), 3, path, resume=True)
    np.testing.assert_array_equal(read(path), small().batch(0, 3))


def test_what_an_interrupted_run_finished_is_not_made_again(tmp_path, monkeypatch, scheduler):
    path, partial = tmp_path / "made.zarr", tmp_path / ".made.zarr.partial"

    def stop(done):
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save_zarr(small(), 300, path, scheduler=scheduler, progress=stop)
    # A block that was being written at that moment is still finished: wait until all is still.
    before, still = chunks(partial), time.monotonic() + 1
    while time.monotonic() < still:
        time.sleep(0.05)
        if (now := chunks(partial)) != before:
            before, still = now, time.monotonic() + 1
    assert 11 <= len(before) < 100
    seen = []
    save_zarr(small(), 300, path, scheduler=scheduler, resume=True, progress=seen.append)
    assert len(seen) == 1 + 100 - len(before) and seen[-1] == 300  # first, what is there
    assert before.items() <= chunks(path).items()
    np.testing.assert_array_equal(read(path), small().batch(0, 300))


@pytest.mark.parametrize("truth", ["half", "whole"])
def test_a_run_that_was_killed_at_the_truth_is_resumed(tmp_path, truth):
    partial = unfinished(tmp_path / "made.zarr", kept={0, 1, 2, 3})
    name = ".made.zarr-truth.npz.partial" if truth == "half" else "made.zarr-truth.npz"
    (tmp_path / name).write_bytes(b"PK")
    before = chunks(partial)
    save_zarr(small(), 10, tmp_path / "made.zarr", truth=True, resume=True)
    assert names(tmp_path) == {"made.zarr", "made.zarr-truth.npz"}
    assert chunks(tmp_path / "made.zarr") == before
    with np.load(tmp_path / "made.zarr-truth.npz") as archive:
        assert len(archive["digits"]) == 10


@pytest.mark.parametrize("absent", ["zarr", "dask", "dask.array", "distributed"])
def test_it_is_said_what_to_install(monkeypatch, absent):
    monkeypatch.setitem(sys.modules, absent, None)
    monkeypatch.delitem(sys.modules, "mmnist_lib.scale")
    with pytest.raises(ImportError, match=r"needs Zarr and Dask .*pip install 'mmnist-lib\[scale]"):
        importlib.import_module("mmnist_lib.scale")
