"""What is kept of the times that the loop was blocked: numbers and places in code alone."""

from __future__ import annotations

import copy
import heapq
import sys
from collections import Counter, deque
from typing import TYPE_CHECKING

from .classify import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiomonitor.backends.values import CodePoint
    from aiomonitor.model.health import StallKind

    Stack = tuple[CodePoint, ...]

REMEMBERED = 200
"""Stalls that are kept, the latest ones: about 1 MB, were each of them a long one."""

STACKS = 50
"""Different stacks that are counted in one stall: a loop that computes has no end of them."""

STACKS_KEPT = 20
"""Of these, when it is over: those seen most often."""

DEPTH = 32
"""Frames kept of a stack, the innermost ones."""

POINTS = 4096
"""Places in code that are known, before all are forgotten: the stacks have them in common."""


class StallRecord:
    """One stall; changed by the watchdog's thread until it is `over`, under its lock.

    `began` is of the monotonic clock, `began_at` Unix time. `cpu_before` is the last CPU time read
    before: when, and how much; `switches_before` is the first count of the thread's voluntary
    switches, and `asked` the share of the time since then for which it waited for the GIL.
    `garbage` is `collected` and what goes on; `late` is for how long the watchdog had no GIL,
    `away` for how long the process was stopped. All in seconds.
    """

    number = 0
    over = False
    seconds = 0.0
    cpu: float | None = None
    garbage = 0.0
    collected = 0.0
    late = 0.0
    away = 0.0
    asked: float | None = None
    switches_before: tuple[float, int] | None = None
    kind: StallKind = "blocking call"

    def __init__(
        self, began: float, began_at: float, cpu_before: tuple[float, float] | None
    ) -> None:
        self.began = began
        self.began_at = began_at
        self.cpu_before = cpu_before
        self.stacks: dict[Stack, int] = {}
        self.tasks: dict[int | None, int] = {}
        self.names: dict[int | None, str] = {}

    def see(self, stack: Stack, task: tuple[int, str] | None) -> None:
        """The loop's thread is there, in the task of that number and name."""
        if stack in self.stacks or len(self.stacks) < STACKS:
            self.stacks[stack] = self.stacks.get(stack, 0) + 1
        number, name = task or (None, "")
        self.tasks[number] = self.tasks.get(number, 0) + 1
        self.names[number] = name

    def measure(self, end: float, cpu: tuple[float, float] | None) -> None:
        """It lasted until then; `cpu` is the latest CPU time."""
        self.seconds = max(0.0, end - self.began - self.away)
        if cpu is not None and self.cpu_before is not None:
            passed = cpu[0] - self.cpu_before[0] - self.away
            used = cpu[1] - self.cpu_before[1]
            self.cpu = min(1.0, max(0.0, used / passed)) if passed > 0 else self.cpu
        self.kind = kind_of(
            self.seconds,
            cpu=self.cpu,
            late=self.late,
            garbage=self.garbage,
            asked=self.asked,
        )

    def count_switches(self, now: float, switches: int) -> None:
        """How often its thread has given up the processor by now, while it went on: who waits for
        the GIL does so for each time that it asks."""
        if self.switches_before is None:
            self.switches_before = (now, switches)
            return
        passed, more = now - self.switches_before[0], switches - self.switches_before[1]
        self.asked = more * sys.getswitchinterval() / passed if passed > 0 else None

    def close(self) -> None:
        """It is over."""
        self.over = True
        kept = heapq.nlargest(STACKS_KEPT, self.stacks.items(), key=lambda item: item[1])
        self.stacks = dict(kept)

    def copy(self) -> StallRecord:
        """As it is now."""
        made = copy.copy(self)
        made.stacks, made.tasks = self.stacks.copy(), self.tasks.copy()
        made.names = self.names.copy()
        return made


class BlackBox:
    """The latest stalls, the oldest first, and how many of each kind are over; not thread-safe."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self.stalls: deque[StallRecord] = deque(maxlen=limit)
        self.count = 0
        self.over: Counter[StallKind] = Counter()
        self.lasted: dict[StallKind, float] = {}
        """Seconds of those that are over."""
        self._points: dict[CodePoint, CodePoint] = {}

    def admit(self, stall: StallRecord) -> None:
        """It has lasted long enough: give it a number, once."""
        if not stall.number:
            self.count += 1
            stall.number = self.count
            self.stalls.append(stall)

    def close(self, stall: StallRecord) -> None:
        """It is over, so its kind does not change any more; one that was too short is not
        counted."""
        stall.close()
        if stall.number:
            self.over[stall.kind] += 1
            self.lasted[stall.kind] = self.lasted.get(stall.kind, 0.0) + stall.seconds

    def interned(self, stack: Iterable[CodePoint]) -> Stack:
        """The stack's innermost frames, made of places that are known already."""
        if len(self._points) > POINTS:
            self._points.clear()
        return tuple(self._points.setdefault(point, point) for point in tuple(stack)[-DEPTH:])
