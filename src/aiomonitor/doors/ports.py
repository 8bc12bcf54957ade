"""Listening sockets, bound in the caller's thread so that errors are raised where the user stands.

Stdlib only, and no event loop: the monitor's thread serves the sockets later.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

from aiomonitor.errors import BindError, UnsafeAddressError
from aiomonitor.model.addresses import display

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG = 1024
"""Clients that may wait while the monitor's thread imports what it serves with."""

_LOOPBACK_NET = 127
"""The first byte of all of IPv4's addresses that stay in the machine."""
_LOOPBACK_6 = bytes(15) + b"\1"

_PORT_TRIES = 16
"""How often a free port is sought that is free on every address of the host."""


def listen(service: str, host: str, port: int, *, safe: bool) -> list[socket.socket]:
    """Sockets that listen at every address of `host`, on one port; `port` 0 takes a free one.

    Raises `BindError` if any of them cannot, leaving none open, and `UnsafeAddressError` for an
    address beyond loopback unless `safe`.
    """
    addresses = _resolve(service, host, port)
    if not safe:
        _refuse_beyond_loopback(service, host, addresses)
    for attempt in range(_PORT_TRIES):
        try:
            return _bind_all(addresses, port)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            if port == 0 and taken and attempt < _PORT_TRIES - 1:
                continue
            raise _bind_error(service, host, port, error) from error
    raise AssertionError("the last try returns or raises")


def _resolve(service: str, host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    if not 0 <= port <= 65535:
        raise BindError(
            errno.EINVAL,
            f'{service}: {port!r} is no port: give 0 to 65535, "auto", or None to leave it out',
        )
    if not host:
        raise UnsafeAddressError(
            f"{service}: an empty host would mean every network interface: give 127.0.0.1, or "
            "0.0.0.0 with a token"
        )
    # For text the codec of international names is loaded, with tables of Unicode: 0.4 MB.
    name = host.encode() if host.isascii() else host
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise _bind_error(service, host, port, error) from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))  # type: ignore[misc]


def _refuse_beyond_loopback(
    service: str, host: str, addresses: Sequence[tuple[int, tuple[str, int]]]
) -> None:
    for family, address in addresses:
        if not _is_loopback(family, address[0]):
            raise UnsafeAddressError(
                f"{service}: {host} can be reached from other machines, and whoever connects can "
                "control this process: bind 127.0.0.1, or set a token (token= or AIOMONITOR_TOKEN)"
            )


def _is_loopback(family: int, address: str) -> bool:
    """As `ipaddress` tells, which takes 0.2 MB; an IPv4 address in an IPv6 one is not."""
    packed = socket.inet_pton(family, address.partition("%")[0])
    return packed[0] == _LOOPBACK_NET if family == socket.AF_INET else packed == _LOOPBACK_6


def _bind_all(addresses: Sequence[tuple[int, tuple[str, int]]], port: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    refused = OSError(errno.EADDRNOTAVAIL, "no address")
    with contextlib.ExitStack() as undo:
        for family, address in addresses:
            try:
                listener = _bind(family, (address[0], port, *address[2:]))
            except OSError as error:
                # "localhost" may name ::1 on a machine that has no IPv6: one address is enough.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                refused = error
                continue
            bound.append(undo.enter_context(listener))
            port = listener.getsockname()[1]
        if not bound:
            raise refused
        undo.pop_all()
    return bound


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # Skips the wait for old connections; two listeners still collide (never REUSEPORT).
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _bind_error(service: str, host: str, port: int, error: Exception) -> BindError:
    code = getattr(error, "errno", None)
    reason = getattr(error, "strerror", None) or str(error)
    remedy = {
        errno.EADDRINUSE: "another process, or another monitor, listens there: give another port, "
        '"auto" or 0 for a free one, or None to leave the service out',
        errno.EACCES: "ports below 1024 need privileges: give another one",
        errno.EADDRNOTAVAIL: "the address is none of this machine's: give 127.0.0.1 or ::1",
    }.get(code or 0, "give 127.0.0.1 or ::1" if isinstance(error, socket.gaierror) else "")
    message = f"{service} cannot listen on {display(host, port)}: {reason}"
    return BindError(code, f"{message}; {remedy}" if remedy else message)
