"""The watchdog's looks at a scripted loop, with a scripted clock: no thread, no time passes."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends.fake import FakeBackend
from aiomonitor.health import stall as stalls
from aiomonitor.health.calls import PING
from aiomonitor.health.clocks import Lateness
from aiomonitor.health.follow import SLOWEST
from aiomonitor.health.watchdog import LOOK, Watchdog
from support import Desk

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.base import TaskHandle


class Scene:
    """A loop and its watchdog. `resting` says whether the loop's stack looks so."""

    def __init__(self) -> None:
        self.time = 100.0
        self.backend = FakeBackend()
        self.backend.thread_id = threading.get_ident()
        self.round = 100.0
        self.has_rounds = True
        lateness = Lateness(lambda: self.time, lambda: int(self.time / 0.005))
        self.dog = Watchdog(
            self.backend, self.identify, 0.1, clock=lambda: self.time, lateness=lateness
        )
        self.backend.silent_for = self.silent_for  # type: ignore[method-assign]
        self.dog._rest(0.0)

    def identify(self, _task: TaskHandle) -> tuple[int, str]:
        return 7, "worker"

    def silent_for(self) -> float | None:
        return self.time - self.round if self.has_rounds else None

    def look(self, times: int = 1, late: float = 0.0) -> float:
        pause = 0.0
        for _ in range(times):
            self.time = self.dog._due + late
            if not self.backend.blocked:
                self.round = self.time
            pause = self.dog.step()
            self.answer()
        return pause

    def answer(self) -> None:
        """The call's own clock is the real one."""
        call = self.dog.caller._call
        if call is not None and call.answered is not None:
            call.answered, call.clock = self.time, None

    def block(self, seconds: float) -> None:
        end = self.time + seconds
        self.backend.blocked = True
        self.look()
        while self.dog._due < end:
            self.look()
        self.time = end
        self.backend.blocked = False
        self.backend.run_posted()
        self.answer()

    @property
    def recorded(self) -> list[stalls.StallRecord]:
        return list(self.dog.follower.box.stalls)


@pytest.fixture(params=["rounds", "calls"])
def scene(request: pytest.FixtureRequest) -> Scene:
    scene = Scene()
    scene.has_rounds = request.param == "rounds"
    scene.look(10)
    return scene


def test_a_healthy_loop(scene: Scene) -> None:
    """It is looked at and called, and never blocked."""
    assert scene.look(200) == LOOK
    assert scene.recorded == []
    count = scene.dog.caller.lag.windows(scene.time)[0].count
    expected = 210 * LOOK / (PING if scene.has_rounds else PING / 2)
    assert count == pytest.approx(expected, rel=0.2)


def test_a_stall(scene: Scene) -> None:
    """It lasts from the round, or the call, that was not ended, to the answer."""
    scene.backend.add("worker", state="running")
    scene.block(1.0)
    scene.look(2)
    [stall] = scene.recorded
    assert (stall.number, stall.over) == (1, True)
    assert stall.seconds == pytest.approx(1.0, abs=0.06)
    assert stall.names == {7: "worker"}
    assert scene.dog.caller.lag.windows(scene.time)[0].worst == pytest.approx(1.0, abs=0.1)


def test_totals_of_stalls(scene: Scene) -> None:
    """Stalls are counted by kind once they are over, and what is too short is not."""
    scene.block(1.0)
    scene.look(2)
    scene.block(0.04)
    scene.look(2)
    scene.backend.blocked = True
    scene.look(20)
    assert scene.dog.blocked_for() == pytest.approx(scene.time - scene.round, abs=0.1)
    box = scene.dog.follower.box
    [(kind, count)] = box.over.items()
    assert (kind, count, box.count) == ("blocking call", 1, 2)
    assert box.lasted[kind] == pytest.approx(1.0, abs=0.06)


def test_a_stall_that_goes_on(scene: Scene) -> None:
    """It is there before it is over, and looked at the less often the longer it takes."""
    scene.backend.blocked = True
    scene.look(20)
    [stall] = scene.recorded
    assert not stall.over
    assert stall.seconds > 0.1
    while scene.time < 130:
        pause = scene.look()
    assert pause == SLOWEST
    assert sum(stall.stacks.values()) < 200


@pytest.mark.parametrize("seconds", [0.04, 0.07])
def test_too_short(scene: Scene, seconds: float) -> None:
    """What is shorter than the threshold is none."""
    scene.block(seconds)
    scene.look(5)
    assert scene.recorded == []


def test_a_loop_that_rests(scene: Scene) -> None:
    """Silence alone is none: it may wait for events."""
    scene.backend.resting = True
    scene.block(1.0)
    scene.look(5)
    assert scene.recorded == []


def test_a_loop_that_is_stopped(scene: Scene) -> None:
    """Neither stall nor lag, however long it takes."""
    before = scene.dog.caller.lag.windows(scene.time)[0].count
    scene.backend.state = "stopped"
    scene.look(100)
    scene.backend.state = "running"
    scene.look(1)
    assert scene.recorded == []
    window = scene.dog.caller.lag.windows(scene.time)[0]
    assert window.count <= before + 1
    assert window.worst == pytest.approx(0.0, abs=0.05)


def test_a_loop_that_waits_for_us(scene: Scene) -> None:
    """As for a dump of its own: that is neither a stall nor lag; what comes later is."""
    scene.look(20)
    with scene.dog.excusing(scene.time):
        scene.block(3.0)
        assert scene.dog.blocked_for() is None
    scene.look(20)
    assert scene.recorded == []
    assert scene.dog.caller.lag.windows(scene.time)[0].worst == 0.0
    scene.block(1.0)
    scene.look(20)
    assert len(scene.recorded) == 1


def test_a_blocked_loop_that_waits_for_us(scene: Scene) -> None:
    """As in a signal's handler: what blocks it is told, as long as it does."""
    scene.look(20)
    scene.backend.blocked = True
    scene.look(20)
    before = scene.dog.blocked_for()
    assert before is not None
    with scene.dog.excusing(scene.time):
        scene.look(20)
        assert (scene.dog.blocked_for() or 0) > before
    scene.look()
    assert [stall.over for stall in scene.recorded] == [False]


def test_a_process_that_was_stopped(scene: Scene) -> None:
    """Nobody blocked it."""
    used, switches = scene.time, int(scene.time / 0.005)
    scene.dog._lateness = Lateness(lambda: used, lambda: switches)
    scene.dog._lateness.begin()
    scene.backend.blocked = True
    scene.look(late=5.0)
    scene.backend.blocked = False
    scene.backend.run_posted()
    scene.answer()
    scene.look(5)
    assert scene.recorded == []
    assert scene.dog.caller.lag.windows(scene.time)[0].worst == pytest.approx(0.0, abs=0.05)


def test_another_thread_keeps_the_gil(scene: Scene) -> None:
    """The watchdog could not look: what it knows is how late it came."""
    scene.backend.resting = True
    scene.look(late=0.5)
    [stall] = scene.recorded
    assert (stall.kind, stall.over) == ("gil", True)
    assert stall.seconds == pytest.approx(0.5)


@pytest.mark.parametrize(("each", "kind"), [(0, "blocking call"), (1, "gil")])
def test_threads_that_compute(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, each: int, kind: str
) -> None:
    """They keep the watchdog waiting at each look; the loop's thread, only if it wants the GIL."""
    began, turn = scene.time, 0.005
    switches = lambda: int(each * (scene.time - began) / turn)  # noqa: E731
    monkeypatch.setattr(scene.dog.caller, "switches", switches)
    scene.backend.blocked = True
    for _ in range(20):
        scene.look(late=0.02)
    scene.backend.blocked = False
    scene.backend.run_posted()
    scene.answer()
    scene.look(2)
    [stall] = scene.recorded
    assert (stall.kind, stall.over) == (kind, True)


def test_the_black_box_is_bounded(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest are kept, with few stacks each."""
    box = scene.dog.follower.box
    scene.dog.follower.box = stalls.BlackBox(limit=3)
    for _ in range(5):
        scene.block(0.2)
        scene.look(5)
    assert [stall.number for stall in scene.recorded] == [3, 4, 5]
    record = stalls.StallRecord(0.0, 0.0, None)
    monkeypatch.setattr(stalls, "POINTS", 10)
    point = scene.recorded[0].stacks.__iter__().__next__()[0]
    for offset in range(200):
        record.see(box.interned([point._replace(lasti=offset)] * 99), None)
    assert len(record.stacks) == stalls.STACKS
    record.close()
    assert len(record.stacks) == stalls.STACKS_KEPT
    assert {len(stack) for stack in record.stacks} == {stalls.DEPTH}
    assert len(box._points) <= 12


def test_it_leaves_the_collector_alone() -> None:
    """The collector's callback is taken off, however often the watchdog is stopped."""
    before = list(gc.callbacks)
    dog = Scene().dog
    dog.start()
    running = [dog.is_running]
    assert len(gc.callbacks) == len(before) + 1
    dog.stop()
    dog.stop()
    running.append(dog.is_running)
    assert running == [True, False]
    assert gc.callbacks == before


def test_failing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of ours ends the watchdog, with a line in the log, and nothing else."""
    scene = Scene()
    scene.backend.loop_state = None  # type: ignore[assignment,method-assign]
    before = list(gc.callbacks)
    scene.dog.start()
    assert scene.dog._thread is not None
    scene.dog._thread.join(30)
    assert scene.dog.failed
    assert "the watchdog has ended" in caplog.text
    assert gc.callbacks == before


@pytest.mark.parametrize(("value", "error"), [("1", TypeError), (True, TypeError), (0, ValueError)])
def test_thresholds(value: object, error: type[Exception]) -> None:
    """A threshold that makes no sense is refused when the monitor starts."""
    kind = type("Picky", (Desk,), {"stall_threshold": value})
    with pytest.raises(error, match=r"stall_threshold is .*: give seconds"):
        kind()


def test_an_application_that_waits_for_idleness(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not called, which is said, until it waits no more."""
    calls: list[object] = []
    make = scene.backend.call_in_loop

    def call(function: Callable[[], object]) -> bool:
        calls.append(function)
        return make(function)

    monkeypatch.setattr(scene.backend, "call_in_loop", call)
    scene.look(10)
    assert calls
    calls.clear()
    scene.backend.awaits_idleness = lambda: True
    scene.look(20)
    assert (calls, scene.recorded, scene.dog.caller.is_still) == ([], [], True)
    scene.backend.awaits_idleness = lambda: False
    scene.look(10)
    assert calls
    assert not scene.dog.caller.is_still
