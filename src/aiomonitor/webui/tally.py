"""What the web service counts about itself and about the loop, for `/metrics`."""

from __future__ import annotations

import bisect
import itertools
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LAG_BOUNDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
"""Seconds: from what nobody notices to what everybody does."""


class Tally:
    """Counts up. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lags = [0] * (len(LAG_BOUNDS) + 1)
        self.lag_sum = 0.0
        self.cancellations = 0
        self.looking = 0.0  # seconds of CPU time

    @contextmanager
    def look(self) -> Iterator[None]:
        """Count what is computed meanwhile in this thread."""
        began = time.thread_time()
        try:
            yield
        finally:
            with self._lock:
                self.looking += time.thread_time() - began

    def cancellation(self) -> None:
        """One was asked for."""
        with self._lock:
            self.cancellations += 1

    def lag(self, seconds: float) -> None:
        """The loop took so long to answer."""
        with self._lock:
            self._lags[bisect.bisect_left(LAG_BOUNDS, seconds)] += 1
            self.lag_sum += seconds

    def lag_buckets(self) -> list[tuple[str, float]]:
        """Upper bounds, and how many lags were no longer."""
        with self._lock:
            sums = list(itertools.accumulate(self._lags))
        bounds = [*map(str, LAG_BOUNDS), "+Inf"]
        return list(zip(bounds, map(float, sums), strict=True))
