"""What the threads of the process execute now. Any thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from aiomonitor import model
from aiomonitor.backends.tops import current_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiomonitor.model import FrameInfo, LoopState, ThreadStack

    ReadFrames = Callable[[int], Iterable[FrameInfo]]


def thread_stacks(
    loops: Mapping[int | None, LoopState], read: ReadFrames
) -> tuple[ThreadStack, ...]:
    """Of all threads, those of `loops` first; `read` gives the frames of one."""
    idents = sorted(current_frames(), key=lambda ident: (ident not in loops, ident))
    names = _names()
    return tuple(
        model.ThreadStack(
            thread_id=ident,
            name=names.get(ident, "unknown"),
            frames=tuple(read(ident)),
            loop_state=loops.get(ident),
        )
        for ident in idents
    )


def thread_stack(ident: int, read: ReadFrames) -> ThreadStack:
    """Of that thread, whatever it runs."""
    name = _names().get(ident, "unknown")
    return model.ThreadStack(thread_id=ident, name=name, frames=tuple(read(ident)))


def _names() -> dict[int | None, str]:
    return {thread.ident: thread.name for thread in threading.enumerate()}
