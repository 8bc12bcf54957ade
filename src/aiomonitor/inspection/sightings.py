"""What one walk over the tasks notes for the rules: waits by place, cancellations, sites."""

from __future__ import annotations

import math
import weakref
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from aiomonitor.backends.frames import symbolise
from aiomonitor.insight.scene import Cancel, Wait
from aiomonitor.tracking.lives import standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.backends.values import CodePoint
    from aiomonitor.insight.labels import Labels
    from aiomonitor.model import WaitInfo
    from aiomonitor.tracking.tracker import Tracker

KINDS = ("lock", "semaphore", "limiter", "condition", "thread", "queue", "channel")
"""Waits whose places are told apart."""
PLACES = 1000
"""Places told apart at most."""
TOLD = 100
CANCELS = 1000
"""Cancellations looked at."""
CANDIDATES = 1000
"""Tasks asked whether anybody refers to them."""
GROWN_UP = 1.0
"""Seconds after which a task that nobody refers to is not just being made."""
SETTLED = 1.0
"""Seconds after which a task counts for its site, even if somebody looks again at once."""


@dataclass(slots=True)
class _Place:
    """Tasks that wait at one place."""

    wait: WaitInfo
    count: int = 0
    last: float = math.inf  # seconds of the one that began last
    first: float = 0.0
    stayed: int = 0  # those that waited here at the look before
    tasks: list[int] = field(default_factory=list)


class _Crowd(NamedTuple):
    """How many wait at a place, and when one of them was seen to have gone on."""

    waiting: int
    moved: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What a look leaves to the next one, which sees by it which lines have moved."""

    at: float = -math.inf
    crowds: Mapping[Any, _Crowd] = field(default_factory=dict)

    def still(self, object_id: int | None) -> float:
        """Seconds since somebody was seen to get what waits for this; for ever, if unknown."""
        moved = (crowd.moved for key, crowd in self.crowds.items() if key[2] == object_id)
        return self.at - max(moved, default=-math.inf)


class Sightings:
    """Notes tasks one by one, while `GraphWalk` walks."""

    def __init__(
        self, backend: Backend, tracker: Tracker, now: float, before: Lines | None = None
    ) -> None:
        self._backend = backend
        self._tracker = tracker
        self._now = now
        self._before = before or Lines()
        self._lines = Lines()
        self._places: dict[Any, _Place] = {}
        self._cancels: list[Cancel] = []
        self._candidates: list[tuple[Any, int, weakref.ref[TaskHandle]]] = []
        self.sites: Counter[Any] = Counter()
        """Tasks by creation site: a place, or the name of the coroutine. Where their age is known,
        those that were there at the look before: a leak stays, while traffic comes and goes."""

    def note(self, task: TaskHandle, number: int, wait: WaitInfo | None) -> None:
        """One task, and what it waits for."""
        life = self._backend.life_of(task)
        site = self._site(task, life)
        self.sites[site] += life is None or life.born < min(self._before.at, self._now - SETTLED)
        if wait is not None:
            self._note_wait(task, number, wait)
        self._note_cancel(task, number, life)
        if life is not None and self._is_candidate(life, wait):
            self._candidates.append((site, number, weakref.ref(task)))

    def _site(self, task: TaskHandle, life: TaskLife | None) -> CodePoint | str:
        site = self._backend.site_of(life.stack) if life is not None else None
        return site if site is not None else self._backend.names(task)[1]

    def _note_wait(self, task: TaskHandle, number: int, wait: WaitInfo) -> None:
        clues = self._backend.clues
        since = clues.waited_since(task, self._now, note=True) if clues is not None else None
        if wait.kind not in KINDS:
            return
        point, _awaits = self._backend.innermost(task)
        key = (point, wait.kind, wait.object_id if wait.kind != "thread" else None, wait.putting)
        place = self._places.get(key)
        if place is None:
            if len(self._places) >= PLACES:
                return
            place = self._places[key] = _Place(wait)
        seconds = self._now - since if since is not None else 0.0
        place.count += 1
        place.stayed += since is not None and since <= self._before.at
        place.last = min(place.last, seconds)
        place.first = max(place.first, seconds)
        if len(place.tasks) < TOLD:
            place.tasks.append(number)

    def _note_cancel(self, task: TaskHandle, number: int, life: TaskLife | None) -> None:
        if life is None or not life.cancellations or len(self._cancels) >= CANCELS:
            return
        facts = self._backend.facts(task)
        request = standing(life, facts.cancelling)
        clues = self._backend.clues
        if request is None or request.when is None or clues is None or facts.state == "running":
            return
        if self._is_librarys(request.stack):
            return  # a scope's, which takes it back when the task leaves it
        point, _awaits = self._backend.innermost(task)
        self._cancels.append(
            Cancel(
                number=number,
                name=facts.name,
                seconds=self._now - request.when,
                state=clues.cancel_state(task),
                place=symbolise(point) if point is not None else None,
            )
        )

    def _is_librarys(self, stack: tuple[CodePoint, ...]) -> bool:
        """Whether a library asked for it, of itself: anyio's scopes do, from a callback."""
        site = self._backend.site_of(stack)
        if site is None or not stack or site != stack[-1]:
            return False
        return "anyio" in site.code.co_filename

    def _is_candidate(self, life: TaskLife, wait: WaitInfo | None) -> bool:
        return (
            wait is not None
            and bool(life.stack)
            and self._now - life.born > GROWN_UP
            and len(self._candidates) < CANDIDATES
        )

    # --- what was found -----------------------------------------------------------------------

    def lines(self) -> Lines:
        """Which of them have moved since the look before; once all tasks are noted."""
        crowds: dict[Any, _Crowd] = {}
        for key, place in self._places.items():
            crowd = self._before.crowds.get(key)
            moved = self._now
            if crowd is not None and place.stayed >= crowd.waiting:
                moved = crowd.moved
            crowds[key] = _Crowd(place.count, moved)
        self._lines = Lines(at=self._now, crowds=crowds)
        return self._lines

    def waits(self, labels: Labels) -> tuple[Wait, ...]:
        """By place."""
        return tuple(
            Wait(
                kind=each.wait.kind,
                putting=bool(each.wait.putting),
                place=symbolise(key[0]) if key[0] is not None else None,
                what=labels.told(each.wait).what,
                count=each.count,
                seconds=each.last,
                longest=each.first,
                still=self._now - self._lines.crowds[key].moved,
                tasks=tuple(each.tasks),
            )
            for key, each in self._places.items()
        )

    def cancels(self) -> tuple[Cancel, ...]:
        """Those that still stand."""
        return tuple(self._cancels)

    def loose(self) -> dict[Any, tuple[int, ...]]:
        """Tasks that nobody refers to, by site, but those that a library made. Once the walk has
        let go of its tasks."""
        clues = self._backend.clues
        found: dict[Any, list[int]] = defaultdict(list)
        for site, number, reference in self._candidates:
            if clues is not None and clues.is_loose(reference):
                found[site].append(number)
        return {site: tuple(numbers) for site, numbers in found.items()}
