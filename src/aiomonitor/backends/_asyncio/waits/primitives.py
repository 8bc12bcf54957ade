"""Waits for what tasks share: locks, events, queues and channels, of asyncio and of anyio.

Of asyncio's objects only their lists of waiters and their counters are private: see
test_asyncio_waits.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import frames, neutral
from aiomonitor.model import WaitInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence, Sized

    from aiomonitor.model import WaitKind

    from .look import Look, Teller, Tellers


def tellers() -> Tellers:
    """By the functions that tasks are suspended in."""
    table: Tellers = {
        asyncio.Event.wait.__code__: _teller("event", asyncio.Event, lambda _: "an Event"),
        asyncio.Lock.acquire.__code__: _teller("lock", asyncio.Lock, _a_lock),
        asyncio.Semaphore.acquire.__code__: _teller("semaphore", asyncio.Semaphore, _a_semaphore),
        asyncio.Condition.wait.__code__: _condition,
        asyncio.Queue.get.__code__: _queue_of("an item from", "_getters"),
        asyncio.Queue.put.__code__: _queue_of("room in", "_putters"),
        asyncio.Queue.join.__code__: _join,
    }
    if sys.version_info >= (3, 11):
        table[asyncio.Barrier.wait.__code__] = _barrier
    return table


def anyio_tellers(anyio: Any) -> Tellers:
    """The same for anyio's own."""
    semaphore, limiter = anyio.Semaphore, anyio.CapacityLimiter
    return {
        anyio.Lock.acquire.__code__: _owned_lock(anyio.Lock),
        semaphore.acquire.__code__: _teller(
            "semaphore", semaphore, lambda each: f"a Semaphore at {each.value}"
        ),
        limiter.acquire_on_behalf_of.__code__: _limiter_of(limiter),
    }


def neutral_tellers(kind: str, module: Any) -> Tellers:
    """The same for what anyio has whatever it runs on."""

    def of(tell: neutral.Tell) -> Teller:
        return lambda look: tell(look.levels, look.held)

    return {code: of(tell) for code, tell in neutral.TELLERS[kind](module).items()}


def _count(waiters: Sized | None) -> int:
    return 0 if waiters is None else len(waiters)


LINE = 1000
"""Waiters among which one looks for its place: with more, each of them would look for long."""


def _position(look: Look, waiters: Collection[Any] | None) -> int | None:
    """How many are before it."""
    if waiters is None or len(waiters) > LINE:
        return None
    if type(waiters) is deque and type(look.future) is asyncio.Future:  # in C, and owns nothing
        return waiters.index(look.future) if look.future in waiters else None
    line = list(waiters)
    look.held += line
    return next((index for index, each in enumerate(line) if each is look.future), None)


def _teller(kind: WaitKind, type_: Any, words: Callable[[Any], str]) -> Teller:
    """For an object with `_waiters`."""

    def tell(look: Look) -> WaitInfo | None:
        thing = look.found(type_)
        if thing is None:
            return None
        return WaitInfo(
            kind=kind,
            what=words(thing),
            object_id=id(thing),
            waiting=_count(thing._waiters),
            position=_position(look, thing._waiters),
        )

    return tell


def _a_lock(lock: asyncio.Lock) -> str:
    free = "" if asyncio.Lock.locked(lock) else " that is free"  # for an instant, when it changes
    return f"a {type(lock).__name__}{free}"


def _a_semaphore(semaphore: Any) -> str:
    most = getattr(semaphore, "_bound_value", None)
    return f"a {type(semaphore).__name__} at {semaphore._value}" + (f" of {most}" if most else "")


_the_condition = _teller("condition", asyncio.Condition, lambda _: "a Condition")


def _condition(look: Look) -> WaitInfo | None:
    """One that has been notified waits for its lock, which is told by that function."""
    if frames.code_of(look.levels[-1]) is asyncio.Lock.acquire.__code__:
        return None
    return _the_condition(look)


def _barrier(look: Look) -> WaitInfo | None:
    barrier = look.found(getattr(asyncio, "Barrier"))  # noqa: B009 - 3.11+
    if barrier is None:
        return None
    here = f"{barrier.n_waiting} of {barrier.parties} are there"
    return WaitInfo(
        kind="barrier",
        what=f"a Barrier ({here})",
        object_id=id(barrier),
        waiting=barrier.n_waiting,
    )


def _queue_of(wish: str, waiters: str) -> Teller:
    def tell(look: Look) -> WaitInfo | None:
        queue: Any = look.found(asyncio.Queue)
        if queue is None:
            return None
        # Not by methods that an application may have replaced: this is not its thread.
        size = asyncio.Queue.qsize(queue)
        most = queue._maxsize if queue._maxsize > 0 else None
        filled = f"{size} of {most}" if most else f"{size}"
        return WaitInfo(
            kind="queue",
            what=f"{wish} a {type(queue).__name__} ({filled} items)",
            object_id=id(queue),
            waiting=len(getattr(queue, waiters)),
            position=_position(look, getattr(queue, waiters)),
            size=size,
            limit=most,
            putting=waiters == "_putters",
        )

    return tell


def _join(look: Look) -> WaitInfo | None:
    queue: Any = look.found(asyncio.Queue)
    if queue is None:
        return None
    return WaitInfo(
        kind="queue",
        what=f"{queue._unfinished_tasks} items of a {type(queue).__name__} to be done",
        object_id=id(queue),
        waiting=_count(queue._finished._waiters),
    )


# --- anyio ----------------------------------------------------------------------------------------


def _owned_lock(type_: Any) -> Teller:
    def tell(look: Look) -> WaitInfo | None:
        lock = look.found(type_)
        if lock is None:
            return None
        owner = lock._owner_task
        return WaitInfo(
            kind="lock",
            what="a Lock",
            object_id=id(lock),
            waiting=len(lock._waiters),
            holders=() if owner is None else (look.number(owner),),
            held_by=None if owner is None else look.told(owner),
        )

    return tell


BORROWERS = 100
"""Tasks told that have something of a limiter."""
NAMED = 3
"""Those of them that are named."""


def _told(look: Look, tasks: Sequence[Any]) -> str | None:
    words = " and ".join(map(look.told, tasks[:NAMED]))
    more = len(tasks) - NAMED
    return f"{words} and {more} more" if more > 0 else words or None


def _limiter_of(type_: Any) -> Teller:
    def tell(look: Look) -> WaitInfo | None:
        limiter = look.found(type_)
        if limiter is None:
            return None
        used = f"{limiter.borrowed_tokens} of {limiter.total_tokens}"
        borrowers = list(limiter._borrowers)  # tasks, or whatever it was borrowed for
        look.held += borrowers
        # One whose turn has come has it already, and is about to wake; nobody can have two.
        own = set(map(id, look.referents()))
        tasks = [each for each in borrowers if asyncio.isfuture(each) and id(each) not in own]
        tasks = tasks[:BORROWERS]
        return WaitInfo(
            kind="limiter",
            what=f"a CapacityLimiter with {used} in use",
            object_id=id(limiter),
            waiting=len(limiter._wait_queue),
            holders=tuple(look.number(each) for each in tasks),
            held_by=_told(look, tasks),
        )

    return tell
