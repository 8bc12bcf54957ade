"""A thread that judges the run from time to time: what goes wrong at night is in the log."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from aiomonitor.threads import CpuMeter, Latch

if TYPE_CHECKING:
    from collections.abc import Callable

    from .diagnosis import Diagnosis

log = logging.getLogger("aiomonitor")

FIRST = 30.0
"""Seconds after the start until the first look; what it needs is loaded then."""
EVERY = 15.0
"""Seconds between two looks, at least."""
SHARE = 0.01
"""The part of the time that looks may take."""
FAREWELL = 0.5
"""Seconds that stopping waits for a look that goes on."""


class Patrol:
    """Judges until it is stopped, or until `goes_on` says that the run is over."""

    def __init__(
        self, diagnosis: Callable[[], Diagnosis], goes_on: Callable[[], bool], first: float = FIRST
    ) -> None:
        self._diagnosis = diagnosis
        self._goes_on = goes_on
        self._first = first
        self.meter = CpuMeter()
        self._closing = Latch()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; any thread."""
        self._thread = threading.Thread(target=self._main, name="aiomonitor-patrol", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread. Idempotent, and harmless in a forked child, which has no copy of it."""
        if self._thread is None or self._closing.is_open:
            return
        self._closing.open()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(FAREWELL)

    def _main(self) -> None:
        pause = self._first
        self.meter.begin()
        try:
            while not self._closing.wait(pause) and self._goes_on():
                diagnosis = self._diagnosis()
                took = diagnosis.judge(gently=True).took
                pause = max(EVERY, took / SHARE)
        except Exception:
            log.exception("the monitor has stopped looking for findings by itself")
        finally:
            self.meter.end()
