"""Tasks that are lost, leak, fail unseen, or do not end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import warnings
import weakref
from typing import Any

from .harness import Stage, faulty


@faulty("a forgotten await", {"coroutine never awaited"})
async def forgotten_await(stage: Stage) -> None:
    """`save()` instead of `await save()`."""

    async def save(_item: int) -> None:
        pass

    async def handle() -> None:
        save(1)  # type: ignore[unused-coroutine]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        await handle()
    stage.ready()
    await stage.over()


@faulty(
    "an exception that nobody retrieved",
    {"exception never retrieved"},
    allowed={"slow garbage collection"},
)
async def never_retrieved(stage: Stage) -> None:
    """A background task fails, and is forgotten."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    async def background() -> None:
        await asyncio.sleep(0.001)
        raise ValueError("no such user")

    task: Any = asyncio.create_task(background())
    while not task.done():
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.1)  # the last reference is let go some rounds later
    del task
    gc.collect()
    stage.ready()
    await stage.over()


@faulty("fire and forget", {"task without reference"})
async def fire_and_forget(stage: Stage) -> None:
    """Nobody has the tasks, but what they wait for."""

    class Client:
        def __init__(self) -> None:
            self.answer = asyncio.get_running_loop().create_future()

        async def notify(self) -> None:
            await self.answer

    for _ in range(3):
        client = Client()
        stage.kept.append(client)
        asyncio.create_task(client.notify())  # noqa: RUF006 - the fault
    del client
    await asyncio.sleep(0.15)
    stage.ready()
    await stage.over()


@faulty(
    "a task that was collected",
    {"task destroyed"},
    allowed={"coroutine never awaited", "slow garbage collection"},
)
async def destroyed(stage: Stage) -> None:
    """The only references to it were in a circle with it."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)

    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    gone: list[int] = []
    task: Any = asyncio.create_task(waits())
    weakref.finalize(task, gone.append, 1)
    del task
    await asyncio.sleep(0.1)
    while not gone:
        gc.collect()
        await asyncio.sleep(0.01)
    stage.ready()
    await stage.over()


@faulty("a task for each request that never ends", {"task growth"})
async def leak(stage: Stage) -> None:
    """Each request leaves a task behind that waits for a disconnect nobody notices."""

    async def keep_alive() -> None:
        await asyncio.sleep(30)

    stage.ready()
    async for _ in stage.rounds():
        stage.kept += [asyncio.create_task(keep_alive()) for _ in range(8)]


@faulty("a swallowed cancellation", {"swallowed cancellation"})
async def swallows(stage: Stage) -> None:
    """A loop that goes on after any error, and takes a cancellation for one."""

    async def poll() -> None:
        while True:
            try:
                await asyncio.sleep(30)
            except BaseException:  # noqa: S112 - the fault
                continue

    task = asyncio.create_task(poll())
    await asyncio.sleep(0.01)
    task.cancel()
    stage.kept.append(task)
    await asyncio.sleep(0.1)
    stage.ready()
    await stage.over()


@faulty("a cancellation that is cleaned up for ever", {"cancel pending"})
async def cleans_for_ever(stage: Stage) -> None:
    """`finally` waits for a goodbye that never comes."""

    async def serve(bye: asyncio.Event) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            await bye.wait()

    bye = asyncio.Event()
    task = asyncio.create_task(serve(bye))
    await asyncio.sleep(0.01)
    task.cancel()
    stage.kept += [task, bye]
    await asyncio.sleep(0.1)
    stage.ready()
    await stage.over()


@faulty("a leak among traffic", {"task growth"})
async def leak_in_traffic(stage: Stage) -> None:
    """The same line makes tasks that end soon, now many and now few, and some that never do."""
    counts = itertools.cycle([25, 3, 17, 0, 9])

    async def handle(*, leaks: bool) -> None:
        await asyncio.sleep(30 if leaks else 0.02)

    stage.ready()
    async for _ in stage.rounds():
        for leaks in [False] * next(counts) + [True] * 8:
            stage.kept.append(asyncio.create_task(handle(leaks=leaks)))


@faulty("a worker that died, and is kept", {"failure unnoticed"})
async def died(stage: Stage) -> None:
    """`self.worker = create_task(...)`: Python complains only when that is let go."""

    class Service:
        def __init__(self) -> None:
            self.worker = asyncio.create_task(self.work())

        async def work(self) -> None:
            await asyncio.sleep(0.01)
            raise KeyError("timeout")

    stage.kept.append(Service())
    await asyncio.sleep(0.1)
    stage.ready()
    await stage.over()


@faulty(
    "a gather that nobody awaits",
    {"exception never retrieved"},
    allowed={"slow garbage collection"},
)
async def forgotten_gather(stage: Stage) -> None:
    """One of its tasks fails."""
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def fails() -> None:
        await asyncio.sleep(0.001)
        raise ValueError("no such user")

    both: Any = asyncio.gather(fails(), asyncio.sleep(0.001))
    while not both.done():
        await asyncio.sleep(0.001)
    del both
    while not told:  # the last reference is let go some rounds later
        gc.collect()
        await asyncio.sleep(0.01)
    told.clear()
    stage.ready()
    await stage.over()


@faulty("a cancellation swallowed in a busy loop", {"swallowed cancellation"})
async def swallows_and_runs(stage: Stage) -> None:
    """It never waits for anything, but gives way to others."""

    async def spin() -> None:
        while True:
            with contextlib.suppress(BaseException):
                await asyncio.sleep(0)

    task = asyncio.create_task(spin())
    await asyncio.sleep(0.01)
    task.cancel()
    stage.kept.append(task)
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()
