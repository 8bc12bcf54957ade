"""What the loop spends its time on: the part of `Queries` that meters and profiles. Any thread."""

from __future__ import annotations

import heapq
import time
from typing import TYPE_CHECKING

from aiomonitor.errors import AiomonitorError

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.meters import Entry, Meter
    from aiomonitor.model import LoopPulse
    from aiomonitor.model.load import CoroutineLoad, Profile, TaskLoad, Top
    from aiomonitor.tracking.tracker import Tracker

STEP = 0.05
"""Seconds between two looks whether to stop."""
LEAST, MOST = 0.05, 3600.0
"""Seconds that one may look for."""
TAKES_UP = 2.0
"""Seconds that a loop which is blocked gets to take up the meter."""


class LoadQueries:
    """Meters one monitored run while somebody looks; thread-safe."""

    _backend: Backend
    _tracker: Tracker

    if TYPE_CHECKING:  # of `Queries`

        def pulse(self, wait: float = 0.0) -> LoopPulse: ...

    def top(
        self,
        seconds: float = 1.0,
        *,
        limit: int | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> Top:
        """The busiest tasks and coroutines in the next `seconds`; waits for so long, or until
        `stop()` is true. Nothing of it is left in the loop afterwards.

        Raises `AiomonitorError` if the run has ended.
        """
        _check(seconds, self._backend)
        meter = self._backend.meter()
        before = self.pulse(0.1)
        began = time.perf_counter()
        meter.start()
        try:
            _sleep(seconds, stop)
        finally:
            meter.stop()
        took = time.perf_counter() - began
        entries, callbacks = meter.read()
        return self._top_of(entries, callbacks, took, meter, _busy(before, self.pulse(0.1)), limit)

    def _top_of(
        self,
        entries: list[Entry],
        callbacks: float,
        seconds: float,
        meter: Meter,
        busy: float | None,
        limit: int | None,
    ) -> Top:
        from aiomonitor.model.load import Top  # when somebody looks

        count = len(entries) if limit is None else limit
        chosen = heapq.nlargest(count, entries, key=lambda each: each.busy)
        coroutines = _by_coroutine(entries, seconds)
        return Top(
            seconds=seconds,
            busy=busy,
            callbacks=callbacks,
            exact=meter.exact,
            note=meter.note if entries else (meter.note or "nothing ran"),
            ran=len(entries),
            tasks=tuple(self._task_load(entry, seconds) for entry in chosen),
            coroutines=tuple(coroutines[: len(coroutines) if limit is None else limit]),
        )

    def _task_load(self, entry: Entry, seconds: float) -> TaskLoad:
        from aiomonitor.model.load import TaskLoad  # when somebody looks

        number = entry.number
        task = entry.reference()
        ended = task is None
        if number is None:
            number = self._tracker.number(task) if task is not None else 0
        del task
        return TaskLoad(
            number=number,
            name=entry.name,
            coroutine=entry.coroutine,
            busy=entry.busy,
            share=entry.busy / seconds,
            polls=entry.polls,
            longest=entry.longest,
            ended=ended,
        )

    def profile(self, seconds: float = 10.0, *, stop: Callable[[], bool] | None = None) -> Profile:
        """Where the loop's thread computes in the next `seconds`: a sample for each few
        milliseconds of CPU time, taken by a signal. Waits for so long, or until `stop()`.

        Raises `AiomonitorError` where that cannot be done: the message says why.
        """
        from aiomonitor.health.profiling import profile  # when somebody asks

        _check(seconds, self._backend)
        return profile(self._backend, seconds, lambda: _sleep(seconds, stop))

    def collapsed(self, profile: Profile) -> str:
        """A profile's stacks, one in a line, as speedscope and flamegraph.pl read them."""
        from aiomonitor.render.load import collapsed_lines  # when somebody asks

        return "".join(f"{line}\n" for line in collapsed_lines(profile))


def _check(seconds: float, backend: Backend) -> None:
    if not LEAST <= seconds <= MOST:
        raise AiomonitorError(f"{seconds} seconds make no sense: give {LEAST} to {MOST:g}")
    if backend.loop_state() != "running":
        raise AiomonitorError(f"the monitored loop is {backend.loop_state()}: there is no load")


def _sleep(seconds: float, stop: Callable[[], bool] | None) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and not (stop is not None and stop()):
        time.sleep(min(left, STEP))


def _busy(before: LoopPulse, after: LoopPulse) -> float | None:
    """The share that the thread computed, as the system counts."""
    if before.cpu is None or after.cpu is None or after.cpu_at <= before.cpu_at:
        return None
    return min(1.0, max(0.0, (after.cpu - before.cpu) / (after.cpu_at - before.cpu_at)))


def _by_coroutine(entries: list[Entry], seconds: float) -> list[CoroutineLoad]:
    from aiomonitor.model.load import CoroutineLoad  # when somebody looks

    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.coroutine, []).append(entry)
    found = []
    for coroutine, group in groups.items():
        busy = sum(each.busy for each in group)
        found.append(
            CoroutineLoad(
                coroutine=coroutine,
                tasks=len(group),
                busy=busy,
                share=busy / seconds,
                polls=sum(each.polls for each in group),
                longest=max(each.longest for each in group),
            )
        )
    return sorted(found, key=lambda each: -each.busy)
