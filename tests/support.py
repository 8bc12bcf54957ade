"""What several suites share: a monitor of scripted tasks, and clients of its terminal."""

from __future__ import annotations

import contextvars
import io
import re
import socket
import sys
import threading
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypedDict

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketStream

from aiomonitor import Monitor
from aiomonitor.access.gate import Gate
from aiomonitor.access.peers import Peer as Whom
from aiomonitor.backends.fake import FakeBackend
from aiomonitor.dialogue.client import Client, CommandRun, current_run
from aiomonitor.terminal import session
from aiomonitor.terminal.telnet import (
    TTYPE_IS,
    TTYPE_SEND,
    Command,
    Enabled,
    Event,
    Option,
    Subnegotiation,
    TelnetCodec,
    naws_payload,
)
from aiomonitor.terminal.telnet import Data as TelnetData

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiomonitor.commands import CommandInterpreter
    from aiomonitor.terminal.shell import Shell


class Ports(TypedDict):
    """Where a monitor listens."""

    port: int | None
    webui_port: int | None
    console_port: int | None


FREE: Ports = {"port": 0, "webui_port": 0, "console_port": 0}
NOWHERE: Ports = {"port": None, "webui_port": None, "console_port": None}

LOOP_KINDS = [
    "asyncio",
    pytest.param(
        "eager",
        marks=pytest.mark.skipif(
            sys.version_info < (3, 12), reason="needs Python 3.12: the eager task factory"
        ),
    ),
    pytest.param(
        "uvloop", marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="needs uvloop")
    ),
]
"""The event loops that applications run on."""

PATIENCE = 60.0
"""Seconds after which a test has failed. No test waits for them when all is well."""

_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)")


def ask(port: int | None, *lines: str) -> str:
    """What a terminal prints for these commands, on a connection of their own."""
    with socket.create_connection(("127.0.0.1", port or 0), timeout=30) as client:
        client.sendall("".join(f"{line}\n" for line in (*lines, "exit")).encode())
        said = b"".join(iter(lambda: client.recv(65_536), b""))
        return said.decode("utf-8", "replace")  # a slow machine is asked whether it speaks telnet


class Desk(Monitor):
    """A monitor of scripted tasks that is not started: no thread, no socket."""

    def __init__(self) -> None:
        super().__init__(**NOWHERE)
        self.backend = FakeBackend()
        self._observe(self.backend)


class Host(Desk):
    """What the tests of the terminal connect to: it remembers what it ran."""

    intro = "welcome\n"
    prompt = "> "

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []
        self.started = threading.Event()
        self.ended = threading.Event()
        self.released = threading.Event()

    def run_line(self, line: str) -> None:
        self.ran.append(line)
        super().run_line(line)

    def do_zebra(self, *words: str) -> None:
        """Show the words."""
        self._sout.write(f"[{' '.join(words)}]\n")

    def do_fail(self) -> None:
        raise ValueError("bad luck")

    def do_ask(self) -> None:
        self._sout.write("name? ")
        self._sout.write(f"hello {self._sin.readline().strip()}\n")

    def do_client(self) -> None:
        self._sout.write(f"{self._client.columns} columns, color {self._client.color}\n")

    async def do_forever(self) -> None:
        """Wait until somebody interrupts it."""
        self.started.set()
        try:
            await anyio.sleep_forever()
        finally:
            self.ended.set()

    def do_flood(self) -> None:
        """Write until somebody interrupts it."""
        self.started.set()
        try:
            while True:
                self._sout.write("x" * 10_000)
        finally:
            self.ended.set()

    def do_hold(self) -> None:
        """Wait for the test."""
        self.started.set()
        self.released.wait(PATIENCE)
        self._sout.write("[held]\n")


class Seat:
    """One client of an interpreter, without a connection."""

    def __init__(self, interpreter: CommandInterpreter, columns: int = 120) -> None:
        self.interpreter = interpreter
        self.client = Client(columns=columns)
        self.run = CommandRun(self.client)

    def type(self, line: str, answers: str = "") -> str:
        """Run the line as this client; what it printed. `run` tells how it went."""
        output = io.StringIO()
        self.run = CommandRun(self.client, io.StringIO(answers), output)

        def in_context() -> None:
            current_run.set(self.run)
            self.interpreter.run_line(line)

        contextvars.copy_context().run(in_context)
        return output.getvalue()


async def loopback_pair() -> tuple[SocketStream, SocketStream]:
    """Two ends of a real TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return await SocketStream.from_socket(near), await SocketStream.from_socket(far)


class Peer:
    """A client that sends plain text, like nc."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self.ended = False
        self.raw = b""
        self.text = ""
        self._read_to = 0

    async def send(self, data: bytes) -> None:
        await self.stream.send(data)

    async def receive(self) -> None:
        """Take what comes next. Raises `anyio.EndOfStream`, or worse."""
        self._take(await self.stream.receive())

    def _take(self, data: bytes) -> None:
        self.raw += data
        self.text = self.raw.decode("utf-8", "replace")

    async def until(self, text: str) -> str:
        """Receive until this has come, after what was waited for before; all up to its end."""
        while (found := self.text.find(text, self._read_to)) < 0:
            try:
                await self.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError) as end:
                raise AssertionError(
                    f"{text!r} did not come, but {self.text[self._read_to :]!r}"
                ) from end
        before, self._read_to = self.text[self._read_to : found], found + len(text)
        return before + text

    async def until_end(self) -> str:
        """Receive until the server hangs up; all that came."""
        try:
            while True:
                await self.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return self.text

    async def end(self) -> None:
        """Say that no more will be sent, as `nc -N` does."""
        self.ended = True
        await self.stream.send_eof()


class TelnetPeer(Peer):
    """A client that answers telnet's questions; `text` is what a screen would show, unstyled.

    It names its terminal and size when asked, each unless None.
    """

    def __init__(
        self,
        stream: SocketStream,
        term: str | None = "xterm",
        size: tuple[int, int] | None = (80, 24),
    ) -> None:
        super().__init__(stream)
        self._term = term
        self._size = size
        self.codec = TelnetCodec()
        self.mute = False  # reads, but keeps its answers for later
        self.events: list[Event] = []
        self._screen = b""
        for option, known in ((Option.TTYPE, term), (Option.NAWS, size), (Option.SGA, True)):
            if known is not None:
                self.codec.accept(option, "local")
        for option in (Option.ECHO, Option.SGA):
            self.codec.accept(option, "remote")

    async def receive(self) -> None:
        await super().receive()
        if not self.mute:
            await self.reply()

    async def reply(self) -> None:
        """Send what the codec has to say."""
        reply = self.codec.bytes_to_send()
        if reply and not self.ended:
            await self.send(reply)

    def _take(self, data: bytes) -> None:
        self.raw += data
        for event in self.codec.receive(data):
            self.events.append(event)
            if isinstance(event, TelnetData):
                self._screen += event.data
            else:
                self._answer(event)
        self.text = _ESCAPES.sub("", self._screen.decode("utf-8", "replace"))

    def _answer(self, event: Event) -> None:
        if isinstance(event, Enabled) and event.option == Option.NAWS and self._size is not None:
            self.codec.subnegotiate(Option.NAWS, naws_payload(*self._size))
        elif isinstance(event, Subnegotiation) and event.payload == TTYPE_SEND:
            self.codec.subnegotiate(Option.TTYPE, TTYPE_IS + (self._term or "").encode())

    async def resize(self, columns: int, rows: int) -> None:
        """The window has another size now."""
        self.codec.subnegotiate(Option.NAWS, naws_payload(columns, rows))
        await self.reply()

    async def press(self, command: Command) -> None:
        """Send one of telnet's keys."""
        await self.send(bytes([Command.IAC, command]))


@asynccontextmanager
async def connection(
    shell: Shell, token: str | None = None, *, patient: bool = False, speaks_first: bool = False
) -> AsyncIterator[SocketStream]:
    """The client's end of a connection that a session serves; it hangs up, and the session ends.

    However slow the machine is, `patient` waits for a telnet client's answers, and `speaks_first`
    for what a script sends at once, which is then never asked whether it speaks telnet.
    """
    near, far = await loopback_pair()
    with pytest.MonkeyPatch.context() as patch, anyio.fail_after(PATIENCE):
        if patient:
            patch.setattr(session, "_TELNET_ANSWER", PATIENCE)
        if speaks_first:
            patch.setattr(session, "_FIRST_BYTES", PATIENCE)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.Session(shell, far, Whom(name="test"), Gate(token)).run)
            async with near:
                yield near


async def happened(event: threading.Event) -> None:
    """Return when a thread has set the event."""
    assert await anyio.to_thread.run_sync(event.wait, PATIENCE)
