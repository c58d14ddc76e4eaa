"""Measure what a student's session needs: memory, processor time and time.

    python -m benchmarks.classroom

Each chapter and, where they have been made, each exercise runs once in a fresh kernel, one
after the other. The last thing that the kernel does is to tell its own peak memory, which is
the VmHWM of Linux, and the processor seconds of all its threads. So this needs Linux. One more
kernel only starts, and one JupyterLab server starts, hands out its page and then idles.

The results go into benchmarks/classroom.json, from which the page book/instructors.md derives
what a class needs; tests/teaching/test_instructors.py compares the two. Takes three minutes.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from benchmarks.speed import machine

HERE = Path(__file__).parent
BOOK, RESULTS = HERE.parent / "book", HERE / "classroom.json"

TELL = """
import json, os, pathlib, re

status = pathlib.Path("/proc/self/status").read_text()
print(json.dumps([int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) / 1024, sum(os.times()[:4])]))
"""


def kernel(notebook: nbformat.NotebookNode, folder: Path) -> dict[str, float]:
    """Run a notebook; return its kernel's peak in MiB, processor seconds, and seconds."""
    began = time.perf_counter()
    notebook.cells.append(nbformat.v4.new_code_cell(TELL))
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=1200, resources=resources)
    client.execute(stderr=subprocess.DEVNULL)  # kernels warn there of their own settings
    took = time.perf_counter() - began
    printed = [output.text for output in notebook.cells[-1].outputs if "text" in output]
    peak, processor = json.loads("".join(printed))
    return {"MiB": round(peak, 1), "cpu s": round(processor, 2), "s": round(took, 2)}


def server(patience: float = 60) -> dict[str, float]:
    """Start JupyterLab, fetch its page once, and return the server's peak in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JUPYTER_RUNTIME_DIR": folder, "JUPYTER_CONFIG_DIR": folder}
        options = ["--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root"]
        command = [sys.executable, "-m", "jupyterlab", *options, f"--ServerApp.root_dir={BOOK}"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            found: list[Path] = []
            while not found:
                time.sleep(0.5)
                patience -= 0.5
                if patience < 0 or process.poll() is not None:
                    raise RuntimeError("JupyterLab did not start")
                found = list(Path(folder).glob("jpserver-*.json"))
            time.sleep(2)  # the file is written before the extensions are ready
            running = json.loads(found[0].read_text(encoding="utf-8"))
            urllib.request.urlopen(f"{running['url']}lab?token={running['token']}").read()
            time.sleep(5)
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    if not peak:
        raise RuntimeError("this system does not tell a process's peak memory")
    return {"MiB": round(int(peak[1]) / 1024, 1)}


def told(name: str, row: dict[str, float]) -> str:
    """Write one line of the table."""
    rest = f"{row['cpu s']:8.1f} {row['s']:8.1f}" if "s" in row else ""
    return f"{name:36}{row['MiB']:8.0f} {rest}"


def main() -> None:
    """Measure, print a line for each as it is done, and store the results."""
    print(f"{'':36}{'MiB':>8} {'cpu s':>8} {'s':>8}")
    results = {"server": server()}
    print(told("JupyterLab, idle", results["server"]), flush=True)
    empty = nbformat.v4.new_notebook()
    paths = [None, *sorted(BOOK.glob("*.ipynb")), *sorted(BOOK.glob("exercises/*.ipynb"))]
    for path in paths:
        name = str(path.relative_to(BOOK).with_suffix("")) if path else "kernel"
        notebook = nbformat.read(path, as_version=4) if path else empty
        results[name] = kernel(notebook, path.parent if path else BOOK)
        print(told(name, results[name]), flush=True)
    stored = {"machine": machine(), "measured": results}
    RESULTS.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
