"""The frame that each thread executes now: `sys._current_frames`, safely on each Python."""

from __future__ import annotations

import gc
import operator
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

CAN_DEADLOCK = (3, 11) <= sys.version_info < (3, 11, 9)
"""There the garbage may be collected while the list of threads is locked. A callback of the
collector then gives up the GIL, the next thread that begins or ends takes it and waits for that
lock, and the whole process stands still for ever (CPython's issue 106883)."""

_call: Any = getattr(operator, "call", None)  # since 3.11


def current_frames() -> dict[int, FrameType]:
    """By the threads' identifiers. Any thread.

    Whoever keeps one of the frames may be its last owner: see `ownership`.
    """
    if CAN_DEADLOCK and gc.isenabled():
        return _without_collecting()
    return sys._current_frames()  # noqa: SLF001 - documented for this use


def _without_collecting() -> dict[int, FrameType]:
    """`map` calls the three without a moment in which another thread could run: nobody sees the
    collector disabled, and nobody can enable it."""
    steps = (gc.disable, sys._current_frames, gc.enable)  # noqa: SLF001 - see above
    try:
        frames: dict[int, FrameType] = tuple(map(_call, steps))[1]
    except BaseException:  # no memory, say
        gc.enable()
        raise
    return frames
