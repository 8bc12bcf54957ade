"""What a client can do to the tasks: the part of `Queries` that changes something.

All of it may be called from any thread, and waits for the application with a time limit alone.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

from aiomonitor import model
from aiomonitor.errors import ScopeNotFoundError
from aiomonitor.model.words import CancelOutcome

if TYPE_CHECKING:
    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.scopes import Reach, ScopeReader
    from aiomonitor.model import CancelResult, ScopeCancelResult, ScopeReach
    from aiomonitor.tracking.tracker import Tracker

CANCEL_TIMEOUT = 5.0
"""Seconds that a person is willing to look at a prompt that says nothing."""

_CANCEL_DETAILS = {
    CancelOutcome.ENDED: "it took the cancellation and has ended",
    CancelOutcome.REQUESTED: "the cancellation was delivered, but the task had not ended {after}",
    CancelOutcome.ALREADY_DONE: "it had ended before the request reached it",
    CancelOutcome.UNRESPONSIVE: "its loop is {loop} and did not take the request {after}; "
    "it stays posted and takes effect when the loop runs again ('stacktrace' shows what it does)",
    CancelOutcome.UNSUPPORTED: "{runtime} cannot cancel a single task, only a scope with all that "
    "is in it: 'cancel {task} --scope' tells what that would take along",
}

_SCOPE_DETAILS = {
    CancelOutcome.ENDED: "it was cancelled, and has been left",
    CancelOutcome.REQUESTED: "it was cancelled, but had not been left {after}",
    CancelOutcome.ALREADY_DONE: "it had been left before the request reached it",
    CancelOutcome.UNRESPONSIVE: _CANCEL_DETAILS[CancelOutcome.UNRESPONSIVE],
}

_SCOPE_NAME = re.compile(r"s([0-9]{1,15})")
"""How a scope is called in listings."""


class Steering:
    """Cancels tasks and scopes of one monitored run; thread-safe."""

    _backend: Backend
    _tracker: Tracker
    _asked = 0
    _counting = threading.Lock()

    def cancel(self, task: int | str, timeout: float = CANCEL_TIMEOUT) -> CancelResult:
        """Cancel a task in its loop's thread and wait up to `timeout` seconds for it to end.

        Called in the loop's own thread it only delivers the request, since waiting there would keep
        the task from ending. Raises `TaskNotFoundError`, and `ValueError` for a bad timeout.
        """
        _check_timeout(timeout)

        def request(handle: TaskHandle) -> CancelResult:
            info = self._tracker.describe(handle)
            self._count()
            outcome = self._backend.cancel(handle, timeout)
            detail = self._told(_CANCEL_DETAILS[outcome], timeout, info.number)
            return model.CancelResult(task=info, outcome=outcome, detail=detail)

        return self._tracker.with_task(task, request)

    def scope_reach(self, reference: int | str) -> ScopeReach:
        """What `cancel_scope` would take along: see there."""
        found = self._scopes.reach(self._scope_number(reference))
        if found is None:
            raise ScopeNotFoundError(_left(str(reference)))
        if found.scope.system:
            raise ScopeNotFoundError(
                f"{found.scope.kind} s{found.scope.number} is {self._backend.runtime}'s own: "
                "it ends with the main task"
            )
        return self._described(found)

    def cancel_scope(
        self, reference: int | str, timeout: float = CANCEL_TIMEOUT
    ) -> ScopeCancelResult:
        """Cancel a scope in its run's thread, and wait up to `timeout` seconds until it was left.

        It is named as in listings ("s4"), or by a task, whose nearest scope or nursery is meant:
        the innermost one around what it does now. In the run's own thread, this does not wait.

        Raises `TaskNotFoundError`, `ScopeNotFoundError`, and `ValueError` for a bad timeout.
        """
        _check_timeout(timeout)
        reach = self.scope_reach(reference)
        self._count()
        outcome = self._scopes.cancel(reach.scope.number, timeout)
        detail = self._told(_SCOPE_DETAILS[outcome], timeout)
        return model.ScopeCancelResult(reach=reach, outcome=outcome, detail=detail)

    def _count(self) -> None:
        with self._counting:
            self._asked += 1

    @property
    def _scopes(self) -> ScopeReader:
        if self._backend.scopes is None:
            runtime = self._backend.runtime
            raise ScopeNotFoundError(f"{runtime} has no cancel scopes: cancel the task itself")
        return self._backend.scopes

    def _scope_number(self, reference: int | str) -> int:
        scopes = self._scopes
        if named := _SCOPE_NAME.fullmatch(str(reference)):
            return int(named[1])
        number = self._tracker.with_task(reference, scopes.nearest)
        if number is None:
            raise ScopeNotFoundError(
                f"task {reference} is in no scope but the run's own, which ends with the main task"
            )
        return number

    def _described(self, reach: Reach) -> ScopeReach:
        label = self._tracker.ancestry.names({*reach.tasks, *reach.shielded})
        return model.ScopeReach(
            scope=reach.scope,
            tasks=tuple((number, label(number)) for number in reach.tasks),
            shielded=tuple((number, label(number)) for number in reach.shielded),
        )

    def _told(self, detail: str, timeout: float, task: int | None = None) -> str:
        state = self._backend.loop_state()
        return detail.format(
            after=f"after {timeout:g} s",
            loop="blocked" if state == "running" else state,
            runtime=self._backend.runtime,
            task=task,
        )


def _check_timeout(timeout: float) -> None:
    if not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise ValueError(f"timeout {timeout} is not a number of seconds from 0 up")


def _left(reference: str) -> str:
    return f"no task is in scope {reference} any more: 'tree' lists those that there are"
