"""What is particular to a trio run."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing
from trio._core._wakeup_socketpair import WakeupSocketpair

from aiomonitor.backends import detect
from aiomonitor.backends._trio.backend import TrioBackend
from aiomonitor.model import CancelOutcome

from . import kinds
from .applications import find, names
from .trio_application import TrioApplication

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def application() -> Iterator[TrioApplication]:
    """A run in a thread of its own."""
    made = TrioApplication()
    yield made
    made.close()


def test_inside_of_the_run() -> None:
    """Within a run, that is what is watched, and all its tasks are there at once."""

    async def main() -> None:
        backend = detect(None)
        assert isinstance(backend, TrioBackend)
        backend.attach()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="child")
            assert backend.state_of(find(backend, "child")) == "runnable"
            await trio.testing.wait_all_tasks_blocked()
            assert backend.state_of(find(backend, "child")) == "waiting"
            task = trio.lowlevel.current_task()
            assert backend.state_of(task) == "running"
            assert backend.await_chain(task).points[-1].code.co_name != "main"
            nursery.cancel_scope.cancel()
        assert backend.loop_state() == "running"
        backend.detach()

    trio.run(main)


def test_numbers_are_in_order_of_creation(application: TrioApplication) -> None:
    """Whoever is looked at first, older tasks have smaller numbers."""
    for name in ("old", "young"):
        application.spawn(name, kinds.plain)
    backend = application.backend
    young, old = (backend.number_of(find(backend, name)) for name in ("young", "old"))
    assert young
    assert old
    assert old < young < backend.next_number()


def test_names_that_are_no_text(application: TrioApplication) -> None:
    """A name may have been set to anything; no listing fails for that."""

    class Unreadable:
        def __str__(self) -> str:
            raise RuntimeError

    application.spawn("waits", kinds.plain)
    backend = application.backend
    task: Any = find(backend, "waits")
    for name, text in {Unreadable(): "<Unreadable>", 5: "5"}.items():
        task.name = name
        assert backend.names(task)[0] == backend.facts(task).name == text


def test_where_it_waits(application: TrioApplication) -> None:
    """A listing names what the application called, not trio's traps."""
    application.spawn("waits", kinds.leaf)
    point, awaits = application.backend.innermost(find(application.backend, "waits"))
    assert point is not None
    assert (point.code.co_name, awaits) == ("leaf", "Event.wait" if awaits[0] == "E" else "wait")


def test_while_the_run_is_blocked(application: TrioApplication) -> None:
    """All can be read while the run does nothing, and its thread shows why."""
    application.spawn("waits", kinds.plain)
    application.block()
    backend = application.backend
    assert names(backend) == ["waits"]
    assert backend.await_chain(find(backend, "waits")).points
    thread = backend.loop_thread_id()
    assert thread is not None
    assert thread == application.thread.ident
    assert any(point.code.co_name == "hold" for point in backend.thread_points(thread))
    application.unblock()


def test_watched_while_it_is_blocked(application: TrioApplication) -> None:
    """A run that is blocked takes the watcher in when it goes on."""
    application.spawn("waits", kinds.plain)
    application.block()
    backend = TrioBackend(application.token)
    attaching = threading.Thread(target=backend.attach)
    attaching.start()
    application.unblock()
    attaching.join()
    assert names(backend) == ["waits"]


def test_a_run_that_ends(application: TrioApplication) -> None:
    """A run that has ended has no tasks, and that is no error; nor is a second run its matter."""
    application.spawn("waits", kinds.plain)
    backend = application.backend
    task = find(backend, "waits")
    application.close()
    second = TrioApplication()
    second.spawn("other", kinds.plain)
    assert list(backend.live_tasks()) == []
    assert backend.state_of(task) == "done"
    assert backend.await_chain(task).points == ()
    assert (backend.loop_state(), backend.loop_thread_id()) == ("closed", None)
    assert names(second.backend) == ["other"]
    second.close()


def test_what_waits_for_an_idle_run() -> None:
    """Test clocks that jump, and `wait_all_tasks_blocked`; not a run that just rests."""
    seen: list[bool] = []

    async def main() -> None:
        backend = detect(None)
        assert not backend.awaits_idleness()
        backend.attach()
        seen.append(backend.awaits_idleness())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.testing.wait_all_tasks_blocked, 60)
            await trio.testing.wait_all_tasks_blocked()
            seen.append(backend.awaits_idleness())
            nursery.cancel_scope.cancel()
        seen.append(backend.awaits_idleness())
        backend.detach()

    trio.run(main)
    trio.run(main, clock=trio.testing.MockClock())
    assert seen == [False, True, False] * 2
    seen.clear()
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert seen == [True, True, True]


def test_a_run_that_trio_gives_up(application: TrioApplication) -> None:
    """An internal error of trio's closes what wakes the run, which is no harm to its watchers."""
    backend = application.backend
    token: Any = application.token
    queue = token._reentry_queue
    wakeup, queue.wakeup = queue.wakeup, WakeupSocketpair()
    queue.wakeup.close()
    try:
        assert backend.call_in_loop(lambda: None) is False
        assert backend.loop_state() == "closed"
    finally:
        queue.wakeup = wakeup


def test_watched_after_its_end(application: TrioApplication) -> None:
    """A token of a run that has ended can be watched: there is nothing to see."""
    application.close()
    backend = TrioBackend(application.token)
    backend.attach()
    assert list(backend.live_tasks()) == []
    assert backend.loop_state() == "closed"
    backend.detach()


def test_one_task_cannot_be_cancelled(application: TrioApplication) -> None:
    """Trio cancels scopes: a task is left alone."""
    application.spawn("waits", kinds.plain)
    task = find(application.backend, "waits")
    assert application.backend.cancel(task, 0) is CancelOutcome.UNSUPPORTED
    assert names(application.backend) == ["waits"]


def test_a_call_that_fails(application: TrioApplication, caplog: pytest.LogCaptureFixture) -> None:
    """What a call of the monitor's raises is logged, and does not end the run."""
    application.backend.call_in_loop(lambda: 1 / 0)
    application.spawn("goes on", kinds.plain)
    assert "has failed in the trio run" in caplog.text
    assert names(application.backend) == ["goes on"]


def test_guest_mode() -> None:
    """A run that is the guest of another loop can be watched as well."""
    calls: list[Any] = []
    outcomes: list[Any] = []
    seen: list[str] = []

    async def main() -> None:
        backend = detect(None)
        backend.attach()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0, name="child")
            seen.extend(names(backend))

    more = threading.Condition()

    def later(call: Any) -> None:
        with more:
            calls.append(call)
            more.notify()

    trio.lowlevel.start_guest_run(
        main, run_sync_soon_threadsafe=later, done_callback=outcomes.append
    )
    while not outcomes:
        with more:
            assert more.wait_for(lambda: calls, 30)
            call = calls.pop(0)
        call()
    outcomes[0].unwrap()
    assert seen == ["child"]


def test_host_of_a_guest() -> None:
    """Of a loop and its guest, each is found from inside, and both can be watched at a time."""
    found: dict[str, Any] = {}

    async def guest(begun: asyncio.Event, closed: trio.Event) -> None:
        found["guest"] = detect(None)
        begun.set()
        await closed.wait()

    async def host() -> None:
        loop, begun, closed = asyncio.get_running_loop(), asyncio.Event(), trio.Event()
        ended: asyncio.Future[Any] = loop.create_future()
        trio.lowlevel.start_guest_run(
            guest,
            begun,
            closed,
            run_sync_soon_threadsafe=loop.call_soon_threadsafe,
            done_callback=ended.set_result,
        )
        await begun.wait()
        found["host"] = detect(None)
        for backend in found.values():
            backend.attach()
        found["names"] = [names(found[name]) for name in ("host", "guest")]
        for backend in (found["host"], found["guest"]):
            backend.detach()
        closed.set()
        (await ended).unwrap()

    asyncio.run(host())
    assert (found["host"].runtime, found["guest"].runtime) == ("asyncio", "trio")
    [[of_host], of_guest] = found["names"]
    assert (of_host.startswith("Task-"), of_guest) == (True, [])
