"""Hands ended tasks from the loop's thread to the monitor's; imports no runtime.

One side only appends and counts up, the other only takes and counts up: no lock.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._asyncio_hook_record import TaskRecord

QUEUE_LIMIT = 32_768
"""Records waiting to be drained: 8 MB, and 160 ms at 200 000 tasks a second."""

BATCH = 1024
"""Records handed over at once. The last reference to a batch is dropped in the monitor's thread, in
one go: 0.1 ms."""


class EndQueue:
    """Bounded; what does not fit is counted."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._batches: deque[Sequence[TaskRecord]] = deque()
        self._put = 0
        self._taken = 0
        self._offset = 0
        self.dropped = 0

    def put(self, batch: Sequence[TaskRecord]) -> None:
        """In the loop's thread. The batch is not changed any more by whoever has it."""
        if self._put - self._taken + len(batch) > self._limit:
            self.dropped += len(batch)
            return
        self._put += len(batch)
        self._batches.append(batch)

    def drain(self, limit: int) -> list[TaskRecord]:
        """Up to `limit` records in the order of their ends; in one thread at a time."""
        taken: list[TaskRecord] = []
        while self._batches and len(taken) < limit:
            batch = self._batches[0]
            some = batch[self._offset : self._offset + limit - len(taken)]
            taken += some
            self._offset += len(some)
            if self._offset == len(batch):
                self._batches.popleft()
                self._offset = 0
        self._taken += len(taken)
        return taken
