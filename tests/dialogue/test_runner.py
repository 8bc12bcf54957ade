"""Commands in worker threads, on both of anyio's backends: each way to end, and not to end."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import pytest

from aiomonitor.dialogue import EndOfInput, LineAbandoned
from aiomonitor.dialogue import runner as runner_module
from aiomonitor.dialogue.client import Client, CommandRun, current_run
from aiomonitor.dialogue.output import ClientOutput
from aiomonitor.dialogue.runner import CommandRunner
from aiomonitor.dialogue.turns import AT_ONCE, turns
from aiomonitor.errors import CommandInterrupted
from aiomonitor.terminal.conversation import Conversation
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from anyio.abc import TaskGroup

    from aiomonitor.dialogue import LineKind

pytestmark = pytest.mark.anyio


class Lines(Conversation):
    """What the client answers, or which exception."""

    def __init__(self, output: ClientOutput) -> None:
        super().__init__(output, anyio.sleep_forever)
        self.lines: list[str | type[Exception]] = []

    async def next_line(self, prompt: str, kind: LineKind = "command") -> str:
        line = self.lines.pop(0)
        if isinstance(line, str):
            return line
        raise line


class Bench:
    """A runner with a client whose lines are scripted, and whose screen can be read."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.tasks = tasks
        self.client = Client()
        self.output = ClientOutput()
        self.conversation = Lines(self.output)
        self.runner = CommandRunner(self.client, self.output, self.conversation)
        self.started = threading.Event()
        self.released = threading.Event()
        self.runs: list[CommandRun] = []
        self.screen = ""

    async def send(self, item: bytes) -> None:
        self.screen += item.decode()

    async def run(self, function: Callable[[], None]) -> CommandRun:
        run = await self.runner.run(function)
        self.runs.append(run)
        await self.output.drain()
        return run

    async def interrupt(self, function: Callable[[], None]) -> CommandRun:
        """Press Ctrl-C once the function has told that it runs; return when the run is over."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.run, function)
            await anyio.to_thread.run_sync(self.started.wait, PATIENCE)
            assert self.runner.interrupt(self.tasks)
            assert not self.runner.interrupt(self.tasks)  # once is enough
        return self.runs[-1]

    def write(self, text: str) -> None:
        """In a command: print to the client."""
        sout = current_run.get().sout
        assert sout is not None
        sout.write(text)

    def read(self) -> str:
        """In a command: ask the client."""
        sin = current_run.get().sin
        assert sin is not None
        return sin.readline()


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            bench = Bench(tasks)
            tasks.start_soon(bench.output.pump, bench)
            try:
                yield bench
            finally:
                bench.released.set()
            tasks.cancel_scope.cancel()


async def test_a_command_runs_in_a_thread_as_its_client() -> None:
    """The function runs in a worker thread and finds its client and streams in the context."""
    async with bench() as here:
        seen: list[object] = []

        def command() -> None:
            seen.extend([threading.get_ident(), current_run.get().client])
            here.write("hello\n")

        run = await here.run(command)
        assert seen[0] != threading.get_ident()
        assert seen[1] is here.client
        assert (here.screen, run.status, run.interrupted) == ("hello\n", 0, False)
        assert not here.runner.interrupt(here.tasks)  # nothing runs


async def test_a_command_asks_its_client() -> None:
    """`_sin.readline` waits for the client's next line; at the end it returns nothing."""
    async with bench() as here:
        here.conversation.lines = ["yes", "", EndOfInput]
        answers: list[str] = []
        await here.run(lambda: answers.extend(here.read() for _ in range(3)))
        assert answers == ["yes\n", "\n", ""]


async def test_a_question_can_be_abandoned() -> None:
    """Ctrl-C at a command's question ends the command."""
    async with bench() as here:
        here.conversation.lines = [LineAbandoned]
        went_on: list[str] = []
        await here.run(lambda: went_on.append(here.read()))
        assert went_on == []


async def test_a_short_read() -> None:
    """`readline` honours a size, and the stream cannot be taken for a writable one."""
    async with bench() as here:
        here.conversation.lines = ["abcdef"]
        seen: list[object] = []

        def command() -> None:
            sin = current_run.get().sin
            assert sin is not None
            seen.extend([sin.readline(3), sin.readable(), sin.writable()])

        await here.run(command)
        assert seen == ["abc", True, False]


async def test_interrupting_a_coroutine() -> None:
    """An async command's await is cancelled, in its own clean-up as well."""
    async with bench() as here:
        ends: list[str] = []

        async def wait() -> None:
            here.started.set()
            try:
                await anyio.sleep_forever()
            finally:
                ends.append("cleaned up")

        run = await here.interrupt(lambda: current_run.get().wait_for(wait()))
        assert ends == ["cleaned up"]
        assert (run.status, here.screen) == (1, "interrupted\n")


async def test_interrupting_before_the_await() -> None:
    """A command that was interrupted before it awaits anything does not begin to."""
    async with bench() as here:
        begun: list[str] = []

        async def wait() -> None:
            begun.append("began")

        def command() -> None:
            run = current_run.get()
            here.started.set()
            while not run.interrupted:
                pass
            run.wait_for(wait())

        run = await here.interrupt(command)
        assert begun == []
        assert run.status == 1


async def test_a_coroutine_that_is_cancelled_by_itself(anyio_backend_name: str) -> None:
    """A command that awaits something cancelled has failed; its session has not."""
    if anyio_backend_name != "asyncio":
        pytest.skip("needs a future that can be cancelled: asyncio's")
    async with bench() as here:
        told: list[str] = []

        async def wait() -> None:
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        def command() -> None:
            try:
                current_run.get().wait_for(wait())
            except Exception as error:
                told.append(type(error).__name__)

        run = await here.run(command)
        assert told == ["CancelledError"]
        assert not run.interrupted


async def test_interrupting_a_command_that_writes() -> None:
    """A sync command ends at its next write, though it catches every exception."""
    async with bench() as here:

        def command() -> None:
            while True:
                here.started.set()
                with suppress(Exception):
                    here.write("tick\n")

        run = await here.interrupt(command)
        assert run.status == 1
        assert here.screen.endswith("tick\ninterrupted\n")


async def test_interrupting_an_endless_loop() -> None:
    """A loop in Python that neither writes nor awaits is stopped by force."""
    async with bench() as here:

        def command() -> None:
            here.started.set()
            while True:
                pass

        run = await here.interrupt(command)
        assert (run.status, here.screen) == (1, "interrupted\n")


async def test_a_command_stuck_in_c_is_left_behind() -> None:
    """A command that cannot be stopped is abandoned, and what it writes later goes nowhere."""
    async with bench() as here:
        ended = threading.Event()
        wrote: list[str] = []

        def command() -> None:
            here.started.set()
            try:
                here.released.wait()
                here.write("too late\n")
                wrote.append("too late")
            finally:
                ended.set()

        run = await here.interrupt(command)
        assert run.status == 1
        assert here.screen == "interrupted, but it does not end: its thread is left behind\n"
        await here.run(lambda: here.write("the next one\n"))
        here.released.set()
        assert await anyio.to_thread.run_sync(ended.wait, PATIENCE)
        await here.output.drain()
        assert wrote == []
        assert here.screen.endswith("left behind\nthe next one\n")


async def test_commands_left_behind_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose commands all hang gets no more of them, until one of them ends."""
    monkeypatch.setattr(runner_module, "_GRACE", 0.01)
    monkeypatch.setattr(runner_module, "_GIVEN_UP_LIMIT", 2)
    async with bench() as here:
        ended = threading.Barrier(3)

        def stuck() -> None:
            here.started.set()
            try:
                here.released.wait()
            finally:
                ended.wait(PATIENCE)

        for _ in range(2):
            here.started.clear()
            await here.interrupt(stuck)
        refused = await here.run(lambda: here.write("ran\n"))
        assert refused.status == 1
        assert here.screen.endswith("2 interrupted commands still run: no more for now\n")
        here.released.set()
        await anyio.to_thread.run_sync(ended.wait, PATIENCE)
        while "ran\n" not in here.screen:
            await here.run(lambda: here.write("ran\n"))


async def test_an_interrupt_that_comes_too_late() -> None:
    """A command that ends while Ctrl-C is on its way leaves no exception behind in its thread."""
    async with bench() as here:
        for _ in range(20):
            here.started.clear()

            def command() -> None:
                here.started.set()
                here.released.wait(0)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.run, command)
                await anyio.to_thread.run_sync(here.started.wait, PATIENCE)
                here.runner.interrupt(here.tasks)
        await here.run(lambda: here.write("well\n"))
        assert here.screen.endswith("well\n")


async def test_a_force_finds_nobody_after_the_end() -> None:
    """Forcing a run that is over does not hit what its thread does next."""
    run = CommandRun(Client())
    run.call(lambda: None)
    run.force()
    assert sum(range(100_000)) == 4_999_950_000


async def test_an_interrupt_is_not_raised_further() -> None:
    """`call` ends quietly when its function was interrupted, and passes on other exceptions."""
    run = CommandRun(Client())
    run.interrupt()
    run.call(run.check)
    with pytest.raises(CommandInterrupted):
        run.check()
    with pytest.raises(ZeroDivisionError):
        run.call(lambda: 1 / 0)  # type: ignore[arg-type]


async def test_two_clients_run_at_once() -> None:
    """One client's slow command does not hold up another client's, and their output is apart."""
    async with bench() as slow, bench() as quick:

        def command() -> None:
            slow.started.set()
            slow.released.wait(PATIENCE)
            slow.write("slow\n")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(slow.run, command)
            await anyio.to_thread.run_sync(slow.started.wait, PATIENCE)
            await quick.run(lambda: quick.write("quick\n"))
            assert (slow.screen, quick.screen) == ("", "quick\n")
            slow.released.set()
        assert (slow.screen, quick.screen) == ("slow\n", "quick\n")


async def test_ctrl_c_while_others_have_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has not begun, and need not."""
    ours = turns()
    monkeypatch.setattr(ours, "_clock", lambda: 0.0)
    begun = [await ours.begin() for _ in range(AT_ONCE)]
    ran: list[str] = []
    async with bench() as here, anyio.create_task_group() as tasks:
        tasks.start_soon(here.run, lambda: ran.append("first"))
        await anyio.wait_all_tasks_blocked()
        assert here.runner.interrupt(here.tasks)
        await anyio.wait_all_tasks_blocked()
        ours.end(begun[0])
        await here.run(lambda: ran.append("second"))
        assert here.screen == "interrupted\n"
    assert ran == ["second"]
    assert [run.status for run in here.runs] == [1, 0]


async def test_a_client_that_goes_ends_its_command() -> None:
    """A command that writes to nobody is interrupted at its next write."""
    async with bench() as here:

        def command() -> None:
            here.output.abandon()
            while True:
                here.write("tick\n")

        await here.run(command)
        assert here.screen == ""
