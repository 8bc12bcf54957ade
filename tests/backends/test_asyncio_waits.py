"""What asyncio tasks wait for: each primitive of asyncio's and anyio's, and what has no name."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import sys
import threading
import types
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import anyio.to_thread
import pytest

from aiomonitor.backends import detect
from aiomonitor.backends.objects import FOR_EVER

from .applications import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiomonitor.model import WaitInfo

RUNNERS: dict[str, Callable[[Any], None]] = {"asyncio": asyncio.run}
with contextlib.suppress(ImportError):
    import uvloop

    RUNNERS["uvloop"] = uvloop.run


@pytest.fixture(params=list(RUNNERS))
def waits(request: pytest.FixtureRequest) -> Waits:
    """Tells what a task waits for that runs a function."""
    return Waits(RUNNERS[request.param])


class Waits:
    """Runs a function in a task called "waits", and looks when it is suspended."""

    def __init__(self, run: Callable[[Any], None]) -> None:
        self._run = run
        self.names: dict[int, str] = {}

    def number(self, task: Any) -> int:
        """Numbers the tasks that waits lead to."""
        number = next((each for each in self.names if self.names[each] == task.get_name()), None)
        number = number or len(self.names) + 1
        self.names[number] = task.get_name()
        return number

    def __call__(
        self,
        make: Callable[[], Any],
        *,
        rounds: int = 6,
        finally_: Callable[[], None] = lambda: None,
    ) -> WaitInfo:
        """`make` is called in the loop, and returns what the task awaits the result of."""
        found: list[WaitInfo | None] = []

        async def main() -> None:
            backend = detect(None, hooked=False)
            backend.attach()
            tasks = [asyncio.ensure_future(self._body(make()))]
            tasks[0].set_name("waits")
            for _ in range(rounds):
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)
            found.append(backend.wait_of(find(backend, "waits"), self.number))
            finally_()  # or the end of the run would wait for a thread
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            backend.detach()

        self._run(main())
        assert found[0] is not None
        return found[0]

    async def _body(self, function: Callable[[], Awaitable[Any]]) -> None:
        await function()


async def forever() -> None:
    """Wait for nothing."""
    await asyncio.get_running_loop().create_future()


def test_event(waits: Waits) -> None:
    """An event."""
    wait = waits(lambda: asyncio.Event().wait)
    assert (wait.kind, wait.what, wait.waiting) == ("event", "an Event", 1)
    assert wait.object_id


def test_lock(waits: Waits) -> None:
    """A lock that somebody has; asyncio does not know who."""

    async def twice() -> None:
        lock = asyncio.Lock()
        await lock.acquire()
        await lock.acquire()

    wait = waits(lambda: twice)
    assert (wait.kind, wait.what, wait.waiting) == ("lock", "a Lock", 1)


@pytest.mark.parametrize(
    ("kind", "what"),
    [(asyncio.Semaphore, "a Semaphore at 0"), (asyncio.BoundedSemaphore, "of 2")],
)
def test_semaphore(waits: Waits, kind: Any, what: str) -> None:
    """A semaphore, and how much it has left."""

    async def thrice() -> None:
        semaphore = kind(2)
        for _ in range(3):
            await semaphore.acquire()

    wait = waits(lambda: thrice)
    assert (wait.kind, wait.waiting) == ("semaphore", 1)
    assert wait.what.endswith(what)


def test_condition(waits: Waits) -> None:
    """A condition."""

    async def work() -> None:
        condition = asyncio.Condition()
        async with condition:
            await condition.wait()

    wait = waits(lambda: work)
    assert (wait.kind, wait.what, wait.waiting) == ("condition", "a Condition", 1)


def test_notified_condition(waits: Waits) -> None:
    """One that was notified waits for its lock."""

    async def work() -> None:
        condition = asyncio.Condition()

        async def notify() -> None:
            async with condition:
                condition.notify()
                await forever()

        async with condition:
            keep = asyncio.ensure_future(notify())
            await condition.wait()
            keep.cancel()

    assert waits(lambda: work).kind == "lock"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11: asyncio.Barrier")
def test_barrier(waits: Waits) -> None:
    """A barrier, and how many are there."""
    wait = waits(lambda: getattr(asyncio, "Barrier")(3).wait)  # noqa: B009 - 3.11+
    assert (wait.kind, wait.what, wait.waiting) == ("barrier", "a Barrier (1 of 3 are there)", 1)


def test_queues(waits: Waits) -> None:
    """A queue, from both ends, and until all is done."""
    wait = waits(lambda: asyncio.Queue().get)
    assert (wait.kind, wait.what, wait.waiting) == ("queue", "an item from a Queue (0 items)", 1)

    async def fill() -> None:
        queue: asyncio.Queue[int] = asyncio.LifoQueue(1)
        for _ in range(2):
            await queue.put(1)

    wait = waits(lambda: fill)
    assert (wait.what, wait.waiting) == ("room in a LifoQueue (1 of 1 items)", 1)

    async def join() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        queue.put_nowait(1)
        await queue.join()

    assert waits(lambda: join).what == "1 items of a Queue to be done"


def test_sleep(waits: Waits) -> None:
    """A timer, and what is left of it; also within a deadline."""
    wait = waits(lambda: functools.partial(asyncio.sleep, 60))
    assert (wait.kind, wait.what) == ("sleep", "a timer")
    assert wait.timeout is not None
    assert 30 < wait.timeout <= 60


def test_endless_sleep() -> None:
    """Anyio's `sleep_forever` is asyncio's `sleep` without an end; uvloop's has one, far away."""
    wait = Waits(asyncio.run)(lambda: anyio.sleep_forever)
    assert (wait.kind, wait.what, wait.timeout) == ("sleep", FOR_EVER, None)


def test_task(waits: Waits) -> None:
    """Another task, by number and name, directly or through what passes its result on."""

    async def direct() -> None:
        await asyncio.create_task(forever(), name="other")

    async def shielded() -> None:
        task = asyncio.create_task(forever(), name="other")
        try:
            await asyncio.shield(task)
        finally:
            task.cancel()

    async def timed() -> None:
        await asyncio.wait_for(asyncio.create_task(forever(), name="other"), 60)

    for function in (direct, shielded, timed):
        wait = waits(lambda function=function: function)  # type: ignore[misc]
        [number] = [number for number, name in waits.names.items() if name == "other"]
        assert (wait.kind, wait.tasks) == ("task", (number,)), function
        assert wait.what == f"task {number} (other)"


def named(count: int) -> list[asyncio.Task[None]]:
    """Tasks that wait, and one that has ended when the next one looks."""
    tasks = [asyncio.create_task(forever(), name=f"child-{index}") for index in range(count)]
    return [*tasks, asyncio.create_task(asyncio.sleep(0), name="ended")]


def test_gather(waits: Waits) -> None:
    """Of several ones, those that are outstanding."""

    async def work() -> None:
        await asyncio.gather(*named(2))

    wait = waits(lambda: work)
    assert (wait.kind, len(wait.tasks or ())) == ("tasks", 2)
    told = [f"task {number} ({waits.names[number]})" for number in wait.tasks or ()]
    assert wait.what == f"2 of 3 tasks of gather(): {', '.join(told)}"


def test_wait(waits: Waits) -> None:
    """`asyncio.wait`; more than a few are counted."""

    async def work() -> None:
        await asyncio.wait(named(6))

    wait = waits(lambda: work)
    assert (wait.kind, len(wait.tasks or ())) == ("tasks", 6)
    assert wait.what.startswith("6 of 7 tasks of wait(): task ")
    assert wait.what.endswith(", and 3 more")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11: asyncio.TaskGroup")
def test_task_group(waits: Waits) -> None:
    """A task group at its end."""

    async def work() -> None:
        async with getattr(asyncio, "TaskGroup")() as group:  # noqa: B009 - 3.11+
            for _ in range(2):
                group.create_task(forever(), name="child")

    wait = waits(lambda: work)
    assert (wait.kind, len(wait.tasks or ())) == ("tasks", 2)
    assert wait.what.startswith("2 tasks of a TaskGroup: task ")


def test_future(waits: Waits) -> None:
    """A future of unknown purpose is said to be one."""
    wait = waits(lambda: forever)
    assert (wait.kind, wait.what) == ("future", "a Future")
    assert wait.object_id


def test_threads(waits: Waits) -> None:
    """A function in a thread, or a call in an executor."""
    released = threading.Event()

    async def in_executor() -> None:
        await asyncio.get_running_loop().run_in_executor(None, released.wait, 30)

    work = functools.partial(asyncio.to_thread, released.wait, 30)
    wait = waits(lambda: work, finally_=released.set)
    assert (wait.kind, wait.what) == ("thread", "Event.wait() in a thread")
    assert wait.thread is not None
    released.clear()
    wait = waits(lambda: in_executor, finally_=released.set)
    assert (wait.kind, wait.what) == ("thread", "Event.wait() in a thread")
    assert wait.thread is not None


@contextlib.contextmanager
def quiet_server() -> Iterator[int]:
    """The port of a server that never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_stream(waits: Waits) -> None:
    """A stream, with its other end."""
    with quiet_server() as port:

        async def read() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await reader.read(1)
            finally:
                writer.close()

        async def write() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(bytes(50_000_000))
                await writer.drain()
            finally:
                writer.transport.abort()

        for function, wish in ((read, "data from"), (write, "room to write to")):
            wait = waits(lambda function=function: function)  # type: ignore[misc]
            assert wait.kind == "socket"
            assert wait.what.startswith(wish)
            assert wait.what == f"{wish} socket {wait.fd} to 127.0.0.1:{port}"


def test_socket(waits: Waits) -> None:
    """A plain socket, also with uvloop, whose own code has no frames."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)

        async def read() -> None:
            await asyncio.get_running_loop().sock_recv(near, 1)

        wait = waits(lambda: read)
        assert (wait.kind, wait.fd) == ("socket", near.fileno())
        assert wait.what == f"socket {near.fileno()} to be readable"


def test_process(waits: Waits) -> None:
    """A process."""
    pids: list[int] = []

    async def work() -> None:
        sleeping = [sys.executable, "-c", "import time; time.sleep(30)"]
        process = await asyncio.create_subprocess_exec(*sleeping)
        pids.append(process.pid)
        try:
            await process.wait()
        finally:
            process.kill()
            await process.wait()

    wait = waits(lambda: work, rounds=500)
    assert (wait.kind, wait.what, wait.pid) == ("process", f"process {pids[0]} to end", pids[0])


# --- anyio ----------------------------------------------------------------------------------------


def test_anyio_lock(waits: Waits) -> None:
    """Anyio's lock knows who has it."""

    async def work() -> None:
        lock = anyio.Lock()

        async def hold() -> None:
            async with lock:
                await forever()

        keep = asyncio.create_task(hold(), name="holder")
        await asyncio.sleep(0.001)
        async with lock:
            keep.cancel()

    wait = waits(lambda: work)
    assert (wait.kind, wait.what, wait.waiting) == ("lock", "a Lock", 1)
    [number] = wait.holders or ()
    assert wait.held_by == f"task {number} (holder)"


def test_anyio_primitives(waits: Waits) -> None:
    """Anyio's own, as they are on asyncio."""

    async def semaphore() -> None:
        made = anyio.Semaphore(1)
        for _ in range(2):
            await made.acquire()

    async def limiter() -> None:
        made = anyio.CapacityLimiter(1)
        for borrower in range(2):
            await made.acquire_on_behalf_of(borrower)

    async def condition() -> None:
        made = anyio.Condition()
        async with made:
            await made.wait()

    async def channel() -> None:
        send, receive = anyio.create_memory_object_stream[int](2)
        with send, receive:
            await receive.receive()

    async def full() -> None:
        send, receive = anyio.create_memory_object_stream[int](0)
        with send, receive:
            await send.send(1)

    async def group() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever, name="child")

    expected = {
        semaphore: ("semaphore", "a Semaphore at 0"),
        limiter: ("limiter", "a CapacityLimiter with 1 of 1 in use"),
        channel: (
            "channel",
            "an item from a memory object stream (0 of 2 items; 1 senders, 1 receivers)",
        ),
        condition: ("condition", "a Condition"),
        full: ("channel", "room in a memory object stream (0 of 0 items; 1 senders, 1 receivers)"),
    }
    for function, (kind, what) in expected.items():
        wait = waits(lambda function=function: function)  # type: ignore[misc]
        assert (wait.kind, wait.what) == (kind, what)
    assert waits(lambda: group).what.startswith("1 task of a TaskGroup: task ")
    assert waits(lambda: anyio.Event().wait).kind == "event"


def test_anyio_while_it_is_imported(waits: Waits, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is half there keeps nothing else from being told."""
    monkeypatch.setitem(sys.modules, "anyio.streams.memory", types.ModuleType("half there"))
    assert waits(lambda: asyncio.Event().wait).kind == "event"
    assert waits(lambda: functools.partial(asyncio.sleep, 60)).kind == "sleep"


def test_anyio_thread(waits: Waits) -> None:
    """A thread of anyio's, with its identity."""
    released = threading.Event()

    def grind() -> None:
        released.wait(30)

    work = functools.partial(anyio.to_thread.run_sync, grind, abandon_on_cancel=True)
    wait = waits(lambda: work, finally_=released.set)
    assert (wait.kind, wait.what) == ("thread", f"{grind.__qualname__}() in a thread")
    assert wait.thread


def test_anyio_socket(waits: Waits) -> None:
    """A stream of anyio's."""
    with quiet_server() as port:

        async def read() -> None:
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.receive()

        wait = waits(lambda: read)
        assert wait.what == f"data from socket {wait.fd} to 127.0.0.1:{port}"
