"""The commands that tell what is wrong, what has changed, and what happens now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from aiomonitor.errors import CommandError, NotMarkedError, UsageError
from aiomonitor.queries import Queries
from aiomonitor.utils import Parameter, alt_names

from .listing import (
    FilterOption,
    JsonOption,
    LimitOption,
    Listings,
    as_json,
    row_limit,
    tasks_offered,
)

if TYPE_CHECKING:
    from aiomonitor.model.changes import TaskEvent

LOOK_EVERY = 0.25
"""Seconds between two looks of `watch`, at least."""
LOOK_SHARE = 0.05
"""The part of the time that they may take."""
LINES_PER_SECOND = 20
"""Events that `watch` shows; others are counted."""

SecondsOption = Annotated[
    float, Parameter(metavar="SECONDS", help="End after so long; 0 for never.")
]
MarkArgument = Annotated[str, Parameter(metavar="NAME", help="For more than one mark.")]


class FindingsCommands(Queries, Listings):
    """Commands that judge and compare. Sync ones: they run in worker threads."""

    @alt_names("f")
    def do_findings(
        self,
        *,
        rules: Annotated[bool, Parameter(help="List the rules instead.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Tell what is wrong with the application, and what to do.

        Looks at all tasks and at what is remembered of the loop: deadlocks, blocking calls, locks
        held for long, swallowed cancellations, exceptions that nobody retrieved, leaks of tasks,
        queues that grow, and more: --rules lists what is looked for. The monitor looks by itself,
        too, from time to time, and logs what is new as `aiomonitor.findings`.
        """
        found = self.findings()
        if json:
            self._write(as_json(found.rules if rules else found) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        if rules:
            rows = map(render_insight.rule_row, found.rules)
            self._write_table(render_insight.RULE_COLUMNS, rows)
        else:
            self._write_lines(render_insight.finding_lines(found, color=self._client.color))

    @alt_names("dl")
    def do_deadlocks(self, *, json: JsonOption = False) -> None:
        """Find tasks that wait for each other, and tasks that nobody is left to wake.

        A circle is certain if all locks in it are held in `async with` blocks. With a question mark
        stand suspicions: locks that were acquired by hand, or whose holder has ended, and waits for
        an event, queue or future that no other task, callback or object knows.
        """
        found = self.deadlocks()
        if json:
            self._write(as_json(found) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        self._write_lines(render_insight.deadlock_lines(found, color=self._client.color))

    @alt_names("mk")
    def do_mark(self, name: MarkArgument = "", *, json: JsonOption = False) -> None:
        """Remember which tasks are there now, for `diff`."""
        diff = self.mark(name)
        if json:
            self._write(as_json(diff) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        self._write(render_insight.mark_line(diff) + "\n")

    @alt_names("df")
    def do_diff(
        self, name: MarkArgument = "", *, limit: LimitOption = -1, json: JsonOption = False
    ) -> None:
        """Tell which tasks are new, gone and still there since `mark`, by where they were created.

        Do it twice, some minutes apart: a place with new tasks each time and none gone is a leak.
        """
        rows = row_limit("diff", limit, json=json)
        try:
            diff = self.diff(name, limit=rows)
        except NotMarkedError as error:
            raise CommandError(str(error)) from None
        if json:
            self._write(as_json(diff) + "\n")
            return
        from aiomonitor.render import insight as render_insight  # when somebody asks

        if diff.sites:
            sites = map(render_insight.change_row, diff.sites)
            self._write_table(render_insight.CHANGE_COLUMNS, sites)
        self._write_lines(render_insight.diff_summary(diff))

    @alt_names("wa")
    def do_watch(
        self,
        task: Annotated[
            str, Parameter(metavar="TASK", help="Only this one.", complete=tasks_offered)
        ] = "",
        *,
        filter: FilterOption = "",
        seconds: SecondsOption = 0.0,
        json: JsonOption = False,
    ) -> None:
        """Show what happens to tasks, as it happens: created, ended, cancelled, stalled.

        Goes on until Ctrl-C, or until the one task has ended. Of more than 20 events in a second
        the rest is counted. With --json, each event is a line.
        """
        if not 0 <= seconds < float("inf"):
            raise UsageError(f"watch: {seconds} seconds make no sense: 0 goes on until Ctrl-C")
        watcher = self._look_up(lambda one: self.watch(one or None, filter=filter), task)
        until = time.monotonic() + seconds if seconds else float("inf")
        allowed: float = LINES_PER_SECOND
        while not watcher.is_over and time.monotonic() < until:
            began = time.thread_time()  # without the rests that many clients cost
            events = watcher.look()
            pause = max(LOOK_EVERY, (time.thread_time() - began) / LOOK_SHARE)
            allowed = min(LINES_PER_SECOND, allowed + LINES_PER_SECOND * pause)
            allowed -= self._write_events(events, int(allowed), json=json)
            self._pause(min(pause, until - time.monotonic()))
        for_good = " has ended" if watcher.is_over else ""
        if for_good and not json:
            self._write(f"task {task}{for_good}\n")

    def _write_events(self, events: list[TaskEvent], most: int, *, json: bool) -> int:
        """Returns how many it showed."""
        from aiomonitor.render import insight as render_insight  # when somebody asks

        shown = events[:most]
        color = self._client.color
        lines = [as_json(e) if json else render_insight.event_line(e, color=color) for e in shown]
        if left_out := len(events) - len(shown):
            told = f"… and {left_out} more event{'' if left_out == 1 else 's'}"
            lines.append(as_json({"left_out": left_out}) if json else told)
        self._write_lines(lines)
        return len(shown)

    def _pause(self, seconds: float) -> None:
        """Sleep, but not on when the command is interrupted."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._run.check()
            time.sleep(min(left, 0.1))
        self._run.check()
