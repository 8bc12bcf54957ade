"""What is remembered of ended tasks, and that it is bounded."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from aiomonitor.backends.fake import FakeBackend, FakeLife, FakeTask
from aiomonitor.backends.life import OUTSIDE, Cancellation, Outcome
from aiomonitor.backends.values import CodePoint
from aiomonitor.tracking import history
from aiomonitor.tracking.ancestry import CHAIN_LIMIT
from aiomonitor.tracking.history import Found, History
from aiomonitor.tracking.tracker import Tracker
from aiomonitor.utils import preserve_termination_log

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

HERE = CodePoint((lambda: None).__code__, 0)


@preserve_termination_log
async def precious() -> None:
    """A coroutine whose ends are kept."""


def ended(backend: FakeBackend, *numbers: int, **details: object) -> None:
    for number in numbers:
        backend.ended.append(FakeLife(number=number, **details))  # type: ignore[arg-type]


def select(kept: History, **query: object) -> Found:
    settings = {"filter": "", "sort": "ended", "reverse": False, "limit": None, **query}
    return kept.select(**settings)  # type: ignore[arg-type]


def numbers(kept: History, **query: object) -> list[int]:
    return [life.number for life in select(kept, **query).lives]


def test_the_last_ones_are_remembered() -> None:
    """Of many ended tasks the last ones stay, the latest first."""
    backend = FakeBackend()
    kept = History(backend, 3)
    for number in range(1, 6):
        ended(backend, number, ended=float(number))
    assert numbers(kept) == [5, 4, 3]


def test_outcomes_are_counted() -> None:
    """Each way to end is counted, also of tasks that are forgotten, and of none as 0."""
    backend = FakeBackend()
    kept = History(backend, 1)
    ended(backend, 1, 2, outcome="result")
    ended(backend, 3, outcome="exception")
    assert kept.outcomes() == {"returned": 2, "failed": 1, "cancelled": 0, "destroyed": 0}


def test_marked_ones_stay() -> None:
    """Tasks of a marked coroutine function are kept beyond the limit."""
    backend = FakeBackend()
    kept = History(backend, 1)
    ended(backend, 1, code=precious.__code__, coroutine="precious")
    ended(backend, 2, 3)
    assert sorted(numbers(kept)) == [1, 3]


def retried(function: Callable[[], Coroutine[Any, Any, None]]) -> Any:
    @functools.wraps(function)
    async def wrapper() -> None:
        await function()

    return wrapper


@preserve_termination_log
@retried
async def decorated() -> None:
    """A coroutine function in a wrapper, whose code others share."""


@retried
async def other() -> None:
    """One of those others."""


def test_marking_looks_through_decorators() -> None:
    """A wrapped function is known by its name; others in the same wrapper are not marked."""
    backend = FakeBackend()
    kept = History(backend, 0)
    ended(backend, 1, code=decorated.__code__, coroutine=decorated.__qualname__)
    ended(backend, 2, code=other.__code__, coroutine=other.__qualname__)
    assert decorated.__code__ is other.__code__
    assert numbers(kept) == [1]


def test_marking_what_cannot_be_recognised() -> None:
    """What has no code of Python's is refused with the reason."""
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
    found = select(kept, filter="other", limit=0)
    assert (found.ended, found.remembered, found.matched, found.lives) == (3, 3, 1, [])


def test_names_may_repeat() -> None:
    """Namesakes are all remembered, the latest first; a number means that one, before a name."""
    backend = FakeBackend()
    kept = History(backend, 10)
    ended(backend, 1, name="same", ended=1.0)
    ended(backend, 2, name="same", ended=2.0)
    ended(backend, 3, name="1", ended=3.0)
    assert [life.number for life in kept.find("same")] == [2, 1]
    assert [life.number for life in kept.find("1")] == [1]
    assert kept.find("gone") == []


def test_none_are_kept() -> None:
    """A history of 0 keeps none but the marked ones, and still counts and tells of parents."""
    backend = FakeBackend()
    kept = History(backend, 0)
    ended(backend, 1, name="parent")
    ended(backend, 2, code=precious.__code__, coroutine="precious")
    assert numbers(kept) == [2]
    assert select(kept).ended == 2
    assert kept.label(1) == "task 1 (parent)"


def test_a_limit_beyond_reason() -> None:
    """A limit that no memory could hold is as good as any."""
    kept = History(FakeBackend(), 10**30)
    assert numbers(kept) == []


def test_numbers_that_have_ended() -> None:
    """Every number up to the last recorded one has ended, unless it is live."""
    backend = FakeBackend()
    kept = History(backend, 1)
    assert not kept.has_ended(1)
    ended(backend, 5)
    assert kept.has_ended(5)
    assert kept.has_ended(4)
    assert not kept.has_ended(6)
    assert not kept.has_ended(0)


_lives = st.builds(
    FakeLife,
    number=st.integers(1, 50),
    name=st.text(max_size=3),
    parent=st.integers(-1, 50),
    born=st.floats(0, 10),
    ended=st.floats(0, 10),
    stack=st.sampled_from([(), (HERE,), (HERE, HERE)]),
    code=st.sampled_from([None, precious.__code__]),
    coroutine=st.just("precious"),
)


@given(st.lists(st.one_of(_lives, st.none()), max_size=200), st.integers(0, 20))
def test_any_order_of_ends_stays_bounded(events: list[FakeLife | None], limit: int) -> None:
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
        assert len(tracker.ancestry.of("it", number, (HERE,)).steps) <= CHAIN_LIMIT


def life_of(task: FakeTask) -> FakeLife:
    assert isinstance(task.life, FakeLife)
    return task.life


class Lifetimes(RuleBasedStateMachine):
    """Tasks are created, cancelled, ended, handed over and dropped in any order."""

    LIMIT = 3
    QUEUE = 4

    def __init__(self) -> None:
        super().__init__()
        self.backend = FakeBackend()
        self.tracker = Tracker(self.backend, self.LIMIT)
        self.live: list[FakeTask] = []
        self.recorded: list[int] = []
        self.dropped = 0

    @rule(parent=st.integers(0, 30), seen=st.booleans(), marked=st.booleans())
    def create(self, parent: int, seen: bool, marked: bool) -> None:
        number = self.backend.next_number()
        task = self.backend.add(f"name-{number % 3}")
        task.number = number
        task.life = FakeLife(
            number=number,
            name=task.name,
            parent=min(parent, number - 1),
            stack=(HERE,) if seen else (),
            code=precious.__code__ if marked else None,
            coroutine="precious",
        )
        self.live.append(task)

    @precondition(lambda self: self.live)
    @rule(choice=st.integers(0, 30), by=st.sampled_from([OUTSIDE, 1, 5, 30]))
    def cancel(self, choice: int, by: int) -> None:
        task = self.live[choice % len(self.live)]
        life = life_of(task)
        life.cancellations = (Cancellation(self.backend.clock, by, (HERE,)), *life.cancellations)
        life.cancelling = task.cancelling = task.cancelling + 1

    @precondition(lambda self: self.live)
    @rule(choice=st.integers(0, 30), outcome=st.sampled_from(["result", "cancelled"]))
    def end(self, choice: int, outcome: Outcome) -> None:
        task = self.live.pop(choice % len(self.live))
        task.finish()
        life = life_of(task)
        life.ended = self.backend.clock = self.backend.clock + 1
        life.outcome = outcome
        if len(self.backend.ended) < self.QUEUE:
            self.backend.ended.append(life)
            self.recorded.append(life.number)
        else:
            self.backend.dropped += 1

    @rule()
    def drain(self) -> None:
        self.tracker.history.drain()

    @invariant()
    def the_history_is_bounded(self) -> None:
        found = select(self.tracker.history)
        plain = [life for life in found.lives if life.code is None]
        assert len(plain) <= self.LIMIT
        assert found.ended == len(self.recorded)

    @invariant()
    def no_record_is_wrong(self) -> None:
        """What is remembered has ended, once each, and is in the order of the ends."""
        shown = numbers(self.tracker.history)
        assert len(set(shown)) == len(shown)
        assert shown == [number for number in reversed(self.recorded) if number in shown]
        assert not {task.number for task in self.live} & set(shown)

    @invariant()
    def every_task_can_be_told(self) -> None:
        """Whoever its parent is, live, ended, dropped or forgotten."""
        for task in self.live:
            info = self.tracker.describe(task)
            assert info.created_by
            assert (info.cancel_age is not None) == bool(life_of(task).cancellations)
        for life in select(self.tracker.history).lives:
            steps = self.tracker.ancestry.of("it", life.parent, life.stack).steps
            assert len(steps) <= CHAIN_LIMIT
            assert bool(steps) == bool(life.stack)


TestLifetimes = Lifetimes.TestCase


def test_only_who_created_tasks_is_an_ancestor() -> None:
    """A flood of tasks that create none pushes no ancestor out."""
    backend = FakeBackend()
    kept = History(backend, 5)
    ended(backend, 1)
    kept.drain()
    for number in range(2, 100):
        backend.ended.append(FakeLife(number=number, spawned=False))
    kept.drain()
    assert kept.origin(1) is not None
    assert kept.origin(50) is None
    assert kept.origin(99) is not None, "what is remembered anyway is known, too"


def test_origins_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ancestors that ended only the latest are remembered."""
    monkeypatch.setattr(history, "ANCESTORS_LIMIT", 10)
    backend = FakeBackend()
    kept = History(backend, 5)
    ended(backend, *range(1, 100))
    kept.drain()
    assert kept.origin(99) is not None
    assert kept.origin(89) is None
