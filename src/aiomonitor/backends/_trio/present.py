"""Finds the trio runs that go on in this process, and looks at one without a monitor; private parts
have tests in test_trio_drift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trio

from aiomonitor.backends.tops import current_frames

from .backend import TrioBackend
from .hook import STEPS

if TYPE_CHECKING:
    from types import CodeType, FrameType


RUN: CodeType = trio.run.__code__
"""Where a run waits for events."""


class PassingBackend(TrioBackend):
    """Looks at one run, blocked or not, and leaves nothing there."""

    def __init__(self, runner: Any, thread_id: int) -> None:
        super().__init__(runner.current_trio_token(), hooked=False)
        self.run: object = self._token
        self._runner = runner
        self._thread_id = thread_id


def runs_on_stacks() -> list[PassingBackend]:
    """The runs of all threads, but not those that are guests of a loop. Any thread."""
    tops = current_frames()
    found = {ident: _runner(frame) for ident, frame in tops.items()}
    tops.clear()
    return [PassingBackend(runner, ident) for ident, runner in found.items() if runner is not None]


def _runner(frame: FrameType | None) -> Any:
    while frame is not None:
        if frame.f_code in (STEPS, RUN):
            return frame.f_locals.get("runner")
        frame = frame.f_back
    return None
