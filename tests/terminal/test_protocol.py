"""What a client is and what it says, from telnet's bytes, without I/O."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.terminal.protocol import (
    AreYouThere,
    ClientProtocol,
    EndOfFile,
    Interrupt,
    Message,
    OneShotCommand,
    Resized,
    Token,
    Typed,
)
from aiomonitor.terminal.telnet import (
    MAX_SUBNEGOTIATION,
    TTYPE_IS,
    TTYPE_SEND,
    Command,
    Option,
    TelnetCodec,
    naws_payload,
)


class Dialogue:
    """A server's protocol and a client's codec, wired together."""

    def __init__(self, *offers: Option) -> None:
        self.protocol = ClientProtocol()
        self.client = TelnetCodec()
        self.messages: list[Message] = []
        for option in (Option.TTYPE, Option.NAWS, Option.SGA):
            self.client.accept(option, "local")
        for option in offers:
            self.client.request(option, "local")

    def exchange(self) -> None:
        """Carry bytes both ways until both are silent."""
        moving = True
        while moving:
            up, down = self.client.bytes_to_send(), self.protocol.bytes_to_send()
            self.messages += self.protocol.receive(up)
            self.client.receive(down)
            moving = bool(up or down)

    def say(self, option: Option, payload: bytes) -> None:
        self.client.subnegotiate(option, payload)
        self.exchange()


def told(data: bytes) -> list[Message]:
    return ClientProtocol().receive(data)


def test_plain_text_is_typed() -> None:
    """Bytes without telnet are what the user typed, and tell nothing about the client."""
    protocol = ClientProtocol()
    assert protocol.receive(b"ps\r\n") == [Typed(b"ps\r\n")]
    assert not protocol.speaks_telnet
    assert not protocol.is_terminal
    assert protocol.bytes_to_send() == b""


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (Command.IP, Interrupt()),
        (Command.BRK, Interrupt()),
        (Command.ABORT, Interrupt()),
        (Command.EOF_, EndOfFile()),
        (Command.AYT, AreYouThere()),
        (Command.EC, Typed(b"\x7f")),
        (Command.EL, Typed(b"\x15")),
    ],
)
def test_keys(command: Command, message: Message) -> None:
    """Telnet's own keys arrive in their place among what was typed."""
    assert told(b"a" + bytes([Command.IAC, command]) + b"b") == [Typed(b"a"), message, Typed(b"b")]


@pytest.mark.parametrize("command", [Command.NOP, Command.GA, Command.AO, Command.SUSP])
def test_keys_without_meaning(command: Command) -> None:
    """Commands that mean nothing here are swallowed."""
    assert told(bytes([Command.IAC, command])) == []


def test_a_terminal_tells_type_and_size() -> None:
    """A client that agrees is asked for its type, and known once type and size have come."""
    dialogue = Dialogue()
    dialogue.protocol.ask_type()
    dialogue.protocol.ask_size()
    dialogue.exchange()
    assert (dialogue.protocol.speaks_telnet, dialogue.protocol.is_described) == (True, False)
    dialogue.say(Option.TTYPE, TTYPE_IS + b"XTERM-256COLOR")
    dialogue.say(Option.NAWS, naws_payload(100, 50))
    assert dialogue.protocol.is_described
    assert dialogue.protocol.term == "XTERM-256COLOR"
    assert dialogue.messages == [Resized(columns=100, rows=50)]
    assert (dialogue.protocol.size, dialogue.protocol.size_known) == ((100, 50), True)
    assert dialogue.protocol.is_terminal
    assert dialogue.protocol.has_color


def test_the_type_is_asked_when_it_is_offered() -> None:
    """A client that offers its type unasked is asked for it, once."""
    protocol = ClientProtocol()
    protocol.receive(bytes([Command.IAC, Command.WILL, Option.TTYPE]) * 2)
    question = bytes([Command.IAC, Command.SB, Option.TTYPE]) + TTYPE_SEND
    assert protocol.bytes_to_send().count(question) == 1


def test_refusals_describe_a_client_too() -> None:
    """A client that refuses both questions is known: a terminal without colour, of usual size."""
    protocol = ClientProtocol()
    protocol.ask_type()
    protocol.ask_size()
    for option in (Option.TTYPE, Option.NAWS):
        protocol.receive(bytes([Command.IAC, Command.WONT, option]))
    assert protocol.is_described
    assert protocol.is_terminal
    assert not protocol.has_color
    assert (protocol.size, protocol.size_known) == ((80, 24), False)


@pytest.mark.parametrize("term", ["dumb", "DUMB", "unknown", "network"])
def test_dumb_terminals(term: str) -> None:
    """A terminal that cannot move the cursor gets plain lines."""
    dialogue = Dialogue(Option.TTYPE)
    dialogue.exchange()
    dialogue.say(Option.TTYPE, TTYPE_IS + term.encode())
    assert dialogue.protocol.speaks_telnet
    assert not dialogue.protocol.is_terminal


def test_windows_are_not_endless() -> None:
    """An absurd size is cut down, and a size of zero is no size."""
    dialogue = Dialogue(Option.NAWS)
    dialogue.exchange()
    dialogue.say(Option.NAWS, naws_payload(65535, 65535))
    assert dialogue.messages == [Resized(columns=1000, rows=1000)]
    dialogue.say(Option.NAWS, naws_payload(0, 0))
    dialogue.say(Option.NAWS, b"xyz")
    assert len(dialogue.messages) == 1


def test_echo_is_taken_over() -> None:
    """The server offers to echo and asks for single keys."""
    protocol = ClientProtocol()
    protocol.take_over_echo()
    sent = protocol.bytes_to_send()
    assert bytes([Command.IAC, Command.WILL, Option.ECHO]) in sent
    assert bytes([Command.IAC, Command.WILL, Option.SGA]) in sent


def test_one_shot() -> None:
    """A one-shot client sends token and command, and is told the status."""
    dialogue = Dialogue(Option.ONE_SHOT)
    dialogue.exchange()
    assert dialogue.protocol.is_one_shot
    dialogue.say(Option.ONE_SHOT, b"Tsecret")
    dialogue.say(Option.ONE_SHOT, "Cps é".encode())
    assert dialogue.messages == [Token("secret"), OneShotCommand("ps é")]
    dialogue.protocol.report_status(2)
    answer = bytes([Command.IAC, Command.SB, Option.ONE_SHOT]) + b"S2"
    assert dialogue.protocol.bytes_to_send().startswith(answer)


def test_a_mutilated_one_shot_command() -> None:
    """A command that was cut off is never run as if it were whole."""
    dialogue = Dialogue(Option.ONE_SHOT)
    dialogue.exchange()
    dialogue.say(Option.ONE_SHOT, b"C" + b"x" * MAX_SUBNEGOTIATION)
    assert dialogue.messages == [OneShotCommand(None)]
    dialogue.say(Option.ONE_SHOT, b"Xother")
    assert len(dialogue.messages) == 1


def test_one_shot_has_to_be_agreed_on() -> None:
    """Its messages mean nothing from a client that did not negotiate it."""
    sent = bytes([Command.IAC, Command.SB, Option.ONE_SHOT]) + b"Cps"
    assert told(sent + bytes([Command.IAC, Command.SE])) == []


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_one_shot_counts_from_where_it_is_agreed_on(size: int) -> None:
    """What comes before that means nothing, in whatever packets it all comes."""
    early, late = (
        bytes([Command.IAC, Command.SB, Option.ONE_SHOT]) + text + bytes([Command.IAC, Command.SE])
        for text in (b"Tearly", b"Tlate")
    )
    will, wont = (
        bytes([Command.IAC, verb, Option.ONE_SHOT]) for verb in (Command.WILL, Command.WONT)
    )
    stream = early + will + late + wont + early
    protocol = ClientProtocol()
    packets = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [each for packet in packets for each in protocol.receive(packet)] == [Token("late")]
    assert not protocol.is_one_shot


def test_floods() -> None:
    """A client that negotiates without end is recognised, and not answered without end."""
    protocol = ClientProtocol()
    flood = b"".join(bytes([Command.IAC, Command.DO, n]) for n in range(200)) * 10
    protocol.receive(flood)
    assert [protocol.is_flooding] == [False]  # each option is refused once
    protocol.receive(bytes([Command.IAC, Command.DO, Option.TIMING_MARK]) * 5000)
    assert protocol.is_flooding
    assert len(protocol.bytes_to_send()) < 10_000


@given(
    st.lists(st.binary(max_size=20) | st.sampled_from([bytes([255, n]) for n in range(236, 256)]))
)
def test_any_bytes(packets: list[bytes]) -> None:
    """Whatever a client sends, nothing raises, and sizes and types stay sensible."""
    protocol = ClientProtocol()
    for packet in packets:
        protocol.receive(packet)
        protocol.bytes_to_send()
    assert all(1 <= size <= 1000 for size in protocol.size)
    assert protocol.term is None or protocol.term.isprintable()
