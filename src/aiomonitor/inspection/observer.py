"""Looks at the whole run for the rules: one `Scene`, and what has to be remembered for the next.

A look is one walk over the tasks, and what deadlocks need. What is kept between looks is bounded.
One thread at a time: `Findings` sees to that.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.frames import symbolise
from aiomonitor.insight.scene import HeldLock, QueueSeries, Scene, Site, Starved, Trouble

from .sightings import Lines, Sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.values import CodePoint, Mishap
    from aiomonitor.insight.graph import WaitGraph
    from aiomonitor.insight.scene import Series
    from aiomonitor.model import FrameInfo, TaskInfo
    from aiomonitor.model.health import Stall
    from aiomonitor.model.shared import Deadlocks
    from aiomonitor.tracking.tracker import Tracker

    from .knots import Knots
    from .shared import SharedLook

LOOKS = 30
"""Looks whose counts are remembered."""
SITES = 500
"""Creation sites, and queues, whose counts are remembered: those with the most."""
STALLS_FOR = 600.0
"""Seconds in which a stall is news."""
LOCKS = 50
"""Locks whose holders are looked at."""
LINKS = 4
"""Tasks, each of which awaits the next, that are followed from a lock's holder."""


class Observer:
    """Makes scenes of one backend's tasks."""

    def __init__(
        self,
        backend: Backend,
        tracker: Tracker,
        knots: Knots,
        shared: SharedLook,
        stalls: Callable[[], tuple[Stall, ...]],
    ) -> None:
        self._backend = backend
        self._tracker = tracker
        self._knots = knots
        self._shared = shared
        self._stalls = stalls
        self._sites: dict[Any, deque[tuple[float, int]]] = {}
        self._queues: dict[int, deque[tuple[float, int]]] = {}
        self._jobs: dict[int, float] = {}
        self._lines = Lines()

    def look(self, *, gently: bool = False) -> Scene:
        """One look; a gentle one leaves the GIL to the application for most of the time."""
        with self._knots.walk.at_pace(gently=gently):
            return self._look()

    def _look(self) -> Scene:
        now = self._backend.now()
        sightings = Sightings(self._backend, self._tracker, now, self._lines)
        graph = self._knots.walk.graph(visit=sightings.note)
        self._lines = sightings.lines()
        found = self._knots.deadlocks(graph)
        return Scene(
            tasks=graph.looked_at,
            deadlocks=found.found,
            waited=self._waited(found, now),
            stalls=self._recent_stalls(),
            waits=sightings.waits(self._knots.labels),
            cancels=sightings.cancels(),
            troubles=self._troubles(now),
            sites=self._site_series(sightings, now),
            locks=self._held_locks(graph, now),
            queues=self._queue_series(now),
            starved=self._starved(now),
        )

    def _recent_stalls(self) -> tuple[Stall, ...]:
        since = time.time() - STALLS_FOR
        return tuple(each for each in self._stalls() if each.started_at > since)

    def _waited(self, found: Deadlocks, now: float) -> dict[int, float]:
        tasks = {task.number: task for each in found.found for task in each.tasks}
        seconds = self._seconds(tasks, now)
        return {
            # In a line that moves, none is stuck.
            number: min(waited, self._lines.still(wait.object_id)) if wait is not None else waited
            for number, waited in seconds.items()
            for wait in (tasks[number].waits,)
        }

    def _seconds(self, numbers: Iterable[int], now: float) -> dict[int, float]:
        """For how long tasks have been seen to wait."""
        clues = self._backend.clues
        seconds: dict[int, float] = {}

        def note(task: Any) -> None:
            since = clues.waited_since(task, now, note=True) if clues is not None else None
            seconds[self._tracker.number(task)] = now - since if since is not None else 0.0

        for _ in self._tracker.visit(sorted(set(numbers)), note):
            pass
        return seconds

    # --- troubles, sites ----------------------------------------------------------------------

    def _troubles(self, now: float) -> tuple[Trouble, ...]:
        clues = self._backend.clues
        grouped: dict[Any, list[Mishap]] = {}
        for each in clues.mishaps() if clues is not None else ():
            grouped.setdefault((each.kind, each.coroutine, each.place), []).append(each)
        return tuple(
            Trouble(
                kind=kind,
                coroutine=coroutine,
                text=mishaps[-1].text,
                place=symbolise(place) if place is not None else None,
                count=len(mishaps),
                seconds=now - mishaps[0].at,
            )
            for (kind, coroutine, place), mishaps in grouped.items()
        )

    def _site_series(self, sightings: Sightings, now: float) -> tuple[Site, ...]:
        # Without those that have none yet: a series begins with what was there, not with 0.
        self._sites = _continued(self._sites, +sightings.sites, now)
        loose = sightings.loose()
        sites = []
        for key in self._sites.keys() | loose.keys():
            place = _place(key)
            told = f"{place.filename}:{place.lineno}" if place is not None else str(key)
            series: Series = tuple(self._sites.get(key, ()))
            sites.append(Site(key=told, place=place, series=series, loose=loose.get(key, ())))
        return tuple(sites)

    # --- locks, queues, the executor ----------------------------------------------------------

    def _held_locks(self, graph: WaitGraph, now: float) -> tuple[HeldLock, ...]:
        wanted = [
            each
            for each in graph.resources.values()
            if each.kind in ("lock", "semaphore") and len(each.holders) == 1 and each.getting
        ][:LOCKS]
        numbers = [number for each in wanted for number in (each.holders[0], each.getting[0])]
        seconds = self._seconds(numbers, now)
        holders = {
            info.number: (info, slow)
            for info in self._knots.describe([each.holders[0] for each in wanted])
            if (slow := self._slow(info)) is not None
        }
        return tuple(
            HeldLock(
                label=self._knots.labels.named(each.object_id, each.what),
                holder=each.holders[0],
                name=found[0].name,
                waits=found[1],
                place=found[0].location,
                seconds=seconds.get(each.holders[0], 0.0),
                waited=max(seconds.get(number, 0.0) for number in each.getting[:1]),
                waiting=len(each.getting),
            )
            for each in wanted
            if (found := holders.get(each.holders[0])) is not None
        )

    def _slow(self, holder: TaskInfo) -> str | None:
        """What holds up who has a lock, in words, through the tasks that it awaits; None if that is
        another lock, whose own holder is told."""
        words: list[str] = []
        task = holder
        while (wait := task.waits) is not None and len(words) < LINKS:
            if wait.kind in ("lock", "semaphore"):
                return None
            words.append(wait.what)
            following = self._knots.describe((wait.tasks or ())[:1] if wait.kind == "task" else ())
            if not following:
                break
            task = following[0]
        return ", which waits for ".join(words) or None

    def _queue_series(self, now: float) -> tuple[QueueSeries, ...]:
        known = {each.object_id: each for each in self._shared.known_queues()}
        sizes = Counter({each.object_id: each.size for each in known.values()})
        self._queues = _continued(self._queues, sizes, now)
        return tuple(
            QueueSeries(
                label=self._knots.labels.of(object_id, known[object_id].type_name),
                limit=known[object_id].limit,
                series=tuple(series),
            )
            for object_id, series in self._queues.items()
        )

    def _starved(self, now: float) -> Starved | None:
        clues = self._backend.clues
        pool = clues.executor() if clues is not None else None
        if pool is None or not pool.queued or len(pool.running) < pool.limit:
            self._jobs = {}
            return None
        self._jobs = {job.key: self._jobs.get(job.key, now) for job in pool.running}
        return Starved(
            limit=pool.limit,
            queued=pool.queued,
            seconds=now - max(self._jobs.values()),
            functions=tuple(job.function for job in pool.running),
        )


def _continued(before: dict[Any, deque[Any]], counts: Counter[Any], now: float) -> dict[Any, Any]:
    """The series with one more count each; of those that are no more, nothing stays."""
    found: dict[Any, deque[Any]] = {}
    for key, count in counts.most_common(SITES):
        series = found[key] = before.get(key) or deque(maxlen=LOOKS)
        series.append((now, count))
    return found


def _place(point: CodePoint | str) -> FrameInfo | None:
    return None if isinstance(point, str) else symbolise(point)
