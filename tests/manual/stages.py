"""Where the manual's Python blocks run, each in a process: `python -m manual.stages STAGE FILE`.

A stage gives a block what the page takes for granted, runs it as it is printed, and fails if it
does not do what the page says of it. Its monitors listen on free ports. Frameworks are imported by
name, since they are there only for these tests.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

import aiomonitor

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "tools"))

import capture
import on_free_ports
import scenes

if TYPE_CHECKING:
    from collections.abc import Callable

Names = dict[str, Any]
STAGES: dict[str, Callable[[Path], None]] = {}

started: list[aiomonitor.Monitor] = []
"""The monitors of this process, in the order in which they were started."""


def stage(act: Callable[[Path], None]) -> Callable[[Path], None]:
    """Make the function a stage, under its name."""
    STAGES[act.__name__.replace("_", "-")] = act
    return act


def run(file: Path, **names: Any) -> Names:
    """Run the block, with these names there; all names that are there afterwards."""
    namespace = {"__name__": "__main__", "asyncio": asyncio, "aiomonitor": aiomonitor, **names}
    exec(compile(file.read_text("utf-8"), str(file), "exec"), namespace)  # noqa: S102
    return namespace


def told(*lines: str) -> str:
    """What the last monitor's terminal answers."""
    with connected() as client:
        client.sendall("".join(f"{line}\n" for line in (*lines, "exit")).encode())
        told = b"".join(iter(lambda: client.recv(65_536), b""))
    return capture.NEGOTIATION.sub(b"", told).decode()


def connected() -> socket.socket:
    """To the last monitor's terminal."""
    [address] = [each for each in started[-1].addresses if each.service == "terminal"]
    if address.path is None:
        return socket.create_connection(("127.0.0.1", address.port or 0), timeout=30)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(30)
    client.connect(address.path)
    return client


async def serve() -> None:
    """An application, which is visited once."""
    assert "live task" in await anyio.to_thread.run_sync(told, "ps")


class Loop(asyncio.SelectorEventLoop):
    """A loop that stops when its monitor has answered these commands."""

    def __init__(self, *questions: str) -> None:
        super().__init__()
        self.questions = questions
        self.answer = ""

    def run_forever(self) -> None:
        visitor = threading.Thread(target=self._visit)
        visitor.start()
        super().run_forever()
        visitor.join()

    def _visit(self) -> None:
        try:
            self.answer = told(*self.questions)
        except OSError as error:
            self.answer = f"no answer: {error}"
        finally:
            self.call_soon_threadsafe(self.stop)


@stage
def default(file: Path) -> None:
    """A piece of an application: it may run a loop, or have a monitor already."""
    # A directory that is there on some machines only is meant as an example.
    text = file.read_text("utf-8").replace("/run/user/1000", str(file.parent))
    file.write_text(text, "utf-8")
    loop = Loop("ps")
    with aiomonitor.start_monitor(asyncio.new_event_loop()) as monitor:
        run(file, loop=loop, serve=serve, monitor=monitor)
        assert monitor.findings() is not None
    if loop.answer:
        assert "live task" in loop.answer


@stage
def sockets(file: Path) -> None:
    """A monitor that has sockets below the user's home, which is a short one here."""
    loop = Loop("ps")
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        run(file, loop=loop)
        assert "live task" in loop.answer
        assert [path.name for path in Path(home).iterdir()] == [".shop"]
        assert not list((Path(home) / ".shop").iterdir())


@stage
def leak(file: Path) -> None:
    """It is a program; what it leaks, `test_captured` sees."""
    assert asyncio.iscoroutinefunction(run(file, __name__="leak")["main"])


@stage
def leak_test(file: Path) -> None:
    """A test that fails if a handler leaves a task behind, and only then."""
    left: list[asyncio.Task[None]] = []

    async def handle(request: str) -> None:
        await asyncio.sleep(0)

    async def leaky(request: str) -> None:
        left.append(asyncio.create_task(asyncio.sleep(60)))

    asyncio.run(run(file, handle=handle)["test_handler_leaves_nothing_behind"]())
    try:
        asyncio.run(run(file, handle=leaky)["test_handler_leaves_nothing_behind"]())
    except AssertionError:
        return
    raise AssertionError("a task was left behind, and the test did not see it")


@stage
def from_without(file: Path) -> None:
    """A program that asks a monitor's web port."""
    with aiomonitor.start_monitor(asyncio.new_event_loop()) as monitor:
        text = file.read_text("utf-8").replace("20102", str(monitor.webui_port))
        file.write_text(text, "utf-8")
        assert run(file)["answer"].status == 200


@stage
def guarded(file: Path) -> None:
    """A monitor that wants a token: the one that the page gives it."""
    loop = Loop("a long secret", "ps")
    run(file, loop=loop)
    assert "live task" in loop.answer


@stage
def orders(file: Path) -> None:
    """The commands that README and manual add."""
    loop = Loop("orders alice --limit 3 --open", "o alice -l 3", "help orders", "ping there")

    def find_orders(customer: str, *, open_only: bool) -> list[str]:
        return [f"{customer}'s order {number}, {open_only}" for number in range(5)]

    async def ping(host: str) -> str:
        return f"pong from {host}"

    run(file, loop=loop, find_orders=find_orders, ping=ping)
    assert loop.answer.count("alice's order 2, True\n") == 1
    assert loop.answer.count("alice's order 2, False\n") == 1
    assert "order 3" not in loop.answer
    assert "List a customer's orders." in loop.answer
    assert "pong from there\n" in loop.answer


@stage
def doors(file: Path) -> None:
    """A command with arguments that know more."""
    monitor = run(file)["HouseMonitor"]
    with monitor(asyncio.new_event_loop(), permissions="read"):
        answers = told("door front", "door attic", "door back --unit inch", "help door")
    assert "front: 90 cm\n" in answers
    assert "no door 'attic': there are front, back, garage\n" in answers
    assert "back: 35 inch\n" in answers
    assert "Tell how wide a door is." in answers


@stage
def hooks(file: Path) -> None:
    """What runs around commands."""
    monitor = run(file)["NotedMonitor"]
    with monitor(asyncio.new_event_loop()) as watching:
        assert "0 tasks here.\n" in told("where nobody")
    [failure] = watching.failed
    assert failure.startswith("where: ")


@stage
def old(file: Path) -> None:
    """A block for 0.7.1: it adds the command there; see `test_migration`."""
    peer = os.environ.get("AIOMONITOR_PEER", "")
    if not Path(peer, "aiomonitor").is_dir():
        compile(file.read_text("utf-8"), str(file), "exec")
        return
    shown = "from aiomonitor import monitor_cli\nprint(*monitor_cli.commands)"
    environment = {**os.environ, "PYTHONPATH": peer}
    ended = subprocess.run(
        [sys.executable, "-c", f"{file.read_text('utf-8')}\n{shown}"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hello" in ended.stdout.split()


@stage
def hello(file: Path) -> None:
    """The same command, now."""
    loop = Loop("hello world", "hi there")
    run(file, loop=loop)
    assert "Hello, world!\n" in loop.answer
    assert "Hello, there!\n" in loop.answer


# --- the tutorial ---------------------------------------------------------------------------------


@stage
def warehouse(file: Path) -> None:
    """It is a program; that it hangs, as it should, `test_captured` sees."""
    names = run(file, __name__="warehouse")
    assert asyncio.iscoroutinefunction(names["main"])


def changed(file: Path) -> Names:
    """The warehouse with this function instead of its own."""
    whole = scenes.with_function(scenes.SCENES["warehouse"].source, file.read_text("utf-8"))
    file.write_text(whole, "utf-8")
    return run(file, __name__="warehouse")


@stage
def mended(file: Path) -> None:
    """Crates are moved in both directions, at once, for as long as one likes."""
    names = changed(file)
    store, shop = names["Shelf"]("store", 10), names["Shelf"]("shop", 10)

    async def moves() -> None:
        there = (names["move"](store, shop) for _ in range(5))
        back = (names["move"](shop, store) for _ in range(5))
        await asyncio.wait_for(asyncio.gather(*there, *back), 30)

    asyncio.run(moves())
    assert (store.crates, shop.crates) == (10, 10)


@stage
def unblocked(file: Path) -> None:
    """The loop goes on while the count is put on record."""
    names = changed(file)
    on_record, released = threading.Event(), threading.Event()

    def put_on_record() -> None:
        on_record.set()
        released.wait(30)

    names["put_on_record"] = put_on_record

    async def counting() -> None:
        task = asyncio.create_task(names["count"](names["Shelf"]("store", 10)))
        assert await asyncio.to_thread(on_record.wait, 30)
        assert not released.is_set()  # we run, though the record is not written
        released.set()
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(counting())


if __name__ == "__main__":
    # This module under its own name, which has its own stages, and those of the frameworks.
    from manual import frameworks as frameworks
    from manual import stages

    on_free_ports.use_free_ports(stages.started.append)
    block = Path(sys.argv[2]).resolve()
    os.chdir(block.parent)  # what it writes goes there
    stages.STAGES[sys.argv[1]](block)
