"""What an event stream is about, and what changed in it between two looks."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiomonitor.errors import TaskNotFoundError

from . import api
from .problems import Problem
from .schemas import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiomonitor.model import TaskInfo

    from .api import Desk
    from .endpoints import Endpoint, Parameter

_SOURCES = ("tasks", "task", "finished", "tree")
"""Views with an endpoint of their own; the overview is the status that every stream carries."""
_WATCHED = ("ref", "filter")
"""Which of the stream's own parameters say what is watched."""


@dataclass(frozen=True, slots=True)
class View:
    """What a page looks at. Equal ones share each look."""

    name: str
    parameters: tuple[tuple[str, Any], ...]

    def look(self, desk: Desk, last: Look | None = None) -> Look:
        """See how it is now, or what has happened since the last look; in a worker thread."""
        if self.name == "watch":
            return self._watch(desk, last)
        endpoint = _endpoint(self.name)
        try:
            found = endpoint.handle(desk, **dict(self.parameters))
        except Problem as problem:
            return Gone(problem.detail)
        if self.name == "task":
            return One(found)
        return Rows.of(self.name, found)

    def _watch(self, desk: Desk, last: Look | None) -> Look:
        from .happenings import Happened  # when somebody watches

        if isinstance(last, Gone):
            return last
        if isinstance(last, Happened):
            return last.next()
        given = dict(self.parameters)
        try:
            return Happened(desk.site.watch(given["ref"], filter=given["filter"] or ""))
        except TaskNotFoundError as error:
            return Gone(api.not_found(error).detail)


def make_view(name: str, given: Mapping[str, Any]) -> View:
    """The view of that name, with the parameters that were given; refuses those of other views."""
    known = _endpoint(name).parameters if name in _SOURCES else ()
    if name == "watch":
        known = tuple(each for each in _endpoint("events").parameters if each.name in _WATCHED)
    names = {parameter.name for parameter in known}
    for surplus in given.keys() - names:
        told = ", ".join(sorted(names)) or "none"
        raise Problem(400, f"the view {name} has no parameter {surplus}; it has: {told}")
    return View(name, tuple((each.name, _value(each, given)) for each in known))


def _value(parameter: Parameter, given: Mapping[str, Any]) -> Any:
    value = given.get(parameter.name, parameter.default)
    if parameter.required and parameter.name not in given:
        raise Problem(400, f"{parameter.name} is missing: give {parameter.wanted}")
    if parameter.name == "sort":
        return parameter.from_text(value)  # each view has its own choice
    return value


def _endpoint(name: str) -> Endpoint:
    return next(each for each in api.registry.endpoints if each.name == name)


class Look:
    """What one look at a view has seen."""

    def whole(self) -> bytes:
        """An event that tells all of it."""
        raise NotImplementedError

    def since(self, last: Look) -> bytes:
        """An event that tells what is new since the last look; empty if nothing is."""
        return b"" if self == last else self.whole()


@dataclass(frozen=True, slots=True)
class Gone(Look):
    """There is nothing to see any more."""

    detail: str

    def whole(self) -> bytes:
        return event("gone", {"detail": self.detail})


class One(Look):
    """One task; that it has grown older is no change."""

    def __init__(self, stack: Any) -> None:
        self._stack = stack
        scopes = stack.scopes and tuple(
            dataclasses.replace(each, timeout=each.timeout and math.inf) for each in stack.scopes
        )
        self._lasting = dataclasses.replace(stack, task=lasting(stack.task), scopes=scopes)

    def whole(self) -> bytes:
        return event("task", self._stack)

    def since(self, last: Look) -> bytes:
        same = isinstance(last, One) and last._lasting == self._lasting  # noqa: SLF001 - our own kind
        return b"" if same else self.whole()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Look):
    """Rows of a table, by task number, in their order."""

    rows: Mapping[int, Any]
    totals: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, found: Any) -> Rows:
        """From what the endpoint answered."""
        if name == "tree":
            nodes = {
                node.task.number: dataclasses.replace(node, task=lasting(node.task))
                for node in found.nodes
            }
            totals = {"total": found.total, "matched": found.total, "parent": found.parent}
            return cls(rows=nodes, totals=totals)
        total = found.total if name == "tasks" else found.remembered
        rows = {task.number: lasting(task) for task in found.tasks}
        return cls(rows=rows, totals={"total": total, "matched": found.matched})

    def whole(self) -> bytes:
        return self._told(list(self.rows.values()))

    def since(self, last: Look) -> bytes:
        if not isinstance(last, Rows):
            return self.whole()
        changed = [row for number, row in self.rows.items() if last.rows.get(number) != row]
        same = not changed and self.totals == last.totals and [*self.rows] == [*last.rows]
        return b"" if same else self._told(changed)

    def _told(self, rows: list[Any]) -> bytes:
        return event("rows", {"order": list(self.rows), "rows": rows, **self.totals})


def lasting(task: TaskInfo) -> TaskInfo:
    """A row without what changes all the time: pages count ages from the times."""
    if not hasattr(task, "cancel_age"):
        return task
    waits = task.waits and dataclasses.replace(task.waits, timeout=None)
    return dataclasses.replace(task, age=None, cancel_age=None, waits=waits)


def event(name: str, data: object) -> bytes:
    """One event of a stream; JSON in ASCII has no line ends."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), as_json(data))
