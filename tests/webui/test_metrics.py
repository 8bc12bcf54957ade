"""`/metrics` is OpenMetrics by the word of the library's own parser, and has what a fleet needs."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as plain_families

from aiomonitor.webui.api import OPENMETRICS, PLAIN_METRICS
from clients.harness import eventually
from support import PATIENCE

from .harness import Answer, Browser, watched

if TYPE_CHECKING:
    import pytest

    from aiomonitor import Monitor

    from .harness import Watched

PROMETHEUS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What a Prometheus server accepts."""


WORD = "let me in"


class Scrape:
    """What one answer says: families by name, and the values of a sample by a label."""

    def __init__(self, answer: Answer) -> None:
        assert answer.status == 200, answer.body
        parsed: Any = text_string_to_metric_families(answer.body.decode())  # type: ignore[no-untyped-call]
        self.families = {family.name: family for family in parsed}
        self._samples: dict[str, list[Any]] = defaultdict(list)
        for family in self.families.values():
            for sample in family.samples:
                self._samples[sample.name].append(sample)

    def value(self, name: str) -> float:
        """That of the only sample of this name."""
        [sample] = self._samples[f"aiomonitor_{name}"]
        return float(sample.value)

    def by(self, label: str, name: str) -> dict[str, float]:
        """The values, by this label."""
        return {each.labels[label]: each.value for each in self._samples[f"aiomonitor_{name}"]}

    @property
    def identity(self) -> dict[str, str]:
        """The labels of `aiomonitor_info`."""
        [sample] = self._samples["aiomonitor_info"]
        return dict(sample.labels)


def scrape(browser: Browser, **headers: str | None) -> Scrape:
    """The metrics of now."""
    return Scrape(browser.get("/metrics", Accept=PROMETHEUS, **headers))


def test_who_is_monitored(browser: Browser, monitor: Monitor) -> None:
    """Application, process and runtime are told, once."""
    identity = scrape(browser).identity
    assert identity["application"] == monitor.name
    assert (identity["pid"], identity["runtime"]) == (str(os.getpid()), "asyncio")


def test_tasks(browser: Browser) -> None:
    """Live tasks are counted, as a whole and by state."""
    found = scrape(browser)
    assert found.value("tasks") >= 3
    assert found.by("state", "tasks_by_state").keys() == {"running", "runnable", "waiting"}
    assert found.value("tasks_counted_timestamp_seconds") > found.value("start_time_seconds")


def ends(found: Scrape) -> dict[str, float]:
    """How many tasks have ended, by how."""
    return found.by("outcome", "tasks_ended_total")


def test_how_tasks_end() -> None:
    """Each way to end has a counter, and all of them together make what was created."""

    async def end_in_many_ways() -> None:
        async def fail() -> None:
            raise ValueError

        tasks = [asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(fail())]
        tasks.append(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with watched() as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        before = scrape(browser)
        application.run(end_in_many_ways())
        # The hook writes ends down within 50 ms.
        eventually(lambda: sum(ends(scrape(browser)).values()) >= 4)
        after = scrape(browser)
    assert ends(before)["failed"] == ends(before)["cancelled"] == 0
    assert [ends(after)[each] for each in ("failed", "cancelled", "unrecorded")] == [1, 1, 0]
    assert ends(after)["returned"] >= 2  # and the task that made them
    assert after.value("tasks_created_total") >= sum(ends(after).values())


def test_the_loop(browser: Browser) -> None:
    """Its lag is the watchdog's: a histogram with fixed buckets that counts from the start."""
    found = scrape(browser)
    assert found.families["aiomonitor_loop_lag_seconds"].type == "histogram"
    buckets = found.by("le", "loop_lag_seconds_bucket")
    assert list(buckets.values()) == sorted(buckets.values())
    assert {"0.0005", "0.1", "10.0", "+Inf"} <= buckets.keys()
    assert found.by("kind", "stalls_total").keys() == found.by("kind", "stall_seconds_total").keys()
    assert (found.value("loop_running"), found.value("watchdog_running")) == (1, 1)


def test_lag_is_measured_while_nobody_looks() -> None:
    """The first scrape knows what the loop did before it."""
    with watched() as (_, monitor):
        eventually(lambda: monitor.health().windows[0].count >= 3)
        first = scrape(Browser(monitor.webui_port or 0))
    assert first.value("loop_lag_seconds_count") >= 3


def test_a_blocked_loop() -> None:
    """A scrape does not wait for the loop, and tells that it is blocked."""
    with watched() as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        application.block()
        eventually(lambda: scrape(browser).value("loop_blocked_seconds"))
        eventually(monitor.stalls)
        assert scrape(browser).by("kind", "stalls_total")["blocking call"] == 0
        application.released.set()
        eventually(lambda: sum(scrape(browser).by("kind", "stalls_total").values()))
        assert scrape(browser).value("loop_blocked_seconds") == 0


def test_findings(browser: Browser, monitor: Monitor) -> None:
    """Every rule has its counts from the beginning, so that one can be seen to grow."""
    assert scrape(browser).by("rule", "findings_total").keys() == monitor.rule_thresholds.keys()
    monitor.findings()
    found = scrape(browser)
    assert set(found.by("severity", "findings_open")) == {"error", "warning"}
    assert found.value("findings_timestamp_seconds") > found.value("start_time_seconds")


def test_our_own_cost(browser: Browser) -> None:
    """The CPU time of the monitor's threads is told, and grows."""
    first, second = (scrape(browser).by("part", "own_cpu_seconds_total") for _ in range(2))
    assert {"watchdog", "patrol", "service", "looks"} == first.keys()
    assert second["looks"] > first["looks"]


def test_cancellations(application: Watched, monitor: Monitor, browser: Browser) -> None:
    """Those that clients ask for count, whatever they use."""
    before = scrape(browser).value("cancellations_total")
    for name in ("victim-1", "victim-2"):
        application.add(name)
    browser.post("/api/tasks/victim-1/cancel")
    monitor.cancel("victim-2")
    assert scrape(browser).value("cancellations_total") == before + 2


def test_formats(browser: Browser) -> None:
    """OpenMetrics, or the older format for those who accept no other; caches tell them apart."""
    answers = {accept: browser.get("/metrics", Accept=accept) for accept in ("*/*", "text/plain")}
    kinds = [answer.headers["content-type"] for answer in answers.values()]
    assert kinds == [OPENMETRICS, PLAIN_METRICS]
    assert {answer.headers["vary"] for answer in answers.values()} == {"Accept"}
    older = {each.name: each for each in plain_families(answers["text/plain"].body.decode())}
    assert older["aiomonitor_tasks_created"].type == "counter"


def test_token() -> None:
    """A server that collects metrics sends the token as its credentials."""
    with watched(token=WORD) as (_, monitor):
        browser = Browser(monitor.webui_port or 0)
        assert browser.get("/metrics").status == 401
        assert scrape(browser, Authorization=f"Bearer {WORD}").value("tasks") >= 0


def test_looks_do_not_delay_a_scrape(
    browser: Browser, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many people wait for slow answers."""
    started, released = Event(), Event()

    def slow(*_: object, **__: object) -> Any:
        started.set()
        released.wait(PATIENCE)
        return monitor.status()

    monkeypatch.setattr(monitor, "groups", slow, raising=False)
    with ThreadPoolExecutor(4) as people:
        looks = [people.submit(browser.get, "/api/groups") for _ in range(4)]
        assert started.wait(PATIENCE)
        assert scrape(browser).value("tasks") >= 0
        released.set()
    assert all(look.result().status == 200 for look in looks)
