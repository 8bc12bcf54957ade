"""Live tasks: rows, stacks, threads, and what came of cancelling one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .fields import absent
from .scopes import ScopeInfo, ScopeReach, WaitInfo
from .words import CancelOutcome, LoopState

if TYPE_CHECKING:
    from collections.abc import Iterator

TaskState = Literal["running", "runnable", "waiting", "done"]
"""running: on the CPU now (or blocking its loop); runnable: will run in the loop's next round;
waiting: suspended until something wakes it; done: ended since it was listed."""


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
    has neither followed nor taken back; None and empty where there is none, or nobody saw it. Trio
    does not tell when it was.

    `waits` is what a waiting task waits for, `nursery` the number of the nursery that it is in, and
    `system` whether it is the runtime's own; None where the runtime does not tell.
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
    cancel_age: float | None = absent()
    cancelled_by: str = ""
    waits: WaitInfo | None = absent()
    nursery: int | None = absent()
    system: bool | None = absent()


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
    """One request to cancel a task: when (Unix time; None where the runtime does not tell), by
    whom, in words, and from which stack."""

    by: str
    frames: tuple[FrameInfo, ...]
    at: float | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStack:
    """A task's await chain: from its coroutine, outermost, to where it is suspended or running.

    `awaiting` names the type of the object at the end of the chain ("Future"), empty for a running
    task. `note` says in a sentence what is incomplete, or is empty. `ancestry` tells who created
    it, and `beginning` why that chain begins where it does, if its first step does not tell.
    `cancellations` tells who asked it to cancel itself, the latest first, also of requests that
    were taken back. `scopes` are those that it is in, the innermost first; None for a runtime that
    has none. `thread` is what the thread executes that it waits for, None if it waits for none.
    """

    task: TaskInfo
    frames: tuple[FrameInfo, ...]
    awaiting: str = ""
    note: str = ""
    ancestry: tuple[CreationStep, ...] = ()
    beginning: str = ""
    cancellations: tuple[CancellationInfo, ...] = ()
    scopes: tuple[ScopeInfo, ...] | None = absent()
    thread: ThreadStack | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadStack:
    """What a thread of the application is executing, outermost frame first."""

    thread_id: int
    name: str
    frames: tuple[FrameInfo, ...]
    loop_state: LoopState | None = None
    """The state of the monitored loop, when this is its thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelResult:
    """The answer to `Monitor.cancel()`; `detail` is a sentence for people."""

    task: TaskInfo
    outcome: CancelOutcome
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeCancelResult:
    """The answer to `Monitor.cancel_scope()`; `reach` is as it was before."""

    reach: ScopeReach
    outcome: CancelOutcome
    detail: str
