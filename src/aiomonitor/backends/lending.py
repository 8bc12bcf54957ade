"""Gives out many foreign objects, a few at a time, and the GIL in between; imports no runtime."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from aiomonitor.pacing import offer_gil

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import Any

    from .ownership import Releaser

    Found = Iterable[weakref.ref[Any]] | set[object]
    """Weak references, or a set of the objects, which is ours and gets emptied."""

CHUNK = 256
"""Tasks given out between two offers of the GIL: a reader that spends 5 µs on each takes a quarter
of a switch interval (5 ms), and a loop that never idles costs it one interval per chunk."""

LARGE_CHUNK = 1024
"""The same for those who spend a µs at most."""

SMALL_CHUNK = 16
"""The same for those who describe each task, at 80 µs."""


def lend(
    references: Found,
    wanted: Callable[[Sequence[object]], list[object]],
    releaser: Releaser,
    size: int = CHUNK,
) -> Generator[object, None, None]:
    """Give out the wanted tasks behind the references, `size` at a time.

    The generator owns each chunk and lets go of it when the consumer asks for what comes after. A
    plain `for` loop still has the chunk's last task in its variable at that moment, so that one is
    owned for a chunk longer. Nobody can do that at the end: there, and before it leaves the loop
    early, the consumer has to delete its variable.
    """
    last: list[object] = []
    try:
        for chunk in lend_chunks(references, wanted, releaser, size):
            yield from chunk
            releaser.release(last)
            last += chunk[-1:]
    finally:
        releaser.release(last)


def lend_chunks(
    references: Found,
    wanted: Callable[[Sequence[object]], list[object]],
    releaser: Releaser,
    size: int = CHUNK,
) -> Generator[list[object], None, None]:
    """The same, a list at a time, which is emptied before the next one comes."""
    held: list[object] = []
    chunk: list[object] = []
    try:
        for held in _chunks(references, size):
            chunk = wanted(held)
            yield chunk
            chunk.clear()
            releaser.release(held)
            offer_gil()
    finally:
        chunk.clear()
        releaser.release(held)
        if isinstance(references, set):
            for held in _chunks(references, CHUNK):
                releaser.release(held)


def _chunks(references: Found, size: int) -> Iterator[list[object]]:
    """Lists of tasks, and of None for those that are gone; a set of tasks is emptied."""
    if isinstance(references, set):
        while references:
            yield [references.pop() for _ in range(min(size, len(references)))]
        return
    waiting = iter(references)
    while some := list(itertools.islice(waiting, size)):
        yield [reference() for reference in some]
