"""Looks at all live tasks at once: counts, groups, and the tree of who created whom.

Every look is one or two walks over `Backend.live_tasks`. What is kept in between is numbers and
text, and grows with the number of tasks only in plain integers, which the garbage collector does
not mind. Any thread of the monitor.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from .backends.frames import symbolise
from .model import Census, GroupPage, TaskGroup, TaskPage, TreeNode, TreePage
from .ordering import Selection, in_order

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from .backends.base import Backend, CodePoint, TaskHandle
    from .model import FrameInfo, GroupKey, SortKey, TaskState
    from .tracker import Tracker

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
            groups=tuple(group.told(now) for group in chosen),
        )

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
        nodes = tuple(
            TreeNode(
                task=info, children=children[info.number], path=tuple(paths.get(info.number, ()))
            )
            for info in self._tracker.described(page)
        )
        return TreePage(parent=parent, total=len(chosen), nodes=nodes)

    def _parents(self, filter: str) -> tuple[dict[int, int], list[int]]:
        """Each live task's creator, by number, 0 if there is none; and which tasks match."""
        parents: dict[int, int] = {}
        matching: list[int] = []
        matches = self._paging.matcher(filter)
        for task in self._backend.live_tasks():
            number = self._tracker.number(task)
            life = self._backend.life_of(task)
            parents[number] = max(0, life.parent) if life is not None and life.stack else 0
            if filter and matches(task):
                matching.append(number)
            life = None
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
        place = None if isinstance(self.key, str) else _place(self.key[0])
        return TaskGroup(
            key=_key(self.key),
            count=self.count,
            oldest_age=None if math.isinf(self.born) else now - self.born,
            example=self.example,
            place=place,
        )


def _key(group: Any) -> str:
    """What the tasks of a group have in common, in words."""
    return group if isinstance(group, str) else _words(_place(group[0]), group[1])


def _place(point: CodePoint | None) -> FrameInfo | None:
    return symbolise(point) if point is not None else None


def _words(place: FrameInfo | None, awaits: str) -> str:
    if place is None:
        return "(not known)"
    where = f"{place.filename}:{place.lineno} {place.function}"
    return f"{where} > {awaits}" if awaits else where
