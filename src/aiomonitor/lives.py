"""From what the hook recorded of a task's life to the model's values and words; pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .backends.frames import symbolise
from .backends.life import CALLBACK, OUTSIDE
from .model import CancellationInfo, CreationStep, TerminatedStack, TerminatedTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backends.base import Backend, CodePoint
    from .backends.life import Cancellation, TaskLife
    from .model import FrameInfo

_OUTCOMES: dict[str, Literal["returned", "failed", "cancelled"]] = {
    "result": "returned",
    "exception": "failed",
    "cancelled": "cancelled",
}


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

    def frames(self, stack: tuple[CodePoint, ...]) -> tuple[FrameInfo, ...]:
        """The whole stack, but for the loop's own frames."""
        return tuple(map(symbolise, self.backend.trimmed(stack)))


def who(number: int, label: Callable[[int], str]) -> str:
    """Who did something: a task, a callback, or somebody else."""
    if number == CALLBACK:
        return "a callback of the loop"
    if number == OUTSIDE:
        return "another thread, or before the loop ran"
    return label(number)


def cancelled_by(life: TaskLife, label: Callable[[int], str]) -> str:
    """Who asked the task to cancel itself last; empty if nobody did."""
    return canceller(life, life.cancellations[0], label) if life.cancellations else ""


def canceller(life: TaskLife, request: Cancellation, label: Callable[[int], str]) -> str:
    """Who made one request, and on whose behalf."""
    other = label(request.other) if request.other is not None else "a task"
    if request.reason == "timeout":
        delay = "" if request.delay is None else f" of {request.delay:.3g} s"
        return f"a timeout{delay}"
    if request.reason == "taskgroup":
        return f"its TaskGroup, after sibling {other} failed"
    if request.reason == "awaited":
        return f"{other}, which awaited it and was cancelled itself"
    return "itself" if request.by == life.number else who(request.by, label)


def step(creator: int, stack: tuple[CodePoint, ...], teller: Teller) -> CreationStep:
    """One act of creation."""
    return CreationStep(
        creator=who(creator, teller.label),
        number=creator if creator > 0 else None,
        frames=teller.frames(stack),
    )


def cancellations(life: TaskLife, teller: Teller) -> tuple[CancellationInfo, ...]:
    """Every request that is remembered, the latest first."""
    return tuple(
        CancellationInfo(
            at=teller.wall_time(request.when),
            by=canceller(life, request, teller.label),
            frames=teller.frames(request.stack),
        )
        for request in life.cancellations
    )


def terminated_task(life: TaskLife, teller: Teller) -> TerminatedTask:
    """An ended life as a row."""
    failure = life.failure
    error = ""
    if failure is not None:
        error = f"{failure.type}: {failure.text}" if failure.text else failure.type
    return TerminatedTask(
        number=life.number,
        name=life.name,
        coroutine=life.coroutine,
        outcome=_OUTCOMES[life.outcome],
        created_at=teller.wall_time(life.born),
        ended_at=teller.wall_time(life.ended),
        duration=life.ended - life.born,
        created_in=teller.place(life.stack),
        parent=life.parent if life.parent > 0 else None,
        error=error,
        cancelled_by=cancelled_by(life, teller.label),
        swallowed=was_swallowed(life),
    )


def was_swallowed(life: TaskLife) -> bool:
    """Whether the task was asked to cancel itself and did not: it returned or failed instead.

    A timeout or a task group takes its request back (`Task.uncancel`); then nothing was swallowed.
    """
    return life.outcome != "cancelled" and life.cancelling > 0


def terminated_stack(
    life: TaskLife, teller: Teller, ancestry: tuple[CreationStep, ...]
) -> TerminatedStack:
    """An ended life with all its stacks."""
    failure = life.failure
    return TerminatedStack(
        task=terminated_task(life, teller),
        frames=teller.frames(failure.stack) if failure else (),
        causes=failure.causes if failure else (),
        ancestry=ancestry,
        cancellations=cancellations(life, teller),
    )
