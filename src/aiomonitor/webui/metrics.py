"""`/metrics`, written by `prometheus_client` from what the queries say.

Each exposition makes a registry of its own, so that the application's global one, if it uses that
library itself, is neither shown nor changed. Counters begin with the monitor, at 0 for every value
of their labels. Who is watched is told once, by `aiomonitor_info`, and not by labels of every
series: a worker that is started anew goes on with the same series, and queries join what they need.
Nothing here waits for the application's loop.
"""

from __future__ import annotations

import itertools
import os
import platform
from typing import TYPE_CHECKING, TypeVar

import prometheus_client.exposition
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiomonitor.model import TaskState
    from aiomonitor.model.totals import LagTotals

    from .api import Desk

_STATES: tuple[TaskState, ...] = ("running", "runnable", "waiting")
_Family = TypeVar("_Family", CounterMetricFamily, GaugeMetricFamily)


def exposition(desk: Desk, *, plain: bool = False) -> bytes:
    """The whole document, in OpenMetrics; or in Prometheus' own text format, which is `plain`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Run(desk))
    if plain:
        return prometheus_client.exposition.generate_latest(registry)
    text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # its own omission
    return text


class _Run(Collector):
    """The metrics of one moment."""

    def __init__(self, desk: Desk) -> None:
        self._site = desk.site
        self._status = desk.site.status()
        self._totals = desk.site.totals()
        self._count = desk.headcount.at_once(self._status)
        self._looking = desk.tally.looking

    def collect(self) -> Iterator[Metric]:
        yield from self._about_tasks()
        yield from self._about_lives()
        yield from self._about_loop()
        yield from self._about_stalls()
        yield from self._about_findings()
        yield from self._about_us()

    def _about_tasks(self) -> Iterator[Metric]:
        count, status = self._count, self._status
        yield _gauge("tasks", "Live tasks.", count.tasks(status))
        states = ((state, count.states.get(state, 0)) for state in _STATES)
        yield _each(
            GaugeMetricFamily(
                "aiomonitor_tasks_by_state",
                "Live tasks by state, when they were last counted: 100 000 are every few seconds.",
                labels=["state"],
            ),
            (([state], number) for state, number in states),
        )
        yield _gauge(
            "tasks_counted_timestamp_seconds",
            "When the tasks were last counted by state, in seconds since the epoch.",
            count.at,
        )

    def _about_lives(self) -> Iterator[Metric]:
        status = self._status
        yield _gauge(
            "recording", "1 while it is recorded how tasks begin and end.", status.recording
        )
        if status.created is None:
            return
        yield _counter("tasks_created", "Tasks that were created.", status.created)
        ended: list[tuple[str, int]] = [*self._totals.ended.items()]
        ended.append(("unrecorded", status.dropped))
        yield _each(
            CounterMetricFamily(
                "aiomonitor_tasks_ended",
                "Tasks that have ended, by how; unrecorded: too fast for that to be seen.",
                labels=["outcome"],
            ),
            (([outcome], number) for outcome, number in ended),
        )
        yield _gauge("history_tasks", "Ended tasks that are remembered.", status.remembered)

    def _about_loop(self) -> Iterator[Metric]:
        totals = self._totals
        running = self._status.loop_state == "running"
        yield _gauge("loop_running", "1 while the loop runs.", running)
        yield _gauge(
            "watchdog_running", "1 while lag and stalls are being measured.", totals.watched
        )
        yield _gauge(
            "loop_blocked_seconds",
            "For how long the loop has been blocked, 0 if it is not.",
            totals.blocked_for,
        )
        if totals.loop_cpu is not None:
            yield _counter(
                "loop_cpu_seconds",
                "CPU time that the loop's thread has used: its rate is the share it is busy.",
                totals.loop_cpu,
            )
        yield HistogramMetricFamily(
            "aiomonitor_loop_lag_seconds",
            "How long calls waited for the loop: measured ten times a second or more, always.",
            buckets=_buckets(totals.lag),
            sum_value=totals.lag.seconds,
        )

    def _about_stalls(self) -> Iterator[Metric]:
        stalls = self._totals.stalls
        yield _each(
            CounterMetricFamily(
                "aiomonitor_stalls",
                "Times that the loop was blocked, for the stall threshold or longer, once over.",
                labels=["kind"],
            ),
            (([each.kind], each.count) for each in stalls),
        )
        yield _each(
            CounterMetricFamily(
                "aiomonitor_stall_seconds",
                "For how long the loop was blocked in these stalls.",
                labels=["kind"],
            ),
            (([each.kind], each.seconds) for each in stalls),
        )

    def _about_findings(self) -> Iterator[Metric]:
        findings, labels = self._totals.findings, ["rule", "severity"]
        yield _each(
            GaugeMetricFamily(
                "aiomonitor_findings_open", "What the last look has found wrong.", labels=labels
            ),
            (([each.rule, each.severity], each.present) for each in findings),
        )
        yield _each(
            CounterMetricFamily(
                "aiomonitor_findings",
                "What was found wrong, counted whenever it appears.",
                labels=labels,
            ),
            (([each.rule, each.severity], each.appeared) for each in findings),
        )
        if self._totals.looked_at is not None:
            yield _gauge(
                "findings_timestamp_seconds",
                "When the last look was, in seconds since the epoch.",
                self._totals.looked_at,
            )

    def _about_us(self) -> Iterator[Metric]:
        status, totals = self._status, self._totals
        yield _counter(
            "cancellations",
            "Cancellations of tasks and scopes that clients of the monitor have asked for.",
            totals.cancellations,
        )
        parts = {**totals.own_cpu, "looks": self._looking}
        yield _each(
            CounterMetricFamily(
                "aiomonitor_own_cpu_seconds",
                "CPU time that the monitor itself has used, but for commands of terminal clients.",
                labels=["part"],
            ),
            (([part], seconds) for part, seconds in parts.items()),
        )
        yield _gauge(
            "start_time_seconds",
            "When the monitor was started, in seconds since the epoch.",
            status.started_at,
        )
        yield InfoMetricFamily(
            "aiomonitor",
            "Who is monitored.",
            value={
                "application": self._site.name,
                "pid": str(os.getpid()),
                "runtime": status.runtime,
                "loop": status.loop,
                "python": platform.python_version(),
                "version": aiomonitor.__version__,
            },
        )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"aiomonitor_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"aiomonitor_{name}", text, value=value)


def _each(family: _Family, samples: Iterable[tuple[list[str], float]]) -> _Family:
    for labels, value in samples:
        family.add_metric(labels, value)
    return family


def _buckets(lag: LagTotals) -> list[tuple[str, float]]:
    """Upper bounds, and how many were no longer."""
    bounds = [*map(str, lag.bounds), "+Inf"]
    return list(zip(bounds, map(float, itertools.accumulate(lag.buckets)), strict=True))
