"""Sees every task of one asyncio loop being created, cancelled and ended, in the loop's thread.

What happens here is paid by the application on each task, so it's short and taken apart by
measurement (benchmarks/hook_overhead.py). It replaces two methods on the loop, as attributes of the
instance:

- `create_task`, rather than the task factory: unnamed tasks keep their numbers and names (with any
  factory, 3.13.0 calls them "None"), `get_task_factory()` answers as before (anyio looks at the
  code of what it gets), and a factory set later is used as it would be.
- `time`, which the stdlib's loops call once a round: there the newest tasks are looked through.
  Who ended in its first step needs no done callback, whose handle would be half of the hook's cost;
  and nobody who waits for a task can wake before that look, so nobody sees it held by us.
"""

from __future__ import annotations

import asyncio
import asyncio.base_events
import contextvars
import functools
import itertools
import logging
import sys
import weakref
from typing import TYPE_CHECKING, Any

from . import _asyncio_hook_reasons as reasons
from ._asyncio_hook_create import PLAIN, creator, current_task, running_loop
from ._asyncio_hook_end import conclude, give_back, name_coroutine, note_end, record_of
from ._asyncio_hook_queue import BATCH
from ._asyncio_hook_record import CANCELLATIONS, ForeignRecord, TaskRecord
from ._asyncio_hook_repr import hidden_callback
from ._asyncio_hook_stack import stack_taker
from .life import CALLBACK, OUTSIDE, Cancellation

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ._asyncio_hook_queue import EndQueue
    from .life import Stack

RUN_ONCE: CodeType | None = getattr(
    getattr(asyncio.base_events.BaseEventLoop, "_run_once", None), "__code__", None
)
"""A round of the stdlib's loop, which asks for the time once or twice; see test_hook_drift."""

HANDLE_RUN: CodeType | None = getattr(getattr(asyncio.Handle, "_run", None), "__code__", None)
"""Where the stdlib's loop calls callbacks and steps tasks."""

_log = logging.getLogger("aiomonitor")


class LoopWatch:
    """The one watcher of a loop; several monitors share it, each with a queue of its own."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, depth: int, clock: Callable[[], float]
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.take_stack, self.intern = stack_taker(HANDLE_RUN, depth)
        self.next_number = itertools.count(1).__next__
        self.queues: tuple[EndQueue, ...] = ()
        self.active = False
        # Constant and empty: a callback would otherwise keep a copy of the application's context.
        self.context = contextvars.Context()
        # Tasks that have not been looked at; strong, until the loop's next round.
        self.fresh: list[TaskRecord] = []
        # Eager tasks that became known as parents, while their `create_task` has not returned.
        self._mature = 0
        self.early: dict[int, TaskRecord] = {}
        # Records of tasks that take no attribute.
        self.others: weakref.WeakKeyDictionary[Any, TaskRecord] = weakref.WeakKeyDictionary()
        self.timeouts = reasons.Timeouts()
        own_round: Any = getattr(type(loop), "_run_once", None)
        self.ticks = own_round is not None and own_round.__code__ is RUN_ONCE
        self._replaced: list[tuple[str, Callable[..., Any], Any]] = []
        own = {"__slots__": (), "watch": self}
        self.record_type: type[TaskRecord] = type("TaskRecord", (TaskRecord,), dict(own))
        self.foreign_type: type[ForeignRecord] = type("ForeignRecord", (ForeignRecord,), dict(own))

    def start(self) -> None:
        """In the loop's thread, or while it doesn't run."""
        self.active = True
        hidden_callback.use()
        create_task, self._retire = creator(self, self.loop.create_task)
        self._replace("create_task", create_task)
        self._replace("time", self._ticking(self.loop.time))
        for task in asyncio.all_tasks(self.loop):
            self.adopt_late(task)

    def _replace(self, attribute: str, ours: Callable[..., Any]) -> None:
        functools.update_wrapper(ours, getattr(self.loop, attribute))
        self._replaced.append((attribute, ours, vars(self.loop).get(attribute)))
        vars(self.loop)[attribute] = ours

    def stop(self) -> None:
        """Put back what is still ours; what somebody wrapped meanwhile only passes on from now."""
        if not self.active:
            return
        self.active = False
        self._retire()
        names = vars(self.loop)
        for attribute, ours, before in self._replaced:
            if names.get(attribute) is ours and before is None:
                del names[attribute]
            elif names.get(attribute) is ours:
                names[attribute] = before
        self._replaced.clear()

    def release_tasks(self) -> None:
        """Leave the live tasks as if we had never been; in the loop's thread, after `stop`."""
        self.fresh.clear()
        for task in asyncio.all_tasks(self.loop):
            record = record_of(task)
            if record is not None and record.watch is self:
                task.remove_done_callback(note_end)
                give_back(record, task)
                record.task = None
        hidden_callback.leave()

    def fail(self) -> None:
        """Called where an exception of ours is handled: tell once, and get out of the way."""
        if self.active:
            self.stop()
            _log.exception("the task hook failed and was taken off: tasks are no longer tracked")

    # Creation that is not the common one

    def adopt_late(self, task: Any) -> int:
        """Number a task that did not pass through `create_task`: one older than the hook, made by
        other means, or an eager one in its first step, which still will. Without a task, the
        answer says where the code runs that created another."""
        if task is None or task.get_loop() is not self.loop:
            return CALLBACK if running_loop() is self.loop else OUTSIDE
        known = record_of(task)
        if known is not None and known.watch is self:
            return known.number
        record = self._record(task)
        self.early[id(task)] = record
        return record.number

    def adopt_other(self, born: float, task: Any, coro: Any, stack: Stack) -> None:
        """A task that is known as a parent already, or of the application's own class."""
        if not asyncio.isfuture(task) or not hasattr(task, "get_coro"):
            return  # what a factory returns is the application's matter
        record = self.early.pop(id(task), None)
        if record is None or record.task is not task:
            record = self._record(task)
        record.born, record.stack = born, stack
        record.parent = self.current_number()
        if task.done():
            name_coroutine(record, coro)
            self.note_end(record, task)

    def _record(self, task: Any) -> TaskRecord:
        """A record of a task of any class, whose end is watched."""
        record: TaskRecord = self.record_type() if type(task) is PLAIN else self.foreign_type()
        record.task = task
        record.number = self.next_number()
        record.born = self.clock()
        record.stack = ()
        record.parent = OUTSIDE
        record.cancellations = ()
        if not task.done():  # or its coroutine is the caller's matter
            name_coroutine(record, task.get_coro())
        if isinstance(record, ForeignRecord):
            record.original = task.cancel
        try:
            task.cancel = record
        except AttributeError:  # a class with slots: its cancellations stay unseen
            self.others[task] = record
        self.follow(record, task)
        return record

    def current_number(self) -> int:
        """The number of the task that runs in this thread, or `CALLBACK` or `OUTSIDE`."""
        return self.adopt_late(current_task(self.loop) if running_loop() is self.loop else None)

    # Ends

    def follow(self, record: TaskRecord, task: Any) -> None:
        """Watch for the end of a task that isn't looked at in the next round."""
        if self.loop.is_running() and running_loop() is not self.loop:
            # Another thread created it, against the rules: it must not touch the task, too.
            self.fresh.append(record)
            self.loop.call_soon_threadsafe(self.look_through)
        elif not task.done():
            task.add_done_callback(note_end, context=self.context)

    def look_through(self) -> None:
        """Take the ends of the newest tasks; the others get a done callback. In the loop's thread.

        Looks at those of the round before the last, since a task makes its first step in the round
        after its creation.
        """
        try:
            batch = self.fresh[: self._mature]
            del self.fresh[: self._mature]
            self._mature = len(self.fresh)
            self.early.clear()
            ended = self._ended(batch) if batch else None
            if ended:
                self.put(ended)
        except Exception:
            self.fail()

    def ask_for_look(self) -> None:
        """For loops that don't ask for the time in each round (uvloop): one handle for all that is
        created in a round. Here somebody who waits may wake first, and find the task held."""
        self.loop.call_soon(self._look_on_request, context=self.context)

    def _look_on_request(self) -> None:
        self.look_through()
        if self.fresh and self.active:
            self.ask_for_look()

    def _ended(self, batch: list[TaskRecord]) -> list[TaskRecord]:
        now = self.clock()
        context = self.context
        ended = []
        for record in batch:
            task = record.task
            if task is None:
                continue  # taken when it ended in its eager step
            if task.done():
                conclude(record, task, now)
                ended.append(record)
            else:
                task.add_done_callback(note_end, context=context)
        return ended

    def note_end(self, record: TaskRecord, task: Any) -> None:
        """The task has ended; in the loop's thread."""
        try:
            if record.task is not None:
                if self.early:
                    self.early.pop(id(task), None)
                conclude(record, task, self.clock(), named=hasattr(record, "coroutine"))
                if type(record) is not self.record_type:
                    give_back(record, task)
                for queue in self.queues:
                    queue.put((record,))
        except Exception:
            self.fail()

    def put(self, ended: list[TaskRecord]) -> None:
        """Hand over to each monitor."""
        for queue in self.queues:
            if len(ended) <= BATCH:
                queue.put(ended)
                continue
            for start in range(0, len(ended), BATCH):
                queue.put(ended[start : start + BATCH])

    def _ticking(self, previous: Callable[[], float]) -> Callable[[], float]:
        """The loop's `time`, which the stdlib's loop calls in each round."""
        fresh, timeouts = self.fresh, self.timeouts
        getframe = sys._getframe  # noqa: SLF001

        def time() -> float:
            now = previous()
            frame = getframe(1)
            if frame.f_code is RUN_ONCE:
                if fresh:
                    self.look_through()
            elif frame.f_code is reasons.TIMEOUT:
                timeouts.note(frame, now)
            return now

        return time

    # Cancellations

    def note_cancellation(self, record: TaskRecord) -> None:
        """Called by the record, which its canceller called; whatever thread that is."""
        try:
            task = current_task(self.loop) if running_loop() is self.loop else None
            try:
                by = task.cancel.number  # type: ignore[union-attr]
            except AttributeError:
                by = self.adopt_late(task)
            reason = self.timeouts.reason(sys._getframe(2), self.adopt_late)  # noqa: SLF001
            # Without the Python call that making a named tuple is.
            request = tuple.__new__(Cancellation, (self.clock(), by, self.take_stack(2), *reason))
            known = record.cancellations
            record.cancellations = (request, *known[: CANCELLATIONS - 1]) if known else (request,)
        except (RecursionError, MemoryError):
            pass
        except Exception:
            self.fail()
