"""What a trio task waits for, in each kind of wait that trio has."""

from __future__ import annotations

import functools
import math
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
import trio
import trio.testing

from aiomonitor.backends import detect
from aiomonitor.backends._trio.backend import TrioBackend
from aiomonitor.backends.objects import FOR_EVER

from .applications import find

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.model import WaitInfo


def waits(
    function: Any, *, others: int = 0, ready: trio.Event | None = None, **options: Any
) -> WaitInfo:
    """What a task waits for that runs the function, of so many more that do so, too."""
    found: list[WaitInfo | None] = []

    async def main() -> None:
        backend = detect(None)
        assert isinstance(backend, TrioBackend)
        backend.attach()
        async with trio.open_nursery() as nursery:
            for _ in range(others):
                nursery.start_soon(function)
            nursery.start_soon(function, name="waits")
            if ready is not None:
                await ready.wait()
            await trio.testing.wait_all_tasks_blocked()
            found.append(backend.wait_of(find(backend, "waits"), id))
            nursery.cancel_scope.cancel()
        backend.detach()

    trio.run(main, **options)
    assert found[0] is not None
    return found[0]


def test_event() -> None:
    """An event, and how many wait for it."""
    event = trio.Event()
    wait = waits(event.wait, others=2)
    assert (wait.kind, wait.what, wait.waiting) == ("event", "an Event", 3)
    assert wait.object_id == id(event)


@pytest.mark.parametrize("kind", [trio.Lock, trio.StrictFIFOLock])
def test_lock(kind: Callable[[], trio.Lock]) -> None:
    """A lock, and who has it, by number and name."""
    lock = kind()
    holders: list[int] = []

    async def work() -> None:
        async with lock:
            task: Any = trio.lowlevel.current_task()
            holders.append(task._counter + 1)
            await trio.sleep_forever()

    found: list[WaitInfo | None] = []

    async def main() -> None:
        backend = detect(None)
        backend.attach()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, name="holder")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(work, name="waits")
            await trio.testing.wait_all_tasks_blocked()
            found.append(backend.wait_of(find(backend, "waits"), id))
            assert backend.wait_of(trio.lowlevel.current_task(), id) is None
            nursery.cancel_scope.cancel()
        backend.detach()

    trio.run(main)
    [wait] = found
    assert wait is not None
    assert (wait.kind, wait.what) == ("lock", f"a {type(lock).__name__}")
    assert wait.holders == tuple(holders)
    assert wait.held_by == f"task {holders[0]} (holder)"


@pytest.mark.parametrize(
    ("semaphore", "what"),
    [
        (trio.Semaphore(0), "a Semaphore at 0"),
        (trio.Semaphore(0, max_value=4), "a Semaphore at 0 of 4"),
    ],
)
def test_semaphore(semaphore: trio.Semaphore, what: str) -> None:
    """A semaphore, with its value."""
    wait = waits(semaphore.acquire)
    assert (wait.kind, wait.what, wait.object_id) == ("semaphore", what, id(semaphore))


def test_condition() -> None:
    """A condition."""
    condition = trio.Condition()

    async def work() -> None:
        async with condition:
            await condition.wait()

    wait = waits(work, others=1)
    assert (wait.kind, wait.object_id, wait.waiting) == ("condition", id(condition), 2)


def test_limiter() -> None:
    """A capacity limiter, and the tasks that have its tokens."""
    limiter = trio.CapacityLimiter(5)

    async def work() -> None:
        async with limiter:
            await trio.sleep_forever()

    found: list[WaitInfo | None] = []

    async def main() -> None:
        backend = detect(None)
        backend.attach()
        async with trio.open_nursery() as nursery:
            for each in range(5):
                nursery.start_soon(work, name=f"holder-{each}")
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(work, name="waits")
            await trio.testing.wait_all_tasks_blocked()
            found.append(backend.wait_of(find(backend, "waits"), id))
            nursery.cancel_scope.cancel()
        backend.detach()

    trio.run(main)
    [wait] = found
    assert wait is not None
    assert (wait.kind, wait.what) == ("limiter", "a CapacityLimiter with 5 of 5 in use")
    assert wait.holders is not None
    assert len(wait.holders) == 5
    assert wait.held_by is not None
    assert wait.held_by.endswith(" and 2 more")


def test_channels() -> None:
    """Both ends of a channel, with how full it is."""
    send, receive = trio.open_memory_channel[int](2)
    another = send.clone()
    receivers = [receive, receive.clone()]
    wait = waits(receivers[0].receive)
    assert wait.kind == "channel"
    assert wait.what == "an item from a memory channel (0 of 2 items; 2 senders, 2 receivers)"
    for item in range(2):
        send.send_nowait(item)
    full = waits(functools.partial(another.send, 3))
    assert full.what == "room in a memory channel (2 of 2 items; 2 senders, 2 receivers)"
    assert full.object_id == wait.object_id


def test_sleep() -> None:
    """A timer, and what is left of it; without one, nothing is awaited."""
    wait = waits(functools.partial(trio.sleep, 60), clock=trio.testing.MockClock())
    assert (wait.kind, wait.what, wait.timeout) == ("sleep", "a timer", 60)
    for endless in (trio.sleep_forever, functools.partial(trio.sleep, math.inf)):
        wait = waits(endless)
        assert (wait.kind, wait.what, wait.timeout) == ("sleep", FOR_EVER, None)


@pytest.mark.parametrize("family", ["inet", "pair"])
def test_socket(family: str) -> None:
    """A socket, by its number, and its other end where that has a name."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        if family == "inet":
            near: socket.socket = socket.create_connection(server.getsockname())
            far, peer = server.accept()[0], f" to 127.0.0.1:{server.getsockname()[1]}"
        else:
            (near, far), peer = socket.socketpair(), ""
        with near, far:
            stream = trio.SocketStream(trio.socket.from_stdlib_socket(near))
            wait = waits(stream.receive_some)
            assert (wait.kind, wait.fd) == ("socket", near.fileno())
            assert wait.what == f"socket {near.fileno()}{peer} to be readable"
            plain = waits(functools.partial(trio.lowlevel.wait_readable, near.fileno()))
            assert plain.what == f"file descriptor {near.fileno()} to be readable"
            while True:  # until there is no room
                near.setblocking(False)
                try:
                    near.send(bytes(65_536))
                except BlockingIOError:
                    break
            full = waits(functools.partial(trio.lowlevel.wait_writable, near.fileno()))
            assert full.what == f"file descriptor {near.fileno()} to be writable"


def test_listener() -> None:
    """A socket that listens, by where it does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(server))
        wait = waits(listener.accept)
        port = server.getsockname()[1]
        assert wait.what == f"socket {server.fileno()} at 127.0.0.1:{port} to be readable"


def test_thread() -> None:
    """A thread, with the function that it runs; abandoned here, as it is to be cancelled."""
    begun, released = trio.Event(), threading.Event()

    def grind() -> None:
        trio.from_thread.run_sync(begun.set)
        released.wait(30)

    work = functools.partial(trio.to_thread.run_sync, grind, abandon_on_cancel=True)
    try:
        wait = waits(work, ready=begun)
    finally:
        released.set()
    assert wait.kind == "thread"
    assert wait.what == f"{grind.__qualname__}() in a thread"
    assert wait.thread is not None
    assert wait.thread != threading.get_ident()


def test_nursery() -> None:
    """A nursery, with how many tasks are in it."""

    async def work() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)

    wait = waits(work)
    assert (wait.kind, wait.what) == ("nursery", f"2 tasks of nursery s{wait.nursery}")


def test_process() -> None:
    """A process."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(30)"]
    found: list[int] = []

    async def work() -> None:
        process = await trio.lowlevel.open_process(sleeping)
        found.append(process.pid)
        ready.set()
        try:
            await process.wait()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()

    ready = trio.Event()
    wait = waits(work, ready=ready)
    assert (wait.kind, wait.pid) == ("process", found[0])
    assert wait.what == f"process {found[0]} to end"


def test_what_trio_does_not_know() -> None:
    """A library's own wait is said to be unknown."""

    async def work() -> None:
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)

    assert waits(work).what == "something that trio does not know"
    lot = trio.lowlevel.ParkingLot()
    assert waits(lot.park, others=1).waiting == 2


def test_anyio() -> None:
    """What anyio has is trio's underneath, and told as that."""
    held: list[Any] = []

    async def work() -> None:
        held.append(anyio.Lock())
        await held[0].acquire()
        async with anyio.create_task_group() as group:
            group.start_soon(held[0].acquire)

    assert waits(work).kind == "nursery"

    async def on_event() -> None:
        await anyio.Event().wait()

    assert waits(on_event).kind == "event"


def test_anyio_streams() -> None:
    """Anyio's streams are its own on every runtime, and told as what they are."""

    async def starved() -> None:
        send, receive = anyio.create_memory_object_stream[int](2)
        with send, receive:
            await receive.receive()

    async def full() -> None:
        send, receive = anyio.create_memory_object_stream[int](0)
        with send, receive:
            await send.send(1)

    wait = waits(starved)
    assert (wait.kind, wait.putting, wait.size, wait.limit) == ("channel", False, 0, 2)
    ends = "1 senders, 1 receivers"
    assert wait.what == f"an item from a memory object stream (0 of 2 items; {ends})"
    wait = waits(full)
    assert wait.what == f"room in a memory object stream (0 of 0 items; {ends})"
    assert (wait.kind, wait.putting, wait.waiting) == ("channel", True, 1)


def test_anyio_condition() -> None:
    """The same of its condition, and who was notified waits for the lock."""
    notified = False

    async def work() -> None:
        condition = anyio.Condition()

        async def notify() -> None:
            async with condition:
                condition.notify_all()
                await trio.sleep_forever()

        async with anyio.create_task_group() as tasks, condition:
            if notified:
                tasks.start_soon(notify)
            await condition.wait()

    wait = waits(work)
    assert (wait.kind, wait.what, wait.waiting) == ("condition", "a Condition", 1)
    notified = True
    assert waits(work).kind == "lock"


def test_anyio_thread() -> None:
    """The function that anyio was given, not the one that it makes of it."""
    begun, released = trio.Event(), threading.Event()

    def grind(_number: int) -> None:
        anyio.from_thread.run_sync(begun.set)
        released.wait(30)

    work = functools.partial(anyio.to_thread.run_sync, grind, 1, abandon_on_cancel=True)
    try:
        wait = waits(work, ready=begun)
    finally:
        released.set()
    assert wait.what == f"{grind.__qualname__}() in a thread"


def test_an_object_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be told is not told, and nobody is harmed."""

    def fail(_: object) -> None:
        raise OSError("gone")

    monkeypatch.setattr(trio.Event, "statistics", fail)
    with pytest.raises(AssertionError):
        waits(trio.Event().wait)
