"""Who waits for whom: the graph, and what in it can never go on. Pure functions over numbers.

A task goes on when all tasks that it waits for have gone on (or one of them, where one is enough);
a resource when one of those that have it has. Whatever cannot go on by that is stuck, and what is
stuck because of itself is a circle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from aiomonitor.pacing import breathing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from aiomonitor.model import WaitKind

    Edges = Mapping[int, Sequence[int]]
    """Who waits for whom: numbers of tasks; resources have negative ones."""

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
    places: dict[int, int] = field(default_factory=dict)
    """Which place in a resource's line tasks have, from 0 on, where that is known."""
    lone: list[tuple[int, int]] = field(default_factory=list)
    """Tasks that wait for a future of their own, and its `id()`."""

    def edges(self) -> dict[int, tuple[int, ...]]:
        """What each task waits for: numbers of tasks, and for a resource its `id()`, negative.

        Tuples of numbers, since the garbage collector soon leaves those alone: as many lists would
        make it look at all that the application has.
        """
        found: dict[int, tuple[int, ...]] = {}
        pairs = zip(self.sources, self.targets, strict=True)
        for source, its in groupby(breathing(pairs), itemgetter(0)):
            found[source] = (*found.get(source, ()), *(target for _, target in its))
        for resource in self.resources.values():
            if resource.owners:
                for number in breathing(resource.putting or resource.getting):
                    found[number] = (*found.get(number, ()), -resource.object_id)
                found[-resource.object_id] = tuple(resource.owners)
        return found


def stuck(edges: Edges, any_of: Collection[int]) -> set[int]:
    """What cannot go on, whatever happens outside of the graph. Resources go on with one owner."""
    missing: dict[int, int] = {}
    waiting: list[int] = []  # who waits, link by link
    before: list[int] = []  # and the link before it to the same node
    latest: dict[int, int] = {}
    for node, targets in breathing(edges.items()):
        needed = dict.fromkeys(targets)
        missing[node] = 1 if node < 0 or node in any_of else len(needed)
        for target in needed:
            before.append(latest.get(target, -1))
            latest[target] = len(waiting)
            waiting.append(node)
    free = [node for node in latest if node not in edges]

    def helped() -> Iterator[int]:
        while free:
            link = latest.get(free.pop(), -1)
            while link >= 0:
                yield waiting[link]
                link = before[link]

    for node in breathing(helped()):
        if node in missing:
            missing[node] -= 1
            if missing[node] <= 0:
                del missing[node]
                free.append(node)
    return set(missing)


def rings(edges: Edges, among: set[int]) -> list[list[int]]:
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


def _ring_from(start: int, edges: Edges, among: set[int], done: set[int]) -> list[int] | None:
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


def upstream(edges: Edges, ring: Collection[int], among: set[int]) -> int:
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
    edges: Edges, roots: Collection[int], depth: int | None
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
