"""What a monitor listens on: the sockets of all its services, or of none. No event loop."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, get_args

from aiomonitor.model.addresses import Address, Port, ServiceName

from .auto import listen_together
from .ports import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

SERVICES: tuple[ServiceName, ...] = get_args(ServiceName)
ONLY: dict[ServiceName, str | None] = {"terminal": None, "console": "console"}
"""The one command that clients of a service run, or None for all; the web has no such clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the services are to listen, and then where they do: at ports of `host`, or, with a
    `directory`, at Unix sockets in that. A service whose port is None is left out of both."""

    host: str
    ports: Mapping[ServiceName, Port]
    directory: str | None = None

    def address(self, service: ServiceName) -> Address | None:
        """Of a service, unless it is left out."""
        port = self.ports[service]
        if port is None:
            return None
        if self.directory is not None:
            return Address(service=service, path=_socket_in(self.directory, service))
        if port == "auto":
            return None  # not yet known
        return Address(service=service, host=self.host, port=port)

    def port(self, service: ServiceName) -> int | None:
        """Of a service that has one."""
        address = self.address(service)
        return None if address is None else address.port

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of all services that there are."""
        return tuple(filter(None, map(self.address, SERVICES)))

    def nowhere(self) -> Place:
        """The same without any service."""
        return replace(self, ports=dict.fromkeys(SERVICES))

    def __str__(self) -> str:
        places = (f"{each.service} at {each}" for each in self.addresses)
        return ", ".join(places) or "listens nowhere"


def _socket_in(directory: str, service: ServiceName) -> str:
    from .unix import SUFFIX

    return f"{directory.rstrip('/')}/{service}{SUFFIX}"


def directory_of(unix_path: str | os.PathLike[str] | None, host: str | None) -> str | None:
    """The directory, absolute, since the process may go to another one. Raises `ValueError`."""
    if unix_path is None:
        return None
    path = os.fspath(unix_path)
    if not isinstance(path, str):
        raise TypeError(f"unix_path is {unix_path!r}: give a str, or a pathlib.Path")
    if not path or "\0" in path:
        raise ValueError(f"unix_path is {path!r}: give a directory, in which sockets are made")
    if host is not None:
        raise ValueError(f"host={host!r} and unix_path={path!r} exclude each other: give one")
    return os.path.abspath(path)  # noqa: PTH100 - pathlib is slow to import, and keeps the ".."


class Doors:
    """The listening sockets, by service.

    Made in the thread that starts the monitor, so that it is told what cannot be had.
    """

    def __init__(self, place: Place, *, safe: bool) -> None:
        """Raises what `listen` and `SocketDirectory` raise, with nothing left open."""
        self._place = place
        self._found: dict[ServiceName, list[socket.socket]] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            if place.directory is None:
                self._open_ports(safe=safe)
            else:
                self._open_files(place.directory)
            undo.pop_all()

    def _open_ports(self, *, safe: bool) -> None:
        host, ports = self._place.host, self._place.ports
        for service, port in ports.items():
            if port is not None and port != "auto":
                self._found[service] = listen(service, host, port, safe=safe)
        together: list[ServiceName] = [service for service, port in ports.items() if port == "auto"]
        self._found.update(listen_together(together, host, safe=safe))

    def _open_files(self, path: str) -> None:
        from .unix import SocketDirectory

        with SocketDirectory(path) as directory:
            for service in SERVICES:
                if self._place.ports[service] is not None:
                    self._found[service] = [directory.listen(service)]
                else:
                    directory.clear(service, busy=False)

    @property
    def place(self) -> Place:
        """With the real ports of those services that there are."""
        if self._place.directory is not None:
            return self._place
        real = {service: found[0].getsockname()[1] for service, found in self._found.items()}
        return replace(self._place, ports={**self._place.ports, **real})

    @property
    def terminals(self) -> dict[socket.socket, str | None]:
        """Those for text clients, with the one command that a client of it runs, or None."""
        return {each: only for name, only in ONLY.items() for each in self._found.get(name, ())}

    @property
    def web(self) -> list[socket.socket]:
        """Those for browsers."""
        return self._found.get("web", [])

    def __iter__(self) -> Iterator[socket.socket]:
        for found in self._found.values():
            yield from found

    def __enter__(self) -> Doors:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """They stay open, unless something fails."""
        if kind is not None:
            self.close()

    def close(self) -> None:
        """Listen no longer."""
        for each in self:
            each.close()
