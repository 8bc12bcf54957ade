"""Closing a monitor always ends in time, whatever its clients and the application do."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from aiomonitor import Monitor, start_monitor
from aiomonitor.utils import alt_names
from running import Application, Client, in_time, refuses
from support import FREE, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()


def test_close_twice(application: Application) -> None:
    """Closing again does nothing, and so does closing what was never started."""
    monitor = start_monitor(application.loop, **FREE)
    for _ in range(2):
        with in_time():
            monitor.close()
    unstarted = Monitor(application.loop, **FREE)
    unstarted.close()
    assert unstarted.closed


def test_close_in_several_threads(application: Application) -> None:
    """Threads that close at once all return in time."""
    monitor = start_monitor(application.loop, **FREE)
    threads = [threading.Thread(target=monitor.close) for _ in range(5)]
    with in_time():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert monitor.closed


class Custom(Monitor):
    """Commands that end late, or never by themselves."""

    prompt = "custom> "
    started = threading.Event()
    released = threading.Event()

    @alt_names("hi")
    def do_greet(self, name: str, *, times: int = 1) -> None:
        """Greet."""
        self._sout.write(f"hello {name}\n" * times)

    async def do_forever(self) -> None:
        self.started.set()
        await asyncio.Event().wait()

    def do_loop(self) -> None:
        self.started.set()
        while not self.released.is_set():  # else it would take half of the tests' time that follow
            pass

    def do_stuck(self) -> None:
        self.started.set()
        self.released.wait(PATIENCE)

    def do_flood(self) -> None:
        self.started.set()
        while True:
            self._sout.write("x" * 1000)


@pytest.fixture
def custom(application: Application) -> Iterator[Custom]:
    with start_monitor(application.loop, Custom, **FREE) as monitor:
        monitor.started.clear()
        monitor.released.clear()
        yield monitor
        monitor.released.set()


def test_commands_of_ones_own(custom: Custom) -> None:
    """A subclass's commands are typed like any other."""
    with Client(custom) as client:
        client.until("custom> ")
        client.send("hi you --times 2")
        assert client.until("custom> ") == "hello you\nhello you\n"


@pytest.mark.parametrize("command", ["forever", "loop", "stuck", "flood"])
def test_close_during_a_command(custom: Custom, command: str) -> None:
    """Closing returns in time whatever a client's command does, and the client is hung up on."""
    with Client(custom) as client:
        client.send(command)
        assert custom.started.wait(PATIENCE)
        with in_time():
            custom.close()
        custom.released.set()
        assert client.hung_up()
    assert refuses(custom.port)


def test_close_in_the_loops_thread(application: Application) -> None:
    """Closing in the loop's own thread returns in time, with a client connected."""
    monitor = start_monitor(application.loop, **FREE)
    with Client(monitor) as client:
        client.until(">>> ")
        closed = threading.Event()

        def close() -> None:
            monitor.close()
            closed.set()

        with in_time():
            application.loop.call_soon_threadsafe(close)
            assert closed.wait(PATIENCE)
        assert client.hung_up()


def test_close_in_a_command(application: Application) -> None:
    """A command may close the monitor that runs it."""

    class Suicidal(Monitor):
        def do_close(self) -> None:
            self.close()

    monitor = start_monitor(application.loop, Suicidal, **FREE)
    with Client(monitor) as client, in_time():
        client.send("close")
        assert client.hung_up()
    monitor.close()


def test_close_while_the_loop_is_blocked(application: Application) -> None:
    """A blocked loop is looked into, and holds nothing up."""
    monitor = start_monitor(application.loop, **FREE)
    application.block()
    with Client(monitor) as client:
        client.send("stacktrace")
        client.until("self.released.wait(PATIENCE)")
        with in_time():
            monitor.close()
        assert client.hung_up()


@pytest.mark.parametrize("end", ["stop", "close"])
def test_the_loop_ends_first(application: Application, end: str) -> None:
    """A monitor of a loop that was stopped or closed answers, and closes in time."""
    monitor = start_monitor(application.loop, **FREE)
    getattr(application, end)()
    with Client(monitor) as client:
        client.send("ps")
        client.until("0 live tasks")
        client.send("stacktrace")
        client.until("the monitored loop is ")
        with in_time():
            monitor.close()
        assert client.hung_up()


def test_a_client_that_never_reads(custom: Custom) -> None:
    """A client that takes none of its output holds up neither others nor the end."""
    with Client(custom) as deaf, Client(custom) as client:
        deaf.send("flood")
        assert custom.started.wait(PATIENCE)
        client.send("ps")
        client.until("0 live tasks")
        with in_time():
            custom.close()


def test_many_clients(application: Application) -> None:
    """A burst of clients is served whole."""
    with start_monitor(application.loop, **FREE) as monitor:
        clients = [Client(monitor) for _ in range(100)]
        for client in clients:
            client.send("ps")
        for client in clients:
            client.until("0 live tasks")
            client.socket.close()


@pytest.mark.parametrize(
    "typed",
    [
        "1",
        "print('busy'); await asyncio.sleep(3600)",
        "if print('busy') is None:\n    while True: pass\n",
    ],
)
def test_closing_with_a_console_in_use(application: Application, typed: str) -> None:
    """A console at its prompt, in an await or in an endless loop ends in time, and its code too."""
    monitor = start_monitor(application.loop, **FREE)
    with Client(monitor) as client:
        client.send(f"console\n{typed}")
        client.until("busy\n" if "busy" in typed else "1\n>>> ")
        with in_time():
            monitor.close()
        assert client.hung_up()
    went_on = threading.Event()
    application.loop.call_soon_threadsafe(went_on.set)
    assert went_on.wait(PATIENCE)


def test_closing_in_the_loop_with_a_console_in_use(application: Application) -> None:
    """The loop's own thread may close it while a console's code waits in that loop."""
    monitor = start_monitor(application.loop, **FREE)
    closed = threading.Event()

    def close() -> None:
        monitor.close()
        closed.set()

    with Client(monitor) as client:
        client.send("console\nprint('busy'); await asyncio.sleep(3600)")
        client.until("busy\n")
        with in_time():
            application.loop.call_soon_threadsafe(close)
            assert closed.wait(PATIENCE)


def test_no_console(application: Application) -> None:
    """`console_enabled=False` opens no port, and the command refuses in one line."""
    with (
        start_monitor(application.loop, console_enabled=False, **FREE) as monitor,
        Client(monitor) as client,
    ):
        assert monitor.console_port is None
        client.until(">>> ")
        client.send("console")
        refusal = client.until("\nmonitor >>> ")
        assert (
            refusal == "the console is disabled: the monitor was started with console_enabled=False"
        )
