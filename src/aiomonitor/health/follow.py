"""Finds out that the loop is blocked, and follows what it does until it goes on."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from .stall import BlackBox, StallRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.values import CodePoint

    from .calls import Caller
    from .clocks import Look
    from .garbage import Collection, Collections

SUSPICIOUS = 0.04
"""Seconds of silence after which it is worth a look at the stack: less than from look to look."""

SAMPLE = 0.02
"""Seconds between two looks at the stack of a blocked loop, at first."""

SLOWEST = 1.0
"""The same in a stall that lasts."""

SLOWING = 0.05
"""Of what a stall has lasted: the time to the next look."""

SAME = 0.01
"""Seconds by which two readings of when a round began may differ."""

COLLECTIONS = 64
"""Kept for a stall that is found later than they were."""


class Follower:
    """Tells stalls from silence; the watchdog's, under its lock. Seconds of the monotonic clock."""

    def __init__(
        self,
        backend: Backend,
        caller: Caller,
        collections: Collections,
        identify: Callable[[TaskHandle], tuple[int, str]],
        threshold: float,
        *,
        is_sure: bool,
    ) -> None:
        self.box = BlackBox()
        self.present: StallRecord | None = None
        self._backend = backend
        self._caller = caller
        self._collections = collections
        self._recent: deque[Collection] = deque(maxlen=COLLECTIONS)
        self._identify = identify
        self._threshold = threshold
        self._is_sure = is_sure

    def look(self, look: Look) -> None:
        """See whether the loop is blocked, or still is."""
        if self._collections.some_ended:
            self._collect()
        if self.present is None:
            self._suspect(look)
            return
        self.present.late += look.late
        self.present.away += look.away
        end = self._end_of(self.present, look.at)
        if end is None:
            stack = self._stack()
            if stack and not self._backend.is_resting(stack):
                self._sample(self.present, stack)
            if self.present.kind == "gil":
                self._count_switches(self.present, look.at)
            self._measure(self.present, look.at, look.at)
        else:
            self._conclude(self.present, end, look.at)

    def pause(self, now: float) -> float:
        """Seconds to the next look at a loop that is blocked."""
        began = now if self.present is None else self.present.began
        return min(SLOWEST, max(SAMPLE, SLOWING * (now - began)))

    def blocked_for(self, now: float) -> float | None:
        """For how long the loop is blocked; None if it is not."""
        if self.present is None or self._caller.waiting(now) is None:
            return None
        return now - self.present.began

    def leave(self, now: float) -> None:
        """The loop has stopped, or nobody will look again."""
        if self.present is not None:
            self._conclude(self.present, now, now)

    # --- beginning and end --------------------------------------------------------------------

    def _suspect(self, look: Look) -> None:
        began, now = self._silent_since(look.at), look.at
        kept_out = self._is_sure and look.late >= self._threshold
        kept_out = kept_out and not self._was_alive(now - look.late, now)
        if now - began < SUSPICIOUS and not kept_out:
            return
        stack = self._stack()
        is_busy = bool(stack) and not self._backend.is_resting(stack)
        if is_busy and now - began >= SUSPICIOUS:
            stall = self._begin(began, look)
            self._sample(stall, stack)
            self._count_switches(stall, look.at)
        elif kept_out:
            # One thread had the GIL. If that was the loop's, it has hardly gone on since then.
            stall = self._begin(now - look.late, look)
            if is_busy and stall.kind == "cpu":
                self._sample(stall, stack)
            self._conclude(stall, now, now)

    def _silent_since(self, now: float) -> float:
        silent = self._backend.silent_for()
        if silent is None:
            silent = self._caller.waiting(now) or 0.0
        return max(self._caller.alive, now - silent)

    def _was_alive(self, began: float, ended: float) -> bool:
        return began + SUSPICIOUS < self._caller.alive < ended - SUSPICIOUS

    def _begin(self, began: float, look: Look) -> StallRecord:
        began_at = time.time() - (look.at - began)
        stall = self.present = StallRecord(began, began_at, self._caller.cpu_before(began))
        stall.late = self._caller.looks.late_since(began)
        stall.away = self._caller.looks.away_since(began)
        stall.collected = sum((_seconds(each, began) for each in self._recent), 0.0)
        self._measure(stall, look.at, look.at)
        return stall

    def _end_of(self, stall: StallRecord, now: float) -> float | None:
        """When the loop went on, if it has."""
        alive = self._caller.alive
        silent = self._backend.silent_for()
        rounds = now - silent if silent is not None else stall.began
        ends = [end for end in (alive, rounds) if end > stall.began + SAME]
        return min(ends, default=None)

    def _conclude(self, stall: StallRecord, end: float, now: float) -> None:
        self._measure(stall, end, now)
        self.box.close(stall)
        self.present = None

    def _measure(self, stall: StallRecord, end: float, now: float) -> None:
        cpu = self._caller.cpu()
        latest = self._caller.cpu_at_answer() if cpu is None or end < now else (now, cpu)
        going_on = self._collections.present(now)
        stall.garbage = stall.collected
        if going_on is not None and going_on.thread == self._backend.loop_thread_id():
            stall.garbage += _seconds(going_on, stall.began)
        stall.measure(end, latest)
        if stall.seconds >= self._threshold:
            self.box.admit(stall)

    def _count_switches(self, stall: StallRecord, now: float) -> None:
        switches = self._caller.switches()
        if switches is not None:
            stall.count_switches(now, switches)

    # --- what is seen -------------------------------------------------------------------------

    def _collect(self) -> None:
        loop_thread = self._backend.loop_thread_id()
        taken = [each for each in self._collections.take() if each.thread == loop_thread]
        self._recent.extend(taken)
        if self.present is not None:
            self.present.collected += sum(_seconds(each, self.present.began) for each in taken)

    def _stack(self) -> tuple[CodePoint, ...]:
        ident = self._backend.loop_thread_id()
        return () if ident is None else self._backend.thread_points(ident)

    def _sample(self, stall: StallRecord, stack: tuple[CodePoint, ...]) -> None:
        task = self._backend.running_task(self._identify)
        stall.see(self.box.interned(self._backend.trimmed(stack)), task)


def _seconds(collection: Collection, began: float) -> float:
    return max(0.0, collection.ended - max(collection.began, began))
