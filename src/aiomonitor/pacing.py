"""How much of the interpreter's time the monitor takes, and how much at once; stdlib only.

The application's loop and the monitor share one interpreter: whoever computes keeps the other from
it, for up to a switch interval each time. So whoever computes for long offers it in between. A few
clients are served as fast as it goes then; the many are served at a measured pace, one piece of
work after the other, so that most of the time is the application's.
"""

from __future__ import annotations

import contextlib
import threading
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Iterable, Iterator

_Item = TypeVar("_Item")

CROWD: Final = 32
"""Clients, terminals and browsers, up to which nobody is kept waiting."""
SHARE: Final = 0.1
"""The part of one processor that the monitor's loop may use for more of them, and its worker
threads together once more."""
ADVANCE: Final = 0.02
"""Seconds of a processor that may be used at once."""
PAUSE: Final = 0.05
"""The longest rest at once, in seconds: what was asked of us meanwhile is to be noticed."""
_MOMENT: Final = 0.1
"""Seconds between two counts of what is open."""
GIL_OFFER: Final = 1e-5
"""Seconds slept to let others have the GIL. 0 is not enough on 3.10: the waiting thread is woken,
but finds the GIL taken again and begins its 5 ms of patience anew, for as long as the listing takes
(1.2 s measured for 100 000 tasks)."""


class Crowd:
    """Whether many connections are open: those that are closed and not let go of do not count."""

    def __init__(
        self,
        connections: Collection[socket.socket],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._clock = clock
        self._is_there = False
        self._until = 0.0

    def __call__(self) -> bool:
        """As it was a moment ago. Any thread."""
        if len(self._connections) <= CROWD:
            return False
        if (now := self._clock()) >= self._until:
            self._until = now + _MOMENT
            with contextlib.suppress(RuntimeError):  # one has come while we counted
                open_ones = sum(each.fileno() >= 0 for each in self._connections)
                self._is_there = open_ones > CROWD
        return self._is_there


class Pace:
    """Counts the processor's time that is used, and tells how long to rest. Any thread.

    Without a lock, which a command that forks could leave taken in its child: two threads at the
    same moment may lose the piece of one of them, which is milliseconds.
    """

    def __init__(
        self, is_crowded: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.is_crowded = is_crowded
        self._clock = clock
        self._left = ADVANCE
        self._at = clock()

    def spend(self, seconds: float) -> None:
        """They were used."""
        now = self._clock()
        earned = (now - self._at) * SHARE
        # More than a second's debt is forgiven: what came before the crowd is not its fault.
        self._left = max(min(self._left + earned, ADVANCE) - seconds, -SHARE)
        self._at = now

    def due(self) -> float:
        """After how many seconds what was spent up to now is earned; 0 if nobody minds."""
        return max(-self._left / SHARE, 0.0) if self.is_crowded() else 0.0

    def rest(self) -> float:
        """For how many seconds to do nothing now."""
        return min(self.due(), PAUSE)


class _Own(threading.local):
    def __init__(self) -> None:
        self.began = time.thread_time()  # of what is computed and not counted yet


class Work:
    """What worker threads compute for clients, at one pace.

    Each rests until all that was computed before it is earned: so they line up, and one computes
    at a time.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._own = _Own()

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """What the calling thread computes within it."""
        self._own.began = time.thread_time()
        try:
            yield
        finally:
            self._settle()

    @property
    def due(self) -> float:
        """After how many seconds one more may begin."""
        return self._pace.due()

    def offer(self) -> None:
        """Let others have the GIL: for a moment, or as long as there is nothing earned."""
        self._settle()
        left = self._pace.due()
        while left > PAUSE:  # in parts: between them a command can be interrupted
            time.sleep(PAUSE)
            left -= PAUSE
        time.sleep(max(left, GIL_OFFER))
        self._own.began = time.thread_time()

    def _settle(self) -> None:
        self._pace.spend(time.thread_time() - self._own.began)


work: ContextVar[Work | None] = ContextVar("aiomonitor_work", default=None)
"""Of the monitor that is served by the running loop, or for which a worker thread works."""


def offer_gil() -> None:
    """Let others have the GIL, for as long as it is their turn."""
    if (ours := work.get()) is not None:
        ours.offer()
    else:
        time.sleep(GIL_OFFER)


def counted() -> contextlib.AbstractContextManager[None]:
    """What the calling worker thread computes within it is paced, if anything is."""
    ours = work.get()
    return contextlib.nullcontext() if ours is None else ours.counted()


def breathing(items: Iterable[_Item], lot: int = 1000) -> Iterator[_Item]:
    """The items, with the GIL offered after each lot: who computes for long without that lets a
    thread that wants it wait for 5 ms, and the application's loop wants it twice in each round."""
    left = lot
    for item in items:
        yield item
        left -= 1
        if not left:
            left = lot
            offer_gil()
