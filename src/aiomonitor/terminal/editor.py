"""Lines from a terminal: prompt_toolkit's line editor, fed by a connection instead of a tty.

Loaded when the first terminal connects. prompt_toolkit runs on asyncio only: where the server runs
on trio, each prompt gets a worker thread with a loop of its own.
"""

from __future__ import annotations

import asyncio
import codecs
import contextvars
import functools
import io
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO, cast

import anyio
import anyio.to_thread
from prompt_toolkit.application import create_app_session, run_in_terminal
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from aiomonitor.dialogue import EndOfInput, LineTooLong
from aiomonitor.errors import CommandInterrupted

from .keys import ConnectionInput
from .prompts import Prompts

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiomonitor.dialogue import LineKind, PythonReader, Suggestion
    from aiomonitor.dialogue.output import ClientOutput

    from .prompt_app import Prompt

TYPED_LIMIT = 8 * 1024
"""Bytes of one typed line: the editor handles each key by itself, so a long line costs our CPU."""
AHEAD_LIMIT = 64 * 1024
"""Bytes that may be typed ahead while a command runs; then the connection is read no further."""
PASTE_LIMIT = 256 * 1024
"""Bytes of all lines that are pasted at one prompt."""
_INTERRUPT = b"\x03"
_CONTROL = re.compile(rb"[\x00-\x1a\x1c-\x1f]")  # any of these keys may end a line; Escape does not
_ENDS_OF_LINE = (b"\r", b"\n")


class _Screen(io.TextIOBase):
    """What the editor draws on; it goes on drawing, to nobody, when the client has gone."""

    encoding = "utf-8"

    def __init__(self, output: ClientOutput) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        with suppress(CommandInterrupted):
            self._output.write(text)
        return len(text)


class TerminalSource:
    """A `LineSource` with editing, completion, history and search.

    `on_interrupt` is called when Ctrl-C is typed while no prompt is open.
    """

    def __init__(
        self,
        output: ClientOutput,
        *,
        term: str,
        size: tuple[int, int],
        color: bool,
        complete: Callable[[str], list[Suggestion]],
        python: Callable[[], PythonReader | None],
        on_interrupt: Callable[[], None],
    ) -> None:
        self._size = size
        self._on_interrupt = on_interrupt
        self._typed = bytearray()
        self._reading = False
        self._skipping = False
        self._line_bytes = self._prompt_bytes = 0
        self._after_cr = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._taken = anyio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # of the open prompt, if not ours
        self._handover = threading.Lock()  # nothing is typed while that changes
        self._input = ConnectionInput()
        self._screen = _Screen(output)
        self._output = Vt100_Output(
            cast("TextIO", self._screen),
            self._get_size,
            term=term,
            default_color_depth=ColorDepth.DEPTH_4_BIT if color else ColorDepth.DEPTH_1_BIT,
        )
        self._prompts = Prompts(complete, python, lambda: bytes(self._typed), color=color)
        self._prompt: Prompt | None = None
        self._prompt_context = contextvars.Context()

    def resize(self, columns: int, rows: int) -> None:
        """The client's window has this size now, and an open prompt is drawn anew."""
        if self._size != (columns, rows):
            self._size = columns, rows
            self._at_prompt(self._resize)

    def _resize(self) -> None:
        if self._prompt is not None:
            self._prompt.resized()

    def _get_size(self) -> Size:
        return Size(columns=self._size[0], rows=self._size[1])

    def feed(self, data: bytes) -> None:
        """Bytes that the client typed."""
        self._at_prompt(self._feed, data)

    def _at_prompt(self, function: Callable[..., None], *args: object) -> None:
        """Call the function where the open prompt runs, which may be another thread."""
        with self._handover:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *args)
            else:
                function(*args)

    def _feed(self, data: bytes) -> None:
        if not self._reading and _INTERRUPT in data:
            # As a terminal does: what was typed ahead goes with the command.
            self._typed.clear()
            data = data.rpartition(_INTERRUPT)[2]
            self._on_interrupt()
        self._typed += self._normalised(data)
        self._advance()

    def _normalised(self, data: bytes) -> bytes:
        """CR LF is one Enter, also when torn between two packets."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\r")

    def _advance(self) -> None:
        """Feed the open prompt, up to the key that completes its line.

        Not one key more: prompt_toolkit would keep it for whichever prompt opens next, be it
        another client's.
        """
        while self._typed and self._reading and not self._done():
            end = _CONTROL.search(self._typed)
            piece = bytes(self._typed[: end.end() if end else len(self._typed)])
            del self._typed[: len(piece)]
            if not self._refused(piece, complete=piece.endswith(_ENDS_OF_LINE)):
                self._input.feed(self._decoder.decode(piece))
        self._taken.set()

    def _done(self) -> bool:
        return self._prompt is not None and self._prompt.is_done

    def _refused(self, piece: bytes, *, complete: bool) -> bool:
        """Whether the piece belongs to a line over the limit, which is thrown away to its end."""
        self._line_bytes += len(piece)
        self._prompt_bytes += len(piece)
        too_much = self._line_bytes > TYPED_LIMIT or self._prompt_bytes > PASTE_LIMIT
        if too_much and not self._skipping:
            self._skipping = True
            self._input.restart()
            self._decoder.reset()
        refused = self._skipping
        if complete:
            self._line_bytes = 0
            self._skipping = False
            if refused and self._prompt is not None and not self._done():
                self._prompt.exit(result=LineTooLong(TYPED_LIMIT))
        return refused

    def feed_eof(self) -> None:
        """The connection has ended, and with it whatever was being typed."""
        self._at_prompt(self._input.close)

    def close(self) -> None:
        """The session is over: let go of its prompts.

        What outlives it knows this object by the context that it copied, such as a timer that was
        cancelled and is due in a minute. A prompt in turn holds the exceptions of its tasks, and by
        their frames the timers of that time: so each terminal would keep those before it.
        """
        self._prompt = None
        self._prompt_context = contextvars.Context()
        self._prompts.close()

    async def room(self) -> None:
        """Wait while too much is typed ahead."""
        while len(self._typed) > AHEAD_LIMIT:
            self._taken = anyio.Event()
            await self._taken.wait()

    def take_interrupt(self) -> bool:
        """See `LineSource`: it may have come in one packet with Enter."""
        _, key, rest = self._typed.rpartition(_INTERRUPT)
        if key:
            self._typed = rest
        return bool(key)

    def show(self, text: str) -> None:
        """See `LineSource`: above the line that is being typed."""
        self._at_prompt(self._show, text if text.endswith("\n") else text + "\n")

    def _show(self, text: str) -> None:
        if self._reading and not self._done():
            self._prompt_context.run(run_in_terminal, functools.partial(self._screen.write, text))
        else:
            self._screen.write(text)

    async def read(self, prompt: str, kind: LineKind = "command") -> str:
        """The next line; see `LineSource`."""
        if _on_asyncio():
            return await self._read(prompt, kind)
        return await anyio.to_thread.run_sync(
            asyncio.run, self._read_elsewhere(prompt, kind), abandon_on_cancel=True
        )

    async def _read_elsewhere(self, prompt: str, kind: LineKind) -> str:
        with self._handover:
            self._loop = asyncio.get_running_loop()
        try:
            return await self._read(prompt, kind)
        finally:
            with self._handover:
                self._loop = None

    async def _read(self, prompt: str, kind: LineKind) -> str:
        line = self._prompt = self._prompts.make(kind, self._input, self._output)
        try:
            # In the session that prompt_toolkit shares by default, the keys of all clients would go
            # by the state of the prompt that was opened last.
            with create_app_session(input=self._input, output=self._output):
                return await line.read(prompt, self._begin)
        except EOFError:
            pass  # raised from here, the next one would hold the prompt by this one's frames
        finally:
            del line
            self._reading = False
        raise EndOfInput

    def _begin(self) -> None:
        """The prompt is open: hand it what was typed ahead, once it has attached its input."""
        self._prompt_context = contextvars.copy_context()
        if self._prompt is not None:
            # A task, which goes before the keys: they may ask for the history.
            self._prompt.buffer.load_history_if_not_yet_loaded()
        asyncio.get_running_loop().call_soon(self._open)

    def _open(self) -> None:
        if not self._done():
            self._reading = True
            self._prompt_bytes = 0
            self._advance()


def _on_asyncio() -> bool:
    """Whether the server's own loop is one that prompt_toolkit can use."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
