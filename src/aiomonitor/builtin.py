"""The commands that every monitor has; each asks `Queries` and hands the answer to `render`."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import logging
import os
import signal
import threading
from typing import TYPE_CHECKING, Annotated, Any

from . import render, tables
from .commands import CommandInterpreter
from .errors import CommandError, TaskNotFoundError, UsageError
from .model import CancelOutcome, EndedSortKey, SortKey
from .queries import CANCEL_TIMEOUT, Queries
from .utils import Parameter, alt_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .model import TaskPage

audit = logging.getLogger("aiomonitor.audit")

LISTING_LIMIT = 500
"""Rows of a listing unless it is told otherwise: some screens, not a flood."""
_CHUNK = 100
"""Rows that are written at once: the first screen appears while the rest is being made."""
_OFFERED = 100
"""Tasks that TAB offers at most."""


def _tasks_offered(monitor: Queries, typed: str) -> Iterator[tuple[str, str]]:
    for task in monitor.tasks(limit=_OFFERED):
        if str(task.number).startswith(typed):
            yield str(task.number), f"{task.name}, {render.location(task)}"
    if typed:
        for task in monitor.tasks(filter=typed, sort="name", limit=_OFFERED):
            if task.name.startswith(typed):
                yield task.name, f"task {task.number}"


def _ended_offered(monitor: Queries, typed: str) -> Iterator[tuple[str, str]]:
    for task in monitor.terminated(limit=_OFFERED):
        if str(task.number).startswith(typed):
            yield str(task.number), f"{task.name}, {render.ending(task)}"


def _signals_offered(_: Queries, typed: str) -> Iterable[str]:
    return [member.name for member in signal.Signals if member.name.startswith(typed.upper())]


TaskArgument = Annotated[
    str,
    Parameter(metavar="TASK", help="number, id() or unique name", complete=_tasks_offered),
]
FilterOption = Annotated[
    str, Parameter(metavar="TEXT", help="Only tasks whose name or coroutine contains this.")
]
SortOption = Annotated[SortKey, Parameter(help="What the rows are ordered by.")]
ReverseOption = Annotated[bool, Parameter(help="The other way round.")]
LimitOption = Annotated[
    int, Parameter(metavar="N", help=f"At most so many rows; 0 for all. [{LISTING_LIMIT}]")
]
JsonOption = Annotated[bool, Parameter(help="JSON, for programs; all rows unless limited.")]


class BuiltinCommands(Queries, CommandInterpreter):
    """The `do_*` methods that come with a monitor. Sync ones: they run in worker threads."""

    @alt_names("p")
    def do_ps(
        self,
        *,
        filter: FilterOption = "",
        sort: SortOption = "id",
        reverse: ReverseOption = False,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """List the live tasks.

        STATE is running, runnable or waiting; "!" marks a task that was asked to cancel itself.
        WHERE is the innermost line outside of the runtime's library, and what it awaits there.
        """
        rows = _row_limit("ps", limit, json=json)
        page = self.task_page(filter=filter, sort=sort, reverse=reverse, limit=rows)
        if json:
            self._write_json_page(page)
        else:
            shown = self._write_table(render.TASK_COLUMNS, map(render.task_row, page.tasks))
            self._write(render.page_summary(page, shown) + "\n")

    def _write_table(
        self, columns: Sequence[tables.Column], rows: Iterator[tuple[str, ...]]
    ) -> int:
        """Write rows as they are made; returns how many there were."""
        color = self._client.color
        first = list(itertools.islice(rows, _CHUNK))
        layout = tables.Layout.fit(columns, first, self._client.columns)
        self._write(layout.header(color=color) + "\n")
        shown = 0
        for chunk in _chunks(itertools.chain(first, rows)):
            shown += len(chunk)
            self._write("".join(f"{layout.line(row, color=color)}\n" for row in chunk))
        return shown

    def _write_json_page(self, page: TaskPage) -> None:
        """One document, written row by row: a page may be as long as the application is large."""
        self._write('{"tasks": [')
        separator = "\n"
        for chunk in _chunks(page.tasks):
            self._write(separator + ",\n".join(map(as_json, chunk)))
            separator = ",\n"
        self._write(f'\n], "total": {page.total}, "matched": {page.matched}}}\n')

    @alt_names("w")
    def do_where(self, task: TaskArgument, *, json: JsonOption = False) -> None:
        """Show where a task stands: its await chain, outermost first, with source lines."""
        stack = self._look_up(self.stack, task)
        if json:
            self._write(as_json(stack) + "\n")
        else:
            self._write_lines(render.stack_lines(stack, color=self._client.color))

    @alt_names("ca")
    def do_cancel(
        self,
        task: TaskArgument,
        *,
        timeout: Annotated[
            float, Parameter(metavar="SECONDS", help="How long to wait for it to end.")
        ] = CANCEL_TIMEOUT,
        json: JsonOption = False,
    ) -> None:
        """Cancel a task and tell what came of it."""
        if not 0 <= timeout <= threading.TIMEOUT_MAX:
            raise UsageError(f"cancel: a timeout of {timeout} s makes no sense")
        audit.info("%s: cancel %s", self._client.peer, task)
        result = self._look_up(lambda name: self.cancel(name, timeout), task)
        self._write((as_json(result) if json else render.cancel_line(result)) + "\n")
        if result.outcome not in (CancelOutcome.ENDED, CancelOutcome.ALREADY_DONE):
            self._run.status = 1

    @alt_names("pt pst")
    def do_ps_terminated(
        self,
        *,
        filter: FilterOption = "",
        sort: Annotated[
            EndedSortKey, Parameter(help="What the rows are ordered by. [ended, the latest first]")
        ] = "ended",
        reverse: ReverseOption = False,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """List the tasks that ended lately, and how: result, exception, cancelled by whom."""
        rows = _row_limit("ps-terminated", limit, json=json)
        page = self.terminated_page(filter=filter, sort=sort, reverse=reverse, limit=rows)
        if json:
            self._write(as_json(page) + "\n")
            return
        self._write_table(render.ENDED_COLUMNS, map(render.ended_row, page.tasks))
        self._write(render.ended_summary(page) + "\n")

    @alt_names("wt")
    def do_where_terminated(
        self,
        task: Annotated[
            str, Parameter(metavar="TASK", help="number or name", complete=_ended_offered)
        ],
        *,
        json: JsonOption = False,
    ) -> None:
        """Show how a task ended: its exception, who cancelled it, who created it, with stacks."""
        stack = self._look_up(self.terminated_stack, task)
        if json:
            self._write(as_json(stack) + "\n")
        else:
            self._write_lines(render.ended_lines(stack, color=self._client.color))

    def do_signal(
        self,
        signame: Annotated[str, Parameter(metavar="SIGNAL", complete=_signals_offered)],
    ) -> None:
        """Send a signal to the application: `signal SIGUSR1`, `signal hup`, `signal 10`."""
        number = _signal_number(signame)
        audit.info("%s: signal %s", self._client.peer, number.name)
        self._write(f"sending {number.name} to process {os.getpid()}\n")
        os.kill(os.getpid(), number)

    @alt_names("st stack")
    def do_stacktrace(
        self,
        *,
        all: Annotated[bool, Parameter(help="Every thread, not only the loop's.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Show what the loop's thread executes now: what blocks it, if it hangs."""
        stacks = self.threads()
        if not all:
            stacks = tuple(stack for stack in stacks if stack.loop_state)
            if not stacks:
                raise CommandError(
                    f"the monitored loop is {self._backend.loop_state()} and has no thread: "
                    "'stacktrace --all' shows the others"
                )
        if json:
            self._write(as_json(stacks) + "\n")
        else:
            for stack in stacks:
                self._write_lines(render.thread_lines(stack, color=self._client.color))

    @alt_names("quit q")
    def do_exit(self) -> None:
        """Leave the monitor; the application goes on."""
        self._run.leaving = True

    def _look_up(self, query: Any, task: str) -> Any:
        """A task that is gone is the user's news, not a fault: one line."""
        try:
            return query(task)
        except TaskNotFoundError as error:
            raise CommandError(str(error)) from None

    def _write_lines(self, lines: Iterable[str]) -> None:
        self._write("".join(f"{line}\n" for line in lines))


def _row_limit(command: str, limit: int, *, json: bool) -> int | None:
    """How many rows to show: -1 is the default, which spares people a flood, 0 means all."""
    if limit < -1:
        raise UsageError(f"{command}: a limit of {limit} makes no sense: 0 shows all rows")
    if limit == -1:
        return None if json else LISTING_LIMIT
    return limit or None


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(itertools.islice(iterator, _CHUNK)):
        yield chunk


def _signal_number(name: str) -> signal.Signals:
    """A signal by number or name, with or without SIG, in any case."""
    import difflib

    if name.isascii() and name.isdigit():
        try:
            return signal.Signals(int(name))
        except ValueError:
            raise UsageError(f"signal: no signal has the number {name}") from None
    known = signal.Signals.__members__
    full = "SIG" + name.upper().removeprefix("SIG")
    if full in known:
        return known[full]
    close = difflib.get_close_matches(full, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "TAB lists them"
    raise UsageError(f"signal: unknown signal {name!r}: {hint}")


def as_json(value: object) -> str:
    """A value of the model as one line of JSON; ASCII, so that no name can harm a terminal."""
    import json

    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
