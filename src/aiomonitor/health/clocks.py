"""Keeps what the watchdog read at each of its looks: the time, the CPU time of the loop's thread,
and how late it came itself. Pure: whoever calls reads the clocks.

A thread that is late had no GIL, or the whole process was stopped: while a thread waits for the GIL
it asks for it every 5 ms, which the system counts as voluntary switches; in a stopped process
nothing is counted, and no thread uses CPU time.
"""

from __future__ import annotations

import io
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

LATE = 0.002
"""Seconds that a thread may be late on a machine that does nothing else."""

STOPPED = 0.05
"""Seconds from which on it is asked whether the process was stopped."""

IDLE_SHARE = 0.02
"""Of a CPU, which a process that is not stopped may use as well."""

OWN = 1
"""The switch of the sleep itself; who waited for the GIL afterwards has another one."""

WAITS = 0.1
"""Of a delay: who asked for the GIL for less did not wait for it, but was not run at all."""

TURNS = 1.2
"""Beyond this share the GIL was given up more often than every 5 ms, and taken again before this
thread was awake: a loop of many short rounds does that for seconds, up to Python 3.12."""

SPARE = 0.015
"""Seconds of such switches that anything may make."""

MOST = 0.5
"""Of a delay; of more than the rest, the machine was the cause: it ran the process so little."""

KEPT = 256
"""Looks: some seconds."""

BUSY_STEP = 0.5
"""Seconds between two readings for the busy share."""

BUSY_WINDOW = 10.0
"""Seconds that the busy share is about."""


class Look(NamedTuple):
    """One look of the watchdog. `late` is for how long before it the GIL was not to be had, `away`
    for how long the process was stopped; `cpu` is None where it is not told. All in seconds."""

    at: float
    cpu: float | None
    late: float
    away: float


class Looks:
    """The latest looks; not thread-safe."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque(maxlen=KEPT)
        self._busy: deque[tuple[float, float]] = deque(maxlen=int(BUSY_WINDOW / BUSY_STEP) + 1)

    def add(self, look: Look) -> None:
        """Keep it."""
        self._looks.append(look)
        if look.cpu is not None:
            self.note_cpu(look.at, look.cpu)

    def note_cpu(self, at: float, cpu: float) -> None:
        """The CPU time that the loop's thread had used at that time."""
        if not self._busy or at - self._busy[-1][0] >= BUSY_STEP:
            self._busy.append((at, cpu))

    def forget_cpu(self) -> None:
        """The loop runs in another thread now, whose clock is another one."""
        self._busy.clear()
        self._looks = deque((look._replace(cpu=None) for look in self._looks), maxlen=KEPT)

    def busy(self, now: float, cpu: float | None) -> tuple[float | None, float]:
        """The share of the last seconds that the thread computed, and how many seconds these are;
        `cpu` is its clock now, None for that of the latest reading."""
        known = [reading for reading in self._busy if reading[0] >= now - BUSY_WINDOW - BUSY_STEP]
        if cpu is None and known:
            now, cpu = known[-1]
        if cpu is None or not known or now <= known[0][0]:
            return None, 0.0
        seconds = now - known[0][0]
        return min(1.0, max(0.0, (cpu - known[0][1]) / seconds)), seconds

    def cpu_before(self, at: float) -> tuple[float, float] | None:
        """The latest reading of the CPU clock up to that time, and when it was taken."""
        found = (look for look in reversed(self._looks) if look.cpu is not None and look.at <= at)
        return next(((look.at, look.cpu) for look in found if look.cpu is not None), None)

    def late_since(self, began: float) -> float:
        """How long the watchdog was kept from running since then."""
        return sum(_overlap(look.at - look.late, look.at, began) for look in self._looks)

    def away_since(self, began: float) -> float:
        """How long the process was stopped since then."""
        return sum(_overlap(look.at - look.away, look.at, began) for look in self._looks)


def _overlap(start: float, end: float, began: float) -> float:
    return max(0.0, end - max(start, began))


class Lateness:
    """Tells a thread that had no GIL from a process that was stopped; for one thread's use."""

    def __init__(
        self,
        used: Callable[[], float] = time.process_time,
        switches: Callable[[], int | None] | None = None,
    ) -> None:
        self._used = used
        self._switches = switches or switch_counter()
        self.is_sure = self._switches() is not None
        """Whether a thread that keeps the GIL is told from one that gives it up all the time."""
        self._before: tuple[float, int | None] = (0.0, None)

    def begin(self) -> None:
        """Before the thread sleeps."""
        self._before = (self._used(), self._switches())

    def judge(self, late: float) -> tuple[float, float]:
        """Of so many seconds that it was late: how long without the GIL, and how long stopped."""
        if late < LATE:
            return 0.0, 0.0
        before, switches = self._before
        now, used = self._switches(), self._used() - before
        if late < STOPPED:
            has_asked = switches is None or now is None or now - switches > OWN
            return late if has_asked else 0.0, 0.0
        if switches is None or now is None:
            return (0.0, late) if used < late * IDLE_SHARE else (late, 0.0)
        return _split(late, (now - switches) * sys.getswitchinterval(), used)


def _split(late: float, asked: float, used: float) -> tuple[float, float]:
    """The same, of a thread that `asked` for the GIL for so long, one switch for each of the times;
    `used` is the CPU time of all threads."""
    if asked > late * TURNS + SPARE:
        return 0.0, 0.0
    if asked < late * WAITS:
        return 0.0, late if used < late * IDLE_SHARE else 0.0
    kept = max(asked, used)
    return (late, 0.0) if kept > late * MOST else (kept, late - kept)


def switches_of(thread: int) -> int | None:
    """The voluntary switches of any thread of this process, where the system tells (Linux); some
    15 us."""
    try:
        with io.FileIO(f"/proc/self/task/{thread}/status") as status:
            told = status.read().partition(b"\nvoluntary_ctxt_switches:")[2]
        return int(told.split()[0])
    except (OSError, IndexError, ValueError):
        return None


def switch_counter() -> Callable[[], int | None]:
    """Counts the voluntary switches of the calling thread, where the system tells (Linux)."""
    try:
        import resource

        who = resource.RUSAGE_THREAD
    except (ImportError, AttributeError):
        return lambda: None
    usage = resource.getrusage
    return lambda: usage(who).ru_nvcsw
