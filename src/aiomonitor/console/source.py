"""From typed lines to compiled code, by the rules of CPython's own prompt; no I/O.

A block ends with an empty line, as at that prompt. `await`, `async for` and `async with` work at
the top level. Stdlib only.
"""

from __future__ import annotations

import ast
import codeop
import itertools
import linecache
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import CodeType

BLOCK_LIMIT = 256 * 1024
"""Characters of one block that is not complete yet: it is compiled again with each of its lines."""

REMEMBERED = 200
"""Blocks of one console whose source is kept for tracebacks."""

_consoles = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Block:
    """What is ready to run."""

    text: str
    code: CodeType


@dataclass(frozen=True, slots=True)
class Rejected:
    """What cannot be run; `error` is to be shown as CPython does."""

    text: str
    error: BaseException


class Source:
    """The lines of one console. `close` gives its sources up."""

    def __init__(self) -> None:
        self._compile = codeop.CommandCompiler()
        self._compile.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.prefix = f"<console-{next(_consoles)}-"
        self._blocks = itertools.count(1)
        self._remembered: deque[str] = deque()
        self._lines: list[str] = []
        self._size = 0

    @property
    def is_incomplete(self) -> bool:
        """Whether the next line continues a block."""
        return bool(self._lines)

    def abandon(self) -> None:
        """Forget the lines of a block that was begun."""
        self._lines.clear()
        self._size = 0

    def push(self, line: str) -> Block | Rejected | None:
        """Take one line; None means that more of them are needed."""
        self._lines.append(line)
        self._size += len(line) + 1
        text = "\n".join(self._lines)
        if self._size > BLOCK_LIMIT:
            self.abandon()
            return Rejected(text, ValueError(f"the block has over {BLOCK_LIMIT} characters"))
        filename = f"{self.prefix}{next(self._blocks)}>"
        try:
            code = self._compile(text, filename, "single")
        except (SyntaxError, OverflowError, ValueError, MemoryError, RecursionError) as error:
            self.abandon()
            self._remember(filename, text)
            return Rejected(text, error)
        if code is None:
            return None
        self.abandon()
        self._remember(filename, text)
        return Block(text, code)

    def _remember(self, filename: str, text: str) -> None:
        """Let tracebacks show the typed lines; without a time of change they are never reread."""
        lines = [line + "\n" for line in text.splitlines()]
        linecache.cache[filename] = (len(text), None, lines, filename)
        self._remembered.append(filename)
        while len(self._remembered) > REMEMBERED:
            linecache.cache.pop(self._remembered.popleft(), None)

    def close(self) -> None:
        """No traceback will ask for these sources any more."""
        while self._remembered:
            linecache.cache.pop(self._remembered.popleft(), None)

    def owns(self, filename: str) -> bool:
        """Whether code of this file was typed here."""
        return filename.startswith(self.prefix)
