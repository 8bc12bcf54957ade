"""One command for several monitors at once; their answers are collected."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import anyio

from aiomonitor.cli.command import encoded, run_command
from aiomonitor.cli.connection import (
    STATUS_INTERRUPTED,
    STATUS_UNREACHABLE,
    Address,
    ClientError,
    UnixAddress,
    connect,
    first_of,
)
from aiomonitor.cli.monitors import host_of
from aiomonitor.terminal.telnet import Command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiomonitor.cli.connection import Connection
    from aiomonitor.rundir import Entry

AT_ONCE: Final = 50
"""Connections; the other monitors are asked when one has answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a monitor has answered, and its status; or why it could not be asked."""

    entry: Entry
    output: bytes = b""
    status: int = STATUS_UNREACHABLE
    fault: str = ""


def address_of(entry: Entry, service: str = "terminal") -> Address | UnixAddress:
    """Where its service is; raises `ClientError` if it has none."""
    if service in entry.paths:
        return UnixAddress(path=entry.paths[service])
    if service in entry.ports:
        return Address(host=host_of(entry), port=entry.ports[service])
    raise ClientError(f"{entry.name} (process {entry.pid}) has no {service}: it was left out")


class Round:
    """One command that goes to several; `timeout` in seconds is for each connection, `patience`
    for each whole answer. A token is told only to those who ask for one."""

    def __init__(
        self, command: str, token: str | None, timeout: float, *, patience: float | None = None
    ) -> None:
        self._command = encoded("command", command)
        self._token = encoded("token", token) if token else None
        self._timeout = timeout
        self._patience = patience
        self._answers: dict[int, Answer] = {}
        self._connections: set[Connection] = set()

    def ask(self, entries: Sequence[Entry]) -> list[Answer]:
        """The answers, in the order of the entries; after a second Ctrl-C without some."""
        anyio.run(first_of, partial(self._ask_each, entries), self._pass_on_interrupts)
        interrupted = partial(Answer, status=STATUS_INTERRUPTED, fault="interrupted")
        return [
            self._answers.get(number) or interrupted(entry=entry)
            for number, entry in enumerate(entries)
        ]

    async def _ask_each(self, entries: Sequence[Entry]) -> int:
        limit = anyio.CapacityLimiter(AT_ONCE)

        async def ask(number: int, entry: Entry) -> None:
            async with limit:
                self._answers[number] = await self._ask(entry)

        async with anyio.create_task_group() as group:
            for number, entry in enumerate(entries):
                group.start_soon(ask, number, entry)
        return 0

    async def _ask(self, entry: Entry) -> Answer:
        output = bytearray()
        with anyio.move_on_after(self._patience):
            try:
                status = await self._exchange(entry, output)
            except ClientError as error:
                return Answer(entry=entry, fault=str(error), status=error.status)
            return Answer(entry=entry, output=bytes(output), status=status)
        return Answer(entry=entry, fault=f"no answer within {self._patience:g} s")

    async def _exchange(self, entry: Entry, output: bytearray) -> int:
        token = self._token if entry.token else None
        async with await connect(address_of(entry), self._timeout) as connection:
            self._connections.add(connection)
            try:
                return await run_command(
                    connection, self._command, token, self._timeout, output.extend
                )
            finally:
                self._connections.discard(connection)

    async def _pass_on_interrupts(self) -> int | None:
        """As for one monitor: the first Ctrl-C ends the commands, the second one us."""
        if sys.platform == "win32":
            return None
        with anyio.open_signal_receiver(signal.SIGINT) as signals:
            await anext(signals)
            for connection in list(self._connections):
                await connection.send(bytes((Command.IAC, Command.IP)))
            await anext(signals)
        return STATUS_INTERRUPTED
