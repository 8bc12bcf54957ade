"""Lines from bytes, however these are cut, and what is not a client at all."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.dialogue import LineTooLong
from aiomonitor.terminal.lines import (
    LINE_LIMIT,
    LineSplitter,
    looks_foreign,
    looks_like_tls,
)

LIMIT = 8
PIECES = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc", b"\x00", b"\xff", "é".encode(), b"x" * 9])
)
STREAMS = PIECES.map(b"".join)


def taken(splitter: LineSplitter) -> list[str]:
    """The lines that are complete; too long ones as their limit."""
    lines = []
    while (line := splitter.next_line()) is not None:
        lines.append(f"over {line.limit}" if isinstance(line, LineTooLong) else line)
    return lines


def split(*packets: bytes, limit: int = LIMIT) -> list[str]:
    splitter = LineSplitter(limit)
    for packet in packets:
        splitter.feed(packet)
    splitter.feed_eof()
    return taken(splitter)


@pytest.mark.parametrize(
    ("packets", "lines"),
    [
        ([b"ps\n"], ["ps"]),
        ([b"ps\r\n"], ["ps"]),
        ([b"ps\r"], ["ps"]),
        ([b"ps"], ["ps"]),
        ([b"a\rb\nc\r\nd"], ["a", "b", "c", "d"]),
        ([b"\n\n"], ["", ""]),
        ([b"\r\r\n\r"], ["", "", ""]),
        ([b"\n\r"], ["", ""]),
        ([b"a\r", b"\nb\n"], ["a", "b"]),
        ([b"a\r", b"", b"\nb\n"], ["a", "b"]),
        ([b"a\r", b"b\n"], ["a", "b"]),
        ([b"a\r", b"\n", b"\n"], ["a", ""]),
        ([], []),
        ([b"\xc3", b"\xa9\n"], ["é"]),
        ([b"\xff\xfe\n"], ["\ufffd\ufffd"]),
        ([b"a\0b\n"], ["a\0b"]),
        ([b"x" * LIMIT + b"\n"], ["x" * LIMIT]),
        ([b"x" * LIMIT, b"y\nps\n"], ["over 8", "ps"]),
        ([b"x" * 100], ["over 8"]),
    ],
)
def test_examples(packets: list[bytes], lines: list[str]) -> None:
    """Newline, carriage return and both end a line once; the rest at the end is a line, too."""
    assert split(*packets) == lines


@given(STREAMS, st.lists(st.integers(0, 200)))
def test_cuts_do_not_show(stream: bytes, cuts: list[int]) -> None:
    """The lines are the same whole, byte by byte and in any packets."""
    whole = split(stream)
    assert split(*(stream[i : i + 1] for i in range(len(stream)))) == whole
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    packets = [stream[i:j] for i, j in pairwise(places)]
    assert split(*packets) == whole


@given(STREAMS)
def test_no_byte_is_lost(stream: bytes) -> None:
    """Under the limit, the lines hold all that was sent but the line ends."""
    text = stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    expected = text.decode("utf-8", "replace").removesuffix("\n").split("\n") if text else []
    assert split(stream, limit=10_000) == expected


def test_a_line_without_end_costs_no_memory() -> None:
    """Megabytes without a newline are counted, not kept, in large packets and in small ones."""
    splitter = LineSplitter()
    splitter.feed(b"x" * 2 * LINE_LIMIT)
    packets = (b"y" * 65536, b"z")
    tracemalloc.start()
    try:
        for packet in packets:
            for _ in range(1000):
                splitter.feed(packet)
        assert tracemalloc.get_traced_memory()[1] < 10 * LINE_LIMIT
    finally:
        tracemalloc.stop()
    splitter.feed(b"\nps\n")
    assert taken(splitter) == [f"over {LINE_LIMIT}", "ps"]


def test_peek_leaves_the_line() -> None:
    """Looking at a line does not take it, and the number of lines tells how many wait."""
    splitter = LineSplitter()
    assert splitter.peek() is None
    splitter.feed(b"a\nb\nc")
    assert (splitter.peek(), len(splitter)) == ("a", 2)
    assert taken(splitter) == ["a", "b"]
    assert len(splitter) == 0


def test_a_line_too_long_is_empty_text() -> None:
    """Whoever takes a line over the limit for text finds nothing to run in it."""
    line = LineTooLong(5)
    assert (str(line), line.limit) == ("", 5)


@pytest.mark.parametrize(
    "line",
    [
        "GET / HTTP/1.1",
        "POST /ps HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "CONNECT localhost:20101 HTTP/1.1",
        "PRI * HTTP/2.0",
        "M-SEARCH * HTTP/1.1",
        "GET  /a  HTTP/1.1",
        "GET /ws HTTP/1.1 ",
        "x\0y",
    ],
)
def test_foreign_lines(line: str) -> None:
    """Request lines of HTTP, in every version and method, and NUL bytes are no commands."""
    assert looks_foreign(line)


@pytest.mark.parametrize(
    "line", ["", "ps", "ps --filter HTTP", "help", "where 12", "GET", "GET /", "signal HUP é"]
)
def test_commands_are_not_foreign(line: str) -> None:
    """What a person may type is not taken for another protocol."""
    assert not looks_foreign(line)


@given(st.text(st.characters(categories=None)))
def test_any_line_can_be_looked_at(line: str) -> None:
    """No text, not even one with surrogates, makes the check fail."""
    assert looks_foreign(line) in (True, False)


def test_tls() -> None:
    """A TLS handshake is recognised by its first byte, before it is complete."""
    assert looks_like_tls(b"\x16")
    assert looks_like_tls(b"\x16\x03\x01\x02\x00\x01")
    assert not looks_like_tls(b"")
    assert not looks_like_tls(b"ps\n")
