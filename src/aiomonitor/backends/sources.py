"""Lines of source for people to read; the standard library only.

`linecache` keeps each file that it was asked for, whole, for the rest of the process: of a large
application, all that ever stood in a stack are megabytes. Here a few files are kept, and the lines
that were asked for.
"""

from __future__ import annotations

import linecache
import os
from functools import lru_cache

LINES = 4096
"""Lines kept: more places than one look at a large application shows."""
_FILES = 4
"""Files kept, of which the next lines are likely to be."""


def line(filename: str, lineno: int) -> str:
    """That line, with its end; empty if it cannot be read. Never raises. Any thread."""
    # No linecache.checkcache(): it takes entries from a cache that the application's threads read,
    # whose tracebacks fail with KeyError then; and what runs is the file as it was.
    try:
        if filename in linecache.cache or not os.path.isabs(filename):  # noqa: PTH117 - no module more
            return linecache.getline(filename, lineno)  # a console's, or that of a loader
        return _line(filename, lineno)
    except Exception:  # a loader of the application may raise anything
        return ""


@lru_cache(LINES)
def _line(filename: str, lineno: int) -> str:
    lines = _lines(filename)
    return lines[lineno - 1] if 0 < lineno <= len(lines) else ""


@lru_cache(_FILES)
def _lines(filename: str) -> list[str]:
    import tokenize  # not before somebody asks

    with tokenize.open(filename) as file:
        return file.readlines()
