"""`-c COMMAND --all`: asks every monitor of this user, and puts the answers together."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from aiomonitor.cli.asking import Answer, Round
from aiomonitor.cli.connection import STATUS_INTERRUPTED, STATUS_UNREACHABLE, ClientError
from aiomonitor.cli.monitors import fail, none_found, running
from aiomonitor.cli.streams import write_stdout
from aiomonitor.escapes import printable

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_for_all(name: str | None, command: str, token: str | None, timeout: float) -> NoReturn:
    """Print what they answer; exits with the worst status."""
    status = STATUS_INTERRUPTED
    with suppress(KeyboardInterrupt):
        status = _run(name, command, token, timeout)
    sys.exit(status)


def _run(name: str | None, command: str, token: str | None, timeout: float) -> int:
    entries = running(name)
    if not entries:
        fail(none_found(name), STATUS_UNREACHABLE)
    try:
        answers = Round(command, token, timeout).ask(entries)
        if wants_json(command):
            write_stdout(merged(answers))
        else:
            _write_sections(answers)
    except ClientError as error:
        if message := str(error):
            click.echo(f"aiomonitor: {message}", err=True)
        return error.status
    return max(answer.status for answer in answers)


def wants_json(command: str) -> bool:
    """Whether the answers are documents."""
    try:
        return "--json" in shlex.split(command)
    except ValueError:  # an open quote, which the monitors tell of
        return False


def merged(answers: Sequence[Answer]) -> bytes:
    """One document: a list with an entry for each monitor, which names it."""
    lines = ",\n".join(json.dumps(_document(answer)) for answer in answers)
    return f"[\n{lines}\n]\n".encode("ascii")


def _document(answer: Answer) -> dict[str, Any]:
    known = {"pid": answer.entry.pid, "name": answer.entry.name, "status": answer.status}
    if answer.fault:
        return {**known, "error": answer.fault}
    text = answer.output.decode("utf-8", "replace")
    with suppress(ValueError):
        return {**known, "output": json.loads(text)}
    with suppress(ValueError):  # a document in each line, as of `watch --json`
        return {**known, "output": [json.loads(line) for line in text.splitlines()]}
    return {**known, "error": text.strip()}


def _write_sections(answers: Sequence[Answer]) -> None:
    for number, answer in enumerate(answers):
        title = printable(f"== {answer.entry.name}, process {answer.entry.pid} ==")
        write_stdout(f"{chr(10) if number else ''}{title}\n".encode())
        write_stdout(answer.output)
        if answer.output and not answer.output.endswith(b"\n"):
            write_stdout(b"\n")
        if answer.fault:
            click.echo(f"aiomonitor: {answer.fault}", err=True)
