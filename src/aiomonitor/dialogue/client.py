"""One client, and one command that it runs: their state, and how the command is interrupted.

Owned by the client's session; commands reach both through the interpreter's properties. Stdlib
only, but for anyio where a coroutine is awaited.
"""

from __future__ import annotations

import inspect
import math
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from aiomonitor.errors import CommandInterrupted
from aiomonitor.threads import raise_in_thread

from . import Dialogue

if TYPE_CHECKING:
    from collections.abc import Callable

    import anyio

    from . import PythonReader

PLAIN_COLUMNS = 120
"""Assumed of a client that does not tell: wide enough for a log, narrow enough to read."""


@dataclass(slots=True)
class Client:
    """What is known of a client for as long as it is connected."""

    peer: str = "local"
    """Its address, for the audit log."""
    columns: int = PLAIN_COLUMNS
    color: bool = False
    lastcmd: str = ""


class CommandRun:
    """One command line being run in a worker thread, which Ctrl-C may interrupt.

    `call` and `wait_for` run in the worker thread, the rest in the monitor's loop. An interrupt
    reaches a coroutine at its await and a sync command at its next write; `force` stops one that
    does neither. Each run has its own streams, so that one that was given up writes to nobody.
    """

    def __init__(
        self, client: Client, sin: TextIO | None = None, sout: TextIO | None = None
    ) -> None:
        self.client = client
        self.sin = sin
        self.sout = sout
        self.status = 0  # 0: well, 1: it failed, 2: it was not understood
        self.leaving = False  # set by `exit`: the session ends after this command
        self.interrupted = False
        self.on_interrupt: Callable[[], None] | None = None
        """Set by a command that handles Ctrl-C itself, unless the key is for the line that it has
        asked for. Called in the monitor's loop."""
        self.python: PythonReader | None = None
        """Set by a command that reads Python."""
        self._dialogue: Dialogue | None = None
        self._scope: anyio.CancelScope | None = None
        self._thread_id: int | None = None
        # Held for a few instructions at a time; it keeps `force` from hitting the thread once it
        # has gone on to somebody else's work.
        self._lock = threading.Lock()

    @property
    def dialogue(self) -> Dialogue:
        """For a command that asks its client for lines; in the worker thread."""
        return self._dialogue or Dialogue(self.sin, self.sout)

    @dialogue.setter
    def dialogue(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def call(self, function: Callable[[], None]) -> None:
        """Run the function in this thread; an interrupt ends it and is not raised further."""
        try:
            try:
                self._thread_id = threading.get_ident()
                function()
            finally:
                self._leave_thread()
        except CommandInterrupted:
            # A forced interrupt may have hit the clean-up itself.
            self._leave_thread()

    def check(self) -> None:
        """Raise `CommandInterrupted` if the command was interrupted. Any thread."""
        if self.interrupted:
            raise CommandInterrupted

    def interrupt(self) -> None:
        """Ask the command to end."""
        self.interrupted = True
        if self._scope is not None:
            self._scope.cancel()

    def force(self) -> None:
        """Raise `CommandInterrupted` in the worker thread, at its next Python instruction.

        A thread that sits in C code (`time.sleep`) gets it when it comes back.
        """
        with self._lock:
            raise_in_thread(self._thread_id, CommandInterrupted)

    def _leave_thread(self) -> None:
        with self._lock:
            raise_in_thread(self._thread_id, None)  # takes a pending one back
            self._thread_id = None

    def wait_for(self, result: Any) -> Any:
        """A command's result, awaited on the monitor's loop if it needs awaiting."""
        if not inspect.isawaitable(result):
            return result
        from concurrent.futures import CancelledError

        import anyio
        import anyio.from_thread

        async def wait() -> tuple[Any, BaseException | None]:
            with anyio.CancelScope() as self._scope:
                if self.interrupted and inspect.iscoroutine(result):
                    result.close()  # else Python warns that it was never awaited
                self.check()
                try:
                    return await result, None
                except (KeyboardInterrupt, SystemExit) as stop:
                    # Raised here, it would end the monitor's loop.
                    return None, stop
                except anyio.get_cancelled_exc_class() as cancelled:
                    if anyio.current_effective_deadline() == -math.inf:
                        raise  # by us
                    # By the command itself; in the session it would end that.
                    error = CancelledError("what it awaited was cancelled")
                    return None, error.with_traceback(cancelled.__traceback__)
            return None, CommandInterrupted()

        try:
            anyio.from_thread.check_cancelled()
        except RuntimeError:
            # No worker thread of the monitor's: a test or a script calls us directly.
            value, stop = anyio.run(wait)
        else:
            value, stop = anyio.from_thread.run(wait)
        if stop is not None:
            raise stop
        return value


current_run: ContextVar[CommandRun] = ContextVar("aiomonitor_run")
