"""A monitored application of its own: answers requests on a fixed schedule, and tells how long
each took.

Reads one command a line: `open` and `close` concern the monitor; from `begin` to `end` requests
come.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import Any

from aiomonitor import Monitor

from .measures import Complaints, quantile, raise_file_limit

WAITERS = 2000
"""Tasks that wait all the time: what listings have to tell of."""
INTERVAL = 0.01
"""Seconds between two requests, whatever became of the ones before."""


class Requests:
    """Due at times that are fixed beforehand: who is late with one is late with the next, too."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self._began = time.perf_counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pacer = asyncio.ensure_future(self._pace())

    async def _pace(self) -> None:
        due = time.perf_counter()
        while True:
            due += INTERVAL
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.ensure_future(self._answer(due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, due: float) -> None:
        await asyncio.sleep(0.002)  # as a database would
        sum(i * i for i in range(4000))
        await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.001))
        self.took.append(time.perf_counter() - due)

    async def end(self) -> dict[str, float]:
        """How many, and how long they took, in milliseconds."""
        self._pacer.cancel()
        await asyncio.gather(*self._tasks)
        shares = {"p50": 0.5, "p99": 0.99, "most": 1.0}
        figures = {name: 1000 * quantile(self.took, share) for name, share in shares.items()}
        seconds = time.perf_counter() - self._began
        return {"count": float(len(self.took)), "seconds": seconds, **figures}


class Application:
    """What the commands concern."""

    def __init__(self) -> None:
        self._monitor: Monitor | None = None
        self._requests: Requests | None = None
        self._complaints = Complaints()

    async def do(self, command: str) -> dict[str, Any]:
        """One of the functions below."""
        return await getattr(self, f"_{command}")()  # type: ignore[no-any-return]

    async def _open(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self._monitor = Monitor(
            loop, port=0, console_port=0, webui_port=0, hook_task_factory=True
        )  # fmt: skip
        self._monitor.start()
        return {"port": self._monitor.port, "web": self._monitor.webui_port}

    async def _close(self) -> dict[str, Any]:
        assert self._monitor is not None
        began = time.monotonic()
        self._monitor.close()
        return {"seconds": time.monotonic() - began}

    async def _begin(self) -> dict[str, Any]:
        gc.collect()  # what was before leaves nothing to be collected now
        self._requests = Requests()
        return {}

    async def _end(self) -> dict[str, Any]:
        assert self._requests is not None
        return await self._requests.end()

    async def _complain(self) -> dict[str, Any]:
        return {"told": self._complaints.told}


async def _wait() -> None:
    await asyncio.Event().wait()


async def main() -> None:
    """Until there are no more commands."""
    raise_file_limit()
    application = Application()
    waiters = [asyncio.create_task(_wait(), name=f"waiter-{number}") for number in range(WAITERS)]
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await application.do(line.strip())), flush=True)
    for waiter in waiters:
        waiter.cancel()


if __name__ == "__main__":
    asyncio.run(main())
