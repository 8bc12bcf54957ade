"""The `Backend` of one trio run; what is private of trio has a test in test_trio_drift."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from typing import TYPE_CHECKING, Any

import trio
import trio.lowlevel

from aiomonitor.backends import frames, lending
from aiomonitor.backends.ownership import Releaser
from aiomonitor.backends.reading import ChainReader
from aiomonitor.backends.values import AwaitChain, TaskFacts
from aiomonitor.model.words import CancelOutcome

from .hook import STEPS, TaskInstrument
from .record import name_text
from .run import safe
from .running import Running, awaits_idleness, task_here
from .scopes import TrioScopes, parent_of
from .waits import Waits

if TYPE_CHECKING:
    import contextvars
    import weakref
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import CodeType

    from aiomonitor.backends.base import Evaluation, TaskHandle
    from aiomonitor.backends.clues import ClueReader
    from aiomonitor.backends.life import TaskLife
    from aiomonitor.backends.meters import Meter
    from aiomonitor.backends.values import CodePoint
    from aiomonitor.model import LoopState, TaskState, WaitInfo

ATTACH_PATIENCE = 1.0
"""Seconds for a run in another thread to take us in; a blocked one does so when it goes on."""
FAILED = "the instrument failed and took itself off: see the log"
ENDED = "The task has ended."
NO_STACK = "It is running, but no thread shows its frames: C code may have them."
_core: Any = trio._core
CLOCKS = (_core._run.SystemClock, _core.MockClock)
"""Clocks that any thread may read; one of the application's own may not be asked from here."""


class TrioBackend:
    """The `Backend` of one run; what each method promises is said there."""

    runtime = "trio"

    def __init__(self, token: trio.lowlevel.TrioToken, *, hooked: bool = True) -> None:
        self._token = token
        self._hooked = hooked
        self._hook: TaskInstrument | None = None
        self._runner: Any = None  # once the run has taken us in
        self._thread_id: int | None = None
        self._taken_in = threading.Event()
        self._detached = False
        self._ended = False
        self._releaser = Releaser(self.call_in_loop)
        self.pooled = self._releaser.pooled
        self.scopes = TrioScopes(
            self._releaser, self.call_in_loop, self._time_left, self._is_run_here
        )
        self._waits = Waits(self._time_left, self.scopes.number_of_nursery)
        folders = frames.library_folders("trio", "outcome")
        self._reader = ChainReader(
            self._releaser, frames.library_test(contextlib.__file__, *folders)
        )
        self.site_of, self.thread_points = self._reader.site, self._reader.thread
        self.task_here = task_here
        self.running_task = Running(self._reader, self.live_tasks).task

    @property
    def clues(self) -> ClueReader:
        return self._clues

    @functools.cached_property
    def _clues(self) -> ClueReader:
        from .clues import TrioClues  # when somebody looks

        return TrioClues(self._releaser, lambda: getattr(self._runner, "main_task", None))

    def meter(self) -> Meter:
        from .meter import TrioMeter  # when somebody looks

        def describe(task: TaskHandle) -> tuple[str, str, int | None]:
            return (*self.names(task), self.number_of(task))

        return TrioMeter(self.call_in_loop, describe)

    @property
    def loop_name(self) -> str:
        return f"trio {trio.__version__}"

    def attach(self) -> None:
        if self._is_run_here():
            self._learn()
        elif self.call_in_loop(self._learn):
            self._taken_in.wait(ATTACH_PATIENCE)

    def _learn(self) -> None:
        """In the run's thread."""
        root: Any = trio.lowlevel.current_root_task()
        self._runner = root._runner
        self._thread_id = threading.get_ident()
        if self._hooked and not self._detached:
            self._hook = TaskInstrument(self._runner)
            trio.lowlevel.add_instrument(self._hook)
        self._taken_in.set()

    def detach(self) -> None:
        self._detached = True
        if self._hook is not None and not self._hook.retired:
            self._hook.retire()
            self._hook.remove() if self._is_run_here() else self.call_in_loop(self._hook.remove)
        if self.loop_state() == "closed":
            self._releaser.abandon()

    def _is_run_here(self) -> bool:
        here = trio.lowlevel.in_trio_run()
        return here and trio.lowlevel.current_trio_token() is self._token

    def _time_left(self, deadline: float) -> float | None:
        """Seconds until a deadline of the run's clock; None if that is the application's own."""
        clock = self._runner.clock
        return deadline - clock.current_time() if type(clock) in CLOCKS else None

    # --- tasks --------------------------------------------------------------------------------

    def _all_tasks(self) -> set[object]:
        """A copy, made in one C call."""
        return set() if self._runner is None else self._runner.tasks.copy()

    def _live(self, held: Sequence[Any]) -> list[object]:
        tasks = self._runner.tasks
        return [task for task in held if task is not None and task in tasks]

    def live_tasks(self, *, quick: bool = False) -> Generator[TaskHandle, None, None]:
        size = lending.LARGE_CHUNK if quick else lending.CHUNK
        return lending.lend(self._all_tasks(), self._live, self._releaser, size)

    def live_chunks(self, *, quick: bool = False) -> Generator[list[TaskHandle], None, None]:
        size = lending.LARGE_CHUNK if quick else lending.CHUNK
        return lending.lend_chunks(self._all_tasks(), self._live, self._releaser, size)

    def borrow(
        self, references: Iterable[weakref.ref[TaskHandle]]
    ) -> Generator[TaskHandle, None, None]:
        return lending.lend(references, self._live, self._releaser, lending.SMALL_CHUNK)

    def number_of(self, task: TaskHandle) -> int | None:
        return _task(task)._counter + 1  # type: ignore[no-any-return]

    def numbers_of(self, tasks: Sequence[TaskHandle]) -> list[int | None]:
        return list(map(self.number_of, tasks))

    def set_number(self, task: TaskHandle, number: int) -> None:
        """Never called: trio has numbered its tasks."""

    def next_number(self) -> int:
        return _task(trio.lowlevel.Task).__attrs_attrs__._counter.default.factory() + 1  # type: ignore[no-any-return]

    # --- one task -----------------------------------------------------------------------------

    def names(self, task: TaskHandle) -> tuple[str, str]:
        return name_text(_task(task).name), frames.name_of(_task(task).coro)

    def state_of(self, task: TaskHandle) -> TaskState:
        subject = _task(task)
        if subject not in self._runner.tasks:
            return "done"
        if frames.is_executing(subject.coro):
            return "running"
        return "waiting" if subject._next_send_fn is None else "runnable"

    def facts(self, task: TaskHandle) -> TaskFacts:
        name, coroutine = self.names(task)
        cancelled_by = self.scopes.cancelled_by(task)
        return TaskFacts(
            name=name,
            coroutine=coroutine,
            state=self.state_of(task),
            cancelling=int(bool(cancelled_by)),
            cancelled_by=cancelled_by,
            system=self._is_system(task),
        )

    def _is_system(self, task: TaskHandle) -> bool:
        """Whether it is trio's own, or one that `spawn_system_task` has started, as consoles do."""
        run, opener = self._runner, parent_of(task)
        return opener is None or (opener is run.init_task and task is not run.main_task)

    def parent_of(self, task: TaskHandle) -> int:
        opener = parent_of(task)
        return 0 if opener is None else opener._counter + 1

    def wait_of(self, task: TaskHandle, _number: Callable[[TaskHandle], int], /) -> WaitInfo | None:
        if self.state_of(task) != "waiting":
            return None
        return self._reader.look(functools.partial(self._waits.of, task))

    def await_chain(self, task: TaskHandle) -> AwaitChain:
        return self._reader.chain(functools.partial(self._chain, task))

    def _chain(self, task: TaskHandle, held: list[object]) -> AwaitChain:
        coroutine = _coroutine(task, held)
        state = self.state_of(task)
        if state == "done":
            return AwaitChain(points=(), note=ENDED)
        if state == "running":
            points = frames.executing_points(coroutine, held)
            return AwaitChain(points=points or (), note="" if points else NO_STACK)
        chain = frames.suspended_chain(coroutine, held)
        # What a trap yields to the run tells nothing: its function, the last frame, does.
        return AwaitChain(points=chain.points, note=chain.note)

    def innermost(self, task: TaskHandle) -> tuple[CodePoint | None, str]:
        return self._reader.innermost(functools.partial(_coroutine, task))

    def path(self, task: TaskHandle) -> tuple[tuple[CodeType, ...], CodePoint | None]:
        return self._reader.path(functools.partial(_coroutine, task))

    # --- lives --------------------------------------------------------------------------------

    @property
    def created(self) -> int | None:
        return None if self._hook is None else self._hook.created

    @property
    def records(self) -> bool:
        return self._hooked

    @property
    def dropped(self) -> int:
        return 0 if self._hook is None else self._hook.dropped

    @property
    def not_recording(self) -> str:
        if not self._hooked:
            return "the monitor was started with hook_task_factory=False"
        if self._detached:
            return "the monitor is closed"
        if self._hook is None:
            return "the run is blocked and has not taken the instrument yet"
        return FAILED if self._hook.retired else ""

    def life_of(self, task: TaskHandle, /) -> TaskLife | None:
        return None if self._hook is None else self._hook.life_of(task)

    def drain(self, limit: int) -> Sequence[TaskLife]:
        return () if self._hook is None else self._hook.drain(limit)

    def trimmed(self, stack: tuple[CodePoint, ...]) -> tuple[CodePoint, ...]:
        codes = [point.code for point in stack]
        return stack[codes.index(STEPS) + 1 :] if STEPS in codes else stack

    def now(self) -> float:
        return time.monotonic()

    # --- the run ------------------------------------------------------------------------------

    def console_names(self) -> dict[str, Any]:
        return {"trio": trio, "loop": self._token}

    def evaluate(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> Evaluation:
        from . import console  # when the first console is used

        return console.Evaluation(self._token, function, context, show_error)

    def expect_call(self, seconds: float) -> None:
        pass

    def awaits_idleness(self) -> bool:
        return self._runner is not None and awaits_idleness(self._runner)

    def silent_for(self) -> float | None:
        return None

    def is_resting(self, _stack: tuple[CodePoint, ...], /) -> None:
        """It cannot be told."""

    def cancel(self, task: TaskHandle, timeout: float) -> CancelOutcome:  # noqa: ARG002 - see the outcome
        return CancelOutcome.UNSUPPORTED

    def call_in_loop(self, function: Callable[[], object]) -> bool:
        try:
            self._token.run_sync_soon(safe, function)
        except (trio.RunFinishedError, OSError):  # closed by an internal error of trio's
            self._ended = True
            return False
        return True

    def loop_state(self) -> LoopState:
        if not self._ended and self._runner is not None:
            self._ended = self._runner.entry_queue.done  # see test_trio_drift
        return "closed" if self._ended else "running"

    def loop_thread_id(self) -> int | None:
        return self._thread_id if self.loop_state() == "running" else None


def _task(task: TaskHandle) -> Any:
    return task


def _coroutine(task: TaskHandle, held: list[object]) -> object:
    coroutine = _task(task).coro
    held.append(coroutine)
    return coroutine
