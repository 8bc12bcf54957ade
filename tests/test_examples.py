"""The examples as somebody runs them who has read what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES: Final = Path(__file__).parents[1] / "examples"
GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""


@contextlib.contextmanager
def running(name: str, *arguments: str) -> Iterator[str]:
    """The line in which an example tells its ports."""
    command = [sys.executable, str(EXAMPLES / name), "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.kill()


def exchange(port: str, sent: str) -> str:
    """What comes back until the other end, or ours, closes the connection."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=GUARD) as client:
        client.sendall(sent.encode())
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65_536), b"")).decode()


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
