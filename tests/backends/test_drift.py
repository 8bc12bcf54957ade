"""Each private part of Python that the backends lean on: these fail when Python moves it."""

from __future__ import annotations

import asyncio
import asyncio.events
import asyncio.tasks
import contextlib
import gc
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends import frames, ownership

from .applications import Forever
from .kinds import leaf, numbers

if TYPE_CHECKING:
    import types

ALL_TASKS_IS_SAFE = sys.version_info >= (3, 14)


def private(module: types.ModuleType, name: str) -> Any:
    """The attribute, which type checkers rightly know nothing of."""
    assert name in vars(module), f"{module.__name__}.{name} has moved"
    return vars(module)[name]


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


async def waiting_task() -> asyncio.Task[Any]:
    task = asyncio.ensure_future(asyncio.Event().wait())
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize(
    "name",
    ["_scheduled_tasks"] if sys.version_info >= (3, 12) else ["_all_tasks"],
)
def test_set_of_tasks(name: str) -> None:
    """Tasks are in a weak set whose `data` is a set of weak references (up to 3.13)."""

    async def main() -> None:
        task = await waiting_task()
        if not ALL_TASKS_IS_SAFE:
            data = private(asyncio.tasks, name).data
            assert type(data) is set, f"asyncio.tasks.{name}.data is no set"
            assert weakref.ref(task) in data, f"asyncio.tasks.{name} misses a task"
        assert task in asyncio.all_tasks(asyncio.get_running_loop())
        task.cancel()

    run(main())


if sys.version_info[:2] in {(3, 12), (3, 13)}:

    def test_set_of_eager_tasks() -> None:
        """Eager tasks in their first step are in a set of their own."""
        inside: list[bool] = []

        async def step() -> None:
            task = asyncio.current_task()
            inside.append(task in private(asyncio.tasks, "_eager_tasks"))

        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.set_task_factory(private(asyncio, "eager_task_factory"))
            await loop.create_task(step())

        run(main())
        assert inside == [True], "asyncio.tasks._eager_tasks misses an eager task"


def test_future_that_a_task_waits_for() -> None:
    """`_fut_waiter` is None or the future."""

    async def main() -> None:
        task: Any = asyncio.ensure_future(asyncio.Event().wait())
        before = task._fut_waiter
        await asyncio.sleep(0)
        assert before is None
        assert isinstance(task._fut_waiter, asyncio.Future)
        task.cancel()

    run(main())


def test_coroutine_of_a_task() -> None:
    """`_coro` is the task's coroutine; of an eager task that has ended it is None, not a crash."""

    async def main() -> None:
        coroutine = asyncio.Event().wait()
        task: Any = asyncio.ensure_future(coroutine)
        assert task._coro is coroutine
        task.cancel()
        if sys.version_info >= (3, 12):
            ended: Any = asyncio.eager_task_factory(asyncio.get_running_loop(), nothing())
            assert ended._coro is None

    async def nothing() -> None: ...

    run(main())


def test_cancellation_that_waits() -> None:
    """`_must_cancel` tells of a cancellation that is not delivered (all we have on 3.10)."""

    async def main() -> None:
        task: Any = asyncio.ensure_future(asyncio.Event().wait())
        task.cancel()
        assert task._must_cancel is True

    run(main())


def test_running_loop() -> None:
    """`_get_running_loop` gives None where no loop runs."""

    async def main() -> bool:
        return asyncio._get_running_loop() is asyncio.get_running_loop()

    assert asyncio._get_running_loop() is None
    assert run(main()) is True


def test_current_loop_of_the_policy() -> None:
    """The policy keeps the thread's current loop in `_local._loop`."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        policy = private(asyncio.events, "_event_loop_policy")
        assert policy._local._loop is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_thread_of_a_loop() -> None:
    """The stdlib's loop keeps its thread's id in `_thread_id`, and None while it does not run."""
    loop: Any = asyncio.new_event_loop()
    assert loop._thread_id is None

    async def main() -> Any:
        return loop._thread_id

    assert loop.run_until_complete(main()) is not None
    assert loop._thread_id is None
    loop.close()


def test_silence_about_a_pending_task(caplog: pytest.LogCaptureFixture) -> None:
    """A task whose `_log_destroy_pending` is false is collected without a word; see the console."""
    loop = asyncio.new_event_loop()
    for told in (True, False):
        task = loop.create_task(asyncio.sleep(0))
        task._log_destroy_pending = told  # type: ignore[attr-defined]
        task.get_coro().close()
        loop._ready.clear()  # type: ignore[attr-defined]
        del task
        gc.collect()
        assert len(caplog.records) == 1
    loop.close()


def test_names_of_opaque_awaitables() -> None:
    """The C types that hide what they await have the names that we know."""
    coroutine = leaf(Forever)
    with contextlib.closing(coroutine):
        seen = {type(coroutine.__await__()).__name__, "FutureIter"}
    for make in MAKERS:
        awaitable = make(numbers(Forever))
        seen.add(type(awaitable).__name__)
        suspend(awaitable)
    assert seen == frames.OPAQUE


MAKERS: list[Any] = [
    lambda generator: generator.asend(None),
    lambda generator: generator.aclose(),
    lambda generator: anext(generator, None),
]


def suspend(awaitable: Any) -> None:
    """Begin and end it, for an awaitable that was never awaited warns."""
    iterator = awaitable.__await__()
    with contextlib.suppress(StopIteration, StopAsyncIteration, RuntimeError, TypeError):
        iterator.send(None)
        iterator.close()


def test_future_iterator() -> None:
    """The iterator of a future refers to it."""

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        iterator = future.__await__()
        assert type(iterator).__name__ == "FutureIter"
        assert future in gc.get_referents(iterator)

    run(main())


def test_first_referent_of_opaque_awaitables() -> None:
    """What is awaited comes before what is sent, as it is traversed first."""
    generator, sent = numbers(Forever), (each for each in "abc")
    first, second = generator.asend(None), generator.asend(sent)  # type: ignore[arg-type]
    referents = gc.get_referents(second)
    suspend(first)
    suspend(second)
    assert [each for each in referents if not isinstance(each, type)] == [generator, sent]


def test_reference_counts() -> None:
    """The calibrated count tells an object of ours alone from one with another owner."""
    other = object()
    assert list(ownership._unowned([other], ownership.ONLY_OURS)) == []
    assert len(list(ownership._unowned([object()], ownership.ONLY_OURS))) == 1
    assert ownership.ONLY_OURS <= 4


def test_a_loop_that_rests() -> None:
    """The stdlib's loop waits in `_run_once`, without `Handle._run`, which is below each call."""
    from aiomonitor.backends._asyncio.running import is_resting

    seen: list[bool | None] = []

    def look(ident: int) -> None:
        seen.append(is_resting(frames.thread_points(ident)))

    async def main() -> None:
        ident = threading.get_ident()
        blocked = threading.Thread(target=look, args=(ident,))
        blocked.start()
        blocked.join()
        while True not in seen:
            await asyncio.to_thread(look, ident)

    run(asyncio.wait_for(main(), 30))
    assert seen[0] is False, "Handle._run is not below what the loop calls"


def test_the_current_task_of_another_thread() -> None:
    """`current_task(loop)` tells it in any thread."""
    seen: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=lambda: seen.append(asyncio.current_task(loop)))
        thread.start()
        thread.join()
        assert seen == [asyncio.current_task()]

    run(main())
