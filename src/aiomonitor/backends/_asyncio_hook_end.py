"""Writes down how an asyncio task ended, in the loop's thread; keeps nothing that belongs to it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ._asyncio_hook_record import ForeignRecord, TaskRecord
from .life import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, TracebackType

    from ._asyncio_hook_stack import Intern
    from .life import Stack

TEXT_LIMIT = 500
"""Characters kept of an exception's text: a history of thousands must stay small."""

TRACEBACK_LIMIT = 24
"""Frames kept of an exception, the innermost ones. Those of a recursion repeat themselves."""

CAUSES_LIMIT = 4
"""Exceptions named that an exception was raised from."""


def conclude(record: TaskRecord, task: Any, now: float, *, named: bool = False) -> None:
    """Fill in the end, and let go of the task. In the loop's thread.

    Reads `_exception`: asking `task.exception()` would silence "exception was never retrieved".
    `named`: the coroutine's name is known. It has to be for a task that ended in its eager step:
    that has no coroutine any more, and 3.12.1 crashes when asked for it.
    """
    record.ended = now
    record.name = task.get_name()
    if not named:
        coroutine = task.get_coro()
        try:
            record.coroutine = coroutine.__qualname__
            record.code = coroutine.cr_code
        except AttributeError:
            name_coroutine(record, coroutine)
    error = task._exception  # noqa: SLF001 - see test_hook_drift
    if error is not None:
        record.outcome = "exception"
        record._failure = failure_of(error, record.watch.intern)  # noqa: SLF001 - ours
    else:
        record.outcome = "cancelled" if task.cancelled() else "result"
    if record.cancellations and sys.version_info >= (3, 11):
        record._cancelling = task.cancelling()  # noqa: SLF001 - ours
    record.task = None


def name_coroutine(record: TaskRecord, coroutine: Any) -> None:
    """For all that runs in a task: generators and Cython's coroutines have other attributes."""
    record.coroutine = getattr(coroutine, "__qualname__", type(coroutine).__name__)
    record.code = getattr(coroutine, "cr_code", None) or getattr(coroutine, "gi_code", None)


def give_back(record: TaskRecord, task: Any) -> None:
    """Give the task its own `cancel` back."""
    if getattr(task, "cancel", None) is record:
        del task.cancel
    if isinstance(record, ForeignRecord):
        record.original = None


def failure_of(error: BaseException, intern: Intern) -> Failure:
    """What is kept of an exception: nothing that refers to it."""
    causes = tuple(_causes(error)) if error.__cause__ or error.__context__ else ()
    return Failure(
        type_name(error), text_of(error), traceback_of(error.__traceback__, intern), causes
    )


def _causes(error: BaseException) -> Iterator[str]:
    for _ in range(CAUSES_LIMIT):
        hidden = error.__suppress_context__
        following = error.__cause__ or (None if hidden else error.__context__)
        if following is None:
            return
        yield f"{type_name(following)}: {text_of(following)}"
        error = following


def type_name(error: BaseException) -> str:
    """As in a traceback: without the module for those that are built in."""
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def text_of(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:TEXT_LIMIT]
    except Exception:  # the application's own `__str__`
        return "(its text cannot be read)"


def traceback_of(entry: TracebackType | None, intern: Intern) -> Stack:
    """The innermost frames, in call order."""
    codes: list[CodeType] = []
    offsets: list[int] = []
    while entry is not None:
        codes.append(entry.tb_frame.f_code)
        offsets.append(entry.tb_lasti)
        entry = entry.tb_next
    codes.reverse()
    offsets.reverse()
    return intern(tuple(offsets[:TRACEBACK_LIMIT]), tuple(codes[:TRACEBACK_LIMIT]))


def record_of(task: Any) -> TaskRecord | None:
    """The record that the task carries as its `cancel`."""
    record = getattr(task, "cancel", None)
    return record if isinstance(record, TaskRecord) else None


def note_end(task: Any) -> None:
    """The done callback of all tasks, in the loop's thread."""
    record = getattr(task, "cancel", None)
    if isinstance(record, TaskRecord):
        record.watch.note_end(record, task)
