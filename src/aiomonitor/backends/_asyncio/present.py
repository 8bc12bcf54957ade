"""Finds the event loops that run in this process, and looks at one without a monitor; private parts
have tests in tests/backends/test_drift.py."""

from __future__ import annotations

import asyncio
import asyncio.runners
import gc
import itertools
import sys
import threading
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.tops import current_frames

from .backend import AsyncioBackend, is_event_loop
from .tasks import known_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

NUMBER = "_aiomonitor_number_0"
"""On each task that was looked at in passing: a number that stays, from look to look."""
_numbers = itertools.count(1)

HOLDERS: dict[CodeType, str] = {
    asyncio.BaseEventLoop.run_forever.__code__: "self",
    asyncio.runners.run.__code__: "loop",  # up to 3.10
}
"""Functions whose frames have a loop that runs, and what they call it."""
_Runner: Any = getattr(asyncio, "Runner", None)  # from 3.11 on
RUNNER: CodeType | None = None if _Runner is None else _Runner.run.__code__
"""What uvloop's loops are run by, too, which have no frames of their own."""


class PassingBackend(AsyncioBackend):
    """Looks at one loop, and leaves nothing there but the numbers of its tasks."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.run: object = loop
        self._number_name = NUMBER
        self.next_number = _numbers.__next__


def running_loops() -> list[asyncio.AbstractEventLoop]:
    """The loops that run in any thread, those that are found on stacks first. Any thread."""
    tops = current_frames()
    main = threading.main_thread().ident
    found: list[Any] = [asyncio._get_running_loop()]  # noqa: SLF001
    for ident in sorted(tops, key=lambda ident: ident != main):
        found.extend(_on_stack(tops[ident]))
    tops.clear()
    if not any(map(_runs, found)):
        found.extend(_elsewhere())
    return list({id(loop): loop for loop in found if _runs(loop)}.values())


def _runs(thing: object) -> bool:
    return is_event_loop(thing) and not thing.is_closed() and thing.is_running()


def _on_stack(frame: FrameType | None) -> Iterator[object]:
    while frame is not None:
        name = HOLDERS.get(frame.f_code)
        if name is not None:
            yield frame.f_locals.get(name)
        elif frame.f_code is RUNNER:
            yield getattr(frame.f_locals.get("self"), "_loop", None)
        frame = frame.f_back


def _elsewhere() -> Iterator[object]:
    """Loops of C code that the application runs by itself: their tasks know them; from 3.14 on only
    the garbage collector does, which takes 0.1 s for a million objects."""
    if sys.version_info >= (3, 14):
        yield from (each for each in gc.get_objects() if is_event_loop(each))
    else:
        yield from (task.get_loop() for task in known_tasks())
