"""`aiomonitor run`: the program does what it does without, and there is a monitor meanwhile."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest
from click.testing import CliRunner

from aiomonitor.__main__ import main
from aiomonitor.launch.run_command import interpreter_options
from support import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PORTS: Final = ("--port", "0", "--webui-port", "0", "--console-port", "0")
MONITORED: Final = [sys.executable, "-m", "aiomonitor", "run", *PORTS]
PLAIN: Final = [sys.executable]

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX: signals")

FACTS = """
import sys
print(sys.argv, sys.orig_argv, sys.path[0], sorted(globals()))
print(__name__, __file__, __package__, __spec__ and __spec__.name, type(__loader__).__name__)
print("click" in sys.modules, "asyncio" in sys.modules, sys.excepthook is sys.__excepthook__)
print(sys.modules["__main__"].__dict__ is globals(), sys.flags.dev_mode)
"""
FAILING = (
    FACTS
    + """
def fail():
    raise ValueError("bad luck")
fail()
"""
)
SPAWNING = """
import asyncio, concurrent.futures, multiprocessing, sys

async def tell():
    return [name for name in sys.modules if name.startswith("aiomonitor")]

def work():
    return asyncio.run(tell())

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        print(pool.submit(work).result())
"""
ENDINGS = {
    "status": "import sys; sys.exit(7)",
    "text": "import sys; sys.exit('bye')",
    "interrupt": "raise KeyboardInterrupt",
    "syntax": "x = = 1",
    "context": "import sys\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    raise OSError(3, 'no')",
    "hook": "import sys\nsys.excepthook = lambda *a: print('mine', a[0], a[2].tb_lineno)\n1 / 0",
    "done": "import asyncio; print(asyncio.run(asyncio.sleep(0, 'done')))",
}


class Ended(NamedTuple):
    """How a process ended. Lines of the monitor's own on stderr are not the program's."""

    status: int
    out: str
    err: str


def ended(*command: str | Path, cwd: Path, **variables: str) -> Ended:
    run = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=PATIENCE,
        env={**os.environ, **variables},
        check=False,
    )
    own = [line for line in run.stderr.splitlines() if not line.startswith("aiomonitor: ")]
    return Ended(run.returncode, run.stdout, "\n".join(own))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "programs" / "app.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def package(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("print('package')", "utf-8")
    (folder / "__main__.py").write_text(FAILING, "utf-8")


def archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as file:
        file.writestr("__main__.py", FACTS)


# --- as without -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "program",
    [["programs/app.py", "--x", "-m", "y"], ["-m", "package", "--port", "1"], ["app.zip", "a"]],
)
def test_facts(tmp_path: Path, program: list[str]) -> None:
    """A script, a package or an archive sees of itself, prints and fails as it does without."""
    written(tmp_path, FAILING)
    package(tmp_path)
    archive(tmp_path)
    without = ended(*PLAIN, *program, cwd=tmp_path)
    assert ended(*MONITORED, *program, cwd=tmp_path) == without
    assert "__main__" in without.out


@pytest.mark.parametrize("program", [["nowhere.py"], ["-m", "nowhere"], ["-m", "package.nowhere"]])
def test_what_is_not_there(tmp_path: Path, program: list[str]) -> None:
    """It is told in Python's own words, with its status."""
    package(tmp_path)
    assert ended(*MONITORED, *program, cwd=tmp_path) == ended(*PLAIN, *program, cwd=tmp_path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_endings(tmp_path: Path, ending: str) -> None:
    """Its exit status and its traceback are those without a monitor."""
    path = written(tmp_path, ENDINGS[ending])
    assert ended(*MONITORED, path, cwd=tmp_path) == ended(*PLAIN, path, cwd=tmp_path)


def test_options_of_the_interpreter(tmp_path: Path) -> None:
    """`python -X dev -m aiomonitor run` runs the program with `-X dev`."""
    path = written(tmp_path, FACTS)
    monitored = [sys.executable, "-X", "dev", *MONITORED[1:], str(path)]
    assert ended(*monitored, cwd=tmp_path) == ended(*PLAIN, "-X", "dev", path, cwd=tmp_path)


def test_modules_in_the_current_folder(tmp_path: Path) -> None:
    """What lies there is nothing that the start would take for its own."""
    for name in ("json.py", "signal.py", "logging.py"):
        (tmp_path / name).write_text("raise AssertionError", "utf-8")
    path = written(tmp_path, "print('well')")
    script = os.path.join(os.path.dirname(sys.executable), "aiomonitor")  # noqa: PTH118, PTH120
    assert ended(script, "run", *PORTS, path, cwd=tmp_path).out == "well\n"


def test_spawned_children(tmp_path: Path) -> None:
    """They find the program's functions, and know nothing of a monitor."""
    path = written(tmp_path, SPAWNING)
    assert ended(*MONITORED, path, cwd=tmp_path) == Ended(0, "[]\n", "")


@pytest.mark.parametrize(
    ("original", "options"),
    [
        (["python", "-X", "dev", "-m", "aiomonitor", "run", "app.py"], ["-X", "dev"]),
        (["python", "-O", "/bin/aiomonitor", "run", "app.py"], ["-O"]),
        (["python", "/bin/aiomonitor", "run", "app.py"], []),
    ],
)
def test_interpreter_options(original: list[str], options: list[str]) -> None:
    """They are what stands before the script, or before the module."""
    assert interpreter_options(original, 3) == options


# --- the monitor ----------------------------------------------------------------------------------

CLIENT = """
import socket, sys, threading

def ask(*lines):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30) as client:
        client.sendall("".join(f"{line}\\n" for line in (*lines, "exit")).encode())
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()

def refuses():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(sys.argv[1]))) != 0

"""
BODY = """
async def main():
    task = asyncio.create_task(asyncio.sleep(60), name="napper")
    print("napper" in await asyncio.to_thread(ask, "ps"), end=" ")
    print("created task" in await asyncio.to_thread(ask, "where napper"), end=" ")
    task.cancel()
"""
WAYS = {
    "asyncio.run": "asyncio.run(main())\nprint(refuses(), end=' ')\nasyncio.run(main())",
    "run_until_complete": "loop = asyncio.new_event_loop()\nloop.run_until_complete(main())\n"
    "print(refuses(), end=' ')\nloop.run_until_complete(main())\nloop.close()",
    "uvloop": "import uvloop\nuvloop.run(main())",
    "uvloop.install": "import uvloop\nloop = uvloop.new_event_loop()\n"
    "loop.run_until_complete(main())\nloop.close()",
    "anyio": "import anyio\nanyio.run(main)",
}
TOLD = {
    "asyncio.run": "True True True True True",  # gone in between, since its loop was closed
    "run_until_complete": "True True False True True",
}
TRIO = """
import trio, anyio
async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever, name="napper")
        print("napper" in await trio.to_thread.run_sync(ask, "ps"), end=" ")
        nursery.cancel_scope.cancel()
trio.run(main)
print(refuses(), end=" ")
anyio.run(main, backend="trio")
print(refuses())
"""


@pytest.fixture
def port() -> int:
    """One that is free, as far as can be told."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def monitored(tmp_path: Path, text: str, port: int, **variables: str) -> Ended:
    path = written(tmp_path, CLIENT + text)
    options = ("--port", str(port), "--webui-port", "0", "--console-port", "0")
    command = [*MONITORED[:4], *options, str(path), str(port)]
    return ended(*command, cwd=tmp_path, **variables)


@pytest.mark.parametrize("way", WAYS)
def test_on_the_first_loop(tmp_path: Path, port: int, way: str) -> None:
    """It is there, and records, from the first step on; a later loop gets one, too."""
    if "uvloop" in way:
        pytest.importorskip("uvloop", reason="needs uvloop")
    run = monitored(tmp_path, f"import asyncio\n{BODY}\n{WAYS[way]}\nprint(refuses())", port)
    assert run == Ended(0, f"{TOLD.get(way, 'True True')} True\n", "")


def test_on_trio(tmp_path: Path, port: int) -> None:
    """The same for runs of trio, and of anyio's on trio."""
    pytest.importorskip("trio", reason="needs trio")
    assert monitored(tmp_path, TRIO, port) == Ended(0, "True True True True\n", "")


def test_other_threads_and_children(tmp_path: Path, port: int) -> None:
    """Loops in other threads and in forked children have no monitor."""
    text = """
import asyncio, os
async def main():
    print(refuses(), flush=True)
thread = threading.Thread(target=lambda: asyncio.run(main()))
thread.start()
thread.join()
if hasattr(os, "fork"):
    if child := os.fork():
        os.waitpid(child, 0)
    else:
        asyncio.run(main())
        os._exit(0)
else:
    print(True)
"""
    assert monitored(tmp_path, text, port).out == "True\nTrue\n"


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """It is told in one line on stderr; the program runs all the same."""
    path = written(tmp_path, ENDINGS["done"])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [*MONITORED[:4], "--port", port, str(path)]
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (run.returncode, run.stdout) == (0, "done\n")
    [line] = run.stderr.splitlines()
    assert line.startswith("aiomonitor: no monitor: ")
    assert line.endswith("; the program runs without")


@needs_signals
def test_interrupting(tmp_path: Path) -> None:
    """Ctrl-C ends it as it would without: its tasks are cancelled, its status is the signal's."""
    text = """
import asyncio
async def main():
    try:
        print("ready", flush=True)
        await asyncio.sleep(60)
    finally:
        print("cancelled", flush=True)
asyncio.run(main())
"""
    path = written(tmp_path, text)
    with running(*MONITORED, str(path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (-signal.SIGINT, "cancelled\n")
    assert err.endswith("KeyboardInterrupt\n")
    assert "aiomonitor" not in err.split("Traceback", 1)[1]


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        guard = threading.Timer(PATIENCE, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()


def told_on_stderr(tmp_path: Path, text: str, *options: str, **variables: str) -> tuple[str, str]:
    """What the program printed, and what we said."""
    run = subprocess.run(
        [*MONITORED[:4], *options, str(written(tmp_path, text))],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **variables},
        check=True,
    )
    return run.stdout, run.stderr


def test_disabled(tmp_path: Path) -> None:
    """Whoever wants no monitor gets none, and is told."""
    program = "import asyncio\nasyncio.run(asyncio.sleep(0))\nprint('done')"
    out, told = told_on_stderr(tmp_path, program, AIOMONITOR_DISABLE="1")
    assert (out, told) == ("done\n", "aiomonitor: no monitor: AIOMONITOR_DISABLE is set\n")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_unix_sockets(tmp_path: Path) -> None:
    """It listens in a directory instead of at ports, and leaves nothing there."""
    program = "import asyncio, os\nasync def main(): print(sorted(os.listdir({0!r})))\n"
    program += "asyncio.run(main())\nprint(os.listdir({0!r}))"
    with tempfile.TemporaryDirectory() as place:  # shorter than pytest's
        out, told = told_on_stderr(tmp_path, program.format(place), "--unix", place)
    assert out == "['console.sock', 'terminal.sock', 'web.sock']\n[]\n"
    assert f"the monitor is at terminal at {place}/terminal.sock, web at " in told


# --- the command line -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "Missing argument 'PROGRAM'"),
        (["run", "--token-from-env", "app.py"], "AIOMONITOR_TOKEN is not set: export one"),
        (["run", "--port", "x", "app.py"], "'x' is not a valid integer"),
        (["run", "--permissions", "all", "app.py"], "'all' is not one of"),
    ],
)
def test_usage(arguments: list[str], told: str) -> None:
    """What cannot be understood is told before anything is run."""
    result = CliRunner().invoke(main, arguments, env={"AIOMONITOR_TOKEN": ""})
    assert result.exit_code == 2
    assert told in result.output
