"""Reads where suspended and running code stands, from another thread; imports no runtime.

Frames and the objects along an await chain are looked at and put into `held`, never kept: see
`ownership`. Locals are not touched, since reading `f_locals` up to 3.12 keeps them alive.
What is reported is `CodePoint`s; text is made of them by `symbolise`, when somebody looks.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import threading
from functools import lru_cache
from operator import attrgetter
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, GeneratorType
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aiomonitor import model

from . import sources
from .tops import current_frames
from .values import OURS, AwaitChain, CodePoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHAIN_LIMIT = 1000
"""Awaits followed in one chain: as many as Python lets one run, and the way out of a cycle."""

STACK_LIMIT = 2000
"""Frames taken of one thread: beyond the recursion limit nobody reads them."""

READS = 5
"""Times that a chain is read until two readings agree. A GIL switch every 5 ms against 50 µs for
a reading makes even the second one rarely needed."""

MOVING = "The task moved on while this was read: the frames may not belong together."
CUT = f"The chain is longer than {CHAIN_LIMIT} awaits: the rest is not shown."


class _Kind(NamedTuple):
    """How one type of suspendable object names its parts."""

    awaited: Callable[[object], object]
    frame: Callable[[object], FrameType | None]
    code: Callable[[object], CodeType]
    running: Callable[[object], bool]


def _kind(prefix: str, awaited: str) -> _Kind:
    names = (awaited, "frame", "code", "running")
    return _Kind(*(attrgetter(f"{prefix}_{name}") for name in names))


_COROUTINE = _kind("cr", "await")
_GENERATOR = _kind("gi", "yieldfrom")
_KINDS = {
    CoroutineType: _COROUTINE,
    GeneratorType: _GENERATOR,
    AsyncGeneratorType: _kind("ag", "await"),
}

FUTURE_ITER = "FutureIter"
"""`await future`, the C implementation."""

OPAQUE = frozenset(
    {
        "async_generator_asend",  # `async for`, `anext(agen)`, `agen.asend()`
        "async_generator_athrow",  # `agen.athrow()`, `agen.aclose()`
        "coroutine_wrapper",  # `coroutine.__await__()`
        "anext_awaitable",  # `anext(agen, default)`
        FUTURE_ITER,
    }
)
"""Names of C types that wrap what is awaited and tell nobody but the garbage collector."""


def kind_of(thing: object) -> _Kind | None:
    """How to read the object, if it suspends; other types go by their attributes (Cython's)."""
    kind = _KINDS.get(type(thing))
    if kind is None and hasattr(type(thing), "cr_await"):
        return _COROUTINE
    if kind is None and hasattr(type(thing), "gi_yieldfrom"):
        return _GENERATOR
    return kind


def _inside(wrapper: object, held: list[object]) -> object | None:
    """What an opaque awaitable wraps: the first to suspend, else the first thing at all."""
    if type(wrapper).__name__ not in OPAQUE:
        return None
    # Types made on the heap are referents of their instances.
    referents = [each for each in gc.get_referents(wrapper) if not isinstance(each, type)]
    held.extend(referents)
    for referent in referents:
        # A value that is being sent comes after the generator that it is sent to.
        if kind_of(referent) or type(referent).__name__ in OPAQUE:
            return referent  # type: ignore[no-any-return]  # gc knows no types
    return referents[0] if referents else None


def follow(outermost: object, held: list[object]) -> tuple[list[object], object | None, bool]:
    """The objects that await one another, what ends the chain, and whether it was cut short."""
    levels: list[object] = []
    thing: object | None = outermost
    for _ in range(CHAIN_LIMIT):
        held.append(thing)
        if type(thing) is CoroutineType:  # nearly all are
            levels.append(thing)
            following = thing.cr_await
        elif kind := kind_of(thing):
            levels.append(thing)
            following = kind.awaited(thing)
        elif (following := _inside(thing, held)) is None:
            return levels, thing, False
        if following is None:
            return levels, None, False
        thing = following
    held.append(thing)
    return levels, None, True


def levels_of(outermost: object, held: list[object]) -> list[object]:
    """The same objects, without what ends the chain: for those who read all tasks. It stops at a
    future, which only the garbage collector could look into."""
    levels: list[object] = []
    thing: object | None = outermost
    while type(thing) is CoroutineType and len(levels) < CHAIN_LIMIT:
        held.append(thing)
        levels.append(thing)
        thing = thing.cr_await
    held.append(thing)
    if thing is None or type(thing).__name__ == FUTURE_ITER:
        return levels
    return follow(outermost, held)[0]


def point_of(level: object, held: list[object]) -> CodePoint | None:
    """Where one level of a chain stands; None if it has ended."""
    kind = kind_of(level)
    frame = kind.frame(level) if kind else None
    if frame is None:
        return None
    held.append(frame)
    return CodePoint(frame.f_code, frame.f_lasti)


def code_of(level: object) -> CodeType:
    """Its code. Unlike `point_of`, this makes no frame object, which would stay to the end."""
    if type(level) is CoroutineType:
        return level.cr_code
    kind = kind_of(level)
    assert kind is not None, "only what has a kind becomes a level"  # noqa: S101
    return kind.code(level)


def is_executing(outermost: object) -> bool:
    """Whether some thread is running the coroutine or one that it awaits."""
    kind = kind_of(outermost)
    return kind is not None and bool(kind.running(outermost))


def suspended_chain(outermost: object, held: list[object]) -> AwaitChain:
    """The chain of a coroutine that does not run."""
    levels, end, cut = follow(outermost, held)
    points = (point_of(level, held) for level in levels)
    return AwaitChain(
        points=tuple(filter(None, points)),
        awaiting="" if end is None else type(end).__name__,
        note=CUT if cut else "",
    )


def executing_points(outermost: object, held: list[object]) -> tuple[CodePoint, ...] | None:
    """The frames of a coroutine that runs, down to the one on top, synchronous ones included.

    Whichever thread it is that has the coroutine's frame on its stack is the right one. None if no
    thread has it: the coroutine is suspended by now, or shows no frame.
    """
    kind = kind_of(outermost)
    base = kind.frame(outermost) if kind else None
    if base is None:
        return None
    held.append(base)
    others = (_stack(top, base, held) for top in _other_tops(held).values())
    return next(filter(None, others), None) or _stack(sys._getframe(), base, [])  # noqa: SLF001


def thread_points(thread_id: int, held: list[object] | None = None) -> tuple[CodePoint, ...]:
    """What a thread executes, outermost first; empty if there is no such thread."""
    held = [] if held is None else held
    if thread_id == threading.get_ident():
        return _stack(sys._getframe(1), None, []) or ()  # noqa: SLF001
    return _stack(_other_tops(held).get(thread_id), None, held) or ()


def _other_tops(held: list[object]) -> dict[int, FrameType]:
    """The frame on top of each other thread's stack.

    Ours stay out of `held`: when they return, it would be their last owner."""
    tops = current_frames()
    del tops[threading.get_ident()]
    held.extend(tops.values())
    return tops


def _stack(
    top: FrameType | None, base: FrameType | None, held: list[object]
) -> tuple[CodePoint, ...] | None:
    """The frames from `base` (None: the thread's first one) to `top`, if `base` is among them."""
    points: list[CodePoint] = []
    frame = top
    while frame is not None and len(points) < STACK_LIMIT:
        held.append(frame)
        points.append(CodePoint(frame.f_code, frame.f_lasti))
        if frame is base:
            break
        frame = frame.f_back
    if base is not None and frame is not base:
        return None
    return tuple(reversed(points))


_Reading = TypeVar("_Reading")


def steady(read: Callable[[], _Reading]) -> tuple[_Reading, bool]:
    """What `read` returns, and whether two readings in a row agreed on it."""
    before = read()
    for _ in range(READS - 1):
        now = read()
        if now == before:
            return now, True
        before = now
    return before, False


def library_folders(*packages: str) -> list[str]:
    """Where code is that no application wrote: these packages, as far as they are installed, and
    anyio, which runs on top of any of them. Nothing is imported."""
    found = (importlib.util.find_spec(name) for name in (*packages, "anyio"))
    origins = (spec.origin for spec in found if spec is not None and spec.origin)
    return [*OURS, *(os.path.dirname(origin) + os.sep for origin in origins)]  # noqa: PTH120 - pathlib is slow to import


def library_test(*paths: str) -> Callable[[str], bool]:
    """A cheap test whether a file belongs to one of these directories or files."""

    @lru_cache(maxsize=4096)
    def in_library(filename: str) -> bool:
        return filename.startswith(paths)

    return in_library


def shown_of(codes: Sequence[CodeType], in_library: Callable[[str], bool]) -> tuple[int, str]:
    """Which of the codes (outermost first) a listing shows, and what is called there.

    It is the innermost that isn't the library's, or the outermost if all are, but for anyio's own.
    """
    outermost = int(len(codes) > 1 and codes[0].co_name == WRAPPER.partition(".")[2])
    for index in range(len(codes) - 1, outermost, -1):
        if not in_library(codes[index].co_filename):
            return index, _called(codes[index + 1 :])
    return outermost, _called(codes[outermost + 1 :])


def _called(codes: Sequence[CodeType]) -> str:
    """What the shown place calls: `Lock.acquire` says more than the `__aenter__` around it."""
    names = [function_name(code) for code in codes]
    return next((name for name in names if "__" not in name), names[0] if names else "")


WRAPPER = "TaskHandle._run_coro"
"""What anyio runs in each of its tasks, around the coroutine that the application gave it."""


def name_of(coroutine: object) -> str:
    """The name of what runs in a task, or of the type of what is no coroutine."""
    name = getattr(coroutine, "__qualname__", None)
    if name == WRAPPER:
        name = getattr(getattr(coroutine, "cr_await", None), "__qualname__", name)
    return str.__str__(name) if isinstance(name, str) else type(coroutine).__name__


def function_name(code: CodeType) -> str:
    """The qualified name; the plain one on 3.10, where code does not know better."""
    return getattr(code, "co_qualname", code.co_name)


def symbolise(point: CodePoint) -> model.FrameInfo:
    """The place for people to read. Never raises: a line that can't be read is empty."""
    lineno = _line(point)
    return model.FrameInfo(
        filename=point.code.co_filename,
        lineno=lineno,
        function=function_name(point.code),
        source=sources.line(point.code.co_filename, lineno).strip(),
    )


def _line(point: CodePoint) -> int:
    """The line of an instruction; instructions without one belong to the line before."""
    line = point.code.co_firstlineno
    for start, _end, number in point.code.co_lines():
        if start > max(point.lasti, 0):
            break
        line = number or line
    return line
