"""The subcommand `connect`: the client of a monitor that is known by its process or name."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from aiomonitor.cli.monitors import STATUS_USAGE, NotFoundError, fail, meant, running
from aiomonitor.cli.options import timeout_option, token_option


def _complete(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem]:
    """Numbers, and the names that mean one process."""
    found = running()
    names = [entry.name for entry in found]
    items = [
        CompletionItem(word, help=" ".join(entry.command))
        for entry in found
        for word in (str(entry.pid), entry.name)
        if word.startswith(typed) and names.count(word) < 2
    ]
    return sorted(items, key=lambda item: str(item.value))


@click.command()
@click.argument("target", metavar="[PID|NAME]", required=False, shell_complete=_complete)
@click.option("--console", is_flag=True, help="Its Python console instead.")
@click.option("-c", "--command", help="Run this one command, and exit.")
@token_option
@timeout_option
def connect(
    target: str | None, console: bool, command: str | None, token: str | None, timeout: float
) -> None:
    """Look into one of your monitored processes.

    A name may be shortened as long as it means one of them. Without any argument it is the only
    one there is. `aiomonitor ls` lists them.
    """
    try:
        entry = meant(target)
    except NotFoundError as error:
        fail(str(error), STATUS_USAGE)
    from aiomonitor.cli.asking import address_of
    from aiomonitor.cli.client import run
    from aiomonitor.cli.connection import ClientError

    try:
        address = address_of(entry, "console" if console else "terminal")
    except ClientError as error:
        fail(str(error), error.status)
    run(address, command=command, token=token, timeout=timeout)
