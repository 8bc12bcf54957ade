"""What a runtime tells beyond the wait of each task: the `ClueReader` protocol; imports no runtime.

Objects are named by their `id()`, which is good for as long as somebody waits for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import weakref
    from collections.abc import Collection, Sequence

    from .base import TaskHandle
    from .values import Mishap

CancelState = Literal["requested", "handled", "swallowed"]
"""requested: the task has had no step since; handled: it is in an `except` or `finally` block for
it; swallowed: it goes on as if nothing had been."""


class KnownQueue(NamedTuple):
    """A queue that a task knows: `limit` is None if it takes any number of items."""

    object_id: int
    type_name: str
    size: int
    limit: int | None


class Job(NamedTuple):
    """A call that a thread of the executor runs: `key` tells one from another."""

    key: int
    function: str
    thread: int


class Executor(NamedTuple):
    """The loop's default executor: up to `limit` threads, and `queued` calls that wait for one."""

    limit: int
    queued: int
    running: tuple[Job, ...]


class ClueReader(Protocol):
    """Reads clues of one run. Any thread; nothing waits for the run, and nothing raises."""

    def holds(self, task: TaskHandle, /) -> Sequence[tuple[int, str]]:
        """The locks and semaphores that the task has for sure: `id()` and type name of each, as
        often as it has it."""
        ...

    def may_hold(self, task: TaskHandle, wanted: Collection[int], /) -> Sequence[int]:
        """Those of the wanted objects that it looks as if it had acquired by hand."""
        ...

    def knows(self, task: TaskHandle, wanted: Collection[int], /) -> Sequence[int]:
        """Those of the wanted objects that its code can get at, as far as can be seen."""
        ...

    def expires(self, task: TaskHandle, /) -> bool:
        """Whether a timeout will end its wait."""
        ...

    def time_left(self, task: TaskHandle, /) -> float | None:
        """In how many seconds a timeout will end its wait; None if none will, as far as is seen."""
        ...

    def is_main(self, task: TaskHandle, /) -> bool:
        """Whether the run ends with it."""
        ...

    def is_forgotten(self, tasks: Sequence[weakref.ref[TaskHandle]], object_id: int, /) -> bool:
        """Whether nobody but these tasks, all that wait for it, knows the object."""
        ...

    def is_loose(self, task: weakref.ref[TaskHandle], /) -> bool:
        """Whether nobody refers to the task but what it waits for."""
        ...

    def queues(self, task: TaskHandle, /) -> Sequence[KnownQueue]:
        """The queues that its code can get at, as far as can be seen."""
        ...

    def cancel_state(self, task: TaskHandle, /) -> CancelState:
        """How a task that was asked to cancel itself takes it."""
        ...

    def waited_since(self, task: TaskHandle, now: float, *, note: bool) -> float | None:
        """When the task was first noted to wait for what it waits for; with `note`, that is now at
        the latest. None if it does not wait, or was not noted. Times are of `Backend.now`."""
        ...

    def executor(self) -> Executor | None:
        """The default executor, if there is one."""
        ...

    def mishaps(self) -> Sequence[Mishap]:
        """The last of them."""
        ...
