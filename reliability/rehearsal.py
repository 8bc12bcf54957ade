"""A monitor that understands every command and does none: what is tried is how lines are read."""

from __future__ import annotations

import asyncio
import enum
import functools
import io
from pathlib import Path  # noqa: TC003 - read from the annotations when a command is parsed
from typing import Any, Literal

from aiomonitor import Monitor

BUILT_IN = tuple(name for name in dir(Monitor) if name.startswith("do_") and name != "do_help")


class Colour(enum.Enum):
    """For a command that takes one."""

    RED = 1
    DARK_RED = 2


class Rehearsed(Monitor):
    """Help is given; the other commands note that they would have run.

    `understood` is the method that the last line would have called."""

    def __init__(self) -> None:
        self._own_loop = asyncio.new_event_loop()
        super().__init__(self._own_loop, port=None, console_port=None, webui_port=None)
        self.understood = ""
        self.helped = False

    def said(self, line: str) -> str:
        """What its client reads when the line is run."""
        self._sout = said = io.StringIO()
        self.understood, self.helped = "", False
        self.run_line(line)
        self.helped |= "--help" in said.getvalue()  # in its table of options
        return said.getvalue()

    def do_help(self, *commands: str) -> None:
        """As ever."""
        self.helped = True
        super().do_help(*commands)

    def close(self) -> None:
        """Also the loop that it never looked at."""
        super().close()
        self._own_loop.close()

    def do_probe(
        self,
        number: int,
        place: Path,
        *rest: float,
        colour: Colour | None = None,
        way: Literal["up", "down", 5] = "up",
        either: int | str = 0,
        sure: bool = False,
    ) -> None:
        """Take a word of each kind."""
        self.understood = f"do_probe {number} {place} {rest} {colour} {way} {either!r} {sure}"


def _rehearsed(name: str) -> Any:
    @functools.wraps(getattr(Monitor, name))
    def note(self: Rehearsed, *_: Any, **__: Any) -> None:
        self.understood = name

    return note


for _name in BUILT_IN:
    setattr(Rehearsed, _name, _rehearsed(_name))
