"""What rules look at: the run as it was seen at one moment, and how some of it went before."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiomonitor.model import FrameInfo
    from aiomonitor.model.findings import Finding
    from aiomonitor.model.health import Stall
    from aiomonitor.model.shared import Deadlock

Series = tuple[tuple[float, int], ...]
"""Moments in seconds, of one clock, each with a count: the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Tasks that wait at one place for one kind of thing: `seconds` is how long the one has been
    seen to wait that began last, `longest` the one that began first; `still` how long it has been
    since one of them was seen to go on: a line that moves is no trouble, however long it is."""

    kind: str
    putting: bool
    place: FrameInfo | None
    what: str
    count: int
    seconds: float
    longest: float
    still: float
    tasks: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """A task that was asked to cancel itself, `seconds` ago. `state` is "requested" while it has
    had no step since, "handled" while it is in an `except` or `finally` block for it, "swallowed"
    if it goes on as if nothing had been."""

    number: int
    name: str
    seconds: float
    state: Literal["requested", "handled", "swallowed"]
    place: FrameInfo | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something of which Python complains, or should: how often, the last time in words, and the
    `seconds` since the first time."""

    kind: str
    coroutine: str
    text: str
    place: FrameInfo | None
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The tasks created at one place: how many there were at each look; and some of those that
    nobody refers to."""

    key: str
    place: FrameInfo | None
    series: Series
    loose: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLock:
    """A lock that tasks wait for, and the task that has it, with what that waits for itself.

    `seconds` is how long the holder has been seen to wait, `waited` how long the others have.
    """

    label: str
    holder: int
    name: str
    waits: str
    place: FrameInfo | None
    seconds: float
    waited: float
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeries:
    """A queue, with its size at each look."""

    label: str
    limit: int | None
    series: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Starved:
    """The default executor with calls in its queue: for `seconds`, none of its threads has ended
    what it runs."""

    limit: int
    queued: int
    seconds: float
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One look at the run. Rules are functions of it; they get no tasks, only values.

    `stalls` are those of the last ten minutes; one that goes on is not `over`.
    """

    tasks: int
    deadlocks: tuple[Deadlock, ...] = ()
    stalls: tuple[Stall, ...] = ()
    waits: tuple[Wait, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    sites: tuple[Site, ...] = ()
    locks: tuple[HeldLock, ...] = ()
    queues: tuple[QueueSeries, ...] = ()
    starved: Starved | None = None
    waited: dict[int, float] | None = None
    """For how long tasks of `deadlocks` have been seen to wait, by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Finds one kind of trouble. `check` is called with the scene and the threshold, which is in
    `unit`, in a thread of the monitor; it makes `Finding`s with the rule's `name`, and must not
    raise (if it does, that is told, and the other rules go on)."""

    name: str
    text: str
    remedy: str
    check: Callable[[Scene, float], Iterable[Finding]]
    threshold: float = 0.0
    unit: str = ""


def rising(series: Series, looks: int) -> int:
    """By how much a count has grown, if it did from each of the last looks to the next; else 0."""
    last = [count for _, count in series[-looks:]]
    if len(last) < looks:
        return 0
    grows = all(before < after for before, after in itertools.pairwise(last))
    return last[-1] - last[0] if grows else 0
