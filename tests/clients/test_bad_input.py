"""What should never be sent: each gets a clear answer or a clean refusal, and harms nobody."""

from __future__ import annotations

import contextlib

import pytest

from .harness import IAC, PROMPT, Application, Wire, eventually

MEGABYTE = 1024 * 1024
GROWTH = 20 * MEGABYTE
"""Bytes of memory that no client may cost."""

_SB, _SE, _WILL, _DO, _WONT, _AYT = (bytes([code]) for code in (250, 240, 251, 253, 252, 246))
_NAWS, _TTYPE = b"\x1f", b"\x18"


def _warm_up(application: Application) -> int:
    """The memory in bytes once everything is loaded that a client needs."""
    with Wire(application.port) as wire:
        wire.greeted().ask(b"ps")
    with Wire(application.port) as terminal:
        terminal.send(IAC + _WILL + _TTYPE)
        terminal.read_until(b"monitor >>>")
    return application.resident


@pytest.fixture
def wire(application: Application) -> Wire:
    """A client at its first prompt."""
    return Wire(application.port).greeted()


def test_megabyte_without_newline(application: Application) -> None:
    """A line of 1 MB is refused in a line, is not run, and is not kept in memory."""
    before = _warm_up(application)
    with Wire(application.port).greeted() as wire:
        wire.ask(b"echo one")
        for _ in range(16):
            wire.send(b"count " * (MEGABYTE // 16 // 6))
        runs = application.call("runs")
        assert b"too long" in wire.ask(b"")
        assert application.resident - before < GROWTH
        assert b"echo: two" in wire.ask(b"echo two")
    assert application.call("runs") == runs


@pytest.mark.parametrize("opening", [b"", b"x" * MEGABYTE], ids=["later", "at once"])
def test_endless_line(application: Application, opening: bytes) -> None:
    """100 MB without a newline are thrown away as they come, also if they come first."""
    before = _warm_up(application)
    with Wire(application.port) as wire:
        if not opening:
            wire.greeted()
        for _ in range(100):
            wire.send(b"x" * MEGABYTE)
        assert application.resident - before < GROWTH
        application.check_health()


def test_megabyte_first(application: Application) -> None:
    """Whoever opens with 1 MB without a newline is no client of ours: it is hung up on."""
    before = _warm_up(application)
    with Wire(application.port) as wire:
        with contextlib.suppress(ConnectionError):
            wire.send(b"x" * MEGABYTE + b"\n")
        assert b"unknown" not in wire.read_to_end()
    assert application.resident - before < GROWTH


def test_megabyte_on_a_terminal(application: Application) -> None:
    """A telnet client that types 1 MB is refused as well, and can go on."""
    before = _warm_up(application)
    with Wire(application.port) as wire:
        wire.send(IAC + _WILL + _TTYPE)
        wire.read_until(b"monitor >>>")
        for _ in range(16):
            wire.send(b"y" * (MEGABYTE // 16))
        wire.send(b"\r")
        wire.read_until(b"too long")
        wire.send(b"echo next\r")
        wire.read_until(b"echo: next")
        assert application.resident - before < GROWTH


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"ps\0 --limit 1", b"NUL"),
        (b"echo \xc3\x28 \x80\xed\xa0\x80", "echo: �( �".encode()),
        (b"\x80\x81\x82", b"unknown command"),
        (b"ps --nonsense", b"--nonsense"),
        (b"ps --sort nonsense", b"nonsense"),
        (b"ps --limit x", b"x"),
        (b"where", b"TASK"),
        (b"where 123456789", b"123456789"),
        (b"where abc", b"abc"),
        (b"cancel 123456789", b"123456789"),
        (b"cancel 1 --timeout nan", b"nan"),
        (b"signal nonsense", b"nonsense"),
        (b"echo 'unclosed", b"quot"),
        (b"pss", b"ps"),
        (b"s", b"signal"),
        (b"fail", b"fail: RuntimeError: broken on purpose"),
        (b"help nonsense", b"nonsense"),
        (b"--help", b"--help"),
        (b"\\", b"escape"),
        (b"\x1b[A", b"unknown command"),
    ],
)
def test_one_line_of_answer(wire: Wire, line: bytes, answer: bytes) -> None:
    """Each mistake gets one line that names it, never a traceback, and the next command works."""
    with wire:
        wire.ask(b"echo first")
        said, _, prompt = wire.ask(line).rpartition(b"\n")
        assert answer in said
        assert said.count(b"\n") == 0
        assert b"Traceback" not in said
        assert b"\x1b" not in said
        assert prompt == b"monitor >>> "
        assert b"echo: next" in wire.ask(b"echo next")


def test_task_that_is_gone(application: Application) -> None:
    """A task that has ended between two commands is reported as gone."""
    application.call("add_sleepers", 1, "short")
    with Wire(application.port).greeted() as wire:
        number = wire.ask(b"ps --filter short-0").splitlines()[1].split()[0]
        assert b"ended" in wire.ask(b"cancel " + number)
        assert number in (said := wire.ask(b"where " + number))
        assert said.count(b"\n") == 1
        assert said.count(b"File") == 0


def test_nul_bytes_first(application: Application) -> None:
    """Whoever opens with NUL bytes is hung up on, without a word."""
    with Wire(application.port) as wire:
        wire.send(b"\0" * 100 + b"count\n")
        assert wire.read_to_end() == b""


@pytest.mark.parametrize(
    "opening",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\ncount\n",
        b"CONNECT localhost:20101 HTTP/1.1\r\n\r\ncount\n",
        b"OPTIONS * HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 32 + b"\ncount\n",
    ],
    ids=["GET", "POST", "CONNECT", "OPTIONS", "HTTP2", "TLS"],
)
@pytest.mark.parametrize("cut", [None, 1, 9], ids=["whole", "after 1", "after 9"])
def test_browsers(application: Application, opening: bytes, cut: int | None) -> None:
    """HTTP and TLS, also in two pieces, are hung up on with not one byte, and run nothing."""
    runs = application.call("runs")
    with Wire(application.port) as wire:
        wire.send(opening[:cut])
        if cut is not None:
            wire.send(opening[cut:])
        assert wire.read_to_end() == b""
    assert application.call("runs") == runs


def test_late_browser(application: Application) -> None:
    """A request that comes after the prompt is hung up on as well."""
    runs = application.call("runs")
    with Wire(application.port) as wire:
        wire.read_until(PROMPT.encode())
        wire.send(b"POST / HTTP/1.1\r\n\r\ncount\n")
        assert wire.read_to_end() == b""
    assert application.call("runs") == runs


def test_endless_subnegotiation(application: Application) -> None:
    """A subnegotiation without an end is thrown away as it comes."""
    before = _warm_up(application)
    with Wire(application.port) as wire:
        wire.send(IAC + _WILL + _NAWS + IAC + _SB + _NAWS)
        for _ in range(50):
            wire.send(b"z" * MEGABYTE)
        assert application.resident - before < GROWTH
        application.check_health()
        wire.send(IAC + _SE)
        wire.read_until(b"monitor >>>")


@pytest.mark.parametrize(
    "flood",
    [
        IAC + _AYT,
        IAC + _DO + b"\x01" + IAC + b"\xfe\x01",
        IAC + _WILL + b"\x55",
        IAC,
        IAC + b"\xf1",
    ],
    ids=["AYT", "DO and DONT", "WILL", "IAC", "NOP"],
)
def test_flood(application: Application, flood: bytes) -> None:
    """A flood of telnet commands by one that reads nothing costs neither memory nor others."""
    before = _warm_up(application)
    with Wire(application.port, receive_buffer=4096) as wire:
        wire.socket.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionError):  # read no further, or hung up on
            for _ in range(4):
                wire.send(flood * (MEGABYTE // len(flood)))
        assert application.resident - before < GROWTH
        application.check_health()
    eventually(lambda: application.resident - before < GROWTH)


def test_options_for_ever(application: Application) -> None:
    """A client may ask for all options that telnet has; the ones we lack are declined."""
    with Wire(application.port) as wire:
        for option in range(255):
            if option not in (0x18, 0xC8):
                wire.send(IAC + _DO + bytes([option]) + IAC + _WILL + bytes([option]))
        wire.send(IAC + _WONT + _TTYPE)
        wire.read_until(b"monitor >>>")
        wire.send(b"echo here\r\n")
        wire.read_until(b"echo: here")
