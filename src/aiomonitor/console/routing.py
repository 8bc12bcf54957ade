"""Leads what a console's code prints to its client, and nobody else's output.

While a console is open, `sys.stdout` and `sys.stderr` are routers that look at a context variable:
tasks inherit it, and threads that a console's code starts are given it. Everybody else's output
passes through. What was bound earlier (`from sys import stdout`) and what C code writes to the file
descriptors is beyond reach.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from aiomonitor.threads import ProcessLock

from . import output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

_KEPT = 16
"""Routers that are not let go: up to Python 3.13 `print` does not own the stream that it writes to,
and would crash if a router were gone before its last write. More than the streams of a program."""
_POOLS = "concurrent.futures"
"""Threads of pools go on to serve the rest of the application."""


class Router:
    """Stands in for one of `sys`'s streams: it is that stream but for what consoles write.

    Not derived from `io.TextIOBase`, whose attributes would hide those of the stream.
    """

    def __init__(self, original: Any) -> None:
        self._aiomonitor_original = original

    @property  # type: ignore[misc]  # that is what proxies do
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """What `isinstance` asks: an application may expect an `io.TextIOWrapper`."""
        return type(self._aiomonitor_original)

    def write(self, text: str) -> Any:
        """To the console whose code writes, or to where it would have gone."""
        printed = output.current()
        if printed is None:
            return self._aiomonitor_original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        return printed.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As `write`."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """As the stream's; a console's output is always under way."""
        if output.current() is None:
            self._aiomonitor_original.flush()

    def isatty(self) -> bool:
        """A console is none that its code may control."""
        return output.current() is None and bool(self._aiomonitor_original.isatty())

    def close(self) -> None:
        """The application's stream is not a console's to close."""
        if output.current() is None:
            self._aiomonitor_original.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._aiomonitor_original, name)


class Routing:
    """Counts the open consoles; the routers are in place while there are any. Any thread."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self._users = 0
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._routers: deque[Router] = deque(maxlen=_KEPT)

    def open(self) -> None:
        """A console is opened. What the application has replaced meanwhile is routed again."""
        with self._lock:
            self._users += 1
            self._route(sys, "stdout", self._router)
            self._route(sys, "stderr", self._router)
            self._route(sys, "displayhook", _displaying)
            self._route(threading.Thread, "start", _inheriting)

    def _router(self, original: Any) -> Router:
        """The one that it had before, if it is kept."""
        for router in self._routers:
            if router._aiomonitor_original is original:  # noqa: SLF001 - a name that no stream has
                return router
        self._routers.append(router := Router(original))
        return router

    def _route(self, owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
        before = getattr(owner, name)
        if before is None or any(before is ours for _, _, ours, _ in self._replaced):
            return
        ours = wrap(before)
        self._replaced.append((owner, name, ours, before))
        setattr(owner, name, ours)

    def close(self) -> None:
        """A console is closed; put back what is still ours."""
        with self._lock:
            self._users -= 1
            if self._users:
                return
            for owner, name, ours, before in reversed(self._replaced):
                if getattr(owner, name) is ours:
                    setattr(owner, name, before)
            self._replaced.clear()


display: contextvars.ContextVar[Callable[[object], None] | None] = contextvars.ContextVar(
    "aiomonitor_display", default=None
)
"""How a console shows the value of an expression."""


def _displaying(previous: Callable[[object], Any]) -> Callable[[object], Any]:
    @functools.wraps(previous)
    def displayhook(value: object) -> Any:
        show = display.get()
        return previous(value) if show is None else show(value)

    return displayhook


def _inheriting(start: Any) -> Any:
    """`Thread.start` that gives a thread which a console's code starts that code's context."""

    @functools.wraps(start)
    def start_with_context(thread: threading.Thread) -> None:
        if output.current() is not None and not _is_called_by_pool(inspect.currentframe()):
            _run_in_context(thread, contextvars.copy_context())
        start(thread)

    return start_with_context


def _is_called_by_pool(frame: FrameType | None) -> bool:
    caller = frame.f_back if frame is not None else None
    return caller is not None and str(caller.f_globals.get("__name__")).startswith(_POOLS)


def _run_in_context(thread: threading.Thread, context: contextvars.Context) -> None:
    run = thread.run

    def run_in_context() -> None:
        del thread.run  # it refers to the thread, and would keep it
        context.run(run)

    thread.run = run_in_context  # type: ignore[method-assign]


routing = Routing()
