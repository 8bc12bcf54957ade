"""The function that stands in for the loop's `create_task`: the hook's dearest part.

Each task pays for what is in `watched`; benchmarks/tracking_cost.py tells how much.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import tasks
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.wrapped import WRAPPER, body_within

from .end import body_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .watch import LoopWatch

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

getframe = sys._getframe  # noqa: SLF001 - public in all but the name

SPAWN = asyncio.create_task.__code__
"""Left out of stacks: that the loop's `create_task` was called by it tells nothing."""


def creator(  # noqa: C901 - one function is one closure
    watch: LoopWatch, previous: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[[], None]]:
    """A `create_task` that does what the previous one did and watches its task; and what retires
    it. All names are the closure's, which is the quickest way to reach them."""
    loop: Any = watch.loop
    clock, ticks, early = watch.clock, watch.ticks, watch.early
    new_record, next_number = watch.record_type, watch.next_number
    known, root, take = watch.stacks.known, watch.stacks.root, watch.stacks.take
    fresh, add_fresh = watch.sweeper.fresh, watch.sweeper.fresh.append
    full = watch.stacks.depth == LADDER
    retired = False

    def create_stock_task(
        coro: Any, *, name: Any = None, context: Any = None, **others: Any
    ) -> Any:
        """For loops whose `create_task` is the stdlib's: does the common case itself, which saves
        two calls. An exception passes through."""
        if (
            loop._task_factory is None  # noqa: SLF001 - see test_hook_drift
            and context is None
            and _tasks.Task is PLAIN  # nest_asyncio puts Python's class there
            and not (others or retired or loop._closed or loop._debug)  # noqa: SLF001
        ):
            return watched(PLAIN(coro, loop=loop, name=name), coro, clock(), getframe(1))
        if name is not None:
            others["name"] = name
        if context is not None:
            others["context"] = context
        return create(coro, others, getframe(1))

    def create_task(coro: Any, **kwargs: Any) -> Any:
        return create(coro, kwargs, getframe(1))

    def create(coro: Any, kwargs: dict[str, Any], caller: FrameType) -> Any:
        if retired:
            return previous(coro, **kwargs)
        born = clock()  # first: an eager task runs before `previous` returns
        task = previous(coro, **kwargs)
        try:
            if type(task) is not PLAIN or (EAGER and task.done()) or (early and id(task) in early):
                watch.adopt_other(born, task, body_of(coro), take(beyond_spawn(caller)))
            else:
                watched(task, coro, born, caller)
            if task._source_traceback:  # noqa: SLF001 - debug mode; see test_hook_drift
                hide_frames(task._source_traceback)  # noqa: SLF001
        except (RecursionError, MemoryError):
            pass  # of the application's making: this task is not watched
        except Exception:
            watch.fail()
        try:
            return task
        finally:
            del task  # the frame of an eager task's first step refers to this one

    def watched(task: Any, coro: Any, born: float, caller: Any) -> Any:  # noqa: C901 - a ladder has many steps
        """Long, since a call for each part would cost a quarter more."""
        try:
            # A ladder in place of a loop: each step up costs a sixth less.
            frame = caller
            code = frame.f_code
            if code is SPAWN:
                frame = caller = frame.f_back
                code = frame.f_code
            try:
                if not full:
                    raise KeyError  # the ladder is for the usual depth
                while True:
                    node = known[frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    if (frame := frame.f_back) is None or (code := frame.f_code) is root:
                        break
                    node = node[2][frame.f_lasti]
                    while node[0] is not code:
                        node = node[1]
                    break
                stack = node[3]
            except (KeyError, TypeError):
                stack = None
            record = new_record()
            record.task = task
            record.coro = coro
            try:
                if coro.__qualname__ == WRAPPER:
                    record.coro = body_within(coro)
            except AttributeError:
                pass  # none of Python's own
            record.number = next_number()
            record.born = born
            record.stack = stack if stack is not None else take(caller)
            record.cancelled = None
            if code is root or running_loop() is loop:
                parent = current_task(loop)
                try:
                    creator = parent.cancel
                    record.parent = creator.number
                    creator.spawned = True
                except AttributeError:
                    record.parent = watch.adopt_late(parent)
                task.cancel = record
                if not ticks and not fresh:
                    watch.sweeper.ask()
                add_fresh(record)
            else:
                record.parent = watch.adopt_late(None)
                task.cancel = record
                watch.follow(record, task)
        except (RecursionError, MemoryError):
            pass
        except Exception:
            watch.fail()
        return task

    def retire() -> None:
        nonlocal retired
        retired = True

    stock = getattr(previous, "__func__", None) is asyncio.BaseEventLoop.create_task
    return (create_stock_task if stock else create_task), retire


LADDER = 8
"""Steps of the ladder above."""


def beyond_spawn(frame: FrameType) -> FrameType | None:
    """The frame that asked for a task, if that was by `asyncio.create_task`."""
    return frame.f_back if frame.f_code is SPAWN else frame


def hide_frames(source_traceback: Any) -> None:
    """Take our frames out of the traceback that says where a task was created, in debug mode."""
    source_traceback[:] = [each for each in source_traceback if each.filename != __file__]
