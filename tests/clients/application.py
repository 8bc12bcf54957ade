"""A small real application with a monitor in it, run in a process of its own by `harness`.

The tests steer it over an inherited socket, in a thread that works while the event loop is
blocked: one JSON array `[function, argument, ...]` a line in, one JSON value a line out. Its
standard streams stay the application's own: a test can see whether the monitor has touched them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import signal
import socket
import stat
import sys
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

import aiomonitor
from aiomonitor.utils import alt_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
    from contextlib import AbstractContextManager

    from aiohttp import ClientSession, web

stories: Any = importlib.import_module("stories")  # this file is a script, and that is beside it

BEAT = 0.005
"""Seconds between two heartbeats of the application's loop."""


class ShopMonitor(aiomonitor.Monitor):
    """Commands that do what commands of users do, the bad ones included."""

    runs = 0

    @alt_names("tally")
    def do_count(self) -> None:
        """Count how often it was run."""
        type(self).runs += 1
        self._sout.write(f"run number {self.runs}\n")

    def do_echo(self, *words: str) -> None:
        """Say it again."""
        self._sout.write("echo: " + " ".join(words) + "\n")

    def do_ask(self) -> None:
        """Ask something back."""
        self._sout.write("your name?\n")
        self._sout.write(f"hello {self._sin.readline().strip()}\n")

    def do_fail(self) -> None:
        """Raise what nobody expects."""
        raise RuntimeError("broken on purpose")

    async def do_forever(self) -> None:
        """Await what never comes."""
        self._sout.write("awaiting\n")
        await asyncio.Event().wait()

    def do_spin(self) -> None:
        """Compute for ever, in pure Python."""
        self._sout.write("spinning\n")
        while True:
            pass

    def do_hold(self) -> None:
        """Hang in a blocking call, which nothing interrupts."""
        self._sout.write("holding\n")
        _never = threading.Lock()
        _never.acquire()
        _never.acquire()

    def do_flood(self) -> None:
        """Write without an end."""
        while True:
            self._sout.write("flood " * 1000 + "\n")


class Business:
    """What the application is there for: some tasks, and a web server with clients if wanted."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.beats = 0
        self.served = 0
        self.loop_ended = threading.Event()
        self.finished = threading.Event()
        self._tasks: list[asyncio.Task[None]] = []

        self.shared = {"business": self}
        """What consoles find."""

    def run(self, started: Callable[[aiomonitor.Monitor | None, int | None], None]) -> None:
        """Until a test ends it, or a signal does."""
        if self.options.loop == "uvloop":
            import uvloop

            uvloop.run(self._main(started))
        else:
            asyncio.run(self._main(started))
        self.loop_ended.set()
        if self.options.monitor == "outlive":
            self.finished.wait()

    async def _main(self, started: Callable[[aiomonitor.Monitor | None, int | None], None]) -> None:
        self.loop = asyncio.get_running_loop()
        if self.options.loop == "eager" and sys.version_info >= (3, 12):
            self.loop.set_task_factory(asyncio.eager_task_factory)
        self.stop = asyncio.Event()
        self._queue: asyncio.Queue[int] = asyncio.Queue(maxsize=10)
        self.keep(self._beat(), "heartbeat")
        self.keep(self._produce(), "producer")
        self.keep(self._consume(), "consumer")
        self.add_sleepers(self.options.tasks, "sleeper")
        async with contextlib.AsyncExitStack() as stack:
            port = await stack.enter_async_context(self._web()) if self.options.web else None
            started(stack.enter_context(self._monitored()), port)
            await self.stop.wait()

    def _monitored(self) -> AbstractContextManager[aiomonitor.Monitor | None]:
        if self.options.monitor == "none":
            return contextlib.nullcontext()
        monitor = aiomonitor.start_monitor(
            monitor=ShopMonitor, port=0, webui_port=0, console_port=0, locals=self.shared
        )
        return monitor if self.options.monitor == "with" else contextlib.nullcontext(monitor)

    def keep(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start a task, and keep it alive."""
        task = self.loop.create_task(coroutine, name=name)
        self._tasks.append(task)
        return task

    def add_sleepers(self, number: int, name: str) -> None:
        """Start tasks that wait until the application ends."""
        for index in range(number):
            self.keep(self._sleep(), f"{name}-{index}")

    async def _beat(self) -> None:
        while True:
            self.beats += 1
            await asyncio.sleep(BEAT)

    async def _produce(self) -> None:
        while True:
            await self._queue.put(self.beats)
            await asyncio.sleep(BEAT)

    async def _consume(self) -> None:
        while True:
            await self._queue.get()

    async def _sleep(self) -> None:
        await self.stop.wait()

    @contextlib.asynccontextmanager
    async def _web(self) -> AsyncIterator[int]:
        from aiohttp import ClientSession, web

        site = web.Application()
        site.router.add_get("/", self._answer)
        site.router.add_get("/hang", self._hang)
        runner = web.AppRunner(site, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with ClientSession() as session:
            loads = [
                asyncio.create_task(self._load(session, port), name=f"load-{number}")
                for number in range(3)
            ]
            yield port
            for load in loads:
                load.cancel()
            await asyncio.wait(loads)
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        from aiohttp import web

        await asyncio.sleep(BEAT)
        self.served += 1
        return web.Response(text="at your service")

    async def _hang(self, request: web.Request) -> web.Response:
        from aiohttp import web

        task = asyncio.current_task()
        assert task is not None
        task.set_name("hanging-request")
        await self.stop.wait()
        return web.Response(text="at last")

    async def _load(self, session: ClientSession, port: int) -> None:
        while True:
            async with session.get(f"http://127.0.0.1:{port}/") as response:
                await response.text()


class Blocker:
    """Holds the loop's thread until it is told to let go."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._reached = threading.Event()
        self._spinning = False

    async def run(self, kind: str) -> None:
        """The culprit's coroutine."""
        if kind == "call":
            self._stand_still()
        else:
            self._go_round()

    def _stand_still(self) -> None:
        self._gate.acquire()
        self._reached.set()
        self._gate.acquire()  # BLOCKED IN A CALL
        self._gate.release()

    def _go_round(self) -> None:
        self._spinning = True
        self._reached.set()
        while self._spinning: pass  # noqa: E701 # fmt: skip  # BLOCKED IN A LOOP

    def wait(self) -> None:
        """Until the loop is blocked."""
        self._reached.wait()
        self._reached.clear()

    def release(self) -> None:
        """Let the loop go on."""
        self._spinning = False
        if self._gate.locked():
            self._gate.release()


class Control:
    """What a test may ask for; its public methods are called in a thread of their own."""

    def __init__(self, business: Business, monitor: aiomonitor.Monitor | None) -> None:
        self._business = business
        self._monitor = monitor
        self._blocker = Blocker()
        self._release_child = -1
        self._second: aiomonitor.Monitor | None = None

    def _monitor_here(self) -> aiomonitor.Monitor:
        assert self._monitor is not None, "this application runs without a monitor"
        return self._monitor

    def _in_loop(self, function: Callable[[], Any]) -> Any:
        async def call() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._business.loop).result()

    def _post(self, function: Callable[[], Awaitable[None] | None]) -> None:
        self._business.loop.call_soon_threadsafe(function)

    def beats(self) -> int:
        """How often the loop's heartbeat has beaten."""
        return self._business.beats

    def served(self) -> int:
        """How many requests the web server has answered."""
        return self._business.served

    def runs(self) -> int:
        """How often the command `count` was run."""
        return ShopMonitor.runs

    def add_sleepers(self, number: int, name: str) -> None:
        """Start tasks that wait until the application ends."""
        self._in_loop(lambda: self._business.add_sleepers(number, name))

    def tell(self, story: str) -> None:
        """Let what a story tells happen to tasks; returns when it has happened."""
        told = getattr(stories, story)(self._business.keep)
        asyncio.run_coroutine_threadsafe(told, self._business.loop).result()

    def block(self, kind: str) -> None:
        """Block the loop in a call or in a Python loop; returns once it is blocked."""
        self._post(lambda: self._business.keep(self._blocker.run(kind), "culprit"))
        self._blocker.wait()

    def release(self) -> None:
        """Let the blocked loop go on."""
        self._blocker.release()

    def close(self) -> float:
        """Close the monitor in this thread; the seconds that it took."""
        before = time.monotonic()
        self._monitor_here().close()
        return time.monotonic() - before

    def close_in_loop(self) -> float:
        """Close the monitor in the loop's own thread; the seconds that it took."""
        seconds: float = self._in_loop(self.close)
        return seconds

    def description(self) -> str:
        """The monitor's repr."""
        return repr(self._monitor_here())

    def start_second(self, port: int) -> int | str:
        """Start another monitor of the same loop: its port, or the error's text."""
        try:
            second = self._second = aiomonitor.start_monitor(
                self._business.loop, port=port, webui_port=0, console_port=0
            )
        except OSError as error:
            return f"{type(error).__name__} {error.errno}: {error}"
        return second.port or 0

    def close_second(self) -> None:
        """Close the other monitor."""
        assert self._second is not None
        self._second.close()

    def read_stdin(self) -> str:
        """One line of the application's own standard input."""
        return sys.stdin.readline()

    def fork(self) -> dict[str, Any]:
        """Fork in the loop's thread; what the child sees, which lives until `end_child`."""
        report: dict[str, Any] = self._in_loop(self._fork)
        return report

    def _fork(self) -> dict[str, Any]:
        report_out, report_in = os.pipe()
        release_out, self._release_child = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, about threads
            child = os.fork()
        if child == 0:
            os.close(self._release_child)
            report = {"listening": _listening(), "monitor": self.description()}
            self._monitor_here().close()
            os.write(report_in, json.dumps(report).encode())
            os.close(report_in)
            os.read(release_out, 1)
            os._exit(0)
        os.close(report_in)
        os.close(release_out)
        with os.fdopen(report_out, "rb") as stream:
            return {**json.loads(stream.read()), "pid": child}

    def end_child(self, child: int) -> int:
        """Let the child end; its exit status."""
        os.close(self._release_child)
        return os.waitpid(child, 0)[1]

    def end_loop(self) -> None:
        """End the loop, but not the process, if the monitor is to outlive it."""
        self._post(self._business.stop.set)
        self._business.loop_ended.wait()

    def stop(self) -> None:
        """End the application."""
        self._business.finished.set()
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._post(self._business.stop.set)

    def serve(self, descriptor: int, hello: dict[str, int | None]) -> None:
        """Answer a test, one line a request, until it leaves."""
        with socket.socket(fileno=descriptor) as connection, connection.makefile("rw") as stream:
            _send(stream, hello)
            for line in stream:
                name, *arguments = json.loads(line)
                try:
                    answer: Any = {"value": getattr(self, name)(*arguments)}
                except Exception as error:
                    answer = {"error": repr(error)}
                _send(stream, answer)
        os._exit(1)  # the tests were killed: nobody is left to end us


def _send(stream: Any, value: object) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()


def _listening() -> int:
    """How many sockets of this process listen."""
    count = 0
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                with socket.socket(fileno=os.dup(descriptor)) as duplicate:
                    count += duplicate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return count


def main() -> None:
    """Run as `application.py --control DESCRIPTOR ...`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--loop", choices=["asyncio", "uvloop", "eager"], default="asyncio")
    parser.add_argument("--tasks", type=int, default=3)
    parser.add_argument("--web", action="store_true")
    parser.add_argument("--monitor", choices=["with", "bare", "outlive", "none"], default="with")
    options = parser.parse_args()

    def started(monitor: aiomonitor.Monitor | None, web_port: int | None) -> None:
        control = Control(business, monitor)
        hello = {
            "port": monitor and monitor.port,
            "console_port": monitor and monitor.console_port,
            "web_port": web_port,
        }
        arguments = (options.control, hello)
        threading.Thread(target=control.serve, args=arguments, daemon=True).start()

    business = Business(options)
    business.run(started)


if __name__ == "__main__":
    # Jobs that a shell starts in the background ignore it, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
