"""Order without holding much: selections, samples, parts."""

from __future__ import annotations

import bisect
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiomonitor.backends.fake import FakeTask
from aiomonitor.listings.ordering import Sample, Selection, in_order, part_with

keys = st.lists(st.integers(-5, 5), max_size=60)
rows = st.integers(0, 70)


def made(keys: list[int]) -> list[FakeTask]:
    return [FakeTask(name=str(key), coroutine="f") for key in keys]


def shuffled(size: int) -> list[int]:
    """Many numbers in no order, some of them twice."""
    return [number * 7919 % 1009 for number in range(size)]


def expected(keys: list[int], *, reverse: bool) -> list[tuple[int, int]]:
    return sorted(zip(keys, itertools.count(), strict=False), reverse=reverse)


def keys_of(selection: Selection) -> list[Any]:
    return [candidate[:2] for candidate in selection.chosen()]


@given(keys=keys, limit=st.none() | rows, reverse=st.booleans(), size=st.integers(1, 70))
def test_chunks_select_as_one_by_one(
    keys: list[int], limit: int | None, reverse: bool, size: int
) -> None:
    """Chunks of whatever size give the first ones, and the same as single offers."""
    tasks = made(keys)
    by_one, by_chunk = (Selection(limit, reverse=reverse) for _ in range(2))
    for serial, (key, task) in enumerate(zip(keys, tasks, strict=True)):
        by_one.offer(key, serial, task)
    for first in range(0, len(keys), size):
        by_chunk.offer_all(keys[first : first + size], first, tasks[first : first + size])
    wanted = expected(keys, reverse=reverse)[:limit]
    assert keys_of(by_one)[:limit] == keys_of(by_chunk)[:limit] == wanted


def test_most_of_many_are_turned_away() -> None:
    """What is kept of many is bounded by the limit, not by their number."""
    selection = Selection(3, reverse=False)
    tasks = made(list(range(5000)))
    selection.offer_all(range(5000), 0, tasks)
    selection.offer_all(range(5000, 10_000), 5000, tasks)
    assert [key for key, _ in keys_of(selection)] == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 3500])
def test_numbers_in_order(size: int) -> None:
    """Short runs, merged, are in the same order as one long sort."""
    numbers = shuffled(size)
    assert list(in_order(numbers)) == sorted(numbers)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 5000])
def test_sample_is_bounded_and_in_order(size: int) -> None:
    """A sample is sorted, bounded, and of what was seen."""
    seen = shuffled(size)
    sample = Sample()
    for key in seen:
        sample.offer(key)
    cuts = sample.cuts()
    assert cuts == sorted(cuts)
    assert set(cuts) <= set(seen)
    assert len(cuts) < 1024
    assert bool(cuts) == bool(seen)


@given(
    keys=keys,
    cuts=st.lists(st.integers(-6, 6), max_size=8).map(sorted),
    offset=rows,
    limit=st.integers(1, 20),
    reverse=st.booleans(),
)
def test_a_page_lies_in_its_parts(
    keys: list[int], cuts: list[int], offset: int, limit: int, reverse: bool
) -> None:
    """A page that is cut out by counting is that of the sorted whole, wherever the cuts are."""
    counts = [0] * (len(cuts) + 1)
    for key in keys:
        counts[bisect.bisect_right(cuts, key)] += 1
    part = part_with(counts, offset, limit, reverse=reverse)
    within = [
        pair
        for pair in expected(keys, reverse=reverse)
        if part.first <= bisect.bisect_right(cuts, pair[0]) <= part.last
    ]
    start = offset - part.before
    page = expected(keys, reverse=reverse)[offset : offset + limit]
    assert within[start : start + limit] == page
