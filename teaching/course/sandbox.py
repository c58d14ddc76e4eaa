"""Run a student's cells where they can do little harm: in bubblewrap, or in a container.

`Sandbox` starts `student_kernel.py` there. The two talk in lines of JSON, over a pipe, and
nothing else leads out. All that comes back is a student's word: its size is bounded before it
is read, and what is shown is rebuilt from plain text and pictures.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import importlib.util
import json
import mmap
import os
import re
import select
import shutil
import site
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped, unused-ignore]
from nbformat.v4 import new_output

NOWHERE = subprocess.DEVNULL
KERNEL = Path(__file__).with_name("student_kernel.py")
START, GRACE = 300.0, 5.0  # seconds for a kernel to start, and to stop once it is interrupted
MAX_SENT, MAX_ANSWER = 50 * 10**6, 5 * 10**6  # bytes of a submission, and of what a cell shows
MAX_WRITTEN, MAX_FILES, MAX_PROCESSES = 500 * 10**6, 100_000, 64
# What a sandbox gets of the environment. The rest may hold secrets. systemd asks for the last two.
KEPT = """PATH LANG LC_ALL LC_CTYPE TZ LD_LIBRARY_PATH KERAS_BACKEND
    XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS"""
SHOWN = ("text/plain", "image/png", "image/jpeg")

ROOM = "/student"  # where files are written: into memory, and no more than fits
ISOLATED = f"""--unshare-all --unshare-user --uid 1000 --gid 1000 --cap-drop ALL --disable-userns
    --new-session --die-with-parent --proc /proc --ro-bind /dev/null /proc/keys --remount-ro /proc
    --dev /dev --ro-bind /dev/null /dev/zero --remount-ro /dev
    --size {MAX_WRITTEN} --tmpfs {ROOM} --chdir {ROOM}
    --dir {ROOM}/tmp --symlink .{ROOM}/tmp /tmp"""
SYSTEM = """/usr/lib /usr/lib32 /usr/lib64 /usr/libexec /usr/bin /usr/share /usr/local/lib
    /usr/local/share/fonts /lib /lib64 /bin /nix/store /etc/fonts /etc/ld.so.cache /etc/localtime
    /etc/passwd /etc/nsswitch.conf /etc/mime.types /sys/devices/system/cpu"""
# They reach keys of the instructor's session, memory that no process is charged for, or others.
REFUSED = """add_key keyctl request_key memfd_create shmget msgget semget mq_open ptrace
    process_vm_readv process_vm_writev io_uring_setup userfaultfd perf_event_open bpf"""
FAMILIES = {socket.AF_UNIX, socket.AF_INET, getattr(socket, "AF_NETLINK", 16), socket.AF_INET6}

# Writes the files that it is sent, and leaves the rest to one of them.
UNPACK = """
import base64, json, pathlib, sys
job = json.loads(sys.stdin.buffer.readline())
for name, data in job.pop("files").items():
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(data))
sys.path.insert(0, "home")
__import__("student_kernel").main(**job)
"""


# Says which packages are missing.
LOOK = """
import importlib.util, sys
needed = ("ipykernel", "nbclient", "mmnist_lib")
lacks = [name for name in needed if not importlib.util.find_spec(name)]
sys.exit(f"student code lacks {', '.join(lacks)}" if lacks else 0)
"""


class Refused(Exception):
    """Student code cannot be run here, and the message says what to do."""


def bubblewrap(rules: IO[bytes]) -> list[str]:
    """Return the command that runs Python with files, processes and network of its own."""
    program = shutil.which("bwrap")
    if program is None:
        raise Refused("bubblewrap is missing: apt install bubblewrap")
    try:
        import pyseccomp as seccomp  # type: ignore[import-untyped, unused-ignore]
    except (ImportError, RuntimeError) as trouble:
        raise Refused(f"{trouble}: pip install pyseccomp, and apt install libseccomp2") from None
    allowed = seccomp.SyscallFilter(seccomp.ALLOW)
    for name in REFUSED.split():
        allowed.add_rule(seccomp.ERRNO(errno.EPERM), name)
    shared = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
    flags = seccomp.Arg(3, seccomp.MASKED_EQ, shared, shared)
    allowed.add_rule(seccomp.ERRNO(errno.EPERM), "mmap", flags)
    for family in set(range(64)) - FAMILIES:  # vsock leads to the host of a virtual machine
        one = seccomp.Arg(0, seccomp.EQ, family)
        allowed.add_rule(seccomp.ERRNO(errno.EAFNOSUPPORT), "socket", one)
    allowed.export_bpf(rules)
    rules.seek(0)
    reading = [part for path in readable() for part in ("--ro-bind-try", path, path)]
    ours = [*ISOLATED.split(), *reading, "--remount-ro", "/", "--seccomp", str(rules.fileno())]
    return [program, *ours, sys.executable]


def readable() -> list[str]:
    """Return what a kernel needs to read: this Python, its packages, mmnist_lib, the system's."""
    paths = [*SYSTEM.split(), *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    paths += map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    paths += [site.getusersitepackages()]
    for prefix in (sys.prefix, sys.base_prefix):
        paths += [f"{prefix}/{part}" for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    library = importlib.util.find_spec("mmnist_lib")  # it may be an editable installation
    paths += (library and library.submodule_search_locations) or []
    return [path for path in paths if path]


@functools.cache
def scope(memory: int) -> list[str]:
    """Return the beginning of a command that gets so much memory from systemd, where there is one.

    Without it, `Sandbox` adds up what the processes use, a moment late.
    """
    limits = (f"--property=MemoryMax={memory}", "--property=MemorySwapMax=0")
    command = ["systemd-run", "--user", "--scope", "--quiet", "--collect", *limits]
    works = shutil.which(command[0]) and not subprocess.call([*command, "true"], stderr=NOWHERE)
    return command if works else []


def container(image: str, memory: int, name: str) -> list[str]:
    """Return the command that runs Python in a container without a network."""
    program = shutil.which("docker") or shutil.which("podman")
    if program is None:
        raise Refused("there is neither docker nor podman to run a container: install one")
    limits = f"""--rm --interactive --pull never --name {name} --network none --read-only
        --cap-drop ALL --security-opt no-new-privileges --memory {memory} --memory-swap {memory}
        --pids-limit 1024 --ulimit nofile=1024:1024 --ulimit nproc=2048:2048
        --tmpfs {ROOM}:rw,mode=1777,size={MAX_WRITTEN} --workdir {ROOM}"""
    return [program, "run", *limits.split(), image, "python"]


def start(settings: Any, script: str, folder: Path, **streams: Any) -> subprocess.Popen[bytes]:
    """Start Python on a script, contained as the settings of `ContainedExecute` say."""
    memory, environment, command = int(settings.memory_gb * 1e9), None, [sys.executable]
    with tempfile.TemporaryFile() as rules:
        if settings.container:
            command = container(settings.container, memory, folder.name)
        else:
            kept = {name: os.environ[name] for name in KEPT.split() if name in os.environ}
            environment = kept | {"PYTHONUSERBASE": site.getuserbase()}
            if settings.contained:
                command = [*scope(memory), *bubblewrap(rules)]
        return subprocess.Popen(
            [*command, "-P", "-c", script],
            env=environment,
            cwd=folder,
            pass_fds=[rules.fileno()],
            start_new_session=True,  # Ctrl-C is for the grading run, which then ends it
            **streams,
        )


def try_out(settings: Any) -> str:
    """Look for what a kernel needs, and say what contains it."""
    with tempfile.TemporaryDirectory() as folder:
        trying = start(settings, LOOK, Path(folder), stderr=subprocess.PIPE)
        said = trying.communicate(timeout=300)[1].decode(errors="replace").strip()
    words = said.splitlines()[-1] if said else f"status {trying.returncode}"
    if words.startswith("student code lacks"):
        raise Refused(f"{words}: install it for {settings.container or sys.executable}")
    if trying.returncode:
        raise Refused(f"student code cannot be contained on this system ({words})")
    if settings.container:
        return f"It runs in a container of {settings.container}: no files of yours, no network."
    if settings.contained:
        return "It runs in bubblewrap: it can reach none of your files, and no network."
    return "NOT CONTAINED: it can read and change all that you can, and use the network."


class Sandbox:
    """A kernel in a place of its own, for one submission.

    Parameters
    ----------
    settings : ContainedExecute
        What contains it, and its limits.
    files : Path
        The submission. The kernel gets a copy, without the notebook, which holds the tests.
    """

    def __init__(self, settings: Any, files: Path) -> None:
        self.settings, self.ready = settings, False
        sent = {"home/student_kernel.py": KERNEL}
        sent |= {f"home/{path.name}": path for path in font_lists()}
        for path in files.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
                sent[f"work/{path.relative_to(files)}"] = path
        if sum(path.stat().st_size for path in sent.values()) > MAX_SENT:
            raise RuntimeError(f"its files are larger than {MAX_SENT / 1e6:g} MB")
        self.folder = Path(tempfile.mkdtemp(prefix="kernel-"))
        pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = start(settings, UNPACK, self.folder, stderr=NOWHERE, **pipe)
        assert self.process.stdin and self.process.stdout
        self.sink, self.source = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.sink, False)
        job = {
            "files": {name: base64.b64encode(p.read_bytes()).decode() for name, p in sent.items()},
            "memory": int(settings.memory_gb * 1e9),
            "processor_seconds": int(settings.all_seconds * 4) + 1,
        }
        *_, why = self._ask(job, START)
        if why:
            raise RuntimeError(f"the student's kernel did not start: {why}")
        self.ready = True

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
        return self._ask({"source": source, "seconds": seconds}, seconds)

    def _ask(self, message: Any, seconds: float) -> tuple[list[Any], str, str]:
        """Send a line and take the answer apart; end it all if there is none."""
        try:
            answer = json.loads(self._answer(json.dumps(message).encode() + b"\n", seconds))
            outputs = [output for each in answer["outputs"] if (output := rebuilt(each))]
            why = str(answer["name"]), str(answer["words"])
            if why[0] == "KernelEnded":
                self.stop()
            return outputs, *why
        except TimeoutError as trouble:
            why = "TimeLimit", str(trouble)
        except EOFError as trouble:
            why = "KernelEnded", f"the kernel ended in this cell: {trouble}"
        except Exception as trouble:  # not from a kernel that nobody tampered with
            why = "KernelEnded", f"the kernel sent what cannot be read ({type(trouble).__name__})"
        self.stop()
        return [], *why

    def _answer(self, message: bytes, seconds: float) -> bytes:
        unsent, heard = memoryview(message), bytearray()
        until, looked = time.monotonic() + seconds + GRACE, 0.0
        while True:
            sinks = [self.sink] if unsent else []
            readable, writable, _ = select.select([self.source], sinks, [], 0.1)
            if writable:
                with contextlib.suppress(BrokenPipeError):  # then there is nothing to read, too
                    unsent = unsent[os.write(self.sink, unsent[: 1 << 16]) :]
            if readable:
                heard += (data := os.read(self.source, 1 << 16))
                if b"\n" in data:
                    return bytes(heard[: heard.index(b"\n")])
                if not data:
                    raise EOFError("it was ended from inside")
                if len(heard) > MAX_ANSWER:
                    raise EOFError(f"it sent more than {MAX_ANSWER / 1e6:g} MB")
            if (now := time.monotonic()) > until:
                words = f"the cell ran longer than {round(seconds, 1):g} s"
                raise TimeoutError(f"{words} and did not stop when it was interrupted")
            if now - looked > 0.1 and self.ready and (why := self._excess()):
                raise EOFError(why)
            looked = now if now - looked > 0.1 else looked

    def _excess(self) -> str:
        """Say what all processes together use too much of. A container has limits of its own."""
        if self.settings.container or not self.settings.contained:
            return ""
        used = files = 0
        processes = psutil.Process(self.process.pid).children(recursive=True)
        for process in processes:
            with contextlib.suppress(OSError):  # with the tables that lead to its memory
                status = Path(f"/proc/{process.pid}/status").read_text()
                used += 1024 * sum(map(int, re.findall(r"Vm(?:RSS|PTE|Swap):\s+(\d+)", status)))
        with contextlib.suppress(OSError, IndexError):
            room = os.statvfs(f"/proc/{processes[0].pid}/root{ROOM}")
            used += (room.f_blocks - room.f_bfree) * room.f_frsize
            files = room.f_files - room.f_ffree
        if used > self.settings.memory_gb * 1e9:
            return f"it used more than {self.settings.memory_gb:g} GB of memory"
        if files > MAX_FILES:
            return f"it wrote more than {MAX_FILES} files"
        return f"it started more than {MAX_PROCESSES} processes" * (len(processes) > MAX_PROCESSES)

    @property
    def alive(self) -> bool:
        """Whether it can run another cell."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it with all that it started."""
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    process.kill()
        if self.settings.container:
            program = str(self.process.args[0])  # type: ignore[index]
            subprocess.run([program, "rm", "--force", self.folder.name], capture_output=True)
        self.process.kill()
        self.process.communicate()
        # Python's own way ends where folders are nested deeper than its stack.
        subprocess.run(["rm", "-rf", self.folder])


def rebuilt(output: Any) -> Any:
    """Return what may be shown of an output: text and pictures, and no HTML, which holds scripts.

    `nbgrader` gives what the first result says as points, so a result is a display here.
    """
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return new_output("stream", name=name, text=text)
        case {"output_type": "error", "ename": name, "evalue": value, "traceback": [*lines]}:
            lines = [str(line) for line in lines] or [f"{name}: {value}"]
            return new_output("error", ename=str(name), evalue=str(value), traceback=lines)
        case {"output_type": "execute_result" | "display_data", "data": dict(data)}:
            shown = {kind: data[kind] for kind in SHOWN if isinstance(data.get(kind), str)}
            return new_output("display_data", data=shown)
    return None


@functools.cache
def font_lists() -> list[Path]:
    """Return Matplotlib's lists of fonts, which take seconds to make in a new home folder."""
    with contextlib.suppress(ImportError):
        import matplotlib.font_manager

        return list(Path(matplotlib.get_cachedir()).glob("fontlist-*.json"))
    return []
