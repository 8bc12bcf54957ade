"""Puts tasks in order without holding them, and without holding up the application."""

from __future__ import annotations

import heapq
import operator
import weakref
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .backends.base import TaskHandle

Candidate = tuple[Any, int, "weakref.ref[TaskHandle]"]
"""A sort key and a serial number, which is unique: so comparing never gets to the reference."""


class Selection:
    """The first `limit` of many tasks, or all of them, in order; what is kept is bounded by that.

    What will not be among the first is turned away before anything is allocated for it: a hundred
    thousand new tuples would make the garbage collector run, and the application wait for it.
    Without a limit they are sorted in short runs, since one long sort would keep the GIL.
    """

    _RUN = 1000

    def __init__(self, limit: int | None, *, reverse: bool) -> None:
        self._limit = limit
        self._reverse = reverse
        self._comes_before = operator.gt if reverse else operator.lt
        self._last: tuple[Any, int] | None = None  # of the first `limit`, once there are so many
        self._run: list[Candidate] = []
        self._runs: list[list[Candidate]] = []

    def offer(self, key: Any, serial: int, task: TaskHandle) -> None:
        """Take the task in, if it may be among the first; `serial` is different for each."""
        if self._last is None or self._comes_before((key, serial), self._last):
            self._run.append((key, serial, weakref.ref(task)))
            if len(self._run) >= self._RUN + (self._limit or 0):
                self._end_run()

    def _end_run(self) -> None:
        self._run.sort(reverse=self._reverse)
        if self._limit is None:
            self._runs.append(self._run)
            self._run = []
        else:
            del self._run[self._limit :]
            if self._run and len(self._run) == self._limit:
                self._last = self._run[-1][:2]

    def chosen(self) -> Iterator[Candidate]:
        """What was selected, in order."""
        self._end_run()
        return heapq.merge(*self._runs, self._run, reverse=self._reverse)


def natural(text: str) -> tuple[str, int]:
    """A sort key that puts `worker-9` before `worker-10`."""
    stem = text.rstrip("0123456789")
    digits = text[len(stem) :]
    # A task's name may hold digits that are no ASCII ones, or thousands of them.
    return (stem, int(digits)) if digits.isascii() and 0 < len(digits) < 19 else (text, -1)
