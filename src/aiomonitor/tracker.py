"""The one place that knows which task has which number.

Numbers are small, stable and never reused. The tracker keeps no task: the number lives on the task,
and a listing keeps weak references, page by page.
"""

from __future__ import annotations

import bisect
import itertools
import math
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from .ancestry import Ancestry
from .backends.frames import symbolise
from .errors import TaskNotFoundError
from .history import History
from .lives import canceller, created_by, standing
from .model import TaskInfo, TaskPage
from .ordering import Candidate, Sample, Selection, natural, part_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .backends.base import Backend, TaskHandle
    from .backends.life import TaskLife
    from .model import SortKey

_Result = TypeVar("_Result")

_DEEP = 2000
"""Rows from the first one on that are kept in order without a second thought."""
_QUICK = ("id", "age")
_NUMBERS_TOLD = 5
"""How many numbers an error names when several tasks share a name."""


class Tracker:
    """Numbers, finds and lists the tasks of one backend. Every method may run in any thread."""

    def __init__(self, backend: Backend, history: int = 1000) -> None:
        self._backend = backend
        self.history = History(backend, history)
        self.ancestry = Ancestry(backend, self.history)
        self._last_number = 0
        self._cuts: dict[SortKey, list[Any]] = {}
        self._lock = threading.Lock()

    def number(self, task: TaskHandle) -> int:
        """The task's number, given now if nobody has looked at the task before."""
        number = self._backend.number_of(task)
        if number is not None:
            return number
        with self._lock:
            number = self._backend.number_of(task)
            if number is None:
                number = self._last_number = self._backend.next_number()
                self._backend.set_number(task, number)
        return number

    def count(self) -> int:
        """How many tasks are live."""
        return sum(1 for _ in self._backend.live_tasks(quick=True))

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
        wanted = filter.casefold()
        key_of = getattr(self, f"_by_{sort}")
        offer = selection.offer
        for task in self._backend.live_tasks(quick=sort in _QUICK and not wanted):
            total += 1
            if not wanted or self._matches(task, wanted):
                matched += 1
                offer(key_of(task), matched, task)
        task = None
        chosen = itertools.islice(selection.chosen(), offset, None)
        return TaskPage(total=total, matched=matched, tasks=self._described(chosen))

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
        key_of = getattr(self, f"_by_{sort}")
        for task in self._backend.live_tasks():
            total += 1
            if self.matches(task, filter):
                counts[bisect.bisect_right(cuts, key_of(task))] += 1
        task = None
        wanted = part_with(counts, offset, limit, reverse=reverse)
        if sum(counts[wanted.first : wanted.last + 1]) > limit + _DEEP:
            self._cuts.pop(sort, None)  # they are of other tasks: the next page takes new ones
        offset -= wanted.before
        selection = Selection(limit + offset, reverse=reverse)
        for serial, task in enumerate(self._backend.live_tasks()):
            if self.matches(task, filter):
                key = key_of(task)
                if wanted.first <= bisect.bisect_right(cuts, key) <= wanted.last:
                    selection.offer(key, serial, task)
        task = None
        chosen = itertools.islice(selection.chosen(), offset, None)
        return TaskPage(total=total, matched=sum(counts), tasks=self._described(chosen))

    def _sample(self, sort: SortKey) -> list[Any]:
        sample = Sample()
        key_of = getattr(self, f"_by_{sort}")
        for task in self._backend.live_tasks():
            sample.offer(key_of(task))
        task = None
        cuts = self._cuts[sort] = sample.cuts()
        return cuts

    def _described(self, chosen: Iterator[Candidate]) -> Iterator[TaskInfo]:
        """Rows, made when they are asked for."""
        for task in self._backend.borrow(candidate[2] for candidate in chosen):
            yield self.describe(task)
            task = None

    def described(self, numbers: Sequence[int]) -> Iterator[TaskInfo]:
        """Rows of the live tasks that have these numbers, in their order."""
        wanted = dict.fromkeys(numbers)
        found: dict[int, weakref.ref[TaskHandle]] = {}
        for task in self._backend.live_tasks(quick=True) if wanted else ():
            number = self._backend.number_of(task)
            if number is not None and number in wanted:
                found[number] = weakref.ref(task)
        task = None
        for task in self._backend.borrow(found[number] for number in numbers if number in found):
            yield self.describe(task)
            task = None

    def matches(self, task: TaskHandle, filter: str) -> bool:
        """Whether its name or its coroutine's contains that, without regard to case."""
        return not filter or self._matches(task, filter.casefold())

    def _matches(self, task: TaskHandle, wanted: str) -> bool:
        name, coroutine = self._backend.names(task)
        return wanted in name.casefold() or wanted in coroutine.casefold()

    def sort_key(self, sort: SortKey) -> Callable[[TaskHandle], Any]:
        """What tells the order of tasks."""
        key_of: Callable[[TaskHandle], Any] = getattr(self, f"_by_{sort}")
        return key_of

    def rows(self, chosen: Iterator[Candidate]) -> Iterator[TaskInfo]:
        """Rows of tasks that were selected, made when they are asked for."""
        return self._described(chosen)

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
        return self._backend.facts(task).state, self._by_id(task)

    def _by_where(self, task: TaskHandle) -> Any:
        point, awaits = self._backend.innermost(task)
        place = (point.code.co_filename, point.lasti) if point else ("", 0)
        return place, awaits, self._by_id(task)

    def describe(self, task: TaskHandle) -> TaskInfo:
        """One task as a value."""
        facts = self._backend.facts(task)
        point, awaits = self._backend.innermost(task)
        life = self._backend.life_of(task)
        return TaskInfo(
            number=self.number(task),
            object_id=id(task),
            name=facts.name,
            coroutine=facts.coroutine,
            state=facts.state,
            location=symbolise(point) if point else None,
            awaits=awaits,
            cancelling=facts.cancelling,
            **self._creation(life),
            **self._cancellation(life, facts.cancelling),
        )

    def _creation(self, life: TaskLife | None) -> dict[str, Any]:
        teller = self.history.teller()
        if life is None or not life.stack:
            return {"created_by": created_by(life, teller)}
        return {
            "created_at": teller.wall_time(life.born),
            "age": self._backend.now() - life.born,
            "created_in": teller.place(life.stack),
            "created_by": created_by(life, teller),
            "parent": life.parent if life.parent > 0 else None,
        }

    def _cancellation(self, life: TaskLife | None, cancelling: int) -> dict[str, Any]:
        request = standing(life, cancelling) if life is not None else None
        if life is None or request is None:
            return {}
        return {
            "cancel_age": self._backend.now() - request.when,
            "cancelled_by": canceller(life, request, self.history.label),
        }

    def with_task(self, reference: int | str, use: Callable[[TaskHandle], _Result]) -> _Result:
        """Call `use` with the task of that number, `id()` or unique name, and return its result.

        Raises `TaskNotFoundError`, which says what would work.
        """
        found = self._find(str(reference))
        for task in self._backend.borrow([found] if found else []):
            result = use(task)
            del task
            return result
        raise TaskNotFoundError(self._not_found(str(reference)))

    def _find(self, reference: str) -> weakref.ref[TaskHandle] | None:
        """A number goes before an `id()`, and that before a name."""
        wanted = _as_number(reference)
        found = self._find_by_number(wanted) if wanted is not None else None
        return found or self._find_by_name(reference)

    def _find_by_number(self, wanted: int) -> weakref.ref[TaskHandle] | None:
        found = None
        for task in self._backend.live_tasks(quick=True):
            if self._backend.number_of(task) == wanted:
                found = weakref.ref(task)
                break
            if id(task) == wanted:
                found = weakref.ref(task)  # unless another one has the number
        task = None
        return found

    def _find_by_name(self, name: str) -> weakref.ref[TaskHandle] | None:
        namesakes: list[tuple[int, weakref.ref[TaskHandle]]] = []
        for task in self._backend.live_tasks():
            if self._backend.names(task)[0] == name:
                namesakes.append((self.number(task), weakref.ref(task)))
                if len(namesakes) > _NUMBERS_TOLD:
                    break
        task = None
        if len(namesakes) > 1:
            raise TaskNotFoundError(_ambiguous(name, sorted(number for number, _ in namesakes)))
        return namesakes[0][1] if namesakes else None

    def _not_found(self, reference: str) -> str:
        number = _as_number(reference)
        if self.history.find(reference):
            called = f"task {reference}" if number is not None else repr(reference)
            return f"{called} has ended: 'where-terminated {reference}' tells how"
        if number is None:
            return f"no live task is called {reference!r}: 'ps' lists what there is"
        if 0 < number <= self._last_number or self.history.has_ended(number):
            return f"task {reference} has ended"
        return f"no task has the number {reference}: 'ps' lists what there is"


def _as_number(reference: str) -> int | None:
    # More digits than any number or `id()` has, and than `int` may take, are a name.
    digits = reference.isascii() and reference.isdigit() and len(reference) <= 20
    return int(reference) if digits else None


def _ambiguous(name: str, numbers: list[int]) -> str:
    told = ", ".join(map(str, numbers[:_NUMBERS_TOLD]))
    more = ", …" if len(numbers) > _NUMBERS_TOLD else ""
    return f"several tasks are called {name!r}: give a number ({told}{more})"
