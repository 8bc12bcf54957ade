"""How tasks ended, for as long as it is remembered; the only owner of that state.

What the hook hands over is drained here, when somebody asks and on the monitor's slow tick. Memory
is bounded: by `limit` for the history, and by the constants below.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from .lives import Origin, Teller
from .ordering import natural
from .utils import is_preserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backends.base import Backend
    from .backends.life import TaskLife
    from .model import EndedSortKey

PRESERVED_LIMIT = 10_000
"""Ended tasks kept of those marked with `preserve_termination_log`."""
ANCESTORS_LIMIT = 10_000
"""Ended tasks whose creation is remembered, for the chains of tasks that they created. 2 MB."""
_CHUNK = 1000
"""Records drained at a time: 1 ms of work, then other threads may have the GIL."""
_BUSY = 0.05
_IDLE = 1.0
"""Seconds until the next drain, after one that found much, and one that found little."""


class Found(NamedTuple):
    """The lives that a page shows, and how many there are; as in `TerminatedPage`."""

    ended: int
    remembered: int
    matched: int
    lives: list[TaskLife]


class History:
    """Drains, remembers and finds ended tasks. Any thread of the monitor."""

    def __init__(self, backend: Backend, limit: int) -> None:
        self._backend = backend
        self._recent: deque[TaskLife] = deque(maxlen=min(limit, sys.maxsize))
        self._preserved: deque[TaskLife] = deque(maxlen=PRESERVED_LIMIT)
        self._origins: dict[int, Origin] = {}
        self._ended = 0
        self._last_number = 0
        self._lock = threading.Lock()
        self._clock_offset = time.time() - backend.now()

    def drain(self) -> float:
        """Take what has ended; returns the seconds in which to call again at the latest."""
        found = 0
        while chunk := self._drain_chunk():
            found += chunk
            if chunk < _CHUNK:
                break
            time.sleep(0)
        return _BUSY if found >= _CHUNK else _IDLE

    def _drain_chunk(self) -> int:
        with self._lock:
            ended = self._backend.drain(_CHUNK)
            for life in ended:
                self._remember(life)
            while len(self._origins) > ANCESTORS_LIMIT:
                del self._origins[next(iter(self._origins))]
        return len(ended)

    def _remember(self, life: TaskLife) -> None:
        self._ended += 1
        self._last_number = max(self._last_number, life.number)
        marked = is_preserved(life.code, life.coroutine)
        (self._preserved if marked else self._recent).append(life)
        self._origins[life.number] = Origin(life.name, life.stack, life.parent)

    def _remembered(self) -> list[TaskLife]:
        self.drain()
        with self._lock:
            return [*self._preserved, *self._recent]

    def has_ended(self, number: int) -> bool:
        """Whether a number that no live task has was that of one which was recorded."""
        self.drain()
        return 0 < number <= self._last_number

    def origin(self, number: int) -> Origin | None:
        """How an ended task began, if that is remembered."""
        return self._origins.get(number)

    def label(self, number: int) -> str:
        """An ended task in words; a live one by its number alone."""
        origin = self.origin(number)
        return f"task {number} ({origin.name})" if origin else f"task {number}"

    def teller(self, label: Callable[[int], str] | None = None) -> Teller:
        """How lives are told, with this way to name tasks."""
        return Teller(
            backend=self._backend,
            label=label or self.label,
            clock_offset=self._clock_offset,
        )

    def select(self, *, filter: str, sort: EndedSortKey, reverse: bool, limit: int | None) -> Found:
        """The ended tasks whose name or coroutine contains `filter`, the last to end first."""
        remembered = self._remembered()
        wanted = filter.casefold()
        matching = [
            life
            for life in remembered
            if wanted in life.name.casefold() or wanted in life.coroutine.casefold()
        ]
        # The latest end is what one looks for, so that is what comes first.
        matching.sort(key=_SORT_KEYS[sort], reverse=reverse != (sort == "ended"))
        return Found(self._ended, len(remembered), len(matching), matching[:limit])

    def find(self, reference: str) -> list[TaskLife]:
        """The ended tasks of that number, or else of that name, the last to end first."""
        remembered = sorted(self._remembered(), key=_SORT_KEYS["ended"], reverse=True)
        numbered = [life for life in remembered if str(life.number) == reference]
        return numbered or [life for life in remembered if life.name == reference]


_SORT_KEYS: dict[str, Callable[[TaskLife], Any]] = {
    "ended": lambda life: life.ended,
    "id": lambda life: life.number,
    "name": lambda life: natural(life.name),
    "coroutine": lambda life: life.coroutine,
    "outcome": lambda life: life.outcome,
    "duration": lambda life: life.ended - life.born,
}
