"""Looks at all live tasks at once: counts, groups, and the tree of who created whom.

Every look is one or two walks over `Backend.live_tasks`. What is kept in between is numbers and
text, and grows with the number of tasks only in plain integers, which the garbage collector does
not mind. Any thread of the monitor.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from aiomonitor.backends.frames import function_name, symbolise
from aiomonitor.backends.values import CodePoint
from aiomonitor.model import (
    Census,
    Forest,
    GroupPage,
    TaskGroup,
    TaskPage,
    TreeLine,
    TreeNode,
    TreePage,
)

from .branches import Branches
from .ordering import Selection, in_order

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from types import CodeType

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.model import FrameInfo, GroupKey, SortKey, TaskState
    from aiomonitor.tracking.tracker import Tracker

_STEPS = 100
"""Ancestors that a path tells at most."""


class Survey:
    """The looks at one backend's tasks."""

    def __init__(self, backend: Backend, tracker: Tracker) -> None:
        self._backend = backend
        self._tracker = tracker
        self._paging = tracker.paging

    def census(self) -> Census:
        """How many tasks are live, and in which state."""
        states: Counter[TaskState] = Counter()
        for task in self._backend.live_tasks():
            states[self._backend.state_of(task)] += 1
        task = None
        states.pop("done", None)  # it has ended since the walk began
        return Census(total=sum(states.values()), states=dict(states))

    # --- groups -------------------------------------------------------------------------------

    def groups(self, by: GroupKey, filter: str, limit: int | None) -> GroupPage:
        """The live tasks whose name or coroutine contains `filter`, by what they share."""
        total = 0
        found: dict[Hashable, _Group] = {}
        key_of = getattr(self, f"_by_{by}")
        matches = self._paging.matcher(filter)
        for task in self._backend.live_tasks():
            total += 1
            if matches(task):
                key = key_of(task)
                group = found.get(key)
                if group is None:
                    group = found[key] = _Group(key, self._tracker.number(task))
                group.add(self._born(task))
        task = None
        chosen = heapq.nlargest(limit or len(found), found.values(), key=lambda each: each.count)
        now = self._backend.now()
        return GroupPage(
            by=by,
            total=total,
            matched=sum(group.count for group in found.values()),
            found=len(found),
            groups=tuple(self._told(group, now) for group in chosen),
        )

    def _told(self, group: _Group, now: float) -> TaskGroup:
        told = group.told(now)
        if not isinstance(group.key, Path):
            return told
        chains = self._tracker.visit([group.example], self._backend.await_chain)
        points = next((chain.points for chain in chains), ())
        if tuple(point.code for point in points) != group.key.codes:
            points = group.key.points()  # the example has gone on
        return dataclasses.replace(told, frames=tuple(map(symbolise, points)))

    def members(
        self,
        by: GroupKey,
        key: str,
        *,
        filter: str,
        sort: SortKey,
        reverse: bool,
        limit: int | None,
        offset: int,
    ) -> TaskPage:
        """The tasks of the group of that key, as `Paging.page` has all tasks."""
        total = matched = 0
        selection = Selection(None if limit is None else limit + offset, reverse=reverse)
        group_of = getattr(self, f"_by_{by}")
        sort_key = self._paging.sort_key(sort)
        matches = self._paging.matcher(filter)
        known: dict[Hashable, bool] = {}  # to symbolise each place once
        for task in self._backend.live_tasks():
            total += 1
            group = group_of(task)
            if group not in known:
                known[group] = _key(group) == key
            if known[group] and matches(task):
                matched += 1
                selection.offer(sort_key(task), matched, task)
        task = None
        return TaskPage(total=total, matched=matched, tasks=self._paging.rows(selection, offset))

    def _by_state(self, task: TaskHandle) -> Hashable:
        return self._backend.state_of(task)

    def _by_coroutine(self, task: TaskHandle) -> Hashable:
        return self._backend.names(task)[1]

    def _by_created_in(self, task: TaskHandle) -> Hashable:
        life = self._backend.life_of(task)
        return (self._backend.site_of(life.stack) if life is not None else None), ""

    def _by_where(self, task: TaskHandle) -> Hashable:
        return self._backend.innermost(task)

    def _by_stack(self, task: TaskHandle) -> Hashable:
        return Path(*self._backend.path(task))

    def _by_functions(self, task: TaskHandle) -> Hashable:
        return Path(self._backend.path(task)[0], None)

    def _born(self, task: TaskHandle) -> float:
        life = self._backend.life_of(task)
        return life.born if life is not None and life.stack else math.inf

    # --- the tree -----------------------------------------------------------------------------

    def tree(self, parent: int, filter: str, limit: int | None, offset: int) -> TreePage:
        """The children of a live task, the roots for 0, or with a filter all that match."""
        parents, matching = self._parents(filter)
        if filter:
            chosen = matching
        elif parent:
            chosen = [each for each, its in parents.items() if its == parent]
        else:
            chosen = [each for each, its in parents.items() if its not in parents]
        end = None if limit is None else offset + limit
        page = list(itertools.islice(in_order(chosen), offset, end))
        shown = set(page)
        # Not all values in one call of `Counter`, which would keep the GIL for 8 ms.
        children = Counter(each for each in parents.values() if each in shown)
        paths = self._paths(page, parents) if filter else {}

        def node(task: TaskHandle) -> TreeNode:
            number = self._tracker.number(task)
            return self._node(task, children[number], tuple(paths.get(number, ())))

        nodes = tuple(self._tracker.visit(page, node))
        return TreePage(parent=parent, total=len(chosen), nodes=nodes)

    def _node(
        self, task: TaskHandle, children: int, path: tuple[tuple[int, str], ...] = ()
    ) -> TreeNode:
        scopes = self._backend.scopes
        return TreeNode(
            task=self._tracker.describe(task),
            children=children,
            path=path,
            scopes=scopes.own(task) if scopes is not None else None,
        )

    def forest(
        self, root: int | str | None, filter: str, limit: int | None, depth: int | None
    ) -> Forest:
        """The tree under a task, itself included, or the whole of it, down to a depth; with a
        filter, what matches and what that is under."""
        top = None if root is None else self._tracker.with_task(root, self._tracker.number)
        branches = Branches(*self._parents(filter), pruned=bool(filter))
        places = dict(itertools.islice(branches.walk(top, depth), limit))

        def line(task: TaskHandle) -> TreeLine:
            number = self._tracker.number(task)
            node = self._node(task, branches.count(number))
            return TreeLine(depth=places[number], node=node)

        return Forest(
            total=branches.total(top), lines=tuple(self._tracker.visit(tuple(places), line))
        )

    def _parents(self, filter: str) -> tuple[dict[int, int], list[int]]:
        """What each live task is under, by number, 0 if nothing; and which tasks match."""
        parents: dict[int, int] = {}
        matching: list[int] = []
        matches = self._paging.matcher(filter)
        for task in self._backend.live_tasks():
            number = self._tracker.number(task)
            parents[number] = self._backend.parent_of(task)
            if filter and matches(task):
                matching.append(number)
        task = None
        return parents, matching

    def _paths(
        self, page: Iterable[int], parents: dict[int, int]
    ) -> dict[int, list[tuple[int, str]]]:
        numbers = {number: _path(number, parents) for number in page}
        above = {each for path in numbers.values() for each in path}
        origins = self._tracker.ancestry.live_origins(above) if above else {}
        return {
            number: [(each, origins[each].name) for each in path if each in origins]
            for number, path in numbers.items()
        }


def _path(number: int, parents: dict[int, int]) -> list[int]:
    """The live ancestors, the root first."""
    path: list[int] = []
    while (number := parents.get(number, 0)) in parents and len(path) < _STEPS:
        path.insert(0, number)
    return path


class Path(NamedTuple):
    """The functions of an await chain, and where the last of them stands, if that matters."""

    codes: tuple[CodeType, ...]
    point: CodePoint | None

    def points(self) -> tuple[CodePoint, ...]:
        """With the lines that are known; else, where the functions begin."""
        begin = tuple(CodePoint(code, -1) for code in self.codes)
        return begin if self.point is None else (*begin[:-1], self.point)

    @property
    def words(self) -> str:
        """The way from function to function."""
        names = [function_name(code) for code in self.codes]
        path = " > ".join(names) if names else "(not known)"
        if self.point is None:
            return path
        place = symbolise(self.point)
        return f"{path} at {place.filename}:{place.lineno}"


class _Group:
    """A group that is being counted."""

    __slots__ = ("born", "count", "example", "key")

    def __init__(self, key: Any, example: int) -> None:
        self.key = key
        self.example = example
        self.count = 0
        self.born = math.inf

    def add(self, born: float) -> None:
        self.count += 1
        self.born = min(born, self.born)

    def told(self, now: float) -> TaskGroup:
        place = None if isinstance(self.key, (str, Path)) else _place(self.key[0])
        return TaskGroup(
            key=_key(self.key),
            count=self.count,
            oldest_age=None if math.isinf(self.born) else now - self.born,
            example=self.example,
            place=place,
        )


def _key(group: Any) -> str:
    """What the tasks of a group have in common, in words."""
    if isinstance(group, Path):
        return group.words
    return group if isinstance(group, str) else _words(_place(group[0]), group[1])


def _place(point: CodePoint | None) -> FrameInfo | None:
    return symbolise(point) if point is not None else None


def _words(place: FrameInfo | None, awaits: str) -> str:
    if place is None:
        return "(not known)"
    where = f"{place.filename}:{place.lineno} {place.function}"
    return f"{where} > {awaits}" if awaits else where
