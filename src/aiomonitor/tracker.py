"""The one place that knows which task has which number.

Numbers are small, stable and never reused. The tracker keeps no task: the number lives on the task,
and a listing keeps weak references, page by page.
"""

from __future__ import annotations

import heapq
import math
import operator
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from .backends.frames import symbolise
from .errors import TaskNotFoundError
from .model import TaskInfo, TaskPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .backends.base import Backend, TaskHandle
    from .model import SortKey

_Result = TypeVar("_Result")

_NUMBERS_TOLD = 5
"""How many numbers an error names when several tasks share a name."""


class Tracker:
    """Numbers, finds and lists the tasks of one backend. Every method may run in any thread."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._last_number = 0
        self._lock = threading.Lock()

    def number(self, task: TaskHandle) -> int:
        """The task's number, given now if nobody has looked at the task before."""
        number = self._backend.number_of(task)
        if number is not None:
            return number
        with self._lock:
            number = self._backend.number_of(task)
            if number is None:
                number = self._last_number = self._last_number + 1
                self._backend.set_number(task, number)
        return number

    def count(self) -> int:
        """How many tasks are live."""
        return sum(1 for _ in self._backend.live_tasks())

    def page(self, *, filter: str, sort: SortKey, reverse: bool, limit: int | None) -> TaskPage:
        """The first `limit` live tasks that match, and how many there are; all without a limit.

        Weak references and sort keys are kept, not tasks; and with a limit only a few of them.
        """
        total = matched = 0
        selection = _Selection(limit, reverse=reverse)
        wanted = filter.casefold()
        key_of = getattr(self, f"_by_{sort}")
        for task in self._backend.live_tasks():
            total += 1
            if not wanted or self._matches(task, wanted):
                matched += 1
                selection.offer(key_of(task), matched, task)
        task = None
        chosen = selection.chosen()
        return TaskPage(total=total, matched=matched, tasks=self._described(chosen))

    def _described(self, chosen: Iterator[_Candidate]) -> Iterator[TaskInfo]:
        """Rows, made when they are asked for."""
        for task in self._backend.borrow(candidate[2] for candidate in chosen):
            yield self.describe(task)
            task = None

    def _matches(self, task: TaskHandle, wanted: str) -> bool:
        name, coroutine = self._backend.names(task)
        return wanted in name.casefold() or wanted in coroutine.casefold()

    def _by_id(self, task: TaskHandle) -> Any:
        """Numbers are given when a task is first shown, so those without one come last."""
        return self._backend.number_of(task) or math.inf

    def _by_name(self, task: TaskHandle) -> Any:
        return natural(self._backend.names(task)[0])

    def _by_coroutine(self, task: TaskHandle) -> Any:
        return self._backend.names(task)[1]

    def _by_state(self, task: TaskHandle) -> Any:
        return self._backend.facts(task).state

    def _by_where(self, task: TaskHandle) -> Any:
        point, awaits = self._backend.innermost(task)
        return (point.code.co_filename, point.lasti, awaits) if point else ("", 0, awaits)

    def describe(self, task: TaskHandle) -> TaskInfo:
        """One task as a value."""
        facts = self._backend.facts(task)
        point, awaits = self._backend.innermost(task)
        return TaskInfo(
            number=self.number(task),
            object_id=id(task),
            name=facts.name,
            coroutine=facts.coroutine,
            state=facts.state,
            location=symbolise(point) if point else None,
            awaits=awaits,
            cancelling=facts.cancelling,
        )

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
        for task in self._backend.live_tasks():
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
        if number is None:
            return f"no live task is called {reference!r}: 'ps' lists what there is"
        if 0 < number <= self._last_number:
            return f"task {reference} has ended"
        return f"no task has the number {reference}: 'ps' lists what there is"


_Candidate = tuple[Any, int, "weakref.ref[TaskHandle]"]
"""A sort key and a serial number, which is unique: so comparing never gets to the reference."""


class _Selection:
    """The first `limit` of many tasks, or all of them, in order; what is kept is bounded by that.

    What will not be among the first is turned away before anything is allocated for it: a hundred
    thousand new tuples would make the garbage collector run, and the application wait for it.
    Without a limit they are sorted in short runs, since one long sort would keep the GIL.
    """

    _RUN = 1000

    def __init__(self, limit: int | None, *, reverse: bool) -> None:
        self._limit = limit
        self._reverse = reverse
        self._comes_before = operator.gt if reverse else operator.lt
        self._last: tuple[Any, int] | None = None  # of the first `limit`, once there are so many
        self._run: list[_Candidate] = []
        self._runs: list[list[_Candidate]] = []

    def offer(self, key: Any, serial: int, task: TaskHandle) -> None:
        if self._last is None or self._comes_before((key, serial), self._last):
            self._run.append((key, serial, weakref.ref(task)))
            if len(self._run) >= self._RUN + (self._limit or 0):
                self._end_run()

    def _end_run(self) -> None:
        self._run.sort(reverse=self._reverse)
        if self._limit is None:
            self._runs.append(self._run)
            self._run = []
        else:
            del self._run[self._limit :]
            if self._run and len(self._run) == self._limit:
                self._last = self._run[-1][:2]

    def chosen(self) -> Iterator[_Candidate]:
        self._end_run()
        return heapq.merge(*self._runs, self._run, reverse=self._reverse)


def _as_number(reference: str) -> int | None:
    # More digits than any number or `id()` has, and than `int` may take, are a name.
    digits = reference.isascii() and reference.isdigit() and len(reference) <= 20
    return int(reference) if digits else None


def _ambiguous(name: str, numbers: list[int]) -> str:
    told = ", ".join(map(str, numbers[:_NUMBERS_TOLD]))
    more = ", …" if len(numbers) > _NUMBERS_TOLD else ""
    return f"several tasks are called {name!r}: give a number ({told}{more})"


def natural(text: str) -> tuple[str, int]:
    """A sort key that puts `worker-9` before `worker-10`."""
    stem = text.rstrip("0123456789")
    digits = text[len(stem) :]
    # A task's name may hold digits that are no ASCII ones, or thousands of them.
    return (stem, int(digits)) if digits.isascii() and 0 < len(digits) < 19 else (text, -1)
