"""A soak: an application at full rate and clients that come and go, for as long as there is time.

    python -m reliability.soak SECONDS EVERY

Samples are taken EVERY so many seconds. After a fifth of the time all clients go, and once more at
the end: what is open and kept then is compared. What the allocator held back is given back each
time, so memory counts from when the clients have been back for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from .measures import descriptors, quantile, resident_mb, slope
from .soak_clients import Clients

WARM = 0.2
"""The share of the time in which caches fill and code is loaded."""
SETTLE, STEADY = 20.0, 4.0
"""Seconds in which what was cut off is let go, at most; and for which nothing changes then. A plain
client that has hung up may be one that waits for its answer, so its command goes on for a while."""
BACK = 30.0
"""Seconds until the clients that came back after the rest need as much memory as before."""
ONE_HEAP = {"MALLOC_ARENA_MAX": "1"}
"""glibc has up to eight heaps for each processor, for threads to share. Each grows until it has met
its busiest moment, which takes long, and hides what growth is ours."""
LONG = 120.0
"""Seconds below which a slope is that of noise, and is not told."""
ROWS = 10

Sample = dict[str, float]


class Soaked:
    """The application in its process."""

    def __init__(self, process: asyncio.subprocess.Process, doors: dict[str, Any]) -> None:
        self.pid = process.pid
        self.clients = Clients(doors)
        self.beat: dict[str, float] = {}
        self._process = process
        self._censuses: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def listen(self) -> None:
        """To what it tells."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "census" in told:
                self._censuses.put_nowait(told)
            else:
                self.beat = told

    async def census(self) -> dict[str, Any]:
        """Its objects by type, and what the monitor has logged as errors."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"census\n")
        return await asyncio.wait_for(self._censuses.get(), 60)

    def threads(self) -> int:
        """How many it has."""
        with Path(f"/proc/{self.pid}/status").open(encoding="ascii") as file:
            return int(next(line for line in file if line.startswith("Threads:")).split()[1])

    async def sample(self, began: float) -> Sample:
        """Everything, now; the probe may fail only by an error that counts as a client's."""
        asked = time.monotonic()
        with contextlib.suppress(OSError):
            await asyncio.wait_for(self.clients.probe(), 30)
        return {
            "probe_ms": 1000 * (time.monotonic() - asked),
            "seconds": time.monotonic() - began,
            "rss_mb": resident_mb(self.pid),
            "descriptors": descriptors(self.pid),
            "threads": self.threads(),
            "lag_ms": self.beat.get("lag_ms", 0.0),
            "worst_ms": self.beat.get("worst_ms", 0.0),
            "served": self.clients.served.total(),
        }

    async def under_clients(self, until: float, began: float, every: float) -> list[Sample]:
        """The samples until then; when it returns, all clients have been cut off."""
        coming = asyncio.ensure_future(self.clients.come_and_go())
        samples = []
        while time.monotonic() - began < until and not coming.done():
            samples.append(await self.sample(began))
            if len(samples) % 60 == 0:
                print({k: round(v, 2) for k, v in samples[-1].items()}, file=sys.stderr, flush=True)
            await asyncio.sleep(every)
        coming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await coming
        return samples

    async def rest(self, began: float, wanted: float = 0) -> dict[str, Any]:
        """What is open and kept without clients."""
        threads_and_files = await self._at_rest(wanted)
        census = await self.census()
        return {
            **threads_and_files,
            "seconds": time.monotonic() - began,
            "kept_mb": census["kept_mb"],
            "census": census,
        }

    async def _at_rest(self, wanted: float) -> dict[str, float]:
        """What is open, once it stays the same, or is no more than wanted."""
        deadline = time.monotonic() + SETTLE
        seen, since = (0, 0), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < STEADY:
            now = descriptors(self.pid), self.threads()
            if now[0] <= wanted:
                seen = now
                break
            if now != seen:
                seen, since = now, time.monotonic()
            await asyncio.sleep(0.1)
        return {"descriptors": seen[0], "threads": seen[1]}


async def soak(seconds: float, every: float) -> dict[str, Any]:
    """All of it."""
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "reliability.soak_application", folder),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, limit=1 << 24,
            env={**ONE_HEAP, **os.environ},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdin is not None
        soaked = Soaked(process, json.loads(await process.stdout.readline()))
        listening = asyncio.ensure_future(soaked.listen())
        try:
            began = time.monotonic()
            warm = await soaked.under_clients(WARM * seconds, began, every)
            rests = [await soaked.rest(began)]
            samples = await soaked.under_clients(seconds, began, every)
            rests.append(await soaked.rest(began, wanted=rests[0]["descriptors"]))
        finally:
            process.stdin.close()
            await process.wait()
            await listening
    censuses = [rest["census"] for rest in rests]
    _tell(soaked.clients, censuses)
    figures = judged(samples, rests, seconds)
    return {
        **figures,
        "clients": soaked.clients.served.total(),
        "client_failures": len(soaked.clients.failed),
        "errors": censuses[-1]["error_count"],
        **(left(*censuses) if seconds >= LONG else {}),
        "over_time": table(warm + samples),
    }


def left(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """What all clients left behind, but for memory that the allocators keep; in a short soak it may
    be what one terminal has not let go of yet."""
    return {
        "objects_growth": _total(after) - _total(before),
        "blocks_growth": after["blocks"] - before["blocks"],
    }


def judged(samples: list[Sample], rests: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """What grew after the warm-up: medians of thirds tell growth from the allocator's noise."""
    third = max(1, len(samples) // 3)
    first, last = samples[:third], samples[-third:]

    def of(part: list[Sample], key: str) -> float:
        return median(sample[key] for sample in part)

    figures = {
        "seconds": seconds,
        "rss_mb": of(last, "rss_mb"),
        "rss_growth_mb": of(last, "rss_mb") - of(first, "rss_mb"),
        "rest_descriptors": rests[1]["descriptors"] - rests[0]["descriptors"],
        "rest_threads": rests[1]["threads"] - rests[0]["threads"],
        "threads_growth": of(last, "threads") - of(first, "threads"),
        "probe_ms": of(samples, "probe_ms"),
        "probe_p99_ms": quantile([sample["probe_ms"] for sample in samples], 0.99),
        "probe_ratio": of(last, "probe_ms") / of(first, "probe_ms"),
        "lag_ms": of(samples, "lag_ms"),
        "lag_ratio": of(last, "lag_ms") / of(first, "lag_ms"),
    }
    if seconds >= LONG:
        back = rests[0]["seconds"] + BACK
        points = [(sample["seconds"] / 60, sample["rss_mb"]) for sample in samples]
        figures["rss_mb_per_minute"] = slope([each for each in points if 60 * each[0] >= back])
        minutes = (rests[1]["seconds"] - rests[0]["seconds"]) / 60
        figures["rest_mb_per_minute"] = (rests[1]["kept_mb"] - rests[0]["kept_mb"]) / minutes
    return figures


def table(samples: list[Sample]) -> list[Sample]:
    """Ten rows: the median of each tenth."""
    size = -(-len(samples) // ROWS)
    parts = [samples[at : at + size] for at in range(0, len(samples), size)]
    return [
        {key: round(median(sample[key] for sample in part), 2) for key in part[0]} for part in parts
    ]


def _total(census: dict[str, Any]) -> int:
    return sum(census["census"].values())


def _tell(clients: Clients, censuses: list[dict[str, Any]]) -> None:
    """What a person wants to know of a run that missed its aim."""
    print(dict(clients.served), *clients.failed[:10], sep="\n", file=sys.stderr)
    print(*censuses[-1]["errors"], sep="\n", file=sys.stderr)
    print(
        *({kind: each[kind] for kind in ("files", "threads")} for each in censuses),
        sep="\n",
        file=sys.stderr,
    )
    before, after = (each["census"] for each in censuses)
    grown = sorted(((n - before.get(name, 0), name) for name, n in after.items()), reverse=True)
    print("objects more than after the warm-up:", grown[:12], file=sys.stderr)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(soak(*map(float, sys.argv[1:3])))))
