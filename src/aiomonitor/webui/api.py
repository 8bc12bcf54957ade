"""The JSON API: what each endpoint takes and answers. The functions run in worker threads."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from aiomonitor.errors import ScopeNotFoundError, TaskNotFoundError
from aiomonitor.model import (
    CancelResult,
    EndedSortKey,
    GroupKey,
    GroupPage,
    Outcome,
    ScopeCancelResult,
    ScopeReach,
    SortKey,
    TaskStack,
    TerminatedStack,
    Why,
)
from aiomonitor.queries import CANCEL_TIMEOUT

from . import limits
from .answers import Status, TaskRows, TerminatedRows, Threads, Tree
from .endpoints import Registry
from .problems import Problem
from .profiles import Profiles
from .schemas import Limits

if TYPE_CHECKING:
    from .headcount import Headcount
    from .sampler import Sampler
    from .site import Site
    from .tally import Tally

NUMBER_LIMIT = 10**12
"""What no task's number, and no row's, gets to."""

Filter = Annotated[
    str,
    Limits(
        length=limits.TEXT,
        text="Only tasks whose name or coroutine contains this, without regard to case.",
    ),
]
Reverse = Annotated[bool, Limits(text="The other way round.")]
RowLimit = Annotated[int, Limits(least=1, most=limits.ROWS, text="At most so many rows.")]
Cursor = Annotated[
    int,
    Limits(
        least=0, most=NUMBER_LIMIT, text="The first row: the `cursor` of the answer before, or 0."
    ),
]
Sort = Annotated[SortKey, Limits(text="What the rows are ordered by.")]
EndedSort = Annotated[
    EndedSortKey, Limits(text="What the rows are ordered by: `ended` has the latest first.")
]
AnySort = Annotated[
    Literal["ended", "id", "name", "coroutine", "state", "where", "age", "outcome", "duration"],
    Limits(text="What the rows are ordered by; what the view knows."),
]
By = Annotated[GroupKey, Limits(text="What the tasks of a group have in common.")]
Key = Annotated[
    str, Limits(length=limits.KEY, text="Only the tasks of the group that has this key in `by`.")
]
Outcomes = Annotated[Outcome, Limits(text="Only the tasks that ended so.")]
Parent = Annotated[
    int,
    Limits(least=0, most=NUMBER_LIMIT, text="The number of the task above; 0 for the roots."),
]
Ref = Annotated[str, Limits(length=limits.TEXT, text="A task: its number, `id()` or unique name.")]
Name = Annotated[str, Limits(length=limits.TEXT, text="The name of a mark.")]
ScopeRef = Annotated[
    str,
    Limits(
        length=limits.TEXT,
        text="A scope by its number (`s4`), or a task, whose nearest scope or nursery is meant.",
    ),
]
Timeout = Annotated[
    float,
    Limits(least=0, most=limits.CANCEL_WAIT, text="Seconds to wait until it has ended."),
]
View = Annotated[
    Literal["overview", "tasks", "task", "finished", "tree", "watch"],
    Limits(text="What the events are about; each view takes the parameters of its endpoint."),
]

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PLAIN_METRICS = "text/plain; version=0.0.4; charset=utf-8"

registry = Registry()


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the endpoints work with."""

    site: Site
    sampler: Sampler
    headcount: Headcount
    tally: Tally
    profiles: Profiles = field(default_factory=Profiles)


@registry.get("/api/status", Status)
def status(desk: Desk) -> Status:
    """How the run is doing, with the samples of the last five minutes in which somebody looked."""
    return desk.sampler.status()


@registry.get("/api/tasks", TaskRows)
def tasks(
    desk: Desk,
    *,
    filter: Filter = "",
    by: By = "coroutine",
    key: Key | None = None,
    sort: Sort = "id",
    reverse: Reverse = False,
    limit: RowLimit = 100,
    cursor: Cursor = 0,
) -> TaskRows:
    """The live tasks; with a `key`, those of that group of `/api/groups`."""
    query = desk.site.task_page
    if key is not None:
        query = partial(desk.site.group_page, by, key)
    page = query(filter=filter, sort=sort, reverse=reverse, limit=limit, offset=cursor)
    return TaskRows(
        tasks=tuple(page.tasks),
        total=page.total,
        matched=page.matched,
        cursor=_next(cursor + limit, page.matched),
    )


@registry.get("/api/groups", GroupPage)
def groups(
    desk: Desk, *, by: By = "coroutine", filter: Filter = "", limit: RowLimit = 100
) -> GroupPage:
    """The live tasks by what they have in common, the largest group first."""
    return desk.site.groups(by, filter=filter, limit=limit)


@registry.get("/api/tasks/{ref}", TaskStack, errors=(404,))
def task(desk: Desk, *, ref: Ref) -> TaskStack:
    """One live task: its await chain, its creation chain, its cancellations."""
    try:
        return desk.site.stack(ref)
    except TaskNotFoundError as error:
        raise not_found(error) from None


@registry.get("/api/tasks/{ref}/why", Why, errors=(404,))
def why(desk: Desk, *, ref: Ref) -> Why:
    """What holds a task up: the chain of waits from it to the root, and in a sentence."""
    try:
        return desk.site.why(ref)
    except TaskNotFoundError as error:
        raise not_found(error) from None


@registry.post(
    "/api/tasks/{ref}/cancel", CancelResult, errors=(403, 404, 413, 415, 429), needs="act"
)
def cancel(desk: Desk, *, ref: Ref, timeout: Timeout = CANCEL_TIMEOUT) -> CancelResult:
    """Cancel a task, in its loop's thread, and tell what came of it."""
    try:
        return desk.site.cancel(ref, timeout)
    except TaskNotFoundError as error:
        raise not_found(error) from None


@registry.get("/api/scopes/{ref}", ScopeReach, errors=(404,))
def scope(desk: Desk, *, ref: ScopeRef) -> ScopeReach:
    """A cancel scope or nursery, and the tasks that cancelling it would take along. Only runtimes
    that have scopes know any: trio does."""
    try:
        return desk.site.scope_reach(ref)
    except (TaskNotFoundError, ScopeNotFoundError) as error:
        raise not_found(error) from None


@registry.post(
    "/api/scopes/{ref}/cancel", ScopeCancelResult, errors=(403, 404, 413, 415, 429), needs="act"
)
def cancel_scope(
    desk: Desk, *, ref: ScopeRef, timeout: Timeout = CANCEL_TIMEOUT
) -> ScopeCancelResult:
    """Cancel a scope with all that is in it, in its run's thread, and tell what came of it."""
    try:
        return desk.site.cancel_scope(ref, timeout)
    except (TaskNotFoundError, ScopeNotFoundError) as error:
        raise not_found(error) from None


@registry.get("/api/threads", Threads)
def threads(desk: Desk) -> Threads:
    """What the threads of the process execute now: the loop's thread first."""
    return Threads(threads=desk.site.threads())


@registry.get("/api/tree", Tree)
def tree(
    desk: Desk,
    *,
    parent: Parent = 0,
    filter: Filter = "",
    limit: RowLimit = 100,
    cursor: Cursor = 0,
) -> Tree:
    """The live tasks under one, or the roots; with a filter all that match, each with the path to
    it. A task is under its creator, or in trio under the task that has opened its nursery."""
    page = desk.site.tree(parent, filter=filter, limit=limit, offset=cursor)
    following = _next(cursor + limit, page.total)
    return Tree(parent=parent, nodes=page.nodes, total=page.total, cursor=following)


@registry.get("/api/finished", TerminatedRows)
def finished(
    desk: Desk,
    *,
    filter: Filter = "",
    outcome: Outcomes | None = None,
    sort: EndedSort = "ended",
    reverse: Reverse = False,
    limit: RowLimit = 100,
    cursor: Cursor = 0,
) -> TerminatedRows:
    """The tasks that ended lately, and how."""
    page = desk.site.terminated_page(
        filter=filter, outcome=outcome, sort=sort, reverse=reverse, limit=limit, offset=cursor
    )
    return TerminatedRows(
        tasks=page.tasks,
        ended=page.ended,
        remembered=page.remembered,
        matched=page.matched,
        dropped=page.dropped,
        note=page.note,
        cursor=_next(cursor + limit, page.matched),
    )


@registry.get("/api/finished/{ref}", TerminatedStack, errors=(404,))
def ended(desk: Desk, *, ref: Ref) -> TerminatedStack:
    """How one task ended, with its stacks."""
    try:
        return desk.site.terminated_stack(ref)
    except TaskNotFoundError as error:
        raise not_found(error) from None


@registry.get("/api/events", str, errors=(503,), media_type="text/event-stream")
def events(
    desk: Desk,
    *,
    view: View,
    ref: Ref | None = None,
    filter: Filter | None = None,
    by: By | None = None,
    key: Key | None = None,
    outcome: Outcomes | None = None,
    sort: AnySort | None = None,
    reverse: Reverse | None = None,
    limit: RowLimit | None = None,
    cursor: Cursor | None = None,
    parent: Parent | None = None,
) -> str:
    """Server-Sent Events: what changes in a view, once a second at most.

    Every stream has `status`, which is `/api/status` with the newest sample alone. `rows` (of
    tasks, finished and tree) has the `order` of all rows by task number, and those `rows` that are
    new or have changed, ages aside; the first one is whole. `task` is the task whenever it has
    changed, ages aside, and `gone` says in `detail` that there is none any more. `happened` (of
    watch, whose parameters are `ref` and `filter`) has what was done to tasks in `events`, each
    after its number: `seen` counts them all, and a number that is missing was left out, since at
    most 100 are told at once. Numbers begin anew when `since` is another; `over`: the one task that
    is watched has ended.
    """
    raise NotImplementedError  # a stream is no answer: the application makes it, see `Live`


@registry.get("/metrics", str, media_type=OPENMETRICS, also=PLAIN_METRICS)
def metrics(_: Desk) -> str:
    """Figures for Prometheus and its like, in OpenMetrics; whoever accepts `text/plain`, but not
    that, gets Prometheus' older format."""
    raise NotImplementedError  # the application makes it, since it depends on a header


def wants_plain(accept: str) -> bool:
    """Whether a client of `/metrics` cannot read OpenMetrics, by its header Accept."""
    return "text/plain" in accept and "openmetrics" not in accept


def _next(row: int, rows: int) -> str | None:
    return str(row) if row < rows else None


def not_found(error: Exception) -> Problem:
    """In words that name no command of the terminal."""
    told = re.split(r"(?:, and is forgotten)?: '(?:ps|where|tree)", str(error))[0]
    return Problem(404, told)
