"""What a console's code prints, until it is sent: any thread writes, and none ever waits."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections import deque

UNREAD_LIMIT = 1024 * 1024
"""Characters that a console's code may be ahead of its client; the loop's thread can't wait."""


class Printed:
    """The text of one console that is on its way. Any thread, but for `take`: one at a time.

    Writers take no lock. Ctrl-C raises in the midst of whatever the typed code does, in a write as
    well: a lock that Python code lets go of would stay taken, and the loop would wait for it at the
    next `print`. What writers count without one may be off by what two threads print at a time.
    """

    def __init__(self) -> None:
        self._parts: deque[str] = deque()
        self._size = 0
        self._lost = 0
        self._news = threading.Lock()
        """Free if something was written since it was last looked for."""
        self._news.acquire()
        self.is_closed = False

    def write(self, text: str) -> int:
        """Keep the text, or what there is room for."""
        kept = text[: max(UNREAD_LIMIT - self._size, 0)]
        self._lost += len(text) - len(kept)
        if kept:
            self._size += len(kept)
            self._parts.append(kept)
        self._wake()
        return len(text)

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # it is free already
            self._news.release()

    def take(self) -> str:
        """All of it, and how much was too much."""
        self._size = 0
        lost, self._lost = self._lost, 0
        parts = [self._parts.popleft() for _ in range(len(self._parts))]
        if lost:
            parts.append(f"\n[{lost} characters are missing: printed faster than sent]\n")
        return "".join(parts)

    def wait(self) -> bool:
        """Until there is something to take: true; or until the console is closed: false."""
        while not (self._parts or self.is_closed):
            self._news.acquire()
        return not self.is_closed

    def close(self) -> None:
        """The client has left: what is printed from now on is the application's own."""
        self.is_closed = True
        self._wake()


_target: contextvars.ContextVar[Printed | None] = contextvars.ContextVar(
    "aiomonitor_console", default=None
)


def direct_to(printed: Printed) -> contextvars.Context:
    """A context whose output is this console's; tasks inherit it."""
    context = contextvars.Context()
    context.run(_target.set, printed)
    return context


def current() -> Printed | None:
    """The console whose code runs here, if it is open."""
    printed = _target.get()
    return None if printed is None or printed.is_closed else printed
