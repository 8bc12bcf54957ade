"""The client's three ways: a terminal for people, lines for pipes, one command for scripts."""

from __future__ import annotations

import sys
from functools import partial
from typing import NoReturn

import anyio
import click

from aiomonitor.cli.command import encoded, pass_on_interrupt, run_command
from aiomonitor.cli.connection import (
    STATUS_INTERRUPTED,
    Address,
    ClientError,
    UnixAddress,
    connect,
    first_of,
)
from aiomonitor.cli.lines import print_lines, send_lines
from aiomonitor.cli.screen import can_be_raw
from aiomonitor.cli.terminal import run_terminal


def run(
    address: Address | UnixAddress, command: str | None, token: str | None, timeout: float
) -> NoReturn:
    """Be the client; exits with its status, after one line on what went wrong."""
    try:
        if command is not None:
            status = anyio.run(_command, address, timeout, command, token)
        elif can_be_raw():
            status = run_terminal(address, timeout)
        else:
            status = anyio.run(_lines, address, timeout)
    except KeyboardInterrupt:
        status = STATUS_INTERRUPTED
    except ClientError as error:
        status = error.status
        if message := str(error):
            click.echo(f"aiomonitor: {message}", err=True)
    sys.exit(status)


async def _command(
    address: Address | UnixAddress, timeout: float, command: str, token: str | None
) -> int:
    command_bytes = encoded("command", command)
    token_bytes = encoded("token", token) if token else None
    async with await connect(address, timeout) as connection:
        return await first_of(
            partial(run_command, connection, command_bytes, token_bytes, timeout),
            partial(pass_on_interrupt, connection),
        )


async def _lines(address: Address | UnixAddress, timeout: float) -> int:
    async with await connect(address, timeout) as connection:
        return await first_of(partial(print_lines, connection), partial(send_lines, connection))
