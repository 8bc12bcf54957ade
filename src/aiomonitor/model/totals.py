"""What has been counted since the monitor began: for programs that ask again and again."""

from __future__ import annotations

from dataclasses import dataclass

from .ended import Outcome
from .findings import FindingCount
from .health import StallKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LagTotals:
    """Every measurement of the loop's lag. `buckets` counts those up to each of the `bounds` (in
    seconds), without those of the buckets before, and beyond the last one; `seconds` is the sum."""

    bounds: tuple[float, ...]
    buckets: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StallTotals:
    """The stalls of one kind that are over, and the seconds that they lasted together."""

    kind: StallKind
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the monitor has counted since it began; of each kind, also if there was none.

    `ended` counts the tasks whose end was recorded. `blocked_for` is for how many seconds the loop
    is blocked now, 0 if it is not; `watched` is whether that, lag and stalls are measured.
    `loop_cpu` is the CPU time of the loop's thread in seconds, None where it is not known.
    `cancellations` were asked for by clients of the monitor, of tasks and scopes. `findings` are as
    the last look has found them, at `looked_at` (Unix time, None before the first). `own_cpu` is
    the CPU time of the monitor's threads in seconds, by what they are for.
    """

    lag: LagTotals
    stalls: tuple[StallTotals, ...]
    blocked_for: float
    watched: bool
    loop_cpu: float | None
    ended: dict[Outcome, int]
    cancellations: int
    findings: tuple[FindingCount, ...]
    looked_at: float | None
    own_cpu: dict[str, float]
