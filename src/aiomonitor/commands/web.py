"""The command `web`, and the links that let a browser in; loads nothing of the web service."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from aiomonitor.errors import CommandError
from aiomonitor.model.addresses import display

from . import CommandInterpreter

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.doors import Place

TICKET_LIFE = 120.0
"""Seconds in which a link has to be opened."""
TICKETS = 20
"""Unused links at once; an older one than these is void."""


class Tickets:
    """Admissions that work once. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._issued: dict[str, float] = {}

    def issue(self) -> str:
        """A new one."""
        import secrets  # here, because importing aiomonitor is to be cheap

        ticket = secrets.token_urlsafe(32)
        with self._lock:
            self._issued[ticket] = self._clock() + TICKET_LIFE
            while len(self._issued) > TICKETS:
                del self._issued[next(iter(self._issued))]
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Whether it is valid; it is not any more afterwards.

        Looked up as it is, not compared in constant time: nobody can learn 256 random bits from
        how long a dictionary takes, in the two minutes before they are void.
        """
        with self._lock:
            expires = self._issued.pop(ticket, None)
        return expires is not None and self._clock() <= expires


class WebCommand(CommandInterpreter):
    """Tells where the page is."""

    _token: str | None
    _place: Place

    def __init__(self) -> None:
        super().__init__()
        self.tickets: Tickets = Tickets()

    def web_link(self) -> str | None:
        """Where the page is; None if it is left out, or at a Unix socket, where no browser finds
        it. With a token set, the link lets a browser in once, within `TICKET_LIFE` seconds."""
        port = self._place.port("web")
        if port is None:
            return None
        return f"http://{display(_reachable(self._place.host), port)}/{self._way_in()}"

    def _way_in(self) -> str:
        return "" if self._token is None else f"login?ticket={self.tickets.issue()}"

    def do_web(self) -> None:
        """Tell where the web page is: open the link in a browser.

        With a token set, the link lets one browser in, once, within two minutes.
        """
        address = self._place.address("web")
        if address is None:
            raise CommandError("there is no web page: the monitor was started with webui_port=None")
        link = self.web_link()
        self._write(f"{link}\n" if link else _at_a_socket(str(address.path), self._way_in()))


def _at_a_socket(path: str, way_in: str) -> str:
    return (
        f"the web page is at the Unix socket {path}\n"
        f"on your own machine: ssh -L 20102:{path} THIS-MACHINE, then open "
        f"http://localhost:20102/{way_in}\n"
    )


def _reachable(host: str) -> str:
    """A host that can be connected to, for one that means "every address"."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
