"""Tells which thread of an executor runs what."""

from __future__ import annotations

import concurrent.futures.thread
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.clues import Job
from aiomonitor.backends.objects import called
from aiomonitor.backends.tops import current_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    Held = list[object]

_ITEM: Any = concurrent.futures.thread._WorkItem  # see test_clues
_RUN: CodeType = _ITEM.run.__code__


def _items(held: Held) -> Iterator[tuple[Any, int]]:
    """What threads of executors work on now, each with its thread."""
    for ident, top in current_frames().items():
        frame: Any = top
        while frame is not None:
            held.append(frame)
            if frame.f_code is _RUN:
                # The one frame whose locals are read: the library's own, and they stay to its end.
                item = frame.f_locals.get("self")
                held.append(item)
                if type(item) is _ITEM:
                    yield item, ident
            frame = frame.f_back


def running_jobs(held: Held) -> list[Job]:
    """All jobs that run."""
    return [Job(id(item), called(_function(item)), ident) for item, ident in _items(held)]


def job_of(future: Any, held: Held) -> Job | None:
    """The job whose result comes with this future of an executor's, if it runs."""
    for item, ident in _items(held):
        if item.future is future:
            return Job(id(item), called(_function(item)), ident)
    return None


def _function(item: Any) -> Any:
    """Since 3.14, an item has a task: the function and its arguments."""
    work = getattr(item, "task", None)
    return work[0] if isinstance(work, tuple) else getattr(item, "fn", None)
