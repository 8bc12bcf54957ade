"""Lines in, text out: for pipes, and for terminals without termios.

Negotiations stay unanswered: who does not answer gets plain lines from the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.cli.streams import forward_stdin, write_stdout
from aiomonitor.terminal.telnet import Data, encode

if TYPE_CHECKING:
    from aiomonitor.cli.connection import Connection


async def print_lines(connection: Connection) -> int:
    """Print what comes until the server closes."""
    while (events := await connection.receive()) is not None:
        connection.codec.bytes_to_send()  # thrown away
        for event in events:
            if isinstance(event, Data):
                write_stdout(event.data)
    return 0


async def send_lines(connection: Connection) -> None:
    """Send stdin, and tell the server when it ends, so that it can close after its last answer."""

    async def forward(chunk: bytes) -> bool:
        await connection.send(encode(chunk))
        return True

    await forward_stdin(forward)
    await connection.send_eof()
