"""The frozen values that every layer exchanges; imports the stdlib only.

They hold text and numbers, never tasks, frames or exceptions: a value that a client keeps must not
keep the application's objects alive. Any thread may read them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TaskState = Literal["running", "runnable", "waiting", "done"]
"""running: on the CPU now (or blocking its loop); runnable: will run in the loop's next round;
waiting: suspended until something wakes it; done: ended since it was listed."""

LoopState = Literal["running", "stopped", "closed"]

SortKey = Literal["id", "name", "coroutine", "state", "where", "age"]

EndedSortKey = Literal["ended", "id", "name", "coroutine", "outcome", "duration"]

Outcome = Literal["returned", "failed", "cancelled", "destroyed"]

GroupKey = Literal["coroutine", "created_in", "where", "state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameInfo:
    """One place in the code, outermost first wherever frames are listed.

    `function` is the qualified name (3.11+; the plain name on 3.10). `source` is the line of code,
    stripped, or empty where the file can't be read.
    """

    filename: str
    lineno: int
    function: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskInfo:
    """A live task as one row of a listing.

    `number` is small, stable for the task's life and never reused. `object_id` is `id(task)`.
    `location` is the innermost frame outside of the runtime's own library, `awaits` the qualified
    name of what that frame calls there ("sleep", "Queue.get"), or empty. `cancelling` counts the
    cancellations requested and not yet taken back (0 or 1 on 3.10).

    `created_at` is Unix time, `age` seconds; `created_in` is the line that created the task, and
    `parent` the number of the task that did. All are None where the monitor did not see it happen:
    the task is older than the monitor, or was made by other means than the loop's `create_task`;
    `parent` also where a callback or another thread created it. `created_by` tells all that in
    words, names other live tasks by number alone, and is empty if nothing is being recorded.

    `cancel_age` (seconds) and `cancelled_by` (in words) tell of the latest request that the task
    has neither followed nor taken back; None and empty where there is none, or nobody saw it.
    """

    number: int
    object_id: int
    name: str
    coroutine: str
    state: TaskState
    created_at: float | None = None
    age: float | None = None
    created_in: FrameInfo | None = None
    created_by: str = ""
    parent: int | None = None
    location: FrameInfo | None = None
    awaits: str = ""
    cancelling: int = 0
    cancel_age: float | None = None
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """Some of the live tasks: `total` are live, `matched` of them pass the filter.

    `tasks` makes its rows while it is read, once: a task that ended meanwhile has no row.
    """

    total: int
    matched: int
    tasks: Iterator[TaskInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationStep:
    """How a task came to be: who created it, and from which stack.

    `creator` and `created` are in words ("task 3 (main)", "a callback of the loop"); `number` is
    the creator's, if that is a task. In an ancestry, the oldest step comes first and the last one
    created the task itself.
    """

    creator: str
    number: int | None
    created: str
    frames: tuple[FrameInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationInfo:
    """One request to cancel a task: when (Unix time), by whom, in words, and from which stack."""

    at: float
    by: str
    frames: tuple[FrameInfo, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStack:
    """A task's await chain: from its coroutine, outermost, to where it is suspended or running.

    `awaiting` names the type of the object at the end of the chain ("Future"), empty for a running
    task. `note` says in a sentence what is incomplete, or is empty. `ancestry` tells who created
    it, and `beginning` why that chain begins where it does, if its first step does not tell.
    `cancellations` tells who asked it to cancel itself, the latest first, also of requests that
    were taken back.
    """

    task: TaskInfo
    frames: tuple[FrameInfo, ...]
    awaiting: str = ""
    note: str = ""
    ancestry: tuple[CreationStep, ...] = ()
    beginning: str = ""
    cancellations: tuple[CancellationInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """What a thread of the application is executing, outermost frame first."""

    thread_id: int
    name: str
    frames: tuple[FrameInfo, ...]
    loop_state: LoopState | None = None
    """The state of the monitored loop, when this is its thread."""


class CancelOutcome(enum.Enum):
    """How a request to cancel a task went."""

    ENDED = "ended"  # cancelled, and it ended in time
    REQUESTED = "requested"  # delivered, but the task had not ended when the time was up
    ALREADY_DONE = "already done"  # it had ended before the request reached it
    UNRESPONSIVE = "unresponsive"  # the loop did not take the request in time
    UNSUPPORTED = "unsupported"  # this runtime cannot cancel a single task


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """The answer to `Monitor.cancel()`; `detail` is a sentence for people."""

    task: TaskInfo
    outcome: CancelOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """What is known of the monitored run without looking at its tasks.

    `loop` is the type of what runs it, `started_at` Unix time: when the monitor began to watch.
    `created` counts the tasks that got a number, None where only those do that somebody looked at.
    The rest is as in `TerminatedPage`.
    """

    runtime: str
    loop: str
    loop_state: LoopState
    started_at: float
    recording: bool
    note: str
    created: int | None
    ended: int
    remembered: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPulse:
    """How the loop answers when it is called; times are in seconds.

    `lag` is what it took for the latest answer, None before the first. `waiting` is for how long it
    has not answered the present call, 0 once it has. `cpu` is the CPU time that its thread had used
    at `cpu_at`, of a monotonic clock; None where it has never answered.
    """

    lag: float | None
    waiting: float
    cpu: float | None
    cpu_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The live tasks, counted, and by state."""

    total: int
    states: Mapping[TaskState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroup:
    """Live tasks that have something in common.

    `key` is that in words, and `place` the line of code if it is one. `oldest_age` is in seconds,
    None if nobody saw any of them being created; `example` is the number of one of them.
    """

    key: str
    count: int
    oldest_age: float | None
    example: int
    place: FrameInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """The largest groups: `total` tasks are live, `matched` of them pass the filter and are in one
    of `found` groups."""

    by: GroupKey
    total: int
    matched: int
    found: int
    groups: tuple[TaskGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A live task, how many live tasks it has created, and, in a filtered tree, the numbers and
    names of its live ancestors, the root first."""

    task: TaskInfo
    children: int
    path: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePage:
    """Some of the live tasks that `parent` has created, or with 0, of those that no live task has;
    with a filter, of all that match. `total` is how many there are."""

    parent: int
    total: int
    nodes: tuple[TreeNode, ...]
