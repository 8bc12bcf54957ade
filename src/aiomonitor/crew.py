"""The monitor's threads as one: they start together or not at all, and end together.

At the interpreter's exit, too: what is left of a daemon thread then is ended by the C library,
which up to Python 3.13 loads a file for that, and aborts the process where none can be opened.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
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
        atexit.register(self._exit)

    def abandon(self) -> None:
        """Take back what was begun of a start that failed."""
        self._end_watch()
        self._service.drop_sockets()

    def stop(self, timeout: float) -> None:
        """End all; the service has `timeout` seconds. Idempotent, any thread."""
        atexit.unregister(self._exit)
        if self.lost:
            return
        self._end_watch()
        self._service.stop(timeout)

    def _exit(self) -> None:
        """The program has ended, and left the monitor open."""
        self.stop(EXIT_TIMEOUT)
        remind_of_interrupt()

    def _end_watch(self) -> None:
        self._watchdog.stop()
        self._patrol.stop()

    @property
    def lost(self) -> bool:
        """Whether this is a forked child, which has none of the threads."""
        return self._service.lost


def remind_of_interrupt() -> None:
    """Let a program that Ctrl-C has ended die of SIGINT, as its shell expects, also with us.

    Python forgets that it has to, if text is compiled and run afterwards; and our threads do that,
    when what they load while the program ends has a dataclass. It notes it again when such a text
    raises `KeyboardInterrupt`.
    """
    if _was_interrupted():
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - see above


def _was_interrupted() -> bool:
    """Whether it was the program that ended, and not a line at a prompt, which goes on."""
    error = getattr(sys, "last_value", None)
    if type(error) is not KeyboardInterrupt or error.__traceback__ is None or hasattr(sys, "ps1"):
        return False
    return error.__traceback__.tb_frame.f_globals.get("__name__") in ("__main__", "runpy")
