"""The `ClueReader` of one asyncio loop. What is private has a test in test_clues."""

from __future__ import annotations

import asyncio
import asyncio.locks
import concurrent.futures
import functools
import gc
import logging
import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiomonitor.backends import frames, holders, knowledge, objects
from aiomonitor.backends.clues import Executor, KnownQueue

from . import tasks
from .waits.jobs import running_jobs

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Collection, Sequence
    from types import CodeType

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.backends.clues import CancelState
    from aiomonitor.backends.ownership import Releaser
    from aiomonitor.backends.values import Mishap

    Held = list[object]

log = logging.getLogger("aiomonitor")

_Told = TypeVar("_Told")
_SEEN = "_aiomonitor_seen"
"""What a future has when somebody was noted to wait for it: since when."""
_MAIN = "_run_until_complete_cb"
"""What the loop calls when the task that it runs for has ended."""
_ENTER: CodeType | None = getattr(
    getattr(getattr(asyncio.locks, "_ContextManagerMixin", None), "__aenter__", None),
    "__code__",
    None,
)
_LOCKS = (asyncio.Lock, asyncio.Semaphore, asyncio.Condition)
_ANYIO = "anyio._core._synchronization"
"""Whose semaphores do not tell who has them, either; its locks and limiters do."""


class AsyncioClues:
    """Reads clues; see the protocol."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        releaser: Releaser,
        mishaps: Callable[[], Sequence[Mishap]],
        in_library: Callable[[str], bool],
    ) -> None:
        self._loop: Any = loop
        self._in_library = in_library
        self._releaser = releaser
        self.mishaps = mishaps

    def _look(self, task: Any, read: Callable[[list[Any], Held], _Told], none: _Told) -> _Told:
        """What `read` makes of the levels of a task's chain."""
        held: Held = []
        try:
            return read(frames.levels_of(tasks.coroutine_of(task, held), held), held)
        except Exception:  # the objects go on meanwhile
            log.debug("a clue cannot be read", exc_info=True)
            return none
        finally:
            self._releaser.release(held)

    # --- locks --------------------------------------------------------------------------------

    def holds(self, task: TaskHandle) -> Sequence[tuple[int, str]]:
        return self._look(task, _holds, ())

    def may_hold(self, task: TaskHandle, wanted: Collection[int]) -> Sequence[int]:
        return self._look(task, functools.partial(knowledge.may_release, wanted), ())

    def knows(self, task: TaskHandle, wanted: Collection[int]) -> Sequence[int]:
        return self._look(task, functools.partial(knowledge.knows, wanted), ())

    def expires(self, task: TaskHandle) -> bool:
        return self._look(task, lambda levels, held: bool(_deadlines(levels, held)), True)

    def time_left(self, task: TaskHandle) -> float | None:
        found: list[float] = self._look(task, _deadlines, [])
        # The type's: an instance's may be ours, which counts turns.
        return min(found) - type(self._loop).time(self._loop) if found else None

    # --- who else knows -----------------------------------------------------------------------

    def is_main(self, task: TaskHandle) -> bool:
        callbacks: list[Any] = list(getattr(task, "_callbacks", None) or ())
        return any(getattr(each[0], "__name__", "") == _MAIN for each in callbacks)

    def is_forgotten(self, waiting: Sequence[weakref.ref[TaskHandle]], object_id: int) -> bool:
        held: Held = []
        try:
            levels: list[Any] = []
            more = 0
            for reference in waiting:
                task: Any = reference()
                if task is None:
                    return False
                levels += frames.follow(tasks.coroutine_of(task, held), [])[0]
                if id(getattr(task, "_fut_waiter", None)) == object_id:
                    more += 2  # the task's, and the iterator's that its coroutine awaits
            task = None
            return knowledge.is_only_here(object_id, levels, more, self._is_own)
        except Exception:
            log.debug("a clue cannot be read", exc_info=True)
            return False
        finally:
            self._releaser.release(held)

    def _is_own(self, filename: str) -> bool:
        return not self._in_library(filename)

    def is_loose(self, task: weakref.ref[TaskHandle]) -> bool:
        """These are no owners: what it waits for, which wakes it, and its record."""
        box: list[Any] = [task()]
        future = getattr(box[0], "_fut_waiter", None)
        if future is None:
            return False
        # From 3.14 on, what is awaited knows by whom.
        awaited_by = bool(getattr(future, "_asyncio_awaited_by", None))
        loose = knowledge.references(box) <= 2 + awaited_by
        self._releaser.release([future])
        self._releaser.release(box)
        return loose

    def queues(self, task: TaskHandle) -> Sequence[KnownQueue]:
        return self._look(task, _queues, ())

    # --- cancelling, waiting ------------------------------------------------------------------

    def cancel_state(self, task: TaskHandle) -> CancelState:
        future = getattr(task, "_fut_waiter", None)
        # What another task, or gather(), passes on has not come to this task yet. One that waits
        # for nothing has had its turn since: it computes, or gives way to others.
        passed_on = hasattr(future, "get_coro") or hasattr(future, "_children")
        is_due = future is not None and tasks.is_done(future)
        if passed_on or is_due or getattr(task, "_must_cancel", False):
            return "requested"
        return self._look(task, _cancel_state, "requested")

    def waited_since(self, task: TaskHandle, now: float, *, note: bool) -> float | None:
        held: Held = []
        try:
            future = tasks.waiter(cast("tasks.Task", task), held)
            if future is None or tasks.is_done(future):
                return None
            seen = _seen_by(future, task)
            if seen is None and note:
                _note_seen(future, task, now)
                seen = now
            return seen
        except Exception:  # a future of the application's own, with slots
            return None
        finally:
            self._releaser.release(held)

    # --- threads ------------------------------------------------------------------------------

    def executor(self) -> Executor | None:
        pool = self._default_executor()
        if pool is None:
            return None
        threads = {thread.ident for thread in list(pool._threads)}  # noqa: SLF001
        held: Held = []
        try:
            jobs = [job for job in running_jobs(held) if job.thread in threads]
        finally:
            self._releaser.release(held)
        queued = pool._work_queue.qsize()  # noqa: SLF001
        return Executor(pool._max_workers, queued, tuple(jobs))  # noqa: SLF001

    def _default_executor(self) -> concurrent.futures.ThreadPoolExecutor | None:
        """What uvloop has is in no attribute that Python sees, but the garbage collector does."""
        named = getattr(self._loop, "_default_executor", None)
        near = () if hasattr(self._loop, "_default_executor") else gc.get_referents(self._loop)
        pools = (named, *near)
        kind = concurrent.futures.ThreadPoolExecutor
        return next((each for each in pools if isinstance(each, kind)), None)


def _kinds() -> tuple[tuple[Any, ...], tuple[CodeType, ...]]:
    """What locks are, and what waits for one at the head of `async with`."""
    enters = () if _ENTER is None else (_ENTER,)
    semaphore: Any = getattr(sys.modules.get(_ANYIO), "Semaphore", None)
    if semaphore is None:
        return _LOCKS, enters
    return (*_LOCKS, semaphore), (*enters, semaphore.__aenter__.__code__)


def _holds(levels: list[Any], held: Held) -> list[tuple[int, str]]:
    kinds, enters = _kinds()
    found = [
        each for each in holders.managers(levels, enters, held) if issubclass(type(each), kinds)
    ]
    given_back = [
        id(_lock_of(each))
        for level in levels
        if found and frames.code_of(level) is asyncio.Condition.wait.__code__
        for each in objects.referents(level, held)
        if issubclass(type(each), asyncio.Condition)
    ]
    locks = map(_lock_of, found)
    return [(id(lock), type(lock).__name__) for lock in locks if id(lock) not in given_back]


def _lock_of(lock: Any) -> Any:
    inner: Any = lock._lock if issubclass(type(lock), asyncio.Condition) else lock  # noqa: SLF001
    return inner


def _deadlines(levels: list[Any], held: Held) -> list[float]:
    """`wait(timeout=)`, and up to 3.11 `wait_for`, have a timer; other timeouts are blocks."""
    timers = [
        each
        for level in levels
        for each in objects.referents(level, held)
        if type(each) is asyncio.TimerHandle or type(each).__name__ == "TimerHandle"
    ]
    found = [each.when() for each in timers if not each.cancelled()]
    blocks = map(holders.deadline, holders.managers(levels, (), held))
    return found + [each for each in blocks if each is not None]


def _queues(levels: list[Any], held: Held) -> list[KnownQueue]:
    found: dict[int, KnownQueue] = {}
    for level in levels:
        for each in knowledge.known(level, held):
            if issubclass(type(each), asyncio.Queue) and id(each) not in found:
                size = asyncio.Queue.qsize(each)
                most = each.maxsize if each.maxsize > 0 else None
                found[id(each)] = KnownQueue(id(each), type(each).__name__, size, most)
    return list(found.values())


def _cancel_state(levels: list[Any], held: Held) -> CancelState:
    for level in levels:
        for each in gc.get_referents(level):
            if isinstance(each, asyncio.CancelledError):
                held.append(each)
                return "handled"
    return "swallowed"


def _seen_by(future: Any, task: object) -> float | None:
    seen = getattr(future, _SEEN, None)
    return seen.get(id(task)) if isinstance(seen, dict) else seen


def _note_seen(future: Any, task: object, now: float) -> None:
    """A future has one task that waits for it; a task may have several."""
    if not hasattr(future, "get_coro"):
        setattr(future, _SEEN, now)
        return
    if not isinstance(getattr(future, _SEEN, None), dict):
        setattr(future, _SEEN, {})
    getattr(future, _SEEN)[id(task)] = now
