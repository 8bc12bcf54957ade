"""What kind of stall it was, and who kept the watchdog waiting."""

from __future__ import annotations

import threading
import time

import pytest

from aiomonitor.health.classify import kind_of
from aiomonitor.health.clocks import Lateness, Look, Looks, switch_counter, switches_of


@pytest.mark.parametrize(
    ("cpu", "late", "garbage", "kind"),
    [
        (0.0, 0.0, 0.0, "blocking call"),
        (None, 0.0, 0.0, "blocking call"),
        (0.2, 0.2, 0.2, "blocking call"),
        (1.0, 0.0, 0.0, "cpu"),
        (1.0, 1.0, 0.0, "cpu"),
        (0.0, 1.0, 0.0, "gil"),
        (None, 0.9, 0.0, "gil"),
        (1.0, 1.0, 0.6, "garbage collection"),
        (0.0, 0.0, 0.6, "garbage collection"),
    ],
)
def test_kind(cpu: float | None, late: float, garbage: float, kind: str) -> None:
    """Garbage first, then who computed, then who kept the GIL; else it waited."""
    assert kind_of(1.0, cpu=cpu, late=late, garbage=garbage) == kind


@pytest.mark.parametrize(("asked", "kind"), [(0.0, "blocking call"), (1.0, "gil"), (None, "gil")])
def test_kind_beside_busy_threads(asked: float | None, kind: str) -> None:
    """Others may keep the watchdog waiting while the loop's thread wants no GIL: then it waits."""
    assert kind_of(1.0, cpu=0.0, late=0.6, garbage=0.0, asked=asked) == kind


def test_switches() -> None:
    """A thread's voluntary switches as another one reads them; of no thread, none."""
    counter, mine = switch_counter(), threading.get_native_id()
    if counter() is None:
        assert switches_of(mine) is None  # only Linux tells
        return
    before = switches_of(mine)
    assert before is not None
    for _ in range(20):
        time.sleep(0.001)
    after = switches_of(mine)
    assert after is not None
    assert after - before >= 20
    assert switches_of(2**22 + 1) is None


@pytest.mark.parametrize(
    ("used", "switches", "judged"),
    [
        (1.0, 200, (1.0, 0.0)),  # one thread computed and kept the GIL
        (0.0, 200, (1.0, 0.0)),  # it kept the GIL and slept
        (1.0, 2000, (0.0, 0.0)),  # it was given up all the time, and taken again
        (0.0, 1, (0.0, 1.0)),  # the process was stopped
        (0.9, 1, (0.0, 0.0)),  # this thread was not run, while others were
        (0.2, 30, (0.2, 0.8)),  # the machine ran the process for a fifth of the time
        (1.0, None, (1.0, 0.0)),
        (0.0, None, (0.0, 1.0)),
    ],
)
def test_lateness(used: float, switches: int | None, judged: tuple[float, float]) -> None:
    """A second's delay is the GIL's, the machine's or nobody's."""
    clock, counter = [0.0], [0 if switches is not None else None]
    lateness = Lateness(lambda: clock[0], lambda: counter[0])
    lateness.begin()
    clock[0], counter[0] = used, switches
    assert lateness.judge(1.0) == pytest.approx(judged)
    assert lateness.is_sure == (switches is not None)


def test_small_delays() -> None:
    """Milliseconds are how threads take turns; less is nothing."""
    counter = [0]
    lateness = Lateness(lambda: 0.0, lambda: counter[0])
    lateness.begin()
    counter[0] = 2
    assert lateness.judge(0.001) == (0.0, 0.0)
    assert lateness.judge(0.005) == (0.005, 0.0)


def test_a_small_delay_on_a_busy_machine() -> None:
    """Who only slept has asked for no GIL: the machine had no processor for it."""
    counter = [0]
    lateness = Lateness(lambda: 0.0, lambda: counter[0])
    lateness.begin()
    counter[0] = 1
    assert lateness.judge(0.02) == (0.0, 0.0)


def test_busy_share() -> None:
    """The share of the last seconds, not of all times."""
    looks = Looks()
    assert looks.busy(0.0, None) == (None, 0.0)
    for second in range(100):
        looks.add(Look(float(second), min(second, 90) * 0.5, 0.0, 0.0))
    share, seconds = looks.busy(99.0, None)
    assert share == pytest.approx(0.5 * (90 - 89) / 10, abs=0.06)
    assert seconds == pytest.approx(10.0)


def test_what_was_before() -> None:
    """The CPU clock up to a time, and the delays since then."""
    looks = Looks()
    for at, late, away in ((1.0, 0.0, 0.0), (2.0, 0.5, 0.0), (3.0, 0.0, 0.25)):
        looks.add(Look(at, at / 2, late, away))
    assert looks.cpu_before(2.5) == (2.0, 1.0)
    assert looks.cpu_before(0.5) is None
    assert looks.late_since(1.0) == 0.5
    assert looks.late_since(1.75) == 0.25
    assert looks.away_since(2.5) == 0.25
    looks.forget_cpu()
    assert looks.cpu_before(9.0) is None
