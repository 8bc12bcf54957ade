"""The command `console`, and what its code finds there; loads the console when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import render
from .commands import CommandInterpreter
from .errors import CommandError
from .queries import Queries

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Mapping

    from .backends.base import Evaluation

DISABLED = "the console is disabled: the monitor was started with console_enabled=False"


class ConsoleCommand(Queries, CommandInterpreter):
    """Python at the prompt, in the monitored loop."""

    _console_enabled: bool = True
    _locals: Mapping[str, Any] | None = None

    def do_console(self) -> None:
        """Python in the application's loop: look at its objects, await, try a fix.

        Top-level `await` works. `loop`, `monitor` and `tasks()` are there, and the names that the
        application gave as `locals`. Ctrl-C ends a line, exit() or Ctrl-D the console.
        """
        if not self._console_enabled:
            raise CommandError(DISABLED)
        from .console.repl import Console, make_names

        special = {**self._backend.console_names(), "monitor": self, "tasks": self.tasks}
        Console(self._run, self, make_names(self._locals, special)).interact()

    def evaluate(
        self,
        function: Callable[[], Any],
        *,
        context: contextvars.Context,
        failed: Callable[[BaseException], None],
        changed: Callable[[], None],
    ) -> Evaluation:
        """As the backend's."""
        return self._backend.evaluate(function, context=context, failed=failed, changed=changed)

    def obstacle(self) -> str:
        """Why the loop runs nothing, with the stack of what it executes."""
        state = self._backend.loop_state()
        if state != "running":
            return f"the monitored loop is {state}: nothing can run in it\n"
        told = ["the monitored loop is blocked; its thread executes:"]
        for stack in self.threads():
            if stack.loop_state:
                told += render.thread_lines(stack, color=False)
        return "\n".join(told) + "\n"
