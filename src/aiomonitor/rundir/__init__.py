"""The run directory: a file for each running monitor of this user, so that clients find them.

Written by monitors, read by the command line; stdlib only, and of that what is light: each monitor
loads this. Only the user may write there: who can make up an entry would be told the token of the
next client.
"""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "AIOMONITOR_RUN_DIR"
"""Names another directory; empty, it takes registration out."""

LARGEST = 64 * 1024
"""Bytes of a file: no monitor writes more."""
_COMMAND_LIMIT = 4096
"""Characters of a command line that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a monitor tells of itself: never its token, only whether it asks for one.

    `process` is what `process.mark_of` says of it, `started_at` Unix time. `ports` and `paths`
    (of Unix sockets) are by service: "terminal", "web", "console"; each has those that there are.
    """

    pid: int
    process: Mapping[str, str]
    name: str
    command: tuple[str, ...]
    host: str
    ports: Mapping[str, int]
    paths: Mapping[str, str]
    runtime: str
    python: str
    version: str
    started_at: float
    token: bool


# --- where ----------------------------------------------------------------------------------------


def candidates() -> list[str]:
    """Where a monitor may register, the best place first; none if that is switched off."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return [os.path.abspath(chosen)] if chosen else []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    places = [os.path.join(os.path.abspath(runtime), "aiomonitor")] if runtime else []
    return [*places, os.path.join(_temporary(), _of_user())]


def prepare(folder: str) -> None:
    """Make the directory if need be. Raises `OSError` where it is not safely this user's."""
    parent = os.path.dirname(folder)
    _check_parent(parent)
    with suppress(FileNotFoundError):
        check(folder)
        return
    # Also the parents of a chosen one: then its maker's umask is what they are to have.
    os.makedirs(parent, exist_ok=True)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    check(folder)


def check(folder: str) -> None:
    """Raise `OSError` for what others can write to, or have put there."""
    chosen = os.environ.get(VARIABLE) is not None
    found = os.stat(folder, follow_symlinks=chosen)
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is no directory, or a link to one: remove it")
    if not hasattr(os, "getuid"):
        return
    if found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to user {found.st_uid}: remove it")
    if found.st_mode & 0o022:
        raise PermissionError(f"{folder} can be written to by others: chmod 700 {folder}")


def _check_parent(parent: str) -> None:
    """After `su`, XDG_RUNTIME_DIR may be another user's, where root could write all the same."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if hasattr(os, "getuid") and runtime and parent == os.path.abspath(runtime):
        owner = os.stat(parent).st_uid
        if owner != os.getuid():
            raise PermissionError(f"{parent} belongs to user {owner}")


def _temporary() -> str:
    """As `tempfile.gettempdir`, which is slow to import, and writes to find out."""
    names = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return os.path.abspath(next(filter(None, names), "/tmp"))  # noqa: S108 - see `check`


def _of_user() -> str:
    return f"aiomonitor-{os.getuid()}" if hasattr(os, "getuid") else "aiomonitor"


# --- writing --------------------------------------------------------------------------------------


def command_line() -> tuple[str, ...]:
    """How this program was started, as far as that is kept."""
    arguments = sys.orig_argv
    if any(argument.startswith("from multiprocessing.") for argument in arguments):
        # It was started with a line of code that nobody has typed, and told its parent's arguments.
        arguments = [sys.executable, *sys.argv]
    kept, left = [], _COMMAND_LIMIT
    for argument in arguments:
        kept.append(argument[:left])
        left -= len(argument)
        if left <= 0:
            break
    return tuple(kept)


def write(entry: Entry, number: int) -> str:
    """Write an entry, whole or not at all; its file. `number` is that of the process's monitor.

    Raises `OSError` if it can be written nowhere; None is a switched off registration's.
    """
    import json  # which most applications have

    refused: OSError = FileNotFoundError("there is no run directory")
    for folder in candidates():
        try:
            prepare(folder)
            return _write(folder, f"{entry.pid}-{number}", json.dumps(asdict(entry)))
        except OSError as error:
            refused = error
    raise refused


def _write(folder: str, name: str, text: str) -> str:
    partial, path = os.path.join(folder, f".{name}.tmp"), os.path.join(folder, f"{name}.json")
    try:
        descriptor = _create(partial)
    except FileExistsError:
        os.unlink(partial)  # of a process that had this number, and was killed in the middle
        descriptor = _create(partial)
    try:
        _fill(descriptor, text.encode())
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(partial)
        raise
    return path


def _create(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _fill(descriptor: int, content: bytes) -> None:
    """With few system calls, as in `process._content`; closes it."""
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)
