"""From bytes to command lines, for clients that send plain text; sans-I/O, stdlib only.

`\n`, `\r\n` and `\r` end a line alike, also when the pair is torn between two packets.
"""

from __future__ import annotations

import re
from collections import deque

from aiomonitor.dialogue import LineTooLong

LINE_LIMIT = 64 * 1024
"""Bytes of one line. A command is a few words; a megabyte without a newline is a mistake."""

_HTTP = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ +\S+ +HTTP/\d")
_TLS_HANDSHAKE = 0x16


class LineSplitter:
    """Collects bytes, gives lines; memory is bounded by the limit and by whoever feeds it."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._skipping = False
        self._after_cr = False
        self._lines: deque[str] = deque()

    def feed(self, data: bytes) -> None:
        """Take what came from the client."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if not data:
            return
        self._after_cr = data.endswith(b"\r")
        *complete, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for piece in complete:
            self._extend(piece)
            self._end_line()
        self._extend(rest)

    def feed_eof(self) -> None:
        """The client sends no more: what it left without a newline is a line too."""
        if self._partial or self._skipping:
            self._end_line()

    def drop_unfinished(self) -> None:
        """Forget what has come without a newline: the client was cut off in it."""
        self._partial.clear()
        self._skipping = False

    def next_line(self) -> str | None:
        """The next complete line, or None until more is fed."""
        return self._lines.popleft() if self._lines else None

    def peek(self) -> str | None:
        """What `next_line` would return, left in place."""
        return self._lines[0] if self._lines else None

    def peek_filled(self) -> str | None:
        """The first of the complete lines that is not empty."""
        return next(filter(None, self._lines), None)

    def take_all(self) -> bytes:
        """What has come and was not taken, whole lines or not, as it may be fed to another."""
        lines = [str(line).encode() + b"\r" for line in self._lines]
        typed = b"".join([*lines, self._partial])
        self._lines.clear()
        self._partial.clear()
        return typed

    def __len__(self) -> int:
        """How many complete lines wait to be taken."""
        return len(self._lines)

    def _extend(self, piece: bytes) -> None:
        room = self._limit - len(self._partial)
        self._partial += piece[:room]
        self._skipping = self._skipping or len(piece) > room

    def _end_line(self) -> None:
        text = self._partial.decode("utf-8", "replace")
        self._lines.append(LineTooLong(self._limit) if self._skipping else text)
        self._partial.clear()
        self._skipping = False


def looks_like_tls(first: bytes) -> bool:
    """Whether a connection's first bytes open a TLS handshake: no command starts like that."""
    return first[:1] == bytes([_TLS_HANDSHAKE])


def opens_foreign(typed: bytes, *, complete: bool) -> bool:
    """Whether a connection opens in another protocol; `complete` if its first line has come.

    It has where telnet was spoken after it: a page's request may hold that in its body.
    """
    first_line = re.split(rb"[\r\n]", typed, maxsplit=1)[0].decode("utf-8", "replace")
    return looks_like_tls(typed) or (complete and looks_foreign(first_line))


def looks_foreign(first_line: str) -> bool:
    """Whether a connection's first line is that of another protocol.

    A page in a web browser can make it send almost anything to a port on loopback, but always in
    HTTP (a request line first), TLS, or WebRTC's binary messages (NUL bytes).
    """
    return "\0" in first_line or _HTTP.match(first_line.encode("utf-8", "replace")) is not None
