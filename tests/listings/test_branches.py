"""Trees of numbers: in order, pruned, cut at a depth, and never going round in circles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.listings.branches import Branches

PARENTS = {1: 0, 2: 1, 3: 1, 4: 3, 10: 0, 11: 10}


def test_order() -> None:
    """Each comes before what is under it, the smaller number first, with its depth."""
    shuffled = dict(reversed(PARENTS.items()))
    assert list(Branches(shuffled).walk()) == [(1, 0), (2, 1), (3, 1), (4, 2), (10, 0), (11, 1)]


def test_one_branch() -> None:
    """From one number down."""
    branches = Branches(PARENTS)
    assert list(branches.walk(3)) == [(3, 0), (4, 1)]
    assert (branches.total(3), branches.total()) == (2, 6)
    assert (branches.count(1), branches.count(4)) == (2, 0)


@pytest.mark.parametrize(("depth", "count"), [(0, 2), (1, 5), (2, 6), (9, 6)])
def test_depth(depth: int, count: int) -> None:
    """So many levels under the first."""
    assert len(list(Branches(PARENTS).walk(None, depth))) == count


def test_pruned() -> None:
    """What was asked for, and what that is under, to the root."""
    branches = Branches(PARENTS, [4, 99], pruned=True)
    assert list(branches.walk()) == [(1, 0), (3, 1), (4, 2)]
    assert list(Branches(PARENTS, [], pruned=True).walk()) == []


def test_parents_that_are_gone() -> None:
    """What is under something that has ended is a root."""
    assert list(Branches({5: 4, 6: 5}).walk()) == [(5, 0), (6, 1)]


def test_circles() -> None:
    """Two readings may contradict each other; nothing hangs."""
    assert list(Branches({1: 2, 2: 1, 3: 0}).walk()) == [(3, 0)]
    assert list(Branches({1: 2, 2: 1}, [1], pruned=True).walk()) == []


def test_deep() -> None:
    """Deeper than Python recurses."""
    parents = {number: number - 1 for number in range(1, 50_001)}
    assert list(Branches(parents).walk())[-1] == (50_000, 49_999)


@given(st.lists(st.integers(0, 30), max_size=30))
def test_each_is_told_once(above: list[int]) -> None:
    """Whoever is under a smaller number is told exactly once, right after something of it."""
    parents = {number: min(parent, number - 1) for number, parent in enumerate(above, 1)}
    walked = list(Branches(parents).walk())
    assert sorted(number for number, _ in walked) == sorted(parents)
    depths = dict(walked)
    for number, parent in parents.items():
        assert depths[number] == (depths[parent] + 1 if parent else 0)
