"""The commands that every monitor has; each asks `Queries` and hands the answer to `render`."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from typing import TYPE_CHECKING, Annotated

from aiomonitor.errors import CommandError, UsageError
from aiomonitor.model.words import CancelOutcome, EndedSortKey
from aiomonitor.queries import CANCEL_TIMEOUT, Queries
from aiomonitor.utils import Parameter, alt_names, requires

from .insight import InsightCommands
from .listing import (
    OFFERED,
    FilterOption,
    JsonOption,
    LimitOption,
    ReverseOption,
    SortOption,
    TaskArgument,
    as_json,
    row_limit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiomonitor.model import TaskInfo, TaskPage


def _ended_offered(monitor: Queries, typed: str) -> Iterator[tuple[str, str]]:
    """The latest first; of several with one name, the latest is what the name means."""
    from aiomonitor import render  # when somebody asks

    ended = monitor.terminated()
    numbered = (task for task in ended if str(task.number).startswith(typed))
    for task in itertools.islice(numbered, OFFERED):
        yield str(task.number), f"{task.name}, {render.ending(task)}"
    if typed:
        named = {task.name: task for task in reversed(ended) if task.name.startswith(typed)}
        for task in itertools.islice(reversed(named.values()), OFFERED):
            yield task.name, f"task {task.number}, {render.ending(task)}"


def _noting_overdue(tasks: Iterable[TaskInfo], overdue: list[TaskInfo]) -> Iterator[TaskInfo]:
    from aiomonitor import render  # when somebody asks

    for task in tasks:
        if render.is_overdue(task):
            overdue.append(task)
        yield task


def _signals_offered(_: Queries, typed: str) -> Iterable[str]:
    return [member.name for member in signal.Signals if member.name.startswith(typed.upper())]


class BuiltinCommands(InsightCommands):
    """The `do_*` methods that come with a monitor. Sync ones: they run in worker threads."""

    @alt_names("p")
    def do_ps(
        self,
        *,
        filter: FilterOption = "",
        sort: SortOption = "id",
        reverse: ReverseOption = False,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """List the live tasks.

        STATE is running, runnable or waiting; "!" marks a task that was asked to cancel itself.
        WHERE is the innermost line outside of the runtime's library, and what it awaits there;
        WAITS FOR tells what that waits for. CREATED IN is the line that created it, "(not seen)"
        if the monitor was not there. Columns that your terminal has no room for are left out;
        --json has everything.
        """
        rows = row_limit("ps", limit, json=json)
        page = self.task_page(filter=filter, sort=sort, reverse=reverse, limit=rows)
        if json:
            self._write_json_page(page)
        else:
            self._write_tasks(page)

    def _write_tasks(self, page: TaskPage) -> None:
        from aiomonitor import render  # when somebody asks

        overdue: list[TaskInfo] = []
        rows = map(render.task_row, _noting_overdue(page.tasks, overdue))
        shown = self._write_table(render.TASK_COLUMNS, rows)
        self._write_lines(render.overdue_lines(overdue))
        self._write(render.page_summary(page, shown) + "\n")

    @alt_names("w")
    def do_where(self, task: TaskArgument, *, json: JsonOption = False) -> None:
        """Show where a task stands, and who created it, with source lines.

        First each ancestor's stack when it created the next one, the oldest first; then the task's
        own await chain, outermost first; then who asked it to cancel itself, if anybody did.
        """
        stack = self._look_up(self.stack, task)
        if json:
            self._write(as_json(stack) + "\n")
            return
        from aiomonitor import render  # when somebody asks

        self._write_lines(render.stack_lines(stack, color=self._client.color))
        if stack.thread is not None:
            self._write("it waits for ")
            self._write_lines(render.thread_lines(stack.thread, color=self._client.color))
        if stack.scopes:
            from aiomonitor.render import scopes as render_scopes  # where there are any

            self._write_lines(render_scopes.around_lines(stack.scopes))

    @alt_names("ca")
    @requires("act")
    def do_cancel(
        self,
        task: TaskArgument,
        *,
        timeout: Annotated[
            float, Parameter(metavar="SECONDS", help="How long to wait for it to end.")
        ] = CANCEL_TIMEOUT,
        scope: Annotated[
            bool, Parameter(help="Cancel the nearest scope or nursery that the task is in.")
        ] = False,
        yes: Annotated[
            bool, Parameter(help="With --scope: do it, with all that is in it.")
        ] = False,
        json: JsonOption = False,
    ) -> None:
        """Cancel a task and tell what came of it.

        Trio cannot cancel a single task, but a scope: --scope tells which one that is, and which
        tasks it would take along, and --scope --yes cancels it. A scope may also be named as tree
        and where name it: `cancel s4 --scope`.
        """
        if not 0 <= timeout <= threading.TIMEOUT_MAX:
            raise UsageError(f"cancel: a timeout of {timeout} s makes no sense")
        if scope:
            self._cancel_scope(task, timeout, confirmed=yes, json=json)
            return
        if yes:
            raise UsageError("cancel: --yes goes with --scope")
        from aiomonitor import render  # when somebody asks

        result = self._look_up(lambda name: self.cancel(name, timeout), task)
        self._write((as_json(result) if json else render.cancel_line(result)) + "\n")
        if result.outcome not in (CancelOutcome.ENDED, CancelOutcome.ALREADY_DONE):
            self._run.status = 1

    def _cancel_scope(self, task: str, timeout: float, *, confirmed: bool, json: bool) -> None:
        from aiomonitor.render import scopes as render_scopes  # where there are any

        if confirmed:
            result = self._look_up(lambda name: self.cancel_scope(name, timeout), task)
            lines = render_scopes.cancelled_lines(result)
            done = result.outcome in (CancelOutcome.ENDED, CancelOutcome.ALREADY_DONE)
        else:
            result = self._look_up(self.scope_reach, task)
            lines = render_scopes.reach_lines(result, task)
            done = False
        self._write_lines([as_json(result)] if json else lines)
        if not done:
            self._run.status = 1

    @alt_names("pt pst")
    def do_ps_terminated(
        self,
        *,
        filter: FilterOption = "",
        sort: Annotated[
            EndedSortKey, Parameter(help="What the rows are ordered by. [ended, the latest first]")
        ] = "ended",
        reverse: ReverseOption = False,
        limit: LimitOption = -1,
        json: JsonOption = False,
    ) -> None:
        """List the tasks that ended lately, and how: result, exception, cancelled by whom.

        The latest come first. AFTER is how long it lived. Remembered are as many as the monitor was
        started with (max_termination_history), and those marked with preserve_termination_log.
        """
        rows = row_limit("ps-terminated", limit, json=json)
        page = self.terminated_page(filter=filter, sort=sort, reverse=reverse, limit=rows)
        if json:
            self._write(as_json(page) + "\n")
            return
        from aiomonitor import render  # when somebody asks

        self._write_table(render.ENDED_COLUMNS, map(render.ended_row, page.tasks))
        self._write_lines(render.ended_summary(page))

    @alt_names("wt")
    def do_where_terminated(
        self,
        task: Annotated[
            str, Parameter(metavar="TASK", help="number or name", complete=_ended_offered)
        ],
        *,
        json: JsonOption = False,
    ) -> None:
        """Show how a task ended: its exception, who cancelled it, who created it, with stacks.

        Every stack is in call order, outermost first. A name means the latest task of that name.
        """
        stack = self._look_up(self.terminated_stack, task)
        if json:
            self._write(as_json(stack) + "\n")
            return
        from aiomonitor import render  # when somebody asks

        self._write_lines(render.ended_lines(stack, color=self._client.color))

    @requires("act")
    def do_signal(
        self,
        signame: Annotated[str, Parameter(metavar="SIGNAL", complete=_signals_offered)],
    ) -> None:
        """Send a signal to the application: `signal SIGUSR1`, `signal hup`, `signal 10`."""
        number = _signal_number(signame)
        self._write(f"sending {number.name} to process {os.getpid()}\n")
        os.kill(os.getpid(), number)

    @alt_names("st stack")
    def do_stacktrace(
        self,
        *,
        all: Annotated[bool, Parameter(help="Every thread, not only the loop's.")] = False,
        json: JsonOption = False,
    ) -> None:
        """Show what the loop's thread executes now: what blocks it, if it hangs."""
        stacks = self.threads()
        if not all:
            stacks = tuple(stack for stack in stacks if stack.loop_state)
            if not stacks:
                raise CommandError(
                    f"the monitored loop is {self._backend.loop_state()} and has no thread: "
                    "'stacktrace --all' shows the others"
                )
        if json:
            self._write(as_json(stacks) + "\n")
            return
        from aiomonitor import render  # when somebody asks

        for stack in stacks:
            self._write_lines(render.thread_lines(stack, color=self._client.color))

    @alt_names("quit q")
    def do_exit(self) -> None:
        """Leave the monitor; the application goes on."""
        self._run.leaving = True


def _signal_number(name: str) -> signal.Signals:
    """A signal by number or name, with or without SIG, in any case."""
    import difflib

    if name.isascii() and name.isdigit():
        try:
            return signal.Signals(int(name))
        except ValueError:
            raise UsageError(f"signal: no signal has the number {name}") from None
    known = signal.Signals.__members__
    full = "SIG" + name.upper().removeprefix("SIG")
    if full in known:
        return known[full]
    close = difflib.get_close_matches(full, known, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "TAB lists them"
    raise UsageError(f"signal: unknown signal {name!r}: {hint}")
