"""How many tasks there are, and in which states: counted as often as that may cost.

Counting 100 000 tasks takes a tenth of a second of computing, in which the application has to wait
for the GIL now and then. So a count that was dear is not repeated soon, and the number of tasks is
told from those created and ended since.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.model import Census, RunStatus, TaskState

    from .site import Site
    from .tally import Tally

log = logging.getLogger("aiomonitor")

SHARE = 0.01
"""The part of the time that may be spent on counting tasks."""
QUICK = 0.05
"""Seconds that a count may take of a scrape, which is to take none to speak of."""


class Count(NamedTuple):
    """A count of the tasks, what else was known at that time (`at`, Unix time), how many seconds
    it took, and when to count again."""

    census: Census
    status: RunStatus
    at: float
    took: float
    due: float

    def tasks(self, now: RunStatus) -> int:
        """Counted, or told from what has come and gone since the count."""
        total, then = self.census.total, self.status
        if now.created is None or then.created is None:
            return total
        return max(0, total + now.created - then.created - (ended(now) - ended(then)))

    @property
    def states(self) -> dict[TaskState, int]:
        """The tasks by state, when they were counted."""
        return dict(self.census.states)


def ended(status: RunStatus) -> int:
    """How many tasks have ended, recorded or not."""
    return status.ended + status.dropped


class Headcount:
    """Counts when that is due. Any worker thread."""

    def __init__(
        self, site: Site, tally: Tally, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._site = site
        self._tally = tally
        self._clock = clock
        self._counting = threading.Lock()
        self._last: Count | None = None

    def latest(self, status: RunStatus) -> Count:
        """The last count, if it is not time for a new one, or somebody is at it."""
        last = self._last
        if last is not None and not self._is_due(last):
            return last
        with self._counting:
            if self._last is None or self._last is last:
                self._last = self._count(status)
            return self._last

    def at_once(self, status: RunStatus) -> Count:
        """The same for those who have no time: but for the first, a count that takes long is left
        to a thread of its own, and is there the next time."""
        last = self._last
        if last is None or last.took < QUICK:
            return self.latest(status)
        if self._is_due(last):
            threading.Thread(
                target=self._in_background, args=(status,), name="aiomonitor-count", daemon=True
            ).start()
        return last

    def _in_background(self, status: RunStatus) -> None:
        try:
            with self._tally.look():
                self.latest(status)
        except Exception:
            log.exception("the tasks could not be counted")

    def _is_due(self, last: Count) -> bool:
        return self._clock() >= last.due and not self._counting.locked()

    def _count(self, status: RunStatus) -> Count:
        began = time.perf_counter()
        census = self._site.census()
        took = time.perf_counter() - began
        return Count(census, status, time.time(), took, self._clock() + took / SHARE)
