"""How much of the interpreter's time the monitor takes while a crowd of clients visits it.

The application's loop and the monitor share one interpreter: whoever computes keeps the other from
it, for up to a switch interval each time. A few clients are served as fast as it goes; the many are
served at a measured pace, so that most of the time is the application's.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CROWD: Final = 16
"""Clients, terminals and browsers, up to which nobody is kept waiting."""
SHARE: Final = 0.2
"""The part of one processor that may be used for more of them."""
ADVANCE: Final = 0.2
"""Seconds of a processor that may be used at once."""
PAUSE: Final = 0.05
"""The longest rest at once, in seconds: what was asked of us meanwhile is to be noticed."""


class Pace:
    """Counts the processor's time that is used, and tells how long to rest. In one thread."""

    def __init__(
        self, is_crowded: Callable[[], bool], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._is_crowded = is_crowded
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

    def rest(self) -> float:
        """For how many seconds to do nothing now."""
        if self._left >= 0 or not self._is_crowded():
            return 0.0
        return min(-self._left / SHARE, PAUSE)
