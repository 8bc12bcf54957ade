"""A client that measures: sends a command, notes when a screenful and when the prompt has come.

It speaks plain text as `nc` does, or just enough telnet for a server that insists on it: it agrees
to tell its terminal's type and size, refuses the rest, and answers the question where the cursor
is, without which prompt_toolkit draws no prompt.
"""

from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass

from harness import HOST

PROMPT = b"monitor >>> "
SCREEN = 24
"""Lines of a screen: what a person can read at once."""

_TIMEOUT = 120.0
_PACKET = 1 << 18
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>78]")
_WHERE_IS_THE_CURSOR = b"\x1b[6n"
_AT_THE_BOTTOM = b"\x1b[24;1R"

_IAC, _DO, _WILL, _WONT, _SB, _SE = (bytes((code,)) for code in (255, 253, 251, 252, 250, 240))
_TTYPE, _NAWS = b"\x18", b"\x1f"
_SIZE = b"\x01\xf4\x00\x18"  # 500 columns, so that no row is wrapped, and 24 rows
_COMMAND = re.compile(rb"\xff(\xfa(.).*?\xff\xf0|[\xfb-\xfe].|[\xf0-\xf9])", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What a command gave: its text, and seconds until a screen of it, and all of it, was here."""

    text: str
    first: float
    whole: float


class Client:
    """One connection, with the prompt already there."""

    def __init__(self, port: int, *, telnet: bool) -> None:
        self._telnet = telnet
        self._socket = socket.create_connection((HOST, port), timeout=_TIMEOUT)
        self._undecoded = b""
        # A server that waits a moment for what the client has to say finds out at once.
        if telnet:
            self._socket.sendall(_IAC + _WILL + _TTYPE)
        self._until_prompt(time.perf_counter())

    def command(self, line: str) -> Answer:
        """Run one command."""
        before = time.perf_counter()
        self._socket.sendall(line.encode() + (b"\r" if self._telnet else b"\n"))
        return self._until_prompt(before)

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _until_prompt(self, before: float) -> Answer:
        pieces: list[bytes] = []
        lines, first, tail = 0, 0.0, b""
        while not self._is_prompt(tail):
            piece = self._receive()
            pieces.append(piece)
            lines += piece.count(b"\n")
            if not first and lines >= SCREEN:
                first = time.perf_counter() - before
            tail = (tail + piece)[-600:]
        whole = time.perf_counter() - before
        text = _ESCAPES.sub(b"", b"".join(pieces)).decode("utf-8", "replace")
        return Answer(text, first or whole, whole)

    def _is_prompt(self, tail: bytes) -> bool:
        """A line editor echoes the prompt together with the command; a fresh one stands alone."""
        last_line = _ESCAPES.sub(b"", tail).rpartition(b"\n")[2].replace(b"\r", b"")
        return b"\n" in tail and last_line.strip() == PROMPT.strip()

    def _receive(self) -> bytes:
        data = self._socket.recv(_PACKET)
        if not data:
            raise EOFError("the monitor closed the connection")
        if not self._telnet:
            return data
        text = self._negotiated(self._undecoded + data)
        if _WHERE_IS_THE_CURSOR in text:
            self._socket.sendall(_AT_THE_BOTTOM * text.count(_WHERE_IS_THE_CURSOR))
        return text

    def _negotiated(self, data: bytes) -> bytes:
        """Answer the telnet commands and take them out; an incomplete one waits for more."""
        for match in _COMMAND.finditer(data):
            self._reply(match[1], match[2])
        text, iac, rest = _COMMAND.sub(b"", data).partition(_IAC)
        self._undecoded = iac + rest
        return text

    def _reply(self, command: bytes, option: bytes | None) -> None:
        if option == _TTYPE:
            kind = _IAC + _SB + _TTYPE + b"\0xterm" + _IAC + _SE
            self._socket.sendall(kind)
        elif command == _DO + _TTYPE:
            self._socket.sendall(_IAC + _WILL + _TTYPE)
        elif command == _DO + _NAWS:
            size = _IAC + _SB + _NAWS + _SIZE + _IAC + _SE
            self._socket.sendall(_IAC + _WILL + _NAWS + size)
        elif command[:1] == _DO:
            self._socket.sendall(_IAC + _WONT + command[1:])
        elif command[:1] == _WILL:
            self._socket.sendall(_IAC + _DO + command[1:])
