"""Reads where a task stands, whatever runtime it belongs to, and lets go of all it looked at."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from . import frames
from .values import AwaitChain

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from .ownership import Releaser
    from .values import CodePoint

    Held = list[object]

_Result = TypeVar("_Result")

log = logging.getLogger("aiomonitor")


class ChainReader:
    """Reads await chains and threads; `in_library` tells the files that are the runtime's own."""

    def __init__(self, releaser: Releaser, in_library: Callable[[str], bool]) -> None:
        self._releaser = releaser
        self._in_library = in_library

    def chain(self, read: Callable[[Held], AwaitChain]) -> AwaitChain:
        """What `read` returns, once two readings in a row agree on it."""
        held: Held = []
        try:
            chain, steady = frames.steady(lambda: read(held))
        except Exception as error:  # attributes of an awaitable that is none of Python's own
            return AwaitChain(points=(), note=f"The chain cannot be read: {type(error).__name__}.")
        finally:
            self._releaser.release(held)
        if steady:
            return chain
        return AwaitChain(points=chain.points, awaiting=chain.awaiting, note=frames.MOVING)

    def innermost(self, coroutine_of: Callable[[Held], object]) -> tuple[CodePoint | None, str]:
        """As `Backend.innermost`, of the coroutine.

        Reads once: a place that the task has just left is no news, and listings are long.
        """
        held: Held = []
        try:
            return self._shown(coroutine_of(held), held)
        except Exception:  # as above
            return None, ""
        finally:
            self._releaser.release(held)

    def path(
        self, coroutine_of: Callable[[Held], object]
    ) -> tuple[tuple[CodeType, ...], CodePoint | None]:
        """As `Backend.path`, of the coroutine."""
        held: Held = []
        try:
            coroutine = coroutine_of(held)
            if frames.is_executing(coroutine):
                points = frames.executing_points(coroutine, held) or ()
                return tuple(point.code for point in points), points[-1] if points else None
            levels, _end, _cut = frames.follow(coroutine, held)
            point = frames.point_of(levels[-1], held) if levels else None
            return tuple(map(frames.code_of, levels)), point
        except Exception:  # as above
            return (), None
        finally:
            self._releaser.release(held)

    def look(self, read: Callable[[Held], _Result | None]) -> _Result | None:
        """What `read` tells of the objects that it holds; None where it cannot."""
        held: Held = []
        try:
            return read(held)
        except Exception:  # the objects go on meanwhile, and may be the application's subclasses
            log.debug("what a task does or waits for cannot be told", exc_info=True)
            return None
        finally:
            self._releaser.release(held)

    def _shown(self, coroutine: object, held: Held) -> tuple[CodePoint | None, str]:
        if frames.is_executing(coroutine):
            points = frames.executing_points(coroutine, held) or ()
            index, awaits = frames.shown_of([point.code for point in points], self._in_library)
            return (points[index], awaits) if points else (None, "")
        levels, _end, _cut = frames.follow(coroutine, held)
        index, awaits = frames.shown_of(list(map(frames.code_of, levels)), self._in_library)
        return (frames.point_of(levels[index], held), awaits) if levels else (None, "")

    def site(self, stack: tuple[CodePoint, ...]) -> CodePoint | None:
        """As `Backend.site_of`."""
        outside = (each for each in reversed(stack) if not self._in_library(each.code.co_filename))
        return next(outside, stack[-1] if stack else None)

    def thread(self, thread_id: int) -> tuple[CodePoint, ...]:
        """As `Backend.thread_points`."""
        held: Held = []
        try:
            return frames.thread_points(thread_id, held)
        finally:
            self._releaser.release(held)
