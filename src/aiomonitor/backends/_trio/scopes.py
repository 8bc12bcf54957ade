"""Reads the cancel scopes and nurseries of one run, from any thread.

Trio keeps a `CancelStatus` for each scope that has been entered, in a tree: each knows the one
around it, those within, and the tasks whose innermost it is. All of that is private; see
test_trio_drift. The run goes on meanwhile, so a reading may mix two moments, and never fails.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

from aiomonitor import model
from aiomonitor.backends.scopes import SCOPES_LIMIT, Reach
from aiomonitor.model.words import CancelOutcome

from .record import REQUEST, words_of
from .waits import is_sleeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.backends.ownership import Releaser
    from aiomonitor.model import ScopeInfo

LOOK_EVERY = 0.01
"""Seconds between two looks whether a cancelled scope has been left."""


class TrioScopes:
    """The `ScopeReader` of one run."""

    def __init__(
        self,
        releaser: Releaser,
        call: Callable[[Callable[[], object]], bool],
        time_left: Callable[[float], float | None],
        in_run: Callable[[], bool],
    ) -> None:
        self._releaser = releaser
        self._call = call
        self._time_left = time_left
        self._in_run = in_run
        self._numbers: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    # --- numbers ------------------------------------------------------------------------------

    def _number(self, scope: Any) -> int:
        with self._lock:
            number = self._numbers.get(scope)
            if number is None:
                number = self._numbers[scope] = next(self._count)
            return number

    def number_of_nursery(self, nursery: Any) -> int:
        """The number of its scope."""
        return self._number(nursery.cancel_scope)

    def _find(self, number: int, held: list[object]) -> Any:
        """The scope of that number, while code is in it."""
        for reference in self._numbers.keyrefs():
            scope: Any = reference()
            held.append(scope)
            if scope is not None and self._numbers.get(scope) == number:
                return scope if scope._cancel_status is not None else None
        return None

    # --- reading ------------------------------------------------------------------------------

    def own(self, task: TaskHandle) -> tuple[ScopeInfo, ...]:
        held: list[object] = []
        try:
            levels = list(_levels(task, held))
            mine = itertools.takewhile(lambda level: level[1] is task, levels)
            return tuple(self._told(*level) for level in reversed(list(mine)))
        finally:
            self._release(held)

    def around(self, task: TaskHandle) -> tuple[ScopeInfo, ...]:
        held: list[object] = []
        try:
            return tuple(self._told(*level) for level in _levels(task, held))
        finally:
            self._release(held)

    def _told(self, status: Any, opener: Any, nursery: Any) -> ScopeInfo:
        scope = status._scope
        reason = scope._cancel_reason
        cancelled = status.effectively_cancelled
        return model.ScopeInfo(
            number=self._number(scope),
            kind="scope" if nursery is None else "nursery",
            opened_by=None if opener is None else opener._counter + 1,
            timeout=None if math.isinf(scope._deadline) else self._time_left(scope._deadline),
            shielded=scope._shield,
            cancel_called=scope._cancel_called,
            cancelled=cancelled,
            cancelled_by=words_of(reason) if cancelled and reason is not None else "",
            system=opener is not None and opener._parent_nursery is None,
            tasks=None if nursery is None else len(nursery._children),
        )

    def cancelled_by(self, task: TaskHandle) -> str:
        """Who cancelled the scopes that the task is in, in words; empty if nobody did."""
        status = _status(task)
        if status is None or not status.effectively_cancelled:
            return ""
        reason = status._scope._cancel_reason
        return words_of(reason) if reason is not None else "something unknown"

    def nursery_of(self, task: TaskHandle) -> int | None:
        nursery = _task(task)._parent_nursery
        return None if nursery is None else self._number(nursery.cancel_scope)

    def nearest(self, task: TaskHandle) -> int | None:
        held: list[object] = []
        try:
            levels = _levels(task, held)
            for status, opener, _nursery in levels:
                if opener._parent_nursery is None:
                    return None
                return self._number(status._scope)
            return None
        finally:
            self._release(held)

    def reach(self, number: int) -> Reach | None:
        held: list[object] = []
        try:
            scope = self._find(number, held)
            status = None if scope is None else scope._cancel_status
            if status is None:
                return None
            taken, spared = _tasks_in(status, held)
            return Reach(
                scope=self._told(status, *_opener_of(status, held)), tasks=taken, shielded=spared
            )
        finally:
            self._release(held)

    def cancel(self, number: int, timeout: float) -> CancelOutcome:
        held: list[object] = []
        try:
            scope = self._find(number, held)
            if scope is None:
                return CancelOutcome.ALREADY_DONE
            delivered = threading.Event()

            def request() -> None:
                scope.cancel(REQUEST)
                delivered.set()

            if not self._call(request):
                return CancelOutcome.UNRESPONSIVE
            return self._outcome(scope, delivered, time.monotonic() + timeout)
        finally:
            self._release(held)

    def _outcome(self, scope: Any, delivered: threading.Event, end: float) -> CancelOutcome:
        if self._in_run():
            return CancelOutcome.REQUESTED
        if not delivered.wait(max(0, end - time.monotonic())):
            return CancelOutcome.UNRESPONSIVE
        while scope._cancel_status is not None:
            if time.monotonic() >= end:
                return CancelOutcome.REQUESTED
            time.sleep(LOOK_EVERY)
        return CancelOutcome.ENDED

    def _release(self, held: list[object]) -> None:
        self._releaser.release(held)


def parent_of(task: TaskHandle) -> Any:
    """The task that has opened the nursery which the task is in; None for a run's first."""
    nursery = _task(task)._parent_nursery
    return None if nursery is None else nursery._parent_task


def _levels(task: TaskHandle, held: list[object]) -> Iterator[tuple[Any, Any, Any]]:
    """Each status around the task, the innermost first, with the task that opened it, and its
    nursery if it is one's."""
    opener, status = _task(task), _status(task)
    if status is not None and is_sleeping(task, held):  # `trio.sleep` waits in a scope of its own
        held.append(status)
        status = status._parent
    for _ in range(SCOPES_LIMIT):
        if status is None:
            return
        held.append(status)
        nursery = opener._parent_nursery
        if nursery is not None and status is nursery._cancel_status:
            opener = nursery._parent_task
            held.append(opener)
        yield status, opener, _nursery_of(status, opener)
        status = status._parent


def _nursery_of(status: Any, opener: Any) -> Any:
    """The nursery that the status is of, if it is one's."""
    for nursery in list(opener._child_nurseries):
        if nursery._cancel_status is status:
            return nursery
    return None


def _opener_of(status: Any, held: list[object]) -> tuple[Any, Any]:
    """The task that has opened the status, and its nursery if it is one's.

    The statuses within lead to a task that it is around, from which the opener is found outwards;
    where that has just ended, it is not.
    """
    inside = status
    while not (tasks := inside._tasks.copy()):
        children = inside._children.copy()
        held += [inside, *children]
        if not children:
            return None, None
        inside = next(iter(children))
    held += tasks
    for found, opener, nursery in _levels(next(iter(tasks)), held):
        if found is status:
            return opener, nursery
    return None, None


def _tasks_in(status: Any, held: list[object]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The numbers of the tasks that cancelling it reaches, and of those shielded from that."""
    found: tuple[list[int], list[int]] = ([], [])
    waiting = [(status, False)]
    while waiting:
        inside, shielded = waiting.pop()
        tasks, children = inside._tasks.copy(), inside._children.copy()
        held += [*tasks, *children]
        found[shielded].extend(task._counter + 1 for task in tasks)
        waiting += [(child, shielded or child._scope._shield) for child in children]
    return tuple(sorted(found[0])), tuple(sorted(found[1]))


def _status(task: TaskHandle) -> Any:
    return _task(task)._cancel_status


def _task(task: TaskHandle) -> Any:
    return task
