"""Why a task does not go on: what it waits for, what that waits for, and so on to the root."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

from aiomonitor.model import Why
from aiomonitor.render import location, waits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiomonitor.model import TaskInfo

    Look = Callable[[Sequence[int]], Iterator[TaskInfo]]
    """The live tasks of these numbers, in their order, as they are now."""

LINKS = 32
"""How far a chain is followed."""


def explain(task: TaskInfo, look: Look) -> Why:
    """Follow the chain from a task. A circle is one only if a second look finds the same again."""
    links, circle = _follow(task, look)
    if circle is not None and not _is_steady(links[circle:], look):
        circle = None
    sentence = " ".join(_clauses(links, circle))
    number = None if circle is None else links[circle].number
    return Why(links=tuple(links), circle=number, sentence=sentence)


def awaited(task: TaskInfo) -> Sequence[int]:
    """The numbers of the tasks that could let it go on: who has what it waits for, or is it."""
    wait = task.waits
    return () if wait is None else wait.holders or wait.tasks or ()


def _follow(task: TaskInfo, look: Look) -> tuple[list[TaskInfo], int | None]:
    """The links, and where the last of them leads back to."""
    links = [task]
    while len(links) < LINKS:
        # Of several the first that is still there: each of them holds up the task.
        found = next(look(awaited(links[-1])), None)
        if found is None:
            break
        numbers = [link.number for link in links]
        if found.number in numbers:
            return links, numbers.index(found.number)
        links.append(found)
    return links, None


def _is_steady(links: Sequence[TaskInfo], look: Look) -> bool:
    return list(map(_link, look([task.number for task in links]))) == list(map(_link, links))


def _link(task: TaskInfo) -> tuple[object, ...]:
    """What a circle is made of: while this stays, the task has not moved."""
    return task.number, task.waits and task.waits.object_id, awaited(task)


def _clauses(links: Sequence[TaskInfo], circle: int | None) -> list[str]:
    first = links[0]
    clauses = [f"task {first.number} ({first.name}) {_does(first)}"]
    for before, link in itertools.pairwise(links):
        several = len(awaited(before)) > 1
        clauses.append(f"{f'of which task {link.number}' if several else 'which'} {_does(link)}")
    if circle is not None:
        count = len(links) - circle
        told = "it waits for itself" if count == 1 else f"none of these {count} tasks can go on"
        clauses.append(f"which closes a circle: {told}")
    elif len(links) == LINKS:
        clauses.append("and so on")
    return [f"{clause}," for clause in clauses[:-1]] + [f"{clauses[-1]}."]


def _does(task: TaskInfo) -> str:
    place = location(task)
    at = f" at {place}" if place else ""
    if task.state == "waiting" and task.waits is not None:
        # How many others wait for it does not hold this one up.
        return f"waits for {waits(dataclasses.replace(task.waits, waiting=None))}"
    if task.state == "waiting":
        return f"waits{at}"
    return {
        "running": f"runs now{at}",
        "runnable": f"is to go on{at}, as soon as the loop comes to it",
    }.get(task.state, "has ended")
