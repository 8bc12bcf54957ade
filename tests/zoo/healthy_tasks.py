"""Applications that do with tasks what one should, and what looks like a fault at first."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import Any

from .harness import Stage, healthy


@healthy("sleeping for ever in main")
async def sleep_for_ever(stage: Stage) -> None:
    """`await asyncio.Event().wait()`: the service runs until it is killed."""

    async def service() -> None:
        await asyncio.Event().wait()

    async def other() -> None:
        await asyncio.get_running_loop().create_future()

    stage.kept += [asyncio.create_task(service()), asyncio.create_task(other())]
    stage.ready()
    await stage.over()


@healthy("an event for the shutdown")
async def shutdown_event(stage: Stage) -> None:
    """Eighty tasks wait for the event that the signal handler sets."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(12, stop.set)

    async def service() -> None:
        await stop.wait()

    tasks = [asyncio.create_task(service()) for _ in range(80)]
    stage.ready()
    await stage.over()
    stop.set()
    await asyncio.gather(*tasks)


@healthy("timers")
async def timers(stage: Stage) -> None:
    """Periodic work, some of it seldom."""

    async def every(seconds: float) -> None:
        while not stage._over:
            await asyncio.sleep(seconds)

    stage.kept += [asyncio.create_task(every(seconds)) for seconds in (0.01, 0.1, 10, 3600)]
    stage.ready()
    await stage.over()


@healthy("timeouts that fire")
async def timeouts(stage: Stage) -> None:
    """wait_for and locks with a timeout, again and again."""
    lock = asyncio.Lock()

    async def impatient() -> None:
        while not stage._over:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.01)

    async def crossing(first: asyncio.Lock, second: asyncio.Lock) -> None:
        async with first:
            while not stage._over:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(second.acquire(), 0.02)
                    second.release()
                await asyncio.sleep(0.001)

    other = asyncio.Lock()
    tasks = [asyncio.create_task(impatient()) for _ in range(5)]
    tasks += [
        asyncio.create_task(crossing(lock, other)),
        asyncio.create_task(crossing(other, lock)),
    ]
    await asyncio.sleep(0.05)
    stage.ready()
    await asyncio.gather(*tasks)


@healthy("a TaskGroup with timeouts", python=(3, 11))
async def group_timeouts(stage: Stage) -> None:
    """asyncio.timeout around work that takes too long now and then."""

    async def fetch() -> None:
        while not stage._over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):  # type: ignore[attr-defined]
                    await asyncio.sleep(0.02)

    stage.ready()
    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
        for _ in range(10):
            group.create_task(fetch())


@healthy("background tasks that are kept")
async def kept_tasks(stage: Stage) -> None:
    """As the documentation has it: a set, and a done callback."""
    background: set[asyncio.Task[Any]] = set()

    async def work() -> None:
        await asyncio.sleep(0.2)

    stage.ready()
    async for _ in stage.rounds():
        for _ in range(5):
            task = asyncio.create_task(work())
            background.add(task)
            task.add_done_callback(background.discard)


@healthy("bursts")
async def bursts(stage: Stage) -> None:
    """Tasks come in numbers, and go."""

    async def request() -> None:
        await asyncio.sleep(0.05)

    stage.ready()
    async for number in stage.rounds():
        if number % 2:
            await asyncio.gather(*(request() for _ in range(300)))


@healthy("a shutdown in order")
async def graceful(stage: Stage) -> None:
    """Tasks are cancelled, clean up quickly, and say so."""

    async def worker() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(0.02)
            raise

    stage.ready()
    async for _ in stage.rounds():
        tasks = [asyncio.create_task(worker()) for _ in range(20)]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@healthy("failures that are looked at")
async def failures(stage: Stage) -> None:
    """Tasks fail, and their exceptions are retrieved."""

    async def fails() -> None:
        await asyncio.sleep(0.001)
        raise ValueError("as expected")

    stage.ready()
    async for _ in stage.rounds():
        await asyncio.gather(*(fails() for _ in range(5)), return_exceptions=True)
        task = asyncio.create_task(fails())
        with contextlib.suppress(ValueError):
            await task


@healthy("a worker pool with a Condition")
async def condition_pool(stage: Stage) -> None:
    """Ten workers wait until there is work; a dispatcher has the condition."""
    condition = asyncio.Condition()
    work: list[int] = []

    async def worker() -> None:
        while True:
            async with condition:
                await condition.wait_for(lambda: work)
                work.pop()

    stage.kept += [asyncio.create_task(worker()) for _ in range(10)]
    stage.ready()
    async for number in stage.rounds():
        async with condition:
            work.append(number)
            condition.notify()


@healthy("a subprocess")
async def subprocess(stage: Stage) -> None:
    """A program that runs for as long as this one."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE
    )
    waiting = asyncio.create_task(process.wait())
    stage.ready()
    await stage.over()
    process.kill()
    await waiting


@healthy("a cache of futures")
async def futures(stage: Stage) -> None:
    """Requests wait for one answer, whose future is in a dictionary."""
    pending: dict[int, asyncio.Future[int]] = {}
    stage.kept.append(pending)

    async def request(number: int) -> int:
        if number not in pending:
            pending[number] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(pending[number])

    tasks = [asyncio.create_task(request(number % 5)) for number in range(30)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()
    for future in pending.values():
        future.set_result(1)
    await asyncio.gather(*tasks)


@healthy("eager tasks", runner="eager", python=(3, 12))
async def eager(stage: Stage) -> None:
    """Tasks that begin at once, many of which never wait."""
    cache: dict[int, int] = {}

    async def get(key: int) -> int:
        if key not in cache:
            await asyncio.sleep(0.001)
            cache[key] = key
        return cache[key]

    stage.ready()
    async for number in stage.rounds():
        await asyncio.gather(*(get(number * 100 + each % 20) for each in range(100)))


@healthy("a start with many tasks")
async def ramp(stage: Stage) -> None:
    """A hundred workers are made when it starts, and stay."""

    async def worker() -> None:
        while True:
            await asyncio.sleep(0.05)

    stage.ready()
    async for number in stage.rounds():
        if number <= 3:
            stage.kept += [asyncio.create_task(worker()) for _ in range(30)]


@healthy("a rate limiter")
async def rate_limiter(stage: Stage) -> None:
    """A lock that a timer gives back, with a long line before it."""

    class Limit:
        def __init__(self) -> None:
            self.lock = asyncio.Lock()
            self.loop = asyncio.get_running_loop()

        async def wait(self) -> None:
            await self.lock.acquire()
            self.loop.call_later(0.02, self.lock.release)

    async def request(limit: Limit) -> None:
        await limit.wait()

    def start() -> list[asyncio.Task[None]]:
        limit = Limit()
        return [asyncio.create_task(request(limit)) for _ in range(100)]

    stage.kept += start()
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@healthy("as_completed, shield, and the first of several")
async def combinations(stage: Stage) -> None:
    """Tasks that only asyncio's own helpers refer to."""

    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def each_in_turn() -> None:
        while not stage._over:
            for future in asyncio.as_completed([work(0.05 * number) for number in range(5)]):
                await future

    async def shielded() -> None:
        while not stage._over:
            await asyncio.shield(work(0.3))

    async def first() -> None:
        while not stage._over:
            tasks = [asyncio.create_task(work(seconds)) for seconds in (0.3, 20)]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    tasks = [asyncio.create_task(body()) for body in (each_in_turn, shielded, first)]
    await asyncio.sleep(0.05)
    stage.ready()
    await asyncio.gather(*tasks)


@healthy("children that wait until they are stopped")
async def stopped_from_outside(stage: Stage) -> None:
    """The parent waits for them; a handler, or whoever gives them a time limit, ends that."""

    async def child(stop: asyncio.Event) -> None:
        await stop.wait()

    async def parent(number: int) -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await asyncio.gather(child(stop), asyncio.sleep(0))

    async def limited() -> None:
        stop = asyncio.Event()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(child(stop), 30)
        stop.set()

    stage.kept += [asyncio.create_task(each) for each in (parent(10), parent(12), limited())]
    stage.ready()
    await stage.over()
