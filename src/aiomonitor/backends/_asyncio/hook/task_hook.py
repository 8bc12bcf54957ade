"""The hook of one monitor on one asyncio loop: who created, who cancelled, how it ended.

A task's `TaskRecord` hangs on the task while that lives, and is handed over when it ends: so the
application's thread does the same little work whether anybody looks or not, what is live needs no
index, and what is gone leaves nothing behind. The other modules here are its parts.
"""

from __future__ import annotations

import functools
import itertools
import time
import weakref
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.stacks import DEPTH
from aiomonitor.threads import ProcessLock

from .queue import QUEUE_LIMIT, EndQueue
from .record import TaskRecord
from .watch import LoopWatch

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence


_numbers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Callable[[], int]] = (
    weakref.WeakKeyDictionary()
)
"""One sequence for each loop, whether a hook is on it or not: no number comes twice."""
_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[LoopWatch]] = (
    weakref.WeakKeyDictionary()
)
_lock = ProcessLock()
"""For installing and uninstalling; the hook itself takes none."""


class TaskHook:
    """Watches the tasks of `loop`; several hooks on one loop share the work and the numbers.

    `depth` frames are kept of each stack; 8 is the quickest. `clock` counts seconds. The first hook
    of a loop decides both.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        depth: int = DEPTH,
        clock: Callable[[], float] = time.monotonic,
        limit: int = QUEUE_LIMIT,
    ) -> None:
        self._loop = loop
        with _lock:
            self.next_number = _numbers.setdefault(loop, itertools.count(1).__next__)
        """A number for a task that has no record; atomic, any thread."""
        self._new_watch = functools.partial(LoopWatch, loop, depth, clock, self.next_number)
        self._queue = EndQueue(limit)
        self._watch: LoopWatch | None = None

    def install(self) -> None:
        """Begin; in the loop's thread, or while the loop does not run."""
        with _lock:
            known = _watches.get(self._loop)
            watch = known() if known else None
            if watch is None or not watch.active:
                watch = self._new_watch()
                watch.start()
                _watches[self._loop] = weakref.ref(watch)
            watch.queues += (self._queue,)
            self._watch = watch

    def uninstall(self) -> None:
        """End, and leave loop and tasks as they were. Idempotent; in any thread.

        In another thread than the loop's, the loop is asked to see to its tasks.
        """
        with _lock:
            watch = self._watch
            if watch is None or self._queue not in watch.queues:
                return
            watch.queues = tuple(each for each in watch.queues if each is not self._queue)
            if not watch.queues:
                watch.stop()
                watch.in_loop(watch.release_tasks)

    @property
    def active(self) -> bool:
        """Whether it watches: a hook that failed took itself off."""
        return self._watch is not None and self._watch.active and self._queue in self._watch.queues

    def record(self, task: Any) -> TaskRecord | None:
        """What is known of a task; any thread. Of a live one, parts of it may still change."""
        watch = self._watch
        record = getattr(task, "cancel", None)  # as `record_of`, whose call would cost as much
        if isinstance(record, TaskRecord):
            return record if record.watch is watch else None
        record = watch.others.get(task) if watch is not None else None
        return record if record is not None and record.watch is watch else None

    def numbers_of(self, tasks: Sequence[Any]) -> list[int | None]:
        """The numbers that `record` tells of tasks whose record is on them; None for the others."""
        watch = self._watch
        records = [getattr(task, "cancel", None) for task in tasks]
        return [
            record.number if isinstance(record, TaskRecord) and record.watch is watch else None
            for record in records
        ]

    @property
    def numbered(self) -> int:
        """How many numbers have been given, without taking one."""
        counter: Any = getattr(self.next_number, "__self__")  # noqa: B009 - no type checker knows it
        return int(repr(counter)[len("count(") : -1]) - 1

    def failed(self) -> list[weakref.ref[Any]]:
        """The last tasks that ended with an exception, whoever keeps them; any thread."""
        return list(self._watch.failed) if self._watch is not None else []

    def drain(self, limit: int = 1000) -> list[TaskRecord]:
        """Up to `limit` tasks that have ended, in order; in one thread at a time, not the loop's.

        A thousand take 0.1 ms, so the GIL is never held for long.
        """
        return self._queue.drain(limit)

    @property
    def dropped(self) -> int:
        """Ended tasks that were not handed over, because nobody drained."""
        return self._queue.dropped

    def expect_call(self, seconds: float) -> None:
        """A thread of the monitor's wants to run in so many seconds. Any thread."""
        watch = self._watch
        if watch is not None and watch.round_began is not None:
            watch.caller_due = self._loop.time() + seconds

    def silent_for(self) -> float | None:
        """Seconds since the loop began its last round; None where rounds are not seen."""
        watch = self._watch
        began = watch.round_began if watch is not None and watch.active else None
        return None if began is None else max(0.0, self._loop.time() - began)
