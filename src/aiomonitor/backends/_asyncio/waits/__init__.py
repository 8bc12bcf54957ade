"""Tells what a suspended asyncio task waits for, from another thread.

The function of asyncio's, or anyio's, that a task is suspended in tells the kind of wait; what that
works on is among what the garbage collector finds there. Where no such function is known, the
future at the end of the chain tells what it is. What is private has a test in
tests/backends/test_asyncio_waits.py.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING

from aiomonitor.backends import frames, neutral, objects

from . import futures, outside, primitives
from .look import Look

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.model import WaitInfo

    from .look import Tellers

__all__ = ["Waits"]

_ROOMS = (primitives, futures, outside)
_ANYIO = {
    "anyio._backends._asyncio": [room.anyio_tellers for room in _ROOMS],
    **{name: [functools.partial(primitives.neutral_tellers, name)] for name in neutral.TELLERS},
}
"""Of anyio's modules, what tells of each; none is imported: a program without it waits for none."""


class Waits:
    """Tells waits. Any thread."""

    def __init__(self) -> None:
        self._tellers: Tellers = {}
        for room in _ROOMS:
            self._tellers.update(room.tellers())
        self._later = set(_ANYIO)

    def of(
        self,
        coroutine: object,
        future: object,
        number: Callable[[TaskHandle], int],
        held: list[object],
    ) -> WaitInfo:
        """What a task with that coroutine waits for, whose chain ends with the future."""
        tellers = self._table()
        levels = objects.innermost(coroutine, held)
        # From the outside: a queue's `join` says more than the event within.
        for level in levels:
            teller = tellers.get(frames.code_of(level))
            if teller is not None:
                told = teller(Look(levels, level, future, number, held))
                if told is not None:
                    return told
        return futures.of_future(Look(levels, None, future, number, held))

    def _table(self) -> Tellers:
        for name in self._later & sys.modules.keys():
            with contextlib.suppress(AttributeError):  # another thread is importing it
                for tellers_of in _ANYIO[name]:
                    self._tellers.update(tellers_of(sys.modules[name]))
                self._later.discard(name)
        return self._tellers
