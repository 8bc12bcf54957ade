"""While the application's loop is blocked, in a call or in a Python loop, its monitor answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .harness import BLOCKED_LIMIT, CLOSE_LIMIT, CLOSE_SLACK, Application, Wire, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import MakeApplication

_SIGNS = {"call": "# BLOCKED IN A CALL", "loop": "# BLOCKED IN A LOOP"}


@pytest.fixture(params=["call", "loop"])
def blocking(request: pytest.FixtureRequest) -> str:
    """What blocks the loop: a call that releases the GIL, or Python code that does not."""
    blocking: str = request.param
    return blocking


@pytest.fixture
def blocked(start: MakeApplication, kind_of_loop: str, blocking: str) -> Iterator[Application]:
    """An application whose loop is blocked; it must be well once it is released."""
    application = start("--loop", kind_of_loop)
    application.call("block", blocking)
    yield application
    application.call("release")
    application.stop()


def _source_line(blocking: str) -> tuple[int, str]:
    script = Path(__file__).with_name("application.py").read_text().splitlines()
    (found,) = [
        (number, line.strip()) for number, line in enumerate(script, 1) if _SIGNS[blocking] in line
    ]
    return found


def _ask_in_time(wire: Wire, command: str) -> str:
    before = time.monotonic()
    answer = wire.ask(command.encode()).decode("utf-8", "replace")
    assert time.monotonic() - before < BLOCKED_LIMIT
    return answer


def test_answers(blocked: Application, blocking: str) -> None:
    """The first client ever is answered; `where` and `stacktrace` show the line that blocks."""
    number, source = _source_line(blocking)
    with Wire(blocked.port).greeted() as wire:
        listing = _ask_in_time(wire, "ps")
        assert "sleeper-2" in listing
        # By its coroutine: on 3.12 an eager task gets its name only when it lets go.
        (row,) = [line for line in listing.splitlines() if " Blocker.run " in line]
        task, state, *_ = row.split()
        assert state == "running"
        for command in (f"where {task}", "stacktrace"):
            answer = _ask_in_time(wire, command)
            assert f'application.py", line {number}, in ' in answer
            assert source in answer
    beats = blocked.call("beats")
    assert blocked.call("beats") == beats
    blocked.call("release")
    blocked.check_health()


def test_cancel(blocked: Application) -> None:
    """`cancel` says after its timeout that the loop is unresponsive; later it takes effect."""
    with Wire(blocked.port).greeted() as wire:
        answer = wire.ask(b"cancel sleeper-0 --timeout 0.2")
        assert b"unresponsive" in answer
        assert b"blocked" in answer
        assert b"sleeper-0" in wire.ask(b"ps")
        blocked.call("release")
        eventually(lambda: b"sleeper-0" not in wire.ask(b"ps"), "the task is cancelled")
        assert b"sleeper-1" in wire.ask(b"ps")
    blocked.check_health()


@pytest.mark.parametrize("kind_of_loop", ["asyncio"])
def test_close(blocked: Application) -> None:
    """`close()` in another thread returns in time, while clients wait for a cancellation."""
    with Wire(blocked.port).greeted() as wire, Wire(blocked.port).greeted():
        wire.send(b"cancel sleeper-0 --timeout 60\n")
        assert blocked.call("close") < CLOSE_LIMIT + CLOSE_SLACK
        wire.read_to_end()
