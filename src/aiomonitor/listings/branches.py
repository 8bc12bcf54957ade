"""A tree of numbers in the order that people read it; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .ordering import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Branches:
    """Knows what is under what, by `parents`. A `pruned` one has the numbers `kept`, and what they
    are under, alone."""

    def __init__(
        self, parents: Mapping[int, int], kept: Iterable[int] = (), *, pruned: bool = False
    ) -> None:
        self._parents = parents
        chosen = self._with_ancestors(kept) if pruned else parents
        self._children: dict[int, list[int]] = {}
        for number in in_order(list(chosen)):
            above = parents[number]
            self._children.setdefault(above if above in parents else 0, []).append(number)

    def _with_ancestors(self, kept: Iterable[int]) -> set[int]:
        chosen: set[int] = set()
        for number in kept:
            while number in self._parents and number not in chosen:
                chosen.add(number)
                number = self._parents[number]
        return chosen

    def count(self, number: int) -> int:
        """How many are directly under it."""
        return len(self._children.get(number, ()))

    def walk(self, top: int | None = None, depth: int | None = None) -> Iterator[tuple[int, int]]:
        """Each number with its depth, before what is under it; not recursive, since a tree may be
        thousands deep. A circle, which a moment between two readings can make, is never entered."""
        waiting = [(number, 0) for number in reversed(self._roots(top))]
        while waiting:
            number, level = waiting.pop()
            yield number, level
            if depth is None or level < depth:
                below = reversed(self._children.get(number, ()))
                waiting += [(each, level + 1) for each in below]

    def _roots(self, top: int | None) -> list[int]:
        return self._children.get(0, []) if top is None else [top]

    def total(self, top: int | None = None) -> int:
        """How many there are."""
        if top is None:
            return sum(map(len, self._children.values()))
        return sum(1 for _ in self.walk(top))
