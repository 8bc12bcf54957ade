"""Takes the stack of the running code, cheaply enough for each task's creation.

A stack is the code and the last instruction of each frame, outermost first, interned: the same
place gives the same tuple. No frame is kept, and no locals are touched. This module must not import
any runtime.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from .base import CodePoint
from .life import Stack

if TYPE_CHECKING:
    from types import CodeType, FrameType

DEPTH = 8
"""Frames kept of a stack: one or two are the runtime's, the rest tells who called whom."""

OURS = frozenset(
    f"{__file__.rpartition('_stack')[0]}_{part}.py" for part in ("create", "record", "watch")
)
"""Files whose frames are left out: an outer task's `cancel` calls the inner one's through ours."""

STACKS_LIMIT = 4096
"""Different stacks interned before all are forgotten. At about 700 bytes each this is 3 MB; an
application has some hundred places that create tasks."""

Intern = Callable[[tuple[int, ...], tuple["CodeType", ...]], Stack]
"""Offsets and codes, innermost first, to the one stack that stands for them."""

_Known = tuple[tuple["CodeType", ...], Stack]


def stack_taker(  # noqa: C901 - a ladder has many rungs
    root: CodeType | None, depth: int = DEPTH
) -> tuple[Callable[[int], Stack], Intern]:
    """A function that takes the stack from its `n`th caller on, as `sys._getframe(n)` counts, and
    one that interns stacks.

    `root` is the code at which every stack ends, itself left out.
    """
    known: dict[tuple[int, ...], _Known] = {}
    getframe = sys._getframe  # noqa: SLF001 - public in all but the name

    def take_any(start: int) -> Stack:
        """For stacks of any height: a loop, which costs twice as much."""
        codes: list[CodeType] = []
        offsets: list[int] = []
        frame: FrameType | None = getframe(start + 1)
        while frame is not None and frame.f_code is not root and len(codes) < depth:
            codes.append(frame.f_code)
            offsets.append(frame.f_lasti)
            frame = frame.f_back
        return intern(tuple(offsets), tuple(codes))

    def intern(offsets: tuple[int, ...], codes: tuple[CodeType, ...]) -> Stack:
        """Looked up by the offsets, as hashing code is slow; codes are compared by identity, which
        a comparison of tuples tries first."""
        found = known.get(offsets)
        if found is not None and found[0] == codes:
            return found[1]
        if len(known) >= STACKS_LIMIT:
            known.clear()
        points = map(CodePoint, reversed(codes), reversed(offsets))
        stack = tuple(point for point in points if point.code.co_filename not in OURS)
        known[offsets] = codes, stack
        return stack

    def take_eight(start: int) -> Stack:
        """A ladder in place of a loop, which halves the cost: each task's creation pays for this.

        It ends where the loop called, since what is below is always the same.
        """
        f1: FrameType = getframe(start + 1)
        # fmt: off
        c1 = f1.f_code
        f2 = f1.f_back
        if f2 is None or (c2 := f2.f_code) is root:
            return intern((f1.f_lasti,), (c1,))
        f3 = f2.f_back
        if f3 is None or (c3 := f3.f_code) is root:
            return intern((f1.f_lasti, f2.f_lasti), (c1, c2))
        f4 = f3.f_back
        if f4 is None or (c4 := f4.f_code) is root:
            return intern((f1.f_lasti, f2.f_lasti, f3.f_lasti), (c1, c2, c3))
        f5 = f4.f_back
        if f5 is None or (c5 := f5.f_code) is root:
            return intern((f1.f_lasti, f2.f_lasti, f3.f_lasti, f4.f_lasti), (c1, c2, c3, c4))
        f6 = f5.f_back
        if f6 is None or (c6 := f6.f_code) is root:
            return intern((
                f1.f_lasti, f2.f_lasti, f3.f_lasti, f4.f_lasti,
                f5.f_lasti,
            ), (c1, c2, c3, c4, c5))
        f7 = f6.f_back
        if f7 is None or (c7 := f7.f_code) is root:
            return intern((
                f1.f_lasti, f2.f_lasti, f3.f_lasti, f4.f_lasti,
                f5.f_lasti, f6.f_lasti,
            ), (c1, c2, c3, c4, c5, c6))
        f8 = f7.f_back
        if f8 is None or (c8 := f8.f_code) is root:
            return intern((
                f1.f_lasti, f2.f_lasti, f3.f_lasti, f4.f_lasti,
                f5.f_lasti, f6.f_lasti, f7.f_lasti,
            ), (c1, c2, c3, c4, c5, c6, c7))
        return intern((
            f1.f_lasti, f2.f_lasti, f3.f_lasti, f4.f_lasti,
            f5.f_lasti, f6.f_lasti, f7.f_lasti, f8.f_lasti,
        ), (c1, c2, c3, c4, c5, c6, c7, c8))
        # fmt: on

    return (take_eight if depth == DEPTH else take_any), intern
