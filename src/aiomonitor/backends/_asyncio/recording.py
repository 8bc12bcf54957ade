"""Puts the task hook on one loop for one monitor, and takes it off, whatever the loop is doing."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

from aiomonitor.threads import Latch

from .cancel import post

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Sequence

    from aiomonitor.backends.life import TaskLife

    from .hook import TaskHook

HOOK_WAIT = 0.5
"""Seconds that starting in another thread waits for the loop: then what it creates next is seen."""

_log = logging.getLogger("aiomonitor")


class Recording:
    """The lives of one loop's tasks; of nothing where `hooked` is false. Any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, hooked: bool) -> None:
        self._loop = loop
        self._hook = _new_hook(loop) if hooked else None
        self.life_of: Callable[[Any], TaskLife | None]
        """What is recorded of a live task."""
        # No method, since a listing asks for each of a hundred thousand tasks.
        self.life_of = self._hook.record if self._hook is not None else _nothing
        self._tried = Latch()
        self._ended = False
        self._counter = itertools.count(1)

    def begin(self) -> None:
        """In the loop's thread, or while the loop does not run; else wait a little for the loop.

        A loop that is blocked for longer takes the hook when it gets on.
        """
        if self._hook is None:
            return
        here = asyncio._get_running_loop() is self._loop  # noqa: SLF001 - documented in its source for this use
        if here or not self._loop.is_running():
            self._install()
        elif post(self._loop, self._install):
            self._tried.wait(HOOK_WAIT)

    def _install(self) -> None:
        if self._hook is None or self._ended:
            return
        try:
            self._hook.install()
        except Exception:  # the application is to start nevertheless
            _log.exception("the task hook cannot be put on: tasks are not tracked")
        self._tried.open()

    def end(self) -> None:
        """Leave the loop as it was found. Idempotent."""
        self._ended = True
        if self._hook is not None:
            self._hook.uninstall()

    @property
    def obstacle(self) -> str:
        """Why nothing is being recorded, in words, or an empty string."""
        if self._hook is None:
            return "the monitor was started with hook_task_factory=False"
        if self._ended:
            return "the monitor is closed"
        if not self._tried.is_open:
            return "the loop is blocked and has not taken the task hook yet"
        return "" if self._hook.active else "the task hook failed and took itself off: see the log"

    def next_number(self) -> int:
        """From the loop's sequence if there is a hook, on the loop or not: none may come twice."""
        return self._hook.next_number() if self._hook is not None else next(self._counter)

    def numbers_of(self, tasks: Sequence[Any]) -> Sequence[int | None] | None:
        """What the hook knows of them, None for a task that it does not; None without a hook."""
        return self._hook.numbers_of(tasks) if self._hook is not None else None

    @property
    def created(self) -> int | None:
        """As in `Backend`."""
        return self._hook.numbered if self._hook is not None else None

    @property
    def wanted(self) -> bool:
        """Whether there is a hook at all, on the loop or not."""
        return self._hook is not None

    def failed(self) -> Sequence[weakref.ref[Any]]:
        """Tasks that ended with an exception."""
        return self._hook.failed() if self._hook is not None else ()

    def drain(self, limit: int) -> Sequence[TaskLife]:
        """As in `Backend`."""
        return self._hook.drain(limit) if self._hook is not None else ()

    @property
    def dropped(self) -> int:
        """As in `Backend`."""
        return self._hook.dropped if self._hook is not None else 0

    def expect_call(self, seconds: float) -> None:
        """As in `Backend`."""
        if self._hook is not None:
            self._hook.expect_call(seconds)

    def silent_for(self) -> float | None:
        """As in `Backend`."""
        return self._hook.silent_for() if self._hook is not None else None


def _new_hook(loop: asyncio.AbstractEventLoop) -> TaskHook:
    from .hook import TaskHook  # where there is to be one

    return TaskHook(loop)


def _nothing(_: Any) -> None:
    return None
