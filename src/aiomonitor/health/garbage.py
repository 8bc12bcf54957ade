"""Notes how long Python collects garbage, with a callback of the collector's that is all C.

An exception that leaves such a callback is printed and lost. One in Python may be where a signal's
handler runs: then an application that leaves by `sys.exit()` in its handler, or by Ctrl-C, would go
on as if nothing had come. No handler runs in C; so a callback is an attribute that is asked for.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from functools import partial
from itertools import repeat
from typing import NamedTuple

SHORTEST = 0.001
"""Seconds below which a collection blocks nobody: most are."""

KEPT = 2048
"""Starts and ends between two looks; the oldest go."""


class Collection(NamedTuple):
    """One collection, on the monotonic clock."""

    thread: int
    began: float
    ended: float


class Collections:
    """The collections of the process since the last look. One thread at a time asks."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, int, bool]] = deque(maxlen=KEPT)
        self._open: tuple[float, int] | None = None  # when one began that goes on, in which thread
        notes = {"start": self._noting(True), "stop": self._noting(False)}
        # Called with the name of a phase, and with a default that is never needed.
        self._callback = partial(getattr, type("Notes", (), notes)())

    def _noting(self, starts: bool) -> property:
        """What notes the time and the thread when it is read: in whatever thread, in the middle of
        anything. Nobody else knows these iterators, and none of them ends."""
        facts = zip(iter(time.monotonic, None), iter(threading.get_ident, None), repeat(starts))
        return property(partial(next, map(self._events.append, facts)))

    def begin(self) -> None:
        """Begin to note."""
        gc.callbacks.append(self._callback)

    def end(self) -> None:
        """Leave the collector as it was. Idempotent."""
        # The interpreter iterates by index, so a list that changes is no danger to it.
        if self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)

    @property
    def some_ended(self) -> bool:
        """Whether `take` may have any."""
        return bool(self._events)

    def take(self) -> list[Collection]:
        """Those that have ended since the last call, and took long enough."""
        taken = []
        while self._events:
            now, thread, starts = self._events.popleft()
            if starts:
                self._open = now, thread
            elif self._open is not None:
                began, self._open = self._open[0], None
                if now - began > SHORTEST:
                    taken.append(Collection(thread, began, now))
        return taken

    def present(self, now: float) -> Collection | None:
        """The one that goes on: its finalisers may let other threads run."""
        events = list(self._events)
        if not events:
            return Collection(self._open[1], self._open[0], now) if self._open else None
        began, thread, starts = events[-1]
        return Collection(thread, began, now) if starts else None
