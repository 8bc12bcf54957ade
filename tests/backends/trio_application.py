"""A trio run to be watched, in a thread of its own; imported where trio is."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import trio
import trio.testing

from aiomonitor.backends import detect
from aiomonitor.backends._trio.backend import TrioBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from .kinds import Kind

_Result = TypeVar("_Result")

PATIENCE = 30.0
"""Seconds after which a test has failed."""


class TrioApplication:
    """The methods of the other applications, for the test's thread."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self._events: dict[str, trio.Event] = {}
        self._released = threading.Event()
        self._ready = threading.Event()
        self.thread = threading.Thread(target=self._run, name="application")
        self.thread.start()
        assert self._ready.wait(PATIENCE)
        backend = detect(self.token)
        assert isinstance(backend, TrioBackend)
        self.backend = backend
        self.backend.attach()

    def _run(self) -> None:
        trio.run(self._main)

    async def _main(self) -> None:
        async with trio.open_nursery() as self.nursery:
            self.token = trio.lowlevel.current_trio_token()
            self._ready.set()
            await trio.sleep_forever()

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Call it in the run's thread and return its result."""
        return trio.from_thread.run_sync(function, trio_token=self.token)

    def run(self, function: Callable[[], Any]) -> Any:
        """Await it in the run and return its result."""
        return trio.from_thread.run(function, trio_token=self.token)

    def spawn(self, name: str, kind: Kind) -> None:
        """A task that waits where its kind says."""
        event = self._events[name] = trio.Event()
        self.call(functools.partial(self.nursery.start_soon, kind, event.wait, name=name))
        self.run(trio.testing.wait_all_tasks_blocked)

    def spawn_stubborn(self, name: str) -> None:
        """A task that would ignore a cancellation, if there were one."""

        async def stubborn(pause: Callable[[], Any]) -> None:
            await pause()

        self.spawn(name, stubborn)

    def finish(self, name: str) -> None:
        """Let the task go on, and end."""
        self.call(self._events.pop(name).set)
        self.run(trio.testing.wait_all_tasks_blocked)

    def block(self) -> None:
        """Block the run until `unblock`."""
        entered = threading.Event()

        def hold() -> None:
            entered.set()
            self._released.wait(PATIENCE)
            self._released.clear()

        self.token.run_sync_soon(hold)
        assert entered.wait(PATIENCE)

    def unblock(self) -> None:
        """Go on; when this returns, the calls posted meanwhile have been made."""
        self._released.set()
        self.call(lambda: None)

    def stop(self) -> None:
        """A run ends once, and for ever."""
        pytest.skip("needs a run that can be stopped and go on: trio's cannot")

    resume = stop

    def abandon(self) -> None:
        """A run ends with its tasks."""
        self.close()

    def close(self) -> None:
        """End the run. Idempotent."""
        self._released.set()
        if self.thread.is_alive():
            self.call(self.nursery.cancel_scope.cancel)
        self.thread.join(PATIENCE)
