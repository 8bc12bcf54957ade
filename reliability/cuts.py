"""Clients that are cut at every byte of what they say, in three ways, at ports and Unix sockets.

    python -m reliability.cuts STEP

Each STEP-th beginning of each conversation is said on a connection of its own, which then is
closed, reset, or closed for writing alone; afterwards the monitor has to be as it was before.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import Any

from aiomonitor import Monitor
from aiomonitor.webui import limits

from . import visitors
from .hostile_web import Application
from .measures import Complaints, descriptors
from .sayings import TOKEN, Saying, sayings

ENDINGS = ("close", "reset", "half-close")
FIGURES = (
    "cuts",
    "cuts_unix",
    "cut_whole",
    "cut_unfinished",
    "cut_breaches",
    "cut_hangs",
    "cut_kinds",
)
AT_ONCE = 16
"""Connections at a time, of at most 20 consoles."""
PATIENCE = 20.0
"""Seconds after which a connection hangs, or something is left."""
KEEP_ALIVE = 0.5
"""Seconds that the web service waits here for the rest of a request, instead of 15."""
_UNIX_SHARE = 4
"""Each so manieth beginning is said at a Unix socket, where there is no reset."""
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without a delay: closing sends RST


class Canary:
    """In the console's namespace: tells what is set on it."""

    _done: list[str]

    def __init__(self, done: list[str]) -> None:
        object.__setattr__(self, "_done", done)

    def __setattr__(self, name: str, value: object) -> None:
        """Tell."""
        self._done.append(f"set {value}")


class Watched(Monitor):
    """Tells what it is made to do."""

    done: list[str]

    def run_line(self, line: str) -> None:
        """A command, of anybody's."""
        if line not in ("help ps", "console"):  # the probe's, and what the console's port runs
            self.done.append(f"run {line}")
        super().run_line(line)

    def do_canary(self, word: str) -> None:
        """Do nothing."""

    def mark(self, *args: Any, **kwargs: Any) -> Any:
        """As ever."""
        self.done.append("mark")
        return super().mark(*args, **kwargs)


class Ground:
    """Monitors of each kind, and what their clients did."""

    def __init__(self, application: Application, folder: str) -> None:
        self.done: list[str] = []
        self._folder = folder
        self.monitors = {
            (locked, unix): self._start(application, locked=locked, unix=unix)
            for locked in (False, True)
            for unix in (False, True)
        }

    def _start(self, application: Application, *, locked: bool, unix: bool) -> Watched:
        monitor = Watched(
            application.loop, port=0, console_port=0, webui_port=0,
            token=TOKEN if locked else None, locals={"canary": Canary(self.done)},
            unix_path=f"{self._folder}/{locked:d}" if unix else None,
        )  # fmt: skip
        monitor.done = self.done
        monitor.start()
        return monitor

    def close(self) -> None:
        """All of them."""
        for monitor in self.monitors.values():
            monitor.close()

    async def connect(self, saying: Saying, *, unix: bool) -> Any:
        """A stream to that service."""
        if unix:
            return await asyncio.open_unix_connection(
                f"{self._folder}/{saying.locked:d}/{saying.service}.sock"
            )
        port = self.port(saying.service, locked=saying.locked)
        return await asyncio.open_connection("127.0.0.1", port)

    def port(self, service: str, *, locked: bool) -> int:
        """Of the monitor without Unix sockets."""
        monitor = self.monitors[locked, False]
        ports = {
            "terminal": monitor.port,
            "web": monitor.webui_port,
            "console": monitor.console_port,
        }
        return ports[service] or 0

    async def probe(self) -> bool:
        """Whether each monitor still answers, at the terminal and on the web.

        The half tokens were wrong ones: where one is asked for, the right one may have to wait.
        """
        answers = []
        for locked, unix in self.monitors:
            word = f"{TOKEN}\n" if locked else ""
            terminal = Saying(
                kind="", service="terminal", said=f"{word}help ps\nexit\n".encode(), locked=locked
            )
            page = visitors.http(
                "/login", self.monitors[locked, False].webui_port or 0, "Connection: close"
            )
            web = Saying(kind="", service="web", said=page, locked=locked)
            for saying, sign in (
                (terminal, b"token" if locked else b"ps [OPTIONS]"),
                (web, b"HTTP/1.1 "),
            ):
                reader, writer = await self.connect(saying, unix=unix)
                writer.write(saying.said)
                said = await asyncio.wait_for(reader.read(-1), PATIENCE)
                answers.append(sign in said)
                if sign not in said:
                    print(f"no answer from {saying.service}: {said[:200]!r}", file=sys.stderr)
                writer.transport.abort()
        return all(answers)


async def cut(ground: Ground, saying: Saying, length: int, ending: str, *, unix: bool) -> bool:
    """Say so much of it and end like that; whether the other end lets go, where one can see it."""
    reader, writer = await ground.connect(saying, unix=unix)
    await _say(saying, length, reader, writer)
    if length % 2:  # the other half are cut before anybody can have answered
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.02)
    let_go = True
    if ending == "half-close":
        writer.write_eof()
        try:
            await asyncio.wait_for(_until_end(reader), PATIENCE)
        except asyncio.TimeoutError:
            let_go = False
    elif ending == "reset":
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
    return let_go


async def _say(saying: Saying, length: int, reader: Any, writer: Any) -> None:
    writer.write(saying.said[: min(saying.pause, length)])
    if length > saying.pause > 0:
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    writer.write(saying.said[saying.pause : length])
    await writer.drain()


async def whole(ground: Ground, saying: Saying) -> bool:
    """Say all of it, and stay until it has been done; whether it was."""
    ground.done.clear()
    reader, writer = await ground.connect(saying, unix=False)
    await _say(saying, len(saying.said), reader, writer)
    deadline = time.monotonic() + PATIENCE
    while not saying.does & set(ground.done) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is done in other threads
        await asyncio.sleep(0.02)
    writer.transport.abort()
    return bool(saying.does & set(ground.done))


async def _until_end(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass


async def phase(ground: Ground, saying: Saying, step: int, ending: str) -> Counter[str]:
    """One conversation, ended in one way at each place; what came of it."""
    lengths = [*range(0, len(saying.said), step), len(saying.said)]
    waiting = iter(enumerate(lengths))
    found: Counter[str] = Counter()

    async def work_off() -> None:
        for number, length in waiting:
            unix = ending != "reset" and number % _UNIX_SHARE == _UNIX_SHARE - 1
            let_go = await cut(ground, saying, length, ending, unix=unix)
            found["cuts"] += 1
            found["cuts_unix"] += unix
            if not let_go:
                found["cut_hangs"] += 1
                print(f"hangs: {saying.kind}, {ending} at {length}", file=sys.stderr)

    await asyncio.gather(*(work_off() for _ in range(AT_ONCE)))
    return found


def judge(saying: Saying, ending: str, done: list[str]) -> Counter[str]:
    """Which of these deeds were of whole lines."""
    found: Counter[str] = Counter()
    for deed in done:
        if deed in saying.does:
            found["cut_whole"] += 1
        elif saying.unfinished and ending != "reset" and _is_part(deed, saying):
            found["cut_unfinished"] += 1
        else:
            found["cut_breaches"] += 1
            print(f"not whole: {saying.kind}, {ending}: {deed!r}", file=sys.stderr)
    return found


def _is_part(deed: str, saying: Saying) -> bool:
    return any(whole.startswith(deed) for whole in saying.does)


def _threads() -> int:
    """Without the pools, whose idle threads anyio keeps for later."""
    return sum(each.name != "AnyIO worker thread" for each in threading.enumerate())


async def settled(before: tuple[int, int]) -> tuple[int, int]:
    """Descriptors and threads more than before, once what was cut off has been let go."""
    deadline = time.monotonic() + PATIENCE
    while True:
        more = descriptors() - before[0], _threads() - before[1]
        if max(more) <= 0 or time.monotonic() > deadline:
            return more
        await asyncio.sleep(0.05)


async def everywhere(ground: Ground, step: int) -> Counter[str]:
    """Every conversation in every way."""
    total: Counter[str] = Counter(dict.fromkeys(FIGURES, 0))
    said = list(sayings())
    for saying in filter(lambda each: each.does, said):
        total["cut_kinds"] += await whole(ground, saying)
    for saying in said:  # whole, a few at once: that loads what serves
        await phase(ground, saying, len(saying.said) // 10, "half-close")
    total["cut_silent"] += not await ground.probe()
    await asyncio.sleep(2 * KEEP_ALIVE)
    before = descriptors(), _threads()
    for saying in said:
        for ending in ENDINGS:
            ground.done.clear()
            total.update(await phase(ground, saying, step, ending))
            total.update(judge(saying, ending, ground.done))
            total["cut_silent"] += not await ground.probe()
    total["cut_descriptors"], total["cut_threads"] = await settled(before)
    return total


def main(arguments: list[str]) -> dict[str, float]:
    """The figures."""
    limits.KEEP_ALIVE = KEEP_ALIVE  # type: ignore[misc]
    complaints, application = Complaints(), Application()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(application, folder)
        try:
            found = asyncio.run(everywhere(ground, int(arguments[0])))
        finally:
            ground.close()
            lives = application.lives
            application.close()
    for each in complaints.told[:5]:
        print(each, file=sys.stderr)
    return {**found, "cut_errors": complaints.count, "cut_lives": float(lives)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
