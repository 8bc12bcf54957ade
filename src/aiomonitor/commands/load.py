"""The commands that tell what keeps the loop busy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from aiomonitor.errors import AiomonitorError, CommandError, UsageError
from aiomonitor.queries import Queries
from aiomonitor.utils import Parameter, alt_names

from .listing import JsonOption, LimitOption, Listings, as_json, row_limit

if TYPE_CHECKING:
    from aiomonitor.model.load import Profile, Top

SCREEN = 20
"""Rows of `top` unless it is told otherwise."""
HOME = "\x1b[H\x1b[2J"
"""Clears a terminal."""


class LoadCommands(Queries, Listings):
    """Commands that meter the loop while they run. Sync ones: they run in worker threads."""

    def do_top(
        self,
        *,
        by: Annotated[Literal["task", "coroutine"], Parameter(help="What the rows are.")] = "task",
        interval: Annotated[
            float, Parameter(metavar="SECONDS", help="How long each look takes.")
        ] = 1.0,
        count: Annotated[
            int, Parameter(metavar="N", help="So many looks; 0 goes on until Ctrl-C.")
        ] = 0,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """Show which tasks keep the loop busy, look by look, until Ctrl-C.

        SHARE is the part of the time that the task's steps took, measured exactly: the loop is
        metered while this runs, which costs it about a fifth, and not at all afterwards. LONGEST is
        its longest step, in which no other task could run. "busy" is the share that the loop's
        thread computed. With --json, and for clients that are no terminal, it looks once unless
        --count is given.
        """
        if count < 0 or not math.isfinite(interval):
            raise UsageError("top: --count is 0 or more, --interval a number of seconds")
        rows = SCREEN if limit == -1 and not json else row_limit("top", limit, json=json)
        looks = count or (1 if json or not self._client.color else 0)
        done = 0
        while not looks or done < looks:
            top = self._looked(interval, rows)
            self._run.check()
            done += 1
            if json:
                self._write(as_json(top) + "\n")
            else:
                self._show_top(top, by, clear=looks != 1 and self._client.color)

    def _looked(self, interval: float, rows: int | None) -> Top:
        try:
            return self.top(interval, limit=rows, stop=lambda: self._run.interrupted)
        except AiomonitorError as error:
            raise CommandError(str(error)) from None

    def _show_top(self, top: Top, by: str, *, clear: bool) -> None:
        from aiomonitor.render import load as render_load  # when somebody asks

        if clear:
            self._write(HOME)
        self._write(render_load.top_head(top) + "\n")
        if by == "task":
            if top.tasks:
                rows = map(render_load.task_row, top.tasks)
                self._write_table(render_load.TASK_COLUMNS, rows)
        elif top.coroutines:
            rows = map(render_load.coroutine_row, top.coroutines)
            self._write_table(render_load.COROUTINE_COLUMNS, rows)

    @alt_names("prof")
    def do_profile(
        self,
        seconds: Annotated[float, Parameter(metavar="SECONDS", help="For how long.")] = 10.0,
        *,
        collapsed: Annotated[
            bool, Parameter(help="Stacks in one line each, for speedscope or flamegraph.pl.")
        ] = False,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """Sample where the loop's thread computes, and show the functions that do.

        A signal of the profiling timer takes a sample for each 5 ms of CPU time, in the main
        thread: so it works for loops that run there, uvloop's, too, and costs next to nothing. SELF
        is the share of samples in the function itself, TOTAL includes what it calls. --collapsed
        writes the stacks as speedscope and flamegraph.pl read them: keep them in a file.
        """
        if not (collapsed or json):
            self._write(f"sampling for {seconds:g} s…\n")
        try:
            profile = self.profile(seconds, stop=lambda: self._run.interrupted)
        except AiomonitorError as error:
            raise CommandError(str(error)) from None
        if not self._run.interrupted:
            self._show_profile(profile, limit, collapsed=collapsed, json=json)

    def _show_profile(self, profile: Profile, limit: int, *, collapsed: bool, json: bool) -> None:
        from aiomonitor.render import load as render_load  # when somebody asks

        if json:
            self._write(as_json(profile) + "\n")
        elif collapsed:
            self._write_lines(render_load.collapsed_lines(profile))
        else:
            rows = SCREEN if limit == -1 else row_limit("profile", limit, json=False)
            found = render_load.function_rows(profile, rows)
            if found:
                self._write_table(render_load.FUNCTION_COLUMNS, iter(found))
            self._write(render_load.profile_summary(profile) + "\n")
