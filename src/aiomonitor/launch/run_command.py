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

from .options import monitor_options, settings_of, token_of

START: Final = str(Path(__file__).with_name("start.py"))


@click.command(
    context_settings={"ignore_unknown_options": False, "allow_interspersed_args": False},
    options_metavar="[OPTIONS] [-m]",
)
@click.option("-m", "module", is_flag=True, help="PROGRAM is a module, as in python -m.")
@monitor_options
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
    token_of(options)
    settings = settings_of(options)
    settings["module"] = options["module"]
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
