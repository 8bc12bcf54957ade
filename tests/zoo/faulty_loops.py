"""What blocks the loop."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time

from .harness import Stage, faulty


@faulty("time.sleep in a handler", {"blocked loop"})
async def sleeps(stage: Stage) -> None:
    """A pause that should have been awaited."""

    async def handler() -> None:
        time.sleep(0.9)  # noqa: ASYNC251 - the fault

    await asyncio.sleep(0.2)
    await asyncio.create_task(handler())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a blocking request in a handler", {"blocked loop"})
async def requests(stage: Stage) -> None:
    """As `requests.get` does: a socket that blocks until the server answers."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = server.accept()
        time.sleep(0.9)
        connection.sendall(b"200 OK")
        connection.close()

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()

    async def handler() -> None:
        with socket.create_connection(server.getsockname()) as client:
            client.recv(100)

    await asyncio.sleep(0.2)
    await asyncio.create_task(handler())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a task that computes without a pause", {"blocked loop", "task never yields"})
async def computes(stage: Stage) -> None:
    """A report over all data, in one go."""

    async def report() -> int:
        total, until = 0, time.thread_time() + 0.9  # also on a busy machine
        while time.thread_time() < until:
            total += sum(range(1000))
        return total

    await asyncio.sleep(0.2)
    await asyncio.create_task(report())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a task that awaits what is done", {"blocked loop", "task never yields"})
async def spins(stage: Stage) -> None:
    """It awaits, but never waits: other tasks do not get their turn."""

    async def cached() -> int:
        return 1

    async def consumer() -> None:
        until = time.thread_time() + 0.9
        while time.thread_time() < until:
            await cached()

    await asyncio.sleep(0.2)
    await asyncio.create_task(consumer())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a slow __del__", {"slow garbage collection"}, allowed={"blocked loop"})
async def slow_del(stage: Stage) -> None:
    """A finaliser that waits for its connection to close."""

    class Connection:
        def __del__(self) -> None:
            time.sleep(0.9)

    async def handler() -> None:
        connection = Connection()
        del connection

    await asyncio.sleep(0.2)
    await asyncio.create_task(handler())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a collection of much garbage", {"slow garbage collection"}, allowed={"blocked loop"})
async def much_garbage(stage: Stage) -> None:
    """Millions of objects in circles."""
    gc.disable()
    keep = [[index] for index in range(1_500_000)]
    stage.kept.append(keep)

    async def handler() -> None:
        for _ in range(3):
            gc.collect()

    await asyncio.sleep(0.2)
    await asyncio.create_task(handler())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("time.sleep on uvloop", {"blocked loop"}, runner="uvloop", needs=("uvloop",))
async def sleeps_on_uvloop(stage: Stage) -> None:
    """The same, under a loop that has no Python frames."""

    async def handler() -> None:
        time.sleep(0.9)  # noqa: ASYNC251 - the fault

    await asyncio.sleep(0.2)
    await asyncio.create_task(handler())
    await asyncio.sleep(0.2)
    stage.ready()
    await stage.over()


@faulty("a loop that waits for itself", {"blocked loop"})
async def waits_for_itself(stage: Stage) -> None:
    """`run_coroutine_threadsafe(...).result()`, called in the loop's own thread."""

    async def answer() -> int:
        return 1

    async def handler() -> None:
        asyncio.run_coroutine_threadsafe(answer(), asyncio.get_running_loop()).result()

    await asyncio.sleep(0.2)
    threading.Timer(0.8, stage.ready).start()
    await asyncio.create_task(handler())
