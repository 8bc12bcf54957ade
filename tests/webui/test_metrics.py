"""`/metrics` is OpenMetrics by the word of the library's own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from aiomonitor.webui.api import OPENMETRICS

if TYPE_CHECKING:
    from .harness import Browser


def test_metrics(browser: Browser) -> None:
    """Tasks by state, the loop's lag, and what we cost."""
    answer = browser.get("/metrics")
    assert answer.headers["content-type"] == OPENMETRICS
    families = {
        family.name: family for family in text_string_to_metric_families(answer.body.decode())
    }
    [tasks] = families["aiomonitor_tasks"].samples
    assert tasks.value >= 3
    states = {sample.labels["state"] for sample in families["aiomonitor_tasks_by_state"].samples}
    assert states == {"running", "runnable", "waiting"}
    assert families["aiomonitor_loop_lag_seconds"].type == "histogram"
    assert families["aiomonitor_tasks_created"].type == "counter"
    assert "aiomonitor_looking_seconds" in families
