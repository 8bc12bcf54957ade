"""Finds the task that a trio run executes now: the run itself tells only in its own thread."""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

import trio
import trio.lowlevel

from aiomonitor.backends import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.backends.reading import ChainReader

_Result = TypeVar("_Result")


def task_here() -> TaskHandle | None:
    """As `Backend.task_here`."""
    try:
        return trio.lowlevel.current_task()
    except RuntimeError:
        return None


def awaits_idleness(runner: Any) -> bool:
    """As `Backend.awaits_idleness`: test clocks do that which jump then, and
    `wait_all_tasks_blocked`."""
    return bool(runner.waiting_for_idle) or runner.clock_autojump_threshold < math.inf


class Running:
    """Asks every task whether it is the one; who was it the last time is asked first. One thread
    at a time."""

    def __init__(
        self, reader: ChainReader, live_tasks: Callable[[], Generator[TaskHandle, None, None]]
    ) -> None:
        self._reader = reader
        self._live_tasks = live_tasks
        self._last: weakref.ref[TaskHandle] | None = None

    def task(self, use: Callable[[TaskHandle], _Result], /) -> _Result | None:
        """As `Backend.running_task`."""

        def of_found(held: list[object]) -> _Result | None:
            held.append(self._last() if self._last is not None else None)
            if not _is_running(held[0]):
                self._find(held)
            return use(held[-1]) if _is_running(held[-1]) else None

        return self._reader.look(of_found)

    def _find(self, held: list[object]) -> None:
        for task in self._live_tasks():
            if _is_running(task):
                held.append(task)
                self._last = weakref.ref(task)
                return


def _is_running(task: Any) -> bool:
    return task is not None and frames.is_executing(task.coro)
