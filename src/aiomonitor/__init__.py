"""aiomonitor: the live monitor of an asynchronous Python program."""

from .errors import (
    AiomonitorError,
    BindError,
    CommandError,
    NoEventLoopError,
    TaskNotFoundError,
    UnsafeAddressError,
    UnsupportedLoopError,
)
from .evidence import dump
from .monitor import (
    CONSOLE_PORT,
    MONITOR_HOST,
    MONITOR_PORT,
    MONITOR_TERMUI_PORT,
    MONITOR_WEBUI_PORT,
    Monitor,
    start_monitor,
)
from .version import __version__ as __version__

pytest_plugins = ("aiomonitor.testing.plugin",)
"""What `pytest -p aiomonitor` loads; a name that pytest looks for."""

__all__ = [
    "CONSOLE_PORT",
    "MONITOR_HOST",
    "MONITOR_PORT",
    "MONITOR_TERMUI_PORT",
    "MONITOR_WEBUI_PORT",
    "AiomonitorError",
    "BindError",
    "CommandError",
    "Monitor",
    "NoEventLoopError",
    "TaskNotFoundError",
    "UnsafeAddressError",
    "UnsupportedLoopError",
    "dump",
    "start_monitor",
]
