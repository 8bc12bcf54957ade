"""Watches one asyncio event loop: the stdlib's, uvloop's, or another one of the same interface."""

from __future__ import annotations

import asyncio
import asyncio.events
import contextlib
import functools
import itertools
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, cast

from aiomonitor.backends import frames, lending
from aiomonitor.backends.ownership import Releaser
from aiomonitor.backends.reading import ChainReader
from aiomonitor.backends.values import AwaitChain, CodePoint

from . import running, tasks
from .cancel import Canceller, post
from .mishaps import Mishaps
from .recording import Recording

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import CodeType

    from typing_extensions import TypeIs

    from aiomonitor.backends.base import Evaluation, TaskHandle
    from aiomonitor.backends.clues import ClueReader
    from aiomonitor.backends.meters import Meter
    from aiomonitor.backends.values import TaskFacts
    from aiomonitor.model import CancelOutcome, LoopState, TaskState, WaitInfo

    from .tasks import Task
    from .waits import Waits

_serial = itertools.count(1)

NO_STACK = "The task is running, in code whose frames cannot be read."
ENDED = "The task has ended."


def event_loop_here() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread, else the thread's current one unless that is closed.

    `asyncio.get_event_loop()` would create one or warn, so this looks where the policies keep it.
    """
    running = asyncio._get_running_loop()  # noqa: SLF001 - documented in its source for this use
    if running is not None:
        return running
    # None until a policy was needed; `get_event_loop_policy()` would make one, or warn (3.14).
    policy = getattr(asyncio.events, "_event_loop_policy", None)
    current = getattr(getattr(policy, "_local", None), "_loop", None)
    return current if is_event_loop(current) and not current.is_closed() else None


def is_event_loop(thing: object) -> TypeIs[asyncio.AbstractEventLoop]:
    """Whether it is of the kind that this module watches."""
    return isinstance(thing, asyncio.AbstractEventLoop)


class AsyncioBackend:
    """The `Backend` of one event loop; what each method promises is said there."""

    scopes = None
    trimmed = staticmethod(running.trimmed)
    is_resting = staticmethod(running.is_resting)
    awaits_idleness = staticmethod(running.awaits_idleness)

    def __init__(self, loop: asyncio.AbstractEventLoop, *, hooked: bool = False) -> None:
        self._loop = loop
        self._recording = Recording(loop, hooked=hooked)
        self.life_of = self._recording.life_of
        self._thread_id: int | None = None
        self._releaser = Releaser(self.call_in_loop)
        self.pooled = self._releaser.pooled
        self._canceller = Canceller(loop)
        # A number is ours alone: another monitor of this loop counts for itself.
        self._number_name = f"_aiomonitor_number_{next(_serial)}"
        self._numbers: weakref.WeakKeyDictionary[TaskHandle, int] = weakref.WeakKeyDictionary()
        self._in_library = frames.library_test(*_library_paths(self.runtime))
        self._reader = ChainReader(self._releaser, self._in_library)
        self._mishaps = Mishaps(loop, self.now)
        self.site_of, self.thread_points = self._reader.site, self._reader.thread
        self.next_number, self.drain = self._recording.next_number, self._recording.drain
        self.task_here = running.task_here
        self.expect_call = self._recording.expect_call
        self.running_task = running.Running(self._reader, loop).task

    @property
    def runtime(self) -> str:
        modules = {base.__module__.partition(".")[0] for base in type(self._loop).__mro__}
        return "uvloop" if "uvloop" in modules else "asyncio"

    @property
    def loop_name(self) -> str:
        kind = type(self._loop)
        return f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"

    @property
    def created(self) -> int | None:
        return self._recording.created

    def attach(self) -> None:
        if self._recording.wanted:
            self._mishaps.begin()
        self._recording.begin()
        self.loop_thread_id()
        if not hasattr(self._loop, "_thread_id"):
            self.call_in_loop(self._note_thread)  # now or when it runs, only the loop can tell

    def detach(self) -> None:
        self._mishaps.end()
        self._recording.end()
        if self._loop.is_closed():
            self._releaser.abandon()

    def live_tasks(self, *, quick: bool = False) -> Generator[TaskHandle, None, None]:
        found = tasks.references(self._loop, self._releaser)
        size = lending.LARGE_CHUNK if quick else lending.CHUNK
        return lending.lend(found, self._ours, self._releaser, size)

    def live_chunks(self, *, quick: bool = False) -> Generator[list[TaskHandle], None, None]:
        found = tasks.references(self._loop, self._releaser)
        size = lending.LARGE_CHUNK if quick else lending.CHUNK
        return lending.lend_chunks(found, self._ours, self._releaser, size)

    def borrow(
        self, references: Iterable[weakref.ref[TaskHandle]]
    ) -> Generator[TaskHandle, None, None]:
        found = cast("Iterable[tasks.Reference]", references)
        return lending.lend(found, tasks.live_ones, self._releaser, lending.SMALL_CHUNK)

    def _ours(self, held: Sequence[Any]) -> list[object]:
        """The live tasks of our loop. One call per chunk: one per task would cost twice as much."""
        loop = self._loop
        return [
            task
            for task in held
            if task is not None and task.get_loop() is loop and not task.done()
        ]

    @property
    def records(self) -> bool:
        return self._recording.wanted

    @property
    def not_recording(self) -> str:
        return self._recording.obstacle

    @property
    def dropped(self) -> int:
        return self._recording.dropped

    def parent_of(self, task: TaskHandle) -> int:
        life = self.life_of(task)
        return max(0, life.parent) if life is not None and life.stack else 0

    def wait_of(self, task: TaskHandle, number: Callable[[TaskHandle], int], /) -> WaitInfo | None:
        return self._reader.look(functools.partial(self._wait_of, cast("Task", task), number))

    @property
    def clues(self) -> ClueReader:
        return self._clues

    @functools.cached_property
    def _clues(self) -> ClueReader:
        from .clues import AsyncioClues  # when somebody looks
        from .unseen import Unseen

        unseen = Unseen(self._recording.failed, self._recording.life_of, self._releaser)
        return AsyncioClues(
            self._loop,
            self._releaser,
            lambda: [*self._mishaps.known(), *unseen.known()],
            self._in_library,
        )

    def meter(self) -> Meter:
        from .meter import AsyncioMeter  # when somebody looks

        return AsyncioMeter(self._loop, self.number_of)

    @functools.cached_property
    def _waits(self) -> Waits:
        from .waits import Waits  # when somebody looks

        return Waits()

    def _wait_of(
        self, task: Task, number: Callable[[TaskHandle], int], held: list[object]
    ) -> WaitInfo | None:
        future = tasks.waiter(task, held)
        if future is None or tasks.is_done(future):
            return None
        return self._waits.of(tasks.coroutine_of(task, held), future, number, held)

    def console_names(self) -> dict[str, Any]:
        return {"asyncio": asyncio, "loop": self._loop}

    def evaluate(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> Evaluation:
        from . import console  # when the first console is used

        return console.Evaluation(self._loop, function, context, show_error)

    def silent_for(self) -> float | None:
        return self._recording.silent_for()

    def now(self) -> float:
        return time.monotonic()

    def number_of(self, task: TaskHandle) -> int | None:
        if (life := self.life_of(task)) is not None:
            return life.number
        number: int | None = getattr(task, self._number_name, None)
        if number is None and self._numbers:
            return self._numbers.get(task)
        return number

    def numbers_of(self, tasks: Sequence[TaskHandle]) -> list[int | None]:
        known = self._recording.numbers_of(tasks)
        if known is not None:
            return [
                self.number_of(task) if number is None else number
                for task, number in zip(tasks, known, strict=True)
            ]
        if self._numbers:
            return list(map(self.number_of, tasks))
        name = self._number_name
        return [getattr(task, name, None) for task in tasks]

    def state_of(self, task: TaskHandle) -> TaskState:
        held: list[object] = []
        try:
            read = cast("Task", task)
            return tasks.state(read, tasks.coroutine_of(read, held), held)
        finally:
            self._releaser.release(held)

    def set_number(self, task: TaskHandle, number: int) -> None:
        try:
            setattr(task, self._number_name, number)
        except AttributeError:  # a task class with slots
            self._numbers[task] = number

    def names(self, task: TaskHandle) -> tuple[str, str]:
        # Nothing to release: whoever holds a task is not its coroutine's last owner.
        return tasks.names(cast("Task", task), [])

    def facts(self, task: TaskHandle) -> TaskFacts:
        held: list[object] = []
        try:
            return tasks.facts(cast("Task", task), held)
        finally:
            self._releaser.release(held)

    def await_chain(self, task: TaskHandle) -> AwaitChain:
        return self._reader.chain(functools.partial(self._chain, cast("Task", task)))

    def innermost(self, task: TaskHandle) -> tuple[CodePoint | None, str]:
        return self._reader.innermost(functools.partial(tasks.coroutine_of, cast("Task", task)))

    def path(self, task: TaskHandle) -> tuple[tuple[CodeType, ...], CodePoint | None]:
        return self._reader.path(functools.partial(tasks.coroutine_of, cast("Task", task)))

    def _chain(self, task: Task, held: list[object]) -> AwaitChain:
        """One reading."""
        coroutine = tasks.coroutine_of(task, held)
        if task.done():
            return AwaitChain(points=(), note=ENDED)
        if tasks.is_running(task, coroutine, held):
            points = frames.executing_points(coroutine, held)
            return AwaitChain(points=points or (), note="" if points else NO_STACK)
        chain = frames.suspended_chain(coroutine, held)
        awaiting = chain.awaiting or tasks.awaiting(task, held)
        return AwaitChain(points=chain.points, awaiting=awaiting, note=chain.note)

    def cancel(self, task: TaskHandle, timeout: float) -> CancelOutcome:
        return self._canceller.cancel(cast("Task", task), timeout)

    def call_in_loop(self, function: Callable[[], object]) -> bool:
        return post(self._loop, function)

    def loop_state(self) -> LoopState:
        if self._loop.is_closed():
            return "closed"
        return "running" if self._loop.is_running() else "stopped"

    def loop_thread_id(self) -> int | None:
        """As in `Backend`. A loop that doesn't tell its thread, as uvloop's, is asked by a call
        that it may not have taken yet: then the answer is the thread of its last run, or None."""
        if not self._loop.is_running():
            self._thread_id = None
            return None
        if hasattr(self._loop, "_thread_id"):
            loop: Any = self._loop
            return cast("int | None", loop._thread_id)  # noqa: SLF001 - see test_drift
        if asyncio._get_running_loop() is self._loop:  # noqa: SLF001
            self._note_thread()
        elif self._thread_id is None:
            self.call_in_loop(self._note_thread)
        return self._thread_id

    def _note_thread(self) -> None:
        """In the loop's thread."""
        self._thread_id = threading.get_ident()


def _library_paths(runtime: str) -> list[str]:
    """Where code is that no application wrote: the runtime, and `@asynccontextmanager`."""
    return [contextlib.__file__, *frames.library_folders("asyncio", runtime)]
