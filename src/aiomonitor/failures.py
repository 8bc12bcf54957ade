"""What the log tells of sessions that fail; the standard library only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    if inner:
        return all(map(is_of_the_end, inner))
    return isinstance(error, RuntimeError) and "interpreter shutdown" in str(error)


def _what_is_lacking(error: BaseException) -> str:
    """What an `OSError` says, or a group of those alone; else an empty string."""
    inner: Sequence[BaseException] = getattr(error, "exceptions", ())
    if not inner:
        return (str(error) or type(error).__name__) if isinstance(error, OSError) else ""
    parts = [_what_is_lacking(each) for each in inner]
    return "; ".join(dict.fromkeys(parts)) if all(parts) else ""
