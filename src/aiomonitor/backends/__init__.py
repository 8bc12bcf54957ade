"""Finds the backend for what is to be watched; imports a runtime only when it is there already.

A program that never imported a runtime has no run of it, so looking into `sys.modules` is enough
and costs nothing at start.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from aiomonitor.errors import NoEventLoopError, UnsupportedLoopError

if TYPE_CHECKING:
    from trio.lowlevel import TrioToken

    from .base import Backend, Passing


def detect(loop: object | None, *, hooked: bool = True) -> Backend:
    """The backend that watches `loop`.

    None means the run that the calling thread is inside, of trio or asyncio, else the thread's
    current event loop; none is ever created. `hooked` backends record who creates, cancels and
    ends tasks. Raises `NoEventLoopError` where there is no loop and `UnsupportedLoopError` for an
    object of no runtime that we know.
    """
    if "trio" in sys.modules:
        from ._trio import run as runs

        run = runs.run_here() if loop is None else loop
        if runs.is_run(run):
            return _of_run(run, hooked=hooked)
    if "asyncio" in sys.modules:
        from . import _asyncio

        found = _asyncio.event_loop_here() if loop is None else loop
        if _asyncio.is_event_loop(found):
            return _asyncio.AsyncioBackend(found, hooked=hooked)
    if loop is not None:
        raise UnsupportedLoopError(
            f"loop is {_kind(loop)}, which is neither an asyncio event loop nor a TrioToken: "
            "pass one of these, or leave it out inside of a coroutine"
        )
    raise NoEventLoopError(
        "this thread has no asyncio event loop and no trio run: pass one as `loop`, "
        "or start the monitor inside of a coroutine"
    )


def _of_run(run: TrioToken, *, hooked: bool) -> Backend:
    """What watches a run of trio's, if that is a trio which can be watched."""
    from ._trio.run import OLDEST_TEXT, is_old

    version, cause = sys.modules["trio"].__version__, None
    reason = f"it is older than {OLDEST_TEXT}"
    if not is_old(version):
        try:
            from ._trio.backend import TrioBackend

            return TrioBackend(run, hooked=hooked)
        except (ImportError, AttributeError) as error:  # its private parts have moved
            cause, reason = error, str(error)
    raise UnsupportedLoopError(
        f"trio {version} cannot be watched ({reason}): "
        "pip install 'aiomonitor[trio]' gets one that can be"
    ) from cause


def present() -> list[Passing]:
    """The runs that go on in this process, to be looked at without a hook or a monitor: those of
    the main thread first. Any thread."""
    found: list[Passing] = []
    if "asyncio" in sys.modules:
        from ._asyncio import present as loops

        found.extend(map(loops.PassingBackend, loops.running_loops()))
    if "trio" in sys.modules:
        with contextlib.suppress(ImportError, AttributeError):  # a trio that cannot be watched
            from ._trio import present as runs

            found.extend(runs.runs_on_stacks())
    return found


def _kind(thing: object) -> str:
    kind = type(thing)
    return f"an object of {kind.__module__}.{kind.__qualname__}"
