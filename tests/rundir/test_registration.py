"""A running monitor is found in the run directory, and what becomes of that harms nobody."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

import aiomonitor
from aiomonitor.rundir import VARIABLE, registration
from aiomonitor.rundir.reading import entries
from running import Application
from support import FREE, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUARD: Final = 30.0
"""Seconds after which something hangs; no test waits for it."""

SECRET: Final = "open sesame"  # noqa: S105 - of this test

SCRIPT: Final = """if True:
    import asyncio, glob, os, sys
    import aiomonitor

    async def main():
        aiomonitor.start_monitor(port=0, webui_port=None, console_port=None, name="script")
        while not glob.glob(os.environ["AIOMONITOR_RUN_DIR"] + "/*.json"):
            await asyncio.sleep(0)
        print("registered", flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())
"""
"""A program that never closes its monitor."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where monitors register."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.close()


def test_while_it_runs(folder: Path, application: Application) -> None:
    """From the start to the end, with what a client needs, and without the token."""
    with aiomonitor.start_monitor(application.loop, name="shop", token=SECRET, **FREE) as monitor:
        assert "tasks running" in ask(
            monitor.port, SECRET
        )  # its thread has registered before it answers
        [entry] = entries()
        assert (entry.pid, entry.name, entry.host) == (os.getpid(), "shop", "127.0.0.1")
        assert entry.ports == {
            "terminal": monitor.port,
            "web": monitor.webui_port,
            "console": monitor.console_port,
        }
        assert (entry.runtime, entry.version) == ("asyncio", aiomonitor.__version__)
        assert entry.token
        [path] = folder.iterdir()
        assert SECRET not in path.read_text()
    assert list(folder.iterdir()) == []


def test_several_in_one_process(folder: Path, application: Application) -> None:
    """Each has a file of its own."""
    with (
        aiomonitor.start_monitor(application.loop, name="one", **FREE) as one,
        aiomonitor.start_monitor(application.loop, name="two", **FREE) as two,
    ):
        ask(one.port)
        ask(two.port)
        assert sorted(entry.name for entry in entries()) == ["one", "two"]
        two.close()
        assert [entry.name for entry in entries()] == ["one"]


@pytest.mark.parametrize("value", ["", "/dev/null", "/proc/aiomonitor"])
def test_where_that_cannot_be(
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
) -> None:
    """Switched off or impossible, the monitor works all the same: at most a line in the log."""
    monkeypatch.setenv(VARIABLE, value)
    with (
        caplog.at_level(logging.DEBUG, "aiomonitor"),
        aiomonitor.start_monitor(application.loop, **FREE) as monitor,
    ):
        assert "tasks running" in ask(monitor.port)
    told = [each for each in caplog.records if "aiomonitor ls" in each.getMessage()]
    assert [each.levelno for each in told] == [logging.DEBUG] * bool(value)


def test_switched_off_monitor(
    folder: Path, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that does not listen is not there to be found."""
    monkeypatch.setenv("AIOMONITOR_DISABLE", "1")
    with aiomonitor.start_monitor(application.loop, **FREE):
        assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX: signals to a process")
@pytest.mark.parametrize("killed", [False, True])
def test_at_exit(folder: Path, killed: bool) -> None:
    """A program that ends takes its file along; what a killed one leaves, its reader removes."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"registered\n"
        assert [(entry.pid, entry.name) for entry in entries()] == [(process.pid, "script")]
        if killed:
            process.send_signal(signal.SIGKILL)
        process.stdin.close()
        process.wait(GUARD)
        assert len(list(folder.iterdir())) == killed
        assert entries() == []
        assert list(folder.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_leaves_it_alone(folder: Path, application: Application) -> None:
    """It neither closes its parent's file nor takes it along at its end."""
    with aiomonitor.start_monitor(application.loop, **FREE) as monitor:
        ask(monitor.port)
        child = os.fork()
        if not child:
            monitor.close()
            registration._leave_all()  # what its exit would do
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert [entry.pid for entry in entries()] == [os.getpid()]
