"""A program that forks while its monitor runs: what the tests of that start, with a scenario.

It prints a line of JSON for each process, the child's first.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import multiprocessing
import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Any

import aiomonitor
from aiomonitor.rundir.reading import entries
from support import FREE, ask

if TYPE_CHECKING:
    from collections.abc import Callable

# From 3.12 on, forking with threads; from 3.14 on, loop policies.
warnings.simplefilter("ignore", DeprecationWarning)

PATIENCE = 50
"""Seconds after which the system ends whoever hangs."""


def tell(**values: Any) -> None:
    """In one write, since two processes share the output."""
    os.write(1, f"{json.dumps(values)}\n".encode())


async def answers(name: str) -> dict[str, Any]:
    """A monitor's own word, within a run that has one task besides."""
    task = asyncio.create_task(asyncio.sleep(3600), name="sleeper")
    with aiomonitor.start_monitor(name=name, **FREE) as monitor:
        told = await asyncio.to_thread(ask, monitor.port, "about --json", "ps")
        about = json.loads(told[told.index("{") : told.index("}") + 1])
        registered = sorted((entry.name, entry.pid) for entry in entries())
    task.cancel()
    return {
        "name": about["name"],
        "pid": about["pid"],
        "sleeper": "sleeper" in told,
        "registered": registered,
    }


def report(parent: aiomonitor.Monitor, parents_pid: int, run: Callable[[], Any]) -> None:
    """What a child finds, and its own monitor."""
    before = [entry.pid for entry in entries()]
    tell(
        pid=os.getpid(),
        parents_closed=parent.closed,
        only_parent_registered=before == [parents_pid],
        own=run(),
        after=[entry.pid for entry in entries()] == [parents_pid],
    )
    parent.close()


def in_new_run() -> dict[str, Any]:
    """With a loop of the child's own."""
    return asyncio.run(answers("child"))


async def forking_run(fork: Callable[[aiomonitor.Monitor], int]) -> None:
    """Fork inside a running loop, whose monitor has a client."""
    with aiomonitor.start_monitor(name="parent", **FREE) as monitor:
        first = await asyncio.to_thread(ask, monitor.port, "about")
        status = await asyncio.to_thread(os.waitpid, fork(monitor), 0)
        again = await asyncio.to_thread(ask, monitor.port, "about")
        registered = [entry.pid for entry in entries()] == [os.getpid()]
    tell(
        pid=os.getpid(),
        served="parent: process" in first and "parent: process" in again,
        status=status[1],
        registered=registered,
        after=entries() == [],
    )


def os_fork(monitor: aiomonitor.Monitor) -> int:
    """By hand. The child does what is done at exit, but does not close its copy of the running
    loop: that would take the parent's descriptors out of the selector that they share."""
    parent = os.getpid()
    child = os.fork()
    if not child:
        signal.alarm(PATIENCE)
        report(monitor, parent, in_new_run)
        atexit._run_exitfuncs()
        os._exit(0)
    return child


def by_multiprocessing(monitor: aiomonitor.Monitor) -> int:
    """As pools do where it is the default."""
    context = multiprocessing.get_context("fork")
    arguments = (monitor, os.getpid(), in_new_run)
    process = context.Process(target=report, args=arguments)
    process.start()
    assert process.pid is not None
    return process.pid


def before_the_run() -> None:
    """Prefork: the loop and its monitor are there already, and each process then runs the loop."""
    loop = asyncio.new_event_loop()
    parent = os.getpid()
    with aiomonitor.start_monitor(loop, name="parent", **FREE) as monitor:
        ask(monitor.port, "about")
        child = os.fork()
        if not child:
            signal.alarm(PATIENCE)
            report(monitor, parent, lambda: loop.run_until_complete(in_same_loop(loop)))
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        tell(
            pid=os.getpid(),
            served="parent: process" in ask(monitor.port, "about"),
            status=status,
            registered=[entry.pid for entry in entries()] == [parent],
            after=True,
        )


async def in_same_loop(loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
    assert asyncio.get_running_loop() is loop
    return await answers("child")


if __name__ == "__main__":
    signal.alarm(PATIENCE)
    scenario, kind = sys.argv[1:]
    if kind == "uvloop":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if scenario == "prefork":
        before_the_run()
    else:
        fork = {"os.fork": os_fork, "multiprocessing": by_multiprocessing}[scenario]
        asyncio.run(forking_run(fork))
