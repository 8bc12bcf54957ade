"""What a started monitor that nobody visits costs per task, against no monitor.

Both in one process and one loop, interleaved: CPU time of the loop's thread for spawning and
awaiting trivial tasks. A second series without monitor tells how much of a difference is noise.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING

from harness import Results, finish, median, parser, rotated, run, start_monitor

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_BATCH = 500
_IDLE_SECONDS = 0.1


async def _trivial() -> None:
    pass


async def _spawn(tasks: int) -> float:
    """Seconds of CPU that this thread takes for so many tasks."""
    gc.collect()
    before = time.thread_time()
    for _ in range(max(tasks // _BATCH, 1)):
        await asyncio.gather(*[asyncio.create_task(_trivial()) for _ in range(_BATCH)])
    return time.thread_time() - before


async def _rest() -> float:
    """Seconds of CPU per second that all threads take while the loop does nothing."""
    before = time.process_time()
    await asyncio.sleep(_IDLE_SECONDS)
    return (time.process_time() - before) / _IDLE_SECONDS


def _configuration(kind: str) -> AbstractContextManager[object]:
    if kind == "monitor":
        return start_monitor(asyncio.get_running_loop())
    return contextlib.nullcontext()


async def _sample(kind: str, tasks: int) -> tuple[float, float]:
    with _configuration(kind):
        # In a task of its own, so that whatever a monitor installs sees every task involved.
        cpu = await asyncio.create_task(_spawn(tasks))
        return cpu, await _rest()


async def measure(rounds: int, tasks: int) -> Results:
    """Medians of the paired ratios to `none` of the same round."""
    kinds = ["none", "monitor", "again"]
    taken = []
    for number in range(rounds + 1):
        samples = {kind: await _sample(kind, tasks) for kind in rotated(kinds, number)}
        if number:  # the first round warms up
            taken.append(samples)
    return {
        "task_us": median(s["none"][0] for s in taken) / max(tasks, _BATCH) * 1e6,
        "per_task_ratio": median(s["monitor"][0] / s["none"][0] for s in taken),
        "noise_ratio": median(s["again"][0] / s["none"][0] for s in taken),
        "idle_cpu_ms": median((s["monitor"][1] - s["none"][1]) * 1e3 for s in taken),
    }


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, default=10_000, help="tasks per sample")
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    arguments = options.parse_args()
    results: Results = {}

    async def body() -> None:
        results.update(await measure(arguments.rounds, arguments.tasks))

    run(body, arguments.loop)
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
