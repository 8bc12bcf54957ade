"""What is counted since the monitor began, without a look at tasks."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends.fake import FakeLife
from aiomonitor.insight.scene import Rule, Scene
from aiomonitor.inspection.diagnosis import Diagnosis
from aiomonitor.model.findings import Finding, FindingCount
from aiomonitor.threads import CpuMeter, Latch
from support import PATIENCE, Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.inspection.observer import Observer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_of_every_kind(desk: Desk) -> None:
    """What never happened is counted, too: as 0."""
    totals = desk.totals()
    assert {each.kind for each in totals.stalls} >= {"cpu", "gil", "blocking call"}
    assert len(totals.lag.buckets) == len(totals.lag.bounds) + 1
    assert totals.ended == {"returned": 0, "failed": 0, "cancelled": 0, "destroyed": 0}
    assert {each.appeared for each in totals.findings} == {0}
    assert {"watchdog", "patrol", "service"} == totals.own_cpu.keys()


def test_no_look_is_taken(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tasks there are, none of them is touched."""
    monkeypatch.setattr(desk.backend, "live_tasks", None)
    desk.backend.ended.append(FakeLife(number=1, outcome="cancelled"))
    assert desk.totals().ended["cancelled"] == 1


def test_cancellations(desk: Desk) -> None:
    """Each that a client asks for is counted."""
    desk.backend.add("a", "f")
    desk.cancel("a", timeout=0)
    assert desk.totals().cancellations == 1


class _Observer:
    """Sees nothing: the rule of the test makes up what it finds."""

    def look(self, *, gently: bool) -> Scene:
        return Scene(tasks=0)


@pytest.fixture
def diagnosis(monkeypatch: pytest.MonkeyPatch) -> Diagnosis:
    monkeypatch.setattr("aiomonitor.inspection.diagnosis.RULES", ())
    observer: Observer = _Observer()  # type: ignore[assignment]
    return Diagnosis(observer)


def test_findings_are_counted_when_they_appear(diagnosis: Diagnosis) -> None:
    """One that stays is counted once, and one that comes back again."""
    keys: list[str] = []

    def check(_scene: Scene, _threshold: float) -> Iterator[Finding]:
        for key in keys:
            yield Finding(rule="odd", key=key, severity="warning", sentence="odd", remedy="even")

    def counts() -> FindingCount:
        diagnosis.judge()
        [error, warning] = diagnosis.counts()
        assert (error.severity, error.appeared, error.present) == ("error", 0, 0)
        return warning

    diagnosis.add(Rule(name="odd", text="odd", remedy="even", check=check))
    assert {(each.rule, each.appeared) for each in diagnosis.counts()} == {("odd", 0)}
    keys += ["a", "b"]
    assert (counts().appeared, counts().present) == (2, 2)
    keys.remove("b")
    assert (counts().appeared, counts().present) == (2, 1)
    keys.append("b")
    assert (counts().appeared, counts().present) == (3, 2)


def test_the_meter_of_a_thread() -> None:
    """Others read what a thread has used while it runs, and what it had used when it ended."""
    meter = CpuMeter()
    assert meter.seconds == 0.0
    running, ending = Latch(), Latch()

    def work() -> None:
        meter.begin()
        while time.thread_time() < 0.01:
            pass
        running.open()
        ending.wait(PATIENCE)
        meter.end()

    thread = threading.Thread(target=work)
    thread.start()
    assert running.wait(PATIENCE)
    if hasattr(time, "pthread_getcpuclockid"):
        assert meter.seconds >= 0.01
    ending.open()
    thread.join(PATIENCE)
    assert meter.seconds == meter.seconds >= 0.01
