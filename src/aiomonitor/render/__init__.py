"""Text for a terminal, made from the model: pure functions, the same value gives the same text.

Width and colour are arguments.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from aiomonitor.escapes import printable

from .tables import Column, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiomonitor.model import (
        CancellationInfo,
        CancelResult,
        CreationStep,
        FrameInfo,
        TaskInfo,
        TaskPage,
        TaskStack,
        TerminatedPage,
        TerminatedStack,
        TerminatedTask,
        ThreadStack,
        WaitInfo,
        Why,
    )

TASK_COLUMNS = (
    Column(title="ID", at_least=4, at_most=10, right=True, color="cyan"),
    Column(title="STATE", at_least=8, at_most=10, drop=2),
    Column(title="NAME", at_least=10, at_most=40, drop=0),
    Column(title="COROUTINE", at_least=12, at_most=48, drop=3),
    Column(title="CREATED", at_least=8, at_most=8, drop=6, optional=True, spare=True),
    Column(title="AGE", at_least=6, at_most=7, drop=4, right=True, optional=True),
    Column(title="WHERE", at_least=20, at_most=100, drop=1),
    Column(title="WAITS FOR", at_least=16, at_most=60, drop=3, optional=True),
    Column(title="CREATED IN", at_least=20, at_most=48, drop=5, optional=True, spare=True),
)

ENDED_COLUMNS = (
    Column(title="ID", at_least=4, at_most=10, right=True, color="cyan"),
    Column(title="NAME", at_least=10, at_most=40, drop=0),
    Column(title="COROUTINE", at_least=12, at_most=48, drop=4),
    Column(title="ENDED", at_least=8, at_most=8, drop=3),
    Column(title="AFTER", at_least=6, at_most=7, drop=2, right=True),
    Column(title="HOW", at_least=36, at_most=120, drop=1),
    Column(title="CREATED IN", at_least=20, at_most=48, drop=5, spare=True),
)

UNSEEN = "(not seen)"
"""In place of the line that created a task; `where` says why."""

PENDING_AFTER = 1.0
"""Seconds after which a task that was asked to cancel itself should have ended."""
PENDING_TOLD = 10
"""Such tasks told under a listing; an application that shuts down may have thousands."""
MOST_DAYS = 1_000
"""Where durations end to be told: who sleeps for longer means for ever."""


def task_row(task: TaskInfo) -> tuple[str, ...]:
    """A task as the cells of `TASK_COLUMNS`."""
    state = f"{task.state}!" if task.cancelling or task.cancelled_by else task.state
    own = "(system) " if task.system else ""
    unseen = UNSEEN if task.created_by else ""
    return (
        str(task.number),
        state,
        own + printable(task.name),
        printable(task.coroutine),
        unseen and "-" if task.created_at is None else clock(task.created_at),
        unseen and "-" if task.age is None else duration(task.age),
        printable(location(task)),
        printable(waits(task.waits)),
        printable(place(task.created_in)) or unseen,
    )


def ended_row(task: TerminatedTask) -> tuple[str, ...]:
    """An ended task as the cells of `ENDED_COLUMNS`."""
    return (
        str(task.number),
        printable(task.name),
        printable(task.coroutine),
        clock(task.ended_at),
        "-" if task.duration is None else duration(task.duration),
        printable(ending(task)),
        printable(place(task.created_in)) or UNSEEN,
    )


def ending(task: TerminatedTask) -> str:
    """How a task ended, in words."""
    if task.outcome == "destroyed":
        return "destroyed while it waited: nothing referred to it any more"
    how = f"{task.outcome}: {task.error}" if task.error else task.outcome
    if task.swallowed:
        return f"{how}, swallowed a cancellation by {task.cancelled_by}"
    if task.outcome == "cancelled" and task.cancelled_by:
        return f"{how} by {task.cancelled_by}"
    return how


def is_overdue(task: TaskInfo) -> bool:
    """Whether it was asked to cancel itself and goes on nevertheless."""
    return task.cancel_age is not None and task.cancel_age >= PENDING_AFTER


def overdue_lines(tasks: Sequence[TaskInfo]) -> Iterator[str]:
    """The lines under a listing about tasks that go on although they were asked to cancel."""
    for task in tasks[:PENDING_TOLD]:
        yield f"{task_label(task)}: {pending(task)}"
    if (more := len(tasks) - PENDING_TOLD) > 0:
        yield f"{more} more were asked to cancel and are still there, marked with !"


def pending(task: TaskInfo) -> str:
    """`cancel requested 12.0s ago by task 3, still waiting`; empty if there is nothing to tell."""
    if task.cancel_age is not None:
        ago = duration(task.cancel_age)
        return f"cancel requested {ago} ago by {printable(task.cancelled_by)}, still {task.state}"
    by = f" by {printable(task.cancelled_by)}" if task.cancelled_by else ""
    return f"cancel requested{by}, still {task.state}" if task.cancelling else ""


def sentence(why: Why) -> str:
    """Why a task does not go on."""
    return printable(why.sentence)


def waits(wait: WaitInfo | None) -> str:
    """What a task waits for, in a line: `a Lock, held by task 3 (main), 2 waiting`."""
    if wait is None:
        return ""
    parts = [wait.what]
    if wait.timeout is not None:
        late = "" if wait.timeout >= 0 else ", overdue"
        parts.append(f"{duration(abs(wait.timeout))}{late or ' left'}")
    if wait.held_by:
        parts.append(f"held by {wait.held_by}")
    if wait.waiting is not None and wait.waiting > 1:
        parts.append(f"{wait.waiting} waiting")
    if wait.expires_in is not None and wait.expires_in >= 0:
        parts.append(f"times out in {duration(wait.expires_in)}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Seconds in at most seven cells: `0.3ms`, `12.5s`, `3m20s`, `5h07m`, `12d03h`, `>999d`."""
    if seconds < 1:
        return f"{seconds * 1000:.1f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s"
    if seconds >= MOST_DAYS * 86_400:  # infinite, too, of which nobody makes an int
        return f">{MOST_DAYS - 1}d"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours < 48 else f"{hours // 24}d{hours % 24:02}h"


def location(task: TaskInfo) -> str:
    """Where a task is, in short: `worker.py:42 fetch > sleep`."""
    shown = place(task.location)
    return f"{shown} > {task.awaits}" if task.awaits else shown


def place(frame: FrameInfo | None) -> str:
    """A line of code, in short: `worker.py:42 fetch`."""
    if frame is None:
        return ""
    return f"{_base_name(frame.filename)}:{frame.lineno} {frame.function}"


def _base_name(filename: str) -> str:
    return re.split(r"[\\/]", filename)[-1]


def page_summary(page: TaskPage, shown: int) -> str:
    """The line under a listing; says how to see what it left out."""
    live = f"{page.total} live task{'' if page.total == 1 else 's'}"
    if page.matched < page.total:
        live = f"{page.matched} of {live}"
    if shown < page.matched:
        return f"{shown} shown of {live}: --filter narrows, --limit 0 shows all"
    return live


def task_label(task: TaskInfo) -> str:
    """A task in a sentence: `task 12 (worker-3)`."""
    return printable(f"task {task.number} ({task.name})")


def stack_lines(stack: TaskStack, *, color: bool = False) -> Iterator[str]:
    """Who created a task, and its await chain with its source lines, outermost first."""
    task = stack.task
    yield from _ancestry_lines(stack.ancestry, stack.beginning, color=color)
    own = ", the runtime's own" if task.system else ""
    head = f"{task_label(task)}: {task.state}, coroutine {printable(task.coroutine)}{own}"
    yield styled(head, color, bold=True)
    yield from _own_beginning(stack)
    if task.created_at is not None and task.age is not None:
        yield f"  created {moment(task.created_at)}, {duration(task.age)} ago"
    if requested := pending(task):
        yield styled(f"  {requested}", color, fg="yellow")
    if not stack.frames:
        yield "  (no Python frames: it has not started, or has just ended)"
    yield from frame_lines(stack.frames, color=color)
    if stack.awaiting and stack.task.waits is None:
        yield f"  awaiting {printable(stack.awaiting)}"
    if task.waits is not None:
        yield f"  waits for {printable(waits(task.waits))}"
    if stack.note:
        yield f"  ({printable(stack.note)})"
    yield from _request_lines(stack.cancellations, color=color)


def _ancestry_lines(steps: Sequence[CreationStep], beginning: str, *, color: bool) -> Iterator[str]:
    """Each creator's stack when it created the next, the oldest first."""
    if beginning and steps:
        yield f"({printable(beginning)})"
    for step in steps:
        head = f"{printable(step.creator)} created {printable(step.created)}:"
        yield styled(head, color, bold=True)
        yield from frame_lines(step.frames, color=color)


def _own_beginning(stack: TaskStack | TerminatedStack) -> Iterator[str]:
    """Why nothing is known of the creation of the task itself."""
    if stack.beginning and not stack.ancestry:
        yield f"  ({printable(stack.beginning)})"


def _request_lines(requests: Sequence[CancellationInfo], *, color: bool) -> Iterator[str]:
    """Each request to cancel a task, the latest first."""
    for request in requests:
        end = ":" if request.frames else ""
        at = "" if request.at is None else f" {moment(request.at)}"
        head = f"cancel requested{at} by {printable(request.by)}{end}"
        yield styled(head, color, bold=True)
        yield from frame_lines(request.frames, color=color)


def ended_lines(stack: TerminatedStack, *, color: bool = False) -> Iterator[str]:
    """How a task ended: who created it, its exception's stack, who cancelled it."""
    task = stack.task
    yield from _ancestry_lines(stack.ancestry, stack.beginning, color=color)
    head = f"task {task.number} ({task.name}): {ending(task)}"
    yield styled(printable(head), color, bold=True)
    if stack.note:
        yield f"  ({printable(stack.note)})"
    yield from _own_beginning(stack)
    yield f"  coroutine {printable(task.coroutine)}"
    yield f"  {_times(task)}"
    yield from frame_lines(stack.frames, color=color)
    for cause in stack.causes:
        yield f"  from {printable(cause)}"
    yield from _request_lines(stack.cancellations, color=color)


def _times(task: TerminatedTask) -> str:
    ended = f"ended {moment(task.ended_at)}"
    if task.created_at is None or task.duration is None:
        return ended
    return f"created {moment(task.created_at)}, {ended}, after {duration(task.duration)}"


def moment(unix_time: float) -> str:
    """A time of the day in the application's time zone, with its date."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(unix_time))


def clock(unix_time: float) -> str:
    """A time of the day in the application's time zone."""
    return time.strftime("%H:%M:%S", time.localtime(unix_time))


def ended_summary(page: TerminatedPage) -> Iterator[str]:
    """The lines under a listing of ended tasks; they say what it leaves out, and why."""
    text = f"{page.remembered} ended task{'' if page.remembered == 1 else 's'} remembered"
    if page.remembered < page.ended:
        text += f", of {page.ended} that ended"
    if page.matched < page.remembered:
        text = f"{page.matched} of {text}"
    if len(page.tasks) < page.matched:
        text = f"{len(page.tasks)} shown of {text}: --filter narrows, --limit 0 shows all"
    yield text
    if page.dropped:
        yield f"{page.dropped} more were dropped: they ended faster than they could be recorded"
    if page.note:
        yield f"nothing is being recorded: {page.note}"


def thread_lines(stack: ThreadStack, *, color: bool = False) -> Iterator[str]:
    """What a thread executes, outermost frame first."""
    loop = f", the monitored loop's ({stack.loop_state})" if stack.loop_state else ""
    yield styled(printable(f"thread {stack.name} [{stack.thread_id}]{loop}"), color, bold=True)
    yield from frame_lines(stack.frames, color=color)


def frame_lines(frames: Sequence[FrameInfo], *, color: bool) -> Iterator[str]:
    """Each frame with its source line."""
    for frame in frames:
        place = f'  File "{printable(frame.filename)}", line {frame.lineno}, in '
        yield place + styled(printable(frame.function), color, fg="cyan")
        if frame.source:
            yield f"    {printable(frame.source)}"


def cancel_line(result: CancelResult) -> str:
    """What came of a cancellation, as a sentence."""
    return f"{task_label(result.task)}: {result.outcome.value}: {printable(result.detail)}"
