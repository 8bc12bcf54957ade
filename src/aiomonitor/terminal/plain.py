"""Lines from a client that sends plain text: nc, socat, a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import anyio

from aiomonitor.dialogue import EndOfInput

from .lines import LineSplitter

if TYPE_CHECKING:
    from aiomonitor.dialogue import LineKind
    from aiomonitor.dialogue.output import ClientOutput

_LINES_AHEAD = 1000
"""Lines that a client may send before the earlier ones have run; then it is read no further."""


class SourceChanged(Exception):  # noqa: N818 - not an error
    """The client turned out to be a terminal: lines come from elsewhere now."""


class LineSource(Protocol):
    """Where a session's lines come from."""

    def feed(self, data: bytes) -> None:
        """Bytes that the client typed."""
        ...

    def feed_eof(self) -> None:
        """The client types no more."""
        ...

    async def room(self) -> None:
        """Return when the source can take more bytes."""
        ...

    async def read(self, prompt: str, kind: LineKind = "command") -> str:
        """Show the prompt, return the next line without its end.

        Raises `EndOfInput`, and `LineAbandoned` after Ctrl-C.
        """
        ...

    def show(self, text: str) -> None:
        """Show text that is no answer to a line, also while one is being typed."""
        ...

    def take_interrupt(self) -> bool:
        """Whether Ctrl-C was typed behind the line that was read last, for what that line began."""
        ...


class PlainSource:
    """Prompts, then waits; no echo, no editing: the client's own terminal does that."""

    def __init__(self, output: ClientOutput) -> None:
        self._output = output
        self._splitter = LineSplitter()
        self._news = anyio.Event()
        self._taken = anyio.Event()
        self._ended = False
        self._changed = False
        self.used = False  # whether a line was taken

    def feed(self, data: bytes) -> None:
        """Bytes that the client sent."""
        self._splitter.feed(data)
        self._news.set()

    def feed_eof(self) -> None:
        """The client sends no more; what it sent before is still executed."""
        if not self._changed:  # else a line without an end is the next source's
            self._splitter.feed_eof()
        self._ended = True
        self._news.set()

    def feed_cut(self) -> None:
        """The connection broke: a line without an end is not what the client meant to say."""
        self._splitter.drop_unfinished()
        self.feed_eof()

    def give_way(self) -> None:
        """Make the reader look for another source."""
        self._changed = True
        self._news.set()

    def stay(self) -> None:
        """There is no other source."""
        self._changed = False

    def take_all(self) -> bytes:
        """What was typed and not read: for the source that comes after this one."""
        self._taken.set()
        return self._splitter.take_all()

    async def room(self) -> None:
        """Wait while too many lines wait."""
        while len(self._splitter) > _LINES_AHEAD:
            self._taken = anyio.Event()
            await self._taken.wait()

    async def first_line(self) -> str | None:
        """The line that `read` will return, once it is complete; None at the end of input."""
        while (line := self._splitter.peek()) is None and not self._ended:
            self._news = anyio.Event()
            await self._news.wait()
        return line

    async def next_filled(self) -> str | None:
        """The first line that `read` will return and that is not empty; waits, as `first_line`."""
        while (line := self._splitter.peek_filled()) is None and not self._ended:
            self._news = anyio.Event()
            await self._news.wait()
        return line

    def show(self, text: str) -> None:
        """See `LineSource`: there is no line to be disturbed."""
        self._output.write(text)

    def take_interrupt(self) -> bool:
        """See `LineSource`: plain clients have no such key."""
        return False

    async def read(self, prompt: str, kind: LineKind = "command") -> str:  # noqa: ARG002 - we echo nothing
        """The next line; see `LineSource`."""
        self._output.write(prompt)
        while True:
            line = self._splitter.next_line()
            if line is not None:
                self.used = True
                self._taken.set()
                return line
            if self._changed:
                raise SourceChanged
            if self._ended:
                raise EndOfInput
            self._news = anyio.Event()
            await self._news.wait()
