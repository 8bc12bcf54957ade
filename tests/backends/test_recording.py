"""Putting the task hook on a loop and taking it off, whatever that loop is doing."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends._asyncio import recording as recordings
from aiomonitor.backends._asyncio.hook import TaskHook
from aiomonitor.backends._asyncio.recording import Recording
from running import Application

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that does not run."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


async def nothing() -> None:
    """A task's work."""


def ended(recording: Recording) -> list[str]:
    return [life.coroutine for life in recording.drain(10)]


def test_a_loop_that_does_not_run_yet(loop: asyncio.AbstractEventLoop) -> None:
    """What it runs later is recorded."""
    recording = Recording(loop, hooked=True)
    recording.begin()
    assert recording.obstacle == ""
    loop.run_until_complete(nothing())
    loop.run_until_complete(asyncio.sleep(0))
    assert "nothing" in ended(recording)
    recording.end()


def test_from_another_thread(application: Application) -> None:
    """What the loop creates after `begin` has returned is recorded."""
    recording = Recording(application.loop, hooked=True)
    recording.begin()
    assert recording.obstacle == ""
    for work in (nothing(), asyncio.sleep(0)):
        asyncio.run_coroutine_threadsafe(work, application.loop).result()
    assert "nothing" in ended(recording)
    recording.end()
    assert recording.obstacle == "the monitor is closed"


def test_a_blocked_loop(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting does not wait for a blocked loop, which takes the hook when it gets on."""
    monkeypatch.setattr(recordings, "HOOK_WAIT", 0.0)
    application.block()
    recording = Recording(application.loop, hooked=True)
    recording.begin()
    assert "blocked" in recording.obstacle
    first = recording.next_number()
    application.released.set()
    asyncio.run_coroutine_threadsafe(nothing(), application.loop).result()
    assert recording.obstacle == ""
    assert recording.next_number() > first + 1, "a number came twice"
    recording.end()


def test_ended_before_the_loop_took_it(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook that the loop has not taken when the monitor closes is never put on."""
    monkeypatch.setattr(recordings, "HOOK_WAIT", 0.0)
    application.block()
    before = vars(application.loop).keys()
    recording = Recording(application.loop, hooked=True)
    recording.begin()
    recording.end()
    application.released.set()
    asyncio.run_coroutine_threadsafe(nothing(), application.loop).result()
    assert vars(application.loop).keys() == before
    assert ended(recording) == []


def test_without_a_hook(loop: asyncio.AbstractEventLoop) -> None:
    """The loop is not touched, and the reason is told."""
    before = dict(vars(loop))
    recording = Recording(loop, hooked=False)
    recording.begin()
    assert vars(loop) == before
    assert recording.obstacle == "the monitor was started with hook_task_factory=False"
    assert [recording.next_number(), recording.next_number()] == [1, 2]
    assert (ended(recording), recording.dropped) == ([], 0)
    assert recording.life_of(object()) is None
    recording.end()


def test_a_hook_that_cannot_be_put_on(
    loop: asyncio.AbstractEventLoop,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The application starts nevertheless; the log tells once, and tasks get numbers."""

    def fail(_: TaskHook) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(TaskHook, "install", fail)
    recording = Recording(loop, hooked=True)
    with caplog.at_level(logging.ERROR, "aiomonitor"):
        recording.begin()
    assert [record.message for record in caplog.records] == [
        "the task hook cannot be put on: tasks are not tracked"
    ]
    assert "failed" in recording.obstacle
    assert recording.next_number() == 1
    recording.end()


def test_ending_twice(loop: asyncio.AbstractEventLoop) -> None:
    """`end` may be called twice, from any thread, and leaves the loop as it was found."""
    before = vars(loop).keys()
    recording = Recording(loop, hooked=True)
    recording.begin()
    thread = threading.Thread(target=recording.end)
    thread.start()
    thread.join()
    recording.end()
    assert vars(loop).keys() == before
