"""Who is in the run directory, for the command line; removes what ended processes have left."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from . import LARGEST, VARIABLE, Entry, candidates, check
from .process import fate

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABANDONED = 3600.0
"""Seconds after which a half-written file has no writer any more."""


def readable() -> list[str]:
    """Where this user's monitors may have registered: a service has no XDG_RUNTIME_DIR, though the
    shell of whoever looks for it does, and the other way round."""
    found = candidates()
    if found and VARIABLE not in os.environ and hasattr(os, "getuid"):
        found.append(f"/run/user/{os.getuid()}/aiomonitor")
    return list(dict.fromkeys(found))


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


def entries() -> list[Entry]:
    """The running monitors, the oldest first. Removes what was left by processes that ended."""
    found = [entry for folder in readable() for entry in _entries(folder)]
    return sorted(found, key=lambda entry: (entry.started_at, entry.pid))


def _entries(folder: str) -> Iterator[Entry]:
    try:
        check(folder)
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith(".tmp"):
            _remove_abandoned(path)
        elif name.endswith(".json") and (entry := _read(path)) is not None:
            became = fate(entry.pid, entry.process)
            if became == "alive":
                yield entry
            elif became == "gone":
                with suppress(OSError):
                    os.unlink(path)


def _remove_abandoned(path: str) -> None:
    with suppress(OSError):
        if time.time() - os.lstat(path).st_mtime > _ABANDONED:
            os.unlink(path)


def _read(path: str) -> Entry | None:
    """None for what no monitor wrote, or one of a later version."""
    try:
        with open(path, "rb") as file:
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
