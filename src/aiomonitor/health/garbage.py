"""Notes how long Python collects garbage, with a callback of the collector's."""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from typing import Any, NamedTuple

SHORTEST = 0.001
"""Seconds below which a collection blocks nobody: most are, and cost two looks at a clock."""

KEPT = 512
"""Collections between two looks; the oldest go."""

_ident, _now = threading.get_ident, time.monotonic


class Collection(NamedTuple):
    """One collection, on the monotonic clock."""

    thread: int
    began: float
    ended: float


class Collections:
    """The collections of the process since the last look."""

    def __init__(self) -> None:
        self._ended: deque[Collection] = deque(maxlen=KEPT)
        self._began = 0.0
        self._thread = 0
        self._callback = self._note  # one object, to be found again

    def begin(self) -> None:
        """Begin to note."""
        gc.callbacks.append(self._callback)

    def end(self) -> None:
        """Leave the collector as it was. Idempotent."""
        # The interpreter iterates by index, so a list that changes is no danger to it.
        if self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)

    def _note(self, phase: str, _info: dict[str, Any]) -> None:
        """In whatever thread, in the middle of anything: no lock, nothing that could fail."""
        now = _now()
        if phase == "start":
            self._thread = _ident()
            self._began = now
        elif now - self._began > SHORTEST and self._began:
            self._ended.append(Collection(_ident(), self._began, now))
            self._began = 0.0
        else:
            self._began = 0.0

    @property
    def some_ended(self) -> bool:
        """Whether `take` has any."""
        return bool(self._ended)

    def take(self) -> list[Collection]:
        """Those that have ended since the last call. One thread at a time."""
        taken = []
        while self._ended:
            taken.append(self._ended.popleft())
        return taken

    def present(self, now: float) -> Collection | None:
        """The one that goes on: its finalisers may let other threads run."""
        began = self._began
        return Collection(self._thread, began, now) if began else None
