"""Looks at tasks from another thread while they start, step and end at full speed.

    python benchmarks/churn.py [--seconds 60]

Counts the looks, what they raised, and wrong lines of tasks that were suspended throughout.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

STEADY = 50


async def steady(event: asyncio.Event) -> None:
    """Suspended throughout, at the line below."""
    await event.wait()


LINE = steady.__code__.co_firstlineno + 2


async def brief(lock: asyncio.Lock, queue: asyncio.Queue[int]) -> None:
    """Some steps of different kinds."""
    await asyncio.sleep(0)
    async with lock:
        queue.put_nowait(1)
        await asyncio.sleep(0)
    await queue.get()


async def churn(until: float) -> int:
    """As many tasks as can be, in small groups."""
    lock, queue, count = asyncio.Lock(), asyncio.Queue[int](), 0
    while time.monotonic() < until:
        await asyncio.gather(*(brief(lock, queue) for _ in range(20)))
        count += 20
    return count


class Looker(threading.Thread):
    """Asks all that can be asked, again and again."""

    def __init__(self, monitor: object, until: float) -> None:
        super().__init__(daemon=True)
        self.monitor = monitor
        self.until = until
        self.looks = self.wrong = 0
        self.errors: list[str] = []

    def run(self) -> None:
        """In the thread."""
        from aiomonitor.errors import TaskNotFoundError

        monitor: object = self.monitor
        ask = ("tasks", "groups", "deadlocks", "findings", "locks", "queues", "await_tree")
        while time.monotonic() < self.until:
            for name in ask:
                try:
                    getattr(monitor, name)()
                    if name == "tasks":
                        self._check(monitor)
                except TaskNotFoundError:
                    pass  # it has ended meanwhile
                except Exception as error:
                    self.errors.append(f"{name}: {error!r}")
                self.looks += 1

    def _check(self, monitor: object) -> None:
        for task in monitor.tasks():  # type: ignore[attr-defined]
            stack = monitor.stack(task.number)  # type: ignore[attr-defined]
            if task.name.startswith("steady"):
                lines = [frame.lineno for frame in stack.frames if frame.function == "steady"]
                self.wrong += lines != [LINE]
            monitor.why(task.number)  # type: ignore[attr-defined]


async def main() -> None:
    """Churn for some time, and tell."""
    import aiomonitor

    parser = argparse.ArgumentParser(description="Looks at tasks while they come and go.")
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    event = asyncio.Event()
    tasks = [asyncio.create_task(steady(event), name=f"steady-{n}") for n in range(STEADY)]
    until = time.monotonic() + seconds
    with aiomonitor.start_monitor(port=0, webui_port=None, console_enabled=False) as monitor:
        looker = Looker(monitor, until)
        looker.start()
        count = await churn(until)
        await asyncio.to_thread(looker.join)
    event.set()
    await asyncio.gather(*tasks)
    print(
        f"Python {platform.python_version()}: {seconds:g} s, {count} tasks, {looker.looks} looks, "
        f"{len(looker.errors)} errors, {looker.wrong} wrong lines"
    )
    for error in sorted(set(looker.errors))[:10]:
        print(f"  {error}")
    sys.exit(bool(looker.errors or looker.wrong))


if __name__ == "__main__":
    asyncio.run(main())
