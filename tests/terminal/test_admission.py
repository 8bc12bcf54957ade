"""The token, and clients with a single command, on both of anyio's backends."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from aiomonitor.terminal.telnet import MAX_SUBNEGOTIATION, Option, Subnegotiation
from support import Host, Peer, TelnetPeer, connection, happened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


@pytest.fixture
def host() -> Host:
    return Host()


async def test_the_token_is_asked_for_first(host: Host) -> None:
    """Before the token there is no greeting and no command, after it there are both."""
    async with connection(host, "secret") as stream:
        peer = Peer(stream)
        assert "welcome" not in await peer.until("token: ")
        await peer.send(b"secret\n")
        await peer.until("welcome\n> ")
        await peer.send(b"zebra a\n")
        await peer.until("[a]")


async def test_a_wrong_token_may_be_corrected(host: Host) -> None:
    """A wrong token is refused and asked for again; blanks around the right one do not matter."""
    async with connection(host, "secret", speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"Secret\n secret \r\nzebra a\n")
        await peer.until("token: that is not the token\ntoken: welcome\n> [a]\n")


@pytest.mark.parametrize("wrong", [b"zebra a\n", b"\n", b"\xe9\n", "sécret\n".encode()])
async def test_three_wrong_tokens(host: Host, wrong: bytes) -> None:
    """After the third wrong token the client is let go, and nothing was run."""
    async with connection(host, "secret", speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(4 * wrong)
        assert await peer.until_end() == 3 * "token: that is not the token\n"
    assert host.ran == []


async def test_a_script_without_token(host: Host) -> None:
    """A script that ends without the token is let go."""
    async with connection(host, "secret", speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"zebra a\n")
        await peer.end()
        assert await peer.until_end() == "token: that is not the token\ntoken: "
    assert host.ran == []


async def test_strangers_see_no_token_prompt(host: Host) -> None:
    """A request of HTTP is hung up on without a word also where there is a token."""
    async with connection(host, "secret", speaks_first=True) as stream:
        peer = Peer(stream)
        await peer.send(b"GET / HTTP/1.1\r\n\r\n")
        assert await peer.until_end() == ""


async def test_a_token_typed_on_a_terminal(host: Host) -> None:
    """On a terminal the token is not shown, not remembered as a line, and no command."""
    async with connection(host, "secret", patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until("token:")
        await peer.send(b"secret\r")
        await peer.until("welcome")
        await peer.until(">")
        await peer.send(b"\x1b[Azebra a\r")
        await peer.until("[a]")
        assert "secret" not in peer.text
    assert host.ran == ["zebra a"]


async def test_giving_up_at_the_token(host: Host) -> None:
    """Ctrl-C at the question for the token leaves."""
    async with connection(host, "secret", patient=True) as stream:
        peer = TelnetPeer(stream)
        await peer.until("token:")
        await peer.send(b"\x03")
        await peer.until_end()
    assert host.ran == []


class OneShotPeer(TelnetPeer):
    """Our command-line client with `-c`."""

    async def say(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.codec.subnegotiate(Option.ONE_SHOT, payload)
        await self.reply()

    async def outcome(self) -> tuple[str, bytes]:
        """What was printed, and the status that came with it."""
        await self.until_end()
        [status] = [
            event.payload
            for event in self.events
            if isinstance(event, Subnegotiation) and event.option == Option.ONE_SHOT
        ]
        return self.text, status


@asynccontextmanager
async def one_shot(
    host: Host, token: str | None = None, *, patient: bool = True
) -> AsyncIterator[OneShotPeer]:
    async with connection(host, token, patient=patient) as stream:
        peer = OneShotPeer(stream)
        peer.codec.accept(Option.ONE_SHOT, "local")
        peer.codec.request(Option.ONE_SHOT, "local")
        yield peer


@pytest.mark.parametrize(
    ("command", "text", "status"),
    [
        (b"zebra a", "[a]\n", b"S0"),
        (b"client", "80 columns, color True\n", b"S0"),
        (b"cancel 99", "no task has the number 99: 'ps' lists what there is\n", b"S1"),
        (b"nope", "unknown command 'nope': 'help' lists what there is\n", b"S2"),
        (b"zebra\0", "the line holds a NUL byte: it was not run\n", b"S2"),
        (b"x" * MAX_SUBNEGOTIATION, "the command was too long, and was not run\n", b"S2"),
        (b"", "", b"S0"),
    ],
)
async def test_one_command(host: Host, command: bytes, text: str, status: bytes) -> None:
    """A one-shot client gets what the command prints, and its status; no greeting, no prompt."""
    async with one_shot(host) as peer:
        await peer.say(b"C" + command)
        assert await peer.outcome() == (text, status)


@pytest.mark.parametrize(
    ("tokens", "told"),
    [
        ([], "this monitor asks for a token: --token, or AIOMONITOR_TOKEN\n"),
        ([b"T"], "this monitor asks for a token: --token, or AIOMONITOR_TOKEN\n"),
        ([b"Twrong"], "that is not the token: --token, or AIOMONITOR_TOKEN\n"),
    ],
)
async def test_one_command_without_token(host: Host, tokens: list[bytes], told: str) -> None:
    """Without the token the command is not run, and the status says that."""
    async with one_shot(host, "secret") as peer:
        await peer.say(*tokens, b"Czebra a")
        assert await peer.outcome() == (told, b"S2")
    assert host.ran == []


async def test_one_command_with_token(host: Host) -> None:
    """With the token it is run."""
    async with one_shot(host, "secret") as peer:
        await peer.say(b"Tsecret", b"Czebra a")
        assert await peer.outcome() == ("[a]\n", b"S0")


async def test_a_one_shot_client_that_leaves(host: Host) -> None:
    """A one-shot client that goes takes its command with it."""
    async with one_shot(host, patient=False) as peer:
        await peer.say(b"Cforever")
        await happened(host.started)
    await happened(host.ended)


async def test_a_one_shot_client_that_says_nothing(host: Host) -> None:
    """One that ends without a command ends the session."""
    async with one_shot(host, patient=False) as peer:
        await peer.say()
        await peer.end()
        await peer.until_end()
    assert host.ran == []
