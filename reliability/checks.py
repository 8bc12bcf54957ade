"""What must hold of whatever bytes a client sends, told without I/O; a breach raises `Breach`."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from aiomonitor.terminal.conversation import is_foreign
from aiomonitor.terminal.lines import LINE_LIMIT, LineSplitter, looks_like_tls, opens_foreign
from aiomonitor.terminal.protocol import ClientProtocol, Message, Typed
from aiomonitor.terminal.telnet import MAX_QUEUED_REPLIES, MAX_SUBNEGOTIATION

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOUND = 2 * MAX_QUEUED_REPLIES + 64
"""Bytes of our replies to one packet, and for each of its bytes `_PER_BYTE` more."""
_PER_BYTE = 64


class Breach(AssertionError):  # noqa: N818 - as an exception it is told by its name
    """What must not happen with any stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a stream says, with what was typed in one piece between two other messages."""

    messages: tuple[Message, ...]
    lines: tuple[str, ...]
    term: str | None
    flooding: bool
    """The one thing that depends on packets: who reads our replies in between is let off."""


def meaning(packets: Iterable[bytes]) -> Meaning:
    """Through the codec, the protocol and the lines, whose limits hold at each packet."""
    protocol, lines = ClientProtocol(), LineSplitter()
    protocol.ask_type()
    messages: list[Message] = []
    for packet in packets:
        for message in protocol.receive(packet):
            if isinstance(message, Typed):
                lines.feed(message.data)
            _append(messages, message)
        if len(protocol.bytes_to_send()) > _BOUND + _PER_BYTE * len(packet):
            raise Breach("replies grow without bound")
    lines.feed_eof()
    if len(protocol.term or "") > MAX_SUBNEGOTIATION:
        raise Breach("a terminal's name is longer than its limit")
    return Meaning(
        messages=tuple(messages), lines=_taken(lines), term=protocol.term,
        flooding=protocol.is_flooding,
    )  # fmt: skip


def _append(messages: list[Message], message: Message) -> None:
    if messages and isinstance(message, Typed) and isinstance(before := messages[-1], Typed):
        messages[-1] = Typed(before.data + message.data)
    else:
        messages.append(message)


def _taken(lines: LineSplitter) -> tuple[str, ...]:
    taken = []
    while (line := lines.next_line()) is not None:
        if len(line) > LINE_LIMIT:
            raise Breach("a line is longer than its limit")
        taken.append(line)
    return tuple(taken)


def cuts(stream: bytes) -> list[list[bytes]]:
    """The stream whole, byte by byte, and cut at some places, always the same ones."""
    rng = random.Random(stream)
    places = sorted(rng.randrange(len(stream) + 1) for _ in range(4))
    torn = [stream[a:b] for a, b in pairwise([0, *places, len(stream)])]
    return [[stream], [bytes((byte,)) for byte in stream], torn]


def check_stream(stream: bytes) -> Meaning:
    """However it is cut, it says the same; raises `Breach`."""
    whole, *others = map(meaning, cuts(stream))
    for other in others:
        check_same(whole, other)
    return whole


def check_same(one: Meaning, other: Meaning) -> None:
    """Of two ways to cut a stream, unless one of them was a flood; raises `Breach`."""
    if one != other and not (one.flooding or other.flooding):
        raise Breach(f"it matters how the stream is cut: {one}, {other}")


def check_opening(opening: bytes) -> bool:
    """The first bytes of a connection; whether they are refused, by either of the two ways there
    are, which have to agree: one for who has spoken telnet meanwhile, one for who has not."""
    lines = LineSplitter()
    lines.feed(opening)
    lines.feed_eof()
    first = lines.next_line()
    at_once = opens_foreign(opening, complete=True)
    by_line = looks_like_tls(opening) or (first is not None and is_foreign(first))
    if at_once != by_line and len(opening) <= LINE_LIMIT:
        raise Breach(f"one way refuses it, the other does not: {at_once}, {by_line}")
    if opens_foreign(opening, complete=False) and not at_once:
        raise Breach("it is refused before its first line has come, and not after")
    return at_once


def check_page(said: bytes) -> None:
    """A request of a browser is refused, whatever a page has put into it."""
    if not check_opening(said):
        raise Breach("a browser's request is not refused")
    found = meaning([said])
    if not found.lines or not is_foreign(found.lines[0]):
        raise Breach("a browser's request is not refused after telnet's codec")
