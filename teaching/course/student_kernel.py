"""Run the cells of a student's notebook. `course_plugins.py` starts this inside a sandbox.

`main` reads cells from standard input, a line of JSON each, and answers with a line: what the
cell showed and, if it did not come to its end, why. A student's kernel can tamper with this
process, so the other end believes none of it. The kernel loads this file too, as an extension
that cuts what a cell prints before anybody holds it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import resource
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

CUT = "[cut here: this cell printed more than 1 MB]"
TEXT, SHOWN = 10**6, 2 * 10**6  # what one cell may print, and display, in characters
MAX_FILE = 50 * 10**6
PROCESSORS = 4  # more would need more memory: libraries reserve some for each


def limit_resources(memory: int, processor_seconds: int) -> None:
    """Limit what one process may use. `course_plugins.py` adds up what they use together."""
    # Not RLIMIT_AS: JAX and BLAS reserve gigabytes of addresses that they never use.
    limits = {
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_CPU: processor_seconds,
        resource.RLIMIT_FSIZE: MAX_FILE,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_NPROC: 2048,  # it counts all that this user runs, threads too
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    if hasattr(os, "sched_setaffinity"):
        free = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, random.sample(free, min(PROCESSORS, len(free))))


def main(memory: int, processor_seconds: int) -> None:
    """Run each cell that is asked for, in one kernel, until it ends or no more are asked for."""
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # jsonschema takes a second
    from nbclient import NotebookClient
    from nbclient.exceptions import DeadKernelError
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    room, replies = Path.cwd(), []
    for name in ("work", "home", "tmp"):
        (room / name).mkdir(exist_ok=True)
    os.environ |= {
        "HOME": f"{room}/home",
        "MPLCONFIGDIR": f"{room}/home",
        "PYTHONPATH": f"{room}/home",  # here is this file
        "TMPDIR": f"{room}/tmp",
        "USER": "student",
        "LOGNAME": "student",
        "JAX_PLATFORMS": "cpu",
        "NBGRADER_EXECUTION": "autograde",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
    }
    limit_resources(memory, processor_seconds)
    client = NotebookClient(
        new_notebook(),
        kernel_name="python3",
        allow_errors=True,
        interrupt_on_timeout=True,
        iopub_timeout=10**6,  # the other end kills who does not stop
        store_widget_state=False,
        timeout_func=lambda cell: cell.metadata["seconds"],
        on_cell_executed=lambda execute_reply, **_: replies.append(execute_reply["content"]),
        extra_arguments=[
            "--InteractiveShellApp.extra_extensions=student_kernel",
            "--HistoryManager.hist_file=:memory:",
        ],
    )
    nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with client.setup_kernel(cwd=f"{room}/work", **nowhere):
        kernel: Any = client.km.provisioner.process  # type: ignore[union-attr]
        say(room, [])
        for line in sys.stdin:
            asked = json.loads(line)
            too_long = f"the cell ran longer than {round(asked['seconds'], 1):g} s"
            client.error_on_timeout = {"ename": "TimeLimit", "evalue": too_long}
            client.reset_execution_trackers()
            cell = new_code_cell(asked["source"], metadata={"seconds": asked["seconds"]})
            client.nb.cells = [cell]
            try:
                client.execute_cell(cell, 0)
            except DeadKernelError:
                why = f"the kernel ended in this cell: {said_by(kernel.wait())}"
                return say(room, cell.outputs, "KernelEnded", why)
            reply = replies.pop()
            name, words = reply.get("ename", ""), reply.get("evalue", "")
            if (name, words) == ("TimeLimit", too_long):
                say(room, cell.outputs, name, f"{words} and was interrupted")
                continue
            if reply["status"] != "ok" and all(o.output_type != "error" for o in cell.outputs):
                # nobody who has no error shown is spared it
                cell.outputs += [new_output("error", ename=name, evalue=words, traceback=[])]
            say(room, cell.outputs)


def say(room: Path, outputs: list[Any], name: str = "", words: str = "") -> None:
    """Answer with a line, without this machine's paths and what no file in UTF-8 can hold."""
    text = json.dumps({"outputs": outputs, "name": name, "words": words}, ensure_ascii=False)
    for path, word in {f"{room}/work": ".", str(room): "~", **places()}.items():
        text = text.replace(path, word)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()


def places() -> dict[str, str]:
    """Return the folders that a traceback may name, and what it should say instead."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = {path: Path(path).name for path in map(sysconfig.get_path, names)}
    library = importlib.util.find_spec("mmnist_lib")
    for path in (library and library.submodule_search_locations) or []:
        found[path] = "mmnist_lib"
    return dict(sorted(found.items(), key=lambda item: -len(item[0])))


def said_by(status: int) -> str:
    """Put a process's return code into words."""
    if status >= 0:
        return f"it ended itself with status {status}"
    name = signal.Signals(-status).name
    if name in ("SIGKILL", "SIGXCPU"):
        return "the system killed it for want of memory or for too much processor time"
    return f"it crashed ({name}), perhaps for want of memory"


class Meter:
    """Cuts what a cell prints and displays before it leaves the kernel, so that nobody holds it."""

    def __init__(self) -> None:
        self.cell, self.text, self.shown = "", 0, 0

    def cut(self, message: dict[str, Any]) -> dict[str, Any]:
        """Return a message as it may be sent."""
        kind, content = message["header"]["msg_type"], message.get("content")
        if not isinstance(content, dict):
            return message
        content = dict(content)
        cell = message["parent_header"].get("msg_id", "")
        if cell != self.cell:
            self.cell, self.text, self.shown = cell, 0, 0
        if kind == "stream":
            left = TEXT - self.text
            self.text += len(content["text"])
            if self.text > TEXT:  # the note comes once
                content["text"] = f"{content['text'][:left]}\n{CUT}\n" if left >= 0 else ""
                self.text = TEXT + 1
        elif kind in ("display_data", "execute_result", "update_display_data"):
            self.shown += sum(len(str(value)) for value in content["data"].values())
            if self.shown > SHOWN:
                content["data"] = {"text/plain": "[not shown: more than 2 MB in this cell]"}
        elif kind in ("error", "execute_reply") and "evalue" in content:
            content["evalue"] = content["evalue"][:5000]
            content["traceback"] = [line[:5000] for line in content["traceback"][:100]]
        return message | {"content": content}


def load_ipython_extension(shell: Any) -> None:
    """Put a meter into the kernel that loads this file."""
    from jupyter_client.session import Session

    meter, whole = Meter(), Session.serialize
    changes: list[tuple[Any, str, Any]] = [
        (Session, "serialize", lambda self, m, ident=None: whole(self, meter.cut(m), ident)),
        # `exit()` in a notebook would end the kernel a moment later, in some other cell.
        (type(shell), "ask_exit", lambda self: None),
    ]
    for where, name, what in changes:
        setattr(where, name, what)
