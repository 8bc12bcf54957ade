"""Steps a client's code in the monitored thread, and stops it if asked to; imports no runtime.

The code runs in a task of its own, so that it may await, and all blocks of a console share their
context variables. An interrupt cancels an await; code that computes gets an exception, and nothing
but the typed code does: it is armed only while that code has the thread.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import threading
import types
from typing import TYPE_CHECKING, Any

from aiomonitor.threads import Latch, raise_in_thread

from .stopping import is_for_application

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Coroutine, Generator

TASK_NAME = "aiomonitor console"
"""So that a listing tells whose the task is."""


class ConsoleInterrupt(KeyboardInterrupt):
    """Ctrl-C of a console, so that it is not taken for one at the application's terminal."""


class SteppedEvaluation:
    """One block; see `base.Evaluation`. A runtime's subclass makes a task of `_evaluate`."""

    passes_signals = True
    """Whether what a signal raised in the typed code goes on to the loop, which ends by it."""

    def __init__(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        self._function = function
        self._show_error = show_error
        self.context = context
        self.failed = self.leaving = self.is_started = False
        self._ended = Latch()
        self._interrupted = False
        self._thread_id: int | None = None
        """The loop's thread, while the typed code has it."""
        self._struck = False
        self._missed = False
        """Whether an interrupt of the last step came to nothing: it came too late, or struck a
        callback of the garbage collector's, from which Python lets nothing out."""
        self._is_closed = False  # the loop has ended before us
        # Held for a few instructions: it keeps an interrupt from hitting anybody else's code.
        self._lock = threading.Lock()

    def wait(self, timeout: float) -> bool:
        return self._ended.wait(timeout)

    def _may_start(self) -> bool:
        with self._lock:
            self.is_started = not self._interrupted
        return self.is_started

    def _end(self, *_: object) -> None:
        if not self._ended.is_open:
            self._ended.open()

    def _cancel(self) -> bool:
        """Ask for the await to be cancelled; False if there is no task yet. Any thread."""
        raise NotImplementedError

    def _is_cancellation(self, error: BaseException) -> bool:
        """Whether the runtime raised it in a task that is cancelled."""
        raise NotImplementedError

    async def _evaluate(self) -> None:
        try:
            if self._interrupted:
                raise ConsoleInterrupt
            result = self._step(self._function)
            if inspect.iscoroutine(result):
                if self._missed:
                    result.close()
                    raise ConsoleInterrupt
                await self._steps(result)
        except BaseException as error:
            if self.passes_signals and is_for_application(error):
                raise
            if not self._is_closed:
                self._conclude(error)

    def _conclude(self, error: BaseException) -> None:
        """Show it here, in the loop's thread: an exception's text is the application's code."""
        if isinstance(error, SystemExit):
            self.leaving = True
            return
        self.failed = True
        if isinstance(error, ConsoleInterrupt) or (
            self._interrupted and self._is_cancellation(error)
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
                if self._missed:
                    raise ConsoleInterrupt
            except StopIteration as stop:
                return stop.value
            except ConsoleInterrupt as late:
                if inspect.getcoroutinestate(coroutine) != inspect.CORO_SUSPENDED:
                    raise
                # It struck when the code had just begun to await, or was missed until then.
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
            self._missed = False
            raise

    def _disarm(self) -> None:
        with self._lock:
            self._missed = self._struck
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
            elif not self._cancel() and not self.is_started:
                self._end()
