"""Event streams: one look for all pages that show the same, seldom, and only what changed.

All pages' events go out in one go, once a second at most: each time the monitor's threads want the
GIL, a busy loop is held up.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from aiomonitor.pacing import counted

from . import limits
from .problems import Problem
from .views import event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from .api import Desk
    from .views import Look, View

log = logging.getLogger("aiomonitor")

INTERVAL = 1.0
"""Seconds between two events of a kind."""
SHARE = 0.01
"""The part of the time that may be spent on looking; a dear look comes less often."""
LONGEST = 30.0
"""Seconds until the next look, however dear."""
RETRY = b"retry: 2000\n\n"
"""After so many milliseconds a page whose stream has ended asks again."""


class Subscriber:
    """One stream. Keeps one message at most: who reads slowly gets the newest state instead."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._pending = b""
        self._ready = anyio.Event()
        self._ended = False
        self.knows_view = False  # whether what is new is all that it has to be told

    def offer(self, status: bytes, look: Look | None, changes: bytes) -> None:
        """Hand over what is to be sent next."""
        if self._pending:
            self.knows_view = False  # it has not taken what was there
        if look is not None and not self.knows_view:
            changes = look.whole()
            self.knows_view = True
        self._pending = status + changes
        self._ready.set()

    def end(self) -> None:
        """There is nothing more."""
        self._ended = True
        self._ready.set()

    async def next(self) -> bytes:
        """What is to be sent; empty at the end."""
        await self._ready.wait()
        self._ready = anyio.Event()
        message, self._pending = self._pending, b""
        return b"" if self._ended else message


class _Watched:
    """A view that somebody watches."""

    def __init__(self) -> None:
        self.look: Look | None = None
        self.changes = b""
        self.due = 0.0


class Live:
    """All streams of one server; in the monitor's loop, but for the looks."""

    def __init__(self, desk: Desk, clock: Callable[[], float] = time.monotonic) -> None:
        self._desk = desk
        self._clock = clock
        self._subscribers: list[Subscriber] = []
        self._views: dict[View, _Watched] = {}
        self._called = anyio.Event()
        self._left = anyio.Event()
        self._closed = False

    def check_room(self) -> None:
        """Refuse a stream too many."""
        if self._closed or len(self._subscribers) >= limits.STREAMS:
            raise Problem(
                503,
                f"there are {limits.STREAMS} event streams already: close some pages",
                {"Retry-After": "5"},
            )

    async def stream(self, view: View) -> AsyncGenerator[bytes, None]:
        """The events of one page, until it leaves or the monitor closes."""
        subscriber = Subscriber(view)
        self._subscribers.append(subscriber)
        self._views.setdefault(view, _Watched())
        self._called.set()
        try:
            yield RETRY
            while not self._closed and (message := await subscriber.next()):
                yield message
        finally:
            self._subscribers.remove(subscriber)
            if all(other.view != view for other in self._subscribers):
                del self._views[view]
            self._left.set()

    async def run(self) -> None:
        """Serve the streams; nothing happens while there are none."""
        while not self._closed:
            await self._called.wait()
            self._called = anyio.Event()
            while self._subscribers and not self._closed:
                began = self._clock()
                await self._beat()
                with anyio.move_on_after(max(0.0, began + INTERVAL - self._clock())):
                    await self._called.wait()
                    self._called = anyio.Event()

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        self._called.set()
        for subscriber in self._subscribers:
            subscriber.end()

    async def all_left(self) -> None:
        """Wait until the streams have ended."""
        while self._subscribers:
            self._left = anyio.Event()
            await self._left.wait()

    async def _beat(self) -> None:
        """Look once at all that is due, and tell everybody."""
        now = self._clock()
        due = {view: watched for view, watched in self._views.items() if watched.due <= now}
        try:
            status = await anyio.to_thread.run_sync(self._look, due, abandon_on_cancel=True)
        except Exception:  # a bug of ours costs this beat
            log.exception("the event streams have nothing to tell")
            return
        for subscriber in self._subscribers:
            watched = self._views[subscriber.view]
            changes = watched.changes if subscriber.view in due else b""
            subscriber.offer(status, watched.look, changes)

    def _look(self, due: dict[View, _Watched]) -> bytes:
        """In a worker thread: all of it in one, which costs the application least."""
        with counted(), self._desk.tally.look():
            return self._looked(due)

    def _looked(self, due: dict[View, _Watched]) -> bytes:
        for view, watched in due.items():
            began = time.thread_time()  # without the rests that many clients cost
            look = view.look(self._desk, watched.look) if view.name != "overview" else None
            if look is not None:
                watched.changes = look.since(watched.look) if watched.look else look.whole()
                watched.look = look
            cost = (time.thread_time() - began) * len(due)
            watched.due = self._clock() + min(LONGEST, max(0.9 * INTERVAL, cost / SHARE))
        return event("status", self._desk.sampler.status(newest=True))
