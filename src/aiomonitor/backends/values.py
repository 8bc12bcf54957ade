"""The raw values that backends give; imports no runtime."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from types import CodeType

    from aiomonitor.model import TaskState


PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120 - pathlib is slow to import
OURS = tuple(
    os.path.join(PACKAGE, *path.split("/"))  # noqa: PTH118
    for path in (
        *("evidence/__init__.py", "commands/dump.py", "threads.py"),
        *("testing/plugin.py", "testing/leaks.py"),
        *("backends/_asyncio/leaving.py", "backends/_asyncio/expiries.py"),
    )
)
"""Where an application waits for us that calls us itself: what it does is to call us."""


MishapKind = Literal[
    "exception never retrieved", "failure unnoticed", "coroutine never awaited", "task destroyed"
]


class CodePoint(NamedTuple):
    """A place in running code, cheap to take and harmless to keep: no frame, no locals.

    `lasti` is the offset of the last instruction in bytes, or -1 where it is not known.
    """

    code: CodeType
    lasti: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What a runtime knows about one task without walking its stack.

    `cancelled_by` is in words, where the runtime itself tells; `system` says that the task is the
    runtime's own, None where it makes no difference.
    """

    name: str
    coroutine: str
    state: TaskState
    cancelling: int = 0
    cancelled_by: str = ""
    system: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitChain:
    """Where a task stands, outermost first; `awaiting` is the type name of what ends the chain."""

    points: tuple[CodePoint, ...]
    awaiting: str = ""
    note: str = ""


class Mishap(NamedTuple):
    """Something that Python itself noticed, or will: `at` is of `Backend.now`, `place` where that
    was. A failure is unnoticed while somebody keeps the task; after that, Python complains."""

    kind: MishapKind
    at: float
    name: str
    coroutine: str
    text: str
    place: CodePoint | None
