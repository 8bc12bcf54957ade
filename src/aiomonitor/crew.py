"""The monitor's threads as one: they start together or not at all, and end together.

At the interpreter's exit, too: what is left of a daemon thread then is ended by the C library,
which up to Python 3.13 loads a file for that, and aborts the process where none can be opened.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .health.watchdog import Watchdog
    from .inspection.patrol import Patrol
    from .service import Service

EXIT_TIMEOUT = 0.5
"""Seconds that an application's end may take longer because of a monitor that was left open;
clients that are being served end in a tenth of that."""


class Crew:
    """Serves, watches and looks for findings; made where the monitor starts."""

    def __init__(self, service: Service, watchdog: Watchdog, patrol: Patrol) -> None:
        self._service = service
        self._watchdog = watchdog
        self._patrol = patrol

    def start(self) -> None:
        """Start all; raises what threads raise, after which `abandon` is to be called."""
        self._watchdog.start()
        self._patrol.start()
        self._service.start()
        atexit.register(self.stop, EXIT_TIMEOUT)

    def abandon(self) -> None:
        """Take back what was begun of a start that failed."""
        self._end_watch()
        self._service.drop_sockets()

    def stop(self, timeout: float) -> None:
        """End all; the service has `timeout` seconds. Idempotent, any thread."""
        atexit.unregister(self.stop)
        if self.lost:
            return
        self._end_watch()
        self._service.stop(timeout)

    def _end_watch(self) -> None:
        self._watchdog.stop()
        self._patrol.stop()

    @property
    def lost(self) -> bool:
        """Whether this is a forked child, which has none of the threads."""
        return self._service.lost
