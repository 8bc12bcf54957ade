"""Tasks that have ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tasks import CancellationInfo, CreationStep, FrameInfo

Outcome = Literal["returned", "failed", "cancelled", "destroyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedTask:
    """A task that has ended, as one row of a listing. Times are Unix time and seconds.

    `created_at`, `duration`, `created_in` and `parent` are None where nobody saw it being created;
    `created_by` says in words who did, or why that is not known. `error` is the exception's type
    and text; `cancelled_by` tells who asked it to cancel itself, in words, also if it ended
    otherwise: then `swallowed` is true if it ignored the request, and false if that was taken back.
    A task is "destroyed" if it was collected as garbage while it waited. `ended_at` may be up to
    0.05 s late, in a loop that rests.
    """

    number: int
    name: str
    coroutine: str
    outcome: Outcome
    ended_at: float
    created_at: float | None = None
    duration: float | None = None
    created_in: FrameInfo | None = None
    created_by: str = ""
    parent: int | None = None
    error: str = ""
    cancelled_by: str = ""
    swallowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedPage:
    """Some of the ended tasks that are remembered.

    `ended` were recorded since the monitor started, `remembered` of them still are, `matched` of
    those pass the filter. `dropped` more ended faster than they could be recorded. `note` says why
    nothing is being recorded, or is empty.
    """

    ended: int
    remembered: int
    matched: int
    dropped: int
    tasks: tuple[TerminatedTask, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedStack:
    """How a task ended: its exception's stack in call order, its cancellations, its ancestry.

    `causes` are the exceptions that it was raised from. `beginning` is as in `TaskStack`; `note`
    says which one of several tasks of that name this is, or is empty.
    """

    task: TerminatedTask
    frames: tuple[FrameInfo, ...]
    causes: tuple[str, ...] = ()
    ancestry: tuple[CreationStep, ...] = ()
    beginning: str = ""
    cancellations: tuple[CancellationInfo, ...] = ()
    note: str = ""
