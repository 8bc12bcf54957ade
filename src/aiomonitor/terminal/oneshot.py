"""A client with one command to run: no greeting, no prompt, and an exit status at the end.

It speaks telnet's private option ONE_SHOT: the token if there is one, the command, the status back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from aiomonitor.dialogue import EndOfInput

from .protocol import ClientProtocol, OneShotCommand, Token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.dialogue.client import CommandRun
    from aiomonitor.dialogue.output import ClientOutput

    from .admission import Admission

_PATIENCE = 60.0
"""Seconds in which the command has to come: strangers must not hold connections open."""
_REFUSED = 2


class OneShot:
    """The conversation with one such client."""

    def __init__(self, protocol: ClientProtocol, output: ClientOutput) -> None:
        self._protocol = protocol
        self._output = output
        self._messages: list[Token | OneShotCommand] = []
        self._news = anyio.Event()
        self._ended = False

    def put(self, message: Token | OneShotCommand) -> None:
        """A message has come; called by whoever reads the connection."""
        self._messages.append(message)
        self._news.set()

    def put_end(self) -> None:
        """No more messages will come."""
        self._ended = True
        self._news.set()

    async def serve(
        self,
        admission: Admission,
        execute: Callable[[str], Awaitable[CommandRun]],
    ) -> None:
        """Run the command if the client may, and report how it ended; raises `EndOfInput`."""
        admitted, given = admission.is_free, False
        while isinstance(message := await self._next(), Token):
            admitted = admitted or admission.is_token(message.text)
            given = given or bool(message.text.strip())
        status = _REFUSED
        if not admitted:
            fault = "that is not the token" if given else "this monitor asks for a token"
            self._output.write(admission.patience or f"{fault}: --token, or AIOMONITOR_TOKEN\n")
        elif message.line is None:
            self._output.write("the command was too long, and was not run\n")
        else:
            status = (await execute(message.line)).status
        await self._output.drain()
        self._protocol.report_status(status)
        self._output.write_bytes(self._protocol.bytes_to_send())

    async def _next(self) -> Token | OneShotCommand:
        with anyio.move_on_after(_PATIENCE):
            while not self._messages and not self._ended:
                self._news = anyio.Event()
                await self._news.wait()
        if not self._messages:
            raise EndOfInput
        return self._messages.pop(0)
