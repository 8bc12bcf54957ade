"""What tracking costs a run on trio, against no monitor, and what each hook of the instrument does.

A started monitor that nobody visits, in runs of their own, interleaved with runs without. The
figure is wall time as the application sees it, so that what the monitor's thread takes from it is
counted, too. Hooks are called as trio calls them, for tasks that live.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import time
from typing import TYPE_CHECKING, Any

import anyio
import trio
import trio.testing
from harness import (
    SETTLED,
    Results,
    failing,
    finish,
    median,
    parser,
    rotated,
    start_monitor,
    trivial,
)
from trio.lowlevel import current_root_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Load = Callable[[float], Awaitable[float]]

_LINE = b"x" * 63 + b"\n"


async def _below(frames: int, function: Callable[[], Awaitable[None]]) -> None:
    await (_below(frames - 1, function) if frames else function())


async def _nurseries(count: int, tasks: int) -> None:
    for _ in range(count):
        async with trio.open_nursery() as nursery:
            for _ in range(tasks):
                nursery.start_soon(trivial)


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    gc.collect()
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start


# --- loads: seconds for what a load is about ------------------------------------------------------


async def spawn(scale: float) -> float:
    """A nursery with one trivial task, again and again."""
    return await _timed(functools.partial(_nurseries, round(5000 * scale), 1))


async def deep(scale: float) -> float:
    """The same from 30 frames further up."""
    work = functools.partial(_nurseries, round(5000 * scale), 1)
    return await _timed(functools.partial(_below, 29, work))


async def many(scale: float) -> float:
    """Nurseries of a hundred trivial tasks."""
    return await _timed(functools.partial(_nurseries, round(100 * scale), 100))


async def group(scale: float) -> float:
    """The first one again, in anyio's words."""

    async def work() -> None:
        for _ in range(round(3000 * scale)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(trivial)

    return await _timed(work)


async def cancel(scale: float) -> float:
    """Cancel tasks that wait, and see them end."""
    async with trio.open_nursery() as nursery:
        for _ in range(round(5000 * scale)):
            nursery.start_soon(trio.sleep_forever)
        await trio.sleep(0.2)
        start = time.perf_counter()
        nursery.cancel_scope.cancel()
    return time.perf_counter() - start


async def fail(scale: float) -> float:
    """Tasks that end by an exception from 4 frames down."""

    async def work() -> None:
        for _ in range(round(2000 * scale)):
            with contextlib.suppress(Exception):  # a group: there is no name for it before 3.11
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(failing)

    return await _timed(work)


async def echo(scale: float) -> float:
    """Requests over TCP: connect, send a line, get it back from a task with a deadline, close."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            with trio.fail_after(10):
                await stream.send_all(await stream.receive_some(4096))

    async def ask(port: int, count: int) -> None:
        for _ in range(count):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await stream.send_all(_LINE)
                await stream.receive_some(4096)

    async def clients(port: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(ask, port, round(50 * scale))

    async with trio.open_nursery() as nursery:
        serve = functools.partial(trio.serve_tcp, handle, 0, host="127.0.0.1")
        [listener] = await nursery.start(serve)
        seconds = await _timed(functools.partial(clients, listener.socket.getsockname()[1]))
        nursery.cancel_scope.cancel()
    return seconds


async def steps(scale: float) -> float:
    """Steps of a hundred tasks that live long."""

    async def body() -> None:
        checkpoint = trio.lowlevel.checkpoint
        for _ in range(round(500 * scale)):
            await checkpoint()

    async def work() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(body)

    return await _timed(work)


LOADS: dict[str, Load] = {
    "spawn": spawn,
    "deep": deep,
    "many": many,
    "group": group,
    "cancel": cancel,
    "fail": fail,
    "echo": echo,
    "steps": steps,
}


# --- measuring ------------------------------------------------------------------------------------


async def _sample(load: Load, scale: float, tracked: bool) -> float:
    with start_monitor(None, hook=True) if tracked else contextlib.nullcontext():
        await trio.sleep(SETTLED)  # starting is measured on its own
        return await load(scale)


def measure(rounds: int, loads: list[str], scale: float) -> Results:
    """Medians of the paired ratios to no monitor in the same round."""
    ratios: dict[str, list[float]] = {load: [] for load in loads}
    for number in range(rounds + 1):
        for load in loads:
            seconds = {
                tracked: trio.run(_sample, LOADS[load], scale, tracked)
                for tracked in rotated([False, True], number)
            }
            if number:  # the first round warms up
                ratios[load].append(seconds[True] / seconds[False])
    return {f"{load}_ratio": median(found) for load, found in ratios.items()}


class _Nothing(trio.abc.Instrument):
    """What trio's dispatch costs alone."""

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Nothing."""

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Nothing."""


async def _hooks(scale: float) -> Results:
    """Microseconds for one call of each hook, as trio makes it."""
    from aiomonitor.backends._trio.hook import TaskInstrument

    runner: Any = getattr(current_root_task(), "_runner")  # noqa: B009 - private
    results: Results = {}
    async with trio.open_nursery() as nursery:
        for _ in range(round(2000 * scale)):
            nursery.start_soon(trio.sleep_forever)
        await trio.testing.wait_all_tasks_blocked()
        tasks = list(nursery.child_tasks)
        for kind, instrument in (("nothing", _Nothing()), ("hook", TaskInstrument(runner))):
            trio.lowlevel.add_instrument(instrument)
            for hook in ("task_spawned", "task_exited"):
                results[f"{kind}.{hook}_us"] = _call(runner.instruments, hook, tasks)
            trio.lowlevel.remove_instrument(instrument)
        nursery.cancel_scope.cancel()
    return results


def _call(instruments: Any, hook: str, tasks: list[Any]) -> float:
    call = instruments.call
    start = time.perf_counter()
    for task in tasks:
        call(hook, task)
    return (time.perf_counter() - start) / len(tasks) * 1e6


def hooks(rounds: int, scale: float) -> Results:
    """Medians of what one call of each hook takes, 7 frames up."""
    samples: list[Results] = []

    async def sample() -> None:
        samples.append(await _hooks(scale))

    for _ in range(rounds):
        trio.run(_below, 6, sample)
    return {name: median(each[name] for each in samples) for name in samples[0]}


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--load", action="append", choices=list(LOADS), help="default: all")
    options.add_argument("--scale", type=float, default=1.0, help="of what each load does")
    arguments = options.parse_args()
    results = measure(arguments.rounds, arguments.load or list(LOADS), arguments.scale)
    finish({**results, **hooks(arguments.rounds, arguments.scale)}, arguments.json)


if __name__ == "__main__":
    main()
