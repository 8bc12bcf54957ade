"""Deadlocks, and locks that do not come back."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .harness import Stage, faulty

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def both(first: Any, second: Any, met: list[int], parties: int) -> None:
    """Take the first, wait until all have theirs, and then take the second."""
    async with first:
        met.append(1)
        while len(met) < parties:
            await asyncio.sleep(0)
        async with second:
            pass


async def ring_of(stage: Stage, locks: list[Any]) -> None:
    """Each task has a lock and wants the next one."""
    met: list[int] = []
    pairs = zip(locks, [*locks[1:], locks[0]], strict=True)
    tasks = [asyncio.create_task(both(a, b, met, len(locks))) for a, b in pairs]
    while len(met) < len(locks):
        await asyncio.sleep(0)
    stage.kept += tasks
    stage.ready()
    await stage.over()


@faulty("AB-BA with two Locks", {"deadlock"})
async def ab_ba(stage: Stage) -> None:
    """Two tasks take two locks in opposite order."""
    await ring_of(stage, [asyncio.Lock(), asyncio.Lock()])


@faulty("three Locks in a ring", {"deadlock"})
async def three(stage: Stage) -> None:
    """Each of three tasks wants the next one's lock."""
    await ring_of(stage, [asyncio.Lock() for _ in range(3)])


@faulty("AB-BA with Semaphores", {"deadlock"})
async def semaphores(stage: Stage) -> None:
    """Semaphores of one, used as locks."""
    await ring_of(stage, [asyncio.Semaphore(1), asyncio.Semaphore(1)])


@faulty("AB-BA with Conditions", {"deadlock"})
async def conditions(stage: Stage) -> None:
    """The locks of two conditions."""
    await ring_of(stage, [asyncio.Condition(), asyncio.Condition()])


@faulty("Condition and Lock", {"deadlock"})
async def condition_and_lock(stage: Stage) -> None:
    """A condition's lock and another one, in opposite order."""
    await ring_of(stage, [asyncio.Condition(), asyncio.Lock()])


@faulty("AB-BA on uvloop", {"deadlock"}, runner="uvloop", needs=("uvloop",))
async def on_uvloop(stage: Stage) -> None:
    """The same, under another loop."""
    await ring_of(stage, [asyncio.Lock(), asyncio.Lock()])


@faulty("AB-BA with eager tasks", {"deadlock"}, runner="eager", python=(3, 12))
async def eager(stage: Stage) -> None:
    """The same, with tasks that begin at once."""
    await ring_of(stage, [asyncio.Lock(), asyncio.Lock()])


@faulty("AB-BA with anyio.Lock", {"deadlock"}, needs=("anyio",))
async def anyio_locks(stage: Stage) -> None:
    """Locks that know who has them."""
    import anyio

    await ring_of(stage, [anyio.Lock(), anyio.Lock()])


class Account:
    """Money, with a lock of its own."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """As an application wraps it."""
        async with self._lock:
            yield

    async def transfer(self, other: Account, met: list[int]) -> None:
        """Lock this one, then the other."""
        async with self.locked():
            met.append(1)
            while len(met) < 2:
                await asyncio.sleep(0)
            async with other.locked():
                pass

    async def by_hand(self, other: Account, met: list[int]) -> None:
        """Without `async with`."""
        await self._lock.acquire()
        try:
            met.append(1)
            while len(met) < 2:
                await asyncio.sleep(0)
            await other._lock.acquire()
            other._lock.release()
        finally:
            self._lock.release()


@faulty("AB-BA through @asynccontextmanager", {"deadlock"})
async def through_managers(stage: Stage) -> None:
    """Transfers from A to B, and from B to A."""
    a, b, met = Account(), Account(), list[int]()
    stage.kept += [asyncio.create_task(a.transfer(b, met)), asyncio.create_task(b.transfer(a, met))]
    while len(met) < 2:
        await asyncio.sleep(0)
    stage.ready()
    await stage.over()


@faulty("AB-BA with acquire() by hand", {"deadlock"})
async def by_hand(stage: Stage) -> None:
    """try, finally, release."""
    a, b, met = Account(), Account(), list[int]()
    stage.kept += [asyncio.create_task(a.by_hand(b, met)), asyncio.create_task(b.by_hand(a, met))]
    while len(met) < 2:
        await asyncio.sleep(0)
    stage.ready()
    await stage.over()


@faulty("AB-BA through AsyncExitStack", {"deadlock"})
async def through_stacks(stage: Stage) -> None:
    """Locks entered one by one."""

    async def enter(locks: list[asyncio.Lock]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for lock in locks:
                await stack.enter_async_context(lock)
                met.append(1)
                while len(met) < 2:
                    await asyncio.sleep(0)

    a, b, met = asyncio.Lock(), asyncio.Lock(), list[int]()
    stage.kept += [asyncio.create_task(enter([a, b])), asyncio.create_task(enter([b, a]))]
    while len(met) < 2:
        await asyncio.sleep(0)
    stage.ready()
    await stage.over()


@faulty("a Lock taken twice", {"deadlock"})
async def twice(stage: Stage) -> None:
    """A method that locks calls another one that does."""

    class Cache:
        def __init__(self) -> None:
            self.lock = asyncio.Lock()

        async def get(self) -> None:
            async with self.lock:
                await self.refresh()

        async def refresh(self) -> None:
            async with self.lock:
                pass

    stage.kept.append(asyncio.create_task(Cache().get()))
    await asyncio.sleep(0.01)
    stage.ready()
    await stage.over()


@faulty("a pool of connections taken twice by each", {"deadlock"}, allowed={"stuck crowd"})
async def nested_pool(stage: Stage) -> None:
    """Each of five requests has one of five connections, and wants another one."""
    pool = asyncio.BoundedSemaphore(5)

    async def request() -> None:
        async with pool:
            await asyncio.sleep(0.001)
            async with pool:
                pass

    stage.kept += [asyncio.create_task(request()) for _ in range(5)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@faulty("a Lock whose holder ended", {"holder ended", "nobody left"})
async def holder_ended(stage: Stage) -> None:
    """It returned early, without giving the lock back."""
    lock = asyncio.Lock()

    async def careless() -> None:
        await lock.acquire()

    async def careful() -> None:
        async with lock:
            pass

    await asyncio.create_task(careless())
    stage.kept.append(asyncio.create_task(careful()))
    stage.ready()
    await stage.over()


@faulty("a Lock held across a slow call", {"lock held long"})
async def held_long(stage: Stage) -> None:
    """One waits for a server that does not answer, with the lock that all others need."""
    lock = asyncio.Lock()

    async def talk(port: int) -> None:
        async with lock:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await reader.readline()
            writer.close()

    async def silent(_reader: Any, writer: Any) -> None:
        stage.kept.append(writer)

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stage.kept += [asyncio.create_task(talk(port)) for _ in range(5)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@faulty("a trio Lock and a channel", {"deadlock"}, runner="trio", needs=("trio",))
async def on_trio(stage: Stage) -> None:
    """Two locks in opposite order, in a nursery."""
    import trio

    async def one(first: trio.Lock, second: trio.Lock) -> None:
        async with first:
            await trio.sleep(0.02)
            async with second:
                pass

    a, b = trio.Lock(), trio.Lock()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, a, b)
        nursery.start_soon(one, b, a)
        await trio.sleep(0.1)
        stage.ready()
        while not stage._over:
            await trio.sleep(0.02)
        return_early = nursery.cancel_scope
        return_early.cancel()


@faulty("a Lock, a full Queue and a Condition in a ring", {"deadlock"})
async def three_kinds(stage: Stage) -> None:
    """Who has the lock waits for room, who could make room for the condition, its holder for the
    lock."""

    class Shop:
        def __init__(self) -> None:
            self.till, self.door = asyncio.Lock(), asyncio.Condition()
            self.orders: asyncio.Queue[int] = asyncio.Queue(1)
            self.met: list[int] = []

        async def meet(self) -> None:
            self.met.append(1)
            while len(self.met) < 2:
                await asyncio.sleep(0)

        async def produce(self) -> None:
            async with self.till:
                await self.meet()
                while True:
                    await self.orders.put(1)

        async def consume(self) -> None:
            await asyncio.sleep(0.01)
            async with self.door:
                await self.orders.get()

        async def close(self) -> None:
            async with self.door:
                await self.meet()
                async with self.till:
                    pass

    def start() -> list[asyncio.Task[None]]:
        shop = Shop()
        return [asyncio.create_task(each()) for each in (shop.produce, shop.consume, shop.close)]

    stage.kept += start()
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@faulty("a Lock taken again between the rows of an async generator", {"deadlock"})
async def generator(stage: Stage) -> None:
    """The generator has the lock from its first row to its last."""
    lock = asyncio.Lock()

    async def rows() -> AsyncIterator[int]:
        async with lock:
            for row in range(3):
                yield row

    async def report() -> None:
        async for _ in rows():
            async with lock:
                pass

    stage.kept.append(asyncio.create_task(report()))
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("gather of what needs one's own Lock", {"deadlock"})
async def own_children(stage: Stage) -> None:
    """A parent has the lock that its child waits for. That it is held long goes without saying."""
    lock = asyncio.Lock()

    async def child() -> None:
        async with lock:
            pass

    async def parent() -> None:
        async with lock:
            await asyncio.gather(child(), asyncio.sleep(100))

    stage.kept.append(asyncio.create_task(parent()))
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("a Lock held while a task is awaited", {"lock held long"})
async def held_for_a_task(stage: Stage) -> None:
    """The slow call runs in a task of its own."""
    lock = asyncio.Lock()

    async def fetch() -> None:
        await asyncio.sleep(30)

    async def request() -> None:
        async with lock:
            await asyncio.create_task(fetch())

    stage.kept += [asyncio.create_task(request()) for _ in range(2)]
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("a pool whose connections are not given back", {"holder ended"})
async def leaking_pool(stage: Stage) -> None:
    """Queries that fail forget to release."""

    class Pool:
        def __init__(self) -> None:
            self.free = asyncio.BoundedSemaphore(2)

        async def fail(self) -> None:
            await self.free.acquire()
            raise ValueError("syntax error at or near SELCT")

        async def query(self) -> None:
            async with self.free:
                pass

    pool = Pool()
    stage.kept.append(pool)
    await asyncio.gather(pool.fail(), pool.fail(), return_exceptions=True)
    stage.kept += [asyncio.create_task(pool.query()) for _ in range(5)]
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("AB-BA with anyio's Semaphore and CapacityLimiter", {"deadlock"}, needs=("anyio",))
async def anyio_semaphores(stage: Stage) -> None:
    """Of these, only the limiter tells who has it."""
    import anyio

    await ring_of(stage, [anyio.Semaphore(1), anyio.CapacityLimiter(1)])
