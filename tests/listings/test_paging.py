"""Pages far from the first row are those of the whole list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiomonitor.backends.fake import FakeBackend
from aiomonitor.tracking.tracker import Tracker

if TYPE_CHECKING:
    from aiomonitor.model import SortKey

TASKS = 2500
"""More than are kept in order without a second thought."""


@pytest.fixture(scope="module")
def tracker() -> Tracker:
    """Of tasks in another order than that of their names."""
    backend = FakeBackend()
    for number in range(TASKS):
        task = backend.add(f"task-{number * 7919 % TASKS}", f"f{number % 3}")
        backend.set_number(task, backend.next_number())
    return Tracker(backend)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("filter", ["", "task-1", "nothing"])
@pytest.mark.parametrize("sort", ["id", "name", "coroutine", "state", "age", "where"])
def test_far_pages(tracker: Tracker, sort: SortKey, filter: str, reverse: bool) -> None:  # noqa: A002
    """Cut out by counting or kept in order, a page is the same, with the same totals."""
    every = tracker.paging.page(filter=filter, sort=sort, reverse=reverse, limit=None)
    names = [task.name for task in every.tasks]
    for offset in (0, 1000, 1990, 2400, 9000):
        page = tracker.paging.page(
            filter=filter, sort=sort, reverse=reverse, limit=200, offset=offset
        )
        assert [task.name for task in page.tasks] == names[offset : offset + 200]
        assert (page.total, page.matched) == (TASKS, len(names))


def test_old_cuts_are_given_up(tracker: Tracker) -> None:
    """Pages stay right when the tasks are others than those that the cuts were taken from."""
    backend = FakeBackend()
    other = Tracker(backend)
    for number in range(2100):
        backend.add(f"a-{number}")
    first = other.paging.page(filter="", sort="name", reverse=False, limit=10, offset=2050)
    assert next(iter(first.tasks)).name == "a-2050"
    backend.tasks.clear()
    for number in range(6000):
        backend.add(f"z-{number}")
    for _ in range(2):
        page = other.paging.page(filter="", sort="name", reverse=False, limit=10, offset=4000)
        assert [task.name for task in page.tasks] == [f"z-{n}" for n in range(4000, 4010)]
