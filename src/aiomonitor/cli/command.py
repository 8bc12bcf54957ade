"""One command for a script: agree with the server, send it, print its output, take its status.

The protocol, which is ours: the option ONE_SHOT, and subnegotiations of it that begin with a
letter. We send `T` and a token, if there is one, then `C` and the command; the output is plain
data; the server ends with `S` and the status in digits, and closes.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Final

import anyio

from aiomonitor.cli.connection import STATUS_INTERRUPTED, ClientError, Connection
from aiomonitor.cli.screen import offer_terminal, settle_terminal
from aiomonitor.cli.streams import write_stdout
from aiomonitor.terminal.telnet import (
    Command,
    Data,
    Disabled,
    Event,
    Negotiation,
    Option,
    Subnegotiation,
)

if TYPE_CHECKING:
    from collections.abc import Callable


MAX_COMMAND: Final = 4000
"""Bytes of a command or a token: with its prefix it must fit the server's limit of one
subnegotiation."""

STATUS_USAGE: Final = 2


def encoded(name: str, value: str) -> bytes:
    """UTF-8; bytes of the command line that were none go out as they came in."""
    data = value.encode("utf-8", "surrogateescape")
    if len(data) <= MAX_COMMAND:
        return data
    fault = f"the {name} has {len(data)} bytes, and only {MAX_COMMAND} can be sent"
    raise ClientError(f"{fault}; shorten it, or pass lines through stdin", status=STATUS_USAGE)


async def run_command(
    connection: Connection,
    command: bytes,
    token: bytes | None,
    timeout: float,
    write: Callable[[bytes], object] = write_stdout,
) -> int:
    """Returns the command's status; `timeout` in seconds is for the agreement before it."""
    await _agree(connection, timeout)
    if token is not None:
        connection.codec.subnegotiate(Option.ONE_SHOT, b"T" + token)
    connection.codec.subnegotiate(Option.ONE_SHOT, b"C" + command)
    await connection.send()
    while (events := await connection.receive()) is not None:
        for event in events:
            if isinstance(event, Data):
                write(event.data)
            elif (status := _status(event)) is not None:
                return status
            settle_terminal(connection.codec, event)
        await connection.send()
    raise ClientError(f"{connection.address} closed the connection before the command had ended")


def _status(event: Event) -> int | None:
    match event:
        case Subnegotiation(option=Option.ONE_SHOT, payload=payload) if payload[:1] == b"S":
            return min(int(payload[1:]), 255) if payload[1:].isdigit() else None
    return None


async def _agree(connection: Connection, timeout: float) -> None:
    """Make sure that this is a monitor, before it is told a token, and describe the terminal.

    A server that asks for the terminal, but does not care for the answer, gets the command late.
    """
    codec = connection.codec
    codec.request(Option.ONE_SHOT, "local")
    unsettled: set[int | None] = {Option.ONE_SHOT, *offer_terminal(codec)}
    negotiates = False
    with anyio.move_on_after(timeout):
        await connection.send()
        while unsettled:
            for event in await _receive(connection):
                negotiates = negotiates or isinstance(event, Negotiation)
                _check(connection, event, negotiates=negotiates)
                unsettled.discard(settle_terminal(codec, event))
            if codec.enabled(Option.ONE_SHOT, "local"):
                unsettled.discard(Option.ONE_SHOT)
            await connection.send()
    if not codec.enabled(Option.ONE_SHOT, "local"):
        raise _not_a_monitor(connection, f"no answer to our telnet within {timeout:g} s")


def _check(connection: Connection, event: Event, *, negotiates: bool) -> None:
    """A monitor negotiates before it says anything, and agrees."""
    if isinstance(event, Data) and not negotiates:
        first_line = event.data.splitlines()[0][:60].decode("ascii", "replace")
        raise _not_a_monitor(connection, f"it says {first_line!r}")
    if event == Disabled(option=Option.ONE_SHOT, side="local"):
        raise _not_a_monitor(connection, "it speaks telnet, but takes no single commands")


async def _receive(connection: Connection) -> list[Event]:
    with contextlib.suppress(ClientError):
        if (events := await connection.receive()) is not None:
            return events
    raise _not_a_monitor(connection, "it closed the connection")


def _not_a_monitor(connection: Connection, reason: str) -> ClientError:
    fault = f"{connection.address} is no aiomonitor terminal"
    return ClientError(f"{fault}: {reason}; check {connection.address.options}")


async def pass_on_interrupt(connection: Connection) -> int | None:
    """Hand the first Ctrl-C to the server, whose command it interrupts; the second one ends us.

    The second is received too, not left to Python: a KeyboardInterrupt out of the middle of a task
    makes asyncio complain on stderr.
    """
    if sys.platform == "win32":
        return None  # signals cannot be received there: the first one ends us
    with anyio.open_signal_receiver(signal.SIGINT) as signals:
        await anext(signals)
        await connection.send(bytes((Command.IAC, Command.IP)))
        await anext(signals)
    return STATUS_INTERRUPTED
