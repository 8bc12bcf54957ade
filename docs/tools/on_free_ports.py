"""Runs a Python program whose monitors listen on free ports, and tells which.

    python on_free_ports.py FD program.py [ARGUMENT ...]
    python on_free_ports.py FD -m package [ARGUMENT ...]

So what the manual shows can run as it is printed, whatever else listens on the machine. Each
monitor that starts writes a line of JSON to the descriptor FD: terminal, web page, console.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType

PORTS = (aiomonitor.MONITOR_PORT, aiomonitor.MONITOR_WEBUI_PORT, aiomonitor.CONSOLE_PORT)
"""What a program gets that names none."""


def use_free_ports(started: Callable[[aiomonitor.Monitor], object]) -> None:
    """Let this process's monitors take free ports by default, and hand each one over."""
    for function in (aiomonitor.start_monitor, aiomonitor.Monitor.__init__):
        taker = cast("FunctionType", function)
        defaults: tuple[Any, ...] = taker.__defaults__ or ()
        taker.__defaults__ = tuple(0 if each in PORTS else each for each in defaults)
    start = aiomonitor.Monitor.start

    def start_and_tell(monitor: aiomonitor.Monitor) -> None:
        start(monitor)
        started(monitor)

    aiomonitor.Monitor.start = start_and_tell  # type: ignore[assignment, method-assign]


def tell(descriptor: int, monitor: aiomonitor.Monitor) -> None:
    """Write where it listens."""
    ports = [monitor.port, monitor.webui_port, monitor.console_port]
    os.write(descriptor, json.dumps(ports).encode() + b"\n")


def main() -> None:
    """Run what the command line names."""
    descriptor = int(sys.argv[1])
    use_free_ports(lambda monitor: tell(descriptor, monitor))
    if sys.argv[2] == "-m":
        name, sys.argv = sys.argv[3], sys.argv[3:]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv = sys.argv[2:]
        sys.path[0] = str(Path(sys.argv[0]).parent)
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
