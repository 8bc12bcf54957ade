"""Looks into the wrapper that anyio, since 4.14, runs in each of its tasks.

A wrapper that has ended knows nothing any more, so this is for when a task begins. Imports no
runtime; see tests/backends/test_wrapped.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import objects
from .frames import WRAPPER

if TYPE_CHECKING:
    from types import CodeType

__all__ = ["WRAPPER", "body_of", "body_within", "handle_of"]


def handle_of(wrapper: Any) -> Any:
    """Anyio's handle of the task; None if it is not found."""
    referents = objects.direct_referents(wrapper)
    return next((each for each in referents if type(each).__name__ == "TaskHandle"), None)


def body_of(ran: Any) -> tuple[str, CodeType | None]:
    """The name and the code of what runs in a task: generators and Cython's coroutines have other
    attributes."""
    code: CodeType | None = getattr(ran, "cr_code", None) or getattr(ran, "gi_code", None)
    return getattr(ran, "__qualname__", type(ran).__name__), code


def body_within(wrapper: Any) -> tuple[str, CodeType | None]:
    """The same of what the wrapper is around."""
    handle = handle_of(wrapper)
    return body_of(wrapper if handle is None else handle.coro)
