"""What the rules have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiomonitor.render import place

if TYPE_CHECKING:
    from aiomonitor.model import FrameInfo

LOOKS = 5
"""Looks in a row at which something has to have grown."""
TOLD = 100
"""Tasks whose numbers a finding has."""


def at(where: FrameInfo | None) -> str:
    """A place at the end of a clause."""
    return f" at {place(where)}" if where is not None else ""


def in_words(count: int) -> str:
    """How many."""
    return f"{count} task{'' if count == 1 else 's'}"
