"""Lists asyncio's tasks and reads what a task object says, from any thread.

With `backend` and `cancel`, the only place for asyncio's private parts; each of them has
a test in tests/backends/test_drift.py. Objects taken from the application go into `held`: see
`ownership`.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import contextlib
import sys
import weakref
from typing import TYPE_CHECKING, Any, cast

from aiomonitor.backends import frames
from aiomonitor.backends.lending import CHUNK
from aiomonitor.backends.values import TaskFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiomonitor.backends.lending import Found
    from aiomonitor.backends.ownership import Releaser
    from aiomonitor.model import TaskState

Task = asyncio.Task[Any]
Reference = weakref.ref[Task]

ATTEMPTS = 10
"""Times that 3.14's `all_tasks` may fail, while tasks of another class than C's come and go."""


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


def known_tasks() -> list[Task]:
    """Those of all loops; up to 3.13, where there is one register of them."""
    if "_all_tasks" in vars(asyncio.tasks):  # up to 3.11
        found: list[Task | None] = [each() for each in list(_private("_all_tasks").data)]
    else:
        found = [*list(_private("_eager_tasks"))]
        found += [each() for each in list(_private("_scheduled_tasks").data)]
    return [task for task in found if task is not None]


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
    return name(task), frames.name_of(coroutine_of(task, held))


def name(task: Task) -> str:
    """Its name as a plain `str`, or its type's if the application's own class fails."""
    try:
        return str.__str__(str(task.get_name()))  # a subclass of str may answer, too
    except Exception:
        return type(task).__name__


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
    future = waiter(task, held)
    return "runnable" if future is None or is_done(future) else "waiting"


def is_done(future: Any) -> bool:
    """Whether what a task waits for has come."""
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
    return current(task.get_loop(), held) is task


def current(loop: asyncio.AbstractEventLoop, held: list[object]) -> Task | None:
    """The task that the loop executes now, in whatever thread; None between two tasks."""
    task = asyncio.current_task(loop)
    held.append(task)
    return task


def waiter(task: Task, held: list[object]) -> Any:
    """The future that will wake the task; None if it is to be stepped anyway."""
    future = getattr(task, "_fut_waiter", None)
    held.append(future)
    return future


def awaiting(task: Task, held: list[object]) -> str:
    """The type of what the task waits for, where its await chain does not tell."""
    future = waiter(task, held)
    return "" if future is None else type(future).__name__
