"""Finds the objects that a suspended coroutine works on, from another thread.

They are among what the garbage collector finds that the coroutine refers to: no locals are read,
see `frames`. Whatever is looked at goes into `held`, to be let go in the application's thread.
"""

from __future__ import annotations

import functools
import gc
import socket
import sys
from types import CellType
from typing import TYPE_CHECKING, Any

from . import frames

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType

    Held = list[object]

FOR_EVER = "nothing: it sleeps until it is cancelled"
"""What a sleep without an end waits for, `anyio.sleep_forever` among them."""

LEVELS = 8
"""Innermost levels of a chain among which a function of the runtime's is looked for."""


def innermost(coroutine: object, held: Held) -> list[Any]:
    """The last levels of its chain, the innermost last."""
    return frames.levels_of(coroutine, held)[-LEVELS:]


def index_of(levels: Sequence[Any], code: CodeType) -> int:
    """Where in the chain a function is."""
    return [frames.code_of(level) for level in levels].index(code)


def direct_referents(level: Any) -> list[Any]:
    """What a coroutine or generator refers to; up to 3.10, its frame does."""
    if sys.version_info >= (3, 11):
        return gc.get_referents(level)
    kind = frames.kind_of(level)
    frame = kind.frame(level) if kind is not None else None
    return [] if frame is None else gc.get_referents(frame)


def referents(level: Any, held: Held) -> list[Any]:
    """The same, and what is in the cells among it: a nested function shares those."""
    found = direct_referents(level)
    found += [each.cell_contents for each in found if type(each) is CellType and _is_filled(each)]
    held += found
    return found


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def found(levels: Sequence[Any], kind: Any, held: Held) -> Any:
    """The first object of that kind which these levels refer to, the innermost one first."""
    for level in reversed(levels):
        for each in referents(level, held):
            if isinstance(each, kind):
                return each
    return None


def socket_name(sock: Any) -> str:
    """The other end of a socket, in words, or where it listens; one of a pair has no name."""
    try:
        peer = sock.getpeername()
    except OSError:
        peer = None
    if peer:
        return f" to {address(peer)}"
    try:
        return f" at {address(here)}" if (here := sock.getsockname()) else ""
    except OSError:
        return ""


def address(name: Any) -> str:
    """A socket's name as people write it."""
    if isinstance(name, tuple):
        host, port = name[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return str(name)


def is_socket(thing: object) -> bool:
    """Whether it is one, whoever made it."""
    return isinstance(thing, socket.socket)


def enclosed(function: Any, name: str) -> Any:
    """What a nested function knows by a name of the function around it; None if it does not."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return function.__closure__[names.index(name)].cell_contents if name in names else None


def called(function: Any) -> str:
    """A function in words; of `to_thread`, what runs in the context."""
    if isinstance(function, functools.partial):
        in_context = getattr(function.func, "__name__", "") == "run" and function.args
        return called(function.args[0] if in_context else function.func)
    return str(getattr(function, "__qualname__", None) or "a function")
