"""Who waits for whom: the graph, and what in it can never go on. Pure functions over numbers.

A task goes on when all tasks that it waits for have gone on (or one of them, where one is enough);
a resource when one of those that have it has. Whatever cannot go on by that is stuck, and what is
stuck because of itself is a circle.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from aiomonitor.model import WaitKind

RINGS = 100
"""Circles that are told at most."""


@dataclass(slots=True)
class Resource:
    """Something that tasks wait for, and share. `getting` and `putting` are numbers of tasks;
    `holders` have it for sure, `candidates` may have it: by what their code looks like."""

    object_id: int
    kind: WaitKind
    what: str
    getting: list[int] = field(default_factory=list)
    putting: list[int] = field(default_factory=list)
    holders: list[int] = field(default_factory=list)
    candidates: list[int] = field(default_factory=list)
    size: int | None = None
    limit: int | None = None
    is_shown: bool = False
    """Whether the holders were found by the `async with` blocks that they are in."""

    @property
    def waiters(self) -> list[int]:
        """Those at either end."""
        return self.getting + self.putting

    @property
    def owners(self) -> list[int]:
        """Who has to go on before it can be had; nobody, if that is not known."""
        if self.kind in ("queue", "channel"):
            return self.candidates if self.putting else []
        if self.holders:
            return self.holders
        return self.candidates if len(self.candidates) == 1 else []

    @property
    def is_certain(self) -> bool:
        """Whether its owners are all that could give it back."""
        return bool(self.holders) and self.kind == "lock"


@dataclass(slots=True)
class WaitGraph:
    """Edges between the numbers of tasks, in two lists of the same length, and what they share."""

    looked_at: int = 0
    sources: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    any_of: set[int] = field(default_factory=set)
    resources: dict[int, Resource] = field(default_factory=dict)
    lone: list[tuple[int, int]] = field(default_factory=list)
    """Tasks that wait for a future of their own, and its `id()`."""

    def edges(self) -> dict[int, list[int]]:
        """What each task waits for: numbers of tasks, and for a resource its `id()`, negative."""
        found: dict[int, list[int]] = defaultdict(list)
        for source, target in zip(self.sources, self.targets, strict=True):
            found[source].append(target)
        for resource in self.resources.values():
            if resource.owners:
                for number in resource.putting or resource.getting:
                    found[number].append(-resource.object_id)
                found[-resource.object_id] = list(resource.owners)
        return dict(found)


def stuck(edges: dict[int, list[int]], any_of: Collection[int]) -> set[int]:
    """What cannot go on, whatever happens outside of the graph. Resources go on with one owner."""
    waiting_for_me: dict[int, list[int]] = defaultdict(list)
    missing: dict[int, int] = {}
    for node, targets in edges.items():
        needed = list(dict.fromkeys(targets))
        missing[node] = 1 if node < 0 or node in any_of else len(needed)
        for target in needed:
            waiting_for_me[target].append(node)
    free = [node for node in waiting_for_me if node not in edges]
    while free:
        for node in waiting_for_me.get(free.pop(), ()):
            if node in missing:
                missing[node] -= 1
                if missing[node] <= 0:
                    del missing[node]
                    free.append(node)
    return set(missing)


def rings(edges: dict[int, list[int]], among: set[int]) -> list[list[int]]:
    """The circles among nodes that are stuck, each from its smallest task on, resources included.

    One for each group of nodes that reach each other: the first that is come upon.
    """
    found: list[list[int]] = []
    done: set[int] = set()
    for start in sorted(node for node in among if node > 0):
        ring = _ring_from(start, edges, among, done)
        if ring is not None:
            found.append(_from_smallest(ring))
            if len(found) == RINGS:
                break
    return found


def _ring_from(
    start: int, edges: dict[int, list[int]], among: set[int], done: set[int]
) -> list[int] | None:
    """Follow the first edge that stays among the stuck ones; each node is passed once in all."""
    path: dict[int, int] = {}
    node = start
    while node not in done:
        if node in path:
            ring = list(path)[path[node] :]
            done.update(path)
            return ring
        path[node] = len(path)
        node = next(target for target in edges[node] if target in among)
    done.update(path)
    return None


def _from_smallest(ring: list[int]) -> list[int]:
    smallest = min(node for node in ring if node > 0)
    index = ring.index(smallest)
    return ring[index:] + ring[:index]


def upstream(edges: dict[int, list[int]], ring: Collection[int], among: set[int]) -> int:
    """How many stuck tasks outside of a ring lead to it, and to nothing else first."""
    leads = set(ring)
    for start in among:
        path: list[int] = []
        node = start
        while node in among and node not in leads and node not in path:
            path.append(node)
            node = next(target for target in edges[node] if target in among)
        if node in leads:
            leads.update(path)
    return sum(1 for node in leads.difference(ring) if node > 0)


def forest(
    edges: dict[int, list[int]], roots: Collection[int], depth: int | None
) -> Iterator[tuple[int, int, str]]:
    """Tasks in the order of their tree: depth, number, and a mark: "circle" where a branch comes
    back to a task that it has passed, "above" where its branch has been told before."""
    told: set[int] = set()
    path: list[int] = []
    for root in roots:
        todo = [(0, root)]
        while todo:
            level, number = todo.pop()
            del path[level:]
            if number in path:
                yield level, number, "circle"
                continue
            children = edges.get(number, ()) if depth is None or level + 1 < depth else ()
            if number in told and children:
                yield level, number, "above"
                continue
            told.add(number)
            yield level, number, ""
            path.append(number)
            todo += [(level + 1, child) for child in reversed(children)]
