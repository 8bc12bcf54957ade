"""One connection to a monitor, and what can go wrong with it; imports anyio and the codec."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import anyio
import anyio.to_thread

from aiomonitor.errors import AiomonitorError
from aiomonitor.model.addresses import display
from aiomonitor.terminal.telnet import Event, TelnetCodec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    from anyio.abc import ByteStream

STATUS_UNREACHABLE: Final = 3
STATUS_INTERRUPTED: Final = 130  # 128 + SIGINT, as a shell reports it


class ClientError(AiomonitorError):
    """The client cannot go on: its message is shown as one line, and `status` is the exit's."""

    def __init__(self, message: str, *, status: int = STATUS_UNREACHABLE) -> None:
        super().__init__(message)
        self.status = status


SOCKET: Final = "terminal.sock"
"""What a monitor's terminal is called in its `unix_path`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the monitor listens, as the user gave it."""

    host: str
    port: int

    options: ClassVar[str] = "--host and --port"
    remedies: ClassVar[Mapping[type[OSError], str]] = {
        ConnectionRefusedError: "connection refused; does the application run, with its monitor "
        "on this --port? 'aiomonitor ls' lists yours",
    }

    def __str__(self) -> str:
        return display(self.host, self.port)

    async def connect(self) -> ByteStream:
        """Raises what sockets raise."""
        return await anyio.connect_tcp(self.host, self.port)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnixAddress:
    """The monitor's Unix socket, or the directory that it is in, as the user gave it."""

    path: str

    options: ClassVar[str] = "--unix"
    remedies: ClassVar[Mapping[type[OSError], str]] = {
        FileNotFoundError: "no such socket; does the application run, with this unix_path?",
        ConnectionRefusedError: "nobody listens there any more; does the application run?",
        PermissionError: "permission denied; it is for the application's user, and root",
    }

    def __str__(self) -> str:
        return self.path

    async def connect(self) -> ByteStream:
        """Raises what sockets raise."""
        if not hasattr(socket, "AF_UNIX"):
            raise OSError(errno.EAFNOSUPPORT, "this system has no Unix sockets")
        # A directory that cannot be looked into: connecting tells why.
        is_directory = await anyio.to_thread.run_sync(os.path.isdir, self.path)
        return await anyio.connect_unix(f"{self.path}/{SOCKET}" if is_directory else self.path)


class Connection:
    """A socket and its codec; sends may come from several tasks, `receive()` from one."""

    def __init__(self, stream: ByteStream, address: Address | UnixAddress) -> None:
        self.codec = TelnetCodec()
        self.address = address
        self._stream = stream
        self._sending = anyio.Lock()

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stream.aclose()

    async def receive(self) -> list[Event] | None:
        """The next events, or None when the server has closed; raises `ClientError` if cut off."""
        try:
            return self.codec.receive(await self._stream.receive())
        except anyio.EndOfStream:
            return None
        except anyio.BrokenResourceError as error:
            raise ClientError(f"the connection to {self.address} was lost") from error

    async def send(self, data: bytes = b"") -> None:
        """Write what the codec has queued, then `data`, which is already encoded."""
        # A server that is gone is for receive() to report: it may have said why before it left.
        with contextlib.suppress(anyio.BrokenResourceError):
            async with self._sending:
                await self._stream.send(self.codec.bytes_to_send() + data)

    async def send_eof(self) -> None:
        """Tell the server that no more will come, and go on reading."""
        with contextlib.suppress(anyio.BrokenResourceError, OSError):
            async with self._sending:
                await self._stream.send_eof()


async def connect(address: Address | UnixAddress, timeout: float) -> Connection:
    """Connect within `timeout` seconds, or raise a `ClientError` that says what to look at."""
    try:
        with anyio.fail_after(timeout):
            stream = await address.connect()
    except TimeoutError as error:
        reason = f"no answer within {timeout:g} s; check {address.options}, and for a firewall"
        raise ClientError(f"cannot reach {address}: {reason}") from error
    except socket.gaierror as error:
        raise ClientError(f"cannot reach {address}: unknown host; check --host") from error
    except OSError as error:
        raise ClientError(f"cannot reach {address}: {_cause(error, address)}") from error
    return Connection(stream, address)


def _cause(error: OSError, address: Address | UnixAddress) -> str:
    """The reason in words: of a host's several addresses anyio groups theirs, the first will do."""
    cause = error if error.strerror else error.__cause__
    cause = getattr(cause, "exceptions", [cause])[0]
    for kind, remedy in address.remedies.items():
        if isinstance(cause, kind):
            return remedy
    reason = getattr(cause, "strerror", None) or str(error)
    return f"{reason}; check {address.options}"


async def first_of(*tasks: Callable[[], Awaitable[int | None]]) -> int:
    """Run them together until one has an exit status or fails, then cancel the rest.

    One that returns None has merely finished its part. A failure comes out as itself: what a task
    group makes of it, an exception group, is nothing to show to a user.
    """
    outcomes: list[int | ClientError] = []

    async def run(task: Callable[[], Awaitable[int | None]]) -> None:
        try:
            outcome: int | ClientError | None = await task()
        except ClientError as error:
            outcome = error
        if outcome is not None:
            outcomes.append(outcome)
            group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(run, task)
    if isinstance(outcomes[0], ClientError):
        raise outcomes[0]
    return outcomes[0]
