"""Why a task does not go on: chains to their roots, circles, and what moves meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.insight.why import LINKS, explain
from aiomonitor.model import FrameInfo, TaskInfo, WaitInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

PLACE = FrameInfo(filename="/srv/shop.py", lineno=7, function="pack", source="await x")
WORKS = WaitInfo(kind="sleep", what="a timer", timeout=3.0)


def task(number: int, state: Any = "waiting", **wait: Any) -> TaskInfo:
    """A task whose name is a letter."""
    return TaskInfo(
        number=number,
        object_id=number,
        name=chr(ord("a") + number - 1),
        coroutine="work",
        state=state,
        location=PLACE,
        waits=WaitInfo(**{"kind": "other", "what": "something", **wait}) if wait else None,
    )


def on(number: int, *others: int) -> TaskInfo:
    """A task that waits for tasks."""
    if len(others) == 1:
        return task(number, kind="task", what=f"task {others[0]}", tasks=others)
    return task(number, kind="tasks", what=f"{len(others)} tasks of gather()", tasks=others)


def locked(number: int, holder: int) -> TaskInfo:
    """A task that waits for a lock, which is the holder's."""
    return task(
        number,
        kind="lock",
        what="a Lock",
        object_id=holder,
        holders=(holder,),
        held_by=f"task {holder}",
    )


def looking_at(*tasks: TaskInfo) -> Callable[[Sequence[int]], Iterator[TaskInfo]]:
    live = {each.number: each for each in tasks}
    return lambda numbers: (live[number] for number in numbers if number in live)


def sentence(*tasks: TaskInfo) -> str:
    return explain(tasks[0], looking_at(*tasks)).sentence


def test_chain_to_its_root() -> None:
    """Each link says for what it waits, in the words of a listing."""
    root = task(3, kind="sleep", what="a timer", timeout=3.0)
    why = explain(on(1, 2), looking_at(on(1, 2), locked(2, 3), root))
    assert why.sentence == (
        "task 1 (a) waits for task 2, which waits for a Lock, held by task 3, "
        "which waits for a timer, 3.0s left."
    )
    assert [link.number for link in why.links] == [1, 2, 3]
    assert why.circle is None


@pytest.mark.parametrize(
    ("root", "told"),
    [
        (task(1, "running"), "task 1 (a) runs now at shop.py:7 pack."),
        (task(1, "runnable"), "task 1 (a) is to go on at shop.py:7 pack, as soon as the loop"),
        (task(1), "task 1 (a) waits at shop.py:7 pack."),
        (task(1, "done"), "task 1 (a) has ended."),
    ],
)
def test_root(root: TaskInfo, told: str) -> None:
    """A task that waits for no other one is its own answer."""
    assert sentence(root).startswith(told)


def test_circle() -> None:
    """Whoever leads into a circle is told apart from who is in it."""
    tasks = on(1, 2), locked(2, 3), locked(3, 2)
    why = explain(tasks[0], looking_at(*tasks))
    assert why.circle == 2
    assert why.sentence.endswith(
        "which waits for a Lock, held by task 2, "
        "which closes a circle: none of these 2 tasks can go on."
    )


def test_a_task_that_waits_for_itself() -> None:
    """The smallest circle."""
    assert sentence(locked(1, 1)).endswith(
        "held by task 1, which closes a circle: it waits for itself."
    )


def test_a_circle_that_was_none() -> None:
    """What has moved on since the first look was no deadlock."""
    looks = [[locked(2, 1)], [locked(1, 2)], [locked(1, 2), on(2, 9)]]
    why = explain(locked(1, 2), lambda _: iter(looks.pop(0)))
    assert why.circle is None
    assert "circle" not in why.sentence


def test_one_of_several() -> None:
    """Of several tasks the first is followed that has not ended."""
    told = sentence(on(1, 2, 3), task(3, "running"))
    assert (
        told
        == "task 1 (a) waits for 2 tasks of gather(), of which task 3 runs now at shop.py:7 pack."
    )


def test_too_long() -> None:
    """A chain without an end is left."""
    why = explain(on(1, 2), lambda numbers: (on(number, number + 1) for number in numbers))
    assert len(why.links) == LINKS
    assert why.sentence.endswith(", and so on.")
