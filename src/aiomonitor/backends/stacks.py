"""Takes the stack of the running code, cheaply enough for each task's creation.

A stack is the code and the last instruction of each frame, outermost first, interned: the same
place gives the same tuple. No frame is kept, and no locals are touched. This module must not import
any runtime.

Known stacks are a tree, from the innermost frame outwards, so that a stack is recognised while it's
walked, and nothing is made on the way: that is a third quicker than to look up tuples of its parts.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from .values import CodePoint

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType, TracebackType

    from .life import Stack

DEPTH = 8
"""Frames kept of a stack: one or two are the runtime's, the rest tells who called whom."""

TRACEBACK_DEPTH = 24
"""Frames kept of an exception, the innermost ones. Those of a recursion repeat themselves."""

NODES_LIMIT = 16_384
"""Frames in the tree before all is forgotten: about 6 MB. An application has some hundred places
that create tasks."""

Node = list[Any]
"""[code, the next node of the same offset, children by offset, the stack that ends here]. By
offset first and code then, since hashing code is slow; a list, since reading one is quickest."""

CODE, NEXT, CHILDREN, STACK = range(4)


class Stacks:
    """The known stacks of one loop; in its thread alone.

    `root` ends each, itself left out; so are frames of the files `ours`.
    """

    def __init__(
        self, root: CodeType | None, depth: int = DEPTH, ours: frozenset[str] = frozenset()
    ) -> None:
        self.root = root
        self.depth = depth
        self._ours = ours
        self.known: dict[int, Node] = {}
        """The tree. It keeps its identity."""
        self._raised: dict[int, Node] = {}
        self._nodes = 0

    def take(self, frame: FrameType | None) -> Stack:
        """The stack of this frame and those that called it."""
        innermost, node = frame, None
        level, root = self.known, self.root
        for _ in range(self.depth):
            if frame is None or (code := frame.f_code) is root:
                break
            node = level.get(frame.f_lasti)
            while node is not None and node[CODE] is not code:
                node = node[NEXT]
            if node is None:
                return self._learn(innermost)
            frame, level = frame.f_back, node[CHILDREN]
        if node is None:
            return ()
        stack: Stack | None = node[STACK]
        return self._learn(innermost) if stack is None else stack

    def _learn(self, frame: FrameType | None) -> Stack:
        points: list[CodePoint] = []
        while frame is not None and frame.f_code is not self.root and len(points) < self.depth:
            points.append(CodePoint(frame.f_code, frame.f_lasti))
            frame = frame.f_back
        shown = [point for point in reversed(points) if point.code.co_filename not in self._ours]
        return self._intern(self.known, points, shown)

    def take_traceback(self, entry: TracebackType | None) -> Stack:
        """The innermost frames of an exception's way, in call order."""
        first, node, level = entry, None, self._raised
        for _ in range(TRACEBACK_DEPTH + 1):
            if entry is None:
                break
            code = entry.tb_frame.f_code
            node = level.get(entry.tb_lasti)
            while node is not None and node[CODE] is not code:
                node = node[NEXT]
            if node is None:
                break
            entry, level = entry.tb_next, node[CHILDREN]
        if entry is None and node is not None and node[STACK] is not None:
            stack: Stack = node[STACK]
            return stack
        return self._learn_traceback(first)

    def _learn_traceback(self, entry: TracebackType | None) -> Stack:
        points: deque[CodePoint] = deque(maxlen=TRACEBACK_DEPTH)
        while entry is not None:
            points.append(CodePoint(entry.tb_frame.f_code, entry.tb_lasti))
            entry = entry.tb_next
        return self._intern(self._raised, points, points)

    def _intern(
        self, level: dict[int, Node], points: Iterable[CodePoint], shown: Iterable[CodePoint]
    ) -> Stack:
        """Learn a way through the tree, and what is shown of it; or the same as learnt before."""
        if self._nodes > NODES_LIMIT:
            self.known.clear()
            self._raised.clear()
            self._nodes = 0
        node = None
        for point in points:
            node = self._node(level, *point)
            level = node[CHILDREN]
        if node is None:
            return ()
        if node[STACK] is None:
            node[STACK] = tuple(shown)
        stack: Stack = node[STACK]
        return stack

    def _node(self, level: dict[int, Node], code: CodeType, offset: int) -> Node:
        node = level.get(offset)
        while node is not None and node[CODE] is not code:
            node = node[NEXT]
        if node is None:
            node = level[offset] = [code, level.get(offset), {}, None]
            self._nodes += 1
        return node
