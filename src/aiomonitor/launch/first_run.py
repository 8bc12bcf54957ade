"""Keeps a monitor on the first loop or run of the main thread, and then on the next one.

What it cannot do, it says on stderr, in a line: the program goes on without a monitor.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import beginnings
from aiomonitor.monitor import MONITOR_PORT, Monitor
from aiomonitor.permissions import DISABLE, is_disabled

if TYPE_CHECKING:
    from collections.abc import Mapping

USUAL: dict[str, Any] = dict.fromkeys(("port", "webui_port", "console_port"), "auto")
"""The usual ports, or else the next ones that are free."""


class FirstRun:
    """The `Watcher` of one process; its forks and other threads are left alone.

    `options` are those of `Monitor`; ports that are left out are the usual ones, or the next.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = dict(options)
        self._pid = os.getpid()
        self._run: Any = None
        self._monitor: Monitor | None = None

    def began(self, run: Any) -> None:
        """Watch the run, unless there is one that goes on. Never raises."""
        if threading.current_thread() is not threading.main_thread() or os.getpid() != self._pid:
            return
        if run is self._run or (self._monitor is not None and _goes_on(self._run)):
            return  # a loop runs several times; and one that failed is not tried again
        self._close()
        self._run = run
        try:
            self._monitor = self._started(run)
        except Exception as error:
            _say(f"no monitor: {error}; the program runs without")
            return
        if hasattr(run, "close"):
            beginnings.when_closed(run, lambda: self.ended(run))

    def ended(self, run: object) -> None:
        """Close what watches the run, if anything does. Never raises."""
        if run is self._run and os.getpid() == self._pid:
            self._run = None
            self._close()

    def _close(self) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            try:
                monitor.close()
            except Exception as error:
                _say(f"the monitor could not be closed: {error}")

    def _started(self, run: object) -> Monitor:
        monitor = Monitor(run, **{**USUAL, **self._options})
        monitor.start()
        asked = self._options.get("port", MONITOR_PORT)
        if not monitor.addresses:
            _say(
                f"no monitor: {DISABLE} is set" if is_disabled() else "the monitor listens nowhere"
            )
        elif monitor.port != asked:
            _say(f"the monitor is at {monitor.look().address}")
        return monitor


def _goes_on(run: Any) -> bool:
    """Whether a loop runs; a trio run tells when it does not any more."""
    is_running = getattr(run, "is_running", None)
    return is_running is None or bool(is_running())


def _say(text: str) -> None:
    if sys.stderr is not None:
        print(f"aiomonitor: {text}", file=sys.stderr, flush=True)
