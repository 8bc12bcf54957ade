"""The telnet codec: examples for every rule, properties for every way to cut or spoil a stream."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.terminal.telnet import (
    MAX_QUEUED_REPLIES,
    MAX_SUBNEGOTIATION,
    TTYPE_IS,
    TTYPE_SEND,
    Command,
    ControlCommand,
    Data,
    Disabled,
    Enabled,
    Event,
    Negotiation,
    Option,
    Side,
    Subnegotiation,
    TelnetCodec,
    encode,
    naws_payload,
    parse_naws,
    parse_ttype,
)

IAC, SB, SE = bytes((Command.IAC,)), bytes((Command.SB,)), bytes((Command.SE,))
VERBS = (Command.WILL, Command.WONT, Command.DO, Command.DONT)
SIDES: tuple[Side, Side] = ("local", "remote")


def iac(*values: int) -> bytes:
    return bytes((Command.IAC, *values))


def negotiation(verb: Command, option: int) -> Negotiation:
    return Negotiation(verb=verb, option=option)


def subnegotiation(option: int, payload: bytes, *, truncated: bool = False) -> Subnegotiation:
    return Subnegotiation(option=option, payload=payload, truncated=truncated)


def merged(events: list[Event]) -> list[Event]:
    """The same events with neighbouring `Data` joined: how a stream was cut does not show."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        if isinstance(event, Data) and isinstance(last, Data):
            result[-1] = Data(last.data + event.data)
        else:
            result.append(event)
    return result


def agreeable(options: frozenset[int] = frozenset(Option)) -> TelnetCodec:
    codec = TelnetCodec()
    for option in options:
        for side in SIDES:
            codec.accept(option, side)
    return codec


# Data.


def test_plain_bytes_are_one_event() -> None:
    """Bytes without telnet in them come out as they went in, in one piece."""
    codec = TelnetCodec()
    assert codec.receive(b"ps\r\nwhere 1\n") == [Data(b"ps\r\nwhere 1\n")]
    assert not codec.negotiated
    assert codec.bytes_to_send() == b""


def test_nothing_received_is_no_event() -> None:
    """An empty read changes nothing."""
    assert TelnetCodec().receive(b"") == []


def test_iac_is_unescaped() -> None:
    """A doubled IAC is one byte of data and no negotiation."""
    codec = TelnetCodec()
    assert codec.receive(b"a\xff\xffb") == [Data(b"a\xffb")]
    assert not codec.negotiated


@pytest.mark.parametrize(
    ("wire", "data"),
    [
        (b"a\r\0b", b"a\rb"),
        (b"\r\0\0", b"\r\0"),
        (b"\r\r\0", b"\r\r"),
        (b"\r\n", b"\r\n"),
        (b"\0", b"\0"),
        (b"\r" + iac(Command.NOP) + b"\0", b"\r"),
        (b"\r" + IAC + IAC + b"\0", b"\r\xff\0"),
    ],
)
def test_cr_nul_is_cr(wire: bytes, data: bytes) -> None:
    """The NUL that telnet puts behind a bare CR is removed, and no other byte is."""
    assert merged(TelnetCodec().receive(wire)) == [Data(data)]


def test_cr_nul_across_packets() -> None:
    """A CR is reported when it comes; its NUL in the next packet is nothing at all."""
    codec = TelnetCodec()
    assert codec.receive(b"ps\r") == [Data(b"ps\r")]
    assert codec.receive(b"\0") == []
    assert codec.receive(b"\0") == [Data(b"\0")]


def test_binary_keeps_cr_nul() -> None:
    """A peer that transmits binary means each NUL, also the one right after the switch."""
    codec = agreeable()
    codec.receive(b"\r" + iac(Command.WILL, Option.BINARY))
    assert codec.receive(b"\0\r\0") == [Data(b"\0\r\0")]
    codec.receive(iac(Command.WONT, Option.BINARY))
    assert codec.receive(b"\r\0") == [Data(b"\r")]


def test_cr_before_binary_ends_is_binary() -> None:
    """A binary CR does not take the first NUL after binary transmission with it."""
    codec = agreeable()
    codec.receive(iac(Command.WILL, Option.BINARY) + b"\r" + iac(Command.WONT, Option.BINARY))
    assert codec.receive(b"\0") == [Data(b"\0")]


def test_our_own_binary_leaves_input_alone() -> None:
    """That we transmit binary says nothing about what the peer sends."""
    codec = agreeable()
    codec.receive(iac(Command.DO, Option.BINARY))
    assert codec.receive(b"\r\0") == [Data(b"\r")]


def test_order_of_data_and_commands() -> None:
    """Data before and after a command stay before and after it."""
    events = TelnetCodec().receive(b"sleep" + iac(Command.IP) + b"ps\n")
    assert events == [Data(b"sleep"), ControlCommand(Command.IP), Data(b"ps\n")]


# Commands.


@pytest.mark.parametrize("command", ["BRK", "IP", "AO", "AYT", "EC", "EL", "EOF_", "SUSP", "ABORT"])
def test_control_commands(command: str) -> None:
    """Each key of the virtual terminal is an event, and needs no answer."""
    codec = TelnetCodec()
    assert codec.receive(iac(Command[command])) == [ControlCommand(Command[command])]
    assert codec.bytes_to_send() == b""
    assert not codec.negotiated


@pytest.mark.parametrize("command", [Command.NOP, Command.DM, Command.GA, Command.SE, 0, 239])
def test_commands_without_meaning_are_swallowed(command: int) -> None:
    """What says nothing to us vanishes without splitting the data around it."""
    assert TelnetCodec().receive(b"a" + iac(command) + b"b") == [Data(b"ab")]


# Negotiation.


def test_unknown_proposals_are_refused() -> None:
    """An option that was not accepted is refused, whether it has a name or not."""
    codec = TelnetCodec()
    events = codec.receive(iac(Command.WILL, 77) + iac(Command.DO, Option.STATUS))
    assert events == [negotiation(Command.WILL, 77), negotiation(Command.DO, Option.STATUS)]
    assert codec.bytes_to_send() == iac(Command.DONT, 77) + iac(Command.WONT, Option.STATUS)
    assert codec.negotiated


def test_refused_once() -> None:
    """A peer that insists on a refused option is not answered again."""
    codec = TelnetCodec()
    codec.receive(iac(Command.WILL, 77) * 3 + iac(Command.WONT, 77) + iac(Command.WILL, 77))
    assert codec.bytes_to_send() == iac(Command.DONT, 77)
    assert not codec.enabled(77, "remote")


def test_accept_after_refusal() -> None:
    """An option refused earlier can be accepted later."""
    codec = TelnetCodec()
    codec.receive(iac(Command.WILL, 77))
    codec.accept(77, "remote")
    codec.bytes_to_send()
    assert Enabled(option=77, side="remote") in codec.receive(iac(Command.WILL, 77))
    assert codec.bytes_to_send() == iac(Command.DO, 77)


@pytest.mark.parametrize(
    ("side", "proposal", "agreement", "withdrawal", "confirmation"),
    [
        ("remote", Command.WILL, Command.DO, Command.WONT, Command.DONT),
        ("local", Command.DO, Command.WILL, Command.DONT, Command.WONT),
    ],
)
def test_peer_switches_option_on_and_off(
    side: Side, proposal: Command, agreement: Command, withdrawal: Command, confirmation: Command
) -> None:
    """An accepted option goes on and off at the peer's word, with one reply to each change."""
    codec = TelnetCodec()
    codec.accept(Option.NAWS, side)
    enabled, disabled = (kind(option=Option.NAWS, side=side) for kind in (Enabled, Disabled))
    proposed = codec.receive(iac(proposal, Option.NAWS) * 2)
    assert [event for event in proposed if not isinstance(event, Negotiation)] == [enabled]
    assert codec.bytes_to_send() == iac(agreement, Option.NAWS)
    assert codec.enabled(Option.NAWS, side)
    withdrawn = codec.receive(iac(withdrawal, Option.NAWS) * 2)
    assert [event for event in withdrawn if not isinstance(event, Negotiation)] == [disabled]
    assert codec.bytes_to_send() == iac(confirmation, Option.NAWS)
    assert not codec.enabled(Option.NAWS, side)


@pytest.mark.parametrize(
    ("side", "verb", "yes", "no"),
    [
        ("remote", Command.DO, Command.WILL, Command.WONT),
        ("local", Command.WILL, Command.DO, Command.DONT),
    ],
)
def test_our_request(side: Side, verb: Command, yes: Command, no: Command) -> None:
    """A request is sent once; yes enables, no disables, and neither is answered."""
    for answer, outcome in ((yes, Enabled), (no, Disabled)):
        codec = TelnetCodec()
        codec.request(Option.TTYPE, side)
        codec.request(Option.TTYPE, side)
        assert codec.bytes_to_send() == iac(verb, Option.TTYPE)
        assert not codec.enabled(Option.TTYPE, side)
        events = codec.receive(iac(answer, Option.TTYPE))
        assert events[1:] == [outcome(option=Option.TTYPE, side=side)]
        assert codec.enabled(Option.TTYPE, side) is (outcome is Enabled)
        assert codec.bytes_to_send() == b""


def test_request_of_what_is_on_is_silent() -> None:
    """Asking for what both ends already do sends nothing."""
    codec = agreeable()
    codec.receive(iac(Command.DO, Option.ECHO))
    codec.bytes_to_send()
    codec.request(Option.ECHO, "local")
    assert codec.bytes_to_send() == b""


def test_request_after_refusal_asks_again() -> None:
    """A refusal is not for ever: the application may ask again."""
    codec = TelnetCodec()
    codec.request(Option.TTYPE, "remote")
    codec.receive(iac(Command.WONT, Option.TTYPE))
    codec.bytes_to_send()
    codec.request(Option.TTYPE, "remote")
    assert codec.bytes_to_send() == iac(Command.DO, Option.TTYPE)


def test_sides_are_independent() -> None:
    """The same option in the other direction is another option."""
    codec = agreeable()
    codec.receive(iac(Command.WILL, Option.ECHO))
    assert codec.enabled(Option.ECHO, "remote")
    assert not codec.enabled(Option.ECHO, "local")


def test_timing_marks_are_always_answered() -> None:
    """Each DO TIMING-MARK is a question and gets its WILL; its other verbs get nothing."""
    codec = TelnetCodec()
    for _ in range(3):
        codec.receive(iac(Command.DO, Option.TIMING_MARK))
        assert codec.bytes_to_send() == iac(Command.WILL, Option.TIMING_MARK)
    for verb in (Command.WILL, Command.WONT, Command.DONT):
        assert codec.receive(iac(verb, Option.TIMING_MARK)) == [
            negotiation(verb, Option.TIMING_MARK)
        ]
    assert codec.bytes_to_send() == b""


def test_timing_mark_may_be_asked_repeatedly() -> None:
    """Our own DO TIMING-MARK is sent each time, answered or not."""
    codec = TelnetCodec()
    codec.request(Option.TIMING_MARK, "remote")
    codec.request(Option.TIMING_MARK, "remote")
    assert codec.bytes_to_send() == iac(Command.DO, Option.TIMING_MARK) * 2


def test_flood_of_proposals_is_not_answered() -> None:
    """Replies stop at the limit, the codec says so, and the state stands still from then on."""
    codec = agreeable()
    codec.receive((iac(Command.WILL, Option.ECHO) + iac(Command.WONT, Option.ECHO)) * 50_000)
    assert codec.flooded
    assert len(codec.bytes_to_send()) <= MAX_QUEUED_REPLIES
    codec.receive(iac(Command.DO, Option.SGA) + iac(Command.DO, Option.TIMING_MARK))
    assert codec.bytes_to_send() == b""
    assert not codec.enabled(Option.SGA, "local")


def test_every_option_once_is_no_flood() -> None:
    """A peer that proposes all there is in both directions still gets every answer."""
    codec = TelnetCodec()
    codec.receive(b"".join(iac(verb, n) for verb in (Command.WILL, Command.DO) for n in range(256)))
    assert not codec.flooded
    assert len(codec.bytes_to_send()) == (2 * 256 - 1) * 3  # all but an unasked WILL TIMING-MARK


def test_patient_peer_is_no_flood() -> None:
    """Replies that were taken do not count: Ctrl-C may be pressed all day."""
    codec = TelnetCodec()
    for _ in range(MAX_QUEUED_REPLIES):
        codec.receive(iac(Command.IP) + iac(Command.DO, Option.TIMING_MARK))
        codec.bytes_to_send()
    assert not codec.flooded


# Subnegotiation.


def test_subnegotiation_round_trip() -> None:
    """A payload arrives as it was sent, IAC bytes, CR NUL and all, between the data around it."""
    sender, payload = TelnetCodec(), b"\xff\xf0 \r\0 \xff\xff"
    sender.subnegotiate(Option.ONE_SHOT, payload)
    events = TelnetCodec().receive(b"a" + sender.bytes_to_send() + b"b")
    assert events == [Data(b"a"), subnegotiation(Option.ONE_SHOT, payload), Data(b"b")]


def test_subnegotiation_without_payload() -> None:
    """An option without payload is reported, no option at all is not."""
    assert TelnetCodec().receive(IAC + SB + b"\x18" + IAC + SE) == [subnegotiation(24, b"")]
    assert TelnetCodec().receive(IAC + SB + IAC + SE) == []


def test_subnegotiation_of_option_255() -> None:
    """The option's byte is escaped like the payload."""
    codec = TelnetCodec()
    codec.subnegotiate(255, b"x")
    assert TelnetCodec().receive(codec.bytes_to_send()) == [subnegotiation(255, b"x")]


@pytest.mark.parametrize(("excess", "truncated"), [(0, False), (1, True), (10_000, True)])
def test_long_subnegotiation_is_truncated(excess: int, truncated: bool) -> None:
    """A payload of the limit is whole; one byte more and the event says that it isn't."""
    codec = TelnetCodec()
    codec.subnegotiate(Option.TTYPE, b"x" * (MAX_SUBNEGOTIATION + excess))
    expected = subnegotiation(Option.TTYPE, b"x" * MAX_SUBNEGOTIATION, truncated=truncated)
    receiver = TelnetCodec()
    assert receiver.receive(codec.bytes_to_send() + b"ps") == [expected, Data(b"ps")]
    codec.subnegotiate(Option.TTYPE, b"short")
    assert receiver.receive(codec.bytes_to_send()) == [subnegotiation(Option.TTYPE, b"short")]


def test_endless_subnegotiation_uses_constant_memory() -> None:
    """What an endless subnegotiation sends is thrown away as it comes."""
    codec, chunk = TelnetCodec(), b"x" * 65_536
    codec.receive(IAC + SB + b"\x18")
    tracemalloc.start()
    try:
        for _ in range(200):
            assert codec.receive(chunk) == []
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 4 * MAX_SUBNEGOTIATION


@pytest.mark.parametrize("command", [Command.NOP, Command.IP, Command.SB, Command.GA])
def test_subnegotiation_cut_off_by_a_command(command: Command) -> None:
    """A command in place of SE ends a subnegotiation as truncated, so that the session goes on."""
    events = TelnetCodec().receive(IAC + SB + b"\x18\0vt" + iac(command))
    assert events[0] == subnegotiation(Option.TTYPE, b"\0vt", truncated=True)


def test_negotiation_inside_of_subnegotiation() -> None:
    """A verb that cuts off a subnegotiation is obeyed."""
    codec = agreeable()
    events = codec.receive(IAC + SB + b"\x18" + iac(Command.WILL, Option.NAWS) + b"ps")
    assert events == [
        subnegotiation(Option.TTYPE, b"", truncated=True),
        negotiation(Command.WILL, Option.NAWS),
        Enabled(option=Option.NAWS, side="remote"),
        Data(b"ps"),
    ]


# Payloads of others.


def test_parse_ttype() -> None:
    """Only IS with a printable ASCII name is a terminal type."""
    assert parse_ttype(TTYPE_IS + b"xterm-256color") == "xterm-256color"
    for payload in (b"", TTYPE_IS, TTYPE_SEND, b"xterm", b"\0\x1b[2J", b"\0\xffvt", b"\0vt\xe9"):
        assert parse_ttype(payload) is None


def test_parse_naws() -> None:
    """A size that is zero, or not four bytes, is unknown."""
    assert parse_naws(b"\0\x50\x01\0") == (80, 256)
    for payload in (b"", b"\0\x50\0", b"\0\x50\0\x18\0", b"\0\0\0\x18", b"\0\x50\0\0"):
        assert parse_naws(payload) is None


def test_naws_payload_is_clamped() -> None:
    """A size that does not fit is sent as the nearest that does."""
    assert naws_payload(-1, 1_000_000) == b"\0\0\xff\xff"


@given(st.integers(1, 0xFFFF), st.integers(1, 0xFFFF))
def test_naws_round_trip(columns: int, rows: int) -> None:
    """Any size survives the wire, 255 columns (an IAC byte) too."""
    codec = TelnetCodec()
    codec.subnegotiate(Option.NAWS, naws_payload(columns, rows))
    (event,) = TelnetCodec().receive(codec.bytes_to_send())
    assert isinstance(event, Subnegotiation)
    assert parse_naws(event.payload) == (columns, rows)


# Properties. The byte soup is rich in what the parser cares about.

spicy_bytes = st.sampled_from([*range(236, 256), 0, 13, 10, *Option, 77, ord("a")])
commands = st.builds(iac, st.sampled_from(list(Command)))
verbs = st.builds(iac, st.sampled_from(VERBS), spicy_bytes)
subnegotiations = st.builds(
    lambda option, payload: IAC + SB + encode(bytes((option,)) + payload) + IAC + SE,
    spicy_bytes,
    st.binary(max_size=20),
)
streams = st.lists(
    st.one_of(
        st.binary(max_size=20), st.lists(spicy_bytes).map(bytes), commands, verbs, subnegotiations
    )
).map(b"".join)


def parsed(pieces: list[bytes]) -> tuple[list[Event], bytes, bool]:
    codec = agreeable(frozenset({Option.ECHO, Option.BINARY, 77}))
    codec.request(Option.TTYPE, "remote")
    events = [event for piece in pieces for event in codec.receive(piece)]
    return merged(events), codec.bytes_to_send(), codec.negotiated


@given(streams, st.lists(st.integers(0, 400)))
def test_cuts_do_not_matter(stream: bytes, cuts: list[int]) -> None:
    """A stream means the same whole, byte by byte, and cut anywhere."""
    whole = parsed([stream])
    assert parsed([bytes((byte,)) for byte in stream]) == whole
    borders = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    assert parsed([stream[start:end] for start, end in pairwise(borders)]) == whole


@given(streams, st.binary(min_size=1, max_size=50))
def test_trailing_data_survives(stream: bytes, trailing: bytes) -> None:
    """After any stream that ended cleanly, what follows a command is plain data again."""
    codec = TelnetCodec()
    codec.receive(stream)
    codec.receive(b"\0" + iac(Command.NOP) + iac(Command.NOP))  # ends whatever was open
    data = b"[" + trailing.replace(b"\r", b"") + b"]"
    assert codec.receive(encode(data)) == [Data(data)]


@given(st.binary())
def test_encode_round_trip(data: bytes) -> None:
    """Encoded bytes come out as they went in, for a peer that was told of BINARY."""
    codec = agreeable()
    codec.receive(iac(Command.WILL, Option.BINARY))
    assert merged(codec.receive(encode(data))) == ([Data(data)] if data else [])


@given(st.binary())
def test_text_round_trip(data: bytes) -> None:
    """Without BINARY only CR NUL is changed."""
    expected = data.replace(b"\r\0", b"\r")
    assert merged(TelnetCodec().receive(encode(data))) == ([Data(expected)] if expected else [])


@given(st.one_of(st.binary(max_size=2000), streams))
def test_garbage_never_raises(garbage: bytes) -> None:
    """Any bytes parse, and provoke no more bytes of reply than were received."""
    codec = agreeable()
    events = codec.receive(garbage)
    assert all(event.data for event in events if isinstance(event, Data))
    assert len(codec.bytes_to_send()) <= min(len(garbage), MAX_QUEUED_REPLIES)


wishes = st.lists(st.tuples(st.sampled_from(list(Option)), st.sampled_from(SIDES)))


@given(wishes, wishes, wishes, wishes, st.booleans())
def test_two_codecs_settle(
    one_asks: list[tuple[Option, Side]],
    one_takes: list[tuple[Option, Side]],
    two_asks: list[tuple[Option, Side]],
    two_takes: list[tuple[Option, Side]],
    crossing: bool,
) -> None:
    """Two ends that want different things stop talking soon, and agree on what is in effect."""
    one, two = TelnetCodec(), TelnetCodec()
    for codec, asks, takes in ((one, one_asks, one_takes), (two, two_asks, two_takes)):
        for wish in takes:
            codec.accept(*wish)
        for wish in asks:
            codec.request(*wish)
    for _ in range(4):
        to_two, to_one = one.bytes_to_send(), two.bytes_to_send()
        two.receive(to_two)
        one.receive(to_one + (b"" if crossing else two.bytes_to_send()))
    assert one.bytes_to_send() == two.bytes_to_send() == b""
    for option in Option:
        assert one.enabled(option, "local") == two.enabled(option, "remote")
        assert one.enabled(option, "remote") == two.enabled(option, "local")
