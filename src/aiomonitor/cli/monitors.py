"""The monitors that run here: which one is meant, and where it is; imports no anyio.

So that completion is quick.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NoReturn

import click

from aiomonitor.errors import AiomonitorError
from aiomonitor.escapes import printable
from aiomonitor.rundir import VARIABLE, candidates
from aiomonitor.rundir.reading import entries, obstacles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiomonitor.rundir import Entry

STATUS_USAGE: Final = 2

_REACHABLE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


class NotFoundError(AiomonitorError):
    """No monitor is meant, or several; the message may have a line for each of these."""


def running(name: str | None = None) -> list[Entry]:
    """Those of this user, by name and then by process; of all, or with a name like the pattern."""
    found = sorted(entries(), key=lambda entry: (entry.name, entry.pid, entry.started_at))
    return [entry for entry in found if name is None or fnmatchcase(entry.name, name)]


def none_found(name: str | None = None) -> str:
    """What to say where there is none."""
    if not candidates():
        return f"no monitor can be found: {VARIABLE} is empty, which switches that off"
    which = f" is called like {name!r}" if name is not None else " of yours runs here"
    return "; ".join([f"no monitored process{which}", *obstacles()])


def host_of(entry: Entry) -> str:
    """Where its ports can be connected to."""
    return _REACHABLE.get(entry.host, entry.host)


def listed(entry: Entry) -> str:
    """A monitor in a line: `2238  shop  python shop.py`."""
    return printable(f"{entry.pid:>7}  {entry.name}  {' '.join(entry.command)}")


def meant(target: str | None) -> Entry:
    """The one of this process, or whose name begins like that; without a target the only one.

    Raises `NotFoundError`.
    """
    found = running()
    if not found:
        raise NotFoundError(none_found())
    chosen = found if target is None else _like(found, target)
    if len(chosen) == 1:
        return chosen[0]
    lines = "".join(f"\n{listed(entry)}" for entry in chosen or found)
    if target is None:
        raise NotFoundError(f"which one? There are {len(found)} monitored processes:{lines}")
    if not chosen:
        raise NotFoundError(f"no monitored process is {target!r}; there are:{lines}")
    raise NotFoundError(
        f"{target!r} may be any of {len(chosen)}; give the number or name of one:{lines}"
    )


def _like(found: Sequence[Entry], target: str) -> list[Entry]:
    """By number, else by the whole name, else by its beginning."""
    by_number = [entry for entry in found if str(entry.pid) == target]
    by_name = [entry for entry in found if entry.name == target]
    return by_number or by_name or [entry for entry in found if entry.name.startswith(target)]


def fail(message: str, status: int) -> NoReturn:
    """Tell it in the client's way, and exit."""
    click.echo(f"aiomonitor: {message}", err=True)
    raise SystemExit(status)
