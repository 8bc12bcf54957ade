"""What is different since a mark, and what happens now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from .tasks import FrameInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteChange:
    """The tasks of one creation site since a mark: `new` ones, those `gone`, and those `still`
    there. `key` is the site in words, or the coroutine where nobody saw the tasks being created;
    `example` is the number of a new one, else of one that is still there, else None."""

    key: str
    place: FrameInfo | None
    new: int
    gone: int
    still: int
    example: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What has changed since a mark, the sites with the most new tasks first: the first of `found`.

    `marked_at` is Unix time, `age` seconds. Tasks that came and went in between are in neither
    count; `passed` tells how many, None where that is not recorded.
    """

    name: str
    marked_at: float
    age: float
    new: int
    gone: int
    still: int
    passed: int | None
    found: int
    sites: tuple[SiteChange, ...]


EventKind = Literal["created", "ended", "cancelled", "stalled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent:
    """Something that happened to a task: `at` is Unix time, `text` the rest in words."""

    kind: EventKind
    at: float
    number: int
    name: str
    coroutine: str
    text: str


class Watch(Protocol):
    """Follows one task or several; for one thread at a time."""

    @property
    def is_over(self) -> bool:
        """Whether the one task that is followed has ended."""
        ...

    def look(self) -> list[TaskEvent]:
        """What has happened since the last look, in order."""
        ...
