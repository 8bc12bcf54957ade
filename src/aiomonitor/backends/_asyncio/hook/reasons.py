"""Tells on whose behalf a cancellation was made: a timeout's, a task group's, an awaiting task's.

Recognised by the code that calls `cancel`. Locals are read of asyncio's own frames alone, which are
about to end, and of ours.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .record import TaskRecord

if TYPE_CHECKING:
    from types import CodeType, FrameType

TIMEOUTS_LIMIT = 1024
"""Deadlines remembered with their delays, the latest. Another one's delay is not told."""


class Reason(NamedTuple):
    """`other` is a task's number: the failed sibling, or the task that awaits the cancelled one."""

    kind: str = ""
    delay: float | None = None
    other: int | None = None


NO_REASON = Reason()


def _code(owner: object, name: str) -> CodeType | None:
    code: CodeType | None = getattr(getattr(owner, name, None), "__code__", None)
    return code


_timeouts = sys.modules.get("asyncio.timeouts")  # 3.11+
_group = getattr(asyncio, "TaskGroup", None)  # 3.11+

TIMEOUT = _code(_timeouts, "timeout")
ON_TIMEOUT = _code(getattr(_timeouts, "Timeout", None), "_on_timeout")
ON_TASK_DONE = _code(_group, "_on_task_done")
ABORT = _code(_group, "_abort")
CANCEL_AND_WAIT = _code(asyncio.tasks, "_cancel_and_wait")
WAIT_FOR = _code(asyncio.tasks, "wait_for")
PROPAGATED = TaskRecord.__call__.__code__

FILES = frozenset(
    code.co_filename
    for code in (ON_TIMEOUT, ON_TASK_DONE, ABORT, CANCEL_AND_WAIT, PROPAGATED)
    if code is not None
)
"""Where the code is that cancels on somebody's behalf."""


class Timeouts:
    """Remembers the delay of each deadline that `asyncio.timeout` computes.

    A `Timeout` knows its deadline alone. `timeout()` computes that from the loop's time, which it
    asks us for.
    """

    def __init__(self) -> None:
        self._delays: dict[float, float] = {}

    def note(self, frame: FrameType, now: float) -> None:
        """`frame` is that of `timeout()`; the sum is the one that it will compute."""
        delay = frame.f_locals.get("delay")
        if isinstance(delay, (int, float)):
            delays = self._delays
            delays[now + delay] = delay
            if len(delays) > TIMEOUTS_LIMIT:
                del delays[next(iter(delays))]

    def delay_to(self, deadline: object) -> float | None:
        return self._delays.get(deadline) if isinstance(deadline, float) else None

    def reason(self, frame: FrameType, number_of: Any) -> Reason:
        """`frame` is the one that called `cancel`."""
        code = frame.f_code
        if code is ON_TIMEOUT:
            return Reason("timeout", self.delay_to(frame.f_locals["self"].when()))
        if code is ABORT or code is ON_TASK_DONE:
            return _group_reason(frame, number_of)
        if code is CANCEL_AND_WAIT:
            return _wait_for_reason(frame.f_back)
        if code is PROPAGATED:
            return Reason("awaited", other=frame.f_locals["self"].number)
        return NO_REASON


def _group_reason(frame: FrameType, number_of: Any) -> Reason:
    """Up to two frames: `_abort` is called by `_on_task_done`, or by the group's end."""
    done = frame if frame.f_code is ON_TASK_DONE else frame.f_back
    if done is None or done.f_code is not ON_TASK_DONE:
        return Reason("taskgroup")
    return Reason("taskgroup", other=number_of(done.f_locals["task"]))


def _wait_for_reason(frame: FrameType | None) -> Reason:
    """Up to 3.11, `wait_for` cancels itself, for its timeout or since it is being cancelled."""
    if frame is None or frame.f_code is not WAIT_FOR:
        return NO_REASON
    if isinstance(sys.exc_info()[1], asyncio.CancelledError):
        return NO_REASON
    delay = frame.f_locals.get("timeout")
    return Reason("timeout", delay if isinstance(delay, (int, float)) else None)
