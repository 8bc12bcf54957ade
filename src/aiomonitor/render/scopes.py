"""Text for a terminal about trees of tasks, cancel scopes and nurseries; pure, as `render`."""

from __future__ import annotations

from itertools import filterfalse
from typing import TYPE_CHECKING

from aiomonitor.escapes import printable
from aiomonitor.model import ScopeInfo, TreeNode

from . import duration, location, waits
from .tables import clip, styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from aiomonitor.model import Forest, ScopeCancelResult, ScopeReach, TaskInfo, TreeLine

TASKS_TOLD = 20
"""Tasks named that a cancellation takes along; the rest is counted."""

SCOPES_TOLD = 20
"""Scopes told around a task, the innermost ones."""


def scope_line(scope: ScopeInfo) -> str:
    """A scope with all that is particular about it."""
    own = " of the runtime's own" if scope.system else ""
    parts = [f"{scope.kind} s{scope.number}{own}"]
    if scope.tasks is not None:
        parts.append(f"{scope.tasks} task{'' if scope.tasks == 1 else 's'}")
    if scope.timeout is not None:
        late = scope.timeout < 0
        left = duration(abs(scope.timeout))
        parts.append(f"deadline {left} ago" if late else f"deadline in {left}")
    if scope.shielded:
        parts.append("shielded")
    if scope.cancelled:
        by = f" by {printable(scope.cancelled_by)}" if scope.cancelled_by else ""
        parts.append(f"cancelled{by}" if scope.cancel_called else f"cancelled from outside{by}")
    return ", ".join(parts)


def around_lines(scopes: Sequence[ScopeInfo]) -> Iterator[str]:
    """The scopes around a task, the innermost first; those of the runtime's own are counted."""
    told = [scope for scope in scopes if not scope.system]
    for scope in told[:SCOPES_TOLD]:
        opener = "" if scope.opened_by is None else f", opened by task {scope.opened_by}"
        yield f"  in {scope_line(scope)}{opener}"
    if (more := len(told) - SCOPES_TOLD) > 0:
        yield f"  and in {more} more around these"
    if own := len(scopes) - len(told):
        yield f"  {'and ' if told else ''}in {own} of the runtime's own"


# --- cancelling -----------------------------------------------------------------------------------


def reach_lines(reach: ScopeReach, reference: str) -> Iterator[str]:
    """What cancelling a scope would do, and how to do it."""
    yield f"cancelling {scope_line(reach.scope)} takes along {_tasks(reach.tasks)}"
    if reach.shielded:
        yield f"shielded from it, and going on: {_tasks(reach.shielded)}"
    yield f"nothing was cancelled yet: 'cancel {printable(reference)} --scope --yes' does it"


def cancelled_lines(result: ScopeCancelResult) -> Iterator[str]:
    """What came of cancelling a scope."""
    scope = result.reach.scope
    yield f"{scope.kind} s{scope.number}: {result.outcome.value}: {printable(result.detail)}"
    yield f"it took along {_tasks(result.reach.tasks)}"
    if result.reach.shielded:
        yield f"shielded from it, and going on: {_tasks(result.reach.shielded)}"


def _tasks(tasks: Sequence[tuple[int, str]]) -> str:
    count = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'}"
    told = ", ".join(f"{number} ({printable(name)})" for number, name in tasks[:TASKS_TOLD])
    more = f", and {len(tasks) - TASKS_TOLD} more" if len(tasks) > TASKS_TOLD else ""
    return f"{count}: {told}{more}" if told else count


# --- the tree -------------------------------------------------------------------------------------


def tree_lines(forest: Forest, width: int, *, color: bool = False) -> Iterator[str]:
    """The tree, a line for each task, and for each scope that a task has opened."""
    below = _below(forest.lines)
    waiting: list[tuple[int, TreeNode | ScopeInfo]] = [(0, node) for node in reversed(below[None])]
    while waiting:
        step, thing = waiting.pop()
        yield _indented(step, thing, width, color=color)
        if isinstance(thing, TreeNode):
            inside = list(_inside(thing, below.get(thing.task.number, [])))
            waiting += [(step + steps, each) for steps, each in reversed(inside)]
    yield _summary(forest)


def _below(lines: Sequence[TreeLine]) -> dict[int | None, list[TreeNode]]:
    """What is directly under each task, and under None the roots."""
    below: dict[int | None, list[TreeNode]] = {None: []}
    way: list[int] = []
    for line in lines:
        del way[line.depth :]
        # A task in between may have ended when it was to be described.
        below.setdefault(way[-1] if way else None, []).append(line.node)
        way.append(line.node.task.number)
    return below


def _inside(node: TreeNode, children: Sequence[TreeNode]) -> Iterator[tuple[int, Any]]:
    """What is under a task, and how many steps to the right of it: its scopes, each within the one
    before, and each nursery's children before what is opened within."""
    scopes = node.scopes or ()
    numbers = {scope.number for scope in scopes}
    yield from ((1, child) for child in children if child.task.nursery not in numbers)
    for steps, scope in enumerate(filterfalse(_is_plain, scopes), 1):
        yield steps, scope
        yield from ((steps + 1, each) for each in children if each.task.nursery == scope.number)


def _is_plain(scope: ScopeInfo) -> bool:
    """Whether there is nothing to tell of it but that it is there: anyio puts each task in one."""
    told = scope.kind == "nursery" or scope.shielded or scope.cancelled
    return not told and scope.timeout is None


def _task(node: TreeNode) -> str:
    task = node.task
    plain = "".join(f" [s{scope.number}]" for scope in filter(_is_plain, node.scopes or ()))
    parts = [f"{task.number} {task.name}{plain}", _state(task), location(task)]
    if task.waits is not None:
        parts.append(f"waits for {waits(task.waits)}")
    return printable("  ".join(filter(None, parts)))


def _state(task: TaskInfo) -> str:
    cancelled = "!" if task.cancelling or task.cancelled_by else ""
    return f"{task.state}{cancelled}{' (system)' if task.system else ''}"


def _indented(step: int, thing: TreeNode | ScopeInfo, width: int, *, color: bool) -> str:
    """Two cells to the right for each step; past half of the width, the step is told instead."""
    style: dict[str, object] = {"bold": True}
    if isinstance(thing, ScopeInfo):
        style = {"fg": "yellow" if thing.cancelled else "cyan"}
    text = _task(thing) if isinstance(thing, TreeNode) else scope_line(thing)
    indent = "  " * step if step * 2 <= width // 2 else f"{f'({step}) ':>{width // 2}}"
    return indent + styled(clip(text, max(width - len(indent), 20)), color, **style)


def _summary(forest: Forest) -> str:
    total = f"{forest.total} live task{'' if forest.total == 1 else 's'}"
    shown = len(forest.lines)
    if shown < forest.total:
        return f"{shown} shown of {total}: a task, --filter and --depth narrow, --limit 0 shows all"
    return total
