"""What clients of each kind say in a whole conversation, byte for byte, and what that may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiomonitor.terminal.telnet import TTYPE_IS, Option, TelnetCodec, naws_payload

from . import visitors

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "sesame-of-this-run"  # noqa: S105 - of a test
MARK = "canary whole"
"""The command of the text services: no part of it is one."""
VALUE = 1234
"""What Python sets at the console: each part of the number is one, and of another value."""


@dataclass(frozen=True, kw_only=True)
class Saying:
    """One conversation, from the client's side."""

    kind: str
    service: str  # "terminal", "web" or "console"
    said: bytes
    does: frozenset[str] = field(default_factory=frozenset)
    """What it may do, and does where it comes whole."""
    unfinished: bool = False
    """Whether its last line counts without an end, as `printf ps | nc -N` sends it."""
    pause: int = 0
    """Where the client waits for an answer to its request before it goes on."""
    locked: bool = False
    """Whether it is said to a monitor with a token."""


def _one_shot(*payloads: bytes) -> bytes:
    codec = TelnetCodec()
    codec.request(Option.ONE_SHOT, "local")
    for payload in payloads:
        codec.subnegotiate(Option.ONE_SHOT, payload)
    return codec.bytes_to_send()


def _telnet() -> bytes:
    """A terminal whose user mistypes, goes back and asks for the last line once more."""
    codec = TelnetCodec()
    codec.accept(Option.TTYPE, "local")
    codec.accept(Option.NAWS, "local")
    codec.request(Option.TTYPE, "local")
    codec.request(Option.NAWS, "local")
    codec.subnegotiate(Option.TTYPE, TTYPE_IS + b"xterm")
    codec.subnegotiate(Option.NAWS, naws_payload(80, 24))
    return codec.bytes_to_send() + b"canary wholx\x7fe\r\0anary whole\x1b[Hc\r\n\x1b[A\r\0\x04"


def sayings(port: int) -> Iterator[Saying]:
    """Each kind, to a web service at that port."""
    run = frozenset({f"run {MARK}"})
    mark, python = MARK.encode(), b"canary.value = %d" % VALUE
    ours = "X-Aiomonitor: 1", "Content-Type: application/json"
    put = frozenset({f"set {VALUE}"})
    yield Saying(kind="telnet", service="terminal", said=_telnet(), does=run)
    yield Saying(
        kind="plain", service="terminal", said=b"%s\r\n\n%s\nexit\n" % (mark, mark),
        does=run | {"run exit", "run "}, unfinished=True,
    )  # fmt: skip
    yield Saying(kind="one-shot", service="terminal", said=_one_shot(b"C" + mark), does=run)
    yield Saying(
        kind="one-shot with a token", service="terminal", does=run, locked=True,
        said=_one_shot(b"T" + TOKEN.encode(), b"C" + mark),
    )  # fmt: skip
    yield Saying(
        kind="plain with a token", service="terminal", does=run, unfinished=True, locked=True,
        said=b"%s\n%s\n" % (TOKEN.encode(), mark),
    )  # fmt: skip
    yield Saying(
        kind="console", service="console", does=put, unfinished=True,
        said=b"1 + 1\n%s\nimport asyncio\nawait asyncio.sleep(0)\n" % python,
    )  # fmt: skip
    yield Saying(kind="GET", service="web", said=visitors.http("/api/tasks", port))
    yield Saying(
        kind="POST", service="web", does=frozenset({"mark"}),
        said=visitors.http("/api/mark", port, *ours, method="POST", body=b"{}"),
    )  # fmt: skip
    yield Saying(
        kind="event stream", service="web", said=visitors.http("/api/events?view=tasks", port)
    )
    opening = visitors.upgrade(port)
    yield Saying(
        kind="WebSocket", service="web", does=put, pause=len(opening),
        said=opening + visitors.enter("1 + 1") + visitors.enter(python.decode()),
    )  # fmt: skip
