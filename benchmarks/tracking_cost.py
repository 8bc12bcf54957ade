"""What tracking (`hook_task_factory=True`) costs the monitored loop, against no monitor.

A started monitor that nobody visits, in the same process and loop as the runs without; interleaved.
The figure is wall time as the application sees it, so that what the monitor's thread takes from it
is counted, too. Creation and waiting for the loads to settle are left out where a load is about
something else.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
from typing import TYPE_CHECKING, Any

from harness import (
    SETTLED,
    Results,
    failing,
    finish,
    median,
    parser,
    rotated,
    run,
    start_monitor,
    trivial,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

_SETTLE = 0.2
"""Seconds that tasks wait before they are cancelled: by then they are old to a monitor."""


class _Watch:
    """Wall time of a `with` block."""

    seconds = 0.0

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_exc_info: object) -> None:
        self.seconds = time.perf_counter() - self._start


async def _stepping(count: int) -> None:
    sleep = asyncio.sleep
    for _ in range(count):
        await sleep(0)


async def spawn(watch: _Watch, scale: float) -> None:
    """Create and await trivial tasks, 500 at a time."""
    with watch:
        for _ in range(round(20 * scale)):
            await asyncio.gather(*[asyncio.create_task(trivial()) for _ in range(500)])


def _below(frames: int, function: Callable[[], Any]) -> Any:
    return _below(frames - 1, function) if frames else function()


async def deep(watch: _Watch, scale: float) -> None:
    """The same from 30 frames further up."""
    with watch:
        for _ in range(round(20 * scale)):
            await asyncio.gather(
                *_below(29, lambda: [asyncio.create_task(trivial()) for _ in range(500)])
            )


async def group(watch: _Watch, scale: float) -> None:
    """Task groups of 200 trivial tasks."""
    with watch:
        for _ in range(round(50 * scale)):
            async with getattr(asyncio, "TaskGroup")() as tasks:  # noqa: B009 - 3.11+
                for _ in range(200):
                    tasks.create_task(trivial())


async def cancel(watch: _Watch, scale: float) -> None:
    """Cancel tasks that have waited for a while, and await their ends."""
    future = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await future

    tasks = [asyncio.create_task(wait()) for _ in range(round(5000 * scale))]
    await asyncio.sleep(_SETTLE)
    gc.collect()
    with watch:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def fail(watch: _Watch, scale: float) -> None:
    """Tasks that end by an exception from 4 frames down."""
    with watch:
        for _ in range(round(10 * scale)):
            tasks = [asyncio.create_task(failing()) for _ in range(500)]
            await asyncio.gather(*tasks, return_exceptions=True)


async def request(watch: _Watch, scale: float) -> None:
    """A task with a timeout over three children of three steps each; a hundred at a time."""

    async def one() -> None:
        await asyncio.wait_for(asyncio.gather(*(_stepping(3) for _ in range(3))), 10)

    with watch:
        for _ in range(round(5 * scale)):
            await asyncio.gather(*[asyncio.create_task(one()) for _ in range(100)])


async def steps(watch: _Watch, scale: float) -> None:
    """Steps of a hundred tasks that live long."""
    go = asyncio.Event()

    async def body() -> None:
        await go.wait()
        await _stepping(round(2000 * scale))

    tasks = [asyncio.create_task(body()) for _ in range(100)]
    await asyncio.sleep(_SETTLE)
    with watch:
        go.set()
        await asyncio.gather(*tasks)


LOADS: dict[str, Callable[[_Watch, float], Awaitable[None]]] = {
    "spawn": spawn,
    "deep": deep,
    **({"group": group} if sys.version_info >= (3, 11) else {}),
    "cancel": cancel,
    "fail": fail,
    "request": request,
    "steps": steps,
}


def _configuration(kind: str) -> AbstractContextManager[object]:
    if kind == "tracked":
        return start_monitor(asyncio.get_running_loop(), hook=True)
    return contextlib.nullcontext()


async def _sample(kind: str, load: str, scale: float) -> float:
    watch = _Watch()
    gc.collect()
    with _configuration(kind):
        await asyncio.sleep(SETTLED)  # starting is measured on its own
        # In a task of its own, so that the hook sees every task involved.
        await asyncio.create_task(LOADS[load](watch, scale))  # type: ignore[arg-type]
    return watch.seconds


async def measure(rounds: int, loads: list[str], scale: float) -> Results:
    """Medians of the paired ratios to no monitor in the same round."""
    kinds = ["none", "tracked"]
    ratios: dict[str, list[float]] = {load: [] for load in loads}
    for number in range(rounds + 1):
        for load in loads:
            seconds = {kind: await _sample(kind, load, scale) for kind in rotated(kinds, number)}
            if number:  # the first round warms up
                ratios[load].append(seconds["tracked"] / seconds["none"])
    return {f"{load}_ratio": median(found) for load, found in ratios.items()}


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--load", action="append", choices=list(LOADS), help="default: all")
    options.add_argument("--scale", type=float, default=1.0, help="of what each load does")
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options.add_argument("--eager", action="store_true", help="eager tasks (3.12+)")
    arguments = options.parse_args()
    results: Results = {}

    async def body() -> None:
        if arguments.eager:
            asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009 - 3.12+
        loads = arguments.load or list(LOADS)
        results.update(await measure(arguments.rounds, loads, arguments.scale))

    run(body, arguments.loop)
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
