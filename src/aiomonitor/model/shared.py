"""What tasks share, and what comes of it: locks, queues, deadlocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .scopes import WaitKind
from .tasks import TaskInfo

Person = tuple[int, str]
"""A task: its number and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedObject:
    """A lock, semaphore, condition, event, barrier, limiter, queue or channel that tasks wait for.

    `label` is short and stays the same ("Lock#3"), `what` tells its state in words. `holders` are
    those that are known to have it, `waiters` the first hundred of `waiting`, in the order in which
    they will get it. `size` and `limit` are those of a queue: items in it, and how many it takes at
    most (None: any number); `getting` and `putting` count who waits for either end.
    """

    label: str
    kind: WaitKind
    object_id: int
    what: str
    waiting: int
    holders: tuple[Person, ...]
    waiters: tuple[Person, ...]
    size: int | None = None
    limit: int | None = None
    getting: int = 0
    putting: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPage:
    """The objects that most tasks wait for: the first of `found`. `looked_at` counts the tasks."""

    looked_at: int
    found: int
    objects: tuple[SharedObject, ...]


DeadlockKind = Literal["circle", "holder ended", "nobody left"]
"""circle: tasks that wait for each other; holder ended: who had it never gave it back; nobody left:
no other task, callback or object knows what is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlock:
    """Tasks that cannot go on. `certain` is false for a suspicion. `sentence` names the tasks, what
    each waits for, and the lines; `tasks` are in the order in which they wait for each other, the
    first hundred of `count`."""

    kind: DeadlockKind
    certain: bool
    sentence: str
    count: int
    tasks: tuple[TaskInfo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlocks:
    """All that were found among `looked_at` tasks, the certain ones first; `took` is in seconds."""

    looked_at: int
    took: float
    found: tuple[Deadlock, ...]


TreeMark = Literal["", "circle", "above"]
"""circle: the branch comes back to a task that it has passed; above: it was told before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitLine:
    """A task in a tree of who waits for whom, at a depth: 0 for one that no other waits for."""

    depth: int
    task: TaskInfo
    mark: TreeMark = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitTree:
    """The tasks in the order of their tree, each followed by those that it waits for: the first of
    `total` lines."""

    total: int
    lines: tuple[AwaitLine, ...]
