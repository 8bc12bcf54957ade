"""Waits for other tasks: alone, together, or through a future that somebody has to set."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import sys
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import objects
from aiomonitor.model import WaitInfo

from .jobs import job_of
from .look import codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .look import Look, Teller, Tellers

TOLD = 100
"""Numbers of awaited tasks that are told; all are counted."""
NAMED = 3
"""Those of them that are named."""


def tellers() -> Tellers:
    """By the functions that tasks are suspended in."""
    table: Tellers = dict.fromkeys(codes(getattr(asyncio.tasks, "_wait", None)), _wait)
    if sys.version_info >= (3, 11):
        exits = codes(asyncio.TaskGroup.__aexit__, getattr(asyncio.TaskGroup, "_aexit", None))
        table.update(dict.fromkeys(exits, _group_of(asyncio.TaskGroup)))
    if sys.version_info < (3, 12):  # it makes a task; later ones await in place
        table[asyncio.wait_for.__code__] = _wait_for
    return table


def anyio_tellers(anyio: Any) -> Tellers:
    """The same for anyio's own."""
    return {anyio.TaskGroup.__aexit__.__code__: _group_of(anyio.TaskGroup)}


def of_future(look: Look) -> WaitInfo:
    """What the future at the end of the chain tells of itself, whoever awaits it."""
    future = look.future
    if _is_task(future):
        return _task(look, future)
    children = getattr(future, "_children", None)
    if isinstance(children, (list, tuple)):
        return _tasks(look, children, " of gather()")
    for inner in _behind(future):
        look.held.append(inner)
        if _is_task(inner):
            return _task(look, inner)
        if isinstance(inner, concurrent.futures.Future):
            return _in_executor(look, inner)
    if type(future).__name__ in UVLOOP_SOCKETS:
        return _uvloop_socket(look, UVLOOP_SOCKETS[type(future).__name__])
    return WaitInfo(kind="future", what=f"a {type(future).__name__}", object_id=id(future))


UVLOOP_SOCKETS = {
    "_SyncSocketReaderFuture": "to be readable",
    "_SyncSocketWriterFuture": "to be writable",
}
"""Futures of uvloop's `sock_recv` and the like, whose sockets only the garbage collector finds."""


def _uvloop_socket(look: Look, wish: str) -> WaitInfo:
    found = gc.get_referents(look.future)  # from 3.13 on, its attributes may be among them
    found += [value for each in found if type(each) is dict for value in each.values()]
    look.held += found
    for each in found:
        if objects.is_socket(each):
            told = f"socket {each.fileno()}{objects.socket_name(each)} {wish}"
            return WaitInfo(kind="socket", what=told, fd=each.fileno())
    return WaitInfo(kind="socket", what=f"a socket {wish}")


def _in_executor(look: Look, future: concurrent.futures.Future[Any]) -> WaitInfo:
    job = job_of(future, look.held)
    if job is not None:
        return WaitInfo(kind="thread", what=f"{job.function}() in a thread", thread=job.thread)
    state = "runs" if future.running() else "is queued"
    return WaitInfo(kind="thread", what=f"a call in an executor, which {state}")


def thread_of(look: Look) -> int | None:
    """The thread that works on what the future at the end of the chain is for."""
    for inner in _behind(look.future):
        look.held.append(inner)
        if isinstance(inner, concurrent.futures.Future):
            job = job_of(inner, look.held)
            return None if job is None else job.thread
    return None


def _is_task(thing: Any) -> bool:
    return asyncio.isfuture(thing) and hasattr(thing, "get_coro")


def _behind(future: Any) -> Iterator[Any]:
    """What passes its result on to the future: `shield` and executors do so, by callbacks."""
    callbacks: list[Any] = list(getattr(future, "_callbacks", None) or ())
    for callback, _context in callbacks:
        code = getattr(callback, "__code__", None)
        cells: Sequence[Any] = getattr(callback, "__closure__", None) or ()
        names: Sequence[str] = getattr(code, "co_freevars", ())
        for name, cell in zip(names, cells, strict=False):
            if name in ("inner", "source"):
                yield cell.cell_contents


def _wait(look: Look) -> WaitInfo | None:
    """`asyncio.wait`, which has its futures in a set."""
    for each in look.referents():
        if isinstance(each, (set, frozenset, list, tuple)) and each:
            futures = list(each)
            look.held += futures
            if all(map(asyncio.isfuture, futures)):
                any_of = asyncio.FIRST_COMPLETED in look.referents() or None
                return _tasks(look, futures, " of wait()", any_of=any_of)
    return None


def _wait_for(look: Look) -> WaitInfo | None:
    for each in look.referents():
        if _is_task(each):
            return _task(look, each)
    return None


def _group_of(type_: Any) -> Teller:
    """For a task group, asyncio's or anyio's, at its end."""

    def tell(look: Look) -> WaitInfo | None:
        group = look.found(type_)
        if group is None:
            return None
        tasks = list(group._tasks)
        look.held += tasks
        return _tasks(look, tasks, " of a TaskGroup", object_id=id(group))

    return tell


def _task(look: Look, task: Any) -> WaitInfo:
    """One, which may have ended meanwhile."""
    if task.done():
        return WaitInfo(kind="task", what="a task that has ended", tasks=())
    return WaitInfo(kind="task", what=look.told(task), tasks=(look.number(task),))


def _tasks(
    look: Look,
    futures: Collection[Any],
    of: str,
    *,
    object_id: int | None = None,
    any_of: bool | None = None,
) -> WaitInfo:
    """In words, and the numbers of those that are tasks."""
    pending = [future for future in futures if not future.done()]
    tasks = [future for future in pending if _is_task(future)]
    numbers: tuple[int, ...] = tuple(look.number(task) for task in tasks[:TOLD])
    words = _count(len(pending), len(futures), len(tasks)) + of
    if tasks:
        words += f": {', '.join(map(look.told, tasks[:NAMED]))}"
    if len(tasks) > NAMED:
        words += f", and {len(tasks) - NAMED} more"
    if any_of and len(tasks) < len(pending):
        numbers = ()  # one that is no task is enough: no task holds this one up
    return WaitInfo(kind="tasks", what=words, object_id=object_id, tasks=numbers, any_of=any_of)


def _count(pending: int, total: int, tasks: int) -> str:
    kind = "task" if tasks == pending else "awaitable"
    out_of = f"{pending} of {total}" if pending < total else f"{pending}"
    return f"{out_of} {kind}{'' if total == 1 else 's'}"
