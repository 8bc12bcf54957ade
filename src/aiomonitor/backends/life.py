"""What a backend's hook tells of a task's life: who created it, who cancelled it, how it ended.

Runtime-neutral, and harmless to keep: numbers, text and code. This module must not import any
runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol

from .values import CodePoint

if TYPE_CHECKING:
    from types import CodeType

Stack = tuple[CodePoint, ...]
Outcome = Literal["result", "exception", "cancelled", "destroyed"]
"""How a task ended; "destroyed": pending, since nobody referred to it any more."""

CALLBACK: Final = 0
"""In place of a task's number: done by a callback of the loop."""

OUTSIDE: Final = -1
"""In place of a task's number: done by another thread, or while the loop did not run."""


class Cancellation(NamedTuple):
    """One request to cancel a task, that the task accepted.

    `by` is a task's number, `CALLBACK` or `OUTSIDE`; `when` is the hook's clock, None where the
    runtime does not tell. `told` is who asked, in words, where it tells that itself. `reason` is
    "timeout", with the `delay` in seconds where it is known; "taskgroup", with the failed sibling's
    number as `other`; "awaited": task `other` awaits this one and was cancelled itself; or empty.
    """

    when: float | None
    by: int
    stack: Stack
    reason: str = ""
    delay: float | None = None
    other: int | None = None
    told: str = ""


class Failure(NamedTuple):
    """The exception that ended a task, without the exception: its type's name, its text, where it
    came from (outermost first), and the same of those that it was raised from, as text."""

    type: str
    text: str
    stack: Stack
    causes: tuple[str, ...] = ()


class TaskLife(Protocol):
    """The hook's record of one task. Times are the hook's clock, in seconds.

    `stack` is empty for a task that the hook did not see being created; `parent` is a task's
    number, `CALLBACK` or `OUTSIDE`. The second half is there once the task has ended. An attribute
    `spawned` that is true tells that it created tasks; it may be missing.
    """

    number: int
    born: float
    stack: Stack
    parent: int
    name: str
    ended: float

    @property
    def cancellations(self) -> tuple[Cancellation, ...]:
        """The requests to cancel it that are remembered, the latest first."""
        ...

    @property
    def is_ended(self) -> bool:
        """Whether the rest is there, `name` and `ended` included."""
        ...

    @property
    def coroutine(self) -> str:
        """The name of the coroutine's function."""
        ...

    @property
    def code(self) -> CodeType | None:
        """What ran in it; None for what is not written in Python."""
        ...

    @property
    def outcome(self) -> Outcome:
        """How it ended."""
        ...

    @property
    def failure(self) -> Failure | None:
        """What ended it, if that was an exception."""
        ...

    @property
    def cancelling(self) -> int:
        """Cancellations not taken back at the end; 0 on 3.10, which does not count."""
        ...
