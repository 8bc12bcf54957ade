"""Finds what holds tasks up, among all of them: deadlocks, and those who wait for nobody.

What is found is looked at a second time before it is told, since the tasks go on meanwhile. Any
thread of the monitor.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

from aiomonitor.insight import deadlocks
from aiomonitor.insight.graph import rings, stuck, upstream
from aiomonitor.insight.labels import Labels
from aiomonitor.model.shared import Deadlocks
from aiomonitor.pacing import breathing

from .waitgraph import SEARCHED, GraphWalk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.insight.graph import Resource, WaitGraph
    from aiomonitor.model import TaskInfo, WaitInfo
    from aiomonitor.model.shared import Deadlock
    from aiomonitor.tracking.tracker import Tracker

TOLD = 100
"""Tasks told of one deadlock."""
FEW = 16
"""Tasks that wait for an object about which it is asked whether anybody else knows it."""
IDLE = ("event", "future")
"""What a main task may well wait for that nobody knows, in order to wait for its cancellation."""
_ROUNDS = 10
CONFIRM = 0.02
"""Seconds between the two readings that a deadlock has to stand."""


class Knots:
    """Looks at the tasks of one backend."""

    def __init__(self, backend: Backend, tracker: Tracker) -> None:
        self._backend = backend
        self._tracker = tracker
        self.walk = GraphWalk(backend, tracker)
        self.labels = Labels()

    # --- one task -----------------------------------------------------------------------------

    def with_holders(self, infos: Iterable[TaskInfo]) -> list[TaskInfo]:
        """The tasks, with the names of the objects that they wait for, and who has those."""
        found = list(infos)
        wanted = {info.waits.object_id for info in found if _lacks_holders(info) and info.waits}
        if not wanted:
            return self._labelled(found)
        sure = {
            object_id: [number for number, _ in holders]
            for object_id, holders in self.walk.all_holders().items()
        }
        perhaps = self.walk.candidates([each for each in wanted if each and each not in sure])
        return self._completed(found, _Holders(sure, perhaps))

    def with_holders_of(self, graph: WaitGraph, infos: Iterable[TaskInfo]) -> list[TaskInfo]:
        """The same, by a graph that knows the owners."""
        resources = graph.resources.values()
        sure = {each.object_id: each.holders for each in resources if each.holders}
        perhaps = {each.object_id: each.candidates for each in resources}
        return self._completed(list(infos), _Holders(sure, perhaps))

    def _completed(self, infos: list[TaskInfo], holders: _Holders) -> list[TaskInfo]:
        lacking = [info for info in infos if _lacks_holders(info)]
        names = self.names({each for info in lacking for each in holders.of(info)})
        return self._labelled([holders.told(info, names) for info in infos])

    def _labelled(self, infos: list[TaskInfo]) -> list[TaskInfo]:
        return [
            dataclasses.replace(info, waits=self.labels.told(info.waits)) if info.waits else info
            for info in infos
        ]

    def names(self, numbers: Iterable[int]) -> dict[int, str]:
        """The names of live tasks."""
        named: dict[int, str] = {}

        def note(task: TaskHandle) -> None:
            named[self._tracker.number(task)] = self._backend.names(task)[0]

        for _ in self._tracker.visit(list(numbers), note):
            pass
        return named

    # --- deadlocks ----------------------------------------------------------------------------

    def deadlocks(self, graph: WaitGraph | None = None) -> Deadlocks:
        """All that are found, in that graph or in a new one."""
        began = time.perf_counter()
        graph = graph or self.walk.graph()
        found = [*self._circles(graph), *self._suspicions(graph)]
        found.sort(key=lambda each: not each.certain)
        return Deadlocks(
            looked_at=graph.looked_at, took=time.perf_counter() - began, found=tuple(found)
        )

    def _circles(self, graph: WaitGraph) -> list[Deadlock]:
        edges = graph.edges()
        for _ in range(_ROUNDS):
            among = stuck(edges, graph.any_of)
            found = rings(edges, among)
            ending = self.walk.expiring({node for ring in found for node in ring if node > 0})
            if not ending:
                break
            for number in ending:  # a timeout lets it go on
                edges.pop(number, None)
        else:
            return []
        told = (self._told(ring, graph, upstream(edges, ring, among)) for ring in found)
        return [each for each in told if each is not None]

    def _told(self, ring: list[int], graph: WaitGraph, waiting: int) -> Deadlock | None:
        """In words, if it is one."""
        tasks = [node for node in ring if node > 0][:TOLD]
        infos = {each.number: each for each in self.describe(tasks)}
        if len(infos) < len(tasks) or not self._is_steady(ring, graph):
            return None
        certain = all(graph.resources[-node].is_certain for node in ring if node < 0)
        return deadlocks.circle([infos[each] for each in tasks], waiting, certain=certain)

    def _is_steady(self, ring: list[int], graph: WaitGraph) -> bool:
        """Whether each task of a ring waits for the next, and has what the one before waits for, at
        one moment.

        Each is read twice, some time apart. Who still waits for the very same future has not moved
        in between: so what was seen of each of them was true of all of them at once.
        """
        links = {node: _Link(node, ring, graph) for node in ring if node > 0}
        first = self._readings(links)
        time.sleep(CONFIRM)
        second = self._readings(links)
        return all(
            first.get(node) is not None and first[node] == second.get(node) for node in links
        )

    def _readings(self, links: dict[int, _Link]) -> dict[int, float | None]:
        """Since when each task waits as its link says; None for one that does not."""
        clues = self._backend.clues
        found: dict[int, float | None] = {}

        def read(task: Any) -> None:
            assert clues is not None  # noqa: S101 - for type checkers
            number = self._tracker.number(task)
            link = links[number]
            since = clues.waited_since(task, self._backend.now(), note=True)
            holds = {object_id for object_id, _ in clues.holds(task)}
            wait = self._backend.wait_of(task, self._tracker.number)
            found[number] = since if link.is_true_of(wait, holds) else None

        for _ in self._tracker.visit(list(links), read) if clues is not None else ():
            pass
        return found

    def describe(self, numbers: Sequence[int]) -> list[TaskInfo]:
        """Live tasks, with the names of the objects that they wait for."""
        found = self._tracker.visit(numbers, self._tracker.describe)
        return self._labelled(list(found))

    # --- suspicions ---------------------------------------------------------------------------

    def _suspicions(self, graph: WaitGraph) -> list[Deadlock]:
        unknown = [each for each in graph.resources.values() if not each.owners]
        waiting = {each.object_id: each.waiters for each in unknown if len(each.waiters) <= FEW}
        waiting |= {object_id: [number] for number, object_id in graph.lone}
        known_idle = self._idle(graph, waiting)
        above = self._above(graph)
        asked = {
            each: [*its, *above(its)] for each, its in waiting.items() if each not in known_idle
        }
        # Twice: a task may have been on its way.
        lost = self.walk.forgotten(asked.items())
        lost = self.walk.forgotten([(each, asked[each]) for each in lost])
        found = self._by_place([waiting[each] for each in lost], deadlocks.nobody_left)
        dead = [
            each.waiters
            for each in unknown
            if _is_left_behind(each) and each.object_id not in lost and not each.candidates
        ]
        if self._backend.clues is not None and graph.looked_at <= SEARCHED:
            found += self._by_place(dead, deadlocks.holder_ended)
        return found

    def _above(self, graph: WaitGraph) -> Callable[[list[int]], list[int]]:
        """Who waits for tasks, and so cannot wake them: at most a few, without a main task, which
        may well wait for ever, and without whom a timeout helps."""
        if graph.looked_at > SEARCHED:
            return lambda _: []
        awaiting: dict[int, list[int]] = {}
        for source, target in breathing(zip(graph.sources, graph.targets, strict=True)):
            if source not in graph.any_of:
                awaiting.setdefault(target, []).append(source)

        def above(numbers: list[int]) -> list[int]:
            found = list(numbers)
            for number in found:  # which grows
                found += [each for each in awaiting.get(number, ()) if each not in found]
                if len(found) > FEW:
                    return []
            added = found[len(numbers) :]
            left_out = self.walk.expiring(added) | self._mains(added) if added else set()
            return [each for each in added if each not in left_out]

        return above

    def _idle(self, graph: WaitGraph, waiting: dict[int, list[int]]) -> set[int]:
        """Objects that a main task waits for so that it never ends."""
        lone = {object_id for _, object_id in graph.lone}
        of_idle = [each for each in waiting if each in lone or graph.resources[each].kind in IDLE]
        mains = self._mains(number for each in of_idle for number in waiting[each])
        return {each for each in of_idle if mains.intersection(waiting[each])}

    def _mains(self, numbers: Iterable[int]) -> set[int]:
        """Those with which the run ends."""
        mains: set[int] = set()
        clues = self._backend.clues

        def note(task: TaskHandle) -> None:
            if clues is not None and clues.is_main(task):
                mains.add(self._tracker.number(task))

        for _ in self._tracker.visit(sorted(set(numbers)), note):
            pass
        return mains

    def _by_place(self, groups: Sequence[Sequence[int]], tell: Any) -> list[Deadlock]:
        """One for all tasks that wait at the same place, and that no timeout helps."""
        numbers = [number for group in groups for number in group]
        ending = self.walk.expiring(numbers)
        places: dict[Any, list[TaskInfo]] = {}
        for info in self.describe([each for each in numbers if each not in ending]):
            if info.waits is not None:
                key = (info.location, info.awaits, info.waits.kind)
                places.setdefault(key, []).append(info)
        return [tell(infos[:TOLD], len(infos)) for infos in places.values()]


def _lacks_holders(info: TaskInfo) -> bool:
    wait = info.waits
    return wait is not None and wait.kind in ("lock", "semaphore") and wait.holders is None


def _is_left_behind(resource: Resource) -> bool:
    """Of semaphores only those with a bound: others may well have begun at 0, as a signal."""
    if resource.kind == "semaphore":
        return " at 0 of " in resource.what
    return resource.kind == "lock" and "that is free" not in resource.what


class _Holders:
    """Who has each lock, by its `id()`: for sure, or perhaps."""

    def __init__(self, sure: dict[int, list[int]], perhaps: dict[int, list[int]]) -> None:
        self._sure = sure
        self._perhaps = perhaps

    def of(self, info: TaskInfo) -> list[int]:
        """Numbers of those that have what this task waits for."""
        object_id = info.waits.object_id if info.waits else None
        if object_id is None:
            return []
        by_hand = [each for each in self._perhaps.get(object_id, ()) if each != info.number]
        return list(dict.fromkeys(self._sure.get(object_id) or by_hand))

    def told(self, info: TaskInfo, names: dict[int, str]) -> TaskInfo:
        """The task with them, if its wait does not say."""
        numbers = self.of(info) if _lacks_holders(info) else []
        if not numbers or info.waits is None:
            return info
        told = " and ".join(f"task {each} ({names.get(each, '')})" for each in numbers)
        told = told if info.waits.object_id in self._sure else f"perhaps {told}"
        wait = dataclasses.replace(info.waits, holders=tuple(numbers), held_by=told)
        return dataclasses.replace(info, waits=wait)


class _Link:
    """What has to be true of a task in a ring: what it waits for, and what it has."""

    def __init__(self, node: int, ring: list[int], graph: WaitGraph) -> None:
        index = ring.index(node)
        self._following = ring[(index + 1) % len(ring)]
        self._holder = ring[(index + 2) % len(ring)]
        before = ring[index - 1]
        resource = graph.resources[-before] if before < 0 else None
        # What is known by the runtime, or only supposed, is not among what the task shows to have.
        self._has = None
        if resource is not None and resource.is_shown:
            self._has = resource.object_id

    def is_true_of(self, wait: WaitInfo | None, holds: set[int]) -> bool:
        """Whether a task waits for this, and has that."""
        if wait is None or (self._has is not None and self._has not in holds):
            return False
        if self._following < 0:
            # Where the runtime tells who has it, that has to be so still: the graph took its time.
            is_held = wait.holders is None or self._holder in wait.holders
            return is_held and wait.object_id == -self._following
        return self._following in (wait.tasks or ())
