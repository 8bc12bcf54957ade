"""Accounts of what tasks run: on each runtime, while somebody looks, and gone afterwards."""

from __future__ import annotations

import asyncio
import asyncio.events
import importlib.util
import sys
import threading
import time
from typing import Any

import pytest

from aiomonitor.backends import detect
from aiomonitor.backends.meters import ENTRIES, Accounts

HANDLE: Any = asyncio.events.Handle
UVLOOP = pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="needs uvloop")
ROUNDS = 5
EACH = 0.004


def burn() -> None:
    """Compute for a while, by the clock that steps are timed with."""
    end = time.perf_counter() + EACH
    while time.perf_counter() < end:
        pass


async def works() -> None:
    for _ in range(ROUNDS):
        burn()
        await asyncio.sleep(0)


async def metered(*coroutines: Any) -> tuple[Any, list[Any], float]:
    """The backend, and the account of what ran."""
    backend: Any = detect(None, hooked=False)
    backend.attach()
    meter = backend.meter()
    meter.start()
    try:
        await asyncio.gather(*coroutines)
    finally:
        meter.stop()
        meter.stop()
    entries, callbacks = meter.read()
    backend.detach()
    return meter, entries, callbacks


def run_eagerly(main: Any) -> Any:
    async def inner() -> Any:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
        return await main

    return asyncio.run(inner())


def run_on_uvloop(main: Any) -> Any:
    import uvloop

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(main)
    finally:
        assert "call_soon" not in vars(loop)
        loop.close()


RUNNERS = [
    pytest.param(asyncio.run, id="asyncio"),
    pytest.param(
        run_eagerly,
        id="eager",
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="needs Python 3.12"),
    ),
    pytest.param(run_on_uvloop, id="uvloop", marks=UVLOOP),
]


@pytest.mark.parametrize("run", RUNNERS)
def test_steps_are_counted(run: Any) -> None:
    """Each step of each task, and what they took; and then everything is as it was."""
    before = HANDLE._run
    meter, entries, _ = run(metered(works(), works()))
    found = [entry for entry in entries if entry.coroutine == "works"]
    assert len(found) == 2
    for entry in found:
        # The first step of an eager task is its creator's.
        assert entry.polls in (ROUNDS, ROUNDS + 1)
        assert entry.busy >= 0.9 * EACH * (ROUNDS - 1)
        assert entry.busy >= entry.longest >= 0.9 * EACH
    assert HANDLE._run is before
    assert meter.exact == (run is not run_on_uvloop)
    assert bool(meter.note) != meter.exact


def test_tasks_of_python() -> None:
    """As of C."""
    python_task = getattr(asyncio.tasks, "_PyTask")  # noqa: B009

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **options: python_task(coro, loop=loop, **options))
        return await metered(works())

    _, entries, _ = asyncio.run(main())
    [entry] = [each for each in entries if each.coroutine == "works"]
    assert entry.polls >= ROUNDS


def test_two_who_look() -> None:
    """Share the hook; the second one to go takes it off."""

    async def main() -> None:
        backend: Any = detect(None, hooked=False)
        before = HANDLE._run
        first, second = backend.meter(), backend.meter()
        first.start()
        second.start()
        await works()
        first.stop()
        assert HANDLE._run is not before
        await asyncio.sleep(0)
        second.stop()
        assert HANDLE._run is before
        assert second.read()[0]

    asyncio.run(main())


def test_another_one_is_left_alone() -> None:
    """Who replaced `Handle._run` in the meantime keeps it."""

    async def main() -> None:
        backend: Any = detect(None, hooked=False)
        original = HANDLE._run
        meter = backend.meter()
        meter.start()
        ours = HANDLE._run

        def theirs(handle: Any) -> None:
            ours(handle)

        HANDLE._run = theirs
        try:
            meter.stop()
            assert HANDLE._run is theirs
            await asyncio.sleep(0)
        finally:
            HANDLE._run = original
        again = backend.meter()  # once they have gone, whoever looks sees something
        again.start()
        for _ in range(2):  # the first step had begun before
            await asyncio.sleep(0)
        again.stop()
        assert again.read()[0]
        assert HANDLE._run is original

    asyncio.run(main())


def test_other_loops_are_not_counted() -> None:
    """They run as before."""
    done: list[int] = []

    def elsewhere() -> None:
        asyncio.run(works())
        done.append(1)

    async def main() -> Any:
        thread = threading.Thread(target=elsewhere)

        async def wait() -> None:
            thread.start()
            await asyncio.get_running_loop().run_in_executor(None, thread.join)

        return await metered(wait())

    _, entries, _ = asyncio.run(main())
    assert done
    assert [each.coroutine for each in entries if each.coroutine == "works"] == []


@pytest.mark.skipif(importlib.util.find_spec("trio") is None, reason="needs trio")
def test_on_trio() -> None:
    """By an instrument."""
    import trio

    async def steps() -> None:
        for _ in range(ROUNDS):
            burn()
            await trio.lowlevel.checkpoint()

    async def main() -> list[Any]:
        backend: Any = detect(None, hooked=False)
        backend.attach()
        meter = backend.meter()
        meter.start()
        await trio.sleep(0.01)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(steps)
        meter.stop()
        await trio.sleep(0.01)
        backend.detach()
        runner: Any = trio.lowlevel.current_root_task()
        assert not runner._runner.instruments.get("before_task_step")
        found: list[Any] = meter.read()[0]
        return found

    entries = trio.run(main)
    [entry] = [each for each in entries if each.coroutine.endswith("steps")]
    assert entry.polls >= ROUNDS
    assert entry.busy >= 0.9 * EACH * ROUNDS


def test_bounded() -> None:
    """Beyond so many tasks, one account for all of a coroutine."""

    class Task:
        pass

    accounts = Accounts(lambda task: ("name", "coroutine", None))
    tasks = [Task() for _ in range(ENTRIES + 100)]
    for task in tasks:
        accounts.add(task, 1.0)
    entries = accounts.read()
    assert len(entries) == ENTRIES + 1
    assert sum(entry.busy for entry in entries) == ENTRIES + 100
    [others] = [entry for entry in entries if entry.name == "(others)"]
    assert others.polls == 100
