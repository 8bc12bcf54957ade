"""How long commands take with many tasks, and how long they hold up the monitored loop.

The monitored process has a heartbeat of 1 ms in its loop; the longest gap between two beats during
a command is its stall. Phases in which nobody asks anything are interleaved: their longest gap is
what this machine does to the loop anyway.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client import Answer, Client
from harness import HERE, Results, compiled, finish, free_port, median, parser, rotated
from target import NEEDLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_IDLE_SECONDS = 0.5
_AFTERMATH = 0.02
"""Seconds after the prompt that still count: what a command leaves behind is freed then."""
_ENOUGH = 7
"""Rounds that a median needs on a machine with neighbours, however long they take."""
_WARM_UP = 100
"""Tasks of a first target, which only gets the modules compiled."""


class Target:
    """The monitored process."""

    def __init__(self, tasks: int, loop: str, *, locks: bool = False) -> None:
        self.port, self.web_port = free_port(), free_port()
        numbers = map(str, (tasks, self.port, self.web_port, int(locks)))
        command = [sys.executable, f"{HERE}/target.py", loop, *numbers]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if self._tell() != "ready\n":
            raise SystemExit("the monitored process did not start")

    def beats(self) -> Beats:
        """What the heartbeat saw since the last time."""
        return Beats(**json.loads(self._tell("beat\n")))

    def spin(self, seconds: float) -> None:
        """Keep the loop computing for so long; returns when it has begun."""
        self._tell(f"spin {seconds}\n")

    def _tell(self, word: str = "") -> str:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(word)
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End it; it is of no further use, so it need not clean up."""
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True)
class Beats:
    """Seconds between the beats of a phase, and seconds of each garbage collection."""

    gaps: list[float]
    gc: list[float]

    @property
    def longest(self) -> float:
        """The stall."""
        return max(self.gaps, default=0.0)


@dataclass
class Series:
    """The samples of one command."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    stall: list[float] = field(default_factory=list)
    gc: list[float] = field(default_factory=list)

    def add(self, answer: Answer | None, beats: Beats) -> None:
        """One sample; without an answer it is one of doing nothing."""
        if answer is not None:
            self.first.append(answer.first)
            self.whole.append(answer.whole)
        self.stall.append(beats.longest)
        self.gc.append(max(beats.gc, default=0.0))

    def results(self, name: str) -> Results:
        """Medians, and the worst stall of all."""
        listed = {"first": self.first, "whole": self.whole, "stall": self.stall, "gc": self.gc}
        figures = {f"{name}.{key}_ms": _ms(values) for key, values in listed.items() if values}
        return {**figures, f"{name}.worst_ms": max(self.stall) * 1e3}


def _ms(seconds: Iterable[float]) -> float:
    return median(seconds) * 1e3


@dataclass
class Bench:
    """One target with one client."""

    target: Target
    client: Client
    series: dict[str, Series] = field(default_factory=dict)

    def sample(self, name: str, line: str | None) -> None:
        """One command, or a while of nothing."""
        self.target.beats()
        answer = None
        if line is None:
            time.sleep(_IDLE_SECONDS)
        else:
            answer = self.client.command(line)
            time.sleep(_AFTERMATH)
        self.series.setdefault(name, Series()).add(answer, self.target.beats())

    def run(self, commands: dict[str, str | None], rounds: int, patience: float) -> None:
        """All commands in every round; fewer rounds, but `_ENOUGH`, if that takes too long."""
        began = time.monotonic()
        for number in range(rounds):
            for name in rotated(list(commands), number):
                self.sample(name, commands[name])
            if number + 1 >= _ENOUGH and time.monotonic() - began > patience:
                break


def first_visit(target: Target, *, telnet: bool) -> tuple[Client, Results]:
    """Connect for the first time, which makes the monitor load what it serves with."""
    target.beats()
    before = time.perf_counter()
    client = Client(target.port, telnet=telnet)
    waited = time.perf_counter() - before
    return client, {"visit.whole_ms": waited * 1e3, "visit.stall_ms": target.beats().longest * 1e3}


def commands_for(client: Client, *, limit: bool) -> dict[str, str | None]:
    """What is measured: 0.7.1 has no `--limit`, its `ps` always lists all."""
    answer = client.command(f"ps --filter {NEEDLE}").text
    row = re.search(rf"(\d+)\s+\S+\s+{NEEDLE}\b", answer)
    if row is None:
        raise SystemExit(f"{NEEDLE} is not in:\n{answer[:2000]}")
    commands = {"idle": None, "ps": "ps", "where": f"where {row[1]}"}
    commands["ps_filter"] = f"ps --filter {NEEDLE}"
    return {**commands, "ps_all": "ps --limit 0"} if limit else commands


def measure(arguments: Any, tasks: int) -> Results:
    """One target with so many tasks."""
    target = Target(tasks, arguments.loop)
    try:
        return visited(
            target, arguments, lambda client: commands_for(client, limit=not arguments.no_limit)
        )
    finally:
        target.stop()


def visited(
    target: Target, arguments: Any, commands_of: Callable[[Client], dict[str, str | None]]
) -> Results:
    """What a first client and its commands cost there; `commands_of` may prepare something."""
    client, results = first_visit(target, telnet=arguments.telnet)
    bench = Bench(target, client)
    bench.run(commands_of(client), arguments.rounds, arguments.patience)
    client.close()
    for name, series in bench.series.items():
        results.update(series.results(name))
    return results


def main(measured: Callable[[Any, int], Results] = measure) -> None:
    """The command line."""
    options = parser(__doc__)
    options.add_argument("--tasks", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    options.add_argument("--telnet", action="store_true", help="as a telnet terminal, not as nc")
    options.add_argument("--no-limit", action="store_true", help="`ps` knows no --limit (0.7.1)")
    options.add_argument("--patience", type=float, default=30, help="seconds; then fewer rounds")
    arguments = options.parse_args()
    results: Results = {}
    with compiled():
        measured(arguments, _WARM_UP)
        for tasks in arguments.tasks:
            figures = measured(arguments, tasks)
            results.update({f"{tasks}.{name}": value for name, value in figures.items()})
    finish(results, arguments.json)


if __name__ == "__main__":
    main()
