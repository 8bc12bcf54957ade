"""The main job in real applications: see the tasks, where they stand, and cancel one."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from .harness import GUARD, PROMPT, Application, Wire, client, eventually, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import MakeApplication


@pytest.fixture
def shop(start: MakeApplication, kind_of_loop: str) -> Iterator[Application]:
    """An application on each kind of loop."""
    application = start("--loop", kind_of_loop)
    yield application
    application.check_health()
    application.stop()


@pytest.fixture
def web(start: MakeApplication, kind_of_loop: str) -> Iterator[Application]:
    """A web application on each kind of loop, under load."""
    pytest.importorskip("aiohttp", reason="needs aiohttp")
    application = start("--web", "--loop", kind_of_loop)
    eventually(lambda: application.call("served") > 0, "a first request")
    yield application
    _check_service(application)
    application.check_health()
    application.stop()


def _check_service(web: Application) -> None:
    served = web.call("served")
    eventually(lambda: web.call("served") > served + 5, "requests are answered")


def _ask(application: Application, command: str) -> Any:
    with Wire(application.port) as wire:
        wire.send(f"{command}\nexit\n".encode())
        _, answer, _ = wire.read_to_end().decode("utf-8", "replace").split(PROMPT)
    return json.loads(answer)


def test_find_and_cancel(shop: Application) -> None:
    """A task is found by its name, its line is shown, and it is cancelled."""
    (task,) = _ask(shop, "ps --json --filter sleeper-1")["tasks"]
    assert task["state"] == "waiting"
    stack = _ask(shop, f"where {task['number']} --json")
    assert stack["frames"][0]["source"] == "await self.stop.wait()"
    assert stack["frames"][0]["filename"].endswith("application.py")
    result = _ask(shop, f"cancel {task['number']} --json")
    assert result["outcome"] == "ended"
    assert _ask(shop, "ps --json --filter sleeper-1")["tasks"] == []
    again = run(*client("-p", str(shop.port), "-c", f"cancel {task['number']}"))
    assert again.returncode == 1
    assert len(again.stdout.splitlines()) == 1


def test_stacktrace(shop: Application) -> None:
    """`stacktrace` shows the thread of the application's loop."""
    (stack,) = _ask(shop, "stacktrace --json")
    assert stack["name"] == "MainThread"
    assert stack["loop_state"] == "running"
    assert any(frame["function"].endswith("run") for frame in stack["frames"])


def test_signal(start: MakeApplication, kind_of_loop: str) -> None:
    """`signal` reaches the application, which ends as by a signal from anybody else."""
    application = start("--loop", kind_of_loop)
    with Wire(application.port) as wire:
        wire.send(b"signal SIGTERM\n")
        assert application.wait() == -signal.SIGTERM


def test_web_under_load(web: Application) -> None:
    """Tasks of a web server are listed again and again while it answers requests."""
    served = web.call("served")
    names = set()
    for _ in range(5):
        document = _ask(web, "ps --json")
        names |= {task["name"] for task in document["tasks"]}
        assert document["total"] >= 10
    assert {"load-0", "load-1", "load-2", "heartbeat"} <= names
    assert web.call("served") > served


def test_cancel_a_hanging_handler(web: Application) -> None:
    """A request that hangs is found and cancelled; the server goes on with the others."""
    outcome: list[object] = []

    def visit() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", web.web_port, timeout=GUARD)
        try:
            connection.request("GET", "/hang")
            outcome.append(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            outcome.append(error)
        finally:
            connection.close()

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    eventually(lambda: _ask(web, "ps --json --filter hanging-request")["matched"] == 1)
    stack = _ask(web, "where hanging-request --json")
    assert "await self.stop.wait()" in [frame["source"] for frame in stack["frames"]]
    assert not outcome
    assert _ask(web, "cancel hanging-request --json")["outcome"] == "ended"
    visitor.join(GUARD)
    assert isinstance(outcome[0], http.client.HTTPException | OSError)
