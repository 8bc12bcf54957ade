"""A client's side of `_sout`: a bounded buffer that any thread writes and one task sends.

A command never waits for a slow client for ever, and memory never grows with one: in a worker
thread a writer waits for room, and a client that takes nothing for `SEND_TIMEOUT` is dropped.
"""

from __future__ import annotations

import io
import threading
from typing import Protocol

import anyio
import anyio.from_thread
import anyio.lowlevel

from aiomonitor.errors import CommandInterrupted

HIGH_WATER = 256 * 1024
"""Unread bytes at which a worker thread waits; some screens ahead of the fastest reader."""
UNREAD_LIMIT = 4 * 1024 * 1024
"""Unread bytes at which a writer that cannot wait (a coroutine command) loses the client."""
SEND_TIMEOUT = 20.0
"""Seconds without the client taking a byte, while there are some for it."""
_PACKET = 64 * 1024


class ByteSender(Protocol):
    """What `pump` needs of a connection."""

    async def send(self, item: bytes) -> None:
        """Hand the bytes over, waiting while the peer's window is full."""
        ...


class ClientOutput(io.TextIOBase):
    """A text stream to one client, made in the monitor's loop; any thread may write."""

    encoding = "utf-8"

    def __init__(self, newline: str = "\n") -> None:
        self.newline = newline
        self._loop_thread = threading.get_ident()
        self._token = anyio.lowlevel.current_token()
        self._pending = bytearray()
        self._gone = False
        self._changed = threading.Condition()
        self._wake = anyio.Event()
        self._waking = False
        self._idle = anyio.Event()
        self._idle.set()

    def writable(self) -> bool:
        """As every output stream."""
        return True

    def isatty(self) -> bool:
        """False: a command must not take it for a terminal that it can control."""
        return False

    def write(self, text: str) -> int:
        """Queue the text. Raises `CommandInterrupted` if the client has gone."""
        self.write_bytes(self.encode(text))
        return len(text)

    def encode(self, text: str) -> bytes:
        """The text as the client wants it; what UTF-8 lacks (a lone surrogate) is escaped."""
        if self.newline != "\n":
            text = text.replace("\r\n", "\n").replace("\n", self.newline)
        return text.encode("utf-8", "backslashreplace")

    def write_bytes(self, data: bytes) -> None:
        """Queue bytes as they are."""
        if not data:
            return
        may_wait = threading.get_ident() != self._loop_thread
        with self._changed:
            if may_wait:
                self._changed.wait_for(self._has_room)
            elif len(self._pending) > UNREAD_LIMIT:
                self._gone = True
            if self._gone:
                raise CommandInterrupted("the client has gone, or does not read")
            self._pending += data
            wake, self._waking = not self._waking, True
        if wake:
            self._wake_pump(other_thread=may_wait)

    def _has_room(self) -> bool:
        return self._gone or len(self._pending) < HIGH_WATER

    def _wake_pump(self, *, other_thread: bool) -> None:
        if other_thread:
            anyio.from_thread.run_sync(self._woken, token=self._token)
        else:
            self._woken()

    def _woken(self) -> None:
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._wake.set()

    async def pump(self, sender: ByteSender) -> None:
        """Send what is written until the client has gone; a task of the session runs this."""
        try:
            while not self._gone:
                await self._wake.wait()
                self._wake = anyio.Event()
                while packet := self._take():
                    with anyio.fail_after(SEND_TIMEOUT):
                        await sender.send(packet)
                self._idle.set()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError):
            pass
        finally:
            self.abandon()

    def _take(self) -> bytes:
        with self._changed:
            packet = bytes(self._pending[:_PACKET])
            del self._pending[:_PACKET]
            if not packet:
                self._waking = False
            self._changed.notify_all()
        return packet

    def abandon(self) -> None:
        """Whoever writes from now on, or waits for room, is interrupted."""
        with self._changed:
            self._gone = True
            self._pending.clear()
            self._changed.notify_all()
        self._idle.set()

    async def drain(self) -> None:
        """Wait until all that was written has been handed to the kernel, or the client has gone."""
        await self._idle.wait()
