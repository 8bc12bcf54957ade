"""Serves the web page with Hypercorn, on sockets that the monitor has bound.

Runs in the monitor's loop. Hypercorn hangs at the end if a client holds a stream open or does not
read (0.18, Python 3.12 and later, despite its `graceful_timeout`). So the streams are told first,
and what is still connected then is cut off.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import weakref
from typing import TYPE_CHECKING, Any

import anyio
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets
from hypercorn.logging import Logger

from aiomonitor.access import audit
from aiomonitor.access.peers import STRANGER, Peer, tune

from . import limits
from .app import make_app
from .asked import current_peer
from .dropped import telling
from .problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import MutableSet, Sequence

    from aiomonitor.access.gate import Gate

    from .app import WebApp
    from .site import Site

log = logging.getLogger("aiomonitor")

_FAREWELL = 0.25
"""Seconds for open streams to end, and again for connections to close; then they are cut off."""


class Door(socket.socket):
    """A listening socket that counts whom it lets in, and knows them.

    `known` gets them, too: the caller closes what is left of those, in a forked child as well.
    """

    def __init__(self, listener: socket.socket, known: MutableSet[socket.socket]) -> None:
        copy = listener.dup()
        super().__init__(copy.family, copy.type, copy.proto, fileno=copy.detach())
        self.setblocking(False)
        self._known = known
        self._guests: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        known.add(self)

    def accept(self) -> tuple[socket.socket, Any]:
        """The next client; those beyond the limit get an answer and no place."""
        while True:
            guest, address = super().accept()
            peer = Peer.of(guest, address)
            if (problem := self._problem(peer)) is None:
                tune(guest)
                self._guests.add(guest)
                self._known.add(guest)
                # asyncio makes the task of this connection next, with a copy of our context.
                current_peer.set(peer)
                return guest, address
            with guest, contextlib.suppress(OSError):
                guest.setblocking(False)
                guest.send(_answer(problem))

    def _problem(self, peer: Peer) -> Problem | None:
        """Why it is not let in."""
        if peer.is_stranger:
            audit.note(peer.name, "refused (web)", "of another user")
            return Problem(403, STRANGER.strip())
        if sum(each.fileno() >= 0 for each in self._guests) >= limits.CONNECTIONS:
            told = {"Retry-After": "5"}
            return Problem(503, "too many connections to the monitor: close some", told)
        return None

    def cut_off(self) -> None:
        """End every connection, whatever is unsent."""
        for guest in list(self._guests):
            with contextlib.suppress(OSError):
                guest.shutdown(socket.SHUT_RDWR)


def _answer(problem: Problem) -> bytes:
    """To whoever is not let in, and not heard."""
    body = problem.body()
    headers = {
        "Connection": "close",
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        **problem.headers,
    }
    lines = [f"HTTP/1.1 {problem.status} {problem.title}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class _Quiet(Logger):
    """What Hypercorn has to say, on our own logger: never on the application's terminal, and never
    on the loggers of an application that is served by Hypercorn itself."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.error_logger = log

    async def info(self, message: str, *args: Any, **kwargs: Any) -> None:
        log.debug(message, *args, **kwargs)


class _Configuration(Config):
    accesslog = None
    errorlog = None
    logger_class = _Quiet
    include_server_header = False
    backlog = 512
    graceful_timeout = 1.0  # more than it gets
    shutdown_timeout = 1.0
    keep_alive_timeout = limits.KEEP_ALIVE
    h11_max_incomplete_size = limits.HEADERS
    h2_max_header_list_size = limits.HEADERS
    h2_max_concurrent_streams = limits.STREAMS
    websocket_max_message_size = limits.MESSAGE

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors

    def create_sockets(self) -> Sockets:
        return Sockets(secure_sockets=[], insecure_sockets=[*self._doors], quic_sockets=[])


async def serve(
    site: Site,
    listeners: Sequence[socket.socket],
    connections: MutableSet[socket.socket],
    stopping: anyio.Event,
    *,
    gate: Gate,
) -> None:
    """Serve until `stopping` is set, then end within a second.

    `connections` gets every socket that is opened here.
    """
    doors = [Door(listener, connections) for listener in listeners]
    app = make_app(site, gate)
    closing, served = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(app.live.run)
        tasks.start_soon(_run_hypercorn, app, _Configuration(doors), closing, served)
        tasks.start_soon(_end_with, served, stopping)
        await stopping.wait()
        app.live.close()
        app.consoles.close()
        with anyio.move_on_after(_FAREWELL):
            await app.live.all_left()
            await app.consoles.all_left()
        closing.set()
        with anyio.move_on_after(_FAREWELL):
            await served.wait()
        for door in doors:
            door.cut_off()
        with anyio.move_on_after(_FAREWELL):
            await served.wait()
        tasks.cancel_scope.cancel()


async def _run_hypercorn(
    app: WebApp, config: Config, closing: anyio.Event, served: anyio.Event
) -> None:
    try:
        await hypercorn_serve(telling(app), config, shutdown_trigger=closing.wait, mode="asgi")  # type: ignore[arg-type]
    finally:
        served.set()


async def _end_with(served: anyio.Event, stopping: anyio.Event) -> None:
    await served.wait()
    stopping.set()
