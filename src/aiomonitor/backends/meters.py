"""Accounts of what the steps of tasks take, while somebody looks; imports no runtime.

What is noted in the loop's thread is a few additions to a list: no lock, nothing kept alive. A
task's entry is found by its `id()`, and checked by a weak reference.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

ENTRIES = 20_000
"""Tasks with an account of their own; what others run is in the sum of their coroutine."""


class Entry(NamedTuple):
    """What one task has run since the meter was started. `reference` is dead if it has ended."""

    reference: Callable[[], Any]
    name: str
    coroutine: str
    number: int | None
    busy: float
    polls: int
    longest: float


class Meter(Protocol):
    """Meters one run, from `start` to `stop`. Any thread; neither waits for the run."""

    exact: bool
    note: str

    def start(self) -> None:
        """Begin. It takes effect when the run's thread takes it, which may be blocked."""
        ...

    def stop(self) -> None:
        """End, and leave nothing in the run. Idempotent."""
        ...

    def read(self) -> tuple[list[Entry], float]:
        """All that ran so far, and the seconds of callbacks that are no task's."""
        ...


class Accounts:
    """The entries; `add` is for the run's thread, `read` for any."""

    def __init__(self, describe: Callable[[Any], tuple[str, str, int | None]]) -> None:
        self._describe = describe
        self.known: dict[int, list[Any]] = {}
        """By the `id()` of tasks: seconds, steps, the longest one, and a weak reference."""
        self._ended: list[list[Any]] = []
        self._others: dict[str, list[Any]] = {}
        self.callbacks = 0.0

    def add(self, task: Any, seconds: float) -> None:
        """A step of a task."""
        entry = self.known.get(id(task))
        if entry is None or entry[3]() is not task:
            entry = self._new(task, entry)
        entry[0] += seconds
        entry[1] += 1
        if seconds > entry[2]:
            entry[2] = seconds

    def _new(self, task: Any, old: list[Any] | None) -> list[Any]:
        name, coroutine, number = self._describe(task)
        if old is not None and len(self._ended) < ENTRIES:
            self._ended.append(old)
        if len(self.known) >= ENTRIES and id(task) not in self.known:
            other = self._others.get(coroutine)
            if other is None:
                other = self._others[coroutine] = [0.0, 0, 0.0, _nothing, "(others)", coroutine, 0]
            return other
        entry = [0.0, 0, 0.0, weakref.ref(task), name, coroutine, number]
        self.known[id(task)] = entry
        return entry

    def read(self) -> list[Entry]:
        """A copy."""
        entries = [*list(self.known.values()), *list(self._ended), *list(self._others.values())]
        return [
            Entry(reference, name, coroutine, number, busy, polls, longest)
            for busy, polls, longest, reference, name, coroutine, number in map(list, entries)
        ]


def _nothing() -> None:
    return None
