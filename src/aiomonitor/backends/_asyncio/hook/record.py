"""What the hook knows about one asyncio task: `TaskRecord`.

A record holds numbers, text and code, and its task only until that has ended. See `hook.task_hook`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiomonitor.backends.life import Cancellation, Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, CoroutineType

    from aiomonitor.backends.life import Outcome, Stack

    from .watch import LoopWatch

CANCELLATIONS = 4
"""Cancellations kept per task, the latest first: who repeats them has nothing new to tell."""

PENDING: Final = "PENDING"
"""`Task._state` of a task that has not ended; the others are below."""

FAILED: Final = "FAILED"
"""In its place for one that an exception ended; asyncio has "FINISHED" for that, too."""

OUTCOMES: dict[str, Outcome] = {
    "FINISHED": "result",
    FAILED: "exception",
    "CANCELLED": "cancelled",
}

Body: TypeAlias = "tuple[str, CodeType | None]"
"""The name of what ran in a task, and its code."""


Request = tuple[Any, ...]
"""The fields of a `Cancellation`, and the request before it: one plain tuple, which the garbage
collector minds least."""


class TaskRecord:
    """A task's life, and, as it is called in place of the task's `cancel`, its cancellations.

    As a bound method would, it keeps the task alive; the cycle `task.cancel.task` is broken when
    the task ends. Until then a task is in cycles with its coroutine and what that waits for, so it
    is freed when it would have been without us. A weak reference instead would let a task be
    collected that only `loop.call_later(1, task.cancel)` knows.
    """

    __slots__ = (
        "__weakref__",
        "born",
        "cancelled",
        "coro",
        "ended",
        "failed",
        "name",
        "number",
        "parent",
        "spawned",
        "stack",
        "state",
        "task",
        "uncancelled",
    )

    watch: LoopWatch
    """Whose it is; each watch makes a subclass that has it, which costs records nothing."""

    task: Any
    number: int
    born: float
    stack: Stack  # empty: the task was not made by way of `create_task`, or before the hook
    parent: int  # a task's number, `CALLBACK` or `OUTSIDE`
    cancelled: Request | None
    spawned: bool  # unset until it creates a task

    coro: CoroutineType[Any, Any, Any] | Body
    """What runs in the task. A coroutine that has ended holds nothing of the application's but its
    code, so it is kept as it is, and asked for its name when somebody wants to know."""

    # Unset until the task has ended, and the last two if there is nothing to tell:
    ended: float
    name: str
    state: str  # as `Task._state`, or `FAILED`
    failed: tuple[str, str, Stack, tuple[str, ...]]  # as `Failure`
    uncancelled: int

    def __call__(self, msg: Any = None) -> bool:
        """`Task.cancel`. The signature is that of the C method."""
        task = self.task
        if task is None:  # it has ended
            return False
        accepted = cancel(task, msg)
        if accepted:
            self.watch.note_cancellation(self)
        return accepted

    def recent_requests(self) -> Request | None:
        """Its requests as they are kept, without the oldest if there are too many for one more."""
        kept: Request | None = None
        for request in reversed(self.cancellations[: CANCELLATIONS - 1]):
            kept = (*request, kept)
        return kept

    def __repr__(self) -> str:
        return f"<cancel of task {self.number}>"

    @property
    def is_ended(self) -> bool:
        return self.task is None

    @property
    def outcome(self) -> Outcome:
        return OUTCOMES.get(self.state, "destroyed")

    @property
    def coroutine(self) -> str:
        ran = self.coro
        return ran[0] if isinstance(ran, tuple) else ran.__qualname__

    @property
    def code(self) -> CodeType | None:
        ran = self.coro
        return ran[1] if isinstance(ran, tuple) else ran.cr_code

    @property
    def failure(self) -> Failure | None:
        """What ended it, if that was an exception."""
        failed = getattr(self, "failed", None)
        return None if failed is None else Failure(*failed)

    @property
    def cancellations(self) -> tuple[Cancellation, ...]:
        """Who asked it to cancel itself, the latest first."""
        told: list[Cancellation] = []
        request = self.cancelled
        while request is not None:
            *fields, request = request
            told.append(Cancellation(*fields))
        return tuple(told)

    @property
    def cancelling(self) -> int:
        """Cancellations that were accepted and not taken back (`Task.uncancel`) at the end: with
        another outcome than "cancelled", they were swallowed. 0 on 3.10, which doesn't count."""
        return getattr(self, "uncancelled", 0)


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


class GuardedRecord(TaskRecord):
    """Of a task that has outlived its first rounds, and may be collected by the garbage collector:
    pending, as nobody refers to it, or ended, before the hook looked. Both are known here alone.

    A record changes its class to this one: most tasks end sooner and are spared what it costs.
    """

    __slots__ = ()

    def __del__(self) -> None:
        """In whatever thread collects. Nothing of the task has been cleared yet (PEP 442)."""
        if self.task is not None:
            self.watch.note_collected(self)


class SettledRecord(GuardedRecord):
    """Of a task that has got a done callback, as it lives long."""

    __slots__ = ()


cancel: Callable[[Any, Any], bool] = asyncio.Task.cancel
