"""What a request says about itself, and who makes it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiomonitor.access.peers import Peer
from aiomonitor.model.addresses import display

from .problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    Scope = dict[str, Any]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

current_peer: ContextVar[Peer] = ContextVar("aiomonitor_web_peer")
"""Who is at the other end of a connection: at a Unix socket the scope has no client."""

_NOBODY = Peer(name="a client")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says about itself. Header names are in lower case; each has all its values."""

    method: str
    target: str
    path: str
    headers: Mapping[str, list[str]]
    websocket: bool = False
    peer: Peer = _NOBODY

    @classmethod
    def of(cls, scope: Scope) -> Asked:
        """From an ASGI scope."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin1").lower(), []).append(value.decode("latin1"))
        query = scope.get("query_string") or b""
        target = (scope.get("raw_path") or b"") + (b"?" + query if query else b"")
        return cls(
            method=scope.get("method", "GET"),
            target=target.decode("latin1"),
            path=scope["path"],
            headers=headers,
            websocket=scope["type"] == "websocket",
            peer=peer_of(scope),
        )

    def one(self, name: str) -> str:
        """A header's value, or an empty string; refused if there are several."""
        values = self.headers.get(name, [""])
        if len(values) > 1:
            raise Problem(400, f"the header {name} is there {len(values)} times")
        return values[0].strip()

    @property
    def changes_state(self) -> bool:
        """Whether it may do something."""
        return self.websocket or self.method not in SAFE_METHODS

    @property
    def wants_page(self) -> bool:
        """Whether a person would read the answer."""
        accepted = ",".join(self.headers.get("accept", []))
        return self.method in ("GET", "HEAD") and "text/html" in accepted and not self.websocket


def peer_of(scope: Scope) -> Peer:
    """Who asks."""
    client = scope.get("client")
    name = display(*client[:2]) if client else "a client"
    return current_peer.get(Peer(name=name))
