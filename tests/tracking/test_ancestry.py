"""Who created whom, through live tasks and ended ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.backends.fake import FakeBackend, FakeLife
from aiomonitor.backends.life import CALLBACK, OUTSIDE
from aiomonitor.backends.values import CodePoint
from aiomonitor.tracking import ancestry
from aiomonitor.tracking.tracker import Tracker

if TYPE_CHECKING:
    import pytest

    from aiomonitor.tracking.ancestry import Lineage

HERE = CodePoint((lambda: None).__code__, 0)


class Family:
    """A backend in which tasks are born and end."""

    def __init__(self) -> None:
        self.backend = FakeBackend()
        self.tracker = Tracker(self.backend)

    def live(self, number: int, parent: int = OUTSIDE, *, seen: bool = True) -> None:
        task = self.backend.add(f"live-{number}")
        task.number = number
        task.life = FakeLife(number=number, parent=parent, stack=(HERE,) * seen)

    def ended(self, number: int, parent: int = OUTSIDE, *, seen: bool = True) -> None:
        life = FakeLife(number=number, name=f"ended-{number}", parent=parent, stack=(HERE,) * seen)
        self.backend.ended.append(life)
        self.tracker.history.drain()

    def of(self, parent: int) -> Lineage:
        return self.tracker.ancestry.of("it", parent, (HERE,))


def told(lineage: Lineage) -> list[str]:
    return [f"{step.creator} > {step.created}" for step in lineage.steps]


def test_a_chain_goes_through_live_and_ended_tasks() -> None:
    """Each ancestor is told with whom it created, the oldest first."""
    family = Family()
    family.live(1, CALLBACK)
    family.ended(2, 1)
    family.live(3, 2)
    lineage = family.of(3)
    assert told(lineage) == [
        "a callback of the loop > task 1 (live-1)",
        "task 1 (live-1) > task 2 (ended-2)",
        "task 2 (ended-2) > task 3 (live-3)",
        "task 3 (live-3) > it",
    ]
    assert lineage.beginning == ""
    assert [step.number for step in lineage.steps] == [None, 1, 2, 3]


def test_an_ancestor_that_nobody_saw_being_created() -> None:
    """The chain begins there, and says in words why."""
    family = Family()
    family.live(1, seen=False)
    lineage = family.of(1)
    assert told(lineage) == ["task 1 (live-1) > it"]
    assert lineage.beginning.startswith("task 1 (live-1) was not seen being created: it is older")


def test_a_task_that_nobody_saw_being_created() -> None:
    """It has no chain, but the reason."""
    lineage = Family().tracker.ancestry.of("task 7 (x)", OUTSIDE, ())
    assert lineage.steps == ()
    assert lineage.beginning.startswith("not seen being created")


def test_without_a_hook() -> None:
    """Where nothing is recorded, that is the reason."""
    family = Family()
    family.backend.not_recording = "it is off"
    lineage = family.tracker.ancestry.of("it", OUTSIDE, ())
    assert lineage.beginning == "created unrecorded: it is off"


def test_a_forgotten_ancestor() -> None:
    """A parent that nobody remembers is told by its number, and that it is forgotten."""
    lineage = Family().of(99)
    assert told(lineage) == ["task 99 > it"]
    assert "task 99 has ended and is forgotten" in lineage.beginning


def test_a_long_chain_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a chain without an end the latest steps are told, and that there are more."""
    monkeypatch.setattr(ancestry, "CHAIN_LIMIT", 3)
    family = Family()
    for number in range(1, 10):
        family.ended(number, number - 1)
    lineage = family.of(9)
    assert len(lineage.steps) == 3
    assert "longer" in lineage.beginning


def test_a_chain_cannot_go_in_circles() -> None:
    """Tasks that are each other's parents, which only a fault can bring about, end it."""
    family = Family()
    family.ended(1, 2)
    family.ended(2, 1)
    assert len(family.of(2).steps) == 2


def test_many_names_in_one_walk() -> None:
    """Labels of several tasks are found together; unknown ones are told by number."""
    family = Family()
    family.live(1)
    family.ended(2)
    label = family.tracker.ancestry.labels([1, 2, 3, CALLBACK])
    assert [label(number) for number in (1, 2, 3)] == [
        "task 1 (live-1)",
        "task 2 (ended-2)",
        "task 3",
    ]
    assert family.tracker.ancestry.label(1) == "task 1 (live-1)"
