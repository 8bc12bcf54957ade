"""What a console's code prints, until it is sent: any thread writes, and none ever waits."""

from __future__ import annotations

import contextvars
import threading
from collections import deque

UNREAD_LIMIT = 1024 * 1024
"""Characters that a console's code may be ahead of its client; the loop's thread can't wait."""


class Printed:
    """The text of one console that is on its way. Any thread, but for `take`: one at a time."""

    def __init__(self) -> None:
        # Reentrant, as a signal handler or a finaliser may print in the middle of a write.
        self._changed = threading.Condition()
        self._parts: deque[str] = deque()
        self._size = 0
        self._lost = 0
        self.is_closed = False

    def write(self, text: str) -> int:
        """Keep the text, or what there is room for."""
        with self._changed:
            kept = text[: max(UNREAD_LIMIT - self._size, 0)]
            self._lost += len(text) - len(kept)
            if kept:
                self._size += len(kept)
                self._parts.append(kept)
            self._changed.notify()
        return len(text)

    def take(self) -> str:
        """All of it, and how much was too much."""
        with self._changed:
            parts, self._parts = self._parts, deque()
            lost, self._lost, self._size = self._lost, 0, 0
        if lost:
            parts.append(f"\n[{lost} characters are missing: printed faster than sent]\n")
        return "".join(parts)

    def wait(self) -> bool:
        """Until there is something to take: true; or until the console is closed: false."""
        with self._changed:
            self._changed.wait_for(lambda: self._parts or self.is_closed)
            return not self.is_closed

    def close(self) -> None:
        """The client has left: what is printed from now on is the application's own."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()


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
