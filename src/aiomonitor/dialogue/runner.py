"""Runs a client's commands, one at a time, in worker threads; and gets rid of those that hang."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TextIO, cast

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from aiomonitor.errors import CommandError, CommandInterrupted
from aiomonitor.pacing import counted

from . import Dialogue, EndOfInput, LineAbandoned, LineTooLong
from .client import Client, CommandRun, current_run
from .turns import turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from . import LineKind, PythonReader
    from .output import ClientOutput

_GRACE = 0.5
"""Seconds that an interrupted command gets to end by itself, and again after it was forced."""
_GIVEN_UP_LIMIT = 8
"""Commands of one client that may hang on after Ctrl-C: each of them holds a thread."""


class Lines(Protocol):
    """Where a client's lines come from: `Conversation`, or what else has a person behind it."""

    @property
    def script(self) -> list[str] | None: ...

    @property
    def has_ended(self) -> bool: ...

    @property
    def is_asking(self) -> bool: ...

    async def next_line(self, prompt: str, kind: LineKind) -> str:
        """Raises `EndOfInput`, and `LineAbandoned` after Ctrl-C at the prompt."""
        ...

    async def upcoming(self) -> str | None: ...

    def take_interrupt(self) -> bool: ...

    def show(self, text: str) -> None: ...


class CommandRunner:
    """One client's commands; used in the monitor's loop."""

    def __init__(
        self,
        client: Client,
        output: ClientOutput,
        conversation: Lines,
    ) -> None:
        self._client = client
        self._output = output
        self._conversation = conversation
        self._run: CommandRun | None = None
        self._scope = anyio.CancelScope()
        self._queueing = anyio.CancelScope()
        self._ended = anyio.Event()
        self._given_up = 0

    async def run(self, function: Callable[[], None]) -> CommandRun:
        """Run the function in a worker thread, as this client, until it ends or is given up.

        A thread cannot be stopped from outside, so a command that was interrupted and hangs on is
        left behind: it cannot write to the client any more.
        """
        run = CommandRun(self._client)
        run.sout = cast("TextIO", _CommandOutput(run, self._output))
        run.dialogue = _SessionDialogue(run, self._conversation)
        run.sin = cast("TextIO", _CommandInput(run.dialogue))
        if self._given_up >= _GIVEN_UP_LIMIT:
            self._output.write(
                f"{self._given_up} interrupted commands still run: no more for now\n"
            )
            run.status = 1
            return run
        self._run, self._ended = run, anyio.Event()
        current_run.set(run)
        with anyio.CancelScope() as self._scope:
            await self._in_turn(run, function)
        self._run = None
        self._ended.set()
        if run.interrupted and not self._scope.cancelled_caught:
            self._output.write("interrupted\n")
            run.status = 1
        return run

    async def _in_turn(self, run: CommandRun, function: Callable[[], None]) -> None:
        turn = None
        with anyio.CancelScope() as self._queueing:
            turn = await turns().begin()
        if turn is None:
            return
        try:
            # A limiter of its own: a client never waits for another one's slow command.
            await anyio.to_thread.run_sync(
                self._in_thread, run, function, abandon_on_cancel=True, limiter=_one()
            )
        finally:
            turns().end(turn)

    def _in_thread(self, run: CommandRun, function: Callable[[], None]) -> None:
        self._given_up += 1  # as long as it runs; the loop looks only when it does not
        try:
            run.call(partial(_paced, function))
        finally:
            self._given_up -= 1

    @property
    def python(self) -> PythonReader | None:
        """What the running command knows of the Python that it reads, if it does."""
        return self._run.python if self._run is not None else None

    def abandon(self) -> None:
        """The session is over: a command that still looks at its run learns it."""
        if self._run is not None:
            self._run.interrupted = True

    def interrupt(self, tasks: TaskGroup, *, final: bool = False) -> bool:
        """Begin to interrupt the running command; False if there is nothing to be interrupted.

        A command may handle Ctrl-C itself, but for the `final` one: the client has gone.
        """
        if self._run is None or self._run.interrupted:
            return False
        if not final and self._run.on_interrupt is not None:
            if not self._conversation.is_asking:
                self._run.on_interrupt()
            return not self._conversation.is_asking
        self._run.interrupt()  # now: a second Ctrl-C may be in the same packet
        self._queueing.cancel()  # it need not begin
        tasks.start_soon(self._press, self._run, self._scope, self._ended)
        return True

    async def _press(self, run: CommandRun, scope: anyio.CancelScope, ended: anyio.Event) -> None:
        """It was asked; then force, then give up."""
        if await _happens(ended):
            return
        run.force()
        if await _happens(ended):
            return
        with suppress(CommandInterrupted):  # it may have gone
            self._output.write("interrupted, but it does not end: its thread is left behind\n")
        run.status = 1
        scope.cancel()


def _paced(function: Callable[[], None]) -> None:
    with counted():
        function()


async def _happens(event: anyio.Event) -> bool:
    with anyio.move_on_after(_GRACE):
        await event.wait()
    return event.is_set()


def _one() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(1)


class _CommandOutput(io.TextIOBase):
    """`_sout` of one run: where an interrupt reaches a sync command."""

    encoding = "utf-8"

    def __init__(self, run: CommandRun, output: ClientOutput) -> None:
        self._command_run = run
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._command_run.check()
        return self._output.write(text)


class _CommandInput(io.TextIOBase):
    """`_sin` of one run: the client's next lines, for sync commands that ask something."""

    encoding = "utf-8"

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def readable(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        """One line; empty at the end. Only in a worker thread: it waits."""
        line = self._dialogue.ask("", "answer")
        text = "" if line is None else line + "\n"
        return text if size is None or size < 0 else text[:size]


class _SessionDialogue(Dialogue):
    """With a session's client; in the run's worker thread."""

    def __init__(self, run: CommandRun, conversation: Lines) -> None:
        super().__init__(None, run.sout)
        self._command_run = run
        self._conversation = conversation
        self.is_scripted = conversation.script is not None
        self._token = anyio.lowlevel.current_token()

    @property
    def has_ended(self) -> bool:
        return self._conversation.has_ended

    def ask(self, prompt: str, kind: LineKind) -> str | None:
        self._command_run.check()
        try:
            return anyio.from_thread.run(self._read, prompt, kind)
        except EndOfInput:
            return None

    async def _read(self, prompt: str, kind: LineKind) -> str:
        try:
            line = await self._conversation.next_line(prompt, kind)
        except LineAbandoned:
            raise CommandInterrupted from None
        if isinstance(line, LineTooLong):
            raise CommandError(line.refusal)
        interrupt = self._command_run.on_interrupt
        if interrupt is not None and self._conversation.take_interrupt():
            interrupt()
        return line

    def upcoming(self) -> str | None:
        return anyio.from_thread.run(self._conversation.upcoming)

    def show(self, text: str) -> None:
        """As in the base class, from any thread but the monitor's loop's."""
        self._command_run.check()
        anyio.from_thread.run_sync(self._conversation.show, text, token=self._token)
