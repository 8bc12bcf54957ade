"""From what the hook recorded of a task's life to the model's values and words; pure functions."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from aiomonitor import model
from aiomonitor.backends import life as _life
from aiomonitor.backends.frames import symbolise
from aiomonitor.backends.life import CALLBACK, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.life import Cancellation, Stack, TaskLife
    from aiomonitor.backends.values import CodePoint
    from aiomonitor.model import (
        CancellationInfo,
        CreationStep,
        FrameInfo,
        Outcome,
        TerminatedStack,
        TerminatedTask,
    )

    from .ancestry import Lineage

OUTCOMES: dict[str, Outcome] = {
    "result": "returned",
    "exception": "failed",
    "cancelled": "cancelled",
    "destroyed": "destroyed",
}

_OURS = os.path.join(os.path.dirname(_life.__file__), "")  # noqa: PTH118, PTH120 - compared as text

_COUNTED = sys.version_info >= (3, 11)
"""Whether tasks count the cancellations that were requested and not taken back."""


class Origin(NamedTuple):
    """A life's beginning: all that is kept of an ancestor."""

    name: str
    stack: Stack
    parent: int


def called(number: int, origin: Origin | None) -> str:
    """A task in words, by its number and what is known of its beginning."""
    return f"task {number} ({origin.name})" if origin else f"task {number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """What a life's numbers and clock readings need to be told to people.

    `label` names a task by its number, and `clock_offset` makes Unix time of a reading of the
    hook's clock.
    """

    backend: Backend
    label: Callable[[int], str]
    clock_offset: float

    def wall_time(self, reading: float) -> float:
        """Unix time of a reading of the hook's clock."""
        return reading + self.clock_offset

    def place(self, stack: tuple[CodePoint, ...]) -> FrameInfo | None:
        """The line of a stack that a listing shows."""
        point = self.backend.site_of(stack)
        return symbolise(point) if point else None

    def to_site(self, stack: Stack) -> Stack:
        """The stack down to the line that a listing shows: how the runtime creates a task, once
        that has called it, is no news."""
        site = self.backend.site_of(stack)
        while stack and stack[-1] != site:
            stack = stack[:-1]
        return stack

    def frames(self, stack: tuple[CodePoint, ...]) -> tuple[FrameInfo, ...]:
        """The whole stack, but for the loop's own frames and the monitor's."""
        trimmed = self.backend.trimmed(stack)
        return tuple(symbolise(point) for point in trimmed if not _is_ours(point))


def _is_ours(point: CodePoint) -> bool:
    return point.code.co_filename.startswith(_OURS)


def unseen(backend: Backend) -> str:
    """Why the creation of a task is not known."""
    if why := backend.not_recording:
        return f"created unrecorded: {why}"
    return "not seen being created: it is older than the monitor, or was made by other means"


def who(number: int, label: Callable[[int], str]) -> str:
    """Who did something: a task, a callback, or somebody else."""
    if number == CALLBACK:
        return "a callback of the loop"
    if number == OUTSIDE:
        return "another thread, or before the loop ran"
    return label(number)


def created_by(life: TaskLife | None, teller: Teller) -> str:
    """Who created a task; where nobody saw it, why; empty without a hook."""
    if life is None or not life.stack:
        return "" if teller.backend.not_recording else unseen(teller.backend)
    return who(life.parent, teller.label)


def canceller(life: TaskLife, request: Cancellation, label: Callable[[int], str]) -> str:
    """Who made one request, and on whose behalf."""
    if request.told:
        return request.told
    other = label(request.other) if request.other is not None else "one of its tasks"
    if request.reason == "timeout":
        delay = "" if request.delay is None else f" of {request.delay:.3g} s"
        return f"a timeout{delay}"
    if request.reason == "taskgroup":
        return f"its TaskGroup, after {other} failed"
    if request.reason == "awaited":
        return f"{other}, which awaited it and was cancelled itself"
    if _by_monitor(request):
        return "this monitor, at a client's request"
    return "itself" if request.by == life.number else who(request.by, label)


def _by_monitor(request: Cancellation) -> bool:
    return bool(request.stack) and _is_ours(request.stack[-1])


def people(life: TaskLife) -> Iterator[int]:
    """The numbers of the tasks that the story of a life mentions."""
    for request in life.cancellations:
        yield request.by
        if request.other is not None:
            yield request.other


def standing(life: TaskLife, cancelling: int) -> Cancellation | None:
    """The latest request to cancel a task that was not taken back (`Task.uncancel`), if any.

    A timeout or a task group takes its request back; `cancelling` is the count of the others. 3.10
    has none: there, requests by tasks and by the monitor stand, and those of callbacks, as a
    timeout's are, do not.
    """
    if _COUNTED:
        return life.cancellations[0] if cancelling and life.cancellations else None
    return next((each for each in life.cancellations if _stands(each)), None)


def _stands(request: Cancellation) -> bool:
    return _by_monitor(request) or (request.by != CALLBACK and request.reason == "")


def step(creator: int, stack: Stack, created: str, teller: Teller) -> CreationStep:
    """One act of creation."""
    return model.CreationStep(
        creator=who(creator, teller.label),
        number=creator if creator > 0 else None,
        created=created,
        frames=teller.frames(teller.to_site(stack)),
    )


def cancellations(life: TaskLife, teller: Teller) -> tuple[CancellationInfo, ...]:
    """Every request that is remembered, the latest first."""
    return tuple(
        model.CancellationInfo(
            at=None if request.when is None else teller.wall_time(request.when),
            by=canceller(life, request, teller.label),
            frames=teller.frames(request.stack),
        )
        for request in life.cancellations
    )


def terminated_task(life: TaskLife, teller: Teller) -> TerminatedTask:
    """An ended life as a row."""
    latest = life.cancellations[0] if life.cancellations else None
    ignored = standing(life, life.cancelling) if life.outcome != "cancelled" else None
    request = ignored or latest
    seen = bool(life.stack)
    return model.TerminatedTask(
        number=life.number,
        name=life.name,
        coroutine=life.coroutine,
        outcome=OUTCOMES[life.outcome],
        created_at=teller.wall_time(life.born) if seen else None,
        ended_at=teller.wall_time(life.ended),
        duration=life.ended - life.born if seen else None,
        created_in=teller.place(life.stack),
        created_by=created_by(life, teller),
        parent=life.parent if seen and life.parent > 0 else None,
        error=_error(life),
        cancelled_by=canceller(life, request, teller.label) if request else "",
        swallowed=ignored is not None,
    )


def _error(life: TaskLife) -> str:
    failure = life.failure
    if failure is None:
        return ""
    return f"{failure.type}: {failure.text}" if failure.text else failure.type


def _own_part(life: TaskLife, stack: Stack) -> Stack:
    """An exception's stack from the task's coroutine on: who awaited the task and got the exception
    before it was recorded has added its own frames outside of that."""
    for index, point in enumerate(stack):
        if point.code is life.code:
            return stack[index:]
    return stack


def terminated_stack(
    life: TaskLife, teller: Teller, lineage: Lineage, note: str = ""
) -> TerminatedStack:
    """An ended life with all its stacks."""
    failure = life.failure
    return model.TerminatedStack(
        task=terminated_task(life, teller),
        frames=teller.frames(_own_part(life, failure.stack)) if failure else (),
        causes=failure.causes if failure else (),
        ancestry=lineage.steps,
        beginning=lineage.beginning,
        cancellations=cancellations(life, teller),
        note=note,
    )
