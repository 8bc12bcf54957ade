"""The monitor's threads end with the interpreter, if not before."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from support import NOWHERE, PATIENCE

LEFT_OPEN = f"""
import asyncio, atexit, socket, sys, threading

def tell():
    names = [thread.name for thread in threading.enumerate()]
    print(*(name for name in names if name.startswith("aiomonitor")))

atexit.register(tell)  # the last to be called
import aiomonitor

loop = asyncio.new_event_loop()
monitor = aiomonitor.Monitor(loop, **{{**{NOWHERE!r}, "port": 0}})
monitor.start()
client = socket.create_connection((monitor.host, monitor.port))
client.sendall(b"ps" + bytes([10]))
while b">>> " not in client.recv(1000):
    pass
"""
FULL = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
try:
    while True:
        os.dup(0)
except OSError:
    pass
"""


LOADING = """
from aiomonitor.crew import Crew

def stop_and_load(self, timeout, stop=Crew.stop):
    stop(self, timeout)
    exec("1")  # as loading a dataclass does

Crew.stop = stop_and_load
"""
"""A thread loads something while the program ends."""
INTERRUPTED = "signal.signal(signal.SIGINT, signal.default_int_handler)\nraise KeyboardInterrupt"
AT_A_PROMPT = """
import code
code.InteractiveInterpreter({"__name__": "__main__"}).runsource("raise KeyboardInterrupt")
sys.ps1 = "> "
sys.exit(6)
"""


def run(code: str, end: str = "sys.exit(6)") -> subprocess.CompletedProcess[str]:
    """A program that leaves its monitor open."""
    return subprocess.run(
        [sys.executable, "-c", f"import signal\n{code}\n{end}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_threads_end_with_the_interpreter() -> None:
    """A monitor that is left open, and is being visited, has none when the interpreter ends."""
    ended = run(LEFT_OPEN)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("\n", "", 6)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of open files")
def test_without_files() -> None:
    """So it is where no file can be opened any more, and the status is the program's."""
    ended = run(LEFT_OPEN + FULL)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("\n", "", 6)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_an_interrupted_program_dies_of_the_signal() -> None:
    """As it does without a monitor, though the monitor loads something meanwhile."""
    ended = run(LEFT_OPEN + LOADING, INTERRUPTED)
    assert ended.stderr.endswith("KeyboardInterrupt\n")
    assert ended.returncode == -signal.SIGINT


def test_a_line_at_a_prompt_may_be_interrupted() -> None:
    """That is not what has ended the program."""
    ended = run(LEFT_OPEN + LOADING, AT_A_PROMPT)
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.returncode == 6
