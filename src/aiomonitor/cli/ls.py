"""The subcommand `ls`: the monitored processes of this user, each asked how it does."""

from __future__ import annotations

import json
import shutil
import sys
import time
from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

import click

from aiomonitor.cli.monitors import host_of, none_found, running
from aiomonitor.cli.options import timeout_option, token_option
from aiomonitor.escapes import printable
from aiomonitor.model.addresses import display
from aiomonitor.render import duration
from aiomonitor.render.tables import Column, Layout, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiomonitor.cli.asking import Answer
    from aiomonitor.rundir import Entry

SERVICES: Final = ("terminal", "web", "console")

LIVE: Final = (
    *("tasks", "lag", "worst_lag", "blocked_for", "loop", "loop_state"),
    *("stalls", "findings"),
)
"""What only the monitor itself can tell: None where it does not."""

COLUMNS: Final = (
    Column(title="PID", at_least=5, at_most=10, right=True, color="cyan"),
    Column(title="NAME", at_least=8, at_most=30),
    Column(title="TASKS", at_least=5, at_most=9, right=True, drop=1),
    Column(title="LAG", at_least=5, at_most=16, drop=2),
    Column(title="UP", at_least=6, at_most=7, right=True, drop=3),
    Column(title="LISTENS AT", at_least=17, at_most=108),
    Column(title="COMMAND", at_least=10, at_most=200, drop=4),
)
_WIDE: Final = 400
"""Columns of what is no terminal."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
@click.option("--name", metavar="GLOB", help="Only those that are called like this, as 'shop*'.")
@token_option
@timeout_option
def ls(as_json: bool, name: str | None, token: str | None, timeout: float) -> None:
    """List your monitored processes: their tasks, the loop's lag, and where they listen.

    The lag is that of the last minute: 99 of 100 times the loop took no longer to answer.
    """
    rows = [row_of(answer) for answer in _asked(running(name), token, timeout)]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    elif rows:
        for line in table(rows, color=_colored()):
            click.echo(line)
        for line in notes(rows):
            click.echo(line, err=True)
    else:
        click.echo(f"aiomonitor: {none_found(name)}", err=True)


def _asked(entries: Sequence[Entry], token: str | None, timeout: float) -> list[Answer]:
    from aiomonitor.cli.asking import Round  # here, so that help is quick

    return Round("about --json", token, timeout, patience=timeout).ask(entries)


def row_of(answer: Answer) -> dict[str, Any]:
    """All that is known of a monitor, with the addresses of its services as text."""
    entry = answer.entry
    told, note = _told(answer)
    known = {name: value for name, value in asdict(entry).items() if name != "process"}
    return {
        **known,
        "uptime": max(time.time() - entry.started_at, 0.0),
        **{service: _place(entry, service) for service in SERVICES},
        **{name: told.get(name) for name in LIVE},
        "answers": not note,
        "note": note,
    }


def _told(answer: Answer) -> tuple[dict[str, Any], str]:
    """What it says of itself, or why it says nothing."""
    if answer.fault:
        return {}, answer.fault
    try:
        told = json.loads(answer.output)
        if told["pid"] == answer.entry.pid:
            return told, ""
        return {}, f"process {told['pid']} answers there"
    except (ValueError, LookupError, TypeError):
        text = answer.output.decode("utf-8", "replace").strip()
        return {}, text or f"no answer, but status {answer.status}"


def _place(entry: Entry, service: str) -> str | None:
    if service in entry.ports:
        return display(host_of(entry), entry.ports[service])
    return entry.paths.get(service)


def table(rows: Sequence[dict[str, Any]], *, color: bool) -> Iterator[str]:
    """A line for each; as wide as the terminal is."""
    cells = [tuple(map(printable, _cells(row))) for row in rows]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
    layout = Layout.fit(COLUMNS, cells, width)
    yield layout.header(color=color)
    for row, line in zip(rows, cells, strict=True):
        blocked = row["blocked_for"] is not None
        yield styled(layout.line(line, color=color and not blocked), color and blocked, fg="red")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(row["pid"]),
        row["name"],
        "-" if row["tasks"] is None else str(row["tasks"]),
        _lag(row),
        duration(row["uptime"]),
        _listens(row),
        " ".join(row["command"]),
    )


def _lag(row: dict[str, Any]) -> str:
    if not row["answers"]:
        return "needs a token" if row["token"] else "no answer"
    if row["blocked_for"] is not None:
        return f"blocked {duration(row['blocked_for'])}"
    if row["loop_state"] != "running":
        return str(row["loop_state"])
    return "-" if row["lag"] is None else duration(row["lag"])


def _listens(row: dict[str, Any]) -> str:
    """`127.0.0.1: 20101 20102 -`: the ports of terminal, web and console; or the directory."""
    paths = list(row["paths"].values())
    if paths:
        return str(PurePath(paths[0]).parent)
    ports = " ".join(str(row["ports"].get(service, "-")) for service in SERVICES)
    return f"{row['host']}: {ports}"


def notes(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Why some say nothing of themselves."""
    for row in rows:
        if row["note"]:
            yield printable(f"aiomonitor: {row['name']} (process {row['pid']}): {row['note']}")


def _colored() -> bool:
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
