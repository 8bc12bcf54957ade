"""`dump_signal`: a signal has a dump written, and everything else goes on as without."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import aiomonitor
from aiomonitor import evidence, settings
from support import NOWHERE, PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

if sys.platform == "win32":
    pytest.skip("needs POSIX: signals", allow_module_level=True)

from aiomonitor.evidence import signals


class Dumps:
    """What is written on signals."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = threading.Semaphore(0)

    def wait(self) -> str:
        """The text so far, once there is one more."""
        assert self.written.acquire(timeout=PATIENCE)
        return self.path.read_text("utf-8")


@pytest.fixture
def dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dumps:
    found = Dumps(tmp_path / "dumps.txt")
    write = signals.write

    def written(stack: str) -> None:
        write(stack)
        found.written.release()

    monkeypatch.setattr(signals, "write", written)
    monkeypatch.setenv(signals.FILE, str(found.path))
    return found


@pytest.fixture(autouse=True)
def handler() -> Iterator[list[int]]:
    """A handler of the application's own, for SIGUSR1: the signals that it got."""
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    yield got
    signal.signal(signal.SIGUSR1, before)


def monitored() -> aiomonitor.Monitor:
    return aiomonitor.start_monitor(**NOWHERE, dump_signal=signal.SIGUSR1)


def test_a_dump_is_written(dumps: Dumps, handler: list[int]) -> None:
    """To the file, which is added to and private; the handler that was there is called, too."""

    async def main() -> None:
        with monitored():
            signal.raise_signal(signal.SIGUSR1)
            first = await asyncio.to_thread(dumps.wait)
            assert first.count("\n=== run 1") == 1
            assert "the signal came while the process was at:\n" in first
            assert "in main" in first
            signal.raise_signal(signal.SIGUSR1)
            assert (await asyncio.to_thread(dumps.wait)).count("\n=== run 1") == 2

    asyncio.run(main())
    assert dumps.path.stat().st_mode & 0o777 == 0o600
    assert handler == [signal.SIGUSR1] * 2


def test_while_the_loop_is_blocked(dumps: Dumps) -> None:
    """In a call of C code, which the signal does not end."""

    async def main() -> str:
        with monitored():
            threading.Timer(0, os.kill, (os.getpid(), signal.SIGUSR1)).start()
            return dumps.wait()  # blocks the loop, until the dump is there

    assert "return dumps.wait()" in asyncio.run(main())


def test_put_back(dumps: Dumps, handler: list[int]) -> None:
    """After the last of several monitors is closed, the signal is what it was."""

    async def main() -> None:
        with monitored():
            with monitored():
                pass
            signal.raise_signal(signal.SIGUSR1)
            await asyncio.to_thread(dumps.wait)

    asyncio.run(main())
    signal.raise_signal(signal.SIGUSR1)
    assert handler == [signal.SIGUSR1] * 2
    assert not dumps.written.acquire(blocking=False)
    assert signals._ears == {}


def test_before_the_end(dumps: Dumps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump that was asked for is there once the monitor is closed, which waits for it so long: of
    the run as it has been watched."""
    monkeypatch.setattr(signals, "FAREWELL", PATIENCE)

    async def main() -> None:
        with monitored():
            signal.raise_signal(signal.SIGUSR1)

    asyncio.run(main())
    assert dumps.written.acquire(blocking=False)
    text = dumps.path.read_text("utf-8")
    assert "not monitored" not in text
    assert "blocked: no" in text
    assert "in main" in text
    assert evidence._monitors == {}


def test_an_end_that_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing ends, whatever becomes of the dump."""
    monkeypatch.setattr(signals, "FAREWELL", 0.01)
    begun, done = threading.Event(), threading.Event()

    def write(_: str) -> None:
        begun.set()
        assert done.wait(PATIENCE)

    monkeypatch.setattr(signals, "write", write)

    async def main() -> None:
        with monitored():
            signal.raise_signal(signal.SIGUSR1)
            assert await asyncio.to_thread(begun.wait, PATIENCE)

    asyncio.run(main())
    assert not done.is_set()
    done.set()


def test_handlers_of_the_loop(dumps: Dumps) -> None:
    """One that is there already is called, too; one that comes later has the signal to itself, and
    keeps it when the monitor is closed. The next monitor chains to it."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, called.set)
        with monitored():
            signal.raise_signal(signal.SIGUSR1)
            await called.wait()
            await asyncio.to_thread(dumps.wait)
            loop.remove_signal_handler(signal.SIGUSR1)
            called.clear()
            loop.add_signal_handler(signal.SIGUSR1, called.set)
        signal.raise_signal(signal.SIGUSR1)
        await called.wait()
        called.clear()
        with monitored():
            signal.raise_signal(signal.SIGUSR1)
            await called.wait()
            await asyncio.to_thread(dumps.wait)

    asyncio.run(main())


def test_from_another_thread(dumps: Dumps) -> None:
    """A monitor that is started there hears the signal as well."""

    started, done = threading.Event(), threading.Event()

    async def main() -> None:
        with monitored():
            started.set()
            await asyncio.to_thread(done.wait, PATIENCE)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(PATIENCE)
    signal.raise_signal(signal.SIGUSR1)
    assert "=== run 1" in dumps.wait()
    done.set()
    thread.join(PATIENCE)


CHILD = """
import asyncio, os, signal, aiomonitor
signal.signal(signal.SIGQUIT, lambda *_: os.write(1, b"own"))

async def main():
    ports = {"port": None, "webui_port": None, "console_port": None}
    with aiomonitor.start_monitor(**ports, dump_signal="quit"):
        if child := os.fork():
            print("", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        else:
            signal.raise_signal(signal.SIGQUIT)
            os._exit(3)

asyncio.run(main())
"""


def test_a_forked_child() -> None:
    """It has no monitor: its signals are its own, and nobody writes a dump for it."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHILD],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert (run.stdout, run.stderr) == ("own 3\n", "")


def test_to_stderr(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file, and if the file cannot be written to."""
    monkeypatch.delenv(signals.FILE, raising=False)
    signals.write("here")
    monkeypatch.setenv(signals.FILE, "/nowhere/{pid}")
    signals.write("there")
    err = capsys.readouterr().err
    assert err.count("=== end of the dump ===") == 2
    assert "here" in err
    assert "there" in err


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [signal.SIGQUIT, 3, "QUIT", "sigquit", "3"])
def test_how_a_signal_is_named(wanted: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number or name; by the environment, too."""
    assert settings.checked_signal(wanted) == signal.SIGQUIT
    monkeypatch.setenv(settings.DUMP_SIGNAL, str(getattr(wanted, "value", wanted)))
    assert settings.checked_signal(None) == signal.SIGQUIT


def test_none_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off by default."""
    monkeypatch.delenv(settings.DUMP_SIGNAL, raising=False)
    assert settings.checked_signal(None) is None


@pytest.mark.parametrize("wanted", ["nope", 999, "0"])
def test_no_signal(wanted: object) -> None:
    """It is told at once, with a remedy."""
    with pytest.raises(ValueError, match="give a signal, such as"):
        aiomonitor.Monitor(dump_signal=wanted)  # type: ignore[arg-type]


def test_no_type_of_a_signal() -> None:
    """The same."""
    with pytest.raises(TypeError, match="dump_signal is True: give a signal"):
        aiomonitor.Monitor(dump_signal=True)


@pytest.mark.parametrize("wanted", [signal.SIGKILL, signal.SIGSEGV])
def test_a_signal_that_cannot_be_handled(wanted: signal.Signals) -> None:
    """The monitor does not start, and leaves nothing behind."""

    async def main() -> None:
        before = threading.active_count()
        with pytest.raises(ValueError, match="that signal cannot be handled"):
            aiomonitor.start_monitor(**NOWHERE, dump_signal=wanted)
        assert threading.active_count() == before

    asyncio.run(main())
