"""What a monitor listens on: the sockets of all its services, or of none. No event loop."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .listeners import display, listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping

ONLY = {"terminal": None, "console": "console"}
"""The one command that clients of a service run, or None for all; the web has no such clients."""


class Doors:
    """The listening sockets, by service: "terminal", "console" and "web".

    Made in the thread that starts the monitor, so that it is told what cannot be had.
    """

    def __init__(self, host: str, ports: Mapping[str, int | None], *, safe: bool) -> None:
        """A port that is None leaves its service out. Raises what `listen` raises, with nothing
        left open."""
        self._found: dict[str, list[socket.socket]] = {}
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            for service, port in ports.items():
                if port is not None:
                    self._found[service] = listen(service, host, port, safe=safe)
            undo.pop_all()

    @property
    def ports(self) -> dict[str, int]:
        """The real ones of those services that there are."""
        return {service: found[0].getsockname()[1] for service, found in self._found.items()}

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

    def close(self) -> None:
        """Listen no longer."""
        for each in self:
            each.close()


def described(host: str, ports: Mapping[str, int | None]) -> str:
    """Where the services listen, for people."""
    places = (
        f"{service} at {display(host, port)}" for service, port in ports.items() if port is not None
    )
    return ", ".join(places) or "listens nowhere"
