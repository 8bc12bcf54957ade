"""Servers with several workers: each has a monitor with ports of its own, and all are found."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from aiomonitor.rundir import VARIABLE
from aiomonitor.rundir.reading import entries
from running import refuses
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.workers

HERE: Final = Path(__file__).parent
ANYWHERE: Final = "127.0.0.1:0"

SERVERS: Final = {
    "uvicorn": ["uvicorn", "--workers", "3", "--port", "0"],
    "gunicorn": ["gunicorn", "-w", "3", "-k", "uvicorn_worker.UvicornWorker", "-b", ANYWHERE],
    "hypercorn": ["hypercorn", "-w", "2", "-b", ANYWHERE],
}
"""uvicorn and hypercorn start fresh processes, gunicorn forks before anything runs."""
WORKERS: Final = {"uvicorn": 3, "gunicorn": 3, "hypercorn": 2}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the workers register."""
    folder = tmp_path / "run"
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


@contextlib.contextmanager
def serving(server: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server with all its workers up."""
    command = [sys.executable, "-m", *SERVERS[server], "service:app"]
    with subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            await_workers(process, WORKERS[server], WORKERS[server])
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def await_workers(process: subprocess.Popen[bytes], count: int, new: int) -> None:
    """Until so many new ones have said that they have a monitor, and so many in all are found."""
    said: list[bytes] = []
    assert process.stdout is not None
    while said.count(b"monitored\n") < new:
        said.append(process.stdout.readline())
        assert said[-1], b"".join(said).decode()
    while len(entries()) != count:  # that takes their threads a moment
        pass


def client(*arguments: str) -> Any:
    """The document that it prints."""
    command = [sys.executable, "-m", "aiomonitor", *arguments]
    ended = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE)
    return json.loads(ended.stdout)


@pytest.mark.parametrize("server", SERVERS)
def test_workers(server: str, folder: Path) -> None:
    """Each is listed with ports of its own, and asked along with the others; nothing is left."""
    with serving(server) as process:
        rows = client("ls", "--json", "--timeout", "30")
        assert [row["note"] for row in rows] == [""] * WORKERS[server]
        assert all(row["name"] == "service" and row["tasks"] > 0 for row in rows)
        assert all(server in " ".join(row["command"]) for row in rows)
        assert process.pid not in {row["pid"] for row in rows}
        ports = [port for row in rows for port in row["ports"].values()]
        assert len(set(ports)) == 3 * WORKERS[server]
        everyone = client("-c", "ps --json", "--all", "--timeout", "30")
        assert {each["pid"] for each in everyone} == {row["pid"] for row in rows}
        assert all(each["output"]["total"] > 0 for each in everyone)
        process.terminate()
        process.communicate(timeout=PATIENCE)
        assert entries() == []
        assert list(folder.iterdir()) == []
        assert all(refuses(port) for port in ports)


def test_a_worker_that_is_killed(folder: Path) -> None:
    """Its successor takes free ports; what it has left behind is cleaned up."""
    with serving("gunicorn") as process:
        before = {entry.pid for entry in entries()}
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        await_workers(process, 3, new=1)
        after = entries()
        assert len({entry.pid for entry in after} - before) == 1
        ports = [port for entry in after for port in entry.ports.values()]
        assert len(set(ports)) == 9
        assert len(list(folder.iterdir())) == 3
