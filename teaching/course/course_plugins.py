"""What nbgrader uses in this course in the place of its own: `nbgrader_config.py` names them.

`ContainedExecute` runs a submission in a confined kernel (`student_kernel.py`). A cell that runs
too long, or ends the kernel, gets an error in words, and the other cells keep their points.
`RestoreCells` puts back what a student deleted, and `HideTests` keeps the hidden tests out of the
feedback.
"""

from __future__ import annotations

import contextlib
import functools
import html
import importlib.util
import json
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import zmq
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor, OverwriteCells
from nbgrader.utils import is_grade, is_solution
from traitlets import Float, Integer

WATCHER = Path(__file__).with_name("student_kernel.py")
# What a student's kernel gets of the environment. The rest may hold secrets.
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "KERAS_BACKEND")
START, GRACE = 60.0, 3.0  # seconds for a kernel to start, and to stop once it is interrupted
LARGEST_MESSAGE, LARGEST_CELL = 32 << 20, 16 << 20  # bytes; honest kernels cut far below this


class StudentKernel:
    """A confined kernel with a folder of its own, which goes when it is stopped.

    Parameters
    ----------
    files : Path
        The submission. The kernel works in a copy, without the notebook, which holds the tests.
    memory : int
        How many bytes its processes may use together.
    processor_seconds : int
        How long each may compute.
    """

    def __init__(self, files: Path, memory: int, processor_seconds: int) -> None:
        self.folder = private_folder()
        self.context = zmq.Context()
        self.context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self.client = BlockingKernelClient(context=self.context)
        self.watcher: subprocess.Popen[bytes] | None = None
        self.stopped, self.why, self.words = False, "it was not there", ""
        try:
            ignored = shutil.ignore_patterns("*.ipynb")
            shutil.copytree(files, self.folder / "work", symlinks=True, ignore=ignored)
            for file in font_lists():
                shutil.copy(file, self.folder / "home")
            connection = str(self.folder / "connection.json")
            # Not TCP: there is no network inside, and files are closed to other users.
            key = os.urandom(32).hex().encode()
            write_connection_file(connection, ip=f"{self.folder}/c", transport="ipc", key=key)
            limits = {"memory": memory, "processor_seconds": processor_seconds}
            self.watcher = watcher(self.folder, "watch", str(self.folder), json.dumps(limits))
            self.client.load_connection_file(connection)
            self.client.start_channels(stdin=False, hb=False, control=False)
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START
        while time.monotonic() < until:
            # Asked again and again: what is published before we are subscribed is lost.
            why = self._listen(self.client.kernel_info(), 0.5, lambda *_: None, starting=True)
            if why is None:
                return
            if not self.alive:
                break
        raise RuntimeError(f"the student's kernel did not start: {self.stop()} {self.words}")

    def run(self, source: str, seconds: float) -> tuple[list[Any], str, str]:
        """Run a cell.

        Parameters
        ----------
        source : str
            What the student wrote, or a test.
        seconds : float
            How long it may take.

        Returns
        -------
        outputs : list of NotebookNode
            What it showed.
        name, words : str
            Why it did not come to its end; empty if it did.
        """
        shown = Shown()
        request = self.client.execute(source, allow_stdin=False, stop_on_error=False)
        why = self._listen(request, seconds, shown.add)
        if why is None:
            reply = self._reply(request)
            if reply.get("status") != "ok" and not any(
                output["output_type"] == "error" for output in shown.outputs
            ):  # whoever has no error shown is not spared it
                name = str(reply.get("ename", "NoReply"))
                shown.outputs.append(error(name, str(reply.get("evalue", "the kernel is silent"))))
        name, words = why or ("", "")
        return tidy(shown.outputs, self.folder), name, words

    def _listen(
        self,
        request: str,
        seconds: float,
        heard: Callable[[str, Any], None],
        starting: bool = False,
    ) -> tuple[str, str] | None:
        """Hand on what belongs to a request until it is done; else say why it never will be."""
        assert self.watcher
        limit, interrupted = time.monotonic() + seconds, False
        too_long = f"the cell ran longer than {round(seconds, 1):g} s"
        while True:
            if time.monotonic() > limit:
                if starting:
                    return "TimeLimit", too_long
                if interrupted:
                    self.stop()
                    return "TimeLimit", f"{too_long} and did not stop when it was interrupted"
                interrupted, limit = True, limit + GRACE
                self.watcher.send_signal(signal.SIGINT)
            try:
                message = self.client.iopub_channel.get_msg(timeout=0.1)
                if message["parent_header"].get("msg_id") == request:
                    kind = message["header"]["msg_type"]
                    if kind == "status" and message["content"]["execution_state"] == "idle":
                        if interrupted:
                            return "TimeLimit", f"{too_long} and was interrupted"
                        return None
                    heard(kind, message)
            except Empty:
                if self.watcher.poll() is not None:
                    return "KernelEnded", f"the kernel ended in this cell: {self.stop()}"
            except Exception as trouble:  # not from a kernel that nobody tampered with
                self.stop()
                return "KernelEnded", f"the kernel sent what cannot be read ({trouble})"

    def _reply(self, request: str) -> Any:
        with contextlib.suppress(Exception):
            while True:
                reply = self.client.shell_channel.get_msg(timeout=2)
                if reply["parent_header"].get("msg_id") == request:
                    return reply["content"]
        return {}

    @property
    def alive(self) -> bool:
        """Whether it can run another cell."""
        return self.watcher is not None and self.watcher.poll() is None

    def stop(self) -> str:
        """End it with all that it started, remove its folder, and return why it had ended."""
        if not self.stopped and self.watcher:
            try:
                said, _ = self.watcher.communicate(timeout=30)  # it closes its standard input
                self.why, _, self.words = said.decode(errors="replace").partition("\n")
            except subprocess.TimeoutExpired:
                self.watcher.kill()
        self.stopped = True
        self.client.stop_channels()
        self.context.destroy(linger=0)
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.why


class Shown:
    """What a cell shows, gathered from the messages of its kernel."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self.named: dict[str, Any] = {}
        self.size = 0

    def add(self, kind: str, message: Any) -> None:
        """Take in a message."""
        content = message["content"]
        name = (content.get("transient") or {}).get("display_id")
        self.size += len(json.dumps(content, default=str))
        if kind == "clear_output":
            self.outputs.clear()
        elif self.size > LARGEST_CELL:
            return
        elif kind == "stream":
            last = self.outputs[-1] if self.outputs else {}
            if last.get("output_type") == "stream" and last["name"] == content["name"]:
                last["text"] += content["text"]
            elif content["text"]:
                self.outputs.append(nbformat.v4.output_from_msg(message))
        elif kind == "update_display_data" and str(name) in self.named:
            self.named[str(name)].update(data=content["data"], metadata=content["metadata"])
        elif kind in ("display_data", "execute_result", "error"):
            self.outputs.append(nbformat.v4.output_from_msg(message))
            self.named[str(name)] = self.outputs[-1]


class ContainedExecute(NbGraderPreprocessor):  # type: ignore[misc]
    """Run a submission in the place of nbgrader's Execute."""

    cell_seconds = Float(60, help="how long a cell may take").tag(config=True)
    all_seconds = Float(900, help="how long a notebook may take").tag(config=True)
    memory_gb = Float(3, help="how much memory it may use").tag(config=True)
    restarts = Integer(3, help="how often a kernel that ended is replaced").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run all cells and store what they show."""
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        for cell in cells:
            cell.outputs, cell.execution_count = [], None
        cells = [cell for cell in cells if cell.source.strip()]
        nb.metadata["language_info"] = {"name": "python"}
        run = Run(self, Path(resources["metadata"]["path"]), [cell.source for cell in cells])
        try:
            for number, cell in enumerate(cells):
                cell.execution_count = number + 1
                cell.outputs = run.outputs(number)
                if is_grade(cell) and not is_solution(cell):
                    for output in cell.outputs:  # nbgrader takes all that is on stderr for an
                        if output.get("name") == "stderr":  # error, a mere warning too
                            output["name"] = "stdout"
        finally:
            if run.kernel:
                run.kernel.stop()
        return nb, resources


class Run:
    """One submission: its cells, its kernel, and what is left of its limits."""

    def __init__(self, limits: ContainedExecute, files: Path, cells: list[str]) -> None:
        self.limits, self.files, self.cells = limits, files, cells
        self.until = time.monotonic() + limits.all_seconds
        self.kernel: StudentKernel | None = None
        self.starts = 0
        self.left_out: set[int] = set()  # cells that no new kernel runs again

    def seconds(self) -> float:
        """Return how long the next cell may take."""
        return min(self.limits.cell_seconds, self.until - time.monotonic())

    def outputs(self, number: int) -> list[Any]:
        """Run a cell, and return what it showed, or why it did not run to its end."""
        kernel = self._ready(number)
        if isinstance(kernel, str):
            return [error("NotRun", f"not run, since {kernel}")]
        outputs, name, words = kernel.run(self.cells[number], self.seconds())
        if name:
            self.left_out.add(number)
            outputs.append(error(name, words))
        return outputs

    def _ready(self, number: int) -> StudentKernel | str:
        """Return a kernel in which the earlier cells have run, or why there is none."""
        while self.seconds() > 0:
            if self.kernel and self.kernel.alive:
                return self.kernel
            if self.starts > self.limits.restarts:
                return f"the notebook ended its kernel {self.starts} times"
            self.starts += 1
            memory = int(self.limits.memory_gb * 1e9)
            self.kernel = StudentKernel(self.files, memory, int(self.limits.all_seconds * 4) + 1)
            for earlier in range(number):
                source = "pass" if earlier in self.left_out else self.cells[earlier]
                if self.seconds() > 0 and self.kernel.run(source, self.seconds())[1]:
                    self.left_out.add(earlier)
                if not self.kernel.alive:
                    break
        return f"the notebook took longer than {self.limits.all_seconds:g} s in all"


class RestoreCells(OverwriteCells):  # type: ignore[misc]
    """Put back what a student deleted: tests, answers that carry points, and what was given.

    nbgrader's own way (`add_missing_cells`) fails where a cell that is locked but not graded
    stands before the test, and does not bring that cell back.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore what was edited, then what is missing, each after what it followed."""
        nb, resources = super().preprocess(nb, resources)
        with Gradebook(self.db_url) as gradebook:
            source = gradebook.find_notebook(self.notebook_id, self.assignment_id)
            points = {cell.name: cell.max_score for cell in source.grade_cells}
            last = -1  # after which cell the next missing one belongs
            for cell in source.source_cells:
                places = [i for i, there in enumerate(nb.cells) if name_of(there) == cell.name]
                if places:
                    last = places[0]
                elif cell.locked or cell.name in points:
                    last += 1
                    nb.cells.insert(last, restored(cell, points.get(cell.name)))
        return nb, resources


def restored(cell: Any, points: float | None) -> Any:
    """Return a cell as it was released. An answer without a change gets no points."""
    about = {
        "grade_id": cell.name,
        "grade": points is not None,
        "locked": cell.locked,
        "solution": not cell.locked,
        "task": False,
        "checksum": cell.checksum,
        "cell_type": cell.cell_type,
        "schema_version": 3,
    }
    if points is not None:
        about["points"] = points
    new = {"cell_type": cell.cell_type, "source": cell.source, "metadata": {"nbgrader": about}}
    if cell.cell_type == "code":
        new |= {"outputs": [], "execution_count": None}
    return nbformat.from_dict(new)


def name_of(cell: Any) -> str:
    """Return nbgrader's name of a cell, or nothing."""
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


class HideTests(NbGraderPreprocessor):  # type: ignore[misc]
    """Keep the hidden tests out of the feedback, also where an output quotes them."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Remove the regions, their tracebacks, and their lines wherever they occur."""
        hidden: set[str] = set()
        public: set[str] = set()
        for cell in nb.cells:
            shown: list[str] = []
            secret: list[str] = []
            inside = False
            for line in cell.source.split("\n"):
                if is_grade(cell) and not is_solution(cell) and "BEGIN HIDDEN TESTS" in line:
                    inside = True
                (secret if inside else shown).append(line)
                inside = inside and "END HIDDEN TESTS" not in line
            if secret:
                cell.source = "\n".join(shown)
                for output in cell.get("outputs", []):
                    if output.output_type == "error":
                        output.traceback = [f"{output.ename}: {output.evalue}"]
            hidden |= {line.strip() for line in secret}
            public |= {line.strip() for line in shown}
        lines = [line for line in hidden - public if len(line) > 5]
        lines += [form(line) for line in lines for form in (html.escape, lambda x: repr(x)[1:-1])]
        lines.sort(key=len, reverse=True)
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = without(cell.outputs, lines)
        return nb, resources


def without(value: Any, lines: list[str]) -> Any:
    """Return a copy of outputs that quotes none of some lines, not even with colors in them."""
    if isinstance(value, dict):
        return nbformat.from_dict({key: without(item, lines) for key, item in value.items()})
    if isinstance(value, list):
        return [without(item, lines) for item in value]
    if isinstance(value, str):
        plain = re.sub(r"\x1b\[[\d;]*m", "", value)
        for line in lines:
            if line in plain:
                value = plain = plain.replace(line, "[hidden test]")
    return value


def error(name: str, words: str) -> Any:
    """Return an output that nbgrader counts as an error and a reader understands."""
    return nbformat.v4.new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])


def tidy(outputs: list[Any], folder: Path) -> list[Any]:
    """Take this machine's paths out of outputs, and what no file in UTF-8 can hold."""
    text = json.dumps(outputs, ensure_ascii=False)
    for path, word in {f"{folder}/work": ".", str(folder): "~", **places()}.items():
        text = text.replace(path, word)
    return [nbformat.from_dict(output) for output in json.loads(text.encode("utf-8", "replace"))]


@functools.cache
def places() -> dict[str, str]:
    """Return the folders that a traceback may name, and what it should say instead."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {path: Path(path).name for path in map(sysconfig.get_path, names)}
    library = importlib.util.find_spec("mmnist_lib")
    for path in (library and library.submodule_search_locations) or []:
        found[path] = "mmnist_lib"
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


@functools.cache
def font_lists() -> list[Path]:
    """Return Matplotlib's lists of fonts, which take seconds to make in a new home folder."""
    with contextlib.suppress(ImportError):
        import matplotlib.font_manager

        return list(Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
    return []


def private_folder() -> Path:
    """Make the folder in which a kernel may write."""
    folder = Path(tempfile.mkdtemp(prefix="kernel-")).resolve()
    if len(str(folder)) > 90:  # a socket's path may have about 100 characters
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="kernel-", dir="/tmp")).resolve()
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return folder


def watcher(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start `student_kernel.py` with an environment that holds no secrets."""
    home = str(folder / "home")
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "PYTHONUSERBASE": site.getuserbase(),
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "TMPDIR": str(folder / "tmp"),
        "MPLCONFIGDIR": home,
        "JAX_PLATFORMS": "cpu",
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-P", str(WATCHER), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=folder,
        start_new_session=True,  # Ctrl-C is for the grading run, which then ends the kernel
    )


def probe(course: Path, memory_gb: float) -> list[str]:
    """Return what student code can do here that it should not, and what it must be able to do."""
    folder = private_folder()
    (folder / "work").mkdir()
    with tempfile.NamedTemporaryFile(dir=course, prefix=".probe-") as outside:
        limits = json.dumps({"memory": int(memory_gb * 1e9), "processor_seconds": 60})
        trying = watcher(folder, "probe", str(folder), outside.name, limits)
        said, _ = trying.communicate(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        worked: list[str] = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        words = said.decode(errors="replace").strip()[-300:]
        raise RuntimeError(f"student code cannot be run on this system: {words}") from None
    return worked
