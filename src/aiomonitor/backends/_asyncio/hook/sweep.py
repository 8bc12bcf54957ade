"""Finds the tasks of one asyncio loop that have ended, without a done callback for each.

A done callback costs as much as the rest of the hook together, since the loop makes a handle for
it. Most tasks end soon, so they are looked at in the loop's rounds, many in a few calls of C: a
waiting task wakes after such a look, and doesn't see that the hook had hold of the one it waited
for. Who outlives some rounds gets the callback.

Loops that don't ask for the time in each round (uvloop) look once, by a handle for all the tasks of
a round; there somebody who waits may wake first.

All in the loop's thread.
"""

from __future__ import annotations

import asyncio
import asyncio.base_events
import weakref
from itertools import compress
from math import inf
from operator import attrgetter
from sys import _getframe as getframe
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from aiomonitor.pacing import GIL_OFFER

from .end import conclude_all, note_end, state_of
from .reasons import TIMEOUT
from .record import PENDING, TaskRecord

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from .watch import LoopWatch

RUN_ONCE: CodeType | None = getattr(
    getattr(asyncio.base_events.BaseEventLoop, "_run_once", None), "__code__", None
)
"""A round of the stdlib's loop, which asks for the time once or twice; see test_hook_drift."""

AGAIN = 4
"""Rounds between two looks at those that have been looked at before."""

LOOKS = 4
"""Looks after which who is pending moves on; after this twice, to the callback. One look costs a
fortieth of a callback."""

task_of: Callable[[TaskRecord], Any] = attrgetter("task")

REST = 0.05
"""Seconds after which a loop that rests is woken for a look, so that a task which nobody waits for
is let go."""


class Sweeper:
    """The tasks of a loop that have no done callback yet."""

    def __init__(self, watch: LoopWatch) -> None:
        self._watch = watch
        self._loop: Any = watch.loop
        self.fresh: list[TaskRecord] = []
        """Created in this round or the last. It keeps its identity."""
        self._mature = 0
        # Weak from the second look on: a pending task that nobody refers to must be collected.
        self.young: list[weakref.ref[TaskRecord]] = []
        self.older: list[weakref.ref[TaskRecord]] = []
        self._round = 0
        self._looks = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        return bool(self.fresh or self.young or self.older)

    def look(self) -> None:
        """At the tasks of the round before the last, since a task makes its first step in the round
        after its creation; and at those that have been looked at before."""
        try:
            batch = self.fresh[: self._mature]
            del self.fresh[: self._mature]
            self._mature = len(self.fresh)
            self._watch.early.clear()
            self._round += 1
            if self._round % AGAIN == 0 and (self.young or self.older):
                self._look_again()
            if batch:
                self._keep(self._pending_of(batch))
            if self._timer is None and self.busy:
                self._arm()
        except Exception:
            self._watch.fail()

    def _pending_of(self, records: list[TaskRecord]) -> list[TaskRecord]:
        """Conclude those that have ended, and return the others."""
        if not records:
            return records
        tasks = list(map(task_of, records))
        states = list(map(state_of, tasks))
        if PENDING not in states:
            self._conclude(records, tasks, states)
            return []
        if states.count(PENDING) == len(states):
            return records
        ends = [state is not PENDING for state in states]
        ended = list(compress(records, ends))
        self._conclude(ended, list(compress(tasks, ends)), list(compress(states, ends)))
        return [record for record in records if record.task is not None]

    def _conclude(self, records: list[TaskRecord], tasks: list[Any], states: list[str]) -> None:
        conclude_all(records, tasks, states, self._watch.clock())
        self._watch.put(records)

    def _keep(self, pending: list[TaskRecord]) -> None:
        for record in pending:
            record.__class__ = self._watch.guarded_type
        if self._watch.ticks:
            self.young += map(weakref.ref, pending)
        else:
            self._call_back(pending)

    def _look_again(self) -> None:
        self.young = self._still(self.young)
        self.older = self._still(self.older)
        self._looks += 1
        if self._looks >= LOOKS:
            self._move_on()

    def _still(self, known: list[weakref.ref[TaskRecord]]) -> list[weakref.ref[TaskRecord]]:
        """Those that have not ended; of one that was collected, its record has told."""
        if not known:
            return known
        records = [record for ref in known if (record := ref()) is not None]
        pending = self._pending_of(records)
        return known if len(pending) == len(known) else list(map(weakref.ref, pending))

    def _move_on(self) -> None:
        """Who has been looked at often enough gets the callback."""
        self._looks = 0
        self._call_back([record for ref in self.older if (record := ref()) is not None])
        self.older, self.young = self.young, []

    def _call_back(self, records: list[TaskRecord]) -> None:
        for record in records:
            record.__class__ = self._watch.settled_type
            record.task.add_done_callback(note_end, context=self._watch.context)

    def take_back(self, record: TaskRecord) -> None:
        """A task that was asked to cancel itself is about to end: then a look costs less than the
        callback, whose handle is not made yet."""
        if not record.task.done():
            record.task.remove_done_callback(note_end)
            record.__class__ = self._watch.guarded_type
            self.young.append(weakref.ref(record))

    def ask(self) -> None:
        """For loops that don't tell of their rounds."""
        self._loop.call_soon(self._look_on_request, context=self._watch.context)

    def _look_on_request(self) -> None:
        self.look()
        if self.fresh and self._watch.active:
            self.ask()

    def _arm(self) -> None:
        # The method of the base class: in one that counts its timers, this one doesn't count.
        if self._watch.ticks:
            self._timer = asyncio.BaseEventLoop.call_at(
                self._loop, self._loop.time() + REST, self._rest, context=self._watch.context
            )

    def _rest(self) -> None:
        """The look was in this round already, as in each; who is pending gets the callback."""
        self._timer = None
        try:
            self._move_on()
            self._move_on()
        except Exception:
            self._watch.fail()

    def stop(self) -> None:
        """Let go of all of them."""
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._pending_of(self.fresh)
            self._still(self.young)
            self._still(self.older)
        finally:
            self.fresh.clear()
            self.young, self.older = [], []


def ticking(watch: LoopWatch, previous: Callable[[], float]) -> Callable[[], float]:
    """The loop's `time`, for stdlib loops: they ask for it once or twice in each round, before the
    callbacks of that round run."""
    sweeper, fresh, timeouts = watch.sweeper, watch.sweeper.fresh, watch.timeouts
    if getattr(previous, "__func__", None) is asyncio.BaseEventLoop.time:
        previous = monotonic  # what it returns, without a call

    def time() -> float:
        now = previous()
        frame = getframe(1)
        if frame.f_code is RUN_ONCE:
            watch.round_began = now
            if now > watch.caller_due:
                watch.caller_due = inf
                sleep(GIL_OFFER)
            if fresh or sweeper.young or sweeper.older:
                sweeper.look()
        elif frame.f_code is TIMEOUT:
            try:
                timeouts.note(frame, now)
            except Exception:
                watch.fail()
        return now

    return time
