"""A scripted life, for tests: what the hook of a real backend would have recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .life import OUTSIDE

if TYPE_CHECKING:
    from types import CodeType

    from .life import Cancellation, Failure, Outcome
    from .values import CodePoint


@dataclass(eq=False, kw_only=True)
class FakeLife:
    """A task's life as the hook of a real backend records it; ended, unless told otherwise."""

    number: int
    name: str = "task"
    coroutine: str = "coroutine"
    born: float = 0.0
    ended: float = 1.0
    stack: tuple[CodePoint, ...] = ()
    parent: int = OUTSIDE
    cancellations: tuple[Cancellation, ...] = ()
    outcome: Outcome = "result"
    failure: Failure | None = None
    cancelling: int = 0
    spawned: bool = True
    code: CodeType | None = None
    is_ended: bool = True
