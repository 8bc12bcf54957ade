"""Puts tasks in order without holding them, and without holding up the application."""

from __future__ import annotations

import heapq
import operator
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiomonitor.backends.base import TaskHandle

Candidate = tuple[Any, int, "weakref.ref[TaskHandle]"]
"""A sort key and a serial number, which is unique: so comparing never gets to the reference."""

RUN = 1000
"""What is sorted in one call, which takes a fraction of a ms."""


class Selection:
    """The first `limit` of many tasks, or all of them, in order; what is kept is bounded by that.

    What will not be among the first is turned away before anything is allocated for it: a hundred
    thousand new tuples would make the garbage collector run, and the application wait for it.
    Without a limit they are sorted in short runs, since one long sort would keep the GIL; of each
    three lists are kept, whatever its length, which the collector need not look through.
    """

    def __init__(self, limit: int | None, *, reverse: bool) -> None:
        self._limit = limit
        self._reverse = reverse
        self._comes_before = operator.gt if reverse else operator.lt
        self._last: tuple[Any, int] | None = None  # of the first `limit`, once there are so many
        self._run: list[Candidate] = []
        self._runs: list[list[list[Any]]] = []

    def offer(self, key: Any, serial: int, task: TaskHandle) -> None:
        """Take the task in, if it may be among the first; `serial` is different for each."""
        last = self._last
        if last is not None and self._comes_before(last[0], key):
            return  # most of many are turned away here
        if last is None or self._comes_before((key, serial), last):
            self._run.append((key, serial, weakref.ref(task)))
            if len(self._run) >= RUN + (self._limit or 0):
                self._end_run()

    def offer_all(self, keys: Sequence[Any], serial: int, tasks: Sequence[TaskHandle]) -> None:
        """As `offer`, for many tasks at a fraction of the price; the first one has that serial."""
        places: Iterable[int] = range(len(tasks))
        if self._last is not None:
            bound = self._last[0]
            comes_before = self._comes_before
            places = [place for place, key in enumerate(keys) if not comes_before(bound, key)]
        for place in places:
            self.offer(keys[place], serial + place, tasks[place])

    def _end_run(self) -> None:
        self._run.sort(reverse=self._reverse)
        if self._limit is None:
            self._runs.append([list(each) for each in zip(*self._run, strict=True)])
            self._run = []
        else:
            del self._run[self._limit :]
            if self._run and len(self._run) == self._limit:
                self._last = self._run[-1][:2]

    def chosen(self) -> Iterator[Candidate]:
        """What was selected, in order."""
        self._end_run()
        runs: list[Iterable[Candidate]] = [zip(*run, strict=True) for run in self._runs]
        return heapq.merge(*runs, self._run, reverse=self._reverse)


def in_order(numbers: Sequence[int]) -> Iterator[int]:
    """Many numbers, sorted in short runs: one long sort would keep the GIL for 20 ms."""
    runs = (sorted(numbers[first : first + RUN]) for first in range(0, len(numbers), RUN))
    return heapq.merge(*runs)


class Sample:
    """Some of many sort keys, evenly spread, that cut the others into parts of like size."""

    _SIZE = 1024

    def __init__(self) -> None:
        self._kept: list[Any] = []
        self._step = 1
        self._seen = 0

    def offer(self, key: Any) -> None:
        """Keep the key, if it is its turn."""
        if self._seen % self._step == 0:
            self._kept.append(key)
            if len(self._kept) == self._SIZE:
                del self._kept[1::2]
                self._step *= 2
        self._seen += 1

    def cuts(self) -> list[Any]:
        """The keys, in order."""
        return sorted(self._kept)


class Part(NamedTuple):
    """Consecutive parts of what `Sample.cuts` cuts, from the first to the last one; `before` is how
    many keys come before them."""

    first: int
    last: int
    before: int


def part_with(counts: Sequence[int], offset: int, limit: int, *, reverse: bool) -> Part:
    """Where the keys number `offset` to `offset + limit` are, by how many are in each part."""
    order = range(len(counts))[:: -1 if reverse else 1]
    before = seen = 0
    first: int | None = None
    last = order[-1]
    for part in order:
        seen += counts[part]
        if first is None:
            if seen <= offset:
                before = seen
                continue
            first = part
        if seen >= offset + limit:
            last = part
            break
    if first is None:  # there are no more than `offset`
        first, before = last, seen - counts[last]
    lower, upper = sorted((first, last))
    return Part(lower, upper, before)


def natural(text: str) -> tuple[str, int]:
    """A sort key that puts `worker-9` before `worker-10`."""
    stem = text.rstrip("0123456789")
    digits = text[len(stem) :]
    # A task's name may hold digits that are no ASCII ones, or thousands of them.
    return (stem, int(digits)) if digits.isascii() and 0 < len(digits) < 19 else (text, -1)
