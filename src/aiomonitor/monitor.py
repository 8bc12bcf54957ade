"""`Monitor` and `start_monitor`: the life cycle that applications use.

Imports no user interface and no runtime: what serves clients is loaded by the monitor's own thread
when the first of them connects.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from . import evidence, settings
from .access.gate import checked_token
from .backends import detect
from .commands.about import AboutCommand
from .commands.builtin import BuiltinCommands
from .commands.console import ConsoleCommand
from .commands.dump import DumpCommand
from .commands.greeting import Greeting
from .commands.web import WebCommand
from .crew import Crew
from .doors import Doors, Place, directory_of
from .doors.auto import agreed
from .errors import AiomonitorError
from .naming import checked_name
from .permissions import DISABLE, granted, is_disabled

if TYPE_CHECKING:
    import os
    from types import TracebackType

    from typing_extensions import TypeVar

    from .model import Address
    from .model.addresses import Port
    from .permissions import Permission
else:
    from typing import TypeVar

log: logging.Logger = logging.getLogger("aiomonitor")

MONITOR_HOST = "127.0.0.1"
MONITOR_TERMUI_PORT = 20101
MONITOR_PORT = MONITOR_TERMUI_PORT
MONITOR_WEBUI_PORT = 20102
CONSOLE_PORT = 20103

CLOSE_TIMEOUT = 2.0
"""Seconds after which `close()` returns, whatever the clients do."""


if TYPE_CHECKING:
    # The default tells type checkers what `start_monitor(loop)` makes; Python has it since 3.13.
    _MonitorT = TypeVar("_MonitorT", bound="Monitor", default="Monitor")
else:
    _MonitorT = TypeVar("_MonitorT", bound="Monitor")


class Monitor(BuiltinCommands, AboutCommand, ConsoleCommand, WebCommand, DumpCommand, Greeting):
    """Watches one event loop and answers its clients from a thread of its own.

    Add commands by subclassing: each method `do_<name>` is one. Takes the arguments of
    `start_monitor`, but for `monitor`, and watches from `start()` to `close()`; an instance can be
    started once. `start` and `close` may be called from any thread.
    """

    def __init__(
        self,
        loop: object | None = None,
        host: str | None = None,
        port: Port = MONITOR_PORT,
        webui_port: Port = MONITOR_WEBUI_PORT,
        console_port: Port = CONSOLE_PORT,
        console_enabled: bool = True,
        locals: dict[str, Any] | None = None,
        *,
        hook_task_factory: bool = True,
        max_termination_history: int = 1000,
        token: str | None = None,
        permissions: Permission | None = None,
        name: str | None = None,
        unix_path: str | os.PathLike[str] | None = None,
        dump_signal: int | str | None = None,
    ) -> None:
        super().__init__()
        self._name = checked_name(name)
        self.permissions: Permission = granted(permissions)
        self._hooked = settings.checked_hooking(hook_task_factory)
        self._history = settings.checked_history(max_termination_history)
        self._loop = loop
        runs_code = console_enabled and self.permissions == "exec"
        console = console_port if runs_code else None
        self._place = Place(
            host=MONITOR_HOST if host is None else host,
            ports=agreed({"terminal": port, "web": webui_port, "console": console}),
            directory=directory_of(unix_path, host),
        )
        self._console_enabled = console_enabled
        self._locals = locals
        self._token = checked_token(token)
        self._dump_signal = settings.checked_signal(dump_signal)
        self._crew: Crew | None = None
        self._started = False
        self._closed = False
        self._disabled = is_disabled()
        self._lifecycle = threading.Lock()

    def start(self) -> None:
        """Listen, and begin to watch; returns when clients can connect.

        Works whole or raises: `BindError` (an `OSError`) for a port or socket that cannot be had,
        `UnsafeAddressError`, `NoEventLoopError`, `UnsupportedLoopError`.
        """
        from .service import Service

        with self._lifecycle:
            if self._closed or self._started:
                state = "closed" if self._closed else "already started"
                raise AiomonitorError(f"this monitor is {state}: make a new one")
            if self._disabled:
                self._start_nothing()
                self._started = True
                return
            self._observe(detect(self._loop, hooked=self._hooked), self._history)
            with Doors(self._place, safe=self._token is not None) as doors:
                self._place = doors.place
                enter = partial(self._registration, self._place)
                service = Service(self, doors.terminals, self._token, web=doors.web, register=enter)
            crew = Crew(service, self._watchdog, self._patrol)
            try:
                self._backend.attach()
                evidence.join(self, self._dump_signal)
                crew.start()
            except BaseException:
                evidence.leave(self)
                crew.abandon()
                self._backend.detach()
                raise
            self._crew = crew
            self._started = True

    def _start_nothing(self) -> None:
        """Queries of the application's own are answered, as far as that touches nothing."""
        self._place = self._place.nowhere()
        with contextlib.suppress(AiomonitorError):
            self._observe(detect(self._loop, hooked=False), 0)
        log.info("no monitor: %s is set", DISABLE)

    def close(self) -> None:
        """Stop serving and watching. Idempotent; returns within `CLOSE_TIMEOUT` seconds, always.

        Commands that still run are interrupted; a client is told nothing but the end of its
        connection. The application's tasks are left alone.
        """
        if self.closed:
            return  # without the lock: in a forked child nobody may be left to release it
        with self._lifecycle:
            if self._closed:
                return
            until = time.monotonic() + CLOSE_TIMEOUT
            try:
                evidence.leave(self)  # which waits for a dump of this run that is being made
            finally:
                self._closed = True
                if self._crew is not None:
                    self._crew.stop(until - time.monotonic())
                    self._backend.detach()

    @property
    def closed(self) -> bool:
        """Whether `close()` was called, or the process is a fork of the one that was monitored."""
        return self._closed or (self._crew is not None and self._crew.lost)

    @property
    def host(self) -> str:
        """Where the services listen, as it was given; of no meaning with `unix_path`."""
        return self._place.host

    @property
    def port(self) -> int | None:
        """The terminal service's port: the real one after `start()`; None if it has none."""
        return self._place.port("terminal")

    @property
    def webui_port(self) -> int | None:
        """The web page's port: the real one after `start()`; None if it has none."""
        return self._place.port("web")

    @property
    def console_port(self) -> int | None:
        """The console's port: the real one after `start()`; None if it has none."""
        return self._place.port("console")

    @property
    def unix_path(self) -> str | None:
        """The directory of the Unix sockets, absolute; None if the services have ports."""
        return self._place.directory

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where each service listens that there is, after `start()`: at a port or a socket."""
        return self._place.addresses

    def __enter__(self: _MonitorT) -> _MonitorT:
        if not self._started:
            self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self: _MonitorT) -> _MonitorT:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.closed:
            state = "closed"
        elif self._disabled:
            state = f"disabled by {DISABLE}"
        elif self._crew is None:
            state = "not started"
        else:
            state = str(self._place)
        return f"<{type(self).__name__} {state}>"


def start_monitor(
    loop: object | None = None,
    monitor: type[_MonitorT] = Monitor,  # type: ignore[assignment]  # the default is for any subclass
    host: str | None = None,
    port: Port = MONITOR_PORT,
    webui_port: Port = MONITOR_WEBUI_PORT,
    console_port: Port = CONSOLE_PORT,
    console_enabled: bool = True,
    locals: dict[str, Any] | None = None,
    *,
    hook_task_factory: bool = True,
    max_termination_history: int = 1000,
    token: str | None = None,
    permissions: Permission | None = None,
    name: str | None = None,
    unix_path: str | os.PathLike[str] | None = None,
    dump_signal: int | str | None = None,
    monitor_cls: type[_MonitorT] | None = None,
    termui_port: Port = None,
) -> _MonitorT:
    """Make a monitor, start it, and return it; use it in a `with` statement, or `close()` it.

    `loop` is the event loop to watch, or the `trio.lowlevel.TrioToken` of a run on trio; None means
    the run that the calling thread is inside, else its current event loop. `monitor` is the class
    to make. `host` is where to listen (`MONITOR_HOST` if None); anything but loopback needs a
    `token`, which every client is then asked for (also taken from the environment,
    `AIOMONITOR_TOKEN`). `port` is the terminal's; 0 takes a free one, None leaves the service out.
    "auto" takes the default one, or else the next that is free; for the ports that are left at
    their defaults, too, so that several workers can start the same way. `webui_port` is the web
    page's. `console_port` is the same for the Python console, which the terminal's command
    `console` opens, too; with `console_enabled` false there is none. It finds the names of
    `locals`.

    With `hook_task_factory` the monitor records who creates and who cancels each task, and how it
    ends. It remembers the last `max_termination_history` tasks that ended (0 for none), and those
    marked with `aiomonitor.utils.preserve_termination_log` beyond that. Without it, tasks are
    listed and inspected all the same, and the loop is not touched.

    `permissions` is what clients may do: "read" to look alone, "act" to cancel, send signals and
    run commands of your own, too, "exec" to run Python besides. None takes that from the
    environment, `AIOMONITOR_PERMISSIONS`, or else "exec". With `AIOMONITOR_DISABLE=1` there is a
    monitor that neither listens nor watches.

    `name` is what the application is called where several are told apart; None means the script's
    name without `.py`, or that of the package for `python -m package`.

    `unix_path` is a directory in which the services listen instead of at ports: `terminal.sock`,
    `web.sock` and `console.sock`; a service whose port is None is left out of it, too. The
    directory is made if it is missing, and has to be this user's alone (mode 0700). It excludes
    `host`.

    On `dump_signal`, as `signal.SIGQUIT` or "QUIT" (None: AIOMONITOR_DUMP_SIGNAL, or none), `dump`
    writes to stderr, or adds to the file that AIOMONITOR_DUMP_FILE names. POSIX only.

    `monitor_cls` and `termui_port` are older spellings of `monitor` and `port`.

    Raises what `Monitor.start` raises; nothing is left running then.
    """
    instance = (monitor_cls or monitor)(
        loop,
        host=host,
        port=port if termui_port is None else termui_port,
        webui_port=webui_port,
        console_port=console_port,
        console_enabled=console_enabled,
        locals=locals,
        hook_task_factory=hook_task_factory,
        max_termination_history=max_termination_history,
        token=token,
        permissions=permissions,
        name=name,
        unix_path=unix_path,
        dump_signal=dump_signal,
    )
    instance.start()
    return instance
