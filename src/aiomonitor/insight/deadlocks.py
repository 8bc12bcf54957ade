"""Tells in words why tasks cannot go on; pure."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from aiomonitor.model.shared import Deadlock
from aiomonitor.render import location, waits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiomonitor.model import TaskInfo

TOLD = 8
"""Tasks of a circle that its sentence tells; `Deadlock.tasks` has more."""


def circle(tasks: Sequence[TaskInfo], waiting: int, *, certain: bool) -> Deadlock:
    """Tasks that wait for each other, in order, and how many others wait for them."""
    told = [f"task {tasks[0].number} ({tasks[0].name}) {_waits(tasks[0])}"]
    for before, task in itertools.pairwise(tasks[:TOLD]):
        told.append(f"{_link(before, task)} {_waits(task)}")
    if len(tasks) > TOLD:
        told.append(f"and so on for {len(tasks) - TOLD} more")
    told.append(_closing(tasks))
    others = f" {_tasks(waiting)} besides {_verb(waiting)} for them." if waiting else ""
    start = "" if certain else "perhaps a deadlock: "
    sentence = f"{start}{', '.join(told)}.{others}"
    return Deadlock(
        kind="circle", certain=certain, sentence=sentence, count=len(tasks), tasks=tuple(tasks)
    )


def _waits(task: TaskInfo) -> str:
    return f"waits for {task.waits.what if task.waits else 'another task'}{_at(task)}"


def _link(before: TaskInfo, task: TaskInfo) -> str:
    """What leads from one task to the next: that is what is waited for, or has it."""
    name = f"task {task.number} ({task.name})"
    if before.waits is None or before.waits.tasks is None:
        return (
            f"which {name} {'could empty' if before.waits and before.waits.putting else 'has'}: it"
        )
    return "which" if len(before.waits.tasks) == 1 else f"of which task {task.number}"


def _closing(tasks: Sequence[TaskInfo]) -> str:
    first, last = tasks[0], tasks[-1]
    if len(tasks) == 1:
        has = "which is itself" if last.waits and last.waits.tasks else "which it has itself"
        return f"{has}: it never goes on"
    if last.waits is not None and last.waits.tasks is not None:
        return f"and so for ever: none of these {len(tasks)} tasks ever goes on"
    has = "could empty" if last.waits is not None and last.waits.putting else "has"
    return f"which task {first.number} ({first.name}) {has}: none of them ever goes on"


def _at(task: TaskInfo) -> str:
    place = location(task)
    return f" at {place}" if place else ""


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


def _verb(count: int) -> str:
    return "waits" if count == 1 else "wait"


def nobody_left(tasks: Sequence[TaskInfo], count: int) -> Deadlock:
    """Tasks that wait, at one place, for something that nobody else knows."""
    sentence = (
        f"{_subject(tasks[0], count)} for {_plain(tasks[0])}{_at(tasks[0])}, which no task, "
        "callback or object knows but those that wait: nobody is left to wake "
        f"{'it' if count == 1 else 'them'}."
    )
    return Deadlock(
        kind="nobody left", certain=False, sentence=sentence, count=count, tasks=tuple(tasks)
    )


def holder_ended(tasks: Sequence[TaskInfo], count: int) -> Deadlock:
    """Tasks that wait for a lock which no live task seems to have."""
    sentence = (
        f"{_subject(tasks[0], count)} for {_plain(tasks[0])}{_at(tasks[0])}, which is taken, but "
        "no task that is live seems to have it: who had it ended without giving it back."
    )
    return Deadlock(
        kind="holder ended", certain=False, sentence=sentence, count=count, tasks=tuple(tasks)
    )


def _subject(task: TaskInfo, count: int) -> str:
    name = f"task {task.number} ({task.name})"
    return f"{name} waits" if count == 1 else f"{count} tasks, among them {name}, wait"


def _plain(task: TaskInfo) -> str:
    return waits(task.waits).split(", ")[0] if task.waits is not None else "something"
