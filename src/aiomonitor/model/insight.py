"""What the figures mean."""

from __future__ import annotations

from dataclasses import dataclass

from .tasks import TaskInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why a task does not go on, in a sentence and as a chain.

    `links` are the task, then what it waits for, and so on; each was looked at in a moment of its
    own. `circle` is the number of the link that the last one waits for: all from there on wait for
    each other. None where the chain has an end.
    """

    links: tuple[TaskInfo, ...]
    circle: int | None
    sentence: str
