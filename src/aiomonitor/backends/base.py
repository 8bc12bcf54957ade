"""What the monitor asks of an asynchronous runtime: the `Backend` protocol and its raw values.

A backend reads another thread's objects. Unless a docstring says otherwise, every method may be
called from any thread, at any time, while the application's loop runs, is blocked, stopped or
closed; none waits for that loop without a time limit, and none raises because a task ends
meanwhile. This module must not import any runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import contextvars
    import weakref
    from collections.abc import Callable, Generator, Iterable, Sequence
    from types import CodeType

    from aiomonitor.model import CancelOutcome, LoopState, TaskState

    from .life import TaskLife

TaskHandle = object
"""The runtime's own task. Only backends look inside; nobody may keep one: the monitor must never be
a task's last owner, since the task's finaliser would then run in the monitor's thread."""


class CodePoint(NamedTuple):
    """A place in running code, cheap to take and harmless to keep: no frame, no locals.

    `lasti` is the offset of the last instruction in bytes, or -1 where it is not known.
    """

    code: CodeType
    lasti: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What a runtime knows about one task without walking its stack."""

    name: str
    coroutine: str
    state: TaskState
    cancelling: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitChain:
    """Where a task stands, outermost first; `awaiting` is the type name of what ends the chain."""

    points: tuple[CodePoint, ...]
    awaiting: str = ""
    note: str = ""


class Evaluation(Protocol):
    """A call for the loop's thread, made in a task of its own. Any thread may call and look."""

    context: contextvars.Context
    """Where the call runs, and what its context variables are when it has ended."""
    is_started: bool
    failed: bool
    """Whether it raised; what, has been shown."""
    leaving: bool
    """Whether it ended by SystemExit."""

    @property
    def is_running_here(self) -> bool:
        """Whether the calling thread executes it now: neither a task nor a thread it started."""
        ...

    def begin(self) -> bool:
        """Ask the loop to make the call; False if it is closed."""
        ...

    def wait(self, timeout: float) -> bool:
        """Whether it has ended, after up to `timeout` seconds."""
        ...

    def interrupt(self) -> None:
        """End it: cancel what it awaits, or raise KeyboardInterrupt in what it computes; before its
        start, it never starts. Code that sits in C gets it when it comes back."""
        ...


class Backend(Protocol):
    """One monitored run of one runtime."""

    @property
    def runtime(self) -> str:
        """The runtime's name for people: "asyncio", "uvloop", "trio"."""
        ...

    @property
    def loop_name(self) -> str:
        """The type of what runs the tasks, for people: "uvloop.Loop"."""
        ...

    @property
    def created(self) -> int | None:
        """How many tasks have got a number, which all new ones do; None without a hook."""
        ...

    def attach(self) -> None:
        """Begin to watch. Called once, in the thread that starts the monitor."""
        ...

    def detach(self) -> None:
        """Stop watching and leave the runtime as it was found. Idempotent, any thread."""
        ...

    def live_tasks(self, *, quick: bool = False) -> Generator[TaskHandle, None, None]:
        """Every task of the run that has not ended, each once, in no promised order.

        References are copied in one C-level call; then handles are given out in small chunks with
        the GIL offered to other threads in between. Drop each handle before you ask for the next.
        Who spends no more than 1 µs on each is `quick`, and gets larger chunks.
        """
        ...

    def live_chunks(self, *, quick: bool = False) -> Generator[list[TaskHandle], None, None]:
        """The same tasks, chunk by chunk; a list is empty again when the next one comes."""
        ...

    def borrow(
        self, references: Iterable[weakref.ref[TaskHandle]]
    ) -> Generator[TaskHandle, None, None]:
        """The tasks behind weak references, in order, without those that have ended.

        The rules are those of `live_tasks`.
        """
        ...

    def number_of(self, task: TaskHandle) -> int | None:
        """The number that `set_number` or the hook gave the task, or None."""
        ...

    def numbers_of(self, tasks: Sequence[TaskHandle]) -> list[int | None]:
        """`number_of` each of them, at a fraction of the price."""
        ...

    def state_of(self, task: TaskHandle) -> TaskState:
        """What `facts` says of its state, at a fraction of the price."""
        ...

    def set_number(self, task: TaskHandle, number: int) -> None:
        """Remember the number for as long as the task lives, without keeping it alive."""
        ...

    def names(self, task: TaskHandle) -> tuple[str, str]:
        """The task's name and its coroutine's: what `facts` says, at a fraction of the price."""
        ...

    def next_number(self) -> int:
        """A number that no task has had."""
        ...

    def life_of(self, task: TaskHandle, /) -> TaskLife | None:
        """What the hook knows of a live task; None without a hook."""
        ...

    def drain(self, limit: int) -> Sequence[TaskLife]:
        """Up to `limit` tasks that have ended since the last call. One thread at a time."""
        ...

    @property
    def records(self) -> bool:
        """Whether lives are recorded, or will be: if not, `drain` need not be called."""
        ...

    @property
    def not_recording(self) -> str:
        """Why no lives are being recorded, in words; empty while they are."""
        ...

    @property
    def dropped(self) -> int:
        """Ended tasks that are in no answer of `drain`, since nobody called it in time."""
        ...

    def site_of(self, stack: tuple[CodePoint, ...]) -> CodePoint | None:
        """The innermost place of a stack outside of the runtime's library, or its innermost."""
        ...

    def trimmed(self, stack: tuple[CodePoint, ...]) -> tuple[CodePoint, ...]:
        """The stack without the loop's own frames at its outer end: who started the loop is no
        news."""
        ...

    def now(self) -> float:
        """The hook's clock, which runs in seconds from an arbitrary moment."""
        ...

    def console_names(self) -> dict[str, Any]:
        """What a console has of the runtime: its module, and the monitored loop."""
        ...

    def evaluate(
        self,
        function: Callable[[], Any],
        context: contextvars.Context,
        show_error: Callable[[BaseException], None],
    ) -> Evaluation:
        """A call for the loop's thread, not begun; what it returns is awaited if it is a coroutine.

        It runs in `context`. `show_error` is called there with what it raised, but for SystemExit
        and for what a signal meant for the application.
        """
        ...

    def silent_for(self) -> float | None:
        """Seconds since the loop began its last round, if that is recorded; of use while it is
        known to be blocked, since a loop that rests is silent too."""
        ...

    def facts(self, task: TaskHandle) -> TaskFacts:
        """Name, coroutine and state."""
        ...

    def await_chain(self, task: TaskHandle) -> AwaitChain:
        """The task's await chain; for a running task, the frames that its thread executes."""
        ...

    def innermost(self, task: TaskHandle) -> tuple[CodePoint | None, str]:
        """The innermost place outside of the runtime's library, and the name of the runtime's
        function that it awaits (or an empty string): what a one-line listing shows."""
        ...

    def thread_points(self, thread_id: int) -> tuple[CodePoint, ...]:
        """What a thread of the process executes, outermost first; empty if it has ended."""
        ...

    def cancel(self, task: TaskHandle, timeout: float) -> CancelOutcome:
        """Ask the task to cancel itself, in its loop's thread, and wait for `timeout` seconds.

        Called in the loop's own thread, it delivers the request and does not wait.
        """
        ...

    def call_in_loop(self, function: Callable[[], object]) -> bool:
        """Post a call to the run's thread and return at once; False if the run has ended."""
        ...

    def loop_state(self) -> LoopState:
        """Whether the run is going on. A blocked loop counts as running."""
        ...

    def loop_thread_id(self) -> int | None:
        """The `threading.get_ident()` of the run's thread, or None while it does not run."""
        ...
