"""What the log tells of sessions that fail; the standard library only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

log = logging.getLogger("aiomonitor")

TOLD_LIMIT = 100
"""Different failures of the system that are told once each; those beyond, each time."""


class Failures:
    """Those of one service. What the system does not give, as a file where none is left, each of
    many clients meets in turn: that is told once, and any other failure each time."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def note(self, client: str, error: Exception) -> None:
        """The client's session has failed; its own connection is no reason for that."""
        lacking = _what_is_lacking(error)
        known = (lacking and lacking in self._told) or is_of_the_end(error)
        level = logging.DEBUG if known else logging.ERROR
        if lacking and len(self._told) < TOLD_LIMIT:
            self._told.add(lacking)
        told = f": {lacking}" if lacking else ""
        log.log(level, "the session of client %s has failed%s", client, told, exc_info=error)


def is_of_the_end(error: BaseException | None) -> bool:
    """Whether it only tells that the interpreter is ending, and starts no threads any more: the
    program has ended with its monitor open."""
    return error is not None and all(
        isinstance(each, RuntimeError) and "interpreter shutdown" in str(each)
        for each in _leaves(error)
    )


def _what_is_lacking(error: BaseException) -> str:
    """What an `OSError` says, or a group of those alone; else an empty string."""
    leaves = list(_leaves(error))
    if not all(isinstance(each, OSError) for each in leaves):
        return ""
    return "; ".join(dict.fromkeys(str(each) or type(each).__name__ for each in leaves))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The error, or all that its group has."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    if not inner:
        yield error
    for each in inner:
        yield from _leaves(each)
