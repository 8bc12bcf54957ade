"""What the task hook keeps per live task, and whether a million short tasks leave anything.

    PYTHONPATH=src python benchmarks/hook_memory.py

Bytes per live task by `tracemalloc`, against the same tasks without the hook; then the resident
memory after ten thousand and after a million tasks, some cancelled, some failing, drained as the
monitor does.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tracemalloc
from typing import Any

from aiomonitor.backends._asyncio_hook import TaskHook

LIVE = 20_000


async def trivial() -> None:
    pass


async def failing() -> None:
    raise ValueError("boom")


async def live() -> float:
    """Bytes per task of those that wait."""
    waiting = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await waiting

    for _ in range(4):
        await asyncio.sleep(0)
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    tasks: list[Any] = [asyncio.create_task(wait()) for _ in range(LIVE)]
    for _ in range(4):
        await asyncio.sleep(0)
    gc.collect()
    size = (tracemalloc.get_traced_memory()[0] - before) / LIVE
    waiting.set_result(None)
    await asyncio.gather(*tasks)
    return size


async def measure_live() -> None:
    tracemalloc.start()
    plain = await asyncio.create_task(live())
    hook = TaskHook(asyncio.get_running_loop())
    hook.install()
    hooked = await asyncio.create_task(live())
    hook.uninstall()
    tracemalloc.stop()
    print(f"live task: {hooked - plain:.0f} bytes more than {plain:.0f}")


def resident() -> float:
    """MB; Linux only."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def short_tasks(hook: TaskHook, count: int) -> None:
    for _ in range(count // 500):
        tasks: list[Any] = [
            asyncio.create_task(failing() if index % 5 == 0 else trivial(), name="same")
            for index in range(500)
        ]
        for task in tasks[::7]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while hook.drain(1000):
            pass


async def measure_growth() -> None:
    hook = TaskHook(asyncio.get_running_loop())
    hook.install()
    await asyncio.create_task(short_tasks(hook, 10_000))
    level = resident()
    await asyncio.create_task(short_tasks(hook, 1_000_000))
    print(f"a million short tasks: {resident() - level:+.1f} MB; dropped {hook.dropped}")
    hook.uninstall()


if __name__ == "__main__":
    print(f"Python {sys.version.split()[0]}")
    asyncio.run(measure_live())
    asyncio.run(measure_growth())
