"""What a terminal shows of scopes: every word of it, and nothing that controls it."""

from __future__ import annotations

from typing import Any

import pytest

from aiomonitor.model import (
    CancelOutcome,
    Forest,
    ScopeCancelResult,
    ScopeInfo,
    ScopeReach,
    TaskInfo,
    TreeLine,
    TreeNode,
    WaitInfo,
)
from aiomonitor.render import scopes as render


def scope(number: int = 4, **fields: Any) -> ScopeInfo:
    """A scope that nothing is particular about."""
    plain: dict[str, Any] = {
        "kind": "scope",
        "opened_by": 2,
        "timeout": None,
        "shielded": False,
        "cancel_called": False,
        "cancelled": False,
    }
    return ScopeInfo(number=number, **{**plain, **fields})


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "scope s4"),
        ({"kind": "nursery", "tasks": 1}, "nursery s4, 1 task"),
        ({"kind": "nursery", "tasks": 0}, "nursery s4, 0 tasks"),
        ({"timeout": 90.0}, "scope s4, deadline in 1m30s"),
        ({"timeout": -2.0}, "scope s4, deadline 2.0s ago"),
        ({"shielded": True}, "scope s4, shielded"),
        ({"system": True}, "scope s4 of the runtime's own"),
        ({"cancelled": True}, "scope s4, cancelled from outside"),
        (
            {"cancelled": True, "cancel_called": True, "cancelled_by": "task \x1b[31mred"},
            "scope s4, cancelled by task \\x1b[31mred",
        ),
    ],
)
def test_scope_line(fields: dict[str, Any], line: str) -> None:
    """A scope in one line."""
    assert render.scope_line(scope(**fields)) == line


def test_scopes_around() -> None:
    """The innermost ones with who has opened them; the others are counted."""
    lines = list(render.around_lines([scope(1, opened_by=None), *map(scope, range(2, 31))]))
    assert lines[:2] == ["  in scope s1", "  in scope s2, opened by task 2"]
    assert lines[-1] == "  and in 10 more around these"
    assert len(lines) == render.SCOPES_TOLD + 1
    own = [scope(1, system=True), scope(2, system=True)]
    assert list(render.around_lines(own)) == ["  in 2 of the runtime's own"]
    assert list(render.around_lines([scope(3, opened_by=None), *own])) == [
        "  in scope s3",
        "  and in 2 of the runtime's own",
    ]


def test_reach() -> None:
    """What would happen, and what to type for it."""
    reach = ScopeReach(scope=scope(), tasks=((3, "a"), (5, "b\n")), shielded=((6, "c"),))
    assert list(render.reach_lines(reach, "b\n")) == [
        "cancelling scope s4 takes along 2 tasks: 3 (a), 5 (b\\n)",
        "shielded from it, and going on: 1 task: 6 (c)",
        "nothing was cancelled yet: 'cancel b\\n --scope --yes' does it",
    ]


def test_cancelled() -> None:
    """What has happened; of many tasks some are named."""
    many = tuple((number, "t") for number in range(1, 25))
    result = ScopeCancelResult(
        reach=ScopeReach(scope=scope(), tasks=many, shielded=()),
        outcome=CancelOutcome.REQUESTED,
        detail="it was cancelled, but had not been left after 5 s",
    )
    first, second = render.cancelled_lines(result)
    assert first == "scope s4: requested: it was cancelled, but had not been left after 5 s"
    assert second.startswith("it took along 24 tasks: 1 (t), 2 (t), ")
    assert second.endswith(", 20 (t), and 4 more")


def line(depth: int, number: int, name: str, *scopes: ScopeInfo, **fields: Any) -> TreeLine:
    task = TaskInfo(
        number=number, object_id=1, name=name, coroutine=name, state="waiting", **fields
    )
    return TreeLine(depth=depth, node=TreeNode(task=task, children=0, scopes=scopes))


def test_tree() -> None:
    """A task, its scopes each within the one before, and in a nursery its tasks."""
    nursery = scope(7, kind="nursery", tasks=2)
    lines = (
        line(0, 1, "main", scope(6, timeout=60.0), nursery, system=True),
        line(1, 2, "child", scope(8), nursery=7, waits=WaitInfo(kind="event", what="an Event")),
        line(2, 3, "grandchild"),
        line(1, 4, "other", nursery=7, cancelled_by="a deadline"),
        line(0, 5, "lonely"),
    )
    assert list(render.tree_lines(Forest(total=6, lines=lines), 100)) == [
        "1 main  waiting (system)",
        "  scope s6, deadline in 1m00s",
        "    nursery s7, 2 tasks",
        "      2 child [s8]  waiting  waits for an Event",
        "        3 grandchild  waiting",
        "      4 other  waiting!",
        "5 lonely  waiting",
        "5 shown of 6 live tasks: a task, --filter and --depth narrow, --limit 0 shows all",
    ]


def test_deep_tree() -> None:
    """Deeper than the terminal is wide, the depth is a number, and all of it fits."""
    lines = tuple(line(depth, depth + 1, "x" * 200) for depth in range(1_000))
    shown = list(render.tree_lines(Forest(total=1_000, lines=lines), 40))
    assert max(map(len, shown)) <= 40
    assert shown[999].startswith(f"{'(999) ':>20}1000 x")
    assert shown[-1] == "1000 live tasks"


def test_hostile_names() -> None:
    """A task's name controls no terminal, coloured or not."""
    forest = Forest(total=1, lines=(line(0, 1, "a\x1b[2J\nb"),))
    assert next(render.tree_lines(forest, 80)) == "1 a\\x1b[2J\\nb  waiting"
    [coloured, _] = render.tree_lines(forest, 80, color=True)
    assert coloured == "\x1b[1m1 a\\x1b[2J\\nb  waiting\x1b[0m"
