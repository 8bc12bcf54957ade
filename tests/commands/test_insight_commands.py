"""The commands that explain, on a real loop with a deadlock, in another thread than it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

import aiomonitor
from aiomonitor.errors import AiomonitorError
from aiomonitor.insight.scene import Rule, Scene
from aiomonitor.inspection.diagnosis import LOGGED
from aiomonitor.model.findings import Finding
from support import NOWHERE, Seat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


async def both(first: asyncio.Lock, second: asyncio.Lock) -> None:
    async with first:
        await asyncio.sleep(0.01)
        async with second:
            pass


async def dropped(event: asyncio.Event) -> None:
    await event.wait()


def burn(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def busy(seconds: float) -> None:
    while True:
        burn(seconds)
        await asyncio.sleep(0.002)


@pytest.fixture
def explained() -> Callable[[Callable[[Seat], Any]], Any]:
    """Runs a function in a thread, with a seat at the monitor of a loop that has a deadlock."""

    def explain(look: Callable[[Seat], Any]) -> Any:
        async def main() -> Any:
            a, b = asyncio.Lock(), asyncio.Lock()
            tasks = [
                asyncio.create_task(both(a, b), name="left"),
                asyncio.create_task(both(b, a), name="right"),
                asyncio.create_task(both(a, b), name="third"),
                asyncio.create_task(dropped(asyncio.Event()), name="dropped"),
                asyncio.create_task(busy(0.006), name="much"),
                asyncio.create_task(busy(0.002), name="little"),
            ]
            with aiomonitor.start_monitor(**NOWHERE) as monitor:
                await asyncio.sleep(0.05)
                result = await asyncio.to_thread(look, Seat(monitor, columns=160))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return result

        return asyncio.run(main())

    return explain


def test_deadlocks(explained: Any) -> None:
    """The circle is certain; the event that was dropped is a suspicion."""

    def look(seat: Seat) -> None:
        text = seat.type("deadlocks")
        assert "circle: task" in text
        assert re.search(r"task \d+ \((left|right)\) waits for Lock#", text)
        assert re.search(r"which task \d+ \((left|right)\) has: it waits for Lock#", text)
        assert "1 task besides waits for them" in text
        assert "nobody left?: task" in text
        assert "1 deadlock, 1 suspected, among" in text
        found = json.loads(seat.type("deadlocks --json"))["found"]
        assert [(each["kind"], each["certain"]) for each in found] == [
            ("circle", True),
            ("nobody left", False),
        ]
        assert sorted(task["name"] for task in found[0]["tasks"]) == ["left", "right"]

    explained(look)


def test_why_and_tree(explained: Any) -> None:
    """Through locks that do not know who has them."""

    def look(seat: Seat) -> None:
        assert "which closes a circle: none of these 2 tasks can go on" in seat.type("why third")
        text = seat.type("tree third")
        lines = text.splitlines()
        assert [line.split()[1] for line in lines[:4]] == ["third", "left", "right", "left"]
        assert lines[3].endswith("<- circle")
        lines = json.loads(seat.type("tree third --json"))["lines"]
        assert [line["mark"] for line in lines] == ["", "", "", "circle"]
        assert [line["depth"] for line in lines] == [0, 1, 2, 3]
        assert seat.type("tree --by creators --limit 2").splitlines()[-1].startswith("2 shown of")
        assert "no live task is called" in seat.type("tree nobody")

    explained(look)


def test_roots_of_the_tree() -> None:
    """A circle that nobody else waits for has one, too; those that wait for others come first."""

    async def main() -> list[tuple[int, str, str]]:
        a, b = asyncio.Lock(), asyncio.Lock()
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            tasks = [  # which get their numbers in this order
                asyncio.create_task(dropped(asyncio.Event()), name="alone"),
                asyncio.create_task(both(a, b), name="left"),
                asyncio.create_task(both(b, a), name="right"),
            ]
            await asyncio.sleep(0.05)
            tree = await asyncio.to_thread(monitor.await_tree)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return [(line.depth, line.task.name, line.mark) for line in tree.lines]

    found = asyncio.run(main())
    circle = [(0, "left", ""), (1, "right", ""), (2, "left", "circle")]
    assert [line for line in found if line[1] in ("left", "right")] == circle
    assert found.index((0, "alone", "")) > found.index(circle[-1])


def test_the_thread_that_a_task_waits_for() -> None:
    """`where` shows what it executes."""
    begun, release = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        release.wait(20)

    async def main() -> None:
        with aiomonitor.start_monitor(**NOWHERE) as monitor:
            task = asyncio.create_task(asyncio.to_thread(slow), name="waits")
            while not begun.is_set():  # noqa: ASYNC110 - another thread sets it
                await asyncio.sleep(0.01)
            look = asyncio.get_running_loop().run_in_executor
            text = await look(None, Seat(monitor).type, "where waits")
            stack = json.loads(await look(None, Seat(monitor).type, "where waits --json"))
            release.set()
            await task
        assert "it waits for thread asyncio_" in text
        assert "release.wait(20)" in text
        assert stack["thread"]["frames"][-1]["function"].endswith("wait")
        assert stack["task"]["waits"]["what"].endswith("slow() in a thread")

    asyncio.run(main())


def test_locks_queues_groups(explained: Any) -> None:
    """Who has what, in order; stacks with counts."""

    def look(seat: Seat) -> None:
        found = json.loads(seat.type("locks --json"))["objects"]
        first = found[0]
        assert (first["kind"], first["waiting"]) == ("lock", 2)
        assert [name for _, name in first["holders"]] == ["left"]
        assert [name for _, name in first["waiters"]] == ["third", "right"]
        assert "WAITERS, IN ORDER" in seat.type("locks")
        assert "0 queues" in seat.type("queues")
        groups = json.loads(seat.type("groups --json"))["groups"]
        assert all(group["frames"] for group in groups)
        by_name = {group["frames"][0]["function"].split(".")[-1]: group for group in groups}
        assert by_name["dropped"]["count"] == 1
        coarse = json.loads(seat.type("groups --by functions --json"))
        assert all(group["frames"] for group in coarse["groups"])
        assert "tasks, for example" in seat.type("groups")
        assert "IN COMMON" in seat.type("groups --by state")
        assert "makes no sense" in seat.type("groups --limit -7")

    explained(look)


def test_findings(explained: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In sentences; logged once; with a rule of one's own, and one that fails."""

    def mine(scene: Scene, threshold: float) -> Iterator[Finding]:
        if scene.tasks > threshold:
            yield Finding(
                rule="mine", key="x", severity="warning", sentence="too much", remedy="less"
            )

    def broken(scene: Scene, threshold: float) -> Iterator[Finding]:
        raise KeyError("oops")

    def look(seat: Seat) -> None:
        monitor: Any = seat.interpreter
        assert monitor.known_findings() is None
        assert "finding" not in monitor.greeting()
        monitor.add_rule(Rule(name="mine", text="t", remedy="r", check=mine, threshold=1, unit="x"))
        monitor.add_rule(Rule(name="broken", text="t", remedy="r", check=broken))
        text = seat.type("findings")
        assert "error: deadlock: task" in text
        assert "warning: mine: too much\n  remedy: less\n  since " in text
        assert "rule 'broken' failed: KeyError" in text
        monitor.rule_thresholds["mine"] = 1000
        found = json.loads(seat.type("findings --json"))
        assert [each["rule"] for each in found["findings"]] == ["deadlock"]
        assert monitor.known_findings() is not None
        assert monitor.greeting().endswith("1 finding: type findings to read them\n")
        assert "1000 x" in seat.type("findings --rules")
        assert "asyncio." not in seat.type("findings --rules")  # trio's have the same
        assert len(json.loads(seat.type("findings --rules --json"))) == 21

    explained(look)
    logged = [record.getMessage() for record in caplog.records if "findings" in record.name]
    assert sum(message.startswith("deadlock: ") for message in logged) == 1


def test_many_findings_do_not_flood_the_log(
    explained: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The first of a rule, and how many more; who asks is told all, and none is logged twice."""

    def many(_scene: Scene, _threshold: float) -> Iterator[Finding]:
        for key in map(str, range(40)):
            yield Finding(rule="many", key=key, severity="warning", sentence=key, remedy="less")

    def look(seat: Seat) -> None:
        monitor: Any = seat.interpreter
        monitor.add_rule(Rule(name="many", text="t", remedy="r", check=many))
        for _ in range(2):
            found = json.loads(seat.type("findings --json"))["findings"]
            assert sum(each["rule"] == "many" for each in found) == 40

    explained(look)
    logged = [record.getMessage() for record in caplog.records if "findings" in record.name]
    told = [message for message in logged if message.startswith("many")]
    assert len(told) == LOGGED + 1
    assert told[-1] == f"many: and {40 - LOGGED} more; the command 'findings' tells them"


def test_marks(explained: Any) -> None:
    """What is new since, by place."""

    def look(seat: Seat) -> None:
        monitor: Any = seat.interpreter
        assert "nothing is marked" in seat.type("diff")
        assert "'diff' tells" in seat.type("mark")
        assert "'diff a' tells" in seat.type("mark a")
        monitor._backend.call_in_loop(lambda: asyncio.ensure_future(asyncio.sleep(60)))
        while json.loads(seat.type("diff --json"))["new"] < 1:
            time.sleep(0.01)
        assert "1 new, 0 gone" in seat.type("diff a")
        assert "there is no mark 'b'" in seat.type("diff b")

    explained(look)


def test_watch(explained: Any) -> None:
    """Events of one task to its end, as lines."""

    def look(seat: Seat) -> None:
        monitor: Any = seat.interpreter

        def later() -> None:
            time.sleep(0.4)
            monitor.cancel("dropped")

        thread = threading.Thread(target=later)
        thread.start()
        lines = [json.loads(line) for line in seat.type("watch dropped --json").splitlines()]
        thread.join()
        assert [line["kind"] for line in lines] == ["cancelled", "ended"]
        assert lines[1]["text"].startswith("cancelled")
        assert "make no sense" in seat.type("watch --seconds nan")
        assert seat.type("watch --seconds 0.3 --filter nothing") == ""

    explained(look)


def test_top(explained: Any) -> None:
    """Exact shares, and nothing left of the meter."""
    original = asyncio.Handle._run

    def look(seat: Seat) -> None:
        for _ in range(20):  # a busy machine may run neither
            loads = json.loads(seat.type("top --interval 0.5 --json"))
            assert loads["exact"]
            by_name = {load["name"]: load for load in loads["tasks"]}
            if {"much", "little"} <= by_name.keys():
                break
        else:
            pytest.fail(f"the last look was at {loads}")
        for name, least in (("much", 0.006), ("little", 0.002)):
            load = by_name[name]
            assert load["polls"] >= 1
            assert load["busy"] > 0.99 * least * (load["polls"] - 1)
        assert by_name["much"]["polls"] < 2 or by_name["much"]["longest"] >= 0.99 * 0.006
        assert asyncio.Handle._run is original
        text = seat.type("top --interval 0.2 --count 2 --by coroutine")
        assert text.count("COROUTINE") == 2
        assert "make" in seat.type("top --interval 0")
        assert "--count" in seat.type("top --count -1")

    explained(look)


def test_top_of_a_run_that_has_ended() -> None:
    """Is refused in a line."""

    async def main() -> aiomonitor.Monitor:
        return aiomonitor.start_monitor(**NOWHERE)

    monitor = asyncio.run(main())
    with pytest.raises(AiomonitorError, match="the monitored loop is closed"):
        monitor.top(0.1)
    monitor.close()


def test_profile(explained: Any) -> None:
    """More samples of what burns more; the timer and the handler are as they were."""
    import signal

    before = signal.getsignal(signal.SIGPROF)

    def look(seat: Seat) -> None:
        lines = seat.type("profile 1 --collapsed").splitlines()
        counts = {"much": 0, "little": 0}
        for line in lines:
            stack, count = line.rsplit(" ", 1)
            counts[stack.split(";")[0]] = counts.get(stack.split(";")[0], 0) + int(count)
        assert counts["much"] > counts["little"]
        assert any("burn" in line for line in lines)
        text = seat.type("profile 0.3")
        assert "FUNCTION" in text
        assert "samples in" in text
        assert "make no sense" in seat.type("profile 0")

    explained(look)
    assert signal.getsignal(signal.SIGPROF) is before
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_profile_where_it_cannot_be(explained: Any) -> None:
    """The application has the signal, or the loop is not in the main thread."""
    import signal

    def handler(*_: Any) -> None:
        pass

    def look(seat: Seat) -> None:
        assert "has a handler for SIGPROF" in seat.type("profile 0.2")

    former = signal.signal(signal.SIGPROF, handler)
    try:
        explained(look)
    finally:
        signal.signal(signal.SIGPROF, former)
    told: list[str] = []

    def elsewhere() -> None:
        explained(lambda seat: told.append(seat.type("profile 0.2")))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "another thread than the main one" in told[0]
