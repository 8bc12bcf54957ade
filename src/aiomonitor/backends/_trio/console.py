"""Runs a client's code in a trio run's thread, one block at a time; see `stepping`.

The block runs in a system task, which no nursery of the application's has to wait for, within a
cancel scope of its own: Ctrl-C cancels that, and nothing else.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import trio
import trio.lowlevel

from aiomonitor.backends.stepping import TASK_NAME, SteppedEvaluation

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable


class Evaluation(SteppedEvaluation):
    """One block; see `base.Evaluation`."""

    passes_signals = False  # a system task that raises is taken for a bug of trio's own

    def __init__(
        self,
        token: trio.lowlevel.TrioToken,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__(function, context, show_error)
        self._token = token
        self._scope = trio.CancelScope()
        self._task: trio.lowlevel.Task | None = None

    def begin(self) -> bool:
        return self._post(self._start)

    def _post(self, function: Callable[[], object]) -> bool:
        try:
            self._token.run_sync_soon(function)
        except (trio.RunFinishedError, OSError):  # as in `TrioBackend.call_in_loop`
            return False
        return True

    @property
    def is_running_here(self) -> bool:
        if self._thread_id != threading.get_ident() or not trio.lowlevel.in_trio_task():
            return False
        return trio.lowlevel.current_task() is self._task

    def _start(self) -> None:
        if not self._may_start():
            return
        try:
            self._task = trio.lowlevel.spawn_system_task(
                self._run, name=TASK_NAME, context=self.context
            )
        except RuntimeError:  # the run is ending
            self.failed = True
            self._end()

    async def _run(self) -> None:
        """What a system task raises would end the run."""
        try:
            with self._scope:
                await self._evaluate()
        finally:
            self._end()

    def _is_cancellation(self, error: BaseException) -> bool:
        split: Any = getattr(error, "split", None)  # of a nursery's group, if nothing else is in it
        return isinstance(error, trio.Cancelled) or bool(split and not split(trio.Cancelled)[1])

    def _cancel(self) -> bool:
        return self._task is not None and self._post(self._scope.cancel)
