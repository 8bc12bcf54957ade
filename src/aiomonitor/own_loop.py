"""The loop of the monitor's thread: its own, whatever the application's policy or debug mode is.

It rests when the pace is too fast, and tells its errors to the log, not on the application's
terminal.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import random
import selectors
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pacing import Pace

log = logging.getLogger("aiomonitor")

_AT_ONCE = 4
"""Connections of a crowd that are looked after in one round of the loop, before it rests."""


def new_loop(pace: Pace) -> asyncio.AbstractEventLoop:
    """Made, and to be run, in the monitor's thread."""
    loop = _Loop(_PacedSelector(pace))
    loop.set_exception_handler(_note_loop_error)
    return loop


class _Loop(asyncio.SelectorEventLoop):
    def __del__(self) -> None:
        """One that could not be made, as no file was left to open, cannot be closed: asyncio
        would tell that on the application's terminal."""
        try:  # noqa: SIM105 - nothing of this module may be left, at the end of the interpreter
            getattr(super(), "__del__")(lambda *_, **__: None)  # noqa: B009 - for type checkers
        except AttributeError:
            pass


class _PacedSelector(selectors.DefaultSelector):
    """Once in each of its rounds the loop asks what is ready: that is when it can rest."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace
        self._used = time.thread_time()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready, after a rest."""
        self._pace.spend(time.thread_time() - self._used)
        if (pause := self._pace.rest()) > 0:
            time.sleep(pause)
        ready = super().select(timeout)
        if len(ready) > _AT_ONCE and self._pace.is_crowded():
            # The others are told of next time; by chance, so that none is always behind.
            ready = random.sample(ready, _AT_ONCE)
        self._used = time.thread_time()
        return ready


def _note_loop_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """By default asyncio would print it on the application's terminal, in its own name."""
    error = context.get("exception")
    # How anyio ends what a worker thread awaits when the loop ends first: we are closing. So does
    # Hypercorn, with connections that were cut off; up to 3.11 the loop complains of that.
    cancelled = (concurrent.futures.CancelledError, asyncio.CancelledError)
    expected = isinstance(error, cancelled)
    level = logging.DEBUG if expected else logging.ERROR
    log.log(level, "the monitor's loop: %s", context.get("message"), exc_info=error)
