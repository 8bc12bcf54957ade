"""One process of a fleet: does small work until its standard input ends.

Usage: `worker.py NAME KIND`, where KIND is asyncio, uvloop, trio, stalling or leaking. Prints the
web port once it is watched. A thread looks for findings more often than the monitor does by itself.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time

import anyio
import anyio.to_thread

import aiomonitor

NAME, KIND = sys.argv[1:3]
PAUSE = 0.1
LEAK = 10
"""Tasks that are leaked in each round."""
STALL = 0.25
"""Seconds that the loop is blocked in each round."""


async def job(number: int) -> None:
    """Every third one returns, fails, or waits until it is cancelled."""
    if number % 3 == 0:
        await anyio.sleep_forever()
    elif number % 3 == 1:
        raise ValueError(number)


async def attempt(number: int) -> None:
    """The job, in a task of its own."""
    with contextlib.suppress(Exception):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(job, number)
            await anyio.sleep(PAUSE / 2)
            tasks.cancel_scope.cancel()


async def work() -> None:
    """Rounds, for ever."""
    async with anyio.create_task_group() as leaked:
        number = 0
        while True:
            number += 1
            await attempt(number)
            if KIND == "leaking":
                for _ in range(LEAK):
                    leaked.start_soon(anyio.sleep_forever)
            if KIND == "stalling":
                time.sleep(STALL)  # noqa: ASYNC251 - what its name says
            await anyio.sleep(PAUSE)


def look(monitor: aiomonitor.Monitor) -> None:
    """Look for findings, for ever."""
    while True:
        monitor.findings()
        time.sleep(0.5)


async def main() -> None:
    """Work until nobody listens any more."""
    ports = {"port": None, "console_port": None, "webui_port": 0}
    with aiomonitor.start_monitor(name=NAME, **ports) as monitor:  # type: ignore[arg-type]
        threading.Thread(target=look, args=(monitor,), daemon=True).start()
        print(monitor.webui_port, flush=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work)
            await anyio.to_thread.run_sync(sys.stdin.read)
            tasks.cancel_scope.cancel()


if KIND == "uvloop":
    anyio.run(main, backend_options={"use_uvloop": True})
else:
    anyio.run(main, backend="trio" if KIND == "trio" else "asyncio")
