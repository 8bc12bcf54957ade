"""One console: asks its client for lines, has them run in the monitored loop, shows what came out.

`Console.interact` runs in a worker thread of the monitor, as a command does; `execution` follows
one block.
"""

from __future__ import annotations

import contextlib
import threading
import types
from functools import partial
from typing import TYPE_CHECKING, Any

from aiomonitor.access import audit
from aiomonitor.errors import CommandError, CommandInterrupted

from . import display, output, routing
from .completion import complete
from .execution import Execution
from .namespace import Namespace
from .source import Block, Source, next_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiomonitor.dialogue import Suggestion
    from aiomonitor.dialogue.client import CommandRun

    from .execution import Runtime
    from .source import Outcome

LEAVING = ("exit()", "quit()")
BANNER = "Python {version} in the monitored loop: await works; exit() or Ctrl-D leaves\n"
PROMPT, CONTINUED = ">>> ", "... "


class Console:
    """One client's; the names and the context variables live as long as it."""

    def __init__(
        self,
        run: CommandRun,
        runtime: Runtime,
        shared: Mapping[str, Any] | None,
        special: Mapping[str, Any],
    ) -> None:
        self._run = run
        self._dialogue = run.dialogue
        self._runtime = runtime
        self._printed = output.Printed()
        self._context = output.direct_to(self._printed)
        self._context.run(routing.display.set, self._display)
        self._compiling = output.direct_to(self._printed)  # a block may have kept the other one
        self._nobody = output.Printed()
        self._unheard = output.direct_to(self._nobody)
        self._source = Source(self._quietly)
        self._namespace = Namespace(shared, special, self._is_at_prompt)
        self._execution: Execution | None = None
        self._outcome = ""  # of the block that runs, or ran last
        self._asking = False
        self._failed = False
        self._is_interrupted = False  # since the client was asked
        self._is_told = False  # and has seen what that came to
        self._sending = threading.Lock()

    def interact(self) -> None:
        """Until the client leaves the console, or its connection."""
        routing.routing.open()
        self._run.on_interrupt = self.interrupt
        self._run.python = self
        threading.Thread(target=self._send_all, name="aiomonitor console", daemon=True).start()
        try:
            self._greet()
            while self._serve():
                pass
        finally:
            self._run.on_interrupt = self._run.python = None
            self._printed.close()
            routing.routing.close()
            self._source.close()
        self._run.status = int(self._dialogue.is_scripted and self._failed)

    def interrupt(self) -> None:
        """Ctrl-C, but not at the prompt. In the monitor's loop."""
        self._is_interrupted = True  # what it is meant for may not have begun, or just have ended
        if (execution := self._execution) is not None:
            execution.interrupt()

    def complete(self, text: str) -> list[Suggestion]:
        """What TAB offers; in a worker thread."""
        return complete(text, self._namespace.names)

    def is_complete(self, text: str) -> bool:
        """Whether Enter runs the text; in the monitor's loop."""
        return self._source.is_complete(text)

    # --- lines --------------------------------------------------------------------------------

    def _greet(self) -> None:
        if not self._dialogue.is_scripted:
            import platform

            self._dialogue.write(BANNER.format(version=platform.python_version()))

    def _serve(self) -> bool:
        """One entry of the client's; False if it leaves."""
        try:
            text = self._ask()
            if text is not None:
                return self._enter(text)
            self._run_all(self._source.finish())
            return False
        except CommandInterrupted:
            self._run.check()  # the client has gone
            self._source.abandon()
            self._dialogue.write("KeyboardInterrupt\n")
            return True
        except CommandError as error:
            self._source.abandon()
            self._failed = True
            self._dialogue.write(f"{error}\n")
            return True

    def _ask(self) -> str | None:
        with self._sending:
            self._asking = True
        self._is_interrupted = self._is_told = False
        try:
            prompt = CONTINUED if self._source.is_incomplete else PROMPT
            return self._dialogue.ask(prompt, "python")
        finally:
            with self._sending:
                self._asking = False

    def _enter(self, text: str) -> bool:
        """Run the lines of an entry: one line, or a block that was edited as a whole."""
        if text.strip() in LEAVING and self._runtime.loop_state() == "closed":
            return False  # nothing runs there that could say so
        lines = text.split("\n")
        for index, line in enumerate(lines):
            if self._is_interrupted:
                return self._drop_rest()
            self._note(line)
            if not self._push(line, lines[index + 1 :]):
                return False
        return len(lines) == 1 or self._run_all(self._source.finish())

    def _note(self, what: str) -> None:
        audit.note(self._run.client.peer, f"console: {what}")

    def _drop_rest(self) -> bool:
        """Ctrl-C is for all of an entry, also if it came between two of its blocks."""
        self._source.abandon()
        if not self._is_told:
            self._dialogue.write("KeyboardInterrupt\n")
        return True

    def _push(self, line: str, rest: list[str]) -> bool:
        upcoming = next_of(rest)
        if not line and not rest and self._source.is_incomplete:
            upcoming = self._dialogue.upcoming()
        return self._run_all(self._compiling.run(self._source.push, line, upcoming))

    def _quietly(self, trial: Callable[[], Any]) -> Any:
        try:
            return self._unheard.run(trial)
        finally:
            self._nobody.take()

    def _run_all(self, outcomes: list[Outcome]) -> bool:
        """False if one of them asks to leave."""
        for outcome in outcomes:
            if isinstance(outcome, Block):
                if not self._execute(types.FunctionType(outcome.code, self._namespace.names)):
                    return False
            else:
                self._failed = True
                self._printed.write(display.rejection_text(outcome.error))
        self._send()
        return True

    # --- blocks -------------------------------------------------------------------------------

    def _execute(self, function: Callable[[], Any]) -> bool:
        """Run a block until it ends; False if it asked to leave."""
        execution = Execution(
            self._runtime, partial(self._call, function), self._context, self._show_error
        )
        self._execution, self._outcome = execution, "done"
        if self._is_interrupted:
            execution.interrupt()
        try:
            execution.follow(self._run, self._dialogue)
        finally:
            self._execution = None
        self._note(self._outcome)
        self._context = execution.context
        self._failed = self._is_told = execution.failed
        self._send()
        return not execution.leaving

    def _call(self, function: Callable[[], Any]) -> Any:
        """In the loop's thread."""
        self._namespace.refresh()
        return function()

    def _is_at_prompt(self) -> bool:
        execution = self._execution
        return execution is not None and execution.is_running_here

    # --- what comes out -----------------------------------------------------------------------

    def _display(self, value: object) -> None:
        """In the loop's thread: a `repr` is the application's code."""
        if value is None:
            return
        self._namespace.names["_"] = None
        self._printed.write(display.value_text(value) + "\n")
        self._namespace.names["_"] = value

    def _show_error(self, error: BaseException) -> None:
        """In the loop's thread."""
        self._outcome = type(error).__name__
        self._printed.write(display.error_text(error))

    def _send_all(self) -> None:
        """A thread of its own: what is printed is sent when it is printed, also while the client
        is at its prompt and nothing of its code is being waited for."""
        # The client has gone, or the monitor's loop.
        with contextlib.suppress(CommandInterrupted, RuntimeError):
            while self._printed.wait():
                self._send()

    def _send(self) -> None:
        with self._sending:
            if text := self._printed.take():
                (self._dialogue.show if self._asking else self._dialogue.write)(text)
