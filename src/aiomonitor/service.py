"""The monitor's thread: waits for the first client, then serves all of them; and its end.

Until somebody connects the thread sleeps, but for taking over the tasks that have ended, and
nothing is imported: clients wait in the listen queue while it loads what it serves with. This is
where everything meets.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
import weakref
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from .access import audit
from .access.gate import Gate
from .access.peers import STRANGER, Peer, tune
from .failures import Failures
from .pacing import Crowd, Pace, Work, work

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    import anyio

    from .rundir.registration import Registration
    from .terminal.shell import Shell
    from .webui.site import Site

    class Host(Shell, Site, Protocol):
        """What the thread works for: an interpreter that has something to do without clients."""

        def tick(self) -> float | None:
            """Do what is to be done from time to time; the seconds until the next time, or None
            for never again."""
            ...


log = logging.getLogger("aiomonitor")

CLIENT_LIMIT = 250
"""Terminal clients at once; the next ones are told so. Each may hold a worker thread, and hundreds
of objects for Python's garbage collector to go through."""
WEB_FAREWELL = 0.8
"""Seconds in which open pages are told that the monitor closes."""
_ACCEPTED_AT_ONCE = 50
"""Clients of one listener in one round of the loop."""
_REFUSED_READS = 50
"""How often a refused client is listened to, until it has nothing more to say."""
_REFUSED_WITHIN = 1.0
"""Seconds for a client to hear why it is refused."""
_ACCEPT_PAUSE = 0.2
"""Seconds before accepting again when the process has run out of file descriptors."""


class Service:
    """Owns the monitor's thread, its listening sockets and its connections."""

    def __init__(
        self,
        shell: Host,
        listeners: Mapping[socket.socket, str | None],
        token: str | None = None,
        *,
        web: Sequence[socket.socket] = (),
        register: Callable[[], Registration] | None = None,
        backend: str = "asyncio",
    ) -> None:
        self._shell = shell
        self._listeners = dict(listeners)
        """With the one command that a client of it runs, or None."""
        self._web = list(web)
        self._register = register
        self._registration: Registration | None = None
        self._gate = Gate(token)
        self._backend = backend
        self.lost = False  # whether this is a fork, which has no copy of the thread
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        """Of browsers, too: all that is to be closed at the end."""
        self._clients = 0  # of the terminal and the console, now
        crowd = Crowd(self._connections)
        self._pace, self._work_pace = Pace(crowd), Pace(crowd)
        self._failures = Failures()
        self._wake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._main, name="aiomonitor", daemon=True)

    def start(self) -> None:
        """Start the thread; clients can connect already."""
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._thread.start()
        _live.add(self)

    def stop(self, timeout: float) -> None:
        """End the thread and close every socket, within `timeout` seconds. Any thread."""
        with contextlib.suppress(OSError):
            self._waker.send(b"x")
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)
        if self._thread.is_alive():
            log.debug("the monitor's thread is still busy; it ends by itself")
            self._leave()
        self.drop_sockets()

    def drop_sockets(self) -> None:
        """Close all that can be connected to; in a forked child, the child's copies."""
        _live.discard(self)
        for sock in (*self._listeners, *self._web, *self._connections, self._waker):
            sock.close()
        if not self._thread.is_alive():
            self._wake.close()

    def _leave(self) -> None:
        """Be found no longer; if that fails, whoever looks finds nobody there."""
        with contextlib.suppress(Exception):
            if self._registration is not None:
                self._registration.leave()

    # --- the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._enter()
            if self._sleep_until_visited():
                self._serve()
        except Exception:
            log.exception("the monitor has stopped serving; the application is not affected")
        finally:
            self._leave()
            for sock in (*self._listeners, *self._web, self._wake):
                sock.close()

    def _enter(self) -> None:
        """Be found from now on; that this fails is no reason not to serve."""
        with contextlib.suppress(Exception):
            if self._register is not None:
                self._registration = self._register()
                self._registration.enter()

    def _sleep_until_visited(self) -> bool:
        """True once a client waits; False if the monitor closes before any came."""
        with selectors.DefaultSelector() as selector:
            for sock in (self._wake, *self._listeners, *self._web):
                selector.register(sock, selectors.EVENT_READ)
            while not (events := selector.select(self._shell.tick())):
                pass
            ready = [key.fileobj for key, _ in events]
        return self._wake not in ready

    def _serve(self) -> None:
        import anyio

        options: dict[str, Any] = {}
        if self._backend == "asyncio":
            from .own_loop import new_loop

            options = {"debug": False, "loop_factory": partial(new_loop, self._pace)}
        anyio.run(self._serve_all, backend=self._backend, backend_options=options)

    async def _serve_all(self) -> None:
        import anyio
        import anyio.to_thread

        work.set(Work(self._work_pace))
        async with anyio.create_task_group() as tasks:
            # What the first command needs; it loads while the first client is being recognised.
            tasks.start_soon(anyio.to_thread.run_sync, _preload)
            tasks.start_soon(self._tick)
            for listener in self._listeners:
                tasks.start_soon(self._accept, listener, tasks)
            stopping, web_ended = anyio.Event(), anyio.Event()
            tasks.start_soon(self._serve_web, stopping, web_ended)
            await anyio.wait_readable(self._wake)
            stopping.set()
            with anyio.move_on_after(WEB_FAREWELL):
                await web_ended.wait()
            tasks.cancel_scope.cancel()

    async def _serve_web(self, stopping: anyio.Event, ended: anyio.Event) -> None:
        """Wait for the first browser, load what serves it, and serve until we are stopping."""
        import anyio
        import anyio.to_thread

        try:
            if self._web and await self._browser_came(stopping):
                # Under a busy loop that takes seconds, in which terminals are to be served.
                server = await anyio.to_thread.run_sync(import_module, "aiomonitor.webui.server")
                await server.serve(
                    self._shell, self._web, self._connections, stopping, gate=self._gate
                )
        except Exception:
            log.exception("the web page is out of service; the terminal is not affected")
        finally:
            for listener in self._web:
                listener.close()
            ended.set()

    async def _browser_came(self, stopping: anyio.Event) -> bool:
        import anyio

        async with anyio.create_task_group() as tasks:

            async def first(wait: Callable[[], Awaitable[object]]) -> None:
                await wait()
                tasks.cancel_scope.cancel()

            tasks.start_soon(first, stopping.wait)
            for listener in self._web:
                tasks.start_soon(first, partial(anyio.wait_readable, listener))
        return not stopping.is_set()

    async def _tick(self) -> None:
        import anyio

        # There is no event to wait for: the application would have to pay for it.
        while (pause := self._shell.tick()) is not None:  # noqa: ASYNC110
            await anyio.sleep(pause)

    async def _accept(self, listener: socket.socket, tasks: Any) -> None:
        import anyio

        while True:
            await anyio.wait_readable(listener)
            try:
                for _ in range(_ACCEPTED_AT_ONCE):
                    connection, address = listener.accept()
                    self._connections.add(connection)
                    peer, only = Peer.of(connection, address), self._listeners[listener]
                    tasks.start_soon(self._serve_client, connection, peer, only)
            except (BlockingIOError, ConnectionError):
                continue
            except OSError as error:
                log.debug("cannot accept a client: %s", error)
                await anyio.sleep(_ACCEPT_PAUSE)

    async def _serve_client(self, connection: socket.socket, peer: Peer, only: str | None) -> None:
        with connection:
            if refusal := self._refusal(peer):
                await _turn_away(connection, refusal)
                return
            with self._counted():
                await self._serve_session(connection, peer, only)

    async def _serve_session(self, connection: socket.socket, peer: Peer, only: str | None) -> None:
        from .terminal.session import Session
        from .terminal.stream import ClientStream

        try:
            tune(connection)
            stream = ClientStream(connection)
        except OSError as error:
            log.debug("client %s was lost: %s", peer.name, error)
            return
        try:
            # Its stream tells it, if the connection breaks: that is no error.
            await Session(self._shell, stream, peer, self._gate, only=only).run()
        except Exception as error:
            # A bug of ours costs this client its connection, and nobody else anything.
            self._failures.note(peer.name, error)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1

    def _refusal(self, peer: Peer) -> str:
        """Why a client is not let in, or an empty string."""
        if peer.is_stranger:
            audit.note(peer.name, "refused", "of another user")
            return STRANGER
        if self._clients >= CLIENT_LIMIT:
            return f"too many clients ({CLIENT_LIMIT}): try again later\n"
        return ""


async def _turn_away(connection: socket.socket, refusal: str) -> None:
    """Say why, and hang up after the client: what it has said already and nobody has read would
    take our words with it."""
    import anyio

    with contextlib.suppress(OSError), anyio.move_on_after(_REFUSED_WITHIN):
        connection.send(refusal.encode())
        connection.shutdown(socket.SHUT_WR)
        connection.setblocking(False)
        for _ in range(_REFUSED_READS):
            try:
                if not connection.recv(1 << 16):
                    break
            except BlockingIOError:  # at once what is there already: many others may be first
                await anyio.wait_readable(connection)


def _preload() -> None:
    """That it fails, since no file is left, say, is for the command to tell that needs it."""
    with contextlib.suppress(Exception):
        import_module("aiomonitor.commands.readiness")


_live: weakref.WeakSet[Service] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    """The child has no monitor's thread, but copies of its sockets: it must not hold them open."""
    for service in list(_live):
        service.lost = True
        service.drop_sockets()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
