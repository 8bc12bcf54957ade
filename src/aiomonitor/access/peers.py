"""Who is at the other end of a connection, and whether that may be; stdlib only.

At a port it is an address. At a Unix socket the kernel tells which user connected, and with which
process, where it has SO_PEERCRED.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any

from aiomonitor.model.addresses import display

STRANGER = "this monitor belongs to another user: only that user and root may connect\n"

_CREDENTIALS = struct.Struct("iII")  # pid, uid, gid
_ROOT = 0
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The other end of a connection. `origin` is what all connections of one host have, or of one
    user of this machine; `uid` and `pid` are there where they can be known."""

    name: str
    origin: str = ""
    uid: int | None = None
    pid: int | None = None

    @classmethod
    def of(cls, connection: socket.socket, address: Any) -> Peer:
        """Of a connection that `accept` gave, with that address. Raises nothing."""
        if not is_unix(connection):
            return cls(name=display(*address[:2]), origin=_network(address[0]))
        try:
            level, option = socket.SOL_SOCKET, socket.SO_PEERCRED
            told = connection.getsockopt(level, option, _CREDENTIALS.size)
        except (AttributeError, OSError):  # not on macOS
            return cls(name="unix", origin="unix")
        pid, uid, _ = _CREDENTIALS.unpack(told)
        # One of another PID namespace has the number 0.
        name = f"unix, uid {uid}"
        return cls(name=f"{name}, pid {pid}" if pid else name, origin=name, uid=uid, pid=pid)

    @property
    def is_stranger(self) -> bool:
        """Whether it is of another user, who has no business here.

        The directory keeps them out already. This holds also if somebody opens it later on.
        """
        return self.uid is not None and self.uid not in (_ROOT, os.geteuid())


def _network(host: str) -> str:
    """Of IPv6 the first half: whoever has one address there has all with the same."""
    try:
        return socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8].hex()
    except OSError:
        return host


def is_unix(connection: socket.socket) -> bool:
    """Whether it is of a Unix socket; not every system has such."""
    return connection.family == getattr(socket, "AF_UNIX", None)


def tune(connection: socket.socket) -> None:
    """Have what is sent go out at once, without the wait of 40 ms for the acknowledgement of what
    was sent before; and notice within two minutes that a machine is no more, or that a program has
    ended in silence. Raises nothing: one that is gone already is noticed where it is read."""
    if is_unix(connection):
        return
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            if hasattr(socket, option):  # else the system's own: two hours
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
