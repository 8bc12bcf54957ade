"""Sees to it that the monitor never becomes the last owner of the application's objects.

Whoever drops the last reference runs the finaliser: `Task.__del__` calls the loop's exception
handler, a suspended coroutine runs its `finally` blocks. That has to happen in the application's
thread. So whatever a reader of foreign objects holds goes into a list, `held`, and is let go by
`Releaser.release`. This module must not import any runtime.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _unowned(held: list[object], limit: int) -> Iterator[object]:
    """Empty `held`, yielding what has no more than `limit` references at its turn.

    Made of C functions alone. In bytecode the GIL could be given up between the look at a reference
    count and the drop; consumed by one C call, each object is judged and dropped in one go. The
    mirror lets the judge see the object that `compress` has just taken out of `held`.
    """
    mirror = held.copy()
    counts = map(sys.getrefcount, map(list.pop, itertools.repeat(mirror, len(held))))
    return itertools.compress(
        map(list.pop, itertools.repeat(held, len(held))), map(limit.__ge__, counts)
    )


def _calibrate() -> int:
    """The count of an object that nobody holds but `held`: it differs between Python versions."""
    limits = itertools.count()
    return next(limit for limit in limits if deque(_unowned([object()], limit)))


ONLY_OURS = _calibrate()


POOL = 500
"""Objects let go of at once, where many are looked at: that takes 0.05 ms."""


class Releaser:
    """Lets go of foreign objects; those without another owner are dropped in their own thread.

    `post` schedules a call there and says whether it could. A blocked thread cannot make the
    orphans pile up: one that waits here is owned by this object and is not taken in again.
    """

    def __init__(self, post: Callable[[Callable[[], object]], bool]) -> None:
        self._post = post
        self._orphans: deque[object] = deque()
        self._posted = False
        self._pools = threading.local()

    @contextlib.contextmanager
    def pooled(self) -> Iterator[None]:
        """Within it, the calling thread lets go of what it looked at in larger lots: half the
        price for those who look at many tasks."""
        if getattr(self._pools, "held", None) is not None:
            yield
            return
        pool: list[object] = []
        self._pools.held = pool
        try:
            yield
        finally:
            self._pools.held = None
            self.release(pool)

    def release(self, held: list[object]) -> None:
        """Empty `held`. Any thread but the application's; the caller keeps no other reference."""
        pool: list[object] | None = getattr(self._pools, "held", None)
        if pool is not None:
            pool += held
            held.clear()
            if len(pool) < POOL:
                return
            held = pool
        self._orphans.extend(_unowned(held, ONLY_OURS))
        # Two threads may both see it unposted: then the second call finds nothing to drop.
        if self._orphans and not self._posted:
            self._posted = True
            if not self._post(self._drop):
                self.abandon()

    def abandon(self) -> None:
        """Drop here what is left: the thread that should have done it has ended."""
        self._drop()

    def _drop(self) -> None:
        """Runs in the application's thread, and takes no lock."""
        self._posted = False
        while self._orphans:
            self._orphans.popleft()
