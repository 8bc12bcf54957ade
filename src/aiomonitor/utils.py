"""What subclasses of `Monitor` decorate and annotate their commands with; stdlib only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from . import permissions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import CodeType

    from .permissions import Permission

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


def requires(permission: Permission) -> Callable[[_Command], _Command]:
    """Say what a `do_*` method needs: "read" if it only looks, "act" if it changes something, as is
    taken for granted of commands that are not marked, or "exec". See `permissions` of
    `start_monitor`. Raises `ValueError` for anything else."""

    def decorate(command: _Command) -> _Command:
        permissions.mark(command, permission)
        return command

    return decorate


_preserved: dict[str, list[CodeType]] = {}
"""By qualified name: comparing code is slow, so it's done for the same name alone."""


def preserve_termination_log(function: _Command) -> _Command:
    """Remember how tasks of this coroutine function ended, beyond `max_termination_history`.

    Goes on top of other decorators, which have to use `functools.wraps`. Raises `TypeError` for
    what is no function written in Python.
    """
    marked = [layer for layer in _layers(function) if hasattr(layer, "__code__")]
    if not marked:
        raise TypeError(f"preserve_termination_log: {function!r} is no function written in Python")
    # A wrapper's code is that of all functions that it wraps, but its name is this one's.
    for layer in marked:
        _preserved.setdefault(layer.__qualname__, []).append(layer.__code__)
    return function


def any_preserved() -> bool:
    """Whether `preserve_termination_log` marked any function."""
    return bool(_preserved)


def _layers(function: Any) -> list[Any]:
    """The function and all that it wraps."""
    layers = [function]
    while (inner := getattr(layers[-1], "__wrapped__", None)) is not None and inner not in layers:
        layers.append(inner)
    return layers


def is_preserved(code: CodeType | None, coroutine: str) -> bool:
    """Whether `preserve_termination_log` marked a function of this code and qualified name."""
    return any(code is each for each in _preserved.get(coroutine, ()))


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
