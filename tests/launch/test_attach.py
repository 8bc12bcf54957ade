"""`aiomonitor attach`: a monitor in a process that runs already, idle or not; or a clear no."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from aiomonitor.__main__ import main
from aiomonitor.errors import CommandError
from aiomonitor.launch import attaching, target, waking
from support import FREE, PATIENCE, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT_HOME: Final = {**FREE, "host": "127.0.0.1"}
NEW: Final = sys.version_info >= (3, 14)
needs_attaching = pytest.mark.skipif(
    not (NEW and sys.platform == "linux"), reason="needs Linux and Python 3.14: sys.remote_exec"
)

APPLICATION = """
import asyncio, sys, threading, time

async def wait():
    idler = asyncio.create_task(asyncio.Event().wait(), name="idler")
    await asyncio.sleep(0)
    print("ready", flush=True)
    await asyncio.Event().wait()

async def busy():
    print("ready", flush=True)
    while True:
        await asyncio.sleep(0)

def uvloop():
    import uvloop
    uvloop.run(wait())

def trio():
    import trio
    async def idler():
        print("ready", flush=True)
        await trio.sleep_forever()
    trio.run(idler)

def block():
    print("ready", flush=True)
    sys.stdin.readline()
    time.sleep(0)
    sys.stdin.readline()

kinds = {"asyncio": lambda: asyncio.run(wait()), "busy": lambda: asyncio.run(busy())}
{**kinds, "uvloop": uvloop, "trio": trio, "block": block}[sys.argv[1]]()
"""


@contextlib.contextmanager
def application(
    tmp_path: Path, kind: str, *options: str, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """One that does not import the package, and is ready."""
    path = tmp_path / "application.py"
    path.write_text(APPLICATION, "utf-8")
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, *options, str(path), kind]
    with subprocess.Popen(command, text=True, env={**os.environ, **variables}, **pipes) as process:
        guard = threading.Timer(PATIENCE, process.kill)
        guard.start()
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            guard.cancel()
            process.kill()


@needs_attaching
@pytest.mark.parametrize("kind", ["asyncio", "busy", "uvloop", "trio"])
def test_attaching(tmp_path: Path, kind: str) -> None:
    """It starts a monitor, once; the process prints nothing, and no file is left."""
    if kind in ("uvloop", "trio"):
        pytest.importorskip(kind, reason=f"needs {kind}")
    with application(tmp_path, kind) as process:
        address = attaching.attach(process.pid, AT_HOME)
        port = int(address.split("terminal at 127.0.0.1:")[1].split(",")[0])
        assert "1 live task" in ask(port, "ps") or "idler" in ask(port, "ps")
        with pytest.raises(CommandError, match="has a monitor already: terminal at"):
            attaching.attach(process.pid, AT_HOME)
        process.kill()
        out, err = process.communicate()
    assert (out, err) == ("", "")
    assert list((tmp_path).glob("aiomonitor-attach*")) == []


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests lie, in each test another one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@needs_attaching
def test_a_package_that_the_target_does_not_have(tmp_path: Path) -> None:
    """It is told where the package and what that needs are."""
    with application(tmp_path, "asyncio", "-I", "-S") as process:
        assert "terminal at" in attaching.attach(process.pid, AT_HOME)


@needs_attaching
def test_a_process_that_does_not_answer(tmp_path: Path) -> None:
    """It is given some time. What it was to execute does nothing but clear up, if ever."""
    with application(tmp_path, "block") as process:
        with pytest.raises(CommandError, match="has not executed any Python for 0 s"):
            attaching.attach(process.pid, AT_HOME, 0.1)
        [left] = tmp_path.glob("aiomonitor-attach*")
        out, err = process.communicate("")
        assert (process.returncode, out, err) == (0, "", "")
    assert not left.exists()


@needs_attaching
def test_a_process_without_a_loop(tmp_path: Path) -> None:
    """It is told, and left alone."""
    with application(tmp_path, "block") as process:
        assert process.stdin is not None
        process.stdin.write("\n")
        waking = threading.Timer(0.1, process.stdin.flush)
        waking.start()
        with pytest.raises(CommandError, match="runs neither an event loop nor trio"):
            attaching.attach(process.pid, AT_HOME)
        waking.join()


@needs_attaching
def test_a_process_that_does_not_permit_it(tmp_path: Path) -> None:
    """The remedy is told."""
    running = application(tmp_path, "asyncio", PYTHON_DISABLE_REMOTE_DEBUG="1")
    told = "started with PYTHON_DISABLE_REMOTE_DEBUG or"
    with running as process, pytest.raises(CommandError, match=told):
        attaching.attach(process.pid, AT_HOME)


@needs_attaching
def test_a_process_that_wants_no_monitor(tmp_path: Path) -> None:
    """Nor does it get one."""
    running = application(tmp_path, "asyncio", AIOMONITOR_DISABLE="1")
    told = "AIOMONITOR_DISABLE is set there"
    with running as process, pytest.raises(CommandError, match=told):
        attaching.attach(process.pid, AT_HOME)


# --- what is refused ------------------------------------------------------------------------------


@pytest.fixture
def new(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on 3.14."""
    monkeypatch.setattr(attaching, "HERE", (3, 14))
    monkeypatch.setattr(attaching, "_HERE", "3.14")


def refusal(pid: int) -> str:
    with pytest.raises(CommandError) as caught:
        attaching.check(pid)
    return str(caught.value)


def test_no_process() -> None:
    """The number is wrong."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert refusal(process.pid).startswith(f"there is no process {process.pid}: ")


@pytest.mark.skipif(NEW, reason="needs a Python before 3.14, which cannot attach")
def test_an_older_python_here() -> None:
    """It says why not, and what to do instead."""
    told = refusal(os.getppid())
    assert told.startswith("attach needs Python 3.14 here and there (this is 3.")
    assert "`aiomonitor run`" in told
    assert "dump_signal" in told


@pytest.mark.usefixtures("new")
@pytest.mark.parametrize(
    ("there", "told"),
    [("3.13", "runs Python 3.13, this is 3.14"), ("none", "is no Python program")],
)
def test_another_program(monkeypatch: pytest.MonkeyPatch, there: str, told: str) -> None:
    """Another version, or no Python at all."""
    monkeypatch.setattr(attaching, "version_of", lambda _: there)
    assert told in refusal(os.getppid())


@pytest.mark.usefixtures("new")
def test_another_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has other files than we have."""
    monkeypatch.setattr(attaching, "version_of", lambda _: "3.14")
    monkeypatch.setattr(os, "readlink", str)
    assert "is in another container" in refusal(os.getppid())


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: /proc")
def test_versions() -> None:
    """Which Python a process runs is seen from outside."""
    assert attaching.version_of(os.getpid()) == "{}.{}".format(*sys.version_info)
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert attaching.version_of(process.pid) == "none"
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied"), "not permitted to attach"),
        (RuntimeError("Remote debugging is not enabled in the remote process"), "-X disable-"),
        (RuntimeError("x: Operation not permitted"), "ptrace_scope"),
        (RuntimeError("something else"), "cannot attach to process 7: something else"),
    ],
)
def test_what_python_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception, told: str
) -> None:
    """It is told in a line, with a remedy where there is one."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(sys, "remote_exec", fail, raising=False)
    with pytest.raises(CommandError, match=told):
        attaching._execute(7, tmp_path)


def test_no_run_in_the_target() -> None:
    """What the target says where nothing runs."""
    assert target.attached(FREE) == {"error": "no run"}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: /proc")
def test_a_process_without_a_pair_of_sockets() -> None:
    """Nothing is written anywhere."""
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert not waking.write_to_self(process.pid)
        finally:
            process.kill()


def test_the_command() -> None:
    """It tells in one line, and by its status."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    result = CliRunner().invoke(main, ["attach", str(process.pid)])
    assert result.exit_code == 1
    assert result.output.startswith("aiomonitor: there is no process")
