"""Standard input and output of the client: bytes, as they come."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Final

import anyio
import anyio.from_thread

from aiomonitor.cli.connection import ClientError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STATUS_BROKEN_PIPE: Final = 141  # 128 + SIGPIPE: what `cat` gives in `cat … | head`

_CLIENT_ENDED: Final = (
    RuntimeError,  # the portal is closed
    concurrent.futures.CancelledError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)


def write_stdout(data: bytes) -> None:
    """Write at once; raises `ClientError`, with no message if nobody reads any more (`| head`)."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        _discard_stdout()
        raise ClientError("", status=STATUS_BROKEN_PIPE) from error
    except OSError as error:
        _discard_stdout()
        raise ClientError(f"cannot write to standard output: {error.strerror}") from error


def _discard_stdout() -> None:
    """The interpreter flushes stdout once more on its way out: let that succeed."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


async def forward_stdin(forward: Callable[[bytes], Awaitable[bool]]) -> None:
    """Pass stdin on as it comes, until its end or until `forward` returns False.

    By a thread of our own: a read of stdin cannot be cancelled, on Windows not even be polled, and
    at exit the interpreter waits for anyio's worker threads, but not for a daemon.
    """
    sender, receiver = anyio.create_memory_object_stream[bytes]()
    async with anyio.from_thread.BlockingPortal() as portal:
        with sender, receiver:
            arguments = (portal, sender.send)
            threading.Thread(target=_read_stdin, args=arguments, daemon=True).start()
            while chunk := await receiver.receive():
                if not await forward(chunk):
                    break


def _read_stdin(
    portal: anyio.from_thread.BlockingPortal, send: Callable[[bytes], Awaitable[None]]
) -> None:
    with contextlib.suppress(*_CLIENT_ENDED):
        while chunk := _read_chunk():
            portal.call(send, chunk)
        portal.call(send, b"")


def _read_chunk() -> bytes:
    try:
        # Not sys.stdin.buffer: it is locked while it reads, and the interpreter's exit needs it.
        return os.read(sys.stdin.fileno(), 65_536)
    except OSError:  # a terminal that was hung up
        return b""
