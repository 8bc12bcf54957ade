"""Cancels asyncio tasks in their loop's thread, while the monitor's threads wait for the outcome.

The loop's thread takes no lock here: it opens latches and reads plain attributes. The lock is for
the monitor's threads among themselves.
"""

from __future__ import annotations

import asyncio
import threading
import time
import weakref
from typing import TYPE_CHECKING

from aiomonitor.model.words import CancelOutcome
from aiomonitor.threads import Latch

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tasks import Reference, Task


def deliver(task: Task) -> CancelOutcome:
    """Cancel, in the loop's thread. Without a message: the application sees what it always sees."""
    try:
        return CancelOutcome.REQUESTED if task.cancel() else CancelOutcome.ALREADY_DONE
    except Exception:  # a task class of the application's own
        return CancelOutcome.UNSUPPORTED


class Request:
    """One cancellation on its way. Only the posted call owns the task, and only until delivery."""

    def __init__(self) -> None:
        self.taken = Latch()
        self.ended = Latch()
        self.waiters = 1
        self.outcome = CancelOutcome.UNRESPONSIVE
        self._task: Reference | None = None

    def deliver(self, task: Task) -> None:
        """In the loop's thread."""
        self._task = weakref.ref(task)
        self.outcome = deliver(task)
        if self.outcome is CancelOutcome.REQUESTED:
            task.add_done_callback(self._on_end)
        self.taken.open()
        self.forget()  # all who asked may have left while the loop was blocked

    def forget(self) -> None:
        """Take the callback off the task if nobody waits any more; in the loop's thread."""
        task = self._task() if self._task else None
        if task is not None and not self.waiters:
            task.remove_done_callback(self._on_end)

    def _on_end(self, _task: Task) -> None:
        self.ended.open()

    def wait(self, timeout: float) -> CancelOutcome:
        """The outcome after up to `timeout` seconds, in a monitor's thread."""
        deadline = time.monotonic() + timeout
        if not self.taken.wait(timeout):
            return CancelOutcome.UNRESPONSIVE
        if self.outcome is not CancelOutcome.REQUESTED:
            return self.outcome
        # Who joins at the moment of delivery may find the callback taken off: so look once more.
        ended = self.ended.wait(deadline - time.monotonic()) or self._is_over()
        return CancelOutcome.ENDED if ended else CancelOutcome.REQUESTED

    def _is_over(self) -> bool:
        task = self._task() if self._task else None
        return task is not None and task.done()


class Canceller:
    """Posts requests to one loop, never two for one task while the first is on its way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        # Weak: a posted request lives by its place in the loop, which closing the loop empties.
        self._posted: weakref.WeakValueDictionary[int, Request] = weakref.WeakValueDictionary()

    def cancel(self, task: Task, timeout: float) -> CancelOutcome:
        """Cancel and wait up to `timeout` seconds; in the loop's own thread, don't wait."""
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001 - documented in its source for this
            return deliver(task)
        if task.done():
            return CancelOutcome.ALREADY_DONE
        try:
            request = self._join(task)
        except RuntimeError:  # the loop is closed
            return CancelOutcome.UNRESPONSIVE
        try:
            return request.wait(timeout)
        finally:
            self._leave(request)

    def _join(self, task: Task) -> Request:
        """The request that is on its way to the task, or a new one."""
        if self._loop.is_closed():
            raise RuntimeError
        with self._lock:
            request = self._posted.get(id(task))
            if request is None or request.taken.is_open:
                request = Request()
                self._loop.call_soon_threadsafe(request.deliver, task)
                self._posted[id(task)] = request
            else:
                request.waiters += 1
        return request

    def _leave(self, request: Request) -> None:
        with self._lock:
            request.waiters -= 1
        if request.waiters or request.ended.is_open or not request.taken.is_open:
            return
        post(self._loop, request.forget)


def post(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> bool:
    """Whether the loop will call it: False once it is closed."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:
        return False
    return True
