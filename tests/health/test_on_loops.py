"""What blocks real loops, in real time; a busy machine may need several tries to show it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest

import aiomonitor
from aiomonitor import Monitor
from aiomonitor.health.clocks import Lateness
from aiomonitor.health.watchdog import NAME
from support import NOWHERE, PATIENCE, Seat

from . import blocking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.model.health import Stall

KINDS = [
    "hooked",
    "plain",
    pytest.param(
        "uvloop", marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="needs uvloop")
    ),
    pytest.param("trio", marks=pytest.mark.skipif(find_spec("trio") is None, reason="needs trio")),
]
SURE = pytest.mark.skipif(
    not Lateness().is_sure, reason="needs a system that counts the switches of a thread"
)
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(kind: str, body: Callable[[Monitor], Awaitable[None]]) -> None:
    """Run the application in this thread, on that kind of loop, with a monitor."""

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE, hook_task_factory=kind != "plain") as monitor:
            with anyio.fail_after(PATIENCE):
                await anyio.sleep(0.06)  # the first call is answered
                await body(monitor)

    if kind == "trio":
        import trio

        trio.run(main)
    elif kind == "uvloop":
        import uvloop

        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()
    else:
        asyncio.run(main())


async def until(is_so: Callable[[], object]) -> None:
    """Wait; `run` ends it if it takes too long."""
    while not is_so():  # noqa: ASYNC110 - a thread without a loop is waited for
        await anyio.sleep(0.01)


async def caught(
    monitor: Monitor, wanted: str, block: Callable[[], Any], *, placed: bool = False
) -> Stall:
    """Block the loop until the monitor tells of a stall of that kind; with its place, if wanted: a
    collection is one call of C, which may let nobody look until it has ended."""
    known = 0
    while True:
        block()
        for _ in range(20):
            await anyio.sleep(0.02)
            for stall in monitor.stalls_since(known):
                known = stall.number
                if stall.kind == wanted and (stall.place is not None or not placed):
                    return stall


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        (blocking.sleep, "blocking call"),
        (blocking.compute, "cpu"),
        (blocking.collect, "garbage collection"),
    ],
)
def test_what_blocks(kind: str, block: Callable[[], None], wanted: str) -> None:
    """The kind, the task and the line are told, and the stacks that were seen."""

    async def body(monitor: Monitor) -> None:
        stall = await caught(monitor, wanted, block, placed=True)
        assert stall.over
        assert stall.duration >= 0.1
        assert stall.place is not None
        assert stall.place.filename == blocking.__file__
        assert stall.name
        assert f"by task {stall.task} ({stall.name}): " in stall.sentence
        functions = {frame.function for stack in stall.stacks for frame in stack.frames}
        assert any(block.__name__ in function for function in functions)

    run(kind, body)


@SURE
@pytest.mark.parametrize(
    ("block", "wanted"), [(blocking.compute_in_c, "cpu"), (blocking.keep_the_gil, "gil")]
)
def test_who_keeps_the_gil(kind: str, block: Callable[[], Any], wanted: str) -> None:
    """Nothing can be seen meanwhile; afterwards the clocks tell who it was."""

    async def body(monitor: Monitor) -> None:
        stall = await caught(monitor, wanted, block)
        assert stall.over
        assert "the GIL" in stall.sentence

    run(kind, body)


def test_a_call_in_words(kind: str) -> None:
    """The sentence has the call and the line that makes it."""

    async def body(monitor: Monitor) -> None:
        stall = await caught(monitor, "blocking call", blocking.sleep)
        assert "a blocking call, time.sleep(BLOCKED) at blocking.py:" in stall.sentence
        assert stall.sentence.startswith("blocked for 0.")

    run(kind, body)


def test_while_it_lasts(kind: str) -> None:
    """A stall is told of before it is over: by other threads, as long as they like."""
    seen: list[Stall] = []
    released = threading.Event()

    def look(monitor: Monitor) -> None:
        deadline = time.monotonic() + PATIENCE
        while not seen and time.monotonic() < deadline:
            seen.extend(stall for stall in monitor.stalls() if not stall.over)
            time.sleep(0.005)
        blocked.append(monitor.health().blocked_for)
        released.set()

    blocked: list[float | None] = []

    async def body(monitor: Monitor) -> None:
        thread = threading.Thread(target=look, args=(monitor,))
        thread.start()
        released.wait(PATIENCE)
        thread.join()
        [stall] = seen
        assert not stall.over
        assert " so far by task " in stall.sentence
        assert blocked[0] is not None
        assert blocked[0] > 0.1
        await until(lambda: monitor.stalls_since(0))
        assert monitor.stalls_since(0)[0].number == stall.number
        assert monitor.health().blocked_for is None

    run(kind, body)


def test_a_healthy_loop(kind: str) -> None:
    """Its lag is measured, its thread's share of a CPU is told, and nothing else happens."""

    async def body(monitor: Monitor) -> None:
        await until(lambda: monitor.health().windows[0].count > 3 and monitor.health().busy)
        found = monitor.health()
        assert found.busy is not None
        assert found.note == ""
        assert found.windows[0].median is not None
        assert 0 <= found.busy <= 1
        assert found.stalls == len(monitor.stalls())

    run(kind, body)


def test_afterwards() -> None:
    """What was seen can be read when the loop has closed; nothing of the watchdog is left."""
    before = list(gc.callbacks)
    kept: list[Monitor] = []

    async def body(monitor: Monitor) -> None:
        kept.append(monitor)
        await caught(monitor, "blocking call", blocking.sleep)

    run("hooked", body)
    assert gc.callbacks == before
    assert NAME not in [thread.name for thread in threading.enumerate()]
    [monitor] = kept
    assert monitor.stalls()[0].over
    assert monitor.health().note == "nothing is measured: the monitor does not watch"


def test_commands() -> None:
    """`health` and `stalls` tell it in words, and as JSON."""

    async def body(monitor: Monitor) -> None:
        seat = Seat(monitor)
        stall = await caught(monitor, "blocking call", blocking.sleep)

        async def typed(line: str) -> str:
            return await anyio.to_thread.run_sync(seat.type, line)

        health = await typed("health")
        assert "lag  last 1 min" in health
        assert stall.sentence in health
        assert max(map(len, health.splitlines()[:-5])) < 80
        table = await typed("stalls")
        assert table.splitlines()[0].split() == ["NO", "WHEN", "LASTED", "KIND", "TASK", "WHERE"]
        assert "blocking.py:" in table
        assert "or longer" in table.splitlines()[-1]
        one = await typed(f"stalls {stall.number}")
        assert "time.sleep(BLOCKED)" in one
        assert "(100%):" in one or "times (" in one
        assert json.loads(await typed("health --json"))["threshold"] == 0.1
        numbers = [each["number"] for each in json.loads(await typed("stalls --json"))]
        assert stall.number in numbers
        found = json.loads(await typed(f"stalls {stall.number} --json"))
        assert found["sentence"] == stall.sentence
        assert "no stall 99999 is remembered" in await typed("stalls 99999")
        assert seat.run.status == 1
        assert "'x' is no number" in await typed("stalls x")
        assert seat.run.status == 2

    run("hooked", body)


@FORKS
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child() -> None:
    """It has no watchdog, and answers nevertheless."""

    async def body(monitor: Monitor) -> None:
        callbacks = len(gc.callbacks)
        child = os.fork()
        if not child:
            status = 1
            try:
                gc.collect()
                told = monitor.health().note
                monitor.close()
                status = 0 if told and len(gc.callbacks) == callbacks - 1 else 2
            finally:
                os._exit(status)
        ended = await anyio.to_thread.run_sync(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(ended[1]) == 0
        assert monitor.health().note == ""

    run("hooked", body)


SLEEPER = """
import asyncio, sys, aiomonitor
async def main():
    hook = sys.argv[1] == "hooked"
    nowhere = dict(port=None, webui_port=None, console_port=None)
    with aiomonitor.start_monitor(hook_task_factory=hook, **nowhere) as monitor:
        await asyncio.sleep(0.3)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.sleep(0.3)
        print(max(stall.duration for stall in monitor.stalls()) if monitor.stalls() else 0)
asyncio.run(main())
"""


@SURE
@pytest.mark.parametrize("kind", ["hooked", "plain"])
def test_a_process_that_was_stopped(kind: str) -> None:
    """SIGSTOP blocks the loop, but nobody in the application is to blame."""
    source = str(Path(aiomonitor.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    time.sleep(1.0)
    process.send_signal(signal.SIGCONT)
    told, _ = process.communicate("\n", timeout=PATIENCE)
    assert float(told) < 0.9
