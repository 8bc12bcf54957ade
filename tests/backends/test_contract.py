"""What every backend has to keep, the fake included."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends.frames import symbolise
from aiomonitor.model import CancelOutcome

from . import kinds
from .applications import TRIO_OWN, find, names

if TYPE_CHECKING:
    from aiomonitor.backends.base import TaskHandle

    from .applications import Application
    from .kinds import Kind

SOURCE = Path(kinds.__file__).read_text().splitlines()


def line_of(function: str) -> int:
    (line,) = [index for index, text in enumerate(SOURCE, 1) if text.endswith(f"# at {function}")]
    return line


def test_each_live_task_is_listed_once(application: Application) -> None:
    """Every task that has not ended is listed, once."""
    for number in range(600):
        application.spawn(f"task-{number}", kinds.plain)
    assert names(application.backend) == sorted(f"task-{number}" for number in range(600))


def test_an_ended_task_is_not_listed(application: Application) -> None:
    """A task leaves the listing when it ends."""
    application.spawn("stays", kinds.plain)
    application.spawn("ends", kinds.plain)
    application.finish("ends")
    assert names(application.backend) == ["stays"]


def test_listing_may_be_left_early(application: Application) -> None:
    """A listing that is not read to its end leaves nothing behind."""
    application.spawn("one", kinds.plain)
    application.spawn("two", kinds.plain)
    listing = application.backend.live_tasks()
    next(listing)
    listing.close()
    assert names(application.backend) == ["one", "two"]


def test_borrow_gives_live_tasks_in_order(application: Application) -> None:
    """Weak references are turned into tasks again, in order and without the ended ones."""
    for name in "abc":
        application.spawn(name, kinds.plain)
    backend = application.backend
    references = [weakref.ref(find(backend, name)) for name in "cba"]
    application.finish("b")
    borrowed = [backend.facts(task).name for task in backend.borrow(references)]
    assert borrowed == ["c", "a"]


def test_numbers_stay_with_their_task(application: Application) -> None:
    """A number is remembered for its task and for no other; some runtimes give them themselves."""
    application.spawn("one", kinds.plain)
    application.spawn("two", kinds.plain)
    backend = application.backend
    numbers = []
    for name in ("one", "two"):
        if backend.number_of(find(backend, name)) is None:
            backend.set_number(find(backend, name), backend.next_number())
        numbers.append(backend.number_of(find(backend, name)))
    assert None not in numbers
    assert numbers[0] != numbers[1]
    assert [backend.number_of(find(backend, name)) for name in ("one", "two")] == numbers


def test_chunks_hold_each_live_task_once(application: Application) -> None:
    """All tasks come in chunks, which are empty afterwards."""
    for number in range(600):
        application.spawn(f"task-{number}", kinds.plain)
    backend = application.backend
    seen: list[str] = []
    chunks = []
    for chunk in backend.live_chunks():
        seen += [backend.names(task)[0] for task in chunk]
        chunks.append(chunk)
    assert sorted(name for name in seen if not name.startswith(TRIO_OWN)) == names(backend)
    assert not any(chunks)


def test_numbers_of_many(application: Application) -> None:
    """The numbers of many tasks at once are those of each."""
    for name in "abc":
        application.spawn(name, kinds.plain)
    backend = application.backend
    tasks = [find(backend, name) for name in "cab"]
    if backend.number_of(tasks[0]) is None:
        backend.set_number(tasks[0], backend.next_number())
    assert backend.numbers_of(tasks) == [backend.number_of(task) for task in tasks]


def test_facts(application: Application) -> None:
    """A waiting task tells its name, its coroutine and that nobody cancels it."""
    application.spawn("worker", kinds.via_anext)
    facts = application.backend.facts(find(application.backend, "worker"))
    assert (facts.name, facts.coroutine) == ("worker", "via_anext")
    assert (facts.state, facts.cancelling) == ("waiting", 0)


def test_state_is_that_of_the_facts(application: Application) -> None:
    """The state can be had alone, and is the same."""
    application.spawn("worker", kinds.plain)
    task = find(application.backend, "worker")
    assert application.backend.state_of(task) == "waiting"
    application.finish("worker")
    assert application.backend.state_of(task) == "done"


def test_names_are_those_of_the_facts(application: Application) -> None:
    """Names can be had without the state, and are the same."""
    application.spawn("worker", kinds.plain)
    task = find(application.backend, "worker")
    assert application.backend.names(task) == ("worker", "plain")


def test_facts_of_an_ended_task(application: Application) -> None:
    """A task that ended since it was listed is done, and has no chain."""
    application.spawn("ends", kinds.plain)
    task = find(application.backend, "ends")
    application.finish("ends")
    assert application.backend.facts(task).state == "done"
    assert application.backend.await_chain(task).points == ()
    assert application.backend.innermost(task) == (None, "")


@pytest.mark.parametrize("kind", kinds.CHAINS, ids=lambda kind: kind.__name__)
def test_await_chain(application: Application, kind: Kind) -> None:
    """The chain leads through every kind of awaitable, with the lines where each one waits."""
    application.spawn("waits", kind)
    chain = application.backend.await_chain(find(application.backend, "waits"))
    expected = kinds.CHAINS[kind].split()
    shown = [symbolise(point) for point in chain.points][: len(expected)]
    assert [frame.function.rpartition(".")[2] for frame in shown] == expected
    ours = [frame for frame in shown if frame.filename == kinds.__file__]
    assert [frame.lineno for frame in ours] == [
        line_of(frame.function.rpartition(".")[2]) for frame in ours
    ]
    assert len(ours) >= len(expected) - 1
    assert chain.note == ""


def test_innermost(application: Application) -> None:
    """A listing shows a place where the task waits."""
    application.spawn("waits", kinds.plain)
    point, _ = application.backend.innermost(find(application.backend, "waits"))
    assert point is not None
    assert symbolise(point).function in {"leaf", "Forever.__await__", "__await__"}


def cancel(application: Application, task: TaskHandle, timeout: float) -> CancelOutcome:
    outcome = application.backend.cancel(task, timeout)
    if application.backend.runtime == "trio":
        assert outcome is CancelOutcome.UNSUPPORTED
        pytest.skip("needs a runtime that can cancel one task: trio cancels scopes")
    return outcome


def test_cancel_ends_a_task(application: Application) -> None:
    """A task that takes its cancellation has ended when the answer comes."""
    application.spawn("obeys", kinds.plain)
    task = find(application.backend, "obeys")
    assert cancel(application, task, 30) is CancelOutcome.ENDED
    assert names(application.backend) == []


def test_cancel_of_a_stubborn_task(application: Application) -> None:
    """A task that ignores its cancellation is still there when the time is up."""
    application.spawn_stubborn("ignores")
    task = find(application.backend, "ignores")
    assert cancel(application, task, 0.05) is CancelOutcome.REQUESTED
    assert names(application.backend) == ["ignores"]


def test_cancel_of_an_ended_task(application: Application) -> None:
    """Cancelling a task that ended since it was listed says so."""
    application.spawn("ends", kinds.plain)
    task = find(application.backend, "ends")
    application.finish("ends")
    assert cancel(application, task, 30) is CancelOutcome.ALREADY_DONE


@pytest.mark.parametrize("halt", ["block", "stop"])
def test_cancel_while_the_loop_does_nothing(application: Application, halt: str) -> None:
    """A request that the loop does not take stays posted, and works when the loop goes on."""
    application.spawn("waits", kinds.plain)
    task = find(application.backend, "waits")
    getattr(application, halt)()
    assert cancel(application, task, 0) is CancelOutcome.UNRESPONSIVE
    assert names(application.backend) == ["waits"]
    application.unblock() if halt == "block" else application.resume()
    cancel(application, task, 30)
    assert names(application.backend) == []


def test_cancel_when_the_loop_is_closed(application: Application) -> None:
    """A closed loop is never going to take the request, so nobody waits for it."""
    application.spawn_stubborn("waits")
    task = find(application.backend, "waits")
    application.abandon()
    assert cancel(application, task, 30) is CancelOutcome.UNRESPONSIVE


def test_call_in_loop(application: Application) -> None:
    """A call is made while the loop is open, and refused when it is closed."""
    made: list[int] = []
    assert application.backend.call_in_loop(lambda: made.append(1))
    application.block()
    application.unblock()
    assert made == [1]
    application.close()
    assert not application.backend.call_in_loop(lambda: made.append(2))


def test_loop_state(application: Application) -> None:
    """The loop is running, also while it is blocked, or stopped, or closed."""
    backend = application.backend
    assert backend.loop_state() == "running"
    application.block()
    assert backend.loop_state() == "running"
    application.unblock()
    application.stop()
    assert (backend.loop_state(), backend.loop_thread_id()) == ("stopped", None)
    application.resume()
    assert backend.loop_state() == "running"
    application.close()
    assert (backend.loop_state(), backend.loop_thread_id()) == ("closed", None)


def test_detach_twice(application: Application) -> None:
    """Detaching is idempotent, and works when the loop is closed."""
    application.backend.detach()
    application.close()
    application.backend.detach()


def test_runtime_has_a_name(application: Application) -> None:
    """The runtime says what it is."""
    assert application.backend.runtime in {"asyncio", "uvloop", "trio", "fake"}


@pytest.mark.parametrize("halt", ["block", "nothing"])
def test_place_in_the_tree(application: Application, halt: str) -> None:
    """A task tells what it is under, by number, and never itself; blocked or not."""
    application.spawn("one", kinds.plain)
    application.spawn("two", kinds.plain)
    backend = application.backend
    if halt == "block":
        application.block()
    own = [backend.number_of(find(backend, name)) for name in ("one", "two")]
    under = [backend.parent_of(find(backend, name)) for name in ("one", "two")]
    assert not set(own) & set(under)
    if backend.runtime == "trio":  # it has a tree; the others know who created a task, or nothing
        assert under[0] == under[1]
        assert under[0] in {backend.number_of(task) for task in backend.live_tasks()}
    elif backend.created is None:
        assert under == [0, 0]


def test_wait(application: Application) -> None:
    """What a task waits for is told by kind and in words; never for one that has ended."""
    application.spawn("waits", kinds.plain)
    backend = application.backend
    task = find(backend, "waits")
    wait = backend.wait_of(task, id)
    told = None if wait is None else (wait.kind, wait.what)
    pauses = {"trio": ("event", "an Event"), "fake": None}  # a script does not tell
    assert told == pauses.get(backend.runtime, ("future", "a Future"))
    application.finish("waits")
    assert backend.wait_of(task, id) is None


def test_scopes(application: Application) -> None:
    """A runtime with cancel scopes tells where a task is, until it has ended."""
    application.spawn("waits", kinds.plain)
    task = find(application.backend, "waits")
    scopes = application.backend.scopes
    assert (scopes is None) == (application.backend.runtime != "trio")
    if scopes is None:
        return
    nursery = scopes.nursery_of(task)
    assert nursery == scopes.nearest(task) == scopes.around(task)[0].number
    assert scopes.own(task) == ()
    application.finish("waits")
    assert (scopes.nearest(task), scopes.around(task), scopes.own(task)) == (None, (), ())
