"""What tracking keeps: bytes per live and per ended task, and whether millions of them add up.

Each figure is of a fresh process. Live tasks by `tracemalloc`, against the same tasks without a
monitor; ended ones by what a thousand of them leave, against the same without tracking.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
import tracemalloc
from contextlib import nullcontext
from typing import Any

from harness import Results, finish, median, parser, resident_mb, start_monitor

_LIVE = 20_000
_FULL = 1000
_WARM, _MANY = 10_000, 1_000_000


async def _wait(future: Any) -> None:
    await future


async def _failing() -> None:
    raise ValueError("boom")


async def _trivial() -> None:
    pass


async def live(hook: bool) -> float:
    """Bytes per waiting task."""
    loop = asyncio.get_running_loop()
    with start_monitor(loop, hook=True) if hook else nullcontext():
        future = loop.create_future()
        gc.collect()
        tracemalloc.start()
        tasks = [asyncio.create_task(_wait(future)) for _ in range(_LIVE)]
        await asyncio.sleep(0.5)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0] / _LIVE
        tracemalloc.stop()
        future.set_result(None)
        await asyncio.gather(*tasks)
    return size


async def _burst(count: int) -> None:
    """Short tasks; every tenth is cancelled, every tenth fails, and names repeat."""
    for start in range(0, count, 500):
        tasks = [
            asyncio.create_task(_failing() if index % 10 == 1 else _trivial(), name=f"job {index}")
            for index in range(min(500, count - start))
        ]
        for task in tasks[::10]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def growth(_hook: bool) -> float:
    """MB that a million short tasks add to what ten thousand left."""
    with start_monitor(asyncio.get_running_loop(), hook=True):
        await asyncio.create_task(_burst(_WARM))
        await asyncio.sleep(1.5)
        gc.collect()
        before = resident_mb()
        await asyncio.create_task(_burst(_MANY))
        await asyncio.sleep(1.5)
        gc.collect()
        return resident_mb() - before


async def history(hook: bool) -> float:
    """Bytes traced per ended task, when a thousand of them are all that there were."""
    with start_monitor(asyncio.get_running_loop(), hook=hook):
        await asyncio.create_task(_burst(_FULL))
        await asyncio.sleep(1.5)
        gc.collect()
        tracemalloc.start()
        await asyncio.create_task(_burst(_FULL))
        await asyncio.sleep(1.5)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    return size / _FULL


KINDS = {"live": live, "growth": growth, "history": history}


def _fresh(kind: str, hook: bool) -> float:
    command = [sys.executable, __file__, "--one", kind, *(["--hook"] if hook else [])]
    return float(json.loads(subprocess.check_output(command, text=True)))


def measure(rounds: int) -> Results:
    """Medians over fresh processes."""

    def difference(kind: str) -> float:
        return median(_fresh(kind, True) - _fresh(kind, False) for _ in range(rounds))

    return {
        "live_bytes": difference("live"),
        "history_bytes": difference("history"),
        "growth_mb": median(_fresh("growth", True) for _ in range(max(rounds // 3, 1))),
    }


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--one", choices=list(KINDS), help="one figure, of this process")
    options.add_argument("--hook", action="store_true", help="with --one: with tracking")
    arguments = options.parse_args()
    if arguments.one:
        print(json.dumps(asyncio.run(KINDS[arguments.one](arguments.hook))))
        return
    finish(measure(arguments.rounds), arguments.json)


if __name__ == "__main__":
    main()
