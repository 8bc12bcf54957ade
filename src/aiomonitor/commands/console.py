"""The command `console`, and what its code finds there; loads the console when it is used."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from aiomonitor.errors import CommandError
from aiomonitor.permissions import refusal
from aiomonitor.queries import Queries
from aiomonitor.utils import requires

from . import CommandInterpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiomonitor.backends.base import Backend
    from aiomonitor.model import ThreadStack

DISABLED = "the console is disabled: the monitor was started with console_enabled=False"


class ConsoleCommand(Queries, CommandInterpreter):
    """Python at the prompt, in the monitored loop."""

    _console_enabled: bool = True
    _locals: Mapping[str, Any] | None = None

    @property
    def console_refusal(self) -> str:
        """Why there is no console, or an empty string."""
        if not self._console_enabled:
            return DISABLED
        return refusal(self.permissions, "exec", "the console")

    @requires("exec")
    def do_console(self) -> None:
        """Python in the application's loop: look at its objects, await, try a fix.

        Top-level `await` works. `loop`, `monitor`, `tasks()` and the runtime's module are there,
        and what the application shares as `locals`. Ctrl-C ends a line; exit() or Ctrl-D leaves.
        """
        if self.console_refusal:
            raise CommandError(self.console_refusal)
        from aiomonitor.console.repl import Console

        special = {**self._backend.console_names(), "monitor": self, "tasks": self.tasks}
        runtime = LoopRuntime(self._backend, self.threads)
        Console(self._run, runtime, self._locals, special).interact()


class LoopRuntime:
    """The monitored loop as a console sees it. Any thread."""

    def __init__(self, backend: Backend, threads: Callable[[], Iterable[ThreadStack]]) -> None:
        self.evaluate = backend.evaluate
        self.loop_state = backend.loop_state
        self._silent_for = backend.silent_for
        self._threads = threads

    def obstacle(self, waited: float) -> str:
        """Why the loop has run nothing for `waited` seconds, with the stack of what it executes."""
        state = self.loop_state()
        if state != "running":
            return f"the monitored loop is {state}: nothing runs in it\n"
        from aiomonitor import render  # when somebody asks

        blocked = _since(self._silent_for(), waited)
        lines = [f"the monitored loop is blocked {blocked}; its thread executes:"]
        for stack in self._threads():
            if stack.loop_state:
                lines += render.thread_lines(stack)
        return "\n".join(lines) + "\n"


def _since(silent: float | None, waited: float) -> str:
    """Since when, if somebody has noted it."""
    if silent is None:
        return f"for at least {waited:.1f} s"
    began = time.strftime("%H:%M:%S", time.localtime(time.time() - silent))
    return f"since {began} ({silent:.1f} s)"
