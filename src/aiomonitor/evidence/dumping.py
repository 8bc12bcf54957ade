"""Writes down what the queries tell of a process, part by part: what fails costs its own part only.

Any thread, also while loops are blocked.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from aiomonitor.backends import frames
from aiomonitor.backends.values import OURS, PACKAGE
from aiomonitor.model.dump import Dump, RunDump
from aiomonitor.queries import Queries
from aiomonitor.queries.threads import thread_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.values import CodePoint
    from aiomonitor.model import Forest, FrameInfo, GroupPage, LoopState, TaskGroup, ThreadStack
    from aiomonitor.model.shared import AwaitTree

_Result = TypeVar("_Result")

TREE_LINES = 2000
"""Tasks in a tree: what an editor opens, of an application that leaks tasks, too."""
STACKS = 200
"""Different stacks, each of some lines."""
STALLS = 20
"""The latest ones."""

RUNNERS: tuple[str, ...] = ()
"""Folders of what runs tests, in tests: two dozen frames of which nobody wants to read."""

THREADS = "aiomonitor"
"""How the names of the monitor's own threads begin."""


class Look(NamedTuple):
    """A run that is looked at, and where its monitor listens; an empty string if it has none."""

    queries: Queries
    backend: Backend
    address: str


class Passing(Queries):
    """Asks about a run without a monitor, and tells nobody else."""

    _logs_findings = False

    def __init__(self, backend: Backend) -> None:
        super().__init__()
        self._observe(backend, 0)

    def look(self) -> Look:
        """At the run."""
        return Look(self, self._backend, "")


def dump_of(looks: Sequence[Look]) -> Dump:
    """The process, with these runs."""
    began, at = time.monotonic(), time.time()
    notes: list[str] = []
    threads = _tried("threads", lambda: _threads(looks), notes)  # before they go on
    return Dump(
        at=at,
        pid=os.getpid(),
        command=tuple(map(str, getattr(sys, "argv", ()))),
        python=sys.version.partition(" ")[0],
        runs=tuple(map(_run, looks)),
        threads=threads or (),
        notes=tuple(notes),
        took=time.monotonic() - began,
    )


def _tried(what: str, part: Callable[[], _Result], notes: list[str]) -> _Result | None:
    """The part; else a note, since evidence that lacks something is better than none."""
    try:
        return part()
    except Exception as error:
        notes.append(f"{what} could not be told: {type(error).__name__}: {error}")
        return None


def _run(look: Look) -> RunDump:
    queries = look.queries
    notes: list[str] = []
    tree = None if look.backend.scopes else _tried("waits", _awaits(queries), notes)
    return RunDump(
        address=look.address,
        status=_tried("the run", queries.status, notes),
        tasks=_tried("the number of tasks", queries.task_count, notes),
        findings=_tried("findings", queries.findings, notes),
        deadlocks=_tried("deadlocks", queries.deadlocks, notes),
        health=_tried("health", queries.health, notes) if look.address else None,
        stalls=_tried("stalls", lambda: queries.stalls(STALLS), notes) or (),
        stacks=_tried("stacks", _stacks(queries), notes),
        awaits=tree,
        forest=_tried("the tree", _forest(queries), notes) if look.backend.scopes else None,
        notes=tuple(notes),
    )


def _stacks(queries: Queries) -> Callable[[], GroupPage]:
    """Without our own frames in the task that waits for this."""

    def told() -> GroupPage:
        page = queries.groups("stack", limit=STACKS)
        return replace(page, groups=tuple(map(_theirs, page.groups)))

    return told


def _theirs(group: TaskGroup) -> TaskGroup:
    frames = group.frames or ()
    return replace(group, frames=frames[: _length([frame.filename for frame in frames])])


def _awaits(queries: Queries) -> Callable[[], AwaitTree]:
    return lambda: queries.await_tree(limit=TREE_LINES)


def _forest(queries: Queries) -> Callable[[], Forest]:
    return lambda: queries.forest(limit=TREE_LINES)


def _threads(looks: Sequence[Look]) -> tuple[ThreadStack, ...]:
    """Those of loops first, then the others; ours are left out."""
    loops: dict[int | None, LoopState] = {
        look.backend.loop_thread_id(): look.backend.loop_state() for look in looks
    }
    points = looks[0].backend.thread_points if looks else frames.thread_points
    all_of_them = thread_stacks(loops, lambda ident: _frames(points(ident)))
    return tuple(each for each in all_of_them if not each.name.startswith(THREADS))


def _frames(points: Sequence[CodePoint]) -> Iterator[FrameInfo]:
    """A thread's stack, without our own frames where it waits for this, nor those of what runs
    tests."""
    files = [point.code.co_filename for point in points]
    end = _length(files)
    outer = (index for index in reversed(range(end)) if files[index].startswith(RUNNERS))
    return map(frames.symbolise, points[next(outer, -1) + 1 : end])


def _length(files: Sequence[str]) -> int:
    """Of a stack without what it has called us for, if that is what it does."""
    ours = len(files)
    while ours and files[ours - 1].startswith(PACKAGE):
        ours -= 1
    return next((i for i in range(ours, len(files)) if files[i] in OURS), len(files))
