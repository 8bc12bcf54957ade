"""What a text client is and what it says, above telnet's bytes; sans-I/O, stdlib only.

A client that answers telnet is a terminal (or our own command-line client in one-shot mode); one
that does not is plain. The session asks and waits, this module only keeps the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .telnet import (
    TTYPE_SEND,
    Command,
    ControlCommand,
    Data,
    Disabled,
    Enabled,
    Event,
    Option,
    Subnegotiation,
    TelnetCodec,
    parse_naws,
    parse_ttype,
)

_DUMB = {"dumb", "unknown", "network", ""}
"""Terminal types (RFC 1091 names two of them) that cannot move the cursor."""
_DEFAULT_SIZE = (80, 24)
_LARGEST = 1000
"""Columns and rows beyond this are a mistake or an attack: the editor draws each cell."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Bytes that the user typed."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The client's interrupt key, sent as a telnet command."""


@dataclass(frozen=True, slots=True)
class EndOfFile:
    """The client's end-of-file key, sent as a telnet command."""


@dataclass(frozen=True, slots=True)
class AreYouThere:
    """The client asks for a sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized:
    """The client's window."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Token:
    """The secret, from a one-shot client."""

    text: str


@dataclass(frozen=True, slots=True)
class OneShotCommand:
    """The one command of a one-shot client; None if it came mutilated."""

    line: str | None


Message: TypeAlias = Typed | Interrupt | EndOfFile | AreYouThere | Resized | Token | OneShotCommand

_CONTROLS: dict[int, Message] = {
    Command.IP: Interrupt(),
    Command.BRK: Interrupt(),
    Command.ABORT: Interrupt(),
    Command.EOF_: EndOfFile(),
    Command.AYT: AreYouThere(),
    Command.EC: Typed(b"\x7f"),
    Command.EL: Typed(b"\x15"),
}


class ClientProtocol:
    """One connection's telnet state and what it tells of the client."""

    def __init__(self) -> None:
        self._codec = TelnetCodec()
        self._answered: set[int] = set()
        self._is_one_shot = False  # so far: the codec is ahead, by all events of a packet
        self.term: str | None = None
        self.size = _DEFAULT_SIZE
        self.size_known = False
        for option in (Option.TTYPE, Option.NAWS, Option.ONE_SHOT, Option.SGA):
            self._codec.accept(option, "remote")
        for option in (Option.SGA, Option.ECHO):
            self._codec.accept(option, "local")

    @property
    def speaks_telnet(self) -> bool:
        """Whether the client has negotiated anything."""
        return self._codec.negotiated

    @property
    def is_one_shot(self) -> bool:
        """Whether it is our command-line client, with one command to run."""
        return self._is_one_shot

    @property
    def is_terminal(self) -> bool:
        """Whether lines can be edited there; a telnet client that hides its type counts as one."""
        return self.speaks_telnet and (self.term or "ansi").lower() not in _DUMB

    @property
    def has_color(self) -> bool:
        """Whether colours may be used; a client hides its type when it wants none."""
        return self.is_terminal and self.term is not None

    @property
    def is_flooding(self) -> bool:
        """Whether it negotiates more than any client would."""
        return self._codec.flooded

    @property
    def is_described(self) -> bool:
        """Whether the questions for type and size have been answered or refused."""
        return {Option.TTYPE, Option.NAWS} <= self._answered

    def ask_type(self) -> None:
        """The first question: a client that answers it speaks telnet."""
        self._codec.request(Option.TTYPE, "remote")

    def ask_size(self) -> None:
        """The second question."""
        self._codec.request(Option.NAWS, "remote")

    def take_over_echo(self) -> None:
        """Have the client send each key as it is typed, and show nothing by itself."""
        self._codec.request(Option.ECHO, "local")
        self._codec.request(Option.SGA, "local")
        self._codec.request(Option.SGA, "remote")

    def report_status(self, status: int) -> None:
        """Tell a one-shot client how its command ended."""
        self._codec.subnegotiate(Option.ONE_SHOT, b"S%d" % status)

    def bytes_to_send(self) -> bytes:
        """What has to be written now."""
        return self._codec.bytes_to_send()

    def receive(self, data: bytes) -> list[Message]:
        """What the bytes mean, in order."""
        messages = (self._message(event) for event in self._codec.receive(data))
        return [message for message in messages if message is not None]

    def _message(self, event: Event) -> Message | None:
        if isinstance(event, Data):
            return Typed(event.data)
        if isinstance(event, ControlCommand):
            return _CONTROLS.get(event.command)
        if isinstance(event, Subnegotiation):
            return self._subnegotiation(event)
        if isinstance(event, Enabled | Disabled) and event.side == "remote":
            self._negotiated(event)
        return None

    def _negotiated(self, event: Enabled | Disabled) -> None:
        if event.option == Option.ONE_SHOT:
            self._is_one_shot = isinstance(event, Enabled)
        if isinstance(event, Disabled):
            self._answered.add(event.option)
        elif event.option == Option.TTYPE:
            self._codec.subnegotiate(Option.TTYPE, TTYPE_SEND)

    def _subnegotiation(self, event: Subnegotiation) -> Message | None:
        if event.option == Option.ONE_SHOT and self.is_one_shot:
            return _one_shot(event)
        self._answered.add(event.option)
        if event.option == Option.TTYPE:
            self.term = parse_ttype(event.payload) or self.term
        elif event.option == Option.NAWS and (size := parse_naws(event.payload)):
            columns, rows = self.size = min(size[0], _LARGEST), min(size[1], _LARGEST)
            self.size_known = True
            return Resized(columns=columns, rows=rows)
        return None


def _one_shot(event: Subnegotiation) -> Message | None:
    kind, text = event.payload[:1], event.payload[1:].decode("utf-8", "replace")
    if kind == b"T":
        return Token(text)
    if kind == b"C":
        return OneShotCommand(None if event.truncated else text)
    return None
