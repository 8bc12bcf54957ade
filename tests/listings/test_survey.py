"""Counts, groups and the tree, over scripted tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiomonitor.backends.fake import FakeLife, FakeTask
from aiomonitor.backends.values import CodePoint
from support import Desk

if TYPE_CHECKING:
    from aiomonitor.model import GroupKey

CODE = (lambda: None).__code__
HERE = CodePoint(CODE, 0)
KEYS: tuple[GroupKey, ...] = ("state", "coroutine", "created_in", "where")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def born(desk: Desk, name: str, parent: FakeTask | None = None, at: float = 0.0) -> FakeTask:
    """A task whose creation was seen."""
    task = desk.backend.add(name, "f")
    number = desk.backend.next_number()
    creator = parent.life.number if parent and parent.life else 0
    task.life = FakeLife(number=number, name=name, parent=creator, stack=(HERE,), born=at)
    task.number = number
    return task


def names(desk: Desk, parent: int = 0, **options: Any) -> list[str]:
    return [node.task.name for node in desk.tree(parent, **options).nodes]


def test_census(desk: Desk) -> None:
    """Live tasks are counted by state; one that ends meanwhile is not there."""
    for state in ("waiting", "waiting", "running", "done"):
        desk.backend.add("a", "f", state=state)
    census = desk.census()
    assert (census.total, census.states) == (3, {"waiting": 2, "running": 1})


def test_groups(desk: Desk) -> None:
    """Groups come with the largest first, count what matches, and say how many there are."""
    for name, coroutine in (("a", "one"), ("b", "two"), ("c", "two"), ("d", "three")):
        desk.backend.add(name, coroutine)
    page = desk.groups("coroutine", limit=1)
    assert [(group.key, group.count) for group in page.groups] == [("two", 2)]
    assert (page.total, page.matched, page.found) == (4, 4, 3)
    page = desk.groups("coroutine", filter="thr")
    assert [(group.key, group.count) for group in page.groups] == [("three", 1)]
    assert (page.total, page.matched) == (4, 1)


def test_the_oldest_of_a_group(desk: Desk) -> None:
    """A group tells the age of its oldest task, if anybody saw one being created."""
    born(desk, "young", at=8.0)
    born(desk, "old", at=2.0)
    desk.backend.clock = 10.0
    (group,) = desk.groups("coroutine").groups
    assert group.oldest_age == 8.0
    desk.backend.add("unseen", "g")
    assert {group.oldest_age for group in desk.groups("coroutine").groups} == {8.0, None}


@pytest.mark.parametrize("by", KEYS)
def test_a_group_has_the_tasks_that_were_counted(desk: Desk, by: GroupKey) -> None:
    """For each group, its page lists as many tasks as the group counts."""
    born(desk, "a")
    born(desk, "b")
    desk.backend.add("c", "g", state="running")
    groups = desk.groups(by).groups
    assert sum(group.count for group in groups) == 3
    for group in groups:
        page = desk.group_page(by, group.key, limit=1)
        assert (page.matched, page.total, len(list(page.tasks))) == (group.count, 3, 1)
    assert desk.group_page(by, "no such key").matched == 0


def test_the_page_of_a_group(desk: Desk) -> None:
    """A group's page is filtered, ordered and cut out as any other."""
    for name in ("b2", "a", "b10", "b1"):
        desk.backend.add(name, "f")
    page = desk.group_page("coroutine", "f", filter="b", sort="name", limit=2, offset=1)
    assert [task.name for task in page.tasks] == ["b2", "b10"]
    assert page.matched == 3


def test_tree(desk: Desk) -> None:
    """Roots are those that no live task has created; children are counted."""
    root = born(desk, "root")
    child = born(desk, "child", root)
    born(desk, "grandchild", child)
    born(
        desk, "orphan", FakeTask(name="gone", coroutine="f", life=FakeLife(number=99, name="gone"))
    )
    desk.backend.add("unseen", "f")
    assert names(desk) == ["root", "orphan", "unseen"]
    assert names(desk, 1) == ["child"]
    assert [node.children for node in desk.tree().nodes] == [1, 0, 0]
    assert names(desk, limit=1, offset=1) == ["orphan"]
    assert desk.tree(limit=1).total == 3
    assert names(desk, 12345) == []


def test_a_filtered_tree_has_paths(desk: Desk) -> None:
    """What matches comes with its live ancestors, the root first."""
    root = born(desk, "root")
    child = born(desk, "child", root)
    born(desk, "leaf", child)
    (node,) = desk.tree(filter="leaf").nodes
    assert node.path == ((1, "root"), (2, "child"))


def test_a_ring_of_parents_ends(desk: Desk) -> None:
    """Should two tasks each claim to have created the other, the path ends all the same."""
    first = born(desk, "first")
    second = born(desk, "second", first)
    assert first.life
    assert second.life
    first.life = FakeLife(number=1, name="first", parent=2, stack=(HERE,))
    (node,) = desk.tree(filter="second").nodes
    assert 0 < len(node.path) <= 100
