"""What the API answers where the model has no value of just that shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from aiomonitor.model import (
    FrameInfo,
    LoopState,
    TaskInfo,
    TaskState,
    TerminatedTask,
    ThreadStack,
    TreeNode,
)
from aiomonitor.model.health import Stall
from aiomonitor.permissions import Permission


class Sample(NamedTuple):
    """One second of the run; None where it was not measured.

    `at` is Unix time, `lag` seconds; `busy` is the share of time that the loop's thread computed.
    """

    at: float
    tasks: int | None
    lag: float | None
    busy: float | None
    created_per_s: float | None
    ended_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How the run is doing.

    `permissions` is what clients may do. `started_at` is when the monitor began to watch (Unix
    time). `states` counts the tasks by state, null while there are so many that this is not done
    all the time; then `tasks` may be some seconds old. `blocked_for` is for how many seconds the
    loop has not answered, null if it does. `samples` are taken once a second at most, and only
    while somebody looks, the oldest first.
    """

    version: str
    python: str
    runtime: str
    loop: str
    pid: int
    argv0: str
    started_at: float
    tasks: int
    states: dict[TaskState, int] | None
    ended: int
    remembered: int
    dropped: int
    recording: bool
    note: str
    permissions: Permission
    loop_state: LoopState
    blocked_for: float | None
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRows:
    """Some of the live tasks: `total` are live, `matched` pass the filter; `cursor` is for the rows
    after these, or null."""

    tasks: tuple[TaskInfo, ...]
    total: int
    matched: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminatedRows:
    """Some of the ended tasks, as `TerminatedPage` has them; `cursor` as in `TaskRows`."""

    tasks: tuple[TerminatedTask, ...]
    ended: int
    remembered: int
    matched: int
    dropped: int
    note: str
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Some nodes of the tree of who created whom; `total` is how many there are."""

    parent: int
    nodes: tuple[TreeNode, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stalls:
    """The times that the loop was blocked, the latest first."""

    stalls: tuple[Stall, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """What the threads of the process execute: the loop's first."""

    threads: tuple[ThreadStack, ...]


class StackRow(NamedTuple):
    """A stack of a profile: its task ("" for none), how many samples found it, and its frames by
    their places in the list of all, the outermost first."""

    task: str
    samples: int
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileReport:
    """Where the loop's thread computed, as `Profile` has it, each frame once.

    `/api/profile/{number}.collapsed` has all stacks as text, for some time. `left_out` are the
    samples in stacks beyond the largest ones, which are told here.
    """

    number: int
    seconds: float
    interval: float
    samples: int
    cpu: float | None
    sampled: float
    exact: bool
    note: str
    frames: tuple[FrameInfo, ...]
    stacks: tuple[StackRow, ...]
    left_out: int
