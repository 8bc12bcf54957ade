"""Few commands compute at once, however many clients there are: the application comes first.

Each thread that wants the interpreter's lock may keep the application's loop from it for a switch
interval; two hundred do so for a second. Together they are not done sooner.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import anyio
from anyio.lowlevel import RunVar

from aiomonitor.pacing import work

if TYPE_CHECKING:
    from collections.abc import Callable

AT_ONCE: Final = 2
"""Commands that are in their first moments."""
MOMENTS: Final = 0.2
"""Seconds after which a command counts no more: it is slow, or waits for something, and nobody
should wait for it."""


class Turns:
    """Who may begin, first come first served; used in one loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._queue = anyio.Lock()
        self._begun: dict[object, float] = {}
        self._ended = anyio.Event()

    async def begin(self) -> object:
        """Wait for a turn; what is returned is to be given to `end`."""
        if (paced := work.get()) is not None and (due := paced.due) > 0:
            await anyio.sleep(due)
        async with self._queue:
            while (pause := self._pause()) > 0:
                with anyio.move_on_after(pause):
                    await self._ended.wait()
            turn = object()
            self._begun[turn] = self._clock()
        return turn

    def _pause(self) -> float:
        """Seconds until the next one may begin, if none ends before."""
        now = self._clock()
        counted = [left for begun in self._begun.values() if (left := begun + MOMENTS - now) > 0]
        return min(counted) if len(counted) >= AT_ONCE else 0.0

    def end(self, turn: object) -> None:
        """It is over, or was given up."""
        del self._begun[turn]
        self._ended.set()
        self._ended = anyio.Event()


_turns: RunVar[Turns] = RunVar("aiomonitor_turns")


def turns() -> Turns:
    """Those of the running loop."""
    try:
        return _turns.get()
    except LookupError:
        _turns.set(made := Turns())
        return made
