"""Streams that have made trouble: each of `corpus/`, whole, byte by byte and cut at random."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import ByteStream

from aiomonitor.access.gate import Gate
from aiomonitor.access.peers import Peer
from aiomonitor.terminal.protocol import ClientProtocol, Message, Typed
from aiomonitor.terminal.session import Session
from support import PATIENCE, Host

CORPUS: Final = sorted((Path(__file__).parent / "corpus").glob("*.bin"))
TOKEN: Final = "what no stream says"  # noqa: S105 - of a test
RUN: Final = {
    "one-command": ["zebra a"],
    "token-before-will": ["zebra a"],
    "escape-at-the-end": ["exit"],
}
"""What runs where no token is asked for, by the streams' names; nothing of the others."""


class Wire(ByteStream):
    """A client that says all of it, and closes its half unless it stays; it hears nothing."""

    def __init__(self, packets: list[bytes], *, stays: bool) -> None:
        self._packets = [packet for packet in packets if packet]
        self._stays = stays

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        await anyio.lowlevel.checkpoint()
        if not self._packets and self._stays:
            await anyio.sleep_forever()
        if not self._packets:
            raise anyio.EndOfStream
        assert len(self._packets[0]) <= max_bytes
        return self._packets.pop(0)

    async def send(self, item: bytes) -> None:
        await anyio.lowlevel.checkpoint()

    async def send_eof(self) -> None:
        pass

    async def aclose(self) -> None:
        pass


def ways(stream: bytes) -> list[list[bytes]]:
    """The stream whole, byte by byte, and in four other ways, always the same ones."""
    rng = random.Random(stream)  # noqa: S311 - no secret
    torn = [
        sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(1, 5))) for _ in range(4)
    ]
    cuts = [[], list(range(1, len(stream))), *torn]
    return [[stream[a:b] for a, b in pairwise([0, *each, len(stream)])] for each in cuts]


def understood(packets: list[bytes]) -> tuple[bytes, list[Message], bool]:
    """What was typed, what else was said, and whether it is one command."""
    protocol = ClientProtocol()
    messages = [message for packet in packets for message in protocol.receive(packet)]
    typed = b"".join(each.data for each in messages if isinstance(each, Typed))
    others: list[Message] = [each for each in messages if not isinstance(each, Typed)]
    return typed, others, protocol.is_one_shot


async def ran(packets: list[bytes], token: str | None = None, *, stays: bool = False) -> list[str]:
    """The commands that a session ran for it."""
    host = Host()
    with anyio.fail_after(PATIENCE):
        await Session(host, Wire(packets, stays=stays), Peer(name="corpus"), Gate(token)).run()
    return host.ran


def streams(*, running: bool) -> list[object]:
    """Those that run something where no token is asked for, or the others."""
    return [
        pytest.param(path.read_bytes(), RUN.get(path.stem, []), id=path.stem)
        for path in CORPUS
        if (path.stem in RUN) == running
    ]


@pytest.mark.parametrize(
    "stream", [pytest.param(path.read_bytes(), id=path.stem) for path in CORPUS]
)
def test_cuts_do_not_show(stream: bytes) -> None:
    """What is understood of a stream does not depend on its packets."""
    whole, *others = [understood(packets) for packets in ways(stream)]
    assert all(each == whole for each in others)


@pytest.mark.anyio
@pytest.mark.parametrize(("stream", "_"), [*streams(running=False), *streams(running=True)])
async def test_nothing_runs_without_the_token(stream: bytes, _: list[str]) -> None:
    """However a stream is cut."""
    assert [await ran(packets, TOKEN) for packets in ways(stream)] == [[]] * len(ways(stream))


@pytest.mark.anyio
@pytest.mark.parametrize(("stream", "lines"), streams(running=True))
async def test_what_is_whole_runs(stream: bytes, lines: list[str]) -> None:
    """Once, for a client that stays for the answer."""
    found = [await ran(packets, stays=True) for packets in ways(stream)]
    assert found == [lines] * len(found)


@pytest.mark.anyio
@pytest.mark.parametrize(("stream", "_"), streams(running=False))
async def test_nothing_else_runs(stream: bytes, _: list[str]) -> None:
    """Neither what a page sends nor half a command runs where no token is asked for."""
    assert [await ran(packets) for packets in ways(stream)] == [[]] * len(ways(stream))
