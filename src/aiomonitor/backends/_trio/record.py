"""What the instrument knows about one trio task: `TrioRecord`.

Numbers, text and code: nothing here refers to a task, nor to what that runs before it has ended. A
coroutine that has ended holds nothing of the application's but its code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import trio

from aiomonitor.backends.failures import failure_of
from aiomonitor.backends.life import CALLBACK, OUTSIDE, Cancellation, Failure

if TYPE_CHECKING:
    from types import CodeType, CoroutineType

    from aiomonitor.backends.life import Outcome, Stack
    from aiomonitor.backends.stacks import Stacks

Body: TypeAlias = "tuple[str, CodeType | None]"
"""The name of what ran in a task, and its code."""

Ended: TypeAlias = "tuple[Any, ...]"
"""Trio's number, the beginning (clock, stack, parent) or None, the clock at the end, the name, the
coroutine or its `Body`, an `Ending` or None, and whether it has created tasks."""

REQUEST = "a client of the monitor asked for it"
"""The reason that we give when we cancel a scope."""

PARTS = 1000
"""Exceptions of a group that are looked at: each task that ends with a group pays for that."""

_TASK = re.compile(r"<Task (?P<quote>['\"])(?P<name>.*)(?P=quote) at 0x[0-9a-f]+>", re.DOTALL)
_WORDS = {
    "deadline": "a deadline",
    "KeyboardInterrupt": "Ctrl-C",
    "shutdown": "the end of the run",
    "unknown": "something unknown",
}


class Ending(NamedTuple):
    """How a task ended that did not just return."""

    outcome: Outcome
    failed: tuple[str, str, Stack, tuple[str, ...]] | None = None
    requested: str = ""


class TrioRecord:
    """A `TaskLife`, made when somebody asks: the instrument keeps two tuples of a task."""

    __slots__ = (
        "_coro",
        "_ending",
        "born",
        "ended",
        "name",
        "number",
        "parent",
        "spawned",
        "stack",
    )

    number: int
    born: float
    stack: Stack  # empty: the instrument was not there yet
    parent: int
    spawned: bool  # unset if it has created no task

    # Unset until the task has ended:
    ended: float
    name: str

    def __init__(self, counter: int, beginning: tuple[float, Stack, int] | None) -> None:
        self.number = counter + 1
        self.born, self.stack, self.parent = beginning or (0.0, (), CALLBACK)
        self._coro: CoroutineType[Any, Any, Any] | Body | None = None
        self._ending: Ending | None = None

    @classmethod
    def of_ended(cls, kept: Ended) -> TrioRecord:
        """From what the instrument has kept."""
        counter, beginning, *rest, spawned = kept
        record = cls(counter, beginning)
        record.ended, name, record._coro, record._ending = rest
        record.name = name_text(name)
        if spawned:
            record.spawned = True
        return record

    @property
    def is_ended(self) -> bool:
        return self._coro is not None

    @property
    def coroutine(self) -> str:
        ran = self._coro
        return ran[0] if isinstance(ran, tuple) else str(getattr(ran, "__qualname__", ""))

    @property
    def code(self) -> CodeType | None:
        ran = self._coro
        return ran[1] if isinstance(ran, tuple) else getattr(ran, "cr_code", None)

    @property
    def outcome(self) -> Outcome:
        return "result" if self._ending is None else self._ending.outcome

    @property
    def failure(self) -> Failure | None:
        failed = None if self._ending is None else self._ending.failed
        return None if failed is None else Failure(*failed)

    @property
    def cancellations(self) -> tuple[Cancellation, ...]:
        """Trio tells who cancelled a scope, and neither when nor from where."""
        told = "" if self._ending is None else self._ending.requested
        return (Cancellation(when=None, by=OUTSIDE, stack=(), told=told),) if told else ()

    @property
    def cancelling(self) -> int:
        """Trio has nothing to take back: a cancellation that is ignored comes again."""
        return 0


def name_text(name: object) -> str:
    """A task's name, whatever the application has put there; trio makes a text of what it is given,
    and never looks at what is set later."""
    try:
        return str.__str__(name if isinstance(name, str) else str(name))
    except Exception:  # the application's own `__str__`
        return f"<{type(name).__name__}>"


def ending_of(error: BaseException, stacks: Stacks) -> Ending:
    """What is kept of the exception that ended a task."""
    cancelled = cancellation_in(error)
    if cancelled is not None:
        return Ending("cancelled", requested=words_of(cancelled))
    return Ending("exception", failed=failure_of(error, stacks))


def ending_within(handle: Any) -> Ending | None:
    """How a task of anyio's was cancelled by its own handle, whose scope keeps that to itself."""
    error = handle._exception
    cancelled = None if error is None else cancellation_in(error)
    return None if cancelled is None else Ending("cancelled", requested=words_of(cancelled))


def cancellation_in(error: BaseException) -> trio.Cancelled | None:
    """The cancellation that an exception is, or the first one that a group of them is made of.

    Not by `split`, which copies the group: tasks that end in nurseries within nurseries have groups
    within groups, each of them the one before and one more.
    """
    found: trio.Cancelled | None = None
    waiting: list[Any] = [error]
    for _ in range(PARTS):
        part = waiting.pop()
        kind = type(part)
        if kind is trio.Cancelled:  # a final class, whose own way to ask for instances is slow
            found = found or part
        elif hasattr(kind, "derive"):
            waiting += part.exceptions[::-1]
        else:
            return None
        if not waiting:
            break
    return found


def words_of(reason: Any) -> str:
    """Who asked for a cancellation, by the parts that trio's `Cancelled` and `CancelReason` have
    in common: source, source_task and reason."""
    told = reason.reason or ""
    if told == REQUEST:
        return "this monitor, at a client's request"
    if reason.source == "nursery":
        return f"its nursery: {told}" if told else "its nursery"
    if reason.source in _WORDS:
        return _WORDS[reason.source]
    known = _TASK.match(reason.source_task or "")
    who = f"task {known['name']}" if known else "something that is no task"
    return f"{who}: {told}" if told else who
