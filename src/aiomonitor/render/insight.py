"""Text for a terminal about what tasks share, and what is wrong; pure, as `render`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.escapes import printable

from . import clock, duration, frame_lines, location, moment, place, waits
from .tables import Column, clip, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiomonitor.model import GroupPage, TaskGroup, TaskInfo
    from aiomonitor.model.changes import Diff, SiteChange, TaskEvent
    from aiomonitor.model.findings import Finding, Findings, RuleInfo
    from aiomonitor.model.shared import (
        AwaitTree,
        Deadlock,
        Deadlocks,
        Person,
        SharedObject,
        SharedPage,
    )

GROUP_COLUMNS = (
    Column(title="COUNT", at_least=5, at_most=8, right=True, color="cyan"),
    Column(title="OLDEST", at_least=6, at_most=7, drop=2, right=True, optional=True),
    Column(title="EXAMPLE", at_least=7, at_most=10, drop=3, right=True),
    Column(title="IN COMMON", at_least=20, at_most=160, drop=0),
)
LOCK_COLUMNS = (
    Column(title="LOCK", at_least=8, at_most=24, color="cyan"),
    Column(title="WAITING", at_least=7, at_most=7, drop=1, right=True),
    Column(title="HELD BY", at_least=16, at_most=60, drop=0),
    Column(title="STATE", at_least=8, at_most=50, drop=3),
    Column(title="WAITERS, IN ORDER", at_least=16, at_most=100, drop=2),
)
QUEUE_COLUMNS = (
    Column(title="QUEUE", at_least=8, at_most=30, color="cyan"),
    Column(title="ITEMS", at_least=5, at_most=9, drop=0, right=True),
    Column(title="LIMIT", at_least=5, at_most=9, drop=3, right=True),
    Column(title="GETTING", at_least=7, at_most=7, drop=1, right=True),
    Column(title="PUTTING", at_least=7, at_most=7, drop=1, right=True),
    Column(title="WAITERS, IN ORDER", at_least=16, at_most=100, drop=2),
)
CHANGE_COLUMNS = (
    Column(title="NEW", at_least=4, at_most=8, right=True, color="yellow"),
    Column(title="GONE", at_least=4, at_most=8, right=True),
    Column(title="STILL", at_least=5, at_most=8, right=True, drop=2),
    Column(title="EXAMPLE", at_least=7, at_most=10, right=True, drop=3),
    Column(title="CREATED IN", at_least=20, at_most=120),
)
RULE_COLUMNS = (
    Column(title="RULE", at_least=16, at_most=30, color="cyan"),
    Column(title="FROM", at_least=8, at_most=12, right=True, drop=1),
    Column(title="WHAT IT FINDS", at_least=20, at_most=90),
)
PEOPLE = 5
"""Waiters named in a row."""


def _people(people: Sequence[Person], total: int) -> str:
    told = ", ".join(f"{number} ({printable(name)})" for number, name in people[:PEOPLE])
    more = total - min(len(people), PEOPLE)
    return f"{told}, {more} more" if more > 0 and told else told


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"


# --- groups ---------------------------------------------------------------------------------------


def group_row(group: TaskGroup) -> tuple[str, ...]:
    """A group as the cells of `GROUP_COLUMNS`."""
    oldest = "" if group.oldest_age is None else duration(group.oldest_age)
    return str(group.count), oldest, str(group.example), printable(group.key)


def stack_lines(group: TaskGroup, *, color: bool) -> Iterator[str]:
    """A group with its stack, as a goroutine profile has them."""
    oldest = "" if group.oldest_age is None else f", the oldest {duration(group.oldest_age)} ago"
    head = f"{_tasks(group.count)}, for example {group.example}{oldest}:"
    yield styled(head, color, bold=True)
    yield from frame_lines(group.frames or (), color=color)


def groups_summary(page: GroupPage) -> str:
    """The line under them."""
    shown = f"{len(page.groups)} shown of " if len(page.groups) < page.found else ""
    groups = f"{page.found} group{'' if page.found == 1 else 's'}"
    of = f" of {page.total}" if page.matched < page.total else ""
    return f"{shown}{groups}, {page.matched}{of} live task{'' if page.total == 1 else 's'}"


# --- what tasks share -----------------------------------------------------------------------------


def lock_row(shared: SharedObject) -> tuple[str, ...]:
    """A lock as the cells of `LOCK_COLUMNS`."""
    holders = _people(shared.holders, len(shared.holders))
    return (
        printable(shared.label),
        str(shared.waiting),
        holders or "-",
        printable(shared.what),
        _people(shared.waiters, shared.waiting),
    )


def queue_row(shared: SharedObject) -> tuple[str, ...]:
    """A queue as the cells of `QUEUE_COLUMNS`."""
    return (
        printable(shared.label),
        "?" if shared.size is None else str(shared.size),
        "-" if shared.limit is None else str(shared.limit),
        str(shared.getting),
        str(shared.putting),
        _people(shared.waiters, shared.waiting),
    )


def shared_summary(page: SharedPage, one: str, more: str) -> str:
    """The line under a listing of what tasks share, by what one and more of them are called."""
    shown = f"{len(page.objects)} shown of " if len(page.objects) < page.found else ""
    kind = one if page.found == 1 else more
    return f"{shown}{page.found} {kind}, among {_tasks(page.looked_at)}"


def await_lines(tree: AwaitTree, width: int, *, color: bool) -> Iterator[str]:
    """The tree of who waits for whom."""
    for line in tree.lines:
        task = line.task
        indent = "  " * line.depth
        if line.depth * 2 > width // 2:
            indent = f"{f'({line.depth}) ':>{width // 2}}"
        head = f"{task.number} {printable(task.name)}"
        text = _MARKS[line.mark] or _await_text(task)
        clipped = clip(f"{head}  {text}", max(width - len(indent), 20))
        fg = "red" if line.mark == "circle" else None
        yield indent + styled(clipped, color, fg=fg, bold=line.depth == 0)
    more = tree.total - len(tree.lines)
    yield f"{tree.total} line{'' if tree.total == 1 else 's'}" + (
        f", {len(tree.lines)} shown: a task and --depth narrow, --limit 0 shows all" if more else ""
    )


_MARKS = {"": "", "circle": "<- circle", "above": "(see above)"}


def _await_text(task: TaskInfo) -> str:
    parts = [task.state, location(task)]
    if task.waits is not None:
        parts.append(f"waits for {waits(task.waits)}")
    return printable("  ".join(filter(None, parts)))


def deadlock_lines(found: Deadlocks, *, color: bool) -> Iterator[str]:
    """Each deadlock in a sentence, and its tasks with their lines."""
    for each in found.found:
        yield from _deadlock(each, color=color)
    sure = sum(each.certain for each in found.found)
    perhaps = len(found.found) - sure
    told = f"{sure} deadlock{'' if sure == 1 else 's'}"
    more = f", {perhaps} suspected" if perhaps else ""
    yield f"{told}{more}, among {_tasks(found.looked_at)} (looked for {duration(found.took)})"


def _deadlock(each: Deadlock, *, color: bool) -> Iterator[str]:
    title = each.kind if each.certain else f"{each.kind}?"
    yield styled(f"{title}: ", color, bold=True, fg="red" if each.certain else "yellow") + (
        printable(each.sentence)
    )
    for task in each.tasks:
        where = task.location
        if where is not None:
            at = (
                f'{printable(where.filename)}", line {where.lineno}, in {printable(where.function)}'
            )
            yield f'  task {task.number}: File "{at}'
            if where.source:
                yield f"    {printable(where.source)}"


# --- findings -------------------------------------------------------------------------------------


def finding_lines(found: Findings, *, color: bool) -> Iterator[str]:
    """Each finding with its remedy."""
    for each in found.findings:
        yield from _finding(each, color=color)
    if found.findings:
        errors = sum(each.severity == "error" for each in found.findings)
        warnings = len(found.findings) - errors
        yield (
            f"{errors} error{'' if errors == 1 else 's'}, "
            f"{warnings} warning{'' if warnings == 1 else 's'}, "
            f"by {len(found.rules)} rules in {duration(found.took)}"
        )
    else:
        yield f"nothing found, by {len(found.rules)} rules in {duration(found.took)}"
    for note in found.notes:
        yield printable(note)


def _finding(each: Finding, *, color: bool) -> Iterator[str]:
    fg = "red" if each.severity == "error" else "yellow"
    head = styled(f"{each.severity}: {printable(each.rule)}: ", color, fg=fg, bold=True)
    yield head + printable(each.sentence)
    yield f"  remedy: {printable(each.remedy)}"
    seen = f"  since {clock(each.first_seen)}"
    tasks = ", ".join(map(str, each.tasks[:10]))
    more = f", {each.count - 10} more" if each.count > 10 and tasks else ""
    yield seen + (f", tasks {tasks}{more}" if tasks else "")


def rule_row(rule: RuleInfo) -> tuple[str, ...]:
    """A rule as the cells of `RULE_COLUMNS`."""
    least = "" if rule.threshold is None else f"{rule.threshold:g} {rule.unit}"
    return printable(rule.name), least, printable(rule.text)


# --- changes --------------------------------------------------------------------------------------


def change_row(site: SiteChange) -> tuple[str, ...]:
    """A creation site as the cells of `CHANGE_COLUMNS`."""
    example = "" if site.example is None else str(site.example)
    told = printable(place(site.place) or site.key)
    return str(site.new), str(site.gone), str(site.still), example, told


def diff_summary(diff: Diff) -> Iterator[str]:
    """The lines under a listing of changes."""
    passed = "" if diff.passed is None else f"; {diff.passed} more came and went"
    yield (
        f"since {moment(diff.marked_at)} ({duration(diff.age)} ago): {diff.new} new, "
        f"{diff.gone} gone, {diff.still} still there{passed}"
    )
    if len(diff.sites) < diff.found:
        yield f"{len(diff.sites)} of {diff.found} places shown: --limit 0 shows all"


def mark_line(diff: Diff) -> str:
    """What was marked."""
    name = f" as {printable(diff.name)!r}" if diff.name else ""
    again = f"diff {printable(diff.name)}".strip()
    return f"marked {_tasks(diff.still)}{name}: '{again}' tells what has changed since"


_EVENT_COLORS = {"created": "green", "ended": "blue", "cancelled": "yellow", "stalled": "red"}


def event_line(event: TaskEvent, *, color: bool) -> str:
    """One event."""
    millis = int(event.at % 1 * 1000)
    kind = styled(f"{event.kind:<9}", color, fg=_EVENT_COLORS[event.kind])
    coroutine = f" [{printable(event.coroutine)}]" if event.coroutine else ""
    who = (
        f"task {event.number} ({printable(event.name)}){coroutine}" if event.number else "the loop"
    )
    text = f": {printable(event.text)}" if event.text else ""
    return f"{clock(event.at)}.{millis:03} {kind} {who}{text}"
