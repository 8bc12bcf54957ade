"""A prompt_toolkit input that is fed by a connection instead of a tty.

Imports prompt_toolkit, so it is loaded late, with the editor.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100_parser import Vt100Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from prompt_toolkit.key_binding import KeyPress


class ConnectionInput(Input):
    """A prompt_toolkit input without a file descriptor: `feed` turns bytes into key presses."""

    def __init__(self) -> None:
        self._keys: list[KeyPress] = []
        self._ready: Callable[[], None] | None = None
        self._closed = False
        self.restart()

    def restart(self) -> None:
        """Forget half a key or half a paste."""
        self._parser = Vt100Parser(lambda key: self._keys.append(key))

    def feed(self, text: str) -> None:
        """Handle the keys of the text now, if a prompt is open."""
        self._parser.feed(text)
        self._tell()

    def close(self) -> None:
        """The open prompt ends, and so will any other."""
        self._closed = True
        self._tell()

    def _tell(self) -> None:
        if self._ready is not None:
            self._ready()

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed

    def read_keys(self) -> list[KeyPress]:
        """What was fed since the last call."""
        keys, self._keys = self._keys, []
        return keys

    def flush_keys(self) -> list[KeyPress]:
        """A lone Escape is a key once nothing followed it for a while."""
        self._parser.flush()
        return self.read_keys()

    @contextmanager
    def _attached(self, ready: Callable[[], None]) -> Iterator[None]:
        previous, self._ready = self._ready, ready
        try:
            if self._closed:
                # Whoever attaches to a closed input must learn it from the loop, not from us.
                asyncio.get_running_loop().call_soon(ready)
            yield
        finally:
            self._ready = previous

    @contextmanager
    def _detached(self) -> Iterator[None]:
        previous, self._ready = self._ready, None
        try:
            yield
        finally:
            self._ready = previous

    def attach(self, input_ready_callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Call back whenever there are keys to read."""
        return self._attached(input_ready_callback)

    def detach(self) -> AbstractContextManager[None]:
        """Call back no more."""
        return self._detached()

    def raw_mode(self) -> AbstractContextManager[None]:
        """The client's terminal is in raw mode already: telnet negotiated it."""
        return nullcontext()

    def cooked_mode(self) -> AbstractContextManager[None]:
        """See `raw_mode`."""
        return nullcontext()

    def fileno(self) -> int:
        """There is none; prompt_toolkit asks only the inputs that it makes itself."""
        raise OSError("a network connection's input has no file descriptor of its own")

    def typeahead_hash(self) -> str:
        """One for all: we feed no more than one line, so nothing is ever left over."""
        return "aiomonitor"
