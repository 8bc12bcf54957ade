"""Text that can be shown anywhere, whatever it holds; stdlib only.

A module of its own, as it is loaded before there is a client: what says that something cannot be
loaded must not have to be loaded.
"""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, direction overrides (which can make a name read
# as another one), and surrogates, which cannot be encoded.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with everything that a terminal would act upon written as an escape."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
