"""Makes an idle process execute bytecode, without its noticing. Linux only; stdlib only.

A loop that waits for events is in a system call. A signal that nobody handles does not end that:
the kernel drops it. What a debugger does, does: to interrupt a thread for a moment makes
`epoll_wait` return as if by a signal, Python looks whether there is something to do, and waits
again. asyncio and trio wait by Python's `epoll`. uvloop does so by C code that waits again itself;
but it reads its own socket pair, and ignores zeros there, as all do that wake up a loop so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_ALL_CHILDREN = 0x40000000
_PIDFD_GETFD = 438
STOPPING = 1.0
"""Seconds for the kernel to stop the thread; one in the middle of disk I/O may take longer."""
POLL = 0.005


def interrupt(pid: int) -> bool:
    """Have the process's main thread look up; whether that could be done."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    trace: Any = libc.ptrace
    trace.restype = ctypes.c_long
    trace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if trace(_SEIZE, pid, None, None):
        return False  # by a debugger, say, or not permitted
    trace(_INTERRUPT, pid, None, None)
    stopped = _stopped(pid)
    trace(_DETACH, pid, None, None)
    return stopped


def _stopped(pid: int) -> bool:
    until = time.monotonic() + STOPPING
    while time.monotonic() < until:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, _ALL_CHILDREN | os.WNOHANG)[0]:
                return True
        time.sleep(POLL)
    return False


def write_to_self(pid: int) -> bool:
    """Write a zero to the end of the loop's own socket pair that nobody reads; whether there is
    one, beyond doubt."""
    if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
        return False
    number = _writing_end(Path("/proc", str(pid)))
    if number is None:
        return False
    process = os.pidfd_open(pid)
    try:
        copy = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, process, number, 0)
        if copy < 0:
            return False
        try:
            return os.write(copy, b"\0") == 1
        except BlockingIOError:
            return True  # full, so it is awake
        finally:
            os.close(copy)
    finally:
        os.close(process)


def _writing_end(process: Path) -> int | None:
    """The first pair that was made at once (its sockets are numbered in a row), has no name, and of
    which a poll looks at the one end alone."""
    sockets, watched = _sockets(process), _watched(process)
    unnamed = _unnamed(process)
    for number in sorted(watched & sockets.keys()):
        inode = sockets[number]
        for other, its in sockets.items():
            if its == inode + 1 and other not in watched and {inode, its} <= unnamed:
                return other
    return None


def _sockets(process: Path) -> dict[int, int]:
    """The inodes of its sockets, by file descriptor."""
    found: dict[int, int] = {}
    for path in (process / "fd").iterdir():
        with contextlib.suppress(OSError):
            if match := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(path)):  # noqa: PTH115
                found[int(path.name)] = int(match[1])
    return found


def _watched(process: Path) -> set[int]:
    """The file descriptors that its polls look at."""
    found: set[int] = set()
    for path in (process / "fdinfo").iterdir():
        with contextlib.suppress(OSError):
            found.update(map(int, re.findall(r"^tfd:\s+(\d+)", path.read_text(), re.MULTILINE)))
    return found


def _unnamed(process: Path) -> set[int]:
    """The inodes of the connected stream sockets of this machine that have no name."""
    lines = (process / "net" / "unix").read_text().splitlines()[1:]
    fields = (line.split() for line in lines)
    return {int(each[6]) for each in fields if len(each) == 7 and each[4:6] == ["0001", "03"]}
