"""The thread that watches the loop: its lag, how busy it is, and what blocks it.

It looks every 50 ms. The loop pays for one posted call every tenth of a second, and for the GIL
that each look takes; nothing else runs in its thread. While the loop is blocked, its stack is taken
again and again, the longer the less often.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiomonitor.threads import CpuMeter, Latch

from .calls import PING, Caller
from .clocks import Lateness, Look
from .follow import Follower
from .garbage import Collections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiomonitor.backends.base import Backend, TaskHandle

log = logging.getLogger("aiomonitor")

NAME = "aiomonitor-watchdog"

LOOK = 0.05
"""Seconds between two looks at a loop that goes on: a stall of twice that is seen at least once.
25 ms took an idle process half as much CPU time again."""

FAREWELL = 0.5
"""Seconds to wait for the thread's end; it waits for nobody but the GIL."""


PATIENCE = 0.003
"""Seconds that it waits for the GIL before a busy loop gives way to it."""


class Watchdog:
    """Watches one run; `step` is for the thread alone, the rest for any.

    `threshold` is how many seconds make a stall; `identify` gives the number and name of a task.
    """

    def __init__(
        self,
        backend: Backend,
        identify: Callable[[TaskHandle], tuple[int, str]],
        threshold: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        lateness: Lateness | None = None,
    ) -> None:
        self.threshold = threshold
        self.failed = False
        self.meter = CpuMeter()
        self.lock = threading.Lock()
        """Over all that follows; only the monitor's threads take it."""
        self.caller = Caller(backend, clock)
        self.collections = Collections()
        self.now = clock
        self._backend = backend
        self._lateness = lateness or Lateness()
        self.follower = Follower(
            *(backend, self.caller, self.collections, identify, threshold),
            is_sure=self._lateness.is_sure,
        )
        self._excused = 0
        self._closing = Latch()
        self._thread: threading.Thread | None = None
        self._due = clock()

    def start(self) -> None:
        """Begin to watch, in a thread."""
        self._thread = threading.Thread(target=self._main, name=NAME, daemon=True)
        self.collections.begin()
        _live.add(self)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and leave nothing behind but what was seen. Idempotent."""
        _live.discard(self)
        self.collections.end()
        if self._thread is None or self._closing.is_open:
            return
        self._closing.open()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(FAREWELL)

    def after_fork(self) -> None:
        """In a child, which has no copy of the thread; it may have had the lock."""
        self.lock = threading.Lock()
        self.collections.end()
        self._thread = None
        self._excused = 0
        self.follower.present = None
        self.caller.drop()

    @property
    def is_running(self) -> bool:
        """Whether the thread watches."""
        return self._thread is not None and not self._closing.is_open and not self.failed

    def blocked_for(self) -> float | None:
        """For how many seconds the loop is blocked now; None if it is not. Any thread."""
        with self.lock:
            return self.follower.blocked_for(self.now())

    @contextmanager
    def excusing(self, since: float) -> Iterator[None]:
        """While the loop's thread waits for an answer of ours, from `since` on (seconds of the
        monotonic clock): that is no stall of the application's, unless it was in one already. Any
        thread."""
        with self.lock:
            stall = self.follower.present
            excused = stall is None or since - stall.began < self.threshold
            if excused:
                self._excused += 1
                self._leave(since)
        try:
            yield
        finally:
            if excused:
                with self.lock:
                    self._excused -= 1
                    self._leave(self.now())

    def loop_cpu(self) -> float | None:
        """The CPU time of the loop's thread, up to now or to its last answer. Any thread."""
        with self.lock:
            now = self.caller.cpu()
            at_answer = self.caller.cpu_at_answer()
            return now if now is not None or at_answer is None else at_answer[1]

    def _main(self) -> None:
        pause = 0.0
        self.meter.begin()
        try:
            self._rest(pause)
            while not self._closing.wait(pause):
                pause = self.step()
            with self.lock:
                self._leave(self.now())
        except Exception:
            self.failed = True
            self.collections.end()
            log.exception("the watchdog has ended: lag and stalls are not measured any more")
        finally:
            self.meter.end()

    def step(self) -> float:
        """Look once; the seconds until the next time."""
        now = self.now()
        late, away = self._lateness.judge(now - self._due)
        with self.lock:
            pause = self._look(now, late, away)
        self._rest(pause)
        return pause

    def _rest(self, pause: float) -> None:
        self._lateness.begin()
        self._due = self.now() + pause
        self._backend.expect_call(pause + PATIENCE)

    def _look(self, now: float, late: float, away: float) -> float:
        if away:
            self.caller.void()
        self.caller.note_answer(now)
        look = Look(now, self.caller.cpu(), late, away)
        self.caller.looks.add(look)
        if self._excused or self._backend.loop_state() != "running":
            self._leave(now)
            return PING
        self.follower.look(look)
        blocked = self.follower.present is not None
        self.caller.ask(now, urgent=blocked)
        return self.follower.pause(now) if blocked else LOOK

    def _leave(self, now: float) -> None:
        """The loop does not run, or runs for us: that is no fault of the application's."""
        self.follower.leave(now)
        self.caller.void()
        self.caller.alive = now


_live: weakref.WeakSet[Watchdog] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for watchdog in list(_live):
        watchdog.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
