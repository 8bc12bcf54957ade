"""The `ClueReader` of one trio run. Trio's locks know who has them, and its tasks are told of in
their nurseries, so there is less to find out."""

from __future__ import annotations

import functools
import logging
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from aiomonitor.backends import frames, holders, knowledge

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.backends.clues import CancelState, Executor, KnownQueue
    from aiomonitor.backends.ownership import Releaser
    from aiomonitor.backends.values import Mishap

    Held = list[object]

log = logging.getLogger("aiomonitor")

_Told = TypeVar("_Told")
_LOCKS = (trio.Lock, trio.StrictFIFOLock, trio.Semaphore, trio.CapacityLimiter)
_ENTERS = {
    enter.__code__
    for kind in _LOCKS
    if (enter := getattr(kind, "__aenter__", None)) is not None and hasattr(enter, "__code__")
}


class TrioClues:
    """Reads clues; see the protocol."""

    def __init__(
        self,
        releaser: Releaser,
        main: Callable[[], object],
    ) -> None:
        self._releaser = releaser
        self._main = main
        self._seen: weakref.WeakKeyDictionary[Any, tuple[int, float]] = weakref.WeakKeyDictionary()

    def _look(self, task: Any, read: Callable[[list[Any], Held], _Told], none: _Told) -> _Told:
        held: Held = []
        try:
            levels, _end, _cut = frames.follow(task.coro, held)
            return read(levels, held)
        except Exception:  # the objects go on meanwhile
            log.debug("a clue cannot be read", exc_info=True)
            return none
        finally:
            self._releaser.release(held)

    def holds(self, task: TaskHandle) -> Sequence[tuple[int, str]]:
        return self._look(task, _holds, ())

    def may_hold(self, task: TaskHandle, wanted: Collection[int]) -> Sequence[int]:
        return self._look(task, functools.partial(knowledge.may_release, wanted), ())

    def knows(self, task: TaskHandle, wanted: Collection[int]) -> Sequence[int]:
        return self._look(task, functools.partial(knowledge.knows, wanted), ())

    def expires(self, task: Any) -> bool:
        try:
            return bool(task._cancel_status.effectively_cancelled or _deadline(task) < float("inf"))
        except AttributeError:
            return True

    def time_left(self, _task: TaskHandle) -> float | None:
        return None  # the wait itself tells, and the scopes do

    def is_main(self, task: TaskHandle) -> bool:
        return task is self._main()

    def is_forgotten(self, _tasks: Sequence[weakref.ref[TaskHandle]], _object_id: int, /) -> bool:
        return False  # who waits may be cancelled at any time, by a scope that anybody may have

    def is_loose(self, _task: weakref.ref[TaskHandle], /) -> bool:
        return False  # a nursery has each task

    def queues(self, _task: TaskHandle, /) -> Sequence[KnownQueue]:
        return ()  # channels always have a limit

    def cancel_state(self, _task: TaskHandle, /) -> CancelState:
        return "requested"

    def waited_since(self, task: Any, now: float, *, note: bool) -> float | None:
        """By the number of steps that the task has made, which trio counts."""
        steps = task._schedule_points
        if task._next_send_fn is not None:  # it is to be stepped
            return None
        seen = self._seen.get(task)
        if seen is not None and seen[0] == steps:
            return seen[1]
        if note:
            self._seen[task] = (steps, now)
            return now
        return None

    def executor(self) -> Executor | None:
        return None

    def mishaps(self) -> Sequence[Mishap]:
        return ()


def _holds(levels: list[Any], held: Held) -> list[tuple[int, str]]:
    found = holders.managers(levels, _ENTERS, held)
    return [(id(each), type(each).__name__) for each in found if issubclass(type(each), _LOCKS)]


def _deadline(task: Any) -> float:
    """The earliest of the scopes around it, as `trio.current_effective_deadline`."""
    status: Any = task._cancel_status
    earliest = float("inf")
    while status is not None:
        earliest = min(earliest, status._scope._deadline)
        if status._scope._shield:
            break
        status = status._parent
    return earliest
