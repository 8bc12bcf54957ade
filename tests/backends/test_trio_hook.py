"""How trio tasks are recorded: who created them, how they end, and that the run does not mind."""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio
import trio.testing

from aiomonitor.backends import detect
from aiomonitor.backends._trio import hook as hooks
from aiomonitor.backends._trio.backend import TrioBackend
from aiomonitor.backends._trio.record import PARTS, cancellation_in
from aiomonitor.backends.frames import symbolise
from aiomonitor.backends.life import CALLBACK
from aiomonitor.backends.stacks import Stacks

from .applications import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiomonitor.backends.life import TaskLife


@contextlib.contextmanager
def watching() -> Iterator[TrioBackend]:
    """The backend of the run that this is in."""
    backend = detect(None)
    assert isinstance(backend, TrioBackend)
    backend.attach()
    yield backend
    backend.detach()


def lives(backend: TrioBackend) -> dict[str, TaskLife]:
    """Those that have ended since the last time, by name."""
    return {life.name: life for life in backend.drain(10_000)}


def recorded(*functions: Callable[..., Awaitable[object]]) -> dict[str, TaskLife]:
    """The lives of a nursery with these tasks, whatever that raises."""
    found: dict[str, TaskLife] = {}

    async def main() -> None:
        with watching() as backend:
            with contextlib.suppress(BaseException):  # a group, which 3.10 has no name for
                async with trio.open_nursery() as nursery:
                    for function in functions:
                        nursery.start_soon(function, name=function.__name__)
            found.update(lives(backend))

    trio.run(main)
    return found


async def returns() -> int:
    return 3


async def fails() -> None:
    raise ValueError("bad luck")


async def fails_deeper() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fails)


async def waits() -> None:
    await trio.sleep_forever()


async def waits_deeper() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits, name="inner")
        await trio.sleep_forever()


def test_a_result() -> None:
    """A task that returns has a beginning, an end and its code."""
    life = recorded(returns)["returns"]
    assert (life.outcome, life.failure, life.cancellations) == ("result", None, ())
    assert (life.coroutine.rpartition(".")[2], life.code) == ("returns", returns.__code__)
    assert life.is_ended
    assert life.born <= life.ended


def test_a_failure() -> None:
    """A task that raises leaves the exception's type, text and stack, and its siblings are told."""
    found = recorded(fails, waits)
    failure = found["fails"].failure
    assert failure is not None
    assert (failure.type, failure.text) == ("ValueError", "bad luck")
    assert symbolise(failure.stack[-1]).source == 'raise ValueError("bad luck")'
    [request] = found["waits"].cancellations
    assert found["waits"].outcome == "cancelled"
    assert request.told == "its nursery: child task raised exception ValueError('bad luck')"


def test_a_group() -> None:
    """A nursery's exceptions are told as the group that they come in."""
    failure = recorded(fails_deeper)["fails_deeper"].failure
    assert failure is not None
    assert failure.type.endswith("ExceptionGroup")
    assert "1 sub-exception" in failure.text


def test_cancelled_with_its_nursery() -> None:
    """A group of nothing but cancellations is a cancellation; the reason is trio's own."""
    found: dict[str, TaskLife] = {}

    async def main() -> None:
        with watching() as backend:
            with trio.move_on_after(0):
                await waits_deeper()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waits_deeper)
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel("enough")
            found.update(lives(backend))

    trio.run(main)
    for life in found.values():
        assert life.outcome == "cancelled"
        assert life.cancellations[0].when is None
    outer = next(life for name, life in found.items() if name.endswith("waits_deeper"))
    assert outer.cancellations[0].told.startswith("task ")
    assert outer.cancellations[0].told.endswith("main: enough")


@pytest.mark.parametrize(
    ("cancel", "told"),
    [
        (lambda scope: setattr(scope, "deadline", -1), "a deadline"),
        (lambda scope: scope.cancel(), "main"),
    ],
)
def test_who_cancelled(cancel: Callable[[trio.CancelScope], None], told: str) -> None:
    """A deadline is told from a task."""
    found: dict[str, TaskLife] = {}

    async def main() -> None:
        with watching() as backend:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(waits, name="waits")
                await trio.testing.wait_all_tasks_blocked()
                cancel(nursery.cancel_scope)
            found.update(lives(backend))

    trio.run(main)
    assert told in found["waits"].cancellations[0].told


def test_who_created_it() -> None:
    """The creator and its stack, outermost first, without trio's own and the run's frames."""
    found: dict[str, TaskLife] = {}
    numbers: list[int | None] = []

    async def middle(nursery: trio.Nursery) -> None:
        nursery.start_soon(returns, name="child")  # HERE

    async def main() -> None:
        with watching() as backend:
            async with trio.open_nursery() as nursery:
                await middle(nursery)
                life = backend.life_of(find(backend, "child"))
                assert life is not None
                assert not life.is_ended
                assert not hasattr(life, "spawned")
            numbers.append(backend.number_of(trio.lowlevel.current_task()))
            found.update(lives(backend))
            site = backend.site_of(found["child"].stack)
            assert site is not None
            assert symbolise(site).source.endswith("# HERE")

    trio.run(main)
    life = found["child"]
    assert [life.parent] == numbers
    shown = [symbolise(point).function.rpartition(".")[2] for point in life.stack]
    assert shown[-2:] == ["main", "middle"]


def test_a_creator_is_marked() -> None:
    """Who has created tasks is remembered as such, and one that is older than the monitor, too."""
    found: dict[str, TaskLife] = {}

    async def old(nursery: trio.Nursery, go: trio.Event) -> None:
        await go.wait()
        nursery.start_soon(returns, name="child")

    async def main() -> None:
        go = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(old, nursery, go, name="old")
            await trio.testing.wait_all_tasks_blocked()
            with watching() as backend:
                assert backend.life_of(find(backend, "old")) is None
                go.set()
                await trio.testing.wait_all_tasks_blocked()
                found.update(lives(backend))

    trio.run(main)
    assert (found["old"].stack, found["old"].outcome) == ((), "result")
    assert getattr(found["old"], "spawned", False)
    assert found["child"].parent == found["old"].number


def test_a_system_task_has_a_creator() -> None:
    """A system task that a callback of another thread starts was created by trio's own task."""
    found: dict[str, TaskLife] = {}

    async def main() -> None:
        with watching() as backend:
            ended = trio.Event()

            async def system() -> None:
                ended.set()

            token = trio.lowlevel.current_trio_token()
            spawn = functools.partial(trio.lowlevel.spawn_system_task, system, name="mine")
            await trio.to_thread.run_sync(token.run_sync_soon, spawn)
            await ended.wait()
            assert backend.facts(trio.lowlevel.current_task()).system is False
            await trio.testing.wait_all_tasks_blocked()
            found.update(lives(backend))
            root = trio.lowlevel.current_root_task()
            assert root is not None
            assert backend.facts(root).system is True

    trio.run(main)
    assert found["mine"].parent > CALLBACK


@pytest.mark.parametrize("error", [None, ValueError("last words")])
def test_the_main_task(error: Exception | None) -> None:
    """How the main task ends is known, though its nursery is not told."""
    backends: list[TrioBackend] = []

    async def main() -> None:
        backend = detect(None)
        assert isinstance(backend, TrioBackend)
        backend.attach()
        backends.append(backend)
        if error is not None:
            raise error

    with contextlib.suppress(ValueError):
        trio.run(main)
    found = {life.name.rpartition(".")[2]: life for life in backends[0].drain(100)}
    assert found["main"].outcome == ("result" if error is None else "exception")
    assert found["<init>"].outcome == "result"
    assert backends[0].loop_state() == "closed"
    backends[0].detach()


def test_a_coroutine_that_leaves() -> None:
    """A coroutine that leaves trio unfinished is not kept."""
    found: dict[str, TaskLife] = {}
    left: list[Any] = []

    async def leaves() -> None:
        left.append(trio.lowlevel.current_task().coro)
        await trio.lowlevel.permanently_detach_coroutine_object(trio.lowlevel.outcome.Value(None))  # type: ignore[attr-defined]

    async def main() -> None:
        with watching() as backend:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(leaves, name="leaves")
            found.update(lives(backend))

    if not hasattr(trio.lowlevel, "outcome"):
        import outcome

        trio.lowlevel.outcome = outcome  # type: ignore[attr-defined]
    trio.run(main)
    life = found["leaves"]
    assert (life.code, life.coroutine.rpartition(".")[2]) == (leaves.__code__, "leaves")
    assert life._coro is not left[0]  # type: ignore[attr-defined]
    left.pop().close()


def test_two_runs() -> None:
    """One run after another in the same thread, each with a monitor: no number comes twice."""
    first, second = recorded(returns)["returns"], recorded(returns)["returns"]
    assert second.number > first.number


def test_two_monitors() -> None:
    """Two of them watch one run, and the first one's leaving is nothing to the second."""

    async def main() -> None:
        with watching() as outer:
            with watching() as inner:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(returns, name="both")
                assert "both" in lives(inner)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(returns, name="one")
            assert lives(outer).keys() == {"both", "one"}
            assert lives(inner) == {}

    trio.run(main)


def test_it_leaves_the_run_as_it_was() -> None:
    """Nothing stays among the run's instruments, whoever detaches it."""

    async def main() -> None:
        root: Any = trio.lowlevel.current_root_task()
        instruments = root._runner.instruments
        before = {name: dict(found) for name, found in instruments.data.items()}
        with watching() as backend:
            assert instruments.data != before
        assert instruments.data == before
        with watching() as backend:
            await trio.to_thread.run_sync(backend.detach)
            await trio.testing.wait_all_tasks_blocked()
            assert instruments.data == before
            assert backend.not_recording == "the monitor is closed"

    trio.run(main)


def test_without_the_instrument() -> None:
    """Without `hook_task_factory`, nothing is put on the run, and that is told."""

    async def main() -> None:
        backend = detect(None, hooked=False)
        backend.attach()
        root: Any = trio.lowlevel.current_root_task()
        assert "task_spawned" not in root._runner.instruments
        assert "hook_task_factory=False" in backend.not_recording
        assert (backend.created, backend.records, backend.dropped) == (None, False, 0)
        backend.detach()

    trio.run(main)


def test_a_failure_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A hook that fails is logged once and does nothing from then on; the tasks do not notice."""

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Stacks, "take", fail)

    async def main() -> None:
        with watching() as backend:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(returns)
            assert "failed" in backend.not_recording
            assert lives(backend) == {}

    trio.run(main)
    assert caplog.text.count("tasks are not tracked any more") == 1


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
def test_a_failure_of_the_application(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """No stack or memory left is not the instrument's fault: it goes on with the next task."""
    errors = [error()]
    take = Stacks.take

    def fail_once(self: Stacks, frame: Any) -> Any:
        if errors:
            raise errors.pop()
        return take(self, frame)

    monkeypatch.setattr(Stacks, "take", fail_once)
    found = recorded(returns, fails)
    assert found["returns"].stack == ()
    assert found["fails"].stack != ()


def test_what_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ends that nobody drains the oldest go, and are counted."""
    monkeypatch.setattr(hooks, "QUEUE_LIMIT", 10)

    async def main() -> None:
        with watching() as backend:
            created = backend.created
            assert created is not None
            async with trio.open_nursery() as nursery:
                for number in range(25):
                    nursery.start_soon(returns, name=f"task-{number}")
            assert backend.created == created + 25
            assert len(backend.drain(4)) == 4
            assert backend.dropped == 15
            assert len(backend.drain(100)) == 6
            assert backend.dropped == 15

    trio.run(main)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX: a signal to one thread")
def test_ctrl_c_in_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C that comes while a hook runs reaches the application, and the hook stays on."""
    take, left = Stacks.take, [signal.SIGINT]

    def interrupted(self: Stacks, frame: Any) -> Any:
        while left:
            signal.raise_signal(left.pop())
        return take(self, frame)

    monkeypatch.setattr(Stacks, "take", interrupted)
    reached: list[str] = []

    async def main() -> None:
        with watching() as backend:
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(waits, name="waits")
                    await trio.sleep_forever()
            except BaseException as error:  # a group, which 3.10 has no name for
                reached.append(type(getattr(error, "exceptions", [error])[0]).__name__)
                reached.append(backend.not_recording)
                reached.append(lives(backend)["waits"].outcome)

    assert threading.current_thread() is threading.main_thread()
    # Trio turns SIGINT into a cancellation where Python's own handler is; a worker of the tests,
    # or a job in the background, may ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        trio.run(main)
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == ["KeyboardInterrupt", "", "cancelled"]


def test_groups_in_groups() -> None:
    """A group of nothing but cancellations is one, and is not copied to find that out."""
    group: Any = (
        getattr(builtins, "BaseExceptionGroup", None)
        or importlib.import_module("exceptiongroup").BaseExceptionGroup
    )

    class Uncopied(group):  # type: ignore[misc]
        def split(self, *_: object) -> Any:
            raise AssertionError("it was split")

    caught: list[trio.Cancelled] = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.lowlevel.checkpoint()
            except trio.Cancelled as error:
                caught.append(error)
                raise

    trio.run(main)
    [cancelled] = caught
    nested: Any = cancelled
    for _ in range(PARTS // 2):
        nested = Uncopied("", [nested])
    assert cancellation_in(nested) is cancelled
    assert cancellation_in(Uncopied("", [cancelled, nested])) is cancelled
    assert cancellation_in(Uncopied("", [nested, ValueError()])) is None
    assert cancellation_in(Uncopied("", [cancelled] * PARTS * 2)) is cancelled
    assert cancellation_in(ValueError()) is None
