"""Clients of the soak: each comes, gets its answers, and goes in good order or without a word."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import random
from typing import TYPE_CHECKING, Any

from .visitors import ONE_SHOT, TELNET, TERMINAL, enter, frame, http, upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping

    Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

PATIENCE = 30.0
"""Seconds after which a client has hung."""
LINES = (
    *("ps --limit 20", "pt --limit 20", "tree --limit 20", "where 1", "findings", "health"),
    *("locks", "queues", "groups", "deadlocks", "ps --json --limit 50", "help", "no such"),
    *("top --count 1 --interval 0.2", "profile 0.2", "watch --seconds 0.5", "mark", "diff"),
)
PATHS = (
    *("/", "/tasks", "/findings", "/api/status", "/api/tasks", "/api/groups", "/api/tree"),
    *("/api/finished", "/api/findings", "/api/deadlocks", "/api/locks", "/api/queues"),
    *("/api/health", "/api/stalls", "/api/top?seconds=0.2", "/api/diff", "/api/threads"),
    *("/metrics", "/metrics", "/api/tasks/1", "/api/tasks/nobody"),
)
POSTS = ("/api/mark", "/api/profile?seconds=0.2")
VIEWS = ("tasks", "finished", "tree", "watch")


class Clients:
    """All of them; `doors` is the first line of the application."""

    def __init__(self, doors: Mapping[str, Any]) -> None:
        self._doors = doors
        self._web: int = doors["webui_port"]
        self._random = random.Random(1)
        self.served: collections.Counter[str] = collections.Counter()
        self.failed: list[str] = []

    async def come_and_go(self) -> None:
        """One of each kind at a time (three of those that the most people are), until cancelled."""
        kinds = (
            *(self.plain, self.plain, self.telnet, self.one_shot, self.console),
            *(self.page, self.page, self.page, self.post, self.stream, self.stream),
            *(self.web_console, self.unix, self.unix_web, self.rude),
        )
        await asyncio.gather(*(self._again(kind) for kind in kinds))

    async def _again(self, kind: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await asyncio.wait_for(kind(), PATIENCE)
                self.served[kind.__name__] += 1
            except (OSError, EOFError, AssertionError, asyncio.TimeoutError) as error:
                self.failed.append(f"{kind.__name__}: {error!r}")
            await asyncio.sleep(self._random.random() / 20)

    @contextlib.asynccontextmanager
    async def _connected(self, door: str | int) -> AsyncIterator[Streams]:
        reader, writer = await _open(door)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def _say(self, door: Any, *pieces: bytes, pause: float = 0.05) -> bytes:
        """All that comes until the other end hangs up."""
        async with self._connected(door) as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(pause)
            return bytes(await reader.read(-1))

    def _lines(self) -> bytes:
        return "\n".join([*self._random.sample(LINES, 5), "exit", ""]).encode()

    async def plain(self) -> None:
        """Five commands, and goodbye."""
        heard = await self._say(self._doors["port"], self._lines())
        assert heard.count(b"monitor >>> ") >= 5, heard[-500:]

    async def unix(self) -> None:
        """The same through a file."""
        heard = await self._say(self._doors["unix"]["terminal"], self._lines())
        assert heard.count(b"monitor >>> ") >= 5, heard[-500:]

    async def telnet(self) -> None:
        """Negotiates, edits, completes, recalls, interrupts, ends."""
        keys = (b"psx\x7f\r", b"hea\t\r", b"\x1b[A\x1b[A\x01\x0b", b"watch\r")
        async with self._connected(self._doors["port"]) as (reader, writer):
            writer.write(TELNET + TERMINAL)
            await reader.readuntil(b"monitor >>>")
            rest = asyncio.ensure_future(reader.read(-1))
            for piece in keys:
                writer.write(piece)
                await asyncio.sleep(0.15)
            # On a busy machine the first Ctrl-C may meet the command before: so again. Not soon, as
            # a connection that is closed with something unread is reset, and what it said is lost.
            while not rest.done():
                writer.write(b"\x03\x04")
                await asyncio.wait([rest], timeout=4)
            heard = await rest
        assert b"monitor >>>" in heard, heard[-500:]

    async def one_shot(self) -> None:
        """One command, as our own client asks it."""
        assert b'"tasks"' in await self._say(self._doors["port"], ONE_SHOT)

    async def console(self) -> None:
        """Evaluates, is interrupted, evaluates, ends."""
        keys = (b"answer * 1000\r", b"import asyncio\r", b"await asyncio.sleep(60)\r", b"\x03")
        last = (b"[each for each in range(1000)][-1] + 1\r", b"1 / 0\r", b"\x04")
        async with self._connected(self._doors["console_port"]) as (reader, writer):
            writer.write(TELNET + TERMINAL)
            await reader.readuntil(b">>>")  # a Ctrl-C before that ends it
            for piece in (*keys, *last):
                writer.write(piece)
                await asyncio.sleep(0.15)
            heard = await reader.read(-1)
        assert b"ZeroDivisionError" in heard, heard[-500:]

    async def _ask(self, door: Any, path: str, method: str = "GET") -> bytes:
        asked = http(path, self._web, "Connection: close", "X-Aiomonitor: 1", method=method)
        heard = await self._say(door, asked, pause=0)
        assert heard.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4")), heard[:300]
        return heard

    async def page(self) -> None:
        """A page, an answer of the API, or the metrics."""
        await self._ask(self._web, self._random.choice(PATHS))

    async def unix_web(self) -> None:
        """The same through a file."""
        await self._ask(self._doors["unix"]["web"], self._random.choice(PATHS))

    async def post(self) -> None:
        """What changes something."""
        await self._ask(self._web, self._random.choice(POSTS), "POST")
        await asyncio.sleep(0.3)

    async def stream(self) -> None:
        """Events for some seconds."""
        async with self._connected(self._web) as (reader, writer):
            view = self._random.choice(VIEWS)
            writer.write(http(f"/api/events?view={view}", self._web))
            await reader.readuntil(b"event: ")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(-1), 2 * self._random.random())

    async def web_console(self) -> None:
        """Evaluates, is interrupted, and goes without a word half of the time."""
        async with self._connected(self._web) as (reader, writer):
            writer.write(upgrade(self._web))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(enter("answer * 1000"))
            await reader.readuntil(b"42000")
            writer.write(enter("await loop.create_future()"))
            if self._random.random() < 0.5:
                await self._interrupt(reader, writer)
                writer.write(frame(b'{"type": "end"}'))
                await reader.readuntil(b"ended")

    async def _interrupt(self, reader: Any, writer: Any) -> None:
        """Again until it is seen: what comes before the line has begun has nothing to interrupt."""
        seen = asyncio.ensure_future(reader.readuntil(b"Interrupt"))
        try:
            while not seen.done():
                writer.write(frame(b'{"type": "interrupt"}'))
                await asyncio.wait([seen], timeout=0.5)
            await seen
        finally:
            seen.cancel()

    async def rude(self) -> None:
        """Says something anywhere and is gone before the answer."""
        doors = (self._doors["port"], self._doors["console_port"], self._web)
        said = (b"watch\n", b"await asyncio.sleep(60)\n", http("/api/tasks", self._web))
        which = self._random.randrange(3)
        async with self._connected(doors[which]) as (_, writer):
            writer.write(said[which])
            await asyncio.sleep(self._random.random() / 5)

    async def probe(self) -> None:
        """What a latency is measured of: a connection, and one command."""
        assert b'"tasks"' in await self._say(self._doors["port"], ONE_SHOT, pause=0)


async def _open(door: str | int) -> Streams:
    if isinstance(door, str):
        return await asyncio.open_unix_connection(door, limit=1 << 20)
    return await asyncio.open_connection("127.0.0.1", door, limit=1 << 20)
