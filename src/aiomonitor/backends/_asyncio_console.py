"""Runs a client's code in an asyncio loop's thread, one block at a time, and stops it if asked to.

The block runs in a task of its own, so that it may await, and all blocks of a console share their
context variables. An interrupt cancels an await; code that computes gets a KeyboardInterrupt, and
nothing but the typed code does: it is armed only while that code has the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import threading
import types
from typing import TYPE_CHECKING, Any

from ._asyncio_cancel import post

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

TASK_NAME = "aiomonitor console"
"""So that a listing tells whose the task is."""


class Evaluation:
    """One block. `begin` and `interrupt` may be called in any thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[[], Any],
        *,
        context: contextvars.Context,
        failed: Callable[[BaseException], None],
        changed: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._function = function
        self._failed = failed
        self._changed = changed
        self.context = context
        """What the block began with, and, once it has ended, what it left."""
        self.started = threading.Event()
        self.ended = threading.Event()
        self.leaving = False
        """Whether it ended by SystemExit."""
        self._task: asyncio.Task[None] | None = None
        self._interrupted = False
        self._thread_id: int | None = None
        # Held for a few instructions: it keeps an interrupt from hitting anybody else's code.
        self._lock = threading.Lock()

    def begin(self) -> bool:
        """Ask the loop to run the block; False if it is closed."""
        return post(self._loop, functools.partial(self.context.run, self._start))

    def _start(self) -> None:
        with self._lock:
            if self._interrupted:
                return
            self.started.set()
            # Neither the application's task factory nor its name for tasks.
            self._task = asyncio.Task(self._run(), loop=self._loop, name=TASK_NAME)

    async def _run(self) -> None:
        try:
            result = self._step(self._function)
            if inspect.iscoroutine(result):
                await self._steps(result)
        except SystemExit:
            self.leaving = True
        except BaseException as error:
            self._report(error)
        self.context = contextvars.copy_context()
        self.ended.set()
        self._changed()

    def _report(self, error: BaseException) -> None:
        """In the loop's thread, as the text of an exception is the application's code."""
        if self._interrupted and isinstance(error, asyncio.CancelledError):
            error = KeyboardInterrupt()
        with contextlib.suppress(BaseException):  # its text cannot be made, or was interrupted
            self._step(functools.partial(self._failed, error))

    @types.coroutine
    def _steps(self, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Drive the coroutine, armed while it has the thread."""
        resume: Callable[[], Any] = lambda: coroutine.send(None)  # noqa: E731 - replaced below
        while True:
            try:
                awaited = self._step(resume)
            except StopIteration as stop:
                return stop.value
            try:
                value = yield awaited
            except BaseException as error:
                thrown = error
                resume = lambda: coroutine.throw(thrown)  # noqa: B023, E731
            else:
                resume = lambda: coroutine.send(value)  # noqa: B023, E731

    def _step(self, function: Callable[[], Any]) -> Any:
        try:
            with self._lock:
                self._thread_id = threading.get_ident()
            return function()
        finally:
            with self._lock:
                _raise_in(self._thread_id, None)  # takes a pending one back
                self._thread_id = None

    def interrupt(self) -> None:
        """Cancel what it awaits, or raise KeyboardInterrupt in what it computes; before its start,
        it never starts. Code that sits in C gets it when it comes back."""
        with self._lock:
            self._interrupted = True
            if self._thread_id is not None:
                _raise_in(self._thread_id, KeyboardInterrupt)
            elif self._task is not None:
                post(self._loop, self._task.cancel)
            elif not self.started.is_set():
                self.ended.set()
                self._changed()


def _raise_in(thread_id: int | None, exception: type[BaseException] | None) -> None:
    if thread_id is None:
        return
    import ctypes

    argument = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), argument)
