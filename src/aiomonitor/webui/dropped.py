"""Tells the application of WebSockets that Hypercorn has dropped. Knows Hypercorn, imports nothing.

Hypercorn (0.18) answers a client that sends a frame before its socket is accepted with a 400,
ignores what the application sends then, and never tells it that the client has left: the console of
that page would wait for ever, with its place, its threads and its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Scope = dict[str, Any]
    Message = dict[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class _DroppedError(OSError):
    """What ASGI 2.4 has `send` raise when the client is gone."""


def telling(app: Application) -> Application:
    """The application, which is ended where its socket was dropped before it was accepted."""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        async def checked(message: Message) -> None:
            await send(message)
            if message["type"] == "websocket.accept" and _has_dropped(send):
                raise _DroppedError("the client did not wait until its socket was accepted")

        try:
            await app(scope, receive, checked if scope["type"] == "websocket" else send)
        except _DroppedError:
            return

    return told


def _has_dropped(send: Send) -> bool:
    """`send` is a method of Hypercorn's stream; of other servers' streams it is not known."""
    return getattr(getattr(send, "__self__", None), "closed", False) is True
