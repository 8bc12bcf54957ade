"""Times the steps of one asyncio loop's tasks, on while somebody looks, and gone afterwards.

The stdlib's loops call each callback by `Handle._run`, which is replaced meanwhile: what it takes
is exact. uvloop has handles of its own: there `call_soon` of the loop is shadowed, by which tasks
ask for their steps; what uvloop runs without it is not seen. Time is that of the clock, between the
beginning and the end of a step. Private parts have a test in tests/backends/test_meters.py.
"""

from __future__ import annotations

import asyncio
import asyncio.events
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.meters import Accounts
from aiomonitor.threads import ProcessLock

from . import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.meters import Entry

_HANDLE: Any = asyncio.events.Handle
_lock = ProcessLock()
"""For switching on and off; what times takes none."""
_metered: dict[int, tuple[AsyncioMeter, ...]] = {}
"""By the `id()` of the loop."""
_original: Any = None
_only: AsyncioMeter | None = None
"""If there is but one: its loop's steps are timed by the shortest way."""


class AsyncioMeter:
    """The `Meter` of one loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, number_of: Callable[[Any], int | None]
    ) -> None:
        self._loop: Any = loop
        self._number_of = number_of
        self._accounts = Accounts(self._describe)
        self.known = self._accounts.known
        # uvloop's handles are C's, and have no `_run` that could be replaced.
        self.exact = isinstance(loop, asyncio.BaseEventLoop)
        self.note = ""
        if not self.exact:
            self.note = "what the loop runs by itself is not seen: only steps and callbacks are"
        self._shadow: Any = None

    def _describe(self, task: Any) -> tuple[str, str, int | None]:
        name, coroutine = tasks.names(task, [])
        return name, coroutine, self._number_of(task)

    def start(self) -> None:
        if self.exact:
            _switch_on(self)
        else:
            self._shadow_call_soon()

    def stop(self) -> None:
        if self.exact:
            _switch_off(self)
        elif self._shadow is not None:
            if vars(self._loop).get("call_soon") is self._shadow:
                del self._loop.call_soon
            self._shadow = None

    def read(self) -> tuple[list[Entry], float]:
        return self._accounts.read(), self._accounts.callbacks

    def note_run(self, owner: Any, seconds: float) -> None:
        """What ran, in the loop's thread: a step if the owner of the callback is a task."""
        if isinstance(owner, asyncio.Task) or hasattr(owner, "get_coro"):
            self._accounts.add(owner, seconds)
        else:
            self._accounts.callbacks += seconds

    def _shadow_call_soon(self) -> None:
        call_soon = self._loop.call_soon

        def timed(callback: Any, *args: Any) -> None:
            began = perf_counter()
            try:
                callback(*args)
            finally:
                if self._shadow is not None:
                    self.note_run(_owner(callback), perf_counter() - began)

        def metered_call_soon(callback: Any, *args: Any, context: Any = None) -> Any:
            return call_soon(timed, callback, *args, context=context)

        self._shadow = self._loop.call_soon = metered_call_soon


def _owner(callback: Any) -> Any:
    """The task whose step it is: C's and Python's are bound to it."""
    return getattr(callback, "__self__", None)


def _switch_on(meter: AsyncioMeter) -> None:
    global _original
    with _lock:
        key = id(meter._loop)  # noqa: SLF001
        _metered[key] = (*_metered.get(key, ()), meter)
        _find_only()
        # Also where somebody else who replaced ours has since put back what there was before.
        if _original is None or _HANDLE._run is _original:  # noqa: SLF001
            _original = _HANDLE._run  # noqa: SLF001
            _HANDLE._run = _timed_run  # noqa: SLF001


def _switch_off(meter: AsyncioMeter) -> None:
    global _original
    with _lock:
        key = id(meter._loop)  # noqa: SLF001
        left = tuple(each for each in _metered.get(key, ()) if each is not meter)
        if left:
            _metered[key] = left
        else:
            _metered.pop(key, None)
        _find_only()
        if not _metered and _original is not None and _HANDLE._run is _timed_run:  # noqa: SLF001
            _HANDLE._run = _original  # noqa: SLF001
            _original = None


def _find_only() -> None:
    global _only
    meters = [meter for its in _metered.values() for meter in its]
    _only = meters[0] if len(meters) == 1 else None


def _timed_run(handle: Any) -> None:
    """In place of `Handle._run`, for the handles of all loops of the process.

    What it takes is added to each of an application's callbacks: `Accounts.add` is written out.
    """
    meter = _only
    if meter is None or handle._loop is not meter._loop:  # noqa: SLF001
        _run_with_any(handle)
        return
    owner = getattr(handle._callback, "__self__", None)  # noqa: SLF001
    run = _original or _HANDLE._run  # noqa: SLF001 - it may be switched off between the two
    began = perf_counter()
    try:
        run(handle)
    finally:
        seconds = perf_counter() - began
        entry = meter.known.get(id(owner))
        if entry is None or entry[3]() is not owner:
            meter.note_run(owner, seconds)
        else:
            entry[0] += seconds
            entry[1] += 1
            if seconds > entry[2]:
                entry[2] = seconds


def _run_with_any(handle: Any) -> None:
    """With the meters of its loop, if that has some."""
    meters = _metered.get(id(handle._loop))  # noqa: SLF001
    run = _original or _HANDLE._run  # noqa: SLF001
    if meters is None:
        run(handle)
        return
    owner = _owner(handle._callback)  # noqa: SLF001
    began = perf_counter()
    try:
        run(handle)
    finally:
        seconds = perf_counter() - began
        for meter in meters:
            meter.note_run(owner, seconds)
