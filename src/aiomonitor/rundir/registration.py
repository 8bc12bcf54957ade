"""Enters a monitor into the run directory while it runs; the application never notices.

What goes wrong is one line of the log, at level DEBUG.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
from contextlib import suppress

from aiomonitor import rundir

log: logging.Logger = logging.getLogger("aiomonitor")

_numbers = itertools.count()
_present: set[Registration] = set()


class Registration:
    """One monitor's file. Entered in the monitor's own thread: the disk may be slow."""

    def __init__(self, entry: rundir.Entry) -> None:
        self._entry = entry
        self._path: str | None = None

    def enter(self) -> None:
        """Tell that the monitor runs. Followed by `leave`, in the same thread, at its end."""
        if not rundir.candidates():
            return
        _present.add(self)
        try:
            self._path = rundir.write(self._entry, next(_numbers))
        except Exception as error:
            log.debug("this monitor is not listed by 'aiomonitor ls': %s", error)

    def leave(self) -> None:
        """Take it back. Idempotent; any thread. A forked child leaves its parent's file alone."""
        _present.discard(self)
        path, self._path = self._path, None
        if path is not None and self._entry.pid == os.getpid():
            with suppress(OSError):
                os.unlink(path)


@atexit.register
def _leave_all() -> None:
    """Daemon threads do not live to see the end."""
    for registration in list(_present):
        with suppress(Exception):  # it is no business of whoever ends the program
            registration.leave()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_present.clear)
