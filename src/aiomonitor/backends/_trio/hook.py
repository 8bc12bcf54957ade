"""Sees every task of one trio run being created and ended, in the run's thread, as an instrument.

Two hooks of the ten that trio has, and none that is called for each step: benchmarks/trio_cost.py
tells what they cost. They are closures, since an instrument's method would be bound for each call.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import trio
import trio.lowlevel
from trio.lowlevel import enable_ki_protection

from aiomonitor.backends.life import CALLBACK
from aiomonitor.backends.stacks import Stacks
from aiomonitor.backends.wrapped import WRAPPER, body_of, handle_of

from .record import TrioRecord, ending_of, ending_within

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from aiomonitor.backends.life import Stack

    from .record import Ended, Ending

log = logging.getLogger("aiomonitor")

QUEUE_LIMIT = 16_384
"""Ended tasks waiting to be drained, about 5 MB; then the oldest go, and are counted."""

getframe = sys._getframe

# Private, see test_trio_drift: where the run steps its tasks, and where a stack is of no interest.
STEPS: CodeType = trio._core._run.unrolled_run.__code__
START_SOON: CodeType = trio.Nursery.start_soon.__code__
here: Any = trio._core._run.GLOBAL_RUN_CONTEXT  # the thread's own
SPAWNING = 3
"""Frames from the hook to whoever called `Runner.spawn_impl`: itself, `Instruments.call`, that."""
EXITING = 2
"""Frames from the hook to `Runner.task_exited`, which knows the outcome: itself, and the call."""


class TaskInstrument(trio.abc.Instrument):
    """The lives of one run's tasks. One for each monitor."""

    def __init__(self, runner: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._runner = runner
        self._begun: dict[int, tuple[float, Stack, int]] = {}  # of live tasks, by trio's number
        self._handles: dict[int, Any] = {}  # anyio's, of its live tasks
        self._parents: set[int] = set()
        self._queue: deque[Ended] = deque(maxlen=QUEUE_LIMIT)
        self._stacks = Stacks(STEPS)
        self._older = len(runner.tasks)
        self._taken = 0
        self.retired = False
        self.dropped = 0
        self._lock = threading.Lock()  # of drains; no hook takes it
        self._make_hooks(clock)

    def _make_hooks(self, clock: Callable[[], float]) -> None:  # noqa: C901 - one closure
        begun, put, take = self._begun, self._queue.append, self._stacks.take
        handles = self._handles
        parents, main_nursery = self._parents, self._runner.main_task._parent_nursery
        spawned = ended = 0

        @enable_ki_protection  # else Ctrl-C in here would be taken for a fault of the instrument's
        def task_spawned(task: Any) -> None:
            nonlocal spawned
            try:
                born = clock()
                spawned += 1
                caller: FrameType | None = getframe(SPAWNING)
                if caller is not None and caller.f_code is START_SOON:
                    caller = caller.f_back
                try:
                    parent = here.task._counter
                    parents.add(parent)
                    parent += 1
                except AttributeError:  # a run's first task, or a guest's host
                    parent = CALLBACK
                begun[task._counter] = (born, take(caller), parent)
                if getattr(task.coro, "__qualname__", "") == WRAPPER:
                    handles[task._counter] = handle_of(task.coro)
            except (RecursionError, MemoryError):
                pass  # of the application's making: this task is not watched
            except Exception:
                self.fail()

        @enable_ki_protection
        def task_exited(task: Any) -> None:
            nonlocal ended
            try:
                counter, coro, nursery = task._counter, task.coro, task._parent_nursery
                ending = None
                # A child's exception goes to its nursery; the main task's does not.
                if nursery is main_nursery or nursery is None or nursery._pending_excs:
                    ending = self._ending(task, getframe(EXITING).f_locals["outcome"])
                if coro.cr_frame is not None:
                    # It leaves trio unfinished (`permanently_detach_coroutine_object`).
                    coro = body_of(coro)
                if handles and (handle := handles.pop(counter, None)) is not None:
                    coro, ending = body_of(handle.coro), ending or ending_within(handle)
                beginning = begun.pop(counter, None)
                put((counter, beginning, clock(), task.name, coro, ending, counter in parents))
                parents.discard(counter)
                ended += 1
            except (RecursionError, MemoryError):
                pass
            except Exception:
                self.fail()

        def counts() -> tuple[int, int]:
            return spawned, ended

        self._counts = counts
        self.task_spawned = task_spawned  # type: ignore[method-assign]
        self.task_exited = task_exited  # type: ignore[method-assign]

    def _ending(self, task: Any, outcome: Any) -> Ending | None:
        if task is self._runner.main_task:
            outcome = self._runner.main_task_outcome
        error = getattr(outcome, "error", None)
        return None if error is None else ending_of(error, self._stacks)

    def life_of(self, task: Any) -> TrioRecord | None:
        """What is known of a live task; None for one that is older than the instrument."""
        beginning = self._begun.get(task._counter)
        return None if beginning is None else TrioRecord(task._counter, beginning)

    @property
    def created(self) -> int:
        """Tasks that were there at the start, or came since."""
        return self._older + self._counts()[0]

    def drain(self, limit: int) -> list[TrioRecord]:
        """Up to `limit` lives in the order of their ends."""
        taken: list[Ended] = []
        with self._lock, contextlib.suppress(IndexError):
            while len(taken) < limit:
                taken.append(self._queue.popleft())
        self._taken += len(taken)
        # What ends meanwhile is counted next time: the number of ends is read first.
        lost = self._counts()[1] - self._taken - len(self._queue)
        self.dropped = max(self.dropped, lost)
        return list(map(TrioRecord.of_ended, taken))

    def fail(self) -> None:
        """A fault of ours must not be the application's: no task is watched any more."""
        log.exception("the trio instrument has failed: tasks are not tracked any more")
        self.retire()

    def retire(self) -> None:
        """Do nothing from now on, and forget the live tasks. Any thread.

        A run that is blocked still has the instrument, whose hooks do nothing any more.
        """
        self.retired = True
        self.task_spawned = _nothing  # type: ignore[method-assign]
        self.task_exited = _nothing  # type: ignore[method-assign]
        self._begun.clear()
        self._handles.clear()

    def remove(self) -> None:
        """In the run's thread: leave the run."""
        try:
            trio.lowlevel.remove_instrument(self)
        except KeyError:  # trio has thrown it out
            log.debug("the trio instrument was not there any more")


def _nothing(task: Any) -> None:  # noqa: ARG001 - as trio calls it
    return None
