"""Which commands there are, what a typed name may mean, and what TAB may offer.

Knows the `do_*` methods of a class and nothing of running them.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from aiomonitor.utils import aliases_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from aiomonitor.dialogue import Suggestion

log = logging.getLogger("aiomonitor")

PREFIX = "do_"
_SHORTEST_GUESS = 3
"""Letters of a name that may have been meant: shorter aliases are like everything."""


class CommandRegistry:
    """The names of the `do_*` methods of its subclass. Every method may run in any thread."""

    def __init__(self) -> None:
        self._click_commands: dict[str, click.Command] = {}

    def _getcmd(self, comm: str) -> Callable[..., Any] | None:
        """The method for a name, an alias or a unique beginning of one; None if there is none."""
        method: Callable[..., Any] | None = getattr(self, PREFIX + comm.replace("-", "_"), None)
        if callable(method):
            return method  # most are, and to list them all takes a while
        matches = self._matches(comm)
        return getattr(self, PREFIX + matches[0]) if len(matches) == 1 else None

    def _command_names(self) -> dict[str, str]:
        """Every name and alias, with `_` for `-`, and the command that it stands for."""
        names: dict[str, str] = {}
        commands: list[str] = []
        for attribute in dir(self):
            if attribute.startswith(PREFIX) and callable(getattr(self, attribute)):
                commands.append(attribute[len(PREFIX) :])
                for alias in aliases_of(getattr(self, attribute)):
                    names[alias.replace("-", "_")] = commands[-1]
        # A command that a subclass adds goes before a built-in one's alias.
        names.update(zip(commands, commands, strict=True))
        return names

    def _matches(self, comm: str) -> list[str]:
        """The commands that a typed name may mean: one if it is right, more if ambiguous."""
        typed = comm.replace("-", "_")
        names = self._command_names()
        if typed in names:
            return [names[typed]]
        return sorted({command for name, command in names.items() if name.startswith(typed)})

    def _hint(self, comm: str) -> str:
        import difflib

        candidates = self._matches(comm)
        if candidates:
            return f"{comm!r} is ambiguous: {', '.join(map(shown, candidates))}"
        names = self._command_names()
        words = [name for name in names if len(name) >= _SHORTEST_GUESS]
        close = difflib.get_close_matches(comm.replace("-", "_"), words, n=3)
        if close:
            meant = " or ".join(repr(shown(name)) for name in dict.fromkeys(close))
            return f"unknown command {comm!r}: did you mean {meant}?"
        return f"unknown command {comm!r}: 'help' lists what there is"

    def _click_command(self, method: Callable[..., Any]) -> click.Command:
        from .arguments import build_command

        name = self._name_of(method)
        if name not in self._click_commands:
            self._click_commands[name] = build_command(shown(name), method)
        return self._click_commands[name]

    def _name_of(self, method: Callable[..., Any]) -> str:
        """The name that a method is found under; its own may be that of a decorator's wrapper."""
        own = method.__name__.removeprefix(PREFIX)
        if getattr(self, PREFIX + own, None) == method:
            return own
        for command in dict.fromkeys(self._command_names().values()):
            if getattr(self, PREFIX + command) == method:
                return command
        return own

    def completions(self, line: str) -> list[Suggestion]:
        """What TAB may offer for the last word of a line; never raises. Worker thread."""
        from aiomonitor.dialogue import Suggestion  # with the first client

        from .arguments import suggest

        words, incomplete = split_incomplete(line)
        if not words:
            typed = incomplete.replace("-", "_")
            return [
                Suggestion(shown(name), first_line(getattr(self, PREFIX + command)))
                for name, command in sorted(self._command_names().items())
                if name.startswith(typed)
            ]
        method = self._getcmd(words[0])
        if method is None:
            return []
        try:
            return suggest(self._click_command(method), self, words[1:], incomplete)
        except Exception:  # a completer of the application's own
            log.debug("cannot complete %r", line, exc_info=True)
            return []


def split_incomplete(line: str) -> tuple[list[str], str]:
    """The complete words before the cursor, and the one that TAB is to complete."""
    import shlex

    if line.endswith("\\"):
        return [], ""  # half an escape: there is no telling what it will be
    for closing in ("", '"', "'"):
        try:
            words = shlex.split(line + closing)
        except ValueError:
            continue
        if not words or (not closing and line[-1].isspace()):
            return words, ""
        return words[:-1], words[-1]
    return [], ""


def shown(name: str) -> str:
    """A command's name as users type it."""
    return name.replace("_", "-")


def first_line(method: Callable[..., Any]) -> str:
    """What a command does, in a line."""
    return (inspect.getdoc(method) or "").partition("\n")[0]
