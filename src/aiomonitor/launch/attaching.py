"""Has a running process start a monitor: `sys.remote_exec`, of Python 3.14.

What is executed lies in a folder of its own, that only this user reads, or the target's; there the
target also answers, on a socket.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiomonitor.errors import CommandError

from . import waking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PATIENCE = 10.0
"""Seconds to wait for the target's answer."""
HERE = sys.version_info[:2]
_HERE = f"{HERE[0]}.{HERE[1]}"
FIRST = 0.3
"""Seconds in which a busy process answers; an idle one is woken then."""

SCRIPT: Final = """\
import _thread

def attach():
    import sys
    folder, settings, paths = {folder!r}, {settings!r}, {paths!r}
    try:
        from aiomonitor.launch import target
    except ImportError:
        sys.path.extend(path for path in paths if path not in sys.path)
        try:
            from aiomonitor.launch import target
        except ImportError as error:
            import json, os, socket
            with socket.socket(socket.AF_UNIX) as asker:
                asker.connect(os.path.join(folder, "answer"))
                asker.sendall(json.dumps({{"error": f"ImportError: {{error}}"}}).encode())
            return
    target.begin(folder, settings)

_thread.start_new_thread(attach, ())
"""
"""Starts a thread, and no more: the main thread may be anywhere, with any lock. By the primitive,
since `threading` has a lock of its own."""

WITHDRAWN: Final = "import shutil\nshutil.rmtree({folder!r}, ignore_errors=True)\n"
"""In its place when nobody waits any more; the file has to be there, or the target complains."""

TOO_OLD: Final = (
    "attach needs Python 3.14 here and there ({reason}): start the program with "
    "`aiomonitor run` instead, or prepare it with start_monitor(dump_signal=...)"
)


def attach(pid: int, settings: Mapping[str, Any], patience: float = PATIENCE) -> str:
    """Where the new monitor of the process is. Raises `CommandError`, in a line that says why
    there is none."""
    check(pid)
    with _folder(pid) as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "answer"))
        (folder / "answer").chmod(0o600)
        _give_away(pid, folder / "answer")
        listener.listen(1)
        script = folder / "attach.py"
        text = SCRIPT.format(folder=str(folder), settings=dict(settings), paths=paths())
        script.write_text(text, "utf-8")
        _give_away(pid, script)
        try:
            _execute(pid, script)
            answer = _answer(pid, listener, patience)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):  # it may be at it just now
                script.write_text(WITHDRAWN.format(folder=str(folder)), "utf-8")
            raise
    return _told(pid, answer)


def check(pid: int) -> None:
    """Raise `CommandError` for what cannot be attached to, as far as that shows from outside."""
    if not _exists(pid):
        raise CommandError(f"there is no process {pid}: `ps` lists what there is")
    if pid == os.getpid():
        raise CommandError(f"process {pid} is this one")
    if HERE < (3, 14):
        raise CommandError(TOO_OLD.format(reason=f"this is {_HERE}"))
    there = version_of(pid)
    if there == "none":
        raise CommandError(f"process {pid} is no Python program, as far as can be told")
    if there and there != _HERE:
        reason = f"process {pid} runs Python {there}, this is {_HERE}"
        raise CommandError(TOO_OLD.format(reason=reason))
    if _elsewhere(pid):
        raise CommandError(
            f"process {pid} is in another container: run `aiomonitor attach` in there, where it "
            "has another number"
        )


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's
    return True


def version_of(pid: int) -> str:
    """Which Python it is ("3.14"), "none" for another program, or "" if that cannot be told."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text("utf-8", "replace")
    except OSError:
        return ""
    found = re.search(r"(?:libpython|/python)(3\.\d+)[^/\n]*$", maps, re.MULTILINE)
    return found[1] if found else "none"


def _elsewhere(pid: int) -> bool:
    try:
        theirs, ours = (os.readlink(f"/proc/{each}/ns/mnt") for each in (pid, "self"))  # noqa: PTH115
    except OSError:
        return False
    return theirs != ours


def paths() -> list[str]:
    """Where this package and what it needs can be imported from."""
    specs = (importlib.util.find_spec(name) for name in ("aiomonitor", "anyio", "click", "quart"))
    origins = (spec.origin for spec in specs if spec is not None and spec.origin)
    return list(dict.fromkeys(str(Path(origin).parents[1]) for origin in origins))


@contextlib.contextmanager
def _folder(pid: int) -> Iterator[Path]:
    """Private, for this user and the target's; the target may have removed it. One that it has not
    answered in stays: the target may come to execute what is in it at any time."""
    folder = Path(tempfile.mkdtemp(prefix="aiomonitor-attach-"))
    _give_away(pid, folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _give_away(pid: int, path: Path) -> None:
    """Root attaches to others' processes, which have to read what they are to execute."""
    if os.geteuid() == 0:
        owner = os.stat(f"/proc/{pid}") if Path(f"/proc/{pid}").exists() else None  # noqa: PTH116
        if owner is not None and owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)


def _execute(pid: int, script: Path) -> None:
    execute: Callable[[int, str], None] = getattr(sys, "remote_exec")  # noqa: B009 - from 3.14 on
    try:
        execute(pid, str(script))
    except PermissionError:
        raise CommandError(_not_permitted(pid)) from None
    except (RuntimeError, OSError) as error:
        raise CommandError(_failure(pid, error)) from error


def _not_permitted(pid: int) -> str:
    return (
        f"not permitted to attach to process {pid}: be its user or root (sudo); as its user, "
        "/proc/sys/kernel/yama/ptrace_scope has to be 0; in a container, grant CAP_SYS_PTRACE"
    )


def _failure(pid: int, error: BaseException) -> str:
    causes: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    text = "; ".join(causes)
    if "not enabled" in text:
        return (
            f"process {pid} does not permit it: it was started with PYTHON_DISABLE_REMOTE_DEBUG or "
            "-X disable-remote-debug; start it without"
        )
    if "Permission denied" in text or "not permitted" in text:
        return _not_permitted(pid)
    return f"cannot attach to process {pid}: {text}"


def _answer(pid: int, listener: socket.socket, patience: float) -> dict[str, Any]:
    """What the target says; an idle one is woken, in one way and then the other."""
    for wake in (waking.interrupt, waking.write_to_self):
        listener.settimeout(FIRST)
        with contextlib.suppress(TimeoutError):
            return _received(listener)
        wake(pid)
    listener.settimeout(patience)
    try:
        return _received(listener)
    except TimeoutError:
        raise CommandError(
            f"process {pid} has not executed any Python for {patience:.0f} s: its main thread is "
            "in a system call or in C code (`py-spy dump` or gdb tell); try again later"
        ) from None


def _received(listener: socket.socket) -> dict[str, Any]:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(PATIENCE)
        data = b"".join(iter(lambda: connection.recv(65_536), b""))
    answer: dict[str, Any] = json.loads(data)
    return answer


def _told(pid: int, answer: Mapping[str, Any]) -> str:
    error = answer.get("error")
    if error == "already":
        raise CommandError(f"process {pid} has a monitor already: {answer['address']}")
    if error == "no run":
        raise CommandError(
            f"process {pid} runs neither an event loop nor trio just now: try again when it does"
        )
    if error:
        raise CommandError(f"process {pid} could not start a monitor: {error}")
    if answer.get("disabled"):
        raise CommandError(f"process {pid} wants no monitor: AIOMONITOR_DISABLE is set there")
    return str(answer["address"])
