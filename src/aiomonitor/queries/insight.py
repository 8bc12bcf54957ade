"""What explains: who waits for whom, and why tasks do not go on. Part of `Queries`; any thread."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from aiomonitor.inspection.patrol import Patrol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiomonitor.backends.base import Backend
    from aiomonitor.insight.scene import Rule
    from aiomonitor.inspection.diagnosis import Diagnosis
    from aiomonitor.inspection.knots import Knots
    from aiomonitor.inspection.marks import Marks
    from aiomonitor.inspection.shared import SharedLook
    from aiomonitor.model import TaskInfo, Why
    from aiomonitor.model.changes import Diff, Watch
    from aiomonitor.model.findings import FindingCount, Findings
    from aiomonitor.model.health import Stall
    from aiomonitor.model.shared import AwaitTree, Deadlocks, SharedPage
    from aiomonitor.tracking.tracker import Tracker


class InsightQueries:
    """Explains what the tasks of one monitored run wait for."""

    _backend: Backend
    _tracker: Tracker
    _logs_findings = True

    @functools.cached_property
    def _knots(self) -> Knots:
        from aiomonitor.inspection.knots import Knots  # when somebody asks

        return Knots(self._backend, self._tracker)

    @functools.cached_property
    def _shared(self) -> SharedLook:
        from aiomonitor.inspection.shared import SharedLook  # when somebody asks

        return SharedLook(self._backend, self._tracker, self._knots)

    @functools.cached_property
    def _marks(self) -> Marks:
        from aiomonitor.inspection.marks import Marks  # when somebody asks

        return Marks(self._backend, self._tracker)

    @functools.cached_property
    def _diagnosis(self) -> Diagnosis:
        from aiomonitor.inspection.diagnosis import Diagnosis  # with the first judgement
        from aiomonitor.inspection.observer import Observer

        return Diagnosis(
            Observer(self._backend, self._tracker, self._knots, self._shared, self.stalls),
            logs=self._logs_findings,
        )

    if TYPE_CHECKING:  # of `HealthQueries`

        def stalls(self, limit: int | None = None) -> tuple[Stall, ...]: ...

        def stalls_since(self, number: int) -> tuple[Stall, ...]: ...

    def _new_patrol(self) -> Patrol:
        return Patrol(lambda: self._diagnosis, lambda: self._backend.loop_state() != "closed")

    # --- findings -----------------------------------------------------------------------------

    def findings(self) -> Findings:
        """What the rules find now: a fresh look, which takes some seconds for 100 000 tasks."""
        return self._diagnosis.judge()

    def known_findings(self) -> Findings | None:
        """What the last look has found; None before the first one. At once."""
        return self._diagnosis.latest if "_diagnosis" in vars(self) else None

    def finding_counts(self) -> tuple[FindingCount, ...]:
        """How often each rule has found something, and how much of it was there at the last look.
        At once."""
        return self._diagnosis.counts()

    def add_rule(self, rule: Rule) -> None:
        """One more rule for `findings`, or another one in place of that of its name."""
        self._diagnosis.add(rule)

    @property
    def rule_thresholds(self) -> dict[str, float]:
        """From where on each rule finds something, by its name. Change it as you like."""
        return self._diagnosis.thresholds

    # --- changes ------------------------------------------------------------------------------

    def mark(self, name: str = "") -> Diff:
        """Remember which tasks are live now; up to twenty marks, by name."""
        return self._marks.mark(name)

    def diff(self, name: str = "", *, limit: int | None = None) -> Diff:
        """What is new, gone and still there since the mark, by creation site.

        Raises `NotMarkedError`.
        """
        return self._marks.diff(name, limit)

    def watch(self, task: int | str | None = None, *, filter: str = "") -> Watch:
        """Follows one task, or all whose name or coroutine contains `filter`: call its `look` from
        time to time, in one thread at a time. Raises `TaskNotFoundError`."""
        from aiomonitor.inspection.watching import Watcher  # when somebody asks

        number = None if task is None else self._tracker.with_task(task, self._tracker.number)
        return Watcher(
            self._backend, self._tracker, self.stalls_since, number=number, filter=filter
        )

    # --- waits --------------------------------------------------------------------------------

    def why(self, task: int | str) -> Why:
        """What holds a task up: the chain of waits from it to the root, and in a sentence.

        Raises `TaskNotFoundError`.
        """
        from aiomonitor.insight.why import explain  # when somebody asks

        def look(numbers: Sequence[int]) -> Iterator[TaskInfo]:
            return iter(
                self._knots.with_holders(self._tracker.visit(numbers, self._tracker.describe))
            )

        [first] = self._knots.with_holders([self._tracker.with_task(task, self._tracker.describe)])
        return explain(first, look)

    def deadlocks(self) -> Deadlocks:
        """Tasks that wait for each other, or, as a suspicion, for what nobody will ever give them.

        Looks at all tasks: 100 000 take two seconds.
        """
        return self._knots.deadlocks()

    def locks(self, limit: int | None = None) -> SharedPage:
        """The locks, semaphores, conditions, events and barriers that tasks have or wait for, those
        with the most waiters first."""
        return self._shared.locks(limit)

    def queues(self, limit: int | None = None) -> SharedPage:
        """The queues and channels that tasks wait at, or have at hand, as far as can be seen."""
        return self._shared.queues(limit)

    def await_tree(
        self, task: int | str | None = None, *, limit: int | None = None, depth: int | None = None
    ) -> AwaitTree:
        """Who waits for whom, as a tree: under each task those that it waits for, and those that
        have the lock it waits for. Raises `TaskNotFoundError`."""
        return self._shared.await_tree(task, limit, depth)
