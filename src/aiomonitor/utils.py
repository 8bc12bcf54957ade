"""What subclasses of `Monitor` decorate and annotate their commands with; stdlib only."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

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


_preserved: set[CodeType] = set()


def preserve_termination_log(function: _Command) -> _Command:
    """Remember how tasks of this coroutine function ended, beyond `max_termination_history`."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise TypeError(f"preserve_termination_log: {function!r} is no function written in Python")
    _preserved.add(code)
    return function


def any_preserved() -> bool:
    """Whether `preserve_termination_log` marked any function."""
    return bool(_preserved)


def is_preserved(code: CodeType | None) -> bool:
    """Whether `preserve_termination_log` marked the function that has this code."""
    return code in _preserved


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
