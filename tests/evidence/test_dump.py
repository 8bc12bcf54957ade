"""`dump`: what is written down of a process, with monitors and without, whatever its loops do."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import aiomonitor
from aiomonitor import evidence
from aiomonitor.backends import present
from aiomonitor.evidence import dumping
from running import Application
from support import FREE, LOOP_KINDS, NOWHERE, PATIENCE, Desk, Seat

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


def run_on(kind: str, main: Callable[[], Awaitable[str]]) -> str:
    """As an application of that kind of loop would; by `run_until_complete`, not by a runner."""
    if kind == "uvloop":
        import uvloop
    loop: asyncio.AbstractEventLoop = (
        uvloop.new_event_loop() if kind == "uvloop" else asyncio.new_event_loop()
    )
    if kind == "eager" and sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def taken(**options: Any) -> str:
    out = io.StringIO()
    aiomonitor.dump(out, **options)
    return out.getvalue()


async def cross(first: asyncio.Lock, second: asyncio.Lock) -> None:
    async with first:
        await asyncio.sleep(0)
        async with second:
            pass


async def deadlocked() -> str:
    """A dump, made by the application itself, of two tasks that wait for each other."""
    locks = [asyncio.Lock(), asyncio.Lock()]
    tasks = [
        asyncio.ensure_future(cross(*locks)),
        asyncio.ensure_future(cross(*reversed(locks))),
    ]
    for _ in range(3):
        await asyncio.sleep(0)
    try:
        return taken()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("kind", LOOP_KINDS)
def test_without_a_monitor(kind: str) -> None:
    """The loop that runs is found, and looked at: what is wrong, who waits, and where."""
    text = run_on(kind, deadlocked)
    assert "not monitored" in text
    assert "error: deadlock" in text
    assert "<- circle" in text
    assert "async with second:" in text
    assert "thread MainThread" in text


def test_what_asks_is_not_shown() -> None:
    """The task that calls `dump` is shown to do just that, without our frames."""
    text = run_on("asyncio", deadlocked)
    assert f"{__file__}" in text
    assert "taken > dump" in text
    assert "aiomonitor/evidence/" not in text
    assert "aiomonitor-dump" not in text


def test_nothing_is_left_behind() -> None:
    """A look in passing leaves no hook; numbers stay the same from look to look."""

    async def twice() -> str:
        loop = asyncio.get_running_loop()
        before = (loop.get_task_factory(), dict(vars(loop)).keys(), threading.active_count())
        first, second = (json.loads(taken(json=True)) for _ in range(2))
        assert (loop.get_task_factory(), dict(vars(loop)).keys(), threading.active_count()) == (
            before
        )
        numbers = [
            each["runs"][0]["awaits"]["lines"][0]["task"]["number"] for each in (first, second)
        ]
        assert numbers[0] == numbers[1]
        return ""

    run_on("asyncio", twice)


def test_a_loop_of_another_thread() -> None:
    """It is found from any thread, also while it is blocked."""
    application = Application()
    try:
        application.block()
        text = taken()
    finally:
        application.close()
    assert "running, 0 tasks; not monitored" in text
    assert "self.released.wait(PATIENCE)" in text


def test_on_trio() -> None:
    """A trio run is looked at, blocked or not; its tree is that of nurseries."""
    import trio

    async def main() -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever, name="sleeper")
            await trio.testing.wait_all_tasks_blocked()
            text = taken()
            nursery.cancel_scope.cancel()
        return text

    text = trio.run(main)
    assert "nurseries and their tasks" in text
    assert "sleeper" in text
    assert "trio" in text


def test_a_trio_run_that_waits() -> None:
    """It is found from another thread, also while nothing happens in it."""
    import trio

    async def main() -> str:
        return await trio.to_thread.run_sync(taken)

    assert "to_thread" in trio.run(main)


def test_without_any_loop(capsys: pytest.CaptureFixture[str]) -> None:
    """Then it tells so, and of the threads; on stderr, unless it is told otherwise."""
    aiomonitor.dump()
    out, err = capsys.readouterr()
    assert out == ""
    assert "no event loop or trio run was found" in err
    assert "test_without_any_loop" in err


def test_of_monitors() -> None:
    """Each live monitor is told of, with what it has seen before; closed ones are not."""

    async def main() -> str:
        with aiomonitor.start_monitor(**NOWHERE):
            pass
        with aiomonitor.start_monitor(**FREE) as monitor:
            assert f"monitored at terminal at 127.0.0.1:{monitor.port}" in taken()
            return taken()

    text = asyncio.run(main())
    assert text.count("=== run ") == 1
    assert "stalls: " in text


def test_of_one_monitor() -> None:
    """`Monitor.dump` and the command `dump` tell of its own run alone."""

    async def main() -> tuple[str, str, str, str]:
        out = io.StringIO()
        with aiomonitor.start_monitor(**NOWHERE), aiomonitor.start_monitor(**FREE) as monitor:
            monitor.dump(out)
            seat = Seat(monitor)
            return taken(), out.getvalue(), seat.type("dump"), seat.type("dump --json")

    both, *single, typed = asyncio.run(main())
    assert both.count("\n=== run ") == 2
    assert [each.count("\n=== run ") for each in single] == [1, 1]
    assert json.loads(typed)["runs"][0]["tasks"] == 1


def test_in_the_loops_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is not taken for a stall of the loop, in which it was made; another thread's call
    excuses nothing."""

    async def main() -> list[str]:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            watchdog = monitor._watchdog
            monkeypatch.setattr(evidence, "dumped", lambda *_, **__: str(watchdog._excused))
            out = io.StringIO()
            monitor.dump(out)
            return [taken(), out.getvalue(), await asyncio.to_thread(taken), str(watchdog._excused)]

    assert asyncio.run(main()) == ["1", "1", "0", "0"]


def test_json() -> None:
    """The model as JSON: one line, with every part."""
    [line] = taken(json=True).splitlines()
    found = json.loads(line)
    assert found.keys() >= {"at", "took", "pid", "command", "python", "runs", "threads", "notes"}
    assert found["threads"][0]["frames"]


def test_to_a_path(tmp_path: Path) -> None:
    """A path, as text or object, is written to; what is there is replaced."""
    path = tmp_path / "dump.txt"
    for each in (str(path), path):
        aiomonitor.dump(each)
        assert path.read_text("utf-8").count("=== end of the dump ===") == 1


def test_what_the_caller_did_wrong(tmp_path: Path) -> None:
    """A file that is none, and one that cannot be opened, are told to the caller."""
    with pytest.raises(TypeError, match="file is 3: give a path, a file that is open for text"):
        aiomonitor.dump(3)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        aiomonitor.dump(tmp_path / "missing" / "dump.txt")


def test_a_narrow_encoding() -> None:
    """What a file's encoding does not have is escaped."""
    raw = io.BytesIO()
    task_name = "żółw"

    async def main() -> None:
        me = asyncio.current_task()
        assert me is not None
        me.set_name(task_name)
        file = io.TextIOWrapper(raw, "ascii")
        aiomonitor.dump(file)
        assert rb"\u017c" in raw.getvalue()

    asyncio.run(main())


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_without_stderr(monkeypatch: pytest.MonkeyPatch, stderr: str | None) -> None:
    """A process that has no stderr has no dump there, and no error."""
    file = None if stderr is None else io.StringIO()
    if file is not None:
        file.close()
    monkeypatch.setattr(sys, "stderr", file)
    aiomonitor.dump()
    assert sys.stderr is file


def test_a_part_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs that part: the rest is there, with a note."""

    def broken(_: object) -> None:
        raise MemoryError("none left")

    async def main() -> str:
        return taken()

    monkeypatch.setattr(dumping.Passing, "deadlocks", broken)
    text = asyncio.run(main())
    assert "deadlocks could not be told: MemoryError: none left" in text
    assert "--- findings" in text
    assert "--- stacks" in text


def test_all_that_fails(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Even that is no reason for the application to fail."""
    monkeypatch.setattr(evidence, "looks", lambda: 1 / 0)
    assert "no dump could be made: ZeroDivisionError" in taken()
    assert "no dump could be made" in caplog.text


def test_in_a_handler_that_holds_a_lock() -> None:
    """Whoever holds a lock that is needed, interrupted by a signal, waits only so long."""

    async def main() -> str:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            lock = monitor._tracker._lock
            with lock, pytest.MonkeyPatch.context() as patch:
                patch.setattr(evidence, "PATIENCE", 0.1)
                patch.setattr(monitor._backend, "number_of", lambda _: None)
                return taken()

    assert "no dump could be made within" in asyncio.run(main())


def test_when_the_interpreter_ends() -> None:
    """`atexit.register(aiomonitor.dump)` works, though no thread can be started then."""
    code = "import aiomonitor, atexit; atexit.register(aiomonitor.dump)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert "=== end of the dump ===" in run.stderr


def test_no_loop_is_kept() -> None:
    """What was looked at in passing is nobody's but the application's."""

    async def main() -> list[object]:
        taken()
        return [each for each in present() if each.loop_state() == "running"]

    assert len(asyncio.run(main())) == 1
    gc.collect()
    assert present() == []


def test_the_command_of_scripted_tasks() -> None:
    """What cannot be told of a run that is no real one is left out."""
    text = Seat(Desk()).type("dump")
    assert "=== run 1" in text
