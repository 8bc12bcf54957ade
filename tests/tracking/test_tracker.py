"""Numbers, references and pages, over scripted tasks."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.backends.fake import FakeBackend, FakeLife, FakeTask
from aiomonitor.backends.values import CodePoint
from aiomonitor.errors import TaskNotFoundError
from aiomonitor.listings.ordering import natural
from aiomonitor.tracking.tracker import Tracker


class Watched:
    """A tracker over scripted tasks."""

    def __init__(self, *names: str) -> None:
        self.backend = FakeBackend()
        self.tracker = Tracker(self.backend)
        self.tasks = [self.backend.add(name, f"f_{name}") for name in names]

    def page(
        self,
        *,
        filter: str = "",  # noqa: A002 - as `Paging.page` has it
        sort: str = "id",
        reverse: bool = False,
        limit: int | None = None,
    ) -> list[str]:
        page = self.tracker.paging.page(filter=filter, sort=sort, reverse=reverse, limit=limit)  # type: ignore[arg-type]
        return [task.name for task in page.tasks]

    def find(self, reference: int | str) -> object:
        return self.tracker.with_task(reference, lambda task: task)

    def complaint(self, reference: int | str) -> str:
        with pytest.raises(TaskNotFoundError) as caught:
            self.find(reference)
        return str(caught.value)


def test_numbers_are_small_and_stable() -> None:
    """Tasks are numbered from 1 in the order in which they are looked at, and keep it."""
    watched = Watched("a", "b")
    a, b = watched.tasks
    assert [watched.tracker.number(task) for task in (b, a, b)] == [1, 2, 1]


def test_numbers_are_never_reused() -> None:
    """A task that ended takes its number with it."""
    watched = Watched("a")
    watched.tracker.number(watched.tasks[0])
    watched.tasks[0].finish()
    assert watched.tracker.number(watched.backend.add("b", "f")) == 2


def test_threads_agree_on_a_number() -> None:
    """Threads that look at new tasks at once give each one number, and no number twice."""
    watched = Watched(*map(str, range(200)))
    start = threading.Barrier(4)
    seen: list[list[int]] = []

    def look() -> None:
        start.wait()
        seen.append([watched.tracker.number(task) for task in watched.tasks])

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen.count(seen[0]) == 4
    assert sorted(seen[0]) == list(range(1, 201))


def test_references() -> None:
    """A task is found by number, as a number or as text, by `id()` and by its name."""
    watched = Watched("a", "b")
    task = watched.tasks[1]
    number = watched.tracker.number(task)
    for reference in (number, str(number), id(task), str(id(task)), "b"):
        assert watched.find(reference) is task


def test_a_number_goes_before_a_name() -> None:
    """A task that is called `1` can be hidden by the task that has that number."""
    watched = Watched("a", "1")
    first, second = watched.tasks
    assert watched.find("1") is second  # which gives it a number: 1
    assert watched.tracker.number(second) == 1
    assert watched.tracker.number(first) == 2
    second.name, first.name = "2", "x"
    assert watched.find("2") is first


def test_ended_tasks_are_told_from_unknown_ones() -> None:
    """A number that was given and one that never was are answered differently."""
    watched = Watched("a")
    watched.tracker.number(watched.tasks[0])
    watched.tasks[0].finish()
    assert watched.complaint(1) == "task 1 has ended"
    for never in (0, 7):
        assert watched.complaint(never).startswith(f"no task has the number {never}: ")
    assert watched.complaint(7) == "no task has the number 7: 'ps' lists what there is"
    assert watched.complaint("a") == "no live task is called 'a': 'ps' lists what there is"


@pytest.mark.parametrize("reference", ["", "-1", "1.5", "٣", "²", "9" * 5000, "a\nb", "\x00"])
def test_odd_references(reference: str) -> None:
    """Whatever is given as a reference, the answer is that there is no such task."""
    assert Watched("a").complaint(reference)


def test_namesakes_are_told_by_number() -> None:
    """An ambiguous name is answered with the numbers to choose from, but not with a flood."""
    watched = Watched(*["same"] * 3)
    assert watched.complaint("same") == "several tasks are called 'same': give a number (1, 2, 3)"
    crowd = Watched(*["same"] * 50)
    assert crowd.complaint("same").endswith("(1, 2, 3, 4, 5, …)")


def test_using_a_task_hands_on_the_result_and_the_error() -> None:
    """`with_task` returns what its function returns, and raises what it raises."""
    watched = Watched("a")
    assert watched.tracker.with_task("a", lambda _: 5) == 5
    with pytest.raises(ZeroDivisionError):
        watched.tracker.with_task("a", lambda _: 1 / 0)


def test_pages_count_everything() -> None:
    """A page knows how many tasks there are and how many match, however few it shows."""
    watched = Watched("ab", "b", "c")
    page = watched.tracker.paging.page(filter="B", sort="id", reverse=False, limit=1)
    assert (page.total, page.matched, len(list(page.tasks))) == (3, 2, 1)
    assert watched.tracker.count() == 3


def test_filter() -> None:
    """A filter looks into names and coroutines, without regard to case."""
    watched = Watched("Alpha", "beta")
    watched.backend.add("c", "ALPHABET")
    assert watched.page(filter="alpha") == ["Alpha", "c"]
    assert watched.page(filter="F_BETA") == ["beta"]
    assert watched.page(filter="nope") == []


def test_unnumbered_tasks_come_last() -> None:
    """Sorted by number, tasks that nobody has looked at are at the end, and get the next ones."""
    watched = Watched("a", "b", "c")
    watched.tracker.number(watched.tasks[2])
    assert watched.page() == ["c", "a", "b"]
    assert watched.page(reverse=True) == ["b", "a", "c"]


def test_sort_by_name_is_natural() -> None:
    """Numbers at the end of names are compared as numbers."""
    names = ["worker-10", "worker-9", "other", "worker-"]
    assert Watched(*names).page(sort="name") == ["other", "worker-", "worker-9", "worker-10"]


def test_sort_by_state() -> None:
    """Rows can be ordered by state; equal ones keep their order."""
    watched = Watched("a", "b", "c")
    watched.tasks[1].state = "running"
    assert watched.page(sort="state") == ["b", "a", "c"]


@pytest.mark.parametrize("sort", ["id", "name", "coroutine", "state", "where"])
def test_every_sort_key(sort: str) -> None:
    """Each sort key lists all tasks, also those that have no frames."""
    assert sorted(Watched("a", "b").page(sort=sort)) == ["a", "b"]


@given(
    names=st.lists(st.text("ab1", max_size=3), max_size=60),
    limit=st.none() | st.integers(1, 70),
    reverse=st.booleans(),
)
def test_a_page_is_the_beginning_of_the_whole(
    names: list[str], limit: int | None, reverse: bool
) -> None:
    """However it is limited, a page holds the first rows of the complete sorted listing."""
    shown = Watched(*names).page(sort="name", reverse=reverse, limit=limit)
    assert list(map(natural, shown)) == sorted(map(natural, names), reverse=reverse)[:limit]


def test_long_listings_are_sorted_in_runs() -> None:
    """More tasks than one run of the sort holds come out in order, limited or not."""
    names = [f"t{(7919 * n) % 5003}" for n in range(5003)]
    expected = [f"t{n}" for n in range(5003)]
    watched = Watched(*names)
    assert watched.page(sort="name") == expected
    assert watched.page(sort="name", limit=1500) == expected[:1500]
    assert watched.page(sort="name", limit=10, reverse=True) == expected[:-11:-1]


def test_rows_are_made_when_they_are_read() -> None:
    """A task that ended after the page was made has no row in it."""
    watched = Watched("a", "b", "c")
    page = watched.tracker.paging.page(filter="", sort="id", reverse=False, limit=None)
    watched.tasks[1].finish()
    assert [task.name for task in page.tasks] == ["a", "c"]


def test_a_description_holds_what_is_known() -> None:
    """A row tells number, identity, names, state and pending cancellations."""
    watched = Watched()
    task: FakeTask = watched.backend.add("a", "f", state="runnable", awaits="sleep")
    task.cancelling = 2
    info = watched.tracker.describe(task)
    assert (info.number, info.object_id, info.name, info.coroutine) == (1, id(task), "a", "f")
    assert (info.state, info.awaits, info.cancelling, info.location) == (
        "runnable",
        "sleep",
        2,
        None,
    )


@pytest.mark.parametrize("name", ["", "5", "a" * 5000, "٣", "x²", "9" * 5000])
def test_natural_takes_any_name(name: str) -> None:
    """Any name has a sort key, with digits of all kinds and numbers."""
    assert natural(name) <= natural(name)


def test_an_ended_task_is_told_where_to_look() -> None:
    """Who asks for a task that has ended learns what tells how."""
    watched = Watched("live")
    watched.backend.ended.append(FakeLife(number=7, name="gone"))
    assert watched.complaint(7) == "task 7 has ended: 'where-terminated 7' tells how"
    assert watched.complaint("gone") == "'gone' has ended: 'where-terminated gone' tells how"
    assert watched.complaint(5) == "task 5 has ended"


def test_sorting_by_age() -> None:
    """The youngest comes first; those whose creation nobody saw are the oldest."""
    watched = Watched("unseen", "old", "young")
    here = CodePoint((lambda: None).__code__, 0)
    for name, born in (("old", 1.0), ("young", 2.0)):
        task = next(task for task in watched.tasks if task.name == name)
        task.life = FakeLife(number=1, born=born, stack=(here,))
    assert watched.page(sort="age") == ["young", "old", "unseen"]
