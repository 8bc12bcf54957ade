"""How a command that asks for lines talks with its client, from its worker thread; stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TextIO

LineKind = Literal["command", "answer", "secret", "python"]
"""Commands and Python are completed and remembered; a secret is not shown while it is typed."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that TAB may offer in place of the word under the cursor."""

    text: str
    help: str = ""


class EndOfInput(Exception):  # noqa: N818 - not an error
    """The client sends no more lines."""


class LineAbandoned(Exception):  # noqa: N818 - not an error
    """Ctrl-C was typed at the prompt: the line is not to be run."""


class LineTooLong(str):
    """Stands for a line over the limit, whose bytes were thrown away."""

    __slots__ = ("limit",)

    def __new__(cls, limit: int) -> LineTooLong:
        """`limit` is in bytes."""
        line = super().__new__(cls)
        line.limit = limit
        return line

    limit: int

    @property
    def refusal(self) -> str:
        """What the client is told."""
        return f"line too long: over {self.limit} bytes; it was not run"


class PythonReader(Protocol):
    """What a terminal asks about the Python that is typed there, in any of our threads."""

    def complete(self, text: str) -> list[Suggestion]:
        """What may stand for the last word."""
        ...

    def is_complete(self, text: str) -> bool:
        """Whether Enter would run it, or begins another line."""
        ...


class Dialogue:
    """With whoever is at the other end of two text streams; sessions have better ones."""

    is_scripted = False
    """Whether all lines came at once, so that prompts would only be in the way of the output."""

    def __init__(self, sin: TextIO | None, sout: TextIO | None) -> None:
        self._sin = sin
        self._sout = sout

    @property
    def has_ended(self) -> bool:
        """Whether no more lines will come but those that are there."""
        return False

    def ask(self, prompt: str, kind: LineKind) -> str | None:  # noqa: ARG002 - for sessions
        """The client's next line, or None at the end of its input.

        Python may have several lines. Raises `CommandInterrupted` after Ctrl-C at the prompt, and
        `CommandError` for a line that cannot be used.
        """
        if self._sin is None:
            return None
        self.write(prompt)
        line = self._sin.readline()
        return line.rstrip("\n") if line else None

    def upcoming(self) -> str | None:
        """The next line that is not empty, if it has come already, as when code is pasted."""
        return None

    def show(self, text: str) -> None:
        """Show what came up while the client is being asked, without disturbing its line."""
        self.write(text)

    def write(self, text: str) -> None:
        """Send text to the client; waits if it does not read."""
        if self._sout is not None:
            self._sout.write(text)
