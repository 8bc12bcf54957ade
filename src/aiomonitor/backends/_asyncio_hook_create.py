"""The function that stands in for the loop's `create_task`: the hook's dearest part.

Each task pays for what is in `adopt`; benchmarks/hook_overhead.py tells how much.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks
from typing import TYPE_CHECKING, Any

from ._asyncio_hook_end import conclude, name_coroutine

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._asyncio_hook_watch import LoopWatch

_tasks: Any = tasks  # its private parts: see test_hook_drift

PLAIN: type[Any] = asyncio.Task
"""C's class. Tasks of other classes take a way that asks more and costs more."""

EAGER = sys.version_info >= (3, 12)
"""Whether a task may have ended when its creation returns."""

running_loop = asyncio._get_running_loop  # noqa: SLF001 - documented in its source for this use

# Up to 3.11, `current_task` is Python around this dictionary.
current_task: Callable[[Any], Any] = (
    asyncio.current_task if sys.version_info >= (3, 12) else _tasks._current_tasks.get  # noqa: SLF001
)


def creator(  # noqa: C901 - one function is one closure
    watch: LoopWatch, previous: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[[], None]]:
    """A `create_task` that does what the previous one did and watches its task; and what retires
    it. All names are the closure's, which is the quickest way to reach them."""
    loop: Any = watch.loop
    clock, ticks = watch.clock, watch.ticks
    new_record, next_number = watch.record_type, watch.next_number
    take_stack, early = watch.take_stack, watch.early
    fresh, add_fresh = watch.fresh, watch.fresh.append

    adopt: Callable[[float, Any, Any], Any]

    # In both, an exception passes through, and no local is the task: a traceback may keep this
    # frame. `clock` goes first: an eager task runs inside of the next argument.

    def create_task(coro: Any, **kwargs: Any) -> Any:
        return adopt(clock(), previous(coro, **kwargs) if kwargs else previous(coro), coro)

    def create_stock_task(
        coro: Any, *, name: Any = None, context: Any = None, **others: Any
    ) -> Any:
        """For loops whose `create_task` is the stdlib's: does the common case itself, which saves
        a call, a sixth of the hook's cost."""
        if loop._task_factory is None and context is None and not (others or loop._closed):  # noqa: SLF001 - see test_hook_drift
            return adopt(clock(), _tasks.Task(coro, loop=loop, name=name), coro)
        if name is not None:
            others["name"] = name
        if context is not None:
            others["context"] = context
        return adopt(clock(), previous(coro, **others), coro)

    def watching(born: float, task: Any, coro: Any) -> Any:
        """Long, since a call for each part would cost a quarter more."""
        try:
            if type(task) is not PLAIN or (early and id(task) in early):
                watch.adopt_other(born, task, coro, take_stack(2))
                return task
            record = new_record()
            record.task = task
            record.number = next_number()
            record.born = born
            record.stack = take_stack(2)
            record.cancellations = ()
            parent = current_task(loop) if running_loop() is loop else None
            try:
                record.parent = parent.cancel.number  # type: ignore[union-attr]
            except AttributeError:
                record.parent = watch.adopt_late(parent)
            task.cancel = record
            if EAGER and task.done():
                name_coroutine(record, coro)
                conclude(record, task, clock(), named=True)
                watch.put([record])
            elif parent is None:
                watch.follow(record, task)
            else:
                if not ticks and not fresh:
                    watch.ask_for_look()
                add_fresh(record)
            if task._source_traceback:  # noqa: SLF001 - debug mode; see test_hook_drift
                hide_frame(task._source_traceback)  # noqa: SLF001
        except (RecursionError, MemoryError):
            pass  # of the application's making: this task is not watched
        except Exception:
            watch.fail()
        return task

    def passing(_born: float, task: Any, _coro: Any) -> Any:
        return task

    def retire() -> None:
        nonlocal adopt
        adopt = passing

    adopt = watching
    stock = getattr(previous, "__func__", None) is asyncio.BaseEventLoop.create_task
    return (create_stock_task if stock else create_task), retire


def hide_frame(source_traceback: Any) -> None:
    """Take `create_task` above out of the traceback that says where a task was created."""
    for index in range(len(source_traceback) - 1, -1, -1):
        if source_traceback[index].filename == __file__:
            del source_traceback[index]
            return
