"""Follows tasks: what was created, cancelled, stalled and ended between one look and the next.

Nothing is hooked for it: each look compares. Any thread of the monitor, one at a time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from aiomonitor.model.changes import TaskEvent
from aiomonitor.render import ending
from aiomonitor.tracking.lives import canceller, created_by, terminated_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.model.changes import EventKind
    from aiomonitor.model.health import Stall
    from aiomonitor.tracking.tracker import Tracker

LATE = 2.0
"""Seconds after which an end is in the history for sure."""


class Watcher:
    """Looks at one task, or at all whose name or coroutine contains `filter`."""

    def __init__(
        self,
        backend: Backend,
        tracker: Tracker,
        stalls_since: Callable[[int], tuple[Stall, ...]],
        *,
        number: int | None = None,
        filter: str = "",
    ) -> None:
        self._backend = backend
        self._tracker = tracker
        self._stalls_since = stalls_since
        self._number = number
        self._filter = filter.casefold()
        self._offset = time.time() - backend.now()
        self._looked = self._began = backend.now()
        self._told: set[tuple[int, float]] = set()
        """Requests to cancel: by which task, and when."""
        self._newest = self._newest_number()
        self._ended: set[int] = set()
        self._last_stall = max((each.number for each in stalls_since(0)), default=0)

    def look(self) -> list[TaskEvent]:
        """What has happened since the last look, in order."""
        now = self._backend.now()
        ended = self._tracker.history.ended_since(self._looked)
        lives = list(filter(self._is_new, ended))
        newest = self._newest
        events = [*self._of_live(), *self._of_stalls()]
        for life in lives:
            events += self._of_ended(life, newest)
        self._ended = {life.number for life in ended}
        self._looked = now
        self._told = {each for each in self._told if self._is_recent(each[1])}
        return sorted(events, key=lambda each: each.at)

    @property
    def is_over(self) -> bool:
        """Whether the one task that is watched has ended."""
        return self._number in self._ended

    def _is_new(self, life: TaskLife) -> bool:
        return life.number not in self._ended and self._matches(
            life.number, life.name, life.coroutine
        )

    def _matches(self, number: int, name: str, coroutine: str) -> bool:
        if self._number is not None:
            return number == self._number
        return self._filter in name.casefold() or self._filter in coroutine.casefold()

    def _newest_number(self) -> int:
        newest = 0
        for task in self._backend.live_tasks(quick=True):
            newest = max(newest, self._tracker.number(task))
        task = None
        return max(newest, self._backend.created or 0)

    # --- live ones ----------------------------------------------------------------------------

    def _of_live(self) -> list[TaskEvent]:
        events: list[TaskEvent] = []
        newest = self._newest
        for task in self._backend.live_tasks(quick=True):
            number = self._tracker.number(task)
            if number > self._newest or self._was_cancelled(task):
                events += self._of_task(task, number)
            newest = max(newest, number)
        task = None
        self._newest = newest
        return events

    def _was_cancelled(self, task: TaskHandle) -> bool:
        life = self._backend.life_of(task)
        return life is not None and any(self._is_recent(each.when) for each in life.cancellations)

    def _is_recent(self, when: float | None) -> bool:
        """Whether it may not have been told: for a moment, a task that has ended is neither among
        the live ones nor in the history."""
        return when is not None and when > max(self._looked - LATE, self._began)

    def _of_task(self, task: TaskHandle, number: int) -> Iterator[TaskEvent]:
        name, coroutine = self._backend.names(task)
        if not self._matches(number, name, coroutine):
            return
        life = self._backend.life_of(task)
        if number > self._newest:
            born = life.born if life is not None and life.stack else self._backend.now()
            yield self._event("created", born, number, name, coroutine, self._creator(life))
        if life is not None:
            yield from self._requests(life, name, coroutine)

    def _creator(self, life: TaskLife | None) -> str:
        teller = self._tracker.history.teller()
        told = created_by(life, teller)
        return f"by {told}" if life is not None and life.stack else told

    def _requests(self, life: TaskLife, name: str, coroutine: str) -> Iterator[TaskEvent]:
        for request in life.cancellations:
            told = (life.number, request.when or 0.0)
            if told in self._told or not self._is_recent(request.when):
                continue
            self._told.add(told)
            by = f"by {canceller(life, request, self._tracker.history.label)}"
            yield self._event("cancelled", told[1], life.number, name, coroutine, by)

    # --- others -------------------------------------------------------------------------------

    def _of_ended(self, life: TaskLife, newest: int) -> Iterator[TaskEvent]:
        if life.number > newest and life.stack:
            by = self._creator(life)
            yield self._event("created", life.born, life.number, life.name, life.coroutine, by)
        yield from self._requests(life, life.name, life.coroutine)
        told = ending(terminated_task(life, self._tracker.history.teller()))
        yield self._event("ended", life.ended, life.number, life.name, life.coroutine, told)

    def _of_stalls(self) -> Iterator[TaskEvent]:
        for stall in self._stalls_since(self._last_stall):
            self._last_stall = max(self._last_stall, stall.number)
            number = stall.task or 0
            if self._matches(number, stall.name, "") or (self._number is None and not self._filter):
                yield TaskEvent(
                    kind="stalled",
                    at=stall.started_at,
                    number=number,
                    name=stall.name,
                    coroutine="",
                    text=stall.sentence,
                )

    def _event(
        self, kind: EventKind, at: float, number: int, name: str, coroutine: str, text: str
    ) -> TaskEvent:
        return TaskEvent(
            kind=kind,
            at=at + self._offset,
            number=number,
            name=name,
            coroutine=coroutine,
            text=text,
        )
