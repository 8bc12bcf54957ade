"""What the watchdog, `top` and `profile` cost the monitored loop, against a monitor without them.

All in one process and one loop, interleaved. A loop that is never idle makes the steps of a hundred
tasks, or computes: wall time and CPU time of its thread for the same work. Then the loop rests: CPU
time and voluntary switches (wake-ups) of all threads per second, which the watchdog adds. A second
series without any tells how much of a difference is noise.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from typing import TYPE_CHECKING

from harness import Results, finish, median, parser, rotated, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from aiomonitor.backends.base import Backend

_TASKS = 100
KINDS = ["none", "noise", "watchdog", "top", "profile"]
"""What looks at the loop; noise is none, too."""


async def steps(scale: float) -> None:
    """Many short steps: the loop goes round all the time."""

    async def body() -> None:
        sleep = asyncio.sleep
        for _ in range(round(1000 * scale)):
            await sleep(0)

    await asyncio.gather(*(body() for _ in range(_TASKS)))


async def compute(scale: float) -> None:
    """Pieces of 5 ms or so: whoever wants the GIL has to wait for the end of its turn."""
    for _ in range(round(60 * scale)):
        sum(number * number for number in range(50_000))
        await asyncio.sleep(0)


LOADS: dict[str, Callable[[float], Awaitable[None]]] = {"steps": steps, "compute": compute}


@contextlib.asynccontextmanager
async def _configuration(kind: str, backend: Backend) -> AsyncIterator[None]:
    from aiomonitor.health.watchdog import Watchdog

    if kind == "watchdog":
        watchdog = Watchdog(backend, lambda task: (1, str(task)), 0.1)
        watchdog.start()
        try:
            yield
        finally:
            watchdog.stop()
    elif kind == "top":
        meter = backend.meter()
        meter.start()
        try:
            yield
        finally:
            meter.stop()
    elif kind == "profile":
        async with _profiling(backend):
            yield
    else:
        yield


@contextlib.asynccontextmanager
async def _profiling(backend: Backend) -> AsyncIterator[None]:
    """From a thread of its own, as the monitor does it; the loop sets the timer."""
    from aiomonitor.health.profiling import profile

    begun, ended = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        ended.wait()

    thread = threading.Thread(target=profile, args=[backend, 3600.0, wait])
    thread.start()
    await asyncio.to_thread(begun.wait)
    try:
        yield
    finally:
        ended.set()
        await asyncio.to_thread(thread.join)


async def _work(load: Callable[[float], Awaitable[None]], scale: float) -> tuple[float, float]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.thread_time()
    await load(scale)
    return time.perf_counter() - wall, time.thread_time() - cpu


def _switches() -> int:
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw


async def _rest(seconds: float) -> tuple[float, float]:
    """CPU time in ms and wake-ups, per second."""
    cpu, woken = time.process_time(), _switches()
    await asyncio.sleep(seconds)
    return (time.process_time() - cpu) / seconds * 1e3, (_switches() - woken) / seconds


async def measure(rounds: int, scale: float, *, hook: bool) -> Results:
    """Medians of the paired ratios to `none` of the same round."""
    from aiomonitor.backends import detect

    backend = detect(asyncio.get_running_loop(), hooked=hook)
    backend.attach()
    try:
        return await _measure(rounds, scale, backend)
    finally:
        backend.detach()


async def _measure(rounds: int, scale: float, backend: Backend) -> Results:
    results: Results = {}
    for name, load in LOADS.items():
        taken = []
        for number in range(rounds + 1):
            samples = {}
            for kind in rotated(KINDS, number):
                async with _configuration(kind, backend):
                    samples[kind] = await _work(load, scale)
            if number:  # the first round warms up
                taken.append(samples)
        for index, what in enumerate(("wall", "cpu")):
            for kind in KINDS[1:]:
                pairs = (each[kind][index] / each["none"][index] for each in taken)
                results[f"{name}.{kind}.{what}_ratio"] = median(pairs)
    rests = []
    for _ in range(max(rounds // 3, 1)):
        samples = {}
        for kind in ("none", "watchdog"):
            async with _configuration(kind, backend):
                samples[kind] = await _rest(2 * scale)
        rests.append([b - a for a, b in zip(samples["none"], samples["watchdog"], strict=True)])
    results["idle_cpu_ms"] = median(cpu for cpu, _ in rests)
    results["idle_switches"] = median(switches for _, switches in rests)
    return results


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--scale", type=float, default=1.0, help="of the work (default 1)")
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options.add_argument("--hook", action="store_true", help="with the task hook")
    options.add_argument("--look", type=float, help="seconds between two looks, to try others")
    arguments = options.parse_args()
    if arguments.look:
        from aiomonitor.health import watchdog

        watchdog.LOOK = arguments.look
    results: Results = {}

    async def body() -> None:
        results.update(await measure(arguments.rounds, arguments.scale, hook=arguments.hook))

    run(body, arguments.loop)
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
