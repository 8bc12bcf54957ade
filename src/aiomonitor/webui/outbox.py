"""What is on its way to one page: in order, by one writer, and never more than the page takes."""

from __future__ import annotations

import codecs
from collections import deque
from typing import TYPE_CHECKING

import anyio

from . import limits, messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Outbox:
    """Messages to one page; in the monitor's loop."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self._send = send
        self._waiting: deque[str] = deque()
        self._news = anyio.Event()
        self._sent = anyio.Event()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def post(self, message: str) -> None:
        """Send it soon. Raises `anyio.BrokenResourceError` for a page that does not read."""
        if len(self._waiting) >= limits.UNREAD_MESSAGES:
            raise anyio.BrokenResourceError
        self._waiting.append(message)
        self._news.set()

    async def send(self, item: bytes) -> None:
        """Send a piece of output, whose last character may be torn; returns when it is sent."""
        if text := self._decode(item):
            self.post(messages.output(text))
            await self.drain()

    async def drain(self) -> None:
        """Wait until everything is sent."""
        while self._waiting:
            await self._sent.wait()

    async def run(self) -> None:
        """Send, for ever. Raises `TimeoutError` for a page that does not read."""
        while True:
            while self._waiting:
                with anyio.fail_after(limits.RESPONSE_WAIT):
                    await self._send(self._waiting[0])
                self._waiting.popleft()
            self._sent.set()
            self._sent = anyio.Event()
            await self._news.wait()
            self._news = anyio.Event()
