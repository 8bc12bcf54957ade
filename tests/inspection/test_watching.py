"""Following tasks: whatever happens between two looks is told, and told once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import aiomonitor
from support import NOWHERE

if TYPE_CHECKING:
    from aiomonitor.model.changes import TaskEvent

TASKS = 60


async def wait_long() -> None:
    await asyncio.sleep(100)


def test_each_event_is_told_once() -> None:
    """However the looks fall: also when a task has just ended that was cancelled before."""
    events: list[TaskEvent] = []
    stop = threading.Event()

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            watch = monitor.watch(filter="wait_long")

            def look() -> None:
                while not stop.is_set():
                    events.extend(watch.look())
                    time.sleep(0.002)
                time.sleep(0.2)
                events.extend(watch.look())

            looking = asyncio.create_task(asyncio.to_thread(look), name="looking")
            for _ in range(TASKS):
                task = asyncio.create_task(wait_long())
                await asyncio.sleep(0.004)
                task.cancel()
                await asyncio.sleep(0.004)
            stop.set()
            await looking

    asyncio.run(main())
    told = Counter((event.number, event.kind) for event in events)
    assert set(told.values()) == {1}
    kinds = Counter(kind for _, kind in told)
    assert kinds == {"created": TASKS, "cancelled": TASKS, "ended": TASKS}
