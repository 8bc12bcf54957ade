"""What only a run of real code can show: blocked loops, races, asyncio's own awaitables."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends import detect
from aiomonitor.backends.frames import function_name, symbolise, thread_points
from aiomonitor.model import CancelOutcome

from . import kinds
from .applications import PATIENCE, LoopApplication, find, names

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.backends.values import AwaitChain


def functions(chain: AwaitChain) -> list[str]:
    return [point.code.co_name for point in chain.points]


# ---- listing


def test_tasks_of_another_loop_are_left_out(loop_application: LoopApplication) -> None:
    """Each backend lists the tasks of its own loop."""
    other = LoopApplication(asyncio.new_event_loop, eager=False)
    try:
        other.spawn("theirs", kinds.plain)
        loop_application.spawn("ours", kinds.plain)
        assert names(loop_application.backend) == ["ours"]
        assert names(other.backend) == ["theirs"]
    finally:
        other.close()


def test_listing_under_churn(loop_application: LoopApplication) -> None:
    """Listings are right about the tasks that stay, while others come and go at full speed."""
    for number in range(300):
        loop_application.spawn(f"stays-{number}", kinds.plain)
    stop = threading.Event()

    async def churn() -> None:
        while not stop.is_set():
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(50)))

    loop_application.start("churn", churn())
    backend = loop_application.backend
    for _ in range(30):
        listed = [backend.facts(task).name for task in backend.live_tasks()]
        stays = sorted(name for name in listed if name.startswith("stays-"))
        assert stays == sorted(f"stays-{number}" for number in range(300))
    stop.set()


def test_chains_under_churn(loop_application: LoopApplication) -> None:
    """Chains and places can be read of tasks that come and go at full speed."""
    stop = threading.Event()

    async def numbers() -> Any:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    async def step() -> None:
        async for _ in numbers():
            pass

    async def churn() -> None:
        while not stop.is_set():
            await asyncio.gather(*(step() for _ in range(20)))

    loop_application.start("churn", churn())
    backend = loop_application.backend
    for _ in range(100):
        for task in backend.live_tasks():
            backend.facts(task)
            backend.innermost(task)
            outermost = functions(backend.await_chain(task))[:1]
            # While it starts an eager task, one that runs has that one's frames on its stack.
            assert outermost in ([], [backend.names(task)[1].rpartition(".")[2]])
            del task
    stop.set()


def test_a_task_class_with_slots_gets_a_number(loop_application: LoopApplication) -> None:
    """An object that takes no attributes has its number kept beside it."""

    class Slotted:
        __slots__ = ("__weakref__",)

    task = Slotted()
    assert loop_application.backend.number_of(task) is None
    loop_application.backend.set_number(task, 3)
    assert loop_application.backend.number_of(task) == 3


def test_two_monitors_number_for_themselves(loop_application: LoopApplication) -> None:
    """Another monitor's numbers are not taken for one's own."""
    loop_application.spawn("task", kinds.plain)
    task = find(loop_application.backend, "task")
    loop_application.backend.set_number(task, 3)
    assert detect(loop_application.loop).number_of(task) is None


# ---- facts


class Name(str):
    """A task name may be of any class."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


def test_a_name_becomes_a_plain_string(loop_application: LoopApplication) -> None:
    """A name that is an instance of a subclass of str is given as a str, surrogates and all."""
    loop_application.spawn("plain", kinds.plain)
    task: Any = find(loop_application.backend, "plain")
    task.set_name(Name("odd \udcff"))
    name = loop_application.backend.facts(task).name
    assert type(name) is str
    assert name == "odd \udcff"


class HostileTask(asyncio.Task[Any]):
    """Raises where it is asked."""

    def get_name(self) -> str:
        raise ZeroDivisionError

    def get_coro(self) -> Any:
        raise ZeroDivisionError


def test_a_task_class_that_raises(loop_application: LoopApplication) -> None:
    """What a task class raises when it is read costs that value only."""
    made: list[HostileTask] = []

    def make() -> None:
        made.append(HostileTask(kinds.plain(loop_application.loop.create_future)))

    loop_application.call(make)
    (task,) = made
    backend = loop_application.backend
    assert backend.facts(task).name == "HostileTask"
    assert backend.innermost(task) == (None, "")
    assert backend.await_chain(task).points == ()
    loop_application.call(task.cancel)


def test_a_running_task_that_asks_about_itself(loop_application: LoopApplication) -> None:
    """In the loop's thread, the task that asks is running and sees its own stack."""
    seen: list[Any] = []
    backend = loop_application.backend

    async def asks() -> None:
        asyncio.current_task().set_name("asks")  # type: ignore[union-attr]
        task = find(backend, "asks")
        seen.append(backend.facts(task).state)
        seen.append(functions(backend.await_chain(task))[0])

    loop_application.run(asks())
    assert seen == ["running", "asks"]


def test_a_woken_task_is_runnable(loop_application: LoopApplication) -> None:
    """Between its wake-up and its next step a task is runnable."""
    loop_application.spawn("woken", kinds.plain)
    backend = loop_application.backend
    states: list[str] = []

    def wake() -> None:
        task = find(backend, "woken")
        loop_application.futures["woken"].set_result(None)
        states.append(backend.facts(task).state)

    loop_application.call(wake)
    assert states == ["runnable"]


def test_cancelling_is_counted(loop_application: LoopApplication) -> None:
    """A task that has been cancelled and has not ended says so."""
    loop_application.spawn("task", kinds.plain)
    backend = loop_application.backend
    counts: list[int] = []

    def look() -> None:
        task: Any = find(backend, "task")
        loop_application.futures["task"].set_result(
            None
        )  # so that it's for the task to be cancelled
        task.cancel()
        counts.append(backend.facts(task).cancelling)

    loop_application.call(look)
    assert counts == [1]


# ---- asyncio's own awaitables


async def in_timeout() -> None:
    if hasattr(asyncio, "timeout"):
        async with asyncio.timeout(3600):
            await asyncio.sleep(3600)
    else:
        await asyncio.sleep(3600)


async def in_wait_for() -> None:
    await asyncio.wait_for(asyncio.Event().wait(), 3600)


async def in_gather() -> None:
    await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(3600))


async def in_queue() -> None:
    await asyncio.Queue[int]().get()


async def in_task() -> None:
    await asyncio.ensure_future(asyncio.sleep(3600))


async def in_lock() -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    async with lock:
        pass


@pytest.mark.parametrize(
    ("waits", "awaits", "awaiting"),
    [
        (in_timeout, "sleep", "Future"),
        (in_wait_for, "wait_for", "Future"),
        (in_gather, "", "_GatheringFuture"),
        (in_queue, "Queue.get", "Future"),
        (in_task, "", "Task"),
        (in_lock, "Lock.acquire", "Future"),
    ],
)
def test_innermost_outside_of_the_library(
    loop_application: LoopApplication,
    waits: Callable[[], Coroutine[Any, Any, None]],
    awaits: str,
    awaiting: str,
) -> None:
    """A listing shows the application's line and the library's function that it waits in."""
    loop_application.start("waits", waits())
    backend = loop_application.backend
    task = find(backend, "waits")
    point, awaited = backend.innermost(task)
    assert point is not None
    assert point.code is waits.__code__
    assert awaited in {awaits, awaits.rpartition(".")[2]}
    chain = backend.await_chain(task)
    assert chain.awaiting == awaiting
    assert chain.points[0] == point


# ---- a loop that is blocked


def sleep_in(released: threading.Event, entered: threading.Event) -> None:
    entered.set()
    while not released.is_set():
        time.sleep(0.01)


def spin_in(released: threading.Event, entered: threading.Event) -> None:
    entered.set()
    while not released.is_set():
        pass


@contextlib.contextmanager
def blocked_by(
    application: LoopApplication, block: Callable[[threading.Event, threading.Event], None]
) -> Any:
    """The loop's thread is inside of `block`, called by a task, until the end of the context."""
    released, entered = threading.Event(), threading.Event()
    limit = threading.Timer(PATIENCE, released.set)
    limit.start()

    async def inner() -> None:
        block(released, entered)

    async def blocker() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("blocker")
        await inner()

    def make() -> None:
        application.futures["blocker"] = application.loop.create_task(blocker())

    application.loop.call_soon_threadsafe(make)
    assert entered.wait(PATIENCE)
    try:
        yield
        assert not released.is_set(), "the answers came after the loop went on"
    finally:
        released.set()
        limit.cancel()
        application.call(lambda: None)


@pytest.mark.parametrize("block", [sleep_in, spin_in])
def test_a_task_that_blocks_the_loop(loop_application: LoopApplication, block: Any) -> None:
    """While a task blocks the loop, its whole stack can be read, synchronous frames included."""
    loop_application.spawn("waits", kinds.plain)
    backend = loop_application.backend
    with blocked_by(loop_application, block):
        task = find(backend, "blocker")
        assert backend.facts(task).state == "running"
        shown = functions(backend.await_chain(task))
        assert shown[:3] == ["blocker", "inner", block.__name__]
        assert backend.await_chain(task).awaiting == ""
        point, _ = backend.innermost(task)
        assert point is not None
        waits = find(backend, "waits")
        assert backend.facts(waits).state == "waiting"
        assert functions(backend.await_chain(waits)) == ["plain", "leaf"]


@pytest.mark.parametrize("block", [sleep_in, spin_in])
def test_thread_of_a_blocked_loop(loop_application: LoopApplication, block: Any) -> None:
    """The loop's thread shows what blocks it."""
    backend = loop_application.backend
    loop_application.call(lambda: None)
    with blocked_by(loop_application, block):
        thread_id = backend.loop_thread_id()
        assert thread_id == loop_application.thread.ident
        assert thread_id is not None
        shown = [function_name(point.code) for point in thread_points(thread_id)]
        assert any(name.endswith(block.__name__) for name in shown)
        assert all(symbolise(point).lineno for point in thread_points(thread_id))


# ---- cancelling


def test_the_application_sees_a_plain_cancellation(loop_application: LoopApplication) -> None:
    """The exception carries no message of ours."""
    loop_application.spawn_stubborn("ignores")
    backend = loop_application.backend
    assert backend.cancel(find(backend, "ignores"), 0.05) is CancelOutcome.REQUESTED
    assert loop_application.received == ["CancelledError()"]


def test_asking_again_joins_the_posted_request(loop_application: LoopApplication) -> None:
    """However often a blocked loop is asked, the task is cancelled once when it goes on."""
    loop_application.spawn_stubborn("ignores")
    backend = loop_application.backend
    task = find(backend, "ignores")
    loop_application.block()
    for _ in range(3):
        assert backend.cancel(task, 0) is CancelOutcome.UNRESPONSIVE
    loop_application.unblock()
    loop_application.run(asyncio.sleep(0))
    assert loop_application.received == ["CancelledError()"]


def test_two_threads_wait_for_one_request(loop_application: LoopApplication) -> None:
    """Everybody who waits for the same request hears that the task has ended."""
    loop_application.spawn("obeys", kinds.plain)
    backend = loop_application.backend
    task = find(backend, "obeys")
    loop_application.block()
    outcomes: list[CancelOutcome] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(backend.cancel(task, PATIENCE)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    loop_application.unblock()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(outcomes) == 3
    # Who comes late finds it done already, when the loop was quicker.
    assert set(outcomes) <= {CancelOutcome.ENDED, CancelOutcome.ALREADY_DONE}


@pytest.mark.parametrize("halted", [False, True])
def test_no_callback_is_left_behind(loop_application: LoopApplication, halted: bool) -> None:
    """When the wait is over, the task has no callback of ours any more."""
    loop_application.spawn_stubborn("ignores")
    backend = loop_application.backend
    task: Any = find(backend, "ignores")
    if halted:
        loop_application.block()
    backend.cancel(task, 0.05)
    if halted:
        loop_application.unblock()
    loop_application.call(lambda: None)
    assert not task._callbacks


def test_cancel_in_the_loops_own_thread(loop_application: LoopApplication) -> None:
    """In the loop's thread a request is delivered and not waited for."""
    loop_application.spawn("obeys", kinds.plain)
    backend = loop_application.backend
    task = find(backend, "obeys")
    outcome = loop_application.call(lambda: backend.cancel(task, PATIENCE))
    assert outcome is CancelOutcome.REQUESTED
    loop_application.run(asyncio.sleep(0))
    assert names(backend) == []
    assert loop_application.call(lambda: backend.cancel(task, 0)) is CancelOutcome.ALREADY_DONE


class Uncancellable(asyncio.Task[Any]):
    """Raises where it is cancelled."""

    angry = True

    def cancel(self, msg: Any = None) -> bool:
        if self.angry:
            raise ZeroDivisionError
        return super().cancel(msg)


def test_a_task_class_that_cannot_be_cancelled(loop_application: LoopApplication) -> None:
    """What `cancel` raises is not the loop's business."""
    made: list[Uncancellable] = []
    future = loop_application.call(loop_application.loop.create_future)
    loop_application.call(lambda: made.append(Uncancellable(kinds.plain(lambda: future))))
    assert loop_application.backend.cancel(made[0], PATIENCE) is CancelOutcome.UNSUPPORTED
    assert loop_application.complaints == []
    made[0].angry = False


# ---- the loop's thread


def test_a_loop_that_moves_to_another_thread(loop_application: LoopApplication) -> None:
    """After a stop the loop's thread is asked for anew."""
    backend: Backend = loop_application.backend
    loop_application.call(lambda: None)
    assert backend.loop_thread_id() == loop_application.thread.ident
    loop_application.stop()
    assert backend.loop_thread_id() is None
    loop_application.resume()
    backend.loop_thread_id()
    loop_application.call(lambda: None)
    assert backend.loop_thread_id() == loop_application.thread.ident


def test_thread_id_in_the_loops_thread(loop_application: LoopApplication) -> None:
    """Asked in the loop's own thread, the answer is right at once."""
    backend = loop_application.backend
    assert loop_application.call(backend.loop_thread_id) == loop_application.thread.ident


def test_task_is_kept_alive_by_nobody(loop_application: LoopApplication) -> None:
    """A task that ended is gone when the application lets go of it, whatever was asked about it."""
    loop_application.spawn("task", kinds.plain)
    backend = loop_application.backend

    def look() -> weakref.ref[TaskHandle]:
        task = find(backend, "task")
        backend.set_number(task, 1)
        backend.facts(task)
        backend.await_chain(task)
        assert backend.cancel(task, PATIENCE) is CancelOutcome.ENDED
        return weakref.ref(task)

    reference = look()
    loop_application.futures.clear()
    loop_application.call(lambda: None)
    loop_application.call(lambda: None)
    assert reference() is None
