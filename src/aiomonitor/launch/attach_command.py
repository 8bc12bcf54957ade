"""The command `aiomonitor attach`: starts a monitor in a process that runs already."""

from __future__ import annotations

import os
from typing import Any

import click

from aiomonitor.errors import CommandError

from .options import monitor_options, settings_of, token_of


@click.command()
@monitor_options
@click.option(
    "--token-from-env",
    is_flag=True,
    help="Clients are asked for AIOMONITOR_TOKEN of this environment, not of the process's.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds to wait for its answer.",
)
@click.argument("pid", type=click.IntRange(1))
def attach(pid: int, timeout: float, **options: Any) -> None:
    """Start a monitor in a running Python program, on its event loop.

    Needs Python 3.14 here and there, and the right to debug the process. It notices nothing but a
    few more threads; `aiomonitor connect PID` looks into it then.
    """
    from .attaching import attach as attach_to  # with what it needs

    settings = settings_of(options)
    if "unix_path" in settings:  # the process may be in another folder
        settings["unix_path"] = os.path.abspath(settings["unix_path"])  # noqa: PTH100
    token = token_of(options)
    if options["token_from_env"]:
        settings["token"] = token
    try:
        address = attach_to(pid, settings, timeout)
    except CommandError as error:
        click.echo(f"aiomonitor: {error}", err=True)
        raise click.exceptions.Exit(1) from None
    click.echo(f"the monitor of process {pid} is at {address}")
