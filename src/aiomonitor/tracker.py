"""The one place that knows which task has which number.

Numbers are small, stable and never reused. The tracker keeps no task: the number lives on the task,
and a listing keeps weak references, page by page.
"""

from __future__ import annotations

import heapq
import threading
import weakref
from typing import TYPE_CHECKING, Any, TypeVar

from .backends.frames import symbolise
from .errors import TaskNotFoundError
from .model import TaskInfo, TaskPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .backends.base import Backend, TaskFacts, TaskHandle
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

        Only weak references and sort keys are kept while the others are looked through, so a
        listing of few among many costs memory for the few.
        """
        total = 0
        matched = 0

        def candidates() -> Iterator[_Candidate]:
            nonlocal total, matched
            wanted = filter.casefold()
            key_of = getattr(self, f"_by_{sort}")
            for task in self._backend.live_tasks():
                total += 1
                number = self.number(task)
                if not wanted or self._matches(task, wanted):
                    matched += 1
                    yield key_of(task), number, weakref.ref(task)
                del task  # the generator must be its last holder when it goes on

        if limit is None:
            chosen = sorted(candidates(), key=_order, reverse=reverse)
        else:
            first = heapq.nlargest if reverse else heapq.nsmallest
            chosen = first(limit, candidates(), key=_order)
        return TaskPage(total=total, matched=matched, tasks=self._described(chosen))

    def _described(self, chosen: list[_Candidate]) -> Iterator[TaskInfo]:
        """Rows, made when they are asked for; each reference is let go with its row."""
        chosen.reverse()
        references = (chosen.pop()[2] for _ in range(len(chosen)))
        for task in self._backend.borrow(references):
            row = self.describe(task)
            del task
            yield row

    def _matches(self, task: TaskHandle, wanted: str) -> bool:
        facts = self._backend.facts(task)
        return wanted in facts.name.casefold() or wanted in facts.coroutine.casefold()

    def _by_id(self, task: TaskHandle) -> Any:  # noqa: ARG002 - the number decides
        return 0

    def _by_name(self, task: TaskHandle) -> Any:
        return natural(self._backend.facts(task).name)

    def _by_coroutine(self, task: TaskHandle) -> Any:
        return self._backend.facts(task).coroutine

    def _by_state(self, task: TaskHandle) -> Any:
        return self._backend.facts(task).state

    def _by_where(self, task: TaskHandle) -> Any:
        point, awaits = self._backend.innermost(task)
        return (point.code.co_filename, point.lasti, awaits) if point else ("", 0, awaits)

    def describe(self, task: TaskHandle, facts: TaskFacts | None = None) -> TaskInfo:
        """One task as a value."""
        facts = facts or self._backend.facts(task)
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
            return use(task)
        raise TaskNotFoundError(self._not_found(str(reference)))

    def _find(self, reference: str) -> weakref.ref[TaskHandle] | None:
        """A number goes before an `id()`, and that before a name."""
        wanted = int(reference) if reference.isascii() and reference.isdigit() else None
        by_id = None
        by_name: list[tuple[int, weakref.ref[TaskHandle]]] = []
        for task in self._backend.live_tasks():
            number = self.number(task)
            if number == wanted:
                return weakref.ref(task)
            if id(task) == wanted:
                by_id = weakref.ref(task)
            if len(by_name) <= _NUMBERS_TOLD and self._backend.facts(task).name == reference:
                by_name.append((number, weakref.ref(task)))
            del task
        if by_id or not by_name:
            return by_id
        if len(by_name) > 1:
            raise TaskNotFoundError(_ambiguous(reference, sorted(number for number, _ in by_name)))
        return by_name[0][1]

    def _not_found(self, reference: str) -> str:
        if not (reference.isascii() and reference.isdigit()):
            return f"no live task is called {reference!r}: 'ps' lists what there is"
        if int(reference) <= self._last_number:
            return f"task {reference} has ended"
        return f"no task has the number {reference}: 'ps' lists what there is"


_Candidate = tuple[Any, int, "weakref.ref[TaskHandle]"]


def _order(candidate: _Candidate) -> tuple[Any, int]:
    return candidate[:2]


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
