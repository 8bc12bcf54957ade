"""What the handler of a profile may do in the middle of anything, and what it must not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import aiomonitor
from aiomonitor.health import profiling
from support import NOWHERE

if TYPE_CHECKING:
    import pytest


async def busy() -> None:
    while True:
        end = time.perf_counter() + 0.006
        while time.perf_counter() < end:
            pass
        await asyncio.sleep(0.002)


def test_a_profile_asks_no_task_in_its_handler() -> None:
    """It may have interrupted `get_name`, which from 3.12 on would free what that reads."""
    callers: list[str] = []

    class Curious(asyncio.Task[None]):
        def get_name(self) -> str:
            frame: Any = sys._getframe()
            while frame is not None:
                callers.append(frame.f_code.co_name)
                frame = frame.f_back
            return "curious"

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        with aiomonitor.start_monitor(**NOWHERE, hook_task_factory=False) as monitor:
            profile = loop.run_in_executor(None, monitor.profile, 0.4)
            task = Curious(busy(), loop=loop)
            found = await profile
            task.cancel()
            return found

    found = asyncio.run(asyncio.wait_for(main(), 60))
    assert "curious" in {stack.task for stack in found.stacks}
    assert callers
    assert "_sample" not in callers


def test_a_profile_loses_no_signal() -> None:
    """Each sample's signal wakes the loop by a byte: while that computes for long, they must not
    keep out the byte of another signal."""
    got: list[int] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR2, got.append, 1)
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            profile = loop.run_in_executor(None, monitor.profile, 2.5)
            await asyncio.sleep(0.3)
            end = time.thread_time() + 1.8
            while time.thread_time() < end:
                pass
            os.kill(os.getpid(), signal.SIGUSR2)
            await profile
            while not got:  # noqa: ASYNC110 - a signal comes
                await asyncio.sleep(0.01)
        loop.remove_signal_handler(signal.SIGUSR2)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert got == [1]


def test_a_signal_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that another thread is just taking when the timer ends has a handler still: else it would
    end the process, or Python would print that it was ignored."""
    rest = time.sleep
    handlers: list[object] = []

    def late(seconds: float) -> None:
        if seconds == profiling.UNDER_WAY:
            handlers.append(signal.getsignal(signal.SIGPROF))
            os.kill(os.getpid(), signal.SIGPROF)
        rest(seconds)

    monkeypatch.setattr(profiling, "UNDER_WAY", 0.0517)  # of nobody else's sleep
    monkeypatch.setattr(time, "sleep", late)

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            await asyncio.to_thread(monitor.profile, 0.1)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [callable(handler) for handler in handlers] == [True]
    assert signal.getsignal(signal.SIGPROF) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
