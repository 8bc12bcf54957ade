"""Cancel scopes and nurseries of a trio run, read and cancelled."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from aiomonitor.backends import detect
from aiomonitor.backends._trio.backend import TrioBackend
from aiomonitor.model import CancelOutcome, ScopeInfo

from .applications import find
from .trio_application import TrioApplication

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator


@pytest.fixture
def application() -> Iterator[TrioApplication]:
    """A run in a thread of its own."""
    made = TrioApplication()
    yield made
    made.close()


def in_run(check: Callable[[TrioBackend], Awaitable[None]], **options: Any) -> None:
    """Check within a run that is watched."""

    async def main() -> None:
        backend = detect(None)
        assert isinstance(backend, TrioBackend)
        backend.attach()
        await check(backend)
        backend.detach()

    trio.run(main, **options)


def number(backend: TrioBackend, name: str) -> int:
    """The number of a task."""
    found = backend.number_of(find(backend, name))
    assert found is not None
    return found


def words(scope: ScopeInfo) -> str:
    """A scope, in short."""
    flags = ["shielded" * scope.shielded, "cancelled" * scope.cancelled]
    timed = "" if scope.timeout is None else f"{scope.timeout:.0f}"
    return " ".join(filter(None, [scope.kind, timed, *flags]))


async def settled() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def in_scopes() -> None:
    """A task with scopes of its own, and with a nursery."""
    with trio.CancelScope(shield=True), trio.move_on_after(40):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="child")
            with trio.CancelScope():
                await trio.sleep_forever()


def test_scopes_of_a_task() -> None:
    """A task has its own scopes, outermost first, and all around it, innermost first."""

    async def check(backend: TrioBackend) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_scopes, name="worker")
            await settled()
            worker = find(backend, "worker")
            own = backend.scopes.own(worker)
            assert [*map(words, own)] == ["scope shielded", "scope 40", "nursery", "scope"]
            assert {scope.opened_by for scope in own} == {number(backend, "worker")}
            assert own[2].tasks == 1
            around = backend.scopes.around(worker)
            assert around[:4] == own[::-1]
            assert [scope.kind for scope in around[4:]] == ["nursery"] * 4
            assert [scope.system for scope in around[4:]] == [False, True, True, True]
            child = backend.scopes.around(find(backend, "child"))
            assert child == around[1:]
            assert backend.scopes.own(find(backend, "child")) == ()
            assert backend.scopes.nursery_of(find(backend, "child")) == own[2].number
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):
                await settled()
                assert [scope.cancelled for scope in backend.scopes.around(worker)[-5:-3]] == [
                    *(False, True)
                ]
                find_shield(backend, worker).cancel()

    in_run(check, clock=trio.testing.MockClock())


def find_shield(backend: TrioBackend, task: Any) -> trio.CancelScope:
    status = task._cancel_status
    while not status._scope.shield:
        status = status._parent
    scope: trio.CancelScope = status._scope
    return scope


def test_deadlines_go_by() -> None:
    """What is left of a deadline is told by the run's clock; a custom clock is left alone."""
    clock = trio.testing.MockClock()

    async def check(backend: TrioBackend) -> None:
        with trio.move_on_after(10):  # noqa: ASYNC100 - looks at it
            task = trio.lowlevel.current_task()
            assert backend.scopes.own(task)[0].timeout == 10
            clock.jump(4)
            assert backend.scopes.own(task)[0].timeout == 6

    in_run(check, clock=clock)

    async def check_own(backend: TrioBackend) -> None:
        with trio.move_on_after(10):  # noqa: ASYNC100 - looks at it
            assert backend.scopes.own(trio.lowlevel.current_task())[0].timeout is None

    in_run(check_own, clock=OwnClock())


class OwnClock(trio.abc.Clock):
    """An application's."""

    def start_clock(self) -> None:
        """It always runs."""

    def current_time(self) -> float:
        return time.monotonic()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - time.monotonic()


def test_numbers_are_never_given_again() -> None:
    """A scope keeps its number; a later one at the same place in memory has another."""

    async def check(backend: TrioBackend) -> None:
        task = trio.lowlevel.current_task()
        seen: list[int] = []
        for _ in range(50):
            with trio.CancelScope():  # noqa: ASYNC100 - looks at it
                [scope] = backend.scopes.own(task)
                assert backend.scopes.own(task) == (scope,)
                seen.append(scope.number)
            gc.collect(0)
        assert seen == sorted(set(seen))
        assert backend.scopes.reach(seen[0]) is None

    in_run(check)


def test_the_nearest() -> None:
    """Nearest is the innermost scope of the application's: not that of `trio.sleep`."""

    async def check(backend: TrioBackend) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 100, name="sleeps")
            nursery.start_soon(in_scopes, name="worker")
            await settled()
            scopes = backend.scopes
            task = trio.lowlevel.current_task()
            own = scopes.own(task)
            assert scopes.nearest(find(backend, "sleeps")) == own[-1].number
            worker = find(backend, "worker")
            assert scopes.nearest(worker) == scopes.own(worker)[-1].number
            find_shield(backend, worker).cancel()
            nursery.cancel_scope.cancel()
        assert scopes.nearest(task) is None

    in_run(check, clock=trio.testing.MockClock())


def test_reach() -> None:
    """A scope takes along what is in it, in nurseries of all depths, but for what is shielded."""

    async def check(backend: TrioBackend) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(in_scopes, name="worker")
            nursery.start_soon(trio.sleep_forever, name="other")
            await settled()
            scopes, task = backend.scopes, trio.lowlevel.current_task()
            nearest = scopes.nearest(task)
            assert nearest is not None
            reach = scopes.reach(nearest)
            assert reach is not None
            mine = backend.number_of(task)
            assert reach.tasks == (mine, number(backend, "other"))
            assert reach.shielded == (number(backend, "worker"), number(backend, "child"))
            assert reach.scope == scopes.own(task)[-1]
            find_shield(backend, find(backend, "worker")).cancel()
            nursery.cancel_scope.cancel()

    in_run(check)


async def stubborn(told: list[str]) -> None:
    """Goes on when it is cancelled, in a shield."""
    try:
        await trio.sleep_forever()
    finally:
        told.append("asked")
        with trio.CancelScope(shield=True):
            await trio.sleep_forever()


def nearest(application: TrioApplication, name: str) -> int:
    """The scope that would be cancelled for a task."""
    found = application.backend.scopes.nearest(find(application.backend, name))
    assert found is not None
    return found


async def within(function: Callable[..., Awaitable[object]], *arguments: object) -> None:
    with trio.CancelScope():
        await function(*arguments)


def start(application: TrioApplication, name: str, *what: Any) -> None:
    application.call(lambda: application.nursery.start_soon(within, *what, name=name))
    application.run(trio.testing.wait_all_tasks_blocked)


def test_cancel(application: TrioApplication) -> None:
    """A scope is cancelled from another thread, and has been left when that is told."""
    start(application, "waits", trio.sleep_forever)
    scope = nearest(application, "waits")
    scopes = application.backend.scopes
    assert scopes.cancel(scope, 30) is CancelOutcome.ENDED
    assert scopes.cancel(scope, 30) is CancelOutcome.ALREADY_DONE
    assert scopes.cancel(10**9, 30) is CancelOutcome.ALREADY_DONE


def test_cancel_of_a_stubborn_task(application: TrioApplication) -> None:
    """A scope that is not left in time is told as requested."""
    told: list[str] = []
    start(application, "ignores", stubborn, told)
    scopes = application.backend.scopes
    outer = scopes.own(find(application.backend, "ignores"))[0]
    assert scopes.cancel(outer.number, 0.05) is CancelOutcome.REQUESTED
    [first, *_] = scopes.own(find(application.backend, "ignores"))
    assert first.cancel_called
    assert first.cancelled_by == "this monitor, at a client's request"
    facts = application.backend.facts(find(application.backend, "ignores"))
    assert (facts.cancelling, facts.cancelled_by) == (0, "")  # where it is now, it is shielded
    application.run(trio.testing.wait_all_tasks_blocked)
    inner = nearest(application, "ignores")
    assert scopes.cancel(inner, 30) is CancelOutcome.ENDED
    assert told == ["asked"]


def test_cancel_in_a_blocked_run(application: TrioApplication) -> None:
    """A run that is blocked gets the request when it goes on."""
    start(application, "waits", trio.sleep_forever)
    scope = nearest(application, "waits")
    application.block()
    assert application.backend.scopes.cancel(scope, 0.05) is CancelOutcome.UNRESPONSIVE
    application.unblock()
    application.run(trio.testing.wait_all_tasks_blocked)
    assert application.backend.scopes.cancel(scope, 30) is CancelOutcome.ALREADY_DONE


def test_cancel_in_its_own_thread(application: TrioApplication) -> None:
    """In the run's thread it is requested, and nobody waits."""
    start(application, "waits", trio.sleep_forever)
    scope = nearest(application, "waits")
    cancelled = application.call(lambda: application.backend.scopes.cancel(scope, 30))
    assert cancelled is CancelOutcome.REQUESTED


def test_cancel_in_a_run_that_has_ended(application: TrioApplication) -> None:
    """There is nobody left to ask."""
    start(application, "waits", trio.sleep_forever)
    scope = nearest(application, "waits")
    application.close()
    assert application.backend.scopes.cancel(scope, 30) is CancelOutcome.ALREADY_DONE


def test_a_thousand_nurseries_deep() -> None:
    """Nurseries a thousand deep can be read, and cancelled from the outside."""

    async def deeper(levels: int, reached: trio.Event, released: trio.Event) -> None:
        if levels == 0:
            reached.set()
            await released.wait()  # cancelled, trio would split groups within groups, too deep
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deeper, levels - 1, reached, released, name=f"level-{levels - 1}")

    async def check(backend: TrioBackend) -> None:
        reached, released = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(deeper, 1000, reached, released, name="level-1000")
            await reached.wait()
            await settled()
            deepest = find(backend, "level-0")
            around = backend.scopes.around(deepest)
            [mine] = backend.scopes.own(trio.lowlevel.current_task())
            reach = backend.scopes.reach(mine.number)
            released.set()
        assert [scope.kind for scope in around] == ["nursery"] * 1000
        assert len({scope.opened_by for scope in around}) == 1000
        assert reach is not None
        assert len(reach.tasks) == 1002

    in_run(check)


def test_ten_thousand_wide() -> None:
    """A nursery of ten thousand is one look; each task's place is known."""

    async def check(backend: TrioBackend) -> None:
        async with trio.open_nursery() as nursery:
            for each in range(10_000):
                nursery.start_soon(trio.sleep_forever, name=f"task-{each}")
            await settled()
            [mine] = backend.scopes.own(trio.lowlevel.current_task())
            assert mine.tasks == 10_000
            reach = backend.scopes.reach(mine.number)
            assert reach is not None
            assert len(reach.tasks) == 10_001
            assert backend.scopes.nursery_of(find(backend, "task-77")) == mine.number
            nursery.cancel_scope.cancel()

    in_run(check)
