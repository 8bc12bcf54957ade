"""Lists asyncio's tasks and reads what a task object says, from any thread.

With `_asyncio` and `_asyncio_cancel`, the only place for asyncio's private parts; each of them has
a test in tests/backends/test_drift.py. Objects taken from the application go into `held`: see
`ownership`.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import contextlib
import itertools
import sys
import time
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Union, cast

from . import frames
from .base import TaskFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from aiomonitor.model import TaskState

    from .ownership import Releaser

Task = asyncio.Task[Any]
Reference = weakref.ref[Task]
Found = Union[Iterable[Reference], set[object]]  # noqa: UP007 - evaluated, also on 3.10

CHUNK = 256
"""Tasks given out between two offers of the GIL: a reader that spends 5 µs on each takes a quarter
of a switch interval (5 ms), and a loop that never idles costs it one interval per chunk."""

LARGE_CHUNK = 1024
"""The same for those who spend a µs at most."""

SMALL_CHUNK = 16
"""The same for those who describe each task, at 80 µs."""

ATTEMPTS = 10
"""Times that 3.14's `all_tasks` may fail, while tasks of another class than C's come and go."""

GIL_OFFER = 1e-5
"""Seconds slept to let others have the GIL. 0 is not enough on 3.10: the waiting thread is woken,
but finds the GIL taken again and begins its 5 ms of patience anew, for as long as the listing takes
(1.2 s measured for 100 000 tasks)."""


def references(loop: asyncio.AbstractEventLoop, releaser: Releaser) -> Found:
    """The tasks of the process or of the loop, each once: weak references, or a set of tasks.

    `asyncio.all_tasks` is safe in another thread from 3.14 on. Before that, it iterates in bytecode
    over a set that the loop changes; `list()` of the set below is one C call.
    """
    if sys.version_info >= (3, 14):
        # As they are: a hundred thousand new weak references would make the garbage collector run,
        # which stops the application for 150 ms.
        return _all_tasks(loop)
    if "_all_tasks" in vars(asyncio.tasks):  # up to 3.11
        return list(_private("_all_tasks").data)
    # In this order: a task leaves the eager ones when it first suspends, so it may be in both
    # copies but not in neither. The strong references keep the ids from being used again.
    eager: list[object] = list(_private("_eager_tasks"))
    scheduled: list[Reference] = list(_private("_scheduled_tasks").data)
    if eager:
        twice = set(map(id, eager))
        scheduled = [each for each in scheduled if _id_behind(each) not in twice]
    return scheduled + _weaken(eager, releaser)


def _private(name: str) -> Any:
    return getattr(asyncio.tasks, name)


def _id_behind(reference: Reference) -> int:
    return id(reference())


def _all_tasks(loop: asyncio.AbstractEventLoop) -> set[object]:
    for _ in range(ATTEMPTS):
        # A set of weak references may change size under the iteration.
        with contextlib.suppress(RuntimeError):
            return cast("set[object]", asyncio.all_tasks(loop))
    return cast("set[object]", asyncio.all_tasks(loop))


def _weaken(tasks: list[object], releaser: Releaser) -> list[Reference]:
    """Turn strong references into weak ones, and empty the list."""
    weak: list[Reference] = []
    while tasks:
        held = tasks[-CHUNK:]
        del tasks[-CHUNK:]
        weak.extend(map(weakref.ref, held))  # type: ignore[arg-type]
        releaser.release(held)
    return weak


def lend(
    references: Found,
    wanted: Callable[[Sequence[object]], list[object]],
    releaser: Releaser,
    size: int = CHUNK,
) -> Generator[object, None, None]:
    """Give out the wanted tasks behind the references, `size` at a time.

    The generator owns each chunk and lets go of it when the consumer asks for what comes after. A
    plain `for` loop still has the chunk's last task in its variable at that moment, so that one is
    owned for a chunk longer. Nobody can do that at the end: there, and before it leaves the loop
    early, the consumer has to delete its variable.
    """
    last: list[object] = []
    try:
        for chunk in lend_chunks(references, wanted, releaser, size):
            yield from chunk
            releaser.release(last)
            last += chunk[-1:]
    finally:
        releaser.release(last)


def lend_chunks(
    references: Found,
    wanted: Callable[[Sequence[object]], list[object]],
    releaser: Releaser,
    size: int = CHUNK,
) -> Generator[list[object], None, None]:
    """The same, a list at a time, which is emptied before the next one comes."""
    held: list[object] = []
    chunk: list[object] = []
    try:
        for held in _chunks(references, size):
            chunk = wanted(held)
            yield chunk
            chunk.clear()
            releaser.release(held)
            time.sleep(GIL_OFFER)
    finally:
        chunk.clear()
        releaser.release(held)
        if isinstance(references, set):
            for held in _chunks(references, CHUNK):
                releaser.release(held)


def _chunks(references: Found, size: int) -> Iterator[list[object]]:
    """Lists of tasks, and of None for those that are gone; a set of tasks is emptied."""
    if isinstance(references, set):
        while references:
            yield [references.pop() for _ in range(min(size, len(references)))]
        return
    waiting = iter(references)
    while some := list(itertools.islice(waiting, size)):
        yield [reference() for reference in some]


def live_ones(held: Sequence[Any]) -> list[object]:
    """Those that exist and have not ended."""
    return [task for task in held if task is not None and not task.done()]


def _coroutine(task: Any) -> object:
    """Not C's `get_coro()`, which on 3.12 crashes the process for an eager task that has ended."""
    if type(task).get_coro is asyncio.Task.get_coro:
        return task._coro  # noqa: SLF001 - see test_drift
    return task.get_coro()


def coroutine_of(task: Task, held: list[object]) -> object:
    """Its coroutine; None for an eager task that has ended."""
    try:
        coroutine: object = _coroutine(task)
    except Exception:  # a task class of the application's own
        coroutine = None
    held.append(coroutine)
    return coroutine


def facts(task: Task, held: list[object]) -> TaskFacts:
    """Name, coroutine and state. Whatever a task class of the application raises is no matter."""
    name, coroutine_name = names(task, held)
    return TaskFacts(
        name=name,
        coroutine=coroutine_name,
        state=state(task, coroutine_of(task, held), held),
        cancelling=_cancelling(task),
    )


def names(task: Task, held: list[object]) -> tuple[str, str]:
    """Its name and its coroutine's, as in `facts`."""
    return _name(task), _qualified_name(coroutine_of(task, held))


def _name(task: Task) -> str:
    """Its name as a plain `str`, or its type's if the application's own class fails."""
    try:
        return str.__str__(str(task.get_name()))  # a subclass of str may answer, too
    except Exception:
        return type(task).__name__


def _qualified_name(coroutine: object) -> str:
    """The name of a coroutine, or of the type of whatever else the task was made of."""
    name = getattr(coroutine, "__qualname__", None)
    return str.__str__(name) if isinstance(name, str) else type(coroutine).__name__


def _cancelling(task: Task) -> int:
    if sys.version_info >= (3, 11):
        return task.cancelling()
    return int(getattr(task, "_must_cancel", False))


def state(task: Task, coroutine: object, held: list[object]) -> TaskState:
    """What the task does. Between a wake-up call and the step it makes, a task is runnable."""
    if task.done():
        return "done"
    if is_running(task, coroutine, held):
        return "running"
    waiter = _waiter(task, held)
    return "runnable" if waiter is None or _is_done(waiter) else "waiting"


def _is_done(future: Any) -> bool:
    try:
        return bool(future.done())
    except Exception:  # anything with `_asyncio_future_blocking` counts as a future
        return False


def is_running(task: Task, coroutine: object, held: list[object]) -> bool:
    """Whether its thread executes it now, or what it called.

    The coroutine knows best: a task that starts an eager one runs, but is not the current task.
    Coroutines that are no Python code do not tell.
    """
    if frames.kind_of(coroutine):
        return frames.is_executing(coroutine)
    current = asyncio.current_task(task.get_loop())
    held.append(current)
    return current is task


def _waiter(task: Task, held: list[object]) -> Any:
    """The future that will wake the task; None if it is to be stepped anyway."""
    waiter = getattr(task, "_fut_waiter", None)
    held.append(waiter)
    return waiter


def awaiting(task: Task, held: list[object]) -> str:
    """The type of what the task waits for, where its await chain does not tell."""
    waiter = _waiter(task, held)
    return "" if waiter is None else type(waiter).__name__
