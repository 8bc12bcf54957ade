"""The command-line client: a terminal for people, one command and its status for scripts.

It talks to a server and is no part of one: of the package it imports `terminal.telnet` alone, and
click and anyio beside it. Nothing POSIX-only is imported at module level. Here are its arguments.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Final

import anyio
import click

from aiomonitor.cli.command import pass_on_interrupt, run_command
from aiomonitor.cli.connection import STATUS_INTERRUPTED, Address, ClientError, connect, first_of
from aiomonitor.cli.lines import print_lines, send_lines
from aiomonitor.cli.screen import can_be_raw
from aiomonitor.cli.terminal import run_terminal

MAX_COMMAND: Final = 4000
"""Bytes of a command or a token: with its prefix it must fit the server's limit of one
subnegotiation."""

STATUS_USAGE: Final = 2

_EPILOG: Final = """\b
Examples:
  aiomonitor                        a terminal on 127.0.0.1:20101
  aiomonitor -p 20111               that of another application
  aiomonitor -c ps                  one command
  aiomonitor -c 'ps --json' | jq .  for scripts
  aiomonitor < commands.txt         many commands, one a line

\b
Keys: Ctrl-] leaves at once, all others are the server's.
Exit status of -c: the command's own; 3 if no monitor could be asked; 130 after Ctrl-C.
"""


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from aiomonitor import __version__  # loaded anyway: a package comes before its parts

        click.echo(f"aiomonitor {__version__}")
        context.exit()


def _encoded(name: str, value: str) -> bytes:
    """UTF-8; bytes of the command line that were none go out as they came in."""
    data = value.encode("utf-8", "surrogateescape")
    if len(data) <= MAX_COMMAND:
        return data
    fault = f"the {name} has {len(data)} bytes, and only {MAX_COMMAND} can be sent"
    raise ClientError(f"{fault}; shorten it, or pass lines through stdin", status=STATUS_USAGE)


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Where it runs.")
@click.option(
    "-p",
    "--port",
    type=click.IntRange(1, 65_535),
    default=20_101,
    show_default=True,
    help="The monitor's terminal port.",
)
@click.option("-c", "--command", help="Run this one command, and exit.")
@click.option(
    "--token",
    envvar="AIOMONITOR_TOKEN",
    show_envvar=True,
    help="The monitor's token, for -c; a terminal is asked for it. "
    "Others can read a command line: better use the variable.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds to wait for a connection.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version, and exit.",
)
def main(host: str, port: int, command: str | None, token: str | None, timeout: float) -> None:
    """Look into a running application that has an aiomonitor in it."""
    address = Address(host=host, port=port)
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


async def _command(address: Address, timeout: float, command: str, token: str | None) -> int:
    command_bytes = _encoded("command", command)
    token_bytes = _encoded("token", token) if token else None
    async with await connect(address, timeout) as connection:
        return await first_of(
            partial(run_command, connection, command_bytes, token_bytes, timeout),
            partial(pass_on_interrupt, connection),
        )


async def _lines(address: Address, timeout: float) -> int:
    async with await connect(address, timeout) as connection:
        return await first_of(partial(print_lines, connection), partial(send_lines, connection))
