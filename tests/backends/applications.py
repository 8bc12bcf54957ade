"""Applications to be watched: a loop in a thread of its own, or the fake's script of one."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from aiomonitor.backends import detect
from aiomonitor.backends.fake import FakeBackend
from aiomonitor.model import CancelOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from aiomonitor.backends.base import Backend, TaskHandle

    from .kinds import Kind

_Result = TypeVar("_Result")

TRIO_OWN = ("<", "trio.", f"{__package__}.")
"""What the names of trio's own tasks, and of the run's main one, begin with."""

PATIENCE = 30.0
"""Seconds after which a test has failed. No test waits for them when all is well."""


def find(backend: Backend, name: str) -> TaskHandle:
    """The live task of that name."""
    found = [task for task in backend.live_tasks() if backend.facts(task).name == name]
    assert len(found) == 1, f"{len(found)} tasks are called {name!r}"
    return found[0]


def names(backend: Backend) -> list[str]:
    """The names of all live tasks that a test has started, sorted."""
    found = (backend.facts(task).name for task in backend.live_tasks())
    return sorted(name for name in found if not name.startswith(TRIO_OWN))


async def stubborn(pause: Callable[[], Any], received: list[str]) -> None:
    """Takes no cancellation seriously but the last one."""
    while "enough" not in received:
        try:
            await pause()
        except asyncio.CancelledError as error:
            received.append(repr(error))


class LoopApplication:
    """Runs in its own thread; the methods are for the test's thread."""

    def __init__(
        self,
        make_loop: Callable[[], asyncio.AbstractEventLoop],
        *,
        eager: bool = False,
        hooked: bool = False,
    ) -> None:
        self.loop = make_loop()
        self.complaints: list[tuple[int, str]] = []
        self.received: list[str] = []
        self.futures: dict[str, asyncio.Future[None]] = {}
        self.thread = threading.Thread(target=self._main, name="application")
        self._again = threading.Event()
        self._stopped = threading.Event()
        self._released = threading.Event()
        self._closing = False
        self._abandons = False
        self.loop.set_exception_handler(self._complain)
        if eager:
            self._be_eager()
        self.thread.start()
        self.call(lambda: None)
        self.backend = detect(self.loop, hooked=hooked)
        self.backend.attach()

    def _be_eager(self) -> None:
        if sys.version_info >= (3, 12):
            self.loop.set_task_factory(asyncio.eager_task_factory)

    def _complain(self, _loop: object, context: dict[str, Any]) -> None:
        self.complaints.append((threading.get_ident(), context["message"]))

    def _main(self) -> None:
        while not self._closing:
            self.loop.run_forever()
            self._stopped.set()
            self._again.wait(PATIENCE)
            self._again.clear()
        if not self._abandons:
            self._end_tasks()
        self.loop.close()

    def _end_tasks(self) -> None:
        self.received.append("enough")
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())

    def call(self, function: Callable[[], _Result]) -> _Result:
        """Call it in the loop's thread and return its result."""
        outcome: Future[_Result] = Future()

        def answer() -> None:
            try:
                outcome.set_result(function())
            except BaseException as error:
                outcome.set_exception(error)

        self.loop.call_soon_threadsafe(answer)
        return outcome.result(PATIENCE)

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """Run it in the loop and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> None:
        """Make a task of it; when this returns it has made its first step."""

        async def create() -> None:
            self.loop.create_task(coroutine).set_name(name)
            await asyncio.sleep(0)

        self.run(create())

    def spawn(self, name: str, kind: Kind) -> None:
        """A task that waits where its kind says."""

        def pause() -> asyncio.Future[None]:
            self.futures[name] = self.loop.create_future()
            return self.futures[name]

        self.start(name, kind(pause))

    def spawn_stubborn(self, name: str) -> None:
        """A task that ignores cancellations, but notes them in `received`."""
        self.spawn(name, functools.partial(stubborn, received=self.received))

    def finish(self, name: str) -> None:
        """Let the task go on, and end."""

        async def go_on() -> None:
            (task,) = (each for each in asyncio.all_tasks() if each.get_name() == name)
            self.futures.pop(name).set_result(None)
            await asyncio.wait([task])

        self.run(go_on())

    def block(self) -> None:
        """Block the loop until `unblock`."""
        entered = threading.Event()

        def hold() -> None:
            entered.set()
            self._released.wait(PATIENCE)
            self._released.clear()

        self.loop.call_soon_threadsafe(hold)
        assert entered.wait(PATIENCE)

    def unblock(self) -> None:
        """Go on; when this returns, the calls posted meanwhile have been made."""
        self._released.set()
        self.run(asyncio.sleep(0))

    def stop(self) -> None:
        """Leave `run_forever`."""
        self._stopped.clear()
        self.loop.call_soon_threadsafe(self.loop.stop)
        assert self._stopped.wait(PATIENCE)

    def resume(self) -> None:
        """Run again after `stop`."""
        self._again.set()
        self.call(lambda: None)

    def orphan(self, name: str) -> None:
        """Take the waiting task away from its last owner, the future that would wake it."""

        def disown() -> None:
            future: Any = self.futures.pop(name)
            for callback, _context in list(future._callbacks or ()):
                future.remove_done_callback(callback)
            if sys.version_info >= (3, 14):  # there the future knows its task by another way, too
                for task in list(future._asyncio_awaited_by):
                    asyncio.future_discard_from_awaited_by(future, task)

        self.call(disown)

    def abandon(self) -> None:
        """Close the loop without ending its tasks."""
        self._abandons = True
        self.close()

    def close(self) -> None:
        """Cancel what is left and close the loop. Idempotent."""
        self._closing = True
        self._released.set()
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._again.set()
        self.thread.join(PATIENCE)


class Forever:
    """What the fake's coroutines await."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class FakeApplication:
    """The same methods, acted out by changing the script."""

    def __init__(self) -> None:
        self.script = FakeBackend()
        self.backend: Backend = self.script
        self.received: list[str] = []
        self.backend.attach()

    def spawn(self, name: str, kind: Kind) -> None:
        """A task that waits where its kind says."""
        coroutine = kind(Forever)
        coroutine.send(None)
        self.script.add(name, suspended=coroutine)

    def spawn_stubborn(self, name: str) -> None:
        """A task that ignores cancellations."""
        self.script.add(name, "stubborn", cancelled=CancelOutcome.REQUESTED)

    def finish(self, name: str) -> None:
        """Let the task end."""
        for task in self.script.tasks:
            if task.name == name:
                self._end(task)

    def _end(self, task: Any) -> None:
        if task.suspended is not None:
            task.suspended.close()
        task.finish()

    def block(self) -> None:
        """Take no posted calls until `unblock`."""
        self.script.blocked = True

    def unblock(self) -> None:
        """Go on."""
        self.script.blocked = False
        self.script.run_posted()

    def stop(self) -> None:
        """Leave the loop."""
        self.script.state = "stopped"

    def resume(self) -> None:
        """Run again after `stop`."""
        self.script.state = "running"
        self.script.run_posted()

    def abandon(self) -> None:
        """Close the loop without ending its tasks."""
        self.script.state = "closed"

    def close(self) -> None:
        """Close the loop. Idempotent."""
        self.script.state = "closed"
        for task in self.script.tasks:
            self._end(task)


if TYPE_CHECKING:
    from .trio_application import TrioApplication

    Application = LoopApplication | FakeApplication | TrioApplication
