"""An application with something to see, run in a process of its own; the tests tell it what to do.

Reads one JSON array `[function, argument, ...]` a line from its standard input, and answers with
one JSON value a line, from a thread that works while the event loop is blocked.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import threading
from typing import Any

import aiomonitor

HOSTILE_NAMES = (
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "\"'><svg/onload=document.title='owned'>",
    "{{ 7*7 }}${7*7}",
    "../../api/tasks?x=#fragment",
    "right\u202eto left\u2028line\x1b[31m",
    "long " * 60,
)


class Shop:
    """Tasks of every kind that a page tells something of."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = asyncio.Event()
        self.kept: dict[str, asyncio.Task[None]] = {}
        self._note = asyncio.Event()  # which nobody sets
        self._released = threading.Event()

    def keep(self, coroutine: Any, name: str) -> asyncio.Task[None]:
        """Start a task, and keep it alive."""
        task = self.kept[name] = self.loop.create_task(coroutine, name=name)
        return task

    async def open(self) -> None:
        """Start what is always there."""
        self.keep(self.book_deliveries(), "deliveries")
        self.keep(self.found_family(), "grandparent")
        self.keep(self.heart(), "heartbeat")
        for name in HOSTILE_NAMES:
            self.keep(self.wait(), name)
        failing = self.keep(self.jam(), "label-1")
        boss = self.keep(self.dismiss(self.keep(self.wait(), "clerk")), "boss")
        await asyncio.wait([failing, boss])
        failing.exception()  # or Python tells that nobody has asked

    async def wait(self) -> None:
        """For the end."""
        await self.closed.wait()

    async def heart(self) -> None:
        """Something that goes on."""
        for _ in iter(int, 1):
            await asyncio.sleep(0.05)

    async def book_deliveries(self) -> None:
        """Stuck two calls deep."""
        await self.await_note()

    async def await_note(self) -> None:
        """Where the stuck task is found."""
        await self._note.wait()  # THE STUCK LINE

    async def found_family(self) -> None:
        """A task with a child, which has one too."""
        self.keep(self.grow_up(), "parent")
        await self.wait()

    async def grow_up(self) -> None:
        """The generation between."""
        self.keep(self.wait(), "child")
        await self.wait()

    async def jam(self) -> None:
        """Fails, with text that a page should not take for markup."""
        raise ValueError("paper <b>jam</b>")

    async def dismiss(self, clerk: asyncio.Task[None]) -> None:
        """Cancels another task."""
        await asyncio.sleep(0)
        clerk.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clerk

    async def add(self, number: int, name: str) -> None:
        """Start many tasks that wait."""
        for index in range(number):
            self.keep(self.wait(), f"{name}-{index}")
        await asyncio.sleep(0)

    async def is_alive(self, name: str) -> bool:
        """Whether a task that was kept has not ended."""
        return not self.kept[name].done()

    def block(self) -> None:
        """Block the loop until `release`; from the control's thread."""
        self._released.clear()
        self.loop.call_soon_threadsafe(self._stand_still)

    def _stand_still(self) -> None:
        self._released.wait()  # BLOCKED HERE

    def release(self) -> None:
        """Let the loop go on; from the control's thread."""
        self._released.set()


def control(shop: Shop) -> None:
    """Do what the tests ask for, until they close the pipe."""
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        answer = getattr(shop, name)(*arguments)
        if asyncio.iscoroutine(answer):
            answer = asyncio.run_coroutine_threadsafe(answer, shop.loop).result()
        print(json.dumps(answer), flush=True)
    shop.release()
    shop.loop.call_soon_threadsafe(shop.closed.set)


async def main() -> None:
    """Run as `application.py PORT TASKS`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("tasks", type=int)
    options = parser.parse_args()
    shop = Shop()
    with aiomonitor.start_monitor(port=None, console_port=None, webui_port=options.port) as monitor:
        await shop.open()
        await shop.add(options.tasks, "customer")
        print(json.dumps(monitor.webui_port), flush=True)
        threading.Thread(target=control, args=[shop], daemon=True).start()
        await shop.closed.wait()


if __name__ == "__main__":
    asyncio.run(main())
