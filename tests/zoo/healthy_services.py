"""Services that are well: servers, pools and pipelines with work to do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import Any

from .harness import Stage, healthy


@healthy("an aiohttp server with traffic", needs=("aiohttp",))
async def aiohttp_traffic(stage: Stage) -> None:
    """Ten clients that ask again and again."""
    import aiohttp
    from aiohttp import web

    async def hello(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.005)
        return web.Response(text="hello")

    application = web.Application()
    application.add_routes([web.get("/", hello)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    [address] = runner.addresses

    async def client() -> None:
        async with aiohttp.ClientSession() as session:
            while not stage._over:
                async with session.get(f"http://127.0.0.1:{address[1]}/") as response:
                    await response.text()

    clients = [asyncio.create_task(client()) for _ in range(10)]
    await asyncio.sleep(0.1)
    stage.ready()
    await asyncio.gather(*clients)
    await runner.cleanup()


@healthy("an anyio echo server with memory streams", needs=("anyio",))
async def anyio_echo(stage: Stage) -> None:
    """A server, clients, and a stream of results between tasks."""
    import anyio

    send, receive = anyio.create_memory_object_stream[bytes](5)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - not Django

    async def echo(stream: Any) -> None:
        async with stream:
            async for data in stream:
                await stream.send(data)

    async def client() -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as stream, send.clone() as results:
            while not stage._over:
                await stream.send(b"ping")
                await results.send(await stream.receive())
                await anyio.sleep(0.002)

    async def collect() -> None:
        async for _ in receive:
            with anyio.move_on_after(0.001):
                await anyio.sleep(1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, echo)
        tasks.start_soon(collect)
        for _ in range(5):
            tasks.start_soon(client)
        await anyio.sleep(0.1)
        stage.ready()
        await stage.over()
        tasks.cancel_scope.cancel()


async def streams(stage: Stage) -> None:
    """An echo server of asyncio's, with busy and with idle clients."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def client(*, idle: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not stage._over:
            writer.write(b"ping")
            await reader.read(100)
            await asyncio.sleep(10 if idle else 0.002)
        writer.close()

    clients = [asyncio.create_task(client(idle=number % 2 == 0)) for number in range(60)]
    await asyncio.sleep(0.1)
    stage.ready()
    await stage.over()
    stage.kept += clients


healthy("an echo server with idle clients")(streams)
healthy("an echo server on uvloop", runner="uvloop", needs=("uvloop",))(streams)


@healthy("a pipeline in a TaskGroup", python=(3, 11))
async def pipeline(stage: Stage) -> None:
    """Bounded queues that are full now and then: the last stage is the slowest."""
    first: asyncio.Queue[int] = asyncio.Queue(3)
    second: asyncio.Queue[int] = asyncio.Queue(3)

    async def produce() -> None:
        number = 0
        while not stage._over:
            number += 1
            await first.put(number)

    async def refine() -> None:
        while not stage._over:
            await second.put(await first.get() * 2)

    async def consume() -> None:
        while not stage._over:
            await second.get()
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:  # type: ignore[attr-defined]
        tasks = [group.create_task(stage_()) for stage_ in (produce, refine, consume)]
        await asyncio.sleep(0.05)
        stage.ready()
        await stage.over()
        for task in tasks:
            task.cancel()


@healthy("idle consumers")
async def idle_consumers(stage: Stage) -> None:
    """Fifty workers that wait for work, which comes seldom."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def worker() -> None:
        while True:
            await queue.get()
            queue.task_done()

    stage.kept += [asyncio.create_task(worker()) for _ in range(60)]
    stage.ready()
    async for number in stage.rounds():
        queue.put_nowait(number)


@healthy("a pool of connections under load")
async def pool(stage: Stage) -> None:
    """A hundred tasks for ten connections, which come back soon."""
    connections = asyncio.Semaphore(10)

    async def client() -> None:
        while not stage._over:
            async with connections:
                await asyncio.sleep(0.004)

    tasks = [asyncio.create_task(client()) for _ in range(100)]
    await asyncio.sleep(0.1)
    stage.ready()
    await asyncio.gather(*tasks)


@healthy("a hot lock")
async def hot_lock(stage: Stage) -> None:
    """Twenty tasks that take turns."""
    lock = asyncio.Lock()

    async def client() -> None:
        while not stage._over:
            async with lock:
                await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(client()) for _ in range(20)]
    stage.ready()
    await asyncio.gather(*tasks)


@healthy("200 connections that wait for a message")
async def websockets(stage: Stage) -> None:
    """Identical tasks, each at a queue of its own, which a hub knows."""
    hub: dict[int, asyncio.Queue[str]] = {}
    stage.kept.append(hub)

    async def connection(number: int) -> None:
        inbox = hub[number] = asyncio.Queue()
        try:
            while await inbox.get():
                pass
        finally:
            del hub[number]

    stage.kept += [asyncio.create_task(connection(number)) for number in range(200)]
    await asyncio.sleep(0.05)
    stage.ready()
    async for _ in stage.rounds():
        for inbox in random.sample(list(hub.values()), 10):
            inbox.put_nowait("hello")


@healthy("threads at work")
async def threads(stage: Stage) -> None:
    """Quick calls in the default executor, more of them than it has threads."""

    async def client() -> None:
        while not stage._over:
            await asyncio.to_thread(sum, range(1000))
            await asyncio.sleep(0.001)

    tasks = [asyncio.create_task(client()) for _ in range(30)]
    await asyncio.sleep(0.1)
    stage.ready()
    await asyncio.gather(*tasks)


@healthy("a trio pipeline", runner="trio", needs=("trio",))
async def on_trio(stage: Stage) -> None:
    """A channel with room for two, and a slow end."""
    import trio

    send, receive = trio.open_memory_channel[int](2)

    async def produce() -> None:
        while not stage._over:
            await send.send(1)
        send.close()

    async def consume() -> None:
        async for _ in receive:
            with trio.move_on_after(0.005):
                await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(produce)
        nursery.start_soon(consume)
        await trio.sleep(0.05)
        stage.ready()


@healthy("a crawl with ten connections")
async def crawl(stage: Stage) -> None:
    """Hundreds of tasks wait for a semaphore, all since the beginning, and have their turn."""
    connections = asyncio.Semaphore(10)

    async def fetch() -> None:
        async with connections:
            await asyncio.sleep(0.03)

    stage.kept.append(asyncio.gather(*(fetch() for _ in range(800))))
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@healthy("a batch of calls in threads")
async def batch(stage: Stage) -> None:
    """Hundreds of tasks wait for threads, which work on one after the other."""

    async def convert() -> None:
        await asyncio.to_thread(time.sleep, 0.02)

    stage.kept.append(asyncio.gather(*(convert() for _ in range(800))))
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@healthy("long polling")
async def long_polling(stage: Stage) -> None:
    """A hundred requests wait for a condition until there is news, some with a timeout."""
    news = asyncio.Condition()

    async def poll(timeout: float | None) -> None:
        async with news:
            while True:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(news.wait(), timeout)

    stage.kept += [news, *(asyncio.create_task(poll(seconds)) for seconds in [0.1, None] * 60)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@healthy("a hundred producers at a small queue")
async def many_producers(stage: Stage) -> None:
    """Each waits for long, since there are so many, but the queue is emptied all the time."""
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce() -> None:
        while True:
            await queue.put(1)

    async def consume() -> None:
        while True:
            await queue.get()
            await asyncio.sleep(0.004)

    stage.kept += [queue, asyncio.create_task(consume())]
    stage.kept += [asyncio.create_task(produce()) for _ in range(100)]
    await asyncio.sleep(0.05)
    stage.ready()
    await stage.over()


@healthy("requests that time out and are tried again", needs=("aiohttp",))
async def aiohttp_timeouts(stage: Stage) -> None:
    """aiohttp cancels the task at its timeout, and takes that back."""
    import aiohttp

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    timeout = aiohttp.ClientTimeout(total=0.03)

    async def client() -> None:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not stage._over:
                with contextlib.suppress(asyncio.TimeoutError, aiohttp.ClientError):
                    async with session.get(url) as response:
                        await response.text()
                await asyncio.sleep(0.3)

    clients = [asyncio.create_task(client()) for _ in range(5)]
    await asyncio.sleep(0.1)
    stage.ready()
    await asyncio.gather(*clients)


@healthy("anyio's scopes, and threads with a limiter", needs=("anyio",))
async def anyio_scopes(stage: Stage) -> None:
    """Scopes that are cancelled and left; sixty tasks that share three threads."""
    import anyio
    import anyio.to_thread

    limiter = anyio.CapacityLimiter(3)

    async def calls() -> None:
        while not stage._over:
            await anyio.to_thread.run_sync(time.sleep, 0.01, limiter=limiter)

    async def scopes() -> None:
        while not stage._over:
            with anyio.move_on_after(0.03):
                await anyio.sleep(5)
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 5)
                await anyio.sleep(0.01)
                group.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for body in [calls] * 60 + [scopes] * 5:
            tasks.start_soon(body)
        await anyio.sleep(0.1)
        stage.ready()


@healthy("a hot lock of anyio's", needs=("anyio",))
async def anyio_hot_lock(stage: Stage) -> None:
    """Who has just had it waits for it again: two moments of a look make no deadlock."""
    import anyio

    lock = anyio.Lock()

    async def client() -> None:
        while not stage._over:
            async with lock:
                await anyio.sleep(0.001)

    async with anyio.create_task_group() as tasks:
        for _ in range(60):
            tasks.start_soon(client)
        await anyio.sleep(0.1)
        stage.ready()
