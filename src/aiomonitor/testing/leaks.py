"""Finds the tasks that a test leaves behind."""

from __future__ import annotations

import weakref
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.leaving import Leaving, Left, PassingBackend, left
from aiomonitor.evidence import dumped
from aiomonitor.evidence.dumping import Passing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class LeakCheck:
    """Compares the tasks before a test with those after it."""

    def __init__(self) -> None:
        self._leaving = Leaving()
        self._leaving.at_end = self._at_end
        self._before: weakref.WeakSet[Any] | None = None  # while a test runs
        self._allowed: Sequence[str] = ()
        self.left: list[Left] = []
        self.dump = ""

    def start(self) -> None:
        """Know loops from now on."""
        self._leaving.watch()

    def stop(self) -> None:
        """Leave all as it was."""
        self._leaving.stop()

    def begin(self, allowed: Sequence[str]) -> None:
        """A test begins; tasks whose name or coroutine matches one of these patterns may stay."""
        self.left, self.dump = [], ""
        self._allowed = allowed
        self._before = weakref.WeakSet(self._leaving.tasks(self._leaving.loops()))

    def end(self) -> None:
        """It has ended."""
        self._look(self._leaving.loops())
        self._before = None

    def _at_end(self, loop: Any) -> None:
        self._look([loop])

    def _look(self, loops: Iterable[Any]) -> None:
        if self._before is None:
            return
        known = self._before
        for loop in loops:
            tasks = [each for each in self._leaving.tasks([loop]) if each not in known]
            found = [each for each in map(left, tasks) if not self._may_stay(each)]
            if found:
                self.left += found
                self.dump += dumped([Passing(PassingBackend(loop)).look()], json=False)

    def _may_stay(self, task: Left) -> bool:
        texts = (task.name, task.coroutine)
        return any(fnmatchcase(text, pattern) for text in texts for pattern in self._allowed)


def told(tasks: Sequence[Left]) -> str:
    """The tasks in a line."""
    count = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'} left behind"
    return f"{count}: {', '.join(map(_told, tasks))}"


def _told(task: Left) -> str:
    state = ", asked to cancel, but not awaited" if task.cancelling else ""
    return f"{task.name} ({task.coroutine}{state})"
