"""Draws the graph of who waits for whom: one walk over the tasks, and more where locks need it.

What is kept is numbers, which the garbage collector does not mind, and one object for each resource
up to a limit. Any thread of the monitor.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from typing import TYPE_CHECKING

from aiomonitor.insight.graph import Resource, WaitGraph
from aiomonitor.pacing import offer_gil

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.clues import ClueReader
    from aiomonitor.model import WaitInfo
    from aiomonitor.tracking.tracker import Tracker

    Visit = Callable[[TaskHandle, int, WaitInfo | None], None]

RESOURCES = 20_000
"""Shared objects that are told apart; waits for others are left out."""
LONE = 5000
"""Tasks waiting for a future of their own that are remembered."""
SEARCHED = 20_000
"""Tasks that are searched for what they know; among more, nobody is suspected."""

LOT = 100
"""Tasks between two offers of the GIL, at 15 to 40 µs each."""

GENTLE = 0.008
"""Seconds slept there by walks that nobody waits for: twice to four times what a lot takes."""

LOCKS = ("lock", "semaphore")
SHARED = (*LOCKS, "condition", "event", "barrier", "limiter", "queue", "channel")


class GraphWalk:
    """Walks over one backend's tasks."""

    def __init__(self, backend: Backend, tracker: Tracker) -> None:
        self._backend = backend
        self._tracker = tracker
        self._paces = threading.local()

    @contextlib.contextmanager
    def at_pace(self, *, gently: bool) -> Iterator[None]:
        """What the calling thread walks within this, it walks gently or not."""
        self._paces.gently = gently
        try:
            yield
        finally:
            self._paces.gently = False

    @property
    def _clues(self) -> ClueReader | None:
        return self._backend.clues

    def _walk(self) -> Iterator[TaskHandle]:
        """The live tasks, with the GIL offered more often than for quicker looks."""
        with self._backend.pooled():
            for index, task in enumerate(self._backend.live_tasks()):
                yield task
                del task
                if index % LOT == LOT - 1:
                    if getattr(self._paces, "gently", False):
                        time.sleep(GENTLE)
                    else:
                        offer_gil()

    def graph(self, *, owners: bool = True, visit: Visit | None = None) -> WaitGraph:
        """What there is now; with `owners`, also who has the locks that are waited for. `visit` is
        called with each task on the way."""
        graph = WaitGraph()
        number_of = self._tracker.number
        for task in self._walk():
            graph.looked_at += 1
            number = number_of(task)
            wait = self._backend.wait_of(task, number_of)
            if wait is not None:
                _add(graph, number, wait)
            if visit is not None:
                visit(task, number, wait)
        task = None
        if owners:
            self._find_holders(graph)
            self._find_candidates(graph)
        return graph

    def _find_holders(self, graph: WaitGraph) -> None:
        wanted = {
            each.object_id: each
            for each in graph.resources.values()
            if each.kind in LOCKS and not each.holders
        }
        if self._clues is None or not wanted:
            return
        clues = self._clues
        missing = set(wanted)
        for task in self._walk():
            for object_id, _type_name in clues.holds(task):
                if object_id in wanted:
                    wanted[object_id].holders.append(self._tracker.number(task))
                    wanted[object_id].is_shown = True
                    if wanted[object_id].kind == "lock":  # which one task has
                        missing.discard(object_id)
            if not missing:
                break
        task = None

    def _find_candidates(self, graph: WaitGraph) -> None:
        """Who may have a lock by hand, and who could empty a queue that is full."""
        locks = {
            each.object_id
            for each in graph.resources.values()
            if each.kind in LOCKS and not each.holders
        }
        full = {
            each.object_id for each in graph.resources.values() if each.putting and not each.getting
        }
        clues = self._clues
        if clues is None or not (locks or full) or graph.looked_at > SEARCHED:
            return
        for task in self._walk():
            number = self._tracker.number(task)
            found = [*clues.may_hold(task, locks)] if locks else []
            found += clues.knows(task, full) if full else []
            for object_id in found:
                resource = graph.resources[object_id]
                if number not in resource.waiters:
                    resource.candidates.append(number)
        task = None

    def all_holders(self) -> dict[int, list[tuple[int, str]]]:
        """Every lock that somebody has for sure, by `id()`: numbers of tasks, and its type."""
        found: dict[int, list[tuple[int, str]]] = {}
        clues = self._clues
        for task in self._walk() if clues is not None else ():
            assert clues is not None  # noqa: S101 - for type checkers
            for object_id, type_name in clues.holds(task):
                found.setdefault(object_id, []).append((self._tracker.number(task), type_name))
        task = None
        return found

    def candidates(self, wanted: Collection[int]) -> dict[int, list[int]]:
        """Numbers of the tasks that may have these locks, by what their code looks like."""
        found: dict[int, list[int]] = {}
        clues = self._clues
        if clues is None or not wanted or self._tracker.count() > SEARCHED:
            return found
        for task in self._walk():
            for object_id in clues.may_hold(task, wanted):
                found.setdefault(object_id, []).append(self._tracker.number(task))
        task = None
        return found

    def expiring(self, numbers: Iterable[int]) -> set[int]:
        """Those of these tasks whose wait a timeout will end."""
        clues = self._clues
        if clues is None:
            return set()

        def look(task: TaskHandle) -> int:
            return self._tracker.number(task) if clues.expires(task) else 0

        return set(self._tracker.visit(list(numbers), look)) - {0}

    def forgotten(self, waiting: Collection[tuple[int, list[int]]]) -> list[int]:
        """Those of the objects that nobody knows but the tasks which wait for them: given are their
        `id()` and the numbers of the tasks."""
        clues = self._clues
        numbers = sorted({number for _, numbers in waiting for number in numbers})
        if clues is None or not numbers:
            return []
        found = {
            number: reference
            for reference, number in self._tracker.visit(
                numbers, lambda task: (weakref.ref(task), self._tracker.number(task))
            )
        }
        return [
            object_id
            for object_id, its in waiting
            if all(number in found for number in its)
            and clues.is_forgotten([found[number] for number in its], object_id)
        ]


def _add(graph: WaitGraph, number: int, wait: WaitInfo) -> None:
    if wait.tasks:
        graph.sources += [number] * len(wait.tasks)
        graph.targets += wait.tasks
        if wait.any_of:
            graph.any_of.add(number)
    elif wait.object_id is None:
        return
    elif wait.kind == "future":
        if len(graph.lone) < LONE:
            graph.lone.append((number, wait.object_id))
    elif wait.kind in SHARED:
        resource = graph.resources.get(wait.object_id)
        if resource is None:
            if len(graph.resources) >= RESOURCES:
                return
            resource = graph.resources[wait.object_id] = Resource(
                wait.object_id, wait.kind, wait.what, size=wait.size, limit=wait.limit
            )
            resource.holders += wait.holders or ()
        (resource.putting if wait.putting else resource.getting).append(number)
        if wait.position is not None:
            graph.places[number] = wait.position
