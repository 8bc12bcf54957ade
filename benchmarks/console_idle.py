"""What an idle console costs an application under load: the latency of its requests.

Requests that do nothing come at a fixed rate, each at its own moment, whether the loop keeps up or
not; a request's latency counts from that moment. With a console open that nobody types in, and
without one, in turns, in one process.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from harness import Results, finish, free_port, median, parser, rotated, run

if TYPE_CHECKING:
    from collections.abc import Iterator

_RATE = 10_000
"""Requests per second."""


async def _request() -> None:
    """What an application does for one: nothing."""


async def _load(seconds: float) -> list[float]:
    """Latencies in seconds, sorted."""
    gc.collect()
    taken: list[float] = []
    tasks: set[asyncio.Task[None]] = set()
    began, sent = time.perf_counter(), 0

    async def serve(due: float) -> None:
        await _request()
        taken.append(time.perf_counter() - due)

    while (elapsed := time.perf_counter() - began) < seconds:
        while sent < elapsed * _RATE:
            task = asyncio.create_task(serve(began + sent / _RATE))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            sent += 1
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return sorted(taken)


def _open_console(port: int) -> socket.socket:
    """A client of the console that has seen its prompt, and used it once."""
    client = socket.create_connection(("127.0.0.1", port), 30)
    client.sendall(b"1 + 1\n")
    seen = b""
    while b"2\n>>> " not in seen:
        seen += client.recv(4096)
    return client


async def _sample(kind: str, seconds: float, port: int) -> list[float]:
    with ExitStack() as stack:
        if kind == "console":
            stack.enter_context(await asyncio.to_thread(_open_console, port))
        return await _load(seconds)


async def measure(rounds: int, seconds: float) -> Results:
    """Medians of the p99 latency of each round, and of its paired ratio to no console."""
    import aiomonitor

    port = free_port()
    loop = asyncio.get_running_loop()
    kinds = ["none", "console", "again"]
    ratios: dict[str, list[float]] = {kind: [] for kind in kinds}
    p99: dict[str, list[float]] = {kind: [] for kind in kinds}
    with aiomonitor.start_monitor(
        loop, port=None, webui_port=None, console_port=port, hook_task_factory=False
    ):
        await _sample("console", 0.2, port)  # what is imported is imported
        for number in range(rounds):
            found = {kind: await _sample(kind, seconds, port) for kind in rotated(kinds, number)}
            for kind, value in _percentiles(found):
                p99[kind].append(value)
            for kind in kinds:
                ratios[kind].append(p99[kind][-1] / p99["none"][-1])
    results: Results = {f"{kind}_p99_us": median(p99[kind]) * 1e6 for kind in kinds}
    results |= {f"{kind}_p99_ratio": median(ratios[kind]) for kind in kinds if kind != "none"}
    return results


def _percentiles(found: dict[str, list[float]]) -> Iterator[tuple[str, float]]:
    for kind, latencies in found.items():
        yield kind, latencies[int(len(latencies) * 0.99)]


def main() -> None:
    """Measure and print."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=2.0, help="of load in each sample")
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    arguments = options.parse_args()
    found: Results = {}

    async def measured() -> None:
        found.update(await measure(arguments.rounds, arguments.seconds))

    run(measured, arguments.loop)
    finish(found, arguments.json)


if __name__ == "__main__":
    main()
