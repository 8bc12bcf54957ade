"""A terminal for a person: keys to the server, whatever it draws to the screen; POSIX only."""

from __future__ import annotations

import signal
import sys
from functools import partial
from typing import Final

import anyio
import click

from aiomonitor.cli.connection import Address, Connection, UnixAddress, connect, first_of
from aiomonitor.cli.screen import RawMode, offer_terminal, send_size, settle_terminal
from aiomonitor.cli.streams import forward_stdin, write_stdout
from aiomonitor.terminal.telnet import Data, Disabled, Enabled, Option, encode

ESCAPE: Final = b"\x1d"
"""Ctrl-], as in every telnet client: the one key that is not the server's."""


def run_terminal(address: Address | UnixAddress, timeout: float) -> int:
    """Serve the user until somebody ends it; the terminal is left as it was found."""
    mode = RawMode()
    try:
        return anyio.run(_session, address, timeout, mode)
    finally:
        mode.restore()  # out here, where nothing that happens to the event loop can prevent it


async def _session(address: Address | UnixAddress, timeout: float, mode: RawMode) -> int:
    async with await connect(address, timeout) as connection:
        click.echo(f"Connected to {address}; Ctrl-] leaves.", err=True)
        for option in (Option.ECHO, Option.SGA):
            connection.codec.accept(option, "remote")
        connection.codec.accept(Option.SGA, "local")
        offer_terminal(connection.codec)
        await connection.send()
        return await first_of(
            partial(_draw, connection, mode),
            partial(_send_keys, connection),
            partial(_obey_signals, connection),
        )


async def _draw(connection: Connection, mode: RawMode) -> int:
    """Show what the server sends; a server that echoes gets single keys, any other lines."""
    while (events := await connection.receive()) is not None:
        for event in events:
            match event:
                case Data(data=data):
                    write_stdout(data)
                case Enabled(option=Option.ECHO, side="remote"):
                    mode.set()
                case Disabled(option=Option.ECHO, side="remote"):
                    mode.restore()
            settle_terminal(connection.codec, event)
        await connection.send()
    mode.restore()
    click.echo(f"{connection.address} closed the connection.", err=True)
    return 0


async def _send_keys(connection: Connection) -> int:
    """Forward stdin up to the escape key or the end of the terminal."""

    async def forward(chunk: bytes) -> bool:
        keys, escape, _ = chunk.partition(ESCAPE)
        # RFC 854: the Enter key, a bare CR in raw mode, is CR NUL on the wire.
        await connection.send(encode(keys).replace(b"\r", b"\r\0"))
        return not escape

    await forward_stdin(forward)
    return 0


async def _obey_signals(connection: Connection) -> int | None:
    """Report a new size; end by the signals that would end us, with the terminal restored."""
    if sys.platform == "win32":
        return None
    watched = (signal.SIGWINCH, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with anyio.open_signal_receiver(*watched) as signals:
        async for number in signals:
            if number != signal.SIGWINCH:
                return 128 + number
            send_size(connection.codec)
            await connection.send()
    return None
