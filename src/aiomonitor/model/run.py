"""The monitored run as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LoopState = Literal["running", "stopped", "closed"]


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
