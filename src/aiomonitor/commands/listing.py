"""What the commands that list and show tasks have in common: options, tables, JSON."""

from __future__ import annotations

import enum
import itertools
from typing import TYPE_CHECKING, Annotated, Any

from aiomonitor.errors import CommandError, ScopeNotFoundError, TaskNotFoundError, UsageError
from aiomonitor.model.fields import as_mapping
from aiomonitor.model.words import SortKey
from aiomonitor.utils import Parameter

from . import CommandInterpreter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aiomonitor.model import TaskPage
    from aiomonitor.queries import Queries
    from aiomonitor.render.tables import Column

LISTING_LIMIT = 500
"""Rows of a listing unless it is told otherwise: some screens, not a flood."""
_CHUNK = 25
"""Rows that are written at once: the first screen appears while the rest is being made."""

FilterOption = Annotated[
    str, Parameter(metavar="TEXT", help="Only tasks whose name or coroutine contains this.")
]
SortOption = Annotated[SortKey, Parameter(help="What the rows are ordered by.")]
ReverseOption = Annotated[bool, Parameter(help="The other way round.")]
LimitOption = Annotated[
    int, Parameter(metavar="N", help=f"At most so many rows; 0 for all. [{LISTING_LIMIT}]")
]
JsonOption = Annotated[bool, Parameter(help="JSON, for programs; all rows unless limited.")]


OFFERED = 100
"""Tasks that TAB offers at most."""


def tasks_offered(monitor: Queries, typed: str) -> Iterator[tuple[str, str]]:
    """Numbers and names that begin with what was typed, each with what it stands for."""
    from aiomonitor import render  # when somebody asks

    for task in monitor.tasks(limit=OFFERED):
        if str(task.number).startswith(typed):
            yield str(task.number), f"{task.name}, {render.location(task)}"
    if typed:
        for task in monitor.tasks(filter=typed, sort="name", limit=OFFERED):
            if task.name.startswith(typed):
                yield task.name, f"task {task.number}"


TaskArgument = Annotated[
    str,
    Parameter(metavar="TASK", help="number, id() or unique name", complete=tasks_offered),
]


class Listings(CommandInterpreter):
    """Writes what commands have found to the client that asked."""

    def _write_table(self, columns: Sequence[Column], rows: Iterator[tuple[str, ...]]) -> int:
        """Write rows as they are made; returns how many there were."""
        from aiomonitor.render.tables import Layout  # when somebody asks

        color = self._client.color
        first = list(itertools.islice(rows, _CHUNK))
        layout = Layout.fit(columns, first, self._client.columns)
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

    def _look_up(self, query: Any, task: str) -> Any:
        """A task that is gone is the user's news, not a fault: one line."""
        try:
            return query(task)
        except (TaskNotFoundError, ScopeNotFoundError) as error:
            raise CommandError(str(error)) from None

    def _write_lines(self, lines: Iterable[str]) -> None:
        self._write("".join(f"{line}\n" for line in lines))


def row_limit(command: str, limit: int, *, json: bool) -> int | None:
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


def as_json(value: object) -> str:
    """A value of the model as one line of JSON; ASCII, so that no name can harm a terminal."""
    import json

    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else as_mapping(value)
