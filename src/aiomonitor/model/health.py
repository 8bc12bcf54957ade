"""How well the monitored loop keeps up: its lag, and each time that it was blocked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tasks import FrameInfo

StallKind = Literal["cpu", "blocking call", "garbage collection", "gil"]
"""cpu: the loop's thread computed; blocking call: it waited in a call that gives up the GIL;
garbage collection: Python collected for most of the time; gil: another thread kept the GIL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LagWindow:
    """The lag of the loop in the last `seconds`: from a call's posting to its run, in seconds.

    `buckets` counts the measurements up to each of `Health.bounds`, and beyond the last one.
    `median`, `p99` and `worst` are None where nothing was measured.
    """

    seconds: float
    count: int
    median: float | None
    p99: float | None
    worst: float | None
    buckets: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StallStack:
    """A stack that the loop's thread was seen in, outermost frame first, and how often."""

    frames: tuple[FrameInfo, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """One time that the loop was blocked for longer than the threshold.

    `started_at` is Unix time, `duration` seconds (so far, if it is not `over`). `task` and `name`
    are those of the task that ran, None and empty where a callback or the loop itself did. `cpu` is
    the share of the time that the loop's thread computed, None where that cannot be told.
    `garbage` is the time in seconds that Python collected. `place` is the innermost line outside of
    the runtime's library that it was seen at most, None if it was at none. `sentence` says it in
    words. `stacks` were taken meanwhile, the one seen most often first.
    """

    number: int
    started_at: float
    duration: float
    over: bool
    task: int | None
    name: str
    kind: StallKind
    cpu: float | None
    garbage: float
    sentence: str
    stacks: tuple[StallStack, ...]
    place: FrameInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the loop has kept up since the monitor began.

    `threshold` is in seconds: what is blocked for longer is a stall. `stalls` counts them,
    `remembered` are kept. `blocked_for` is how long the loop is blocked now, None if it is not.
    `busy` is the share of the last `busy_window` seconds that the loop's thread computed, None
    where that cannot be told. `bounds` are the upper bounds of the buckets, in seconds. `note`
    says what is not measured, and why, or is empty.
    """

    threshold: float
    stalls: int
    remembered: int
    blocked_for: float | None
    busy: float | None
    busy_window: float
    bounds: tuple[float, ...]
    windows: tuple[LagWindow, ...]
    note: str = ""
