"""The application of the soak: tasks at full rate, two monitors, and once a second its own figures.

    python -m reliability.soak_application FOLDER

Its first line names the doors. Then, as JSON in a line each, the heartbeat's delay of the last
second; and for each line that it is sent, a census: how many objects of each type there are.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import gc
import json
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import aiomonitor

from .measures import Complaints, kept_mb, quantile

BATCH = 60
"""Tasks that are spawned at once; the pause after them leaves some of a core to the others."""
PAUSE = 0.02
BLOCKED, BLOCKS_EVERY = 0.15, 7.0
"""Seconds: longer than what counts as a stall, and how often."""
BEAT = 0.01
LOOKS, BETWEEN = 5, 0.3
"""Of a census, and the seconds between them."""
ANCESTORS = 10_000
"""Ended tasks that created others, as many as a monitor remembers: some 5 MB, which take minutes to
come together in the mix below. They are there from the start, so that what grows is something else.
"""


def tell(**news: Any) -> None:
    """A line to who has started us."""
    sys.stdout.write(json.dumps(news) + "\n")
    sys.stdout.flush()


def census() -> dict[str, int]:
    """Objects that the collector knows, by type, when there were the fewest: of the tasks that end
    in a second thousands of objects are on their way out, or not, at any one moment."""
    looks = []
    for _ in range(LOOKS):
        looks.append(counted())
        time.sleep(BETWEEN)
    return min(looks, key=lambda each: sum(each.values()))


def counted() -> dict[str, int]:
    """Those that there are now."""
    gc.collect()
    # In one call of C: up to 3.13, who holds a tuple that another thread is making breaks it.
    kinds = list(map(type, gc.get_objects()))
    counted = collections.Counter(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    return dict(counted)


async def returns(lock: asyncio.Lock, queue: asyncio.Queue[int], number: int) -> int:
    """Through a lock and a queue."""
    async with lock:
        await queue.put(number)
    await asyncio.sleep(0.01)
    return await queue.get()


async def fails() -> None:
    """As its name says."""
    await asyncio.sleep(0)
    raise LookupError("as it was told")


async def swallows() -> None:
    """Takes a cancellation for itself, and goes on."""
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    await asyncio.sleep(0.05)


async def nests(depth: int) -> None:
    """Children of children."""
    if depth:
        await asyncio.gather(nests(depth - 1), asyncio.create_task(asyncio.sleep(0.002)))


async def fill_history() -> None:
    """Has the monitors remember as many ended tasks as they ever do, at a pace that they follow."""
    for _ in range(ANCESTORS // BATCH + 1):
        await asyncio.gather(*(asyncio.create_task(nests(1)) for _ in range(BATCH)))
        await asyncio.sleep(PAUSE)


async def spawn() -> None:
    """For ever, in batches: returns, fails, is cancelled, swallows, nests; all the batch ends."""
    while True:
        lock, queue = asyncio.Lock(), asyncio.Queue[int](10)
        tasks: list[asyncio.Task[Any]] = []
        for number in range(BATCH):
            kinds: list[Any] = [fails, swallows, asyncio.Event().wait]
            work = kinds[number % 4]() if number % 4 < 3 else returns(lock, queue, number)
            tasks.append(asyncio.create_task(work, name=f"job {number}"))
        await asyncio.sleep(PAUSE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, nests(3), return_exceptions=True)


async def block() -> None:
    """The loop, now and then."""
    while True:
        await asyncio.sleep(BLOCKS_EVERY)
        time.sleep(BLOCKED)  # noqa: ASYNC251 - that is what is to be seen
        await asyncio.to_thread(time.sleep, 0.01)


async def beat() -> None:
    """Tells by how much the timers of each second were late."""
    loop = asyncio.get_running_loop()
    while True:
        late = []
        until = loop.time() + 1
        while (now := loop.time()) < until:
            await asyncio.sleep(BEAT)
            late.append(1000 * (loop.time() - now - BEAT))
        tell(lag_ms=quantile(late, 0.5), worst_ms=max(late))


def files() -> dict[str, int]:
    """Open descriptors, by kind."""
    kinds: list[str] = []
    for file in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            kinds.append(str(file.readlink()).partition("[")[0].rstrip(":"))
    return dict(collections.Counter(kinds))


def threads() -> dict[str, int]:
    """Running, by name without its number."""
    names = (each.name.rstrip("0123456789") for each in threading.enumerate())
    return dict(collections.Counter(names))


def answer(complaints: Complaints) -> None:
    """A census for each line, in a thread of its own, until there are no more."""
    for _ in sys.stdin:
        told: dict[str, Any] = {"errors": complaints.told[:5], "error_count": complaints.count}
        told |= {"census": census(), "blocks": sys.getallocatedblocks(), "kept_mb": kept_mb()}
        tell(files=files(), threads=threads(), **told)
    os._exit(0)


async def main(folder: Path) -> None:
    """Until standard input ends."""
    complaints = Complaints()
    logging.getLogger("asyncio").removeHandler(complaints)  # the application's own mistakes
    loop = asyncio.get_running_loop()
    unix = aiomonitor.Monitor(loop, unix_path=folder / "doors")
    tcp = aiomonitor.Monitor(loop, port=0, webui_port=0, console_port=0, locals={"answer": 42})
    with unix, tcp:
        paths = {each.service: each.path for each in unix.addresses}
        await fill_history()
        tell(port=tcp.port, webui_port=tcp.webui_port, console_port=tcp.console_port, unix=paths)
        threading.Thread(target=answer, args=(complaints,), daemon=True).start()
        await asyncio.gather(spawn(), spawn(), block(), beat())


if __name__ == "__main__":
    logging.basicConfig(filename=os.devnull, level=logging.INFO)
    asyncio.run(main(Path(sys.argv[1])))
