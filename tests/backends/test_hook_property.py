"""Whatever tasks do, in whatever order: each is told of exactly once, and the hook is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiomonitor.backends._asyncio.hook import TaskHook

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ["return", "fail", "wait", "stubborn", "spawn", "cancel itself"]

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.sampled_from(KINDS)),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("forget"), st.integers(0, 20)),
        st.tuples(st.just("rounds"), st.sampled_from([1, 2, 3, 5, 40])),
        st.tuples(st.just("collect"), st.none()),
        st.tuples(st.just("drain"), st.integers(1, 5)),
    ),
    max_size=40,
)


async def body(kind: str) -> None:
    me: Any = asyncio.current_task()
    if kind == "fail":
        raise ValueError(kind)
    if kind == "spawn":
        await asyncio.create_task(body("return"))
    if kind == "cancel itself":
        me.cancel()
        await asyncio.sleep(0)
    if kind in ("wait", "stubborn"):
        with contextlib.ExitStack() as stack:
            if kind == "stubborn":
                stack.enter_context(contextlib.suppress(asyncio.CancelledError))
            await asyncio.get_running_loop().create_future()


@contextlib.contextmanager
def hooked(limit: int) -> Iterator[tuple[asyncio.AbstractEventLoop, TaskHook]]:
    """A loop with a hook, which has to be there at the end."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)
    hook = TaskHook(loop, limit=limit)
    hook.install()
    try:
        yield loop, hook
        assert hook.active
    finally:
        hook.uninstall()
        loop.close()


class Run:
    """Executes operations on a hooked loop; counts the tasks that it made."""

    def __init__(self, hook: TaskHook) -> None:
        self._hook = hook
        self._tasks: list[Any] = []
        self.ended: list[Any] = []

    async def run(self, operations: list[tuple[str, Any]]) -> None:
        for name, argument in operations:
            await getattr(self, f"_{name}")(argument)
        for task in self._tasks:
            task.cancel()
        await self._rounds(60)
        self._tasks.clear()
        await self._collect(None)
        await self._rounds(2)

    async def _create(self, kind: str) -> None:
        self._tasks.append(asyncio.create_task(body(kind), name=kind))

    async def _cancel(self, index: int) -> None:
        if index < len(self._tasks):
            self._tasks[index].cancel()

    async def _forget(self, index: int) -> None:
        del self._tasks[index : index + 1]

    async def _rounds(self, count: int) -> None:
        for _ in range(count):
            await asyncio.sleep(0)

    async def _collect(self, _nothing: None) -> None:
        gc.collect()

    async def _drain(self, limit: int) -> None:
        drained = self._hook.drain(limit)
        assert len(drained) <= limit
        self.ended += drained


@pytest.fixture(autouse=True, scope="module")
def quick_collections() -> Iterator[None]:
    """The collections of these tests look at what they made, not at all that pytest has loaded.

    Hypothesis looks once per thread for who refers to its random numbers, and does not find what is
    frozen: it does so here, before."""
    given(st.none())(lambda _nothing: None)()
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@settings(max_examples=60, deadline=None)
@given(operations=OPERATIONS)
def test_every_task_is_told_of_once(operations: list[tuple[str, Any]]) -> None:
    """Returned, failed, cancelled, or forgotten while it waited: each number comes out once, with
    its end; nothing stays behind."""
    with hooked(10_000) as (loop, hook):
        run = Run(hook)
        loop.run_until_complete(run.run(operations))
        run.ended += hook.drain(10_000)
        numbers = sorted(record.number for record in run.ended)
        main = set(range(1, hook.next_number())) - set(numbers)
        assert len(set(numbers)) == len(numbers)
        assert len(main) <= 1, "only the task that ran the operations may still be there"
        for record in run.ended:
            assert record.is_ended
            assert record.born <= record.ended
            assert len(record.cancellations) <= 4
            assert record.outcome in ("result", "exception", "cancelled", "destroyed")
            assert record.outcome != "exception" or record.name == "fail"


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 20), counts=st.lists(st.integers(0, 30), max_size=10))
def test_bounded(limit: int, counts: list[int]) -> None:
    """What is drained and what was dropped make up all that ended; the latest are kept."""

    async def burst(count: int) -> None:
        await asyncio.gather(*(asyncio.create_task(body("return")) for _ in range(count)))

    with hooked(limit) as (loop, hook):
        for count in counts:
            loop.run_until_complete(loop.create_task(burst(count)))
            loop.run_until_complete(loop.create_task(asyncio.sleep(0)))
        dropped = hook.dropped
        drained = hook.drain(10_000)
        ended = hook.next_number() - 1
        assert len(drained) <= limit
        assert ended - 2 <= len(drained) + dropped <= ended
