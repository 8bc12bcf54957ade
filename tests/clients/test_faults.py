"""Clients that vanish, hang, come in crowds: the application and the other clients go on."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import pytest

from .harness import CLOSE_LIMIT, CLOSE_SLACK, PROMPT, Application, Wire, eventually

if TYPE_CHECKING:
    from .conftest import MakeApplication

_NEVER_READ = 30
"""Listings that are asked for by somebody who reads none."""


@pytest.mark.parametrize("command", ["forever", "spin", "flood", "ask", "ps --limit 0"])
@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_vanishes(application: Application, command: str, how: str) -> None:
    """A client that vanishes in the middle of a command takes the command with it."""
    application.check_health()  # everything is loaded
    threads = _threads(application)
    descriptors = application.descriptors
    wire = Wire(application.port).greeted()
    wire.send(command.encode() + b"\n")
    wire.socket.recv(1)
    if how == "FIN":
        wire.socket.close()
    else:
        wire.reset()
    eventually(lambda: application.descriptors <= descriptors, "its connection is closed")
    with Wire(application.port).greeted() as other:
        assert b"echo: here" in other.ask(b"echo here")
        eventually(
            lambda: _busy(other) == b"", lambda: f"its command has ended: {_busy(other).decode()}"
        )
    assert _threads(application) <= threads + 10


def _threads(application: Application) -> int:
    return len(list(application._proc("task").iterdir()))


def _busy(wire: Wire) -> bytes:
    """The lines of `stacktrace --all` that are inside of one of our endless commands."""
    endless = (b"do_forever", b"do_spin", b"do_flood", b"do_ask")
    lines = wire.ask(b"stacktrace --all").splitlines()
    return b"\n".join(line for line in lines if line.endswith(endless))


@pytest.mark.parametrize("command", [b"ps --limit 0\n", b"ps --json\n", b"flood\n"])
def test_never_reads(start: MakeApplication, command: bytes) -> None:
    """One that never reads holds up neither clients nor application nor `close()`."""
    application = start("--tasks", "5000")
    with Wire(application.port).greeted() as polite:
        polite.ask(b"ps --limit 0")
        before = application.resident
        with Wire(application.port, receive_buffer=4096) as deaf:
            deaf.send(command * _NEVER_READ)
            for _ in range(3):
                polite.ask(b"ps --limit 0")
            application.check_health()
            assert application.resident - before < 20 * 1024 * 1024
            assert application.call("close") < CLOSE_LIMIT + CLOSE_SLACK
            polite.read_to_end()
    application.stop()


def _serve_crowd(application: Application, size: int) -> None:
    """All connect, then all ask, then all are answered."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Wire(application.port)) for _ in range(size)]
        for number, wire in enumerate(crowd):
            wire.send(b"echo number %d\nexit\n" % number)
        for number, wire in enumerate(crowd):
            assert b"echo: number %d\n" % number in wire.read_to_end()


def test_hundred_clients(application: Application) -> None:
    """100 clients at once each get their own answers."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Wire(application.port)) for _ in range(100)]
        for wire in crowd:
            wire.greeted()
        for turn in range(3):
            for number, wire in enumerate(crowd):
                wire.send(b"echo %d in turn %d\n" % (number, turn))
            for number, wire in enumerate(crowd):
                answer = wire.read_until(PROMPT.encode())
                assert answer == b"echo: %d in turn %d\n%b" % (number, turn, PROMPT.encode())


def test_burst(own_application: Application) -> None:
    """Of 200 clients in a burst, the first ever to come, each is served."""
    _serve_crowd(own_application, 200)


def test_all_commands_at_once(application: Application) -> None:
    """60 clients that run commands which never end leave room for one more."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Wire(application.port)) for _ in range(60)]
        for number, wire in enumerate(crowd):
            wire.greeted().send(b"ask\n" if number % 2 else b"forever\n")
        for wire in crowd:
            wire.socket.recv(1)
        application.check_health()


def test_connect_and_close(application: Application) -> None:
    """500 that connect and leave cost no file descriptor."""
    application.check_health()
    before = application.descriptors
    for number in range(500):
        wire = Wire(application.port)
        if number % 3 == 1:
            wire.send(b"\xff\xfb\x18")
        if number % 3 == 2:
            wire.reset()
        wire.socket.close()
    eventually(
        lambda: application.descriptors <= before,
        lambda: f"{application.descriptors} descriptors are open, after {before}",
    )


def test_half_close(application: Application) -> None:
    """A client that shuts down its half at once still gets greeting and answers."""
    with Wire(application.port) as wire:
        wire.send(b"echo one\necho two\n")
        wire.socket.shutdown(1)
        said = wire.read_to_end()
        assert b"echo: one\n" in said
        assert b"echo: two\n" in said


def test_standard_input(own_application: Application) -> None:
    """Resets and `exit` neither close nor read the application's standard input."""
    application = own_application
    for command in (b"exit\n", b"quit\n", b"ask\n", b"forever\n"):
        wire = Wire(application.port).greeted()
        wire.send(command)
        wire.socket.recv(1)
        wire.reset()
    application.check_health()
    assert application.process.stdin is not None
    line: list[str] = []
    reader = threading.Thread(target=lambda: line.append(application.call("read_stdin")))
    reader.start()
    application.process.stdin.write(b"for the application\n")
    application.process.stdin.flush()
    reader.join()
    assert line == ["for the application\n"]
