"""One look at a suspended task: what the tellers of this package work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from aiomonitor.backends import objects
from aiomonitor.backends._asyncio import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import CodeType

    from aiomonitor.backends.base import TaskHandle
    from aiomonitor.model import WaitInfo

    Teller: TypeAlias = "Callable[[Look], WaitInfo | None]"
    Tellers: TypeAlias = "dict[CodeType, Teller]"


@dataclass
class Look:
    """The innermost levels of a task's chain, the one of interest, and the future at their end."""

    levels: Sequence[Any]
    level: Any
    future: Any
    number: Callable[[TaskHandle], int]
    held: list[object]

    def found(self, kind: Any) -> Any:
        """The first object of that kind that the level refers to."""
        return objects.found([self.level], kind, self.held)

    def referents(self) -> list[Any]:
        """What the level refers to."""
        return objects.referents(self.level, self.held)

    def told(self, task: Any) -> str:
        """A task in words."""
        self.held.append(task)
        return f"task {self.number(task)} ({tasks.name(task)})"


def codes(*functions: Any) -> list[CodeType]:
    """The code of functions, those that are None left out: not every version has all of them."""
    found: Iterable[Any] = (getattr(function, "__code__", None) for function in functions)
    return [code for code in found if code is not None]
