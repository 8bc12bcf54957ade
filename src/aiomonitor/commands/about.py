"""Which process this is and how it does: for people with many of them, and for `aiomonitor ls`."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from aiomonitor import model
from aiomonitor.queries import Queries
from aiomonitor.rundir import Entry, command_line
from aiomonitor.rundir.process import mark_of
from aiomonitor.rundir.registration import Registration
from aiomonitor.version import __version__

from .listing import JsonOption, Listings, as_json

if TYPE_CHECKING:
    from aiomonitor.doors import Place
    from aiomonitor.model import RunSummary


class AboutCommand(Queries, Listings):
    """Tells which application this is."""

    _name: str
    _token: str | None

    @property
    def name(self) -> str:
        """What the application is called where several are told apart."""
        return self._name

    def summary(self) -> RunSummary:
        """Which process this is, and how it does. Any thread, also while the loop is blocked."""
        status, health, found = self.status(), self.health(), self.known_findings()
        lag = health.windows[0]
        return model.RunSummary(
            pid=os.getpid(),
            name=self._name,
            command=command_line(),
            runtime=status.runtime,
            loop=status.loop,
            loop_state=status.loop_state,
            python=_python(),
            version=__version__,
            started_at=status.started_at,
            uptime=max(time.time() - status.started_at, 0.0),
            tasks=self.task_count(),
            lag=lag.p99,
            worst_lag=lag.worst,
            blocked_for=health.blocked_for,
            stalls=health.stalls,
            findings=None if found is None else len(found.findings),
        )

    def do_about(self, *, json: JsonOption = False) -> None:
        """Tell which process this is, and how it does in a few figures.

        The lag is that of the last minute: 99 of 100 times the loop took no longer to answer.
        """
        summary = self.summary()
        if json:
            self._write(as_json(summary) + "\n")
            return
        from aiomonitor.render.health import summary_lines  # when somebody asks

        self._write_lines(summary_lines(summary))

    def _registration(self, place: Place) -> Registration:
        """What the run directory is told of this monitor. In its own thread, as /proc may be slow;
        it was loaded before, since what a new thread loads takes 0.3 MB more."""
        addresses = place.addresses
        entry = Entry(
            pid=os.getpid(),
            process=mark_of(os.getpid()),
            name=self._name,
            command=command_line(),
            host=place.host,
            ports={each.service: each.port for each in addresses if each.port is not None},
            paths={each.service: each.path for each in addresses if each.path is not None},
            runtime=self._backend.runtime,
            python=_python(),
            version=__version__,
            started_at=self._started_at,
            token=self._token is not None,
        )
        return Registration(entry)


def _python() -> str:
    return ".".join(map(str, sys.version_info[:3]))
