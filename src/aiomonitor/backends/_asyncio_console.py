"""Runs a client's code in an asyncio loop's thread, one block at a time, and stops it if asked to.

The block runs in a task of its own, so that it may await, and all blocks of a console share their
context variables. An interrupt cancels an await; code that computes gets an exception, and nothing
but the typed code does: it is armed only while that code has the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

from aiomonitor.threads import raise_in_thread

from ._asyncio_cancel import Latch, post
from .stopping import is_for_application

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

TASK_NAME = "aiomonitor console"
"""So that a listing tells whose the task is."""

_KEEPS_CONTEXT = sys.version_info >= (3, 11)
"""Whether a task can run in a given context, instead of in a copy."""


class ConsoleInterrupt(KeyboardInterrupt):
    """Ctrl-C of a console, so that it is not taken for one at the application's terminal."""


class Evaluation:
    """One block; see `base.Evaluation`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        self._loop = loop
        self._function = function
        self._show_error = show_error
        self.context = context
        self.failed = self.leaving = self.is_started = False
        self._ended = Latch()
        self._task: asyncio.Task[None] | None = None
        self._interrupted = False
        self._thread_id: int | None = None
        """The loop's thread, while the typed code has it."""
        self._struck = False
        self._is_closed = False  # the loop has ended before us
        # Held for a few instructions: it keeps an interrupt from hitting anybody else's code.
        self._lock = threading.Lock()

    def begin(self) -> bool:
        return post(self._loop, functools.partial(self.context.run, self._start))

    def wait(self, timeout: float) -> bool:
        return self._ended.wait(timeout)

    @property
    def is_running_here(self) -> bool:
        if self._thread_id != threading.get_ident():
            return False
        return asyncio.current_task(self._loop) is self._task  # an eager task's step is nested

    def _start(self) -> None:
        with self._lock:
            if self._interrupted:
                return
            self.is_started = True
        # Neither the application's task factory nor its names for tasks; and if its loop ends
        # first, that is no news for it.
        options: Any = {"context": self.context} if _KEEPS_CONTEXT else {}
        self._task = asyncio.Task(self._run(), loop=self._loop, name=TASK_NAME, **options)
        self._task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - see test_drift
        # Not at the end of the coroutine, which never begins if the application cancels all tasks.
        self._task.add_done_callback(self._end)

    def _end(self, _task: asyncio.Task[None]) -> None:
        if not self._ended.is_open:
            self._ended.open()

    async def _run(self) -> None:
        try:
            if self._interrupted:
                raise ConsoleInterrupt
            result = self._step(self._function)
            if inspect.iscoroutine(result):
                await self._steps(result)
        except BaseException as error:
            if is_for_application(error):
                raise
            if not self._is_closed:
                self._conclude(error)
        finally:
            if not _KEEPS_CONTEXT:
                self.context = contextvars.copy_context()

    def _conclude(self, error: BaseException) -> None:
        """Show it here, in the loop's thread: an exception's text is the application's code."""
        if isinstance(error, SystemExit):
            self.leaving = True
            return
        self.failed = True
        if isinstance(error, ConsoleInterrupt) or (
            self._interrupted and isinstance(error, asyncio.CancelledError)
        ):
            error = KeyboardInterrupt().with_traceback(error.__traceback__)
        self._interrupted = False
        with contextlib.suppress(Exception, ConsoleInterrupt):  # its text cannot be made
            self._step(functools.partial(self._show_error, error))

    # --- one step of the typed code ------------------------------------------------------------

    @types.coroutine
    def _steps(self, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Drive the coroutine, armed while it has the thread."""
        resume: Callable[[], Any] = functools.partial(coroutine.send, None)
        while True:
            try:
                awaited = self._step(resume)
            except StopIteration as stop:
                return stop.value
            except ConsoleInterrupt as late:
                if inspect.getcoroutinestate(coroutine) != inspect.CORO_SUSPENDED:
                    raise
                # It struck when the code had just begun to await.
                resume = functools.partial(coroutine.throw, late)
                continue
            try:
                resume = functools.partial(coroutine.send, (yield awaited))
            except GeneratorExit:
                self._is_closed = True
                coroutine.close()  # unless the garbage collector has done so before
                raise
            except BaseException as error:
                resume = functools.partial(coroutine.throw, error)

    def _step(self, function: Callable[[], Any]) -> Any:
        try:
            try:
                with self._lock:
                    self._thread_id = threading.get_ident()
                return function()
            finally:
                self._disarm()
        except ConsoleInterrupt:
            self._disarm()  # it may have hit the clean-up itself; there is only one
            raise

    def _disarm(self) -> None:
        with self._lock:
            if self._struck:
                raise_in_thread(self._thread_id, None)  # takes a pending one back
            self._thread_id = None
            self._struck = False

    def interrupt(self) -> None:
        with self._lock:
            self._interrupted = True
            if self._thread_id is not None:
                if not self._struck:
                    self._struck = True
                    raise_in_thread(self._thread_id, ConsoleInterrupt)
            elif self._task is not None:
                post(self._loop, self._task.cancel)
            elif not self.is_started and not self._ended.is_open:
                self._ended.open()
