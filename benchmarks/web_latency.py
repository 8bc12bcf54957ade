"""How long the web service's answers take with many tasks, and what they do to the monitored loop.

The monitored process is that of `inspect_latency`, with its heartbeat. The first visit is measured
three times: to an idle application, to one that computes without a pause, and with many tasks.
Then the first scrape of `/metrics` that a fresh monitor sees, which loads all that serves it and
counts the tasks, and later ones, which are told the last count. Works with 0.7.1, too, whose page
of tasks is all of them, and which has no metrics.
"""

from __future__ import annotations

import http.client
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness import HOST, Results, compiled, finish, median, parser, rotated
from inspect_latency import Series, Target
from target import NEEDLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT = 120.0
_IDLE_SECONDS = 0.3
_AFTERMATH = 0.02
_SPIN = 12.0
"""Seconds that the application computes: more than it takes to be served."""
_SCRAPE = ("GET", "/metrics")
_FEW = 10_000
"""Tasks, besides the given number, that scrapes are measured with."""
_PEER_TASKS = ("POST", "/api/live-tasks")
_QUERIES = {
    "tasks": ("GET", "/api/tasks"),
    "filter": ("GET", f"/api/tasks?filter={NEEDLE}"),
    "deep": ("GET", "/api/tasks?cursor=50000"),
    "name": ("GET", "/api/tasks?sort=name"),
    "groups": ("GET", "/api/groups"),
    "tree": ("GET", "/api/tree"),
    "status": ("GET", "/api/status"),
}


class Browser:
    """One connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=_TIMEOUT)

    def ask(self, method: str, path: str) -> float:
        """Seconds until all of the answer is here."""
        before = time.perf_counter()
        body = "filter=&persistent=false" if method == "POST" else None
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self._connection.request(method, path, body, form)
        response = self._connection.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"{method} {path}: {response.status}")
        return time.perf_counter() - before

    def close(self) -> None:
        """Leave."""
        self._connection.close()


@contextmanager
def monitored(tasks: int, loop: str) -> Iterator[Target]:
    """A process with so many tasks."""
    target = Target(tasks, loop)
    try:
        yield target
    finally:
        target.stop()


def visit(tasks: int, loop: str, spin: float = 0.0) -> tuple[float, float]:
    """Seconds until the first page of a fresh monitor is here, and the loop's longest gap."""
    with monitored(tasks, loop) as target:
        target.beats()
        if spin:
            target.spin(spin)
        taken = Browser(target.web_port).ask("GET", "/")
        return taken, 0.0 if spin else target.beats().longest


def visits(arguments: Any) -> Results:
    """First visits to an idle and to a busy application."""
    idle = [visit(100, arguments.loop)[0] for _ in range(arguments.visits)]
    busy = [visit(100, arguments.loop, _SPIN)[0] for _ in range(arguments.visits)]
    return {"visit.idle_ms": median(idle) * 1e3, "visit.busy_ms": median(busy) * 1e3}


def scrapes(arguments: Any, tasks: int) -> Results:
    """Scrapes of fresh monitors: the first of each, and the later ones."""
    taken: dict[str, list[float]] = {"first": [], "later": []}
    series = {name: Series() for name in taken}
    for _ in range(arguments.visits):
        with monitored(tasks, arguments.loop) as target:
            browser = Browser(target.web_port)
            for name in ("first", *["later"] * arguments.rounds):
                target.beats()
                taken[name].append(browser.ask(*_SCRAPE))
                time.sleep(_AFTERMATH)
                series[name].add(None, target.beats())
    results = {f"scrape.{name}.whole_ms": median(each) * 1e3 for name, each in taken.items()}
    for name, one in series.items():
        results.update(one.results(f"scrape.{name}"))
    return results


def measure(arguments: Any, tasks: int) -> Results:
    """One target with so many tasks."""
    queries = {"tasks": _PEER_TASKS} if arguments.peer else _QUERIES
    series: dict[str, Series] = {}
    taken: dict[str, list[float]] = {}
    with monitored(tasks, arguments.loop) as target:
        browser = Browser(target.web_port)
        target.beats()
        results = {"visit.whole_ms": browser.ask("GET", "/") * 1e3}
        results["visit.stall_ms"] = target.beats().longest * 1e3
        began = time.monotonic()
        for number in range(arguments.rounds):
            for name in rotated(["idle", *queries], number):
                target.beats()
                if name == "idle":
                    time.sleep(_IDLE_SECONDS)
                else:
                    taken.setdefault(name, []).append(browser.ask(*queries[name]))
                    time.sleep(_AFTERMATH)
                series.setdefault(name, Series()).add(None, target.beats())
            if time.monotonic() - began > arguments.patience:
                break
    results |= {f"{name}.whole_ms": median(seconds) * 1e3 for name, seconds in taken.items()}
    for name, one in series.items():
        results.update(one.results(name))
    return results


def main() -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, default=100_000)
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options.add_argument("--visits", type=int, default=5, help="first visits of each kind")
    options.add_argument("--peer", action="store_true", help="the monitor is 0.7.1")
    options.add_argument("--patience", type=float, default=60, help="seconds; then fewer rounds")
    arguments = options.parse_args()
    numbers = sorted({min(_FEW, arguments.tasks), arguments.tasks})
    with compiled():
        visit(10, arguments.loop)  # which only gets the modules compiled
        results = visits(arguments)
        figures = measure(arguments, arguments.tasks)
        counted = [] if arguments.peer else [(n, scrapes(arguments, n)) for n in numbers]
    for tasks, some in [(arguments.tasks, figures), *counted]:
        results |= {f"{tasks}.{name}": value for name, value in some.items()}
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
