"""Runs a client's code in an asyncio loop's thread, one block at a time; see `stepping`."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
import threading
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.stepping import TASK_NAME, SteppedEvaluation

from .cancel import post

if TYPE_CHECKING:
    from collections.abc import Callable

_KEEPS_CONTEXT = sys.version_info >= (3, 11)
"""Whether a task can run in a given context, instead of in a copy."""


class Evaluation(SteppedEvaluation):
    """One block; see `base.Evaluation`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__(function, context, show_error)
        self._loop = loop
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> bool:
        return post(self._loop, functools.partial(self.context.run, self._start))

    @property
    def is_running_here(self) -> bool:
        if self._thread_id != threading.get_ident():
            return False
        return asyncio.current_task(self._loop) is self._task  # an eager task's step is nested

    def _start(self) -> None:
        if not self._may_start():
            return
        # Neither the application's task factory nor its names for tasks; and if its loop ends
        # first, that is no news for it.
        options: Any = {"context": self.context} if _KEEPS_CONTEXT else {}
        self._task = asyncio.Task(self._run(), loop=self._loop, name=TASK_NAME, **options)
        self._task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - see test_drift
        # Not at the end of the coroutine, which never begins if the application cancels all tasks.
        self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        try:
            await self._evaluate()
        finally:
            if not _KEEPS_CONTEXT:
                self.context = contextvars.copy_context()

    def _is_cancellation(self, error: BaseException) -> bool:
        return isinstance(error, asyncio.CancelledError)

    def _cancel(self) -> bool:
        if self._task is None:
            return False
        post(self._loop, self._task.cancel)
        return True
