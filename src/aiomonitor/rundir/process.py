"""Tells a process from a later one that has got its number; stdlib only.

Linux tells when a process began. Elsewhere only that there is one of this number.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Fate = Literal["alive", "gone", "elsewhere"]
"""elsewhere: of another machine or container that shares the folder, so nobody here can tell."""

_STARTED = 19
"""Where /proc/PID/stat has the ticks from boot to the start, counted from behind the name."""


_LARGEST = 8192
"""Bytes; a few hundred are there."""


def mark_of(pid: int) -> dict[str, str]:
    """What, with its number, no other process ever has; empty strings where that is not told."""
    return {**_here(), "started": _started(pid)}


def fate(pid: int, mark: Mapping[str, str]) -> Fate:
    """What became of the process that had this mark."""
    here = _here()
    if here["boot"] != mark.get("boot", ""):
        # The same machine, started again; or another one.
        return "gone" if here["node"] == mark.get("node") else "elsewhere"
    if here["namespace"] != mark.get("namespace", ""):
        return "elsewhere"
    started = mark.get("started")
    goes_on = _started(pid) == started if started else _exists(pid)
    return "alive" if goes_on else "gone"


def _here() -> dict[str, str]:
    node = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    boot, namespace = "", ""
    with suppress(OSError):
        boot = _content("/proc/sys/kernel/random/boot_id").decode("ascii").strip()
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid")  # "pid:[4026531836]"
    return {"node": node, "boot": boot, "namespace": namespace}


def _started(pid: int) -> str:
    """Ticks from boot to its start; empty if it has ended, or the system does not tell."""
    try:
        text = _content(f"/proc/{pid}/stat")
    except OSError:
        return ""
    state, *fields = text.rpartition(b")")[2].split()  # the name before it may hold anything
    return "" if state in (b"Z", b"X") else fields[_STARTED - 1].decode("ascii")


def _content(path: str) -> bytes:
    """Of a file that the kernel makes up. In three system calls, where `open` needs seven: beside a
    busy loop each of them waits for the GIL, and while a thread waits the loop is slower."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _LARGEST)
    finally:
        os.close(descriptor)


def _exists(pid: int) -> bool:
    if sys.platform == "win32":
        return _exists_on_windows(pid)  # os.kill would end it
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _exists_on_windows(pid: int) -> bool:
    import ctypes

    query, refused = 0x1000, 5  # PROCESS_QUERY_LIMITED_INFORMATION, ERROR_ACCESS_DENIED
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined]
    handle = kernel.OpenProcess(query, False, pid)
    if not handle:
        return bool(ctypes.get_last_error() == refused)  # type: ignore[attr-defined]
    kernel.CloseHandle(handle)
    return True
