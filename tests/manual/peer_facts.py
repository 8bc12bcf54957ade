"""Prints what aiomonitor 0.7.1 has and does, as JSON; `PYTHONPATH` has to name its folder.

Everything of it is taken as it comes: it is another package, which only shares its name.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import socket
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

aiomonitor: Any = import_module("aiomonitor")

PATIENCE = 1.0
"""Seconds in which a monitor that can start has started."""


def names() -> dict[str, Any]:
    """Everything that has a name."""
    cli = aiomonitor.monitor_cli
    own = {name: command for name, command in cli.commands.items() if not command.hidden}
    options = {
        name: [flag for each in command.params for flag in each.opts if flag.startswith("--")]
        for name, command in own.items()
    }
    arguments = {
        name: list(inspect.signature(getattr(aiomonitor, name)).parameters)
        for name in ("start_monitor", "Monitor")
    }
    methods = [name for name in dir(aiomonitor.Monitor) if not name.startswith("_")]
    there = [
        *(f"aiomonitor.{name}" for name in aiomonitor.__all__),
        *(f"aiomonitor.task.{name}" for name in import_module("aiomonitor.task").__all__),
        *(f"aiomonitor.exceptions.{n}" for n in vars(import_module("aiomonitor.exceptions"))),
        *(f"Monitor.{name}" for name in methods),
        *(f"{function}({each})" for function, taken in arguments.items() for each in taken),
        *(f"{command} {option}" for command, taken in options.items() for option in taken),
        *routes(),
    ]
    return {
        "names": aiomonitor.__all__,
        "methods": methods,
        "arguments": arguments,
        "commands": {**{name: name for name in own}, **cli._aliases},
        "options": options,
        "there": there,
    }


def routes() -> list[str]:
    """What its web application answers to."""
    source = Path(import_module("aiomonitor.webui.app").__file__ or "").read_text("utf-8")
    return [" ".join(found) for found in re.findall(r'add_route\("(\w+)", "([^"]+)"', source)]


async def behaviour() -> dict[str, Any]:
    """What it does."""
    loop = asyncio.get_running_loop()
    parameters = inspect.signature(aiomonitor.start_monitor).parameters
    kind = type("Mine", (aiomonitor.Monitor,), {"prompt": "mine >>> "})
    found = {
        "hook_task_factory": parameters["hook_task_factory"].default,
        "prompt of a subclass": kind(loop).prompt,
    }
    try:
        aiomonitor.Monitor(loop).close()
    except AssertionError as error:
        found["close before start"] = type(error).__name__
    free = {"port": 0, "webui_port": 0, "console_port": 0}
    with aiomonitor.start_monitor(loop, hook_task_factory=True, **free):
        task = asyncio.ensure_future(asyncio.sleep(0))
        found["task"] = type(task).__name__
        await task
    found["returns though the web port is taken"] = starts_on_a_taken_port(loop)
    return found


def starts_on_a_taken_port(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether `start()` returns."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monitor = aiomonitor.Monitor(loop, termui_port=0, webui_port=port, console_port=0)
        starting = threading.Thread(target=monitor.start, daemon=True)
        starting.start()
        starting.join(PATIENCE)
        return not starting.is_alive()


if __name__ == "__main__":
    print("\n" + json.dumps({**names(), **asyncio.run(behaviour())}))
