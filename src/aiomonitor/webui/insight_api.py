"""The JSON API of what explains: findings, deadlocks, locks, the loop's health and its load.

The functions run in worker threads. Import the registry from here: it has all endpoints then.
"""

from __future__ import annotations

from typing import Annotated

from aiomonitor.errors import AiomonitorError, NotMarkedError, TaskNotFoundError
from aiomonitor.model.changes import Diff
from aiomonitor.model.dump import Dump
from aiomonitor.model.findings import Findings
from aiomonitor.model.health import Health, Stall
from aiomonitor.model.load import Top
from aiomonitor.model.shared import AwaitTree, Deadlocks, SharedPage

from . import limits
from .answers import ProfileReport, Stalls
from .api import NUMBER_LIMIT, Desk, Name, Ref, RowLimit, not_found
from .api import registry as registry  # with what is declared here, the whole of it
from .problems import Problem
from .profiles import report
from .schemas import Limits

Fresh = Annotated[bool, Limits(text="Look now, instead of telling what was found last.")]
Number = Annotated[int, Limits(least=1, most=NUMBER_LIMIT, text="Its number.")]
Seconds = Annotated[float, Limits(least=0.1, most=limits.LOOK, text="Seconds to look for.")]
Depth = Annotated[int, Limits(least=0, most=1000, text="Levels at most; 0 for all.")]
Json = Annotated[bool, Limits(text="The model as JSON, instead of text for people.")]
_TEXT = "text/plain; charset=utf-8"


@registry.get("/api/findings", Findings)
def findings(desk: Desk, *, fresh: Fresh = False) -> Findings:
    """What is wrong, and what to do, by all rules: what the last look has found, or a new one."""
    known = None if fresh else desk.site.known_findings()
    return known or desk.site.findings()


@registry.get("/api/deadlocks", Deadlocks)
def deadlocks(desk: Desk) -> Deadlocks:
    """Tasks that wait for each other, and tasks that nobody is left to wake."""
    return desk.site.deadlocks()


@registry.get("/api/locks", SharedPage)
def locks(desk: Desk, *, limit: RowLimit = 100) -> SharedPage:
    """Locks, semaphores, conditions, events and barriers that tasks have or wait for."""
    return desk.site.locks(limit)


@registry.get("/api/queues", SharedPage)
def queues(desk: Desk, *, limit: RowLimit = 100) -> SharedPage:
    """Queues and channels that tasks wait at, or have at hand."""
    return desk.site.queues(limit)


@registry.get("/api/waits", AwaitTree, errors=(404,))
def waits(
    desk: Desk, *, ref: Ref | None = None, limit: RowLimit = 100, depth: Depth = 0
) -> AwaitTree:
    """Who waits for whom, as a tree: each task followed by those that it waits for, at the next
    depth; under one task, itself included, or under all that no other waits for."""
    try:
        return desk.site.await_tree(ref, limit=limit, depth=depth or None)
    except TaskNotFoundError as error:
        raise not_found(error) from None


@registry.get("/api/health", Health)
def health(desk: Desk) -> Health:
    """How the loop keeps up: its lag in the last minutes, and how often it was blocked."""
    return desk.site.health()


@registry.get("/api/stalls", Stalls)
def stalls(desk: Desk, *, limit: RowLimit = 100) -> Stalls:
    """The times that the loop was blocked, the latest first."""
    return Stalls(stalls=desk.site.stalls(limit))


@registry.get("/api/stalls/{number}", Stall, errors=(404,))
def stall(desk: Desk, *, number: Number) -> Stall:
    """One time that the loop was blocked, with the stacks seen meanwhile."""
    found = desk.site.stall(number)
    if found is None:
        raise Problem(404, f"no stall {number} is remembered")
    return found


@registry.get("/api/top", Top, errors=(409,))
def top(desk: Desk, *, seconds: Seconds = 1.0, limit: RowLimit = 100) -> Top:
    """The busiest tasks and coroutines in the time from now on; the answer comes at its end."""
    try:
        return desk.site.top(seconds, limit=limit)
    except AiomonitorError as error:
        raise Problem(409, str(error)) from None


@registry.get("/api/diff", Diff, errors=(404,))
def diff(desk: Desk, *, name: Name = "", limit: RowLimit = 100) -> Diff:
    """What is new, gone and still there since the mark, by creation site."""
    try:
        return desk.site.diff(name, limit=limit)
    except NotMarkedError as error:
        raise not_found(error) from None


@registry.post("/api/mark", Diff, errors=(403, 413, 415, 429))
def mark(desk: Desk, *, name: Name = "") -> Diff:
    """Remember which tasks are live now, under a name, for `/api/diff`."""
    return desk.site.mark(name)


@registry.post("/api/profile", ProfileReport, errors=(403, 409, 413, 415, 429))
def profile(desk: Desk, *, seconds: Seconds = 10.0) -> ProfileReport:
    """Sample where the loop's thread computes; the answer comes at the end."""
    try:
        found = desk.site.profile(seconds)
    except AiomonitorError as error:
        raise Problem(409, str(error)) from None
    return report(found, desk.profiles.keep(desk.site.collapsed(found)), limits.STACKS)


@registry.get("/api/profile/{number}.collapsed", str, errors=(404,), media_type=_TEXT)
def collapsed(desk: Desk, *, number: Number) -> str:
    """All stacks of one of the last profiles, each a line, as speedscope and flamegraph.pl read
    them."""
    text = desk.profiles.text(number)
    if text is None:
        raise Problem(404, f"no profile {number} is remembered")
    return text


@registry.get("/api/dump", Dump, also=_TEXT)
def dump(desk: Desk, *, json: Json = False) -> bytes | str:
    """All there is to know, to be kept: findings, deadlocks, stalls, who waits for whom, the stacks
    of all tasks and threads; as text, or as JSON."""
    text = desk.site.dumped(json=json)
    return text.encode() if json else text
