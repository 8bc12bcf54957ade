"""The demonstrations as their users run them: a process, a connection, Ctrl-C."""

from __future__ import annotations

import contextlib
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from typing import TYPE_CHECKING, Final

import pytest

from support import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""

needs_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="needs POSIX: Ctrl-C sent to one process"
)


def start(*arguments: str) -> subprocess.Popen[str]:
    """`python -m aiomonitor ...`"""
    return subprocess.Popen(
        [sys.executable, "-m", "aiomonitor", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Demo:
    """The running demonstration."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self.process = process
        self.directions = ""
        while "Ctrl-C" not in self.directions:
            line = process.stdout.readline()
            assert line, f"it has ended: {process.communicate(timeout=GUARD)}"
            self.directions += line
        [port] = re.findall(r"^ +telnet 127\.0\.0\.1 (\d+)$", self.directions, re.MULTILINE)
        self.port = int(port)

    def ask(self, *lines: str) -> str:
        """What the monitor prints for these commands, on a connection of their own."""
        return ask(self.port, *lines)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Send a signal: the exit status, and what it printed after the directions."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=GUARD)
        return self.process.returncode, out, err


FREE: Final = ("--port", "0", "--console-port", "0", "--webui-port", "0")


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Demo]:
    """A demonstration on free ports."""
    with start("demo", *FREE, *arguments) as process:
        try:
            yield Demo(process)
        finally:
            process.kill()


@pytest.fixture
def demo() -> Iterator[Demo]:
    """The shop, on asyncio."""
    with running() as demo:
        yield demo


@pytest.fixture
def kitchen() -> Iterator[Demo]:
    """The kitchen, on trio."""
    with running("--backend", "trio") as demo:
        yield demo


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m aiomonitor` with arguments, to its end."""

    def to_end(*arguments: str) -> subprocess.CompletedProcess[str]:
        with start(*arguments) as process:
            out, err = process.communicate(timeout=GUARD)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return to_end


def test_directions(demo: Demo) -> None:
    """It tells three ways to connect, with the port it really has."""
    assert f"  nc 127.0.0.1 {demo.port}\n" in demo.directions
    [page] = re.findall(r"^or open (http://127\.0\.0\.1:\d+/) in a browser", demo.directions, re.M)
    with urllib.request.urlopen(page, timeout=GUARD) as answer:  # noqa: S310 - http
        assert b"<title>" in answer.read()
    assert f"  python -m aiomonitor.cli -H 127.0.0.1 -p {demo.port}\n" in demo.directions


def test_exploring(demo: Demo) -> None:
    """Each command of the directions works on a task that it names."""
    commands = re.findall(
        r"^  ((?:ps|where|orders|help|cancel)\b.*?)(?:  .*)?$", demo.directions, re.M
    )
    assert commands == [
        *("ps", "where worker-1", "ps-terminated", "orders", "help"),
        *("where deliveries", "cancel deliveries", "where-terminated deliveries"),
    ]
    listing = demo.ask("ps")
    for name in ("worker-1", "customer-alice", "handler-1", "label-printer", "deliveries"):
        assert f" {name} " in listing
    assert "await self._delivery_note.wait()" in demo.ask("where deliveries")
    assert "ended" in demo.ask("cancel deliveries")
    assert " deliveries " not in demo.ask("ps")
    assert "cancelled by this monitor" in demo.ask("where-terminated deliveries")
    assert " deliveries " in demo.ask("ps-terminated")


def test_custom_command(demo: Demo) -> None:
    """The command that the demonstration adds has options, an alias, help and the shop's data."""
    while not re.search(r"\d packed,", answer := demo.ask("orders")):
        pass
    assert len(set(re.findall(r"#\d+ +(\w+)", answer))) > 1
    assert re.findall(r"#\d+ +(\w+)", demo.ask("o alice --limit 1")) == ["alice"]
    assert "Show the last orders" in demo.ask("help orders")


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_end(demo: Demo, number: signal.Signals) -> None:
    """A signal ends it at once, in peace, in the middle of its work and with a client connected."""
    with socket.create_connection(("127.0.0.1", demo.port), timeout=GUARD) as client:
        assert client.recv(1)
        assert demo.end(number) == (0, "\nThe shop is closed.\n", "")


@needs_signals
def test_cancelled_parts(demo: Demo) -> None:
    """Whatever is cancelled from the monitor, nothing of it shows in the application's terminal."""
    for name in ("handler-1", "worker-1", "customer-bob", "label-printer", "reporter"):
        demo.ask(f"cancel {name}")
    assert demo.end() == (0, "\nThe shop is closed.\n", "")


# --- on trio --------------------------------------------------------------------------------------


def test_exploring_trio(kitchen: Demo) -> None:
    """Each command of the directions works on a task that it names."""
    commands = re.findall(
        r"^  ((?:tree|ps|where|menu|console|help|cancel)\b.*?)(?:  .*)?$",
        kitchen.directions,
        re.MULTILINE,
    )
    assert commands == [
        *("tree", "ps", "where cook-1", "ps-terminated", "menu", "console", "help"),
        *("where delivery", "cancel delivery --scope", "cancel delivery --scope --yes"),
        "where-terminated delivery",
    ]
    tree = kitchen.ask("tree")
    assert "main_task_outcome" not in tree
    for name in ("signals", "door", "cook-1", "guest-alice", "baker", "delivery"):
        assert re.search(rf"^ +\d+ {name}\b", tree, re.MULTILINE), name
    assert "nursery s" in tree
    stuck = kitchen.ask("where delivery")
    assert "await self.delivery.wait()" in stuck
    assert "waits for an Event" in stuck
    assert "in scope s" in kitchen.ask("where cook-1")
    told = kitchen.ask("cancel delivery --scope")
    assert "takes along 1 task: " in told
    assert " delivery " in kitchen.ask("ps --filter delivery")
    assert "has been left" in kitchen.ask("cancel delivery --scope --yes")
    assert "deliveries given up" in kitchen.ask("menu")
    assert "(delivery): returned" in kitchen.ask("where-terminated delivery")
    assert " delivery " in kitchen.ask("ps-terminated --filter delivery")


def test_console_of_trio(kitchen: Demo) -> None:
    """The console is inside the run."""
    line = "await trio.sleep(0.01) or 'it is ' + trio.lowlevel.current_task().name"
    assert "it is aiomonitor console" in kitchen.ask("console", line, "exit()")


@needs_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_end_of_trio(kitchen: Demo, number: signal.Signals) -> None:
    """A signal ends it in peace, in the middle of its work and with a client connected."""
    with socket.create_connection(("127.0.0.1", kitchen.port), timeout=GUARD) as client:
        assert client.recv(1)
        assert kitchen.end(number) == (0, "\nThe kitchen is closed.\n", "")


@needs_signals
def test_cancelled_parts_of_trio(kitchen: Demo) -> None:
    """Whichever scopes are cancelled from the monitor, it ends as it would have without."""
    for name in ("guest-bob", "cook-2", "baker", "delivery"):
        # Newer releases of anyio have each task in a scope of its own; else all would be closed.
        if "takes along 1 task: " in kitchen.ask(f"cancel {name} --scope"):
            assert "ended" in kitchen.ask(f"cancel {name} --scope --yes")
    status, out, err = kitchen.end()
    assert (status, out, err) == (0, "\nThe kitchen is closed.\n", "")


def test_without_trio() -> None:
    """Trio is an optional extra: one line tells how to get it, and status 1."""
    script = """if True:
        import runpy, sys
        sys.modules["trio"] = None
        runpy.run_module("aiomonitor", run_name="__main__", alter_sys=True)
    """
    ended = subprocess.run(
        [sys.executable, "-c", script, "demo", "--backend", "trio"],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "pip install 'aiomonitor[trio]'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


# --- what goes wrong ------------------------------------------------------------------------------


def test_busy_port(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A busy port is one line that tells the remedy, and status 1."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = run("demo", "--port", str(port), "--console-port", "0", "--webui-port", "0")
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    assert f"127.0.0.1:{port}" in line
    assert "give another port" in line
