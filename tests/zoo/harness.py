"""Runs one specimen of the zoo with a monitor, and judges it from another thread.

`python -m zoo.harness NAME` prints what was found as JSON; each specimen has a process of its own,
so that nothing of it is left behind. All of them are judged by the same thresholds.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import json
import multiprocessing
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection

    from aiomonitor import Monitor

LOOKS = 8
"""How often each specimen is looked at."""
BETWEEN = 0.05
"""Seconds between two looks."""
SETTLE = 0.1
"""Seconds that what waits is left to wait before the first look."""
THRESHOLDS = {
    "nobody left": 0.2,
    "holder ended": 0.2,
    "lock held long": 0.2,
    "queue full": 0.2,
    "queue growing": 10,
    "executor starved": 0.2,
    "swallowed cancellation": 0.2,
    "cancel pending": 0.2,
    "failure unnoticed": 0.2,
    "task growth": 10,
    "stuck crowd": 50,
    "task never yields": 0.6,
    "blocked loop": 0.6,
}
"""Seconds, tasks and items: what takes minutes in production takes fractions of a second here."""
PATIENCE = 10.0
"""Seconds for a specimen to get where it is to be judged."""


class Stage:
    """What a specimen has of the harness."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._rounds = 0
        self._done: int | None = None
        self._over = False
        self.kept: list[Any] = []
        """What the application would have in some global or object: it is not forgotten."""

    def ready(self) -> None:
        """The fault is there (or everything is well): now it can be judged."""
        self._ready.set()

    async def over(self) -> None:
        """Stay until the judgement has been made."""
        while not self._over:
            await asyncio.sleep(0.02)

    async def rounds(self) -> Any:
        """A round of the application's work for each look."""
        self._done = 0
        while not self._over:
            await asyncio.sleep(0.005)
            while self._done < self._rounds:
                yield self._done + 1
                self._done += 1

    def judge(self, monitor: Monitor, found: list[dict[str, Any]]) -> None:
        """In the judge's thread."""
        if not self._ready.wait(PATIENCE):
            raise RuntimeError("the specimen did not get ready")
        time.sleep(SETTLE)
        for _ in range(LOOKS):
            findings = monitor.findings()
            found += [
                {"rule": each.rule, "sentence": each.sentence, "tasks": list(each.tasks)}
                for each in findings.findings
            ]
            found += [{"rule": "failed", "sentence": note} for note in findings.notes]
            self._rounds += 1
            time.sleep(BETWEEN)
            self._catch_up()
        report(found)

    def _catch_up(self) -> None:
        """On a busy machine, a round takes longer than what is between two looks."""
        until = time.monotonic() + PATIENCE
        while self._done is not None and self._done < self._rounds and time.monotonic() < until:
            time.sleep(0.005)


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One application. A faulty one is right if one of `expects` was found, and nothing but these
    and what is `allowed`; a healthy one, if nothing was found."""

    name: str
    body: Callable[[Stage], Awaitable[None]]
    expects: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    runner: str = "asyncio"
    needs: tuple[str, ...] = ()
    python: tuple[int, int] = (3, 10)
    text: str = field(default="")

    @property
    def is_faulty(self) -> bool:
        """Whether something is to be found."""
        return bool(self.expects)

    def lacks(self) -> str:
        """What is missing here to run it, or an empty string."""
        if sys.version_info < self.python:
            return f"Python {'.'.join(map(str, self.python))}"
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), "")


SPECIMENS: dict[str, Specimen] = {}


def faulty(
    name: str, expects: set[str], *, allowed: set[str] | None = None, **options: Any
) -> Callable[[Callable[[Stage], Awaitable[None]]], Callable[[Stage], Awaitable[None]]]:
    """A specimen with a fault."""

    def add(body: Callable[[Stage], Awaitable[None]]) -> Callable[[Stage], Awaitable[None]]:
        SPECIMENS[name] = Specimen(
            name=name,
            body=body,
            expects=frozenset(expects),
            allowed=frozenset(allowed or ()),
            text=(body.__doc__ or "").strip(),
            **options,
        )
        return body

    return add


def healthy(
    name: str, **options: Any
) -> Callable[[Callable[[Stage], Awaitable[None]]], Callable[[Stage], Awaitable[None]]]:
    """A specimen that is well."""
    return faulty(name, set(), **options)


def examine(specimen: Specimen) -> list[dict[str, Any]]:
    """Run it, in this process, and tell what was found."""
    import aiomonitor
    from aiomonitor.insight.rules import waits
    from aiomonitor.inspection import sightings

    sightings.GROWN_UP, sightings.SETTLED = 0.1, 0.01
    waits.STUCK_FOR = 0.2
    stage, found = Stage(), list[dict[str, Any]]()

    async def main() -> None:
        with aiomonitor.start_monitor(port=0, webui_port=None, console_enabled=False) as monitor:
            monitor.rule_thresholds.update(THRESHOLDS)
            judge = threading.Thread(target=stage.judge, args=(monitor, found), daemon=True)
            judge.start()
            await specimen.body(stage)
            await asyncio.sleep(PATIENCE)

    for name in specimen.needs:  # which takes long: not in the loop
        importlib.import_module(MODULES.get(name, name))
    RUNNERS[specimen.runner](main)
    return found


_answer: Connection | None = None


def report(found: list[dict[str, Any]]) -> None:
    """Tell, and end the process: tasks that are stuck may not let themselves be cancelled."""
    if _answer is not None:
        _answer.send(found)
    else:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    os._exit(0)


def examine_for(name: str, answer: Connection) -> None:
    """Examine one in this process, and send what was found."""
    global _answer
    _answer = answer
    examine(specimens()[name])


def found_in(name: str, timeout: float = 60.0) -> list[dict[str, Any]]:
    """What is found in one, in a process of its own, which is forked from one that has imported
    everything. Raises `RuntimeError` if there is no answer in time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["zoo.harness", "zoo.preload"])
    answer, sender = context.Pipe(duplex=False)
    process = context.Process(target=examine_for, args=(name, sender), daemon=True)
    process.start()
    sender.close()
    try:
        if not answer.poll(timeout):
            raise RuntimeError(f"{name}: no answer in {timeout} s")
        found: list[dict[str, Any]] = answer.recv()
        return found
    finally:
        process.kill()
        process.join()
        answer.close()


def _eagerly(main: Callable[[], Any]) -> None:
    async def inner() -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
        await main()

    asyncio.run(inner())


def _on_uvloop(main: Callable[[], Any]) -> None:
    import uvloop

    uvloop.run(main())


def _on_trio(main: Callable[[], Any]) -> None:
    import trio

    trio.run(main)


MODULES = {"aiohttp": "aiohttp.web"}
RUNNERS: dict[str, Callable[[Callable[[], Any]], None]] = {
    "asyncio": lambda main: asyncio.run(main()),
    "eager": _eagerly,
    "uvloop": _on_uvloop,
    "trio": _on_trio,
}


@functools.lru_cache
def specimens() -> dict[str, Specimen]:
    """All, by name."""
    from . import (  # noqa: F401 - each adds its own
        faulty_locks,
        faulty_loops,
        faulty_tasks,
        faulty_waits,
        healthy_services,
        healthy_tasks,
    )

    return dict(SPECIMENS)


if __name__ == "__main__":
    from zoo import harness  # so that there is one copy of it

    harness.examine(harness.specimens()[sys.argv[1]])
