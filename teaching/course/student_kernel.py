"""Run a student's kernel where it can do little harm. `course_plugins.py` starts this file.

::

    python student_kernel.py watch FOLDER LIMITS          # confine a kernel; say why it ended
    python student_kernel.py probe FOLDER OUTSIDE LIMITS  # say what student code can do here

The watcher is not confined. It ends when its standard input is closed, so nothing outlives a
grading run that broke off. It leaves the network, the list of processes and the writable file
system by Linux's namespaces. Its child takes on the limits, and Landlock, and becomes the kernel.
What the system lacks is left out: `probe` finds out what holds here.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import random
import resource
import select
import signal
import site
import socket
import struct
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

CUT = "[cut here: this cell printed more than 1 MB]"
TEXT, SHOWN = 10**6, 10**7  # what one cell may print, and display, in characters
MAX_FILE, MAX_WRITTEN, MAX_PROCESSES = 50 * 10**6, 500 * 10**6, 64
PROCESSORS = 4  # more would need more memory: libraries reserve some for each

# Linux: <linux/sched.h>, <linux/mount.h>, <linux/landlock.h>, <linux/prctl.h>
NEW_NAMESPACES = 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
MS_RDONLY, MS_BIND, MS_REC, MS_PRIVATE = 1, 1 << 12, 1 << 14, 1 << 18
AT_FDCWD, AT_RECURSIVE = -100, 1 << 15
MOUNT_SETATTR, CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 442, 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL = 1, 2, 4, 8, 1 << 14, 1 << 15
DEATH_SIGNAL, NO_NEW_PRIVS, CHILD_SUBREAPER = 1, 38, 36

SYSTEM = """/usr/lib /usr/lib32 /usr/lib64 /usr/libexec /usr/bin /usr/share /usr/local/lib
    /usr/local/share/fonts /lib /lib64 /bin /nix/store /etc/fonts /etc/ld.so.cache /etc/localtime
    /etc/passwd /etc/nsswitch.conf /etc/mime.types /sys/devices/system/cpu /proc/self /proc/cpuinfo
    /proc/meminfo /proc/stat /dev/urandom /dev/random /dev/zero"""


def system_call(number: int, *arguments: Any) -> int:
    """Make a system call of Linux; -1 if it fails."""
    libc = ctypes.CDLL(None)
    libc.syscall.restype = ctypes.c_long
    return libc.syscall(
        *[ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)]
    )


def leave_the_rest(folder: Path) -> None:
    """Enter namespaces: no network, no other processes, and all but `folder` read-only.

    It needs no privilege, but some systems refuse it. Then nothing is changed. The student is
    user 1000 inside, also where the instructor is root, and so loses root's powers at `exec`.
    """
    libc = ctypes.CDLL(None)
    user, group = os.getuid(), os.getgid()
    if sys.platform != "linux" or libc.unshare(NEW_NAMESPACES) != 0:
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"1000 {user} 1")
        Path("/proc/self/gid_map").write_text(f"1000 {group} 1")
    here = bytes(folder)
    libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)
    libc.mount(here, here, None, MS_BIND, None)
    # There are the sockets of other programs, such as Docker's. It may hold a USB stick as well.
    if not any(path.is_relative_to("/run") for path in [folder, *readable()]):
        libc.mount(b"none", b"/run", b"tmpfs", MS_RDONLY, None)
    for path, attributes in [(b"/", (MS_RDONLY, 0)), (here, (0, MS_RDONLY))]:
        packed = struct.pack("QQQQ", *attributes, 0, 0)
        system_call(MOUNT_SETATTR, AT_FDCWD, path, AT_RECURSIVE, packed, len(packed))


def limit_files(folder: Path) -> None:
    """By Landlock: read Python and the system's libraries, write `folder`, and no more."""
    version = system_call(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return
    files = (1 << 13) - 1  # 13 rights at first; then moving, truncating, and controls of devices
    files |= sum(1 << bit for bit, since in [(13, 2), (14, 3), (15, 5)] if version >= since)
    handled = struct.pack("QQQ", files, 3, 3)  # TCP since 4; signals and abstract sockets since 6
    handled = handled[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = system_call(CREATE_RULESET, handled, len(handled), 0)
    rights = dict.fromkeys(readable(), EXECUTE | READ_FILE | READ_DIR)
    rights |= {folder: files, Path("/dev/null"): files}
    for path, right in rights.items():
        with contextlib.suppress(OSError):  # not every system has each of them
            beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not path.is_dir():
                right &= EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL
            system_call(ADD_RULE, ruleset, 1, struct.pack("=Qi", right & files, beneath), 0)
            os.close(beneath)
    ctypes.CDLL(None).prctl(NO_NEW_PRIVS, 1, 0, 0, 0)
    system_call(RESTRICT_SELF, ruleset, 0)


def readable() -> list[Path]:
    """Return what a kernel needs to read: this Python, its packages, mmnist_lib, the system's."""
    paths = [*SYSTEM.split(), __file__, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)]
    paths += map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    paths += [site.getusersitepackages()]
    for prefix in (sys.prefix, sys.base_prefix):
        paths += [f"{prefix}/{part}" for part in ("bin", "lib", "lib64", "pyvenv.cfg")]
    library = importlib.util.find_spec("mmnist_lib")  # it may be an editable installation
    paths += (library and library.submodule_search_locations) or []
    return [Path(path) for path in paths if path]


def limit_resources(memory: int, processor_seconds: int) -> None:
    """Limit what one process may use. `watch` adds up what they use together."""
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


def start(folder: Path, limits: dict[str, int], command: list[str]) -> tuple[int, int]:
    """Start a confined process; return its id and the end of a pipe with what it prints."""
    leave_the_rest(folder)
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.chdir(folder / "work")
        limit_resources(limits["memory"], limits["processor_seconds"])
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)  # of the watcher
            limit_files(folder)
        # Only `exec` takes away what a namespace's first process may do.
        os.execv(sys.executable, [sys.executable, "-P", __file__, *command])
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}".encode())
    os._exit(1)


def watch(folder: Path, limits: dict[str, int]) -> str:
    """Run a kernel until it ends, uses too much, or nobody listens; return why it ended."""
    import psutil  # type: ignore[import-untyped, unused-ignore]

    if sys.platform == "linux":  # children that lost their parent come to us
        ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    child, printed = start(folder, limits, ["kernel", str(folder / "connection.json")])

    def interrupt(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGINT)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # whoever wants an end closes standard input
    last, why, looked, listening = b"", "", 0.0, [0, printed]
    try:
        while not why:
            heard, _, _ = select.select(listening, [], [], 0.1)
            if 0 in heard:
                return "it was told to"
            if printed in heard:
                last = (last + (text := os.read(printed, 1 << 16)))[-500:]
                listening = listening if text else [0]
            if time.monotonic() - looked < 0.1:  # whoever prints much does not hurry us
                continue
            looked = time.monotonic()
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                why = said_by(status)
            else:
                used, processes = 0, psutil.Process().children(recursive=True)
                for process in processes:
                    with contextlib.suppress(psutil.Error):
                        used += process.memory_info().rss
                if len(processes) > MAX_PROCESSES:
                    why = f"it started more than {MAX_PROCESSES} processes"
                elif used > limits["memory"]:
                    why = f"it used more than {limits['memory'] / 1e9:g} GB of memory"
                elif written(folder) > MAX_WRITTEN:
                    why = f"it wrote more than {MAX_WRITTEN / 1e6:g} MB of files"
    finally:
        for _ in range(100):  # a process may start another before it is reached
            if not (left := psutil.Process().children(recursive=True)):
                break
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(left, timeout=0.2)
    return f"{why}\n{last.decode(errors='replace')}"


def written(folder: Path) -> int:
    """Return how many bytes of files a folder holds, or any number above the limit."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += 4096 + os.lstat(f"{place}/{name}").st_size  # a name needs room as well
        if total > MAX_WRITTEN:
            break
    return total


def said_by(status: int) -> str:
    """Put an exit status into words."""
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name in ("SIGKILL", "SIGXCPU"):
            return "the system killed it for want of memory or for too much processor time"
        return f"it crashed ({name}), perhaps for want of memory"
    return f"it ended itself with status {os.WEXITSTATUS(status)}"


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
                content["data"] = {"text/plain": "[not shown: more than 10 MB in this cell]"}
        elif kind in ("error", "execute_reply") and "evalue" in content:
            content["evalue"] = content["evalue"][:5000]
            content["traceback"] = [line[:5000] for line in content["traceback"][:100]]
        return message | {"content": content}


def kernel(connection: str) -> None:
    """Become the kernel."""
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.zmqshell import ZMQInteractiveShell
    from jupyter_client.session import Session

    meter, whole = Meter(), Session.serialize
    # `exit()` in a notebook would end the kernel a moment later, in some other cell.
    patches: list[tuple[Any, str, Any]] = [
        (Session, "serialize", lambda self, m, ident=None: whole(self, meter.cut(m), ident)),
        (ZMQInteractiveShell, "ask_exit", lambda self: None),
    ]
    for where, name, what in patches:
        setattr(where, name, what)
    IPKernelApp.launch_instance(["-f", connection, "--HistoryManager.hist_file=:memory:"])


def attempt(folder: Path, outside: Path, process: int) -> None:
    """Try from inside what is forbidden; print the names of what worked, as JSON."""

    def connect(kind: socket.SocketKind) -> None:
        refused = contextlib.suppress(ConnectionRefusedError)  # it got through; nobody listens
        with socket.socket(socket.AF_INET, kind) as trying, refused:
            trying.connect(("127.0.0.1", 9))

    trials: dict[str, Callable[[], object]] = {
        "reading files": outside.read_bytes,
        "writing files": lambda: outside.write_bytes(b""),
        "permissions of files": lambda: outside.chmod(0o600),
        "signals to other programs": lambda: os.kill(process, 0),
        "TCP": lambda: connect(socket.SOCK_STREAM),
        "UDP": lambda: connect(socket.SOCK_DGRAM),
        "its own folder": lambda: (folder / "tmp" / "file").write_bytes(b""),
        "the library": lambda: importlib.import_module("mmnist_lib"),
    }
    worked = []
    for name, trial in trials.items():
        with contextlib.suppress(OSError, ImportError):
            trial()
            worked.append(name)
    print(f"\n{json.dumps(worked)}")


def main(arguments: list[str]) -> None:
    """Do what the command line names."""
    match arguments:
        case ["watch", folder, limits]:
            print(watch(Path(folder), json.loads(limits)))
        case ["probe", folder, outside, limits]:
            command = ["attempt", folder, outside, str(os.getppid())]
            _, printed = start(Path(folder), json.loads(limits), command)
            with os.fdopen(printed, errors="replace") as said:
                print(said.read())
        case ["attempt", folder, outside, process]:
            attempt(Path(folder), Path(outside), int(process))
        case ["kernel", connection]:
            kernel(connection)
        case _:
            raise SystemExit("student_kernel.py is started by course_plugins.py")


if __name__ == "__main__":
    main(sys.argv[1:])
