"""What a session needs of the monitor: the interpreter as a user interface sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from aiomonitor.dialogue import Suggestion


class Shell(Protocol):
    """What a session needs of the monitor; called in worker threads, but for `prompt`."""

    prompt: str

    def run_line(self, line: str) -> None:
        """Run a command line for the current client."""
        ...

    def completions(self, line: str) -> list[Suggestion]:
        """What may stand for the line's last word."""
        ...

    def greeting(self) -> str:
        """What a client reads first."""
        ...
