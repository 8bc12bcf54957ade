"""Starting, closing, forking and ending an application that has clients."""

from __future__ import annotations

import contextlib
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from .harness import (
    CLOSE_LIMIT,
    CLOSE_SLACK,
    Application,
    Wire,
    eventually,
    interrupt,
    run,
)

if TYPE_CHECKING:
    from .conftest import MakeApplication

_LIMIT = CLOSE_LIMIT + CLOSE_SLACK


@pytest.fixture
def interrupted_alone(start: MakeApplication, loop: str) -> Application:
    """An application without a monitor, after Ctrl-C."""
    if loop == "uvloop":
        pytest.importorskip("uvloop", reason="needs uvloop")
    application = start("--monitor", "none", "--loop", loop)
    interrupt(application)
    application.wait()
    return application


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
        return True


def test_port_in_use(own_application: Application) -> None:
    """A second monitor on the same port is refused, with service, address and remedy."""
    answer = own_application.call("start_second", own_application.port)
    assert answer.startswith("BindError ")
    assert f"terminal cannot listen on 127.0.0.1:{own_application.port}" in answer
    assert "give another port" in answer


def test_port_of_another_process(start: MakeApplication) -> None:
    """The traceback of an application whose port is taken ends with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        arguments = f"asyncio.new_event_loop(), port={port}, webui_port=0, console_port=0"
        script = f"import asyncio, aiomonitor; aiomonitor.start_monitor({arguments})"
        ended = run(sys.executable, "-c", script)
    assert ended.returncode == 1
    last = ended.stderr.decode().splitlines()[-1]
    assert last.startswith("aiomonitor.errors.BindError: ")
    assert f"127.0.0.1:{port}" in last


def test_second_monitor(own_application: Application) -> None:
    """Two monitors of one loop serve side by side, and closing one leaves the other."""
    second = own_application.call("start_second", 0)
    for port in (own_application.port, second, own_application.port):
        with Wire(port).greeted() as wire:
            assert b"sleeper-2" in wire.ask(b"ps")
    own_application.call("close_second")
    assert _is_free(second)


def test_loop_closed_first(start: MakeApplication) -> None:
    """A monitor that outlives its loop goes on to answer, and closes."""
    application = start("--monitor", "outlive")
    with Wire(application.port).greeted() as wire:
        wire.ask(b"ps")
        application.call("end_loop")
        assert b"0 live tasks" in wire.ask(b"ps")
        assert b"closed" in wire.ask(b"stacktrace")
        assert b"MainThread" in wire.ask(b"stacktrace --all")
        assert b"1" in wire.ask(b"cancel 1")
        assert application.call("close") < _LIMIT
        assert application.call("close") < _LIMIT
        assert wire.read_to_end() == b""
    assert _is_free(application.port)
    application.stop()


def test_close_twice(start: MakeApplication) -> None:
    """`close()` ends the clients and frees the port; the second time it does nothing."""
    application = start()
    with Wire(application.port).greeted() as wire:
        assert application.call("close") < _LIMIT
        assert application.call("close") < _LIMIT
        assert wire.read_to_end() == b""
    assert "closed" in application.call("description")
    assert _is_free(application.port)
    application.stop()


@pytest.mark.parametrize(
    ("where", "command"),
    [("close_in_loop", command) for command in ("forever", "spin", "hold", "ask", "flood")]
    + [("close_in_loop", "cancel sleeper-0"), ("close", "forever"), ("close", "hold")],
)
def test_close_during_a_command(start: MakeApplication, where: str, command: str) -> None:
    """`close()` returns in time in any thread while a client's command runs."""
    application = start()
    with Wire(application.port).greeted() as wire:
        wire.send(command.encode() + b"\n")
        wire.socket.recv(1)
        assert application.call(where) < _LIMIT
        wire.read_to_end()
    assert _is_free(application.port)
    application.stop()


def test_fork(start: MakeApplication) -> None:
    """After a fork the parent is served; the child has no monitor and holds no port."""
    application = start()
    with Wire(application.port).greeted() as wire:
        child = application.call("fork")
        assert child["listening"] == 0
        assert "closed" in child["monitor"]
        assert b"sleeper-2" in wire.ask(b"ps")
        application.check_health()
        application.call("close")
        assert wire.read_to_end() == b""
    assert _is_free(application.port)
    assert application.call("end_child", child["pid"]) == 0
    application.stop()


def test_fork_unvisited(start: MakeApplication) -> None:
    """A fork before the first client came harms nobody either."""
    application = start()
    child = application.call("fork")
    assert child["listening"] == 0
    application.check_health()
    assert application.call("end_child", child["pid"]) == 0
    application.stop()


@pytest.mark.parametrize(
    ("loop", "command"),
    [("asyncio", command) for command in (None, "echo", "forever", "spin", "hold", "ask")]
    + [("uvloop", "ask")],
)
def test_interrupt(
    start: MakeApplication, interrupted_alone: Application, command: str | None, loop: str
) -> None:
    """Ctrl-C on the application, pressed once, ends it as it would without a monitor."""
    application = start("--loop", loop)
    with contextlib.ExitStack() as stack:
        if command is not None:
            for _ in range(3):
                wire = stack.enter_context(Wire(application.port)).greeted()
                wire.send(command.encode() + b"\n")
                wire.socket.recv(1)
        interrupt(application)
        assert application.wait() == interrupted_alone.wait()
    expected = interrupted_alone.stderr
    assert application.stderr.splitlines()[-1:] == expected.splitlines()[-1:]
    assert application.stderr.count("Traceback") == expected.count("Traceback")
    assert "unhandled" not in application.stderr


@pytest.mark.parametrize("command", [None, "forever", "spin", "hold", "ask", "flood"])
def test_exit_without_close(start: MakeApplication, command: str | None) -> None:
    """An application that never closes its monitor ends all the same, and quietly."""
    application = start("--monitor", "bare")
    with contextlib.ExitStack() as stack:
        if command is not None:
            wire = stack.enter_context(Wire(application.port)).greeted()
            wire.send(command.encode() + b"\n")
            wire.socket.recv(1)
        application.stop()


def test_orphaned_port(start: MakeApplication) -> None:
    """The port is free again as soon as the application was killed."""
    application = start()
    wire = Wire(application.port).greeted()
    application.end()
    eventually(lambda: _is_free(application.port), "the port is free")
    wire.socket.close()
