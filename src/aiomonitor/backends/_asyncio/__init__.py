"""Event loops of asyncio and uvloop."""

from __future__ import annotations

from .backend import AsyncioBackend, event_loop_here, is_event_loop

__all__ = ["AsyncioBackend", "event_loop_here", "is_event_loop"]
