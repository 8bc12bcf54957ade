"""Counts the loop's lag in windows that slide: pure, with the time as an argument.

The counts of ten seconds are one slice, and a window is made of slices when somebody looks: so the
memory is bounded, and a measurement costs one addition.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aiomonitor.model.health import LagWindow

BOUNDS = (
    *(0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds of the buckets, in seconds: a loop that rests answers within the first ones."""

WINDOWS = (60.0, 300.0, 900.0)
"""Seconds that people ask about: now, lately, and before the coffee."""

SLICE = 10.0
"""Seconds counted together: by so much, a window may be longer than it says."""


class _Slice(NamedTuple):
    """The measurements of some seconds; `worst` is a list of one."""

    began: float
    buckets: list[int]
    worst: list[float]


class LagHistogram:
    """What was measured in the longest window, and all that ever was; not thread-safe.

    `buckets` and `seconds` only grow: the counts up to each of the bounds and beyond, and the sum.
    """

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self._slices: deque[_Slice] = deque(maxlen=int(WINDOWS[-1] / SLICE) + 1)

    def add(self, now: float, lag: float) -> None:
        """One measurement, in seconds."""
        if not self._slices or now >= self._slices[-1].began + SLICE:
            self._slices.append(_Slice(now, [0] * (len(BOUNDS) + 1), [0.0]))
        latest, bucket = self._slices[-1], bisect_left(BOUNDS, lag)
        self.buckets[bucket] += 1
        self.seconds += lag
        latest.buckets[bucket] += 1
        latest.worst[0] = max(latest.worst[0], lag)

    def windows(self, now: float, pending: float | None = None) -> tuple[LagWindow, ...]:
        """Each window, the shortest first; what is `pending` for so long counts in each."""
        return tuple(self._window(now, seconds, pending) for seconds in WINDOWS)

    def _window(self, now: float, seconds: float, pending: float | None) -> LagWindow:
        found = [each for each in self._slices if each.began + SLICE > now - seconds]
        counts = [sum(column) for column in zip(*(each.buckets for each in found), strict=True)]
        buckets = counts or [0] * (len(BOUNDS) + 1)
        worst = [each.worst[0] for each in found]
        if pending is not None:
            buckets[bisect_left(BOUNDS, pending)] += 1
            worst.append(pending)
        return window(seconds, buckets, worst)


def window(seconds: float, buckets: Sequence[int], worst: Iterable[float]) -> LagWindow:
    """The value of these counts."""
    from aiomonitor.model.health import LagWindow  # when somebody asks

    most = max(worst, default=None)
    return LagWindow(
        seconds=seconds,
        count=sum(buckets),
        median=quantile(buckets, most, 0.5),
        p99=quantile(buckets, most, 0.99),
        worst=most,
        buckets=tuple(buckets),
    )


def quantile(buckets: Sequence[int], worst: float | None, share: float) -> float | None:
    """The value that this share of the measurements is not above, as if each bucket's were spread
    evenly; None of nothing. As Prometheus' histogram_quantile, with the worst one as a bound."""
    total = sum(buckets)
    if not total or worst is None:
        return None
    rank, below = share * total, 0
    for index, count in enumerate(buckets):
        if count and below + count >= rank:
            lower = BOUNDS[index - 1] if index else 0.0
            upper = min(BOUNDS[index], worst) if index < len(BOUNDS) else worst
            value = lower + max(upper - lower, 0.0) * (rank - below) / count
            return min(value, worst)  # which rounding may pass
        below += count
    return worst
