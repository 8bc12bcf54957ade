"""A client from its first byte to its last, over real sockets, on both of anyio's backends."""

from __future__ import annotations

import re
import socket
import struct
from contextlib import suppress

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from aiomonitor.access.gate import Gate
from aiomonitor.access.peers import Peer as Whom
from aiomonitor.terminal import session as session_module
from aiomonitor.terminal.lines import LINE_LIMIT
from aiomonitor.terminal.session import Session
from aiomonitor.terminal.telnet import Command, Option
from support import PATIENCE, Host, Peer, TelnetPeer, connection, happened, loopback_pair

pytestmark = pytest.mark.anyio

TELNET = bytes([Command.IAC])


@pytest.fixture
def host() -> Host:
    return Host()


async def script(host: Host, *lines: bytes, token: str | None = None) -> str:
    """What a client gets that sends everything at once and closes its half, like `nc -N`."""
    async with connection(host, token, speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"".join(lines))
        await peer.end()
        text = await peer.until_end()
    assert TELNET not in peer.raw
    return text


async def test_a_client_that_waits(host: Host) -> None:
    """A plain client is greeted and prompted; the prompt returns after the result."""
    async with connection(host) as stream:
        peer = Peer(stream)
        assert "welcome\n> " in await peer.until("> ")
        for word in ("a", "b"):
            await peer.send(f"zebra {word}\n".encode())
            assert await peer.until("> ") == f"[{word}]\n> "
        assert "\x1b" not in peer.text


async def test_a_script(host: Host) -> None:
    """A half-closed script is served to its end, also a last line without newline."""
    assert await script(host, b"zebra a\nfail\nzebra b") == (
        f"welcome\n> [a]\n> fail: ValueError: bad luck ({_place_of(host)})\n> [b]\n> "
    )


def _place_of(host: Host) -> str:
    code = host.do_fail.__func__.__code__  # type: ignore[attr-defined]
    return f"{code.co_filename}:{code.co_firstlineno + 1}"


async def test_nothing_at_all(host: Host) -> None:
    """A client that sends nothing and closes its half is greeted, and let go."""
    assert await script(host) == "welcome\n> "


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
async def test_line_ends(host: Host, end: bytes) -> None:
    """Each kind of line end runs a command once."""
    await script(host, b"zebra a", end, b"zebra b", end)
    assert host.ran == ["zebra a", "zebra b"]


async def test_a_thousand_lines_ahead(host: Host) -> None:
    """A long script runs in order, whole, without waiting for answers."""
    lines = [f"zebra {number}" for number in range(1100)]
    text = await script(host, "\n".join(lines).encode())
    assert host.ran == lines
    assert text.endswith("> [1099]\n> ")


async def test_leaving(host: Host) -> None:
    """`exit` ends the connection; what was sent after it is not run."""
    async with connection(host, speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"exit\nzebra a\n")
        assert await peer.until_end() == "welcome\n> "
    assert host.ran == ["exit"]


async def test_two_clients(host: Host) -> None:
    """Clients repeat their own last line and see their own output, also at the same time."""
    async with connection(host) as one, connection(host) as two:
        peers = Peer(one), Peer(two)
        for word, peer in zip("ab", peers, strict=True):
            await peer.send(f"zebra {word}\n".encode())
            await peer.until(f"[{word}]\n> ")
        for word, peer in zip("ab", peers, strict=True):
            await peer.send(b"\n")
            assert await peer.until("> ") == f"[{word}]\n> "


async def test_a_command_asks(host: Host) -> None:
    """A command reads the client's next line, which is then no command."""
    assert "name? hello you\n> [a]\n" in await script(host, b"ask\nyou\nzebra a\n")
    assert host.ran == ["ask", "zebra a"]


async def test_a_command_asks_at_the_end(host: Host) -> None:
    """A command that asks when there is nothing more to read gets an empty answer."""
    assert "name? hello \n" in await script(host, b"ask\n")


async def test_a_telnet_client(host: Host) -> None:
    """A telnet client's type and size are asked for, and its lines are edited."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream, size=(101, 33))
        await peer.until("welcome\r\n")
        await peer.until(">")
        await peer.send(b"client\r\0")
        await peer.until("101 columns, color True\r\n")
        assert peer.codec.enabled(Option.ECHO, "remote")
        assert b"\x1b" in peer.raw


async def test_a_size_that_changes(host: Host) -> None:
    """Commands see the client's width as it is now."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        await peer.resize(44, 20)
        await peer.send(b"client\r")
        await peer.until("44 columns")


async def test_no_color(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no colour under NO_COLOR."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        await peer.send(b"client\r")
        await peer.until("color False")


async def test_a_dumb_terminal(host: Host) -> None:
    """A terminal that cannot move its cursor gets plain lines and no escape codes."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream, term="dumb")
        await peer.until("welcome\r\n> ")
        await peer.send(b"zebra a\r\n")
        assert await peer.until("> ") == "[a]\r\n> "
        assert b"\x1b" not in peer.raw
        assert not peer.codec.enabled(Option.ECHO, "remote")


async def test_a_client_that_hides_itself(host: Host) -> None:
    """A telnet client that refuses every question has its lines edited, without colour."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream, term=None, size=None)
        await peer.until(">")
        await peer.send(b"client\r")
        await peer.until("120 columns, color False")


async def test_a_late_answer(host: Host) -> None:
    """A client that answers telnet only after the prompt becomes a terminal all the same."""
    async with connection(host) as stream:
        peer = TelnetPeer(stream)
        peer.mute = True
        await peer.until(">")
        assert not peer.codec.enabled(Option.ECHO, "remote")
        peer.mute = False
        await peer.reply()
        await peer.until(">")
        await peer.send(b"zebra a\r")
        await peer.until("[a]\r\n")
        assert peer.codec.enabled(Option.ECHO, "remote")


@pytest.mark.parametrize("typed", [(b"zebra a", b"\r"), (b"", b"zebra a\r"), (b"ze", b"bra a\r")])
async def test_typed_meanwhile(host: Host, typed: tuple[bytes, bytes]) -> None:
    """What comes while a client is being asked what terminal it is, is not lost."""
    async with connection(host) as stream:
        peer = TelnetPeer(stream)
        peer.mute = True
        await peer.until(">")
        before, meanwhile = typed
        await peer.send(before + bytes([Command.IAC, Command.WILL, Option.TTYPE]))
        await anyio.wait_all_tasks_blocked()
        await peer.send(meanwhile)
        await anyio.wait_all_tasks_blocked()
        peer.mute = False
        await peer.reply()
        await peer.until("[a]\r\n")
        assert peer.codec.enabled(Option.ECHO, "remote")
    assert host.ran == ["zebra a"]


@pytest.mark.parametrize("meanwhile", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"])
async def test_a_stranger_that_speaks_telnet_first(host: Host, meanwhile: bytes) -> None:
    """Nor may it be what begins another protocol."""
    async with connection(host) as stream:
        peer = Peer(stream)
        await peer.until(">")
        await peer.send(bytes([Command.IAC, Command.WILL, Option.TTYPE]))
        await anyio.wait_all_tasks_blocked()
        await peer.send(meanwhile + b"zebra a\r\n")
        await peer.until_end()
    assert host.ran == []


@pytest.mark.parametrize("first", [b"", b"zebra a"])
async def test_a_late_answer_of_a_client_that_leaves(host: Host, first: bytes) -> None:
    """It speaks telnet in its last packet: the session ends with the connection."""
    async with connection(host) as stream:
        peer = Peer(stream)
        await peer.until(">")
        await peer.send(first + bytes([Command.IAC, Command.WONT, Option.TTYPE]))
        await peer.end()
        await peer.until_end()
    assert host.ran == []


@pytest.mark.parametrize("cut", [1, 2, 4])
async def test_one_shot_in_two_pieces(host: Host, cut: int) -> None:
    """A client whose first telnet command is torn between packets is what it would be else."""
    sent = TELNET + b"\xfb\xc8" + b"".join(
        TELNET + b"\xfa\xc8" + text + TELNET + b"\xf0" for text in (b"Tsecret", b"Czebra a")
    )  # fmt: skip
    async with connection(host, "secret", speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(sent[:cut])
        await anyio.wait_all_tasks_blocked()
        await peer.send(sent[cut:])
        await peer.until_end()
    assert host.ran == ["zebra a"]
    assert b"token:" not in peer.raw


async def test_are_you_there(host: Host) -> None:
    """The client's question for a sign of life is answered, also while a command runs."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        await peer.send(b"hold\r")
        await happened(host.started)
        await peer.press(Command.AYT)
        await peer.until("[aiomonitor is here]")
        host.released.set()
        await peer.until("[held]")


@pytest.mark.parametrize("command", ["forever", "flood"])
async def test_interrupt_process(host: Host, command: str) -> None:
    """Telnet's interrupt key ends a running command; the next one works."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        await peer.send(command.encode() + b"\r")
        await happened(host.started)
        await peer.press(Command.IP)
        await peer.until("interrupted\r\n")
        await peer.send(b"zebra a\r")
        await peer.until("[a]\r\n")
    assert host.ended.is_set()


async def test_end_of_file_key(host: Host) -> None:
    """Telnet's end-of-file key leaves."""
    async with connection(host, patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until(">")
        await peer.press(Command.EOF_)
        await peer.until_end()


@pytest.mark.parametrize("command", ["forever", "flood"])
@pytest.mark.parametrize("kind", [Peer, TelnetPeer])
async def test_vanishing(host: Host, command: str, kind: type[Peer]) -> None:
    """A client that vanishes mid-command takes the command with it."""
    async with connection(host) as stream:
        peer = kind(stream)
        await peer.until(">")
        await peer.send(command.encode() + b"\r")
        await happened(host.started)
        if command == "forever" and kind is Peer:
            _reset(stream)
    await happened(host.ended)


def _reset(stream: SocketStream) -> None:
    """Leave the hard way: a closed half is a script's, which is served to its end."""
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport = getattr(stream, "_transport", None)
    if transport is not None:
        transport.abort()  # on asyncio, anyio before 4.16 would close one half first


async def test_a_line_that_is_cut_off(host: Host) -> None:
    """The beginning of a line is not run when the connection breaks: it may mean something else."""
    async with connection(host) as stream:
        peer = Peer(stream)
        await peer.until("> ")
        await peer.send(b"zebra a\nzebra b")
        await peer.until("[a]\n> ")
        _reset(stream)
    assert host.ran == ["zebra a"]


@pytest.mark.parametrize(
    "opening",
    [
        b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nzebra a\n",
        b"GET /zebra HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x00\x05zebra\nzebra a\n",
        b"\x16",
        b"\0\0zebra a\nzebra a\n",
        b"x" * (LINE_LIMIT + 1) + b"\nzebra a\n",
    ],
)
async def test_strangers(host: Host, opening: bytes) -> None:
    """Who opens with another protocol is hung up on without a word, and nothing is run."""
    async with connection(host, speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(opening)
        await peer.until_end()
        assert peer.raw == b""
    assert host.ran == []


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0\rzebra a\r",  # a terminal
        b"\xff\xfb\xc8\xff\xfa\xc8Czebra a\xff\xf0",  # one command
        b"\xff\xfc\x18\nzebra a\n",
    ],
)
async def test_strangers_that_speak_telnet(host: Host, body: bytes) -> None:
    """A page can put telnet into the body of its request: nothing is run for that, or said."""
    async with connection(host, speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n" + body)
        await peer.until_end()
        assert not re.search(rb"[a-z]", peer.raw)
    assert host.ran == []


async def test_strangers_in_two_pieces(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose first line comes torn is recognised before anything is said or run."""
    for limit in ("_FIRST_BYTES", "_TELNET_ANSWER"):
        monkeypatch.setattr(session_module, limit, PATIENCE)
    near, far = await loopback_pair()
    session = Session(host, far, Whom(name="test"), Gate())
    with anyio.fail_after(PATIENCE):
        async with near, anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            peer = Peer(near)
            await peer.send(b"POST /x HT")
            await session._recognised.wait()
            await peer.send(b"TP/1.1\r\nzebra a\r\n")
            await peer.until_end()
            assert peer.raw == b""
    assert host.ran == []


async def test_strangers_after_the_prompt(host: Host) -> None:
    """A slow request is hung up on although the prompt was out, and runs nothing."""
    async with connection(host) as stream:
        peer = Peer(stream)
        await peer.until("> ")
        await peer.send(b"POST / HTTP/1.1\r\nzebra a\r\n")
        await peer.until_end()
    assert host.ran == []


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (b"x" * (LINE_LIMIT + 1), f"line too long: over {LINE_LIMIT} bytes; it was not run\n"),
        (b"zebra\0", "the line holds a NUL byte: it was not run\n"),
    ],
)
async def test_lines_that_are_refused(host: Host, line: bytes, refusal: str) -> None:
    """A line that no person types is refused in one, and the next one is run."""
    text = await script(host, b"zebra a\n", line, b"\nzebra b\n")
    assert text == f"welcome\n> [a]\n> {refusal}> [b]\n> "


async def test_invalid_utf8(host: Host) -> None:
    """Bytes that are no UTF-8 cost nothing but themselves."""
    assert "[\ufffd]" in await script(host, b"zebra \xe9\n")


async def test_a_flood_of_negotiation(host: Host) -> None:
    """A client that provokes answers without end is let go."""
    async with connection(host) as stream:
        peer = Peer(stream)
        await peer.until("> ")
        with suppress(anyio.BrokenResourceError):
            await peer.send(bytes([Command.IAC, Command.DO, Option.TIMING_MARK]) * 20_000)
        await peer.until_end()
