"""The commands that tell how the loop keeps up: its lag, and what blocked it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated

from aiomonitor.errors import CommandError, UsageError
from aiomonitor.queries import Queries
from aiomonitor.utils import Parameter, alt_names

from .listing import OFFERED, JsonOption, LimitOption, Listings, as_json, row_limit

if TYPE_CHECKING:
    from collections.abc import Iterator

LATEST = 3
"""Stalls that `health` tells of: `stalls` has them all."""


def _stalls_offered(monitor: Queries, typed: str) -> Iterator[tuple[str, str]]:
    """The latest first."""
    stalls = (stall for stall in monitor.stalls() if str(stall.number).startswith(typed))
    for stall in itertools.islice(stalls, OFFERED):
        yield str(stall.number), stall.sentence


class HealthCommands(Queries, Listings):
    """Commands that ask the watchdog. Sync ones: they run in worker threads."""

    @alt_names("he")
    def do_health(self, *, json: JsonOption = False) -> None:
        """Tell how the loop keeps up: its lag, how busy it is, and what blocked it last.

        The lag is how long a call waits until the loop makes it, measured ten times a second, in
        the last 1, 5 and 15 minutes. The loop is busy while its thread computes. Blocked it is
        while one call keeps it from going on: `stalls` tells of each such time.
        """
        health = self.health()
        if json:
            self._write(as_json(health) + "\n")
            return
        from aiomonitor.render import health as render_health  # when somebody asks

        self._write_lines(render_health.health_lines(health, color=self._client.color))
        self._write_lines(render_health.latest_lines(self.stalls(LATEST)))

    @alt_names("sl")
    def do_stalls(
        self,
        number: Annotated[
            str,
            Parameter(metavar="NUMBER", help="Only this one, whole.", complete=_stalls_offered),
        ] = "",
        *,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """List the times that the loop was blocked, or show one with the stacks seen meanwhile.

        The latest come first. KIND is cpu (its thread computed), blocking call (it waited in a call
        that is not awaited), garbage collection, or gil (another thread kept the interpreter). What
        took less than 0.1 s is not listed, unless the monitor's class has another
        `stall_threshold`; remembered are the last 200.
        """
        if number:
            self._show_stall(number, json=json)
            return
        rows = row_limit("stalls", limit, json=json)
        stalls = self.stalls(rows)
        if json:
            self._write(as_json(stalls) + "\n")
            return
        from aiomonitor.render import health as render_health  # when somebody asks

        self._write_table(render_health.STALL_COLUMNS, map(render_health.stall_row, stalls))
        self._write_lines(render_health.stalls_summary(self.health(), len(stalls)))

    def _show_stall(self, number: str, *, json: bool) -> None:
        if not (number.isascii() and number.isdigit() and len(number) < 20):
            raise UsageError(f"stalls: {number!r} is no number: 'stalls' lists them")
        stall = self.stall(int(number))
        if stall is None:
            raise CommandError(f"no stall {number} is remembered: 'stalls' lists those that are")
        if json:
            self._write(as_json(stall) + "\n")
            return
        from aiomonitor.render import health as render_health  # when somebody asks

        self._write_lines(render_health.stall_lines(stall, color=self._client.color))
