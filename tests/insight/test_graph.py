"""What can never go on, as numbers."""

from __future__ import annotations

import random

import pytest

from aiomonitor.insight.graph import Resource, WaitGraph, forest, rings, stuck, upstream


def test_a_circle() -> None:
    """Two tasks, and one that waits for them; who waits for a free one goes on."""
    edges = {1: [2], 2: [1], 3: [1], 4: [5]}
    among = stuck(edges, ())
    assert among == {1, 2, 3}
    assert rings(edges, among) == [[1, 2]]
    assert upstream(edges, [1, 2], among) == 1


def test_who_waits_for_itself() -> None:
    """A ring of one."""
    assert rings({7: [7]}, stuck({7: [7]}, ())) == [[7]]


def test_one_of_several_is_enough() -> None:
    """Who waits for any of them goes on if one does."""
    edges = {1: [2, 3], 2: [1]}
    assert stuck(edges, ()) == {1, 2}
    assert stuck(edges, {1}) == set()


def test_resources() -> None:
    """A lock has one holder; a semaphore lets go on whoever one of its holders lets."""
    graph = WaitGraph()
    graph.resources[100] = Resource(100, "lock", "a Lock", getting=[1], holders=[2])
    graph.resources[200] = Resource(200, "semaphore", "a Semaphore", getting=[2], holders=[1, 3])
    edges = graph.edges()
    assert stuck(edges, ()) == set()
    graph.resources[200].holders.remove(3)
    edges = graph.edges()
    assert rings(edges, stuck(edges, ())) == [[1, -100, 2, -200]]


def test_who_may_have_it() -> None:
    """One candidate stands for a holder, several do not; nobody is held up by an idle queue."""
    lock = Resource(1, "lock", "a Lock", getting=[1], candidates=[2])
    assert lock.owners == [2]
    assert not lock.is_certain
    lock.candidates.append(3)
    assert lock.owners == []
    assert Resource(2, "queue", "a Queue", getting=[1], candidates=[2]).owners == []
    assert Resource(2, "queue", "a Queue", putting=[1], candidates=[2]).owners == [2]


@pytest.mark.parametrize("seed", range(20))
def test_against_the_definition(seed: int) -> None:
    """Letting go on whoever can, until nobody can, comes to the same."""
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    nodes = range(1, 30)
    edges = {
        node: [chance.choice(nodes) for _ in range(chance.randint(1, 3))]
        for node in nodes
        if chance.random() < 0.8
    }
    any_of = {node for node in edges if chance.random() < 0.3}
    left = set(edges)
    while True:
        free = {
            node
            for node in left
            if (any if node in any_of else all)(target not in left for target in edges[node])
        }
        if not free:
            break
        left -= free
    assert stuck(edges, any_of) == left
    for ring in rings(edges, left):
        assert all(after in edges[node] for node, after in zip(ring, [*ring[1:], ring[0]]))  # noqa: B905


def test_long_chains() -> None:
    """Nothing recurses."""
    edges = {node: [node + 1] for node in range(1, 50_000)}
    assert stuck(edges, ()) == set()
    edges[50_000] = [1]
    assert len(stuck(edges, ())) == 50_000
    assert len(rings(edges, stuck(edges, ()))[0]) == 50_000
    assert sum(1 for _ in forest({1: [2], 2: [1]}, [1], None)) == 3


def test_a_tree() -> None:
    """Circles and what was told before are marked."""
    edges = {1: [2, 3], 2: [4], 3: [2], 4: [1]}
    assert list(forest(edges, [1], None)) == [
        (0, 1, ""),
        (1, 2, ""),
        (2, 4, ""),
        (3, 1, "circle"),
        (1, 3, ""),
        (2, 2, "above"),
    ]
    assert list(forest(edges, [1], 1)) == [(0, 1, "")]
