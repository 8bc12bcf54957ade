"""Hands ended tasks from the loop's thread to the monitor's; imports no runtime.

One side appends and counts up, the other takes and counts up; both may take the oldest, which a
deque does atomically: no lock.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record import TaskRecord

QUEUE_LIMIT = 16_384
"""Records waiting to be drained: 8 MB with their coroutines, and 80 ms at 200 000 tasks a second.
In a flood the next drain comes later, since it takes 100 ms to get the GIL of a busy loop: then the
oldest go, which a history of the latest would forget anyway."""

BATCH = 1024
"""Records handed over at once. The last reference to a batch is dropped in the monitor's thread, in
one go: 0.1 ms."""


class EndQueue:
    """Bounded; of what does not fit the oldest goes, as the latest is asked for, and is counted."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._batches: deque[Sequence[TaskRecord]] = deque()
        self._put = 0
        self._taken = 0
        self._opened: Sequence[TaskRecord] = ()
        self.dropped = 0

    def put(self, ended: Sequence[TaskRecord]) -> None:
        """In the loop's thread, or where the garbage collector runs. `ended` is not changed any
        more by whoever has it."""
        for start in range(0, len(ended), BATCH):
            batch = ended if len(ended) <= BATCH else ended[start : start + BATCH]
            self._put += len(batch)
            self._batches.append(batch)
        while self._batches and self._put - self._taken - self.dropped > self._limit:
            self._drop()

    def _drop(self) -> None:
        with contextlib.suppress(IndexError):  # just taken
            self.dropped += len(self._batches.popleft())

    def drain(self, limit: int) -> list[TaskRecord]:
        """Up to `limit` records in the order of their ends; in one thread at a time."""
        taken: list[TaskRecord] = []
        while len(taken) < limit and (self._opened or self._open()):
            room = limit - len(taken)
            taken += self._opened[:room]
            self._opened = self._opened[room:]
        self._taken += len(taken)
        return taken

    def _open(self) -> bool:
        try:
            self._opened = self._batches.popleft()
        except IndexError:
            return False
        return True
