"""What the monitor asks of an asynchronous runtime: the `Backend` protocol.

A backend reads another thread's objects. Unless a docstring says otherwise, every method may be
called from any thread, at any time, while the application's loop runs, is blocked, stopped or
closed; none waits for that loop without a time limit, and none raises because a task ends
meanwhile. This module must not import any runtime. Nothing of it is needed when a monitor runs, so
what is has a module of its own: `values`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import contextvars
    import weakref
    from collections.abc import Callable, Generator, Iterable, Sequence
    from contextlib import AbstractContextManager
    from types import CodeType

    from aiomonitor.model import CancelOutcome, LoopState, TaskState, WaitInfo

    from .clues import ClueReader
    from .life import TaskLife
    from .meters import Meter
    from .scopes import ScopeReader
    from .values import AwaitChain, CodePoint, TaskFacts

TaskHandle = object
"""The runtime's own task. Only backends look inside; nobody may keep one: the monitor must never be
a task's last owner, since the task's finaliser would then run in the monitor's thread."""


_Result = TypeVar("_Result")


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

    def pooled(self) -> AbstractContextManager[None]:
        """For who looks at many tasks, in one thread: what is looked at is let go in larger lots,
        which is cheaper, and somewhat later."""
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

    @property
    def scopes(self) -> ScopeReader | None:
        """What tells of cancel scopes; None for a runtime that has none."""
        ...

    @property
    def clues(self) -> ClueReader | None:
        """What tells more of tasks than they wait for; None where nothing does."""
        ...

    def parent_of(self, task: TaskHandle) -> int:
        """The number of the task that it is under in a tree, or 0."""
        ...

    def wait_of(self, task: TaskHandle, number: Callable[[TaskHandle], int], /) -> WaitInfo | None:
        """What the task waits for; None if it does not, or if that cannot be told.

        `number` numbers other tasks, where the runtime does not.
        """
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

    def expect_call(self, seconds: float) -> None:
        """A thread of the monitor's wants to run in so many seconds: a loop that is busy then may
        let it, which costs less than to be waited for."""
        ...

    def awaits_idleness(self) -> bool:
        """Whether the application waits for its run to do nothing for a while: a call that nobody
        asked for would put that off, for ever if it comes again and again."""
        ...

    def silent_for(self) -> float | None:
        """Seconds since the loop began its last round, if that is recorded; of use while it is
        known to be blocked, since a loop that rests is silent too."""
        ...

    def is_resting(self, stack: tuple[CodePoint, ...], /) -> bool | None:
        """Whether a stack of the run's thread shows it between two callbacks, as while it waits;
        None where frames do not tell."""
        ...

    def running_task(self, use: Callable[[TaskHandle], _Result], /) -> _Result | None:
        """What `use` makes of the task that the run's thread executes; None while there is none."""
        ...

    def task_here(self) -> TaskHandle | None:
        """The task that the calling thread executes. Made for signal handlers: a task that is
        asked for its name there may crash the process."""
        ...

    def meter(self) -> Meter:
        """A new meter of this run, not started."""
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

    def path(self, task: TaskHandle) -> tuple[tuple[CodeType, ...], CodePoint | None]:
        """The functions of its await chain, outermost first, and where the innermost one stands:
        what two tasks of one stack have in common, at a fraction of the price of the chain."""
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


class Passing(Backend, Protocol):
    """Looks at a run without a hook, and without a monitor."""

    run: object
    """The loop or the token that stands for it."""
