"""Calls the loop from time to time, and keeps what its answers tell: the lag, and its CPU clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiomonitor.health.pulse import Call

from .clocks import Looks, switches_of
from .lag import LagHistogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.backends.base import Backend

PING = 0.1
"""Seconds from a call to the loop to the next one: ten a second keep no processor awake."""

PING_ONLY = 0.05
"""The same where nothing but the calls tells of the loop's rounds: a stall may begin right after
one, and is not seen before the next."""

EARLY = 0.01
"""Seconds by which a call may come early, since it waits for a look."""


class Caller:
    """One call at a time, the next when the last was answered; the watchdog's, under its lock."""

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self.lag = LagHistogram()
        self.looks = Looks()
        self._backend = backend
        self._call: Call | None = None
        self._is_void = False
        self._answered: Call | None = None
        self._asked = clock() - PING
        self.is_still = False
        """Whether the loop is not called, for the application's sake."""
        self.alive = clock()
        """The last time that the loop is known to have gone on."""

    def void(self) -> None:
        """The present call tells nothing of the lag: the loop or the process stopped meanwhile."""
        self._is_void = True

    def drop(self) -> None:
        """Forget the present call, which nobody will answer."""
        self._call = None

    def waiting(self, now: float) -> float | None:
        """For how long the loop has not answered; None if nothing is asked of it."""
        call = self._call
        return max(0.0, now - call.asked) if call is not None and call.answered is None else None

    def ask(self, now: float, *, urgent: bool = False) -> None:
        """Call the loop if it is time, or `urgent`; unless it has not answered the last call."""
        if self._call is not None or not (urgent or self._is_due(now - self._asked)):
            return
        self.is_still = self._backend.awaits_idleness()
        if self.is_still:
            return
        self._asked = now
        self._is_void = False
        self._call = Call()
        self._call.asked = now
        self._backend.call_in_loop(self._call.answer)

    def _is_due(self, passed: float) -> bool:
        if passed < PING_ONLY - EARLY:
            return False
        return passed >= PING - EARLY or self._backend.silent_for() is None

    def note_answer(self, now: float) -> None:
        """See whether it has answered."""
        call = self._call
        if call is None or call.answered is None:
            return
        before, self._answered, self._call = self._answered, call, None
        self.alive = call.answered
        if before is not None and before.clock != call.clock:
            self.looks.forget_cpu()
        if call.clock is None:
            self.looks.note_cpu(call.answered, call.cpu)
        if not self._is_void:
            self.lag.add(now, max(0.0, call.answered - call.asked))

    def cpu(self) -> float | None:
        """The CPU time of the loop's thread now, if the system tells."""
        if self._answered is None or self._answered.clock is None:
            return None
        try:
            return time.clock_gettime(self._answered.clock)
        except OSError:  # the thread has ended
            return None

    def switches(self) -> int | None:
        """How often the loop's thread has given up the processor, if the system tells."""
        number = None if self._answered is None else self._answered.thread
        return None if number is None else switches_of(number)

    def cpu_at_answer(self) -> tuple[float, float] | None:
        """The CPU time of the loop's thread when it answered last, and when that was."""
        call = self._answered
        return None if call is None or call.answered is None else (call.answered, call.cpu)

    def cpu_before(self, at: float) -> tuple[float, float] | None:
        """The latest that is known of the CPU time up to that time: when, and how much."""
        known = [self.looks.cpu_before(at), self.cpu_at_answer()]
        return max((each for each in known if each is not None and each[0] <= at), default=None)
