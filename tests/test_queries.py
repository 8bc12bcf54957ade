"""What every surface asks, answered from scripted tasks in frozen values."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING

import pytest

from aiomonitor.errors import TaskNotFoundError
from aiomonitor.model import CancelOutcome
from support import Desk

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def desk() -> Desk:
    return Desk()


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
