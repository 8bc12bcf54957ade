"""What `leaving` and `expiries` wrap, which is private: these fail when it moves."""

from __future__ import annotations

import asyncio
import asyncio.runners
import sys
from typing import Any

import pytest

from aiomonitor.backends.leaving import Leaving, Left, left, notice_expiries


def test_what_a_runner_cancels() -> None:
    """It is known just before; afterwards all is as it was."""
    leaving = Leaving()
    found: list[Left] = []
    leaving.at_end = lambda loop: found.extend(map(left, leaving.tasks([loop])))
    before = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    async def main() -> None:
        asyncio.get_running_loop().create_task(asyncio.sleep(60), name="left")
        await asyncio.sleep(0)

    leaving.watch()
    try:
        asyncio.run(main())
    finally:
        leaving.stop()
    assert found == [Left("left", "sleep", cancelling=False)]
    assert asyncio.runners._cancel_all_tasks is before  # type: ignore[attr-defined]


def test_loops_that_are_left() -> None:
    """One that has run, and is not closed, is known with its tasks."""
    leaving = Leaving()
    leaving.watch()
    loop = asyncio.new_event_loop()
    try:
        task = loop.create_task(asyncio.sleep(60))
        loop.run_until_complete(asyncio.sleep(0))
        assert leaving.loops() == [loop]
        assert leaving.tasks([loop]) == [task]
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    finally:
        leaving.stop()
        loop.close()
    assert leaving.loops() == []


@pytest.mark.parametrize("way", ["wait_for", "timeout", "anyio", "trio"])
def test_a_timeout_that_expires(way: str) -> None:
    """It is noticed once, before it does anything; one that does not expire is not."""
    import anyio

    noticed: list[bool] = []
    ended: list[bool] = []

    async def sleep() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(True)

    async def main(seconds: float) -> None:
        if way == "wait_for":
            await asyncio.wait_for(sleep() if seconds < 1 else asyncio.sleep(0), seconds)
        elif way == "timeout":
            timeout: Any = asyncio.timeout  # type: ignore[attr-defined, unused-ignore]
            async with timeout(seconds):
                await (sleep() if seconds < 1 else asyncio.sleep(0))
        else:
            with anyio.fail_after(seconds):
                await (sleep() if seconds < 1 else anyio.lowlevel.checkpoint())

    if way == "timeout" and sys.version_info < (3, 11):
        pytest.skip("needs Python 3.11: asyncio.timeout")
    if way == "trio":
        pytest.importorskip("trio", reason="needs trio")
    backend = "trio" if way == "trio" else "asyncio"
    anyio.run(main, 60, backend=backend)  # imports what is wrapped
    stop = notice_expiries(lambda: noticed.append(bool(ended)))
    try:
        anyio.run(main, 60, backend=backend)
        assert noticed == []
        with pytest.raises((TimeoutError, asyncio.TimeoutError)):
            anyio.run(main, 0.001, backend=backend)
    finally:
        stop()
    assert noticed == [False]
