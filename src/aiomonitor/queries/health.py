"""How well the loop keeps up, and what blocked it: the part of `Queries` that asks the watchdog.

All of it may be called from any thread, also while the loop is blocked, and after it has closed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aiomonitor.health.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.health.stall import StallRecord
    from aiomonitor.model.health import Health, Stall
    from aiomonitor.tracking.tracker import Tracker

LEAST_THRESHOLD = 0.05
"""Seconds that the shortest stall lasts: the watchdog has to see it at least once."""


class HealthQueries:
    """What the watchdog of one monitored run has seen; thread-safe."""

    stall_threshold: float = 0.1
    """Seconds for which the loop has to be blocked to make a stall; subclasses may set another."""

    _backend: Backend
    _tracker: Tracker
    _watchdog: Watchdog

    def _new_watchdog(self) -> Watchdog:
        threshold = _checked(self.stall_threshold)
        return Watchdog(self._backend, self._identify, threshold)

    def _identify(self, task: TaskHandle) -> tuple[int, str]:
        return self._tracker.number(task), self._backend.names(task)[0]

    def excusing(self, since: float) -> AbstractContextManager[None]:
        """See `Watchdog.excusing`: for queries that the loop's thread itself waits for."""
        return self._watchdog.excusing(since)

    def health(self) -> Health:
        """The loop's lag, how busy it is, and how often it was blocked."""
        from aiomonitor.health.words import health_of  # when somebody asks

        return health_of(self._watchdog)

    def stalls(self, limit: int | None = None) -> tuple[Stall, ...]:
        """The latest stalls, the last one first: also one that goes on."""
        with self._watchdog.lock:
            found = [stall.copy() for stall in self._watchdog.follower.box.stalls]
        found.reverse()
        return self._stall_values(found[:limit])

    def stall(self, number: int) -> Stall | None:
        """The stall of that number; None if it is not remembered."""
        with self._watchdog.lock:
            stalls = self._watchdog.follower.box.stalls
            found = [stall.copy() for stall in stalls if stall.number == number]
        return next(iter(self._stall_values(found)), None)

    def stalls_since(self, number: int) -> tuple[Stall, ...]:
        """Those that came after the one of that number and are over, the oldest first: who asks
        again with the last number of the answer gets each of them once, or misses some if more
        than are remembered have come."""
        with self._watchdog.lock:
            stalls = self._watchdog.follower.box.stalls
            found = [stall for stall in stalls if stall.number > number and stall.over]
        return self._stall_values(found)

    def _stall_values(self, found: Iterable[StallRecord]) -> tuple[Stall, ...]:
        from aiomonitor.health.words import stall_of  # when somebody asks

        return tuple(stall_of(stall, self._backend.site_of) for stall in found)


def _checked(threshold: object) -> float:
    told = f"stall_threshold is {threshold!r}: give seconds, {LEAST_THRESHOLD} or more"
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)):
        raise TypeError(told)
    if not LEAST_THRESHOLD <= threshold < math.inf:
        raise ValueError(told)
    return float(threshold)
