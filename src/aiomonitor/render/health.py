"""How the loop keeps up, as text for a terminal: pure, like `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.escapes import printable

from . import clock, duration, frame_lines, moment, place
from .tables import Column, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiomonitor.model import RunSummary
    from aiomonitor.model.health import Health, LagWindow, Stall

STALL_COLUMNS = (
    Column(title="NO", at_least=4, at_most=10, right=True, color="cyan"),
    Column(title="WHEN", at_least=8, at_most=8, drop=3),
    Column(title="LASTED", at_least=7, at_most=8, right=True),
    Column(title="KIND", at_least=8, at_most=18, drop=1),
    Column(title="TASK", at_least=10, at_most=40, drop=2),
    Column(title="WHERE", at_least=20, at_most=100),
)

BAR = 14
"""Cells of the longest bar: three windows fit into 80."""


def health_lines(health: Health, *, color: bool = False) -> Iterator[str]:
    """The lag as a chart for each window, then how busy the loop is, and whether it is blocked."""
    if health.note:
        yield styled(printable(health.note), color, fg="yellow")
    titles = "".join(f"{_window_title(each):<{BAR + 8}}" for each in health.windows)
    yield styled(f"{'lag':>8}  {titles}".rstrip(), color, bold=True)
    yield from _chart(health)
    for title in ("median", "p99", "worst"):
        cells = (_seconds(getattr(window, title)) for window in health.windows)
        yield f"{title:>8}  " + "".join(f"{cell:<{BAR + 8}}" for cell in cells).rstrip()
    yield f"busy: {_busy(health)}"
    yield _blocked(health, color=color)
    yield _stall_count(health)


def _window_title(window: LagWindow) -> str:
    return f"last {window.seconds / 60:.0f} min"


def _chart(health: Health) -> Iterator[str]:
    """A line for each bucket, from the first to the last in which something is."""
    used = [
        index for window in health.windows for index, count in enumerate(window.buckets) if count
    ]
    for index in range(min(used, default=1), max(used, default=0) + 1):
        over = index >= len(health.bounds)
        bound = health.bounds[-1 if over else index]
        label = f"{'>' if over else '<'} {_short(bound)}"
        bars = "".join(f"{_bar(window, index):<{BAR + 8}}" for window in health.windows)
        yield f"{label:>8}  {bars}".rstrip()


def _bar(window: LagWindow, index: int) -> str:
    count = window.buckets[index]
    cells = -(-count * BAR // max(window.buckets)) if count else 0
    return f"{'#' * cells} {count}" if count else ""


def _short(seconds: float) -> str:
    """A bound: `0.25ms`, `10ms`, `2.5s`."""
    return f"{seconds * 1000:g}ms" if seconds < 1 else f"{seconds:g}s"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else duration(seconds)


def _busy(health: Health) -> str:
    if health.busy is None:
        return "not known"
    return f"{health.busy:.0%} of the last {health.busy_window:.0f} s"


def _blocked(health: Health, *, color: bool) -> str:
    if health.blocked_for is None:
        return "blocked: no"
    return styled(f"blocked: for {duration(health.blocked_for)} now", color, fg="red")


def _stall_count(health: Health) -> str:
    return f"stalls: {_count(health.stalls)} blocked for {_short(health.threshold)} or longer"


def _count(stalls: int) -> str:
    return f"{stalls} time{'' if stalls == 1 else 's'}" if stalls else "never"


def latest_lines(stalls: Sequence[Stall]) -> Iterator[str]:
    """The latest stalls, a line each."""
    for stall in stalls:
        yield f"  {stall.number}  {clock(stall.started_at)}  {printable(stall.sentence)}"


def stall_row(stall: Stall) -> tuple[str, ...]:
    """A stall as the cells of `STALL_COLUMNS`."""
    return (
        str(stall.number),
        clock(stall.started_at),
        duration(stall.duration) + ("" if stall.over else "+"),
        stall.kind,
        _task(stall),
        printable(place(stall.place)),
    )


def _task(stall: Stall) -> str:
    if stall.task is None:
        return "-"
    return printable(f"{stall.task} ({stall.name})")


def stalls_summary(health: Health, shown: int) -> Iterator[str]:
    """The lines under the table; they say what it leaves out."""
    text = f"{health.stalls} stall{'' if health.stalls == 1 else 's'}"
    if health.remembered < health.stalls:
        text = f"{health.remembered} remembered of {text}"
    more = shown < health.remembered
    shown_of = f"{shown} shown of " if more else ""
    hint = ": --limit 0 shows all" if more else ""
    yield f"{shown_of}{text} of {_short(health.threshold)} or longer{hint}"
    if health.note:
        yield printable(health.note)


def stall_lines(stall: Stall, *, color: bool = False) -> Iterator[str]:
    """One stall: what is known, then each stack with how often it was seen."""
    yield styled(f"stall {stall.number}: {printable(stall.sentence)}", color, bold=True)
    over = "" if stall.over else ", and goes on"
    cpu = "" if stall.cpu is None else f", its thread computed {stall.cpu:.0%} of that"
    garbage = f", collected garbage for {duration(stall.garbage)}" if stall.garbage else ""
    yield f"  began {moment(stall.started_at)}, {duration(stall.duration)}{over}{cpu}{garbage}"
    seen = sum(stack.count for stack in stall.stacks)
    for stack in stall.stacks:
        yield f"seen {stack.count} of {seen} times ({stack.count / seen:.0%}):"
        yield from frame_lines(stack.frames, color=color)
    if not stall.stacks:
        yield "  (its stack was not seen: nothing else ran until it was over)"


def summary_lines(summary: RunSummary) -> Iterator[str]:
    """Which process this is, and how it does."""
    command = " ".join(summary.command)
    yield printable(f"{summary.name}: process {summary.pid}, {command}")
    yield (
        f"{summary.loop} on Python {summary.python}, aiomonitor {summary.version}, "
        f"watched for {duration(summary.uptime)}"
    )
    blocked = summary.blocked_for
    state = summary.loop_state if blocked is None else f"blocked for {duration(blocked)}"
    lag, worst = (_seconds(each) for each in (summary.lag, summary.worst_lag))
    yield f"the loop is {state}; lag {lag}, at worst {worst}; was blocked {_count(summary.stalls)}"
    found = "not looked for yet" if summary.findings is None else f"{summary.findings}"
    yield f"tasks: {summary.tasks}, findings: {found}"
