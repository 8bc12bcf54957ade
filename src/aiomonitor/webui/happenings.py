"""What happens to tasks, as events of a stream, with numbers: a page sees what was left out."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .views import Look, event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiomonitor.model.changes import TaskEvent, Watch

    Numbered = tuple[int, TaskEvent]

MOST = 100
"""Events that one look tells, in the order in which they happened; the rest is counted."""
KEPT = 300
"""Events for a page that comes later, or that has read slowly."""


@dataclass(frozen=True)
class Happened(Look):
    """What has happened since the first look; `seen` counts all of it. One thread at a time."""

    watch: Watch
    seen: int = 0
    recent: tuple[Numbered, ...] = ()
    since_when: float = field(default_factory=time.time)

    def next(self) -> Happened:
        """Look again."""
        events = self.watch.look()
        numbered = enumerate(events[:MOST], self.seen + 1)
        recent = (*self.recent, *numbered)[-KEPT:]
        return replace(self, seen=self.seen + len(events), recent=recent)

    def whole(self) -> bytes:
        return self._told(self.recent)

    def since(self, last: Look) -> bytes:
        if not isinstance(last, Happened):
            return self.whole()
        new = [each for each in self.recent if each[0] > last.seen]
        return self._told(new) if self.seen > last.seen else b""

    def _told(self, events: Iterable[Numbered]) -> bytes:
        told = {"since": self.since_when, "seen": self.seen, "over": self.watch.is_over}
        return event("happened", {**told, "events": list(events)})
