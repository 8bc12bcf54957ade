"""What subclasses of `Monitor` decorate and annotate their commands with; stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_Command = TypeVar("_Command", bound="Callable[..., Any]")

_ALIASES = "cmd_aliases"


def alt_names(names: str) -> Callable[[_Command], _Command]:
    """Give a `do_*` method more names: `@alt_names("p ls")`, separated by spaces."""

    def decorate(command: _Command) -> _Command:
        setattr(command, _ALIASES, (*aliases_of(command), *names.split()))
        return command

    return decorate


def aliases_of(command: object) -> tuple[str, ...]:
    """The names that `alt_names` gave a command, in the order they were given."""
    aliases: tuple[str, ...] = getattr(command, _ALIASES, ())
    return aliases


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """More about a command's parameter than its type says, for use in `Annotated`.

    `help` is its line in `help COMMAND`; `metavar` how it is called there. `complete` gets the
    monitor and what was typed so far and returns what TAB may offer, each a text or a pair of text
    and explanation; it runs in a worker thread.
    """

    help: str = ""
    metavar: str | None = None
    complete: Callable[[Any, str], Iterable[str | tuple[str, str]]] | None = None
