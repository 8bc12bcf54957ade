"""How the loop answers, over a scripted one."""

from __future__ import annotations

import pytest

from aiomonitor.backends.fake import FakeBackend
from aiomonitor.health.pulse import Pulse


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


def test_a_loop_that_answers(backend: FakeBackend) -> None:
    """The lag is that of the answer, and the CPU time that of the thread which gave it."""
    found = Pulse(backend).take()
    assert found.lag is not None
    assert found.lag >= 0
    assert found.waiting == 0
    assert found.cpu is not None
    assert found.cpu >= 0


def test_a_loop_that_is_blocked(backend: FakeBackend) -> None:
    """It is waited for as long as was said, and not called again until it has answered."""
    backend.blocked = True
    pulse = Pulse(backend)
    first = pulse.take(0.01)
    assert (first.lag, first.cpu) == (None, None)
    assert first.waiting >= 0.01
    again = pulse.take()
    assert again.waiting > first.waiting
    assert len(backend.posted) == 1
    backend.blocked = False
    backend.run_posted()
    found = pulse.take()
    assert found.lag is not None
    assert found.waiting == 0


def test_a_loop_that_is_closed(backend: FakeBackend) -> None:
    """It never answers, and that is no error."""
    backend.state = "closed"
    assert Pulse(backend).take().lag is None
