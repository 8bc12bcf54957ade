"""`ls`, `connect` and `--all`: one client for all monitors of this user."""

from __future__ import annotations

import importlib.metadata
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import anyio
import click
import pytest
from click.testing import CliRunner, Result

import aiomonitor
from aiomonitor import Monitor
from aiomonitor.__main__ import main
from aiomonitor.cli.connect import connect
from aiomonitor.rundir import VARIABLE, Entry, write
from aiomonitor.rundir.process import mark_of
from aiomonitor.rundir.reading import entries
from running import Application
from support import FREE, PATIENCE, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLICK: Final = tuple(map(int, importlib.metadata.version("click").split(".")[:2]))

SECRET: Final = "open sesame"  # noqa: S105 - of this test

STRANGER: Final = Entry(
    pid=os.getpid(),
    process=mark_of(os.getpid()),
    name="stranger",
    command=("python", "\x1b[2Jstranger.py"),
    host="0.0.0.0",  # noqa: S104 - nobody binds it
    ports={},
    paths={},
    runtime="asyncio",
    python="3.12.1",
    version="1.0",
    started_at=1000.0,
    token=False,
)
"""What another version may have written of itself."""


class Waiting(Monitor):
    """With a command that only an interrupt ends."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.begun = threading.Event()

    async def do_forever(self) -> None:
        self.begun.set()
        await anyio.sleep_forever()


class House:
    """Monitors of one application in this process, which are found by their names."""

    def __init__(self, undo: ExitStack, tmp_path: Path) -> None:
        self.application = Application()
        self._undo = undo
        self._path = tmp_path / "sockets"
        undo.callback(self.application.close)

    def start(self, name: str, **options: Any) -> Waiting:
        """Returns when it is registered."""
        loop = self.application.loop
        monitor: Waiting = aiomonitor.start_monitor(
            loop, Waiting, name=name, hook_task_factory=False, **{**FREE, **options}
        )
        self._undo.callback(monitor.close)
        if monitor.port is not None:
            assert "tasks running" in ask(monitor.port, options.get("token") or "ps")
        return monitor


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "run"))
    monkeypatch.delenv("AIOMONITOR_TOKEN", raising=False)
    with ExitStack() as undo:
        yield House(undo, tmp_path)


def run(*arguments: str, **variables: str) -> Result:
    """The command line, to its end."""
    apart: dict[str, Any] = (
        {"mix_stderr": False} if CLICK < (8, 2) else {}
    )  # later ones know nothing else
    return CliRunner(**apart).invoke(main, arguments, env=variables, prog_name="aiomonitor")


def rows(*arguments: str, **variables: str) -> dict[str, Any]:
    """What `ls` tells to programs, by name."""
    result = run("ls", "--json", *arguments, **variables)
    assert (result.exit_code, result.stderr) == (0, "")
    return {row["name"]: row for row in json.loads(result.stdout)}


# --- ls -------------------------------------------------------------------------------------------


def test_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, that is told, and is no failure."""
    assert rows() == {}
    result = run("ls")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "aiomonitor: no monitored process of yours runs here\n"
    assert "called like 'x*'" in run("ls", "--name", "x*").stderr
    monkeypatch.setenv(VARIABLE, "/dev/null")
    assert "runs here; /dev/null is no directory" in run("ls").stderr
    monkeypatch.setenv(VARIABLE, "")
    assert "AIOMONITOR_RUN_DIR is empty, which switches that off" in run("ls").stderr


def test_table(house: House) -> None:
    """A line for each, by name; a blocked loop is told as such, since its monitor answers."""
    till, shop = house.start("till"), house.start("shop", webui_port=None)
    header, first, second = run("ls").stdout.splitlines()
    assert header.split() == ["PID", "NAME", "TASKS", "LAG", "UP", "LISTENS", "AT", "COMMAND"]
    assert first.split()[:3] == [str(os.getpid()), "shop", "0"]
    assert f"127.0.0.1: {shop.port} - {shop.console_port}" in first
    assert f"127.0.0.1: {till.port} {till.webui_port} {till.console_port}" in second
    house.application.block()
    while rows()["shop"]["blocked_for"] is None:
        pass
    assert " blocked " in run("ls", "--name", "shop").stdout.splitlines()[1]


def test_json(house: House) -> None:
    """All that is known, with addresses to connect to: what Prometheus needs to find targets."""
    monitor = house.start("shop")
    row = rows()["shop"]
    assert row["web"] == f"127.0.0.1:{monitor.webui_port}"
    assert row["terminal"] == f"127.0.0.1:{monitor.port}"
    assert (row["pid"], row["tasks"], row["loop_state"]) == (os.getpid(), 0, "running")
    assert (row["runtime"], row["version"]) == ("asyncio", aiomonitor.__version__)
    assert row["answers"]
    assert "process" not in row
    assert row["uptime"] >= 0


def test_token(house: House) -> None:
    """One that asks for a token says nothing without it; only those that ask are told it."""
    house.start("open")
    house.start("closed", token=SECRET)
    without = rows()
    assert (without["closed"]["tasks"], without["open"]["tasks"]) == (None, 0)
    assert "asks for a token" in without["closed"]["note"]
    assert rows(AIOMONITOR_TOKEN=SECRET)["closed"]["tasks"] == 0
    result = run("ls", "--name", "closed")
    assert "needs a token" in result.stdout
    assert result.stderr.startswith(f"aiomonitor: closed (process {os.getpid()}): this monitor")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_unix_sockets(house: House, tmp_path: Path) -> None:
    """They are found, too, and can be connected to."""
    house.start("shop", unix_path=tmp_path / "sockets")
    while not entries():
        pass
    row = rows()["shop"]
    assert (row["terminal"], row["tasks"]) == (str(tmp_path / "sockets" / "terminal.sock"), 0)
    assert str(tmp_path / "sockets ") in run("ls").stdout
    assert run("connect", "shop", "-c", "about").stdout.startswith("shop: ")


def test_those_that_do_not_answer(house: House) -> None:
    """Nobody there, nobody who answers, somebody else, no terminal: what was written is shown."""
    other = house.start("other", console_port=None)
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        silent, nobody = mute.getsockname()[1], free.getsockname()[1]
        write(replace(STRANGER, name="silent", ports={"terminal": silent}), 1001)
        write(replace(STRANGER, name="nobody", ports={"terminal": nobody}), 1002)
        write(replace(STRANGER, name="web", ports={"web": 1}), 1003)
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            changed = replace(STRANGER, name="changed", pid=child.pid, process=mark_of(child.pid))
            write(replace(changed, ports={"terminal": other.port or 0}), 1004)
            found = rows("--timeout", "1")
            child.communicate()
        result = run("ls", "--name", "silent", "--timeout", "0.1")
    assert "no answer within 0.1 s" in result.stderr
    assert "no answer" in result.stdout
    assert "\x1b" not in result.stdout
    assert found["silent"]["host"] == "0.0.0.0"  # noqa: S104 - what was written
    assert found["silent"]["terminal"] == f"127.0.0.1:{silent}"
    assert "connection refused" in found["nobody"]["note"]
    assert "has no terminal: it was left out" in found["web"]["note"]
    assert found["changed"]["note"] == f"process {os.getpid()} answers there"
    assert [name for name, row in found.items() if row["answers"]] == ["other"]


def test_foreign_answers(house: House) -> None:
    """A command of the application's own that is called the same is no reason to fail."""

    class Odd(Waiting):
        def do_about(self, *, json: bool = False) -> None:
            self._sout.write("[1]\n")

    monitor = aiomonitor.start_monitor(house.application.loop, Odd, name="odd", **FREE)
    with monitor:
        ask(monitor.port)
        assert rows()["odd"]["note"] == "[1]"


# --- connect --------------------------------------------------------------------------------------


def test_by_name(house: House) -> None:
    """By the whole name, or its beginning if that means one; without a name the only one."""
    house.start("shop")
    assert run("connect", "-c", "about").stdout.startswith("shop: ")
    house.start("shop-2")
    for typed, expected in (("shop", "shop"), ("shop-", "shop-2"), ("shop-2", "shop-2")):
        assert run("connect", typed, "-c", "about").stdout.startswith(f"{expected}: ")


def test_by_process(house: House) -> None:
    """By its number; the status is the command's."""
    house.start("shop", token=SECRET)
    result = run("connect", str(os.getpid()), "--token", SECRET, "-c", "nonsense")
    assert result.exit_code == 2
    assert "unknown command" in result.stdout


def test_console(house: House) -> None:
    """The other port."""
    house.start("shop")
    assert run("connect", "shop", "--console", "-c", "6 * 7").stdout == "42\n"
    house.start("till", console_port=None)
    result = run("connect", "till", "--console")
    assert result.exit_code == 3
    assert (
        result.stderr
        == f"aiomonitor: till (process {os.getpid()}) has no console: it was left out\n"
    )


def test_lines(house: House) -> None:
    """Without a command it is the client that it always is: here one for a pipe."""
    house.start("shop")
    result = subprocess.run(
        [sys.executable, "-m", "aiomonitor", "connect", "shop"],
        input=b"about\nexit\n",
        capture_output=True,
        check=True,
        timeout=PATIENCE,
    )
    assert b">>> shop: process " in result.stdout


def test_which_one(house: House) -> None:
    """What may mean several is told with all of them; what means none, too."""
    house.start("shop-1")
    house.start("shop-2")
    ambiguous = run("connect", "shop", "-c", "ps")
    assert (ambiguous.exit_code, ambiguous.stdout) == (2, "")
    first, *listed = ambiguous.stderr.splitlines()
    assert first == "aiomonitor: 'shop' may be any of 2; give the number or name of one:"
    assert [line.split()[:2] for line in listed] == [
        [str(os.getpid()), "shop-1"],
        [str(os.getpid()), "shop-2"],
    ]
    assert "which one? There are 2 monitored processes:\n" in run("connect").stderr
    assert "no monitored process is 'till'; there are:\n" in run("connect", "till").stderr


def test_nobody(house: House) -> None:
    """Without any monitor there is nothing to list."""
    result = run("connect", "shop")
    assert result.exit_code == 2
    assert result.stderr == "aiomonitor: no monitored process of yours runs here\n"


def test_completion(house: House) -> None:
    """TAB offers numbers, and the names that mean one process."""
    for name in ("shop", "till", "till"):
        house.start(name)
    [parameter] = [each for each in connect.params if each.name == "target"]
    context = click.Context(connect)
    offered = {item.value for item in parameter.shell_complete(context, "")}
    assert offered == {"shop", str(os.getpid())}
    assert [item.value for item in parameter.shell_complete(context, "sh")] == ["shop"]


# --- all ------------------------------------------------------------------------------------------


def test_all_as_one_document(house: House) -> None:
    """JSON of all is one document, which names process and name; the status is the worst."""
    house.start("till")
    house.start("shop")
    house.start("safe", token=SECRET)
    result = run("-c", "ps --json", "--all")
    assert result.exit_code == 2
    safe, shop, till = json.loads(result.stdout)
    assert [each["name"] for each in (safe, shop, till)] == ["safe", "shop", "till"]
    assert {each["pid"] for each in (safe, shop, till)} == {os.getpid()}
    assert [each["status"] for each in (safe, shop, till)] == [2, 0, 0]
    assert "asks for a token" in safe["error"]
    assert shop["output"] == {"tasks": [], "total": 0, "matched": 0}


def test_all_as_text(house: House) -> None:
    """Text has a headed section for each; `--name` narrows."""
    for name in ("till", "shop-1", "shop-2"):
        house.start(name)
    result = run("-c", "ps", "--all", "--name", "shop*")
    assert (result.exit_code, result.stderr) == (0, "")
    heads = [line for line in result.stdout.splitlines() if line.startswith("== ")]
    assert heads == [f"== shop-{number}, process {os.getpid()} ==" for number in (1, 2)]
    assert result.stdout.count("0 live tasks\n") == 2


def test_all_and_one_that_is_gone(house: House) -> None:
    """It has a section, too; why it says nothing goes to standard error."""
    house.start("shop")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        write(replace(STRANGER, ports={"terminal": free.getsockname()[1]}), 1001)
        text, document = run("-c", "ps", "--all"), run("-c", "ps --json", "--all")
    assert text.exit_code == document.exit_code == 3
    assert text.stdout.endswith(f"== stranger, process {os.getpid()} ==\n")
    assert "aiomonitor: cannot reach 127.0.0.1:" in text.stderr
    shop, stranger = json.loads(document.stdout)
    assert "connection refused" in stranger["error"]
    assert "output" in shop


def test_all_of_none(house: House) -> None:
    """Nobody could be asked."""
    result = run("-c", "ps", "--all")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "no monitored process" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--all"], "--all needs -c COMMAND"),
        (["--all", "-c", "ps", "-p", "20111"], "--all and --port exclude each other"),
        (["--name", "shop", "-c", "ps"], "--name needs --all"),
        (["--all", "-c", "x" * 5000], "only 4000 can be sent"),
    ],
)
def test_all_usage(house: House, arguments: list[str], fault: str) -> None:
    """What cannot be meant is told in a line."""
    house.start("shop")
    result = run(*arguments)
    assert result.exit_code == 2
    assert fault in result.stderr.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX: signals to a process")
def test_all_interrupted(house: House) -> None:
    """Ctrl-C ends the commands, and what they have said is shown."""
    monitors = [house.start("shop"), house.start("till")]
    command = [sys.executable, "-m", "aiomonitor", "-c", "forever", "--all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        for monitor in monitors:
            assert monitor.begun.wait(PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert out.count(b"== ") == 2
    assert b"Traceback" not in err
    assert process.returncode == 1  # the commands', as with one monitor
