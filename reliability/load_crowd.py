"""Clients of all kinds at once, in a process of their own, each of which is judged.

Reads a wave a line, as JSON: how many clients of each kind, the ports, and the seconds over which
commands are spread. Tells what became of the terminal clients once the last one has its answers;
streams and slow readers stay until the next line, then it tells of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from .measures import raise_file_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 250.0
"""Seconds for all answers of one client: there are a thousand who ask."""
COMMANDS = (
    ("ps --limit 5", rb"5 shown of \d+ live tasks.*>>>"),
    ("where waiter-7", rb"task \d+ \(waiter-7\): waiting.*in _wait.*>>>"),
    ("help", rb"Commands \(help COMMAND tells more\).*where.*>>>"),
)
"""With what a right answer holds, and the prompt after it."""
_REFUSED = re.compile(rb"too many clients \(\d+\)|too many connections|event streams already")
_ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_WINDOW = 4096
"""Bytes that a slow reader's socket takes for it."""


class Lost(Exception):  # noqa: N818 - a verdict
    """How a client came to have no answer."""


class Terminal:
    """A client on the terminal's port; as telnet does, or as `nc`."""

    def __init__(self, rng: random.Random, port: int, seconds: float, *, telnet: bool) -> None:
        self._rng, self._port, self._seconds, self._telnet = rng, port, seconds, telnet
        self._heard, self._asked = b"", ""

    async def run(self) -> str:
        """What became of it: answered, refused, or why it was neither."""
        try:
            return await asyncio.wait_for(self._converse(), PATIENCE + self._seconds)
        except (TimeoutError, asyncio.TimeoutError):
            return f"no answer to {self._asked!r}; heard last {self._heard[-300:]!r}"
        except OSError as error:
            return "refused" if self._is_refused() else f"lost: {error!r}"
        except Lost as lost:
            return "refused" if self._is_refused() else str(lost)

    def _is_refused(self) -> bool:
        return _REFUSED.search(self._heard) is not None

    async def _converse(self) -> str:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            if self._telnet:
                self._writer.write(b"\xff\xfb\x18\xff\xfb\x1f")  # WILL TTYPE, WILL NAWS
            await self._hear(rb">>>")
            for command, right in COMMANDS:
                await asyncio.sleep(self._rng.random() * self._seconds * 2 / len(COMMANDS))
                self._heard, self._asked = b"", command
                self._writer.write(command.encode() + (b"\r" if self._telnet else b"\n"))
                await self._hear(right)
            return "answered"
        finally:
            self._writer.transport.abort()

    async def _hear(self, wanted: bytes) -> None:
        pattern = re.compile(wanted, re.DOTALL)
        while pattern.search(_ESCAPES.sub(b"", self._heard)) is None:
            data = await self._reader.read(1 << 16)
            if not data:
                raise Lost(f"hung up on after {self._heard[-80:]!r}")
            self._heard += data
            if b"\xff\xfa\x18\x01\xff\xf0" in data:  # SB TTYPE SEND: a terminal of 100 x 24
                self._writer.write(b"\xff\xfa\x18\x00xterm\xff\xf0\xff\xfa\x1f\0\x64\0\x18\xff\xf0")


class Stream:
    """Holds an event stream open, and counts what it is told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._events = 0
        self._head = b""

    async def run(self) -> None:
        """Until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(_get(self._port, "/api/events?view=tasks"))
            while data := await reader.read(1 << 16):
                self._head = self._head or data[:200]
                self._head += data[:1000] if len(self._head) < 1000 else b""
                self._events += data.count(b"event: ")
        finally:
            writer.transport.abort()

    @property
    def verdict(self) -> str:
        """What became of it."""
        if self._events > 1:
            return "told"
        return "refused" if _REFUSED.search(self._head) else f"not told: {self._head[-80:]!r}"


async def read_slowly(number: int, wave: Mapping[str, Any]) -> None:
    """Ask for more than the sockets hold; read nothing, or a byte a second. Until cancelled."""
    loop, sock = asyncio.get_running_loop(), socket.socket()
    with sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW)
        of_web = number % 2
        await loop.sock_connect(sock, ("127.0.0.1", wave["web" if of_web else "port"]))
        page = _get(wave["web"], "/api/tasks?limit=1000")
        await loop.sock_sendall(sock, page if of_web else b"ps --limit 0\n" * 3)
        try:
            while True:
                await asyncio.sleep(1)
                if number % 4 < 2 and not await loop.sock_recv(sock, 1):
                    break
        except OSError:
            pass  # it was let go: that is what it has deserved
        await asyncio.Event().wait()


def _get(port: int, target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


def _tally(verdicts: list[str]) -> dict[str, int]:
    """How many of each, and the odd ones in words on stderr."""
    counts = Counter(
        each if each in ("answered", "told", "refused") else "neither" for each in verdicts
    )
    for each in sorted({each for each in verdicts if each not in counts})[:8]:
        print(each, file=sys.stderr)
    return {name: counts[name] for name in ("answered", "told", "refused", "neither")}


async def serve(wave: Mapping[str, Any]) -> None:
    """One wave, from the first connection to the last."""
    streams = [Stream(wave["web"]) for _ in range(wave["streams"])]
    staying = [asyncio.ensure_future(each.run()) for each in streams]
    staying += [asyncio.ensure_future(read_slowly(each, wave)) for each in range(wave["slow"])]
    terminals = [
        Terminal(random.Random(number), wave["port"], wave["seconds"], telnet=number % 2 == 1)
        for number in range(wave["terminals"])
    ]
    verdicts = await asyncio.gather(*(each.run() for each in terminals))
    print(json.dumps(_tally(verdicts)), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for task in staying:
        task.cancel()
    await asyncio.gather(*staying, return_exceptions=True)
    print(json.dumps(_tally([each.verdict for each in streams])), flush=True)


async def main() -> None:
    """All waves."""
    raise_file_limit()
    while line := await asyncio.to_thread(sys.stdin.readline):
        await serve(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main())
