"""The run directory: a file for each running monitor of this user, so that clients find them.

Written by monitors, read by the command line; stdlib only. Only the user may write there: who can
make up an entry would be told the token of the next client.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .process import fate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "AIOMONITOR_RUN_DIR"
"""Names another directory; empty, it takes registration out."""

LARGEST = 64 * 1024
"""Bytes of a file: no monitor writes more."""
_COMMAND_LIMIT = 4096
"""Characters of a command line that are kept."""
_ABANDONED = 3600.0
"""Seconds after which a half-written file has no writer any more."""


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


def candidates() -> list[Path]:
    """Where a monitor may register, the best place first; none if that is switched off."""
    chosen = os.environ.get(VARIABLE)
    if chosen is not None:
        return [Path(chosen).absolute()] if chosen else []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return [*([Path(runtime, "aiomonitor")] if runtime else []), _temporary() / _of_user()]


def readable() -> list[Path]:
    """Where this user's monitors may have registered: a service has no XDG_RUNTIME_DIR, though the
    shell of whoever looks for it does, and the other way round."""
    found = candidates()
    if found and VARIABLE not in os.environ and hasattr(os, "getuid"):
        found.append(Path("/run/user", str(os.getuid()), "aiomonitor"))
    return list(dict.fromkeys(found))


def prepare(folder: Path) -> None:
    """Make the directory if need be. Raises `OSError` where it is not safely this user's."""
    _check_parent(folder)
    # Also the parents of a chosen one: then its maker's umask is what they are to have.
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    check(folder)


def check(folder: Path) -> None:
    """Raise `OSError` for what others can write to, or have put there."""
    chosen = os.environ.get(VARIABLE) is not None
    found = folder.stat() if chosen else folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is no directory, or a link to one: remove it")
    if not hasattr(os, "getuid"):
        return
    if found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to user {found.st_uid}: remove it")
    if found.st_mode & 0o022:
        raise PermissionError(f"{folder} can be written to by others: chmod 700 {folder}")


def _check_parent(folder: Path) -> None:
    """After `su`, XDG_RUNTIME_DIR may be another user's, where root could write all the same."""
    if hasattr(os, "getuid") and folder.parent == Path(os.environ.get("XDG_RUNTIME_DIR") or "/-"):
        owner = folder.parent.stat().st_uid
        if owner != os.getuid():
            raise PermissionError(f"{folder.parent} belongs to user {owner}")


def _temporary() -> Path:
    """As `tempfile.gettempdir`, which is slow to import, and writes to find out."""
    names = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return Path(next(filter(None, names), "/tmp")).absolute()  # noqa: S108 - see `check`


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


def write(entry: Entry, number: int) -> Path:
    """Write an entry, whole or not at all; the file. `number` is that of the process's monitor.

    Raises `OSError` if it can be written nowhere; None is a switched off registration's.
    """
    refused: OSError = FileNotFoundError("there is no run directory")
    for folder in candidates():
        try:
            prepare(folder)
            return _write(folder, f"{entry.pid}-{number}", json.dumps(asdict(entry)))
        except OSError as error:
            refused = error
    raise refused


def _write(folder: Path, name: str, text: str) -> Path:
    partial, path = folder / f".{name}.tmp", folder / f"{name}.json"
    with suppress(FileNotFoundError):
        partial.unlink()  # of a process that had this number, and was killed in the middle
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - it is open
            file.write(text)
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    return path


def obstacles() -> list[str]:
    """Why entries are not looked for where they might be: the directory is not safe."""
    found = []
    for folder in readable():
        try:
            check(folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            found.append(str(error))
    return found


# --- reading --------------------------------------------------------------------------------------


def entries() -> list[Entry]:
    """The running monitors, the oldest first. Removes what was left by processes that ended."""
    found = [entry for folder in readable() for entry in _entries(folder)]
    return sorted(found, key=lambda entry: (entry.started_at, entry.pid))


def _entries(folder: Path) -> Iterator[Entry]:
    try:
        check(folder)
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone
    except OSError:
        return
    for name in names:
        path = folder / name
        if name.endswith(".tmp"):
            _remove_abandoned(path)
        elif name.endswith(".json") and (entry := _read(path)) is not None:
            became = fate(entry.pid, entry.process)
            if became == "alive":
                yield entry
            elif became == "gone":
                with suppress(OSError):
                    path.unlink()


def _remove_abandoned(path: Path) -> None:
    with suppress(OSError):
        if time.time() - path.lstat().st_mtime > _ABANDONED:
            path.unlink()


def _read(path: Path) -> Entry | None:
    """None for what no monitor wrote, or one of a later version."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LARGEST))
        return _entry(document)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _entry(document: dict[str, Any]) -> Entry:
    values = {field.name: document[field.name] for field in fields(Entry)}
    for name, kind in _KINDS.items():
        if not isinstance(values[name], kind) or (isinstance(values[name], bool) != (kind is bool)):
            raise TypeError(name)
    for mapping, kind in (("ports", int), ("paths", str), ("process", str)):
        if not all(isinstance(value, kind) for value in values[mapping].values()):
            raise TypeError(mapping)
    return Entry(**{**values, "command": tuple(map(str, values["command"]))})


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("name", "host", "runtime", "python", "version"), str),
    **dict.fromkeys(("process", "ports", "paths"), dict),
    "pid": int,
    "command": list,
    "started_at": (int, float),
    "token": bool,
}
