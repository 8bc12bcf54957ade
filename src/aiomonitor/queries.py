"""What every surface asks about the application: the one source for terminal, web and scripts.

All of it may be called from any thread, at any time, and answers with the frozen values of `model`.
Nothing here knows a user interface.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from . import lives
from .backends.frames import symbolise
from .errors import TaskNotFoundError
from .model import CancelOutcome, CancelResult, RunStatus, TaskStack, TerminatedPage, ThreadStack
from .pulse import Pulse
from .survey import Survey
from .tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .backends.base import Backend, TaskHandle
    from .backends.life import TaskLife
    from .model import (
        Census,
        EndedSortKey,
        GroupKey,
        GroupPage,
        LoopPulse,
        Outcome,
        SortKey,
        TaskInfo,
        TaskPage,
        TerminatedStack,
        TerminatedTask,
        TreePage,
    )

CANCEL_TIMEOUT = 5.0
"""Seconds that a person is willing to look at a prompt that says nothing."""

_CANCEL_DETAILS = {
    CancelOutcome.ENDED: "it took the cancellation and has ended",
    CancelOutcome.REQUESTED: "the cancellation was delivered, but the task had not ended {after}",
    CancelOutcome.ALREADY_DONE: "it had ended before the request reached it",
    CancelOutcome.UNRESPONSIVE: "its loop is {loop} and did not take the request {after}; "
    "it stays posted and takes effect when the loop runs again ('stacktrace' shows what it does)",
    CancelOutcome.UNSUPPORTED: "this runtime cannot cancel a single task",
}


class Queries:
    """Reads and steers one monitored run; thread-safe."""

    _backend: Backend
    _tracker: Tracker

    def _observe(self, backend: Backend, history: int = 1000) -> None:
        self._backend = backend
        self._tracker = Tracker(backend, history)
        self._survey = Survey(backend, self._tracker)
        self._pulse = Pulse(backend)
        self._started_at = time.time()

    def task_count(self) -> int:
        """How many tasks are live."""
        return self._tracker.count()

    def tasks(
        self,
        *,
        filter: str = "",
        sort: SortKey = "id",
        reverse: bool = False,
        limit: int | None = None,
    ) -> tuple[TaskInfo, ...]:
        """The live tasks whose name or coroutine contains `filter`, without regard to case."""
        page = self.task_page(filter=filter, sort=sort, reverse=reverse, limit=limit)
        return tuple(page.tasks)

    def task_page(
        self,
        *,
        filter: str = "",
        sort: SortKey = "id",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> TaskPage:
        """As `tasks`, from the row `offset` on, with totals, and with rows that are made while they
        are read."""
        return self._tracker.paging.page(
            filter=filter, sort=sort, reverse=reverse, limit=limit, offset=offset
        )

    def census(self) -> Census:
        """The live tasks, counted by state: as dear as a listing, since it looks at each."""
        return self._survey.census()

    def groups(
        self, by: GroupKey = "coroutine", *, filter: str = "", limit: int | None = None
    ) -> GroupPage:
        """The live tasks by what they share, the largest group first."""
        return self._survey.groups(by, filter, limit)

    def group_page(
        self,
        by: GroupKey,
        key: str,
        *,
        filter: str = "",
        sort: SortKey = "id",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> TaskPage:
        """As `task_page`, of the tasks in the group that has this key among `groups(by)`."""
        return self._survey.members(
            by, key, filter=filter, sort=sort, reverse=reverse, limit=limit, offset=offset
        )

    def tree(
        self, parent: int = 0, *, filter: str = "", limit: int | None = None, offset: int = 0
    ) -> TreePage:
        """The live tasks that task number `parent` has created, or that no live task has for 0;
        with a filter, all that match, with their ancestors."""
        return self._survey.tree(parent, filter, limit, offset)

    def status(self) -> RunStatus:
        """What is known of the run without looking at its tasks: cheap."""
        ended, remembered = self._tracker.history.counts()
        return RunStatus(
            runtime=self._backend.runtime,
            loop=self._backend.loop_name,
            loop_state=self._backend.loop_state(),
            started_at=self._started_at,
            recording=not self._backend.not_recording,
            note=self._backend.not_recording,
            created=self._backend.created,
            ended=ended,
            remembered=remembered,
            dropped=self._backend.dropped,
        )

    def pulse(self, wait: float = 0.0) -> LoopPulse:
        """How the loop answers. Each call of this makes it answer once, for which it waits up to
        `wait` seconds; so call it once a second at most, and only while somebody looks."""
        return self._pulse.take(wait)

    def stack(self, task: int | str) -> TaskStack:
        """The await chain of a task, named by its number, its `id()` or its unique name.

        Raises `TaskNotFoundError`.
        """
        return self._tracker.with_task(task, self._stack_of)

    def _stack_of(self, task: TaskHandle) -> TaskStack:
        chain = self._backend.await_chain(task)
        info = self._tracker.describe(task)
        life = self._backend.life_of(task)
        parent, stack = (life.parent, life.stack) if life else (0, ())
        lineage = self._tracker.ancestry.of(f"task {info.number} ({info.name})", parent, stack)
        return TaskStack(
            task=info,
            frames=tuple(map(symbolise, chain.points)),
            awaiting=chain.awaiting,
            note=chain.note,
            ancestry=lineage.steps,
            beginning=lineage.beginning,
            cancellations=lives.cancellations(life, self._teller([life])) if life else (),
        )

    def _teller(self, told: Iterable[TaskLife]) -> lives.Teller:
        """One that knows the names of all tasks which these lives mention."""
        mentioned = {number for life in told for number in lives.people(life)}
        return self._tracker.history.teller(self._tracker.ancestry.labels(mentioned))

    def terminated(
        self,
        *,
        filter: str = "",
        sort: EndedSortKey = "ended",
        reverse: bool = False,
        limit: int | None = None,
    ) -> tuple[TerminatedTask, ...]:
        """The tasks that ended lately, the latest first, whose name or coroutine holds `filter`.

        Empty without the hook (`hook_task_factory=False`).
        """
        page = self.terminated_page(filter=filter, sort=sort, reverse=reverse, limit=limit)
        return page.tasks

    def terminated_page(
        self,
        *,
        filter: str = "",
        outcome: Outcome | None = None,
        sort: EndedSortKey = "ended",
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> TerminatedPage:
        """As `terminated`, from the row `offset` on, with totals, and with a note if nothing is
        being recorded. With an `outcome`, only those that ended so."""
        found = self._tracker.history.select(
            filter=filter,
            outcome=outcome,
            sort=sort,
            reverse=reverse,
            limit=limit,
            offset=offset,
        )
        teller = self._teller(found.lives)
        return TerminatedPage(
            ended=found.ended,
            remembered=found.remembered,
            matched=found.matched,
            dropped=self._backend.dropped,
            tasks=tuple(lives.terminated_task(life, teller) for life in found.lives),
            note=self._backend.not_recording,
        )

    def terminated_stack(self, task: int | str) -> TerminatedStack:
        """How a task ended, by its number or name (the latest of that name).

        Raises `TaskNotFoundError`.
        """
        found = self._tracker.history.find(str(task))
        if not found:
            raise TaskNotFoundError(self._not_terminated(str(task)))
        life, namesakes = found[0], len(found)
        lineage = self._tracker.ancestry.of(
            f"task {life.number} ({life.name})", life.parent, life.stack
        )
        note = f"the latest of {namesakes} remembered tasks of this name" if found[1:] else ""
        return lives.terminated_stack(life, self._teller([life]), lineage, note)

    def _not_terminated(self, reference: str) -> str:
        try:
            self._tracker.with_task(reference, id)
        except TaskNotFoundError as error:
            if self._backend.not_recording:
                return f"how tasks end is not recorded: {self._backend.not_recording}"
            if "has ended" in str(error):
                return f"{error}, and is forgotten: 'ps-terminated' lists what is remembered"
            return f"no ended task {reference!r} is remembered: 'ps-terminated' lists what is"
        return f"task {reference} has not ended: 'where {reference}' shows it"

    def tick(self) -> float | None:
        """What the monitor does from time to time; returns the seconds until the next time, or None
        if there is nothing to do."""
        return self._tracker.history.drain() if self._backend.records else None

    def cancel(self, task: int | str, timeout: float = CANCEL_TIMEOUT) -> CancelResult:
        """Cancel a task in its loop's thread and wait up to `timeout` seconds for it to end.

        Called in the loop's own thread it only delivers the request, since waiting there would keep
        the task from ending. Raises `TaskNotFoundError`, and `ValueError` for a bad timeout.
        """
        if not 0 <= timeout <= threading.TIMEOUT_MAX:
            raise ValueError(f"timeout {timeout} is not a number of seconds from 0 up")

        def request(handle: TaskHandle) -> CancelResult:
            info = self._tracker.describe(handle)
            outcome = self._backend.cancel(handle, timeout)
            detail = _CANCEL_DETAILS[outcome].format(
                after=f"after {timeout:g} s", loop=_loop_words(self._backend.loop_state())
            )
            return CancelResult(task=info, outcome=outcome, detail=detail)

        return self._tracker.with_task(task, request)

    def threads(self) -> tuple[ThreadStack, ...]:
        """What the threads of the process execute now: the monitored loop's thread first."""
        loop_thread = self._backend.loop_thread_id()
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        idents = sorted(sys._current_frames(), key=lambda ident: (ident != loop_thread, ident))  # noqa: SLF001 - documented in the standard library for this use
        return tuple(
            ThreadStack(
                thread_id=ident,
                name=names.get(ident, "unknown"),
                frames=tuple(map(symbolise, self._backend.thread_points(ident))),
                loop_state=self._backend.loop_state() if ident == loop_thread else None,
            )
            for ident in idents
        )


def _loop_words(state: str) -> str:
    return "blocked" if state == "running" else state
