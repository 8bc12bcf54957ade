"""What a console's code prints goes to its client, and to nobody else.

While a console is open, `sys.stdout` and `sys.stderr` are routers that look at a context variable:
tasks inherit it, and threads that a console's code starts are given it. Everybody else's output
passes through. What the code bound earlier (`from sys import stdout`) and what C writes to the file
descriptors is beyond reach.
"""

from __future__ import annotations

import contextvars
import functools
import io
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

UNREAD_LIMIT = 1024 * 1024
"""Characters that a console's code may be ahead of its client; the loop's thread can't wait."""

target: contextvars.ContextVar[Printed | None] = contextvars.ContextVar(
    "aiomonitor_console", default=None
)


class Printed:
    """What was printed and not yet sent; any thread writes, one takes. Never blocks a writer."""

    def __init__(self, display: Callable[[object], None]) -> None:
        self.display = display
        """Shows the value of an expression: `sys.displayhook` for this console's code."""
        self._parts: list[str] = []
        self._size = 0
        self._lost = 0
        self.changed = threading.Condition()

    def write(self, text: str) -> int:
        """Keep the text, or what there is room for."""
        with self.changed:
            room = max(UNREAD_LIMIT - self._size, 0)
            kept = text[:room]
            self._lost += len(text) - len(kept)
            if kept:
                self._parts.append(kept)
                self._size += len(kept)
            self.changed.notify_all()
        return len(text)

    def wake(self) -> None:
        """Let whoever waits for text look at what else has happened."""
        with self.changed:
            self.changed.notify_all()

    def take(self) -> str:
        """All of it, and how much was too much."""
        with self.changed:
            parts, self._parts = self._parts, []
            lost, self._lost, self._size = self._lost, 0, 0
        if lost:
            parts.append(
                f"\n[{lost} more characters were printed faster than they could be sent]\n"
            )
        return "".join(parts)


class Router(io.TextIOBase):
    """Stands in for one of `sys`'s streams."""

    def __init__(self, original: TextIO | None) -> None:
        self.original = original

    def write(self, text: str) -> int:
        """To the console whose code writes, or to where it would have gone."""
        printed = target.get()
        if printed is not None:
            return printed.write(text)
        return self.original.write(text) if self.original is not None else len(text)

    def flush(self) -> None:
        """As the original."""
        if target.get() is None and self.original is not None:
            self.original.flush()

    def writable(self) -> bool:
        """As every output stream."""
        return True

    def isatty(self) -> bool:
        """A console is none: nobody is to control it."""
        return target.get() is None and self.original is not None and self.original.isatty()

    def __getattribute__(self, name: str) -> Any:
        # `TextIOBase` has attributes of its own for most of what an application asks for.
        if name in _OWN:
            return super().__getattribute__(name)
        return getattr(super().__getattribute__("original"), name)


_OWN = {"write", "flush", "writable", "isatty", "original", "writelines", "__class__", "__dict__"}


class Routing:
    """Counts the open consoles, and puts the routers in place while there are any. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._routers: dict[str, Router] = {}
        self._start: Any = None
        self._ours: Any = None
        self._displayhook: Callable[[object], Any] = sys.displayhook

    def open(self) -> None:
        """A console is opened."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                for name in ("stdout", "stderr"):
                    self._routers[name] = router = Router(getattr(sys, name))
                    setattr(sys, name, router)
                self._displayhook = sys.displayhook
                sys.displayhook = self._display
                self._start = start = threading.Thread.start
                threading.Thread.start = _inheriting(start)  # type: ignore[method-assign]
                self._ours = threading.Thread.start

    def _display(self, value: object) -> None:
        printed = target.get()
        (self._displayhook if printed is None else printed.display)(value)

    def close(self) -> None:
        """Put back what is still ours."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for name, router in self._routers.items():
                if getattr(sys, name) is router:
                    setattr(sys, name, router.original)
            if sys.displayhook == self._display:
                sys.displayhook = self._displayhook
            if threading.Thread.start is self._ours:
                threading.Thread.start = self._start  # type: ignore[method-assign]


def _inheriting(start: Any) -> Any:
    """`Thread.start` that gives a thread started by a console's code its context."""

    @functools.wraps(start)
    def start_with_context(thread: threading.Thread) -> None:
        if target.get() is not None:
            context = contextvars.copy_context()
            thread.run = functools.partial(context.run, thread.run)  # type: ignore[method-assign]
        start(thread)

    return start_with_context


routing = Routing()
