"""Tells which locks a suspended task has: those whose `async with` blocks it is in.

A lock does not always know who has it. But a task inside of `async with lock:` keeps the lock's
`__aexit__` on the stack of its frame, where the garbage collector finds it; so do those that
`AsyncExitStack` and `@asynccontextmanager` will call. Who calls `acquire()` and `release()` itself
leaves no such trace: see `knowledge`. Imports no runtime.
"""

from __future__ import annotations

import contextlib
import gc
import math
import sys
from itertools import chain
from types import AsyncGeneratorType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from . import frames, objects

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import CodeType

    Held = list[object]

DEPTH = 8
"""Context managers within each other that are followed."""

_EXITS = ("__aexit__", "__exit__")
_GENERATED: Any = (
    getattr(contextlib, "_AsyncGeneratorContextManager", None),
    getattr(contextlib, "_GeneratorContextManager", None),
)
_STACKS: Any = getattr(contextlib, "_BaseExitStack", ())
_TIMEOUTS = {
    ("asyncio", "Timeout"),
    ("anyio", "CancelScope"),
    ("async_timeout", "Timeout"),
}


def managers(levels: Sequence[Any], enters: Collection[CodeType], held: Held) -> list[Any]:
    """The context managers that these levels of a chain will leave, as far as they are known.

    `enters` are the functions that wait at the head of `async with`: what they are for has not been
    entered yet.
    """
    found: list[Any] = []
    if _may_leave(levels, held):
        for level in levels:
            found += _of_level(level, enters, held, 0)
            for generator in _iterated(level, levels, held):
                found += _of_level(generator, enters, held, 1)
    return found


def _may_leave(levels: Sequence[Any], held: Held) -> bool:
    """Whether there may be an exit on one of their stacks: most have none, and are done with this.

    In one call of C, so that nothing has to be held.
    """
    targets = levels
    if sys.version_info < (3, 11):
        targets = [_frame_of(level) for level in levels]
        held += targets
    kinds = list(map(type, chain.from_iterable(map(gc.get_referents, targets))))
    # Since 3.14 an exit is a function; a level refers to its own one, too.
    leaves = MethodType in kinds or kinds.count(FunctionType) > len(levels)
    return leaves or AsyncGeneratorType in kinds


def _frame_of(level: Any) -> Any:
    kind = frames.kind_of(level)
    return kind.frame(level) if kind is not None else level


def _iterated(level: Any, levels: Sequence[Any], held: Held) -> Iterator[Any]:
    """The async generators between two of whose items it is: they keep what they have entered."""
    for each in objects.referents(level, held):
        if type(each) is AsyncGeneratorType and all(each is not known for known in levels):
            yield each


def _of_level(level: Any, enters: Collection[CodeType], held: Held, depth: int) -> Iterator[Any]:
    pending = _pending(objects.referents(level, held))
    wishes = _wishes(level, enters, held) if pending else ()
    if wishes:
        index = next(
            (i for i in reversed(range(len(pending))) if any(pending[i] is w for w in wishes)), None
        )
        if index is not None:
            del pending[index]
    for manager in pending:
        yield from _within(manager, enters, held, depth)


def _pending(referents: Sequence[Any]) -> list[Any]:
    """What `__aexit__` or `__exit__` is bound to; since 3.14, the object after the function."""
    found: list[Any] = []
    for index, each in enumerate(referents):
        kind = type(each)
        if kind is MethodType and each.__name__ in _EXITS:
            found.append(each.__self__)
        elif kind is FunctionType and each.__name__ in _EXITS and index + 1 < len(referents):
            found.append(referents[index + 1])
    return found


def _wishes(level: Any, enters: Collection[CodeType], held: Held) -> list[Any]:
    """What a level is about to enter, and does not have yet, is among these."""
    kind = frames.kind_of(level)
    following = kind.awaited(level) if kind is not None else None
    if frames.kind_of(following) is None or frames.code_of(following) not in enters:
        return []
    held.append(following)
    return objects.referents(following, held)


def _within(manager: Any, enters: Collection[CodeType], held: Held, depth: int) -> Iterator[Any]:
    """The manager, or those that it stands for."""
    held.append(manager)
    if depth >= DEPTH:
        return
    if type(manager) in _GENERATED:
        yield from _of_level(manager.gen, enters, held, depth + 1)
    elif issubclass(type(manager), _STACKS):
        callbacks: list[Any] = list(getattr(manager, "_exit_callbacks", ()))
        for _is_sync, callback in callbacks:
            if type(callback) is MethodType:
                yield from _within(callback.__self__, enters, held, depth + 1)
    else:
        yield manager


def deadline(manager: Any) -> float | None:
    """When it ends what is in it, of the loop's clock, if it is a timeout that is set: asyncio's,
    anyio's, or async_timeout's."""
    kind = type(manager)
    if (kind.__module__.partition(".")[0], kind.__name__) not in _TIMEOUTS:
        return None
    # Of asyncio's it is private: see test_timeouts_end_waits.
    when: float | None = getattr(
        manager, "_when" if hasattr(manager, "_when") else "deadline", None
    )
    return None if when == math.inf else when
