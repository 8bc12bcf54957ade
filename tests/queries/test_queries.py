"""What every surface asks, answered from scripted tasks in frozen values."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends.fake import FakeLife
from aiomonitor.backends.life import Cancellation
from aiomonitor.backends.values import CodePoint
from aiomonitor.errors import TaskNotFoundError
from aiomonitor.model import CancelOutcome
from support import Desk

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def desk() -> Desk:
    return Desk()


HERE = CodePoint((lambda: None).__code__, 0)


class Forever:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def inner() -> None:
    await Forever()


async def outer() -> None:
    await inner()


def test_tasks(desk: Desk) -> None:
    """`tasks` returns all live tasks as values, unless it is told otherwise."""
    for name in ("b", "a", "c"):
        desk.backend.add(name, "f")
    assert [task.name for task in desk.tasks()] == ["b", "a", "c"]
    assert [task.name for task in desk.tasks(sort="name", reverse=True, limit=2)] == ["c", "b"]
    assert desk.task_count() == 3


def test_values_are_frozen(desk: Desk) -> None:
    """What is returned cannot be changed and holds no live task."""
    task = desk.backend.add("a", "f")
    (info,) = desk.tasks()
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.name = "b"  # type: ignore[misc]
    assert task not in [getattr(info, field.name) for field in dataclasses.fields(info)]


def test_stack(desk: Desk) -> None:
    """`stack` shows the whole await chain with source lines, by number or name."""
    coroutine = outer()
    coroutine.send(None)
    desk.backend.add("a", suspended=coroutine)
    stack = desk.stack("a")
    functions = [frame.function.rpartition(".")[2] for frame in stack.frames]
    assert functions[:2] == ["outer", "inner"]
    assert stack.frames[0].source == "await inner()"
    assert stack.task == desk.tasks()[0]
    assert desk.stack(stack.task.number) == stack
    coroutine.close()


def test_stack_of_nobody(desk: Desk) -> None:
    """A task that is gone raises, with what would work."""
    with pytest.raises(TaskNotFoundError, match="'ps' lists what there is"):
        desk.stack(5)


@pytest.mark.parametrize("outcome", CancelOutcome)
def test_cancel(desk: Desk, outcome: CancelOutcome) -> None:
    """The backend's outcome is returned with a sentence about it."""
    desk.backend.add("a", "f", cancelled=outcome)
    result = desk.cancel("a", timeout=1.5)
    assert result.outcome is outcome
    assert result.task.name == "a"
    assert result.detail
    assert "{" not in result.detail
    assert ("1.5 s" in result.detail) == (
        outcome in (CancelOutcome.REQUESTED, CancelOutcome.UNRESPONSIVE)
    )


@pytest.mark.parametrize(("state", "word"), [("running", "blocked"), ("stopped", "stopped")])
def test_cancel_where_the_loop_does_not_answer(desk: Desk, state: str, word: str) -> None:
    """A loop that does not take the request is named as what it is: blocked or stopped."""
    desk.backend.add("a", "f")
    desk.backend.blocked = True
    desk.backend.state = state  # type: ignore[assignment]
    result = desk.cancel("a", timeout=0)
    assert result.outcome is CancelOutcome.UNRESPONSIVE
    assert f"its loop is {word}" in result.detail


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), 1e300])
def test_cancel_with_a_bad_timeout(desk: Desk, timeout: float) -> None:
    """A timeout that no thread could wait for is refused before anything is cancelled."""
    task = desk.backend.add("a", "f")
    with pytest.raises(ValueError, match="timeout"):
        desk.cancel("a", timeout)
    assert task.state == "waiting"


def test_cancel_of_nobody(desk: Desk) -> None:
    """A task that is gone cannot be cancelled, and that is said."""
    with pytest.raises(TaskNotFoundError):
        desk.cancel("a")


def test_threads(desk: Desk) -> None:
    """Every thread is shown, the loop's first, and only that one with the loop's state."""
    started, end = threading.Event(), threading.Event()

    def wait_here() -> None:
        started.set()
        end.wait()

    thread = threading.Thread(target=wait_here, name="waiting")
    thread.start()
    started.wait()
    desk.backend.thread_id = thread.ident
    stacks = desk.threads()
    end.set()
    thread.join()
    assert (stacks[0].name, stacks[0].loop_state) == ("waiting", "running")
    assert "wait_here" in [frame.function.rpartition(".")[2] for frame in stacks[0].frames]
    assert {stack.loop_state for stack in stacks[1:]} == {None}
    assert threading.get_ident() in [stack.thread_id for stack in stacks]


def test_threads_without_a_loop(desk: Desk) -> None:
    """While the loop is stopped no thread is the loop's."""
    desk.backend.thread_id = threading.get_ident()
    desk.backend.state = "stopped"
    assert {stack.loop_state for stack in desk.threads()} == {None}


def end(desk: Desk, number: int, name: str, **details: Any) -> None:
    desk.backend.ended.append(FakeLife(number=number, name=name, stack=(HERE,), **details))


def test_terminated(desk: Desk) -> None:
    """The tasks that ended are values, the latest first, filtered, sorted and limited."""
    end(desk, 1, "worker-1", ended=1.0)
    end(desk, 2, "worker-2", ended=2.0)
    end(desk, 3, "main", ended=3.0)
    assert [task.name for task in desk.terminated()] == ["main", "worker-2", "worker-1"]
    assert [task.number for task in desk.terminated(filter="WORK", sort="id")] == [1, 2]
    page = desk.terminated_page(limit=1)
    assert (page.ended, page.remembered, page.matched, len(page.tasks)) == (3, 3, 3, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        page.tasks[0].name = "other"  # type: ignore[misc]


def test_what_was_not_recorded(desk: Desk) -> None:
    """A page tells how many were dropped, and why nothing is being recorded."""
    desk.backend.dropped = 7
    desk.backend.not_recording = "it is off"
    page = desk.terminated_page()
    assert (page.dropped, page.note, page.tasks) == (7, "it is off", ())
    with pytest.raises(TaskNotFoundError, match="how tasks end is not recorded: it is off"):
        desk.terminated_stack("abc")


def test_a_canceller_that_lives(desk: Desk) -> None:
    """Who cancelled a task is named, in a listing too, while it lives on."""
    canceller = desk.backend.add("murderer", "f")
    canceller.number = 5
    request = Cancellation(0.5, 5, (HERE,))
    end(desk, 1, "victim", outcome="cancelled", cancellations=(request,))
    assert desk.terminated()[0].cancelled_by == "task 5 (murderer)"
    (told,) = desk.terminated_stack("victim").cancellations
    assert told.by == "task 5 (murderer)"
    assert [frame.filename for frame in told.frames] == [__file__]


def test_terminated_stack_by_number_and_name(desk: Desk) -> None:
    """A number is one task, a name the latest one of that name, and a note says so."""
    end(desk, 1, "same", ended=1.0)
    end(desk, 2, "same", ended=2.0)
    assert desk.terminated_stack(1).task.number == 1
    assert desk.terminated_stack(1).note == ""
    stack = desk.terminated_stack("same")
    assert stack.task.number == 2
    assert stack.note == "the latest of 2 remembered tasks of this name"


def test_terminated_stack_of_others(desk: Desk) -> None:
    """What is no ended task gets a sentence that says what would work."""
    live = desk.backend.add("live", "f")
    live.number = 3
    end(desk, 9, "gone")
    desk.tick()
    for reference, sentence in {
        "abc": "no ended task 'abc' is remembered: 'ps-terminated' lists what is",
        "live": "task live has not ended: 'where live' shows it",
        "3": "task 3 has not ended: 'where 3' shows it",
        "8": "task 8 has ended, and is forgotten: 'ps-terminated' lists what is remembered",
    }.items():
        with pytest.raises(TaskNotFoundError) as caught:
            desk.terminated_stack(reference)
        assert str(caught.value) == sentence


def test_a_live_task_with_a_life(desk: Desk) -> None:
    """Its row has its age and its creator, its stack the whole ancestry and who cancels it."""
    desk.backend.clock = 20.0
    parent = desk.backend.add("parent", "f")
    parent.number = 1
    child = desk.backend.add("child", "f", suspended=outer())
    child.number, child.cancelling = 2, 1
    request = Cancellation(8.0, 1, (HERE,))
    child.life = FakeLife(
        number=2, parent=1, born=5.0, stack=(HERE,), cancellations=(request,), cancelling=1
    )
    info = desk.tasks(filter="child")[0]
    assert (info.age, info.parent, info.created_by) == (15.0, 1, "task 1")
    assert (info.cancel_age, info.cancelled_by) == (12.0, "task 1")
    stack = desk.stack("child")
    assert [(step.creator, step.created) for step in stack.ancestry] == [
        ("task 1 (parent)", "task 2 (child)")
    ]
    assert stack.beginning.startswith("task 1 (parent) was not seen being created")
    assert stack.cancellations[0].by == "task 1 (parent)"
    child.suspended.close()  # type: ignore[attr-defined]


def test_tick(desk: Desk) -> None:
    """The tick takes what has ended, and says when it wants to be called again."""
    end(desk, 1, "a")
    pause = desk.tick()
    assert pause is not None
    assert 0 < pause <= 1.0
    assert desk.backend.ended == []


def test_nothing_to_do_without_records(desk: Desk) -> None:
    """The monitor's thread need not wake where nothing is recorded."""
    assert desk.tick() is not None
    desk.backend.records = False
    assert desk.tick() is None
