"""Which tasks are left behind: what loops still have, and what runners have to cancel at their end.

The functions by which runners do that are private, and wrapped while somebody wants to know; see
tests/backends/test_leaving.py.
"""

from __future__ import annotations

import asyncio
import asyncio.runners
import functools
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from aiomonitor.backends import beginnings, frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .tasks import Task

OWN = frozenset({"_run_tests_and_fixtures", "_asyncioLoopRunner", "_connect_pipes"})
"""Coroutines of anyio's and unittest's runners of tests, and of asyncio itself."""


class Left(NamedTuple):
    """A task that nobody waits for."""

    name: str
    coroutine: str
    cancelling: bool


class Leaving:
    """Knows the loops of this process. For one thread; loops that run in others are left out."""

    def __init__(self) -> None:
        self._loops: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()
        self._undo: list[Callable[[], object]] = []
        self.at_end: Callable[[asyncio.AbstractEventLoop], object] = lambda _: None
        """Called with a loop whose runner is about to cancel what is left."""

    def watch(self) -> None:
        """Note loops from now on."""
        self._undo.append(beginnings.notice(self))
        self._wrap(asyncio.runners, "_cancel_all_tasks", lambda loop: loop)
        from unittest import IsolatedAsyncioTestCase as Case

        if hasattr(Case, "_tearDownAsyncioLoop"):  # 3.10 has a runner of its own there
            self._wrap(Case, "_tearDownAsyncioLoop", lambda case: case._asyncioTestLoop)  # noqa: SLF001

    def stop(self) -> None:
        """Leave all as it was."""
        while self._undo:
            self._undo.pop()()

    def _wrap(self, owner: Any, name: str, loop_of: Callable[[Any], Any]) -> None:
        inner = getattr(owner, name)

        @functools.wraps(inner)
        def wrapped(subject: Any) -> Any:
            self.at_end(loop_of(subject))
            return inner(subject)

        setattr(owner, name, wrapped)
        self._undo.append(lambda: setattr(owner, name, inner))

    def began(self, run: object) -> None:
        """As a `beginnings.Watcher`."""
        if isinstance(run, asyncio.AbstractEventLoop):
            self._loops.add(run)

    def ended(self, run: object) -> None:
        """As a `beginnings.Watcher`."""

    def loops(self) -> list[asyncio.AbstractEventLoop]:
        """Those that are neither closed nor run."""
        return [each for each in self._loops if not each.is_closed() and not each.is_running()]

    def tasks(self, loops: Iterable[asyncio.AbstractEventLoop]) -> list[Task]:
        """Their tasks, but for those of test runners."""
        found = (task for loop in loops for task in asyncio.all_tasks(loop))
        return [task for task in found if _name(task).rpartition(".")[2] not in OWN]


def left(task: Task) -> Left:
    """The task in words."""
    cancelling = getattr(task, "cancelling", None)  # from 3.11 on
    return Left(task.get_name(), _name(task), bool(cancelling and cancelling()))


def _name(task: Task) -> str:
    return frames.name_of(task.get_coro())
