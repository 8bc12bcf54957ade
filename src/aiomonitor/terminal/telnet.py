"""The telnet protocol without I/O: bytes in, events and reply bytes out; imports the stdlib only.

Shared by the server's sessions and our command-line client. The shape is h11's: the owner of the
socket feeds `TelnetCodec.receive()` and afterwards writes whatever `bytes_to_send()` returns.

Telnet is RFC 854 and 855. Options are negotiated as in RFC 1143 (the "Q method"), which proves that
two ends that follow it never answer each other for ever. We never switch an option off, so three of
its six states are enough.

Whatever a peer sends, nothing here raises and nothing grows: see the two limits below.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final, Literal, TypeAlias

MAX_SUBNEGOTIATION: Final = 4096
"""Payload bytes kept of one subnegotiation: our longest is a command line; the rest of the world
sends some dozens. What is beyond is thrown away, and the event says `truncated`."""

MAX_QUEUED_REPLIES: Final = 2048
"""Bytes of replies that wait for `bytes_to_send()`: to refuse 256 options in both directions takes
1536. A peer that provokes more in one go is not negotiating."""

_IAC: Final = b"\xff"


class Command(IntEnum):
    """What may follow an IAC byte (RFC 854; the first three are RFC 1184's)."""

    EOF_ = 236  # the underscore: an editor's EOF is not Python's EOFError
    SUSP = 237
    ABORT = 238
    SE = 240
    NOP = 241
    DM = 242
    BRK = 243
    IP = 244
    AO = 245
    AYT = 246
    EC = 247
    EL = 248
    GA = 249
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254
    IAC = 255


class Option(IntEnum):
    """The options that somebody here has a use for; any other is handled as a plain int."""

    BINARY = 0
    ECHO = 1
    SGA = 3
    STATUS = 5
    TIMING_MARK = 6
    TTYPE = 24
    NAWS = 31
    LINEMODE = 34
    NEW_ENVIRON = 39
    ONE_SHOT = 0xC8
    """Private to aiomonitor, on a number that IANA has not assigned: one command, one status."""


Side: TypeAlias = Literal["local", "remote"]
"""Who performs an option: "local" is us (WILL/DO), "remote" is the peer (DO/WILL)."""


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the user: never empty, IAC unescaped, the NUL of CR NUL removed."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiation:
    """A negotiation verb as it came, before anything it changed: for those who only observe."""

    verb: Command
    option: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled:
    """An option is now in effect."""

    option: int
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Disabled:
    """An option is no longer in effect, or the peer refused our request for it."""

    option: int
    side: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnegotiation:
    """The payload between `SB option` and SE, unescaped.

    `truncated` means that bytes are missing: it was too long, or another command cut it off.
    """

    option: int
    payload: bytes
    truncated: bool


@dataclass(frozen=True, slots=True)
class ControlCommand:
    """A key of the virtual terminal, such as IP (interrupt process) or AYT (are you there)."""

    command: int


Event: TypeAlias = Data | Negotiation | Enabled | Disabled | Subnegotiation | ControlCommand


class _State(Enum):
    NO = auto()
    WANTED = auto()  # RFC 1143's WANTYES: we asked, no answer yet
    YES = auto()


# By verb: whose option it is about, and whether it says yes.
_MEANING: Final[dict[Command, tuple[Side, bool]]] = {
    Command.WILL: ("remote", True),
    Command.WONT: ("remote", False),
    Command.DO: ("local", True),
    Command.DONT: ("local", False),
}
_VERB: Final[dict[tuple[Side, bool], Command]] = {
    ("local", True): Command.WILL,
    ("local", False): Command.WONT,
    ("remote", True): Command.DO,
    ("remote", False): Command.DONT,
}
# NOP, GA, a stray SE, and DM (without TCP's urgent data it says nothing) are swallowed.
_CONTROLS: Final = frozenset(
    {*range(Command.EOF_, Command.ABORT + 1), *range(Command.BRK, Command.GA)}
)


class TelnetCodec:
    """One end of one telnet connection; not thread-safe, its owner is one session."""

    def __init__(self) -> None:
        self._states: dict[tuple[int, Side], _State] = {}
        self._accepted: set[tuple[int, Side]] = set()
        self._refused: set[tuple[int, Side]] = set()
        self._tail = b""  # an incomplete command: IAC, or IAC and a verb
        self._subnegotiation: bytearray | None = None  # the option's byte, then the payload
        self._truncated = False
        self._after_cr = False
        self._events: list[Event] = []
        self._data: list[bytes] = []
        self._output = bytearray()
        self._queued_replies = 0
        self._negotiated = False
        self._flooded = False

    @property
    def negotiated(self) -> bool:
        """Whether the peer ever sent WILL, WONT, DO or DONT, and so speaks telnet."""
        return self._negotiated

    @property
    def flooded(self) -> bool:
        """Whether the peer provoked more than `MAX_QUEUED_REPLIES`; it is not answered any more."""
        return self._flooded

    def enabled(self, option: int, side: Side) -> bool:
        """Whether both ends agreed on the option."""
        return self._state(option, side) is _State.YES

    def accept(self, option: int, side: Side) -> None:
        """Agree when the peer proposes the option; what is not accepted is refused, once."""
        self._accepted.add((option, side))
        self._refused.discard((option, side))

    def request(self, option: int, side: Side) -> None:
        """Offer the option (local) or ask the peer for it (remote), unless it is on or asked for.

        The answer is an `Enabled` or a `Disabled`.
        """
        if option == Option.TIMING_MARK:
            self._send(_VERB[side, True], option)
        elif self._state(option, side) is _State.NO:
            self._states[option, side] = _State.WANTED
            self._send(_VERB[side, True], option)

    def subnegotiate(self, option: int, payload: bytes) -> None:
        """Queue one subnegotiation, escaped; both ends should have agreed on the option."""
        self._output += bytes((Command.IAC, Command.SB))
        self._output += encode(bytes((option,)) + payload)
        self._output += bytes((Command.IAC, Command.SE))

    def bytes_to_send(self) -> bytes:
        """Take the queued bytes; they are to be written before any later data."""
        output = bytes(self._output)
        self._output.clear()
        self._queued_replies = 0
        return output

    def receive(self, data: bytes) -> list[Event]:
        """Parse the next bytes of the stream, however they were cut, and queue the replies."""
        stream = self._tail + data
        self._tail = b""
        position = 0
        while position < len(stream):
            position = self._parse(stream, position)
        self._flush_data()
        events, self._events = self._events, []
        return events

    # Parsing: every method takes a position and returns the next one.

    def _parse(self, stream: bytes, position: int) -> int:
        """Consume the run of plain bytes up to the next IAC, and what that IAC begins."""
        iac = stream.find(_IAC, position)
        end = len(stream) if iac < 0 else iac
        if end > position:
            self._plain(stream[position:end])
        if iac < 0:
            return end
        if iac + 1 == len(stream):
            return self._wait_for_more(stream, iac)
        return self._command(stream, iac)

    def _command(self, stream: bytes, iac: int) -> int:
        command = stream[iac + 1]
        if command == Command.IAC:
            self._plain(_IAC)
            return iac + 2
        if self._subnegotiation is not None:
            # Only SE ends it properly. After any other command its SE was lost: to go on waiting
            # would swallow the rest of the session.
            self._end_subnegotiation(complete=command == Command.SE)
        if Command.WILL <= command <= Command.DONT:
            if iac + 2 == len(stream):
                return self._wait_for_more(stream, iac)
            self._negotiation(Command(command), stream[iac + 2])
            return iac + 3
        if command == Command.SB:
            self._subnegotiation = bytearray()
        elif command in _CONTROLS:
            self._emit(ControlCommand(command))
        return iac + 2

    def _wait_for_more(self, stream: bytes, iac: int) -> int:
        self._tail = stream[iac:]
        return len(stream)

    def _plain(self, run: bytes) -> None:
        if self._subnegotiation is not None:
            room = 1 + MAX_SUBNEGOTIATION - len(self._subnegotiation)
            self._subnegotiation += run[:room]
            self._truncated |= len(run) > room
        elif self.enabled(Option.BINARY, "remote"):
            self._after_cr = False
            self._data.append(run)
        else:
            self._text(run)

    def _text(self, run: bytes) -> None:
        """RFC 854: a CR that is not a new line's is followed by NUL, perhaps in the next packet."""
        if self._after_cr and run[0] == 0:
            run = run[1:]
        self._after_cr = run.endswith(b"\r")
        if run:
            self._data.append(run.replace(b"\r\0", b"\r"))

    def _end_subnegotiation(self, *, complete: bool) -> None:
        content, self._subnegotiation = self._subnegotiation, None
        truncated, self._truncated = self._truncated or not complete, False
        if content:  # without even an option's byte it says nothing
            payload = bytes(content[1:])
            self._emit(Subnegotiation(option=content[0], payload=payload, truncated=truncated))

    def _flush_data(self) -> None:
        if self._data:
            self._events.append(Data(b"".join(self._data)))
            self._data.clear()

    def _emit(self, event: Event) -> None:
        self._flush_data()
        self._events.append(event)

    # Negotiation.

    def _state(self, option: int, side: Side) -> _State:
        return self._states.get((option, side), _State.NO)

    def _negotiation(self, verb: Command, option: int) -> None:
        self._negotiated = True
        self._emit(Negotiation(verb=verb, option=option))
        if self._flooded:
            return
        side, agrees = _MEANING[verb]
        if option == Option.TIMING_MARK:
            # RFC 860: no state, each DO is a question of its own. Clients send it after Ctrl-C and
            # show nothing until it is answered.
            if verb == Command.DO:
                self._reply(Command.WILL, option)
        elif agrees:
            self._peer_agrees(option, side)
        else:
            self._peer_declines(option, side)

    def _peer_agrees(self, option: int, side: Side) -> None:
        state = self._state(option, side)
        if state is _State.YES or (option, side) in self._refused:
            return
        if state is _State.NO:
            accepted = (option, side) in self._accepted
            if not self._reply(_VERB[side, accepted], option):
                return
            if not accepted:
                self._refused.add((option, side))
                return
        self._states[option, side] = _State.YES
        self._emit(Enabled(option=option, side=side))

    def _peer_declines(self, option: int, side: Side) -> None:
        state = self._states.pop((option, side), _State.NO)
        if state is _State.NO:
            return
        if state is _State.YES:
            self._reply(_VERB[side, False], option)
        self._emit(Disabled(option=option, side=side))

    def _reply(self, verb: Command, option: int) -> bool:
        self._flooded = self._queued_replies + 3 > MAX_QUEUED_REPLIES
        if not self._flooded:
            self._queued_replies += 3
            self._send(verb, option)
        return not self._flooded

    def _send(self, verb: Command, option: int) -> None:
        self._output += bytes((Command.IAC, verb, option))


def encode(data: bytes) -> bytes:
    """Escape bytes of the user for the wire."""
    return data.replace(_IAC, _IAC * 2)


TTYPE_IS: Final = b"\x00"
"""Begins the payload of a TTYPE answer (RFC 1091); the terminal's name follows."""

TTYPE_SEND: Final = b"\x01"
"""The whole payload of the question for the terminal's name."""


def parse_ttype(payload: bytes) -> str | None:
    """The terminal's name in a TTYPE answer; None if it is not one."""
    name = payload[1:].decode("ascii", "replace")
    well_formed = payload[:1] == TTYPE_IS and name.isascii() and name.isprintable()
    return name if well_formed and name else None


def parse_naws(payload: bytes) -> tuple[int, int] | None:
    """Columns and rows of a NAWS answer (RFC 1073); None if either is unknown."""
    if len(payload) != 4:
        return None
    columns, rows = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:], "big")
    return (columns, rows) if columns and rows else None


def naws_payload(columns: int, rows: int) -> bytes:
    """The payload that tells the peer our window's size; what does not fit 16 bits is clamped."""
    return b"".join(max(0, min(size, 0xFFFF)).to_bytes(2, "big") for size in (columns, rows))
