"""Lists what tasks share, and the tree of who waits for whom. Any thread of the monitor."""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any

from aiomonitor.insight.graph import Resource, forest
from aiomonitor.listings.ordering import in_order
from aiomonitor.model.shared import AwaitLine, AwaitTree, SharedObject, SharedPage
from aiomonitor.pacing import breathing

from .waitgraph import SHARED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.clues import KnownQueue
    from aiomonitor.insight.graph import WaitGraph
    from aiomonitor.model.shared import Person
    from aiomonitor.tracking.tracker import Tracker

    from .knots import Knots

QUEUES = ("queue", "channel")
TOLD = 100
"""Waiters told of one object."""
SORTED = 2000
"""Waiters of one object that are put in order."""
SAMPLED = 2000
"""Tasks that are searched for queues which nobody waits at."""


class SharedLook:
    """Looks at what the tasks of one backend share."""

    def __init__(self, backend: Backend, tracker: Tracker, knots: Knots) -> None:
        self._backend = backend
        self._tracker = tracker
        self._knots = knots

    def locks(self, limit: int | None) -> SharedPage:
        """All but queues, with those that are held and that nobody waits for."""
        graph = self._knots.walk.graph(owners=False)
        found = {each.object_id: each for each in _of_kinds(graph, set(SHARED) - set(QUEUES))}
        for object_id, holders in self._knots.walk.all_holders().items():
            kind = holders[0][1]
            resource = found.setdefault(
                object_id,
                Resource(object_id, "semaphore" if "Semaphore" in kind else "lock", f"a {kind}"),
            )
            if not resource.holders:
                resource.holders += [number for number, _ in holders]
        return self._page(graph, found.values(), limit)

    def queues(self, limit: int | None) -> SharedPage:
        """Those that somebody waits at, and those that some task knows."""
        graph = self._knots.walk.graph(owners=False)
        found = {each.object_id: each for each in _of_kinds(graph, QUEUES)}
        for each in self.known_queues():
            if each.object_id not in found:
                filled = f"{each.size} of {each.limit}" if each.limit else f"{each.size}"
                found[each.object_id] = Resource(
                    each.object_id,
                    "queue",
                    f"a {each.type_name} ({filled} items)",
                    size=each.size,
                    limit=each.limit,
                )
        return self._page(graph, found.values(), limit)

    def known_queues(self) -> list[KnownQueue]:
        """Those that tasks have at hand, each once; of many tasks, some are searched."""
        clues = self._backend.clues
        found: dict[int, KnownQueue] = {}
        if clues is not None:
            for task in itertools.islice(self._backend.live_tasks(), SAMPLED):
                found.update((each.object_id, each) for each in clues.queues(task))
            task = None
        return list(found.values())

    def _page(
        self, graph: WaitGraph, resources: Collection[Resource], limit: int | None
    ) -> SharedPage:
        chosen = heapq.nlargest(
            len(resources) if limit is None else limit,
            resources,
            key=lambda each: (len(each.waiters), each.size or 0, len(each.holders)),
        )
        told = [(each, _first(each.holders), _in_line(each, graph)) for each in chosen]
        names = self._knots.names(
            {number for _, holders, waiters in told for number in (*holders, *waiters)}
        )

        def people(numbers: list[int]) -> tuple[Person, ...]:
            return tuple((number, names[number]) for number in numbers if number in names)

        return SharedPage(
            looked_at=graph.looked_at,
            found=len(resources),
            objects=tuple(
                self._told(each, people(holders), people(waiters))
                for each, holders, waiters in told
            ),
        )

    def _told(
        self, resource: Resource, holders: tuple[Person, ...], waiters: tuple[Person, ...]
    ) -> SharedObject:
        return SharedObject(
            label=self._knots.labels.named(resource.object_id, resource.what),
            kind=resource.kind,
            object_id=resource.object_id,
            what=resource.what,
            waiting=len(resource.waiters),
            holders=holders,
            waiters=waiters,
            size=resource.size,
            limit=resource.limit,
            getting=len(resource.getting) if resource.kind in QUEUES else 0,
            putting=len(resource.putting),
        )

    # --- the tree -----------------------------------------------------------------------------

    def await_tree(self, top: int | str | None, limit: int | None, depth: int | None) -> AwaitTree:
        """Under a task, itself included, or of all tasks."""
        root = None if top is None else self._tracker.with_task(top, self._tracker.number)
        graph = self._knots.walk.graph()
        edges = _between_tasks(graph)
        lines = breathing(forest(edges, self._roots(edges) if root is None else [root], depth))
        shown = list(itertools.islice(lines, limit))
        total = len(shown) + sum(1 for _ in lines)
        numbers = list(dict.fromkeys(number for _, number, _ in shown))
        infos = self._tracker.visit(numbers, self._tracker.describe)
        known = {info.number: info for info in self._knots.with_holders_of(graph, infos)}
        found: list[Any] = [
            AwaitLine(depth=level, task=known[number], mark=mark)  # type: ignore[arg-type]
            for level, number, mark in shown
            if number in known
        ]
        return AwaitTree(total=total, lines=tuple(found))

    def _roots(self, edges: dict[int, tuple[int, ...]]) -> list[int]:
        """The tasks that no other waits for, and of a circle the first; before all, those that do
        wait for others."""
        awaited = {target for targets in breathing(edges.values()) for target in targets}
        number_of = self._tracker.number
        live = [number_of(task) for task in self._backend.live_tasks(quick=True)]
        numbers = list(in_order(live))
        roots = [number for number in breathing(numbers) if number not in awaited]
        reached = {number for _, number, _ in breathing(forest(edges, roots, None))}
        for number in breathing(numbers):
            if number not in reached:
                roots.append(number)
                reached.update(each for _, each, _ in forest(edges, [number], None))
        waiting = [number for number in breathing(roots) if edges.get(number)]
        return waiting + [number for number in breathing(roots) if not edges.get(number)]


def _first(numbers: Iterable[int]) -> list[int]:
    """So many as are told, each once."""
    return list(itertools.islice(dict.fromkeys(numbers), TOLD))


def _in_line(resource: Resource, graph: WaitGraph) -> list[int]:
    """The first waiters, in the order in which they will get it, where that is known: of very many
    it is not, and sorting them would keep the GIL from the application."""
    places = graph.places
    some = resource.waiters[:SORTED]
    return heapq.nsmallest(TOLD, some, key=lambda each: (places.get(each, 0), each))


def _of_kinds(graph: WaitGraph, kinds: Collection[str]) -> list[Resource]:
    return [each for each in graph.resources.values() if each.kind in kinds]


def _between_tasks(graph: WaitGraph) -> dict[int, tuple[int, ...]]:
    """Each task with those that it waits for, through what they have. Who could empty a queue is
    told where that is one task: whoever knows it might, and a tree of guesses explains nothing."""
    guessed = {
        -each.object_id
        for each in graph.resources.values()
        if each.kind in QUEUES and len(each.owners) > 1
    }
    edges = {node: found for node, found in graph.edges().items() if node not in guessed}
    return {
        number: tuple(
            dict.fromkeys(
                task
                for target in targets
                for task in (edges.get(target, ()) if target < 0 else [target])
            )
        )
        for number, targets in breathing(edges.items())
        if number > 0
    }
