"""The monitored run as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from .words import LoopState


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
class RunSummary:
    """Which process this is, and how it does, in a few figures.

    `uptime` is how many seconds the monitor has watched, `tasks` the number of live ones. `lag` is
    what the loop took to answer in the last minute, in seconds: 99 of 100 times no more;
    `worst_lag` the longest; both None where nothing was measured. `blocked_for` is how many seconds
    the loop is blocked now, None if it is not. `stalls` counts how often it was, `findings` what
    the monitor knows to be wrong, None before it has looked.
    """

    pid: int
    name: str
    command: tuple[str, ...]
    runtime: str
    loop: str
    loop_state: LoopState
    python: str
    version: str
    started_at: float
    uptime: float
    tasks: int
    lag: float | None
    worst_lag: float | None
    blocked_for: float | None
    stalls: int
    findings: int | None


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
