"""The port "auto": processes that all start the same way each find free ones, side by side.

Ports are bound, not looked at: of two processes that try the same, one goes on to the next.
"""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from aiomonitor.errors import BindError

from .ports import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from aiomonitor.model.addresses import Port, ServiceName

DEFAULT_PORTS: dict[ServiceName, int] = {"terminal": 20101, "web": 20102, "console": 20103}

_ARGUMENTS = {"terminal": "port", "web": "webui_port", "console": "console_port"}

STEP = len(DEFAULT_PORTS)
"""From one process's ports to the next one's: those of each stay together."""
TRIES = 200
"""Processes whose ports are in a row; those of more are anywhere."""

_TAKEN = {errno.EADDRINUSE, errno.EACCES}  # Windows keeps some ranges to itself


def checked_port(name: str, port: object) -> Port:
    """A number (which may turn out to be none that there is), "auto" or None."""
    if port is None or (isinstance(port, int) and not isinstance(port, bool)):
        return port
    if port == "auto":
        return "auto"
    raise TypeError(f'{name} is {port!r}: give a number, "auto", or None to leave the service out')


def agreed(ports: Mapping[ServiceName, Port]) -> dict[ServiceName, Port]:
    """With the terminal's port "auto", the other services' are it, too, where they were left at
    their defaults: there they would collide as well."""
    checked: dict[ServiceName, Port] = {
        service: checked_port(_ARGUMENTS[service], port) for service, port in ports.items()
    }
    if checked["terminal"] != "auto":
        return checked
    return {
        service: "auto" if port == DEFAULT_PORTS[service] else port
        for service, port in checked.items()
    }


def listen_together(
    services: Sequence[ServiceName], host: str, *, safe: bool
) -> dict[ServiceName, list[socket.socket]]:
    """Sockets at the default ports, or 3 higher, or 6, …: the first place where all are free.

    Raises what `listen` raises, with nothing left open.
    """
    for step in range(TRIES):
        try:
            ports = [DEFAULT_PORTS[service] + STEP * step for service in services]
            return _listen(services, ports, host, safe=safe)
        except BindError as error:
            if error.errno not in _TAKEN:
                raise
    return _listen(services, [0] * len(services), host, safe=safe)


def _listen(
    services: Sequence[ServiceName], ports: Sequence[int], host: str, *, safe: bool
) -> dict[ServiceName, list[socket.socket]]:
    found: dict[ServiceName, list[socket.socket]] = {}
    with contextlib.ExitStack() as undo:
        for service, port in zip(services, ports, strict=True):
            found[service] = listen(service, host, port, safe=safe)
            for each in found[service]:
                undo.enter_context(each)
        undo.pop_all()
    return found
