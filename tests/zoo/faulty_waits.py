"""Waits that nobody ends, and queues."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from .harness import Stage, faulty


@faulty("two tasks that await each other", {"deadlock"})
async def each_other(stage: Stage) -> None:
    """Found by chance: each was given the other one."""
    tasks: dict[str, asyncio.Task[Any]] = {}

    async def wait_for(name: str) -> None:
        while name not in tasks:
            await asyncio.sleep(0)
        await tasks[name]

    for name, other in (("a", "b"), ("b", "a")):
        tasks[name] = asyncio.create_task(wait_for(other))
    stage.kept.append(tasks)
    await asyncio.sleep(0.01)
    stage.ready()
    await stage.over()


@faulty("a gather that awaits its own task", {"deadlock"})
async def gather_circle(stage: Stage) -> None:
    """A worker that waits for all workers."""
    workers: list[asyncio.Task[Any]] = []

    async def worker(*, last: bool) -> None:
        await asyncio.sleep(0.001)
        if last:
            await asyncio.gather(*workers)

    workers += [asyncio.create_task(worker(last=number == 2)) for number in range(3)]
    stage.kept.append(workers)
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("siblings of a TaskGroup that await each other", {"deadlock"}, python=(3, 11))
async def group_siblings(stage: Stage) -> None:
    """One awaits the other, which awaits the first."""
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
        tasks: list[asyncio.Task[Any]] = []

        async def sibling(index: int) -> None:
            await asyncio.sleep(0.001)
            await tasks[index]

        tasks += [group.create_task(sibling(1)), group.create_task(sibling(0))]
        await asyncio.sleep(0.02)
        stage.ready()
        await stage.over()
        for task in tasks:
            task.remove_done_callback(group._on_task_done)


@faulty("two full queues", {"deadlock"}, allowed={"queue full"})
async def full_queues(stage: Stage) -> None:
    """Each stage puts two items for the other before it takes one."""
    first: asyncio.Queue[int] = asyncio.Queue(1)
    second: asyncio.Queue[int] = asyncio.Queue(1)

    async def ping(to: asyncio.Queue[int], back: asyncio.Queue[int]) -> None:
        while True:
            await to.put(1)
            await to.put(2)
            await back.get()

    async def run(to: asyncio.Queue[int], back: asyncio.Queue[int]) -> None:
        await asyncio.gather(ping(to, back), ping(back, to))

    stage.kept.append(asyncio.create_task(run(first, second)))
    del first, second
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("an Event that was dropped", {"nobody left"})
async def dropped_event(stage: Stage) -> None:
    """Who should set it has ended, and nobody else has it."""

    async def setter(event: asyncio.Event) -> None:
        if not event.is_set():
            return  # a branch without `set`

    async def waiter(event: asyncio.Event) -> None:
        await event.wait()

    async def start() -> None:
        event = asyncio.Event()
        stage.kept.append(asyncio.create_task(waiter(event)))
        await asyncio.create_task(setter(event))

    await start()
    stage.ready()
    await stage.over()


@faulty("a future that nobody will set", {"nobody left"})
async def dropped_future(stage: Stage) -> None:
    """The request was dropped on the way, with its future."""
    pending: dict[int, Any] = {}

    async def request(number: int) -> None:
        answer = asyncio.get_running_loop().create_future()
        pending[number] = answer
        await answer

    stage.kept.append(asyncio.create_task(request(1)))
    await asyncio.sleep(0.01)
    pending.clear()  # "the connection was lost"
    stage.ready()
    await stage.over()


@faulty("a lost wakeup", {"nobody left"})
async def lost_wakeup(stage: Stage) -> None:
    """Notified before anybody waits; who notified has ended."""

    async def notify(condition: asyncio.Condition) -> None:
        async with condition:
            condition.notify_all()

    async def wait(condition: asyncio.Condition) -> None:
        async with condition:
            await condition.wait()

    async def start() -> None:
        condition = asyncio.Condition()
        await asyncio.create_task(notify(condition))
        stage.kept.append(asyncio.create_task(wait(condition)))

    await start()
    await asyncio.sleep(0.01)
    stage.ready()
    await stage.over()


@faulty("a join without task_done", {"nobody left"})
async def join_for_ever(stage: Stage) -> None:
    """The workers have ended, and did not call task_done()."""

    async def worker(queue: asyncio.Queue[int]) -> None:
        while not queue.empty():
            queue.get_nowait()

    async def batch() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        for item in range(10):
            queue.put_nowait(item)
        await asyncio.gather(worker(queue), worker(queue))
        await queue.join()

    stage.kept.append(asyncio.create_task(batch()))
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("a consumer whose producer has ended", {"nobody left"})
async def producer_ended(stage: Stage) -> None:
    """No sentinel: the consumer waits for more."""

    async def produce(queue: asyncio.Queue[int]) -> None:
        for item in range(3):
            await queue.put(item)

    async def consume(queue: asyncio.Queue[int]) -> None:
        while True:
            await queue.get()

    async def start() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        stage.kept.append(asyncio.create_task(consume(queue)))
        await asyncio.create_task(produce(queue))

    await start()
    await asyncio.sleep(0.01)
    stage.ready()
    await stage.over()


@faulty("a queue at its limit", {"queue full"}, allowed={"lock held long"})
async def slow_consumer(stage: Stage) -> None:
    """The consumer takes nothing while its server does not answer."""
    queue: asyncio.Queue[int] = asyncio.Queue(5)

    async def produce() -> None:
        while True:
            await queue.put(1)

    async def consume() -> None:
        while True:
            await queue.get()
            await asyncio.sleep(30)

    stage.kept += [asyncio.create_task(produce()), asyncio.create_task(consume()), queue]
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()


@faulty("a queue that grows", {"queue growing"})
async def growing_queue(stage: Stage) -> None:
    """Without a limit; items come faster than they are worked on."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def worker() -> None:
        while True:
            await queue.get()
            await asyncio.sleep(0.03)

    stage.kept.append(asyncio.create_task(worker()))
    stage.ready()
    async for _ in stage.rounds():
        for item in range(20):
            queue.put_nowait(item)


@faulty("a starved executor", {"executor starved"})
async def starved(stage: Stage) -> None:
    """Slow calls have all threads, and quick ones wait."""
    import concurrent.futures

    loop = asyncio.get_running_loop()
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(4))
    slow = threading.Event()
    stage.kept += [loop.run_in_executor(None, slow.wait, 8) for _ in range(4)]
    stage.kept += [asyncio.create_task(asyncio.to_thread(len, "quick")) for _ in range(10)]
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()
    slow.set()


@faulty("200 tasks that wait for a dead pool", {"stuck crowd", "nobody left", "lock held long"})
async def crowd(stage: Stage) -> None:
    """The connections are all in the hands of calls that never return."""
    pool = asyncio.Semaphore(2)

    async def query() -> None:
        async with pool:
            await asyncio.sleep(30)  # the database has gone

    stage.kept += [asyncio.create_task(query()) for _ in range(200)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@faulty("a starved executor on uvloop", {"executor starved"}, runner="uvloop", needs=("uvloop",))
async def starved_on_uvloop(stage: Stage) -> None:
    """Its own default executor, which no attribute of the loop shows."""
    loop = asyncio.get_running_loop()
    slow = threading.Event()
    stage.kept += [loop.run_in_executor(None, slow.wait, 8) for _ in range(32)]
    stage.kept += [asyncio.create_task(asyncio.to_thread(len, "quick")) for _ in range(10)]
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()
    slow.set()


@faulty("a child that waits for what its parent does afterwards", {"nobody left"})
async def after_the_children(stage: Stage) -> None:
    """The event is set once all children have ended, and one of them waits for it."""

    async def child(ready: asyncio.Event) -> None:
        await ready.wait()

    async def parent() -> None:
        ready = asyncio.Event()
        await asyncio.gather(child(ready), asyncio.sleep(0))
        ready.set()

    stage.kept.append(asyncio.create_task(parent()))
    await asyncio.sleep(0.02)
    stage.ready()
    await stage.over()
