"""Samples of a run, over a scripted one and a clock that is set by hand."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest

from aiomonitor.model import Census, LoopPulse, RunStatus
from aiomonitor.webui import headcount, sampler
from aiomonitor.webui.headcount import Headcount
from aiomonitor.webui.sampler import Sampler
from aiomonitor.webui.tally import Tally
from support import PATIENCE

if TYPE_CHECKING:
    from aiomonitor.webui.site import Site

STATUS = RunStatus(
    runtime="fake",
    loop="fake.Loop",
    loop_state="running",
    started_at=0.0,
    recording=True,
    note="",
    created=100,
    ended=90,
    remembered=90,
    dropped=0,
)


class Run:
    """What a sampler asks."""

    permissions = "exec"

    def __init__(self) -> None:
        self.now = 0.0
        self.state = STATUS
        self.beat = LoopPulse(lag=0.001, waiting=0.0, cpu=1.0, cpu_at=0.0)
        self.counted = 0
        self.waits: list[float] = []
        site = cast("Site", self)
        self.headcount = Headcount(site, Tally(), lambda: self.now)
        self.sampler = Sampler(site, self.headcount, lambda: self.now)

    def census(self) -> Census:
        self.counted += 1
        return Census(total=10, states={"waiting": 10})

    def status(self) -> RunStatus:
        return self.state

    def pulse(self, wait: float = 0.0) -> LoopPulse:
        self.waits.append(wait)
        return self.beat

    def after(self, seconds: float, **changes: Any) -> None:
        """Time goes by; the thread computes for half of it."""
        self.now += seconds
        self.state = dataclasses.replace(self.state, **changes)
        assert self.beat.cpu is not None
        self.beat = dataclasses.replace(
            self.beat, cpu=self.beat.cpu + seconds / 2, cpu_at=self.beat.cpu_at + seconds
        )


@pytest.fixture
def run() -> Run:
    return Run()


def test_one_sample_a_second(run: Run) -> None:
    """However often somebody asks, a sample is taken once a second; all are told, or the newest."""
    for _ in range(5):
        run.sampler.status()
        run.after(0.3)
    assert len(run.sampler.status().samples) == 2
    assert len(run.sampler.status(newest=True).samples) == 1


def test_rates(run: Run) -> None:
    """What was created and ended, and how busy the loop was, is told per second between samples."""
    first = run.sampler.status().samples[-1]
    assert (first.created_per_s, first.ended_per_s, first.busy) == (None, None, None)
    run.after(2.0, created=120, ended=100)
    sample = run.sampler.status().samples[-1]
    assert (sample.created_per_s, sample.ended_per_s, sample.busy) == (10.0, 5.0, 0.5)


def test_tasks_between_two_counts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dear count is not repeated soon: the number of tasks is told from what came and went."""
    monkeypatch.setattr(headcount, "SHARE", 1e-9)
    assert run.sampler.status().tasks == 10
    run.after(1.0, created=105, ended=91)
    told = run.sampler.status()
    assert (told.tasks, told.states, run.counted) == (14, None, 1)


def test_a_cheap_count_is_repeated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where counting costs next to nothing, each sample has the states."""
    monkeypatch.setattr(headcount, "SHARE", 1e9)
    run.sampler.status()
    run.after(1.0)
    assert run.sampler.status().states == {"waiting": 10}
    assert run.counted == 2


def test_a_dear_count_goes_on_by_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has no time gets the last count, while a thread makes the next; but for the first."""
    monkeypatch.setattr(headcount, "QUICK", 0.0)
    monkeypatch.setattr(headcount, "SHARE", 1e9)
    first = run.headcount.at_once(run.state)
    assert (first.tasks(run.state), run.counted) == (10, 1)
    run.after(1.0, created=101)
    assert run.headcount.at_once(run.state) is first
    assert first.tasks(run.state) == 11
    for thread in threading.enumerate():
        if thread.name == "aiomonitor-count":
            thread.join(PATIENCE)
    assert run.counted == 2


def test_a_blocked_loop(run: Run) -> None:
    """A loop that does not answer is told as blocked, and lags for as long as that."""
    run.sampler.status()
    run.after(1.0)
    run.beat = dataclasses.replace(run.beat, waiting=3.0)
    told = run.sampler.status()
    assert (told.blocked_for, told.samples[-1].lag) == (3.0, 3.0)


def test_a_loop_that_never_answered(run: Run) -> None:
    """Nothing is made up about a loop that has not answered yet."""
    run.beat = LoopPulse(lag=None, waiting=0.05, cpu=None, cpu_at=0.0)
    sample = run.sampler.status().samples[-1]
    assert (sample.lag, sample.busy) == (None, None)


def test_only_the_first_waits(run: Run) -> None:
    """Whoever comes first waits a moment for an answer; the next ones take the last call's."""
    run.sampler.status()
    first = max(run.waits)
    run.waits.clear()
    run.after(1.0)
    run.sampler.status()
    assert first > 0
    assert max(run.waits) == 0


def test_another_thread_runs_the_loop(run: Run) -> None:
    """A CPU clock that went back belongs to another thread: there is no telling how busy it was."""
    run.sampler.status()
    run.after(1.0)
    run.beat = dataclasses.replace(run.beat, cpu=0.0)
    assert run.sampler.status().samples[-1].busy is None


def test_samples_are_bounded(run: Run) -> None:
    """Five minutes are kept."""
    for _ in range(sampler.KEPT + 10):
        run.sampler.status(newest=True)
        run.after(1.0)
    assert len(run.sampler.status().samples) == sampler.KEPT
