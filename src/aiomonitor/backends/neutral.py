"""Waits for what anyio has whatever it runs on: conditions and memory object streams.

They wait for an event of the runtime's, which tells little. By anyio's module, from which a backend
makes its tellers once the application has imported it; nothing is imported here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from aiomonitor import model

from . import frames, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType

    from aiomonitor.model import WaitInfo

    Tell: TypeAlias = "Callable[[Sequence[Any], list[object]], WaitInfo | None]"
    """Of the innermost levels of a task's chain; what is looked at goes into the list."""


def _of_conditions(module: Any) -> dict[CodeType, Tell]:
    kind = module.Condition

    def tell(levels: Sequence[Any], held: list[object]) -> WaitInfo | None:
        """One that has been notified waits for its lock, which is told by that function."""
        if kind.acquire.__code__ in map(frames.code_of, levels):
            return None
        condition = objects.found(levels, kind, held)
        if condition is None:
            return None
        return model.WaitInfo(
            kind="condition",
            what="a Condition",
            object_id=id(condition),
            waiting=len(condition._waiters),
        )

    return {kind.wait.__code__: tell}


def _of_streams(module: Any) -> dict[CodeType, Tell]:
    receiving, sending = module.MemoryObjectReceiveStream, module.MemoryObjectSendStream
    return {
        receiving.receive.__code__: _stream(receiving, putting=False),
        sending.send.__code__: _stream(sending, putting=True),
    }


def _stream(kind: Any, *, putting: bool) -> Tell:
    def tell(levels: Sequence[Any], held: list[object]) -> WaitInfo | None:
        end = objects.found(levels, kind, held)
        return None if end is None else channel(end, "stream", putting=putting)

    return tell


def channel(end: Any, kind: str, *, putting: bool) -> WaitInfo:
    """The wait at one end of a memory object stream, or of a channel of trio's: they count the
    same, but for the name of what is open."""
    now = end.statistics()
    senders, receivers = (getattr(now, f"open_{way}_{kind}s") for way in ("send", "receive"))
    wish = "room in" if putting else "an item from"
    filled = f"{now.current_buffer_used} of {now.max_buffer_size} items"
    called = {"stream": "memory object stream", "channel": "memory channel"}[kind]
    return model.WaitInfo(
        kind="channel",
        what=f"{wish} a {called} ({filled}; {senders} senders, {receivers} receivers)",
        object_id=id(end._state),
        waiting=now.tasks_waiting_send if putting else now.tasks_waiting_receive,
        size=now.current_buffer_used,
        limit=None if math.isinf(now.max_buffer_size) else int(now.max_buffer_size),
        putting=putting,
    )


TELLERS: dict[str, Callable[[Any], dict[CodeType, Tell]]] = {
    "anyio._core._synchronization": _of_conditions,
    "anyio.streams.memory": _of_streams,
}
"""By the module of anyio's that has them; see test_asyncio_waits and test_trio_waits."""
