"""The monitored process of inspect_latency: many waiting tasks and a heartbeat in one loop.

Reads one word per line from stdin, in the monitored loop, and answers with one line of JSON:
`beat` gives the heartbeat's gaps in seconds since the last time, and what the garbage collector
took of them; `spin SECONDS` keeps the loop computing for so long.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from typing import TYPE_CHECKING, Any

from harness import run, start_monitor

if TYPE_CHECKING:
    from collections.abc import Coroutine

NEEDLE = "needle"
"""The name of one of the tasks, in the middle of the haystack."""
_BEAT = 0.001
_AT_ONCE = 5000


class Heartbeat:
    """Wakes every millisecond, and keeps how long that took."""

    def __init__(self) -> None:
        self.gaps: list[float] = []

    async def beat(self) -> None:
        """Runs for ever."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_BEAT)
            now = time.perf_counter()
            self.gaps.append(now - last)
            last = now


class Collections:
    """How long the garbage collector's runs took, in whichever thread they were set off."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._began = 0.0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.pauses.append(time.perf_counter() - self._began)


async def _inner(forever: asyncio.Event) -> None:
    await forever.wait()


async def _worker(forever: asyncio.Event) -> None:
    await _inner(forever)


async def _contender(lock: asyncio.Lock, forever: asyncio.Event) -> None:
    async with lock:
        await _inner(forever)


class Work:
    """What the tasks do: wait for one event; or every other one for a lock that 99 others want."""

    def __init__(self, *, locks: bool) -> None:
        self._locks = locks
        self._lock = asyncio.Lock()

    def of(self, number: int, forever: asyncio.Event) -> Coroutine[Any, Any, None]:
        """What a task is to do; called in the order of their numbers."""
        if not self._locks or number % 2:
            return _worker(forever)
        if number % 200 == 0:
            self._lock = asyncio.Lock()
        return _contender(self._lock, forever)


def _spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        sum(range(100))


async def serve(tasks: int, port: int, web_port: int, locks: int) -> None:
    """Start everything, then answer until stdin ends."""
    loop, forever, ended = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
    heartbeat, collections, kept = Heartbeat(), Collections(), set()
    work = Work(locks=bool(locks))
    for number in range(tasks):
        name = NEEDLE if number == tasks // 2 else f"worker-{number}"
        kept.add(asyncio.create_task(work.of(number, forever), name=name))
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    await asyncio.sleep(0.1)
    gc.collect()  # as in a service that has run for a while: old objects are known to be old
    kept.add(asyncio.create_task(heartbeat.beat(), name="heartbeat"))

    def answer() -> None:
        word, _, seconds = sys.stdin.readline().partition(" ")
        if not word:
            ended.set()
            return
        if seconds:
            print("{}", flush=True)
            _spin(float(seconds))
            return
        print(json.dumps({"gaps": heartbeat.gaps, "gc": collections.pauses}), flush=True)
        heartbeat.gaps, collections.pauses = [], []

    with start_monitor(loop, port, web_port=web_port):
        loop.add_reader(sys.stdin, answer)
        print("ready", flush=True)
        await ended.wait()
        loop.remove_reader(sys.stdin)


if __name__ == "__main__":
    run(lambda: serve(*map(int, sys.argv[2:])), loop=sys.argv[1])
