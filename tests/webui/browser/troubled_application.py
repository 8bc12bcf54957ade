"""An application with all that goes wrong, run in a process of its own: a circle of locks, a full
queue, a busy task, a loop that was blocked.

Told what to do by the tests, as `application.py`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

import aiomonitor

HOSTILE_NAME = "<img src=x onerror=\"document.title='owned'\">"


class Office:
    """Tasks that wait for each other, and one that works too much."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = asyncio.Event()
        self.locks = [asyncio.Lock() for _ in range(3)]
        self.desk: asyncio.Queue[str] = asyncio.Queue(3)
        self.stamp = asyncio.Semaphore(2)
        self.kept: dict[str, asyncio.Task[None]] = {}

    def keep(self, coroutine: Any, name: str) -> None:
        """Start a task, and keep it alive."""
        self.kept[name] = self.loop.create_task(coroutine, name=name)

    async def open(self) -> None:
        """Start all of them."""
        for index, name in enumerate(["anna", "boris", HOSTILE_NAME]):
            self.keep(self.transfer(index), name)
        for index in range(8):
            self.keep(self.put(), f"clerk-{index}")
        for index in range(5):
            self.keep(self.use_stamp(), f"stamper-{index}")
        for index in range(20):
            self.keep(self.closed.wait(), f"visitor-{index}")
        self.keep(self.count(), "counter")
        await asyncio.sleep(0.05)

    async def transfer(self, index: int) -> None:
        """Take a lock, and then wait for the next one's."""
        async with self.locks[index]:
            await asyncio.sleep(0)
            async with self.locks[(index + 1) % 3]:
                await self.closed.wait()

    async def put(self) -> None:
        """Put more on the desk than fits."""
        await self.desk.put("a form")
        await self.desk.put("another form")

    async def use_stamp(self) -> None:
        """There are two stamps."""
        async with self.stamp:
            await self.closed.wait()

    async def count(self) -> None:
        """Compute for some of the time."""
        while not self.closed.is_set():
            add_up(20_000)
            await asyncio.sleep(0.005)

    async def hire(self, number: int) -> None:
        """More tasks, from one place."""
        for index in range(number):
            self.keep(self.closed.wait(), f"trainee-{index}")
        await asyncio.sleep(0)

    async def dismiss(self, name: str) -> None:
        """Cancel a task."""
        self.kept[name].cancel("no more work")
        await asyncio.wait([self.kept[name]])

    async def block(self, seconds: float) -> None:
        """Block the loop."""
        file_reports(seconds)


def add_up(number: int) -> int:
    """Something to compute."""
    return sum(index * index for index in range(number))


def file_reports(seconds: float) -> None:
    """A call that blocks."""
    time.sleep(seconds)  # THE BLOCKING LINE


def control(office: Office) -> None:
    """Do what the tests ask for, until they close the pipe."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        asyncio.run_coroutine_threadsafe(getattr(office, name)(*arguments), office.loop).result()
        print("null", flush=True)
    office.loop.call_soon_threadsafe(office.closed.set)


async def main() -> None:
    """Run as `troubled_application.py PORT TASKS`; only the port counts."""
    office = Office()
    port = int(sys.argv[1])
    with aiomonitor.start_monitor(port=None, console_port=None, webui_port=port) as monitor:
        await office.open()
        print(json.dumps(monitor.webui_port), flush=True)
        threading.Thread(target=control, args=[office], daemon=True).start()
        await office.closed.wait()
        for task in office.kept.values():
            task.cancel()
        await asyncio.gather(*office.kept.values(), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
