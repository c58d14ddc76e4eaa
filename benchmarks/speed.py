"""Measure how fast sequences are made, in memory, to a file and on workers.

    make bench                                    the bundled digits
    python -m benchmarks.speed --source mnist.npz

Each speed is measured in turns with a copy of as many bytes, which is the bound, and the
median of the turns is told: on a busy machine both slow down together. The results go into
benchmarks/speed.json and from there into the tables of benchmarks/README.md. Takes five
minutes, 2 GB of memory and 10 GB of disk.
"""

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import distributed
import numpy as np

from mmnist_lib import MovingMNIST, composite, load_mnist, save_sequences
from mmnist_lib.scale import save_zarr

HERE = Path(__file__).parent
RESULTS, README = HERE / "speed.json", HERE / "README.md"
SIZES = [1_000, 3_000, 10_000, 30_000, 100_000]
MARKS = "<!-- speed.py writes the following -->", "<!-- to here -->"


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turns(work: Callable[[], object], peer: Callable[[], object], turns: int = 9) -> list[float]:
    """Return the median seconds of `work`, and the median ratio of `peer` to it."""
    pairs = [(seconds(work), seconds(peer)) for _ in range(turns)]
    return [statistics.median(w for w, _ in pairs), statistics.median(p / w for w, p in pairs)]


def loop(data: MovingMNIST, n: int) -> None:
    """Make sequences as generators usually do: digit by digit, frame by frame."""
    rng, free = np.random.default_rng(0), data.size - 28
    for _ in range(n):
        clip = np.zeros((data.n_frames, data.size, data.size), np.uint8)
        for _ in range(data.n_digits):
            sprite = data.images[rng.integers(len(data.images))]
            (row, column), angle = rng.random(2), 2 * math.pi * rng.random()
            down, right = 0.1 * math.sin(angle), 0.1 * math.cos(angle)
            for frame in clip:
                row, column = row + down, column + right
                if not 0 < row < 1:
                    row, down = float(row >= 1), -down
                if not 0 < column < 1:
                    column, right = float(column >= 1), -right
                top, left = int(free * row), int(free * column)
                window = frame[top : top + 28, left : left + 28]
                np.maximum(window, sprite, out=window)


def in_memory(data: MovingMNIST, n: int = 10_000) -> dict[str, list[float]]:
    """Return, for each way, sequences a second and the ratio to a copy of the same bytes."""
    source = np.ones((n, 20, 64, 64), np.uint8)
    out, one = np.zeros_like(source), np.empty((20, 64, 64), np.uint8)

    def copies(times: int) -> None:
        for _ in range(times):
            np.copyto(one, source[0])

    def each(step: int, count: int) -> None:
        for i in range(0, count, step):
            data.batch(i, i + step)

    truth = data.truth(0, 500)

    def drawn(count: int) -> None:
        for i in range(count):
            composite(data.images[truth.digits[i]], truth.track[i])

    def items(count: int) -> None:
        for i in range(count):
            data[i]

    ways = {
        "`batch`, into a warm array": (
            n, lambda: data.batch(0, n, out=out), lambda: np.copyto(out, source)
        ),
        "`batch`, a new array": (n, lambda: data.batch(0, n), source.copy),
        "`batch` of 32, one after another": (3200, lambda: each(32, 3200), lambda: copies(3200)),
        "`data[i]`, one after another": (2000, lambda: items(2000), lambda: copies(2000)),
        "`composite`, from the ground truth": (500, lambda: drawn(500), lambda: copies(500)),
        "a loop over digits and frames": (500, lambda: loop(data, 500), lambda: copies(500)),
        "the ground truth alone": (
            n, lambda: data.truth(0, n), lambda: np.copyto(out, source)
        ),
    }  # fmt: skip
    found = {}
    for way, (count, work, peer) in ways.items():
        work()
        took, ratio = in_turns(work, peer)
        found[way] = [count / took, ratio]
        print(f"{way:32} {count / took:10,.0f} a second, {ratio:.3f} of a copy", flush=True)
    return found


# Linux alone tells the peak of a process's own memory, and lets it begin anew. The peak that
# the module `resource` tells includes that of the parent and of all that went before.
MEMORY = """
import re, sys
from pathlib import Path
from mmnist_lib import MovingMNIST, composite, load_mnist, save_sequences
data = MovingMNIST(load_mnist(sys.argv[1])[1][0])
Path("/proc/self/clear_refs").write_text("5")
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
before = peak()
{}
print((peak() - before) * 1.024 / 1e3)
"""


def memory(source: str, folder: Path) -> dict[str, float]:
    """Return megabytes above the imports and the digits, at the peak, for 10,000 sequences."""
    ways = {
        "in memory": "frames = data.batch(0, 10_000)",
        "to a file": f"save_sequences(data, 10_000, {str(folder / 'memory.npy')!r})",
    }
    found = {}
    for way, code in ways.items():
        command = [sys.executable, "-c", MEMORY.format(code), source]
        found[way] = float(subprocess.run(command, capture_output=True, check=True).stdout)
        print(f"peak memory, {way}: {found[way]:.0f} MB", flush=True)
    (folder / "memory.npy").unlink()
    return found


def sized(path: Path) -> int:
    """Return the bytes of a file, or of all the files in a folder."""
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())


def growth(data: MovingMNIST, folder: Path) -> dict[str, list[list[float]]]:
    """Return, for each way to write and each number of sequences, seconds and bytes."""
    found: dict[str, list[list[float]]] = {}

    def measure(way: str, n: int, path: Path, write: Callable[[], object]) -> None:
        found.setdefault(way, []).append([n, seconds(write), sized(path)])
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"{way:32} {n:8,} {found[way][-1][1]:8.2f} s", flush=True)

    npy, zarr = folder / "set.npy", folder / "set.zarr"
    for n in SIZES:
        measure("one .npy file", n, npy, lambda n=n: save_sequences(data, n, npy))
        measure("a store, threads", n, zarr, lambda n=n: save_zarr(data, n, zarr))
    for workers in (1, 2):
        way = f"a store, {workers} worker{'s' * (workers > 1)}"
        settings = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.LocalCluster(**settings) as cluster:
            there = {"scheduler": cluster.scheduler_address}
            save_zarr(data, 1000, zarr, **there)  # the workers import what they need
            shutil.rmtree(zarr)
            for n in SIZES:
                measure(way, n, zarr, lambda n=n, there=there: save_zarr(data, n, zarr, **there))
    return found


def table(results: dict) -> str:
    """Write the results as Markdown."""
    lines = ["| 10,000 sequences in memory | sequences a second | of a copy |", "|---|---:|---:|"]
    for way, (speed, ratio) in results["in memory"].items():
        lines.append(f"| {way} | {float(f'{speed:.2g}'):,.0f} | {ratio:.2g} |")
    lines += ["", "| 10,000 sequences | peak memory above the imports |", "|---|---:|"]
    lines += [f"| {way} | {peak:.0f} MB |" for way, peak in results["peak MB"].items()]
    heads = " | ".join(f"{n:,}" for n in SIZES)
    lines += ["", f"| seconds to write | {heads} |", "|---|" + "---:|" * len(SIZES)]
    for way, rows in results["growth"].items():
        lines.append(f"| {way} | " + " | ".join(f"{took:.2g}" for _, took, _ in rows) + " |")
    lines += ["", f"Machine: {results['machine']}."]
    return "\n".join(lines)


def machine() -> str:
    """Describe this machine in a line."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        cpu = Path("/proc/cpuinfo").read_text().split("model name\t: ")[1].split("\n")[0]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    return (
        f"{os.cpu_count()} cores ({cpu}), {total:.0f} GB, Python {python}, NumPy {np.__version__}"
    )


def main() -> None:
    """Measure, store the results, and put the tables into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="sample", help="as of load_mnist")
    args = parser.parse_args()
    data = MovingMNIST(*load_mnist(args.source)[1])
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        results = {
            "machine": machine(),
            "in memory": in_memory(data),
            "peak MB": memory(args.source, Path(folder)),
            "growth": growth(data, Path(folder)),
        }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1], 1)[1]  # the table of pages ends with the same mark
    tables = f"{MARKS[0]}\n\n{table(results)}\n\n{MARKS[1]}"
    README.write_text(before + tables + after, encoding="utf-8")


if __name__ == "__main__":
    main()
