"""A process as text that is written down: pure, as `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.escapes import printable

from . import duration, health, insight, moment, scopes, thread_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiomonitor.model.dump import Dump, RunDump

WIDTH = 160
"""Columns of a line of the tree."""


def dump_lines(dump: Dump) -> Iterator[str]:
    """All of it, what is wrong first."""
    command = printable(" ".join(dump.command)) or "no command line"
    yield f"=== aiomonitor: dump of process {dump.pid} ({command}), {moment(dump.at)} ==="
    yield f"Python {printable(dump.python)}, {_runs(len(dump.runs))}, took {duration(dump.took)}"
    yield from map(printable, dump.notes)
    for number, run in enumerate(dump.runs, 1):
        yield ""
        yield from _run_lines(number, run)
    yield from _titled("threads")
    for thread in dump.threads:
        yield from thread_lines(thread)
    yield "=== end of the dump ==="


def _runs(count: int) -> str:
    if not count:
        return "no event loop or trio run was found"
    return f"{count} event loop{'' if count == 1 else 's'} or trio run{'' if count == 1 else 's'}"


def _titled(title: str) -> Iterator[str]:
    yield ""
    yield f"--- {title}"


def _run_lines(number: int, run: RunDump) -> Iterator[str]:
    yield f"=== {_headline(number, run)}"
    yield from map(printable, run.notes)
    if run.findings is not None:
        yield from _titled("findings")
        yield from insight.finding_lines(run.findings, color=False)
    if run.deadlocks is not None:
        yield from _titled("deadlocks")
        yield from insight.deadlock_lines(run.deadlocks, color=False)
    yield from _stalls(run)
    if run.awaits is not None:
        yield from _titled("who waits for whom")
        yield from insight.await_lines(run.awaits, WIDTH, color=False)
    if run.forest is not None:
        yield from _titled("nurseries and their tasks")
        yield from scopes.tree_lines(run.forest, WIDTH, color=False)
    if run.stacks is not None:
        yield from _titled("stacks")
        for group in run.stacks.groups:
            yield from insight.stack_lines(group, color=False)
        yield insight.groups_summary(run.stacks)


def _headline(number: int, run: RunDump) -> str:
    status = run.status
    what = f"{status.loop}, {status.loop_state}" if status is not None else "not known"
    tasks = "" if run.tasks is None else f", {run.tasks} task{'' if run.tasks == 1 else 's'}"
    watched = f"monitored at {run.address}" if run.address else "not monitored: seen as it is now"
    return printable(f"run {number}: {what}{tasks}; {watched}")


def _stalls(run: RunDump) -> Iterator[str]:
    if run.health is None:
        return
    yield from _titled("the loop")
    yield from health.health_lines(run.health)
    for stall in run.stalls:
        yield from health.stall_lines(stall)
