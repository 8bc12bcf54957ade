"""So many in so many seconds; pure but for the clock."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimit:
    """A sliding window over the latest `count` events. One thread."""

    def __init__(
        self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._latest: deque[float] = deque(maxlen=count)

    def wait(self) -> float:
        """Seconds until another one is allowed; 0 if it is now."""
        if len(self._latest) < (self._latest.maxlen or 0):
            return 0.0
        return max(0.0, self._latest[0] + self._seconds - self._clock())

    def note(self) -> None:
        """One has happened."""
        self._latest.append(self._clock())
