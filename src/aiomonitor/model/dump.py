"""What is written down of a process as a whole, as evidence for later."""

from __future__ import annotations

from dataclasses import dataclass

from .fields import absent
from .findings import Findings
from .health import Health, Stall
from .run import RunStatus
from .shared import AwaitTree, Deadlocks
from .survey import Forest, GroupPage
from .tasks import ThreadStack


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDump:
    """One run: what is wrong with it, who waits for whom, and where its tasks stand.

    `address` is where its monitor listens; empty if it has none, and was looked at in passing: then
    nothing is known of the time before. `awaits` is the tree of waits; where the runtime has
    nurseries, `forest` is theirs instead. `stacks` are the await stacks, each once. What could not
    be told is None, and `notes` say why.
    """

    address: str
    status: RunStatus | None
    tasks: int | None
    findings: Findings | None
    deadlocks: Deadlocks | None
    health: Health | None
    stalls: tuple[Stall, ...]
    stacks: GroupPage | None
    awaits: AwaitTree | None = absent()
    forest: Forest | None = absent()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A process at one moment: `at` is Unix time, `took` seconds. Of the threads, the monitor's own
    are left out."""

    at: float
    took: float
    pid: int
    command: tuple[str, ...]
    python: str
    runs: tuple[RunDump, ...]
    threads: tuple[ThreadStack, ...]
    notes: tuple[str, ...] = ()
