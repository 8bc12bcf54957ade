"""Writes down how asyncio tasks ended; keeps nothing that belongs to them."""

from __future__ import annotations

import asyncio
import sys
import weakref
from operator import attrgetter
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import wrapped
from aiomonitor.backends.failures import failure_of

from .record import FAILED, PENDING, ForeignRecord, TaskRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .record import Body

COUNTS_CANCELLING = sys.version_info >= (3, 11)

# The parts of a task that `map` reads in C; see test_hook_drift. Asking `task.exception()` would
# silence "exception was never retrieved", so it isn't asked.
state_of: Callable[[Any], str] = attrgetter("_state")
error_of: Callable[[Any], BaseException | None] = attrgetter("_exception")
name_of: Callable[[Any], str] = asyncio.Task.get_name


def conclude_all(
    records: Sequence[TaskRecord], tasks: list[Any], states: list[str], now: float
) -> None:
    """Fill in the ends of C's own tasks, and let go of them; all in one, as this is paid by each
    task. In the loop's thread."""
    failed: list[Any] = []
    fields = zip(records, tasks, map(name_of, tasks), states, map(error_of, tasks))  # noqa: B905
    for record, task, name, state, error in fields:
        record.ended = now
        record.name = name
        record.state = state
        if error is not None or record.cancelled is not None:
            note_remains(record, task, error)
            if error is not None:
                failed.append(task)
        if type(record.coro) is not CoroutineType:
            record.coro = body_of(record.coro)
        record.task = None
    if failed:  # in one call: one by one, a failing task takes a tenth longer on 3.14
        records[0].watch.failed.extend(map(weakref.ref, failed))


def note_remains(record: TaskRecord, task: Any, error: BaseException | None) -> None:
    """Of tasks that did not just return."""
    if error is not None:
        record.state = FAILED
        record.failed = failure_of(error, record.watch.stacks)
    if record.cancelled is not None and COUNTS_CANCELLING:
        record.uncancelled = task.cancelling()


def conclude(record: TaskRecord, task: Any, now: float) -> None:
    """Fill in the end of one task of any class, and let go of it. `record.coro` is there."""
    record.ended = now
    record.name = task.get_name()
    record.state = task._state  # noqa: SLF001 - see test_hook_drift
    if type(record.coro) is not CoroutineType or record.state == PENDING:
        record.coro = body_of(record.coro)
    note_remains(record, task, task._exception)  # noqa: SLF001
    record.task = None


def body_of(ran: Any) -> Body:
    """The name and the code of what a record has."""
    return ran if isinstance(ran, tuple) else wrapped.body_of(ran)


def give_back(record: TaskRecord, task: Any) -> None:
    """Give the task its own `cancel` back."""
    if getattr(task, "cancel", None) is record:
        del task.cancel
    if isinstance(record, ForeignRecord):
        record.original = None


def record_of(task: Any) -> TaskRecord | None:
    """The record that the task carries as its `cancel`."""
    record = getattr(task, "cancel", None)
    return record if isinstance(record, TaskRecord) else None


def note_end(task: Any) -> None:
    """The done callback of tasks that live long, in the loop's thread; one function for all, as a
    bound method for each would cost every live task 64 bytes.

    Who put something else in place of a task's `cancel` is told of when the task is collected.
    """
    record = record_of(task)
    if record is not None:
        record.watch.note_end(record, task)
