"""One block of a console on its way through the monitored loop, followed from a worker thread."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable

    from aiomonitor.backends.base import Evaluation
    from aiomonitor.dialogue import Dialogue
    from aiomonitor.dialogue.client import CommandRun
    from aiomonitor.model import LoopState

PATIENCE = 0.5
"""Seconds without a sign of the loop, after which the client is told what holds it up."""

POLL = 0.2
"""Seconds between two looks whether the client is still there; nobody looks between blocks."""

LAST_LINE = 5.0
"""Seconds that a block may go on when its client sends no more: it may wait for the result, as
`printf ... | nc -N` does, or be gone, which looks the same."""


class Runtime(Protocol):
    """What a console needs of the monitor."""

    def evaluate(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
        /,
    ) -> Evaluation:
        """A call for the monitored loop, not begun."""
        ...

    def loop_state(self) -> LoopState:
        """Whether the loop runs."""
        ...

    def obstacle(self, waited: float, /) -> str:
        """Why the loop has not answered for so many seconds, with the stack of what blocks it."""
        ...


class Execution:
    """From `follow` to its return; `interrupt` may be called in any thread."""

    def __init__(
        self,
        runtime: Runtime,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        self._runtime = runtime
        self._evaluation = runtime.evaluate(function, context, show_error)
        self._waits_since = 0.0
        self._told = False
        self._interrupts = 0

    @property
    def context(self) -> contextvars.Context:
        """For the next block: not the very one of a block that was left behind."""
        context = self._evaluation.context
        return context if self._evaluation.wait(0) else context.copy()

    @property
    def failed(self) -> bool:
        """Whether it raised, or did not end."""
        return self._evaluation.failed or not self._evaluation.wait(0)

    @property
    def leaving(self) -> bool:
        """Whether it ended by SystemExit."""
        return self._evaluation.leaving

    @property
    def is_running_here(self) -> bool:
        """Whether the calling thread executes it now."""
        return self._evaluation.is_running_here

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._interrupts += 1
        self._wait_anew()
        self._evaluation.interrupt()

    def _wait_anew(self) -> None:
        self._waits_since, self._told = time.monotonic(), False

    def follow(self, run: CommandRun, dialogue: Dialogue) -> None:
        """Until it has ended, or is given up; raises `CommandInterrupted` if the client leaves."""
        self._wait_anew()
        if not self._evaluation.begin():
            dialogue.write(self._runtime.obstacle(0))
            return
        try:
            self._await_end(run, dialogue)
        except BaseException:
            self._evaluation.interrupt()  # the client has gone, and its block goes with it
            raise
        if not self._evaluation.is_started and self._interrupts:
            dialogue.write("KeyboardInterrupt\n")

    def _await_end(self, run: CommandRun, dialogue: Dialogue) -> None:
        alone_since: float | None = None
        while not self._evaluation.wait(POLL):
            run.check()
            if self._is_lost(dialogue):
                return
            if dialogue.has_ended:
                alone_since = alone_since or time.monotonic()
                if time.monotonic() - alone_since > LAST_LINE and not self._interrupts:
                    dialogue.write(f"no more input, and no end within {LAST_LINE:g} s\n")
                    self.interrupt()

    def _is_lost(self, dialogue: Dialogue) -> bool:
        """Tell what holds it up; True if that is for ever."""
        state = self._runtime.loop_state()
        waited = time.monotonic() - self._waits_since
        held_up = not self._evaluation.is_started or self._interrupts or state != "running"
        if not held_up or waited < PATIENCE:
            return False
        if not self._told:
            self._told = True
            outlook = "" if state == "closed" else self._outlook()
            dialogue.write(self._runtime.obstacle(waited) + outlook)
        return state == "closed" or self._interrupts > 1

    def _outlook(self) -> str:
        if self._interrupts > 1:
            return "interrupted twice, and it goes on: it is left behind in the loop\n"
        if self._interrupts:
            return "interrupted, but it has not ended; Ctrl-C leaves it behind\n"
        if self._evaluation.is_started:
            return "the line goes on when the loop does; Ctrl-C abandons it\n"
        return "the line runs when the loop is free; Ctrl-C abandons it\n"
