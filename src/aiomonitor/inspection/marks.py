"""Marks, and what is different since: numbers of tasks, and where they were created."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.frames import symbolise
from aiomonitor.errors import NotMarkedError
from aiomonitor.model.changes import Diff, SiteChange

if TYPE_CHECKING:
    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.tracking.tracker import Tracker

MARKS = 20
"""Marks remembered: the last that were set."""


@dataclass(slots=True)
class _Mark:
    at: float
    sites: dict[int, int]
    """The tasks that were live, by number, each with the number of its site."""
    created: int | None


class Marks:
    """The marks of one monitor. Any thread."""

    def __init__(self, backend: Backend, tracker: Tracker) -> None:
        self._backend = backend
        self._tracker = tracker
        self._marks: OrderedDict[str, _Mark] = OrderedDict()
        self._sites: dict[Any, int] = {}
        self._lock = threading.Lock()

    def mark(self, name: str) -> Diff:
        """Remember the tasks that are live now, under a name."""
        with self._lock:
            mark = _Mark(time.time(), self._live(), self._backend.created)
            self._marks.pop(name, None)
            self._marks[name] = mark
            if len(self._marks) > MARKS:
                self._marks.popitem(last=False)
        return Diff(
            name=name,
            marked_at=mark.at,
            age=0.0,
            new=0,
            gone=0,
            still=len(mark.sites),
            passed=None if mark.created is None else 0,
            found=0,
            sites=(),
        )

    def names(self) -> list[str]:
        """Of all marks, the latest last."""
        with self._lock:
            return list(self._marks)

    def diff(self, name: str, limit: int | None) -> Diff:
        """What has changed since the mark of that name."""
        with self._lock:
            mark = self._marks.get(name)
            if mark is None:
                raise NotMarkedError(_not_marked(name, list(self._marks)))
            live = self._live()
        new = live.keys() - mark.sites.keys()
        gone = mark.sites.keys() - live.keys()
        counts = {
            "new": Counter(live[number] for number in new),
            "gone": Counter(mark.sites[number] for number in gone),
            "still": Counter(live[number] for number in live.keys() - new),
        }
        sites = set().union(*counts.values())
        order = sorted(sites, key=lambda site: [-each[site] for each in counts.values()])
        examples = {live[number]: number for number in sorted(live, reverse=True)}
        examples.update((live[number], number) for number in sorted(new, reverse=True))
        passed = None
        if mark.created is not None and self._backend.created is not None:
            passed = max(0, self._backend.created - mark.created - len(new))
        return Diff(
            name=name,
            marked_at=mark.at,
            age=time.time() - mark.at,
            new=len(new),
            gone=len(gone),
            still=len(live) - len(new),
            passed=passed,
            found=len(sites),
            sites=tuple(self._told(site, counts, examples) for site in order[:limit]),
        )

    def _told(
        self, site: int, counts: dict[str, Counter[int]], examples: dict[int, int]
    ) -> SiteChange:
        key = next(each for each, number in self._sites.items() if number == site)
        place = None if isinstance(key, str) else symbolise(key)
        return SiteChange(
            key=key if place is None else f"{place.filename}:{place.lineno} {place.function}",
            place=place,
            new=counts["new"][site],
            gone=counts["gone"][site],
            still=counts["still"][site],
            example=examples.get(site),
        )

    def _live(self) -> dict[int, int]:
        """Numbers alone, which the garbage collector does not mind."""
        found: dict[int, int] = {}
        for task in self._backend.live_tasks():
            site = self._site(task)
            found[self._tracker.number(task)] = self._sites.setdefault(site, len(self._sites))
        task = None
        return found

    def _site(self, task: TaskHandle) -> Any:
        life = self._backend.life_of(task)
        site = self._backend.site_of(life.stack) if life is not None else None
        return site if site is not None else self._backend.names(task)[1]


def _not_marked(name: str, known: list[str]) -> str:
    if not known:
        return "nothing is marked: `mark` remembers the tasks that are there now"
    told = ", ".join(repr(each) if each else "the one without a name" for each in known)
    return f"there is no mark {name!r}: {told}" if name else f"no mark without a name: {told}"
