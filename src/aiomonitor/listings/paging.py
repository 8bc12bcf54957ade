"""Pages of the live tasks, in order: walks all of them, and keeps hardly more than a page.

Every method may run in any thread of the monitor.
"""

from __future__ import annotations

import bisect
import itertools
import math
from typing import TYPE_CHECKING, Any

from aiomonitor import model

from .ordering import Candidate, Sample, Selection, natural, part_with

if TYPE_CHECKING:
    import weakref
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiomonitor.backends.base import Backend, TaskHandle
    from aiomonitor.model import SortKey, TaskInfo, TaskPage

    SortKeyOf = Callable[[TaskHandle], Any]

_DEEP = 2000
"""Rows from the first one on that are kept in order without a second thought."""
_QUICK = ("id", "age")
"""Orders that take less than a µs per task to tell."""


class Paging:
    """Pages of one backend's tasks; `describe` makes the rows, one by one."""

    def __init__(
        self,
        backend: Backend,
        describe: Callable[[Iterable[weakref.ref[TaskHandle]]], Iterator[TaskInfo]],
    ) -> None:
        self._backend = backend
        self._describe = describe
        self._cuts: dict[SortKey, list[Any]] = {}

    def page(
        self, *, filter: str, sort: SortKey, reverse: bool, limit: int | None, offset: int = 0
    ) -> TaskPage:
        """The first `limit` live tasks that match, after `offset` of them, and how many there are;
        all without a limit.

        Weak references and sort keys are kept, not tasks; and with a limit only a few of them.
        """
        if limit is not None and offset + limit > _DEEP:
            return self._deep_page(filter, sort, limit, offset, reverse=reverse)
        total = matched = 0
        selection = Selection(None if limit is None else limit + offset, reverse=reverse)
        matches = self.matcher(filter)
        for chunk in self._backend.live_chunks(quick=sort in _QUICK and not filter):
            total += len(chunk)
            if filter:
                chunk[:] = [task for task in chunk if matches(task)]
            selection.offer_all(self._keys(sort, chunk), matched, chunk)
            matched += len(chunk)
        return model.TaskPage(total=total, matched=matched, tasks=self.rows(selection, offset))

    def rows(self, selection: Selection, offset: int) -> Iterator[TaskInfo]:
        """What was selected, from the row `offset` on; each row is made when it is asked for."""
        chosen: Iterator[Candidate] = itertools.islice(selection.chosen(), offset, None)
        return self._describe(candidate[2] for candidate in chosen)

    def matcher(self, filter: str) -> Callable[[TaskHandle], bool]:
        """Tells whether a task's name or its coroutine's contains that, without regard to case."""
        wanted = filter.casefold()
        names = self._backend.names

        def matches(task: TaskHandle) -> bool:
            if not wanted:
                return True
            name, coroutine = names(task)
            return wanted in name.casefold() or wanted in coroutine.casefold()

        return matches

    # --- far pages ----------------------------------------------------------------------------

    def _deep_page(
        self, filter: str, sort: SortKey, limit: int, offset: int, *, reverse: bool
    ) -> TaskPage:
        """A page that begins far from the first row: what comes before it is counted, not kept.

        Tens of thousands of references would make the garbage collector run, which stops the
        application for a third of a second. So the keys are counted by parts, between those of a
        sample, and then the tasks of a few parts are put in order.
        """
        cuts = self._cuts.get(sort) or self._sample(sort)
        counts, total = [0] * (len(cuts) + 1), 0
        key_of = self.sort_key(sort)
        matches = self.matcher(filter)
        for task in self._backend.live_tasks():
            total += 1
            if matches(task):
                counts[bisect.bisect_right(cuts, key_of(task))] += 1
        task = None
        wanted = part_with(counts, offset, limit, reverse=reverse)
        if sum(counts[wanted.first : wanted.last + 1]) > limit + _DEEP:
            self._cuts.pop(sort, None)  # they are of other tasks: the next page takes new ones
        offset -= wanted.before
        selection = Selection(limit + offset, reverse=reverse)
        for serial, task in enumerate(self._backend.live_tasks()):
            if matches(task):
                key = key_of(task)
                if wanted.first <= bisect.bisect_right(cuts, key) <= wanted.last:
                    selection.offer(key, serial, task)
        task = None
        return model.TaskPage(total=total, matched=sum(counts), tasks=self.rows(selection, offset))

    def _sample(self, sort: SortKey) -> list[Any]:
        sample = Sample()
        key_of = self.sort_key(sort)
        for task in self._backend.live_tasks():
            sample.offer(key_of(task))
        task = None
        cuts = self._cuts[sort] = sample.cuts()
        return cuts

    # --- keys ---------------------------------------------------------------------------------

    def _keys(self, sort: SortKey, chunk: Sequence[TaskHandle]) -> list[Any]:
        if sort == "id":
            return [number or math.inf for number in self._backend.numbers_of(chunk)]
        return list(map(self.sort_key(sort), chunk))

    def sort_key(self, sort: SortKey) -> SortKeyOf:
        """What tells the order of tasks."""
        key_of: SortKeyOf = getattr(self, f"_by_{sort}")
        return key_of

    def _by_id(self, task: TaskHandle) -> Any:
        """Numbers are given when a task is first shown, so those without one come last."""
        return self._backend.number_of(task) or math.inf

    def _by_name(self, task: TaskHandle) -> Any:
        return natural(self._backend.names(task)[0]), self._by_id(task)

    def _by_coroutine(self, task: TaskHandle) -> Any:
        return self._backend.names(task)[1], self._by_id(task)

    def _by_age(self, task: TaskHandle) -> Any:
        """The youngest first; those whose creation nobody saw are older than the monitor."""
        life = self._backend.life_of(task)
        return -life.born if life is not None and life.stack else math.inf

    def _by_state(self, task: TaskHandle) -> Any:
        return self._backend.state_of(task), self._by_id(task)

    def _by_where(self, task: TaskHandle) -> Any:
        point, awaits = self._backend.innermost(task)
        place = (point.code.co_filename, point.lasti) if point else ("", 0)
        return place, awaits, self._by_id(task)
