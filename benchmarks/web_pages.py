"""What open pages cost an application that is fully busy: its throughput with ten and with none.

The pages are ten event streams of the list of tasks, read by another process, as browsers hold
them open. Rounds with and without them alternate in one process; each with them is compared with
the two beside it.
With `--poll` they ask every two seconds for all tasks, as the pages of 0.7.1 do.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from typing import TYPE_CHECKING

from harness import HERE, Results, finish, free_port, median, parser, run, start_monitor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_PAGES = 10
_SETTLE = 1.0
"""Seconds after the pages were opened: their first look is over then."""


async def _step() -> None:
    """What a request of the application does: a turn of the loop, and a little computing."""
    await asyncio.sleep(0)
    sum(range(200))


async def _task() -> None:
    await asyncio.create_task(_step())


async def _rate(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    """How often it is done in a second."""
    began, done = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        await work()
        done += 1
    return done / elapsed


class Readers:
    """The process that holds pages open."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, port: int, *, poll: bool) -> Readers:
        """Start it, with nothing open."""
        command = [sys.executable, f"{HERE}/readers.py", str(port), str(_PAGES)]
        command += ["--poll"] if poll else []
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    async def tell(self, word: str) -> int:
        """Open or shut the pages; how many events or answers they had."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{word}\n".encode())
        return int(await self._process.stdout.readline())

    async def stop(self) -> None:
        """End it."""
        self._process.kill()
        await self._process.wait()


async def measure(tasks: int, rounds: int, seconds: float, *, poll: bool) -> Results:
    """Throughput of both kinds of work beside so many tasks that wait."""
    forever = asyncio.Event()
    kept = {asyncio.create_task(forever.wait(), name=f"worker-{n}") for n in range(tasks)}
    await asyncio.sleep(0.1)
    gc.collect()
    port, results = free_port(), Results()
    with start_monitor(asyncio.get_running_loop(), web_port=port):
        readers = await Readers.start(port, poll=poll)
        await readers.tell("open")  # which makes the monitor load what it serves with
        await _rate(_step, _SETTLE)
        await readers.tell("shut")
        for name, work in (("steps", _step), ("tasks", _task)):
            ratios, heard = [], 0
            before = await _rate(work, seconds)
            for _ in range(rounds):
                await readers.tell("open")
                await _rate(work, _SETTLE)
                during = await _rate(work, seconds)
                heard += await readers.tell("shut")
                after = await _rate(work, seconds)
                ratios.append((before + after) / 2 / during)
                before = after
            results[f"{name}_ratio"] = median(ratios)
            results[f"{name}_events_per_s"] = heard / _PAGES / rounds / (seconds + _SETTLE)
        await readers.stop()
    for task in kept:
        task.cancel()
    await asyncio.wait(kept)
    return results


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, nargs="+", default=[1000, 100_000])
    options.add_argument("--seconds", type=float, default=4.0, help="of work in each sample")
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options.add_argument("--poll", action="store_true", help="as pages of 0.7.1 ask")
    arguments = options.parse_args()
    results: Results = {}

    async def measured() -> None:
        for tasks in arguments.tasks:
            found = await measure(tasks, arguments.rounds, arguments.seconds, poll=arguments.poll)
            results.update({f"{tasks}.{name}": figure for name, figure in found.items()})

    run(measured, arguments.loop)
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
