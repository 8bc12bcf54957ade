"""One terminal client, from its first byte to its last: recognise, greet, read a line, run it.

Runs in the monitor's loop, on anyio alone. It sees the monitor through `Shell`: what the
interpreter offers to a user interface, and nothing else.
"""

from __future__ import annotations

import importlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from aiomonitor.dialogue import EndOfInput, LineAbandoned, LineTooLong
from aiomonitor.dialogue.client import Client, CommandRun
from aiomonitor.dialogue.output import ClientOutput
from aiomonitor.dialogue.runner import CommandRunner
from aiomonitor.errors import CommandInterrupted

from .admission import Admission
from .conversation import Conversation, is_foreign
from .lines import opens_foreign
from .oneshot import OneShot
from .protocol import (
    AreYouThere,
    ClientProtocol,
    EndOfFile,
    Interrupt,
    Message,
    Resized,
    Typed,
)
from .stream import ClientStream

if TYPE_CHECKING:
    from anyio.abc import ByteStream

    from aiomonitor.access.gate import Gate
    from aiomonitor.access.peers import Peer

    from .editor import TerminalSource
    from .shell import Shell

_FIRST_BYTES = 0.05
"""Seconds in which a script's first line arrives; it then never sees telnet's question."""
_TELNET_ANSWER = 0.4
"""Seconds in which a telnet client answers; one that is slower is taken for a terminal later."""
_FAREWELL = 5.0
"""Seconds for the last output to reach a client that is being let go."""
_RECEIVE = 64 * 1024
_EARLY_LIMIT = 64 * 1024
"""Bytes taken from a client before we know what it is."""


class Session:
    """Serves one connection; `run` returns when it is over, and closes it."""

    def __init__(
        self,
        shell: Shell,
        stream: ByteStream,
        peer: Peer,
        gate: Gate,
        *,
        only: str | None = None,
    ) -> None:
        self._shell = shell
        self._only = only  # the one command line that is run, for a port that has one purpose
        self._stream = stream
        self._admission = Admission(gate, peer)
        self._client = Client(peer=peer.name)
        self._protocol = ClientProtocol()
        self._output = ClientOutput()
        self._conversation = Conversation(self._output, self._become_terminal)
        self._terminal: TerminalSource | None = None
        self._recognised = anyio.Event()
        self._taken_for_plain = False
        self._early = bytearray()  # typed before we know what types
        self._runner = CommandRunner(self._client, self._output, self._conversation)
        self._ended = False  # no more bytes will come
        self._broken = False  # nor did the client say so
        self._heard = anyio.Event()  # what has come tells a terminal from a plain client
        self._described = anyio.Event()  # a terminal has told what it is
        self._one_shot = OneShot(self._protocol, self._output)

    async def run(self) -> None:
        """Serve the client until it leaves."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._output.pump, self._stream)
                tasks.start_soon(self._receive)
                await self._converse()
                with anyio.move_on_after(_FAREWELL):
                    await self._output.drain()
                tasks.cancel_scope.cancel()
        finally:
            self._output.abandon()
            self._runner.abandon()
            if self._terminal is not None:
                self._terminal.close()
            with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                await self._stream.aclose()

    # --- what comes in ------------------------------------------------------------------------

    async def _receive(self) -> None:
        """Read the connection, also while a command runs: that is how Ctrl-C gets through."""
        try:
            while True:
                data = await self._stream.receive(_RECEIVE)
                for message in self._protocol.receive(data):
                    self._handle(message)
                self._output.write_bytes(self._protocol.bytes_to_send())
                self._take_note()
                if len(self._early) > _EARLY_LIMIT:
                    await self._recognised.wait()
                await self._conversation.source.room()
                if self._protocol.is_flooding:
                    raise anyio.ClosedResourceError
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError) as end:
            self._handle_end(gone=not isinstance(end, anyio.EndOfStream))
        except CommandInterrupted:
            self._handle_end(gone=True)  # it does not read its replies

    def _take_note(self) -> None:
        if self._early or self._protocol.speaks_telnet:  # half a telnet command tells nothing yet
            self._heard.set()
        if self._protocol.is_described:
            self._described.set()
        plain = self._conversation.plain
        if self._taken_for_plain and self._protocol.speaks_telnet and not plain.used:
            # It answered late, as over a slow line.
            self._taken_for_plain = False
            plain.give_way()

    def _handle_end(self, *, gone: bool) -> None:
        """No more bytes: a script may have closed its half and wait for answers."""
        self._ended = True
        self._broken = gone
        self._heard.set()
        self._described.set()
        self._one_shot.put_end()
        self._conversation.has_ended = True
        self._feed_end()
        if gone or self._terminal is not None or self._protocol.is_one_shot:
            self._output.abandon()
            self._runner.interrupt(self._tasks, final=True)
        elif isinstance(self._stream, ClientStream):
            self._tasks.start_soon(self._await_hangup, self._stream)

    async def _await_hangup(self, stream: ClientStream) -> None:
        """A command that nobody sees the end of need not come to one."""
        await stream.wait_gone()
        self._handle_end(gone=True)

    def _handle(self, message: Message) -> None:
        if isinstance(message, Typed):
            self._type(message.data)
        elif isinstance(message, Interrupt):
            if not self._interrupt():
                self._type(b"\x03")
        elif isinstance(message, EndOfFile):
            self._type(b"\x04")
        elif isinstance(message, AreYouThere):
            self._output.write("[aiomonitor is here]\n")
        elif isinstance(message, Resized):
            self._client.columns = message.columns
            if self._terminal is not None:
                self._terminal.resize(message.columns, message.rows)
        else:
            self._one_shot.put(message)

    def _type(self, data: bytes) -> None:
        if self._recognised.is_set():
            self._conversation.source.feed(data)
        else:
            self._early += data

    def _feed_end(self) -> None:
        if self._broken and self._conversation.is_plain:
            self._conversation.plain.feed_cut()
        else:
            self._conversation.source.feed_eof()

    def _interrupt(self) -> bool:
        return self._runner.interrupt(self._tasks)

    # --- the conversation ---------------------------------------------------------------------

    async def _converse(self) -> None:
        with suppress(EndOfInput, LineAbandoned, CommandInterrupted):
            await self._recognise()
            if self._protocol.is_one_shot:
                await self._one_shot.serve(self._admission, self._execute_only)
                return
            if await self._admission.ask(self._conversation, self._output):
                if self._only is not None:
                    await self._execute(self._only)
                    return
                greeting = await anyio.to_thread.run_sync(self._shell.greeting)
                self._output.write(greeting)
                await self._serve_lines()

    async def _recognise(self) -> None:
        """Find out what connected; raises `EndOfInput` for a stranger."""
        with anyio.move_on_after(_FIRST_BYTES):
            await self._heard.wait()
        if not self._heard.is_set():
            self._protocol.ask_type()
            self._output.write_bytes(self._protocol.bytes_to_send())
            with anyio.move_on_after(_TELNET_ANSWER):
                await self._heard.wait()
        if opens_foreign(bytes(self._early), complete=self._protocol.speaks_telnet):
            raise EndOfInput
        if self._protocol.speaks_telnet:
            await self._become_terminal()
        self._taken_for_plain = not self._protocol.speaks_telnet
        self._recognised.set()
        self._conversation.source.feed(bytes(self._early))
        if self._ended:
            self._feed_end()
        if self._early and self._conversation.is_plain:
            await self._look_at_first_line()

    async def _look_at_first_line(self) -> None:
        """Whoever speaks first may be a browser: it gets not one word."""
        with anyio.move_on_after(_TELNET_ANSWER):
            line = await self._conversation.plain.first_line()
            if line is not None and is_foreign(line):
                raise EndOfInput

    async def _become_terminal(self) -> None:
        """Ask the telnet client for its type and size, then edit its lines if it can show that."""
        self._protocol.ask_type()
        self._protocol.ask_size()
        self._output.write_bytes(self._protocol.bytes_to_send())
        with anyio.move_on_after(_TELNET_ANSWER):
            await self._described.wait()
        self._client.color = self._protocol.has_color and not os.environ.get("NO_COLOR")
        if self._protocol.size_known:
            self._client.columns = self._protocol.size[0]
        if self._protocol.is_one_shot:
            return
        self._output.newline = "\r\n"
        if self._protocol.is_terminal:
            self._conversation.source = self._terminal = await self._make_editor()

    async def _make_editor(self) -> TerminalSource:
        # prompt_toolkit takes a quarter of a second to import: other clients need not wait for it.
        editor = await anyio.to_thread.run_sync(
            importlib.import_module, "aiomonitor.terminal.editor"
        )
        self._protocol.take_over_echo()
        self._output.write_bytes(self._protocol.bytes_to_send())
        source: TerminalSource = editor.TerminalSource(
            self._output,
            term=self._protocol.term or "ansi",
            size=self._protocol.size,
            color=self._client.color,
            complete=self._shell.completions,
            python=lambda: self._runner.python,
            on_interrupt=self._interrupt,
        )
        return source

    async def _serve_lines(self) -> None:
        leaving = False
        while not leaving:
            try:
                line = await self._conversation.next_line(self._shell.prompt)
            except LineAbandoned:
                continue
            leaving = (await self._execute(line)).leaving

    async def _execute_only(self, line: str) -> CommandRun:
        """The line of a one-shot client: input for the one command of this port, if it has one."""
        if self._only is None or _refusal(line) is not None:
            return await self._execute(line)
        self._conversation.script = line.split("\n")
        return await self._execute(self._only)

    async def _execute(self, line: str) -> CommandRun:
        if (refusal := _refusal(line)) is not None:
            self._output.write(refusal)
            run = CommandRun(self._client)
            run.status = 2
        else:
            run = await self._runner.run(lambda: self._shell.run_line(line))
        return run


def _refusal(line: str) -> str | None:
    """Why a line is not a command, whatever it says."""
    if isinstance(line, LineTooLong):
        return line.refusal + "\n"
    if "\0" in line:
        return "the line holds a NUL byte: it was not run\n"
    return None
