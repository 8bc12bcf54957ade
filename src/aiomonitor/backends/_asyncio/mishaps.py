"""Notes what Python itself complains of: exceptions never retrieved, coroutines never awaited.

The loop's `call_exception_handler` is shadowed on the loop, and the function of `warnings` that
Python calls for a coroutine never awaited gets a `warn` that notes it. Both do what they would do
without us, and are rarely called.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections import deque
from types import CoroutineType, FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from aiomonitor.backends import frames
from aiomonitor.backends.values import CodePoint, Mishap
from aiomonitor.threads import ProcessLock

from . import tasks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from aiomonitor.backends.values import MishapKind

KEPT = 500
"""Mishaps remembered."""

_MESSAGES: dict[str, MishapKind] = {
    "Task exception was never retrieved": "exception never retrieved",
    "Future exception was never retrieved": "exception never retrieved",
    "_GatheringFuture exception was never retrieved": "exception never retrieved",
    "Task was destroyed but it is pending!": "task destroyed",
}
_WARNER = "_warn_unawaited_coroutine"

_lock = ProcessLock()
"""For listening and leaving off; what notes takes none."""
_listeners: tuple[Mishaps, ...] = ()
_original: Any = None


class Mishaps:
    """What goes wrong on one loop, and the coroutines of the process that nobody awaited."""

    def __init__(self, loop: asyncio.AbstractEventLoop, now: Callable[[], float]) -> None:
        self._loop: Any = loop
        self._now = now
        self._kept: deque[Mishap] = deque(maxlen=KEPT)
        self._shadow: Callable[[dict[str, Any]], Any] | None = None

    def known(self) -> Sequence[Mishap]:
        """The last of them. Any thread."""
        return list(self._kept)

    def note(
        self, kind: MishapKind, coroutine: Any, name: str, text: str, place: CodePoint | None
    ) -> None:
        """In whichever thread it happens, maybe amid a collection of garbage: so without a lock."""
        called = frames.name_of(coroutine) if coroutine is not None else ""
        self._kept.append(Mishap(kind, self._now(), name, called, text, place))

    def begin(self) -> None:
        """Listen; any thread."""
        _listen(self)
        shown = self._loop.call_exception_handler

        def call_exception_handler(context: dict[str, Any]) -> Any:
            with contextlib.suppress(Exception):  # ours must not hide the application's
                self._note_context(context)
            return shown(context)

        try:
            self._loop.call_exception_handler = call_exception_handler
        except AttributeError:  # a loop that takes no attributes
            return
        self._shadow = call_exception_handler

    def end(self) -> None:
        """Leave off, and leave the loop as it was. Idempotent; any thread."""
        _leave_off(self)
        own = getattr(self._loop, "__dict__", {})
        if self._shadow is not None and own.get("call_exception_handler") is self._shadow:
            del self._loop.call_exception_handler
        self._shadow = None

    def _note_context(self, context: dict[str, Any]) -> None:
        kind = _MESSAGES.get(str(context.get("message")))
        if kind is None:
            return
        task = context.get("task") or context.get("future")
        error = context.get("exception")
        text = "" if error is None else f"{type(error).__name__}: {error}"
        place = _raised_at(error)
        held: list[object] = []
        is_task = hasattr(task, "get_coro")
        coroutine = tasks.coroutine_of(task, held) if is_task else None  # type: ignore[arg-type]
        name = tasks.name(task) if is_task else ""  # type: ignore[arg-type]
        self.note(kind, coroutine, name, text, place)


def _raised_at(error: BaseException | None) -> CodePoint | None:
    trace = getattr(error, "__traceback__", None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else CodePoint(trace.tb_frame.f_code, trace.tb_lasti)


# --- coroutines never awaited ---------------------------------------------------------------------


def _listen(mishaps: Mishaps) -> None:
    global _listeners, _original
    with _lock:
        if not _listeners and _original is None:
            original = getattr(warnings, _WARNER, None)
            noting = noting_warner(original)
            if noting is not None:
                _original = (original, noting)
                setattr(warnings, _WARNER, noting)
        _listeners += (mishaps,)


def _leave_off(mishaps: Mishaps) -> None:
    global _listeners, _original
    with _lock:
        _listeners = tuple(each for each in _listeners if each is not mishaps)
        if not _listeners and _original is not None:
            original, noting = _original
            if getattr(warnings, _WARNER, None) is noting:
                setattr(warnings, _WARNER, original)
                _original = None


def noting_warner(original: Any) -> Any:
    """The same function with a `warn` that notes, so that the warning is of the same place; None
    if it is not as we know it."""
    names = getattr(getattr(original, "__code__", None), "co_names", ())
    if type(original) is not FunctionType or "warn" not in names:
        return None
    # Up to 3.13 it calls its module's `warn`, then that of `_wm`, which is that module.
    replaced = {"_wm": SimpleNamespace(warn=_warn)} if "_wm" in names else {"warn": _warn}
    copy = FunctionType(original.__code__, {**original.__globals__, **replaced}, original.__name__)
    copy.__module__ = original.__module__
    return copy


def _warn(message: str, category: Any, stacklevel: int = 1, source: Any = None) -> None:
    frame = sys._getframe(2)  # noqa: SLF001 - where the coroutine was let go
    with contextlib.suppress(Exception):  # the warning is the application's
        _note_unawaited(source, CodePoint(frame.f_code, frame.f_lasti))
    warnings.warn(message, category, stacklevel=stacklevel + 1, source=source)


def _note_unawaited(source: Any, place: CodePoint) -> None:
    coroutine = source if isinstance(source, CoroutineType) else None
    for mishaps in _listeners:
        mishaps.note("coroutine never awaited", coroutine, "", "", place)
