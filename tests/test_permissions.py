"""What clients may do, by the terminal, the web and the console; and how to have no monitor."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import click
import pytest

import aiomonitor
from aiomonitor import Monitor
from aiomonitor.utils import requires
from support import FREE, NOWHERE, Seat
from webui.harness import Browser, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Extended(Monitor):
    """With commands of the application's own."""

    def do_flush(self) -> None:
        """Who knows what it does."""
        self._sout.write("flushed\n")

    @requires("read")
    def do_size(self) -> None:
        """Looks."""
        self._sout.write("12\n")

    def do_ps(self, *args: Any, **options: Any) -> None:
        """Replaces one of ours."""
        super().do_ps(*args, **options)

    def do_signal(self, signame: str) -> None:
        """Replaces one of ours that acts."""


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread."""
    made = asyncio.new_event_loop()
    thread = threading.Thread(target=made.run_forever)
    thread.start()
    yield made
    made.call_soon_threadsafe(made.stop)
    thread.join()
    made.close()


@pytest.fixture
def seat(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[str], Seat]]:
    """Makes a seat at a monitor with those permissions."""
    monitors: list[Monitor] = []

    def make(permissions: Any) -> Seat:
        monitors.append(Extended(loop, **NOWHERE, permissions=permissions))
        monitors[-1].start()
        return Seat(monitors[-1])

    yield make
    for monitor in monitors:
        monitor.close()


@pytest.mark.parametrize(
    ("permissions", "refused"),
    [
        ("read", {"cancel 1", "signal USR1", "flush", "console"}),
        ("act", {"console"}),
        ("exec", set()),
    ],
)
def test_commands(seat: Callable[[str], Seat], permissions: str, refused: set[str]) -> None:
    """Each says in a line why it is refused; help says so, too; what looks always works."""
    place = seat(permissions)
    for line in ("cancel 1", "signal USR1", "flush", "console"):
        text = place.type(line)
        told = f"it needs permissions='{'exec' if line == 'console' else 'act'}'"
        assert (told in text) == (line in refused), line
        assert (told in place.type(f"help {line.split()[0]}")) == (line in refused)
        if line in refused:
            assert text.count("\n") == 1
            assert f"started with {permissions!r}" in text
    assert place.type("size") == "12\n"
    assert "live task" in place.type("ps")


class Careless(Monitor):
    """What an application may do while a line is being read, and with one that is no command."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.touched: list[str] = []

    def default(self, comm: str, args: Any) -> None:
        """Runs it in a shell, perhaps."""
        self.touched.append(comm)
        self._sout.write("defaulted\n")

    @click.option("--now", callback=lambda context, _, value: context.obj.touched.append("parsed"))
    def do_flush(self, now: str) -> None:
        """Touches something before it is called."""

    @requires("exec")
    def do_shell(self, line: str) -> None:
        """Runs code that the console does not know of."""
        self._sout.write(f"ran {line}\n")


def test_what_is_no_command(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an application's `default` nor the reading of arguments runs where nothing may."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        careless = Careless(loop, **NOWHERE, permissions="read")
        place = Seat(careless)
        assert "'rm -rf /' is not permitted: it needs permissions='act'" in place.type("rm -rf /")
        assert "flush is not permitted" in place.type("flush --now yes")
        assert careless.touched == []
        assert place.run.status == 1
        careless = Careless(loop, **NOWHERE, permissions="act")
        assert Seat(careless).type("rm -rf /") == "defaulted\n"
    assert careless.touched == ["rm"]
    assert caplog.messages == [
        "local: rm -rf /: refused",
        "local: flush --now yes: refused",
        "local: rm -rf /",
        "local: rm -rf /: done",
    ]


def test_a_default_that_looks(loop: asyncio.AbstractEventLoop) -> None:
    """It can be marked, as commands can."""

    class Kind(Monitor):
        @requires("read")
        def default(self, comm: str, args: Any) -> None:
            """Answers."""
            self._sout.write(f"no {comm} here\n")

    assert Seat(Kind(loop, **NOWHERE, permissions="read")).type("x") == "no x here\n"


def test_code_is_logged(loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture) -> None:
    """A command of the application's own that runs code is, and its outcome."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        assert Seat(Careless(loop, **NOWHERE)).type("shell 'rm x'") == "ran rm x\n"
    assert caplog.messages == ["local: shell 'rm x'", "local: shell 'rm x': done"]


def test_audit(seat: Callable[[str], Seat], caplog: pytest.LogCaptureFixture) -> None:
    """Who did what, and what came of it; who looks is not logged, and no line is forged."""
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        place = seat("act")
        place.type("size")
        place.type("flush")
        place.type("cancel 'nobody\x1b[2J'")
    assert caplog.messages[:2] == ["local: flush", "local: flush: done"]
    assert caplog.messages[-1].endswith(": CommandError")
    assert "\x1b" not in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, "aiomonitor.audit"):
        seat("read").type("flush")
    assert caplog.messages == ["local: flush: refused"]


def test_the_web() -> None:
    """Cancelling is refused with the reason; looking, marking and the pages work; no console."""
    with watched(permissions="read") as (application, monitor):
        browser = Browser(monitor.webui_port or 0)
        application.add("victim")
        answer = browser.post("/api/tasks/victim/cancel")
        assert answer.status == 403
        assert "needs permissions='act'" in answer.detail
        assert browser.get("/api/tasks/victim").status == 200
        assert browser.get("/api/status").json["permissions"] == "read"
        assert browser.post("/api/mark").status == 200
        assert b'data-permissions="read"' in browser.get("/tasks").body
        assert b"/console" not in browser.get("/tasks").body
        assert browser.get("/console").status == 403
        monitor.cancel("victim")  # the application itself may


def test_no_console_port(loop: asyncio.AbstractEventLoop) -> None:
    """Where no code may be run, nothing listens for it."""
    with aiomonitor.start_monitor(loop, **FREE, permissions="act") as monitor:
        assert monitor.console_port is None
        assert monitor.port
        assert "needs permissions='exec'" in monitor.console_refusal


def test_the_environment(loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what is not said in the code; what makes no sense is an error that names it."""
    monkeypatch.setenv("AIOMONITOR_PERMISSIONS", "read")
    assert Monitor(loop).permissions == "read"
    assert Monitor(loop, permissions="act").permissions == "act"
    monkeypatch.setenv("AIOMONITOR_PERMISSIONS", "all")
    with pytest.raises(ValueError, match="AIOMONITOR_PERMISSIONS is 'all': give one of 'read'"):
        Monitor(loop)
    wrong: Any = "write"
    with pytest.raises(ValueError, match="permissions is 'write'"):
        Monitor(loop, permissions=wrong)
    for wrong in ("write", None):  # what a command needs is not the environment's matter
        with pytest.raises(ValueError, match=f"permissions is {wrong!r}"):
            requires(wrong)(lambda: None)


def test_a_command_of_nowhere(seat: Callable[[str], Seat]) -> None:
    """One that says no module, as code made by `exec` does, is taken for the application's own."""

    def do_flush(self: Monitor) -> None:
        self._sout.write("flushed\n")

    do_flush.__module__ = None  # type: ignore[assignment]
    place = seat("read")
    place.interpreter.do_flush = do_flush.__get__(place.interpreter)  # type: ignore[attr-defined]
    assert "needs permissions='act'" in place.type("flush")


# --- disabled -------------------------------------------------------------------------------------


def test_disabled(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing listens, no thread runs, the loop is untouched; the application's queries answer."""
    monkeypatch.setenv("AIOMONITOR_DISABLE", "1")

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        before = dict(vars(loop))
        threads = threading.active_count()
        with caplog.at_level(logging.INFO, "aiomonitor"):
            monitor = aiomonitor.start_monitor(loop, port=1, host="203.0.113.1")
        assert vars(loop) == before
        assert threading.active_count() == threads
        assert (monitor.port, monitor.webui_port, monitor.console_port) == (None, None, None)
        assert "disabled by AIOMONITOR_DISABLE" in repr(monitor)
        assert [task.coroutine for task in monitor.tasks()] == ["test_disabled.<locals>.main"]
        assert not monitor.closed
        monitor.close()
        monitor.close()
        assert monitor.closed

    asyncio.run(main())
    assert "no monitor: AIOMONITOR_DISABLE is set" in caplog.messages


@pytest.mark.parametrize("value", ["", "0", "no", "False"])
def test_not_disabled(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """Values that mean no."""
    monkeypatch.setenv("AIOMONITOR_DISABLE", value)
    with aiomonitor.start_monitor(loop, **FREE) as monitor:
        assert monitor.port


def test_disabled_where_no_loop_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be refused is no matter then."""
    monkeypatch.setenv("AIOMONITOR_DISABLE", "yes")
    with aiomonitor.start_monitor(object()) as monitor:
        assert "disabled" in repr(monitor)
