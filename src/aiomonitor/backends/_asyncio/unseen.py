"""Finds tasks that failed, and that somebody keeps without ever asking for the result.

Python complains of a failed task when it is let go. One that is kept, as `self._worker = ...`, is
dead for good without a word.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from aiomonitor.backends.values import Mishap

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Iterator, Sequence

    from aiomonitor.backends.life import TaskLife
    from aiomonitor.backends.ownership import Releaser

log = logging.getLogger("aiomonitor")


class Unseen:
    """Tells of them. Any thread."""

    def __init__(
        self,
        failed: Callable[[], Sequence[weakref.ref[Any]]],
        life_of: Callable[[Any], TaskLife | None],
        releaser: Releaser,
    ) -> None:
        self._failed = failed
        self._life_of = life_of
        self._releaser = releaser

    def known(self) -> Sequence[Mishap]:
        """Those that nobody has asked yet."""
        held: list[object] = []
        try:
            return list(self._told(held))
        except Exception:  # a task of the application's own class
            log.debug("failed tasks cannot be read", exc_info=True)
            return ()
        finally:
            self._releaser.release(held)

    def _told(self, held: list[object]) -> Iterator[Mishap]:
        for reference in self._failed():
            task = reference()
            held.append(task)
            # What Python itself goes by: asking for the result, or the exception, clears it.
            if not getattr(task, "_log_traceback", False):
                continue
            life = self._life_of(task)
            failure = life.failure if life is not None else None
            if life is None or failure is None:
                continue
            yield Mishap(
                "failure unnoticed",
                life.ended,
                life.name,
                life.coroutine,
                f"{failure.type}: {failure.text}",
                failure.stack[-1] if failure.stack else None,
            )
