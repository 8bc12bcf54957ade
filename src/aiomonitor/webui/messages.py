"""What a console page and the monitor say to each other: JSON objects, one in each text message.

From the page:

- `{"type": "enter", "text": …}`: run these lines, if they are complete
- `{"type": "interrupt"}`: Ctrl-C
- `{"type": "complete", "id": …, "text": …}`: what may stand for the last word?
- `{"type": "end"}`: Ctrl-D

To the page:

- `{"type": "prompt", "prompt": …}`: lines are waited for
- `{"type": "accepted", "text": …}`: what was entered runs, or is in the queue
- `{"type": "incomplete"}`: what was entered needs more lines
- `{"type": "output", "text": …}`
- `{"type": "completions", "id": …, "found": [{"text": …, "help": …}, …]}`
- `{"type": "ended"}`: the console is over

Knows no I/O; everything from a page is hostile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from . import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiomonitor.dialogue import Suggestion

SUBPROTOCOL = "aiomonitor-console"
"""What a page has to offer, so that no socket that was meant for something else runs code."""


class BadMessage(ValueError):  # noqa: N818 - not ours but the page's
    """A message that no page of ours sends; tells what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Lines to run."""

    text: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Ctrl-C."""


@dataclass(frozen=True, slots=True)
class End:
    """Ctrl-D."""


@dataclass(frozen=True, slots=True)
class Complete:
    """A question; the answer has the same number."""

    id: int
    text: str


PageMessage: TypeAlias = Enter | Interrupt | End | Complete


def parse(text: str | None) -> PageMessage:
    """What a page said; None stands for bytes. Raises `BadMessage`."""
    if text is None:
        raise BadMessage("messages are text")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("the message is not JSON") from None
    if not isinstance(said, dict):
        raise BadMessage("the message is no JSON object")
    kind = said.get("type")
    if kind == "enter":
        return Enter(_text(said))
    if kind == "complete":
        return Complete(_number(said), _text(said))
    if kind == "interrupt":
        return Interrupt()
    if kind == "end":
        return End()
    raise BadMessage("the message has no type that is known")


def _text(said: dict[str, Any]) -> str:
    text = said.get("text")
    if not isinstance(text, str):
        raise BadMessage("text is missing, or no string")
    if len(text) > limits.ENTRY:
        raise BadMessage(f"text is longer than {limits.ENTRY} characters")
    if "\0" in text:
        raise BadMessage("text holds a NUL character")
    # Half of a surrogate pair cannot be compiled, logged or sent.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _number(said: dict[str, Any]) -> int:
    number = said.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**53:
        raise BadMessage("id is missing, or no small number")
    return number


def prompt(text: str) -> str:
    """Lines are waited for."""
    return _told("prompt", prompt=text)


def accepted(text: str) -> str:
    """What was entered will be run."""
    return _told("accepted", text=text)


def incomplete() -> str:
    """What was entered needs more lines."""
    return _told("incomplete")


def output(text: str) -> str:
    """What came out."""
    return _told("output", text=text)


def completions(number: int, found: Iterable[Suggestion]) -> str:
    """What may stand for the last word."""
    return _told("completions", id=number, found=[{"text": e.text, "help": e.help} for e in found])


def ended() -> str:
    """The console is over."""
    return _told("ended")


def _told(kind: str, **values: object) -> str:
    return json.dumps({"type": kind, **values})
