"""Samples what the loop's thread computes, by `SIGPROF`, for as long as somebody looks.

The timer runs by the CPU time of the process, and Python runs the handler in the main thread,
between two instructions: so the samples are fair, where a sampling thread would get the GIL just
when the loop rests. Only for loops in the main thread, and on systems that have the timer.
"""

from __future__ import annotations

import signal
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.frames import symbolise
from aiomonitor.backends.values import CodePoint
from aiomonitor.backends.wakeups import Relay
from aiomonitor.errors import AiomonitorError
from aiomonitor.model.load import Profile, ProfileStack
from aiomonitor.threads import Latch, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

    from aiomonitor.backends.base import Backend, TaskHandle

    Stack = tuple[tuple[CodeType, int], ...]
    """Code and `f_lasti` of frames, the innermost first."""

INTERVAL = 0.005
"""Seconds of CPU time between two samples."""
DEPTH = 128
"""Frames taken of one stack, the innermost ones."""
STACKS = 20_000
"""Different stacks counted; others are one."""
UNDER_WAY = 0.05
"""Seconds from the timer's end to the handler's: another thread may still be taking a signal, and
without a handler Python prints that it was ignored."""
TAKES_UP = 2.0
"""Seconds in which the loop has to take up the profile."""

_busy = ProcessLock()
"""There is one timer in a process."""


class _Sampler:
    """Counts stacks; all but `stacks` in the main thread."""

    def __init__(self, backend: Backend, *, warns: bool) -> None:
        self.stacks: dict[tuple[_Named | None, Stack], int] = {}
        self.samples = 0
        self.cpu: float | None = None
        self.refusal = ""
        self.began = Latch()
        self.halted = Latch()
        self.ended = Latch()
        self._task_here = backend.task_here
        self._names = _Names(backend)
        self._warns = warns
        self._relay: Relay | None = None
        self._former: Any = None
        self._cpu_at_start = 0.0
        self._cancelled = False

    def begin(self) -> None:
        """Put the signal and its timer on, unless the application has them."""
        if not self._cancelled:
            self._former = signal.getsignal(signal.SIGPROF)
            if self._former not in (signal.SIG_DFL, signal.SIG_IGN):
                self.refusal = "the application has a handler for SIGPROF itself"
            elif signal.getitimer(signal.ITIMER_PROF)[0]:
                self.refusal = "the application uses ITIMER_PROF itself"
            else:
                self._relay = Relay()
                self._relay.install()
                self._relay.begin()
                signal.signal(signal.SIGPROF, self._sample)
                signal.siginterrupt(signal.SIGPROF, False)
                signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
                self._cpu_at_start = time.thread_time()
        self.began.open()

    def halt(self) -> None:
        """Take the timer off."""
        self._cancelled = True
        if self.halted.is_open:
            return
        if self.began.is_open and not self.refusal:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            self.cpu = time.thread_time() - self._cpu_at_start
            self._names.read()
        self.halted.open()

    def end(self) -> None:
        """Take the signal off, too."""
        self.halt()
        if self.began.is_open and not self.refusal and not self.ended.is_open:
            # One that is under way must not end the process, as the default would.
            signal.signal(signal.SIGPROF, signal.SIG_IGN)
            signal.signal(signal.SIGPROF, self._former)
            if self._relay is not None:
                self._relay.remove(warns=self._warns)
        if not self.ended.is_open:
            self.ended.open()

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        try:
            points: list[tuple[CodeType, int]] = []
            while frame is not None and len(points) < DEPTH:
                points.append((frame.f_code, frame.f_lasti))
                frame = frame.f_back
            task = self._task_here()
            key = (None if task is None else self._names.of(task), tuple(points))
            if key not in self.stacks and len(self.stacks) >= STACKS:
                key = (None, ())
            self.stacks[key] = self.stacks.get(key, 0) + 1
            self.samples += 1
            if self._relay is not None:
                self._relay.look()
        except Exception:  # noqa: S110 - nothing of ours may be raised in the application
            pass


@dataclass(eq=False)
class _Named:
    """A task that was sampled; it may have ended."""

    reference: weakref.ref[TaskHandle]
    name: str = ""


class _Names:
    """Names of the tasks that are sampled. The loop reads them, in a round of its own: the handler
    may have interrupted just that, and from Python 3.12 on a task then frees its old name under
    the feet of who reads it, which ends the process."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._known: dict[int, _Named] = {}
        self._unread: list[tuple[_Named, TaskHandle]] = []

    def of(self, task: TaskHandle) -> _Named:
        """What will have its name; in the handler."""
        named = self._known.get(id(task))
        if named is None or named.reference() is not task:
            named = self._known[id(task)] = _Named(weakref.ref(task))
            self._unread.append((named, task))  # which lives till then, if for one round longer
            self._backend.call_in_loop(self.read)
        return named

    def read(self) -> None:
        """Read those that are new; in the loop's thread."""
        while self._unread:
            named, task = self._unread.pop()
            named.name = self._backend.names(task)[0]
            del task


def profile(backend: Backend, seconds: float, wait: Callable[[], None]) -> Profile:
    """Sample until `wait` returns."""
    _check(backend)
    if not _busy.acquire(blocking=False):
        raise AiomonitorError("somebody else profiles this process now: wait until that is over")
    try:
        sampler = _Sampler(backend, warns=backend.runtime != "trio")
        began = time.perf_counter()
        backend.call_in_loop(sampler.begin)
        if not sampler.began.wait(TAKES_UP):
            backend.call_in_loop(sampler.end)
            raise AiomonitorError("the loop is blocked: 'stacktrace' shows what it does")
        try:
            if not sampler.refusal:
                wait()
        finally:
            _end(sampler, backend, seconds + TAKES_UP)
    finally:
        _busy.release()
    if sampler.refusal:
        raise AiomonitorError(f"no profile: {sampler.refusal}")
    return _told(sampler, time.perf_counter() - began, backend)


def _end(sampler: _Sampler, backend: Backend, patience: float) -> None:
    """In two steps, and wait for each of them for so many seconds."""
    backend.call_in_loop(sampler.halt)
    if sampler.halted.wait(patience):
        time.sleep(UNDER_WAY)
    backend.call_in_loop(sampler.end)
    sampler.ended.wait(patience)


def _check(backend: Backend) -> None:
    if not hasattr(signal, "setitimer"):
        raise AiomonitorError("no profile: this system has no profiling timer; 'top' is exact")
    if backend.loop_thread_id() != threading.main_thread().ident:
        raise AiomonitorError(
            "no profile: the loop runs in another thread than the main one, and signals come to "
            "that alone; 'top' tells which tasks are busy"
        )


def _told(sampler: _Sampler, seconds: float, backend: Backend) -> Profile:
    counts = Counter[tuple[str, Any]]()
    for (named, points), count in sampler.stacks.items():
        counts[named.name if named else "", points] += count
    return Profile(
        seconds=seconds,
        interval=INTERVAL,
        samples=sampler.samples,
        cpu=sampler.cpu,
        sampled=sampler.samples * INTERVAL,
        exact=True,
        note="",
        stacks=tuple(
            ProfileStack(
                task=task,
                frames=tuple(
                    symbolise(point)
                    for point in backend.trimmed(
                        tuple(CodePoint(code, lasti) for code, lasti in reversed(points))
                    )
                ),
                samples=count,
            )
            for (task, points), count in counts.most_common()
        ),
    )
