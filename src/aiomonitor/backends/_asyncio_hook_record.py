"""What the hook knows about one asyncio task: `TaskRecord`, and the values in it.

A record holds numbers, text and code, and its task only until that has ended. See `_asyncio_hook`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from ._asyncio_hook_watch import LoopWatch
    from .life import Cancellation, Failure, Outcome, Stack

CANCELLATIONS = 4
"""Cancellations kept per task, the latest first: who repeats them has nothing new to tell."""


class TaskRecord:
    """A task's life, and, as it is called in place of the task's `cancel`, its cancellations.

    As a bound method would, it keeps the task alive; the cycle `task.cancel.task` is broken when
    the task ends. Until then a task is in cycles with its coroutine and what that waits for, so it
    is freed when it would have been without us. A weak reference instead would let a task be
    collected that only `loop.call_later(1, task.cancel)` knows.

    The slots of the end are unset until `is_ended`.
    """

    __slots__ = (
        "_cancelling",
        "_failure",
        "born",
        "cancellations",
        "code",
        "coroutine",
        "ended",
        "name",
        "number",
        "outcome",
        "parent",
        "stack",
        "task",
    )

    watch: LoopWatch
    """Whose it is; each watch makes a subclass that has it, which costs records nothing."""

    task: Any
    number: int
    born: float
    stack: Stack  # empty: the task was not made by way of `create_task`, or before the hook
    parent: int  # a task's number, `CALLBACK` or `OUTSIDE`
    cancellations: tuple[Cancellation, ...]  # the latest first
    # Of the end:
    name: str
    coroutine: str
    code: CodeType | None
    ended: float
    outcome: Outcome
    _failure: Failure
    _cancelling: int

    def __call__(self, msg: Any = None) -> bool:
        """`Task.cancel`. The signature is that of the C method."""
        task = self.task
        if task is None:  # it has ended
            return False
        accepted = cancel(task, msg)
        if accepted:
            self.watch.note_cancellation(self)
        return accepted

    def __repr__(self) -> str:
        return f"<cancel of task {self.number}>"

    @property
    def is_ended(self) -> bool:
        return self.task is None

    @property
    def failure(self) -> Failure | None:
        """What ended it, if that was an exception."""
        return getattr(self, "_failure", None)

    @property
    def cancelling(self) -> int:
        """Cancellations that were accepted and not taken back (`Task.uncancel`) at the end: with
        another outcome than "cancelled", they were swallowed. 0 on 3.10, which doesn't count."""
        return getattr(self, "_cancelling", 0)


class ForeignRecord(TaskRecord):
    """Of a task that is not of C's own class: `original` is what its `cancel` was."""

    __slots__ = ("original",)

    original: Callable[..., bool] | None

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        if self.original is None:
            return False
        accepted = self.original(*args, **kwargs)
        if accepted and self.task is not None:
            self.watch.note_cancellation(self)
        return accepted


cancel: Callable[[Any, Any], bool] = asyncio.Task.cancel
