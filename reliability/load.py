"""Many clients at once, and what the application notices of them.

    python -m reliability.load TERMINALS STREAMS SLOW ROUNDS SECONDS

In each round the application works without a monitor, with one that nobody visits, and under the
load. The rounds are paired: what is told of times is the median of the rounds' ratios, and so the
noise is known. Times fail nothing; who is neither answered nor refused does, and what is not given
back.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from .measures import descriptors, resident_mb

SETTLE = 30.0
"""Seconds for all that the clients held to be given back."""
LEAVING = 2.0
"""Seconds in which threads end that the load has left behind."""
SILENCE = 330.0
"""Seconds after which a process that says nothing hangs."""
_WARM = (20, 4, 4)
"""Clients of each kind that come first: what they have loaded stays, and is no growth."""


class Partner:
    """A process of ours that answers a line with a line of JSON."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"reliability.{module}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def say(self, line: str) -> None:
        """And go on."""
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)

    def hear(self) -> dict[str, Any]:
        """The next answer; one that does not come ends the process, and the run."""
        assert self._process.stdout is not None
        watch = threading.Timer(SILENCE, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise RuntimeError(f"{self._module} has ended, or hangs")
        return json.loads(line)  # type: ignore[no-any-return]

    def ask(self, line: str) -> dict[str, Any]:
        """Both."""
        self.say(line)
        return self.hear()

    def end(self) -> None:
        """As there is nothing more to say."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Peak:
    """The memory that a process has had while this was open."""

    def __init__(self, pid: int) -> None:
        self._pid, self.seen, self._over = pid, [0.0], threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self.seen.append(resident_mb(self._pid))

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Run:
    """Both processes, and what has been measured."""

    def __init__(self, crowd: tuple[int, ...], seconds: float) -> None:
        self.application, self.clients = Partner("load_application"), Partner("load_crowd")
        self._crowd, self._seconds = crowd, seconds
        self.files = self.files_more = 0
        self.memory = [0.0]
        self.ports: dict[str, Any] = {}
        self.rounds: list[dict[str, dict[str, float]]] = []
        self.verdicts: list[tuple[dict[str, int], dict[str, int]]] = []

    def wave(self, crowd: tuple[int, ...], seconds: float) -> dict[str, float]:
        """Let them all come, and go; the requests' times while they were there."""
        counts = dict(zip(("terminals", "streams", "slow"), crowd, strict=True))
        self.application.ask("begin")
        terminals = self.clients.ask(json.dumps({**counts, **self.ports, "seconds": seconds}))
        times = self.application.ask("end")
        self.verdicts.append((terminals, self.clients.ask("leave")))
        return times

    def quiet(self) -> dict[str, float]:
        """The requests' times without clients."""
        self.application.ask("begin")
        time.sleep(self._seconds)
        return self.application.ask("end")

    def round(self) -> None:
        """Without a monitor, with one, and under the load."""
        times = {"idle": self.quiet(), "load": self.wave(self._crowd, self._seconds)}
        self.settle()
        self.application.ask("close")
        time.sleep(LEAVING)
        times["none"] = self.quiet()
        self.ports = self.application.ask("open")
        self.rounds.append(times)
        self.memory.append(resident_mb(self.application.pid))
        print(json.dumps(times), self.memory, file=sys.stderr)

    def settle(self) -> None:
        """Wait until what the clients held is given back."""
        deadline = time.monotonic() + SETTLE
        while descriptors(self.application.pid) > self.files and time.monotonic() < deadline:
            time.sleep(0.1)
        self.files_more = max(self.files_more, descriptors(self.application.pid) - self.files)

    def warm(self) -> None:
        """A few of each kind; what there is afterwards is where we begin."""
        self.ports = self.application.ask("open")
        idle = descriptors(self.application.pid)
        self.wave(_WARM, 1.0)
        self.verdicts.clear()
        self.files, self.files_more = idle + 8, 0  # its loop and its selector, and the doors
        self.settle()
        self.files, self.files_more = descriptors(self.application.pid), 0
        self.memory = [resident_mb(self.application.pid)]

    def ratio(self, one: str, other: str, key: str = "p99") -> float:
        """The median over the rounds."""
        return statistics.median(each[one][key] / each[other][key] for each in self.rounds)

    def median(self, name: str, key: str) -> float:
        """In milliseconds."""
        return statistics.median(each[name][key] for each in self.rounds)


def main(arguments: list[str]) -> dict[str, float]:
    """The figures."""
    *crowd, rounds, seconds = map(int, arguments)
    run = Run(tuple(crowd), seconds)
    try:
        run.warm()
        with Peak(run.application.pid) as peak:
            for _ in range(rounds):
                run.round()
        told = run.application.ask("complain")["told"]
    finally:
        run.clients.end()
        run.application.end()
    for each in told[:5]:
        print(each, file=sys.stderr)
    terminals, streams = zip(*run.verdicts, strict=True)
    return {
        "rounds": rounds,
        "terminals": crowd[0] * rounds,
        "terminals_answered": sum(each["answered"] for each in terminals),
        "terminals_refused": sum(each["refused"] for each in terminals),
        "terminals_unanswered": sum(each["neither"] for each in terminals),
        "streams": crowd[1] * rounds,
        "streams_told": sum(each["told"] for each in streams),
        "streams_refused": sum(each["refused"] for each in streams),
        "streams_silent": sum(each["neither"] for each in streams),
        "slow": crowd[2] * rounds,
        "memory_before_mb": run.memory[0],
        "memory_peak_mb": max(peak.seen),
        "memory_kept_mb": run.memory[1] - run.memory[0],
        "memory_growth_mb": (run.memory[-1] - run.memory[1]) / max(rounds - 1, 1),
        "descriptors": run.files_more,
        "load_errors": len(told),
        "load_seconds": statistics.median(each["load"]["seconds"] for each in run.rounds),
        "requests": sum(each["load"]["count"] for each in run.rounds),
        "p99_none_ms": run.median("none", "p99"),
        "p99_idle_ms": run.median("idle", "p99"),
        "p99_load_ms": run.median("load", "p99"),
        "p50_ratio": run.ratio("load", "none", "p50"),
        "p99_noise": run.ratio("idle", "none"),
        "p99_ratio": run.ratio("load", "none"),
        "most_ms": max(each["load"]["most"] for each in run.rounds),
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
