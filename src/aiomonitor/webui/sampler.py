"""What the overview shows: samples of the run, taken once a second at most while somebody looks."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import aiomonitor

from .answers import Sample, Status
from .headcount import ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.model import LoopPulse, RunStatus, TaskState

    from .headcount import Count, Headcount
    from .site import Site

KEPT = 300
"""Samples: five minutes."""
INTERVAL = 1.0
"""Seconds between two samples."""
BLOCKED = 0.1
"""Seconds without an answer after which the loop is called blocked."""
_WAIT = 0.1
"""Seconds that whoever comes first waits for the loop's answer."""


class Reading(NamedTuple):
    """What was read at one moment of the monotonic clock, with the last count of tasks."""

    at: float
    status: RunStatus
    pulse: LoopPulse
    counted: Count

    @property
    def states(self) -> dict[TaskState, int] | None:
        """The tasks by state, if they have just been counted."""
        return self.counted.states if self.counted.status is self.status else None

    @property
    def tasks(self) -> int:
        """Counted, or told from what has come and gone since the last count."""
        return self.counted.tasks(self.status)


class Sampler:
    """Takes samples when asked, and keeps the last of them. Any worker thread."""

    def __init__(
        self,
        site: Site,
        headcount: Headcount,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._headcount = headcount
        self._clock = clock
        self._lock = threading.Lock()
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._last: Reading | None = None

    def status(self, *, newest: bool = False) -> Status:
        """How the run is doing, with all samples or the newest; takes one if that is due."""
        with self._lock:
            now, last = self._clock(), self._last
            if last is None or now - last.at >= 0.9 * INTERVAL:
                last = self._last = self._take(now, last)
            return self._told(last, newest=newest)

    def _take(self, now: float, last: Reading | None) -> Reading:
        recent = last is not None and now - last.at < 2 * INTERVAL
        # The answer to the last call is a second old, or else there is none to speak of.
        pulse = self._site.pulse(0.0 if recent else _WAIT)
        if not recent:
            pulse = self._site.pulse(0.0)
        status = self._site.status()
        reading = Reading(now, status, pulse, self._headcount.latest(status))
        self._samples.append(_sample(last, reading))
        return reading

    def _told(self, reading: Reading, *, newest: bool) -> Status:
        status, pulse = reading.status, reading.pulse
        blocked = status.loop_state == "running" and pulse.waiting > BLOCKED
        return Status(
            version=aiomonitor.__version__,
            python=platform.python_version(),
            runtime=status.runtime,
            loop=status.loop,
            pid=os.getpid(),
            argv0=sys.argv[0] if sys.argv else "",
            started_at=status.started_at,
            tasks=reading.tasks,
            states=reading.states,
            ended=status.ended,
            remembered=status.remembered,
            dropped=status.dropped,
            recording=status.recording,
            note=status.note,
            permissions=self._site.permissions,
            loop_state=status.loop_state,
            blocked_for=pulse.waiting if blocked else None,
            samples=tuple(self._samples)[-1 if newest else 0 :],
        )


def _sample(last: Reading | None, now: Reading) -> Sample:
    created = gone = busy = None
    if last is not None:
        seconds = now.at - last.at
        gone = _rate(ended(last.status), ended(now.status), seconds)
        created = _rate(last.status.created, now.status.created, seconds)
        busy = _busy(last.pulse, now.pulse)
    return Sample(
        at=time.time(),
        tasks=now.tasks,
        lag=_lag(now.pulse),
        busy=busy,
        created_per_s=created,
        ended_per_s=gone if now.status.recording else None,
    )


def _rate(before: int | None, after: int | None, seconds: float) -> float | None:
    return None if before is None or after is None else max(0, after - before) / seconds


def _lag(pulse: LoopPulse) -> float | None:
    """That of the last answer, or what the present one has taken so far if that is longer."""
    if pulse.waiting > BLOCKED:
        return max(pulse.waiting, pulse.lag or 0.0)
    return pulse.lag


def _busy(before: LoopPulse, after: LoopPulse) -> float | None:
    seconds = after.cpu_at - before.cpu_at
    if before.cpu is None or after.cpu is None or seconds <= 0 or after.cpu < before.cpu:
        return None  # never answered, or another thread runs the loop now
    return min(1.0, (after.cpu - before.cpu) / seconds)
