"""Whether tracking keeps up with a flood of short tasks, and what its thread takes of the GIL.

A loop spawns as many trivial tasks as it can for a while; a third thread measures how long it has
to wait for the GIL, in the gaps that a flood leaves and in those of the monitor's drain alone.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from harness import Results, finish, parser, start_monitor

_PAUSE = 0.001


class Waiter:
    """A thread that asks for the GIL a thousand times a second, and how long it waited at most."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            asked = time.perf_counter()
            time.sleep(_PAUSE)
            self.worst = max(self.worst, time.perf_counter() - asked - _PAUSE)

    def __enter__(self) -> Waiter:
        self._thread.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._stop.set()
        self._thread.join()


async def _trivial() -> None:
    pass


async def flood(seconds: float) -> int:
    """Spawn for so long; returns how many."""
    spawned, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        await asyncio.gather(*[asyncio.create_task(_trivial()) for _ in range(500)])
        spawned += 500
    return spawned


async def measure(seconds: float) -> Results:
    """Of this project alone: 0.7.1 has no counts to read."""
    loop = asyncio.get_running_loop()
    plain = await asyncio.create_task(flood(min(seconds, 5)))
    with start_monitor(loop, hook=True) as monitor:
        spawned = await asyncio.create_task(flood(seconds))
        dropped = monitor.terminated_page(limit=1).dropped
    drain = await _longest_drain(loop)
    return {
        "plain_rate": plain / min(seconds, 5),
        "rate": spawned / seconds,
        "dropped_ratio": dropped / spawned,
        "drain_ms": drain * 1e3,
    }


async def _longest_drain(loop: Any) -> float:
    """Seconds that another thread waits for the GIL at most, while a full queue is drained and the
    loop does nothing."""
    with start_monitor(loop, hook=True), Waiter() as waiter:
        await asyncio.create_task(flood(0.3))
        await asyncio.sleep(0.02)  # until a wait that began in the flood is over
        waiter.worst = 0.0
        await asyncio.sleep(1.5)
        return waiter.worst


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=60, help="of the flood (default 60)")
    arguments = options.parse_args()
    finish(asyncio.run(measure(arguments.seconds)), arguments.json)


if __name__ == "__main__":
    main()
