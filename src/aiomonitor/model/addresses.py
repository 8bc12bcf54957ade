"""Where the services of a monitor listen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ServiceName = Literal["terminal", "web", "console"]

Port = int | Literal["auto"] | None
"""Where a service is to listen: 0 takes a free port, "auto" the default one or the next that is
free, None leaves the service out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where one service listens: at a port of a host, or at a Unix socket; `path` is absolute.

    As text it is what people write, `127.0.0.1:20101` or the path.
    """

    service: ServiceName
    host: str | None = None
    port: int | None = None
    path: str | None = None

    def __str__(self) -> str:
        return self.path if self.path is not None else display(self.host or "", self.port or 0)


def display(host: str, port: int) -> str:
    """An address as people write it: `127.0.0.1:20101`, `[::1]:20101`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
