"""A monitor starts whole or raises, and leaves the application as it was."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import aiomonitor
from aiomonitor import (
    AiomonitorError,
    BindError,
    Monitor,
    NoEventLoopError,
    UnsafeAddressError,
    UnsupportedLoopError,
    start_monitor,
)
from doors.test_listeners import needs_ipv6
from running import Application, Client, in_time, monitors_threads, refuses
from support import FREE, NOWHERE, Ports

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that nobody runs."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def test_constants() -> None:
    """The documented defaults."""
    assert aiomonitor.MONITOR_HOST == "127.0.0.1"
    assert aiomonitor.MONITOR_PORT == aiomonitor.MONITOR_TERMUI_PORT == 20101
    assert (aiomonitor.MONITOR_WEBUI_PORT, aiomonitor.CONSOLE_PORT) == (20102, 20103)


def test_start_and_close(application: Application) -> None:
    """A monitor answers between start and close, and its port is free afterwards."""
    monitor = start_monitor(application.loop, **FREE)
    assert [monitor.closed] == [False]
    with Client(monitor) as client:
        client.until("Asyncio Monitor: 0 tasks running")
        with in_time():
            monitor.close()
        assert client.hung_up()
    assert monitor.closed
    assert refuses(monitor.port)
    assert monitors_threads() == []


def test_a_monitor_is_started_once(application: Application) -> None:
    """A monitor cannot be started twice, nor after it was closed."""
    monitor = Monitor(application.loop, **FREE)
    with monitor, pytest.raises(AiomonitorError, match="already started"):
        monitor.start()
    with pytest.raises(AiomonitorError, match="closed"):
        monitor.start()


def test_with_before_the_loop_runs(loop: asyncio.AbstractEventLoop) -> None:
    """`with start_monitor(loop)` works before the loop runs, and closes at the end."""

    async def main() -> None:
        pass

    with start_monitor(loop, **FREE) as monitor:
        loop.run_until_complete(main())
        with Client(monitor) as client:
            client.until("running")
    assert monitor.closed


def test_with_starts_what_was_not_started(loop: asyncio.AbstractEventLoop) -> None:
    """`with Monitor(loop)` starts it."""
    with Monitor(loop, **FREE) as monitor:
        assert not refuses(monitor.port)
    assert refuses(monitor.port)


def test_async_with() -> None:
    """`async with` works inside of the application, which goes on meanwhile."""

    async def main() -> Monitor:
        async with start_monitor(None, **FREE) as monitor:
            reader, writer = await asyncio.open_connection("127.0.0.1", monitor.port)
            await reader.readuntil(b"task running")
            writer.close()
            await writer.wait_closed()
        return monitor

    assert asyncio.run(main()).closed


def test_an_exception_closes_too(loop: asyncio.AbstractEventLoop) -> None:
    """A `with` block that fails closes the monitor and passes the exception on."""
    monitor = Monitor(loop, **FREE)
    with pytest.raises(ZeroDivisionError), monitor:
        _ = 1 / 0
    assert monitor.closed


def test_no_loop_here() -> None:
    """Without a loop anywhere the error names the fix, and nothing listens."""
    errors: list[Exception] = []

    def start() -> None:
        try:
            start_monitor(None, **FREE)
        except NoEventLoopError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "pass one as `loop`" in str(errors[0])
    assert monitors_threads() == []


def test_the_threads_current_loop(loop: asyncio.AbstractEventLoop) -> None:
    """`loop=None` outside of a run means the thread's current event loop."""
    done: list[str] = []

    def start() -> None:
        asyncio.set_event_loop(loop)
        with start_monitor(**FREE) as monitor:
            done.append(repr(monitor))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(done) == 1


def test_what_is_no_loop() -> None:
    """Anything but an event loop is refused by its type."""
    with pytest.raises(UnsupportedLoopError, match=r"builtins\.str"):
        start_monitor("loop", **FREE)


def test_port_none(loop: asyncio.AbstractEventLoop) -> None:
    """`port=None` leaves the terminal out: the monitor answers questions, and listens nowhere."""
    with start_monitor(loop, **NOWHERE) as monitor:
        assert monitor.port is None
        assert monitor.tasks() == ()
        assert repr(monitor) == "<Monitor listens nowhere>"
    assert repr(monitor) == "<Monitor closed>"


def test_repr(loop: asyncio.AbstractEventLoop) -> None:
    """`repr` tells where it listens."""
    monitor = Monitor(loop, **FREE)
    assert repr(monitor) == "<Monitor not started>"
    with monitor:
        ports = {
            "terminal": monitor.port,
            "web": monitor.webui_port,
            "console": monitor.console_port,
        }
        places = ", ".join(f"{name} at 127.0.0.1:{port}" for name, port in ports.items())
        assert repr(monitor) == f"<Monitor {places}>"


@needs_ipv6
def test_ipv6(loop: asyncio.AbstractEventLoop) -> None:
    """IPv6 hosts work."""
    with start_monitor(loop, host="::1", **FREE) as monitor:
        assert f"terminal at [::1]:{monitor.port}" in repr(monitor)
        with Client(monitor) as client:
            client.until("running")
    assert refuses(monitor.port, "::1")


def test_a_busy_port(loop: asyncio.AbstractEventLoop) -> None:
    """A port that another monitor has is refused whole, and that monitor is not disturbed."""
    with start_monitor(loop, **FREE) as first:
        with pytest.raises(BindError, match="another monitor") as caught:
            start_monitor(loop, port=first.port, webui_port=0, console_port=0)
        assert isinstance(caught.value, OSError)
        assert caught.value.errno == errno.EADDRINUSE
        assert len(monitors_threads()) == 1
        with Client(first) as client:
            client.until("running")


def test_two_monitors(application: Application) -> None:
    """Two monitors watch one loop, agree about its tasks, and close in any order."""
    one, two = (start_monitor(application.loop, **FREE) for _ in range(2))
    one.close()
    with Client(two) as client:
        client.send("ps")
        client.until("0 live tasks")
    two.close()


def test_beyond_loopback(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token only loopback is listened at; the token may come from the environment."""
    monkeypatch.delenv("AIOMONITOR_TOKEN", raising=False)
    with pytest.raises(UnsafeAddressError):
        start_monitor(loop, host="0.0.0.0", **FREE)  # noqa: S104 - refused
    monkeypatch.setenv("AIOMONITOR_TOKEN", "secret")
    with start_monitor(loop, **FREE) as monitor, Client(monitor) as client:
        client.until("token: ")
        client.send("secret")
        client.until("running")


def test_the_older_spellings(loop: asyncio.AbstractEventLoop) -> None:
    """`monitor_cls` and `termui_port` still work."""

    class Mine(Monitor):
        pass

    ports: Ports = {**FREE, "port": 1}
    with start_monitor(loop, monitor_cls=Mine, termui_port=0, **ports) as monitor:
        assert type(monitor) is Mine
        assert monitor.port != 1


def test_the_application_is_left_as_it_was(loop: asyncio.AbstractEventLoop) -> None:
    """Starting and closing changes neither the loop's task factory nor its handlers."""
    before = loop.get_task_factory(), loop.get_exception_handler(), loop.get_debug()
    with start_monitor(loop, **FREE) as monitor, Client(monitor) as client:
        client.until("running")
    assert (loop.get_task_factory(), loop.get_exception_handler(), loop.get_debug()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("visited", [False, True])
def test_fork(application: Application, visited: bool) -> None:
    """A forked child holds none of the ports and can close; the parent goes on serving."""
    monitor = start_monitor(application.loop, **FREE)
    if visited:
        with Client(monitor) as client:
            client.until("running")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            was_closed = monitor.closed
            monitor.close()
            status = 0 if was_closed else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with Client(monitor) as client:
        client.until("running")
    monitor.close()
    assert refuses(monitor.port)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_no_file_descriptor_is_left(application: Application) -> None:
    """Starting, being visited and closing leaves no file descriptor open."""

    def cycle() -> int:
        with start_monitor(application.loop, **FREE) as monitor, Client(monitor) as client:
            client.send("ps")
            client.until("0 live tasks")
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    before = cycle()
    assert min(cycle() for _ in range(3)) <= before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"max_termination_history": -1},
            ValueError,
            "max_termination_history is -1: give a",
        ),
        (
            {"max_termination_history": "9"},
            TypeError,
            "max_termination_history is '9': give a",
        ),
        ({"max_termination_history": 1.5}, TypeError, "max_termination_history is 1.5"),
        ({"max_termination_history": True}, TypeError, "max_termination_history is True"),
        ({"max_termination_history": None}, TypeError, "max_termination_history is None"),
        ({"hook_task_factory": None}, TypeError, "hook_task_factory is None: give True or False"),
        ({"hook_task_factory": asyncio.Task}, TypeError, "hook_task_factory is <class"),
    ],
)
def test_arguments_of_tracking(
    loop: asyncio.AbstractEventLoop,
    arguments: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    """What makes no sense is refused with its name, before anything is started."""
    with pytest.raises(error) as caught:
        start_monitor(loop, **NOWHERE, **arguments)
    assert str(caught.value).startswith(message)


async def work() -> None:
    """A task's work."""


@pytest.mark.parametrize("limit", [0, 2, 1000])
def test_the_history_is_as_long_as_asked_for(loop: asyncio.AbstractEventLoop, limit: int) -> None:
    """So many ended tasks are remembered; with 0 none, but they are counted."""
    with start_monitor(loop, **NOWHERE, max_termination_history=limit) as monitor:
        for _ in range(3):
            loop.run_until_complete(loop.create_task(work()))
        loop.run_until_complete(asyncio.sleep(0))
        page = monitor.terminated_page()
        assert page.ended >= 3
        assert len(page.tasks) == page.remembered == min(limit, page.ended)


def test_without_the_hook(loop: asyncio.AbstractEventLoop) -> None:
    """Tasks are listed, nothing is recorded, and the loop is not touched."""
    before = dict(vars(loop))
    with start_monitor(loop, **NOWHERE, hook_task_factory=False) as monitor:
        assert {name: value for name, value in vars(loop).items() if name in before} == before
        loop.run_until_complete(loop.create_task(work()))
        page = monitor.terminated_page()
        assert (page.ended, page.tasks) == (0, ())
        assert page.note == "the monitor was started with hook_task_factory=False"


def test_the_loop_is_put_back(loop: asyncio.AbstractEventLoop) -> None:
    """After `close` the loop creates its tasks as it did before."""
    names = set(vars(loop))
    factory = loop.get_task_factory()
    start_monitor(loop, **NOWHERE).close()
    assert set(vars(loop)) == names
    assert loop.get_task_factory() is factory
