"""Counts for programs that ask again and again: the part of `Queries` that never looks at tasks.

All of it may be called from any thread, and waits for neither the application's loop nor a look at
the tasks that somebody else takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from aiomonitor.health.lag import BOUNDS

if TYPE_CHECKING:
    from aiomonitor.health.watchdog import Watchdog
    from aiomonitor.inspection.patrol import Patrol
    from aiomonitor.model.findings import FindingCount, Findings
    from aiomonitor.model.totals import LagTotals, StallTotals, Totals
    from aiomonitor.threads import CpuMeter
    from aiomonitor.tracking.tracker import Tracker


class TotalQueries:
    """What one monitored run has come to; thread-safe."""

    _asked: int
    _tracker: Tracker
    _watchdog: Watchdog
    _patrol: Patrol
    _serving: CpuMeter

    if TYPE_CHECKING:  # of `InsightQueries`

        def known_findings(self) -> Findings | None: ...

        def finding_counts(self) -> tuple[FindingCount, ...]: ...

    def totals(self) -> Totals:
        """What was counted since the monitor began. Cheap: some 50 µs, however many tasks."""
        from aiomonitor.model.totals import Totals  # when somebody asks

        lag, stalls = self._measured()
        known = self.known_findings()
        return Totals(
            lag=lag,
            stalls=stalls,
            blocked_for=self._watchdog.blocked_for() or 0.0,
            watched=self._watchdog.is_running,
            loop_cpu=self._watchdog.loop_cpu(),
            ended=self._tracker.history.outcomes(),
            cancellations=self._asked,
            findings=self.finding_counts(),
            looked_at=known.at if known is not None else None,
            own_cpu={
                "watchdog": self._watchdog.meter.seconds,
                "patrol": self._patrol.meter.seconds,
                "service": self._serving.seconds,
            },
        )

    def _measured(self) -> tuple[LagTotals, tuple[StallTotals, ...]]:
        from aiomonitor.model.health import StallKind  # when somebody asks
        from aiomonitor.model.totals import LagTotals, StallTotals

        with self._watchdog.lock:
            lag, box = self._watchdog.caller.lag, self._watchdog.follower.box
            kinds: tuple[StallKind, ...] = get_args(StallKind)
            return (
                LagTotals(bounds=BOUNDS, buckets=tuple(lag.buckets), seconds=lag.seconds),
                tuple(
                    StallTotals(kind=kind, count=box.over[kind], seconds=box.lasted.get(kind, 0.0))
                    for kind in kinds
                ),
            )
