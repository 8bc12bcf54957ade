"""A client's socket as a byte stream, on either of anyio's backends; anyio and the stdlib only.

Not anyio's own `SocketStream`. On asyncio that one reads ahead without a limit until its `receive`
has had to wait once: a client that opens with a flood would fill our memory. And a client that was
gone before we came to look makes its constructor raise `ValueError`.
"""

from __future__ import annotations

import select
import socket

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream

_LOOK_EVERY = 0.5
"""Seconds until it is noticed that a client has gone which had said before that it says no more."""


class ClientStream(ByteStream):
    """Reads only when asked to: what is not read yet waits in the kernel, then in the client."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """What has come, at least a byte; raises as every stream of anyio's."""
        while True:
            self._check()
            try:
                await anyio.wait_readable(self._socket)
                data = self._socket.recv(max_bytes)
            except BlockingIOError:
                continue
            except OSError as error:
                raise anyio.BrokenResourceError from error
            if not data:
                raise anyio.EndOfStream
            return data

    async def send(self, item: bytes) -> None:
        """Hand all of it to the kernel, waiting while the client does not read."""
        rest = memoryview(item)
        while rest:
            self._check()
            try:
                await anyio.wait_writable(self._socket)
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """Nothing more will be sent."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def wait_gone(self) -> None:
        """Return some time after the client has gone for good: that it says no more may as well
        mean that it waits for answers. It is known once something was sent to it in vain."""
        while not self._is_gone():  # noqa: ASYNC110 - the loop tells of a socket only once
            await anyio.sleep(_LOOK_EVERY)

    def _is_gone(self) -> bool:
        if self._socket.fileno() < 0:
            return True
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._socket, 0)  # what is wrong is told unasked
        return bool(poll.poll(0))

    async def aclose(self) -> None:
        """Close the socket; whoever waits for it learns that."""
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()
        await anyio.lowlevel.checkpoint()

    def _check(self) -> None:
        if self._socket.fileno() < 0:
            raise anyio.ClosedResourceError
