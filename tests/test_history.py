"""What is remembered of ended tasks, and that it is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor import history
from aiomonitor.backends.base import CodePoint
from aiomonitor.backends.fake import FakeBackend, FakeLife
from aiomonitor.errors import TaskNotFoundError
from aiomonitor.history import History
from aiomonitor.tracker import Tracker
from aiomonitor.utils import preserve_termination_log

HERE = CodePoint((lambda: None).__code__, 0)


@preserve_termination_log
async def precious() -> None:
    """A coroutine whose ends are kept."""


def ended(backend: FakeBackend, *numbers: int, **details: object) -> None:
    for number in numbers:
        backend.ended.append(FakeLife(number=number, **details))  # type: ignore[arg-type]


def numbers(kept: History, **query: object) -> list[int]:
    settings = {"filter": "", "sort": "ended", "reverse": False, "limit": None, **query}
    return [task.number for task in kept.page(**settings).tasks]  # type: ignore[arg-type]


def test_the_last_ones_are_remembered() -> None:
    """Of many ended tasks the last ones stay, the latest first."""
    backend = FakeBackend()
    kept = History(backend, 3)
    for number in range(1, 6):
        ended(backend, number, ended=float(number))
    assert numbers(kept) == [5, 4, 3]


def test_marked_ones_stay() -> None:
    """Tasks of a marked coroutine function are kept beyond the limit."""
    backend = FakeBackend()
    kept = History(backend, 1)
    ended(backend, 1, code=precious.__code__)
    ended(backend, 2, 3)
    assert sorted(numbers(kept)) == [1, 3]


def test_marking_looks_through_decorators() -> None:
    """What cannot be recognised later is refused with the reason."""
    with pytest.raises(TypeError, match="no function written in Python"):
        preserve_termination_log(len)


def test_many_are_drained_in_chunks() -> None:
    """However many have ended since the last look, all of them are taken, and the rate is told."""
    backend = FakeBackend()
    kept = History(backend, 10_000)
    ended(backend, *range(1, 2501))
    assert kept.drain() < kept.drain()
    assert len(numbers(kept)) == 2500


def test_sorting_and_filtering() -> None:
    """A page is filtered by name or coroutine, sorted by any column, and tells how many matched."""
    backend = FakeBackend()
    kept = History(backend, 10)
    ended(backend, 1, name="worker-10", ended=3.0)
    ended(backend, 2, name="worker-9", ended=9.0)
    ended(backend, 3, name="other", coroutine="WORK", ended=1.0)
    assert numbers(kept, sort="name", filter="worker") == [2, 1]
    assert numbers(kept, filter="work") == [2, 1, 3]
    assert numbers(kept, reverse=True) == [3, 1, 2]
    assert numbers(kept, sort="duration", limit=1) == [3]
    page = kept.page(filter="other", sort="id", reverse=False, limit=None)
    assert (page.remembered, page.matched) == (3, 1)


def test_names_may_repeat() -> None:
    """Namesakes are all remembered; a name means the latest of them, a number that one."""
    backend = FakeBackend()
    kept = History(backend, 10)
    ended(backend, 1, 2, name="same")
    assert kept.find("same").number == 2
    assert kept.find("1").number == 1
    with pytest.raises(TaskNotFoundError, match="ps-terminated"):
        kept.find("gone")


def test_dropped_ones_are_counted() -> None:
    """What the backend could not hand over is told."""
    backend = FakeBackend()
    backend.dropped = 7
    assert History(backend, 1).page(filter="", sort="id", reverse=False, limit=None).dropped == 7


def test_an_ancestry_goes_through_ended_tasks() -> None:
    """Who created whom is told through tasks that have ended, the oldest first."""
    backend = FakeBackend()
    tracker = Tracker(backend)
    ended(backend, 1, name="first")
    ended(backend, 2, name="second", parent=1, stack=(HERE,))
    tracker.history.drain()
    steps = tracker.ancestry(2, (HERE, HERE))
    assert [(each.creator, len(each.frames)) for each in steps] == [
        ("task 1 (first)", 1),
        ("task 2 (second)", 2),
    ]


def test_a_forgotten_ancestor_ends_the_chain() -> None:
    """A parent that nobody remembers is told by its number."""
    tracker = Tracker(FakeBackend())
    assert [each.creator for each in tracker.ancestry(99, (HERE,))] == ["task 99"]
    assert tracker.ancestry(99, ()) == ()


_lives = st.builds(
    FakeLife,
    number=st.integers(1, 50),
    name=st.text(max_size=3),
    parent=st.integers(-1, 50),
    born=st.floats(0, 10),
    ended=st.floats(0, 10),
    stack=st.sampled_from([(), (HERE,), (HERE, HERE)]),
    code=st.sampled_from([None, precious.__code__]),
)


@given(st.lists(st.one_of(_lives, st.none()), max_size=200), st.integers(0, 20))
def test_any_order_of_events_stays_bounded(events: list[FakeLife | None], limit: int) -> None:
    """Whatever ends in whatever order, drained whenever, the history is bounded and consistent."""
    backend = FakeBackend()
    tracker = Tracker(backend, limit)
    for event in events:
        if event is None:
            tracker.history.drain()
        else:
            backend.ended.append(event)
    tracker.history.drain()
    lasting = sum(each is not None and each.code is not None for each in events)
    assert len(numbers(tracker.history)) <= limit + lasting
    for number in range(51):
        assert len(tracker.ancestry(number, (HERE,))) <= 32


def test_origins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ancestors that ended only the latest are remembered."""
    monkeypatch.setattr(history, "ANCESTORS_LIMIT", 10)
    backend = FakeBackend()
    kept = History(backend, 5)
    ended(backend, *range(1, 100))
    kept.drain()
    assert kept.origin(99) is not None
    assert kept.origin(89) is None
