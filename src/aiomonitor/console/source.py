"""From typed lines to compiled code, by the rules of CPython's own prompt; no I/O.

A block ends with an empty line, as at that prompt; pasted code may hold empty lines within a block,
and go on without one after it. `await`, `async for` and `async with` work at the top level. Stdlib
only.
"""

from __future__ import annotations
import __future__

import ast
import itertools
import linecache
import re
import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

BLOCK_LIMIT = 64 * 1024
"""Characters of one block that is not complete yet."""

TRIAL_LIMIT = 300
"""Times that one block is compiled to see whether it is complete: compiling holds the GIL."""

_SHORT = 20
"""Lines of a block that is compiled with each of its lines, so that an error is told at once."""

REMEMBERED = 500
"""Blocks of one console whose source is kept for tracebacks."""

_DONT_IMPLY_DEDENT = 0x200
"""`codeop.PyCF_DONT_IMPLY_DEDENT`: the end of the text is not the end of a block."""
_ALLOW_INCOMPLETE = 0x4000
"""`codeop.PyCF_ALLOW_INCOMPLETE_INPUT`, since 3.11: an end that comes too early is told as such."""

_REJECTIONS = (SyntaxError, OverflowError, ValueError, MemoryError, RecursionError)
"""What compiling raises for what somebody typed."""

_FUTURES = [getattr(__future__, name).compiler_flag for name in __future__.all_feature_names]

_COMPOUND = re.compile(r"@|(async\s+)?(if|for|while|def|class|with|try)\b")
"""Begins what is never complete with an indented line."""

_consoles = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Block:
    """What is ready to run."""

    code: CodeType


@dataclass(frozen=True, slots=True)
class Rejected:
    """What cannot be run; `error` is to be shown as CPython does."""

    error: BaseException


Outcome: TypeAlias = Block | Rejected


class Source:
    """The lines of one console; one thread at a time. `close` gives its sources up.

    `quietly` makes a trial: compiling may warn, and only the last time is to be heard.
    """

    def __init__(
        self, quietly: Callable[[Callable[[], object]], object] = lambda trial: trial()
    ) -> None:
        self._quietly = quietly
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._prefix = f"<console-{next(_consoles)}-"
        self._blocks = itertools.count(1)
        self._remembered: deque[str] = deque()
        self._lines: list[str] = []
        self._trials = 0

    @property
    def is_incomplete(self) -> bool:
        """Whether the next line continues a block."""
        return bool(self._lines)

    def abandon(self) -> None:
        """Forget the lines of a block that was begun."""
        self._lines = []
        self._trials = 0

    def push(self, line: str, upcoming: str | None = None) -> list[Outcome]:
        """Take one line; returns what it completes: nothing while more lines are needed.

        `upcoming` is the next line that is not empty, if that has come already, as in pasted code:
        where it is indented, an empty line does not end the block.
        """
        if self._surely_goes_on(line, upcoming):
            self._lines.append(line)
            return []
        before, self._lines = self._lines, [*self._lines, line]
        outcome = self._take()
        if isinstance(outcome, Rejected) and self._goes_on_after(before, line):
            self._lines = [*before, ""]
            ended = self._take()
            return [found for found in (ended, *self.push(line)) if found is not None]
        return [] if outcome is None else [outcome]

    def finish(self) -> list[Outcome]:
        """No line will follow, so the block is complete as it is, or never will be."""
        return self.push("") if self._lines else []

    def is_complete(self, text: str) -> bool:
        """Whether all of these lines would run, or be rejected, without another one."""
        trial = Source(self._quietly)
        trial._flags = self._flags
        lines = text.split("\n")
        for index, line in enumerate(lines):
            trial.push(line, next_of(lines[index + 1 :]))
        trial.close()
        return not trial.is_incomplete

    def close(self) -> None:
        """No traceback will ask for these sources any more."""
        while self._remembered:
            linecache.cache.pop(self._remembered.popleft(), None)

    def _surely_goes_on(self, line: str, upcoming: str | None) -> bool:
        if not self._lines or sum(map(len, self._lines)) > BLOCK_LIMIT:
            return False
        if not line:
            return upcoming is not None and upcoming[:1] in (" ", "\t")
        is_inside = bool(line[:1] in (" ", "\t") and line.strip())
        return is_inside and len(self._lines) > _SHORT and bool(_COMPOUND.match(self._lines[0]))

    # --- one text ------------------------------------------------------------------------------

    def _goes_on_after(self, before: list[str], line: str) -> bool:
        """Whether a block is complete but for its empty line, and this one begins the next.

        Only if this one is right by itself: else half of what was garbled on its way would run.
        """
        if not before or not line or line[0] in " \t":
            return False
        ended = "\n".join([*before, ""])
        return bool(
            self._quietly(
                lambda: (
                    self._fits(ended) is True and (_is_blank(line) or self._fits(line) is not None)
                )
            )
        )

    def _take(self) -> Outcome | None:
        text = "\n".join(self._lines)
        self._trials += 1
        if len(text) > BLOCK_LIMIT or self._trials > TRIAL_LIMIT:
            self.abandon()
            what = f"has over {BLOCK_LIMIT} characters, or goes on for over {TRIAL_LIMIT} lines"
            return Rejected(ValueError(f"the block {what}: put it into a file and import that"))
        if _is_blank(text):
            self.abandon()
            return None
        if self._quietly(lambda: self._fits(text)) is False:
            return None
        self.abandon()
        filename = f"{self._prefix}{next(self._blocks)}>"
        self._remember(filename, text)
        try:
            return Block(self._compile(text, filename))
        except _REJECTIONS as error:
            return Rejected(error)

    def _compile(self, text: str, filename: str) -> CodeType:
        code: CodeType = compile(text, filename, "single", self._flags, dont_inherit=True)
        self._flags |= sum(
            flag for flag in _FUTURES if code.co_flags & flag and flag & ~self._flags
        )
        return code

    def _fits(self, text: str) -> bool | None:
        """True for a complete block, False for the beginning of one, None for what is wrong.

        As `codeop` finds out. That module changes the warning filters of the whole process while it
        does, which other threads might notice.
        """
        try:
            self._try(text)
        except _REJECTIONS:
            return False if self._lacks_lines(text) else None
        return True

    def _try(self, text: str) -> None:
        flags = self._flags | _DONT_IMPLY_DEDENT
        if sys.version_info >= (3, 11):
            flags |= _ALLOW_INCOMPLETE
        compile(text, "<trial>", "single", flags, dont_inherit=True)

    def _lacks_lines(self, text: str) -> bool:
        error = self._error_of(text + "\n")
        if sys.version_info >= (3, 11) or error is None:
            return error is None or "incomplete input" in error
        longer = self._error_of(text + "\n\n")  # one that moves with the end is about the end
        return error != longer or "was never closed" in error

    def _error_of(self, text: str) -> str | None:
        try:
            self._try(text)
        except SyntaxError as error:
            return repr(error)
        except _REJECTIONS as error:
            return type(error).__name__  # a surrogate's holds the text
        return None

    def _remember(self, filename: str, text: str) -> None:
        """Let tracebacks show the typed lines; without a time of change they are never reread."""
        lines = [line + "\n" for line in text.split("\n")]
        linecache.cache[filename] = (len(text), None, lines, filename)
        self._remembered.append(filename)
        while len(self._remembered) > REMEMBERED:
            linecache.cache.pop(self._remembered.popleft(), None)


def _is_blank(text: str) -> bool:
    """Whether there is nothing to run."""
    return all(not line.strip() or line.startswith("#") for line in text.split("\n"))


def next_of(lines: list[str]) -> str | None:
    """The first of the lines that is not empty."""
    return next(filter(None, lines), None)
