"""A monitor in a trio run, by what its users see."""

from __future__ import annotations

import functools
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

import aiomonitor
from aiomonitor.errors import NoEventLoopError, ScopeNotFoundError
from support import FREE, NOWHERE, Desk, Seat, ask

trio: Any = pytest.importorskip("trio", reason="needs the package trio")
pytest.importorskip("trio.testing")

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor import Monitor


class Application:
    """A trio application with a monitor on; what is typed comes from another thread."""

    def __init__(self, monitor: Monitor, nursery: Any) -> None:
        self.monitor = monitor
        self.nursery = nursery
        self.seat = Seat(monitor)

    async def type(self, line: str) -> str:
        """What a client gets for a line."""
        printed: str = await trio.to_thread.run_sync(self.seat.type, line)
        return printed

    async def start(self, name: str, function: Any, *arguments: Any) -> None:
        """A task, which has made its first step."""
        self.nursery.start_soon(function, *arguments, name=name)
        await settled()


def on_trio(test: Callable[[Application], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in a run that is watched, with some tasks."""

    @functools.wraps(test)
    def run() -> None:
        async def main() -> None:
            with aiomonitor.start_monitor(**NOWHERE) as monitor:
                async with trio.open_nursery() as nursery:
                    application = Application(monitor, nursery)
                    await application.start("server", serve)
                    await test(application)
                    nursery.cancel_scope.cancel()

        trio.run(main)

    del run.__wrapped__  # or pytest takes its argument for a fixture
    return run


async def settled() -> None:
    """Until all has been started; `serve` waits in the same way, once for each of its tasks."""
    for _ in range(4):
        await trio.testing.wait_all_tasks_blocked()


async def serve() -> None:
    """A task with two others in its nursery, which share a lock."""
    lock = trio.Lock()
    with trio.CancelScope():
        async with trio.open_nursery() as handlers:
            for number in (1, 2):
                handlers.start_soon(handle, lock, name=f"handler-{number}")
                await trio.testing.wait_all_tasks_blocked()


async def handle(lock: Any) -> None:
    async with lock:
        with trio.move_on_after(60):
            await trio.sleep_forever()


def test_start_and_close() -> None:
    """`with`, inside of the run, and all three services are there until it is left."""

    async def main() -> None:
        with aiomonitor.start_monitor(**FREE) as monitor:
            seen = await trio.to_thread.run_sync(ask, monitor.port, "ps --json")
            assert "test_start_and_close" in seen
        assert monitor.closed

    trio.run(main)


def test_async_with() -> None:
    """`async with` works as well."""

    async def main() -> None:
        async with aiomonitor.Monitor(**NOWHERE) as monitor:
            assert monitor.task_count() >= 3
        assert monitor.closed

    trio.run(main)


def test_started_from_another_thread() -> None:
    """A token tells which run is meant, in whatever thread; the run may be busy or go on."""

    async def main() -> None:
        token = trio.lowlevel.current_trio_token()

        def watch() -> list[str]:
            with aiomonitor.start_monitor(token, **NOWHERE) as monitor:
                with pytest.raises(NoEventLoopError):
                    aiomonitor.start_monitor(**NOWHERE)
                return [task.name for task in monitor.tasks()]

        assert "<init>" in await trio.to_thread.run_sync(watch)

    trio.run(main)


def test_a_run_that_ends_first() -> None:
    """A monitor that outlives its run still answers, and closes."""
    monitors: list[Monitor] = []

    async def main() -> None:
        monitors.append(aiomonitor.start_monitor(**FREE))

    trio.run(main)
    with monitors[0] as monitor:
        assert monitor.tasks() == ()
        assert {task.outcome for task in monitor.terminated()} == {"returned"}
        seen = ask(monitor.port, "ps", "stacktrace", "tree")
        assert "0 live tasks" in seen
        assert "closed" in seen


def test_a_clock_that_jumps() -> None:
    """A test clock jumps when nothing happens for a while, which a monitor must not put off."""
    ended = threading.Event()

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            await trio.sleep(1000)
            assert monitor.health().note.startswith("nothing is measured now")
        ended.set()

    clock = trio.testing.MockClock(autojump_threshold=0.1)  # longer than from call to call
    threading.Thread(target=functools.partial(trio.run, main, clock=clock), daemon=True).start()
    assert ended.wait(30)


def test_two_runs() -> None:
    """One run after another, each with its monitor."""
    seen: list[int] = []

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            seen.append(monitor.task_count())

    trio.run(main)
    trio.run(main)
    assert seen[0] == seen[1]


def test_while_the_run_is_blocked() -> None:
    """Every listing works while the run does nothing, and tells what blocks it."""

    async def main() -> None:
        with aiomonitor.start_monitor(**FREE) as monitor:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve, name="server")
                await settled()
                answers: list[str] = []
                commands = ("ps", "where handler-2", "tree", "stacktrace", "pt", "cancel server")
                asking = threading.Thread(
                    target=lambda: answers.append(ask(monitor.port, *commands))
                )
                asking.start()
                asking.join(30)  # here the run is blocked
                nursery.cancel_scope.cancel()
            [text] = answers
            assert "handler-1" in text
            assert "waits for a Lock, held by task " in text
            assert "nursery s" in text
            assert "asking.join(30)" in text
            assert "trio cannot cancel a single task" in text

    trio.run(main)


@on_trio
async def test_tree(application: Application) -> None:
    """Tasks are under the nurseries that they are in, with the scopes in between."""
    lines = (await application.type("tree server")).splitlines()
    shown = [line.split("  waiting")[0].strip() for line in lines]
    number = shown[0].partition(" ")[0]
    assert shown[0].startswith(f"{number} server [s")
    assert shown[1].endswith("2 tasks")
    assert [text.partition(" ")[2] for text in (shown[2], shown[4])] == ["handler-1", "handler-2"]
    assert any("deadline in " in line for line in lines)
    assert lines[-1] == "3 live tasks"
    indents = [len(line) - len(line.lstrip()) for line in lines[:3]]
    assert indents == [0, 2, 4]


@on_trio
async def test_tree_as_json(application: Application) -> None:
    """The tree for programs; what asyncio has not, trio's tasks have, and the other way round."""
    forest = json.loads(await application.type("tree --filter handler --json"))
    names = [(line["depth"], line["node"]["task"]["name"]) for line in forest["lines"]]
    assert [name for _, name in names[:1] + names[-3:]] == [
        *("<init>", "server", "handler-1", "handler-2")
    ]
    assert [depth for depth, _ in names] == [0, 1, 2, 3, 3]
    server = forest["lines"][2]["node"]
    assert [scope["kind"] for scope in server["scopes"]] == ["scope", "nursery"]
    waits = forest["lines"][4]["node"]["task"]["waits"]
    assert waits["held_by"].endswith("(handler-1)")
    assert "fd" not in waits
    assert len(json.loads(await application.type("tree --json --limit 2"))["lines"]) == 2
    assert len(json.loads(await application.type("tree --json --depth 1"))["lines"]) == 3


@on_trio
async def test_where(application: Application) -> None:
    """The chain, the wait and the scopes around."""
    text = await application.type("where handler-1")
    assert "waits for nothing: it sleeps until it is cancelled" in text
    assert "  in scope s" in text
    assert "deadline in " in text
    assert "of the runtime's own" in text
    told = json.loads(await application.type("where handler-1 --json"))
    assert [scope["kind"] for scope in told["scopes"]][:3] == ["scope", "nursery", "scope"]
    assert told["task"]["system"] is False


@on_trio
async def test_ps(application: Application) -> None:
    """A listing marks the run's own tasks, and tells waits where there is room."""
    application.seat.client.columns = 300
    lines = (await application.type("ps")).splitlines()
    [server] = [line for line in lines if " server " in line]
    assert "2 tasks of nursery s" in server
    assert sum("(system)" in line for line in lines) == 2


@on_trio
async def test_cancel_is_refused(application: Application) -> None:
    """One task cannot be cancelled: the reason, and what is possible instead."""
    text = await application.type("cancel handler-1")
    assert "trio cannot cancel a single task" in text
    assert "--scope' tells" in text
    assert application.seat.run.status == 1
    assert "with --scope" in await application.type("cancel handler-1 --yes")


@on_trio
async def test_cancel_a_scope(application: Application) -> None:
    """First it is told what goes along; then that goes, and the audit log knows who wanted it."""
    text = await application.type("cancel handler-2 --scope")
    assert "takes along 3 tasks: " in text
    assert "(server), " in text
    assert "nothing was cancelled yet: 'cancel handler-2 --scope --yes' does it" in text
    assert application.seat.run.status == 1
    assert "handler-1" in await application.type("ps")
    reach = json.loads(await application.type("cancel handler-2 --scope --json"))
    assert [name for _, name in reach["tasks"]] == ["server", "handler-1", "handler-2"]
    text = await application.type("cancel handler-2 --scope --yes")
    assert ": ended: it was cancelled, and has been left\n" in text
    assert application.seat.run.status == 0
    ended = json.loads(await application.type("pt --json"))["tasks"]
    who = "this monitor, at a client's request"
    assert sorted((task["name"], task["cancelled_by"]) for task in ended) == [
        ("handler-1", who),
        ("handler-2", who),
        ("server", ""),
    ]
    assert "handler" not in await application.type("ps")


@on_trio
async def test_cancel_a_scope_by_its_number(application: Application) -> None:
    """A scope is named as in the tree; the run's own, and what is gone, are refused."""
    tree = json.loads(await application.type("tree --json"))
    own = tree["lines"][0]["node"]["scopes"][0]["number"]
    refused = await application.type(f"cancel s{own} --scope --yes")
    assert "trio's own: it ends with the main task" in refused
    [server] = [line["node"] for line in tree["lines"] if line["node"]["task"]["name"] == "server"]
    scope = f"s{server['scopes'][0]['number']}"
    assert "server" in await application.type(f"cancel {scope} --scope")
    done = json.loads(await application.type(f"cancel {scope} --scope --yes --json"))
    assert (done["outcome"], len(done["reach"]["tasks"])) == ("ended", 3)
    gone = await application.type(f"cancel {scope} --scope --yes")
    assert f"no task is in scope {scope} any more" in gone
    assert "several\n" not in await application.type("cancel nobody --scope")


@on_trio
async def test_the_main_task_has_no_scope(application: Application) -> None:
    """What only the run can end is said to be so."""
    seat = Seat(application.monitor)
    [root] = [task for task in application.monitor.tasks() if task.name == "<init>"]
    text = await trio.to_thread.run_sync(seat.type, f"cancel {root.number} --scope")
    assert "in no scope but the run's own" in text


def test_the_audit_log(caplog: pytest.LogCaptureFixture) -> None:
    """Who cancels a scope is logged, and that it was done; of who only asks, that it was not."""
    caplog.set_level(logging.INFO, "aiomonitor.audit")

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            async with trio.open_nursery() as nursery:
                application = Application(monitor, nursery)
                await application.start("server", serve)
                await application.type("cancel server --scope")
                assert "cancel server --scope: ended with status 1" in caplog.text
                await application.type("cancel server --scope --yes")
                assert "cancel server --scope --yes: done" in caplog.text

    trio.run(main)


def test_no_scopes_in_asyncio() -> None:
    """A runtime without scopes says so."""
    with pytest.raises(ScopeNotFoundError, match="has no cancel scopes"):
        Desk().cancel_scope("1")
    assert "has no cancel scopes" in Seat(Desk()).type("cancel 1 --scope")


async def chain(levels: int, reached: Any, released: Any) -> None:
    if levels == 0:
        reached.set()
        await released.wait()
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(chain, levels - 1, reached, released)


@on_trio
async def test_a_tree_a_thousand_deep(application: Application) -> None:
    """However deep tasks are, the tree fits the client, and says how deep they are."""
    reached, released = trio.Event(), trio.Event()
    await application.start("deep", chain, 1000, reached, released)
    await reached.wait()
    text = await application.type("tree --limit 0")
    lines = text.splitlines()
    assert lines[-1] == "1007 live tasks"
    assert max(map(len, lines)) <= application.seat.client.columns
    assert "(2003) " in text
    released.set()


@pytest.fixture
def anyio_backend() -> str:
    """For the test below alone."""
    return "asyncio"


@pytest.mark.parametrize("runtime", ["asyncio", "trio"])
def test_an_anyio_application(runtime: str) -> None:
    """An application on anyio is looked into in the same way, whatever it runs on."""
    import anyio

    shown: list[tuple[str, str, str]] = []

    async def work() -> None:
        await anyio.sleep(60)

    async def main() -> None:
        async with aiomonitor.Monitor(**NOWHERE) as monitor, anyio.create_task_group() as tasks:
            tasks.start_soon(work, name="worker")
            await anyio.wait_all_tasks_blocked()
            [task] = monitor.tasks(filter="worker")
            assert task.location is not None
            assert task.created_in is not None
            shown.append((task.coroutine.rpartition(".")[2], task.awaits, task.created_in.source))
            assert task.location.source == "await anyio.sleep(60)"
            tasks.cancel_scope.cancel()

    anyio.run(main, backend=runtime)
    assert shown == [("work", "sleep", 'tasks.start_soon(work, name="worker")')]
