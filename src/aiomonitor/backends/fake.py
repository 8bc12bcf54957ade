"""A backend of scripted tasks, for tests of whatever stands above the backends; imports no runtime.

>>> backend = FakeBackend()
>>> task = backend.add("worker-1", coroutine="serve", cancelled=CancelOutcome.REQUESTED)
>>> [each.name for each in backend.live_tasks()]
['worker-1']

It obeys the same contract suite as the real ones, but runs no code: a suspended coroutine can be
given to a task, to have an await chain.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from aiomonitor.model import CancelOutcome

from . import frames
from .fake_life import FakeLife as FakeLife
from .values import AwaitChain, CodePoint, TaskFacts

if TYPE_CHECKING:
    import contextvars
    import weakref
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import CodeType

    from aiomonitor.model import LoopState, TaskState

    from .base import Evaluation, TaskHandle
    from .life import TaskLife
    from .meters import Meter

_in_no_library = frames.library_test("\0")


class FakeEvaluation:
    """A call that is made when it is begun, in the caller's thread; nothing is awaited."""

    def __init__(
        self,
        backend: FakeBackend,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> None:
        self._backend, self._function, self._show_error = backend, function, show_error
        self.context = context
        self.is_started = self.is_running_here = self.failed = self.leaving = False
        self._ended = threading.Event()

    def begin(self) -> bool:
        if self._backend.state == "running" and not self._backend.blocked:
            self.context.run(self._call)
        return self._backend.state != "closed"

    def _call(self) -> None:
        self.is_started = self.is_running_here = True
        try:
            self._function()
        except SystemExit:
            self.leaving = True
        except BaseException as error:
            self.failed = True
            self._show_error(error)
        self.is_running_here = False
        self._ended.set()

    def wait(self, timeout: float) -> bool:
        return self._ended.wait(timeout)

    def interrupt(self) -> None:
        self._ended.set()


@dataclass(eq=False, kw_only=True)
class FakeTask:
    """What a task is to say. Change its attributes to make it do something.

    `suspended` is a coroutine that stands where the task does, or None. `cancelled` is the outcome
    of a cancellation; a task that is to be ENDED by it is done afterwards.
    """

    name: str
    coroutine: str
    state: TaskState = "waiting"
    cancelling: int = 0
    suspended: object = None
    cancelled: CancelOutcome = CancelOutcome.ENDED
    awaits: str = ""
    number: int | None = None
    life: TaskLife | None = None

    def finish(self) -> None:
        """End, as a task does whose coroutine has returned."""
        self.state = "done"
        self.suspended = None


class FakeBackend:
    """A run whose tasks are what a test says they are; one thread at a time.

    `state` and `thread_id` are what the loop reports. Posted calls wait in `posted` while the loop
    is stopped or `blocked`, and until `run_posted()`; else they are made at once.
    """

    scopes = None
    clues = None
    pooled = contextlib.nullcontext

    def task_here(self) -> None:
        """Nothing runs."""

    def __init__(self) -> None:
        self.tasks: list[FakeTask] = []
        self.state: LoopState = "running"
        self.blocked = False
        self.resting: bool | None = None  # whether its stack looks so
        self.awaits_idleness: Callable[[], bool] = bool  # which says no
        self.thread_id: int | None = None
        self.attached = False
        self.posted: list[Callable[[], object]] = []
        self.ended: list[TaskLife] = []
        self.dropped = 0
        self.created: int | None = None
        self.not_recording = ""
        self.records = True
        self.clock = 0.0
        self._counter = itertools.count(1)

    def add(
        self,
        name: str,
        coroutine: str = "",
        *,
        state: TaskState = "waiting",
        suspended: object = None,
        awaits: str = "",
        cancelled: CancelOutcome = CancelOutcome.ENDED,
    ) -> FakeTask:
        """A new live task; `coroutine` may be left out if `suspended` has a name."""
        task = FakeTask(
            name=name,
            coroutine=coroutine or getattr(suspended, "__qualname__", "coroutine"),
            state=state,
            suspended=suspended,
            awaits=awaits,
            cancelled=cancelled,
        )
        self.tasks.append(task)
        return task

    @property
    def runtime(self) -> str:
        return "fake"

    @property
    def loop_name(self) -> str:
        return "fake.Loop"

    def attach(self) -> None:
        self.attached = True

    def detach(self) -> None:
        self.attached = False

    def live_tasks(self, *, quick: bool = False) -> Generator[TaskHandle, None, None]:  # noqa: ARG002 - no chunks
        yield from [task for task in self.tasks if task.state != "done"]

    def live_chunks(self, *, quick: bool = False) -> Generator[list[TaskHandle], None, None]:
        chunk = list(self.live_tasks(quick=quick))
        yield chunk
        chunk.clear()

    def borrow(
        self, references: Iterable[weakref.ref[TaskHandle]]
    ) -> Generator[TaskHandle, None, None]:
        for reference in references:
            task = reference()
            if task is not None and _scripted(task).state != "done":
                yield task

    def number_of(self, task: TaskHandle) -> int | None:
        return _scripted(task).number

    def numbers_of(self, tasks: Sequence[TaskHandle]) -> list[int | None]:
        return list(map(self.number_of, tasks))

    def state_of(self, task: TaskHandle) -> TaskState:
        return _scripted(task).state

    def set_number(self, task: TaskHandle, number: int) -> None:
        _scripted(task).number = number

    def next_number(self) -> int:
        return next(self._counter)

    def parent_of(self, task: TaskHandle) -> int:
        life = self.life_of(task)
        return max(0, life.parent) if life is not None and life.stack else 0

    def wait_of(self, task: TaskHandle, number: Callable[[TaskHandle], int], /) -> None:
        """A script does not tell."""

    def life_of(self, task: TaskHandle, /) -> TaskLife | None:
        return _scripted(task).life

    def drain(self, limit: int) -> Sequence[TaskLife]:
        drained, self.ended = self.ended[:limit], self.ended[limit:]
        return drained

    def site_of(self, stack: tuple[CodePoint, ...]) -> CodePoint | None:
        return stack[-1] if stack else None

    def trimmed(self, stack: tuple[CodePoint, ...]) -> tuple[CodePoint, ...]:
        return stack

    def console_names(self) -> dict[str, Any]:
        return {"loop": self}

    def evaluate(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> Evaluation:
        return FakeEvaluation(self, function, context, show_error)

    def expect_call(self, seconds: float) -> None:
        pass

    def silent_for(self) -> float | None:
        return 0.0 if self.blocked else None

    def is_resting(self, _stack: tuple[CodePoint, ...], /) -> bool | None:
        return self.resting

    def running_task(self, use: Callable[[TaskHandle], Any], /) -> Any:
        return next((use(task) for task in self.tasks if task.state == "running"), None)

    def now(self) -> float:
        return self.clock

    def names(self, task: TaskHandle) -> tuple[str, str]:
        return _scripted(task).name, _scripted(task).coroutine

    def facts(self, task: TaskHandle) -> TaskFacts:
        script = _scripted(task)
        return TaskFacts(
            name=script.name,
            coroutine=script.coroutine,
            state=script.state,
            cancelling=script.cancelling,
        )

    def await_chain(self, task: TaskHandle) -> AwaitChain:
        suspended = _scripted(task).suspended
        return AwaitChain(points=()) if suspended is None else frames.suspended_chain(suspended, [])

    def innermost(self, task: TaskHandle) -> tuple[CodePoint | None, str]:
        points = self.await_chain(task).points
        index, _ = frames.shown_of([point.code for point in points], _in_no_library)
        return points[index] if points else None, _scripted(task).awaits

    def meter(self) -> Meter:
        raise NotImplementedError("scripted tasks run nothing that could be metered")

    def path(self, task: TaskHandle) -> tuple[tuple[CodeType, ...], CodePoint | None]:
        points = self.await_chain(task).points
        return tuple(point.code for point in points), points[-1] if points else None

    def cancel(self, task: TaskHandle, timeout: float) -> CancelOutcome:  # noqa: ARG002 - no waits
        script = _scripted(task)
        if script.state == "done":
            return CancelOutcome.ALREADY_DONE
        if self.state == "closed":
            return CancelOutcome.UNRESPONSIVE
        self.call_in_loop(lambda: _cancel(script))
        waits = self.blocked or self.state == "stopped"
        return CancelOutcome.UNRESPONSIVE if waits else script.cancelled

    def call_in_loop(self, function: Callable[[], object]) -> bool:
        if self.state == "closed":
            return False
        self.posted.append(function)
        if self.state == "running" and not self.blocked:
            self.run_posted()
        return True

    def run_posted(self) -> None:
        """Make the calls that the loop has not taken yet."""
        while self.posted:
            self.posted.pop(0)()

    def loop_state(self) -> LoopState:
        return self.state

    def thread_points(self, thread_id: int) -> tuple[CodePoint, ...]:
        return frames.thread_points(thread_id)

    def loop_thread_id(self) -> int | None:
        return self.thread_id if self.state == "running" else None


def _scripted(task: TaskHandle) -> FakeTask:
    return cast("FakeTask", task)


def _cancel(task: FakeTask) -> None:
    if task.cancelled is CancelOutcome.ENDED:
        task.finish()
    elif task.cancelled is CancelOutcome.REQUESTED:
        task.cancelling += 1
