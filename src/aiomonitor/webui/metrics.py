"""`/metrics`, in OpenMetrics, written by `prometheus_client` from what the queries say.

Each exposition makes a registry of its own, so that the application's global one, if it uses that
library itself, is neither shown nor changed. What counts up starts with the monitor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .answers import Status
    from .api import Desk
    from .sampler import Reading
    from .tally import Tally


class _Run(Collector):
    """The metrics of one moment."""

    def __init__(self, status: Status, reading: Reading, tally: Tally) -> None:
        self._status = status
        self._reading = reading
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        yield from self._about_tasks()
        yield from self._about_loop()
        yield from self._about_us()

    def _about_tasks(self) -> Iterator[Metric]:
        status = self._status
        yield GaugeMetricFamily("aiomonitor_tasks", "Live tasks.", value=status.tasks)
        if status.states is not None:
            states = GaugeMetricFamily(
                "aiomonitor_tasks_by_state", "Live tasks by state.", labels=["state"]
            )
            for state in ("running", "runnable", "waiting"):
                states.add_metric([state], status.states.get(state, 0))
            yield states
        if status.recording:
            yield CounterMetricFamily(
                "aiomonitor_tasks_created",
                "Tasks that were created.",
                value=self._reading.status.created or 0,
            )
            yield CounterMetricFamily(
                "aiomonitor_tasks_ended",
                "Tasks that have ended.",
                value=status.ended + status.dropped,
            )
            yield CounterMetricFamily(
                "aiomonitor_tasks_dropped",
                "Ended tasks that are in no listing, since they ended too fast.",
                value=status.dropped,
            )
            yield GaugeMetricFamily(
                "aiomonitor_tasks_remembered", "Ended tasks in the history.", status.remembered
            )

    def _about_loop(self) -> Iterator[Metric]:
        status, pulse = self._status, self._reading.pulse
        running = float(status.loop_state == "running")
        yield GaugeMetricFamily("aiomonitor_loop_running", "1 while the loop runs.", running)
        yield GaugeMetricFamily(
            "aiomonitor_loop_blocked_seconds",
            "For how long the loop has not answered.",
            value=status.blocked_for or 0.0,
        )
        if pulse.cpu is not None:
            yield CounterMetricFamily(
                "aiomonitor_loop_cpu_seconds",
                "CPU time that the loop's thread has used.",
                value=pulse.cpu,
            )
        yield HistogramMetricFamily(
            "aiomonitor_loop_lag_seconds",
            "How long the loop took to answer; measured once a second, only while somebody looks.",
            buckets=self._tally.lag_buckets(),
            sum_value=self._tally.lag_sum,
        )

    def _about_us(self) -> Iterator[Metric]:
        tally, status = self._tally, self._status
        yield CounterMetricFamily(
            "aiomonitor_cancellations",
            "Tasks whose cancellation was asked for on the web page.",
            value=tally.cancellations,
        )
        yield CounterMetricFamily(
            "aiomonitor_looking_seconds",
            "CPU time that the web service has spent on looking at tasks.",
            value=tally.looking,
        )
        yield InfoMetricFamily(
            "aiomonitor",
            "What is monitored.",
            value={"version": status.version, "python": status.python, "loop": status.loop},
        )


def exposition(desk: Desk) -> bytes:
    """The whole document."""
    status, reading = desk.sampler.reading()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Run(status, reading, desk.tally))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]  # its own omission
    return text
