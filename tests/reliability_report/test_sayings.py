"""The conversations that are cut: recorded from real clients, and whole."""

from __future__ import annotations

import pytest
from reliability.checks import meaning
from reliability.sayings import MARK, RECORDED, TOKEN, VALUE, Saying, file_of, sayings

from aiomonitor.terminal.protocol import OneShotCommand, Resized, Token, Typed

SAYINGS = {saying.kind: saying for saying in sayings()}


def heard(kind: str) -> tuple[object, ...]:
    """What our protocol makes of it."""
    return meaning([SAYINGS[kind].said]).messages


def test_every_recording_is_used() -> None:
    """None is missing, and none is left over."""
    assert {file_of(kind) for kind in SAYINGS} == set(RECORDED.iterdir())
    assert all(saying.said for saying in SAYINGS.values())


def test_telnet_is_a_terminal() -> None:
    """The client has negotiated its type and size, and sends each key as it is."""
    found = meaning([SAYINGS["telnet"].said])
    assert found.term == "XTERM"
    size, typed = found.messages
    assert size == Resized(columns=80, rows=24)
    assert isinstance(typed, Typed)
    assert typed.data.endswith(b"\x1b[A\r\x04")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("one-shot", (OneShotCommand(MARK),)),
        ("one-shot with a token", (Token(TOKEN), OneShotCommand(MARK))),
    ],
)
def test_one_shots(kind: str, said: tuple[object, ...]) -> None:
    """Our own client says one command, after the token where it has one."""
    assert heard(kind) == said


@pytest.mark.parametrize("kind", ["plain", "plain with a token", "console"])
def test_plain_clients_say_lines(kind: str) -> None:
    """What nc sends is typed, and no telnet."""
    wanted = f"canary.value = {VALUE}" if kind == "console" else MARK
    assert wanted in meaning([SAYINGS[kind].said]).lines


@pytest.mark.parametrize("kind", [kind for kind, each in SAYINGS.items() if each.service == "web"])
def test_requests(kind: str) -> None:
    """curl and Chromium have said what they are, and to whom they talk."""
    head = SAYINGS[kind].said.partition(b"\r\n\r\n")[0]
    assert b"HTTP/1.1\r\nHost: 127.0.0.1:" in head
    assert b"\r\nUser-Agent: " in head


def test_a_browser_waits_for_its_socket() -> None:
    """The frames come after the answer to the request that opens it."""
    saying: Saying = SAYINGS["WebSocket"]
    assert b"Upgrade: websocket" in saying.said[: saying.pause]
    assert saying.said[: saying.pause].endswith(b"\r\n\r\n")
    assert saying.said[saying.pause] & 0x8F == 0x81  # a text, final
