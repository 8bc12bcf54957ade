"""Sees every task of one asyncio loop being created, cancelled and ended, in the loop's thread.

What happens here is paid by the application on each task, so it's short and taken apart by
measurement (benchmarks/tracking_cost.py). It replaces two methods on the loop, as attributes of the
instance:

- `create_task`, rather than the task factory: unnamed tasks keep their numbers and names (with any
  factory, 3.13.0 calls them "None"), `get_task_factory()` answers as before (anyio looks at the
  code of what it gets), and a factory set later is used as it would be.
- `time`, which tells of the loop's rounds: see `sweep`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import math
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.life import CALLBACK, OUTSIDE
from aiomonitor.backends.stacks import Stacks

from . import reasons
from .create import PLAIN, creator, current_task, getframe, running_loop
from .end import conclude, give_back, note_end, record_of
from .record import (
    ForeignRecord,
    GuardedRecord,
    SettledRecord,
    TaskRecord,
)
from .repr import hidden_callback
from .sweep import RUN_ONCE, Sweeper, ticking

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from aiomonitor.backends.life import Stack

    from .queue import EndQueue
    from .record import Body

HANDLE_RUN: CodeType | None = getattr(getattr(asyncio.Handle, "_run", None), "__code__", None)
"""Where the stdlib's loop calls callbacks and steps tasks."""

OURS = frozenset(
    f"{__file__.rpartition('watch')[0]}{part}.py" for part in ("create", "record", "watch")
)
"""Files whose frames are left out: an outer task's `cancel` calls the inner one's through ours."""

FAILED = 500
"""Failed tasks that are remembered for whether somebody looks at them: the last ones."""

_log = logging.getLogger("aiomonitor")


class LoopWatch:
    """The one watcher of a loop; several monitors share it, each with a queue of its own."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        depth: int,
        clock: Callable[[], float],
        next_number: Callable[[], int],
    ) -> None:
        self.loop = loop
        self.clock = clock
        self.stacks = Stacks(HANDLE_RUN, depth, OURS)
        self.next_number = next_number
        self.queues: tuple[EndQueue, ...] = ()
        self.active = False
        self.round_began: float | None = None  # the loop's time, where it tells of its rounds
        self.caller_due = math.inf
        """When a thread of the monitor's wants to run. One that waits for the GIL of a loop which
        gives it up for a moment in each round may wait for ever, and each round wakes it in vain.
        """
        self._released = False
        # For our callbacks, each of which would otherwise keep a copy of the application's.
        self.context = contextvars.Context()
        # Eager tasks that became known as parents, while their `create_task` has not returned.
        self.early: dict[int, TaskRecord] = {}
        # Records of tasks that take no attribute.
        self.others: weakref.WeakKeyDictionary[Any, TaskRecord] = weakref.WeakKeyDictionary()
        self.failed: deque[weakref.ref[Any]] = deque(maxlen=FAILED)
        """Tasks that ended with an exception. Somebody may still keep them, and never ask."""
        self.timeouts = reasons.Timeouts()
        own_round: Any = getattr(type(loop), "_run_once", None)
        self.ticks = own_round is not None and own_round.__code__ is RUN_ONCE
        self._replaced: list[tuple[str, Callable[..., Any], Any]] = []
        own = {"__slots__": (), "watch": self}
        self.sweeper = Sweeper(self)
        self.record_type: type[TaskRecord] = type("TaskRecord", (TaskRecord,), dict(own))
        self.guarded_type: type[TaskRecord] = type("TaskRecord", (GuardedRecord,), dict(own))
        self.settled_type: type[TaskRecord] = type("TaskRecord", (SettledRecord,), dict(own))
        self.foreign_type: type[ForeignRecord] = type("ForeignRecord", (ForeignRecord,), dict(own))

    def start(self) -> None:
        """In the loop's thread, or while it doesn't run."""
        self.active = True
        hidden_callback.use()
        create_task, self._retire = creator(self, self.loop.create_task)
        self._replace("create_task", create_task)
        self._replace("time", ticking(self, self.loop.time))
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
        if self._released:
            return
        self._released = True
        try:
            self.sweeper.stop()
        except Exception:  # what it knew may be why the hook was taken off
            _log.debug("ends of tasks were lost", exc_info=True)
        for task in asyncio.all_tasks(self.loop):
            record = record_of(task)
            if record is not None and record.watch is self:
                task.remove_done_callback(note_end)
                give_back(record, task)
                record.task = None
        hidden_callback.leave()

    def in_loop(self, function: Callable[[], None]) -> None:
        """Call it where the loop's tasks may be touched: here, if nobody else does."""
        if running_loop() is self.loop or not self.loop.is_running():
            function()
        else:
            self.loop.call_soon_threadsafe(function)

    def fail(self) -> None:
        """Called where an exception of ours is handled: tell once, and get out of the way."""
        if self.active:
            self.stop()
            with contextlib.suppress(Exception):  # a logging filter of the application's may fail
                _log.exception("the task hook failed and was taken off: tasks are not tracked now")
            self.in_loop(self.release_tasks)

    # Creation that is not the common one

    def adopt_late(self, task: Any) -> int:
        """Number a task that did not pass through `create_task`: one older than the hook, made by
        other means, or an eager one in its first step, which still will. Without a task, the
        answer says where the code runs that created another."""
        if task is None or task.get_loop() is not self.loop:
            return CALLBACK if running_loop() is self.loop else OUTSIDE
        record = record_of(task)
        if record is None or record.watch is not self:
            record = self._record(task)
            self.early[id(task)] = record
        record.spawned = True  # at least it may have
        return record.number

    def number_of(self, task: Any) -> int | None:
        """The number of any task of this loop; None if it has ended and is not known."""
        known = record_of(task)
        if known is not None and known.watch is self:
            return known.number
        return None if task.done() else self.adopt_late(task)

    def adopt_other(self, born: float, task: Any, body: Body, stack: Stack) -> None:
        """A task that is known as a parent already, or of the application's own class."""
        if not asyncio.isfuture(task) or not hasattr(task, "get_coro"):
            return  # what a factory returns is the application's matter
        record = self.early.pop(id(task), None)
        if record is None or record.task is not task:
            record = self._record(task)
        record.born, record.stack = born, stack
        record.parent = self.current_number()
        if task.done():
            record.coro = body
            self._conclude(record, task)

    def _record(self, task: Any) -> TaskRecord:
        """A record of a task of any class, whose end is watched."""
        record: TaskRecord = self.record_type() if type(task) is PLAIN else self.foreign_type()
        record.task = task
        record.number = self.next_number()
        record.born = self.clock()
        record.stack = ()
        record.parent = OUTSIDE
        record.cancelled = None
        record.coro = task._coro  # noqa: SLF001 - `get_coro()` crashes 3.12.1 after an eager end
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
        """Watch for the end of a task by a done callback."""
        if self.loop.is_running() and running_loop() is not self.loop:
            # Another thread created it, against the rules: it must not touch the task, too.
            self.sweeper.fresh.append(record)
            self.loop.call_soon_threadsafe(self.sweeper.look)
        elif not task.done():
            task.add_done_callback(note_end, context=self.context)

    def note_end(self, record: TaskRecord, task: Any) -> None:
        """The task has ended; in the loop's thread."""
        try:
            if record.task is not None:
                self.early.pop(id(task), None)
                self._conclude(record, task)
        except Exception:
            self.fail()

    def _conclude(self, record: TaskRecord, task: Any) -> None:
        conclude(record, task, self.clock())
        if record.outcome == "exception":
            self.failed.append(weakref.ref(task))
        if isinstance(record, ForeignRecord):
            give_back(record, task)
        self.put([record])

    def note_collected(self, record: TaskRecord) -> None:
        """The garbage collector takes the task, in whatever thread; a new record tells of it, as
        this one would keep the task alive."""
        try:
            told = self.record_type()
            told.number, told.born, told.stack = record.number, record.born, record.stack
            told.parent, told.cancelled = record.parent, record.cancelled
            told.coro = record.coro
            told.spawned = getattr(record, "spawned", False)
            conclude(told, record.task, self.clock())
            self.put([told])
        except Exception:  # noqa: S110 - at the interpreter's end, anything may be missing
            pass

    def put(self, ended: list[TaskRecord]) -> None:
        """Hand over to each monitor."""
        for queue in self.queues:
            queue.put(ended)

    # Cancellations

    def note_cancellation(self, record: TaskRecord) -> None:
        """Called by the record, which its canceller called; whatever thread that is."""
        try:
            frame = getframe(2)
            task = current_task(self.loop) if running_loop() is self.loop else None
            try:
                by = task.cancel.number  # type: ignore[union-attr]
            except AttributeError:
                by = self.adopt_late(task)
            known = frame.f_code.co_filename in reasons.FILES
            reason = self.timeouts.reason(frame, self.number_of) if known else reasons.NO_REASON
            stack = self.stacks.take(frame)
            before = record.cancelled and record.recent_requests()
            kind, delay, other = reason
            record.cancelled = (self.clock(), by, stack, kind, delay, other, before)
            if type(record) is self.settled_type and self.ticks and running_loop() is self.loop:
                self.sweeper.take_back(record)
        except (RecursionError, MemoryError):
            pass
        except Exception:
            self.fail()
