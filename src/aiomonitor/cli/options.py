"""The client's options, and its start; imports click alone, so that `--help` is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from aiomonitor.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG: Final = """\b
Examples:
  aiomonitor                        a terminal on 127.0.0.1:20101
  aiomonitor -p 20111               that of another application
  aiomonitor --unix /run/shop       that of one with this unix_path
  aiomonitor -c ps                  one command
  aiomonitor -c 'ps --json' | jq .  for scripts
  aiomonitor -c ps --all            one command for all of your processes
  aiomonitor < commands.txt         many commands, one a line

\b
Keys: Ctrl-] leaves at once, all others are the server's.
Exit status of -c: the command's own; 3 if no monitor could be asked; 130 after
a second Ctrl-C (the first one interrupts the command).
"""

_CommandT = TypeVar("_CommandT", bound="Callable[..., object]")


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"aiomonitor {__version__}")
        context.exit()


token_option = click.option(
    "--token",
    envvar="AIOMONITOR_TOKEN",
    show_envvar=True,
    help="The monitor's token, for -c; a terminal is asked for it. "
    "Others can read a command line: better use the variable.",
)
timeout_option = click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Seconds to wait for a monitor.",
)
_OPTIONS = (
    click.option("-H", "--host", default="127.0.0.1", show_default=True, help="Where it runs."),
    click.option(
        "-p",
        "--port",
        type=click.IntRange(1, 65_535),
        default=20_101,
        show_default=True,
        help="The monitor's terminal port.",
    ),
    click.option(
        "--unix",
        metavar="PATH",
        help="Instead: its Unix socket, or the directory that this is in.",
    ),
    click.option("-c", "--command", help="Run this one command, and exit."),
    click.option(
        "--all", "everyone", is_flag=True, help="Run it in each of your monitored processes."
    ),
    click.option("--name", metavar="GLOB", help="With --all: in those called like this, 'shop*'."),
    token_option,
    timeout_option,
    click.option(
        "--version",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="Show the version, and exit.",
    ),
)


def client_options(command: _CommandT) -> _CommandT:
    """What the client takes, in the order of its help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def run_client(
    host: str,
    port: int,
    unix: str | None,
    everyone: bool,
    name: str | None,
    **options: Any,
) -> None:
    """Be the client that these options ask for; exits with its status."""
    if everyone:
        _refuse("all", "host", "port", "unix")
        if options["command"] is None:
            raise click.UsageError("--all needs -c COMMAND: a terminal is of one process")
        from aiomonitor.cli.everyone import run_for_all

        run_for_all(name, **options)
    if name is not None:
        raise click.UsageError("--name needs --all; to one process: aiomonitor connect NAME")
    if unix is not None:
        _refuse("unix", "host", "port")
    from aiomonitor.cli.client import run
    from aiomonitor.cli.connection import Address, UnixAddress

    run(Address(host=host, port=port) if unix is None else UnixAddress(path=unix), **options)


def _refuse(given: str, *others: str) -> None:
    """These cannot be meant together."""
    context = click.get_current_context()
    for other in others:
        if context.get_parameter_source(other) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{given} and --{other} exclude each other: give one")
