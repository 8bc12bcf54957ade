"""How fast a crowd is served; by a clock of the test's own."""

from __future__ import annotations

import contextvars
import threading
import time
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.pacing import (
    ADVANCE,
    CROWD,
    GIL_OFFER,
    PAUSE,
    SHARE,
    Crowd,
    Pace,
    Work,
    breathing,
    counted,
    offer_gil,
    work,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


class Clock:
    """Stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Connection:
    """As much of a socket as is looked at."""

    def __init__(self, number: int = 1) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number


def crowd(connections: list[Connection], clock: Clock) -> Crowd:
    return Crowd(cast("list[socket.socket]", connections), clock)


def test_many_that_are_open_are_a_crowd() -> None:
    clock, there = Clock(), [Connection() for _ in range(CROWD)]
    ours = crowd(there, clock)
    assert not ours()
    there.append(Connection(-1))  # closed already
    assert not ours()
    there.append(Connection())
    clock.now += 1
    assert ours()
    there.clear()
    assert not ours()


def test_a_crowd_is_not_counted_each_time() -> None:
    clock, there = Clock(), [Connection() for _ in range(CROWD + 1)]
    ours = crowd(there, clock)
    assert ours()
    there[0]._number = -1
    assert ours()
    clock.now += 1
    assert not ours()


def test_one_comes_while_they_are_counted() -> None:
    """Another thread's set has changed meanwhile: it stays what it was."""

    class Changing(list[Connection]):
        def __iter__(self) -> Iterator[Connection]:
            raise RuntimeError("Set changed size during iteration")

    assert not crowd(Changing([Connection()] * (CROWD + 1)), Clock())()


def pace(clock: Clock, *, crowded: bool = True) -> Pace:
    return Pace(lambda: crowded, clock)


def test_the_first_work_is_done_at_once() -> None:
    ours = pace(Clock())
    ours.spend(ADVANCE)
    assert ours.rest() == 0


def test_more_is_paid_by_rests() -> None:
    clock = Clock()
    ours = pace(clock)
    ours.spend(ADVANCE + 0.001)
    assert ours.rest() * SHARE == pytest.approx(0.001)
    clock.now += ours.rest()
    ours.spend(0)
    assert ours.rest() < 1e-9


def test_a_rest_is_short() -> None:
    ours = pace(Clock())
    ours.spend(1000)
    assert ours.rest() == PAUSE


def test_a_few_are_never_kept_waiting() -> None:
    ours = pace(Clock(), crowded=False)
    ours.spend(1000)
    assert ours.rest() == 0


def test_what_was_before_the_crowd_is_soon_forgiven() -> None:
    clock = Clock()
    ours = pace(clock)
    ours.spend(1000)
    clock.now += 1
    ours.spend(0)
    assert ours.rest() == 0


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_the_share_is_kept(pieces: list[float]) -> None:
    """Whatever is done, if it rests as it is told to after each millisecond's work."""
    clock = Clock()
    ours, used = pace(clock), 0.0
    for piece in pieces:
        for _ in range(int(piece * 1000)):
            clock.now += 0.001
            used += 0.001
            ours.spend(0.001)
            while (rest := ours.rest()) > 0:
                clock.now += max(rest, 1e-6)
                ours.spend(0)
    assert used <= ADVANCE + (clock.now - Clock.now) * SHARE + 0.002


def compute(seconds: float) -> None:
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long whoever offers the GIL has slept each time: no time at all."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def paced(function: Callable[[], None], ours: Pace) -> None:
    """Run the function as a worker thread of a monitor with that pace."""

    def run() -> None:
        work.set(Work(ours))
        with counted():
            function()

    contextvars.copy_context().run(run)


def test_without_a_pace_an_offer_is_a_moment(slept: list[float]) -> None:
    offer_gil()
    with counted():
        assert list(breathing("abc", 2)) == ["a", "b", "c"]
    assert slept == [GIL_OFFER] * 2
    assert work.get() is None


def test_a_few_offer_a_moment(slept: list[float]) -> None:
    def function() -> None:
        compute(2 * ADVANCE)
        offer_gil()

    paced(function, pace(Clock(), crowded=False))
    assert slept == [GIL_OFFER]


def test_in_a_crowd_an_offer_earns_what_was_computed(slept: list[float]) -> None:
    def function() -> None:
        compute(ADVANCE + 0.01)
        offer_gil()

    paced(function, pace(Clock()))
    assert sum(slept) >= 0.01 / SHARE
    assert max(slept) <= PAUSE


def test_who_comes_next_hears_how_long_it_takes(slept: list[float]) -> None:
    ours = pace(Clock())
    paced(lambda: compute(ADVANCE + 0.01), ours)
    assert slept == []
    assert Work(ours).due >= 0.01 / SHARE


def test_what_a_thread_did_for_others_does_not_count(slept: list[float]) -> None:
    ours = pace(Clock())
    compute(ADVANCE + 0.05)
    paced(lambda: None, ours)
    paced(offer_gil, ours)
    assert sum(slept) < 0.01


def test_a_thread_that_is_not_counted_may_offer() -> None:
    ours, done = Work(pace(Clock(), crowded=False)), threading.Event()

    def offer() -> None:
        ours.offer()
        done.set()

    threading.Thread(target=offer).start()
    assert done.wait(10)


def test_many_threads_of_a_crowd_take_turns() -> None:
    """They line up: what ten compute takes as long as if one had done it, at the pace."""
    ours = Work(Pace(lambda: True))

    def work_on() -> None:
        with ours.counted():
            for _ in range(3):
                compute(0.002)
                ours.offer()

    began = time.monotonic()
    threads = [threading.Thread(target=work_on) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= (10 * 3 * 0.002 - ADVANCE - 0.002) / SHARE
