"""What clients of each kind say in a whole conversation, byte for byte, and what that may do.

Recorded from real clients by `recording`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).with_name("recorded")
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


def file_of(kind: str) -> Path:
    """Where it is recorded."""
    return RECORDED / f"{kind.lower().replace(' ', '-')}.bin"


def _recorded(
    kind: str,
    service: str,
    *does: str,
    unfinished: bool = False,
    pauses: bool = False,
    locked: bool = False,
) -> Saying:
    said = file_of(kind).read_bytes()
    pause = said.index(b"\r\n\r\n") + 4 if pauses else 0
    return Saying(
        kind=kind, service=service, said=said, does=frozenset(does), unfinished=unfinished,
        pause=pause, locked=locked,
    )  # fmt: skip


def sayings() -> Iterator[Saying]:
    """Each kind."""
    run, put = f"run {MARK}", f"set {VALUE}"
    yield _recorded("telnet", "terminal", run)
    yield _recorded("plain", "terminal", run, "run exit", "run ", unfinished=True)
    yield _recorded("one-shot", "terminal", run)
    yield _recorded("one-shot with a token", "terminal", run, locked=True)
    yield _recorded("plain with a token", "terminal", run, unfinished=True, locked=True)
    yield _recorded("console", "console", put, unfinished=True)
    yield _recorded("GET", "web")
    yield _recorded("POST", "web", "mark")
    yield _recorded("event stream", "web")
    yield _recorded("WebSocket", "web", put, pauses=True)
