"""What the loop spends its time on: exact accounts, and profiles."""

from __future__ import annotations

from dataclasses import dataclass

from .tasks import FrameInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLoad:
    """What one task has run. `busy` and `longest` are seconds, `share` a part of the time looked
    at (0 to 1); a poll is one step from a suspension to the next. `ended` says that it is gone."""

    number: int
    name: str
    coroutine: str
    busy: float
    share: float
    polls: int
    longest: float
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CoroutineLoad:
    """The same for all `tasks` of one coroutine function."""

    coroutine: str
    tasks: int
    busy: float
    share: float
    polls: int
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """The busiest tasks and coroutines while somebody looked: for `seconds`.

    `busy` is the share of that time that the loop's thread computed, as the system counts it; None
    where it does not. `callbacks` are the seconds in callbacks that are no task's. `exact` is false
    where some of it is an estimate, which `note` explains. `tasks` counts all that ran.
    """

    seconds: float
    busy: float | None
    callbacks: float
    exact: bool
    note: str
    ran: int
    tasks: tuple[TaskLoad, ...]
    coroutines: tuple[CoroutineLoad, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileStack:
    """A stack, outermost frame first, with the task that ran it ("" for none), and how many samples
    found it."""

    task: str
    frames: tuple[FrameInfo, ...]
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Where the loop's thread computed: stacks by number of samples, the largest first.

    It took `seconds`, with a sample for each `interval` seconds of CPU time. `cpu` are the seconds
    that the loop's thread computed as the system counts them, `sampled` what the samples amount to.
    `exact` is false where that is an estimate, which `note` explains.
    """

    seconds: float
    interval: float
    samples: int
    cpu: float | None
    sampled: float
    exact: bool
    note: str
    stacks: tuple[ProfileStack, ...]
