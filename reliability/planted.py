"""A fault that is there: whoever looks for others has to find it."""

from __future__ import annotations

WORD = b"open sesame"
"""No generator says it, and chance does not either: only who sees what is compared comes to it."""


def check(data: bytes) -> None:
    """Raise after the word."""
    if data[: len(WORD)] == WORD:
        raise ValueError("planted")
