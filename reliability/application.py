"""A working application under faults: computes, prints what came out, and ends as it was told.

It runs with a monitor or without one, and should not show the difference. It tells a control socket
how far it is: `armed` (signals are understood), its ports, and `waiting` (for a signal).
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import importlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import faults, work

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .job import Job

TELLS = ("port", "webui_port", "console_port")


class World:
    """What a fault can lay hands on."""

    def __init__(self, job: Job) -> None:
        import aiomonitor

        self.job = job
        self.monitor_class: Any = aiomonitor.Monitor
        self.monitor: Any = None
        self.options: dict[str, Any] = dict.fromkeys(TELLS, 0)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.idle_loops: list[asyncio.AbstractEventLoop | None] = []
        self.kept: list[socket.socket] = []
        self.own_thread = False
        self.in_child = False
        self.control: socket.socket | None = None
        if job.control:
            self.control = socket.create_connection(("127.0.0.1", job.control))

    def keep(self, sock: socket.socket) -> None:
        """Until the process ends."""
        self.kept.append(sock)

    def has_lost_loop(self) -> bool:
        """Whether the rest needs another one."""
        return self.loop is None

    def release(self) -> None:
        """Now: the application needs files."""
        while self.kept:
            self.kept.pop().close()

    def patch(self, owner: Any, name: str, value: Any) -> None:
        """For good, where there is a monitor that it can concern."""
        if self.job.monitored:
            assert hasattr(owner, name), f"{owner} has no {name} any more: faults are to be mended"
            setattr(owner, name, value)

    def tell(self, **news: Any) -> None:
        """The one who runs us."""
        if self.control is not None:
            self.control.sendall(json.dumps(news).encode() + b"\n")

    def happen(self, known: dict[str, Callable[[World], None]]) -> None:
        """The faults of this job that are among these."""
        for name in self.job.faults:
            if name in known:
                known[name](self)

    # --- the monitor --------------------------------------------------------------------------

    def start_monitor(self, loop: Any) -> None:
        """If there is to be one; where it cannot start, the application goes on without it."""
        if not self.job.monitored:
            return
        self.tell(armed=True)
        self.happen(faults.AT_START)
        monitor = self.monitor_class(loop, **self.options)
        try:
            self._do(monitor.start)
        except Exception as error:
            if not faults.is_expected_at_start(error):
                raise
            return
        self.monitor = monitor
        self.tell(**{name: getattr(monitor, name) for name in TELLS})

    def close_monitor(self) -> None:
        """If there is one."""
        if self.monitor is not None:
            self._do(self.monitor.close)
            if not self.in_child:
                self._check_ports()

    def _check_ports(self) -> None:
        for name in TELLS:
            with contextlib.suppress(OSError), socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", getattr(self.monitor, name))) == 0:
                    print(f"closed, but {name} answers", file=sys.stderr)

    def _do(self, function: Callable[[], None]) -> None:
        if not self.own_thread:
            function()
            return
        failed: list[BaseException] = []

        def in_thread() -> None:
            try:
                function()
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=in_thread)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]


class Ending(Exception):  # noqa: N818 - nothing is wrong
    """Asked for from within the loop."""


def run(job: Job) -> int:
    """Work; the exit status."""
    if job.log:
        faulthandler.register(signal.SIGUSR1, Path(job.log + ".stacks").open("w"))  # noqa: SIM115 - as long as it runs
    logging.basicConfig(filename=job.log or os.devnull, level=logging.INFO, force=True)
    world = World(job)
    if any(each.endswith("_hook_fails") for each in job.faults):
        importlib.import_module("aiomonitor.backends._asyncio.hook")  # while there are files
    _arm(job)
    if job.ending != "sigint_caught":
        total = _work(world)
    else:
        try:
            total = _work(world)
        except KeyboardInterrupt:
            total = 5
    print(f"the result is {total}", flush=True)
    return _end(world)


def _arm(job: Job) -> None:
    """Signals mean what this ending says."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if job.ending == "sigterm_exits":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(6))


def _work(world: World) -> int:
    world.happen(faults.BEFORE)
    if world.job.loop == "trio":
        return _on_trio(world)
    runs = {"run": _by_run, "manual": _by_hand}
    return runs[world.job.shape](world)


def _on_trio(world: World) -> int:
    import trio

    from . import work_trio

    async def main() -> int:
        world.start_monitor(trio.lowlevel.current_trio_token())
        try:
            total = 0
            for number in (1, 2):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_in_between, world, trio.sleep)
                    total += await work_trio.stage(number)
            await _wait_for_signal(world, trio.sleep)
        finally:
            if world.job.ending not in ("exits", "leaves_hard"):
                world.close_monitor()
        return total

    return trio.run(main)


async def _in_between(world: World, sleep: Callable[[float], Any]) -> None:
    await sleep(world.job.seed % 100 / 1000)
    world.happen(faults.DURING)


async def _stage(world: World, number: int) -> int:
    disturbing = asyncio.ensure_future(_in_between(world, asyncio.sleep)) if number == 1 else None
    total = await work.stage(number)
    if disturbing is not None:
        await disturbing
    return total


async def _wait_for_signal(world: World, sleep: Callable[[float], Any]) -> None:
    if world.job.ending.startswith("sig"):
        world.tell(waiting=True)
        if world.job.ending != "sigterm_in_loop":
            while True:
                await sleep(0.002)  # busy, for the signal to come anywhere


async def _stopped(world: World, stopped: asyncio.Event) -> None:
    await _wait_for_signal(world, asyncio.sleep)
    if world.job.ending == "sigterm_in_loop":
        while not stopped.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(_waiting(stopped)), 0.002)


def _waiting(stopped: asyncio.Event) -> asyncio.Task[bool]:
    return asyncio.get_running_loop().create_task(_briefly(stopped))


async def _briefly(stopped: asyncio.Event) -> bool:
    await asyncio.sleep(0.001)
    return stopped.is_set()


def _new_loop(world: World) -> asyncio.AbstractEventLoop:
    if world.job.loop == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    loop = asyncio.new_event_loop()
    if world.job.seed % 3 == 0 and sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def _by_run(world: World) -> int:
    """Both stages in one run, with the monitor inside of it."""

    async def main() -> int:
        stopped = _listen_for_sigterm(world)
        world.start_monitor(asyncio.get_running_loop())
        try:
            total = await _stage(world, 1) + await _stage(world, 2)
            await _stopped(world, stopped)
        finally:
            if world.job.ending not in ("exits", "leaves_hard"):
                world.close_monitor()
        return total

    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=lambda: _new_loop(world)) as runner:
            return runner.run(main())
    if world.job.loop == "uvloop":
        import uvloop

        uvloop.install()
    return asyncio.run(main())


def _listen_for_sigterm(world: World) -> asyncio.Event:
    stopped = asyncio.Event()
    if world.job.ending == "sigterm_in_loop":
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    return stopped


def _by_hand(world: World) -> int:
    """A loop before the monitor, which may be stopped, closed and replaced under it."""
    world.loop = _new_loop(world)
    world.start_monitor(world.loop)
    total = _until_complete(world, _stage(world, 1))
    world.happen(faults.BETWEEN)
    if world.has_lost_loop():
        world.release()
        world.loop = _new_loop(world)

    async def rest() -> int:
        stopped = _listen_for_sigterm(world)
        part = await _stage(world, 2)
        await _stopped(world, stopped)
        return part

    total += _until_complete(world, rest())
    if world.job.ending not in ("exits", "leaves_hard"):
        world.close_monitor()
        world.loop.close()
    return total


def _until_complete(world: World, coroutine: Coroutine[Any, Any, int]) -> int:
    """As `run_until_complete`, however often the loop is stopped meanwhile."""
    assert world.loop is not None
    asyncio.set_event_loop(world.loop)
    task = world.loop.create_task(coroutine)
    task.add_done_callback(lambda _: world.loop.stop() if world.loop is not None else None)
    while not task.done():
        world.loop.run_forever()
    return task.result()


def _end(world: World) -> int:
    ending = world.job.ending
    if ending == "raises":
        raise ValueError("as it was told")
    if ending == "leaves_hard":
        os._exit(4)
    return {"exits": 3, "sigint_caught": 5, "sigterm_in_loop": 7}.get(ending, 0)
