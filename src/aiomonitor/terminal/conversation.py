"""A client's lines, from wherever they come, and what is shown between them; in the monitor's loop.

Hides from the rest of a session whether the client is plain or a terminal, and that a plain one may
turn out to be a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from aiomonitor.dialogue import EndOfInput, LineTooLong

from .lines import looks_foreign, opens_foreign
from .plain import LineSource, PlainSource, SourceChanged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiomonitor.dialogue import LineKind
    from aiomonitor.dialogue.output import ClientOutput

_PASTE = 0.03
"""Seconds in which the rest of what was pasted comes, torn into packets."""


class Conversation:
    """One client's; `upgrade` is awaited when it is found to be a terminal."""

    def __init__(self, output: ClientOutput, upgrade: Callable[[], Awaitable[None]]) -> None:
        self._output = output
        self._upgrade = upgrade
        self.plain = PlainSource(output)
        self.source: LineSource = self.plain
        self.script: list[str] | None = None
        """The lines of a client that sent all of them at once, and sees no prompts."""
        self.has_ended = False
        """Whether no more will come than has come."""
        self.is_asking = False
        """Whether a line is being waited for: then Ctrl-C is for that line."""

    @property
    def is_plain(self) -> bool:
        """Whether lines come as they are, from a client without an editor."""
        return self.source is self.plain

    async def next_line(self, prompt: str, kind: LineKind = "command") -> str:
        """Ask for a line.

        Raises `EndOfInput` also for a stranger that opens in another protocol, and `LineAbandoned`
        after Ctrl-C.
        """
        if self.script is not None:
            return self._of_script()
        self.is_asking = True
        try:
            return await self._read(prompt, kind)
        finally:
            self.is_asking = False

    async def _read(self, prompt: str, kind: LineKind) -> str:
        while True:
            first = not self.plain.used
            try:
                line = await self.source.read(prompt, kind)
            except SourceChanged:
                await self._upgrade()
                self._hand_over()
                continue
            if self.is_plain and first and is_foreign(line):
                raise EndOfInput
            return line

    def _hand_over(self) -> None:
        """Tell the new source what only the one before it was told."""
        if self.is_plain:
            self.plain.stay()
        else:
            typed = self.plain.take_all()
            if opens_foreign(typed, complete=not self.plain.used):
                raise EndOfInput
            self.source.feed(typed)
        if self.has_ended:
            self.source.feed_eof()

    def _of_script(self) -> str:
        if not self.script:
            raise EndOfInput
        return self.script.pop(0)

    async def upcoming(self) -> str | None:
        """The next line that is not empty, if it has come already."""
        if self.script is not None:
            return next(filter(None, self.script), None)
        if not self.is_plain:
            return None  # the editor looks for itself
        with anyio.move_on_after(_PASTE):
            return await self.plain.next_filled()
        return None

    def take_interrupt(self) -> bool:
        """As `LineSource.take_interrupt`."""
        return self.source.take_interrupt()

    def show(self, text: str) -> None:
        """Show text in between, now."""
        self.source.show(text)


def is_foreign(line: str) -> bool:
    """Whether a first line is no command of a client's."""
    return isinstance(line, LineTooLong) or looks_foreign(line)
