"""Notices when a timeout expires: of asyncio, of anyio on asyncio, and of trio.

What they call then is private, and wrapped while somebody wants to know; what is not there in a
version is left out. See tests/backends/test_leaving.py.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import functools
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _always(*_: Any) -> bool:
    return True


def _is_timer(_waiter: object, *future: object) -> bool:
    """A future that is done calls the same function, with itself."""
    return not future


def _scope_is_due(scope: Any) -> bool:
    """anyio's function also arms its timer."""
    return asyncio.get_running_loop().time() >= scope.deadline  # type: ignore[no-any-return]


def _deadline_is_due(deadlines: Any, now: float) -> bool:
    """trio's function is called after each wait."""
    return deadlines.next_deadline() <= now  # type: ignore[no-any-return]


PLACES: tuple[tuple[str, str, Callable[..., bool]], ...] = (
    ("asyncio.timeouts", "Timeout._on_timeout", _always),  # from 3.11 on
    ("asyncio.tasks", "_release_waiter", _is_timer),  # wait_for, up to 3.11
    ("anyio._backends._asyncio", "CancelScope._timeout", _scope_is_due),
    ("trio._core._run", "Deadlines.expire", _deadline_is_due),
)
"""Modules, functions in them, and when these let something expire."""


def notice(call: Callable[[], object]) -> Callable[[], None]:
    """Make the call, in the loop's thread, when a timeout of a module that is imported expires,
    until what is returned is called. It must not raise."""
    undo: list[Callable[[], object]] = []
    for module, path, is_due in PLACES:
        *outer, name = path.split(".")
        owner = functools.reduce(
            lambda found, each: getattr(found, each, None), outer, sys.modules.get(module)
        )
        if owner is not None and hasattr(owner, name):
            undo.append(_wrap(owner, name, is_due, call))

    def stop() -> None:
        while undo:
            undo.pop()()

    return stop


def _wrap(
    owner: Any, name: str, is_due: Callable[..., bool], call: Callable[[], object]
) -> Callable[[], object]:
    inner = getattr(owner, name)

    @functools.wraps(inner)
    def wrapped(*args: Any) -> Any:
        if is_due(*args):
            call()
        return inner(*args)

    setattr(owner, name, wrapped)
    return lambda: setattr(owner, name, inner)
