"""The monitor's threads end with the interpreter, if not before."""

from __future__ import annotations

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


def run(code: str) -> subprocess.CompletedProcess[str]:
    """A program that leaves its monitor open."""
    return subprocess.run(
        [sys.executable, "-c", f"{code}\nsys.exit(6)"],
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
