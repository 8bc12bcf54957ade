"""Cancel scopes, and what tasks wait for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .fields import absent

ScopeKind = Literal["scope", "nursery"]

WaitKind = Literal[
    "event",
    "lock",
    "semaphore",
    "condition",
    "limiter",
    "barrier",
    "queue",
    "channel",
    "sleep",
    "socket",
    "file",
    "thread",
    "process",
    "nursery",
    "task",
    "tasks",
    "future",
    "other",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeInfo:
    """A cancel scope or a nursery that some task is in.

    `number` is small, and never given again. `opened_by` is the number of the task that opened it.
    `timeout` is how many seconds are left until its deadline, less than 0 if that has passed, and
    None without one. `cancel_called` says that it was cancelled itself, `cancelled` that what runs
    in it is being cancelled, by itself or by a scope around it, and `cancelled_by`, in words, who
    asked for that. A `shielded` one takes no part in cancellations from outside. A `system` one is
    the runtime's own, and cannot be cancelled. `tasks` counts those in a nursery.
    """

    number: int
    kind: ScopeKind
    opened_by: int | None
    timeout: float | None
    shielded: bool
    cancel_called: bool
    cancelled: bool
    cancelled_by: str = ""
    system: bool = False
    tasks: int | None = absent()


@dataclass(frozen=True, kw_only=True)
class WaitInfo:
    """What a task waits for: in words, and as far as it is known, in numbers.

    `waiting` counts the tasks that wait for the same object, `position` those that are before it,
    `holders` are the numbers of those that have it, and `held_by` tells them in words. `size` are
    the items of a queue, and `limit` how many it takes; `putting` says which end is waited at.
    `timeout` is in seconds, less than 0 if it is overdue, and `expires_in` as well, of a timeout
    around the wait; `fd` is a file descriptor, `pid` a
    process, `thread` a `threading.get_ident()`. `tasks` are the numbers of awaited tasks, the first
    hundred of them, and `any_of` says that one of them is enough. `seconds` is for how long the
    monitor has seen it wait for this, at least: it looks from time to time.
    """

    kind: WaitKind
    what: str
    object_id: int | None = absent()
    waiting: int | None = absent()
    position: int | None = absent()
    holders: tuple[int, ...] | None = absent()
    held_by: str | None = absent()
    size: int | None = absent()
    limit: int | None = absent()
    putting: bool | None = absent()
    timeout: float | None = absent()
    expires_in: float | None = absent()
    fd: int | None = absent()
    pid: int | None = absent()
    thread: int | None = absent()
    nursery: int | None = absent()
    tasks: tuple[int, ...] | None = absent()
    any_of: bool | None = absent()
    seconds: float | None = absent()

    if not TYPE_CHECKING:

        def __init__(self, **given: Any) -> None:
            # One is made for each task in a walk over all of them: a fifth of the price of setting
            # each field, most of which are absent.
            self.__dict__.update(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeReach:
    """What cancelling a scope takes along: numbers and names of the tasks in it.

    `shielded` are the tasks in scopes within that are shielded from it: they go on.
    """

    scope: ScopeInfo
    tasks: tuple[tuple[int, str], ...]
    shielded: tuple[tuple[int, str], ...]
