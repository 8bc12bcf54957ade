"""What is kept of an exception that ended a task: text and code, nothing that refers to it.

This module must not import any runtime.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .life import Stack
    from .stacks import Stacks

TEXT_LIMIT = 500
"""Characters kept of an exception's text: a history of thousands must stay small."""

CAUSES_LIMIT = 4
"""Exceptions named that an exception was raised from."""


def failure_of(error: BaseException, stacks: Stacks) -> tuple[str, str, Stack, tuple[str, ...]]:
    """What is kept of an exception, as the fields of a `Failure`: nothing that refers to it."""
    raised_alone = error.__cause__ is None and error.__context__ is None
    causes = () if raised_alone else tuple(_causes(error))
    return type_name(error), text_of(error), stacks.take_traceback(error.__traceback__), causes


def _causes(error: BaseException) -> Iterator[str]:
    for _ in range(CAUSES_LIMIT):
        following = error.__cause__
        if following is None and not error.__suppress_context__:
            following = error.__context__
        if following is None:
            return
        yield f"{type_name(following)}: {text_of(following)}"
        error = following


def type_name(error: BaseException) -> str:
    """As in a traceback: without the module for those that are built in."""
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def text_of(error: BaseException) -> str:
    try:
        return str.__str__(str(error))[:TEXT_LIMIT]
    except Exception:  # the application's own `__str__`
        return "(its text cannot be read)"
