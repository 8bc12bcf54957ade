"""What the guided fuzzer drives: from one input of bytes to a breach, in each of six places.

Needs no fuzzer and no socket: a target is called with bytes, and raises where something is wrong.
"""

from __future__ import annotations

import asyncio
import re
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from aiomonitor.access.gate import Gate
from aiomonitor.console.source import Source, next_of
from aiomonitor.dialogue import EndOfInput, LineAbandoned
from aiomonitor.dialogue.output import ClientOutput
from aiomonitor.terminal.editor import PASTE_LIMIT, TerminalSource
from aiomonitor.terminal.session import Session

from . import planted, streams
from .checks import Breach, check_opening, check_page, check_stream, cuts
from .hostile_requests import console_lines
from .hostile_text import PEER, TOKEN, Canary, Wire
from .rehearsal import BUILT_IN, Rehearsed

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from aiomonitor.dialogue import LineKind, Suggestion

PATIENCE = 20.0
"""Seconds after which an input hangs: it takes milliseconds."""
KINDS: tuple[LineKind, ...] = ("command", "python", "secret")
_UNPRINTABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_UNFORESEEN = re.compile(r"\.py:\d+\)$")
"""Ends the line that tells of an exception which nobody meant to raise."""


class Target:
    """One place."""

    def run(self, data: bytes) -> None:
        """Raise if something is wrong."""
        raise NotImplementedError

    @staticmethod
    def seed(rng: Random) -> bytes:
        """An input of the kind that the fuzzer starts from."""
        return streams.telnet(rng)

    def close(self) -> None:
        """Let go of what it has made."""


class Streams(Target):
    """The codec, the protocol and the lines: the same however it is cut, and within limits."""

    def run(self, data: bytes) -> None:
        """As a stream."""
        check_stream(data)


class Openings(Target):
    """The first bytes: refused in both ways or in none, and always if a page sends them."""

    def run(self, data: bytes) -> None:
        """As they are, and in a request."""
        check_opening(data)
        check_page(streams.page(data))

    @staticmethod
    def seed(rng: Random) -> bytes:
        """What a page may choose."""
        return b"\n".join((b"POST", b"/ps", b"a", streams.telnet(rng)))


class Commands(Target):
    """The words of a line and their conversion: one line tells what is wrong, if anything is."""

    def __init__(self) -> None:
        self.monitor = Rehearsed()

    def close(self) -> None:
        """The monitor that was never started."""
        self.monitor.close()

    def run(self, data: bytes) -> None:
        """As a line at whose end TAB is typed, and then Enter."""
        line = data.decode("utf-8", "replace").replace("\0", "")
        self.monitor.completions(line)
        said = self.monitor.said(line)
        if said.count("\n") > 1 and not self.monitor.helped:
            raise Breach(f"more than a line: {said!r}")
        if _UNPRINTABLE.search(said):
            raise Breach(f"what a terminal would act upon: {said!r}")
        if _UNFORESEEN.search(said.rstrip()):
            raise Breach(f"an exception that is not foreseen: {said!r}")

    @staticmethod
    def seed(rng: Random) -> bytes:
        """A command, and words that may be its own."""
        name = rng.choice((*BUILT_IN, "do_probe", "do_help")).removeprefix("do_")
        words = [rng.choice(_WORDS) for _ in range(rng.randrange(5))]
        return b" ".join((name.replace("_", "-").encode(), *words))


_WORDS = (
    *(b"1", b"--json", b"--filter", b"x", b"-n", b"'a b'", b"--help", b"--sort=id", b"2.5", b"--"),
    *(b"red", b"--way=up", b"yes", b"--limit", b"SIGINT", b"--colour", b"-", b'"', b"\\", b"ps"),
)


class _InLoop(Target):
    """What awaits, in a loop that is there for all inputs: to make one takes longer than most."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()

    def close(self) -> None:
        """The loop, and its threads."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def run(self, data: bytes) -> None:
        """Within its time."""
        self._loop.run_until_complete(asyncio.wait_for(self.check(data), PATIENCE))

    async def check(self, data: bytes) -> None:
        """Raise if something is wrong."""
        raise NotImplementedError


class Keys(_InLoop):
    """The editor: key by key or all at once, the same lines come of them, within limits."""

    @staticmethod
    def seed(rng: Random) -> bytes:
        """A few keys: the editor takes a millisecond for each."""
        return bytes((rng.randrange(3),)) + b"".join(
            rng.choice(streams.WORDS)[:8] for _ in range(3)
        )

    async def check(self, data: bytes) -> None:
        """The first byte tells which kind of line is read."""
        kind = KINDS[data[0] % len(KINDS)] if data else KINDS[0]
        whole, by_key = [await typed(kind, packets) for packets in cuts(data[1:])[:2]]
        if by_key != whole:
            raise Breach(f"it matters how keys are cut: {whole}, {by_key}")
        if sum(map(len, whole)) > PASTE_LIMIT:
            raise Breach("lines are longer than their limit")


class Sessions(_InLoop):
    """Whole sessions of those who may do nothing: without the token, or in a browser."""

    async def check(self, data: bytes) -> None:
        """The first byte tells which of the two, and how the rest is cut."""
        how, page = divmod(data[0] if data else 0, 2)
        said = streams.page(data[1:]) if page else data[1:]
        shell, wire = Canary(), Wire(cuts(said)[how % 3])
        await Session(shell, wire, PEER, Gate(None if page else TOKEN)).run()  # type: ignore[arg-type]
        if shell.ran:
            raise Breach(f"passed the guard: {shell.ran}")


class Blocks(Target):
    """Python that is typed at the console: whole, begun or rejected, and never an exception."""

    def run(self, data: bytes) -> None:
        """Line by line; the editor, which asks about the whole text, has to be told the same."""
        text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
        source, lines = Source(), text.split("\n")
        with warnings.catch_warnings():  # of what was typed: `1 is 1`
            warnings.simplefilter("ignore")
            for number, line in enumerate(lines):
                source.push(line, next_of(lines[number + 1 :]))
            if Source().is_complete(text) == source.is_incomplete:
                raise Breach(f"one way takes it for whole, the other does not: {text!r}")
            source.finish()
        source.close()

    @staticmethod
    def seed(rng: Random) -> bytes:
        """What is hostile at the console, and what is not."""
        lines = (
            b"if x:",
            b"    y",
            b"",
            b"try:",
            b"except* E:",
            b"@f",
            b"async def f():",
            b"[1,",
        )
        made = b"\n".join(rng.choice(lines) for _ in range(rng.randrange(1, 6)))
        return rng.choice((console_lines(rng), made))


class Planted(Target):
    """None of ours: a fault that the fuzzer has to find, or it would find no others."""

    def run(self, data: bytes) -> None:
        """Raise where it is."""
        planted.check(data)


TARGETS: dict[str, type[Target]] = {
    "streams": Streams,
    "openings": Openings,
    "commands": Commands,
    "keys": Keys,
    "sessions": Sessions,
    "blocks": Blocks,
    "planted": Planted,
}


# --- the editor without a session -------------------------------------------------------------


class _Python:
    """What a console would tell the editor."""

    def complete(self, text: str) -> list[Suggestion]:  # noqa: ARG002 - a protocol's
        """Nothing."""
        return []

    def is_complete(self, text: str) -> bool:
        """By the last key."""
        return not text.rstrip(" ").endswith((":", "("))


async def typed(kind: LineKind, packets: list[bytes]) -> list[str]:
    """The lines that come of these keys, with no time between them."""
    output = ClientOutput()
    source = TerminalSource(
        output, term="xterm", size=(80, 24), color=True, complete=lambda _: [],
        python=_Python, on_interrupt=lambda: None,
    )  # fmt: skip
    lines: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(output.pump, Wire([]))
        tasks.start_soon(_feed, source, packets)
        with suppress(EndOfInput):
            while True:
                with suppress(LineAbandoned):
                    lines.append(await source.read("> ", kind))
        tasks.cancel_scope.cancel()
    return lines


async def _feed(source: TerminalSource, packets: list[bytes]) -> None:
    """All keys to the first prompt; the end once each has been handed to one."""
    await _until(lambda: source._reading)
    for packet in packets:
        source.feed(packet)
    await _until(lambda: source._reading and not source._typed and not source._done())
    source.feed_eof()


async def _until(reached: Callable[[], bool]) -> None:
    while not reached():
        await anyio.lowlevel.checkpoint()
