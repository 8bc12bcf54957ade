"""Keeps the hook's done callback out of `repr(task)`.

There is no way to hide a callback from the list that C makes, so the function that makes text of it
is wrapped while a hook needs that: it runs when somebody prints a task, and at no other time.
"""

from __future__ import annotations

from asyncio import base_futures
from typing import TYPE_CHECKING, Any

from .end import note_end

if TYPE_CHECKING:
    from collections.abc import Callable

_futures: Any = base_futures  # its private functions: see test_hook_drift


class HiddenCallback:
    """Counts who needs it."""

    def __init__(self) -> None:
        self._users = 0
        self._original: Callable[[Any], list[str]] | None = None

    def use(self) -> None:
        self._users += 1
        if self._original is None:
            self._original = _futures._future_repr_info  # noqa: SLF001
            _futures._future_repr_info = self._info  # noqa: SLF001

    def leave(self) -> None:
        """Put the function back if it is still ours."""
        self._users -= 1
        current = _futures._future_repr_info  # noqa: SLF001
        if not self._users and current == self._info:
            _futures._future_repr_info = self._original  # noqa: SLF001
            self._original = None

    def _info(self, future: Any) -> list[str]:
        original = self._original
        info: list[str] = original(future) if original else []
        callbacks = future._callbacks or []  # noqa: SLF001
        others = [each for each in callbacks if each[0] is not note_end]
        if len(others) < len(callbacks):
            shown = _futures._format_callbacks  # noqa: SLF001
            index = info.index(shown(callbacks))
            info[index : index + 1] = [shown(others)] if others else []
        return info


hidden_callback = HiddenCallback()
