"""The last profiles that pages have asked for, and how an answer tells one."""

from __future__ import annotations

import threading
import zlib
from typing import TYPE_CHECKING

from .answers import ProfileReport, StackRow

if TYPE_CHECKING:
    from aiomonitor.model import FrameInfo
    from aiomonitor.model.load import Profile

KEPT = 5
"""Profiles: enough to compare some, and compressed they are some ten kilobytes each."""


class Profiles:
    """Keeps the last ones as text, by number. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._texts: dict[int, bytes] = {}

    def keep(self, text: str) -> int:
        """Keep it, and forget the oldest one beyond the limit; the number."""
        packed = zlib.compress(text.encode())
        with self._lock:
            self._last += 1
            self._texts[self._last] = packed
            self._texts.pop(self._last - KEPT, None)
            return self._last

    def text(self, number: int) -> str | None:
        """The one of that number; None if it is not kept."""
        with self._lock:
            packed = self._texts.get(number)
        return None if packed is None else zlib.decompress(packed).decode()


def report(profile: Profile, number: int, limit: int) -> ProfileReport:
    """A profile with its `limit` largest stacks, each frame once; pure."""
    places: dict[FrameInfo, int] = {}
    rows = tuple(
        StackRow(
            stack.task,
            stack.samples,
            tuple(places.setdefault(frame, len(places)) for frame in stack.frames),
        )
        for stack in profile.stacks[:limit]
    )
    return ProfileReport(
        number=number,
        seconds=profile.seconds,
        interval=profile.interval,
        samples=profile.samples,
        cpu=profile.cpu,
        sampled=profile.sampled,
        exact=profile.exact,
        note=profile.note,
        frames=tuple(places),
        stacks=rows,
        left_out=sum(stack.samples for stack in profile.stacks[limit:]),
    )
