"""What the benchmarks share: medians, fresh interpreters, a monitor on free ports, output.

Runs with this project's aiomonitor and with 0.7.1 alike, so it needs nothing but the standard
library and a package called `aiomonitor`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator
    from contextlib import AbstractContextManager

HOST = "127.0.0.1"
HERE = os.path.dirname(os.path.abspath(__file__))

Results = dict[str, float]
"""Figures by name. The unit ends the name: `_ms`, `_mb` (2**20 bytes), `_ratio`; else a number."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """An argument parser with the options of every benchmark."""
    made = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    made.add_argument("--rounds", type=int, default=9, help="samples of each kind (default 9)")
    made.add_argument("--json", metavar="FILE", help="write the figures there, too")
    return made


@contextmanager
def compiled() -> Iterator[None]:
    """The processes started meanwhile find their modules compiled, as those of an application do.

    In a checkout they may not be, or never get to be (PYTHONDONTWRITEBYTECODE); so they are kept in
    a folder of ours, which the first process of each kind fills.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def finish(results: Results, path: str | None) -> None:
    """Print the figures, and write them as JSON if asked to."""
    print(f"Python {sys.version.split()[0]}")
    for name, value in results.items():
        print(f"{name:45} {value:12.3f}")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


def median(values: Iterable[float]) -> float:
    """The median: what one busy neighbour on the machine does not move."""
    return statistics.median(values)


def rotated(items: list[Any], by: int) -> list[Any]:
    """The items in another order each round, so that none always follows the same one."""
    by %= len(items)
    return items[by:] + items[:by]


def free_port() -> int:
    """A port that nobody has now. Port 0 would do for this project, but not for 0.7.1."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


SETTLED = 0.1
"""Seconds in which a monitor that has just started does what it does once: it registers itself."""


def start_monitor(
    loop: asyncio.AbstractEventLoop | None,
    port: int | None = None,
    *,
    web_port: int | None = None,
    hook: bool = False,
) -> AbstractContextManager[Any]:
    """A started monitor, whichever aiomonitor this interpreter has; by default without tracking.

    Without a loop, it is of the run that this is in: trio's, too, but not by 0.7.1.
    """
    import aiomonitor

    monitor: AbstractContextManager[Any] = aiomonitor.start_monitor(
        loop,
        port=port or free_port(),
        webui_port=web_port or free_port(),
        console_port=free_port(),
        hook_task_factory=hook,
    )
    return monitor


def run(main: Callable[[], Coroutine[Any, Any, None]], loop: str = "asyncio") -> None:
    """Run the coroutine function on a loop of that kind."""
    if loop == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())


async def trivial() -> None:
    """A task that does nothing."""


async def failing(depth: int = 3) -> None:
    """A task that ends by an exception from so many frames further down."""
    if depth:
        await failing(depth - 1)
    raise ValueError("boom")


def resident_mb() -> float:
    """Resident memory of this process; NaN where there is no /proc to read it from."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except FileNotFoundError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
