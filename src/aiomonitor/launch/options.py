"""What `run` and `attach` take for the monitor; imports click alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CommandT = TypeVar("_CommandT", bound="Callable[..., object]")

PORT: Final = click.IntRange(0, 65535)
PORTS: Final = ("port", "webui_port", "console_port")
OF_MONITOR: Final = {"host", *PORTS, "unix_path", "permissions", "name"}
"""Options that are a monitor's arguments; those not given are left to it."""
_OPTIONS = (
    click.option("-H", "--host", help="Where the monitor listens.  [127.0.0.1]"),
    click.option("-p", "--port", type=PORT, help="Its port; 0 takes a free one.  [20101, or next]"),
    click.option("--webui-port", type=PORT, help="The web page's port.  [20102, or the next]"),
    click.option("--console-port", type=PORT, help="The console's port.  [20103, or the next]"),
    click.option(
        "--unix", "unix_path", metavar="PATH", help="Instead: a directory for Unix sockets."
    ),
    click.option("--no-console", is_flag=True, help="Nobody runs Python in the program."),
    click.option("--no-hook", is_flag=True, help="Record nothing of tasks; only look at them."),
    click.option(
        "--permissions",
        type=click.Choice(["read", "act", "exec"]),
        help="What clients may do.  [AIOMONITOR_PERMISSIONS, or exec]",
    ),
    click.option("--name", help="What the monitor is called in `aiomonitor ls`."),
)


def monitor_options(command: _CommandT) -> _CommandT:
    """In the order of the help."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments for `Monitor` that were given."""
    settings = {
        name: value for name, value in options.items() if name in OF_MONITOR and value is not None
    }
    if options["no_console"]:
        settings["console_enabled"] = False
    if options["no_hook"]:
        settings["hook_task_factory"] = False
    return settings


def token_of(options: Mapping[str, Any]) -> str | None:
    """With `--token-from-env`, the one of the environment, which has to be there."""
    token = os.environ.get("AIOMONITOR_TOKEN") or None
    if options["token_from_env"] and token is None:
        raise click.UsageError("--token-from-env: AIOMONITOR_TOKEN is not set: export one")
    return token
