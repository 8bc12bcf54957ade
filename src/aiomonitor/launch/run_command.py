"""The command `aiomonitor run`: starts a program in an interpreter of its own, which is told what
the monitor shall be like. What the program does is no business of this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import click

START: Final = str(Path(__file__).with_name("start.py"))
PORT: Final = click.IntRange(0, 65535)
OF_MONITOR: Final = {
    "host",
    "port",
    "webui_port",
    "console_port",
    "unix_path",
    "permissions",
    "name",
}
"""Options that are a monitor's arguments; those not given are left to it."""


@click.command(
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    options_metavar="[OPTIONS] [-m]",
)
@click.option("-m", "module", is_flag=True, help="PROGRAM is a module, as in python -m.")
@click.option("-H", "--host", help="Where the monitor listens.  [127.0.0.1]")
@click.option("-p", "--port", type=PORT, help="Its port; 0 takes a free one.  [20101, or the next]")
@click.option("--webui-port", type=PORT, help="The web page's port.  [20102, or the next]")
@click.option("--console-port", type=PORT, help="The console's port.  [20103, or the next]")
@click.option("--unix", "unix_path", metavar="PATH", help="Instead: a directory for Unix sockets.")
@click.option("--no-console", is_flag=True, help="Nobody runs Python in the program.")
@click.option("--no-hook", is_flag=True, help="Record nothing of tasks; only look at them.")
@click.option(
    "--permissions",
    type=click.Choice(["read", "act", "exec"]),
    help="What clients may do.  [AIOMONITOR_PERMISSIONS, or exec]",
)
@click.option("--name", help="What the monitor is called in `aiomonitor ls`.")
@click.option(
    "--token-from-env",
    is_flag=True,
    help="Insist on AIOMONITOR_TOKEN, which clients are asked for whenever it is set.",
)
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(program: str, arguments: tuple[str, ...], **options: Any) -> None:
    """Run a Python program with a monitor on its first event loop.

    \b
      aiomonitor run app.py --its-options
      aiomonitor run --port 0 -m package arguments

    The program is started as `python app.py` or `python -m package` would, and knows nothing of it.
    The monitor is there from the moment on that the main thread runs an event loop of asyncio or
    uvloop, or trio, and until that ends; then on the next one. If it cannot start, that is told on
    stderr, and the program runs all the same. Child processes are not monitored.
    """
    if options["token_from_env"] and not os.environ.get("AIOMONITOR_TOKEN"):
        raise click.UsageError("--token-from-env: AIOMONITOR_TOKEN is not set: export one")
    settings = {name: value for name, value in options.items() if name in OF_MONITOR}
    settings = {name: value for name, value in settings.items() if value is not None}
    settings["module"] = options["module"]
    if options["no_console"]:
        settings["console_enabled"] = False
    if options["no_hook"]:
        settings["hook_task_factory"] = False
    replace_process([START, json.dumps(settings), program, *arguments])


def replace_process(arguments: list[str]) -> None:
    """Become a fresh interpreter, with the options that this one was given."""
    command = [sys.executable, *interpreter_options(sys.orig_argv, len(sys.argv)), *arguments]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606 - the user's own program
    raise SystemExit(subprocess.run(command, check=False).returncode)  # noqa: S603


def interpreter_options(original: list[str], count: int) -> list[str]:
    """What stood before the script, or before `-m aiomonitor`, in the original command line."""
    before = original[1 : len(original) - (count - 1)]
    return before[:-2] if before[-2:-1] == ["-m"] else before[:-1]
