"""How fast a crowd is served; by a clock of the test's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.pacing import ADVANCE, PAUSE, SHARE, Pace


class Clock:
    """Stands still."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


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
