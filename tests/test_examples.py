"""The examples as somebody runs them who has read what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""


@contextlib.contextmanager
def program(name: str, *arguments: str) -> Iterator[IO[str]]:
    """What an example prints, and logs."""
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            os.killpg(process.pid, signal.SIGKILL)


@contextlib.contextmanager
def running(name: str, *arguments: str) -> Iterator[str]:
    """The line in which an example tells its ports."""
    with program(name, "--port", "0", *arguments) as printed:
        line = printed.readline()
        assert "Error" not in line, line + printed.read()
        yield line


def found_in(printed: IO[str], pattern: str) -> str:
    """The first match in what is printed from now on."""
    for line in printed:
        if match := re.search(pattern, line):
            return match[1]
    raise AssertionError(f"{pattern!r} was never printed")


def fetch(url: str) -> threading.Thread:
    """Ask for a page, and do not wait for it."""

    def ask() -> None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=GUARD).close()  # noqa: S310 - http

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def exchange(port: str, sent: str) -> str:
    """What comes back until the other end, or ours, closes the connection."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=GUARD) as client:
        client.sendall(sent.encode())
        client.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: client.recv(65_536), b""))
        return said.decode("utf-8", "replace")  # a slow machine is asked whether it speaks telnet


def clerks(port: str) -> list[Any]:
    """Their rows."""
    answer = exchange(port, "ps --filter clerk --json\n")
    found: list[Any] = json.loads(answer[answer.index("{") : answer.rindex("}") + 1])["tasks"]
    return found


def test_deadlock() -> None:
    """Both clerks hang; who waits for whom is told, and giving up one scope gets both on."""
    with running("trio_deadlock.py") as told:
        [port] = re.findall(r"localhost (\d+)$", told.strip())
        while {row["waits"]["kind"] for row in clerks(port)} != {"lock"}:
            pass
        one, two = clerks(port)
        assert one["waits"]["holders"] == [two["number"]]
        assert two["waits"]["holders"] == [one["number"]]
        assert "closes a circle: none of these 2 tasks" in exchange(port, "why clerk-1\n")
        assert "takes along 1 task: " in exchange(port, "cancel clerk-1 --scope\n")
        assert {row["waits"]["kind"] for row in clerks(port)} == {"lock"}
        assert "has been left" in exchange(port, "cancel clerk-1 --scope --yes\n")
        balances = "savings.balance + checking.balance\nexit()\n"
        assert ">>> 2000\n" in exchange(port, f"console\n{balances}")


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_echo(backend: str) -> None:
    """It echoes, and its monitor tells the same, on both runtimes."""
    with running("anyio_echo.py", "--backend", backend) as told:
        own, port = re.findall(r"\d+", told)
        assert exchange(own, "hello") == "hello"
        assert "echo >>> 5\n" in exchange(port, "echoed\n")
        assert "main" in exchange(port, "tree\n")
        assert ("nursery s" in exchange(port, "tree\n")) == (backend == "trio")


def test_aiohttp() -> None:
    """A request is a task, with the line of its handler; the command of its own knows it, too."""
    with socket.socket() as free:  # of port 0, aiohttp 3.10 does not tell what it has become
        free.bind(("127.0.0.1", 0))
        http = str(free.getsockname()[1])
    with program("aiohttp_server.py", "--port", "0", "--http", http) as printed:
        port = found_in(printed, r"localhost (\d+)$")
        request = fetch(found_in(printed, r"(http://\S+:\d+)") + "/order/tea")
        while "shop >>> tea\n" not in exchange(port, "orders\n"):
            assert request.is_alive()
        assert re.search(r"aiohttp_server\.py:\d+ order", exchange(port, "ps\n"))
        assert ">>> shop: process " in exchange(port, "about\n")
    request.join(GUARD)


def test_custom_commands() -> None:
    """Each of its commands does what its docstring says."""
    with running("custom_commands.py") as told:
        [port] = re.findall(r"localhost (\d+)$", told.strip())
        assert "tea           3\n" in exchange(port, "stock\n")
        assert "coffee" not in exchange(port, "s tea\n")
        assert "no 'milk': there is tea, coffee" in exchange(port, "stock milk\n")
        assert ">>> coffee\n" in exchange(port, "audit\n")
        assert ">>> tea, coffee\n" in exchange(port, "audit --least 4\n")
        assert ">>> 2\n" in exchange(port, "restock coffee --count 2\nwait coffee\n")
        assert "Wait until there is some" in exchange(port, "help\n")
        with socket.create_connection(("127.0.0.1", int(port)), timeout=GUARD) as waiting:
            waiting.sendall(b"wait milk\n")
            while "wait_for" not in exchange(port, "ps\n"):
                pass
            assert ">>> 4\n" in exchange(port, "restock milk --count 4\n")
            answer = b""
            while b">>> 4\n" not in answer:
                answer += waiting.recv(65_536)


@pytest.mark.workers
def test_fastapi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three workers are listed; the one that hangs is told as blocked, the others are not."""
    monkeypatch.setenv("AIOMONITOR_RUN_DIR", str(tmp_path))

    def blocked() -> list[bool]:
        command = [sys.executable, "-m", "aiomonitor", "ls", "--json", "--timeout", "30"]
        listed = subprocess.run(command, capture_output=True, check=True, timeout=GUARD * 2)
        rows = json.loads(listed.stdout)
        assert all(row["name"] == "shop" and row["answers"] for row in rows)
        return sorted(row["blocked_for"] is not None for row in rows)

    with program("fastapi_uvicorn.py", "--http", "0") as printed:
        url = found_in(printed, r"(http://\S+:\d+)")
        ports = {found_in(printed, r"localhost (\d+)$") for _ in range(3)}
        assert len(ports) == 3
        assert blocked() == [False] * 3
        request = fetch(f"{url}/hang")
        while blocked() != [False, False, True]:
            assert request.is_alive()
    request.join(GUARD)
