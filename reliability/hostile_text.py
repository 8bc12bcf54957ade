"""Hostile streams for the text services: first the parts without I/O, then whole sessions.

python -m reliability.hostile_text STREAMS SESSIONS [SEED [PORTION/PORTIONS]]
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio
from anyio.abc import ByteStream

from aiomonitor.access.gate import Gate
from aiomonitor.access.peers import Peer
from aiomonitor.terminal import session

from . import streams
from .checks import check_same, meaning
from .measures import Complaints, descriptors, kept_mb, resident_mb

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "the token, which no stream holds"  # noqa: S105 - of a test
CANARY = b"canary-is-touched"
PEER = Peer(name="fuzz")
AT_ONCE = 60
"""Sessions at a time."""
PATIENCE = 60.0
"""Seconds after which a session hangs: with everything said at once it takes milliseconds."""


def through_parts(numbers: range, seed: int) -> dict[str, float]:
    """So many streams; each twentieth byte by byte, too, which may make no difference."""
    failures = 0
    meaning([b"warm\n"])
    before, began = resident_mb(), time.monotonic()
    for number in numbers:
        rng = random.Random(f"{seed}-{number}")
        stream = streams.telnet(rng)
        try:
            found = meaning(streams.torn(rng, stream))
            if number % 20 == 0:
                check_same(found, meaning(bytes((byte,)) for byte in stream))
        except Exception:
            failures += 1
            if failures < 10:
                print(f"stream {number} of seed {seed}: {stream!r}", file=sys.stderr)
                traceback.print_exc()
    return {
        "streams": len(numbers),
        "stream_failures": failures,
        "stream_growth_mb": resident_mb() - before,
        "stream_us": 1e6 * (time.monotonic() - began) / max(len(numbers), 1),
    }


class Wire(ByteStream):
    """A connection on which everything has been said; what comes back is counted."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = packets
        self.heard = 0

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """As a socket: never more than that."""
        await anyio.lowlevel.checkpoint()
        while self._packets and not self._packets[0]:
            del self._packets[0]
        if not self._packets:
            raise anyio.EndOfStream
        packet = self._packets[0]
        self._packets[0] = packet[max_bytes:]
        return packet[:max_bytes]

    async def send(self, item: bytes) -> None:
        """To nobody."""
        await anyio.lowlevel.checkpoint()
        self.heard += len(item)

    async def send_eof(self) -> None:
        """Nothing."""

    async def aclose(self) -> None:
        """Nothing."""


class Canary:
    """The interpreter of the sessions: remembers what it was made to run."""

    prompt = "> "

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run_line(self, line: str) -> None:
        """A command, of anybody's."""
        self.ran.append(line)

    def completions(self, _: str) -> list[object]:
        """None."""
        return []

    def greeting(self) -> str:
        """As short as it can be."""
        return "hello\n"


def through_sessions(part: range, seed: int) -> dict[str, float]:  # noqa: C901 - one story
    """Whole sessions: a third with a token that nobody gives, a third that a browser opens, and a
    third that may do what it likes."""
    complaints, guarded, free = Complaints(), Canary(), Canary()
    figures = {"sessions": float(len(part)), "session_hangs": 0.0}

    async def serve(number: int) -> None:
        rng = random.Random(f"{seed}-session-{number}")
        kind = number % 3
        stream = streams.from_browser(rng, CANARY + b"\n") if kind == 1 else streams.telnet(rng)
        shell, token = (free, None) if kind == 2 else (guarded, TOKEN if kind == 0 else None)
        wire = Wire(streams.torn(rng, stream))
        with anyio.move_on_after(PATIENCE) as limit:
            try:
                await session.Session(shell, wire, PEER, Gate(token)).run()  # type: ignore[arg-type]
            except Exception:
                complaints.told.append(f"{stream!r}\n{traceback.format_exc()}")
        if limit.cancelled_caught:
            figures["session_hangs"] += 1
            print(f"hangs: {stream!r}", file=sys.stderr)

    async def main() -> None:
        # The first ones load the editor and fill the places, some 40 MB: that is no growth.
        first = max(len(part) // 10, min(2 * AT_ONCE, len(part) // 2))
        for warm, some in ((False, part[:first]), (True, part[first:])):
            if warm:
                before.extend((kept_mb(), float(descriptors()), float(threading.active_count())))
            numbers = iter(some)

            async def work_off(numbers: Iterator[int] = numbers) -> None:
                for number in numbers:
                    await serve(number)

            async with anyio.create_task_group() as tasks:
                for _ in range(AT_ONCE):
                    tasks.start_soon(work_off)

    before: list[float] = []
    # As the monitor's loop, not in the main thread: there prompt_toolkit would take SIGWINCH.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, main).result()
    for each in complaints.told[:5]:
        print(each, file=sys.stderr)
    for line in guarded.ran[:5]:
        print(f"passed the guard: {line!r}", file=sys.stderr)
    return {
        **figures,
        "session_errors": complaints.count,
        "session_breaches": len(guarded.ran),
        "session_free_lines": len(free.ran),
        "session_growth_mb": kept_mb() - before[0],
        "session_descriptors": descriptors() - before[1],
    }


def main(arguments: list[str]) -> dict[str, float]:
    """Both."""
    streams_, sessions, seed = [*map(int, arguments[:3]), 1][:3]
    portion, portions = map(int, arguments[3].split("/")) if arguments[3:] else (1, 1)

    def part(count: int) -> range:
        return range(count * (portion - 1) // portions, count * portion // portions)

    return {**through_parts(part(streams_), seed), **through_sessions(part(sessions), seed)}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
