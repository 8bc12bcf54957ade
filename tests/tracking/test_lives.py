"""How a task's life is told in words."""

from __future__ import annotations

import pytest

from aiomonitor.backends._asyncio import cancel
from aiomonitor.backends.fake import FakeBackend, FakeLife
from aiomonitor.backends.life import CALLBACK, OUTSIDE, Cancellation, Failure
from aiomonitor.backends.values import CodePoint
from aiomonitor.tracking import lives
from aiomonitor.tracking.ancestry import Lineage

HERE = CodePoint((lambda: None).__code__, 0)


def teller() -> lives.Teller:
    return lives.Teller(backend=FakeBackend(), label=lambda n: f"task {n} (t{n})", clock_offset=100)


def told(life: FakeLife) -> str:
    return lives.terminated_task(life, teller()).cancelled_by


def cancelled(by: int = 2, **details: object) -> FakeLife:
    request = Cancellation(0.5, by, (HERE,), **details)  # type: ignore[arg-type]
    return FakeLife(number=1, outcome="cancelled", cancellations=(request,))


def test_a_canceller_is_named() -> None:
    """A task that cancels another one is told by number and name."""
    assert told(cancelled()) == "task 2 (t2)"


def test_a_task_may_cancel_itself() -> None:
    """Who cancels itself is called so."""
    assert told(cancelled(by=1)) == "itself"


def test_cancellers_that_are_no_tasks() -> None:
    """Callbacks and other threads are told apart."""
    assert told(cancelled(by=CALLBACK)) == "a callback of the loop"
    assert "another thread" in told(cancelled(by=OUTSIDE))


def test_a_timeout_tells_its_delay() -> None:
    """A cancellation on behalf of a timeout names the seconds, if they are known."""
    assert told(cancelled(reason="timeout", delay=3.0)) == "a timeout of 3 s"
    assert told(cancelled(reason="timeout")) == "a timeout"


def test_a_task_group_names_the_sibling() -> None:
    """A group cancels because one of its tasks failed, and that one is named."""
    by = told(cancelled(reason="taskgroup", other=7))
    assert by == "its TaskGroup, after task 7 (t7) failed"


def test_propagation_names_the_awaiting_task() -> None:
    """A cancellation that came through an awaiting task names it."""
    assert told(cancelled(reason="awaited", other=5)).startswith("task 5 (t5), which awaited it")


def test_outcomes() -> None:
    """Results, failures and cancellations are told in the past tense, with the exception's text."""
    outcomes = {
        "result": ("returned", ""),
        "exception": ("failed", "ValueError: no"),
        "cancelled": ("cancelled", ""),
    }
    for outcome, expected in outcomes.items():
        failure = Failure("ValueError", "no", (HERE,)) if outcome == "exception" else None
        life = FakeLife(number=1, outcome=outcome, failure=failure)  # type: ignore[arg-type]
        task = lives.terminated_task(life, teller())
        assert (task.outcome, task.error) == expected


def test_a_failure_without_a_text() -> None:
    """An exception without arguments is told by its type alone."""
    life = FakeLife(number=1, outcome="exception", failure=Failure("KeyError", "", ()))
    assert lives.terminated_task(life, teller()).error == "KeyError"


def test_a_swallowed_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was asked to cancel itself and returned has swallowed it; unless it was taken back."""
    monkeypatch.setattr(lives, "_COUNTED", True)
    request = Cancellation(0.5, 2, (HERE,))
    swallowed = FakeLife(number=1, cancellations=(request,), cancelling=1)
    taken_back = FakeLife(number=1, cancellations=(request,), cancelling=0)
    assert lives.terminated_task(swallowed, teller()).swallowed
    assert not lives.terminated_task(taken_back, teller()).swallowed


def test_a_request_of_the_monitor() -> None:
    """What a client has cancelled was cancelled by the monitor, and its frames are no news."""
    ours = CodePoint(cancel.deliver.__code__, 0)
    life = FakeLife(
        number=1, outcome="cancelled", cancellations=(Cancellation(0.5, CALLBACK, (ours,)),)
    )
    assert told(life) == "this monitor, at a client's request"
    assert lives.cancellations(life, teller())[0].frames == ()


def test_a_creation_that_nobody_saw() -> None:
    """Of such a task neither age nor creator are invented."""
    task = lives.terminated_task(FakeLife(number=1, parent=OUTSIDE), teller())
    assert (task.created_at, task.duration, task.created_in, task.parent) == (None,) * 4
    assert task.created_by.startswith("not seen being created: it is older than the monitor")


def test_a_creation_that_was_seen() -> None:
    """The creator is told by number, and in words if it is no task."""
    by_task = lives.terminated_task(FakeLife(number=2, parent=1, stack=(HERE,)), teller())
    assert (by_task.parent, by_task.created_by) == (1, "task 1 (t1)")
    by_callback = lives.terminated_task(
        FakeLife(number=2, parent=CALLBACK, stack=(HERE,)), teller()
    )
    assert (by_callback.parent, by_callback.created_by) == (None, "a callback of the loop")


@pytest.mark.parametrize(
    ("by", "reason", "stands"),
    [(2, "", True), (OUTSIDE, "", True), (CALLBACK, "", False), (2, "timeout", False)],
)
def test_standing_requests_without_a_count(
    monkeypatch: pytest.MonkeyPatch, by: int, reason: str, stands: bool
) -> None:
    """On 3.10, which counts no requests, those that may have been a timeout's do not stand."""
    monkeypatch.setattr(lives, "_COUNTED", False)
    life = FakeLife(number=1, cancellations=(Cancellation(0.5, by, (HERE,), reason),))
    assert (lives.standing(life, 0) is not None) is stands


def test_standing_requests_with_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests are counted, the count decides."""
    monkeypatch.setattr(lives, "_COUNTED", True)
    life = FakeLife(number=1, cancellations=(Cancellation(0.5, CALLBACK, (HERE,)),))
    assert lives.standing(life, 1) is life.cancellations[0]
    assert lives.standing(life, 0) is None
    assert lives.standing(FakeLife(number=1), 1) is None


def test_an_exceptions_stack_begins_with_the_task() -> None:
    """Frames of whoever awaited the task, and got the exception too, are left out."""
    own = CodePoint(told.__code__, 0)
    life = FakeLife(
        number=1,
        outcome="exception",
        failure=Failure("E", "", (HERE, own, HERE)),
        code=told.__code__,
    )
    stack = lives.terminated_stack(life, teller(), Lineage((), ""))
    assert [frame.function for frame in stack.frames] == ["told", "<lambda>"]


def test_times_are_unix_time() -> None:
    """Readings of the hook's clock become Unix time; durations stay seconds."""
    task = lives.terminated_task(FakeLife(number=1, born=1.0, ended=3.5, stack=(HERE,)), teller())
    assert (task.created_at, task.ended_at, task.duration) == (101.0, 103.5, 2.5)


def test_all_stacks_of_an_end() -> None:
    """The exception's stack, its causes and every cancellation come with their lines."""
    failure = Failure("ValueError", "no", (HERE,), ("KeyError: 1",))
    life = FakeLife(
        number=1,
        outcome="exception",
        failure=failure,
        cancellations=(Cancellation(0.5, 2, (HERE, HERE)), Cancellation(0.4, 1, (HERE,))),
    )
    stack = lives.terminated_stack(life, teller(), Lineage((), ""))
    assert [frame.filename for frame in stack.frames] == [__file__]
    assert stack.causes == ("KeyError: 1",)
    assert [(each.by, len(each.frames)) for each in stack.cancellations] == [
        ("task 2 (t2)", 2),
        ("itself", 1),
    ]
