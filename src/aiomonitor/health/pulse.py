"""Asks the loop to answer, and reads how much its thread has computed; imports no runtime.

A call posted to the loop measures what its callbacks wait, and the thread's CPU clock how busy it
is. A thread that samples frames would be given the GIL when the loop rests, so it would see a busy
loop rest.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from aiomonitor import model

if TYPE_CHECKING:
    from aiomonitor.backends.base import Backend
    from aiomonitor.model import LoopPulse

_POLL = 0.002
"""Seconds between two looks for an answer that is waited for: the loop's thread is not to take a
lock of ours in order to wake us."""


class Call:
    """One call to the loop; what it says is of its thread, on the monotonic clock."""

    __slots__ = ("answered", "asked", "clock", "cpu", "thread")

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.answered: float | None = None
        self.clock: int | None = None
        self.cpu = 0.0
        self.thread: int | None = None
        """The system's number of the thread."""

    def answer(self) -> None:
        """In the loop's thread."""
        self.cpu = time.thread_time()
        self.thread = threading.get_native_id()
        # Only of the own thread: the clock of one that has ended must not be asked for.
        if hasattr(time, "pthread_getcpuclockid"):
            self.clock = time.pthread_getcpuclockid(threading.get_ident())
        self.answered = time.monotonic()


class Pulse:
    """The pulse of one backend's loop; costs nothing until it is taken. Any thread."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._lock = threading.Lock()
        self._present: Call | None = None
        self._answered: Call | None = None

    def take(self, wait: float = 0.0) -> LoopPulse:
        """Call the loop, unless it has not answered the last call; wait so many seconds for it."""
        with self._lock:
            self._note_answer()
            if self._present is None:
                self._present = Call()
                self._backend.call_in_loop(self._present.answer)
            call = self._present
        until = time.monotonic() + wait
        while call.answered is None and time.monotonic() < until:
            time.sleep(_POLL)
        with self._lock:
            self._note_answer()
            return self._read(self._answered, self._present)

    def _note_answer(self) -> None:
        if self._present is not None and self._present.answered is not None:
            self._answered, self._present = self._present, None

    def _read(self, answered: Call | None, present: Call | None) -> LoopPulse:
        now = time.monotonic()
        waiting = now - present.asked if present is not None else 0.0
        if answered is None or answered.answered is None:
            return model.LoopPulse(lag=None, waiting=waiting, cpu=None, cpu_at=now)
        cpu, cpu_at = cpu_of(answered, now)
        lag = answered.answered - answered.asked
        return model.LoopPulse(lag=lag, waiting=waiting, cpu=cpu, cpu_at=cpu_at)


def cpu_of(call: Call, now: float) -> tuple[float, float]:
    """The CPU time of the thread that answered, now if the system tells, else when it answered."""
    if call.clock is not None:
        try:
            return time.clock_gettime(call.clock), now
        except OSError:  # the thread has ended
            pass
    return call.cpu, call.answered or now
