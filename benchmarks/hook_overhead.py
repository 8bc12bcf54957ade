"""What the task hook costs the loop's thread: CPU time with it against CPU time without.

    PYTHONPATH=src python benchmarks/hook_overhead.py [--loop uvloop] [--repeats 15] [--only spawn]

One process, one loop. Each repeat runs a workload with the hook and without, in alternating order,
and gives one ratio; the figure is the median, with the quartiles. A thread drains meanwhile, as the
monitor does; its own time isn't counted, but what it costs in GIL switches is.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiomonitor.backends._asyncio_hook import TaskHook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

DRAIN_INTERVAL = 0.05
"""Seconds between two drains."""


async def trivial() -> None:
    pass


async def failing(depth: int = 3) -> None:
    if depth:
        await failing(depth - 1)
    raise ValueError("boom")


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def below(frames: int, function: Callable[[], Any]) -> Any:
    """Call the function from so many frames more."""
    return below(frames - 1, function) if frames else function()


async def spawn(frames: int = 2) -> None:
    """Create and await trivial tasks, 500 at a time; 7 frames and more."""
    for _ in range(20):
        await asyncio.gather(
            *below(frames, lambda: [asyncio.create_task(trivial()) for _ in range(500)])
        )


async def spawn_one_by_one() -> None:
    """Create a trivial task and await it, before the next one."""
    for _ in range(5000):
        await asyncio.create_task(trivial())


async def spawn_deep() -> None:
    """The same as `spawn` from 30 frames."""
    await spawn(28)


async def spawn_in_group() -> None:
    """Create trivial tasks in groups of 200."""
    for _ in range(30):
        async with getattr(asyncio, "TaskGroup")() as group:  # noqa: B009 - 3.11+
            for _ in range(200):
                group.create_task(trivial())


async def cancel() -> None:
    """Create tasks that wait, cancel them and await their ends."""
    for _ in range(10):
        waiting = asyncio.get_running_loop().create_future()

        async def wait(future: Any = waiting) -> None:
            await future

        tasks = [asyncio.create_task(wait()) for _ in range(500)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def fail() -> None:
    """Create tasks that end by an exception, 4 frames deep."""
    for _ in range(10):
        await asyncio.gather(
            *[asyncio.create_task(failing()) for _ in range(500)], return_exceptions=True
        )


async def request() -> None:
    """A hundred at once: read, three children under a timeout, some work, write."""

    async def one() -> None:
        await steps(2)
        json.loads(json.dumps({"path": "/", "items": list(range(100))}))
        await asyncio.wait_for(asyncio.gather(steps(3), steps(3), steps(3)), 10)
        json.loads(json.dumps({"path": "/", "items": list(range(100))}))
        await steps(2)

    for _ in range(5):
        await asyncio.gather(*[asyncio.create_task(one()) for _ in range(100)])


async def long_lived() -> None:
    """The steps of a hundred tasks; their creation is a thousandth of it."""
    await asyncio.gather(*[asyncio.create_task(steps(3000)) for _ in range(100)])


WORKLOADS: dict[str, Callable[[], Awaitable[None]]] = {
    "spawn": spawn,
    "one by one": spawn_one_by_one,
    "30 frames": spawn_deep,
    **({"TaskGroup": spawn_in_group} if sys.version_info >= (3, 11) else {}),
    "cancel": cancel,
    "exception": fail,
    "request": request,
    "steps": long_lived,
}


@contextmanager
def hooked(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    hook = TaskHook(loop)
    hook.install()
    stop = threading.Event()

    def drain() -> None:
        while not stop.wait(DRAIN_INTERVAL):
            while hook.drain(1000):
                pass

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        hook.uninstall()
        assert not hook.dropped


async def cost(workload: Callable[[], Awaitable[None]]) -> float:
    gc.collect()
    start = time.thread_time()
    await asyncio.create_task(workload())  # type: ignore[arg-type]
    return time.thread_time() - start


async def ratio(workload: Callable[[], Awaitable[None]], hook_first: bool) -> float:
    plain = 0.0 if hook_first else await cost(workload)
    with hooked(asyncio.get_running_loop()):
        with_hook = await cost(workload)
    return with_hook / (plain or await cost(workload))


async def main(names: list[str], repeats: int) -> None:
    for name in names:
        await ratio(WORKLOADS[name], hook_first=False)
        ratios = [await ratio(WORKLOADS[name], bool(turn % 2)) for turn in range(repeats)]
        low, middle, high = statistics.quantiles(ratios)
        print(f"{name:12} {middle:5.2f}   [{low:.2f} .. {high:.2f}]", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", action="append", choices=list(WORKLOADS))
    chosen = parser.parse_args()
    if chosen.loop == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    print(f"Python {sys.version.split()[0]}, {chosen.loop}: with the hook / without")
    loop.run_until_complete(main(chosen.only or list(WORKLOADS), chosen.repeats))
    loop.close()
