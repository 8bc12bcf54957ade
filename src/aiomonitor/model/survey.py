"""All live tasks at once: counts, groups, and the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .fields import absent
from .scopes import ScopeInfo
from .tasks import FrameInfo, TaskInfo, TaskState
from .words import GroupKey

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """The live tasks, counted, and by state."""

    total: int
    states: Mapping[TaskState, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskGroup:
    """Live tasks that have something in common.

    `key` is that in words, and `place` the line of code if it is one. `oldest_age` is in seconds,
    None if nobody saw any of them being created; `example` is the number of one of them. `frames`
    is its await chain, outermost first, where the tasks are grouped by that.
    """

    key: str
    count: int
    oldest_age: float | None
    example: int
    place: FrameInfo | None = None
    frames: tuple[FrameInfo, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPage:
    """The largest groups: `total` tasks are live, `matched` of them pass the filter and are in one
    of `found` groups."""

    by: GroupKey
    total: int
    matched: int
    found: int
    groups: tuple[TaskGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A live task, how many tasks are directly under it, and, in a filtered tree, the numbers and
    names of the live tasks above it, the root first.

    `scopes` are those that it is in and has opened itself, the outermost first; None for a runtime
    that has none.
    """

    task: TaskInfo
    children: int
    path: tuple[tuple[int, str], ...] = ()
    scopes: tuple[ScopeInfo, ...] | None = absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreePage:
    """Some of the live tasks under `parent`, or with 0, of those under no live task; with a filter,
    of all that match. `total` is how many there are.

    A task is under the one that created it, or, where there are nurseries, under the one that has
    opened the nursery which it is in.
    """

    parent: int
    total: int
    nodes: tuple[TreeNode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """A task in a whole tree, at a depth: 0 for a root."""

    depth: int
    node: TreeNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """The tasks in the order of their tree, each one's children after it: the first of `total`."""

    total: int
    lines: tuple[TreeLine, ...]
