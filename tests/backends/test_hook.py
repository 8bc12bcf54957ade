"""What the hook records, and that the application sees nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends._asyncio.hook import TaskHook
from aiomonitor.backends._asyncio.hook.reasons import Timeouts
from aiomonitor.backends._asyncio.hook.sweep import AGAIN, LOOKS, Sweeper
from aiomonitor.backends.life import CALLBACK, OUTSIDE
from aiomonitor.backends.stacks import DEPTH

if TYPE_CHECKING:
    from aiomonitor.backends._asyncio.hook.record import TaskRecord

Main = Callable[[TaskHook], Coroutine[Any, Any, Any]]

LOOPS = [
    "asyncio",
    pytest.param(
        "uvloop",
        marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="needs the package uvloop"),
    ),
]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Any:
    if request.param == "uvloop":
        import uvloop

        loop: Any = uvloop.new_event_loop()
    else:
        loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def run(loop: Any, main: Main, **options: Any) -> list[TaskRecord]:
    """Run with a hook, and return the ended tasks, without that of `main`."""
    hook = TaskHook(loop, **options)
    hook.install()
    loop.run_until_complete(loop.create_task(main(hook), name="main"))
    loop.run_until_complete(asyncio.sleep(0.0))
    assert hook.active
    hook.uninstall()
    assert "create_task" not in vars(loop)
    assert "time" not in vars(loop)
    ended = hook.drain(1000)
    return [each for each in ended if each.coroutine.rpartition(".")[2].startswith("work")]


async def long() -> None:
    """So many rounds that who lives through them gets a done callback."""
    for _ in range(AGAIN * LOOKS * 3):
        await asyncio.sleep(0)


async def work() -> int:
    return 1


async def work_long() -> None:
    await asyncio.Event().wait()


class Local:
    """Something that can be watched."""


async def work_failing() -> None:
    local = Local()
    try:
        empty: dict[int, int] = {}
        empty[1]
    except KeyError as error:
        assert local.__doc__
        raise ValueError("boom") from error


def functions(record_stack: Any) -> list[str]:
    return [point.code.co_name for point in record_stack]


def test_creation(loop: Any) -> None:
    """The creator's number and stack, outermost first, without our frames."""
    numbers: list[int] = []

    async def main(hook: TaskHook) -> None:
        record = hook.record(asyncio.current_task())
        assert record is not None
        numbers.append(record.number)
        await asyncio.create_task(work(), name="child")

    (record,) = run(loop, main)
    assert record.parent == numbers[0] < record.number
    assert functions(record.stack)[-1] == "main"
    assert (record.name, record.outcome, record.failure) == ("child", "result", None)
    assert record.coroutine == "work"
    assert record.code is work.__code__
    assert record.born <= record.ended


def test_depth() -> None:
    """Another depth than the usual one keeps so many of the innermost frames."""
    loop = asyncio.new_event_loop()

    async def main(_hook: TaskHook) -> None:
        def create(height: int) -> asyncio.Task[int]:
            return create(height - 1) if height else asyncio.create_task(work())

        await create(20)

    (record,) = run(loop, main, depth=3)
    assert functions(record.stack) == ["create"] * 3
    (usual,) = run(loop, main)
    assert functions(usual.stack) == ["create"] * DEPTH
    loop.close()


def test_who_spawned(loop: Any) -> None:
    """Who created tasks is marked, also if it is older than the hook: its life is worth keeping."""

    async def work_parent() -> None:
        await asyncio.create_task(work())

    old = loop.create_task(work_parent())

    async def main(_hook: TaskHook) -> None:
        await asyncio.create_task(work_parent())
        await old

    records = run(loop, main)
    spawned = [getattr(record, "spawned", False) for record in records]
    names = [record.coroutine.rpartition(".")[2] for record in records]
    assert sorted(zip(names, spawned, strict=True)) == [
        *[("work", False)] * 2,
        *[("work_parent", True)] * 2,
    ]


def test_cancelled_after_a_long_life(loop: Any) -> None:
    """A task with a done callback loses it for a look when it is asked to cancel itself, and has it
    again if it goes on."""

    async def work_stubborn() -> None:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    async def main(hook: TaskHook) -> None:
        task: Any = asyncio.create_task(work_stubborn())
        await long()
        task.cancel()
        await long()
        record = hook.record(task)
        assert record is not None
        assert len(record.cancellations) == 1
        assert not record.is_ended
        assert [each[0].__name__ for each in task._callbacks] == ["note_end"]
        task.cancel()
        await task

    (record,) = run(loop, main)
    assert (record.outcome, len(record.cancellations)) == ("result", 2)


def test_creation_by_callback(loop: Any) -> None:
    """A task that no task created says so."""

    async def main(_hook: TaskHook) -> None:
        created = loop.create_future()
        loop.call_soon(lambda: created.set_result(loop.create_task(work())))
        await (await created)

    (record,) = run(loop, main)
    assert record.parent == CALLBACK


def test_older_tasks(loop: Any) -> None:
    """Tasks from before the hook have a number and an end, but no stack."""
    old = loop.create_task(work())

    async def main(_hook: TaskHook) -> None:
        await old

    (record,) = run(loop, main)
    assert (record.stack, record.parent, record.outcome) == ((), OUTSIDE, "result")


def test_exception(loop: Any) -> None:
    """Type, text, stack in call order and cause; the exception itself is not kept."""
    seen: list[weakref.ref[Any]] = []

    async def main(_hook: TaskHook) -> None:
        error: Any
        (error,) = await asyncio.gather(work_failing(), return_exceptions=True)
        seen.append(weakref.ref(error.__traceback__.tb_frame.f_locals["local"]))

    (record,) = run(loop, main)
    assert record.outcome == "exception"
    assert record.failure is not None
    assert (record.failure.type, record.failure.text) == ("ValueError", "boom")
    assert functions(record.failure.stack) == ["work_failing"]
    assert record.failure.causes == ("KeyError: 1",)
    gc.collect()
    assert seen[0]() is None


def test_never_retrieved(loop: Any) -> None:
    """The loop still tells of an exception that nobody took, and it's recorded."""
    told: list[str] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))

    async def main(_hook: TaskHook) -> None:
        loop.create_task(work_failing())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    (record,) = run(loop, main)
    gc.collect()
    assert told == ["Task exception was never retrieved"]
    assert record.outcome == "exception"


def test_cancellation(loop: Any) -> None:
    """Who cancelled, from where, while the canceller lives on."""

    async def main(hook: TaskHook) -> None:
        task = asyncio.create_task(work_long())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        record = hook.record(task)
        assert record is not None
        assert record.cancellations[0].by == record.parent
        assert task.cancel() is False

    (record,) = run(loop, main)
    assert record.outcome == "cancelled"
    (request,) = record.cancellations
    assert functions(request.stack)[-1] == "main"


def test_cancellation_passed_on(loop: Any) -> None:
    """A cancelled task that awaits another one is named as the reason."""

    async def work_outer() -> None:
        await asyncio.create_task(work_long())

    async def main(_hook: TaskHook) -> None:
        outer = asyncio.create_task(work_outer())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        outer.cancel()
        await asyncio.gather(outer, return_exceptions=True)

    inner, outer = sorted(run(loop, main), key=lambda record: -record.number)
    (request,) = inner.cancellations
    assert (request.reason, request.other) == ("awaited", outer.number)
    assert functions(request.stack)[-1] == "main"


def test_swallowed_cancellation(loop: Any) -> None:
    """It shows in the difference between request and outcome."""

    async def work_stubborn() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def main(_hook: TaskHook) -> None:
        task = asyncio.create_task(work_stubborn())
        await asyncio.sleep(0)
        task.cancel()
        await task

    (record,) = run(loop, main)
    assert record.outcome == "result"
    assert len(record.cancellations) == 1
    assert record.cancelling == (1 if sys.version_info >= (3, 11) else 0)


def test_wait_for(loop: Any) -> None:
    """A timeout of `wait_for` is named, with its delay."""

    async def work_patient() -> None:
        await asyncio.wait_for(asyncio.ensure_future(work_long()), 0.001)

    async def main(_hook: TaskHook) -> None:
        await asyncio.gather(asyncio.create_task(work_patient()), return_exceptions=True)

    records = run(loop, main)
    requests = [request for record in records for request in record.cancellations]
    assert ("timeout", 0.001) in [(request.reason, request.delay) for request in requests]


if sys.version_info >= (3, 11):

    def test_timeout(loop: Any) -> None:
        """A timeout is named, with its delay; the task that handles it has nothing pending."""

        async def work_limited() -> None:
            try:
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            except TimeoutError:
                pass

        async def main(_hook: TaskHook) -> None:
            await asyncio.create_task(work_limited())

        (record,) = run(loop, main)
        (request,) = record.cancellations
        assert (request.by, request.reason, request.delay) == (CALLBACK, "timeout", 0.001)
        assert (record.outcome, record.cancelling) == ("result", 0)

    def test_task_group(loop: Any) -> None:
        """A task group's cancellations name the sibling that failed."""

        async def work_group() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(work_long())
                group.create_task(work_failing())

        async def main(_hook: TaskHook) -> None:
            await asyncio.gather(asyncio.create_task(work_group()), return_exceptions=True)

        records = {record.coroutine.rpartition(".")[2]: record for record in run(loop, main)}
        (request,) = records["work_long"].cancellations
        assert (request.reason, request.other) == ("taskgroup", records["work_failing"].number)


if sys.version_info >= (3, 12):

    def test_eager() -> None:
        """Eager tasks stay eager; a child made in their first step knows its parent."""
        loop: Any = asyncio.new_event_loop()
        loop.set_task_factory(asyncio.eager_task_factory)

        async def work_eager() -> None:
            await asyncio.create_task(work())

        async def main(_hook: TaskHook) -> None:
            task = asyncio.create_task(work_eager())
            assert task.done()
            await task

        child, parent = run(loop, main)
        assert loop.get_task_factory() is asyncio.eager_task_factory
        assert child.parent == parent.number
        assert functions(parent.stack)[-1] == "main"
        assert parent.coroutine.endswith("work_eager")
        loop.close()


async def names() -> tuple[int, str]:
    """By how much the number in the names of unnamed tasks grows, with a named one between."""
    tasks = [asyncio.create_task(work(), name=name) for name in (None, "named", None)]
    await asyncio.gather(*tasks)
    first, named, second = [task.get_name() for task in tasks]
    return int(second.rpartition("-")[2]) - int(first.rpartition("-")[2]), named


def test_names(loop: Any) -> None:
    """Unnamed tasks are counted as without the hook."""
    without = loop.run_until_complete(names())

    async def main(_hook: TaskHook) -> None:
        assert await names() == without

    run(loop, main)


def test_repr(loop: Any) -> None:
    """The done callback is not in `repr`, while the others are."""

    async def main(_hook: TaskHook) -> None:
        task: Any = asyncio.create_task(work_long())
        await long()
        assert type(task) is asyncio.Task
        assert [each[0].__name__ for each in task._callbacks] == ["note_end"]
        assert "note_end" not in repr(task)
        assert " cb=" not in repr(task).partition("wait_for")[0]
        task.add_done_callback(print_nothing)
        assert " cb=[print_nothing() at " in repr(task)
        assert "note_end" not in repr(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(loop, main)


def print_nothing(_task: Any) -> None:
    pass


def test_forgotten_tasks(loop: Any) -> None:
    """A pending task that nobody refers to is collected, and asyncio says so."""
    told: list[str] = []
    loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))

    async def main(_hook: TaskHook) -> None:
        asyncio.create_task(work_long())  # noqa: RUF006 - to be forgotten
        for _ in range(4):
            await asyncio.sleep(0)
        gc.collect()

    (record,) = run(loop, main)
    assert told == ["Task was destroyed but it is pending!"]
    assert (record.outcome, record.coroutine) == ("destroyed", "work_long")


def test_collected_before_the_look() -> None:
    """An ended task that the garbage collector takes before the hook looks is recorded whole."""
    loop = asyncio.new_event_loop()

    async def work_and_collect() -> None:
        for _ in range(3):
            await asyncio.sleep(0)
        loop.call_soon(gc.collect)

    async def main(_hook: TaskHook) -> None:
        asyncio.create_task(work_and_collect(), name="brief")  # noqa: RUF006 - nobody waits for it
        for _ in range(12):
            await asyncio.sleep(0)

    (record,) = run(loop, main)
    assert (record.name, record.outcome) == ("brief", "result")
    loop.close()


def test_rest() -> None:
    """A loop that rests is woken once to let go of an ended task that nobody waits for."""
    loop = asyncio.new_event_loop()
    told: list[str] = []

    async def main(_hook: TaskHook) -> None:
        asyncio.create_task(work_failing())  # noqa: RUF006 - nobody waits for it
        resting = loop.create_future()

        def tell(_loop: Any, context: dict[str, Any]) -> None:
            told.append(context["message"])
            resting.set_result(None)

        loop.set_exception_handler(tell)
        await resting

    (record,) = run(loop, main)
    assert told == ["Task exception was never retrieved"]
    assert record.outcome == "exception"
    loop.close()


def test_cancel_as_callback(loop: Any) -> None:
    """`call_later(…, task.cancel)` keeps a task alive, as a bound method does."""

    async def main(_hook: TaskHook) -> None:
        task: Any = asyncio.create_task(work_long())
        ended = loop.create_future()
        task.add_done_callback(lambda _task: ended.set_result(None))
        later = loop.call_later(0.005, task.cancel)
        del task
        for _ in range(4):
            await asyncio.sleep(0)
        gc.collect()
        await ended
        del later

    (record,) = run(loop, main)
    assert record.outcome == "cancelled"


def test_own_factory(loop: Any) -> None:
    """The application's factory is used, and its task class is left alone."""

    class Own(asyncio.Task):  # type: ignore[type-arg]
        def cancel(self, msg: Any = None) -> bool:
            cancelled.append(self.get_name())
            return super().cancel(msg)

    cancelled: list[str] = []

    def factory(loop: Any, coro: Any, **kwargs: Any) -> Any:
        return Own(coro, loop=loop, **kwargs)

    loop.set_task_factory(factory)

    async def main(_hook: TaskHook) -> None:
        task = asyncio.create_task(work_long(), name="own")
        await asyncio.sleep(0)
        assert type(task) is Own
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancel.__func__ is Own.cancel  # type: ignore[attr-defined]

    (record,) = run(loop, main)
    assert cancelled == ["own"]
    assert loop.get_task_factory() is factory
    assert (record.outcome, len(record.cancellations)) == ("cancelled", 1)


def test_tasks_written_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who puts Python's class of tasks in place of C's, as nest_asyncio does, gets those tasks."""
    plain: Any = asyncio.tasks._PyTask  # type: ignore[attr-defined]
    loop = asyncio.new_event_loop()

    async def main(hook: TaskHook) -> None:
        monkeypatch.setattr(asyncio.tasks, "Task", plain)
        task = loop.create_task(work_long())
        await asyncio.sleep(0)
        assert type(task) is plain
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert hook.active

    (record,) = run(loop, main)
    assert (record.outcome, len(record.cancellations)) == ("cancelled", 1)
    loop.close()


def test_another_thread(loop: Any) -> None:
    """A cancellation by another thread is told from one by the loop."""

    async def main(_hook: TaskHook) -> None:
        task = asyncio.create_task(work_long())
        await asyncio.sleep(0)
        thread = threading.Thread(target=task.cancel)
        thread.start()
        thread.join()
        await asyncio.gather(task, return_exceptions=True)

    (record,) = run(loop, main)
    assert record.cancellations[0].by == OUTSIDE


def test_wrapped_meanwhile(loop: Any) -> None:
    """What somebody put over the hook stays, and the hook below only passes on."""
    hook = TaskHook(loop)
    hook.install()
    below = loop.create_task
    loop.create_task = lambda coro, **kwargs: below(coro, **kwargs)
    above = loop.create_task
    hook.uninstall()
    assert loop.create_task is above
    assert loop.run_until_complete(loop.create_task(work())) == 1
    assert not hook.drain(10)
    del loop.create_task


def test_two_monitors(loop: Any) -> None:
    """Closed in the order of their start, they leave nothing; each sees every end."""
    first, second = TaskHook(loop), TaskHook(loop)
    first.install()
    second.install()
    loop.run_until_complete(work())
    first.uninstall()
    loop.run_until_complete(work())
    second.uninstall()
    second.uninstall()
    assert "create_task" not in vars(loop)
    assert second.next_number() == 3


def test_leaves_live_tasks(loop: Any) -> None:
    """Uninstalling gives live tasks their `cancel` back and takes the callback off."""
    hook = TaskHook(loop)
    hook.install()

    async def main() -> Any:
        task = asyncio.create_task(work_long())
        await long()
        return task

    task = loop.run_until_complete(main())
    assert "cancel of task" in repr(task.cancel)
    hook.uninstall()
    assert "cancel of task" not in repr(task.cancel)
    assert not task._callbacks
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))


def test_failure_of_ours(loop: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in the hook is logged once, and takes the hook off."""
    hook = TaskHook(loop, clock=lambda: 1.0)
    hook.install()
    assert hook._watch is not None
    hook._watch.adopt_late = None  # type: ignore[method-assign, assignment]
    with caplog.at_level(logging.ERROR):
        assert loop.run_until_complete(loop.create_task(work())) == 1
        assert loop.run_until_complete(loop.create_task(work())) == 1
    assert [each.name for each in caplog.records] == ["aiomonitor"]
    assert not hook.active
    assert "create_task" not in vars(loop)
    hook.uninstall()


@pytest.mark.parametrize("part", ["_pending_of", "_conclude", "_keep", "_call_back"])
@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_failure_in_a_look(
    loop: Any,
    part: str,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What looks at the tasks in each round stays broken while the hook is taken off: the loop and
    its tasks go on all the same, and nothing is left on them."""
    failed = []

    def fail(*_: Any) -> None:
        failed.append(part)
        raise error

    monkeypatch.setattr(Sweeper, part, fail)
    hook = TaskHook(loop, clock=lambda: 1.0)
    hook.install()
    tasks: list[Any] = []

    async def main() -> None:
        tasks.extend(asyncio.create_task(each()) for each in (long, long, work))
        await asyncio.gather(*tasks)

    with caplog.at_level(logging.ERROR):
        loop.run_until_complete(main())
    assert failed
    assert [each.name for each in caplog.records] == ["aiomonitor"]
    assert not hook.active
    assert not any("cancel of task" in repr(task.cancel) for task in tasks[:2])
    hook.uninstall()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs Python 3.11: asyncio.timeout")
def test_failure_in_a_timeout(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop tells the time, whatever becomes of what is noted about it."""

    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Timeouts, "note", fail)
    hook = TaskHook(loop, clock=lambda: 1.0)
    hook.install()

    timeout: Any = vars(asyncio)["timeout"]

    async def main() -> int:
        async with timeout(60):
            return await work()

    assert loop.run_until_complete(main()) == 1
    assert not hook.active
    hook.uninstall()


def test_failure_that_cannot_be_logged(loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter of the application's that fails, too, is no reason to disturb it."""

    class Broken(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError(record.msg)

    monkeypatch.setattr(logging.getLogger("aiomonitor"), "filters", [Broken()])
    hook = TaskHook(loop, clock=lambda: 1.0)
    hook.install()
    assert hook._watch is not None
    hook._watch.adopt_late = None  # type: ignore[method-assign, assignment]
    assert loop.run_until_complete(loop.create_task(work())) == 1
    assert not hook.active
    hook.uninstall()


def test_bounded(loop: Any) -> None:
    """Records that nobody drains are dropped and counted."""
    hook = TaskHook(loop, limit=3)
    hook.install()
    for _ in range(5):
        loop.run_until_complete(loop.create_task(work()))
    assert len(hook.drain(2)) == 2
    assert len(hook.drain(10)) == 1
    assert hook.dropped == 2
    hook.uninstall()


def test_debug_mode(loop: Any) -> None:
    """The place of creation in debug mode is the application's."""
    loop.set_debug(True)

    async def main(_hook: TaskHook) -> None:
        task: Any = loop.create_task(work())
        own = [each.name for each in task._source_traceback]
        assert own[-1] == "main"
        await task

    run(loop, main)
