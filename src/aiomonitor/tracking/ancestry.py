"""Who created whom, and what a task is called that is known by its number alone, live or ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from aiomonitor.backends.life import OUTSIDE

from .lives import Origin, called, step, unseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiomonitor.backends.base import Backend
    from aiomonitor.backends.life import Stack
    from aiomonitor.model import CreationStep

    from .history import History

CHAIN_LIMIT = 32
"""Steps of an ancestry that are told: beyond it the story repeats itself."""

_FORGOTTEN = "{} has ended and is forgotten: who created it is not known any more"
_CUT = f"the {CHAIN_LIMIT} latest steps are shown; the chain is longer"


class Lineage(NamedTuple):
    """Who created a task, the oldest step first; `beginning` says why the chain starts there, or is
    empty where its first step tells."""

    steps: tuple[CreationStep, ...]
    beginning: str


class Ancestry:
    """Follows parents, through ended tasks and live ones. Any thread of the monitor."""

    def __init__(self, backend: Backend, history: History) -> None:
        self._backend = backend
        self._history = history

    def of(self, label: str, parent: int, stack: Stack) -> Lineage:
        """The lineage of a task, called `label`, that `parent` created with this stack.

        Without a stack nobody saw it, and `beginning` says why.
        """
        steps: list[CreationStep] = []
        told: set[int] = set()
        if not stack:
            return Lineage((), unseen(self._backend))
        while len(steps) < CHAIN_LIMIT:
            origin = self._origins({parent}).get(parent)
            creator = called(parent, origin)
            teller = self._history.teller({parent: creator}.__getitem__)
            steps.insert(0, step(parent, stack, label, teller))
            if parent <= 0:
                return Lineage(tuple(steps), "")
            if origin is None or origin.parent in told:  # a circle would be a fault of ours
                return Lineage(tuple(steps), _FORGOTTEN.format(creator))
            if not origin.stack:
                return Lineage(tuple(steps), f"{creator} was {unseen(self._backend)}")
            told.add(parent)
            label, parent, stack = creator, origin.parent, origin.stack
        return Lineage(tuple(steps), _CUT)

    def label(self, number: int) -> str:
        """A task in words, by its number."""
        return self.labels({number})(number)

    def labels(self, numbers: Iterable[int]) -> Callable[[int], str]:
        """How these tasks are called, found in one walk over the live ones."""
        found = self._origins(set(numbers))
        return lambda number: called(number, found.get(number))

    def names(self, numbers: Iterable[int]) -> Callable[[int], str]:
        """Their names alone; empty for a task that is forgotten."""
        found = self._origins(set(numbers))
        return lambda number: found[number].name if number in found else ""

    def _origins(self, numbers: set[int]) -> dict[int, Origin]:
        found = {number: self._history.origin(number) for number in numbers if number > 0}
        missing = {number for number, origin in found.items() if origin is None}
        known = {number: origin for number, origin in found.items() if origin is not None}
        return known | self.live_origins(missing) if missing else known

    def live_origins(self, wanted: set[int]) -> dict[int, Origin]:
        """Those of live tasks, found in one walk.

        Nothing that is kept here refers to a task; a life may, so it is let go of at once.
        """
        found: dict[int, Origin] = {}
        life = None
        for task in self._backend.live_tasks(quick=True):
            number = self._backend.number_of(task)
            if number in wanted:
                life = self._backend.life_of(task)
                name = self._backend.names(task)[0]
                seen = (life.stack, life.parent) if life else ((), OUTSIDE)
                found[number] = Origin(name, *seen)
                life = None
                if len(found) == len(wanted):
                    task = None
                    break
        task = None
        return found
