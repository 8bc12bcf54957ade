"""What every surface asks about the application: the one source for terminal, web and scripts.

All of it may be called from any thread, at any time, and answers with the frozen values of `model`.
Nothing here knows a user interface.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

from aiomonitor import model
from aiomonitor.backends.frames import symbolise
from aiomonitor.errors import TaskNotFoundError
from aiomonitor.health.pulse import Pulse
from aiomonitor.threads import CpuMeter
from aiomonitor.tracking import lives
from aiomonitor.tracking.tracker import Tracker

from .health import HealthQueries
from .insight import InsightQueries
from .load import LoadQueries
from .steering import CANCEL_TIMEOUT as CANCEL_TIMEOUT
from .steering import Steering
from .threads import thread_stack, thread_stacks
from .totals import TotalQueries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.listings.survey import Survey
    from aiomonitor.model import (
        Census,
        EndedSortKey,
        Forest,
        FrameInfo,
        GroupKey,
        GroupPage,
        LoopPulse,
        LoopState,
        Outcome,
        RunStatus,
        SortKey,
        TaskInfo,
        TaskPage,
        TaskStack,
        TerminatedPage,
        TerminatedStack,
        TerminatedTask,
        ThreadStack,
        TreePage,
    )


class Queries(InsightQueries, HealthQueries, LoadQueries, TotalQueries, Steering):
    """Reads and steers one monitored run; thread-safe."""

    def _observe(self, backend: Backend, history: int = 1000) -> None:
        self._backend = backend
        self._tracker = Tracker(backend, history)
        self._pulse = Pulse(backend)
        self._watchdog = self._new_watchdog()
        self._patrol = self._new_patrol()
        self._serving = CpuMeter()
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

    @functools.cached_property
    def _survey(self) -> Survey:
        from aiomonitor.listings.survey import Survey  # when somebody asks

        return Survey(self._backend, self._tracker)

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
        """The live tasks under task number `parent`, or under no live task for 0; with a filter,
        all that match, with what they are under."""
        return self._survey.tree(parent, filter, limit, offset)

    def forest(
        self,
        task: int | str | None = None,
        *,
        filter: str = "",
        limit: int | None = None,
        depth: int | None = None,
    ) -> Forest:
        """The whole tree, or what is under a task, itself included, down to a `depth`; with a
        filter, the tasks that match and those they are under. Raises `TaskNotFoundError`."""
        return self._survey.forest(task, filter, limit, depth)

    def status(self) -> RunStatus:
        """What is known of the run without looking at its tasks: cheap."""
        ended, remembered = self._tracker.history.counts()
        return model.RunStatus(
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
        return model.TaskStack(
            task=info,
            frames=tuple(map(symbolise, chain.points)),
            awaiting=chain.awaiting,
            note=chain.note,
            ancestry=lineage.steps,
            beginning=lineage.beginning,
            cancellations=lives.cancellations(life, self._teller([life])) if life else (),
            scopes=self._backend.scopes.around(task) if self._backend.scopes else None,
            thread=self._thread_of(info),
        )

    def _thread_of(self, info: TaskInfo) -> ThreadStack | None:
        ident = info.waits.thread if info.waits is not None else None
        return None if ident is None else thread_stack(ident, self._frames_of)

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
        return model.TerminatedPage(
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
        self._serving.begin()
        return self._tracker.history.drain() if self._backend.records else None

    def threads(self) -> tuple[ThreadStack, ...]:
        """What the threads of the process execute now: the monitored loop's thread first."""
        loops: dict[int | None, LoopState] = {
            self._backend.loop_thread_id(): self._backend.loop_state()
        }
        return thread_stacks(loops, self._frames_of)

    def _frames_of(self, ident: int) -> Iterable[FrameInfo]:
        return map(symbolise, self._backend.thread_points(ident))
