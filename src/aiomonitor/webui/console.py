"""The console in a page: a text client whose lines come as messages over a WebSocket.

What runs is the command `console`, by the same runner that serves terminals. `Consoles` is the
ASGI application of these sockets, behind the guard; `messages` says what is said.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from aiomonitor.access import audit
from aiomonitor.dialogue import EndOfInput, LineAbandoned
from aiomonitor.dialogue.client import Client
from aiomonitor.dialogue.output import ClientOutput
from aiomonitor.dialogue.runner import CommandRunner
from aiomonitor.errors import CommandInterrupted

from . import limits, messages
from .asked import peer_of
from .guard import refuse
from .messages import BadMessage, Complete, End, Enter
from .outbox import Outbox
from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.dialogue import LineKind

    from .guard import Message, Receive, Scope, Send
    from .messages import PageMessage
    from .site import Site

PATH = "/console/socket"

_FAREWELL = 0.2
"""Seconds for a page to take that its console is closed."""
_ENDED, _GOING, _BAD, _REFUSED = 1000, 1001, 1007, 1008
"""Why a socket is closed, in the codes of RFC 6455."""
_LOST = (anyio.BrokenResourceError, TimeoutError)
"""What becomes of a page that does not read, or has gone."""


class Consoles:
    """All sockets of one server; in the monitor's loop."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._open: set[anyio.CancelScope] = set()
        self._left = anyio.Event()
        self._closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except Problem as problem:
            await refuse(problem, scope, send)
            return
        await receive()  # that it connects
        peer = f"{peer_of(scope).name} (web)"
        code, reason = _GOING, "the monitor closes"
        with anyio.CancelScope() as ending:
            self._open.add(ending)
            try:
                await send({"type": "websocket.accept", "subprotocol": messages.SUBPROTOCOL})
                code, reason = await PageConsole(self._site, receive, send, peer).run()
            finally:
                self._open.remove(ending)
                self._left.set()
        with anyio.move_on_after(_FAREWELL, shield=True):
            await send({"type": "websocket.close", "code": code, "reason": reason})

    def _check(self, scope: Scope) -> None:
        if scope["path"] != PATH:
            raise Problem(404, f"there is no WebSocket at {scope['path'][:200]}")
        if self._site.console_refusal:
            audit.note(f"{peer_of(scope).name} (web)", "console", "refused")
            raise Problem(403, self._site.console_refusal)
        if messages.SUBPROTOCOL not in scope["subprotocols"]:
            raise Problem(
                400, f"the console's WebSocket has the subprotocol {messages.SUBPROTOCOL}"
            )
        if self._closed or len(self._open) >= limits.CONSOLES:
            raise Problem(503, f"there are {limits.CONSOLES} consoles already: close one")

    def close(self) -> None:
        """End all of them."""
        self._closed = True
        for ending in self._open:
            ending.cancel()

    async def all_left(self) -> None:
        """Wait until they have ended."""
        while self._open:
            self._left = anyio.Event()
            await self._left.wait()


class PageConsole:
    """One page's."""

    def __init__(self, site: Site, receive: Receive, send: Send, peer: str) -> None:
        self._site = site
        self._receive = receive
        self._output = ClientOutput()
        self._outbox = Outbox(_text_sender(send))
        self._conversation = PageConversation(self._output, self._outbox)
        self._runner = CommandRunner(Client(peer=peer), self._output, self._conversation)
        self._completing = anyio.CapacityLimiter(1)
        self._close = (_ENDED, "")

    async def run(self) -> tuple[int, str]:
        """Serve the page until it leaves or the console ends; with what to close the socket."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                tasks.start_soon(self._deliver)
                tasks.start_soon(self._output.pump, self._outbox)
                tasks.start_soon(self._listen)
                with contextlib.suppress(CommandInterrupted, *_LOST):
                    await self._runner.run(lambda: self._site.run_line("console"))
                    await self._say_goodbye()
                tasks.cancel_scope.cancel()
        finally:
            self._output.abandon()
            self._runner.abandon()
        return self._close

    async def _say_goodbye(self) -> None:
        with anyio.move_on_after(limits.RESPONSE_WAIT):
            await self._output.drain()
            self._outbox.post(messages.ended())
            await self._outbox.drain()

    async def _deliver(self) -> None:
        try:
            await self._outbox.run()
        except Exception:  # whatever the server raises for a connection that is no more
            self._lose()

    async def _listen(self) -> None:
        """Hear the page, also while its code runs: that is how Ctrl-C gets through."""
        try:
            while True:
                event = await self._receive()
                if event["type"] == "websocket.disconnect":
                    break
                self._handle(messages.parse(event.get("text")))
        except BadMessage as error:
            self._close = (_BAD, str(error))
        except _LOST:
            self._close = (_REFUSED, "the page does not read")
        self._lose()

    def _lose(self) -> None:
        """The page has gone, and takes what it awaits with it."""
        self._output.abandon()
        self._conversation.end()
        self._runner.interrupt(self._tasks, final=True)

    def _handle(self, message: PageMessage) -> None:
        if isinstance(message, Enter):
            self._enter(message.text)
        elif isinstance(message, Complete):
            self._tasks.start_soon(self._complete, message)
        elif isinstance(message, End):
            self._conversation.end()
        elif not self._runner.interrupt(self._tasks):
            self._conversation.abandon_line()

    def _enter(self, text: str) -> None:
        python = self._runner.python if self._conversation.kind == "python" else None
        if python is not None and not python.is_complete(text):
            self._outbox.post(messages.incomplete())
        else:
            self._conversation.put(text)
            self._outbox.post(messages.accepted(text))

    async def _complete(self, asked: Complete) -> None:
        """Two at a time would be of no use: the answer to the first is not wanted any more."""
        python = self._runner.python
        with contextlib.suppress(*_LOST):
            if python is None or self._completing.borrowed_tokens:
                self._outbox.post(messages.completions(asked.id, ()))
                return
            found = await anyio.to_thread.run_sync(
                python.complete, asked.text, limiter=self._completing, abandon_on_cancel=True
            )
            self._outbox.post(messages.completions(asked.id, found[: limits.COMPLETIONS]))


class PageConversation:
    """The page's lines, and what is shown between them."""

    script: list[str] | None = None

    def __init__(self, output: ClientOutput, outbox: Outbox) -> None:
        self._output = output
        self._outbox = outbox
        self._lines: deque[str] = deque()
        self._news = anyio.Event()
        self._abandoned = False
        self.kind: LineKind = "python"
        """What is being asked for."""
        self.has_ended = False
        self.is_asking = False

    def put(self, text: str) -> None:
        """An entry of the page's. Raises `BadMessage` if there are too many of them."""
        if len(self._lines) >= limits.ENTRIES_AHEAD:
            raise BadMessage(f"{limits.ENTRIES_AHEAD} entries wait to be run already")
        self._lines.append(text)
        self._news.set()

    def end(self) -> None:
        """There are no more."""
        self.has_ended = True
        self._news.set()

    def abandon_line(self) -> None:
        """Ctrl-C at the prompt."""
        self._abandoned = self.is_asking
        self._news.set()

    async def next_line(self, prompt: str, kind: LineKind = "command") -> str:
        """Ask for an entry. Raises `EndOfInput`, and `LineAbandoned` after Ctrl-C."""
        self.kind, self._abandoned = kind, False
        self.is_asking = True
        try:
            if not self._lines:
                await self._show_prompt(prompt)
            return await self._read()
        finally:
            self.is_asking = False
            self.kind = "python"

    async def _show_prompt(self, prompt: str) -> None:
        await self._output.drain()
        with contextlib.suppress(*_LOST):
            self._outbox.post(messages.prompt(prompt))

    async def _read(self) -> str:
        while True:
            if self._abandoned:
                raise LineAbandoned
            if self._lines:
                return self._lines.popleft()
            if self.has_ended:
                raise EndOfInput
            self._news = anyio.Event()
            await self._news.wait()

    async def upcoming(self) -> str | None:
        """None: entries are whole."""
        return None

    def take_interrupt(self) -> bool:
        """False: Ctrl-C is a message of its own."""
        return False

    def show(self, text: str) -> None:
        """Show text in between; the page keeps it out of what is being typed."""
        with contextlib.suppress(CommandInterrupted):
            self._output.write(text)


def _text_sender(send: Send) -> Callable[[str], Awaitable[None]]:
    async def send_text(text: str) -> None:
        message: Message = {"type": "websocket.send", "text": text}
        await send(message)

    return send_text
