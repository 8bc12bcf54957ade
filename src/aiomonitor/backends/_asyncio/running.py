"""Tells what an asyncio loop's thread is at, from its stack; private parts have tests in
tests/backends/test_drift.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from . import tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.backends.reading import ChainReader
    from aiomonitor.backends.values import CodePoint

_Result = TypeVar("_Result")

RUN_HANDLE = asyncio.Handle._run.__code__  # noqa: SLF001 - see test_drift
"""What the stdlib's loop calls each callback with; uvloop has no Python frames of its own."""

_base: Any = asyncio.BaseEventLoop
RUN_ONCE: CodeType = _base._run_once.__code__  # noqa: SLF001 - see test_drift
"""A round of the stdlib's loop: it waits for events, then makes those calls."""


def trimmed(stack: tuple[CodePoint, ...]) -> tuple[CodePoint, ...]:
    """As `Backend.trimmed`."""
    for index in range(len(stack) - 1, -1, -1):
        if stack[index].code is RUN_HANDLE:
            return stack[index + 1 :]
    return stack


def awaits_idleness() -> bool:
    """As `Backend.awaits_idleness`: asyncio has nothing that does."""
    return False


def is_resting(stack: tuple[CodePoint, ...], /) -> bool | None:
    """As `Backend.is_resting`."""
    for point in reversed(stack):
        if point.code is RUN_HANDLE:
            return False
        if point.code is RUN_ONCE:
            return True
    return None


def task_here() -> TaskHandle | None:
    """As `Backend.task_here`."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class Running:
    """Finds the task that a loop executes now."""

    def __init__(self, reader: ChainReader, loop: asyncio.AbstractEventLoop) -> None:
        self._reader = reader
        self._loop = loop

    def task(self, use: Callable[[TaskHandle], _Result], /) -> _Result | None:
        """As `Backend.running_task`."""

        def of_current(held: list[object]) -> _Result | None:
            task = tasks.current(self._loop, held)
            return None if task is None else use(task)

        return self._reader.look(of_current)
