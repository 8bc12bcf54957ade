"""The fake's own doings; what it shares with the others is in test_contract."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

from aiomonitor.backends import fake
from aiomonitor.backends.values import TaskFacts
from aiomonitor.model import CancelOutcome

if TYPE_CHECKING:
    from aiomonitor.backends.base import Backend


def test_it_is_a_backend() -> None:
    """The fake satisfies the protocol, as the type checker sees."""
    backend: Backend = fake.FakeBackend()
    assert backend.runtime == "fake"


def test_the_example_works() -> None:
    """The example in the documentation does what it says."""
    names = {"CancelOutcome": CancelOutcome, "FakeBackend": fake.FakeBackend}
    assert doctest.testmod(fake, extraglobs=names).failed == 0


def test_scripted_answers() -> None:
    """A task answers as it was told to."""
    backend = fake.FakeBackend()
    task = backend.add("a", "f", state="runnable", awaits="sleep")
    assert backend.facts(task) == TaskFacts(name="a", coroutine="f", state="runnable")
    assert backend.innermost(task) == (None, "sleep")
    task.cancelled = CancelOutcome.UNSUPPORTED
    assert backend.cancel(task, 1) is CancelOutcome.UNSUPPORTED
    assert list(backend.live_tasks()) == [task]


def test_scripted_thread() -> None:
    """The thread is told while the loop runs."""
    backend = fake.FakeBackend()
    backend.thread_id = 5
    assert backend.loop_thread_id() == 5
    backend.state = "stopped"
    assert backend.loop_thread_id() is None


def test_attached() -> None:
    """Tests can see whether a monitor watches."""
    backend = fake.FakeBackend()
    backend.attach()
    assert backend.attached
    backend.detach()
    assert not backend.attached
