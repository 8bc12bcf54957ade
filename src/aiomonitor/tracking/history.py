"""How tasks ended, for as long as it is remembered; the only owner of that state.

What the hook hands over is drained here, when somebody asks and on the monitor's slow tick. Memory
is bounded: by `limit` for the history, and by the constants below.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, deque
from itertools import chain, compress, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from aiomonitor.utils import any_preserved, is_preserved

from .lives import OUTCOMES, Origin, Teller, called

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.model import EndedSortKey, Outcome

PRESERVED_LIMIT = 10_000
"""Ended tasks kept of those marked with `preserve_termination_log`."""
ANCESTORS_LIMIT = 10_000
"""Ended tasks whose creation is remembered, of those that created tasks. Up to 5 MB."""
_SPAWNED, _NO = repeat("spawned"), repeat(False)
_number_of: Callable[[TaskLife], int] = attrgetter("number")
_outcome_of: Callable[[TaskLife], str] = attrgetter("outcome")
_CHUNK = 2048
"""Records drained at a time: 1 ms of work, most of it to forget older ones; then a thread that
waits for the GIL may have it. It isn't offered: to get it back from a busy loop takes 100 ms."""
_CHUNKS = 10
"""Chunks in one drain, a little more than a hook keeps: in a flood, the next drain has to wait."""
_BUSY = 0.05
_IDLE = 1.0
"""Seconds until the next drain, after one that found many, and one that found few. While it waits
for the GIL of a busy loop, that is slower by a quarter: so it is seldom."""
_MANY = 1000


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
        # What may be asked for its creation; the index over it is made when somebody asks.
        self._ancestors: deque[TaskLife] = deque(maxlen=ANCESTORS_LIMIT)
        self._index: dict[int, TaskLife] | None = None
        self._ended = 0
        self._outcomes = Counter[str]()
        self._last_number = 0
        self._lock = threading.Lock()
        self._clock_offset = time.time() - backend.now()

    def drain(self) -> float:
        """Take what has ended; returns the seconds in which to call again at the latest."""
        found = 0
        for _ in range(_CHUNKS):
            chunk = self._drain_chunk()
            found += chunk
            if chunk < _CHUNK:
                break
        return _BUSY if found >= _MANY else _IDLE

    def _drain_chunk(self) -> int:
        with self._lock:
            ended = self._backend.drain(_CHUNK)
            if ended:
                self._remember(ended)
        return len(ended)

    def _remember(self, ended: Sequence[TaskLife]) -> None:
        """A few calls of C for all, since this thread and the application share the GIL."""
        self._ended += len(ended)
        self._outcomes.update(map(_outcome_of, ended))
        self._last_number = max(self._last_number, *map(_number_of, ended))
        self._ancestors.extend(compress(ended, map(getattr, ended, _SPAWNED, _NO)))
        self._index = None
        if any_preserved():
            for life in ended:
                marked = is_preserved(life.code, life.coroutine)
                (self._preserved if marked else self._recent).append(life)
        else:
            self._recent.extend(ended)

    def _remembered(self) -> list[TaskLife]:
        self.drain()
        with self._lock:
            return [*self._preserved, *self._recent]

    def counts(self) -> tuple[int, int]:
        """How many tasks have ended, and how many of them are remembered."""
        self.drain()
        with self._lock:
            return self._ended, len(self._preserved) + len(self._recent)

    def outcomes(self) -> dict[Outcome, int]:
        """How many tasks have ended in each way, every way included."""
        self.drain()
        with self._lock:
            return {told: self._outcomes[outcome] for outcome, told in OUTCOMES.items()}

    def has_ended(self, number: int) -> bool:
        """Whether a number that no live task has was that of one which was recorded."""
        self.drain()
        return 0 < number <= self._last_number

    def origin(self, number: int) -> Origin | None:
        """How an ended task began, if that is remembered."""
        with self._lock:
            if self._index is None:
                known = chain(self._ancestors, self._preserved, self._recent)
                self._index = {life.number: life for life in known}
            life = self._index.get(number)
        return Origin(life.name, life.stack, life.parent) if life else None

    def label(self, number: int) -> str:
        """An ended task in words; a live one by its number alone."""
        return called(number, self.origin(number))

    def teller(self, label: Callable[[int], str] | None = None) -> Teller:
        """How lives are told, with this way to name tasks."""
        return Teller(
            backend=self._backend,
            label=label or self.label,
            clock_offset=self._clock_offset,
        )

    def select(
        self,
        *,
        filter: str,
        outcome: Outcome | None = None,
        sort: EndedSortKey,
        reverse: bool,
        limit: int | None,
        offset: int = 0,
    ) -> Found:
        """The ended tasks whose name or coroutine contains `filter`, the last to end first; with an
        `outcome`, only those that ended so."""
        remembered = self._remembered()
        wanted = filter.casefold()
        matching = [
            life
            for life in remembered
            if outcome in (None, OUTCOMES[life.outcome])
            and (wanted in life.name.casefold() or wanted in life.coroutine.casefold())
        ]
        # The latest end is what one looks for, so that is what comes first.
        matching.sort(key=_SORT_KEYS[sort], reverse=reverse != (sort == "ended"))
        chosen = matching[offset : None if limit is None else offset + limit]
        return Found(self._ended, len(remembered), len(matching), chosen)

    def ended_since(self, moment: float) -> list[TaskLife]:
        """Those that ended then (of the hook's clock) or later, the first to end first."""
        return sorted(
            (life for life in self._remembered() if life.ended >= moment), key=_SORT_KEYS["ended"]
        )

    def find(self, reference: str) -> list[TaskLife]:
        """The ended tasks of that number, or else of that name, the last to end first."""
        remembered = sorted(self._remembered(), key=_SORT_KEYS["ended"], reverse=True)
        numbered = [life for life in remembered if str(life.number) == reference]
        return numbered or [life for life in remembered if life.name == reference]


def _by_name(life: TaskLife) -> Any:
    from aiomonitor.listings.ordering import natural  # when somebody asks

    return natural(life.name)


_SORT_KEYS: dict[str, Callable[[TaskLife], Any]] = {
    "ended": lambda life: life.ended,
    "id": lambda life: life.number,
    "name": _by_name,
    "coroutine": lambda life: life.coroutine,
    "outcome": lambda life: life.outcome,
    "duration": lambda life: life.ended - life.born,
}
