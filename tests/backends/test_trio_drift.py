"""Each private part of trio that its backend leans on: these fail when trio moves it."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import trio
import trio.testing

from aiomonitor.backends._trio.backend import CLOCKS
from aiomonitor.backends._trio.hook import EXITING, SPAWNING, START_SOON, STEPS, here


def in_run(check: Any) -> None:
    """Check within a run."""
    trio.run(check)


def test_the_tasks_of_a_run() -> None:
    """A task knows its runner, and that all tasks of the run."""

    async def check() -> None:
        root: Any = trio.lowlevel.current_root_task()
        assert isinstance(root._runner.tasks, set), "Runner.tasks has moved"
        assert {root, trio.lowlevel.current_task()} <= root._runner.tasks

    in_run(check)


def test_tasks_are_numbered() -> None:
    """Each new task has the next number of all runs of the process."""

    async def check() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep_forever)
            numbers = sorted(task._counter for task in nursery.child_tasks)
            assert numbers[1] == numbers[0] + 1, "Task._counter counts in another way"
            kind: Any = trio.lowlevel.Task
            counter = kind.__attrs_attrs__._counter.default.factory
            assert counter() == numbers[1] + 1, "Task._counter is made in another way"
            nursery.cancel_scope.cancel()

    in_run(check)


def test_what_is_to_be_stepped() -> None:
    """A task that is to be stepped has something that it is sent; one that waits has not."""

    async def check() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            (task,) = nursery.child_tasks
            subject: Any = task
            assert subject._next_send_fn is not None, "Task._next_send_fn has moved"
            await trio.testing.wait_all_tasks_blocked()
            assert subject._next_send_fn is None
            nursery.cancel_scope.cancel()

    in_run(check)


def test_the_end_of_a_run() -> None:
    """The queue of a run's calls tells that the run has ended."""
    runners: list[Any] = []

    async def check() -> None:
        root: Any = trio.lowlevel.current_root_task()
        runners.append(root._runner)
        assert root._runner.entry_queue.done is False, "EntryQueue.done has moved"

    in_run(check)
    assert runners[0].entry_queue.done is True


def test_where_tasks_are_stepped() -> None:
    """A task's stack begins below the function that steps it, and a creation's below its spawn."""
    stacks: list[list[str]] = []

    class Looks(trio.abc.Instrument):
        def task_spawned(self, task: trio.lowlevel.Task) -> None:
            frame: Any = sys._getframe(SPAWNING)
            names = []
            while frame is not None and frame.f_code is not STEPS:
                names.append(frame.f_code)
                frame = frame.f_back
            assert frame is not None, "unrolled_run steps no tasks any more"
            stacks.append([code.co_name for code in names])
            assert names[0] is START_SOON, "start_soon is somewhere else in the stack"

    async def check() -> None:
        trio.lowlevel.add_instrument(Looks())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 0)

    in_run(check)
    assert stacks == [["start_soon", "check"]]


def test_how_a_task_ended() -> None:
    """What is called when a task has ended was called by one that knows the outcome; a nursery is
    told of its children's exceptions by then, and the main task's outcome is the run's."""
    ends: list[tuple[str, Any, int]] = []
    runners: list[Any] = []

    class Looks(trio.abc.Instrument):
        def task_exited(self, task: Any) -> None:
            outcome = sys._getframe(EXITING).f_locals["outcome"]
            pending = [] if task._parent_nursery is None else task._parent_nursery._pending_excs
            ends.append((task.name.rpartition(".")[2], outcome, len(pending)))

    async def fails() -> None:
        raise ValueError

    async def check() -> None:
        root: Any = trio.lowlevel.current_root_task()
        runners.append(root._runner)
        assert root is root._runner.init_task
        task: Any = trio.lowlevel.current_task()
        assert task is root._runner.main_task
        assert task._parent_nursery._parent_task is root
        trio.lowlevel.add_instrument(Looks())
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fails)
        except Exception:
            task.name = "main"

    in_run(check)
    assert [(name, pending) for name, _, pending in ends[:2]] == [("fails", 1), ("main", 0)]
    assert isinstance(ends[0][1].error, ValueError)
    assert hasattr(runners[0].main_task_outcome, "value")


def test_who_runs_here() -> None:
    """The thread's own context has the task that runs."""
    assert not hasattr(here, "task")

    async def check() -> None:
        assert here.task is trio.lowlevel.current_task()

    in_run(check)


def test_scopes() -> None:
    """Statuses form a tree of scopes, and know their tasks."""

    async def check() -> None:
        task: Any = trio.lowlevel.current_task()
        async with trio.open_nursery() as nursery:
            parts: Any = nursery
            with trio.CancelScope(deadline=1e9, shield=True) as scope:  # noqa: ASYNC100 - looks at it
                status: Any = task._cancel_status
                inner: Any = scope
                assert status._scope is scope
                assert status is inner._cancel_status
                assert status._parent is parts._cancel_status is parts.cancel_scope._cancel_status
                assert status._tasks == {task}
                assert status in status._parent._children
                assert (inner._deadline, inner._shield, inner._cancel_called) == (1e9, True, False)
                assert inner._cancel_reason is None
                assert not status.effectively_cancelled
                scope.cancel("a reason")
                assert status.effectively_cancelled
                reason: Any = inner._cancel_reason
                assert (reason.source, reason.reason) == ("explicit", "a reason")
                assert reason.source_task == repr(task)
            assert inner._cancel_status is None
            assert task._child_nurseries == [nursery]
            assert (parts._parent_task, parts._children) == (task, set())

    in_run(check)


def test_why_a_task_was_cancelled() -> None:
    """A cancellation tells its reason in the same words as its scope."""

    async def check() -> None:
        with trio.CancelScope() as scope:
            scope.cancel("enough")
            with pytest.raises(trio.Cancelled) as raised:
                await trio.lowlevel.checkpoint()
            error: Any = raised.value
            assert (error.source, error.reason) == ("explicit", "enough")
            assert error.source_task == repr(trio.lowlevel.current_task())

    in_run(check)


def test_clocks() -> None:
    """The clocks that may be read from another thread are those that runs have."""

    async def check() -> None:
        assert type(trio.lowlevel.current_clock()) in CLOCKS

    in_run(check)
    trio.run(check, clock=trio.testing.MockClock())


def test_the_state_of_a_channel() -> None:
    """Both ends of a channel have their state in common."""
    ends: Any = trio.open_memory_channel[int](0)
    assert ends[0]._state is ends[1]._state is ends[0].clone()._state
