"""What the application prints while consoles come and go."""

from __future__ import annotations

import io
import subprocess
import sys

from aiomonitor.console.routing import Router, Routing
from support import PATIENCE

PRINTING = """
from aiomonitor.console.routing import routing

class Leaving:
    def __str__(self):
        routing.close()  # as a monitor's thread may at any time
        return "first"

for _ in range(20):
    routing.open()
    print(Leaving(), "second")
print("third")
"""


def test_a_console_closes_while_the_application_prints() -> None:
    """`print` does not own the stream that it writes to: one that has gone made it crash."""
    command = [sys.executable, "-c", PRINTING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout == "first second\n" * 20 + "third\n"
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_stream_has_one_router() -> None:
    """However often consoles are opened."""
    routing, before, routers = Routing(), sys.stdout, set()
    for _ in range(40):
        routing.open()
        routers.add(id(sys.stdout))
        assert type(sys.stdout) is Router
        routing.close()
    assert sys.stdout is before
    assert len(routers) == 1


def test_few_streams_are_kept() -> None:
    """An application may put one in place for each thing that it does."""
    routing = Routing()
    for _ in range(40):
        routing._router(io.StringIO())
    assert len(routing._routers) == 16
