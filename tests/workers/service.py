"""An ASGI application that starts a monitor in each worker, as those of all frameworks may."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import aiomonitor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Says hello."""
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def live(
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """From the worker's start to its end."""
    with contextlib.ExitStack() as stack:
        while (await receive())["type"] == "lifespan.startup":
            stack.enter_context(aiomonitor.start_monitor(port="auto", name="service"))
            os.write(1, b"monitored\n")
            await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
