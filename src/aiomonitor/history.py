"""How tasks ended, for as long as it is remembered; the only owner of that state.

What the hook hands over is drained here, when somebody asks and on the monitor's slow tick. Memory
is bounded: by `limit` for the history, and by the constants below.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from . import lives
from .errors import TaskNotFoundError
from .lives import Teller
from .model import TerminatedPage
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
"""Ended tasks whose creation is remembered, for the chains of tasks that they created. 3 MB."""
_CHUNK = 1000
"""Records drained at a time: 1 ms of work, then other threads may have the GIL."""
_BUSY = 0.05
_IDLE = 1.0
"""Seconds until the next drain, after one that found much, and one that found little."""


class History:
    """Drains, remembers and finds ended tasks. Any thread of the monitor."""

    def __init__(self, backend: Backend, limit: int) -> None:
        self._backend = backend
        self._recent: deque[TaskLife] = deque(maxlen=limit)
        self._preserved: deque[TaskLife] = deque(maxlen=PRESERVED_LIMIT)
        self._origins: dict[int, TaskLife] = {}
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
                (self._preserved if is_preserved(life.code) else self._recent).append(life)
                self._origins[life.number] = life
            while len(self._origins) > ANCESTORS_LIMIT:
                del self._origins[next(iter(self._origins))]
        return len(ended)

    def _remembered(self) -> list[TaskLife]:
        self.drain()
        with self._lock:
            return [*self._preserved, *self._recent]

    def origin(self, number: int) -> TaskLife | None:
        """The life of an ended task, if it is remembered. Never that of a live one."""
        return self._origins.get(number)

    def label(self, number: int) -> str:
        """An ended task in words; a live one by its number alone."""
        life = self.origin(number)
        return f"task {number} ({life.name})" if life else f"task {number}"

    def teller(self, label: Callable[[int], str] | None = None) -> Teller:
        """How lives are told, with this way to name tasks."""
        return Teller(
            backend=self._backend,
            label=label or self.label,
            clock_offset=self._clock_offset,
        )

    def page(
        self, *, filter: str, sort: EndedSortKey, reverse: bool, limit: int | None
    ) -> TerminatedPage:
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
        teller = self.teller()
        return TerminatedPage(
            remembered=len(remembered),
            matched=len(matching),
            dropped=self._backend.dropped,
            tasks=tuple(lives.terminated_task(life, teller) for life in matching[:limit]),
        )

    def find(self, reference: str) -> TaskLife:
        """An ended task by its number or name: the latest of that name.

        Raises `TaskNotFoundError`.
        """
        for life in reversed(self._remembered()):
            if reference in (str(life.number), life.name):
                return life
        raise TaskNotFoundError(
            f"no ended task {reference!r} is remembered: 'ps-terminated' lists what is"
        )


_SORT_KEYS: dict[str, Callable[[TaskLife], Any]] = {
    "ended": lambda life: life.ended,
    "id": lambda life: life.number,
    "name": lambda life: natural(life.name),
    "coroutine": lambda life: life.coroutine,
    "outcome": lambda life: life.outcome,
    "duration": lambda life: life.ended - life.born,
}
