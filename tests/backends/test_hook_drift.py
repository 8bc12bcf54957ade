"""Each private part of Python that the hook leans on: these fail when Python moves it."""

from __future__ import annotations

import asyncio
import asyncio.base_futures
import asyncio.tasks
import itertools
import sys
from typing import Any

import pytest

from aiomonitor.backends._asyncio.hook import TaskHook, reasons, watch
from aiomonitor.backends._asyncio.hook.sweep import RUN_ONCE


def task_of(coroutine: Any) -> Any:
    async def main() -> Any:
        task = asyncio.ensure_future(coroutine)
        await asyncio.gather(task, return_exceptions=True)
        return task

    return asyncio.run(main())


async def failing() -> None:
    raise ValueError("boom")


def test_exception_of_a_task() -> None:
    """`Task._exception` is the exception, or None."""
    task = task_of(failing())
    assert task._exception is task.exception(), "Task._exception has moved"
    assert task_of(asyncio.sleep(0))._exception is None


def test_attributes_of_tasks() -> None:
    """C's tasks take attributes, and `cancel` is looked up there by Python and C."""

    async def main() -> list[object]:
        called: list[object] = []
        inner: Any = asyncio.ensure_future(asyncio.sleep(9))
        await asyncio.sleep(0)

        async def wait() -> None:
            await inner

        outer = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        own = inner.cancel

        def cancel(msg: Any = None) -> bool:
            called.append(msg)
            return bool(own(msg))

        inner.cancel = cancel
        outer.cancel()
        await asyncio.gather(outer, inner, return_exceptions=True)
        return called

    assert len(asyncio.run(main())) == 1, "C no longer looks up `cancel` on the task"


def test_round_of_the_loop() -> None:
    """`_run_once` asks `self.time()`, and `Handle._run` is below each step."""
    assert RUN_ONCE is not None, "BaseEventLoop._run_once has moved"
    assert watch.HANDLE_RUN is not None, "Handle._run has moved"
    loop: Any = asyncio.new_event_loop()
    callers: list[Any] = []
    original = loop.time

    def time() -> Any:
        callers.append(sys._getframe(1).f_code)
        return original()

    loop.time = time
    below: list[Any] = []

    async def main() -> None:
        frame: Any = sys._getframe(1)
        while frame:
            below.append(frame.f_code)
            frame = frame.f_back

    loop.run_until_complete(main())
    loop.close()
    assert RUN_ONCE in callers, "the loop does not ask itself for the time"
    assert watch.HANDLE_RUN in below, "steps are not made by Handle._run"


def test_stock_creation() -> None:
    """What `create_task` of the stdlib's loop reads, which the hook reads in its place."""
    loop: Any = asyncio.new_event_loop()
    assert loop._task_factory is None, "BaseEventLoop._task_factory has moved"
    assert loop._closed is False, "BaseEventLoop._closed has moved"
    loop.set_task_factory(print)
    assert vars(loop)["_task_factory"] is print, "BaseEventLoop._task_factory is another thing"
    loop.close()
    assert loop.is_closed() == loop._closed


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="needs Python 3.11 or older")
def test_current_tasks() -> None:
    """Up to 3.11, the current tasks are in a dictionary."""
    tasks: Any = asyncio.tasks

    async def main() -> bool:
        return tasks._current_tasks[asyncio.get_running_loop()] is asyncio.current_task()

    assert asyncio.run(main()), "asyncio.tasks._current_tasks has moved"


def test_a_counter_shows_its_next_number() -> None:
    """The `repr` of `itertools.count` tells the next number without taking it."""
    counter = itertools.count(1)
    next(counter)
    assert repr(counter) == "count(2)", "itertools.count shows itself in another way"
    loop = asyncio.new_event_loop()
    hook = TaskHook(loop)
    assert [hook.numbered, hook.next_number(), hook.numbered] == [0, 1, 1]
    loop.close()


def test_source_traceback() -> None:
    """In debug mode, `_source_traceback` is the list itself; otherwise it's empty."""

    async def main() -> Any:
        return asyncio.current_task()

    task = asyncio.run(main(), debug=True)
    assert task._source_traceback is task._source_traceback
    assert isinstance(task._source_traceback, list), "Task._source_traceback has moved"
    assert not asyncio.run(main())._source_traceback


def test_text_of_tasks() -> None:
    """`repr(task)` asks `_future_repr_info`, which asks `_format_callbacks`."""
    futures: Any = asyncio.base_futures
    task = task_of(asyncio.sleep(0))
    assert futures._future_repr_info(task)[0] == "finished"
    assert futures._format_callbacks([(print, None)]).startswith("cb=[print")
    original = futures._future_repr_info
    futures._future_repr_info = lambda _future: ["from the drift test"]
    try:
        assert "from the drift test" in repr(task), "repr(task) does not ask _future_repr_info"
    finally:
        futures._future_repr_info = original


def test_codes_that_cancel() -> None:
    """asyncio's functions that cancel on somebody's behalf have the names that we know."""
    expected = {"WAIT_FOR": True, "CANCEL_AND_WAIT": True}
    newer = sys.version_info >= (3, 11)
    expected.update(dict.fromkeys(["TIMEOUT", "ON_TIMEOUT", "ON_TASK_DONE", "ABORT"], newer))
    found = {name: getattr(reasons, name) is not None for name in expected}
    if sys.version_info >= (3, 12):
        del found["CANCEL_AND_WAIT"], expected["CANCEL_AND_WAIT"]  # `wait_for` needs it no more
    assert found == expected
