"""What a runtime with cancel scopes tells of them: the `ScopeReader` protocol; imports no runtime.

A scope is named by a small number, given when somebody looks at it and never given again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiomonitor.model import CancelOutcome, ScopeInfo

    from .base import TaskHandle

SCOPES_LIMIT = 1000
"""Scopes told of one task, the innermost ones: as deep as the recursion limit lets code nest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What cancelling a scope would do, by the numbers of tasks: which would be cancelled, and
    which are shielded from it."""

    scope: ScopeInfo
    tasks: tuple[int, ...]
    shielded: tuple[int, ...]


class ScopeReader(Protocol):
    """Reads and cancels the scopes of one run. Any thread; nothing waits for the run but `cancel`,
    which has a time limit."""

    def own(self, task: TaskHandle) -> tuple[ScopeInfo, ...]:
        """Those that the task is in and has opened itself, the outermost first."""
        ...

    def around(self, task: TaskHandle) -> tuple[ScopeInfo, ...]:
        """All that the task is in, the innermost first; `SCOPES_LIMIT` at most."""
        ...

    def nursery_of(self, task: TaskHandle) -> int | None:
        """The number of the nursery that the task was started in."""
        ...

    def nearest(self, task: TaskHandle) -> int | None:
        """The number of the innermost scope or nursery that the task is in, and that belongs to the
        application; None if there is none."""
        ...

    def reach(self, number: int) -> Reach | None:
        """What cancelling the scope of this number would do; None if it has been left."""
        ...

    def cancel(self, number: int, timeout: float) -> CancelOutcome:
        """Cancel the scope, and wait for up to `timeout` seconds until it has been left. In the
        run's own thread it does not wait."""
        ...
