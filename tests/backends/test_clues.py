"""What tells more than the wait of a task: who has a lock, who else knows an object, and mishaps.

These tests also notice when Python changes what is private: each fails with the name of the part.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import concurrent.futures
import concurrent.futures.thread
import contextlib
import gc
import sys
import threading
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from aiomonitor.backends import detect, knowledge
from aiomonitor.backends._asyncio import mishaps as mishaps_module
from aiomonitor.backends._asyncio.mishaps import noting_warner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine


class Room:
    """A loop with a backend, where a test's coroutines run; looked at by another thread."""

    def __init__(self) -> None:
        self.backend: Any = None
        self.tasks: dict[str, asyncio.Task[Any]] = {}

    def run(self, body: Callable[[Room], Coroutine[Any, Any, Any]]) -> Any:
        """Run a test's body, and end what it has begun."""

        async def main() -> Any:
            self.backend = detect(None, hooked=True)
            self.backend.attach()
            try:
                return await body(self)
            finally:
                self.backend.detach()
                while left := [task for task in self.tasks.values() if not task.done()]:
                    for task in left:
                        task.cancel()
                    await asyncio.wait(left, timeout=0.05)

        return asyncio.run(main())

    async def start(self, name: str, coroutine: Coroutine[Any, Any, Any]) -> None:
        """A task, until it waits."""
        self.tasks[name] = asyncio.create_task(coroutine)
        for _ in range(5):
            await asyncio.sleep(0)

    async def look(self, read: Callable[..., Any], *names: str) -> Any:
        """What another thread reads of these tasks."""
        references = [weakref.ref(self.tasks[name]) for name in names]
        return await asyncio.to_thread(lambda: read(*(each() for each in references)))


async def held(lock: Any) -> None:
    async with lock:
        await asyncio.get_running_loop().create_future()


async def by_stack(lock: Any) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(lock)
        await asyncio.get_running_loop().create_future()


@contextlib.asynccontextmanager
async def managed(lock: Any) -> AsyncIterator[None]:
    async with lock:
        yield


async def by_manager(lock: Any) -> None:
    async with managed(lock):
        await asyncio.get_running_loop().create_future()


async def waits_for(condition: asyncio.Condition) -> None:
    async with condition:
        await condition.wait()


async def rows(lock: Any) -> AsyncIterator[int]:
    async with lock:
        yield 1


async def between_rows(lock: Any) -> None:
    async for _ in rows(lock):
        await asyncio.get_running_loop().create_future()


async def in_row(lock: Any) -> None:
    async def inner() -> AsyncIterator[int]:
        async with lock:
            await asyncio.get_running_loop().create_future()
            yield 1

    async for _ in inner():
        pass


@pytest.mark.parametrize("way", [held, by_stack, by_manager, between_rows, in_row])
@pytest.mark.parametrize("kind", [asyncio.Lock, asyncio.Semaphore, asyncio.Condition])
def test_who_has_a_lock(way: Any, kind: Any) -> None:
    """In an `async with` block, an exit stack, a context manager of one's own, or an async
    generator that it iterates over; who only waits for it does not have it."""

    async def body(room: Room) -> None:
        lock = kind()
        await room.start("has", way(lock))
        await room.start("wants", way(lock))
        inner = getattr(lock, "_lock", lock)
        expected = [(id(inner), type(inner).__name__)]
        assert await room.look(room.backend.clues.holds, "has") == expected
        if kind is not asyncio.Semaphore:
            assert await room.look(room.backend.clues.holds, "wants") == []

    Room().run(body)


def test_who_has_anyios_semaphore() -> None:
    """It does not tell either; limiters do."""

    async def body(room: Room) -> None:
        semaphore, limiter = anyio.Semaphore(1), anyio.CapacityLimiter(1)
        for name, lock in (("semaphore", semaphore), ("limiter", limiter)):
            await room.start(f"{name} has", held(lock))
            await room.start(f"{name} wants", held(lock))
        holds = room.backend.clues.holds
        assert await room.look(holds, "semaphore has") == [(id(semaphore), "Semaphore")]
        assert await room.look(holds, "semaphore wants") == []
        numbers = {task: number for number, task in enumerate(room.tasks.values())}
        wait = await room.look(
            lambda task: room.backend.wait_of(task, numbers.__getitem__), "limiter wants"
        )
        assert wait.holders == (numbers[room.tasks["limiter has"]],)

    Room().run(body)


def test_a_condition_is_given_back_by_who_waits_for_it() -> None:
    """Its lock is free meanwhile."""

    async def body(room: Room) -> None:
        await room.start("waits", waits_for(asyncio.Condition()))
        assert await room.look(room.backend.clues.holds, "waits") == []

    Room().run(body)


def test_a_lock_taken_by_hand() -> None:
    """Whose code releases something, and who knows the lock, may have it."""

    async def by_hand(lock: asyncio.Lock) -> None:
        await lock.acquire()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            lock.release()

    async def body(room: Room) -> None:
        lock = asyncio.Lock()
        await room.start("has", by_hand(lock))
        await room.start("other", by_hand(asyncio.Lock()))
        clues = room.backend.clues
        assert await room.look(lambda task: list(clues.may_hold(task, [id(lock)])), "has") == [
            id(lock)
        ]
        assert await room.look(lambda task: list(clues.may_hold(task, [id(lock)])), "other") == []

    Room().run(body)


async def waits(event: asyncio.Event) -> None:
    await event.wait()


class Owner:
    """Has its event to itself."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    async def run(self) -> None:
        await self.event.wait()


async def future() -> None:
    mine = asyncio.get_running_loop().create_future()
    await mine


async def idiom() -> None:
    await asyncio.Event().wait()


def test_what_nobody_else_knows() -> None:
    """References are counted: an event in a variable of somebody else's is not forgotten, and
    `await Event().wait()` is meant so."""

    async def body(room: Room) -> None:
        event = asyncio.Event()
        owner = Owner()
        await room.start("forgotten", waits(asyncio.Event()))
        await room.start("known", waits(event))
        await room.start("its own", Owner().run())
        await room.start("another's", owner.run())
        await room.start("future", future())
        await room.start("idiom", idiom())
        clues = room.backend.clues

        def is_forgotten(task: Any) -> bool:
            wait = room.backend.wait_of(task, lambda _: 1)
            reference = weakref.ref(task)
            del task
            return bool(clues.is_forgotten([reference], wait.object_id))

        found = {name: await room.look(is_forgotten, name) for name in room.tasks}
        assert found == {
            "forgotten": True,
            "known": False,
            "its own": True,
            "another's": False,
            "future": True,
            "idiom": False,
        }
        assert not event.is_set()
        assert owner.event is not event

    Room().run(body)


def test_counting_references() -> None:
    """The list's own is not among them."""
    thing = object()
    assert knowledge.references([object()]) == 0
    assert knowledge.references([thing]) == 1
    also = thing
    assert knowledge.references([also]) == 2


def test_a_task_that_nobody_refers_to() -> None:
    """But what it waits for."""

    async def body(room: Room) -> None:
        event = asyncio.Event()
        await room.start("kept", waits(event))
        reference = weakref.ref(asyncio.create_task(waits(event)))
        await asyncio.sleep(0.1)
        kept = weakref.ref(room.tasks["kept"])
        clues = room.backend.clues
        assert await asyncio.to_thread(clues.is_loose, reference)
        assert not await asyncio.to_thread(clues.is_loose, kept)
        event.set()
        await asyncio.sleep(0)

    Room().run(body)


def test_how_a_cancellation_is_taken() -> None:
    """Handled in a `finally` block, or swallowed."""

    async def cleans() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.get_running_loop().create_future()

    async def swallows() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        await asyncio.get_running_loop().create_future()

    over = threading.Event()

    async def spins() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        while not over.is_set():  # noqa: ASYNC110 - it never waits
            await asyncio.sleep(0)

    async def body(room: Room) -> None:
        for name, coroutine in (
            ("cleans", cleans()),
            ("swallows", swallows()),
            ("spins", spins()),
        ):
            await room.start(name, coroutine)
            room.tasks[name].cancel()
            assert room.backend.clues.cancel_state(room.tasks[name]) == "requested"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await room.look(room.backend.clues.cancel_state, "cleans") == "handled"
        assert await room.look(room.backend.clues.cancel_state, "swallows") == "swallowed"
        assert await room.look(room.backend.clues.cancel_state, "spins") == "swallowed"
        over.set()

    Room().run(body)


def test_timeouts_end_waits() -> None:
    """`wait_for`, and from 3.11 on `timeout`; and in how many seconds."""

    async def limited() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 60)

    async def body(room: Room) -> None:
        await room.start("limited", limited())
        await room.start("unlimited", idiom())
        assert await room.look(room.backend.clues.expires, "limited")
        assert not await room.look(room.backend.clues.expires, "unlimited")
        assert 0 < await room.look(room.backend.clues.time_left, "limited") <= 60
        assert await room.look(room.backend.clues.time_left, "unlimited") is None

    Room().run(body)


def test_how_long_a_task_has_waited() -> None:
    """Since it was first noted; another wait begins anew."""

    async def twice(events: list[asyncio.Event]) -> None:
        for event in events:
            await event.wait()

    async def body(room: Room) -> None:
        events = [asyncio.Event(), asyncio.Event()]
        await room.start("twice", twice(events))
        since = room.backend.clues.waited_since
        assert await room.look(lambda task: since(task, 5.0, note=False), "twice") is None
        assert await room.look(lambda task: since(task, 5.0, note=True), "twice") == 5.0
        assert await room.look(lambda task: since(task, 9.0, note=True), "twice") == 5.0
        events[0].set()
        await asyncio.sleep(0.01)
        assert await room.look(lambda task: since(task, 12.0, note=True), "twice") == 12.0

    Room().run(body)


def test_the_executor() -> None:
    """What its threads run, and how many calls wait."""

    async def body(room: Room) -> None:
        loop = asyncio.get_running_loop()
        assert room.backend.clues.executor() is None
        pool = concurrent.futures.ThreadPoolExecutor(2)
        loop.set_default_executor(pool)
        release, running = threading.Event(), threading.Semaphore(0)

        def slow() -> None:
            running.release()
            release.wait(20)

        calls = [loop.run_in_executor(None, slow) for _ in range(5)]
        for _ in range(2):
            running.acquire(timeout=20)
        found = room.backend.clues.executor()
        release.set()
        await asyncio.gather(*calls)
        assert (found.limit, found.queued) == (2, 3)
        assert [job.function.rsplit(".", 1)[-1] for job in found.running] == ["slow", "slow"]
        assert len({job.key for job in found.running}) == 2

    Room().run(body)


def test_uvloops_executor() -> None:
    """uvloop shows its own to nobody but the garbage collector."""
    uvloop: Any = pytest.importorskip("uvloop", reason="needs the package uvloop")

    async def main() -> tuple[Any, Any]:
        backend: Any = detect(None, hooked=False)
        before = backend.clues.executor()
        await asyncio.to_thread(len, "")
        return before, backend.clues.executor()

    loop = uvloop.new_event_loop()
    try:
        before, after = loop.run_until_complete(main())
        assert before is None
        assert (after.limit > 0, after.queued) == (True, 0)
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


# --- mishaps --------------------------------------------------------------------------------------


def test_exceptions_never_retrieved() -> None:
    """Noted, and handed on to the application's handler as before."""

    async def fails() -> None:
        raise ValueError("unseen")

    async def body(room: Room) -> None:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        task: Any = asyncio.create_task(fails())
        while not task.done():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        del task
        while not told:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        [found] = room.backend.clues.mishaps()
        assert (found.kind, found.text) == ("exception never retrieved", "ValueError: unseen")
        assert found.coroutine.endswith("fails")
        assert found.place.code.co_name == "fails"
        assert told[0]["message"] == "Task exception was never retrieved"
        told.clear()

    Room().run(body)


def test_failures_that_nobody_has_looked_at() -> None:
    """A task that failed is told of while somebody keeps it, until it is asked for its result."""

    async def fails() -> None:
        raise ValueError("unseen")

    async def body(room: Room) -> None:
        await room.start("kept", fails())
        kept, clues = room.tasks["kept"], room.backend.clues
        while not (told := await asyncio.to_thread(clues.mishaps)):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
        [found] = told
        assert (found.kind, found.text) == ("failure unnoticed", "ValueError: unseen")
        assert found.coroutine.endswith("fails")
        assert found.place.code.co_name == "fails"
        assert isinstance(kept.exception(), ValueError)
        assert await asyncio.to_thread(clues.mishaps) == []

    Room().run(body)


def test_a_gather_that_nobody_awaits() -> None:
    """Its exception is one that nobody retrieved, too."""

    async def fails() -> None:
        raise ValueError("unseen")

    async def body(room: Room) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        both: Any = asyncio.gather(fails())
        while not both.done():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        del both
        while not (told := room.backend.clues.mishaps()):
            gc.collect()
            await asyncio.sleep(0.01)
        [found] = told
        assert (found.kind, found.text) == ("exception never retrieved", "ValueError: unseen")

    Room().run(body)


def test_the_loop_is_left_as_it_was() -> None:
    """Neither the loop nor the module of warnings has anything of ours."""

    async def body(room: Room) -> None:
        pass

    before = getattr(warnings, "_warn_unawaited_coroutine")  # noqa: B009
    room = Room()

    async def both(inner: Room) -> None:
        loop = asyncio.get_running_loop()
        assert "call_exception_handler" in vars(loop)
        inner.backend.detach()
        assert "call_exception_handler" not in vars(loop)
        await body(inner)

    room.run(both)
    assert getattr(warnings, "_warn_unawaited_coroutine") is before  # noqa: B009
    assert mishaps_module._original is None


async def never() -> None:
    """Called, and not awaited."""


def test_coroutines_never_awaited() -> None:
    """The warning is what it would have been, of the same line."""

    async def body(room: Room) -> None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            never()  # type: ignore[unused-coroutine]
            line = sys._getframe().f_lineno - 1
        [warning] = caught
        assert (warning.filename, warning.lineno) == (__file__, line)
        assert str(warning.message) == "coroutine 'never' was never awaited"
        [found] = room.backend.clues.mishaps()
        assert (found.kind, found.coroutine) == ("coroutine never awaited", "never")
        assert found.place.code.co_name == "body"

    Room().run(body)


def test_a_warner_that_is_unknown() -> None:
    """Then nothing is replaced."""
    assert noting_warner(None) is None
    assert noting_warner(print) is None
    assert noting_warner(lambda coroutine: None) is None


# --- what is private ------------------------------------------------------------------------------


def test_private_parts() -> None:
    """What clues are read from."""
    mixin: Any = asyncio.locks._ContextManagerMixin
    assert mixin.__aenter__.__code__.co_varnames == ("self",)
    item = concurrent.futures.thread._WorkItem
    assert item.run.__code__.co_varnames[0] == "self"
    pool = concurrent.futures.ThreadPoolExecutor(1)
    assert (pool._max_workers, pool._work_queue.qsize(), pool._threads) == (1, 0, set())
    assert asyncio.Condition()._lock  # type: ignore[attr-defined]
    stack: Any = contextlib.AsyncExitStack()
    assert hasattr(stack, "_exit_callbacks")
    names = ("_AsyncGeneratorContextManager", "_GeneratorContextManager", "_BaseExitStack")
    assert all(isinstance(getattr(contextlib, name, None), type) for name in names)
    if sys.version_info >= (3, 11):
        assert hasattr(asyncio.Timeout(1.0), "_when")
    assert "warn" in warnings._warn_unawaited_coroutine.__code__.co_names  # type: ignore[attr-defined]


def test_the_main_task() -> None:
    """The run ends with it."""

    async def body(room: Room) -> None:
        room.tasks.clear()
        main: Any = asyncio.current_task()
        assert room.backend.clues.is_main(main)
        await room.start("other", idiom())
        assert not await room.look(room.backend.clues.is_main, "other")

    Room().run(body)
